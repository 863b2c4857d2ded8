//! The client's full handshake in the classic family, SSL 3.0 to TLS 1.2, as RFC 5246 7.3 tells it.

use bytes::Bytes;
use clasp_cert::{Check, Identity, KeyUse, Outcome, PublicKey, SctList, ServerVerification};
use clasp_keys::{MasterSecret, Role};
use clasp_wire::{
    AlertDescription, Certificate, CertificateRequest, CertificateStatus, CertificateType, CertificateVerify, Finished,
    HandshakeMessage, NewSessionTicket, ServerExtension, ServerHello, ServerHelloDone, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName};
use std::sync::Arc;
use zeroize::Zeroizing;

use super::{refused, verify_again};
use crate::certificate_type;
use crate::classic::{Keys, settle, verify_finished};
use crate::config::{CertificateAsk, ClientConfig};
use crate::error::{Error, Misbehaviour};
use crate::key_exchange::{ServerKey, ServerParams};
use crate::negotiate::{self, Agreed};
use crate::peer::{Order, Peer};
use crate::policy::Policy;
use crate::psk::{self, scope_with};
use crate::resumption::Saved;
use crate::session::{ClassicSecrets, EarlyData, Established, Previous, Secrets, Session};
use crate::suites::KeyExchange;
use crate::timestamps;
use crate::trace::{Step, report_fields};

