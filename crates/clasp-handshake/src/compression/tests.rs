//! Compressed chains in handshakes of both roles, and those that are not what they say (RFC 8879 4).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use clasp_cert::Identity;
use clasp_wire::AlertDescription;
use rustls_pki_types::CertificateDer;

use super::*;
use crate::testing::{Authority, NAME, established, tls13, transfer};
use crate::tls13::{AskedOfEntries, certificate};
use crate::{Connection, ServerConfig};

/// Those of the features that are on, and one of this test's.
fn all() -> Vec<&'static dyn CertificateCompression> {
    vec![
        &Runs,
        #[cfg(feature = "zlib")]
        ZLIB,
        #[cfg(feature = "brotli")]
        BROTLI,
        #[cfg(feature = "zstd")]
        ZSTD,
    ]
}

/// Takes 400 zeros out: the chains here have a staple that is full of them.
#[derive(Debug)]
struct Runs;

const ZEROS: &[u8] = &[0; 400];

impl CertificateCompression for Runs {
    fn algorithm(&self) -> CertificateCompressionAlgorithm {
        CertificateCompressionAlgorithm(0xff01)
    }

    fn compress(&self, message: &[u8]) -> Option<Vec<u8>> {
        let at = message.windows(ZEROS.len()).position(|part| part == ZEROS)?;
        let place = u16::try_from(at).unwrap().to_be_bytes();
        Some([&place, &message[..at], &message[at + ZEROS.len()..]].concat())
    }

    fn decompress(&self, compressed: &[u8], length: usize) -> Option<Vec<u8>> {
        let (place, rest) = compressed.split_first_chunk()?;
        let (before, after) = rest.split_at_checked(usize::from(u16::from_be_bytes(*place)))?;
        (rest.len() + ZEROS.len() == length).then(|| [before, ZEROS, after].concat())
    }
}

/// An identity whose chain is easily made shorter.
fn long(identity: &Identity) -> Identity {
    let leaf: CertificateDer<'static> = identity.chain()[0].clone();
    let chain = std::iter::repeat_n(leaf, 4).collect();
    Identity::with_key(chain, identity.shared_key()).unwrap().with_ocsp_response(vec![0; 500])
}

fn bytes_sent(server: &Arc<ServerConfig>, client: &mut Connection) -> usize {
    let mut server = Connection::server(Arc::clone(server));
    client.poll_now().unwrap();
    server.receive(&client.output().split());
    server.poll_now().unwrap();
    server.output().len()
}

#[test]
fn each_algorithm_in_both_roles() {
    let ca = Authority::new("CA");
    for way in all() {
        let client = ca.client(tls13()).identity(long(&ca.ecdsa("client.example"))).without_resumption();
        let client = client.certificate_compressions(&[way]).build().unwrap();
        let plain = ca.client(tls13()).build().unwrap();
        let server = ServerConfig::builder(tls13()).identity(long(&ca.ecdsa(NAME)));
        let server = server.client_auth(ca.require_client()).certificate_compressions(&all()).build().unwrap();
        for _ in 0..2 {
            let (mut ours, mut theirs) = established(&client, &server);
            assert_eq!(ours.session().unwrap().peer_certificates().len(), 4, "{way:?}");
            assert_eq!(theirs.session().unwrap().peer_certificates().len(), 4, "{way:?}");
            transfer(&mut ours, &mut theirs, b"after all");
        }
        let connection = |config| Connection::client(Arc::clone(config), NAME.try_into().unwrap());
        let (short, long) =
            (bytes_sent(&server, &mut connection(&client)), bytes_sent(&server, &mut connection(&plain)));
        assert!(short + 370 < long, "{way:?}: {short} against {long}");
    }
}

#[test]
fn nothing_in_common_or_nothing_gained_is_sent_as_it_is() {
    let ca = Authority::new("CA");
    let client = ca.client(tls13()).certificate_compressions(&[&Runs]).build().unwrap();
    established(&client, &ca.server(tls13()).build().unwrap());
    established(
        &ca.client(tls13()).build().unwrap(),
        &ca.server(tls13()).certificate_compressions(&all()).build().unwrap(),
    );
    established(&client, &ca.server(tls13()).certificate_compressions(&[&Growing]).build().unwrap());
}

/// Says that it is [`Runs`], and makes nothing shorter.
#[derive(Debug)]
struct Growing;

impl CertificateCompression for Growing {
    fn algorithm(&self) -> CertificateCompressionAlgorithm {
        Runs.algorithm()
    }

    fn compress(&self, message: &[u8]) -> Option<Vec<u8>> {
        Some([message, b"and more"].concat())
    }

    fn decompress(&self, _: &[u8], _: usize) -> Option<Vec<u8>> {
        None
    }
}

fn chain(fill: u8) -> Certificate13 {
    let data = Bytes::from(vec![fill; 2000]);
    Certificate13 {
        request_context: Bytes::new(),
        entries: vec![clasp_wire::CertificateEntry { data, extensions: Vec::new() }],
    }
}

