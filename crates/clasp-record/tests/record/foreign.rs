//! Connections that are not TLS are told by their first bytes, however these arrive.

use super::*;
use clasp_record::Foreign;
use clasp_wire::AlertDescription;
use proptest::prelude::*;

/// What a reader says to the bytes given in pieces of this size.
fn said(bytes: &[u8], size: usize) -> Result<usize, RecordError> {
    let (mut reader, mut buffer, mut records) = (Reader::new(), BytesMut::new(), 0);
    for piece in bytes.chunks(size) {
        buffer.extend_from_slice(piece);
        records += read_all(&mut reader, &mut buffer)?.len();
    }
    Ok(records)
}

#[test]
fn each_is_called_by_its_name() {
    let cases: [(&[u8], Foreign); 24] = [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", Foreign::Http),
        (b"POST / HTTP/1.1\r\n", Foreign::Http),
        (b"HEAD / HTTP/1.0\r\n", Foreign::Http),
        (b"PUT /x HTTP/1.1\r\n", Foreign::Http),
        (b"DELETE /x HTTP/1.1\r\n", Foreign::Http),
        (b"OPTIONS * HTTP/1.1\r\n", Foreign::Http),
        (b"CONNECT example.com:443 HTTP/1.1\r\n", Foreign::Http),
        (b"PATCH /x HTTP/1.1\r\n", Foreign::Http),
        (b"HTTP/1.1 400 Bad Request\r\n", Foreign::Http),
        (b"220 mail.example ESMTP\r\n", Foreign::Text),
        (b"SSH-2.0-OpenSSH_9.9\r\n", Foreign::Text),
        (b"* OK IMAP4rev1\r\n", Foreign::Text),
        (b"HELO example\r\n", Foreign::Text),
        (b"OPTIONAL", Foreign::Text),
        (b"HI\n", Foreign::Text),
        (b"\n", Foreign::Text),
        (&[0x80, 0x2e, 1, 3, 1, 0, 0x15, 0, 0, 0, 16], Foreign::Sslv2Hello),
        (&[0xff, 0xff, 1], Foreign::Sslv2Hello),
        (&[0x80, 0x2e, 4], Foreign::Garbage),
        (&[0, 0, 0, 0, 0], Foreign::Garbage),
        (&[22, 2, 0, 0, 5], Foreign::Garbage),
        (&[24, 3, 3, 0, 5], Foreign::Garbage),
        (&[0x45, 0, 0, 0x54, 0xa6], Foreign::Garbage),
        // MSRPC, and DTLS, whose version goes down.
        (&[22, 0xfe, 0xff, 0, 0, 0], Foreign::Garbage),
    ];
    for (bytes, foreign) in cases {
        for size in 1..=bytes.len() {
            let error = said(bytes, size).unwrap_err();
            assert_eq!(error, RecordError::NotTls(foreign), "{} in pieces of {size}", bytes.escape_ascii());
            assert_eq!(error.alert(), AlertDescription::PROTOCOL_VERSION);
        }
    }
}

#[test]
fn beginnings_that_may_still_be_anything_are_waited_for() {
    let open: [&[u8]; 12] = [
        b"",
        b"G",
        b"GET",
        b"DELETE",
        b"OPTIONS",
        b"HTTP",
        b"220",
        b"\x80",
        b"\x80\x2e",
        b"\x16",
        b"\x16\x03",
        b"\x16\x03\x01\x00",
    ];
    for bytes in open {
        for size in 1..=bytes.len().max(1) {
            assert_eq!(said(bytes, size), Ok(0), "{}", bytes.escape_ascii());
        }
    }
}

/// After the first record it is TLS, and what comes is a bad record, not another protocol.
#[test]
fn only_the_beginning_is_looked_at() {
    let first = [22, 3, 1, 0, 1, 0];
    let http = [&first[..], b"GET / HTTP/1.1\r\n"].concat();
    assert_eq!(said(&http, http.len()), Err(RecordError::UnknownType(ContentType(b'G'))));
    let hello = [&first[..], &[0x80, 0x2e, 1, 3, 1]].concat();
    assert_eq!(said(&hello, 1), Err(RecordError::UnknownType(ContentType(0x80))));
}

proptest! {
    /// However bytes arrive, the records and the error are the same.
    #[test]
    fn pieces_make_no_difference(
        begin in prop_oneof![
            Just(vec![]),
            Just(b"DELETE".to_vec()),
            Just(b"HTTP/".to_vec()),
            Just(vec![22, 3, 1, 0, 2, 1, 2]),
            Just(vec![0x80, 0x2e]),
        ],
        bytes in proptest::collection::vec(prop_oneof![any::<u8>(), 20..=23_u8, Just(3), Just(0), b'A'..=b'Z'], 0..40),
        size in 1..20_usize,
    ) {
        let all = [begin, bytes].concat();
        let (whole, pieces) = (said(&all, all.len().max(1)), said(&all, size));
        prop_assert_eq!(whole, pieces);
    }
}
