//! What a connection offers and accepts: a list of suites, versions, groups and signature schemes, and the values around
//! them. Safe by default, open on request.

use clasp_cert::CertificateRules;
use clasp_wire::{CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme, Strength};

use crate::dialect::{Dialect, TLS12};
use crate::negotiate;
use crate::suites::{CLASSIC, PSK, Suite, TLS13};

/// What may be negotiated. Start from [`Policy::modern`] or [`Policy::compatible`]; narrow it with the `with_` functions.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(crate) name: &'static str,
    pub(crate) suites: Vec<&'static Suite>,
    /// Sets of suites among which a server lets the client choose, the best set first; without any, the order counts.
    pub(crate) equal_suites: Vec<Vec<CipherSuite>>,
    /// Whether TLS 1.3 is spoken, which has no dialect: its flights are others.
    pub(crate) tls13: bool,
    /// Those before TLS 1.3, newest first.
    pub(crate) dialects: Vec<&'static dyn Dialect>,
    pub(crate) groups: Vec<NamedGroup>,
    /// Sets of groups among which a server lets the client choose, the best set first. Without any, what needs no second hello is
    /// better than the order.
    pub(crate) ranked_groups: Vec<Vec<NamedGroup>>,
    /// Those that are verified.
    pub(crate) schemes: Vec<SignatureScheme>,
    /// Those that are signed with, where they are others.
    pub(crate) signing: Option<Vec<SignatureScheme>>,
    pub(crate) min_rsa_bits: usize,
    pub(crate) min_dh_bits: usize,
    pub(crate) certificates: CertificateRules,
    pub(crate) extended_master_secret: bool,
    pub(crate) require_extended_master_secret: bool,
    pub(crate) encrypt_then_mac: bool,
    pub(crate) takes_sslv2_hello: bool,
    pub(crate) sends_sslv2_hello: bool,
    pub(crate) require_renegotiation_info: bool,
    pub(crate) renegotiation: Renegotiation,
    /// Whether [`Renegotiation::UnsafeLegacy`] may be asked for.
    pub(crate) may_renegotiate_unsafely: bool,
}

/// Whether a connection may shake hands again (step 11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Renegotiation {
    /// Never: requests are declined.
    Never,
    /// With peers that tie the new handshake to the old one (RFC 5746).
    Secure,
    /// Also with peers that do not. Whoever is on the way can put a beginning of his own before what the client sends, and
    /// the server takes both for the client's (CVE-2009-3555). Needs an insecure policy.
    UnsafeLegacy,
}

/// The hybrid first, against whoever records now and computes later; then X25519 and P-256, the fastest and the most widely
/// had. TLS 1.2 has no use for the hybrid.
const GROUPS: &[NamedGroup] = &[
    NamedGroup::X25519MLKEM768,
    NamedGroup::X25519,
    NamedGroup::SECP256R1,
    NamedGroup::SECP384R1,
    NamedGroup::SECP521R1,
    NamedGroup::FFDHE2048,
    NamedGroup::FFDHE3072,
    NamedGroup::FFDHE4096,
];

const SCHEMES: &[SignatureScheme] = &[
    SignatureScheme::ECDSA_SECP256R1_SHA256,
    SignatureScheme::ECDSA_SECP384R1_SHA384,
    SignatureScheme::ECDSA_SECP521R1_SHA512,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_RSAE_SHA256,
    SignatureScheme::RSA_PSS_RSAE_SHA384,
    SignatureScheme::RSA_PSS_RSAE_SHA512,
    SignatureScheme::RSA_PSS_PSS_SHA256,
    SignatureScheme::RSA_PSS_PSS_SHA384,
    SignatureScheme::RSA_PSS_PSS_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];

impl Policy {
    /// The default: TLS 1.3, and TLS 1.2 with ephemeral key exchange and AEAD only. A server that speaks TLS 1.2 must show that
    /// it knows RFC 5746.
    pub fn modern() -> Self {
        Self::of("modern", Strength::Modern)
    }

    /// Also RSA key exchange and CBC with SHA-1 or SHA-2 MACs, encrypt-then-MAC where the peer has it: for peers from
    /// about 2008 on. No forward secrecy with RSA key exchange.
    pub fn compatible() -> Self {
        Self {
            require_renegotiation_info: false,
            renegotiation: Renegotiation::Secure,
            ..Self::of("compatible", Strength::Compatible)
        }
    }

