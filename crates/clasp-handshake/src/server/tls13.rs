//! The server's handshake in TLS 1.3, as RFC 8446 2 and A.2 tell it.

use std::sync::Arc;

use bytes::Bytes;
use clasp_cert::{Check, ClientVerification, ClientVerifier, Identity, Outcome, Report};
use clasp_crypto::{CryptoError, SharedSecret};
use clasp_keys::Role;
use clasp_keys::tls13::{EarlySecret, TrafficSecret};
use clasp_wire::{
    CertificateRequest13, CertificateRequestExtension, CertificateType, ClientExtension, ClientHello,
    CompressionMethod, EncryptedExtensions, EndOfEarlyData, KeyShareEntry, NamedGroup, ProtocolVersion, Random,
    ServerExtension, ServerHello,
};
use rustls_pki_types::CertificateDer;

use super::ech::{self, Standing};
use super::psk::{self, FoundPsk};
use super::{acknowledges_name, fitting, refused};
use crate::certificate_type::{self, CertificateTypes};
use crate::config::{ClientAuth, ServerConfig};
use crate::error::{Error, Misbehaviour};
use crate::hello::{random, record_limits};
use crate::negotiate;
use crate::negotiate13;
use crate::peer::{Order, Peer};
use crate::session::{Done, EarlyData, Established, Secrets, Session};
use crate::suites::Suite;
use crate::tls13::{
    AskedOfEntries, Log, Secrets13, epoch, kdf, receive_certificate, receive_certificate_verify, receive_finished,
    send_certificate, send_certificate_verify, send_finished, take_chain, transcript_hash,
};
use crate::trace::{Step, report_fields, short_hex};

/// What both hellos of a client lead to.
struct Greeted {
    hello: ClientHello,
    suite: &'static Suite,
    group: NamedGroup,
    share: Bytes,
    psk: Option<FoundPsk>,
    retried: bool,
    /// Whether the first hello announced early data.
    offers_early_data: bool,
}

