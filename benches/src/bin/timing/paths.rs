//! What is measured: the library's paths, and controls that must be seen to leak.

use clasp::crypto::{BlockCipherAlgorithm, HashAlgorithm};
use clasp::record::Padding;
use clasp_benches::timing::Subject;

use crate::cbc::{Leak, Opening, Shape};
use crate::rsa::{Decryption, Unpadding};

/// One line of the table.
pub(crate) struct Path {
    pub(crate) name: &'static str,
    /// Leaks by intent.
    pub(crate) control: bool,
    /// How many times fewer measurements than of the quick ones.
    pub(crate) divisor: usize,
    pub(crate) subject: fn() -> Box<dyn Subject>,
}

/// Bytes encrypted in a record that has room for every padding, with each of the hashes.
pub(crate) const LONG: usize = 320;
/// And in one that has not.
pub(crate) const SHORT: usize = 96;

const fn ours(name: &'static str, subject: fn() -> Box<dyn Subject>) -> Path {
    Path { name, control: false, divisor: 1, subject }
}

const fn control(name: &'static str, subject: fn() -> Box<dyn Subject>) -> Path {
    Path { name, control: true, divisor: 10, subject }
}

/// All of them.
pub(crate) const PATHS: &[Path] = &[
    ours("RSA: unpadding and selection", || Box::new(Unpadding::ours())),
    ours("CBC: HMAC-SHA-1, 320 bytes", || long(HashAlgorithm::Sha1)),
    ours("CBC: HMAC-SHA-1, 96 bytes", || short(HashAlgorithm::Sha1)),
    ours("CBC: HMAC-SHA-256, 320 bytes", || long(HashAlgorithm::Sha256)),
    ours("CBC: HMAC-SHA-256, 96 bytes", || short(HashAlgorithm::Sha256)),
    ours("CBC: HMAC-SHA-384, 320 bytes", || long(HashAlgorithm::Sha384)),
    ours("CBC: HMAC-SHA-384, 96 bytes", || short(HashAlgorithm::Sha384)),
    ours("CBC: HMAC-MD5, 320 bytes", || long(HashAlgorithm::Md5)),
    ours("CBC: HMAC-MD5, 96 bytes", || short(HashAlgorithm::Md5)),
    ours("CBC: padding of SSL 3.0, 96 bytes", || Box::new(Opening::ours(ARBITRARY))),
    Path { divisor: 10, ..ours("RSA: decryption, 1024 bits", || Box::new(Decryption::ours())) },
    control("control: RSA unpadding with early returns", || Box::new(Unpadding::leaky())),
    // As many as of what it is held against.
    control("control: RSA, an exception for bad padding", || Box::new(Decryption::leaky())),
    control("control: CBC, return at wrong padding", || leaky(Leak::PaddingBranch)),
    control("control: CBC, HMAC as long as the content", || leaky(Leak::Length)),
    control("control: CBC, MAC compared with early exit", || leaky(Leak::EarlyExit)),
];

/// No byte of the padding but the last is looked at.
pub(crate) const ARBITRARY: Shape =
    Shape { cipher: BlockCipherAlgorithm::Aes128, mac: HashAlgorithm::Sha1, total: SHORT, padding: Padding::Arbitrary };

fn long(mac: HashAlgorithm) -> Box<dyn Subject> {
    Box::new(Opening::ours(Shape::new(mac, LONG)))
}

fn short(mac: HashAlgorithm) -> Box<dyn Subject> {
    Box::new(Opening::ours(Shape::new(mac, SHORT)))
}

fn leaky(leak: Leak) -> Box<dyn Subject> {
    Box::new(Opening::leaky(Shape::new(HashAlgorithm::Sha1, LONG), leak))
}