    fn of(name: &'static str, weakest: Strength) -> Self {
        let mut suites: Vec<_> =
            TLS13.iter().chain(PSK).chain(CLASSIC).filter(|suite| suite.strength <= weakest).collect();
        // The order is stable: a key that was given for this peer comes before certificates, but never before strength or
        // forward secrecy.
        suites.sort_by_key(|suite| (suite.strength, !suite.key_exchange.is_ephemeral()));
        Self {
            name,
            suites,
            equal_suites: Vec::new(),
            tls13: true,
            dialects: vec![&TLS12],
            groups: GROUPS.to_vec(),
            ranked_groups: Vec::new(),
            schemes: SCHEMES.to_vec(),
            signing: None,
            min_rsa_bits: 2048,
            min_dh_bits: 2048,
            certificates: CertificateRules::modern(),
            extended_master_secret: true,
            require_extended_master_secret: false,
            encrypt_then_mac: true,
            takes_sslv2_hello: false,
            sends_sslv2_hello: false,
            require_renegotiation_info: true,
            renegotiation: Renegotiation::Never,
            may_renegotiate_unsafely: false,
        }
    }

    /// Whether the client's hello, its `first` or a later one, has extensions: not where SSL 3.0 is all that is spoken, as
    /// some of its servers refuse a hello that does not end where they expect.
    pub(crate) fn hello_has_extensions(&self, first: bool) -> bool {
        let some = self.tls13 || self.dialects.iter().any(|dialect| dialect.has_extensions());
        some && !(first && self.sends_sslv2_hello)
    }

    /// Whether the client's hello, its `first` or a later one, offers TLS 1.3: no other can be changed to it.
    pub(crate) fn offers_tls13(&self, first: bool) -> bool {
        self.tls13 && first && !self.sends_sslv2_hello
    }

    /// The version of the first record, low for servers that look at it (RFC 5246 E.1).
    pub(crate) fn first_record_version(&self) -> ProtocolVersion {
        self.versions().next().map_or(ProtocolVersion::TLS_1_0, |newest| newest.min(ProtocolVersion::TLS_1_0))
    }

