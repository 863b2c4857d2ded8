//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clasp::CertificateCompression;
use clasp::wire::{CipherSuite, NamedGroup, ProtocolVersion};

use crate::starttls::Protocol;

/// Shakes hands over TLS, and shows every step of how it did so.
#[derive(Debug, Parser)]
#[command(
    name = "clasp",
    version,
    arg_required_else_help = true,
    after_help = "Examples:\n  clasp demo\n  clasp connect example.com:443 --trace\n  \
        clasp serve --listen 127.0.0.1:8443 --cert chain.pem --key key.pem\n\n\
        Exit status: 0 success, 1 the connection or handshake failed, 2 usage."
)]
pub struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// A server and a client in one process, step by step.
    #[command(
        after_help = "Examples:\n  clasp demo\n  clasp demo --policy compatible     TLS 1.2 with RSA key exchange"
    )]
    Demo(DemoArgs),
    /// Connect to a server: standard input goes to it, what it sends to standard output.
    #[command(after_help = "Examples:\n  clasp connect example.com:443 --trace\n  \
        clasp connect 10.0.0.7:443 --policy compatible --pin sha256:HEX\n  \
        printf 'GET / HTTP/1.0\\r\\n\\r\\n' | clasp connect localhost:8443 --ca ca.pem")]
    Connect(ConnectArgs),
    /// Accept connections. SIGHUP has the files read again, for connections from then on.
    #[command(
        after_help = "Examples:\n  clasp serve --listen 127.0.0.1:8443 --cert chain.pem --key key.pem --http\n  \
        clasp serve --listen [::1]:0 --cert rsa.pem --key rsa.key --cert ec.pem --key ec.key --echo \
        --client-ca ca.pem --client-auth require"
    )]
    Serve(ServeArgs),
    /// Make a key that clients encrypt their hello to (ECH), for serve --ech-key, and say what is published of it in the DNS.
    #[cfg(feature = "ech")]
    #[command(after_help = "Examples:\n  clasp ech-key --public-name example.com --out ech.pem\n  \
        clasp serve --listen 127.0.0.1:8443 --cert chain.pem --key key.pem --ech-key ech.pem\n  \
        clasp connect localhost:8443 --ca ca.pem --ech ech.pem")]
    EchKey(EchKeyArgs),
}

/// A named policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PolicyName {
    /// TLS 1.3, and TLS 1.2 with ephemeral key exchange and AEAD.
    Modern,
    /// Also RSA key exchange, and CBC with SHA-1 or SHA-2.
    Compatible,
    /// Also TLS 1.1 and 1.0, 3DES, SHA-1 signatures, and keys of 1024 bits: weak.
    #[cfg(feature = "legacy")]
    Legacy,
    /// Also SSL 3.0, RC4, RC2, DES, export suites, and keys of 512 bits: no better than plain text.
    #[cfg(feature = "insecure")]
    Insecure,
}

/// How a trace is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TraceFormat {
    /// A line an event.
    Text,
    /// A JSON object an event.
    Json,
}

