//! Whether a connection agreed on what the runner says to expect.

use clasp::cert::SctList;
use clasp::handshake::EarlyData;
use clasp::wire::{CertificateType, ProtocolVersion};
use clasp::{CertificateDer, Session};

use crate::Failure;
use crate::callbacks::Used;
use crate::flags::Flags;
use crate::policy;
use crate::seen::Seen;
use crate::setup::{self, Shared};

/// What the callbacks know.
pub(crate) struct Witness<'a> {
    pub(crate) seen: &'a Seen,
    pub(crate) used: &'a Used,
}

fn expect<T: Copy + PartialEq + core::fmt::Debug>(what: &str, expected: Option<T>, got: T) -> Result<(), Failure> {
    match expected {
        Some(expected) if expected != got => Err(Failure::failed(format!("{what} is {got:?}, not {expected:?}"))),
        _ => Ok(()),
    }
}

fn require(holds: bool, otherwise: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::failed(otherwise)) }
}

fn is_tls13(session: &Session) -> bool {
    policy::is_of_tls13(session.cipher_suite())
}

/// A number of which 0 says nothing.
fn if_any(number: Option<i64>) -> Option<u64> {
    number.and_then(|number| u64::try_from(number).ok()).filter(|number| *number != 0)
}

/// Once the first handshake is done.
pub(crate) fn after_handshake(
    flags: &Flags,
    session: &Session,
    shared: &Shared,
    resumes: bool,
    witness: &Witness<'_>,
) -> Result<(), Failure> {
    expect("the version", if_any(flags.expect_version).map(version), session.version())?;
    let suite = u64::from(session.cipher_suite().0);
    expect("the cipher suite", if_any(flags.expect_cipher), suite)?;
    // Clasp's order of suites does not depend on the processor; what the runner expects of one with AES is Clasp's.
    expect("the cipher suite", if_any(flags.expect_cipher_aes), suite)?;
    // A session that is resumed without a key exchange has no group, and nobody signs.
    let group = session.group().map_or(0, |group| u64::from(group.0));
    if !session.resumed() || group != 0 {
        expect("the group", if_any(flags.expect_curve_id), group)?;
    }
    let scheme = witness.seen.with(|seen| seen.peer_signature_scheme);
    let scheme = scheme.map_or(0, |scheme| u64::from(scheme.0));
    if !session.resumed() {
        expect("the peer's signature scheme", if_any(flags.expect_peer_signature_algorithm), scheme)?;
    }
    expect("whether the session was resumed", Some(resumes && !flags.expect_session_miss), session.resumed())?;
    new_sessions(flags, session, shared, resumes)?;

    let protocol = if flags.server { &flags.select_alpn } else { &flags.expect_alpn };
    let protocol = protocol.as_deref().unwrap_or_default().as_bytes();
    expect("the application protocol", Some(protocol), session.alpn().unwrap_or_default())?;
    if flags.server {
        let name = flags.expect_server_name.as_deref();
        expect("the server name", name, session.server_name().unwrap_or_default())?;
    }
    require(!flags.expect_extended_master_secret || session.extended_master_secret(), "no extended master secret")?;
    let secure = session.secure_renegotiation() || is_tls13(session);
    require(!flags.expect_secure_renegotiation || secure, "no secure renegotiation")?;
    require(!flags.expect_no_secure_renegotiation || !secure, "secure renegotiation")?;
    early_data(flags, session)?;
    if resumes && let Some(expected) = flags.expect_ticket_age_skew {
        let skew = session.ticket_age_skew().map(|milliseconds| i64::from((milliseconds + 500).div_euclid(1000)));
        expect("how much older the client has its ticket", Some(Some(expected)), skew)?;
    }
    let retried = witness.seen.with(|seen| seen.hello_retry_request);
    require(!flags.expect_hrr || retried, "there was no HelloRetryRequest")?;
    require(!flags.expect_no_hrr || !retried, "there was a HelloRetryRequest")?;
    require(session.ech_accepted() == flags.expect_ech_accept, "Encrypted ClientHello went otherwise")?;
    let public_name = witness.seen.with(|seen| seen.public_name.clone());
    require(!flags.expect_no_ech_name_override || public_name.is_none(), "the server was verified for another name")?;
    if let Some(number) = session.psk_identity().and_then(|name| psk_number(flags, name)) {
        witness.used.set(number);
    }
    if let Some(expected) = flags.expect_selected_credential {
        expect("the credential", Some(expected), witness.used.number())?;
    }
    peer(flags, session, witness)
}

