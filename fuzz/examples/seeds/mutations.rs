//! Seeds of the targets that change what is said on its way: handshakes that nobody touches, each kind of mutation, and those
//! that somebody who did not look would go on from.

use crate::corpus::Corpus;

/// Adds them.
pub(crate) fn add(corpus: &mut Corpus) {
    mutated_today(corpus);
    mutated_old(corpus);
    mutated_tls13(corpus);
    to_be_refused(corpus);
}

/// Handshakes of TLS 1.2.
fn mutated_today(corpus: &mut Corpus) {
    for suite in 0..8_u8 {
        corpus.add("mutated_handshake", &format!("untouched-{suite}"), vec![suite, 0]);
        let choice = suite | 0x18;
        corpus.add("mutated_handshake", &format!("untouched-all-offered-{suite}"), vec![choice, suite << 5 | 0x1f]);
        corpus.add("mutated_handshake", &format!("untouched-resumed-by-ticket-{suite}"), vec![suite | 0x20, 0xd0]);
        corpus.add("mutated_handshake", &format!("untouched-resumed-by-id-{suite}"), vec![suite | 0x60, 0x01]);
    }
    corpus.add("mutated_handshake", "untouched-client-shows-ecdsa", vec![0, 0xd0]);
    corpus.add("mutated_handshake", "untouched-client-shows-rsa", vec![3, 0xd8]);
    corpus.add("mutated_handshake", "untouched-client-declines", vec![1, 0x94]);
    for kind in 0..18_u8 {
        for (side, from) in [(0, "client"), (0x80, "server")] {
            let seed = vec![kind % 8, 0xd0, side | (kind % 5), kind, 0, 40 + kind, 1];
            corpus.add("mutated_handshake", &format!("kind-{kind}-from-{from}"), seed.clone());
            let resumed = [&[0x20 | (kind % 2 * 0x40) | seed[0]], &seed[1..]].concat();
            corpus.add("mutated_handshake", &format!("kind-{kind}-from-{from}-resumed"), resumed);
        }
    }
}

/// Handshakes of TLS 1.1, TLS 1.0 and SSL 3.0, and hellos in SSL 2.0's format: untouched, and each kind of mutation.
fn mutated_old(corpus: &mut Corpus) {
    const AGES: [(&str, u8); 6] = [
        ("tls11", 0),
        ("tls10", 1),
        ("ssl30", 2),
        ("sslv2-to-tls12", 0x1f),
        ("sslv2-to-ssl30", 0x1b),
        ("all-to-tls10", 7),
    ];
    for (name, age) in AGES {
        for suite in 0..12_u8 {
            let seed = vec![0x80 | (suite & 7), 0xd8 & (suite % 2).wrapping_neg(), age | (suite >> 3) << 5];
            corpus.add("mutated_handshake", &format!("old-{name}-{suite}"), seed);
        }
        corpus.add("mutated_handshake", &format!("old-{name}-resumed"), vec![0x80 | 0x60 | 3, 0xd8, age]);
        for kind in 0..18_u8 {
            let seed = vec![0x80 | (kind % 8), 0xd8, age, (kind % 2 * 0x80) | (kind % 5), kind, 0, 40 + kind, 1];
            corpus.add("mutated_handshake", &format!("old-{name}-kind-{kind}"), seed);
        }
    }
}

