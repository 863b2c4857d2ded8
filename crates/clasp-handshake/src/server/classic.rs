//! The server's full handshake in the classic family, SSL 3.0 to TLS 1.2, as RFC 5246 7.3 tells it.

use bytes::Bytes;
use clasp_cert::{Check, ClientVerification, Identity, Outcome, PrivateKey, Report};
use clasp_keys::{MasterSecret, Role};
use clasp_wire::{
    Certificate, CertificateRequest, CertificateStatus, CertificateVerify, ClientCertificateType, ClientDhPublic,
    ClientEcdhPublic, ClientHello, CompressionMethod, EcPointFormat, EcdhPskClientKeyExchange,
    EncryptedPreMasterSecret, Finished, HandshakeMessage, NewSessionTicket, PskClientKeyExchange, Random,
    ServerExtension, ServerHello, ServerHelloDone, SessionId,
};
use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

use super::tickets::ticket;
use super::{acknowledges_name, fitting, refused};
use crate::certificate_type::{self, CertificateTypes};
use crate::classic::{Keys, der_chain, settle, verify_finished};
use crate::config::{ClientAuth, ServerConfig};
use crate::error::{ConfigError, Error, Misbehaviour};
use crate::hello::{RecordLimits, random, record_limits};
use crate::key_exchange::{PreMaster, ServerExchange};
use crate::negotiate::{self, Agreed, ServerChoice};
use crate::peer::{Order, Peer};
use crate::psk::{find_or_make_up, scope_with};
use crate::resumption::{Found, Saved, fresh_id};
use crate::session::{ClassicSecrets, EarlyData, Established, Previous, Secrets, Session};
use crate::suites::KeyExchange;
use crate::timestamps;
use crate::trace::{Step, report_fields, short_hex};