/// Options wherever a handshake is made.
#[derive(Clone, Debug, Args)]
pub(crate) struct Shared {
    /// What may be negotiated.
    #[arg(long, value_enum, default_value = "modern")]
    pub(crate) policy: PolicyName,
    /// The oldest version: ssl3, tls1.0, tls1.1, tls1.2 or tls1.3, within what the policy allows.
    #[arg(long, value_name = "V", value_parser = version)]
    pub(crate) min_version: Option<ProtocolVersion>,
    /// The newest version.
    #[arg(long, value_name = "V", value_parser = version)]
    pub(crate) max_version: Option<ProtocolVersion>,
    /// Only these cipher suites, in this order: IANA names, or OpenSSL's.
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = suite)]
    pub(crate) cipher: Vec<CipherSuite>,
    /// Only these key exchange groups, in this order: x25519mlkem768, x25519, secp256r1, secp384r1, secp521r1, ffdhe2048, ...
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = group)]
    pub(crate) groups: Vec<NamedGroup>,
    /// Application protocols, in order of preference.
    #[arg(long, value_name = "P", value_delimiter = ',')]
    pub(crate) alpn: Vec<String>,
    /// The password of the private key or PKCS#12 file is the first line of this file; of all of them, if there are several.
    #[cfg(feature = "encrypted-keys")]
    #[arg(long, value_name = "FILE", conflicts_with = "key_password_env")]
    pub(crate) key_password_file: Option<PathBuf>,
    /// It is the value of this environment variable.
    #[cfg(feature = "encrypted-keys")]
    #[arg(long, value_name = "NAME")]
    pub(crate) key_password_env: Option<String>,
    /// Print the numbered steps on standard error as they happen.
    #[arg(long, value_name = "FORMAT", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "text")]
    pub(crate) trace: Option<TraceFormat>,
    /// Append session secrets to this file, in the NSS key log format. SSLKEYLOGFILE is honoured too.
    #[arg(long, value_name = "FILE")]
    pub(crate) keylog: Option<PathBuf>,
    /// Do without the extended master secret.
    #[arg(long)]
    pub(crate) no_ems: bool,
    /// Do without encrypt-then-MAC.
    #[arg(long)]
    pub(crate) no_etm: bool,
    /// The name of a key that both sides have, in place of certificates.
    #[arg(long, value_name = "NAME", requires = "psk")]
    pub(crate) psk_identity: Option<String>,
    /// A file with that key, 16 bytes or more, in hexadecimal.
    #[arg(long, value_name = "HEXFILE", requires = "psk_identity")]
    pub(crate) psk: Option<PathBuf>,
    /// Whether to shake hands again, before TLS 1.3. `secure` where the policy has renegotiation at all; `unsafe-legacy`, without RFC 5746,
    /// needs policy insecure.
    #[arg(long, value_name = "WHETHER", value_enum)]
    pub(crate) renegotiation: Option<RenegotiationMode>,
    /// Take certificate chains compressed in these ways, and send ours so: zlib, brotli, zstd (TLS 1.3).
    #[arg(long, value_name = "WAY", value_delimiter = ',', value_parser = compression)]
    pub(crate) compress_certificates: Vec<&'static dyn CertificateCompression>,
    /// Do without session tickets.
    #[arg(long)]
    pub(crate) no_tickets: bool,
    /// Do without session identifiers.
    #[arg(long)]
    pub(crate) no_session_ids: bool,
}

/// Whether connections renegotiate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RenegotiationMode {
    Never,
    Secure,
    UnsafeLegacy,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// What may be negotiated.
    #[arg(long, value_enum, default_value = "modern")]
    pub(crate) policy: PolicyName,
}

