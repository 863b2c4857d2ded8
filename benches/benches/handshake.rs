//! Whole handshakes of Clasp with itself, both ends in one thread (RFC 5246 7.3): what one costs in all, by key exchange
//! and by kind of certificate. `cargo xtask bench peers` times each side alone and beside other libraries.

use clasp_benches::certs::{Chain, Key};
use clasp_benches::stack::{Clasp, Resume, Suite, shake};
use criterion::{Criterion, criterion_group, criterion_main};

fn handshake(c: &mut Criterion) {
    let mut group = c.benchmark_group("handshake, both ends");
    for (name, key, suite) in [
        ("ecdhe x25519, rsa 2048", Key::Rsa2048, Suite::EcdheAes128Gcm),
        ("ecdhe x25519, ecdsa p256", Key::P256, Suite::EcdheAes128Gcm),
        ("rsa 2048", Key::Rsa2048, Suite::RsaAes128Gcm),
    ] {
        let clasp = Clasp::make(&Chain::new(key), suite, Resume::Never).unwrap();
        group.bench_function(name, |b| {
            b.iter(|| {
                let (mut client, mut server) = (clasp.client(), clasp.server());
                shake(client.as_mut(), server.as_mut());
                (client, server)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, handshake);
criterion_main!(benches);
