//! The hellos: what a client offers, and how a server's answer is written (RFC 5246 7.4.1).

use clasp_crypto::Provider;
use clasp_wire::{
    CipherSuite, ClientExtension, ClientHello, CompressionMethod, EcPointFormat, HandshakeMessage as _,
    MaxFragmentLength, NamedGroup, ProtocolVersion, Random, ServerExtension, ServerNameEntry, SessionId,
};
use rustls_pki_types::ServerName;

use crate::certificate_type;
use crate::client::Offer13;
use crate::client::ech::Standing;
use crate::config::ClientConfig;
use crate::error::{Error, Offer};
use crate::negotiate;
use crate::policy::Policy;
use crate::resumption::{Saved, fresh_id};
use crate::session::Previous;

/// The most plaintext a record may hold (RFC 5246 6.2.1), bytes.
pub(crate) const MAX_PLAINTEXT: u16 = 16384;

/// How many of a client's application protocols are told: their names may take four times their length.
const NAMES_TOLD: usize = 32;

/// A client's offer, kept to hold the answer against.
pub(crate) struct ClientOffer {
    pub(crate) hello: ClientHello,
    /// What TLS 1.3 takes besides; `None` where it is not offered.
    pub(crate) tls13: Option<Offer13>,
    pub(crate) ech: Standing,
}

impl ClientOffer {
    pub(crate) fn new(
        config: &ClientConfig,
        name: &ServerName<'_>,
        previous: Option<&Previous>,
        saved: Option<&Saved>,
    ) -> Result<Self, Error> {
        let policy = &config.policy;
        // TLS 1.3 is offered by an extension: servers of old refuse a version they do not know (RFC 8446 4.1.2).
        let newest = policy.dialects.first().map_or(ProtocolVersion::TLS_1_2, |dialect| dialect.version());
        let mut suites: Vec<CipherSuite> = policy.suites().iter().map(|suite| suite.id).collect();
        if config.fallback && previous.is_none() {
            suites.push(CipherSuite::TLS_FALLBACK_SCSV);
        }
        let mut extensions = client_extensions(config, name, previous, saved);
        if !policy.hello_has_extensions(previous.is_none()) {
            // A renegotiation's is sent all the same; otherwise a suite can say it (RFC 5746 3.4, 3.5, 4.2).
            extensions.retain(|extension| matches!(extension, ClientExtension::RenegotiationInfo(_)));
            if !extensions.is_empty() && !previous.is_some_and(|previous| previous.secure_renegotiation) {
                extensions.clear();
                suites.push(CipherSuite::TLS_EMPTY_RENEGOTIATION_INFO_SCSV);
            }
        }
        let mut hello = ClientHello {
            client_version: newest,
            random: random(config.provider)?,
            session_id: session_id(config, saved)?,
            cipher_suites: suites,
            compression_methods: vec![CompressionMethod::NULL],
            extensions: Some(extensions).filter(|extensions| !extensions.is_empty()),
        };
        let tls13 = if policy.offers_tls13(previous.is_none()) {
            Some(Offer13::add_to(&mut hello, config, saved)?)
        } else {
            let exists = |suite: &CipherSuite| !policy.suites.iter().any(|row| row.id == *suite && row.is_of_tls13());
            hello.cipher_suites.retain(exists);
            None
        };
        Ok(Self { hello, tls13, ech: Standing::NotOffered })
    }

    /// Gives a hello that is about to be sent the form that it has on the wire: its extensions in no order that anybody could come to
    /// rely on, where the configuration wants that, and a length that does no harm.
    pub(crate) fn arrange(&mut self, config: &ClientConfig) -> Result<(), Error> {
        if let Some(extensions) = self.hello.extensions.as_mut().filter(|_| config.permute_extensions) {
            // The last one stays: it is that of the keys (RFC 8446 4.2.11), or some servers' trouble if it is empty.
            let last = extensions.len().saturating_sub(1);
            let mut random = vec![[0; 2]; last];
            config.provider.random.fill(random.as_flattened_mut())?;
            let mut keyed: Vec<_> = random.into_iter().zip(extensions.drain(..last)).collect();
            keyed.sort_by_key(|(key, _)| *key);
            extensions.splice(..0, keyed.into_iter().map(|(_, extension)| extension));
        }
        pad(&mut self.hello);
        Ok(())
    }

    /// Whether the hello holds an extension of this answer's kind, and one that is meant: only such may be answered (RFC 5246
    /// 7.4.1.4, RFC 8701 3.1).
    pub(crate) fn asked_for(&self, answer: &ServerExtension) -> bool {
        let kind = answer.ext_type();
        let signalled = self.hello.cipher_suites.contains(&CipherSuite::TLS_EMPTY_RENEGOTIATION_INFO_SCSV);
        if signalled && matches!(answer, ServerExtension::RenegotiationInfo(_)) {
            return true;
        }
        !kind.is_grease() && self.hello.extensions.iter().flatten().any(|offered| offered.ext_type() == kind)
    }
}