/// The number of the credential that a key from outside is of.
fn psk_number(flags: &Flags, name: &[u8]) -> Option<i64> {
    let psks = setup::psks(flags).ok()?;
    psks.iter().find(|psk| psk.key.identity() == name).map(|psk| psk.number)
}

fn version(code: u64) -> ProtocolVersion {
    ProtocolVersion(u16::try_from(code).unwrap_or_default())
}

fn new_sessions(flags: &Flags, session: &Session, shared: &Shared, resumes: bool) -> Result<(), Failure> {
    let new = shared.sessions.new_sessions() > 0;
    // TLS 1.3's tickets come later.
    if !flags.server && !is_tls13(session) {
        let due = !flags.expect_no_session && (!session.resumed() || flags.expect_ticket_renewal);
        expect("whether a session was kept", Some(due), new)?;
    }
    if flags.server && !resumes {
        require(!flags.expect_session_id || new, "the server kept no session")?;
        require(!flags.expect_no_session_id || !new, "the server kept a session")?;
    }
    Ok(())
}

fn early_data(flags: &Flags, session: &Session) -> Result<(), Failure> {
    let accepted = session.early_data() == EarlyData::Accepted;
    require(!flags.expect_accept_early_data || accepted, "early data was not accepted")?;
    require(!flags.expect_reject_early_data || !accepted, "early data was accepted")?;
    if let Some(reason) = &flags.expect_early_data_reason {
        // BoringSSL tells many reasons against; Clasp tells whether.
        expect("whether early data was accepted", Some(reason == "accept"), accepted)?;
    }
    Ok(())
}

fn peer(flags: &Flags, session: &Session, witness: &Witness<'_>) -> Result<(), Failure> {
    let shown = session.peer_certificates();
    let is_raw = session.peer_raw_public_key().is_some();
    let expected = flags.expect_peer_certificate_type.map(|typ| typ == i64::from(CertificateType::RAW_PUBLIC_KEY.0));
    expect("whether the peer showed a raw public key", expected, is_raw)?;
    if flags.expect_no_peer_cert || session.psk_identity().is_some() || is_raw {
        require(shown.is_empty(), "the peer sent a certificate")?;
    } else if !flags.server || flags.require_any_client_certificate {
        require(!shown.is_empty(), "the peer sent no certificate")?;
    }
    if let Some(file) = &flags.expect_peer_cert_file {
        let text = std::fs::read(file)?;
        let expected: Vec<CertificateDer<'static>> = certificates(&text)?;
        require(expected == shown, "the peer sent another chain")?;
    }
    let list = session.sct_list().map(SctList::as_bytes).unwrap_or_default();
    expect("the list of timestamps", flags.expect_signed_cert_timestamps.as_deref(), list)?;
    let (response, verified) = witness.seen.with(|seen| (seen.ocsp_response.clone(), seen.verified));
    // A session that is resumed keeps no response.
    if !session.resumed() {
        let wrong = witness.seen.with(|seen| seen.key_usage_is_wrong);
        expect("whether the key is for something else", Some(flags.expect_key_usage_invalid), wrong)?;
        expect("the stapled response", flags.expect_ocsp_response.as_ref(), &response)?;
        require(verified <= 1, "the certificate was verified twice")?;
    }
    Ok(())
}

fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, Failure> {
    use clasp::cert::pki_types::pem::PemObject as _;
    CertificateDer::pem_slice_iter(text)
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::failed(format!("-expect-peer-cert-file: {error}")))
}

/// When all is said.
pub(crate) fn at_the_end(
    flags: &Flags,
    session: &Session,
    shared: &Shared,
    witness: &Witness<'_>,
) -> Result<(), Failure> {
    let total = u64::from(session.renegotiations());
    expect("the number of renegotiations", Some(if_any(flags.expect_total_renegotiations).unwrap_or(0)), total)?;
    if is_tls13(session) && !flags.server {
        let due = !flags.expect_no_session && !flags.shim_shuts_down;
        let new = shared.sessions.new_sessions() > 0;
        expect("whether a session was kept", Some(due), new)?;
        if due {
            let early = setup::may_send_early_data(flags, shared)?;
            let expected = flags.expect_ticket_supports_early_data;
            expect("whether the ticket allows early data", Some(expected), early)?;
        }
    }
    let complaints = witness.seen.with(|seen| std::mem::take(&mut seen.complaints));
    require(complaints.is_empty(), &complaints.join("\n"))
}
