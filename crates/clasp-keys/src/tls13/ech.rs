//! How a server shows that it took the inner hello of Encrypted ClientHello (RFC 9849 7.2).

use super::kdf::Kdf;

/// What the last eight bytes of the server's random are when it did. `inner_random` is the inner ClientHello's, and the
/// hash covers the inner ClientHello and the ServerHello with these eight bytes as zeros.
pub fn ech_accept_confirmation(kdf: Kdf, inner_random: &[u8; 32], transcript_hash: &[u8]) -> [u8; 8] {
    confirmation(kdf, inner_random, b"ech accept confirmation", transcript_hash)
}

/// What the `encrypted_client_hello` extension of a HelloRetryRequest holds when it did (RFC 9849 7.2.1). The hash covers
/// the `message_hash` of the first inner ClientHello and the HelloRetryRequest with these eight bytes as zeros.
pub fn ech_hello_retry_confirmation(kdf: Kdf, inner_random: &[u8; 32], transcript_hash: &[u8]) -> [u8; 8] {
    confirmation(kdf, inner_random, b"hrr ech accept confirmation", transcript_hash)
}

fn confirmation(kdf: Kdf, inner_random: &[u8; 32], label: &[u8], transcript_hash: &[u8]) -> [u8; 8] {
    let mut out = [0; 8];
    kdf.extract_key(&[], Some(inner_random)).expand_label(label, transcript_hash, &mut out);
    out
}
