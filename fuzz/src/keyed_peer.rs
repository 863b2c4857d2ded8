//! A peer that holds the keys of an established connection and sends whatever it likes under them: alerts, handshake
//! messages, ChangeCipherSpec, empty records, data. A fuzzer that did not hold them would get no further than the first
//! record, which does not open.

use std::sync::Arc;

use bytes::BytesMut;
use clasp_handshake::{Connection, Status};
use clasp_keys::Role;
use clasp_record::Seal;
use clasp_wire::{AlertDescription, CipherSuite, ContentType, MAX_PLAINTEXT};

use crate::chance;
use crate::keys::{Secrets, SessionKeys, records};
use crate::run::Run;
use crate::setup::{Keyed, client, name, policy, server};

/// One suite of each kind of record protection; no handshake that costs much.
const SUITES: [CipherSuite; 4] = [
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384,
];

/// Two sides after their handshake, and the keys between them.
struct Pair {
    client: Connection,
    server: Connection,
    secrets: Arc<Secrets>,
    keys: SessionKeys,
}

fn established(options: u8) -> Pair {
    let suite = SUITES[usize::from(options & 3)];
    let policy = policy().with_cipher_suites(&[suite]).with_encrypt_then_mac(options & 4 != 0);
    let Keyed { config, secrets } = Keyed::client(client(policy.clone()));
    let mut client = Connection::client(config, name());
    let mut server = Connection::server(server(policy).build().expect("a server"));
    chance::begin();
    let mut from_server = Vec::new();
    while client.is_handshaking() || server.is_handshaking() {
        assert_eq!(client.poll_now().expect("client"), Status::NeedInput);
        let bytes = client.output().split();
        assert_eq!(server.receive(&bytes), bytes.len());
        assert_eq!(server.poll_now().expect("server"), Status::NeedInput);
        let bytes = server.output().split();
        assert_eq!(client.receive(&bytes), bytes.len());
        from_server.extend_from_slice(&bytes);
    }
    let session = client.session().expect("established");
    let keys = SessionKeys::derive(session, &secrets, &from_server).expect("a server's hello");
    Pair { client, server, secrets, keys }
}

/// What the peer sends, record by record.
struct Script {
    sealer: Box<dyn Seal>,
    /// The Finished was the first record under the keys.
    sequence: u64,
    /// Application data sent so far.
    data: Vec<u8>,
    /// Nothing but application data, none of it empty.
    harmless: bool,
    /// The peer has said that it ends.
    ended: bool,
    /// Warnings so far, and empty records that follow one another.
    warnings: usize,
    empty: usize,
}

impl Script {
    fn seal(&mut self, content_type: ContentType, content: &[u8]) -> BytesMut {
        let mut record = BytesMut::new();
        let random = chance::provider().random;
        self.sealer.seal(self.sequence, content_type, content, random, &mut record).expect("a record");
        self.sequence += 1;
        if content_type == ContentType::APPLICATION_DATA {
            self.data.extend_from_slice(content);
        }
        self.harmless &= content_type == ContentType::APPLICATION_DATA && !content.is_empty();
        record
    }

    /// Takes note of a record that was sent, and says why nothing may be read behind it, if so (RFC 5246 6.2.1, 7.2).
    fn end(&mut self, content_type: ContentType, content: &[u8]) -> Option<&'static str> {
        self.empty = if content.is_empty() { self.empty + 1 } else { 0 };
        match (content_type, content) {
            (ContentType::APPLICATION_DATA, _) => (self.empty > MOST_EMPTY).then_some("empty records without end"),
            (_, []) => Some("a record of nothing"),
            (ContentType::ALERT, [1 | 2, close]) if *close == AlertDescription::CLOSE_NOTIFY.0 => {
                self.ended = true;
                Some("a goodbye")
            }
            (ContentType::ALERT, [1, _]) => {
                self.warnings += 1;
                (self.warnings > MOST_WARNINGS).then_some("warnings without end")
            }
            (ContentType::HANDSHAKE, _) => None,
            _ => Some("a fatal alert, or a record that is none"),
        }
    }
}

/// How many warnings are borne, and how many empty records that follow one another.
const MOST_WARNINGS: usize = 16;
/// See [`MOST_WARNINGS`].
const MOST_EMPTY: usize = 32;

/// The first byte chooses suite (2 bits), encrypt-then-MAC (1 bit) and, by its top bit, which side is tested: set, the
/// client. Then come records: a byte for the type, two for the length of the content, the content.
pub fn keyed_peer(input: &[u8]) {
    let Some((options, mut rest)) = input.split_first() else { return };
    let Pair { client, server, secrets, keys } = established(*options);
    let (tested, peer) = if options & 0x80 != 0 { (client, Role::Server) } else { (server, Role::Client) };
    let mut run = Run::new(tested, secrets, b"what we have to say");
    let mut script = Script {
        sealer: keys.sealer(peer),
        sequence: 1,
        data: Vec::new(),
        harmless: true,
        ended: false,
        warnings: 0,
        empty: 0,
    };
    while let Some(([typ, high, low], content)) = rest.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(content.len()).min(MAX_PLAINTEXT);
        let (content, behind) = content.split_at(length);
        run.receive(&script.seal(ContentType(*typ), content));
        let end = script.end(ContentType(*typ), content).filter(|_| !run.is_over());
        assert_eq!(end, None, "the connection goes on");
        rest = behind;
    }
    assert!(script.data.starts_with(&run.read), "data was read that nobody sent");
    if script.harmless {
        assert_eq!(run.error.as_ref().map(ToString::to_string), None, "harmless data is refused");
        assert_eq!(run.read, script.data, "data is lost");
    }
    run.receive_eof();
    assert!(!run.closed || script.ended, "an end was believed that the peer did not say");
    check_answers(&run, &keys, peer);
}

/// Records that the tested side may send: its data, four times that it does not renegotiate, and the end.
const MOST_ANSWERS: usize = 6;

/// All that the tested side sent opens under its keys, and nothing follows its close_notify or a fatal alert.
fn check_answers(run: &Run, keys: &SessionKeys, peer: Role) {
    let ours = if matches!(peer, Role::Client) { Role::Server } else { Role::Client };
    let mut opener = keys.opener(ours);
    let mut ended = false;
    let mut read = 0;
    let sent = records(&run.sent);
    for ((header, record), sequence) in sent.iter().zip(1..) {
        assert!(!ended, "something is sent after the end");
        let mut body = record[5..].to_vec();
        let opened = opener.open(sequence, header, &mut body).expect("a record of ours");
        let content = &body[opened.range];
        ended = opened.content_type == ContentType::ALERT
            && (content[0] == 2 || content[1] == AlertDescription::CLOSE_NOTIFY.0);
        read += record.len();
    }
    assert_eq!(read, run.sent.len(), "half a record is sent");
    assert!(sent.len() <= MOST_ANSWERS, "each of the peer's records is answered");
}
