//! Identities loaded, and what is said when they cannot be (RFC 7468).

use std::path::PathBuf;
use std::sync::Arc;

use clasp_crypto::{CryptoError, KeyAlgorithm, Provider, default_provider};
use clasp_wire::SignatureScheme;

use crate::fields::Fields;
use crate::testing::{Authority, name, pem_chain, test_data};
use crate::{Identity, KeyUse, LoadError, MaybeReady, PrivateKey, RootStore, SctList};

fn path(file: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "test-data", file].iter().collect()
}

fn message(result: Result<Identity, LoadError>) -> String {
    result.map(|_| ()).unwrap_err().to_string()
}

#[test]
fn every_kind_of_key_and_file_is_loaded() {
    for (chain, key, algorithm) in [
        ("rsa.pem", "rsa.key.pem", KeyAlgorithm::Rsa),
        ("rsa.der", "rsa.key.der", KeyAlgorithm::Rsa),
        ("rsa.pem", "rsa.pkcs1.key.pem", KeyAlgorithm::Rsa),
        ("p256.pem", "p256.key.pem", KeyAlgorithm::EcdsaP256),
        ("p256.pem", "p256.sec1.key.pem", KeyAlgorithm::EcdsaP256),
        ("p384.pem", "p384.key.pem", KeyAlgorithm::EcdsaP384),
        ("p521.pem", "p521.key.pem", KeyAlgorithm::EcdsaP521),
        ("ed25519.pem", "ed25519.key.pem", KeyAlgorithm::Ed25519),
    ] {
        let identity = Identity::from_pem_files(path(chain), path(key)).unwrap_or_else(|e| panic!("{key}: {e}"));
        assert_eq!(identity.key_algorithm(), algorithm, "{key}");
        assert_eq!(identity.public_key().algorithm(), Some(algorithm), "{key}");
        assert_eq!(identity.chain().len(), 1);
        assert_eq!(identity.key().can_decrypt(), algorithm == KeyAlgorithm::Rsa, "{key}");
        assert!(identity.ocsp_response().is_none());
    }
}

#[test]
fn the_provider_given_loads_the_key() {
    let load = |provider| Identity::from_pem_files_with_provider(path("p256.pem"), path("p256.key.pem"), provider);
    assert_eq!(load(default_provider()).unwrap().key_algorithm(), KeyAlgorithm::EcdsaP256);
    let refusing = Provider {
        load_key: |_| Err(CryptoError::KeyRejected("it is none of this provider's")),
        ..default_provider().clone()
    };
    let refused = message(load(Box::leak(Box::new(refusing))));
    assert!(refused.contains("p256.key.pem") && refused.contains("none of this provider's"), "{refused}");
}

#[test]
fn one_file_may_hold_both() {
    let mut both = test_data!("p256.key.pem").to_vec();
    both.extend_from_slice(test_data!("p256.pem"));
    both.extend_from_slice(test_data!("ca.pem"));
    let identity = Identity::from_pem(&both, &both).unwrap();
    assert_eq!(identity.chain().len(), 2);
}

#[test]
fn what_is_missing_is_named_with_its_file() {
    let none = message(Identity::from_pem_files(path("none.pem"), path("rsa.key.pem")));
    assert!(none.starts_with("cannot read ") && none.contains("none.pem: "), "{none}");
    let swapped = message(Identity::from_pem_files(path("rsa.key.pem"), path("rsa.pem")));
    assert!(swapped.starts_with("no certificate in ") && swapped.contains("rsa.key.pem"), "{swapped}");
    let no_key = message(Identity::from_pem_files(path("rsa.pem"), path("rsa.pem")));
    assert!(no_key.starts_with("no private key in ") && no_key.contains("rsa.pem"), "{no_key}");
    for (encrypted, advice) in [
        ("rsa.encrypted.key.pem", "is encrypted; give its password"),
        ("rsa.encrypted.pkcs1.key.pem", "convert it: openssl pkcs8"),
    ] {
        let said = message(Identity::from_pem_files(path("rsa.pem"), path(encrypted)));
        assert!(said.contains(advice), "{said}");
        assert!(said.contains(encrypted), "{said}");
    }
    let none = message(Identity::with_key(Vec::new(), Arc::new(Elsewhere(KeyAlgorithm::Rsa))));
    assert!(none.starts_with("no certificate in the chain given"), "{none}");
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let said = message(Identity::from_pem_files(path("rsa.pem"), path("p256.key.pem")));
    assert!(said.starts_with("the key does not fit the certificate of CN=host.example"), "{said}");
    let chain = [test_data!("ca.pem").as_slice(), test_data!("rsa.pem")].concat();
    let said = message(Identity::from_pem(&chain, test_data!("rsa.key.pem")));
    assert!(said.ends_with("it is that of certificate 2 in the chain; put that one first"), "{said}");
}