pub(super) async fn full_handshake(
    peer: &mut Peer,
    config: &ServerConfig,
    client_auth: &ClientAuth,
    client_hello: &ClientHello,
    choice: ServerChoice,
    previous: Option<&Previous>,
) -> Result<Established, Error> {
    let ServerChoice { mut agreed, identity, group, scheme, point_formats } = choice;
    let (policy, provider) = (&config.policy, config.provider);
    let identity = identity.as_deref();
    if let Some(identity) = identity {
        agreed.certificate_types = CertificateTypes::choose(client_hello, identity, client_auth)?;
    }
    // Where a key that both had takes the place of certificates, none is asked for either (RFC 4279 2).
    let client_verifier = identity.and_then(|_| client_auth.verifier());
    let schedule = settle(peer, &agreed, provider)?;

    if client_verifier.is_none() {
        peer.transcript.drop_raw();
    }

    // Step 2: our hello, our certificate, our half of the key exchange, and whether we want the client's certificate.
    let limits = record_limits(client_hello, config.record_size_limit)?;
    let by_id = !agreed.ticket && previous.is_none() && config.resumption.ids.is_some();
    let session_id = if by_id { fresh_id(provider)? } else { SessionId::EMPTY };
    let name_acknowledged = identity.is_some_and(|identity| acknowledges_name(config, client_hello, identity));
    let hello = ServerHello {
        session_id,
        ..server_hello(&agreed, &Extras { name_acknowledged, point_formats, limits: &limits, previous })
    };
    peer.send(&hello);
    peer.trace(Step::ServerHello, "sent ServerHello", || {
        vec![
            ("version", agreed.dialect.version().to_string()),
            ("suite", agreed.suite.id.to_string()),
            ("random", short_hex(&agreed.randoms.server)),
            ("extended master secret", agreed.extended_master_secret.to_string()),
            ("secure renegotiation", agreed.secure_renegotiation.to_string()),
        ]
    });
    timestamps::trace(peer, Step::ServerHello, "sent certificate timestamps", agreed.sct_list.as_ref());
    limits.write.into_iter().for_each(|bytes| peer.order(Order::WriteLimit(bytes)));
    limits.read.into_iter().for_each(|bytes| peer.order(Order::ReadLimit(bytes)));
    if let Some(identity) = identity {
        certificate_type::send(peer, agreed.certificate_types.server, identity.chain());
        if let (true, Some(response)) = (agreed.status_request, identity.ocsp_response()) {
            peer.send(&CertificateStatus { ocsp_response: Bytes::copy_from_slice(response) });
        }
    }
    let exchange = ServerExchange::start(agreed.suite, group, scheme, provider)?;
    exchange.send_unsigned(peer, &config.psk_hint);
    if let (Some(params), Some(scheme), Some(identity)) = (exchange.params(), scheme, identity) {
        let mut message = Vec::with_capacity(64 + params.len());
        message.extend_from_slice(&agreed.randoms.concatenated());
        message.extend_from_slice(&params);
        let message = agreed.dialect.to_sign(provider, scheme, &message)?.into_owned();
        let signature = identity.key().sign(scheme, &message).await?;
        exchange.send(peer, params, agreed.dialect.write_signature(scheme, signature));
    }
    if let Some(verifier) = client_verifier {
        peer.send_encoded(agreed.dialect.write_certificate_request(CertificateRequest {
            certificate_types: vec![ClientCertificateType::RSA_SIGN, ClientCertificateType::ECDSA_SIGN],
            signature_algorithms: policy.named_schemes().collect(),
            authorities: fitting(verifier.authorities(), usize::from(u16::MAX)),
        }));
    }
    peer.send(&ServerHelloDone);
    peer.trace(Step::ServerHello, "sent the rest of the flight", || {
        vec![
            ("certificates", identity.map_or(0, |identity| identity.chain().len()).to_string()),
            ("key exchange", agreed.suite.key_exchange.name().to_owned()),
            ("group", group.map_or_else(|| "-".to_owned(), |group| group.to_string())),
            ("certificate request", client_verifier.is_some().to_string()),
        ]
    });

    // Steps 3 to 5 are the client's: it authenticates us, makes the pre-master secret, and shows its certificate.
    let chain = match client_verifier {
        Some(_) if agreed.dialect.declines_by_alert() => {
            let certificate = peer.receive_unless_declined::<Certificate>().await?;
            certificate.map(|certificate| der_chain(&certificate.chain)).unwrap_or_default()
        }
        Some(_) => {
            let parse = |body: &Bytes| certificate_type::parse(agreed.certificate_types.client, body);
            peer.receive_as(Certificate::TYPE, Certificate::NAME, parse).await?
        }
        None => Vec::new(),
    };
    peer.check_chain(chain.len())?;
    let same_peer = |psk_identity: Option<&[u8]>| {
        previous.map_or(Ok(()), |previous| previous.same_peer(&chain, psk_identity, config.identity_may_change))
    };
    if identity.is_some() {
        same_peer(None)?;
    }
    if chain.is_empty() && client_auth.is_required() {
        return Err(Error::ClientCertificateMissing);
    }
    let (pre_master, psk_identity) = receive_key_exchange(peer, exchange, &agreed, identity, config).await?;
    if psk_identity.is_some() {
        same_peer(psk_identity.as_deref())?;
    }
    peer.trace(Step::PreMasterSecret, "received ClientKeyExchange", || {
        let how = match agreed.suite.key_exchange {
            KeyExchange::Rsa if scheme.is_some() => "decrypted with our temporary RSA key",
            KeyExchange::Rsa => "decrypted with our RSA key",
            KeyExchange::Dhe | KeyExchange::Ecdhe | KeyExchange::Tls13 => "agreed from both sides' public values",
            KeyExchange::Psk => "of the key that the client named",
            KeyExchange::EcdhePsk => "of the key that the client named, and both sides' public values",
        };
        vec![("pre-master secret", how.to_owned())]
    });

    // Step 6: both make the master secret, and we authenticate the client.
    let keys = Keys::derive(peer, &agreed, schedule.as_ref(), &pre_master, config.key_log.as_deref())?;
    drop(pre_master);
    let report = match client_verifier {
        Some(verifier) if !chain.is_empty() => {
            let verification = ClientVerification { chain: &chain, now: config.clock.now() };
            let report = verifier.verify_client(verification).await.map_err(refused)?;
            let report = receive_possession(peer, config, &agreed, &keys.master, &chain, report).await?;
            peer.trace(Step::MasterSecret, "authenticated the client", || report_fields(&report));
            Some(Box::new(report))
        }
        _ => None,
    };
    peer.transcript.drop_raw();

    // Steps 7 and 8: session keys, the client's ChangeCipherSpec and Finished.
    let (write, read) = keys.epochs(&agreed, Role::Server);
    peer.receive_change_cipher_spec(read).await?;
    let theirs = keys.finished(Role::Client, &peer.transcript)?;
    verify_finished(&peer.receive::<Finished>().await?, &theirs)?;
    peer.trace(Step::ClientFinished, "verified the client's Finished", Vec::new);

    // Step 9: ours, after a ticket for this session, which the client can ask to be resumed (RFC 5077 3.3).
    let scope = scope_with(&config.resumption.scope, &config.psks, psk_identity.as_deref(), provider);
    let may_resume = scope.is_some();
    let saved = Saved {
        version: agreed.dialect.version(),
        suite: agreed.suite.id,
        extended_master_secret: agreed.extended_master_secret,
        client_authenticated: report.is_some(),
        master: Zeroizing::new(*keys.master.as_bytes()),
        created: config.clock.now().as_secs(),
        secret_len: 48,
        received: config.clock.milliseconds(),
        lifetime: u32::MAX,
        age_add: 0,
        max_early_data: 0,
        alpn: [].into(),
        scope: scope.unwrap_or_default().into(),
        server_name: client_hello.server_name().map(Box::from),
        peer_certificates: chain.clone(),
        sct_list: None,
        psk_identity: psk_identity.clone(),
        ticket: [].into(),
        id: [].into(),
    };
    if agreed.ticket {
        send_ticket(peer, config, &saved).await;
    }
    if let (true, false, Some(store)) = (may_resume, session_id.is_empty(), &config.resumption.ids) {
        store.put(session_id.as_slice(), saved.encode()).await;
    }
    drop(saved);
    peer.change_cipher_spec(write);
    let ours = keys.finished(Role::Server, &peer.transcript)?;
    peer.send(&Finished { verify_data: Bytes::copy_from_slice(ours.as_slice()) });
    peer.trace(Step::ServerFinished, "sent ChangeCipherSpec and Finished", Vec::new);

    peer.trace(Step::ApplicationData, "application data may flow", || {
        vec![("protocol", agreed.alpn.as_ref().map_or_else(|| "-".to_owned(), |name| name.escape_ascii().to_string()))]
    });
    Ok(Established {
        session: Session {
            version: agreed.dialect.version(),
            suite: agreed.suite,
            group,
            alpn: agreed.alpn.map(|name| Box::from(name.as_ref())),
            server_name: client_hello.server_name().map(Box::from),
            client_authenticated: report.is_some(),
            peer_certificates: chain.into(),
            report,
            sct_list: None,
            extended_master_secret: agreed.extended_master_secret,
            encrypt_then_mac: agreed.encrypt_then_mac,
            secure_renegotiation: agreed.secure_renegotiation,
            renegotiations: 0,
            resumed: false,
            early_data: EarlyData::NotOffered,
            pre_shared: psk_identity.is_some(),
            psk_identity,
            ech_accepted: false,
            ticket_age_skew: None,
        },
        secrets: Secrets::Classic(Box::new(ClassicSecrets {
            schedule,
            master: keys.master,
            randoms: agreed.randoms,
            client_finished: theirs,
            server_finished: ours,
        })),
    })
}

