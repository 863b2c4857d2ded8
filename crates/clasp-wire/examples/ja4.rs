//! Fingerprints the ClientHello of a capture by JA4 (FoxIO, "JA4: TLS Client Fingerprinting").
//!
//! ```text
//! ja4 [FILE]
//! ```
//!
//! FILE, or the standard input, holds what the client sent first: one or more TLS records, as bytes or in hexadecimal, as
//! Wireshark's "Copy as hex stream" gives them. Prints the fingerprint, and the same with its lists in place of their hashes.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Read;

use bytes::Bytes;
use clasp_wire::{ClientHello, ContentType, ExtensionType, HandshakeType, ProtocolVersion, Reassembler, RecordHeader};
use sha2::{Digest, Sha256};

fn main() -> Result<(), Box<dyn Error>> {
    let mut input = Vec::new();
    match std::env::args_os().nth(1) {
        Some(file) => input = std::fs::read(file)?,
        None => drop(std::io::stdin().read_to_end(&mut input)?),
    }
    let fingerprint = Fingerprint::of(&client_hello(&records(input)?)?);
    println!("JA4 {}\nJA4_r {}", fingerprint.hashed(), fingerprint.raw());
    Ok(())
}

/// The records as bytes, whatever form they are in.
fn records(input: Vec<u8>) -> Result<Bytes, Box<dyn Error>> {
    if input.first() == Some(&ContentType::HANDSHAKE.0) {
        return Ok(input.into());
    }
    let digits: Vec<u8> = input.into_iter().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if !digits.len().is_multiple_of(2) {
        return Err("neither a TLS record nor hexadecimal".into());
    }
    let pair = |pair: &[u8]| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?);
    digits.chunks(2).map(pair).collect::<Result<Vec<u8>, Box<dyn Error>>>().map(Bytes::from)
}

/// The ClientHello in them, which may lie across several.
fn client_hello(records: &Bytes) -> Result<ClientHello, Box<dyn Error>> {
    let mut joiner = Reassembler::new(1 << 16);
    let mut rest = records.clone();
    loop {
        let header = RecordHeader::parse(&rest).ok_or("no whole ClientHello")?;
        if header.content_type != ContentType::HANDSHAKE {
            return Err(format!("a record of type {}, not a handshake", header.content_type).into());
        }
        let end = RecordHeader::LEN + usize::from(header.length);
        if rest.len() < end {
            return Err("a record is cut short".into());
        }
        joiner.push(rest.split_to(end).slice(RecordHeader::LEN..))?;
        if let Some(message) = joiner.next()? {
            return match message.typ {
                HandshakeType::CLIENT_HELLO => Ok(message.parse()?),
                other => Err(format!("a {other}, not a ClientHello").into()),
            };
        }
    }
}

/// A fingerprint's three parts, before they are hashed.
struct Fingerprint {
    /// Transport, version, name, counts and protocol.
    summary: String,
    /// The cipher suites, sorted.
    suites: String,
    /// The extensions, sorted, and the signature schemes in their order.
    extensions: String,
}

impl Fingerprint {
    fn of(hello: &ClientHello) -> Self {
        let mut suites: Vec<u16> =
            hello.cipher_suites.iter().map(|suite| suite.0).filter(|code| is_meant(*code)).collect();
        let extensions = hello.extensions.iter().flatten();
        let mut types: Vec<u16> =
            extensions.map(|extension| extension.ext_type().0).filter(|code| is_meant(*code)).collect();
        let has_name = types.contains(&ExtensionType::SERVER_NAME.0);
        let schemes = hello
            .signature_algorithms()
            .unwrap_or_default()
            .iter()
            .map(|scheme| scheme.0)
            .filter(|code| is_meant(*code));
        let schemes: Vec<u16> = schemes.collect();
        let summary = format!(
            "t{}{}{:02}{:02}{}",
            version(hello),
            if has_name { 'd' } else { 'i' },
            suites.len().min(99),
            types.len().min(99),
            protocol(hello),
        );
        suites.sort_unstable();
        // These two are in the first part already.
        let told = [ExtensionType::SERVER_NAME, ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION];
        types.retain(|typ| !told.contains(&ExtensionType(*typ)));
        types.sort_unstable();
        let mut extensions = list(&types);
        if !schemes.is_empty() {
            let _ = write!(extensions, "_{}", list(&schemes));
        }
        Self { summary, suites: list(&suites), extensions }
    }