    /// The schemes that have a name on the wire: what is offered.
    pub(crate) fn named_schemes(&self) -> impl Iterator<Item = SignatureScheme> + '_ {
        self.client_schemes_13().filter(|scheme| negotiate::pkcs1_of_client(*scheme).is_none())
    }

    /// The same for what a client of TLS 1.3 signs with, which may be PKCS#1 v1.5 (RFC 9963).
    pub(crate) fn client_schemes_13(&self) -> impl Iterator<Item = SignatureScheme> + '_ {
        self.schemes.iter().copied().filter(|scheme| *scheme != SignatureScheme::RSA_PKCS1_MD5_SHA1)
    }

    /// Also TLS 1.1 and 1.0, 3DES, SHA-1 signatures, RSA keys and Diffie-Hellman groups of 1024 bits, and the
    /// certificates of [`CertificateRules::legacy`]: for peers that nobody can change any more. Whoever records a connection may be able to read it one day.
    #[cfg(feature = "legacy")]
    pub fn legacy() -> Self {
        let mut schemes = SCHEMES.to_vec();
        schemes.extend([
            SignatureScheme::RSA_PKCS1_SHA1,
            SignatureScheme::ECDSA_SHA1,
            SignatureScheme::RSA_PKCS1_MD5_SHA1,
        ]);
        Self {
            dialects: vec![&TLS12, &crate::dialect::TLS11, &crate::dialect::TLS10],
            schemes,
            min_rsa_bits: 1024,
            min_dh_bits: 1024,
            certificates: CertificateRules::legacy(),
            require_renegotiation_info: false,
            renegotiation: Renegotiation::Secure,
            ..Self::of("legacy", Strength::Legacy)
        }
    }

    /// What of the policy a session was authenticated under; suites and versions are compared by themselves.
    pub(crate) fn resumption_scope(&self) -> Vec<u8> {
        format!("{} {} {}", self.name, self.min_rsa_bits, self.min_dh_bits).into_bytes()
    }

    /// Whether connections may renegotiate.
    pub fn renegotiation(&self) -> Renegotiation {
        self.renegotiation
    }

    /// The policy's name, such as `modern`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The suites, in order of preference. Those with a pre-shared key are offered and accepted only by configurations that
    /// have one.
    pub fn suites(&self) -> &[&'static Suite] {
        &self.suites
    }

    /// The versions, newest first.
    pub fn versions(&self) -> impl Iterator<Item = ProtocolVersion> + '_ {
        let newest = self.tls13.then_some(ProtocolVersion::TLS_1_3);
        newest.into_iter().chain(self.dialects.iter().map(|dialect| dialect.version()))
    }

    /// The key exchange groups, in order of preference.
    pub fn groups(&self) -> &[NamedGroup] {
        &self.groups
    }

    /// The signature schemes that we sign with; a key's own order of preference counts.
    pub fn signing_schemes(&self) -> &[SignatureScheme] {
        self.signing.as_deref().unwrap_or(&self.schemes)
    }

    /// The signature schemes that peers may sign with, in order of preference.
    pub fn signature_schemes(&self) -> &[SignatureScheme] {
        &self.schemes
    }

    /// Which certificates a client's own verifier accepts from servers. Verifiers that are made elsewhere, such as that
    /// for clients, take their rules from here where they are to be the same.
    pub fn certificate_rules(&self) -> CertificateRules {
        self.certificates
    }

    /// Accepts the certificates of these rules.
    #[must_use]
    pub fn with_certificate_rules(mut self, rules: CertificateRules) -> Self {
        self.certificates = rules;
        self
    }

    /// Keeps only these suites, in this order. Those the policy does not have are left out: a list never widens it.
    #[must_use]
    pub fn with_cipher_suites(mut self, suites: &[CipherSuite]) -> Self {
        self.suites =
            suites.iter().filter_map(|id| self.suites.iter().find(|suite| suite.id == *id).copied()).collect();
        self.equal_suites.clear();
        self
    }

    /// Keeps only these suites, as [`Self::with_cipher_suites`] does. Those that stand together are equally good to a server,
    /// which takes the one that the client puts first: AES-GCM or ChaCha20-Poly1305, say, by what the client's processor is
    /// fast with. A client offers them in the order given. Sessions are resumed under the suite that the client would get now: if
    /// it turns its order round, there is a full handshake.
    #[must_use]
    pub fn with_equal_cipher_suites(self, suites: &[&[CipherSuite]]) -> Self {
        let mut this = self.with_cipher_suites(&suites.concat());
        this.equal_suites = suites.iter().map(|equal| equal.to_vec()).collect();
        this
    }

    /// A server's suites that are among those the client offers, best first. Each comes once, however often it is offered: it
    /// costs a look at every group and identity.
    pub(crate) fn common_suites<'a>(
        &'a self,
        offered: &'a [CipherSuite],
        client_order: bool,
    ) -> impl Iterator<Item = &'static Suite> + 'a {
        // One by one where our own order counts: the first is nearly always taken.
        let by_client = client_order || !self.equal_suites.is_empty();
        let sorted = if by_client { self.sorted_suites(offered, client_order) } else { Vec::new() };
        let plain = if by_client { &[] } else { &self.suites[..] };
        sorted.into_iter().chain(plain.iter().copied().filter(|suite| offered.contains(&suite.id)))
    }

    /// Where the client's order counts, everywhere or among suites that are equally good.
    fn sorted_suites(&self, offered: &[CipherSuite], client_order: bool) -> Vec<&'static Suite> {
        let rank = |(at, suite): (usize, &'static Suite)| {
            let place = offered.iter().position(|id| *id == suite.id)?;
            let set = self.equal_suites.iter().position(|equal| equal.contains(&suite.id));
            // Those in no set were added later.
            let set = if client_order { 0 } else { set.unwrap_or(self.equal_suites.len() + at) };
            Some((set, place, suite))
        };
        let mut common: Vec<_> = self.suites.iter().copied().enumerate().filter_map(rank).collect();
        common.sort_by_key(|(set, place, _)| (*set, *place));
        common.into_iter().map(|(_, _, suite)| suite).collect()
    }

    /// Keeps only versions from `oldest` to `newest`.
    #[must_use]
    pub fn with_versions(mut self, oldest: ProtocolVersion, newest: ProtocolVersion) -> Self {
        let kept = oldest..=newest;
        self.dialects.retain(|dialect| kept.contains(&dialect.version()));
        self.tls13 &= kept.contains(&ProtocolVersion::TLS_1_3);
        self
    }

    /// Speaks this version too; one that is there already is replaced.
    #[must_use]
    pub fn and_dialect(mut self, dialect: &'static dyn Dialect) -> Self {
        self.dialects.retain(|other| other.version() != dialect.version());
        let place = self.dialects.partition_point(|other| other.version() > dialect.version());
        self.dialects.insert(place, dialect);
        self
    }

    /// Offers these groups, in this order. A server of TLS 1.3 takes the first that the client has sent a share in, and only
    /// where there is none the first that the client has, by a HelloRetryRequest: see [`Self::with_ranked_groups`].
    #[must_use]
    pub fn with_groups(mut self, groups: &[NamedGroup]) -> Self {
        self.groups = groups.to_vec();
        self.ranked_groups.clear();
        self
    }

    /// Offers these groups, in this order. To a server the sets stand best first, and the groups of a set are equally good: of the
    /// best set in common it takes, in TLS 1.3, one that a share came in, and else the one that the client puts first. It asks
    /// by a HelloRetryRequest for a better set though a share came in a worse one, which costs a round trip and the early data:
    /// hybrids before all others, say. One set for each group makes the order strict; [`Self::with_groups`] takes a share that
    /// came before its own order.
    #[must_use]
    pub fn with_ranked_groups(self, sets: &[&[NamedGroup]]) -> Self {
        let mut this = self.with_groups(&sets.concat());
        this.ranked_groups = sets.iter().map(|set| set.to_vec()).collect();
        this
    }

    /// A server's groups that are among those the client has, best first, each with the number of its set: 0 for all without sets.
    pub(crate) fn common_groups(&self, offered: &[NamedGroup]) -> Vec<(usize, NamedGroup)> {
        let rank = |(at, group): (usize, &NamedGroup)| {
            let place = offered.iter().position(|other| other == group)?;
            let set = self.ranked_groups.iter().position(|equal| equal.contains(group));
            Some((set.map_or((0, at), |set| (set, place)), *group))
        };
        let mut common: Vec<_> = self.groups.iter().enumerate().filter_map(rank).collect();
        common.sort_by_key(|(rank, _)| *rank);
        common.into_iter().map(|((set, _), group)| (set, group)).collect()
    }

    /// Offers these signature schemes, in this order, and signs with no others. In no policy by itself are those by which a client
    /// of TLS 1.3 signs with PKCS#1 v1.5, as its key's hardware may know nothing else:
    /// [`RSA_PKCS1_SHA256_LEGACY`](SignatureScheme::RSA_PKCS1_SHA256_LEGACY) and its like (RFC 9963). A server that has them here
    /// takes such signatures, and a client makes them where its key can make no other that the server takes.
    #[must_use]
    pub fn with_signature_schemes(mut self, schemes: &[SignatureScheme]) -> Self {
        self.schemes = schemes.to_vec();
        self.signing = None;
        self
    }

    /// Signs with these schemes alone, and not with those that [`Self::with_signature_schemes`] offers to verify.
    #[must_use]
    pub fn with_signing_schemes(mut self, schemes: &[SignatureScheme]) -> Self {
        self.signing = Some(schemes.to_vec());
        self
    }

    /// Whether the extended master secret (RFC 7627) is offered and accepted. On by default: without it, sessions can
    /// be made to share a master secret (the triple handshake attack).
    #[must_use]
    pub fn with_extended_master_secret(mut self, on: bool) -> Self {
        self.extended_master_secret = on;
        self
    }

    /// Whether a peer without the extended master secret is refused (RFC 7627 5.2, 5.3). Off by default.
    #[must_use]
    pub fn requiring_extended_master_secret(mut self, required: bool) -> Self {
        self.require_extended_master_secret = required;
        self
    }

    /// Whether encrypt-then-MAC (RFC 7366) is offered and accepted for CBC suites. On by default.
    #[must_use]
    pub fn with_encrypt_then_mac(mut self, on: bool) -> Self {
        self.encrypt_then_mac = on;
        self
    }

    /// Whether connections may renegotiate. [`Renegotiation::Secure`] in `compatible` and wider policies, never in `modern`.
    #[must_use]
    pub fn with_renegotiation(mut self, renegotiation: Renegotiation) -> Self {
        self.renegotiation = renegotiation;
        self
    }

    /// Whether a peer that does not know `renegotiation_info` (RFC 5746) is refused. On in [`Policy::modern`]: against
    /// such a server an attacker may have sent the beginning of what the server takes for our data.
    #[must_use]
    pub fn requiring_renegotiation_info(mut self, required: bool) -> Self {
        self.require_renegotiation_info = required;
        self
    }

    /// The named policy that is the first to offer `suite`, or `None` when this build carries no such suite.
    pub fn that_offers(suite: CipherSuite) -> Option<&'static str> {
        let row = TLS13.iter().chain(CLASSIC).chain(PSK).find(|row| row.id == suite)?;
        Some(match row.strength {
            Strength::Modern => "modern",
            Strength::Compatible => "compatible",
            Strength::Legacy => "legacy",
            Strength::Insecure => "insecure",
        })
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::modern()
    }
}