/// Announced in the hello, a ticket must come; one that cannot be made is empty (RFC 5077 3.3).
async fn send_ticket(peer: &mut Peer, config: &ServerConfig, saved: &Saved) {
    let (ticket, lifetime_hint) = ticket(config, saved).await.unwrap_or_default();
    peer.send(&NewSessionTicket { lifetime_hint, ticket });
}

/// Whether the client of an earlier session would be accepted today, and what was found; the outer `None` is no. Its
/// certificate is verified again, as roots and revocation lists may have changed since.
#[allow(clippy::option_option, reason = "no, yes without a certificate, yes with one")]
pub(super) async fn same_client(
    config: &ServerConfig,
    client_auth: &ClientAuth,
    saved: &Saved,
) -> Option<Option<Box<Report>>> {
    let chain = &saved.peer_certificates;
    let report = match (client_auth.verifier(), chain.is_empty()) {
        (None, true) => None,
        (Some(_), true) if !client_auth.is_required() => None,
        (Some(verifier), false) => {
            let verification = ClientVerification { chain, now: config.clock.now() };
            let mut report = verifier.verify_client(verification).await.ok()?;
            report.set(Check::Possession, Outcome::Passed);
            Some(report)
        }
        _ => return None,
    };
    Some(report.map(Box::new))
}

