//! The paths under valgrind's memcheck, with keys and what was decrypted marked as undefined: memcheck complains of every
//! branch and every address that depends on an undefined value, and so here on a secret. What it does not see is an
//! instruction that takes its own time by its operands.

use std::hint::black_box;
use std::process::ExitCode;

use clasp::crypto::{BlockCipherAlgorithm, CryptoError, HashAlgorithm, SecureRandom, default_provider};
use clasp_benches::timing::Random;
use clasp_crypto::for_timing::{OpenRsaKey, unpad_or_keep};
use crabgrind::memcheck::{MemState, mark_memory, vbits};
use crabgrind::valgrind::{count_errors, running_mode};
use regex::Regex;

use crate::cbc::{Kind, Leak, Leaky, Maker, Shape};
use crate::paths::{ARBITRARY, LONG, SHORT};
use crate::rsa::{self, BLOCKS, FALLBACK, SECRET, VERSION};

/// What must come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// No complaint.
    Clean,
    /// Complaints, as it leaks by intent.
    Flagged,
    /// Complaints, which are known and told in `SECURITY.md`.
    Known,
}

struct Case {
    name: &'static str,
    expected: Expected,
    /// What it means that there is no complaint.
    clean: &'static str,
    /// Gives how many inputs it had.
    run: fn() -> usize,
}

const fn clean(name: &'static str, run: fn() -> usize) -> Case {
    Case { name, expected: Expected::Clean, clean: "no branch or address depends on a secret", run }
}

const fn flagged(name: &'static str, run: fn() -> usize) -> Case {
    Case { name, expected: Expected::Flagged, clean: "NOT DETECTED", run }
}

const CASES: &[Case] = &[
    clean("RSA: unpadding and selection", || unpadding(unpad_or_keep)),
    Case {
        clean: "none but what memcheck.supp lists of rsa and crypto-bigint",
        ..clean("RSA: decryption, 1024 bits", decryption)
    },
    clean("CBC: AES, HMAC-SHA-1, 320 bytes", || opening(Shape::new(HashAlgorithm::Sha1, LONG))),
    clean("CBC: AES, HMAC-SHA-1, 96 bytes", || opening(Shape::new(HashAlgorithm::Sha1, SHORT))),
    clean("CBC: AES, HMAC-SHA-256, 320 bytes", || opening(Shape::new(HashAlgorithm::Sha256, LONG))),
    clean("CBC: AES, HMAC-SHA-256, 96 bytes", || opening(Shape::new(HashAlgorithm::Sha256, SHORT))),
    clean("CBC: AES, HMAC-SHA-384, 320 bytes", || opening(Shape::new(HashAlgorithm::Sha384, LONG))),
    clean("CBC: AES, HMAC-SHA-384, 96 bytes", || opening(Shape::new(HashAlgorithm::Sha384, SHORT))),
    clean("CBC: AES, HMAC-MD5, 320 bytes", || opening(Shape::new(HashAlgorithm::Md5, LONG))),
    clean("CBC: AES, HMAC-MD5, 96 bytes", || opening(Shape::new(HashAlgorithm::Md5, SHORT))),
    clean("CBC: AES, padding of SSL 3.0, 96 bytes", || opening(ARBITRARY)),
    flagged("control: RSA unpadding with early returns", || unpadding(rsa::leaky_unpad)),
    flagged("control: CBC, return at wrong padding", || leaky(Leak::PaddingBranch)),
    flagged("control: CBC, HMAC as long as the content", || leaky(Leak::Length)),
    flagged("control: CBC, MAC compared with early exit", || leaky(Leak::EarlyExit)),
    Case {
        name: "CBC: 3DES, HMAC-SHA-1, 96 bytes",
        expected: Expected::Known,
        clean: "no complaint any more: SECURITY.md says otherwise",
        run: || opening(TRIPLE_DES),
    },
];

const TRIPLE_DES: Shape = Shape { cipher: BlockCipherAlgorithm::TripleDes, ..Shape::new(HashAlgorithm::Sha1, SHORT) };

