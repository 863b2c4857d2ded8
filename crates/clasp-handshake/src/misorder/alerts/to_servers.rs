//! What servers must refuse (RFC 8446 4, 9.2).

use super::*;

/// What a server must refuse.
pub(super) const CASES: &[Case] = &[
    // The client's hello.
    ("4.1.1", "no cipher suite in common", PLAIN, FIRST_HELLO, |m| m.set_suites(&[0x1399]), Alert::HANDSHAKE_FAILURE),
    (
        "4.1.1",
        "no group in common",
        PLAIN,
        FIRST_HELLO,
        |m| {
            m.set_groups(&[0x01ff]);
            m.set_shares(&[]);
        },
        Alert::HANDSHAKE_FAILURE,
    ),
    (
        "4.1.2",
        "a compression method beside null",
        PLAIN,
        FIRST_HELLO,
        |m| {
            let at = m.body.len() - 2;
            m.body.splice(at.., [2, 1, 0]);
        },
        Alert::ILLEGAL_PARAMETER,
    ),
    (
        "4.1.2",
        "another compression method than null",
        PLAIN,
        FIRST_HELLO,
        |m| {
            let at = m.body.len() - 1;
            m.body[at] = 1;
        },
        Alert::ILLEGAL_PARAMETER,
    ),
    (
        "4.1.2",
        "a session identifier of 33 bytes",
        PLAIN,
        FIRST_HELLO,
        |m| {
            m.body[34] = 33;
            m.body.insert(35, 0);
        },
        Alert::DECODE_ERROR,
    ),
    ("4.1.2", "no cipher suites", PLAIN, FIRST_HELLO, |m| m.set_suites(&[]), Alert::DECODE_ERROR),
    (
        "4.1.2",
        "the second hello has another random",
        RETRIED,
        SECOND_HELLO,
        |m| m.body[5] ^= 1,
        Alert::ILLEGAL_PARAMETER,
    ),
    (
        "4.1.2",
        "the second hello has another session identifier",
        RETRIED,
        SECOND_HELLO,
        |m| m.body[36] ^= 1,
        Alert::ILLEGAL_PARAMETER,
    ),
    (
        "4.1.2",
        "the second hello has other cipher suites",
        RETRIED,
        SECOND_HELLO,
        |m| m.set_suites(&[0x1301]),
        Alert::ILLEGAL_PARAMETER,
    ),
    (
        "4.1.2",
        "the second hello has another extension",
        RETRIED,
        SECOND_HELLO,
        |m| m.add(COOKIE, &[0, 1, 7]),
        Alert::ILLEGAL_PARAMETER,
    ),
    (
        "4.1.2",
        "the second hello has an extension less",
        RETRIED,
        SECOND_HELLO,
        |m| m.remove(ALPN),
        Alert::ILLEGAL_PARAMETER,
    ),
    (
        "4.1.2",
        "the second hello names another server",
        RETRIED,
        SECOND_HELLO,
        |m| *m.data(NAME).last_mut().unwrap() ^= 1,
        Alert::ILLEGAL_PARAMETER,
    ),
    (
        "4.1.2",
        "the second hello takes the version back",
        RETRIED,
        SECOND_HELLO,
        |m| m.set(VERSIONS, &[2, 3, 3]),
        Alert::ILLEGAL_PARAMETER,
    ),
    // Extensions in general.
    (
        "4.2",
        "two extensions of one type",
        PLAIN,
        FIRST_HELLO,
        |m| m.add(ALPN, &[0, 4, 3, b'o', b'n', b'e']),
        Alert::ILLEGAL_PARAMETER,
    ),
    (
        "4.2",
        "an extension of a certificate request's",
        PLAIN,
        FIRST_HELLO,
        |m| m.add(OID_FILTERS, &[0, 0]),
        Alert::ILLEGAL_PARAMETER,
    ),
    (
        "4.2",
        "an extension longer than its contents",
        PLAIN,
        FIRST_HELLO,
        |m| m.data(GROUPS).push(0),
        Alert::DECODE_ERROR,
    ),
    ("4.2.1", "no version in common", PLAIN, FIRST_HELLO, |m| m.set(VERSIONS, &[2, 3, 5]), Alert::PROTOCOL_VERSION),
    ("4.2.1", "versions, none of them", PLAIN, FIRST_HELLO, |m| m.set(VERSIONS, &[0]), Alert::DECODE_ERROR),
    ("4.2.1", "half a version", PLAIN, FIRST_HELLO, |m| m.set(VERSIONS, &[3, 3, 4, 3]), Alert::DECODE_ERROR),
    ("4.2.2", "an empty cookie", PLAIN, FIRST_HELLO, |m| m.add(COOKIE, &[0, 0]), Alert::DECODE_ERROR),
    (
        "4.2.3",
        "no signature scheme in common",
        PLAIN,
        FIRST_HELLO,
        |m| m.set(SCHEMES, &[0, 2, 8, 0x99]),
        Alert::HANDSHAKE_FAILURE,
    ),
    ("4.2.3", "no signature schemes", PLAIN, FIRST_HELLO, |m| m.set(SCHEMES, &[0, 0]), Alert::DECODE_ERROR),
    ("4.2.7", "groups, none of them", PLAIN, FIRST_HELLO, |m| m.set(GROUPS, &[0, 0]), Alert::DECODE_ERROR),
    (
        "4.2.8",
        "a share in a group that is not offered",
        PLAIN,
        FIRST_HELLO,
        |m| m.set_groups(&[X25519]),
        Alert::ILLEGAL_PARAMETER,
    ),
    (
        "4.2.8",
        "two shares in one group",
        PLAIN,
        FIRST_HELLO,
        |m| m.set_shares(&[(X25519, 32), (X25519, 32)]),
        Alert::ILLEGAL_PARAMETER,
    ),
    ("4.2.8", "an empty share", PLAIN, FIRST_HELLO, |m| m.set_shares(&[(P256, 0)]), Alert::DECODE_ERROR),
    (
        "4.2.8",
        "a share in another group than was asked for",
        RETRIED,
        SECOND_HELLO,
        |m| m.set_shares(&[(P256, 65)]),
        Alert::ILLEGAL_PARAMETER,
    ),
    (
        "4.2.8",
        "more shares than the one that was asked for",
        RETRIED,
        SECOND_HELLO,
        |m| m.set_shares(&[(X25519, 32), (P256, 65)]),
        Alert::ILLEGAL_PARAMETER,
    ),
    (
        "4.2.8.2",
        "a share of P-256 that is no point of it",
        PLAIN,
        FIRST_HELLO,
        |m| {
            m.set_shares(&[(P256, 65)]);
            m.data(SHARE)[6] = 4;
        },
        Alert::ILLEGAL_PARAMETER,
    ),
    (
        "4.2.8.2",
        "a share of P-256 that is compressed",
        PLAIN,
        FIRST_HELLO,
        |m| {
            m.set_shares(&[(P256, 33)]);
            m.data(SHARE)[6] = 3;
        },
        Alert::ILLEGAL_PARAMETER,
    ),
    (
        "4.2.8.2",
        "a share of X25519 that is too long",
        PLAIN,
        FIRST_HELLO,
        |m| m.set_shares(&[(X25519, 33)]),
        Alert::ILLEGAL_PARAMETER,
    ),
    (
        "7.4.2",
        "a share of X25519 that makes a secret of zeros",
        PLAIN,
        FIRST_HELLO,
        |m| {
            m.set_shares(&[(X25519, 32)]);
            m.data(SHARE)[6..].fill(0);
        },
        Alert::ILLEGAL_PARAMETER,
    ),
    // Keys from before.
    ("4.2.9", "a pre-shared key, and no modes", RESUMED, FIRST_HELLO, |m| m.remove(MODES), Alert::MISSING_EXTENSION),
    ("4.2.9", "modes, none of them", PLAIN, FIRST_HELLO, |m| m.set(MODES, &[0]), Alert::DECODE_ERROR),
    ("4.2.10", "early data with contents", EARLY, FIRST_HELLO, |m| m.set(EARLY_DATA, &[0]), Alert::DECODE_ERROR),
    (
        "4.2.11",
        "a binder that does not verify",
        RESUMED,
        FIRST_HELLO,
        |m| *m.data(PSK).last_mut().unwrap() ^= 1,
        Alert::DECRYPT_ERROR,
    ),
    (
        "4.2.11",
        "a hello that is not what the binder covers",
        RESUMED,
        FIRST_HELLO,
        |m| m.body[5] ^= 1,
        Alert::DECRYPT_ERROR,
    ),
    (
        "4.2.11",
        "a pre-shared key that is not last",
        RESUMED,
        FIRST_HELLO,
        |m| m.extensions.push((0x1234, Vec::new())),
        Alert::ILLEGAL_PARAMETER,
    ),
    (
        "4.2.11",
        "more binders than keys",
        RESUMED,
        FIRST_HELLO,
        |m| {
            let data = m.data(PSK);
            let at = 2 + number(&data[..2]);
            let list = number(&data[at..at + 2]) + 33;
            data.splice(at..at + 2, u16::try_from(list).unwrap().to_be_bytes());
            data.push(32);
            data.extend([0; 32]);
        },
        Alert::ILLEGAL_PARAMETER,
    ),
    (
        "4.2.11",
        "a pre-shared key without a name",
        RESUMED,
        FIRST_HELLO,
        |m| {
            m.set(PSK, &[&[0, 6, 0, 0, 0, 0, 0, 0, 0, 33, 32][..], &[0; 32]].concat());
        },
        Alert::DECODE_ERROR,
    ),
    (
        "4.2.10",
        "early data again after a HelloRetryRequest",
        RETRIED,
        SECOND_HELLO,
        |m| m.add(EARLY_DATA, &[]),
        Alert::ILLEGAL_PARAMETER,
    ),
    // What a hello must have.
    ("9.2", "no signature schemes said", PLAIN, FIRST_HELLO, |m| m.remove(SCHEMES), Alert::MISSING_EXTENSION),
    ("9.2", "no groups said", PLAIN, FIRST_HELLO, |m| m.remove(GROUPS), Alert::MISSING_EXTENSION),
    ("9.2", "no shares said", PLAIN, FIRST_HELLO, |m| m.remove(SHARE), Alert::MISSING_EXTENSION),
    (
        "9.2",
        "neither groups nor shares said",
        PLAIN,
        FIRST_HELLO,
        |m| {
            m.remove(GROUPS);
            m.remove(SHARE);
        },
        Alert::MISSING_EXTENSION,
    ),
    // Extensions of other RFCs.
    (
        "RFC 8449 4",
        "a record size limit of 63",
        PLAIN,
        FIRST_HELLO,
        |m| m.set(RECORD_SIZE, &[0, 63]),
        Alert::ILLEGAL_PARAMETER,
    ),
    (
        "RFC 7301 3.1",
        "an empty application protocol",
        PLAIN,
        FIRST_HELLO,
        |m| m.set(ALPN, &[0, 1, 0]),
        Alert::DECODE_ERROR,
    ),
    // The client's certificate.
    (
        "4.4.2",
        "a context that nobody asked under",
        AUTH,
        CERTIFICATE,
        |m| {
            m.body[0] = 1;
            m.body.insert(1, 9);
        },
        Alert::ILLEGAL_PARAMETER,
    ),
    (
        "4.4.2",
        "an extension of an entry that was not asked for",
        AUTH,
        CERTIFICATE,
        |m| add_to_first_entry(m, TIMESTAMPS, &[0, 3, 0, 1, 0]),
        Alert::UNSUPPORTED_EXTENSION,
    ),
    (
        "4.4.2",
        "an entry without a certificate",
        AUTH,
        CERTIFICATE,
        |m| m.body = vec![0, 0, 0, 5, 0, 0, 0, 0, 0],
        Alert::DECODE_ERROR,
    ),
    (
        "4.4.2.4",
        "no certificate where one is required",
        AUTH,
        CERTIFICATE,
        |m| m.body = vec![0; 4],
        Alert::CERTIFICATE_REQUIRED,
    ),
    ("4.4.2.4", "a certificate that cannot be read", AUTH, CERTIFICATE, |m| m.body[9] ^= 0x55, Alert::BAD_CERTIFICATE),
    (
        "4.4.3",
        "a scheme that was not offered",
        AUTH,
        VERIFY,
        |m| m.body[..2].copy_from_slice(&[8, 0x99]),
        Alert::ILLEGAL_PARAMETER,
    ),
    (
        "4.4.3",
        "a scheme that TLS 1.3 has in certificates alone",
        AUTH,
        VERIFY,
        |m| m.body[..2].copy_from_slice(&[4, 1]),
        Alert::ILLEGAL_PARAMETER,
    ),
    (
        "4.4.3",
        "a scheme for another kind of key",
        AUTH,
        VERIFY,
        |m| m.body[..2].copy_from_slice(&[8, 4]),
        Alert::ILLEGAL_PARAMETER,
    ),
    (
        "4.4.3",
        "a signature that does not verify",
        AUTH,
        VERIFY,
        |m| *m.body.last_mut().unwrap() ^= 1,
        Alert::DECRYPT_ERROR,
    ),
    ("4.4.4", "a Finished that does not verify", PLAIN, FINISHED, |m| m.body[3] ^= 1, Alert::DECRYPT_ERROR),
    (
        "4.5",
        "an EndOfEarlyData with contents",
        EARLY,
        (HandshakeType::END_OF_EARLY_DATA, 0),
        |m| m.body.push(0),
        Alert::DECODE_ERROR,
    ),
];
