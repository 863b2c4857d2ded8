//! Chains of our own, made anew each time: what the groups of x509-limbo ask, and what its differences say of us.

use clasp_cert::pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime};
use libtest_mimic::Trial;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, CidrSubnet, CustomExtension,
    DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose,
    NameConstraints, RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};

use crate::case::{Case, Peer, Verdict};

/// Unix time of 2026-06-01 00:00:00 UTC, when all this happens, seconds.
const NOW: u64 = 1_780_272_000;
/// id-ce-nameConstraints (RFC 5280, section 4.2.1.10).
const NAME_CONSTRAINTS: &[u64] = &[2, 5, 29, 30];
/// An extension that nobody knows, below an arc for examples.
const UNKNOWN: &[u64] = &[2, 999, 1];

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// Makes the certificates of one case: each is bent as the case needs it.
struct Chain {
    /// The root first.
    authorities: Vec<Issuer>,
    others: Vec<CertificateDer<'static>>,
    lists: Vec<CertificateRevocationListDer<'static>>,
    name: &'static str,
    depth: Option<usize>,
    now: u64,
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2100, 1, 1);
    params
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

impl Chain {
    fn new(bend: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = authority("Root");
        bend(&mut params);
        let root = Issuer::self_signed(params, key()).expect("a root");
        Self { authorities: vec![root], others: vec![], lists: vec![], name: "host.example", depth: None, now: NOW }
    }

    fn issuer(&self) -> &Issuer {
        self.authorities.last().expect("a root")
    }

    /// An intermediate authority below the last one.
    fn middle(mut self, name: &str, bend: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = authority(name);
        bend(&mut params);
        let middle = Issuer::signed_by(params, key(), self.issuer()).expect("an authority");
        self.others.insert(0, middle.der().clone());
        self.authorities.push(middle);
        self
    }

    /// What the client asks for.
    const fn asking(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    const fn depth(mut self, depth: usize) -> Self {
        self.depth = Some(depth);
        self
    }

    /// A revocation list of the authority of this number, the root's being 0.
    fn list(mut self, number: usize, revoked: &[u64], year: i32) -> Self {
        let entry = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2026, 2, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 1, 1),
            next_update: date_time_ymd(year, 5, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        self.lists.push(params.signed_by(&self.authorities[number]).expect("a list").der().clone());
        self
    }

    fn leaf(self, bend: impl FnOnce(&mut CertificateParams)) -> Case {
        let name = ServerName::try_from(self.name).expect("a name");
        self.end(Peer::Server(name), ExtendedKeyUsagePurpose::ServerAuth, bend)
    }

    fn client(self, bend: impl FnOnce(&mut CertificateParams)) -> Case {
        self.end(Peer::Client, ExtendedKeyUsagePurpose::ClientAuth, bend)
    }

    fn end(self, peer: Peer, purpose: ExtendedKeyUsagePurpose, bend: impl FnOnce(&mut CertificateParams)) -> Case {
        let mut params = CertificateParams::new(["host.example".to_owned()]).expect("names");
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "host.example");
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2027, 1, 1);
        params.serial_number = Some(SerialNumber::from(7_u64));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![purpose];
        bend(&mut params);
        let leaf = params.signed_by(&key(), self.issuer()).expect("a leaf").der().clone();
        Case {
            peer,
            roots: vec![self.authorities[0].der().clone()],
            leaf,
            intermediates: self.others,
            lists: self.lists,
            now: UnixTime::since_unix_epoch(core::time::Duration::from_secs(self.now)),
            depth: self.depth,
            valid: true,
        }
    }
}

fn plain(_: &mut CertificateParams) {}

fn path_length(below: u8) -> impl FnOnce(&mut CertificateParams) {
    move |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(below))
}

fn names(names: Vec<SanType>) -> impl FnOnce(&mut CertificateParams) {
    move |params| params.subject_alt_names = names
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().expect("ASCII"))
}

fn permitted(subtree: GeneralSubtree) -> impl FnOnce(&mut CertificateParams) {
    let constraints = NameConstraints { permitted_subtrees: vec![subtree], excluded_subtrees: vec![] };
    move |params| params.name_constraints = Some(constraints)
}

fn excluded(subtree: GeneralSubtree) -> impl FnOnce(&mut CertificateParams) {
    let constraints = NameConstraints { permitted_subtrees: vec![], excluded_subtrees: vec![subtree] };
    move |params| params.name_constraints = Some(constraints)
}