pub(super) async fn full_handshake(
    peer: &mut Peer,
    config: &ClientConfig,
    name: ServerName<'static>,
    agreed: Agreed,
    hello: &ServerHello,
    previous: Option<&Previous>,
) -> Result<Established, Error> {
    let (policy, provider) = (&config.policy, config.provider);
    let schedule = settle(peer, &agreed, provider)?;
    limit_records(peer, config, hello);

    // Step 2: the server's certificate, its half of the key exchange, and whether it wants ours.
    // Where a key that both had takes the place of certificates, none is sent and none asked for (RFC 4279 2).
    let psk = if agreed.suite.is_pre_shared() {
        Some(psk::classic(&config.psks).next().ok_or(Misbehaviour::SuiteNotOffered)?)
    } else {
        None
    };
    let psk_identity: Option<Box<[u8]>> = psk.map(|psk| psk.identity().to_vec().into());
    let chain = if psk.is_some() {
        Vec::new()
    } else {
        let parse = |body: &Bytes| certificate_type::parse(agreed.certificate_types.server, body);
        let chain = peer.receive_as(Certificate::TYPE, Certificate::NAME, parse).await?;
        peer.check_chain(chain.len())?;
        chain
    };
    if let Some(previous) = previous {
        previous.same_peer(&chain, psk_identity.as_deref(), config.identity_may_change)?;
    }
    let public_key;
    let key = if let Some(psk) = psk {
        ServerKey::Shared(psk)
    } else {
        let key = certificate_type::public_key(agreed.certificate_types.server, &chain).map_err(refused)?;
        public_key = key.ok_or(Misbehaviour::EmptyCertificate)?;
        check_key(&public_key, &agreed, policy)?;
        ServerKey::Public(&public_key)
    };
    let status_may_come = agreed.status_request && psk.is_none();
    let staple = if status_may_come { peer.receive_optional::<CertificateStatus>().await? } else { None };
    let sct_list = agreed.sct_list.clone().filter(|_| psk.is_none());
    timestamps::trace(peer, Step::ServerHello, "received certificate timestamps", sct_list.as_ref());
    let params = ServerParams::receive(peer, &agreed, key).await?;
    let request = if psk.is_none() && peer.next_is(CertificateRequest::TYPE, CertificateRequest::NAME).await {
        let parse = |body: &Bytes| agreed.dialect.read_certificate_request(body);
        Some(peer.receive_as(CertificateRequest::TYPE, CertificateRequest::NAME, parse).await?)
    } else {
        None
    };
    peer.receive::<ServerHelloDone>().await?;
    peer.trace(Step::ServerHello, "received the rest of the server's flight", || {
        vec![
            ("certificates", chain.len().to_string()),
            ("key exchange", agreed.suite.key_exchange.name().to_owned()),
            ("group", params.group().map_or_else(|| "-".to_owned(), |group| group.to_string())),
            ("certificate request", request.is_some().to_string()),
        ]
    });

    // Step 3: the client authenticates the server.
    let mut report = match key {
        ServerKey::Public(key) => {
            let verification = ServerVerification {
                chain: &chain,
                name: &name,
                now: config.clock.now(),
                ocsp_response: staple.as_ref().map_or(&[], |staple| &staple.ocsp_response),
                sct_list: sct_list.as_ref(),
                // It must be allowed for what it is used for (RFC 5246 7.4.2).
                key_use: if params.is_signed() { KeyUse::DigitalSignature } else { KeyUse::KeyEncipherment },
            };
            let mut report = config.verifier.verify_server(verification).await.map_err(refused)?;
            if let Some(scheme) = params.verify(&agreed, policy, provider, key)? {
                peer.trace_signature(scheme);
            }
            // With RSA key exchange the server shows that it holds the key in step 9, by reading the pre-master secret.
            if params.is_signed() {
                report.set(Check::Possession, Outcome::Passed);
            }
            peer.trace(Step::ServerAuthentication, "authenticated the server", || report_fields(&report));
            Some(report)
        }
        // Its Finished will show that it has the key.
        ServerKey::Shared(_) => None,
    };

    // Step 4: the pre-master secret.
    let group = params.group();
    let temporary_key = params.is_signed();
    let (pre_master, client_key_exchange) = params.agree(&agreed, policy, provider, key)?;

    // Step 5: our certificate, if the server asked for one.
    let identity = match &request {
        None => None,
        Some(request) => {
            let signer = choose_identity(config, &agreed, request).await?;
            if signer.is_none() {
                peer.decline_certificate();
            }
            let chain = signer.as_ref().map(|(identity, _)| identity.chain()).unwrap_or_default();
            if chain.is_empty() && agreed.dialect.declines_by_alert() {
                peer.order(Order::Warn(AlertDescription::NO_CERTIFICATE));
            } else {
                certificate_type::send(peer, agreed.certificate_types.client, chain);
            }
            signer
        }
    };
    client_key_exchange.send(peer, agreed.dialect);
    peer.trace(Step::PreMasterSecret, "sent ClientKeyExchange", || {
        let how = match agreed.suite.key_exchange {
            KeyExchange::Rsa if temporary_key => "alone: encrypted to the server's temporary RSA key",
            KeyExchange::Rsa => "alone: encrypted to the server's RSA key",
            KeyExchange::Dhe | KeyExchange::Ecdhe | KeyExchange::Tls13 => {
                "with the server's cooperation: our public value"
            }
            KeyExchange::Psk => "of the key that both had: its name",
            KeyExchange::EcdhePsk => {
                "of the key that both had, with the server's cooperation: its name, our public value"
            }
        };
        vec![("pre-master secret made", how.to_owned())]
    });

    // Step 6 comes before the signature of step 5 is sent, as the extended master secret covers no CertificateVerify.
    let keys = Keys::derive(peer, &agreed, schedule.as_ref(), &pre_master, config.key_log.as_deref())?;
    drop(pre_master);
    if let Some((identity, scheme)) = &identity {
        let message = agreed.dialect.handshake_to_sign(provider, *scheme, &peer.transcript, &keys.master)?.into_owned();
        let signature = identity.key().sign(*scheme, &message).await?;
        peer.send(&CertificateVerify { signature: agreed.dialect.write_signature(*scheme, signature) });
    }
    if request.is_some() {
        peer.trace(Step::ClientCertificate, "answered the certificate request", || match &identity {
            Some((_, scheme)) => vec![("signed with", scheme.to_string())],
            None => vec![("certificate", "none to show".to_owned())],
        });
    }
    peer.transcript.drop_raw();

    // Steps 7 and 8: session keys, our ChangeCipherSpec and Finished.
    let (write, read) = keys.epochs(&agreed, Role::Client);
    peer.change_cipher_spec(write);
    let ours = keys.finished(Role::Client, &peer.transcript)?;
    peer.send(&Finished { verify_data: Bytes::copy_from_slice(ours.as_slice()) });
    peer.trace(Step::ClientFinished, "sent ChangeCipherSpec and Finished", Vec::new);

    if previous.is_none() && negotiate::may_false_start(config, &agreed) {
        peer.order(Order::FalseStart);
    }

    // Step 9: the server's, after the ticket it may have announced (RFC 5077 3.3).
    let ticket = if agreed.ticket { Some(peer.receive::<NewSessionTicket>().await?) } else { None };
    peer.receive_change_cipher_spec(read).await?;
    let theirs = keys.finished(Role::Server, &peer.transcript)?;
    verify_finished(&peer.receive::<Finished>().await?, &theirs)?;
    if let Some(report) = &mut report {
        report.set(Check::Possession, Outcome::Passed);
    }
    let created = config.clock.now().as_secs();
    let made = Made {
        chain: &chain,
        sct_list: sct_list.as_ref(),
        client_authenticated: identity.is_some(),
        psk_identity: psk_identity.as_deref(),
        hello,
        ticket,
        created,
    };
    remember(config, &name, &agreed, &keys.master, made).await;
    peer.trace(Step::ServerFinished, "verified the server's Finished", Vec::new);

    peer.trace(Step::ApplicationData, "application data may flow", || {
        vec![("protocol", agreed.alpn.as_ref().map_or_else(|| "-".to_owned(), |name| name.escape_ascii().to_string()))]
    });
    Ok(Established {
        session: Session {
            version: agreed.dialect.version(),
            suite: agreed.suite,
            group,
            alpn: agreed.alpn.map(|name| Box::from(name.as_ref())),
            server_name: Some(name.to_str().into()),
            peer_certificates: chain.into(),
            report: report.map(Box::new),
            sct_list,
            client_authenticated: identity.is_some(),
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
            client_finished: ours,
            server_finished: theirs,
        })),
    })
}