/// Makes a hello of 256 to 511 bytes one of 512: some load balancers of before 2014 take its length for the type of an older
/// version's, and wait for ever (RFC 7685 4).
pub(crate) fn pad(hello: &mut ClientHello) {
    // A hybrid's share alone is longer than that.
    let is_long = hello.key_shares().unwrap_or_default().iter().any(|share| share.key_exchange.len() >= 512);
    if is_long || hello.extensions.is_none() {
        return;
    }
    let length = hello.encode().len();
    let Some(extensions) = hello.extensions.as_mut().filter(|_| (256..512).contains(&length)) else { return };
    // Type and length of the extension come before it; one that is empty would be another server's trouble.
    let padding = 512_usize.saturating_sub(length + 4).max(1);
    let is_psk = |extension: &ClientExtension| matches!(extension, ClientExtension::PreSharedKey(_));
    let at = extensions.len() - usize::from(extensions.last().is_some_and(is_psk));
    extensions.insert(at, ClientExtension::Padding(vec![0; padding].into()));
}

fn client_extensions(
    config: &ClientConfig,
    name: &ServerName<'_>,
    previous: Option<&Previous>,
    saved: Option<&Saved>,
) -> Vec<ClientExtension> {
    let policy = &config.policy;
    let mut extensions = Vec::with_capacity(12);
    // An IP address is not sent as a name (RFC 6066 3).
    if let (true, ServerName::DnsName(host)) = (config.send_server_name, name) {
        extensions.push(ClientExtension::ServerName(vec![ServerNameEntry::host_name(host.as_ref())]));
    }
    if policy.extended_master_secret && !policy.dialects.is_empty() {
        extensions.push(ClientExtension::ExtendedMasterSecret);
    }
    // Empty in a first handshake (RFC 5746 3.4).
    let info = previous.map_or_else(|| Some(bytes::Bytes::new()), Previous::client_info);
    extensions.extend(info.filter(|_| !policy.dialects.is_empty()).map(ClientExtension::RenegotiationInfo));
    let groups = offered_groups(policy);
    if !policy.dialects.is_empty() && groups.iter().any(|group| !is_finite_field(*group)) {
        extensions.push(ClientExtension::EcPointFormats(vec![EcPointFormat::UNCOMPRESSED]));
    }
    if !groups.is_empty() {
        extensions.push(ClientExtension::SupportedGroups(groups));
    }
    if policy.tls13 || policy.dialects.iter().any(|dialect| dialect.names_schemes()) {
        extensions.push(ClientExtension::SignatureAlgorithms(policy.named_schemes().collect()));
    }
    // Once: an application does not change its protocol where a handshake goes on below it.
    if previous.is_none() && !config.alpn.is_empty() {
        extensions.push(ClientExtension::Alpn(config.alpn.clone()));
    }
    extensions.push(ClientExtension::StatusRequest(clasp_wire::CertificateStatusRequest::ocsp()));
    if config.certificate_timestamps {
        extensions.push(ClientExtension::SignedCertificateTimestamp);
    }
    if policy.encrypt_then_mac && policy.suites.iter().any(|suite| suite.bulk.is_cbc()) {
        extensions.push(ClientExtension::EncryptThenMac);
    }
    // In every handshake: GnuTLS sends a ticket in each that follows one with a ticket, asked for or not.
    let classic = !policy.dialects.is_empty();
    if classic && config.resumption.as_ref().is_some_and(|resumption| resumption.tickets) {
        let saved = saved.filter(|saved| !negotiate::is_of_tls13(saved));
        let ticket = saved.map_or_else(bytes::Bytes::new, |saved| bytes::Bytes::copy_from_slice(&saved.ticket));
        extensions.push(ClientExtension::SessionTicket(ticket));
    }
    extensions.extend(certificate_type::offer(config));
    if policy.offers_tls13(previous.is_none()) && !config.certificate_compressions.is_empty() {
        extensions.push(ClientExtension::CompressCertificate(config.certificate_compressions.algorithms()));
    }
    if let Some(limit) = config.record_size_limit {
        extensions.push(ClientExtension::RecordSizeLimit(limit));
    }
    extensions
}

/// The identifier of the session to resume. For a ticket it is one of our own, by which the server shows that it takes the
/// ticket (RFC 5077 3.4).
fn session_id(config: &ClientConfig, saved: Option<&Saved>) -> Result<SessionId, Error> {
    match saved {
        None => Ok(SessionId::EMPTY),
        Some(saved) if negotiate::is_of_tls13(saved) => Ok(SessionId::EMPTY),
        Some(saved) if saved.ticket.is_empty() => Ok(SessionId::new(&saved.id).unwrap_or(SessionId::EMPTY)),
        Some(_) => Ok(fresh_id(config.provider)?),
    }
}

/// The policy's groups, less those that no suite or version of it could use.
pub(crate) fn offered_groups(policy: &Policy) -> Vec<NamedGroup> {
    use crate::suites::KeyExchange;
    let has = |takes: fn(KeyExchange) -> bool| policy.tls13 || policy.suites.iter().any(|row| takes(row.key_exchange));
    let (curves, fields) = (has(KeyExchange::takes_curve), has(|kx| kx == KeyExchange::Dhe));
    let usable = |group: &NamedGroup| {
        let has = if is_finite_field(*group) { fields } else { curves };
        has && (policy.tls13 || !negotiate::is_for_tls13_alone(*group))
    };
    policy.groups.iter().copied().filter(usable).collect()
}

