//! The server's full handshake in the classic family, SSL 3.0 to TLS 1.2, as RFC 5246 7.3 tells it.

use bytes::Bytes;
use clasp_cert::{Check, ClientVerification, Identity, Outcome, PublicKey, Report};
use clasp_keys::Role;
use clasp_wire::{
    Certificate, CertificateRequest, CertificateStatus, CertificateVerify, ClientCertificateType, ClientDhPublic,
    ClientEcdhPublic, ClientHello, CompressionMethod, EcPointFormat, EncryptedPreMasterSecret, Finished, Random,
    ServerExtension, ServerHello, ServerHelloDone, SessionId,
};
use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

use crate::classic::{Keys, der_chain, settle, verify_finished};
use crate::config::ServerConfig;
use crate::error::{Error, Misbehaviour};
use crate::hello::{RecordLimits, record_limits};
use crate::key_exchange::{PreMaster, ServerExchange};
use crate::negotiate::{Agreed, ServerChoice};
use crate::peer::{Order, Peer};
use crate::session::{Established, Secrets, Session};
use crate::suites::KeyExchange;
use crate::trace::{Step, report_fields, short_hex};

pub(super) async fn full_handshake(
    peer: &mut Peer,
    config: &ServerConfig,
    client_hello: &ClientHello,
    choice: ServerChoice,
) -> Result<Established, Error> {
    let ServerChoice { agreed, identity, group, scheme, point_formats } = choice;
    let (policy, provider) = (&config.policy, config.provider);
    let schedule = settle(peer, &agreed, provider)?;

    if config.client_auth.verifier().is_none() {
        peer.transcript.drop_raw();
    }

    // Step 2: our hello, our certificate, our half of the key exchange, and whether we want the client's certificate.
    let limits = record_limits(client_hello, config.record_size_limit)?;
    let hello = server_hello(client_hello, &agreed, &identity, point_formats, &limits);
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
    limits.write.into_iter().for_each(|bytes| peer.order(Order::WriteLimit(bytes)));
    limits.read.into_iter().for_each(|bytes| peer.order(Order::ReadLimit(bytes)));
    peer.send(&Certificate { chain: identity.chain().iter().map(|der| Bytes::copy_from_slice(der)).collect() });
    if let (true, Some(response)) = (agreed.status_request, identity.ocsp_response()) {
        peer.send(&CertificateStatus { ocsp_response: Bytes::copy_from_slice(response) });
    }
    let exchange = ServerExchange::start(agreed.suite.key_exchange, group, provider)?;
    if let (Some(params), Some(scheme)) = (exchange.params(), scheme) {
        let mut message = Vec::with_capacity(64 + params.len());
        message.extend_from_slice(&agreed.randoms.concatenated());
        message.extend_from_slice(&params);
        let signature = identity.key().sign(scheme, &message).await?;
        exchange.send(peer, params, agreed.dialect.write_signature(scheme, signature));
    }
    let client_verifier = config.client_auth.verifier();
    if let Some(verifier) = client_verifier {
        peer.send(&CertificateRequest {
            certificate_types: vec![ClientCertificateType::RSA_SIGN, ClientCertificateType::ECDSA_SIGN],
            signature_algorithms: policy.schemes.clone(),
            authorities: fitting(verifier.authorities()),
        });
    }
    peer.send(&ServerHelloDone);
    peer.trace(Step::ServerHello, "sent the rest of the flight", || {
        vec![
            ("certificates", identity.chain().len().to_string()),
            ("key exchange", agreed.suite.key_exchange.name().to_owned()),
            ("group", group.map_or_else(|| "-".to_owned(), |group| group.to_string())),
            ("certificate request", client_verifier.is_some().to_string()),
        ]
    });

    // Steps 3 to 5 are the client's: it authenticates us, makes the pre-master secret, and shows its certificate.
    let chain = match client_verifier {
        Some(_) => der_chain(&peer.receive::<Certificate>().await?.chain),
        None => Vec::new(),
    };
    if chain.is_empty() && config.client_auth.is_required() {
        return Err(Error::ClientCertificateMissing);
    }
    let pre_master = receive_key_exchange(peer, exchange, &agreed, &identity, config).await?;
    peer.trace(Step::PreMasterSecret, "received ClientKeyExchange", || {
        let how = match agreed.suite.key_exchange {
            KeyExchange::Rsa => "decrypted with our RSA key",
            KeyExchange::Dhe | KeyExchange::Ecdhe => "agreed from both sides' public values",
        };
        vec![("pre-master secret", how.to_owned())]
    });

    // Step 6: both make the master secret, and we authenticate the client.
    let keys = Keys::derive(peer, &agreed, schedule.as_ref(), &pre_master, config.key_log.as_deref())?;
    drop(pre_master);
    let report = match (client_verifier, chain.first()) {
        (Some(verifier), Some(leaf)) => {
            let verification = ClientVerification { chain: &chain, now: config.clock.now() };
            let report = verifier.verify_client(verification).await.map_err(refused)?;
            let report = receive_possession(peer, config, &agreed, leaf, report).await?;
            peer.trace(Step::MasterSecret, "authenticated the client", || report_fields(&report));
            Some(Box::new(report))
        }
        _ => None,
    };
    peer.transcript.drop_raw();

    // Steps 7 and 8: session keys, the client's ChangeCipherSpec and Finished.
    let (write, read) = keys.epochs(&agreed, Role::Server);
    peer.receive_change_cipher_spec(read).await?;
    let theirs = schedule.finished(&keys.master, Role::Client, &peer.transcript)?;
    verify_finished(&peer.receive::<Finished>().await?, &theirs)?;
    peer.trace(Step::ClientFinished, "verified the client's Finished", Vec::new);

    // Step 9: ours.
    peer.change_cipher_spec(write);
    let ours = schedule.finished(&keys.master, Role::Server, &peer.transcript)?;
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
            extended_master_secret: agreed.extended_master_secret,
            encrypt_then_mac: agreed.encrypt_then_mac,
            secure_renegotiation: agreed.secure_renegotiation,
        },
        secrets: Secrets { schedule, master: keys.master, randoms: agreed.randoms, first_finished: theirs },
    })
}

