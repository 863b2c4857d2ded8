//! An Encrypted ClientHello that the server does not open: what it gives instead, and whom that is believed of (RFC 9849 6.1.6).

use std::sync::Arc;

use bytes::Bytes;
use clasp_wire::{AlertDescription, ClientHello, EchConfig, EchConfigContents};
use rustls_pki_types::ServerName;

use super::Connection;
use super::ech_server::{AES_128, Decrypts, Mistake, PUBLIC_NAME, contents, list};
use super::ech_tests::{client, narrow, pair, refused, rejected, server};
use crate::testing::{Authority, NAME, classic, established, exchange, exchange_with, tls13};
use crate::{Error, Misbehaviour, Policy, Role, ServerConfig};

#[test]
fn a_server_with_other_keys_gives_them() {
    let ca = Authority::new("CA");
    for retry in [false, true] {
        for policy in [Policy::modern(), tls13()] {
            let ours = client(&ca, policy.clone(), &list(7)).build().unwrap();
            let theirs = server(&ca, narrow(retry)).build().unwrap();
            let (mut client_end, mut server_end, seen) = pair(&ours, &theirs, Decrypts::with(8));
            let (error, told) = exchange(&mut client_end, &mut server_end);
            let configs = rejected(error).unwrap();
            assert_eq!(configs, list(8));
            refused(told.as_ref(), AlertDescription::ECH_REQUIRED);
            assert!(client_end.session().is_none() && client_end.write(b"data").is_err());
            let seen = seen.lock().unwrap();
            assert_eq!((seen.outer.len(), seen.inner.len()), (if retry { 2 } else { 1 }, 0));
            let contents: Vec<_> = seen.outer.iter().map(ClientHello::encrypted_client_hello).collect();
            assert!(contents.iter().all(|content| *content == contents[0]));

            let ours = client(&ca, policy, &configs).build().unwrap();
            let (mut client_end, mut server_end, _) = pair(&ours, &theirs, Decrypts::with(8));
            assert!(matches!(exchange(&mut client_end, &mut server_end), (None, None)));
            assert!(client_end.session().unwrap().ech_accepted());
        }
    }
}

#[test]
fn a_key_of_the_same_name_is_another_one() {
    let ca = Authority::new("CA");
    let wrong = EchConfig::new(EchConfigContents { config_id: 7, ..contents(9, &[AES_128]) });
    let client = client(&ca, tls13(), &EchConfig::encode_list(&[wrong])).build().unwrap();
    let server = server(&ca, tls13()).build().unwrap();
    let (mut client, mut server, seen) = pair(&client, &server, Decrypts::with(7));
    let (error, _) = exchange(&mut client, &mut server);
    assert_eq!(rejected(error), Some(list(7)));
    assert!(seen.lock().unwrap().inner.is_empty());
}

#[test]
fn a_server_without_keys_has_switched_it_off() {
    let ca = Authority::new("CA");
    let client = client(&ca, tls13(), &list(7)).build().unwrap();
    let server = server(&ca, tls13()).build().unwrap();
    let unknown = Bytes::from_static(&[0, 6, 0xfe, 0x0c, 0, 2, 9, 9]);
    for retry_configs in [None, Some(unknown)] {
        let (mut client, mut server, _) = pair(&client, &server, Decrypts { retry_configs, ..Decrypts::default() });
        let (error, told) = exchange(&mut client, &mut server);
        assert_eq!(rejected(error), None);
        refused(told.as_ref(), AlertDescription::ECH_REQUIRED);
    }
    // One that knows nothing of it.
    let name: ServerName<'static> = NAME.try_into().unwrap();
    let (mut client, mut server) = (Connection::client(client, name), Connection::server(server));
    let (error, _) = exchange(&mut client, &mut server);
    assert_eq!(rejected(error), None);
}