#[derive(Debug, Args)]
pub(crate) struct ConnectArgs {
    /// Where to connect to.
    #[arg(value_name = "HOST:PORT")]
    pub(crate) target: String,
    /// The name the server must have, when it is not HOST.
    #[arg(long, value_name = "NAME")]
    pub(crate) servername: Option<String>,
    /// Trust the authorities in this PEM file instead of the system's.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["pin", "dangerous_accept_any"])]
    pub(crate) ca: Option<PathBuf>,
    /// Trust this public key alone: the SHA-256 of its SubjectPublicKeyInfo. May be given again.
    #[arg(long, value_name = "sha256:HEX", conflicts_with = "dangerous_accept_any")]
    pub(crate) pin: Vec<String>,
    /// Trust a server that shows this public key without a certificate (RFC 7250), and no other: PEM or DER, or its SHA-256
    /// as for --pin. May be given again.
    #[arg(long, value_name = "FILE|sha256:HEX", conflicts_with_all = ["ca", "pin", "dangerous_accept_any"])]
    pub(crate) server_raw_key: Vec<String>,
    /// Trust anybody. Whoever sits on the way reads and writes along.
    #[arg(long)]
    pub(crate) dangerous_accept_any: bool,
    /// Our certificate chain, PEM.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// Our private key, PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// Our certificate chain and private key in one PKCS#12 file (.p12, .pfx).
    #[cfg(feature = "pkcs12")]
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    pub(crate) pkcs12: Option<PathBuf>,
    /// Show our key without a certificate (RFC 7250) to a server that takes that; with --key alone there is nothing else.
    #[arg(long)]
    pub(crate) raw_key: bool,
    /// Keep sessions in this file, and resume them from it.
    #[arg(long, value_name = "FILE")]
    pub(crate) session: Option<PathBuf>,
    /// Afterwards connect N times more, without data, and tell on standard error whether the session was resumed.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) reconnect: u32,
    /// Send this file with the hello (0-RTT) when a session is remembered whose server takes that, else after the handshake.
    /// Others can send it again: let it be harmless twice.
    #[arg(long, value_name = "FILE", requires = "session")]
    pub(crate) early_data: Option<PathBuf>,
    /// Let a server of TLS 1.3 ask for our certificate after the handshake.
    #[arg(long)]
    pub(crate) post_handshake_auth: bool,
    /// Leave out of the hello the values that no server knows (RFC 8701).
    #[arg(long)]
    pub(crate) no_grease: bool,
    /// Make the hello look as if it had an encrypted one in it, so that those that do have one do not stand out (RFC 9849).
    #[arg(long)]
    pub(crate) grease_ech: bool,
    /// Encrypt the hello (ECH, RFC 9849) to this ECHConfigList: a file of it, as it is, in base64 or as PEM, or the base64
    /// itself, as in the server's HTTPS record of the DNS.
    #[cfg(feature = "ech")]
    #[arg(long, value_name = "FILE|BASE64")]
    pub(crate) ech: Option<String>,
    /// Where a server cannot read the encrypted hello: write here what it says to use next, to be given to --ech.
    #[cfg(feature = "ech")]
    #[arg(long, value_name = "FILE", requires = "ech")]
    pub(crate) ech_retry: Option<PathBuf>,
    /// Take lines from standard input: R alone renegotiates, K updates keys (TLS 1.3), Q closes.
    #[arg(long)]
    pub(crate) interactive: bool,
    /// Begin in plain text, as this protocol does.
    #[arg(long, value_name = "PROTOCOL", value_enum)]
    pub(crate) starttls: Option<Protocol>,
    /// After a failed negotiation, do not connect once more to find out what the server would have chosen.
    #[arg(long)]
    pub(crate) no_diagnose: bool,
    #[command(flatten)]
    pub(crate) shared: Shared,
}

/// Whether clients are asked for a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ClientAuthMode {
    /// Not asked.
    None,
    /// Asked; they may decline.
    Request,
    /// Asked, and refused when they decline.
    Require,
    /// Asked, by renegotiation or post-handshake authentication, when an HTTP request is for a path that begins like this.
    OnPath(String),
}

fn client_auth_mode(text: &str) -> Result<ClientAuthMode, String> {
    Ok(match text {
        "none" => ClientAuthMode::None,
        "request" => ClientAuthMode::Request,
        "require" => ClientAuthMode::Require,
        _ => match text.strip_prefix("on-path=") {
            Some(path) if path.starts_with('/') => ClientAuthMode::OnPath(path.to_owned()),
            _ => return Err("it is none of none, request, require, on-path=/PREFIX".to_owned()),
        },
    })
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where to listen. Port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: SocketAddr,
    /// A certificate chain, PEM. May be given again, each with its key: the server name and what the client can verify
    /// decide.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Vec<PathBuf>,
    /// Its private key, PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Vec<PathBuf>,
    /// A certificate chain and its private key in one PKCS#12 file (.p12, .pfx). May be given again.
    #[cfg(feature = "pkcs12")]
    #[arg(long, value_name = "FILE")]
    pub(crate) pkcs12: Vec<PathBuf>,
    /// Show the key without its certificate (RFC 7250) to clients that take that; with --key alone there is nothing else.
    #[arg(long)]
    pub(crate) raw_key: bool,
    /// Signed certificate timestamps for clients that ask (RFC 6962): a TLS-encoded SignedCertificateTimestampList. May be given
    /// again: each is for the --cert in the same place, and an empty file is for one that has none.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) sct: Vec<PathBuf>,
    /// Authorities that issue client certificates, PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) client_ca: Option<PathBuf>,
    /// Take clients that show this public key without a certificate (RFC 7250): PEM or DER, or sha256:HEX of its
    /// SubjectPublicKeyInfo. May be given again.
    #[arg(long, value_name = "FILE|sha256:HEX", conflicts_with = "client_ca")]
    pub(crate) client_raw_key: Vec<String>,
    /// Read hellos that clients encrypted to this key, PEM (RFC 9934), as clasp ech-key makes it. May be given again: clients that
    /// have another key are told the first, and the others are for those that still have them.
    #[cfg(feature = "ech")]
    #[arg(long, value_name = "FILE")]
    pub(crate) ech_key: Vec<PathBuf>,
    /// Whether clients are asked for a certificate: none, request, require, or on-path=/PREFIX, only when such a path is
    /// requested, which few clients let a server do in TLS 1.3. `require` when --client-ca or --client-raw-key is given.
    #[arg(long, value_name = "MODE", value_parser = client_auth_mode)]
    pub(crate) client_auth: Option<ClientAuthMode>,
    /// Answer HTTP requests with a page about the connection. The default.
    #[arg(long, conflicts_with = "echo")]
    pub(crate) http: bool,
    /// Send everything back.
    #[arg(long)]
    pub(crate) echo: bool,
    /// Take up to so many bytes of early data (0-RTT, TLS 1.3). It is answered when the handshake is done.
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pub(crate) early_data: u32,
    /// Seconds a handshake may take.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) handshake_timeout: u64,
    /// Seconds a client may send nothing, or take nothing of what it is sent; 0 for as long as it likes.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) idle_timeout: u64,
    #[command(flatten)]
    pub(crate) shared: Shared,
}