/// Goes on from a client's hello that leads to TLS 1.3.
pub(super) async fn handshake(
    peer: &mut Peer,
    config: &ServerConfig,
    client_auth: &ClientAuth,
    (hello, raw, mut ech): ech::Read,
    identities: &[Arc<Identity>],
) -> Result<Established, Error> {
    let provider = config.provider;
    peer.order(Order::Tls13);
    let greeted = greet(peer, config, client_auth, hello, raw, &mut ech).await?;
    let Greeted { hello, suite, group, share, psk, retried, offers_early_data } = greeted;
    let hello = &hello;
    let identity = match &psk {
        Some(_) => None,
        None => Some(negotiate13::choose_identity(config, hello, identities)?),
    };
    let kdf = kdf(suite, provider)?;
    let alpn = negotiate::choose_alpn(config, hello)?;
    let limits = record_limits(hello, config.record_size_limit)?.with_content_type();
    let log = Log { log: config.key_log.as_deref(), client_random: hello.random.0 };
    let takes_early_data = offers_early_data
        && !retried
        && psk.as_ref().is_some_and(|psk| psk.takes_early_data(config, suite, alpn.as_ref()));
    let takes_early_data = takes_early_data && psk::is_first_use(config, psk.as_ref()).await;

    // Step 2: our hello, with our half of the key exchange, which is step 4 at once.
    let (ours, shared) = respond(provider, group, &share)?;
    let client_hello_hash = if takes_early_data { Some(transcript_hash(&peer.transcript)?) } else { None };
    // In the order of RFC 8448's traces.
    let mut extensions: Vec<_> = psk.iter().map(|psk| ServerExtension::PreSharedKey(psk.index)).collect();
    extensions.push(ServerExtension::KeyShare(KeyShareEntry { group, key_exchange: ours.into() }));
    extensions.push(ServerExtension::SupportedVersions(negotiate::TLS13));
    let mut our_hello = server_hello(hello, random(provider)?, suite, extensions);
    ech.confirm(peer, kdf, hello.random, &mut our_hello)?;
    peer.send(&our_hello);
    peer.trace(Step::ServerHello, "sent ServerHello", || {
        vec![
            ("version", negotiate::TLS13.to_string()),
            ("suite", suite.id.to_string()),
            ("group", group.to_string()),
            ("random", short_hex(&our_hello.random.0)),
            ("pre-shared key", psk.is_some().to_string()),
        ]
    });
    // To those too that do not ask for it by a session identifier: whoever is on the way may expect it (RFC 8446 D.4).
    if !retried {
        peer.order(Order::CompatibilityChangeCipherSpec);
    }
    let early = match &psk {
        Some(psk) => EarlySecret::new(kdf, Some(psk.key())),
        None => EarlySecret::new(kdf, None),
    };
    let early_keys = client_hello_hash.map(|hash| {
        let secret = early.client_traffic(hash.as_slice());
        log.early(&secret, &early.exporter(hash.as_slice()));
        secret
    });
    let secret = early.into_handshake(Some(shared.as_bytes()));
    drop(shared);
    peer.trace(Step::PreMasterSecret, "agreed from both sides' key shares", || vec![("group", group.to_string())]);

    // Step 7 comes this early: all that follows is encrypted.
    let hash = transcript_hash(&peer.transcript)?;
    let (ours, theirs) = (secret.traffic(Role::Server, hash.as_slice()), secret.traffic(Role::Client, hash.as_slice()));
    log.handshake(&theirs, &ours);
    let (ours, theirs) = (ours.prepare(), theirs.prepare());
    limits.write.into_iter().for_each(|bytes| peer.order(Order::WriteLimit(bytes)));
    limits.read.into_iter().for_each(|bytes| peer.order(Order::ReadLimit(bytes)));
    peer.order(Order::WriteKeys(epoch(suite, &ours)));
    if let Some(early) = &early_keys {
        peer.order(Order::ReadKeys(epoch(suite, &early.prepare())));
        peer.order(Order::ReadEarlyData(config.early_data));
    } else {
        peer.order(Order::ReadKeys(epoch(suite, &theirs)));
        if offers_early_data && !retried {
            peer.order(Order::SkipEarlyData(config.limits.skipped_early_data));
        }
    }
    peer.trace(Step::SessionKeys, "derived the keys of the handshake", || vec![("suite", suite.id.to_string())]);

    let name_acknowledged = identity.as_ref().is_some_and(|(identity, _)| acknowledges_name(config, hello, identity));
    let types = match &identity {
        Some((identity, _)) => CertificateTypes::choose(hello, identity, client_auth)?,
        None if psk.as_ref().is_some_and(FoundPsk::is_resumption) => CertificateTypes::choose_again(hello, identities),
        None => CertificateTypes::default(),
    };
    let mut encrypted =
        encrypted_extensions(alpn.as_ref(), limits.answer.clone(), name_acknowledged, takes_early_data, types);
    encrypted.extensions.extend(ech.answer(hello));
    peer.send(&encrypted);
    // With a key that both have the certificates were shown when it was made (RFC 8446 4.3.2).
    let verifier = client_auth.verifier().filter(|_| psk.is_none());
    if let Some((identity, scheme)) = &identity {
        if let Some(verifier) = verifier {
            peer.send(&certificate_request(config, verifier.as_ref(), Bytes::new()));
        }
        send_certificate(peer, config, hello, identity);
        send_certificate_verify(peer, Role::Server, identity, *scheme).await?;
    }

    // Step 9: our Finished is the first.
    send_finished(peer, &ours)?;
    peer.trace(Step::ServerFinished, "sent Finished", Vec::new);
    let secret = secret.into_main();
    let hash = transcript_hash(&peer.transcript)?;
    let (ours_next, theirs_next) =
        (secret.traffic(Role::Server, hash.as_slice()), secret.traffic(Role::Client, hash.as_slice()));
    let exporter = secret.exporter(hash.as_slice());
    log.application(&theirs_next, &ours_next, &exporter);
    peer.order(Order::WriteKeys(epoch(suite, &ours_next.prepare())));
    if takes_early_data {
        peer.order(Order::AnswerEarlyData);
        peer.receive::<EndOfEarlyData>().await?;
        peer.order(Order::ReadKeys(epoch(suite, &theirs)));
    }

    // Steps 5 and 6: the client's certificate, and who it is.
    let (chain, report) = match verifier {
        Some(verifier) => authenticate_client(peer, config, client_auth, verifier.as_ref(), &[], types.client).await?,
        None => psk.as_ref().map_or_else(Default::default, FoundPsk::client),
    };

    // Step 8: the client's Finished.
    receive_finished(peer, &theirs).await?;
    peer.order(Order::ReadKeys(epoch(suite, &theirs_next.prepare())));
    peer.trace(Step::ClientFinished, "verified the client's Finished", Vec::new);
    let resumption = if config.resumption.is_kept() {
        Some(secret.into_resumption(transcript_hash(&peer.transcript)?.as_slice()))
    } else {
        None
    };
    peer.trace(Step::MasterSecret, "derived the secrets of the connection", Vec::new);

    let resumed = psk.as_ref().is_some_and(FoundPsk::is_resumption);
    let established = Established {
        session: Session {
            version: negotiate::TLS13,
            suite,
            group: Some(group),
            alpn: alpn.map(|name| Box::from(name.as_ref())),
            server_name: hello.server_name().map(Box::from),
            client_authenticated: report.is_some(),
            peer_certificates: chain.into(),
            report: report.map(Box::new),
            sct_list: None,
            extended_master_secret: true,
            encrypt_then_mac: false,
            secure_renegotiation: false,
            renegotiations: 0,
            resumed,
            early_data: match (offers_early_data, takes_early_data) {
                (false, _) => EarlyData::NotOffered,
                (true, true) => EarlyData::Accepted,
                (true, false) => EarlyData::Rejected,
            },
            pre_shared: psk.is_some(),
            psk_identity: psk.as_ref().and_then(FoundPsk::external_identity),
            ech_accepted: ech.is_opened(),
            ticket_age_skew: psk.as_ref().and_then(FoundPsk::age_skew),
        },
        secrets: Secrets::Tls13(Box::new(Secrets13 {
            client: theirs_next,
            server: ours_next,
            exporter,
            resumption,
            transcript: offers_post_handshake_auth(hello).then(|| peer.transcript.fork()),
            born: psk.as_ref().and_then(FoundPsk::born).unwrap_or_else(|| config.clock.now().as_secs()),
        })),
    };
    super::tickets::send(peer, config, hello, &established).await?;
    peer.trace(Step::ApplicationData, "application data may flow", || {
        let protocol =
            established.session.alpn().map_or_else(|| "-".to_owned(), |name| name.escape_ascii().to_string());
        vec![("protocol", protocol)]
    });
    Ok(established)
}

