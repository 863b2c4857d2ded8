//! Encrypted ClientHello with clients of rustls, on aws-lc-rs (RFC 9849).

use std::io;
use std::sync::Arc;

use clasp::wire::{AlertDescription, HpkeAead, HpkeKdf, HpkeSymmetricCipherSuite, NamedGroup};
use clasp::{EchKey, Error, Policy, ServerConfig};
use rustls::client::{EchConfig, EchGreaseConfig, EchMode, EchStatus};
use rustls::crypto::aws_lc_rs;
use rustls::crypto::hpke::Hpke;
use rustls::pki_types::EchConfigListBytes;

use crate::certs::{Files, Kind};
use crate::certs::{Leaf, pki};
use crate::end::{Ours, Serving, answer, serve, talk, tls13};
use crate::ends::{accept, tls_error};
use crate::with_rustls::{agreed, roots, their_connect};

/// For both names.
fn identity() -> Files {
    pki().ca.issue(&Leaf::server(Kind::P256).names(&["localhost", "public.example"]))
}

fn their_client(mode: EchMode) -> Arc<rustls::ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_ech(mode).unwrap();
    Arc::new(config.with_root_certificates(roots(&pki().ca)).with_no_client_auth())
}

fn encrypting_to(keys: &[EchKey]) -> Arc<rustls::ClientConfig> {
    let list = EchConfigListBytes::from(EchKey::config_list(keys).unwrap().to_vec());
    their_client(EchMode::Enable(EchConfig::new(list, aws_lc_rs::hpke::ALL_SUPPORTED_SUITES).unwrap()))
}

fn our_server(policy: Policy, identity: &Files, keys: Vec<EchKey>) -> Arc<ServerConfig> {
    ServerConfig::builder(policy).identity(identity.identity()).ech_keys(keys).build().unwrap()
}

/// Serves so many connections, and talks; gives the ends.
fn serve_ours(config: Arc<ServerConfig>, times: usize) -> Serving<Vec<io::Result<Ours>>> {
    serve(move |listener| {
        let serve_one = |_| {
            let mut end = Ours::accept(&config, accept(&listener)?)?;
            answer(&mut end, 1000)?;
            Ok(end)
        };
        (0..times).map(serve_one).collect()
    })
}

fn narrow(retry: bool) -> Policy {
    if retry { tls13().with_groups(&[NamedGroup::SECP384R1]) } else { tls13() }
}

#[test]
fn every_suite_with_and_without_another_hello() {
    let identity = identity();
    let aeads = [HpkeAead::AES_128_GCM, HpkeAead::AES_256_GCM, HpkeAead::CHACHA20_POLY1305];
    for aead in aeads {
        for retry in [false, true] {
            println!("{aead} {retry}");
            let suite = HpkeSymmetricCipherSuite { kdf: HpkeKdf::HKDF_SHA256, aead };
            let keys = vec![EchKey::generate(7, "public.example", 64, &[suite]).unwrap()];
            let theirs = encrypting_to(&keys);
            let serving = serve_ours(our_server(narrow(retry), &identity, keys), 2);
            let told: Vec<_> = (0..2)
                .map(|_| {
                    let mut end = their_connect(&theirs, serving.port).unwrap();
                    assert_eq!(end.conn.ech_status(), EchStatus::Accepted);
                    talk(&mut end, 1000).unwrap();
                    agreed(&end.conn).0
                })
                .collect();
            // The second one resumes, by a ticket in the hello that is encrypted.
            for (i, (end, told)) in serving.join().into_iter().zip(told).enumerate() {
                let end = end.unwrap();
                assert_eq!(end.agreed(), told);
                let session = end.session();
                assert!(session.ech_accepted());
                assert_eq!((session.resumed(), session.server_name()), (i == 1, Some("localhost")));
            }
        }
    }
}

#[test]
fn a_client_with_another_key_is_told_ours() {
    let identity = identity();
    let key = |config_id| EchKey::generate(config_id, "public.example", 64, EchKey::SUITES).unwrap();
    let keys = vec![key(7), key(8)];
    let serving = serve_ours(our_server(tls13(), &identity, keys), 1);
    let error = their_connect(&encrypting_to(&[key(7)]), serving.port).err().unwrap();
    let theirs = error.get_ref().unwrap().downcast_ref::<rustls::Error>().unwrap();
    let told = format!("{theirs:?}");
    let Some((_, configs)) = told.split_once("ServerRejectedEncryptedClientHello(Some(") else { panic!("{told}") };
    assert_eq!(configs.matches("public.example").count(), 2, "{told}");
    let ended = serving.join().remove(0).err().unwrap();
    let Error::AlertReceived(received) = tls_error(&ended) else { panic!("{ended}") };
    assert_eq!(received.alert, AlertDescription::ECH_REQUIRED);
}

#[test]
fn a_client_that_only_looks_as_if_is_served() {
    let identity = identity();
    let hpke: &'static dyn Hpke = aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_AES_128;
    let (public, _) = hpke.generate_key_pair().unwrap();
    for retry in [false, true] {
        let keys = vec![EchKey::generate(7, "public.example", 64, EchKey::SUITES).unwrap()];
        let serving = serve_ours(our_server(narrow(retry), &identity, keys), 1);
        let theirs = their_client(EchMode::Grease(EchGreaseConfig::new(hpke, public.clone())));
        let mut end = their_connect(&theirs, serving.port).unwrap();
        assert_eq!(end.conn.ech_status(), EchStatus::Grease);
        talk(&mut end, 1000).unwrap();
        assert!(!serving.join().remove(0).unwrap().session().ech_accepted());
    }
}
