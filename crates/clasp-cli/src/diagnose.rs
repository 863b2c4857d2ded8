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

use crate::args::Shared;
use crate::connect::{Target, open};
use crate::setup;
use crate::starttls::Protocol;

/// Whether a wider offer could tell more about this failure.
pub(crate) fn helps(error: &Error) -> bool {
    match error {
        // An alert that already says which part of the offer was missed needs no second opinion.
        Error::AlertReceived(alert) => {
            let plain = [
                AlertDescription::NO_APPLICATION_PROTOCOL,
                AlertDescription::UNRECOGNIZED_NAME,
                AlertDescription::UNSUPPORTED_CERTIFICATE,
            ];
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
    let config = ClientConfig::builder(setup::widest())
        .verifier(Arc::new(DangerousAcceptAnyServer))
        .alpn(&shared.alpn)
        .and_then(clasp::ClientConfigBuilder::build)
        .ok()?;
    let tcp = open(target, starttls).await.ok()?;
    let connected = timeout(Duration::from_secs(10), Connector::new(config).connect_name(name, tcp)).await.ok()?;
    Some(match connected {
        Ok(tls) => {
            let session = tls.session();
            let (version, suite) = (session.version(), session.cipher_suite());
            // TLS 1.3 has no renegotiation that could be insecure.
            let secure = session.secure_renegotiation()
                || clasp::handshake::TLS13_CIPHER_SUITES.iter().any(|row| row.id == suite);
            let needed = setup::first_policy(|policy| {
                (secure || policy.name() != Policy::modern().name())
                    && policy.versions().collect::<Vec<_>>().contains(&version)
                    && policy.suites().iter().any(|offered| offered.id == suite)
            });
            let needed = needed.unwrap_or("compatible");
            let why = if secure {
                ""
            } else {
                " It does not know renegotiation_info (RFC 5746), which policy modern requires."
            };
            let narrowing = [
                (!shared.cipher.is_empty() || !shared.groups.is_empty(), "--cipher and --groups"),
                (shared.min_version.is_some(), "--min-version"),
                (shared.max_version.is_some(), "--max-version"),
            ];
            let given: Vec<_> = narrowing.into_iter().filter(|(given, _)| *given).map(|(_, option)| option).collect();
            let without = if given.is_empty() { String::new() } else { format!(" without {}", given.join(" and ")) };
            format!(
                "the server chose {version} with {suite}.{why} Policy {needed} accepts that: try --policy {needed}{without}."
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
