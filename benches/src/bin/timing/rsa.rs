//! RSA key exchange, as the server sees it: what a client may have encrypted, and two ways to take it.

use std::backtrace::Backtrace;
use std::hint::black_box;
use std::sync::Arc;

use clasp::crypto::{RsaDecrypter, SigningKey, default_provider};
use clasp_benches::timing::{Class, Comparison, Random, Subject};
use clasp_crypto::for_timing::unpad_or_keep;
use openssl::rsa::{Padding, Rsa};
use rustls_pki_types::PrivateKeyDer;

/// The length of a pre-master secret, bytes.
pub(crate) const SECRET: usize = 48;
/// The version it begins with.
pub(crate) const VERSION: [u8; 2] = [3, 3];
/// What is kept where anything is wrong.
pub(crate) const FALLBACK: [u8; SECRET] = [0x55; SECRET];
/// Bytes of padding that must be there (RFC 8017 7.2.2).
const LEAST_PADDING: usize = 8;

/// What may stand in an encoded block. All but the first must lead to the fallback, and none may show.
pub(crate) const BLOCKS: [&str; 10] = [
    "good",
    "block type 1",
    "first byte not zero",
    "zero in the first 8 of the padding",
    "zero further on in the padding",
    "no separator",
    "message a byte short",
    "message a byte long",
    "wrong major version",
    "wrong minor version",
];

/// What is no ciphertext. The client knows that, but it must not take another time either.
const NO_CIPHERTEXTS: [&str; 3] = ["ciphertext not below n", "ciphertext a byte short", "ciphertext a byte long"];

/// An encoded block of `width` bytes.
pub(crate) fn block(class: Class, width: usize, random: &mut Random) -> Vec<u8> {
    let mut em: Vec<u8> = (0..width).map(|_| random.nonzero()).collect();
    let message = width - SECRET;
    em[0] = 0;
    em[1] = 2;
    em[message - 1] = 0;
    em[message..message + 2].copy_from_slice(&VERSION);
    let far = 2 + LEAST_PADDING;
    match class {
        1 => em[1] = 1,
        2 => em[0] = 1 + (random.below(0x7f)) as u8,
        3 => em[2 + random.below(LEAST_PADDING)] = 0,
        4 => em[far + random.below(message - 1 - far)] = 0,
        5 => em[message - 1] = random.nonzero(),
        6 => {
            em[message - 1] = random.nonzero();
            em[message] = 0;
        }
        7 => {
            em[message - 2] = 0;
            em[message - 1] = VERSION[0];
        }
        8 => em[message] ^= random.nonzero(),
        9 => em[message + 1] ^= random.nonzero(),
        _ => {}
    }
    em
}

/// A good one more often than each of the others: of the differences, those against it matter most.
fn draw(classes: usize, random: &mut Random) -> Class {
    if random.below(4) == 0 { 0 } else { random.below(classes) }
}

/// Each class against all others.
fn comparisons(names: &[&str]) -> Vec<Comparison> {
    let others = |class| (0..names.len()).filter(|other| *other != class).collect();
    let one = |(class, name): (usize, &&str)| Comparison {
        name: format!("{name} : the others"),
        a: vec![class],
        b: others(class),
    };
    names.iter().enumerate().map(one).collect()
}

/// Unpadding and selection of a decrypted block of a 2048-bit key.
pub(crate) struct Unpadding {
    pub(crate) unpad: fn(&[u8], &[u8], &mut [u8]),
}

impl Unpadding {
    const WIDTH: usize = 256;

    /// The library's.
    pub(crate) fn ours() -> Self {
        Self { unpad: unpad_or_keep }
    }

    /// As one would write it who knows of no attack.
    pub(crate) fn leaky() -> Self {
        Self { unpad: leaky_unpad }
    }
}

/// Control: returns at the first thing that is wrong.
#[inline(never)]
pub(crate) fn leaky_unpad(em: &[u8], prefix: &[u8], out: &mut [u8]) {
    let [0, 2, rest @ ..] = em else { return };
    let Some(zero) = rest.iter().position(|byte| *byte == 0) else { return };
    let message = &rest[zero + 1..];
    if zero >= LEAST_PADDING && message.len() == out.len() && message.starts_with(prefix) {
        out.copy_from_slice(message);
    }
}

