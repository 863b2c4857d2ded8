//! After a failed negotiation: what would the server have chosen?
//!
//! A server that refuses a hello says no more than `handshake_failure`. So the command connects once more, offers all it
//! carries, verifies nobody, sends no data, and tells what came of it.

use std::sync::Arc;
use std::time::Duration;

use clasp::cert::DangerousAcceptAnyServer;
use clasp::tokio::Error as StreamError;
use clasp::wire::AlertDescription;
use clasp::{ClientConfig, Connector, Error, Misbehaviour, Policy, ServerName};
use tokio::time::timeout;

use crate::args::{PolicyName, Shared};
use crate::connect::{Target, open};
use crate::setup;
use crate::starttls::Protocol;

/// Whether a wider offer could tell more about this failure.
pub(crate) fn helps(error: &Error) -> bool {
    match error {
        // An alert that already says which part of the offer was missed needs no second opinion.
        Error::AlertReceived(alert) => {
            let plain = [AlertDescription::NO_APPLICATION_PROTOCOL, AlertDescription::UNRECOGNIZED_NAME];
            alert.offered.is_some() && !plain.contains(&alert.alert)
        }
        Error::NoCommonGround(_) => true,
        Error::ClosedInHandshake { awaited } => *awaited == "ServerHello",
        Error::Misbehaved(what) => {
            matches!(what, Misbehaviour::NoRenegotiationInfo | Misbehaviour::NoExtendedMasterSecret)
        }
        _ => false,
    }
}

/// Connects with all there is, and says what the server chose and which policy would accept it.
pub(crate) async fn run(
    target: &Target,
    name: ServerName<'static>,
    shared: &Shared,
    starttls: Option<Protocol>,
) -> Option<String> {
    let widest = PolicyName::Compatible;
    let config = ClientConfig::builder(setup::named(widest))
        .verifier(Arc::new(DangerousAcceptAnyServer))
        .alpn(&shared.alpn)
        .and_then(clasp::ClientConfigBuilder::build)
        .ok()?;
    let tcp = open(target, starttls).await.ok()?;
    let connected = timeout(Duration::from_secs(10), Connector::new(config).connect_name(name, tcp)).await.ok()?;
    Some(match connected {
        Ok(tls) => {
            let session = tls.session();
            let suite = session.cipher_suite();
            let needed = Policy::that_offers(suite).unwrap_or("compatible");
            let needed = if session.secure_renegotiation() { needed } else { "compatible" };
            let why = if session.secure_renegotiation() {
                ""
            } else {
                " It does not know renegotiation_info (RFC 5746), which policy modern requires."
            };
            format!(
                "the server chose {} with {suite}.{why} Policy {needed} accepts that: try --policy {needed}{}.",
                session.version(),
                if shared.cipher.is_empty() && shared.groups.is_empty() {
                    ""
                } else {
                    " without --cipher and --groups"
                },
            )
        }
        Err(StreamError::Tls(Error::NoCommonGround(ground))) if ground.what == "protocol version" => {
            let versions: Vec<String> = ground.theirs.versions.iter().map(ToString::to_string).collect();
            format!("the server chose {}, which this build does not carry.", versions.join(", "))
        }
        Err(StreamError::Tls(Error::AlertReceived(alert))) => format!(
            "the server refuses that too (alert {}). It may speak only versions that this build does not carry.",
            alert.alert
        ),
        Err(error) => format!("that fails too ({error})."),
    })
}
