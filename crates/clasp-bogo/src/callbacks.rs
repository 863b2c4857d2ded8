//! Verifiers, resolvers and keys as the flags want them, ready at once or after being asked twice.

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use bytes::Bytes;
use clasp::cert::pki_types::SubjectPublicKeyInfoDer;
use clasp::cert::{
    CertificateError, CertificateProblem, ClientVerification, ClientVerifier, KeyUse, MaybeReady, PreMaster48,
    PrivateKey, PublicKey, Report, ServerVerification, ServerVerifier, raw_public_key,
};
use clasp::crypto::{CryptoError, HashAlgorithm, KeyAlgorithm};
use clasp::handshake::CertificateAsk;
use clasp::wire::{AlertDescription, CertificateType, ClientExtension, SignatureScheme};
use clasp::{
    CertificateDer, ClientAnswer, ClientHelloInfo, ClientIdentityResolver, Identity, IdentityResolver, Resolved,
};

use crate::flags::Flags;
use crate::lists::hex_list;
use crate::seen::Seen;

/// An answer that is not there the first time it is asked for.
pub(crate) fn later<'a, T: Send + 'a>(answer: T) -> MaybeReady<'a, T> {
    let mut answer = Some(answer);
    let mut asked = false;
    MaybeReady::future(poll_fn(move |cx| {
        if !std::mem::replace(&mut asked, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        answer.take().map_or(Poll::Pending, Poll::Ready)
    }))
}

fn answer<'a, T: Send + 'a>(flags: &Flags, answer: T) -> MaybeReady<'a, T> {
    if flags.asynchronous { later(answer) } else { MaybeReady::ready(answer) }
}

/// Accepts or refuses all certificates that can be read and whose key is for what is done with it.
#[derive(Debug)]
pub(crate) struct Verifier {
    pub(crate) flags: Arc<Flags>,
    pub(crate) seen: Arc<Seen>,
    pub(crate) authorities: Vec<Vec<u8>>,
    pub(crate) accepted: Arc<Accepted>,
    /// What is taken from the peer.
    pub(crate) types: Vec<CertificateType>,
}

