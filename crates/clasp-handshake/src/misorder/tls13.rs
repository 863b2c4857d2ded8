//! Every wrong message at every step of the flights of TLS 1.3 (RFC 8446 4, A): full, after a HelloRetryRequest, with the
//! client's certificate, resumed, and with early data.

use std::sync::Arc;

use clasp_cert::MaybeReady;
use clasp_wire::{AlertDescription, HandshakeType, NamedGroup, ProtocolVersion};

use super::{Fake, KINDS, Setup, run};
use crate::error::{Error, Role};
use crate::testing::{Authority, FirstSession, NAME, established};
use crate::{AntiReplay, Policy, ServerConfig};

/// Takes early data as often as it comes.
#[derive(Debug)]
struct Always;

impl AntiReplay for Always {
    fn is_first_use<'a>(&'a self, _: &'a [u8], _: u64) -> MaybeReady<'a, bool> {
        MaybeReady::ready(true)
    }
}

/// What a handshake has beyond the plainest one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) retried: bool,
    pub(super) client_auth: bool,
    pub(super) resumed: bool,
    pub(super) early_data: bool,
}

pub(super) fn setup(kind: Kind) -> Setup {
    let ca = Authority::new("CA");
    let policy = Policy::modern().with_versions(ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_3);
    let groups = [NamedGroup::SECP256R1, NamedGroup::X25519];
    let mut server = ServerConfig::builder(policy.clone().with_groups(&groups[usize::from(kind.retried)..]))
        .identity(ca.ecdsa(NAME))
        .anti_replay(Arc::new(Always));
    if kind.client_auth {
        server = server.client_auth(ca.require_client());
    }
    if kind.early_data {
        server = server.early_data(1000);
    }
    let store = Arc::new(FirstSession::default());
    let client = ca.client(policy.with_groups(&groups)).identity(ca.ecdsa("client.example"));
    let client = client.session_store(store.clone()).early_data(kind.early_data).alpn(["one", "two"]).unwrap();
    let (client, server) = (client.build().unwrap(), server.build().unwrap());
    if kind.resumed {
        established(&client, &server);
        store.thaw();
    }
    let Kind { client_auth, resumed, .. } = kind;
    Setup { name: "TLS 1.3", client, server, client_auth, staple: false, ticket: true, resumed }
}

/// What each role receives.
fn expected(kind: Kind, role: Role) -> Vec<HandshakeType> {
    use HandshakeType as Type;
    let proof = [Type::CERTIFICATE, Type::CERTIFICATE_VERIFY];
    let mut messages = Vec::new();
    match role {
        Role::Client => {
            messages.extend(vec![Type::SERVER_HELLO; 1 + usize::from(kind.retried)]);
            messages.push(Type::ENCRYPTED_EXTENSIONS);
            messages.extend((kind.client_auth && !kind.resumed).then_some(Type::CERTIFICATE_REQUEST));
            messages.extend(proof.into_iter().filter(|_| !kind.resumed));
        }
        Role::Server => {
            messages.extend(vec![Type::CLIENT_HELLO; 1 + usize::from(kind.retried)]);
            messages.extend(kind.early_data.then_some(Type::END_OF_EARLY_DATA));
            messages.extend(proof.into_iter().filter(|_| kind.client_auth && !kind.resumed));
        }
    }
    messages.push(Type::FINISHED);
    messages
}

/// A server may ask for a certificate or not.
fn is_legal_too(kind: Kind, role: Role, genuine: HandshakeType, other: HandshakeType) -> bool {
    use HandshakeType as Type;
    role == Role::Client
        && match genuine {
            Type::CERTIFICATE_REQUEST => other == Type::CERTIFICATE,
            Type::CERTIFICATE => other == Type::CERTIFICATE_REQUEST && !kind.client_auth,
            _ => false,
        }
}

#[test]
fn every_wrong_message_at_every_step_is_refused() {
    let plain = Kind::default();
    let mut refused = 0;
    for kind in [
        plain,
        Kind { client_auth: true, ..plain },
        Kind { retried: true, ..plain },
        Kind { retried: true, client_auth: true, ..plain },
        Kind { resumed: true, ..plain },
        Kind { resumed: true, client_auth: true, ..plain },
        Kind { resumed: true, retried: true, ..plain },
        Kind { resumed: true, early_data: true, ..plain },
    ] {
        let setup = setup(kind);
        for role in [Role::Client, Role::Server] {
            let (error, genuine) = run(&setup, role, usize::MAX, Fake::Nothing);
            assert!(error.is_none(), "{kind:?} {role:?}: {error:?}");
            let genuine: Vec<_> = genuine.into_iter().map(|typ| typ.expect("no ChangeCipherSpec")).collect();
            assert_eq!(genuine, expected(kind, role), "{kind:?} {role:?}");

            for (at, typ) in genuine.iter().copied().enumerate() {
                let told = |with| format!("{kind:?} {role:?} step {at} ({typ}) got {with:?}");
                let others = KINDS.into_iter().filter(|other| *other != typ && !is_legal_too(kind, role, typ, *other));
                let mut wrong: Vec<_> = others.map(Fake::Other).collect();
                wrong.push(Fake::ChangeCipherSpec);
                // Only a first hello may be in that format, and then it must be whole.
                wrong.extend((at > 0 || role == Role::Client).then_some(Fake::Sslv2Hello));
                for with in wrong {
                    let (error, seen) = run(&setup, role, at, with);
                    assert!(matches!(error, Some(Error::UnexpectedMessage { .. })), "{}: {error:?}", told(with));
                    assert_eq!(seen.len(), at + 1, "{}: not at once", told(with));
                    refused += 1;
                }
                for with in [Fake::Longer, Fake::Shorter] {
                    // Nothing to take from an empty message.
                    if with == Fake::Shorter && typ == HandshakeType::END_OF_EARLY_DATA {
                        continue;
                    }
                    let (error, seen) = run(&setup, role, at, with);
                    let alert = error.as_ref().and_then(Error::alert);
                    assert_eq!(alert, Some(AlertDescription::DECODE_ERROR), "{}: {error:?}", told(with));
                    assert_eq!(seen.len(), at + 1, "{}: not at once", told(with));
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 1000, "only {refused} cases");
}