/// Handshakes of TLS 1.3: each way they go untouched, and each kind of mutation by each who may do it.
fn mutated_tls13(corpus: &mut Corpus) {
    const WAYS: [(&str, u8); 4] = [("full", 0), ("ticket", 0x10), ("stored-ticket", 0x20), ("external", 0x30)];
    const EARLY: [(&str, u8); 4] = [("", 0), ("-early", 0x40), ("-early-refused", 0x80), ("-early-unsure", 0xc0)];
    const WHO: [(&str, u8); 3] = [("stranger", 0), ("insider", 1), ("peer", 2)];
    const REST: [(&str, u8, u8); 8] = [
        ("", 0, 0),
        ("retry", 0x08, 0),
        ("shows", 0x07, 0),
        ("later", 0x04, 0x04),
        ("declines-later", 0, 0x04),
        ("updates", 0, 0x18),
        ("short-compressed", 0x34, 0x60),
        ("also-tls12", 0xc0, 0x80),
    ];
    for (way, first) in WAYS {
        for (early, flag) in EARLY.iter().take(if (0x10..0x30).contains(&first) { 4 } else { 1 }) {
            for (number, (rest, second, third)) in (0..).zip(REST) {
                let (who, by) = WHO[(number + usize::from(first >> 4)) % 3];
                let seed = vec![first | flag | (second >> 4 & 3), second, third | by];
                let name = format!("untouched-{way}{early}-{rest}-{who}").replace("--", "-");
                corpus.add("mutated_tls13", &name, seed);
            }
        }
    }
    for (who, by) in WHO {
        for kind in 0..if by == 0 { 18 } else { 22_u8 } {
            for (side, from) in [(0, "client"), (0x80, "server")] {
                let (way, first) = WAYS[usize::from(kind) % 4];
                let first = if (0x10..0x30).contains(&first) { first | 0x40 } else { first };
                let (_, second, third) = REST[usize::from(kind + side / 0x80) % 8];
                let mutation = [side | (kind * 7 % 6), kind, 0, 40 + kind, kind];
                let seed = [&[first, second, third | by][..], &mutation].concat();
                corpus.add("mutated_tls13", &format!("{who}-{kind}-from-{from}-{way}"), seed);
            }
        }
    }
}

/// What a Finished would reveal, and must be refused before one is there.
fn to_be_refused(corpus: &mut Corpus) {
    let handshakes: [(&str, &[u8]); 9] = [
        ("suite-not-offered", &[0, 0, 0x80, 0, 0, 45, 7]),
        ("suite-not-the-sessions", &[0x60, 1, 0, 0, 0, 79, 4]),
        ("session-without-extended-master-secret", &[0x60, 0, 0, 12, 0, 23, 0]),
        ("client-says-again", &[0, 0, 0, 17, 0xff, 1, 3, 2, 7, 7]),
        ("server-says-again", &[0, 0, 0x80, 17, 0xff, 1, 3, 2, 7, 7]),
        ("extension-not-asked-for", &[0, 0, 0x80, 17, 0, 15, 1, 1]),
        ("extended-master-secret-not-asked-for", &[0, 1, 0x80, 17, 0, 23, 0]),
        ("older-version", &[0x98, 0, 0x0f, 0, 0, 0, 10, 1]),
        ("thief", &[0, 0x40]),
    ];
    for (name, seed) in handshakes {
        corpus.add("mutated_handshake", &format!("refused-{name}"), seed.to_vec());
    }
    for (who, kind) in [("stranger", 12), ("insider", 15)] {
        let by = u8::from(who == "insider");
        corpus.add("mutated_tls13", &format!("refused-older-version-{who}"), vec![0, 0xc0, by, 0, kind, 0, 43, 0]);
    }
    // The suite in the hello after a HelloRetryRequest, where the client offers others.
    for other in 1..4 {
        let seed = vec![4, 8, 2, 0x82, 0, 0, 72, other];
        corpus.add("mutated_tls13", &format!("refused-suite-not-the-retrys-{other}"), seed);
    }
    // The last byte of the Finished, under a hash of either length.
    for (from, message) in [("client", 2), ("server", 0x85)] {
        let seed = vec![0, 0, 2, message, 0, 1, 0xd3, 1];
        corpus.add("mutated_tls13", &format!("refused-finished-of-{from}"), seed);
    }
    corpus.add("mutated_tls13", "refused-binder", vec![0x30, 0, 2, 0, 0, 0xff, 0xf0, 1]);
    corpus.add("mutated_tls13", "refused-bytes-behind-the-finished", vec![0, 0, 2, 0x85, 21, 0, 1, 0, 9, 9, 9, 9]);
}