/// The clients' chains that were accepted. Clasp asks for a client's certificate again where a session is resumed;
/// BoringSSL does so only with `-reverify-on-resume`.
#[derive(Debug, Default)]
pub(crate) struct Accepted(Mutex<Vec<Vec<CertificateDer<'static>>>>);

impl Verifier {
    fn refuses(&self, chain: &[CertificateDer<'_>]) -> bool {
        // Where the runner wants no verification, what the callback says counts for nothing, unless there is nothing else by
        // which a key could be known.
        let counts =
            self.flags.verify_peer || self.flags.require_any_client_certificate || raw_public_key(chain).is_some();
        self.flags.verify_fail && counts
    }

    fn refusal(&self, report: Report) -> CertificateError {
        let reason = "-verify-fail".into();
        let error = CertificateError::new(CertificateProblem::Refused { reason }, report);
        // The two callbacks of BoringSSL have different alerts.
        if self.flags.use_custom_verify_callback {
            error
        } else {
            error.with_alert(AlertDescription::HANDSHAKE_FAILURE)
        }
    }

    /// Whether the key is for this, or nobody minds: in TLS 1.3 everybody does.
    fn allows(&self, key: &PublicKey, key_use: KeyUse) -> bool {
        let allowed = key.allows(key_use);
        let tls13 = self.seen.with(|seen| {
            seen.key_usage_is_wrong = !allowed;
            seen.tls13
        });
        allowed || !tls13 && self.flags.ignore_rsa_key_usage && key.algorithm().is_some_and(KeyAlgorithm::is_rsa)
    }

    /// The key of what the peer showed.
    fn key(&self, chain: &[CertificateDer<'_>]) -> Option<Result<PublicKey, CertificateError>> {
        let Some(spki) = raw_public_key(chain) else { return chain.first().map(PublicKey::from_certificate) };
        let hash = clasp::crypto::default_provider().hash(HashAlgorithm::Sha256).map(|hash| hash.hash(&[spki]));
        let expected = self.flags.expect_peer_rpk_sha256.as_deref();
        if expected.is_some_and(|expected| hash.is_none_or(|hash| hash.as_slice() != expected)) {
            self.seen.complain("the peer showed another raw public key".to_owned());
        }
        Some(PublicKey::from_raw_public_key(spki))
    }
}

impl ServerVerifier for Verifier {
    fn verify_server<'a>(&'a self, shown: ServerVerification<'a>) -> MaybeReady<'a, Result<Report, CertificateError>> {
        let report = Report::server();
        self.seen.with(|seen| {
            seen.ocsp_response = shown.ocsp_response.to_vec();
            seen.verified += 1;
            let name = shown.name.to_str();
            seen.public_name = Some(name.clone().into_owned()).filter(|_| name != self.flags.server_name());
        });
        let result = match self.key(shown.chain) {
            None => Err(CertificateError::new(CertificateProblem::NoCertificate, report)),
            Some(Err(error)) => Err(error),
            Some(Ok(key)) if !self.allows(&key, shown.key_use) => {
                let problem = CertificateProblem::WrongKeyUsage { required: shown.key_use };
                Err(CertificateError::new(problem, report))
            }
            // With keys alone a server is to have one of them, unless certificates are verified too.
            Some(Ok(_)) if self.flags.has_psk() && !self.flags.verify_peer => {
                Err(CertificateError::new(CertificateProblem::UnknownIssuer { issuer: "any".into() }, report))
            }
            Some(Ok(_)) if self.refuses(shown.chain) => Err(self.refusal(report)),
            Some(Ok(_)) if self.flags.fail_ocsp_callback => {
                let reason = "-fail-ocsp-callback".into();
                Err(CertificateError::new(CertificateProblem::StapleMissing { reason }, report))
            }
            Some(Ok(_)) => Ok(report),
        };
        answer(&self.flags, result)
    }

    /// The connections of a test are to resume each other's sessions, whatever their flags.
    fn resumption_scope(&self) -> Vec<u8> {
        Vec::new()
    }

    fn certificate_types(&self) -> &[CertificateType] {
        &self.types
    }
}

impl ClientVerifier for Verifier {
    fn verify_client<'a>(&'a self, shown: ClientVerification<'a>) -> MaybeReady<'a, Result<Report, CertificateError>> {
        let report = Report::client();
        let mut accepted = self.accepted.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.flags.reverify_on_resume && accepted.iter().any(|chain| chain == shown.chain) {
            return MaybeReady::ready(Ok(report));
        }
        self.seen.with(|seen| seen.verified += 1);
        let key_use = KeyUse::DigitalSignature;
        let result = match self.key(shown.chain) {
            Some(Err(error)) => Err(error),
            Some(Ok(key)) if !self.allows(&key, key_use) => {
                Err(CertificateError::new(CertificateProblem::WrongKeyUsage { required: key_use }, report))
            }
            _ if self.refuses(shown.chain) => Err(self.refusal(report)),
            _ => {
                accepted.push(shown.chain.to_vec());
                Ok(report)
            }
        };
        answer(&self.flags, result)
    }

    fn authorities(&self) -> &[Vec<u8>] {
        &self.authorities
    }

    fn certificate_types(&self) -> &[CertificateType] {
        &self.types
    }
}

/// An identity, and for whom it is.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) identity: Arc<Identity>,
    pub(crate) must_match_issuer: bool,
}

impl Candidate {
    /// Whether it is for a peer that trusts these.
    fn is_for(&self, authorities: &[Bytes]) -> bool {
        !self.must_match_issuer || !authorities.is_empty() && self.identity.issued_by(authorities)
    }
}

/// Answers a client's hello.
#[derive(Debug)]
pub(crate) struct ServerResolver {
    pub(crate) flags: Arc<Flags>,
    pub(crate) seen: Arc<Seen>,
    pub(crate) identities: Vec<Candidate>,
}

impl IdentityResolver for ServerResolver {
    fn acknowledges_any_name(&self) -> bool {
        !self.flags.no_server_name_ack
    }

    fn resolve<'a>(&'a self, info: &'a ClientHelloInfo<'a>) -> MaybeReady<'a, Resolved> {
        let Flags { expect_server_name, expect_advertised_alpn, expect_peer_verify_prefs, .. } = &*self.flags;
        if self.flags.expect_no_server_name && info.server_name.is_some() {
            self.seen.complain(format!("the client sent the server name {:?}", info.server_name));
        }
        if expect_server_name.is_some() && expect_server_name.as_deref() != info.server_name {
            self.seen.complain(format!("the server name is {:?}, not {expect_server_name:?}", info.server_name));
        }
        let offered: Vec<u8> = info
            .hello
            .alpn()
            .unwrap_or_default()
            .iter()
            .flat_map(|name| std::iter::once(u8::try_from(name.len()).unwrap_or(0)).chain(name.iter().copied()))
            .collect();
        if let Some(expected) = expect_advertised_alpn
            && expected.as_bytes() != offered
        {
            self.seen.complain(format!("the client offers {offered:?}, not {expected:?}"));
        }
        let schemes = info.hello.signature_algorithms().unwrap_or_default();
        if !expect_peer_verify_prefs.is_empty()
            && !schemes.iter().map(|scheme| scheme.0).eq(expect_peer_verify_prefs.iter().copied())
        {
            self.seen.complain(format!("the client verifies {schemes:?}, not {expect_peer_verify_prefs:?}"));
        }
        let authorities = info.hello.extensions.iter().flatten().find_map(|extension| match extension {
            ClientExtension::CertificateAuthorities(names) => Some(&names[..]),
            _ => None,
        });
        let authorities = authorities.unwrap_or_default();
        let fitting = self.identities.iter().filter(|candidate| candidate.is_for(authorities));
        let fitting: Vec<_> = fitting.map(|candidate| Arc::clone(&candidate.identity)).collect();
        let fails = self.flags.fail_early_callback
            || self.flags.fail_ddos_callback
            || self.flags.fail_cert_callback
            || self.flags.fail_ocsp_callback;
        answer(
            &self.flags,
            if fails {
                // BoringSSL's alert for each of these callbacks.
                let alert = if self.flags.fail_early_callback {
                    AlertDescription::HANDSHAKE_FAILURE
                } else {
                    AlertDescription::INTERNAL_ERROR
                };
                Resolved::Refuse(alert)
            } else if fitting.is_empty() && !self.identities.is_empty() {
                Resolved::Refuse(AlertDescription::HANDSHAKE_FAILURE)
            } else {
                Resolved::Identities(fitting)
            },
        )
    }
}