fn dns_tree(name: &str) -> GeneralSubtree {
    GeneralSubtree::DnsName(name.into())
}

fn net(address: &str) -> GeneralSubtree {
    GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix(
        address.parse::<std::net::Ipv4Addr>().expect("an address").octets(),
        24,
    ))
}

fn address(text: &str) -> SanType {
    SanType::IpAddress(text.parse().expect("an address"))
}

fn extension(id: &[u64], content: &[u8], critical: bool) -> impl FnOnce(&mut CertificateParams) {
    let mut extension = CustomExtension::from_oid_content(id, content.to_vec());
    extension.set_criticality(critical);
    move |params| params.custom_extensions.push(extension)
}

fn usages(usages: Vec<KeyUsagePurpose>) -> impl FnOnce(&mut CertificateParams) {
    move |params| params.key_usages = usages
}

fn purposes(purposes: Vec<ExtendedKeyUsagePurpose>) -> impl FnOnce(&mut CertificateParams) {
    move |params| params.extended_key_usages = purposes
}

fn one_name(name: &'static str) -> impl FnOnce(&mut CertificateParams) {
    names(vec![dns(name)])
}

/// Each with its name, its group before the colons, and what a refusal has to say; nothing where it is accepted.
fn cases() -> Vec<(&'static str, Case, Option<&'static str>)> {
    use ExtendedKeyUsagePurpose as Purpose;
    let root = || Chain::new(plain);
    let middle = || root().middle("Middle", plain);
    let below = |bend: Box<dyn FnOnce(&mut CertificateParams)>| root().middle("Middle", bend);
    let (length, constraints) = (Some("path length"), Some("name constraints"));
    let (not_for, unknown_issuer) = (Some("is not for"), Some("no trusted CA"));
    vec![
        ("pathlen::none", root().leaf(plain), None),
        ("pathlen::zero_above_a_leaf", root().middle("Middle", path_length(0)).leaf(plain), None),
        ("pathlen::zero_above_an_authority", root().middle("A", path_length(0)).middle("B", plain).leaf(plain), length),
        ("pathlen::one_above_one", root().middle("A", path_length(1)).middle("B", path_length(0)).leaf(plain), None),
        (
            "pathlen::one_above_two",
            root().middle("A", path_length(1)).middle("B", plain).middle("C", plain).leaf(plain),
            length,
        ),
        ("pathlen::self_issued_counts", root().middle("A", path_length(0)).middle("A", plain).leaf(plain), length),
        ("pathlen::as_many_as_allowed", middle().depth(1).leaf(plain), None),
        ("pathlen::more_than_allowed", middle().depth(0).leaf(plain), Some("at most 1")),
        ("rfc5280::authority_as_leaf", root().leaf(path_length(0)), Some("a CA's own")),
        (
            "rfc5280::middle_is_no_authority",
            below(Box::new(|params| params.is_ca = IsCa::ExplicitNoCa)).leaf(plain),
            Some(""),
        ),
        ("rfc5280::unknown_critical", root().leaf(extension(UNKNOWN, &[5, 0], true)), Some("critical extension")),
        ("rfc5280::unknown_not_critical", root().leaf(extension(UNKNOWN, &[5, 0], false)), None),
        ("rfc5280::unknown_critical_middle", below(Box::new(extension(UNKNOWN, &[5, 0], true))).leaf(plain), Some("")),
        ("rfc5280::unknown_critical_root", Chain::new(extension(UNKNOWN, &[5, 0], true)).leaf(plain), None),
        (
            "rfc5280::duplicate_extension",
            root().leaf(|params| {
                extension(&[2, 5, 29, 19], &[0x30, 0], true)(params);
                extension(&[2, 5, 29, 19], &[0x30, 0], true)(params);
            }),
            Some("malformed"),
        ),
        ("rfc5280::stranger", stranger(), unknown_issuer),
        ("rfc5280::expired_leaf", root().leaf(|params| params.not_after = date_time_ymd(2026, 5, 31)), Some("expired")),
        (
            "rfc5280::early_leaf",
            root().leaf(|params| params.not_before = date_time_ymd(2026, 6, 2)),
            Some("valid only from"),
        ),
        (
            "rfc5280::expired_middle",
            below(Box::new(|params| params.not_after = date_time_ymd(2026, 5, 31))).leaf(plain),
            Some("expired"),
        ),
        ("rfc5280::expired_root", Chain::new(|params| params.not_after = date_time_ymd(2026, 5, 31)).leaf(plain), None),
        ("rfc5280::first_second", root().leaf(|params| params.not_before = date_time_ymd(2026, 6, 1)), None),
        ("rfc5280::last_second", root().leaf(|params| params.not_after = date_time_ymd(2026, 6, 1)), None),
        (
            "rfc5280::keycertsign_in_a_leaf",
            root().leaf(usages(vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign])),
            None,
        ),
        ("nc::inside", below(Box::new(permitted(dns_tree("example")))).leaf(plain), None),
        ("nc::outside", below(Box::new(permitted(dns_tree("other.example")))).leaf(plain), constraints),
        ("nc::inside_the_root's", Chain::new(permitted(dns_tree("example"))).leaf(plain), None),
        ("nc::outside_the_root's", Chain::new(permitted(dns_tree("other.example"))).leaf(plain), constraints),
        ("nc::excluded", below(Box::new(excluded(dns_tree("host.example")))).leaf(plain), constraints),
        ("nc::excluded_parent", below(Box::new(excluded(dns_tree("example")))).leaf(plain), constraints),
        ("nc::no_part_of_a_label", below(Box::new(excluded(dns_tree("ost.example")))).leaf(plain), None),
        (
            "nc::wildcard_over_excluded",
            below(Box::new(excluded(dns_tree("bad.host.example"))))
                .asking("www.host.example")
                .leaf(one_name("*.host.example")),
            constraints,
        ),
        ("nc::with_a_dot", below(Box::new(permitted(dns_tree(".example")))).leaf(plain), None),
        (
            "nc::address_inside",
            below(Box::new(permitted(net("192.0.2.0")))).asking("192.0.2.7").leaf(names(vec![address("192.0.2.7")])),
            None,
        ),
        (
            "nc::address_outside",
            below(Box::new(permitted(net("198.51.100.0")))).asking("192.0.2.7").leaf(names(vec![address("192.0.2.7")])),
            constraints,
        ),
        ("nc::addresses_do_not_bind_names", below(Box::new(permitted(net("198.51.100.0")))).leaf(plain), None),
        (
            "nc::mail_is_refused",
            below(Box::new(permitted(GeneralSubtree::Rfc822Name("example".into()))))
                .client(names(vec![SanType::Rfc822Name("a@example".try_into().expect("ASCII"))])),
            constraints,
        ),
        (
            "nc::widened_below",
            root()
                .middle("A", permitted(dns_tree("other.example")))
                .middle("B", permitted(dns_tree("example")))
                .leaf(plain),
            constraints,
        ),
        (
            "nc::empty",
            below(Box::new(extension(NAME_CONSTRAINTS, &[0x30, 0], true))).leaf(plain),
            Some("constraints are empty"),
        ),
        (
            "nc::empty_lists",
            below(Box::new(extension(NAME_CONSTRAINTS, &[0x30, 4, 0xa0, 0, 0xa1, 0], true))).leaf(plain),
            Some("constraints are empty"),
        ),
        (
            "nc::empty_root's",
            Chain::new(extension(NAME_CONSTRAINTS, &[0x30, 0], true)).leaf(plain),
            Some("constraints are empty"),
        ),
        ("nc::in_a_leaf", root().leaf(extension(NAME_CONSTRAINTS, &[0x30, 0], true)), None),
        ("san::other_name", root().asking("other.example").leaf(plain), not_for),
        ("san::wildcard", root().asking("www.host.example").leaf(one_name("*.host.example")), None),
        ("san::wildcard_of_two_labels", root().asking("a.b.host.example").leaf(one_name("*.host.example")), not_for),
        ("san::wildcard_of_none", root().leaf(one_name("*.host.example")), not_for),
        ("san::wildcard_in_a_label", root().asking("www.host.example").leaf(one_name("w*.host.example")), not_for),
        ("san::wildcard_inside", root().asking("www.host.example").leaf(one_name("www.*.example")), not_for),
        ("san::wildcard_of_a_top_level", root().leaf(one_name("*.example")), not_for),
        ("san::wildcard_alone", root().asking("example").leaf(one_name("*")), not_for),
        ("san::case", root().asking("HOST.example").leaf(plain), None),
        ("san::underscore", root().asking("_a.host.example").leaf(one_name("_a.host.example")), None),
        ("san::address", root().asking("192.0.2.7").leaf(names(vec![address("192.0.2.7")])), None),
        ("san::address_6", root().asking("2001:db8::7").leaf(names(vec![address("2001:db8::7")])), None),
        ("san::address_as_a_name", root().asking("192.0.2.7").leaf(one_name("192.0.2.7")), not_for),
        (
            "cn::another_than_the_names",
            root().leaf(|params| params.distinguished_name.push(DnType::CommonName, "x.example")),
            None,
        ),
        ("eku::none", root().leaf(purposes(vec![])), None),
        ("eku::client's", root().leaf(purposes(vec![Purpose::ClientAuth])), Some("serverAuth")),
        ("eku::server's", root().client(purposes(vec![Purpose::ServerAuth])), Some("clientAuth")),
        ("eku::client", root().client(plain), None),
        ("eku::any_alone", root().leaf(purposes(vec![Purpose::Any])), Some("serverAuth")),
        ("eku::any_beside", root().leaf(purposes(vec![Purpose::ServerAuth, Purpose::Any])), None),
        ("eku::middle's", below(Box::new(purposes(vec![Purpose::ClientAuth]))).leaf(plain), Some("serverAuth")),
        ("crl::free", root().list(0, &[8], 2027).leaf(plain), None),
        ("crl::revoked", root().list(0, &[7], 2027).leaf(plain), Some("revoked")),
        ("crl::overdue", root().list(0, &[8], 2026).leaf(plain), Some("should have been renewed")),
        ("crl::of_somebody_else", root().middle("Middle", plain).list(0, &[7], 2027).leaf(plain), None),
        ("crl::middle's", middle().list(1, &[7], 2027).leaf(plain), Some("revoked")),
        ("crl::root_may_not_sign", unsigned_lists(plain), Some("may not sign revocation lists")),
        ("pathological::loop", cycle(), unknown_issuer),
        ("pathological::twenty_authorities", tower(20), Some("at most 16")),
        ("pathological::eight_authorities", tower(8), Some("more than six")),
        ("pathological::six_authorities", tower(6), None),
    ]
}

