//! What SSL 3.0 does in another way than TLS: no extensions, its own alerts, a client that declines by an alert.

use bytes::Bytes;
use clasp_handshake::{ClientConfig, Connection, Error, Misbehaviour, Policy, Role, ServerConfig};
use clasp_insecure::insecure;
use clasp_wire::{
    AlertDescription, CipherSuite, ClientExtension, ClientHello, CompressionMethod, ExtensionType, HandshakeMessage,
    ProtocolVersion, Random, SessionId, UnknownExtension,
};

use crate::pair::{Pair, client, give, message_at, only, server};
use crate::pki::{Pki, pki};

const SSL30: ProtocolVersion = ProtocolVersion::SSL_3_0;
const TLS10: ProtocolVersion = ProtocolVersion::TLS_1_0;
const AES: CipherSuite = CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA;

fn from_ssl30() -> Policy {
    insecure().with_cipher_suites(&[AES])
}

#[test]
fn a_client_of_all_versions_and_a_server_of_ssl_3_0_agree_on_nothing_that_needs_an_extension() {
    let client = ClientConfig::builder(from_ssl30()).roots(pki().roots()).alpn(["h2"]).unwrap().record_size_limit(100);
    let server = ServerConfig::builder(only(SSL30, AES)).identity(pki().rsa.clone()).alpn(["h2"]).unwrap();
    let mut pair = Pair::established(&client.build().unwrap(), &server.record_size_limit(100).build().unwrap());
    for tls in [&pair.client, &pair.server] {
        let session = tls.session().unwrap();
        assert_eq!(session.version(), SSL30);
        assert!(!session.extended_master_secret() && !session.encrypt_then_mac());
        assert_eq!(session.alpn(), None);
        assert!(session.secure_renegotiation(), "the one extension that SSL 3.0 got too");
        assert_eq!(tls.tls_unique().map(<[u8]>::len), Some(36));
    }
    let exported = pair.client.export_keying_material(b"EXPORTER-x", None, &mut [0; 8]);
    assert_eq!(exported, Some(Err(clasp_handshake::ExportError::NotBound)));
    pair.talk_and_close();
}

#[test]
fn another_extension_in_a_server_s_hello_is_refused() {
    // Both speak TLS 1.0 with the extended master secret; somebody on the way writes SSL 3.0.
    let mut pair = Pair::new(&client(from_ssl30()), &server(only(TLS10, AES)));
    let errors = pair.run_with(|role, mut bytes| {
        if role == Role::Server
            && let Some(hello) = message_at(&bytes, 2)
        {
            bytes[hello.start + 4..hello.start + 6].copy_from_slice(&[3, 0]);
        }
        bytes
    });
    // The mark against downgrades is not there, as the server does not speak TLS 1.2.
    assert!(matches!(errors.0, Some(Error::Misbehaved(Misbehaviour::UnsolicitedExtension))), "{errors:?}");
}

#[test]
fn a_downgrade_to_ssl_3_0_is_seen() {
    // A client of TLS 1.3 lists its versions, and the version in its hello says nothing; a server of it marks as much.
    let client_policy = insecure().with_versions(ProtocolVersion::SSL_3_0, ProtocolVersion::TLS_1_2);
    let mut pair = Pair::new(&client(client_policy), &server(insecure()));
    let errors = pair.run_with(|role, mut bytes| {
        if role == Role::Client
            && let Some(hello) = message_at(&bytes, 1)
        {
            bytes[hello.start + 4..hello.start + 6].copy_from_slice(&[3, 0]);
        }
        bytes
    });
    assert!(matches!(errors.0, Some(Error::Misbehaved(Misbehaviour::Downgrade))), "{errors:?}");
}

#[test]
fn a_fallback_to_ssl_3_0_is_refused() {
    let mut pair = Pair::new(&client(only(SSL30, CipherSuite::TLS_RSA_WITH_RC4_128_MD5)), &server(insecure()));
    let errors = pair.run_with(|role, mut bytes| {
        if role == Role::Client
            && let Some(hello) = message_at(&bytes, 1)
        {
            // In place of the renegotiation signal, which is last of the suites, before the compression methods.
            let signal = hello.end - 4;
            assert_eq!(bytes[signal..hello.end], [0, 0xff, 1, 0]);
            bytes[signal..signal + 2].copy_from_slice(&CipherSuite::TLS_FALLBACK_SCSV.0.to_be_bytes());
        }
        bytes
    });
    assert!(matches!(errors.1, Some(Error::Misbehaved(Misbehaviour::InappropriateFallback))), "{errors:?}");
}

#[test]
fn a_client_without_a_certificate_declines_in_the_way_of_the_version() {
    for (version, declines_by_alert) in [(SSL30, true), (TLS10, false)] {
        // An ECDSA certificate is none in SSL 3.0.
        for identity in [None, Some(pki().ecdsa_client.clone()).filter(|_| declines_by_alert)] {
            let mut builder = ClientConfig::builder(only(version, AES)).roots(pki().roots());
            if let Some(identity) = identity {
                builder = builder.identity(identity);
            }
            let config = ServerConfig::builder(only(version, AES))
                .identity(pki().rsa.clone())
                .client_auth(pki().request_client())
                .build()
                .unwrap();
            let mut pair = Pair::new(&builder.build().unwrap(), &config);
            let mut flight = Vec::new();
            let errors = pair.run_with(|role, bytes| {
                if role == Role::Client {
                    flight.extend_from_slice(&bytes);
                }
                bytes
            });
            assert!(matches!(errors, (None, None)), "{version} {errors:?}");
            let alert = [21, 3, 0, 0, 2, 1, 41];
            let alerts = flight.windows(alert.len()).filter(|window| **window == alert).count();
            assert_eq!(alerts, usize::from(declines_by_alert));
            assert!(!pair.server.session().unwrap().client_authenticated());
            pair.talk_and_close();
        }
    }
}