/// The abbreviated handshake: the client's session is taken up again, and our Finished comes first (RFC 5246 7.3).
pub(super) async fn resumed_handshake(
    peer: &mut Peer,
    config: &ServerConfig,
    client_hello: &ClientHello,
    certificate_types: CertificateTypes,
    found: Found,
    report: Option<Box<Report>>,
) -> Result<Established, Error> {
    let Found { saved, renew } = found;
    let random = random(config.provider)?.0;
    let ticket = renew && config.resumption.issues_ticket(client_hello);
    let resumed = negotiate::resume(config, client_hello, &saved, random, ticket)?;
    let agreed = Agreed { certificate_types, ..resumed };
    let schedule = settle(peer, &agreed, config.provider)?;
    peer.transcript.drop_raw();

    // Step 2: our hello, which repeats the session's identifier.
    let limits = record_limits(client_hello, config.record_size_limit)?;
    let extras = Extras { name_acknowledged: false, point_formats: false, limits: &limits, previous: None };
    peer.send(&ServerHello { session_id: client_hello.session_id, ..server_hello(&agreed, &extras) });
    peer.trace(Step::ServerHello, "sent ServerHello, resuming an earlier session", || {
        vec![("version", agreed.dialect.version().to_string()), ("suite", agreed.suite.id.to_string())]
    });
    limits.write.into_iter().for_each(|bytes| peer.order(Order::WriteLimit(bytes)));
    limits.read.into_iter().for_each(|bytes| peer.order(Order::ReadLimit(bytes)));
    if ticket {
        // As old as the session: tickets do not make it live longer.
        send_ticket(peer, config, &saved).await;
    }

    // Steps 7 and 9: session keys from the earlier master secret, and our Finished.
    let master = MasterSecret::new(*saved.master);
    if let Some(log) = &config.key_log {
        log.log("CLIENT_RANDOM", &agreed.randoms.client, master.as_bytes());
    }
    let keys = Keys::from_master(peer, &agreed, schedule.as_ref(), master);
    let (write, read) = keys.epochs(&agreed, Role::Server);
    peer.change_cipher_spec(write);
    let ours = keys.finished(Role::Server, &peer.transcript)?;
    peer.send(&Finished { verify_data: Bytes::copy_from_slice(ours.as_slice()) });
    peer.trace(Step::ServerFinished, "sent ChangeCipherSpec and Finished", Vec::new);

    // Step 8: the client's.
    peer.receive_change_cipher_spec(read).await?;
    let theirs = keys.finished(Role::Client, &peer.transcript)?;
    verify_finished(&peer.receive::<Finished>().await?, &theirs)?;
    peer.trace(Step::ClientFinished, "verified the client's Finished", Vec::new);

    Ok(Established {
        session: Session {
            version: agreed.dialect.version(),
            suite: agreed.suite,
            group: None,
            alpn: agreed.alpn.map(|name| Box::from(name.as_ref())),
            server_name: client_hello.server_name().map(Box::from),
            client_authenticated: report.is_some(),
            peer_certificates: saved.peer_certificates.clone().into(),
            report,
            sct_list: None,
            extended_master_secret: agreed.extended_master_secret,
            encrypt_then_mac: agreed.encrypt_then_mac,
            secure_renegotiation: agreed.secure_renegotiation,
            renegotiations: 0,
            resumed: true,
            early_data: EarlyData::NotOffered,
            pre_shared: saved.psk_identity.is_some(),
            psk_identity: saved.psk_identity,
            ech_accepted: false,
            ticket_age_skew: None,
        },
        secrets: Secrets::Classic(Box::new(ClassicSecrets {
            schedule,
            master: keys.master,
            randoms: agreed.randoms,
            client_finished: theirs,
            server_finished: ours,
        })),
    })
}