/// Runs the cases that must be clean, or those that must not; false when one came out otherwise.
pub(crate) fn run(controls: bool, filter: Option<&Regex>) -> ExitCode {
    if !running_mode().is_valgrind() {
        eprintln!("this is to be run by valgrind: cargo xtask timing --valgrind");
        return ExitCode::FAILURE;
    }
    println!("{:44} {:>7} {:>10}  verdict", "path", "inputs", "complaints");
    let mut wrong = false;
    let wanted = |case: &&Case| {
        (case.expected != Expected::Clean) == controls && filter.is_none_or(|filter| filter.is_match(case.name))
    };
    for case in CASES.iter().filter(wanted) {
        let before = count_errors();
        let inputs = (case.run)();
        let complaints = count_errors() - before;
        let (is_right, verdict) = match (case.expected, complaints) {
            (Expected::Clean, 0) => (true, case.clean),
            (Expected::Clean, _) => (false, "DEPENDS ON A SECRET"),
            (Expected::Flagged, 0) => (false, case.clean),
            (Expected::Flagged, _) => (true, "detected"),
            (Expected::Known, 0) => (true, case.clean),
            (Expected::Known, _) => (true, "known: the cipher's tables are looked up by secrets"),
        };
        wrong |= !is_right;
        println!("{:44} {inputs:7} {complaints:10}  {verdict}", case.name);
    }
    if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn mark(data: *const u8, len: usize, state: MemState) {
    mark_memory(data.cast(), len, state).expect("valgrind is there");
}

/// From here on, memcheck complains of what depends on it.
fn make_secret(data: &mut [u8]) {
    let data = black_box(data);
    mark(data.as_ptr(), data.len(), MemState::Undefined);
}

/// From here on, it may be known.
fn make_public<T: Copy>(mut value: T) -> T {
    // The compiler must not know that the value stays as it is.
    let place = black_box(&mut value);
    mark(std::ptr::from_mut(place).cast(), size_of::<T>(), MemState::Defined);
    *black_box(place)
}

/// Whether all of it is secret; that it is may have come from somewhere else.
fn is_secret(data: &[u8]) -> bool {
    let mut undefined = vec![0; data.len()];
    vbits(data.as_ptr().cast(), &mut undefined).expect("valgrind is there");
    undefined.iter().all(|bits| *bits == 0xff)
}

fn unpadding(unpad: fn(&[u8], &[u8], &mut [u8])) -> usize {
    let mut random = Random::new(1);
    for class in 0..BLOCKS.len() {
        let mut em = rsa::block(class, 256, &mut random);
        let good = em[256 - SECRET..].to_vec();
        let mut out = FALLBACK;
        make_secret(&mut em);
        make_secret(&mut out);
        unpad(&em, &VERSION, &mut out);
        assert!(is_secret(&em));
        assert_eq!(make_public(out)[..] == good, class == 0);
    }
    BLOCKS.len()
}

/// Random bytes are secret: they blind.
#[derive(Debug)]
struct SecretRandom;

impl SecureRandom for SecretRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        default_provider().random.fill(out)?;
        make_secret(out);
        Ok(())
    }
}

fn decryption() -> usize {
    let mut random = Random::new(1);
    let (openssl, der) = rsa::new_key();
    let key = OpenRsaKey::from_pkcs8(&der).expect("a 1024-bit key");
    let width = openssl.size() as usize;
    let mut ciphertexts: Vec<(Vec<u8>, Vec<u8>)> = (0..BLOCKS.len())
        .map(|class| {
            let em = rsa::block(class, width, &mut random);
            (rsa::encrypt(&openssl, &em), em[width - SECRET..].to_vec())
        })
        .collect();
    ciphertexts.push((vec![0xff; width], Vec::new()));
    ciphertexts.push((vec![1; width - 1], Vec::new()));
    for (at, len) in key.secrets() {
        mark(at, len, MemState::Undefined);
    }
    for (class, (ciphertext, message)) in ciphertexts.iter().enumerate() {
        let mut out = FALLBACK;
        make_secret(&mut out);
        let result = key.decrypter().decrypt_or_keep(ciphertext, &VERSION, &mut out, &SecretRandom);
        result.expect("randomness");
        assert!(is_secret(&out));
        assert_eq!(make_public(out)[..] == *message, class == 0);
    }
    ciphertexts.len()
}

fn opening(shape: Shape) -> usize {
    let mut random = Random::new(1);
    let mut mac_key = vec![0; shape.mac.output_len()];
    let mut key = vec![0; shape.cipher.key_len()];
    random.fill(&mut mac_key);
    random.fill(&mut key);
    let maker = Maker::new(shape, &mac_key, &key);
    make_secret(&mut mac_key);
    make_secret(&mut key);
    let mut judge = shape.judge(&mac_key, &key);
    for kind in maker.kinds() {
        let mut body = Vec::new();
        maker.record(*kind, &mut random, &mut body);
        let result = judge.judge(0, &shape.header(), &mut body).expect("whole blocks");
        // The plaintext, by way of the cipher's key. What memcheck has complained of, it takes to be defined.
        assert!(shape.cipher == TRIPLE_DES.cipher || is_secret(&body[shape.cipher.block_len()..]));
        // The verdict is public: the connection goes on or it ends.
        let (good, length) = make_public(result);
        match kind {
            Kind::Good(padding) => assert_eq!((good, length), (1, shape.most() - padding)),
            _ => assert_eq!(good, 0),
        }
    }
    maker.kinds().len()
}

fn leaky(leak: Leak) -> usize {
    let shape = Shape::new(HashAlgorithm::Sha1, SHORT);
    let mut random = Random::new(1);
    let leaky = Leaky::new(shape, leak);
    let maker = leaky.maker();
    for kind in maker.kinds() {
        let mut body = Vec::new();
        maker.record(*kind, &mut random, &mut body);
        let data = leaky.decrypt(&mut body);
        make_secret(data);
        let (good, _) = make_public(leaky.check(data));
        assert_eq!(good, matches!(kind, Kind::Good(_)));
    }
    maker.kinds().len()
}