/// The abbreviated handshake: an earlier session is taken up again, and the server's Finished comes first (RFC 5246 7.3).
pub(super) async fn resumed_handshake(
    peer: &mut Peer,
    config: &ClientConfig,
    name: ServerName<'static>,
    agreed: Agreed,
    hello: &ServerHello,
    saved: Saved,
) -> Result<Established, Error> {
    if !negotiate::is_of(&saved, agreed.dialect.version())
        || saved.suite != agreed.suite.id
        || saved.extended_master_secret != agreed.extended_master_secret
    {
        return Err(Misbehaviour::ResumedDifferently.into());
    }
    let encrypts = agreed.suite.key_exchange == KeyExchange::Rsa && agreed.suite.export.is_none();
    let key_use = if encrypts { KeyUse::KeyEncipherment } else { KeyUse::DigitalSignature };
    let report = verify_again(config, &name, &saved, key_use).await?;
    let schedule = settle(peer, &agreed, config.provider)?;
    peer.transcript.drop_raw();
    limit_records(peer, config, hello);
    let master = MasterSecret::new(*saved.master);
    if let Some(log) = &config.key_log {
        log.log("CLIENT_RANDOM", &agreed.randoms.client, master.as_bytes());
    }

    // Steps 7 and 9: session keys from the earlier master secret; perhaps a newer ticket; the server's Finished.
    let keys = Keys::from_master(peer, &agreed, schedule.as_ref(), master);
    let (write, read) = keys.epochs(&agreed, Role::Client);
    let ticket = if agreed.ticket { Some(peer.receive::<NewSessionTicket>().await?) } else { None };
    peer.receive_change_cipher_spec(read).await?;
    let theirs = keys.finished(Role::Server, &peer.transcript)?;
    verify_finished(&peer.receive::<Finished>().await?, &theirs)?;
    peer.trace(Step::ServerFinished, "verified the server's Finished", Vec::new);

    // Step 8: ours.
    peer.change_cipher_spec(write);
    let ours = keys.finished(Role::Client, &peer.transcript)?;
    peer.send(&Finished { verify_data: Bytes::copy_from_slice(ours.as_slice()) });
    peer.trace(Step::ClientFinished, "sent ChangeCipherSpec and Finished", Vec::new);

    // What the server may say once more of its certificate counts for nothing (RFC 6962 3.3.1).
    let (chain, sct_list, client_authenticated) = (saved.peer_certificates, saved.sct_list, saved.client_authenticated);
    let psk_identity = saved.psk_identity;
    if ticket.is_some() {
        // As old as the session: tickets do not make it live longer.
        let created = saved.created;
        let made = Made {
            chain: &chain,
            sct_list: sct_list.as_ref(),
            client_authenticated,
            psk_identity: psk_identity.as_deref(),
            hello,
            ticket,
            created,
        };
        remember(config, &name, &agreed, &keys.master, made).await;
    }
    Ok(Established {
        session: Session {
            version: agreed.dialect.version(),
            suite: agreed.suite,
            group: None,
            alpn: agreed.alpn.map(|name| Box::from(name.as_ref())),
            server_name: Some(name.to_str().into()),
            peer_certificates: chain.into(),
            report: report.map(Box::new),
            sct_list,
            client_authenticated,
            extended_master_secret: agreed.extended_master_secret,
            encrypt_then_mac: agreed.encrypt_then_mac,
            secure_renegotiation: agreed.secure_renegotiation,
            renegotiations: 0,
            resumed: true,
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
            client_finished: ours,
            server_finished: theirs,
        })),
    })
}