    fn hashed(&self) -> String {
        format!("{}_{}_{}", self.summary, hash(&self.suites), hash(&self.extensions))
    }

    fn raw(&self) -> String {
        format!("{}_{}_{}", self.summary, self.suites, self.extensions)
    }
}

/// Whether a code point is one the client means: GREASE is there to be ignored (RFC 8701).
fn is_meant(code: u16) -> bool {
    let [high, low] = code.to_be_bytes();
    high != low || low & 0x0f != 0x0a
}

/// The newest version offered.
fn version(hello: &ClientHello) -> &'static str {
    let supported = hello.supported_versions().unwrap_or_default().iter().filter(|version| is_meant(version.0)).max();
    match supported.copied().unwrap_or(hello.client_version) {
        ProtocolVersion::TLS_1_3 => "13",
        ProtocolVersion::TLS_1_2 => "12",
        ProtocolVersion::TLS_1_1 => "11",
        ProtocolVersion::TLS_1_0 => "10",
        ProtocolVersion::SSL_3_0 => "s3",
        ProtocolVersion::SSL_2_0 => "s2",
        _ => "00",
    }
}

/// The first and last character of the first application protocol, or of its hexadecimal form.
fn protocol(hello: &ClientHello) -> String {
    let name = hello.alpn().and_then(|names| names.first()).cloned().unwrap_or_default();
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return "00".to_owned() };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        [char::from(*first), char::from(*last)].iter().collect()
    } else {
        let (first, last) = (format!("{first:02x}"), format!("{last:02x}"));
        first.chars().take(1).chain(last.chars().skip(1)).collect()
    }
}

fn list(codes: &[u16]) -> String {
    codes.iter().map(|code| format!("{code:04x}")).collect::<Vec<_>>().join(",")
}

