//! Keys and identities under a password, as OpenSSL writes them (RFC 8018, RFC 7292).

use std::path::PathBuf;

use crate::testing::test_data;
use crate::{Identity, LoadError};

fn path(file: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "test-data", file].iter().collect()
}

fn refused(result: Result<Identity, LoadError>) -> LoadError {
    result.map(|_| ()).unwrap_err()
}

#[cfg(feature = "encrypted-keys")]
mod keys {
    use clasp_crypto::KeyAlgorithm;

    use super::*;

    fn load(key: &str, password: &[u8]) -> Result<Identity, LoadError> {
        Identity::from_pem_files_with_password(path("p256.pem"), path(key), password)
    }

    #[test]
    fn the_password_opens_every_kind() {
        for key in ["aes256.key.pem", "aes128-sha1.key.pem", "des3.key.pem", "scrypt.key.pem", "aes256.key.der"] {
            let identity = load(&format!("encrypted/{key}"), b"clasp").unwrap_or_else(|e| panic!("{key}: {e}"));
            // That it is the certificate's was looked at, so the whole key is right.
            assert_eq!(identity.key_algorithm(), KeyAlgorithm::EcdsaP256, "{key}");
        }
        let rsa = Identity::from_pem_files_with_password(path("rsa.pem"), path("rsa.encrypted.key.pem"), b"clasp");
        assert_eq!(rsa.unwrap().key_algorithm(), KeyAlgorithm::Rsa);
    }

    #[test]
    fn a_key_without_a_certificate_is_opened_as_well() {
        let load =
            |password| Identity::raw_public_key_from_pem_file_with_password(path("encrypted/aes256.key.pem"), password);
        let (raw, identity) =
            (load(b"clasp").unwrap(), Identity::from_pem_files(path("p256.pem"), path("p256.key.pem")));
        assert!(raw.is_raw_public_key());
        assert_eq!(raw.public_key().spki(), identity.unwrap().public_key().spki());
        let error = refused(load(b"another"));
        assert!(matches!(error, LoadError::WrongPassword { .. }), "{error}");
    }

    #[test]
    fn another_password_is_said_to_be_wrong() {
        // So many that wrong padding alone would let one through.
        for number in 0..300_u32 {
            let password = number.to_string();
            let key = test_data!("encrypted/aes128-sha1.key.pem");
            let error = refused(Identity::from_pem_with_password(test_data!("p256.pem"), key, password.as_bytes()));
            assert!(matches!(error, LoadError::WrongPassword { .. }), "{password}: {error}");
        }
        let error = refused(load("encrypted/scrypt.key.pem", b""));
        assert!(error.to_string().contains("the password given does not open"), "{error}");
        assert!(error.to_string().contains("scrypt.key.pem"), "{error}");
    }

    #[test]
    fn without_a_password_it_is_said_to_need_one() {
        for key in ["encrypted/aes256.key.pem", "encrypted/aes256.key.der"] {
            let error = refused(Identity::from_pem_files(path("p256.pem"), path(key)));
            assert!(matches!(error, LoadError::EncryptedKey { .. }), "{key}: {error}");
            assert!(error.to_string().contains("from_pem_files_with_password"), "{error}");
        }
    }

    #[test]
    fn a_key_that_is_not_encrypted_needs_none() {
        assert!(load("p256.key.pem", b"clasp").is_ok());
        assert!(load("p256.sec1.key.pem", b"").is_ok());
    }

    #[test]
    fn older_ways_are_named_with_the_way_out() {
        for (key, what) in [("encrypted/pbes1.key.pem", "PBES1"), ("encrypted/pkcs12-pbe.key.pem", "not supported (")] {
            let said = refused(load(key, b"clasp")).to_string();
            assert!(said.contains(what) && said.contains("openssl pkcs8 -topk8 -v2"), "{said}");
        }
        let older = refused(Identity::from_pem_files_with_password(
            path("rsa.pem"),
            path("rsa.encrypted.pkcs1.key.pem"),
            b"clasp",
        ));
        assert!(matches!(older, LoadError::OldEncryptedKey { .. }), "{older}");
    }