/// Whether the group is one of RFC 7919's. Its code points are a block of their own (RFC 7919 2).
pub(crate) fn is_finite_field(group: NamedGroup) -> bool {
    group.0 >> 8 == 1
}

/// 32 fresh random bytes.
pub(crate) fn random(provider: &Provider) -> Result<Random, Error> {
    let mut bytes = [0; 32];
    provider.random.fill(&mut bytes)?;
    Ok(Random(bytes))
}

/// What our side offers, for errors.
pub(crate) fn our_offer(policy: &Policy, alpn: &[bytes::Bytes]) -> Offer {
    Offer {
        versions: policy.versions().collect(),
        suites: policy.suites().iter().map(|suite| suite.id).collect(),
        groups: offered_groups(policy),
        schemes: policy.named_schemes().collect(),
        alpn: alpn.iter().map(|name| printable(name)).collect(),
    }
}

/// What a client's hello offers, for errors.
pub(crate) fn their_offer(hello: &ClientHello) -> Offer {
    let listed = supported_versions(hello).unwrap_or(std::slice::from_ref(&hello.client_version));
    Offer {
        versions: listed.iter().copied().filter(|version| !version.is_grease()).collect(),
        suites: hello.cipher_suites.iter().copied().filter(|suite| !is_signal(*suite)).collect(),
        groups: hello
            .supported_groups()
            .iter()
            .copied()
            .flatten()
            .copied()
            .filter(|group| !group.is_grease())
            .collect(),
        schemes: hello.signature_algorithms().unwrap_or_default().to_vec(),
        alpn: hello.alpn().unwrap_or_default().iter().take(NAMES_TOLD).map(|name| printable(name)).collect(),
    }
}

/// Whether the code point only signals something (RFC 5746 3.3, RFC 7507 2), or is GREASE (RFC 8701).
fn is_signal(suite: CipherSuite) -> bool {
    suite == CipherSuite::TLS_EMPTY_RENEGOTIATION_INFO_SCSV
        || suite == CipherSuite::TLS_FALLBACK_SCSV
        || suite.is_grease()
}

fn printable(name: &[u8]) -> String {
    name.escape_ascii().to_string()
}

/// The versions of a hello's supported_versions extension (RFC 8446 4.2.1), which a server of any version must honour.
pub(crate) fn supported_versions(hello: &ClientHello) -> Option<&[ProtocolVersion]> {
    hello.extensions.iter().flatten().find_map(|extension| match extension {
        ClientExtension::SupportedVersions(versions) => Some(versions.as_slice()),
        _ => None,
    })
}

/// The most plaintext the client lets us send in a record, and the extension that answers it (RFC 8449 4, RFC 6066 4).
pub(crate) fn record_limits(hello: &ClientHello, ours: Option<u16>) -> Result<RecordLimits, Error> {
    let mut limits = RecordLimits::default();
    for extension in hello.extensions.iter().flatten() {
        match extension {
            ClientExtension::RecordSizeLimit(limit) => {
                if *limit < 64 {
                    return Err(crate::error::Misbehaviour::BadRecordSizeLimit.into());
                }
                let ours = ours.unwrap_or(MAX_PLAINTEXT);
                limits = RecordLimits {
                    write: Some(usize::from((*limit).min(MAX_PLAINTEXT + 1))),
                    read: Some(usize::from(ours)),
                    answer: Some(ServerExtension::RecordSizeLimit(ours)),
                };
                // RFC 8449 5: max_fragment_length is ignored beside it.
                return Ok(limits);
            }
            ClientExtension::MaxFragmentLength(length) => {
                let bytes = fragment_length(*length).ok_or(crate::error::Misbehaviour::BadRecordSizeLimit)?;
                limits = RecordLimits {
                    write: Some(bytes),
                    read: Some(bytes),
                    answer: Some(ServerExtension::MaxFragmentLength(*length)),
                };
            }
            _ => {}
        }
    }
    Ok(limits)
}

/// Agreed record sizes, bytes of plaintext.
#[derive(Default)]
pub(crate) struct RecordLimits {
    pub(crate) write: Option<usize>,
    pub(crate) read: Option<usize>,
    pub(crate) answer: Option<ServerExtension>,
}

impl RecordLimits {
    /// As TLS 1.3 counts: the limit is for the type of the content too (RFC 8449 4).
    pub(crate) fn with_content_type(mut self) -> Self {
        if let Some(ServerExtension::RecordSizeLimit(ours)) = &mut self.answer {
            // What is not limited is said as the most there can be.
            if *ours == MAX_PLAINTEXT {
                *ours += 1;
            }
            self.read = Some(usize::from(*ours));
        } else {
            self.write = self.write.map(|bytes| bytes + 1);
            self.read = self.read.map(|bytes| bytes + 1);
        }
        self
    }
}

fn fragment_length(length: MaxFragmentLength) -> Option<usize> {
    (1..=4).contains(&length.0).then(|| 256 << length.0)
}