fn refused(error: clasp_cert::CertificateError) -> Error {
    Error::Certificate { whose: Role::Server, error: Box::new(error) }
}

/// The names, or none where a CertificateRequest has no room for all: a client told of some authorities only would take
/// the others for unwanted (RFC 5246 7.4.4).
fn fitting(names: &[Vec<u8>]) -> Vec<Bytes> {
    let length: usize = names.iter().map(|name| 2 + name.len()).sum();
    if length > usize::from(u16::MAX) {
        return Vec::new();
    }
    names.iter().map(|name| Bytes::copy_from_slice(name)).collect()
}

fn server_hello(
    client: &ClientHello,
    agreed: &Agreed,
    identity: &Identity,
    point_formats: bool,
    limits: &RecordLimits,
) -> ServerHello {
    let mut extensions = Vec::with_capacity(8);
    if agreed.secure_renegotiation {
        extensions.push(ServerExtension::RenegotiationInfo(Bytes::new()));
    }
    if let Some(Ok(name)) = client.server_name().map(rustls_pki_types::ServerName::try_from)
        && identity.matches_name(&name)
    {
        extensions.push(ServerExtension::ServerName);
    }
    if agreed.extended_master_secret {
        extensions.push(ServerExtension::ExtendedMasterSecret);
    }
    if agreed.encrypt_then_mac {
        extensions.push(ServerExtension::EncryptThenMac);
    }
    if point_formats && matches!(agreed.suite.key_exchange, KeyExchange::Ecdhe) {
        extensions.push(ServerExtension::EcPointFormats(vec![EcPointFormat::UNCOMPRESSED]));
    }
    if agreed.status_request {
        extensions.push(ServerExtension::StatusRequest);
    }
    if let Some(protocol) = &agreed.alpn {
        extensions.push(ServerExtension::Alpn(protocol.clone()));
    }
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

/// Step 4, server: the pre-master secret out of the client's message.
async fn receive_key_exchange(
    peer: &mut Peer,
    exchange: ServerExchange,
    agreed: &Agreed,
    identity: &Identity,
    config: &ServerConfig,
) -> Result<PreMaster, Error> {
    Ok(match exchange {
        ServerExchange::Rsa => {
            let message = peer.receive::<EncryptedPreMasterSecret>().await?;
            // Chosen before decrypting, and kept if anything is wrong: the client learns nothing until its Finished
            // fails, as with any wrong key (RFC 5246 7.4.7.1; Bleichenbacher, ROBOT, Marvin).
            let mut fallback = Zeroizing::new([0; 48]);
            config.provider.random.fill(fallback.as_mut_slice())?;
            let version = agreed.hello_version.0.to_be_bytes();
            PreMaster::Rsa(identity.key().decrypt_or_keep(&message.ciphertext, version, fallback).await?)
        }
        ServerExchange::Ecdh(_, exchange) => {
            let message = peer.receive::<ClientEcdhPublic>().await?;
            PreMaster::Ecdh(exchange.complete(&message.point).map_err(|_| Misbehaviour::BadKeyShare)?)
        }
        ServerExchange::Dh(_, exchange) => {
            let message = peer.receive::<ClientDhPublic>().await?;
            PreMaster::Dh(exchange.complete(&message.yc).map_err(|_| Misbehaviour::BadKeyShare)?)
        }
    })
}

/// Step 6: the client's signature over all messages so far shows that it holds its certificate's key
/// (RFC 5246 7.4.8).
async fn receive_possession(
    peer: &mut Peer,
    config: &ServerConfig,
    agreed: &Agreed,
    leaf: &CertificateDer<'_>,
    mut report: Report,
) -> Result<Report, Error> {
    let key = PublicKey::from_certificate(leaf).map_err(refused)?;
    let algorithm = key.algorithm().ok_or(Misbehaviour::WrongKeyType)?;
    if matches!(algorithm, clasp_crypto::KeyAlgorithm::Rsa) && key.bits() < config.policy.min_rsa_bits {
        return Err(Misbehaviour::KeyTooSmall.into());
    }
    let signed_so_far = peer.transcript.raw().map_or(0, <[u8]>::len);
    let message = peer.receive::<CertificateVerify>().await?;
    let signed = agreed.dialect.read_signature(&message.signature, algorithm)?;
    if !config.policy.schemes.contains(&signed.scheme) {
        return Err(Misbehaviour::SchemeNotOffered.into());
    }
    let content = peer.transcript.raw().and_then(|raw| raw.get(..signed_so_far)).unwrap_or_default();
    key.verify(config.provider, signed.scheme, content, &signed.signature).map_err(|_| Misbehaviour::BadSignature)?;
    report.set(Check::Possession, Outcome::Passed);
    Ok(report)
}