    #[test]
    fn a_damaged_key_is_an_error_and_no_more() {
        let key = std::fs::read(path("encrypted/aes256.key.der")).unwrap();
        for place in 0..key.len() {
            let mut bent = key.clone();
            bent[place] ^= 1;
            refused(Identity::from_pem_with_password(test_data!("p256.pem"), &bent, b"clasp"));
        }
        for length in 0..key.len() {
            refused(Identity::from_pem_with_password(test_data!("p256.pem"), &key[..length], b"clasp"));
        }
    }

    #[test]
    fn work_without_bound_is_not_begun() {
        let mut key = std::fs::read(path("encrypted/aes256.key.der")).unwrap();
        // Salt and iteration count are 04 08 (8 octets) 02 02 08 00: two octets of the salt give way to a longer count.
        let count = key.windows(4).position(|window| window == [2, 2, 8, 0]).unwrap();
        let salt = count - 10;
        assert_eq!(key[salt..salt + 2], [4, 8]);
        key[salt + 1] = 6;
        key.splice(count - 2..count + 4, [2, 4, 0x7f, 0xff, 0xff, 0xff]);
        let error = refused(Identity::from_pem_with_password(test_data!("p256.pem"), &key, b"clasp"));
        assert!(error.to_string().contains("more work or memory"), "{error}");
    }
}

#[cfg(feature = "pkcs12")]
mod pkcs12 {
    use super::*;
    use crate::testing::pem_chain;

    fn load(file: &str, password: &str) -> Result<Identity, LoadError> {
        Identity::from_pkcs12_file(path(&format!("encrypted/{file}")), password)
    }

    #[test]
    fn what_openssl_writes_is_read() {
        let own = pem_chain(test_data!("p256.pem"));
        for (file, password) in [
            ("usual.p12", "clasp"),
            ("legacy.p12", "clasp"),
            ("pbes1-rc2.p12", "clasp"),
            ("named.p12", "clasp"),
            ("no-mac.p12", "clasp"),
            ("no-password.p12", ""),
        ] {
            let identity = load(file, password).unwrap_or_else(|e| panic!("{file}: {e}"));
            // The root's own certificate is in the file, and of no use to peers.
            assert_eq!(identity.chain(), own, "{file}");
        }
        let root = load("root.p12", "clasp").unwrap();
        assert_eq!(root.chain(), pem_chain(test_data!("ca.pem")));
    }

    #[test]
    fn another_password_is_said_to_be_wrong() {
        for file in ["usual.p12", "legacy.p12", "no-mac.p12"] {
            let error = refused(load(file, "Clasp"));
            assert!(matches!(error, LoadError::WrongPassword { .. }), "{file}: {error}");
            assert!(error.to_string().contains(file), "{error}");
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        let error = refused(load("no-key.p12", "clasp"));
        assert!(matches!(error, LoadError::NoPrivateKey { .. }), "{error}");
        let error = refused(load("no-certificate.p12", "clasp"));
        assert!(matches!(error, LoadError::NoCertificate { .. }), "{error}");
        let error = refused(Identity::from_pkcs12(test_data!("p256.pem"), "clasp"));
        assert!(error.to_string().contains("made by: openssl pkcs12 -export"), "{error}");
        let error = refused(load("none.p12", "clasp"));
        assert!(matches!(error, LoadError::Io { .. }), "{error}");
    }

    #[test]
    fn a_damaged_file_is_an_error_and_no_more() {
        let file = std::fs::read(path("encrypted/usual.p12")).unwrap();
        for length in (0..file.len()).step_by(7) {
            refused(Identity::from_pkcs12(&file[..length], "clasp"));
        }
        // The MAC covers the content.
        for place in (40..file.len() - 100).step_by(97) {
            let mut bent = file.clone();
            bent[place] ^= 1;
            refused(Identity::from_pkcs12(&bent, "clasp"));
        }
    }
}