/// The first twelve digits of a list's hash; zeros for an empty one.
fn hash(list: &str) -> String {
    if list.is_empty() {
        return "0".repeat(12);
    }
    Sha256::digest(list).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clasp_wire::{ClientExtension, HandshakeMessage};

    fn ja4(hex: &str) -> (String, String) {
        let hello = client_hello(&records(hex.as_bytes().to_vec()).unwrap()).unwrap();
        let fingerprint = Fingerprint::of(&hello);
        (fingerprint.hashed(), fingerprint.raw())
    }

    /// The captures that FoxIO publishes with JA4's own tests: `tls12.pcap`, a Firefox; `tls-sni.pcapng`, the first hello of
    /// a Chrome with GREASE; `tls-alpn-h2.pcap`, a curl of TLS 1.2. The fingerprints are those published beside them.
    #[test]
    fn published_captures() {
        let cases = [
            (
                include_str!("captures/firefox.hex"),
                "t13d1715h2_5b57614c22b0_3d5424432f57",
                "t13d1715h2_002f,0035,009c,009d,1301,1302,1303,c009,c00a,c013,c014,c02b,c02c,c02f,c030,cca8,cca9_\
                 0005,000a,000b,000d,0015,0017,001c,0022,0023,002b,002d,0033,ff01_\
                 0403,0503,0603,0804,0805,0806,0401,0501,0601,0203,0201",
            ),
            (
                include_str!("captures/chrome.hex"),
                "t13d1516h2_8daaf6152771_e5627efa2ab1",
                "t13d1516h2_002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9_\
                 0005,000a,000b,000d,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01_\
                 0403,0804,0401,0503,0805,0501,0806,0601",
            ),
            (
                include_str!("captures/curl.hex"),
                "t12d4605h2_85626a9a5f7f_aaf95bb78ec9",
                "t12d4605h2_0004,0005,000a,0016,002f,0033,0035,0039,003c,003d,0041,0045,0067,006b,0081,0084,0088,009c,\
                 009d,009e,009f,00ba,00be,00c0,00c4,00ff,c007,c008,c009,c00a,c011,c012,c013,c014,c023,c024,c027,c028,\
                 c02b,c02c,c02f,c030,cca8,cca9,ccaa,ff85_000a,000b,000d_\
                 0601,0603,efef,0501,0503,0401,0403,eeee,eded,0301,0303,0201,0203",
            ),
        ];
        for (capture, hashed, raw) in cases {
            assert_eq!(ja4(capture), (hashed.to_owned(), raw.to_owned()));
        }
    }

    fn hello(extensions: Option<Vec<ClientExtension>>) -> ClientHello {
        let captured = client_hello(&records(include_str!("captures/curl.hex").into()).unwrap()).unwrap();
        ClientHello { extensions, cipher_suites: vec![clasp_wire::CipherSuite(0x0a0a)], ..captured }
    }

    /// The specification's examples of protocols that are not text, and of nothing at all.
    #[test]
    fn published_examples() {
        let names: [(&[u8], &str); 8] = [
            (b"h2", "h2"),
            (b"http/1.1", "h1"),
            (b"x", "xx"),
            (&[0xab], "ab"),
            (&[0xab, 0xcd], "ad"),
            (&[0x30, 0xab], "3b"),
            (&[0x30, 0x31, 0xab, 0xcd], "3d"),
            (&[0x30, 0xab, 0xcd, 0x31], "01"),
        ];
        for (name, wanted) in names {
            let alpn = ClientExtension::Alpn(vec![Bytes::copy_from_slice(name)]);
            assert_eq!(Fingerprint::of(&hello(Some(vec![alpn]))).summary, format!("t12i0001{wanted}"));
        }
        let nothing = Fingerprint::of(&hello(None));
        assert_eq!(nothing.hashed(), "t12i000000_000000000000_000000000000");
        // Without signature schemes the list ends with the extensions.
        let types = [5, 10, 11, 13, 18, 21, 23, 27, 35, 43, 45, 51, 0x4469, 0xff01];
        assert_eq!(hash(&list(&types)), "6d807ffa2a79");
    }

    #[test]
    fn versions() {
        let offering = |versions: &[u16]| {
            let versions = versions.iter().copied().map(ProtocolVersion).collect();
            hello(Some(vec![ClientExtension::SupportedVersions(versions)]))
        };
        assert_eq!(version(&offering(&[0xfafa, 0x0303, 0x0304])), "13");
        assert_eq!(version(&offering(&[0x0302, 0x0301])), "11");
        assert_eq!(version(&offering(&[0x7f17])), "00");
        assert_eq!(version(&offering(&[])), "12");
    }

    #[test]
    fn a_hello_in_many_records_and_what_is_none() {
        let whole = records(include_str!("captures/chrome.hex").into()).unwrap();
        let hello = client_hello(&whole).unwrap();
        let mut split = Vec::new();
        for piece in hello.encode().chunks(100) {
            split.extend_from_slice(&[22, 3, 1, 0, u8::try_from(piece.len()).unwrap()]);
            split.extend_from_slice(piece);
        }
        assert_eq!(client_hello(&records(split.clone()).unwrap()).unwrap(), hello);
        split.truncate(300);
        for (bytes, why) in [
            (split, "cut short"),
            (vec![], "no whole"),
            (b"150303000102".to_vec(), "alert"),
            (b"16030300040e000000".to_vec(), "ServerHelloDone"),
        ] {
            let error = client_hello(&records(bytes).unwrap()).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        assert!(records(b"hello there!".to_vec()).is_err() && records(b"160".to_vec()).is_err());
    }
}
