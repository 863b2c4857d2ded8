//! Sealing and opening records (RFC 5246 6.2.3), each suite through `Writer` and `Reader`; beside the AEADs, ring alone
//! doing the same work on a buffer that is already there.

use std::hint::black_box;

use bytes::BytesMut;
use clasp::crypto::{AeadAlgorithm, BlockCipherAlgorithm, HashAlgorithm, default_provider};
use clasp::record::{AeadBulk, Bulk, CbcBulk, Form, IvPolicy, Keys, Reader, Writer};
use clasp::wire::{ContentType, ProtocolVersion};
use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use ring::aead;

const SIZES: [usize; 2] = [16 * 1024, 1024];
const KEY: [u8; 64] = [0x42; 64];
/// Records in one batch of the opening side: few enough for the buffers to stay in the cache.
const BATCH: usize = 8;

struct Case {
    name: &'static str,
    bulk: Box<dyn Bulk>,
    encrypt_then_mac: bool,
    ring: Option<&'static aead::Algorithm>,
}

fn cases() -> Vec<Case> {
    let aead = |name, algorithm, ring| Case {
        name,
        bulk: Box::new(AeadBulk { algorithm }),
        encrypt_then_mac: false,
        ring: Some(ring),
    };
    let cbc = |name, cipher, mac, encrypt_then_mac| Case {
        name,
        bulk: Box::new(CbcBulk { cipher, mac }),
        encrypt_then_mac,
        ring: None,
    };
    use BlockCipherAlgorithm::{Aes128, Aes256};
    vec![
        aead("aes128-gcm", AeadAlgorithm::Aes128Gcm, &aead::AES_128_GCM),
        aead("aes256-gcm", AeadAlgorithm::Aes256Gcm, &aead::AES_256_GCM),
        aead("chacha20-poly1305", AeadAlgorithm::ChaCha20Poly1305, &aead::CHACHA20_POLY1305),
        cbc("aes128-cbc-sha", Aes128, HashAlgorithm::Sha1, false),
        cbc("aes128-cbc-sha-etm", Aes128, HashAlgorithm::Sha1, true),
        cbc("aes128-cbc-sha256", Aes128, HashAlgorithm::Sha256, false),
        cbc("aes128-cbc-sha256-etm", Aes128, HashAlgorithm::Sha256, true),
        cbc("aes256-cbc-sha384", Aes256, HashAlgorithm::Sha384, false),
        cbc("aes256-cbc-sha384-etm", Aes256, HashAlgorithm::Sha384, true),
    ]
}

impl Case {
    fn keys(&self) -> Keys<'static> {
        let lengths = self.bulk.lengths(IvPolicy::Explicit);
        Keys { mac_key: &KEY[..lengths.mac_key], key: &KEY[..lengths.key], iv: &KEY[..lengths.iv] }
    }

    fn form(&self) -> Form {
        Form::new(ProtocolVersion::TLS_1_2, IvPolicy::Explicit, self.encrypt_then_mac)
    }

    fn writer(&self) -> Writer {
        let mut writer = Writer::new();
        writer.install(self.bulk.seal(default_provider(), self.keys(), self.form()).unwrap());
        writer
    }

    fn reader(&self) -> Reader {
        let mut reader = Reader::new();
        reader.install(self.bulk.open(default_provider(), self.keys(), self.form()).unwrap());
        reader
    }

    fn ring_key(&self) -> Option<aead::LessSafeKey> {
        let algorithm = self.ring?;
        let key = aead::UnboundKey::new(algorithm, &KEY[..algorithm.key_len()]).unwrap();
        Some(aead::LessSafeKey::new(key))
    }
}

fn nonce() -> aead::Nonce {
    aead::Nonce::assume_unique_for_key([7; 12])
}

fn seal(c: &mut Criterion) {
    for size in SIZES {
        let mut group = c.benchmark_group(format!("seal {size}"));
        group.throughput(Throughput::Bytes(size as u64));
        let plaintext = vec![0x17; size];
        for case in cases() {
            group.bench_function(case.name, |b| {
                let (mut writer, mut out) = (case.writer(), BytesMut::new());
                let mut written = 0_u64;
                b.iter(|| {
                    // GCM keys are good for 2^24 records.
                    written += 1;
                    if written.is_multiple_of(1 << 23) {
                        writer = case.writer();
                    }
                    out.clear();
                    writer
                        .write(ContentType::APPLICATION_DATA, &plaintext, default_provider().random, &mut out)
                        .unwrap();
                    black_box(&out);
                });
            });
            ring_seal(&mut group, &case, &plaintext);
        }
    }
}

/// The copy into the record is part of the work: the caller's plaintext must stay.
fn ring_seal(group: &mut BenchmarkGroup<'_, WallTime>, case: &Case, plaintext: &[u8]) {
    let Some(key) = case.ring_key() else { return };
    group.bench_function(format!("{} (ring alone)", case.name), |b| {
        let mut out = plaintext.to_vec();
        b.iter(|| {
            out.copy_from_slice(plaintext);
            let tag = key.seal_in_place_separate_tag(nonce(), aead::Aad::from([0; 13]), &mut out).unwrap();
            let _ = black_box(tag);
        });
    });
}

fn open(c: &mut Criterion) {
    for size in SIZES {
        let mut group = c.benchmark_group(format!("open {size}"));
        group.throughput(Throughput::Bytes((size * BATCH) as u64));
        let plaintext = vec![0x17; size];
        for case in cases() {
            group.bench_function(case.name, |b| {
                let (mut writer, mut sealed) = (case.writer(), BytesMut::new());
                for _ in 0..BATCH {
                    writer
                        .write(ContentType::APPLICATION_DATA, &plaintext, default_provider().random, &mut sealed)
                        .unwrap();
                }
                b.iter_batched(
                    || (case.reader(), BytesMut::from(&sealed[..])),
                    |(mut reader, mut buffer)| {
                        while let Some(record) = reader.next(&mut buffer).unwrap() {
                            black_box(&record.payload);
                        }
                        // Returned, so that freeing is not measured.
                        (reader, buffer)
                    },
                    BatchSize::NumIterations(4),
                );
            });
            ring_open(&mut group, &case, &plaintext);
        }
    }
}

fn ring_open(group: &mut BenchmarkGroup<'_, WallTime>, case: &Case, plaintext: &[u8]) {
    let Some(key) = case.ring_key() else { return };
    let mut record = plaintext.to_vec();
    key.seal_in_place_append_tag(nonce(), aead::Aad::from([0; 13]), &mut record).unwrap();
    group.bench_function(format!("{} (ring alone)", case.name), |b| {
        b.iter_batched(
            || vec![record.clone(); BATCH],
            |mut records| {
                for record in &mut records {
                    black_box(key.open_in_place(nonce(), aead::Aad::from([0; 13]), record).unwrap());
                }
                records
            },
            BatchSize::NumIterations(4),
        );
    });
}

criterion_group!(benches, seal, open);
criterion_main!(benches);