/// What a session is remembered by.
struct Made<'a> {
    chain: &'a [CertificateDer<'static>],
    sct_list: Option<&'a SctList>,
    client_authenticated: bool,
    psk_identity: Option<&'a [u8]>,
    hello: &'a ServerHello,
    ticket: Option<NewSessionTicket>,
    created: u64,
}

/// Keeps the session, by its ticket or its identifier, if the server gave one.
async fn remember(
    config: &ClientConfig,
    name: &ServerName<'static>,
    agreed: &Agreed,
    master: &MasterSecret,
    made: Made<'_>,
) {
    let Some(resumption) = &config.resumption else { return };
    let ticket = made.ticket.map(|message| message.ticket).unwrap_or_default();
    if ticket.len() > config.limits.ticket {
        return;
    }
    let id: &[u8] = if resumption.ids { made.hello.session_id.as_slice() } else { &[] };
    if ticket.is_empty() && id.is_empty() {
        return;
    }
    let Some(scope) = scope_with(&resumption.scope, &config.psks, made.psk_identity, config.provider) else { return };
    let saved = Saved {
        version: agreed.dialect.version(),
        suite: agreed.suite.id,
        extended_master_secret: agreed.extended_master_secret,
        client_authenticated: made.client_authenticated,
        master: Zeroizing::new(*master.as_bytes()),
        created: made.created,
        secret_len: 48,
        received: made.created.saturating_mul(1000),
        lifetime: u32::MAX,
        age_add: 0,
        max_early_data: 0,
        alpn: [].into(),
        scope: scope.into(),
        server_name: Some(name.to_str().into()),
        peer_certificates: made.chain.to_vec(),
        sct_list: made.sct_list.cloned(),
        psk_identity: made.psk_identity.map(Box::from),
        ticket: ticket.to_vec().into(),
        id: id.into(),
    };
    resumption.store.put(name.to_str().as_bytes(), saved.encode()).await;
}

/// Takes up the record sizes the server agreed to (RFC 8449 4).
fn limit_records(peer: &Peer, config: &ClientConfig, hello: &ServerHello) {
    for extension in hello.extensions.iter().flatten() {
        if let ServerExtension::RecordSizeLimit(theirs) = extension {
            peer.order(Order::WriteLimit(usize::from(*theirs)));
            if let Some(ours) = config.record_size_limit {
                peer.order(Order::ReadLimit(usize::from(ours)));
            }
        }
    }
}

/// Whether the certificate's key fits the suite, and is long enough.
fn check_key(key: &PublicKey, agreed: &Agreed, policy: &Policy) -> Result<(), Error> {
    let algorithm = key.algorithm().ok_or(Misbehaviour::WrongKeyType)?;
    if !agreed.suite.authentication.accepts(algorithm) {
        return Err(Misbehaviour::WrongKeyType.into());
    }
    if algorithm.is_rsa() && key.bits() < agreed.suite.min_rsa_bits(policy.min_rsa_bits) {
        return Err(Misbehaviour::KeyTooSmall.into());
    }
    // The curves of signatures are the groups too, before TLS 1.3 (RFC 8422 5.3).
    if agreed.dialect.has_extensions() && algorithm.curve().is_some_and(|curve| !policy.groups.contains(&curve)) {
        return Err(Misbehaviour::CurveNotOffered.into());
    }
    Ok(())
}

/// Step 5: which certificate to show, and the scheme to sign with; `None` declines.
async fn choose_identity(
    config: &ClientConfig,
    agreed: &Agreed,
    request: &CertificateRequest,
) -> Result<Option<(Arc<Identity>, SignatureScheme)>, Error> {
    let ours = config.policy.signing_schemes();
    // What has no name on the wire is not asked for by a number that happens to be that of ours.
    let meant = |scheme: &SignatureScheme| {
        ours.contains(scheme) && !(agreed.dialect.names_schemes() && *scheme == SignatureScheme::RSA_PKCS1_MD5_SHA1)
    };
    let schemes: Vec<_> = request.signature_algorithms.iter().copied().filter(meant).collect();
    let typ = agreed.certificate_types.client;
    let ask = CertificateAsk {
        authorities: &request.authorities,
        schemes: &schemes,
        types: &request.certificate_types,
        raw_public_key: typ == CertificateType::RAW_PUBLIC_KEY,
        schemes_of_tls13: false,
    };
    let Some(identity) = config.identities.resolve(&ask).await.of_type(typ)? else { return Ok(None) };
    let scheme = agreed.dialect.choose_scheme(ours, identity.key().schemes(), &schemes);
    Ok(scheme.map(|scheme| (identity, scheme)))
}
