//! No verification at all, for those who know that they want none (RFC 5246, appendix D.2).

use crate::error::{CertificateError, CertificateProblem};
use crate::maybe_ready::MaybeReady;
use crate::report::{Outcome, Report};
use crate::verify::{ServerVerification, ServerVerifier};

/// Accepts every server.
///
/// **Dangerous**: anyone on the way can be the server, and read and change everything. The
/// connection is encrypted, but it is not known for whom. It is for looking at a server, and for
/// nothing else; to trust one self-signed certificate use
/// [`PinnedServerVerifier`](crate::PinnedServerVerifier).
#[derive(Clone, Copy, Debug, Default)]
pub struct DangerousAcceptAnyServer;

impl ServerVerifier for DangerousAcceptAnyServer {
    fn resumption_scope(&self) -> Vec<u8> {
        b"anybody".to_vec()
    }

    /// Refuses only a server that sent no certificate.
    fn verify_server<'a>(
        &'a self,
        verification: ServerVerification<'a>,
    ) -> MaybeReady<'a, Result<Report, CertificateError>> {
        let mut report = Report::server();
        MaybeReady::ready(if verification.chain.is_empty() {
            Err(CertificateError::new(CertificateProblem::NoCertificate, report))
        } else {
            let unproven = crate::report::Check::Possession;
            report.set_unreached(&Outcome::NotChecked);
            report.set(unproven, Outcome::NotReached);
            Ok(report)
        })
    }
}
