//! Pins alone, pins on top of a chain, and no verification at all (RFC 7469, section 2.6).

use std::sync::Arc;

use super::server::ask;
use crate::testing::{Authority, name, pem_chain, test_data};
use crate::{
    CertificateError, CertificateProblem, Check, DangerousAcceptAnyServer, KeyUse, LoadError, MaybeReady, Outcome, Pin,
    PinnedServerVerifier, Report, ServerVerification, ServerVerifier, WebPkiServerVerifier,
};

/// `openssl x509 -in test-data/rsa.pem -noout -pubkey | openssl pkey -pubin -outform DER |
/// openssl dgst -sha256`
const RSA_PIN: &str = "sha256:cda40b8dfd320d947dad3e314b63dc75bf64a139e1ba062dc1d346d8c6d2b9f7";

#[test]
fn a_pin_is_the_hash_openssl_computes() {
    let chain = pem_chain(test_data!("rsa.pem"));
    assert_eq!(Pin::of_certificate(&chain[0]).unwrap().to_string(), RSA_PIN);
}

#[test]
fn a_pin_alone_asks_for_nothing_else() {
    let verifier = PinnedServerVerifier::new([RSA_PIN.parse().unwrap()]).unwrap();
    let chain = pem_chain(test_data!("expired.pem"));
    let report = ask(&verifier, &chain, &name("other.example"), KeyUse::KeyEncipherment).unwrap();
    for (check, outcome) in report.iter() {
        let expected = match check {
            Check::KeyUsage => Outcome::Passed,
            Check::Possession => Outcome::NotReached,
            _ => Outcome::NotChecked,
        };
        assert_eq!(outcome, &expected, "{check}");
    }
    let error = ask(&verifier, &chain, &name("other.example"), KeyUse::KeyAgreement).unwrap_err();
    assert!(matches!(error.problem, CertificateProblem::WrongKeyUsage { .. }));
}

#[test]
fn another_key_is_refused_and_its_pin_told() {
    let verifier = PinnedServerVerifier::new([Pin::new([7; 32])]).unwrap();
    let chain = pem_chain(test_data!("rsa.pem"));
    let error = ask(&verifier, &chain, &name("host.example"), KeyUse::DigitalSignature).unwrap_err();
    assert_eq!(error.problem, CertificateProblem::PinMismatch { found: RSA_PIN.into() });
    // Only the leaf counts, whatever else the server sends along.
    let mut longer = pem_chain(test_data!("p256.pem"));
    longer.extend(chain);
    let verifier = PinnedServerVerifier::new([RSA_PIN.parse().unwrap()]).unwrap();
    ask(&verifier, &longer, &name("host.example"), KeyUse::DigitalSignature).unwrap_err();
    ask(&verifier, &[], &name("host.example"), KeyUse::DigitalSignature).unwrap_err();
    ask(&verifier, &[b"x".to_vec().into()], &name("host.example"), KeyUse::DigitalSignature).unwrap_err();
}

#[test]
fn no_pin_is_no_verifier() {
    assert!(matches!(PinnedServerVerifier::new([]), Err(LoadError::NoPins)));
}

#[test]
fn on_top_of_a_chain_both_have_to_hold() {
    let root = Authority::new("Root");
    let chain = [root.leaf(|_| {}).der];
    let web = Arc::new(WebPkiServerVerifier::builder(root.roots()).build().unwrap());
    let pin = Pin::of_certificate(&chain[0]).unwrap();
    let host = name("host.example");

    let both = PinnedServerVerifier::new([pin]).unwrap().on_top_of(web.clone());
    let report = ask(&both, &chain, &host, KeyUse::DigitalSignature).unwrap();
    assert!(report.get(Check::HostName).is_passed());
    let error = ask(&both, &chain, &name("mail.example"), KeyUse::DigitalSignature).unwrap_err();
    assert!(matches!(error.problem, CertificateProblem::WrongName { .. }));

    let other = PinnedServerVerifier::new([Pin::new([0; 32])]).unwrap().on_top_of(web);
    let error = ask(&other, &chain, &host, KeyUse::DigitalSignature).unwrap_err();
    assert!(matches!(error.problem, CertificateProblem::PinMismatch { .. }));
    assert!(error.report.get(Check::HostName).is_passed());
}

#[test]
fn on_top_of_a_slow_verifier_it_waits() {
    #[derive(Debug)]
    struct Slow;
    impl ServerVerifier for Slow {
        fn verify_server<'a>(&'a self, _: ServerVerification<'a>) -> MaybeReady<'a, Result<Report, CertificateError>> {
            MaybeReady::future(async { Ok(Report::server()) })
        }
    }
    let chain = pem_chain(test_data!("rsa.pem"));
    let host = name("host.example");
    for (pin, accepted) in [(RSA_PIN.parse().unwrap(), true), (Pin::new([0; 32]), false)] {
        let verifier = PinnedServerVerifier::new([pin]).unwrap().on_top_of(Arc::new(Slow));
        let verification = ServerVerification::new(&chain, &host, crate::testing::NOW, KeyUse::DigitalSignature);
        let mut answer = verifier.verify_server(verification).try_take().unwrap_err();
        let mut cx = core::task::Context::from_waker(core::task::Waker::noop());
        let core::task::Poll::Ready(verdict) = core::pin::Pin::new(&mut answer).poll(&mut cx) else {
            panic!("nothing to wait for");
        };
        assert_eq!(verdict.is_ok(), accepted);
    }
}

#[test]
fn accepting_anyone_still_tells_that_nothing_was_checked() {
    let chain = pem_chain(test_data!("expired.pem"));
    let host = name("other.example");
    let report = ask(&DangerousAcceptAnyServer, &chain, &host, KeyUse::DigitalSignature).unwrap();
    assert!(report.iter().all(|(_, outcome)| !outcome.is_passed() && !outcome.is_failed()));
    assert_eq!(report.get(Check::HostName), &Outcome::NotChecked);
    ask(&DangerousAcceptAnyServer, &[], &host, KeyUse::DigitalSignature).unwrap_err();
}
