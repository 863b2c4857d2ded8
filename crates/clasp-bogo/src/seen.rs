//! What is seen of a connection from outside: its trace, its messages, its secrets.

use std::sync::{Mutex, PoisonError};

use clasp::wire::{Alert, HandshakeType, ProtocolVersion, SignatureScheme};
use clasp::{KeyLog, Trace, TraceEvent, TracedMessage};

/// What was seen in one connection that the connection itself does not tell.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    inner: Mutex<SeenInner>,
}

#[derive(Debug, Default)]
pub(crate) struct SeenInner {
    /// What in a callback was otherwise than expected.
    pub(crate) complaints: Vec<String>,
    /// The stapled response that the verifier was shown.
    pub(crate) ocsp_response: Vec<u8>,
    pub(crate) hello_retry_request: bool,
    /// With what the peer signed.
    pub(crate) peer_signature_scheme: Option<SignatureScheme>,
    /// Whether the peer's key is used for what it is not for.
    pub(crate) key_usage_is_wrong: bool,
    /// How often a certificate was verified.
    pub(crate) verified: usize,
    /// The name the server was verified for, where it was not the one that was asked for.
    pub(crate) public_name: Option<String>,
    /// The messages both ways, a line each.
    pub(crate) messages: String,
    /// The last handshake message that came.
    pub(crate) last_received: Option<HandshakeType>,
    /// Whether TLS 1.3 was agreed.
    pub(crate) tls13: bool,
    /// Under what the client and the server protect application data in TLS 1.3.
    pub(crate) client_traffic_secret: Vec<u8>,
    pub(crate) server_traffic_secret: Vec<u8>,
}

impl Seen {
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut SeenInner) -> T) -> T {
        work(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn complain(&self, what: String) {
        self.with(|seen| seen.complaints.push(what));
    }
}

impl KeyLog for Seen {
    fn log(&self, label: &str, _: &[u8; 32], secret: &[u8]) {
        self.with(|seen| match label {
            "CLIENT_TRAFFIC_SECRET_0" => seen.client_traffic_secret = secret.to_vec(),
            "SERVER_TRAFFIC_SECRET_0" => seen.server_traffic_secret = secret.to_vec(),
            _ => {}
        });
    }
}

impl Trace for Seen {
    fn event(&self, event: &TraceEvent) {
        if event.what == "verified the peer's signature"
            && let [(_, scheme)] = &event.fields[..]
        {
            self.with(|seen| seen.peer_signature_scheme = SignatureScheme::from_name(scheme));
        }
        if event.what == "received ServerHello" {
            let is_tls13 =
                |(name, value): &(&str, String)| *name == "version" && *value == ProtocolVersion::TLS_1_3.to_string();
            let tls13 = event.fields.iter().any(is_tls13);
            self.with(|seen| seen.tls13 = tls13);
        }
        if event.what.ends_with("HelloRetryRequest") {
            self.with(|seen| seen.hello_retry_request = true);
        }
    }

    fn message(&self, sent: bool, message: TracedMessage) {
        let what = match message {
            TracedMessage::Handshake(typ) => format!("hs {}", typ.0),
            TracedMessage::Sslv2ClientHello => "v2clienthello".to_owned(),
            TracedMessage::InnerClientHello => "clienthelloinner".to_owned(),
            TracedMessage::ChangeCipherSpec => "ccs".to_owned(),
            TracedMessage::Alert(Alert { level, description }) => format!("alert {} {}", level.0, description.0),
            other => format!("{other:?}"),
        };
        let way = if sent { "write" } else { "read" };
        self.with(|seen| {
            seen.messages.extend([way, " ", &what, "\n"]);
            if let (false, TracedMessage::Handshake(typ)) = (sent, message) {
                seen.last_received = Some(typ);
            }
        });
    }
}