#[test]
fn a_client_that_must_show_a_certificate_and_declines_is_refused() {
    let config = ServerConfig::builder(only(SSL30, AES))
        .identity(pki().rsa.clone())
        .client_auth(pki().require_client())
        .build()
        .unwrap();
    let errors = Pair::new(&client(only(SSL30, AES)), &config).run();
    assert!(matches!(errors.1, Some(Error::ClientCertificateMissing)), "{errors:?}");
    let Some(Error::AlertReceived(received)) = errors.0 else { panic!("{errors:?}") };
    assert_eq!(received.alert, AlertDescription::HANDSHAKE_FAILURE);
}

/// SSL 3.0 has no unknown_ca.
#[test]
fn alerts_are_those_of_the_version() {
    for (version, expected) in [(SSL30, AlertDescription::BAD_CERTIFICATE), (TLS10, AlertDescription::UNKNOWN_CA)] {
        let stranger = Pki::new("Somebody else");
        let client =
            ClientConfig::builder(only(version, AES)).roots(pki().roots()).identity(stranger.client.clone()).build();
        let server = ServerConfig::builder(only(version, AES))
            .identity(pki().rsa.clone())
            .client_auth(pki().require_client())
            .build();
        let errors = Pair::new(&client.unwrap(), &server.unwrap()).run();
        assert!(matches!(errors.1, Some(Error::Certificate { .. })), "{errors:?}");
        let Some(Error::AlertReceived(received)) = errors.0 else { panic!("{errors:?}") };
        assert_eq!(received.alert, expected);
    }
}

#[test]
fn a_client_s_signature_that_was_altered_is_refused() {
    for version in [SSL30, TLS10] {
        let client = ClientConfig::builder(only(version, AES)).roots(pki().roots()).identity(pki().client.clone());
        let server = ServerConfig::builder(only(version, AES))
            .identity(pki().rsa.clone())
            .client_auth(pki().require_client())
            .build();
        let errors = Pair::new(&client.build().unwrap(), &server.unwrap()).run_with(|role, mut bytes| {
            if role == Role::Client
                && let Some(verify) = message_at(&bytes, 15)
            {
                bytes[verify.end - 1] ^= 1;
            }
            bytes
        });
        assert!(matches!(errors.1, Some(Error::Misbehaved(Misbehaviour::BadSignature))), "{errors:?}");
    }
}

/// Where the versions are listed the list alone counts, for SSL 3.0 too, and not what the hello says beside it
/// (RFC 8446 4.2.1).
#[test]
fn a_list_of_versions_alone_counts() {
    let both = [0x0300_u16, 0x0301];
    for (policy, list, expected) in [
        (insecure(), &[0x0300][..], Some([3, 0])),
        (insecure(), &both, Some([3, 1])),
        (insecure(), &[0x7a7a, 0x7f17], None),
        (Policy::legacy(), &[0x0300], None),
        (Policy::legacy(), &both, Some([3, 1])),
    ] {
        let case = format!("{} {list:x?}", policy.name());
        let versions: Vec<u8> = list.iter().flat_map(|version| version.to_be_bytes()).collect();
        let data = [&[u8::try_from(versions.len()).unwrap()][..], &versions].concat();
        let listed = UnknownExtension { typ: ExtensionType::SUPPORTED_VERSIONS, data: data.into() };
        let hello = ClientHello {
            client_version: ProtocolVersion::TLS_1_2,
            random: Random([7; 32]),
            session_id: SessionId::EMPTY,
            cipher_suites: vec![AES],
            compression_methods: vec![CompressionMethod::NULL],
            extensions: Some(vec![
                ClientExtension::ExtendedMasterSecret,
                ClientExtension::RenegotiationInfo(Bytes::new()),
                ClientExtension::Unknown(listed),
            ]),
        };
        let hello = hello.encode();
        let mut record = vec![22, 3, 1];
        record.extend(u16::try_from(hello.len()).unwrap().to_be_bytes());
        record.extend(hello);

        let mut tls = Connection::server(server(policy));
        give(&mut tls, &record);
        let result = tls.poll_now();
        let flight = tls.output().split();
        let Some(version) = expected else {
            let error = result.unwrap_err();
            assert!(matches!(&error, Error::NoCommonGround(nothing) if nothing.what == "protocol version"), "{error}");
            assert_eq!(flight[flight.len() - 2..], [2, AlertDescription::PROTOCOL_VERSION.0], "{case}");
            continue;
        };
        result.unwrap();
        let answer = message_at(&flight, 2).expect("a ServerHello");
        assert_eq!(flight[answer.start + 4..answer.start + 6], version, "{case}");
        assert_eq!(flight[1..3], version, "{case}");
    }
}