#[test]
fn a_damaged_certificate_is_refused() {
    let mut chain = pem_chain(test_data!("p256.pem"));
    chain.push(b"rubbish".to_vec().into());
    let key = crate::pem::private_key(test_data!("p256.key.pem"), &crate::Source::Memory("key"), None).unwrap();
    let said = message(Identity::from_der(chain, &key, default_provider()));
    assert!(said.starts_with("certificate 2 in the chain given cannot be used"), "{said}");
}

#[test]
fn names_authorities_and_uses_are_told() {
    let identity = Identity::from_pem_files(path("rsa.pem"), path("rsa.key.pem")).unwrap();
    for good in ["host.example", "a.wild.example", "192.0.2.7", "2001:db8::7"] {
        assert!(identity.matches_name(&name(good)), "{good}");
    }
    for wrong in ["wild.example", "192.0.2.8", "example"] {
        assert!(!identity.matches_name(&name(wrong)), "{wrong}");
    }
    let mut roots = RootStore::new();
    roots.add_pem(test_data!("ca.pem")).unwrap();
    assert!(identity.issued_by(&roots.authorities()));
    assert!(identity.issued_by::<Vec<u8>>(&[]));
    assert!(!identity.issued_by(&Authority::new("Other").roots().authorities()));

    assert!(identity.allows(KeyUse::KeyEncipherment) && identity.allows(KeyUse::DigitalSignature));
    assert!(!identity.allows(KeyUse::KeyAgreement));
    let stapled = identity.clone().with_ocsp_response(vec![1, 2]);
    assert_eq!(stapled.ocsp_response(), Some(&[1, 2][..]));
    let list = SctList::new([b"one"]).unwrap();
    assert_eq!(stapled.with_sct_list(list.clone()).sct_list(), Some(&list));
    assert_eq!(identity.sct_list(), None);
}

#[test]
fn authorities_above_an_intermediate_count() {
    let root = Authority::new("Root");
    let middle = root.intermediate("Middle");
    let leaf = middle.leaf(|_| {});
    let key = leaf.private_key();
    let chain = vec![leaf.der, middle.der().clone()];
    let identity = Identity::from_der(chain, &key, default_provider()).unwrap();
    assert!(identity.issued_by(&root.roots().authorities()));
    let middle_name = Fields::parse(middle.der()).unwrap().subject;
    assert!(identity.issued_by(&[middle_name]));
}

/// A key that tells nothing but its kind.
#[derive(Debug)]
struct Elsewhere(KeyAlgorithm);

impl PrivateKey for Elsewhere {
    fn algorithm(&self) -> KeyAlgorithm {
        self.0
    }

    fn schemes(&self) -> &[SignatureScheme] {
        &[SignatureScheme::ECDSA_SECP256R1_SHA256]
    }

    fn sign<'a>(&'a self, _: SignatureScheme, message: &'a [u8]) -> MaybeReady<'a, Result<Vec<u8>, CryptoError>> {
        MaybeReady::future(async move { Ok(message.to_vec()) })
    }
}

#[test]
fn a_key_elsewhere_has_to_be_of_the_right_kind() {
    let chain = || pem_chain(test_data!("p256.pem"));
    let identity = Identity::with_key(chain(), Arc::new(Elsewhere(KeyAlgorithm::EcdsaP256))).unwrap();
    assert!(!identity.key().can_decrypt());
    let refused = identity.key().decrypt_or_keep(&[], [3, 3], zeroize::Zeroizing::new([0; 48]));
    assert!(matches!(refused.try_take(), Ok(Err(CryptoError::Unsupported))));
    let said = message(Identity::with_key(chain(), Arc::new(Elsewhere(KeyAlgorithm::Rsa))));
    assert!(said.contains("the key is Rsa, the certificate's is PublicKey"), "{said}");
}