#[test]
fn malformed_and_misplaced_retry_configurations_are_refused() {
    let ca = Authority::new("CA");
    let client = client(&ca, tls13(), &list(7)).build().unwrap();
    let server = server(&ca, tls13()).build().unwrap();
    for bad in [&[][..], &[0, 0], &list(8)[..20], &[&list(8)[..], &[0]].concat()] {
        let retry_configs = Some(Bytes::copy_from_slice(bad));
        let (mut client, mut server, _) = pair(&client, &server, Decrypts { retry_configs, ..Decrypts::with(8) });
        let (error, told) = exchange(&mut client, &mut server);
        assert!(matches!(error, Some(Error::Misbehaved(Misbehaviour::BadEncryptedClientHello))), "{error:?}");
        refused(told.as_ref(), AlertDescription::DECODE_ERROR);
    }
    let front = Decrypts { mistake: Mistake::GivesConfigs, ..Decrypts::with(7) };
    let (mut client, mut server, _) = pair(&client, &server, front);
    let (error, told) = exchange(&mut client, &mut server);
    assert!(matches!(error, Some(Error::Misbehaved(Misbehaviour::UnsolicitedExtension))), "{error:?}");
    refused(told.as_ref(), AlertDescription::UNSUPPORTED_EXTENSION);
}

#[test]
fn retry_configurations_of_a_stranger_are_not_given() {
    let ca = Authority::new("CA");
    let other = Authority::new("another CA");
    for policy in [tls13(), classic(Policy::modern())] {
        let client = client(&ca, Policy::modern(), &list(7)).build().unwrap();
        let builder = || ServerConfig::builder(policy.clone());
        for stranger in [
            // It may even be the server that was asked for.
            builder().identity(ca.ecdsa(NAME)),
            builder().identity(ca.ecdsa("x.public.example")),
            builder().identity(other.ecdsa(PUBLIC_NAME)),
        ] {
            let (mut client, mut server, _) = pair(&client, &stranger.build().unwrap(), Decrypts::with(8));
            let (error, _) = exchange(&mut client, &mut server);
            assert!(matches!(error, Some(Error::Certificate { .. })), "{error:?}");
        }
    }
}

#[test]
fn a_server_of_tls12_is_left_and_a_downgrade_noticed() {
    let ca = Authority::new("CA");
    for policy in [Policy::modern(), Policy::compatible()] {
        let client = client(&ca, policy, &list(7)).identity(ca.ecdsa("client.example")).build().unwrap();
        let old = server(&ca, classic(Policy::modern())).client_auth(ca.request_client()).build().unwrap();
        let name: ServerName<'static> = NAME.try_into().unwrap();
        let (mut ours, mut theirs) = (Connection::client(Arc::clone(&client), name.clone()), Connection::server(old));
        let (error, told) = exchange(&mut ours, &mut theirs);
        assert_eq!(rejected(error), None);
        refused(told.as_ref(), AlertDescription::ECH_REQUIRED);
        assert!(theirs.session().is_none_or(|session| !session.client_authenticated()));

        // Somebody on the way takes TLS 1.3 off the list of versions.
        let new = server(&ca, Policy::modern()).build().unwrap();
        let (mut ours, mut theirs) = (Connection::client(client, name), Connection::server(new));
        let mut taken_off = false;
        let (error, _) = exchange_with(&mut ours, &mut theirs, |from, mut bytes| {
            let at =
                bytes.windows(2).position(|window| window == [0, 43]).filter(|_| from == Role::Client && !taken_off);
            if let Some(at) = at {
                taken_off = true;
                let versions = &mut bytes[at + 5..at + 5 + 6];
                let place = versions.chunks(2).position(|version| version == [3, 4]).unwrap();
                versions[2 * place + 1] = 3;
            }
            bytes
        });
        assert!(taken_off);
        assert!(matches!(error, Some(Error::Misbehaved(Misbehaviour::Downgrade))), "{error:?}");
    }
}

#[test]
fn a_rejection_leaves_sessions_alone() {
    let ca = Authority::new("CA");
    let store = Arc::new(crate::MemorySessions::default());
    let plain = ca.client(tls13()).session_store(store.clone()).build().unwrap();
    let theirs = server(&ca, tls13()).build().unwrap();
    established(&plain, &theirs);
    let client = client(&ca, tls13(), &list(7)).session_store(store).build().unwrap();
    let (mut ours, mut other, _) = pair(&client, &server(&ca, tls13()).build().unwrap(), Decrypts::with(8));
    rejected(exchange(&mut ours, &mut other).0);
    // Two tickets came, one was tried.
    assert!(established(&plain, &theirs).0.session().unwrap().resumed());
}