/// Answers a server's request for a certificate.
#[derive(Debug)]
pub(crate) struct ClientResolver {
    pub(crate) flags: Arc<Flags>,
    pub(crate) seen: Arc<Seen>,
    pub(crate) identities: Vec<Candidate>,
}

impl ClientIdentityResolver for ClientResolver {
    fn resolve<'a>(&'a self, ask: &'a CertificateAsk<'a>) -> MaybeReady<'a, ClientAnswer> {
        if let Some(expected) = &self.flags.expect_certificate_types
            && !ask.types.iter().map(|typ| typ.0).eq(expected.iter().copied())
        {
            self.seen.complain(format!("the server asks for certificates of the types {:?}", ask.types));
        }
        if let Some(expected) = &self.flags.expect_client_ca_list {
            let expected = hex_list(expected).unwrap_or_default();
            if !ask.authorities.iter().map(|name| &name[..]).eq(expected.iter().map(|name| &name[..])) {
                self.seen.complain(format!("the server names {} authorities", ask.authorities.len()));
            }
        }
        let able = self
            .identities
            .iter()
            .find(|candidate| candidate.is_for(ask.authorities) && ask.suits(&candidate.identity));
        // As BoringSSL has it: who has certificates, and none that fits, goes no further.
        let chosen = match able {
            _ if self.flags.fail_cert_callback => ClientAnswer::Refuse(AlertDescription::INTERNAL_ERROR),
            Some(candidate) => ClientAnswer::Show(Arc::clone(&candidate.identity)),
            None if self.identities.is_empty() => ClientAnswer::Decline,
            None => ClientAnswer::Refuse(AlertDescription::HANDSHAKE_FAILURE),
        };
        answer(&self.flags, chosen)
    }

    fn certificate_types(&self) -> Vec<CertificateType> {
        let mut types: Vec<_> = if self.flags.available_client_cert_types.is_empty() {
            let raw = |candidate: &Candidate| candidate.identity.is_raw_public_key();
            let typ = |raw| if raw { CertificateType::RAW_PUBLIC_KEY } else { CertificateType::X509 };
            self.identities.iter().map(|candidate| typ(raw(candidate))).collect()
        } else {
            certificate_types(&self.flags.available_client_cert_types)
        };
        let mut known = Vec::new();
        types.retain(|typ| {
            !known.contains(typ) && {
                known.push(*typ);
                true
            }
        });
        if types.is_empty() { vec![CertificateType::X509] } else { types }
    }

    fn resumption_scope(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// A private key that signs in the ways it is told to, counts its uses, and may take its time.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) inner: Arc<dyn PrivateKey>,
    pub(crate) schemes: Vec<SignatureScheme>,
    pub(crate) asynchronous: bool,
    pub(crate) number: i64,
    /// The number of the credential that was used last.
    pub(crate) used: Arc<Used>,
}