impl Subject for Unpadding {
    fn classes(&self) -> usize {
        BLOCKS.len()
    }

    fn draw(&self, random: &mut Random) -> Class {
        draw(self.classes(), random)
    }

    fn comparisons(&self) -> Vec<Comparison> {
        comparisons(&BLOCKS)
    }

    fn prepare(&mut self, class: Class, random: &mut Random, input: &mut Vec<u8>) {
        input.extend_from_slice(&FALLBACK);
        input.extend(block(class, Self::WIDTH, random));
    }

    fn work(&mut self, input: &mut [u8]) {
        let (out, em) = input.split_at_mut(SECRET);
        (self.unpad)(em, &VERSION, out);
    }

    fn is_right(&self, class: Class, input: &[u8]) -> bool {
        let (out, em) = input.split_at(SECRET);
        out == if class == 0 { &em[Self::WIDTH - SECRET..] } else { &FALLBACK }
    }
}

/// All of RSA decryption, with a key of 1024 bits.
pub(crate) struct Decryption {
    openssl: Rsa<openssl::pkey::Private>,
    key: Arc<dyn SigningKey>,
    leaky: bool,
    names: Vec<&'static str>,
}

/// A new private key, for OpenSSL and as DER PKCS#8.
pub(crate) fn new_key() -> (Rsa<openssl::pkey::Private>, Vec<u8>) {
    let key = Rsa::generate(1024).expect("RSA key");
    let pkey = openssl::pkey::PKey::from_rsa(key.clone()).expect("RSA key");
    (key, pkey.private_key_to_pkcs8().expect("PKCS#8"))
}

impl Decryption {
    /// The library's.
    pub(crate) fn ours() -> Self {
        let (openssl, der) = new_key();
        let der = PrivateKeyDer::Pkcs8(der.into());
        let key = (default_provider().load_key)(&der).expect("a 1024-bit key");
        let names = BLOCKS.iter().chain(&NO_CIPHERTEXTS).copied().collect();
        Self { openssl, key, leaky: false, names }
    }

    /// Control: an error is made of bad padding, with a backtrace, as Java's exceptions had one (Meyer et al., "Revisiting
    /// SSL/TLS Implementations", USENIX Security 2014).
    pub(crate) fn leaky() -> Self {
        Self { leaky: true, ..Self::ours() }
    }

    fn decrypter(&self) -> &dyn RsaDecrypter {
        self.key.rsa_decrypter().expect("an RSA key")
    }
}

/// Encrypts a block as it is.
pub(crate) fn encrypt(key: &Rsa<openssl::pkey::Private>, em: &[u8]) -> Vec<u8> {
    let mut ciphertext = vec![0; em.len()];
    key.public_encrypt(em, &mut ciphertext, Padding::NONE).expect("RSA encryption");
    ciphertext
}

impl Subject for Decryption {
    fn classes(&self) -> usize {
        self.names.len()
    }

    fn draw(&self, random: &mut Random) -> Class {
        draw(self.classes(), random)
    }

    fn comparisons(&self) -> Vec<Comparison> {
        comparisons(&self.names)
    }

    fn prepare(&mut self, class: Class, random: &mut Random, input: &mut Vec<u8>) {
        let width = self.openssl.size() as usize;
        input.extend_from_slice(&FALLBACK);
        input.extend(encrypt(&self.openssl, &block(class, width, random)));
        match class.checked_sub(BLOCKS.len()) {
            Some(0) => input[SECRET..SECRET + width / 2].fill(0xff),
            Some(1) => input.truncate(SECRET + width - 1),
            Some(2) => input.push(0),
            _ => {}
        }
    }

    fn work(&mut self, input: &mut [u8]) {
        let (out, ciphertext) = input.split_at_mut(SECRET);
        let random = default_provider().random;
        let result = self.decrypter().decrypt_or_keep(ciphertext, &VERSION, out, random);
        if self.leaky && (result.is_err() || out == FALLBACK) {
            drop(black_box(Backtrace::force_capture()));
        }
    }

    fn is_right(&self, class: Class, input: &[u8]) -> bool {
        (input[..SECRET] == FALLBACK) == (class != 0)
    }
}