/// A leaf whose root is not trusted, but one of the same name.
fn stranger() -> Case {
    let other = Chain::new(|params| params.distinguished_name.push(DnType::CommonName, "Other")).leaf(plain);
    Case { roots: vec![Chain::new(plain).issuer().der().clone()], ..other }
}

/// A root without cRLSign; the list is signed with its key all the same.
fn unsigned_lists(bend: impl FnOnce(&mut CertificateParams)) -> Case {
    let signer = Chain::new(plain);
    let key = KeyPair::try_from(signer.issuer().key().serialize_der()).expect("the key");
    let mut params = authority("Root");
    usages(vec![KeyUsagePurpose::KeyCertSign])(&mut params);
    let root = Issuer::self_signed(params, key).expect("a root");
    let case = signer.list(0, &[], 2027).leaf(bend);
    Case { roots: vec![root.der().clone()], ..case }
}

/// Two authorities that issued each other, and no root above them.
fn cycle() -> Case {
    let one = Issuer::self_signed(authority("One"), key()).expect("an authority");
    let two = Issuer::signed_by(authority("Two"), key(), &one).expect("an authority");
    let again = KeyPair::try_from(one.key().serialize_der()).expect("the key");
    let one = Issuer::signed_by(authority("One"), again, &two).expect("an authority");
    let mut chain = Chain::new(plain);
    let root = chain.issuer().der().clone();
    chain.others = vec![one.der().clone(), two.der().clone()];
    chain.authorities = vec![one];
    Case { roots: vec![root], ..chain.leaf(plain) }
}

fn tower(height: usize) -> Case {
    let mut chain = Chain::new(plain);
    for floor in 0..height {
        chain = chain.middle(&format!("Floor {floor}"), plain);
    }
    chain.leaf(plain)
}

/// One test for each case and each set of rules.
pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (name, case, refusal) in cases() {
        for (rules_name, rules) in crate::all_rules() {
            let case = Case { valid: refusal.is_none(), ..case.clone() };
            trials.push(Trial::test(format!("{rules_name}::{name}"), move || match (case.verdict(rules), refusal) {
                (Verdict::Accepted, None) => Ok(()),
                (Verdict::Refused(said), Some(due)) if said.contains(due) => Ok(()),
                (Verdict::Accepted, Some(due)) => Err(format!("accepted, not refused for «{due}»").into()),
                (Verdict::Refused(said), due) => Err(format!("refused for «{said}», not {due:?}").into()),
            }));
        }
    }
    trials
}