/// Types of certificates, as flags have them.
pub(crate) fn certificate_types(codes: &[u16]) -> Vec<CertificateType> {
    codes.iter().filter_map(|code| u8::try_from(*code).ok().map(CertificateType)).collect()
}

/// Which credential was used: its number, and 2, so that it is never 0, which stands for none.
#[derive(Debug, Default)]
pub(crate) struct Used(AtomicUsize);

impl Used {
    pub(crate) fn set(&self, number: i64) {
        self.0.store(usize::try_from(number + 2).unwrap_or(0), Ordering::Relaxed);
    }

    /// -1 is that of the flags outside of any credential; so is none.
    pub(crate) fn number(&self) -> i64 {
        i64::try_from(self.0.load(Ordering::Relaxed)).unwrap_or(0).max(1) - 2
    }
}

impl Key {
    fn answer<'a, T: Send + 'a>(&self, answer: MaybeReady<'a, T>) -> MaybeReady<'a, T> {
        self.used.set(self.number);
        match answer.try_take() {
            Ok(answer) if self.asynchronous => later(answer),
            Ok(answer) => MaybeReady::ready(answer),
            Err(pending) => pending,
        }
    }
}

impl PrivateKey for Key {
    fn algorithm(&self) -> KeyAlgorithm {
        self.inner.algorithm()
    }

    fn schemes(&self) -> &[SignatureScheme] {
        if self.schemes.is_empty() { self.inner.schemes() } else { &self.schemes }
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        self.inner.public_key()
    }

    fn sign<'a>(&'a self, scheme: SignatureScheme, message: &'a [u8]) -> MaybeReady<'a, Result<Vec<u8>, CryptoError>> {
        self.answer(self.inner.sign(scheme, message))
    }

    fn can_decrypt(&self) -> bool {
        self.inner.can_decrypt()
    }

    fn decrypt_or_keep<'a>(
        &'a self,
        ciphertext: &'a [u8],
        prefix: [u8; 2],
        fallback: PreMaster48,
    ) -> MaybeReady<'a, Result<PreMaster48, CryptoError>> {
        self.answer(self.inner.decrypt_or_keep(ciphertext, prefix, fallback))
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn a_late_answer_comes_the_second_time() {
        let mut answer = later(7);
        let mut cx = Context::from_waker(Waker::noop());
        let mut poll = || std::future::Future::poll(std::pin::Pin::new(&mut answer), &mut cx);
        assert_eq!(poll(), Poll::Pending);
        assert_eq!(poll(), Poll::Ready(7));
    }

    #[test]
    fn no_credential_and_the_default_one_are_minus_one() {
        let used = Used::default();
        assert_eq!(used.number(), -1);
        used.set(0);
        assert_eq!(used.number(), 0);
        used.set(-1);
        assert_eq!(used.number(), -1);
    }
}