/// Step 1: reads the client's hello, and asks for another one that fits us better if it must be (RFC 8446 4.1.4).
async fn greet(
    peer: &mut Peer,
    config: &ServerConfig,
    client_auth: &ClientAuth,
    hello: ClientHello,
    raw: Bytes,
    ech: &mut Standing,
) -> Result<Greeted, Error> {
    negotiate::check_fallback(&config.policy, &hello)?;
    let offered = negotiate13::read_hello(&hello)?;
    let found = psk::find(config, client_auth, &hello, &offered).await?;
    let suite = negotiate13::choose_suite(config, &hello, found.as_ref().map(FoundPsk::hash))
        .ok_or_else(|| negotiate13::no_suite(config, &hello))?;
    let (group, share) = negotiate13::choose_group(config, &hello, &offered)?;
    let kdf = kdf(suite, config.provider)?;
    peer.transcript.settle(kdf.hash());
    // Signatures are over its hash here.
    peer.transcript.drop_raw();
    if let Some(share) = share {
        if let Some(found) = &found {
            found.check_binder(kdf, &hello, &raw, None)?;
        }
        let share = share.key_exchange.clone();
        return Ok(Greeted {
            suite,
            group,
            share,
            psk: found,
            retried: false,
            offers_early_data: offered.early_data,
            hello,
        });
    }

    peer.transcript.replace_with_message_hash();
    let extensions = vec![ServerExtension::SupportedVersions(negotiate::TLS13), ServerExtension::RetryKeyShare(group)];
    let mut retry = server_hello(&hello, Random::HELLO_RETRY_REQUEST, suite, extensions);
    ech.confirm_retry(peer, (kdf, config.provider), &hello, &mut retry)?;
    peer.send(&retry);
    peer.trace(Step::ServerHello, "sent HelloRetryRequest", || vec![("group", group.to_string())]);
    peer.order(Order::CompatibilityChangeCipherSpec);
    let offers_early_data = offered.early_data;
    if offers_early_data {
        peer.order(Order::SkipEarlyData(config.limits.skipped_early_data));
    }
    let (second, raw) = ech.receive_again(peer).await?;
    negotiate13::same_but_for_retry(&hello, &second, group)?;
    let offered = negotiate13::read_hello(&second)?;
    if found.is_some() && second.pre_shared_key().is_none() {
        // A key of this suite's hash must be offered again (RFC 8446 4.1.2).
        return Err(Misbehaviour::MissingExtension.into());
    }
    let found = found.and_then(|found| found.offered_again(&offered));
    if let Some(found) = &found {
        found.check_binder(kdf, &second, &raw, Some(&peer.transcript))?;
    }
    peer.transcript.add(&raw);
    peer.trace(Step::ClientHello, "received ClientHello again", Vec::new);
    let share = offered.shares.first().ok_or(Misbehaviour::BadKeyShares)?.key_exchange.clone();
    Ok(Greeted { suite, group, share, psk: found, retried: true, offers_early_data, hello: second })
}

/// Our half of the key exchange, and what both come to share.
fn respond(
    provider: &clasp_crypto::Provider,
    group: NamedGroup,
    theirs: &[u8],
) -> Result<(Vec<u8>, SharedSecret), Error> {
    let group = provider.group(group).ok_or(CryptoError::Unsupported)?;
    group.respond(theirs, provider.random).map_err(|error| match error {
        CryptoError::BadPeerKey(_) => Misbehaviour::BadKeyShare.into(),
        other => other.into(),
    })
}