#[test]
fn what_was_compressed_is_kept_up_to_a_bound() {
    #[derive(Debug)]
    struct Counting(AtomicUsize);
    static COUNTING: Counting = Counting(AtomicUsize::new(0));
    impl CertificateCompression for Counting {
        fn algorithm(&self) -> CertificateCompressionAlgorithm {
            Runs.algorithm()
        }
        fn compress(&self, _: &[u8]) -> Option<Vec<u8>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Some(vec![1])
        }
        fn decompress(&self, _: &[u8], _: usize) -> Option<Vec<u8>> {
            None
        }
    }
    let compressions = Compressions::new(vec![&COUNTING]);
    let accepted = [Runs.algorithm()];
    let count = || COUNTING.0.load(Ordering::Relaxed);
    for _ in 0..3 {
        assert!(compressions.compress(&accepted, &chain(0)).is_some());
        assert!(compressions.compress(&[], &chain(0)).is_none());
    }
    assert_eq!(count(), 1);
    for i in 0..40 {
        compressions.compress(&accepted, &chain(i));
    }
    assert_eq!((count(), compressions.made.lock().unwrap().len()), (40, KEPT));
}

/// The longest chain that is restored here, bytes.
const LONGEST: usize = 64 << 10;

/// What `way` says to a message, as the alert that is sent.
fn refused(way: &'static dyn CertificateCompression, message: &CompressedCertificate) -> AlertDescription {
    match Compressions::new(vec![way]).decompress(message, LONGEST) {
        Err(error) => error.alert().unwrap(),
        Ok(_) => panic!("{way:?} takes {} bytes as {}", message.data.len(), message.uncompressed_length),
    }
}

fn compressed(way: &dyn CertificateCompression, body: &[u8]) -> CompressedCertificate {
    CompressedCertificate {
        algorithm: way.algorithm(),
        uncompressed_length: u32::try_from(body.len()).unwrap(),
        data: way.compress(body).unwrap().into(),
    }
}

#[test]
fn chains_that_are_not_what_they_say_are_refused() {
    let body = chain(7).encode().slice(4..);
    for way in all().into_iter().skip(1) {
        let good = compressed(way, &body);
        assert_eq!(Compressions::new(vec![way]).decompress(&good, LONGEST).unwrap(), chain(7), "{way:?}");
        for length in [0, 1, good.uncompressed_length - 1, good.uncompressed_length + 1, 0xff_ffff] {
            let wrong = CompressedCertificate { uncompressed_length: length, ..good.clone() };
            assert_eq!(refused(way, &wrong), AlertDescription::BAD_CERTIFICATE, "{way:?} {length}");
        }
        for cut in 0..good.data.len() {
            let cut = CompressedCertificate { data: good.data.slice(..cut), ..good.clone() };
            assert_eq!(refused(way, &cut), AlertDescription::BAD_CERTIFICATE, "{way:?}");
        }
        let longer = CompressedCertificate { data: [&good.data[..], b"x"].concat().into(), ..good.clone() };
        assert_eq!(refused(way, &longer), AlertDescription::BAD_CERTIFICATE, "{way:?}");
        let garbage = CompressedCertificate { data: Bytes::from_static(&[0xab; 300]), ..good.clone() };
        assert_eq!(refused(way, &garbage), AlertDescription::BAD_CERTIFICATE, "{way:?}");
        let unknown = CompressedCertificate { algorithm: CertificateCompressionAlgorithm(9), ..good };
        assert_eq!(refused(way, &unknown), AlertDescription::ILLEGAL_PARAMETER, "{way:?}");

        // A bomb: 16 MiB of zeros in some kilobytes, said to be as long as is allowed, or longer.
        let bomb = compressed(way, &vec![0; 16 << 20]);
        assert!(bomb.data.len() < 64 << 10, "{way:?} {}", bomb.data.len());
        assert_eq!(refused(way, &bomb), AlertDescription::BAD_CERTIFICATE, "{way:?}");
        let bomb = CompressedCertificate { uncompressed_length: 64 << 10, ..bomb };
        assert_eq!(refused(way, &bomb), AlertDescription::BAD_CERTIFICATE, "{way:?}");
        // It unpacks, and is no chain.
        let nonsense = compressed(way, &[1; 3000]);
        assert_eq!(refused(way, &nonsense), AlertDescription::DECODE_ERROR, "{way:?}");
    }
}

/// Each byte of a compressed chain altered: whatever comes of it, it is no longer than announced, and nothing panics.
#[test]
fn altered_bytes_are_refused_or_harmless() {
    let ca = Authority::new("CA");
    let identity = long(&ca.ecdsa(NAME));
    let body = certificate(Some(&identity), Bytes::new(), AskedOfEntries::default()).encode().slice(4..);
    for way in all().into_iter().skip(1) {
        let good = compressed(way, &body);
        for at in 0..good.data.len() {
            for bit in [1, 0x10, 0x80] {
                let mut data = good.data.to_vec();
                data[at] ^= bit;
                if let Some(out) = way.decompress(&data, body.len()) {
                    assert_eq!(out.len(), body.len(), "{way:?}");
                }
            }
        }
    }
}
