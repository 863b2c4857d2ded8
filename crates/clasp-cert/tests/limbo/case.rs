//! One case of path validation, and what the verifiers say to it (RFC 5280, section 6; the fields are x509-limbo's).

use core::time::Duration;

use clasp_cert::pki_types::pem::PemObject as _;
use clasp_cert::pki_types::{CertificateDer, CertificateRevocationListDer, IpAddr, ServerName, UnixTime};
use clasp_cert::{
    CertificateRules, ClientVerification, ClientVerifier as _, KeyUse, MaybeReady, Report, Revocation, RootStore,
    ServerVerification, ServerVerifier as _, WebPkiClientVerifier, WebPkiServerVerifier,
};
use serde_json::Value;

/// Whose certificate it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Server(ServerName<'static>),
    Client,
}

/// A chain, everything that is asked about it, and the answer that is due.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) peer: Peer,
    pub(crate) roots: Vec<CertificateDer<'static>>,
    pub(crate) leaf: CertificateDer<'static>,
    pub(crate) intermediates: Vec<CertificateDer<'static>>,
    pub(crate) lists: Vec<CertificateRevocationListDer<'static>>,
    pub(crate) now: UnixTime,
    /// How many intermediate certificates may stand between leaf and root, where that is bounded.
    pub(crate) depth: Option<usize>,
    pub(crate) valid: bool,
}

/// What became of a case.
pub(crate) enum Verdict {
    Accepted,
    /// Why.
    Refused(String),
}

impl Verdict {
    pub(crate) const fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted)
    }
}

impl Case {
    /// Reads one case of a limbo.json; says why where it asks what a TLS peer cannot ask here.
    pub(crate) fn read(case: &Value) -> Result<Self, String> {
        let one = |field: &str| case[field].as_str().ok_or_else(|| format!("no {field}"));
        let all = |field: &str| -> Vec<&str> {
            case[field].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
        };
        if !all("signature_algorithms").is_empty() {
            return Err("the provider's table decides on signature algorithms, no list beside it".into());
        }
        if all("key_usage").iter().any(|usage| *usage != "digitalSignature") {
            return Err("a keyUsage that is none of a TLS peer's whose key signs".into());
        }
        let purposes = all("extended_key_usage");
        let (peer, purpose) = match one("validation_kind")? {
            "SERVER" => (Peer::Server(server_name(&case["expected_peer_name"])?), "serverAuth"),
            // A client's names are the application's matter: the verifier takes none, but holds those in the certificate
            // to the path's constraints.
            _ => (Peer::Client, "clientAuth"),
        };
        if purposes.iter().any(|asked| *asked != purpose) {
            return Err("a purpose that is not this peer's".into());
        }
        let certificates = |field: &str| all(field).into_iter().map(certificate).collect::<Result<Vec<_>, _>>();
        let lists = all("crls").into_iter().map(|pem| {
            CertificateRevocationListDer::from_pem_slice(pem.as_bytes()).map_err(|error| format!("no list: {error}"))
        });
        Ok(Self {
            peer,
            roots: certificates("trusted_certs")?,
            leaf: certificate(one("peer_certificate")?)?,
            intermediates: certificates("untrusted_intermediates")?,
            lists: lists.collect::<Result<_, _>>()?,
            now: case["validation_time"].as_str().map_or_else(|| Ok(UnixTime::now()), moment)?,
            depth: case["max_chain_depth"].as_u64().and_then(|depth| usize::try_from(depth).ok()),
            valid: one("expected_result")? == "SUCCESS",
        })
    }

    /// Asks the verifier of the peer's role, with these rules.
    pub(crate) fn verdict(&self, rules: CertificateRules) -> Verdict {
        self.ask(rules).map_or_else(Verdict::Refused, |_| Verdict::Accepted)
    }

    fn ask(&self, rules: CertificateRules) -> Result<Report, String> {
        let mut roots = RootStore::new();
        for root in &self.roots {
            roots.add_der(root).map_err(|error| error.to_string())?;
        }
        let chain = [core::slice::from_ref(&self.leaf), &self.intermediates].concat();
        let revocation = if self.lists.is_empty() { None } else { Some(self.revocation()?) };
        let verdict = match &self.peer {
            Peer::Server(name) => {
                let mut builder = WebPkiServerVerifier::builder(roots).rules(rules);
                if let Some(revocation) = revocation {
                    builder = builder.revocation(revocation);
                }
                if let Some(depth) = self.depth {
                    builder = builder.longest_chain(depth + 1);
                }
                let verifier = builder.build().map_err(|error| error.to_string())?;
                let question = ServerVerification::new(&chain, name, self.now, KeyUse::DigitalSignature);
                ready(verifier.verify_server(question))
            }
            Peer::Client => {
                let mut builder = WebPkiClientVerifier::builder(roots).rules(rules);
                if let Some(revocation) = revocation {
                    builder = builder.revocation(revocation);
                }
                if let Some(depth) = self.depth {
                    builder = builder.longest_chain(depth + 1);
                }
                let verifier = builder.build().map_err(|error| error.to_string())?;
                ready(verifier.verify_client(ClientVerification::new(&chain, self.now)))
            }
        };
        verdict.map_err(|error| error.to_string())
    }

    /// The lists, for all certificates that they cover.
    fn revocation(&self) -> Result<Revocation, String> {
        let mut revocation = Revocation::new();
        revocation.allow_unknown();
        for list in &self.lists {
            revocation.add_der(list).map_err(|error| error.to_string())?;
        }
        Ok(revocation)
    }
}

fn ready<T>(answer: MaybeReady<'_, T>) -> T {
    let MaybeReady::Ready(Some(answer)) = answer else { panic!("these verifiers ask nobody else") };
    answer
}

fn certificate(pem: &str) -> Result<CertificateDer<'static>, String> {
    CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|error| format!("no certificate: {error}"))
}

fn server_name(name: &Value) -> Result<ServerName<'static>, String> {
    let kind = name["kind"].as_str().ok_or("a server without a name; the verifier insists on one")?;
    let value = name["value"].as_str().ok_or("a name without a value")?;
    let not_one = || format!("{value} is no name that a client can ask for");
    match kind {
        "DNS" => ServerName::try_from(value.to_owned()).map_err(|_| not_one()),
        "IP" => IpAddr::try_from(value).map(ServerName::IpAddress).map_err(|_| not_one()),
        _ => Err(format!("{kind} names are no server's")),
    }
}

/// Reads `2024-01-01T00:00:00+00:00`; the zone is always that one, and fractions do not count.
fn moment(text: &str) -> Result<UnixTime, String> {
    let number = |from: usize, to: usize| {
        text.get(from..to).and_then(|digits| digits.parse::<u64>().ok()).ok_or_else(|| format!("no time: {text}"))
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    // Days of the years from March 1 of year 0 on, so that leap days come last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let days = days.checked_sub(719_468).ok_or_else(|| format!("before 1970: {text}"))?;
    Ok(UnixTime::since_unix_epoch(Duration::from_secs(((days * 24 + hour) * 60 + minute) * 60 + second)))
}