fn server_hello(hello: &ClientHello, random: Random, suite: &Suite, extensions: Vec<ServerExtension>) -> ServerHello {
    ServerHello {
        server_version: ProtocolVersion::TLS_1_2,
        random,
        session_id: hello.session_id,
        cipher_suite: suite.id,
        compression_method: CompressionMethod::NULL,
        extensions: Some(extensions),
    }
}

fn encrypted_extensions(
    alpn: Option<&Bytes>,
    limit: Option<ServerExtension>,
    name_acknowledged: bool,
    early_data: bool,
    types: CertificateTypes,
) -> EncryptedExtensions {
    let mut extensions = Vec::with_capacity(4);
    if name_acknowledged {
        extensions.push(ServerExtension::ServerName);
    }
    extensions.extend(alpn.cloned().map(ServerExtension::Alpn));
    extensions.extend(limit);
    extensions.extend(types.answer());
    if early_data {
        extensions.push(ServerExtension::EarlyData);
    }
    EncryptedExtensions { extensions }
}

/// Asks for the client's certificate.
pub(crate) fn certificate_request(
    config: &ServerConfig,
    verifier: &dyn ClientVerifier,
    request_context: Bytes,
) -> CertificateRequest13 {
    let schemes: Vec<_> = config.policy.client_schemes_13().collect();
    // All extensions together have 65,535 bytes; each has a header of 4, and a list's length of 2 or 1.
    let compressions = config.certificate_compressions.algorithms();
    let taken = 2 * (4 + 2) + 2 * schemes.len() + 4 + 1 + 2 * compressions.len();
    let room = usize::from(u16::MAX).saturating_sub(taken);
    let authorities = fitting(verifier.authorities(), room);
    let mut extensions = vec![CertificateRequestExtension::SignatureAlgorithms(schemes)];
    if !compressions.is_empty() {
        extensions.push(CertificateRequestExtension::CompressCertificate(compressions));
    }
    if !authorities.is_empty() {
        extensions.push(CertificateRequestExtension::CertificateAuthorities(authorities));
    }
    CertificateRequest13 { request_context, extensions }
}

/// Steps 5 and 6: receives the client's certificate, verifies it, and the client's signature.
pub(crate) async fn authenticate_client(
    peer: &mut Peer,
    config: &ServerConfig,
    client_auth: &ClientAuth,
    verifier: &dyn ClientVerifier,
    request_context: &[u8],
    typ: CertificateType,
) -> Result<(Vec<CertificateDer<'static>>, Option<Report>), Error> {
    let certificate = receive_certificate(peer, &config.certificate_compressions).await?;
    let chain = take_chain(&certificate, request_context, AskedOfEntries::default())?.chain;
    let Some(key) = certificate_type::public_key(typ, &chain).map_err(refused)? else {
        return if client_auth.is_required() { Err(Error::ClientCertificateRequired) } else { Ok((chain, None)) };
    };
    let algorithm = key.algorithm().ok_or(Misbehaviour::WrongKeyType)?;
    if algorithm.is_rsa() && key.bits() < config.policy.min_rsa_bits {
        return Err(Misbehaviour::KeyTooSmall.into());
    }
    let verification = ClientVerification { chain: &chain, now: config.clock.now() };
    let mut report = verifier.verify_client(verification).await.map_err(refused)?;
    receive_certificate_verify(peer, Role::Client, &config.policy, config.provider, &key).await?;
    report.set(Check::Possession, Outcome::Passed);
    peer.trace(Step::MasterSecret, "authenticated the client", || report_fields(&report));
    Ok((chain, Some(report)))
}

fn offers_post_handshake_auth(hello: &ClientHello) -> bool {
    hello.extensions.iter().flatten().any(|extension| matches!(extension, ClientExtension::PostHandshakeAuth))
}

/// Receives what a client answers to a request after the handshake (RFC 8446 4.6.2). The transcript ends with the request;
/// `secret` is what the client writes under.
pub(crate) async fn authenticate_late_client(
    mut peer: Peer,
    config: Arc<ServerConfig>,
    client_auth: ClientAuth,
    request_context: Bytes,
    secret: TrafficSecret,
) -> Result<Done, Error> {
    let typ = CertificateType::X509;
    let client = match client_auth.verifier() {
        Some(verifier) => {
            let verifier = verifier.as_ref();
            authenticate_client(&mut peer, &config, &client_auth, verifier, &request_context, typ).await?
        }
        None => Default::default(),
    };
    receive_finished(&mut peer, &secret.prepare()).await?;
    Ok(Done::Client(Box::new(client)))
}
