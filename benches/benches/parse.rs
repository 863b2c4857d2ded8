//! What a handshake does besides public-key arithmetic: reading and writing a hello (RFC 5246 7.4.1), the master secret and
//! the key block (RFC 5246 6.3, 8.1).

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use clasp::crypto::{HashAlgorithm, default_provider};
use clasp::keys::{KeyLengths, MasterSecret, Schedule, Tls12};
use clasp::record::Reader;
use clasp::wire::{ClientHello, HandshakeMessage, Reassembler};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// The first record of `openssl s_client -servername www.example.com -alpn h2,http/1.1 -status -no_tls1_3`, OpenSSL 3.0:
/// 28 suites and 9 extensions.
const CLIENT_HELLO: &str = concat!(
    "16030100e6010000e2030355cbf278530c27f940c4a8d90ff7310f8d142217bdec028a513e55efb24d13c0000038c02cc030009fcca9cca8",
    "ccaac02bc02f009ec024c028006bc023c0270067c00ac0140039c009c0130033009d009c003d003c0035002f00ff01000081000000140012",
    "00000f7777772e6578616d706c652e636f6d000b000403000102000a00080006001d00170018002300000005000501000000000010000e00",
    "0c02683208687474702f312e310016000000170000000d002a0028040305030603080708080809080a080b08040805080604010501060103",
    "0303010302040205020602",
);

fn captured() -> Bytes {
    let digits = CLIENT_HELLO.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn client_hello(c: &mut Criterion) {
    let record = captured();
    let mut group = c.benchmark_group("client hello");
    group.throughput(Throughput::Bytes(record.len() as u64));

    group.bench_function("from the socket's bytes", |b| {
        b.iter(|| {
            let (mut reader, mut buffer) = (Reader::new(), BytesMut::from(&record[..]));
            let mut reassembler = Reassembler::new(1 << 16);
            reassembler.push(reader.next(&mut buffer).unwrap().unwrap().payload).unwrap();
            black_box(reassembler.next().unwrap().unwrap().parse::<ClientHello>().unwrap())
        });
    });

    let body = record.slice(9..);
    group.bench_function("parse", |b| b.iter(|| black_box(ClientHello::parse_body(black_box(&body)).unwrap())));

    let hello = ClientHello::parse_body(&body).unwrap();
    assert_eq!(hello.encode(), record.slice(5..));
    group.bench_function("write", |b| {
        let mut out = BytesMut::new();
        b.iter(|| {
            out.clear();
            black_box(&hello).write(&mut out);
            black_box(&out);
        });
    });
}

fn schedule(c: &mut Criterion) {
    let (client_random, server_random) = ([1; 32], [2; 32]);
    for (name, hash, lengths) in [
        ("sha256, aes128-gcm", HashAlgorithm::Sha256, KeyLengths { mac_key: 0, key: 16, iv: 4 }),
        ("sha384, aes256-gcm", HashAlgorithm::Sha384, KeyLengths { mac_key: 0, key: 32, iv: 4 }),
        ("sha256, aes128-cbc-sha", HashAlgorithm::Sha256, KeyLengths { mac_key: 20, key: 16, iv: 0 }),
    ] {
        let schedule = Tls12::new(default_provider(), hash).unwrap();
        let mut group = c.benchmark_group(format!("key schedule {name}"));
        group.bench_function("master secret", |b| {
            b.iter(|| black_box(schedule.master_secret(black_box(&[3; 48]), &client_random, &server_random)));
        });
        let master = MasterSecret::new([4; 48]);
        group.bench_function("key block", |b| {
            b.iter(|| {
                black_box(schedule.master_key(black_box(&master)).key_block(&client_random, &server_random, lengths))
            });
        });
    }
}

criterion_group!(benches, client_hello, schedule);
criterion_main!(benches);
