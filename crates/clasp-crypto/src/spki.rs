//! Writing a SubjectPublicKeyInfo (RFC 5280 4.1.2.7).

use rustls_pki_types::alg_id;

use crate::ring_provider::RSASSA_PSS;
use crate::traits::KeyAlgorithm;

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;

/// Puts a public key, as it stands in the bit string, into its SPKI.
pub(crate) fn encode(algorithm: KeyAlgorithm, key: &[u8]) -> Vec<u8> {
    let id = match algorithm {
        KeyAlgorithm::Rsa => alg_id::RSA_ENCRYPTION,
        KeyAlgorithm::EcdsaP256 => alg_id::ECDSA_P256,
        KeyAlgorithm::EcdsaP384 => alg_id::ECDSA_P384,
        KeyAlgorithm::EcdsaP521 => alg_id::ECDSA_P521,
        KeyAlgorithm::Ed25519 => alg_id::ED25519,
        KeyAlgorithm::RsaPss => RSASSA_PSS,
    };
    let mut inner = Vec::with_capacity(key.len() + 32);
    tag(&mut inner, SEQUENCE, &[id.as_ref()]);
    tag(&mut inner, BIT_STRING, &[&[0], key]);
    let mut out = Vec::with_capacity(inner.len() + 4);
    tag(&mut out, SEQUENCE, &[&inner]);
    out
}

fn tag(out: &mut Vec<u8>, tag: u8, parts: &[&[u8]]) {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    out.push(tag);
    let bytes = len.to_be_bytes();
    let digits: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
    match digits.as_slice() {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        long => {
            // At most eight digits: they fit beside the flag.
            out.push(0x80 | u8::try_from(long.len()).unwrap_or(0));
            out.extend_from_slice(long);
        }
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
}
