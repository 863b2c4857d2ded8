//! The handshake told step by step, numbered as the founding document numbers them.

use core::fmt;

use clasp_keys::Role;
use clasp_wire::{Alert, HandshakeType};

/// A step of the SSL handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Step {
    /// 1: the client sends its version, random, suites and extensions.
    ClientHello = 1,
    /// 2: the server answers with its choice, its certificate, and a certificate request if it wants one.
    ServerHello = 2,
    /// 3: the client authenticates the server.
    ServerAuthentication = 3,
    /// 4: the pre-master secret, alone (RSA) or with the server's cooperation ((EC)DHE).
    PreMasterSecret = 4,
    /// 5: the client signs and sends its certificate, when asked.
    ClientCertificate = 5,
    /// 6: the server authenticates the client; both make the master secret.
    MasterSecret = 6,
    /// 7: the session keys.
    SessionKeys = 7,
    /// 8: the client's ChangeCipherSpec and Finished.
    ClientFinished = 8,
    /// 9: the server's ChangeCipherSpec and Finished.
    ServerFinished = 9,
    /// 10: application data.
    ApplicationData = 10,
    /// 11: either side renegotiates, and it all repeats.
    Renegotiation = 11,
}

impl Step {
    /// Its number in the founding document, 1 to 11.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// One sentence about the step.
    pub const fn title(self) -> &'static str {
        match self {
            Self::ClientHello => "the client says hello",
            Self::ServerHello => "the server says hello and shows its certificate",
            Self::ServerAuthentication => "the client authenticates the server",
            Self::PreMasterSecret => "the pre-master secret",
            Self::ClientCertificate => "the client shows its certificate and signs",
            Self::MasterSecret => "the server authenticates the client; both make the master secret",
            Self::SessionKeys => "the session keys",
            Self::ClientFinished => "the client changes to the new keys and is finished",
            Self::ServerFinished => "the server changes to the new keys and is finished",
            Self::ApplicationData => "application data flows",
            Self::Renegotiation => "renegotiation",
        }
    }
}

/// Something that happened in a handshake. It never holds a secret.
#[derive(Clone, Debug)]
pub struct TraceEvent {
    /// The step it belongs to.
    pub step: Step,
    /// The side that reports it.
    pub role: Role,
    /// What happened: `sent ClientHello`, `derived master secret`.
    pub what: &'static str,
    /// Particulars, in order: name and value.
    pub fields: Vec<(&'static str, String)>,
}

impl fmt::Display for TraceEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = match self.role {
            Role::Client => "client",
            Role::Server => "server",
        };
        write!(f, "{:>2} {role}: {}", self.step.number(), self.what)?;
        for (i, (name, value)) in self.fields.iter().enumerate() {
            write!(f, "{}{name} {value}", if i == 0 { ": " } else { ", " })?;
        }
        Ok(())
    }
}

/// Something on the wire that is not application data, by what it is alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TracedMessage {
    /// A handshake message.
    Handshake(HandshakeType),
    /// A client's hello in SSL 2.0's format (RFC 5246 E.2).
    Sslv2ClientHello,
    /// A client's hello that was sent encrypted within the one that follows (RFC 9849).
    InnerClientHello,
    /// A ChangeCipherSpec.
    ChangeCipherSpec,
    /// An alert.
    Alert(Alert),
}

/// Receives trace events as they happen. Called from within `Connection::poll`, so it must not block.
pub trait Trace: fmt::Debug + Send + Sync {
    /// Takes one event.
    fn event(&self, event: &TraceEvent);

    /// Takes one message, in the order in which they are sent and taken up. Does nothing by default.
    fn message(&self, sent: bool, message: TracedMessage) {
        let _ = (sent, message);
    }
}

/// Hex of the first bytes of a public value, for traces.
pub(crate) fn short_hex(bytes: &[u8]) -> String {
    use core::fmt::Write as _;
    let mut text = String::new();
    for byte in bytes.iter().take(8) {
        let _ = write!(text, "{byte:02x}");
    }
    if bytes.len() > 8 {
        text.push_str("...");
    }
    text
}

/// A comma-separated list, for traces.
pub(crate) fn join<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(" ")
}

/// The named checks and their outcomes, for traces.
pub(crate) fn report_fields(report: &clasp_cert::Report) -> Vec<(&'static str, String)> {
    report.iter().map(|(check, outcome)| (check.name(), outcome.to_string())).collect()
}
