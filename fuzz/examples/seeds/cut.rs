//! Recorded bytes cut into records, and those into messages and alerts, as far as they are not encrypted.

use bytes::Bytes;
use clasp_fuzz::keys::{SessionKeys, records};
use clasp_handshake::{CIPHER_SUITES, KeyExchange};
use clasp_keys::Role;
use clasp_wire::{
    ContentType, HandshakeMessage as _, HandshakeType, RawHandshake, Reassembler, RecordHeader, ServerHello,
};

use crate::recording::Recording;

/// What one side sent before its ChangeCipherSpec.
pub(crate) struct Flight {
    /// Handshake messages, header included.
    pub(crate) messages: Vec<RawHandshake>,
    /// Alerts, of two bytes.
    pub(crate) alerts: Vec<Vec<u8>>,
}

impl Flight {
    pub(crate) fn cut(bytes: &[u8]) -> Self {
        let mut flight = Self { messages: Vec::new(), alerts: Vec::new() };
        let mut joiner = Reassembler::new(1 << 16);
        for (header, record) in records(bytes) {
            let content = &record[RecordHeader::LEN..];
            match header.content_type {
                ContentType::HANDSHAKE => {
                    if joiner.push(Bytes::copy_from_slice(content)).is_err() {
                        break;
                    }
                    while let Ok(Some(message)) = joiner.next() {
                        flight.messages.push(message);
                    }
                }
                ContentType::ALERT => flight.alerts.push(content.to_vec()),
                _ => break,
            }
        }
        flight
    }

    pub(crate) fn find(&self, typ: HandshakeType) -> Option<Bytes> {
        self.messages.iter().find(|message| message.typ == typ).map(RawHandshake::body)
    }

    /// All messages, one after the other.
    pub(crate) fn joined(&self) -> Vec<u8> {
        self.messages.iter().flat_map(|message| message.raw.to_vec()).collect()
    }
}

/// How the pre-master secret was made, if the suite is one of Clasp's.
pub(crate) fn key_exchange(server: &Flight) -> Option<KeyExchange> {
    let hello = ServerHello::parse_body(&server.find(HandshakeType::SERVER_HELLO)?).ok()?;
    CIPHER_SUITES.iter().find(|suite| suite.id == hello.cipher_suite).map(|suite| suite.key_exchange)
}

/// A record that was sealed, and what was in it.
pub(crate) struct SealedRecord {
    pub(crate) sequence: u8,
    pub(crate) content_type: ContentType,
    pub(crate) body: Vec<u8>,
    pub(crate) content: Vec<u8>,
}

/// The records that the peer sealed: all behind its ChangeCipherSpec.
pub(crate) fn sealed_records(recording: &Recording, peer: Role, keys: &SessionKeys) -> Vec<SealedRecord> {
    let mut opener = keys.opener(peer);
    let sent = recording.peers_bytes().unwrap_or_default();
    let behind =
        records(sent).into_iter().skip_while(|(header, _)| header.content_type != ContentType::CHANGE_CIPHER_SPEC);
    let mut out = Vec::new();
    for ((header, record), sequence) in behind.skip(1).zip(0_u8..) {
        let body = record[RecordHeader::LEN..].to_vec();
        let mut opening = body.clone();
        let Ok(opened) = opener.open(u64::from(sequence), &header, &mut opening) else { break };
        let content = opening[opened.range].to_vec();
        out.push(SealedRecord { sequence, content_type: header.content_type, body, content });
    }
    out
}