/// What a server's hello answers besides what was agreed.
struct Extras<'a> {
    /// The name asked for is that of the certificate.
    name_acknowledged: bool,
    point_formats: bool,
    limits: &'a RecordLimits,
    previous: Option<&'a Previous>,
}

fn server_hello(agreed: &Agreed, extras: &Extras<'_>) -> ServerHello {
    let &Extras { name_acknowledged, point_formats, limits, previous } = extras;
    let mut extensions = Vec::with_capacity(8);
    if agreed.secure_renegotiation {
        let info = previous.and_then(Previous::server_info).unwrap_or_default();
        extensions.push(ServerExtension::RenegotiationInfo(info));
    }
    if name_acknowledged {
        extensions.push(ServerExtension::ServerName);
    }
    if agreed.extended_master_secret {
        extensions.push(ServerExtension::ExtendedMasterSecret);
    }
    if agreed.encrypt_then_mac {
        extensions.push(ServerExtension::EncryptThenMac);
    }
    if point_formats && agreed.suite.key_exchange.takes_curve() {
        extensions.push(ServerExtension::EcPointFormats(vec![EcPointFormat::UNCOMPRESSED]));
    }
    if agreed.status_request {
        extensions.push(ServerExtension::StatusRequest);
    }
    if let Some(list) = &agreed.sct_list {
        extensions.push(ServerExtension::SignedCertificateTimestamp(timestamps::to_extension(list)));
    }
    if agreed.ticket {
        extensions.push(ServerExtension::SessionTicket);
    }
    if let Some(protocol) = &agreed.alpn {
        extensions.push(ServerExtension::Alpn(protocol.clone()));
    }
    extensions.extend(agreed.certificate_types.answer());
    extensions.extend(limits.answer.clone());
    ServerHello {
        server_version: agreed.dialect.version(),
        random: Random(agreed.randoms.server),
        session_id: SessionId::EMPTY,
        cipher_suite: agreed.suite.id,
        compression_method: CompressionMethod::NULL,
        // A client without extensions may not know what a block of them is (RFC 5246 7.4.1.3).
        extensions: if extensions.is_empty() { None } else { Some(extensions) },
    }
}