#[cfg(feature = "ech")]
#[derive(Debug, Args)]
pub(crate) struct EchKeyArgs {
    /// The name that everybody sees in place of the one that is meant. The server needs a certificate for it.
    #[arg(long, value_name = "NAME")]
    pub(crate) public_name: String,
    /// Write the private key and its configuration here, PEM (RFC 9934). A file that is there already is left alone.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// What clients name the key by, 0 to 255; keys in use at the same time should have different ones. Chosen at random when
    /// not given.
    #[arg(long, value_name = "N")]
    pub(crate) config_id: Option<u8>,
    /// Names of servers up to so many bytes look alike in length.
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub(crate) maximum_name_length: u8,
}

fn version(name: &str) -> Result<ProtocolVersion, String> {
    Ok(match name {
        "ssl3" => ProtocolVersion::SSL_3_0,
        "tls1.0" => ProtocolVersion::TLS_1_0,
        "tls1.1" => ProtocolVersion::TLS_1_1,
        "tls1.2" => ProtocolVersion::TLS_1_2,
        "tls1.3" => ProtocolVersion::TLS_1_3,
        _ => return Err("it is none of ssl3, tls1.0, tls1.1, tls1.2, tls1.3".to_owned()),
    })
}

fn suite(name: &str) -> Result<CipherSuite, String> {
    CipherSuite::from_name(name)
        .or_else(|| CipherSuite::from_openssl_name(name))
        .ok_or_else(|| "it is no registered cipher suite, by IANA's name or OpenSSL's".to_owned())
}

fn compression(name: &str) -> Result<&'static dyn CertificateCompression, String> {
    let ways: &[&'static dyn CertificateCompression] = &[
        #[cfg(feature = "zlib")]
        clasp::ZLIB,
        #[cfg(feature = "brotli")]
        clasp::BROTLI,
        #[cfg(feature = "zstd")]
        clasp::ZSTD,
    ];
    let way = ways.iter().find(|way| way.algorithm().name() == Some(name)).copied();
    way.ok_or_else(|| {
        let names: Vec<_> = ways.iter().map(|way| way.algorithm().to_string()).collect();
        format!("this build has {}", if names.is_empty() { "none".to_owned() } else { names.join(", ") })
    })
}

fn group(name: &str) -> Result<NamedGroup, String> {
    NamedGroup::from_common_name(name).ok_or_else(|| "it is no registered key exchange group".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn names_in_both_tongues() {
        assert_eq!(suite("AES128-SHA"), Ok(CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA));
        assert_eq!(suite("TLS_RSA_WITH_AES_128_CBC_SHA"), Ok(CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA));
        assert!(suite("NOPE").is_err());
        assert_eq!(group("P-256"), Ok(NamedGroup::SECP256R1));
        assert_eq!(version("tls1.2"), Ok(ProtocolVersion::TLS_1_2));
    }
}