/// Step 4, server: the pre-master secret out of the client's message, and the name of the key in place of certificates.
async fn receive_key_exchange(
    peer: &mut Peer,
    exchange: ServerExchange,
    agreed: &Agreed,
    identity: Option<&Identity>,
    config: &ServerConfig,
) -> Result<(PreMaster, Option<Box<[u8]>>), Error> {
    let pre_master = match exchange {
        ServerExchange::Rsa => {
            let identity = identity.ok_or(ConfigError::NoIdentity)?;
            receive_pre_master(peer, agreed, identity.key(), config).await?
        }
        ServerExchange::TemporaryRsa(temporary) => receive_pre_master(peer, agreed, &*temporary.key, config).await?,
        ServerExchange::Ecdh(_, exchange) => {
            let message = peer.receive::<ClientEcdhPublic>().await?;
            PreMaster::Ecdh(exchange.complete(&message.point).map_err(|_| Misbehaviour::BadKeyShare)?)
        }
        ServerExchange::Dh(_, exchange) => {
            let message = peer.receive::<ClientDhPublic>().await?;
            PreMaster::Dh(exchange.complete(&message.yc).map_err(|_| Misbehaviour::BadKeyShare)?)
        }
        ServerExchange::Psk => {
            let message = peer.receive::<PskClientKeyExchange>().await?;
            let psk = find_or_make_up(&config.psks, &message.identity, config.provider)?;
            return Ok((PreMaster::of_psk(&psk, None)?, Some(message.identity.to_vec().into())));
        }
        ServerExchange::EcdhPsk(_, exchange) => {
            let message = peer.receive::<EcdhPskClientKeyExchange>().await?;
            let secret = exchange.complete(&message.point).map_err(|_| Misbehaviour::BadKeyShare)?;
            let psk = find_or_make_up(&config.psks, &message.identity, config.provider)?;
            return Ok((PreMaster::of_psk(&psk, Some(&secret))?, Some(message.identity.to_vec().into())));
        }
    };
    Ok((pre_master, None))
}

/// The pre-master secret that the client made alone, decrypted with our key.
async fn receive_pre_master(
    peer: &mut Peer,
    agreed: &Agreed,
    key: &dyn PrivateKey,
    config: &ServerConfig,
) -> Result<PreMaster, Error> {
    let parse = |body: &Bytes| agreed.dialect.read_encrypted_pre_master(body);
    let name = EncryptedPreMasterSecret::NAME;
    let ciphertext = peer.receive_as(EncryptedPreMasterSecret::TYPE, name, parse).await?;
    // Chosen before decrypting, and kept if anything is wrong: the client learns nothing until its Finished
    // fails, as with any wrong key (RFC 5246 7.4.7.1; Bleichenbacher, ROBOT, Marvin).
    let mut fallback = Zeroizing::new([0; 48]);
    config.provider.random.fill(fallback.as_mut_slice())?;
    let version = agreed.hello_version.0.to_be_bytes();
    Ok(PreMaster::Rsa(key.decrypt_or_keep(&ciphertext, version, fallback).await?))
}

/// Step 6: the client's signature over all messages so far shows that it holds its certificate's key
/// (RFC 5246 7.4.8).
async fn receive_possession(
    peer: &mut Peer,
    config: &ServerConfig,
    agreed: &Agreed,
    master: &MasterSecret,
    chain: &[CertificateDer<'_>],
    mut report: Report,
) -> Result<Report, Error> {
    let key = certificate_type::public_key(agreed.certificate_types.client, chain).map_err(refused)?;
    let key = key.ok_or(Misbehaviour::EmptyCertificate)?;
    let algorithm = key.algorithm().ok_or(Misbehaviour::WrongKeyType)?;
    if algorithm.is_rsa() && key.bits() < config.policy.min_rsa_bits {
        return Err(Misbehaviour::KeyTooSmall.into());
    }
    // As it was before the message, whose scheme says how to hash it, goes into it.
    let signed_so_far = peer.transcript.fork();
    let message = peer.receive::<CertificateVerify>().await?;
    let signed = agreed.dialect.read_signature(&message.signature, algorithm)?;
    if !config.policy.schemes.contains(&signed.scheme) || negotiate::pkcs1_of_client(signed.scheme).is_some() {
        return Err(Misbehaviour::SchemeNotOffered.into());
    }
    let content = agreed.dialect.handshake_to_sign(config.provider, signed.scheme, &signed_so_far, master)?;
    key.verify(config.provider, signed.scheme, &content, &signed.signature).map_err(|_| Misbehaviour::BadSignature)?;
    peer.trace_signature(signed.scheme);
    report.set(Check::Possession, Outcome::Passed);
    Ok(report)
}
