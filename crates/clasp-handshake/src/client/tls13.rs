//! The client's handshake in TLS 1.3, as RFC 8446 2 and A.1 tell it.

use std::sync::Arc;

use bytes::Bytes;
use clasp_cert::{Check, Identity, KeyUse, Outcome, Report, ServerVerification};
use clasp_keys::Role;
use clasp_keys::tls13::{EarlySecret, TrafficSecret};
use clasp_wire::{
    CertificateCompressionAlgorithm, CertificateRequest13, CertificateRequestExtension, CertificateType,
    EncryptedExtensions, EndOfEarlyData, ExtensionPlace, HandshakeMessage as _, ServerHello, SignatureScheme,
};
use rustls_pki_types::ServerName;

use super::offer13::OfferedPsk;
use super::{refused, verify_again};
use crate::certificate_type;
use crate::config::{CertificateAsk, ClientConfig};
use crate::error::{Error, Misbehaviour};
use crate::hello::ClientOffer;
use crate::negotiate;
use crate::negotiate13::{self, Accepted, Encrypted, Retry};
use crate::peer::{Order, Peer};
use crate::session::{Done, EarlyData, Established, Secrets, Session};
use crate::timestamps;
use crate::tls13::{
    AskedOfEntries, Log, PeerChain, Secrets13, certificate, choose_client_scheme, epoch, kdf, receive_certificate,
    receive_certificate_verify, receive_finished, send_certificate_verify, send_chain, send_finished, take_chain,
    transcript_hash,
};
use crate::trace::{Step, report_fields, short_hex};

/// Goes on from the server's first hello, which chose TLS 1.3.
pub(super) async fn handshake(
    peer: &mut Peer,
    config: &ClientConfig,
    name: ServerName<'static>,
    mut offer: ClientOffer,
    hello: ServerHello,
    raw: Bytes,
) -> Result<Established, Error> {
    let offered_early_data = offer.tls13.as_ref().is_some_and(|tls13| tls13.early_data.is_some());
    // Those on the way have seen one already where there is early data.
    let mut looks_resumed = config.middlebox_compatibility && !offered_early_data;
    peer.order(Order::Tls13);

    // Steps 1 and 2: the server's hello, perhaps after another one of ours that fits it better.
    let retried = hello.is_hello_retry_request();
    let (hello, accepted) = if retried {
        let change = std::mem::take(&mut looks_resumed);
        say_hello_again(peer, config, &mut offer, &hello, &raw, change).await?
    } else {
        let accepted = negotiate13::accept(config, &offer, &hello, None)?;
        peer.transcript.settle(kdf(accepted.suite, config.provider)?.hash());
        peer.transcript.add(&raw);
        (hello, accepted)
    };
    let Accepted { suite, share, psk } = accepted;
    let kdf = kdf(suite, config.provider)?;
    // Signatures are over its hash here.
    peer.transcript.drop_raw();
    let log = Log { log: config.key_log.as_deref(), client_random: offer.hello.random.0 };
    peer.trace(Step::ServerHello, "received ServerHello", || {
        vec![
            ("version", config.policy.versions().next().map_or_else(String::new, |version| version.to_string())),
            ("suite", suite.id.to_string()),
            ("group", share.group.to_string()),
            ("random", short_hex(&hello.random.0)),
            ("pre-shared key", psk.is_some().to_string()),
        ]
    });

    // Step 4: what both come to share, which is agreed already. No pre-master secret travels any more.
    let mut tls13 = offer.tls13.take().ok_or(Misbehaviour::UnsolicitedExtension)?;
    let shared = tls13.agree(share.group, &share.key_exchange).map_err(|_| Misbehaviour::BadKeyShare)?;
    let chosen = psk.and_then(|index| tls13.psks.into_iter().nth(index));
    let psk_identity = chosen.as_ref().and_then(OfferedPsk::external_identity);
    let (early, saved) = match chosen {
        Some(psk) => (psk.early, psk.saved),
        None => (EarlySecret::new(kdf, None), None),
    };
    let secret = early.into_handshake(shared.as_ref().map(clasp_crypto::SharedSecret::as_bytes));
    drop(shared);
    let hash = transcript_hash(&peer.transcript)?;
    let (ours, theirs) = (secret.traffic(Role::Client, hash.as_slice()), secret.traffic(Role::Server, hash.as_slice()));
    log.handshake(&ours, &theirs);
    let (ours, theirs) = (ours.prepare(), theirs.prepare());
    peer.trace(Step::PreMasterSecret, "agreed from both sides' key shares", || {
        vec![("group", share.group.to_string())]
    });

    // Step 7 comes this early: all that follows is encrypted.
    peer.order(Order::ReadKeys(epoch(suite, &theirs)));
    let early_data_flows = offered_early_data && !retried;
    if looks_resumed {
        peer.order(Order::CompatibilityChangeCipherSpec);
    }
    if !early_data_flows {
        peer.order(Order::WriteKeys(epoch(suite, &ours)));
    }
    peer.trace(Step::SessionKeys, "derived the keys of the handshake", || vec![("suite", suite.id.to_string())]);

    let encrypted = peer.receive::<EncryptedExtensions>().await?;
    let encrypted = negotiate13::accept_encrypted(config, &offer, &encrypted)?;
    if encrypted.early_data && (!early_data_flows || psk != Some(0)) {
        return Err(Misbehaviour::EarlyDataNotOffered.into());
    }
    if encrypted.early_data
        && let Some(saved) = &saved
        && (saved.suite != suite.id || saved.alpn[..] != encrypted.alpn.clone().unwrap_or_default()[..])
    {
        return Err(Misbehaviour::EarlyDataOfAnother.into());
    }
    if early_data_flows && !encrypted.early_data {
        peer.order(Order::WriteEarlyData(None));
        peer.order(Order::WriteKeys(epoch(suite, &ours)));
    }
    limit_records(peer, config, &encrypted);
    let asked = AskedOfEntries::by(&offer.hello);

    // Step 3: the client authenticates the server, by a certificate or by the key both had.
    let mut request = None;
    let (chain, sct_list, report, client_was_authenticated) = match (&saved, psk) {
        (None, None) => {
            if peer.next_is(CertificateRequest13::TYPE, CertificateRequest13::NAME).await {
                request = Some(receive_request(peer).await?);
            }
            let (PeerChain { chain, sct_list, .. }, report) =
                authenticate_server(peer, config, &name, asked, encrypted.certificate_types.server).await?;
            (chain, sct_list, Some(Box::new(report)), false)
        }
        (Some(saved), _) => {
            let report = verify_again(config, &name, saved, KeyUse::DigitalSignature).await?;
            let report = report.map(Box::new);
            (saved.peer_certificates.clone(), saved.sct_list.clone(), report, saved.client_authenticated)
        }
        (None, Some(_)) => (Vec::new(), None, None, false),
    };

    // Step 9: the server's Finished is the first.
    receive_finished(peer, &theirs).await?;
    peer.trace(Step::ServerFinished, "verified the server's Finished", Vec::new);
    let secret = secret.into_main();
    let hash = transcript_hash(&peer.transcript)?;
    let (ours_next, theirs_next) =
        (secret.traffic(Role::Client, hash.as_slice()), secret.traffic(Role::Server, hash.as_slice()));
    let exporter = secret.exporter(hash.as_slice());
    log.application(&ours_next, &theirs_next, &exporter);
    peer.order(Order::ReadKeys(epoch(suite, &theirs_next.prepare())));
    if encrypted.early_data {
        peer.order(Order::WriteEarlyData(None));
        peer.send(&EndOfEarlyData);
        peer.order(Order::WriteKeys(epoch(suite, &ours)));
    }

    // Step 5: our certificate, when asked.
    let identity = match &request {
        None => None,
        Some(request) => answer_request(peer, config, request, encrypted.certificate_types.client).await?,
    };

    // Step 8: our Finished.
    send_finished(peer, &ours)?;
    peer.order(Order::WriteKeys(epoch(suite, &ours_next.prepare())));
    peer.trace(Step::ClientFinished, "sent Finished", Vec::new);
    offer.ech.end(encrypted.retry_configs)?;
    let resumption = match &config.resumption {
        Some(resumption) if resumption.tickets => Some(transcript_hash(&peer.transcript)?),
        _ => None,
    };
    let resumption = resumption.map(|hash| secret.into_resumption(hash.as_slice()));
    peer.trace(Step::MasterSecret, "derived the secrets of the connection", Vec::new);
    peer.trace(Step::ApplicationData, "application data may flow", || {
        let protocol = encrypted.alpn.as_ref().map_or_else(|| "-".to_owned(), |name| name.escape_ascii().to_string());
        vec![("protocol", protocol)]
    });
    Ok(Established {
        session: Session {
            version: negotiate::TLS13,
            suite,
            group: Some(share.group),
            alpn: encrypted.alpn.map(|name| Box::from(name.as_ref())),
            server_name: Some(name.to_str().into()),
            peer_certificates: chain.into(),
            report,
            sct_list,
            client_authenticated: identity.is_some() || client_was_authenticated,
            extended_master_secret: true,
            encrypt_then_mac: false,
            secure_renegotiation: false,
            renegotiations: 0,
            resumed: saved.is_some(),
            early_data: match (offered_early_data, encrypted.early_data) {
                (false, _) => EarlyData::NotOffered,
                (true, true) => EarlyData::Accepted,
                (true, false) => EarlyData::Rejected,
            },
            pre_shared: psk.is_some(),
            psk_identity,
            ech_accepted: offer.ech.is_accepted(),
            ticket_age_skew: None,
        },
        secrets: Secrets::Tls13(Box::new(Secrets13 {
            client: ours_next,
            server: theirs_next,
            exporter,
            resumption,
            transcript: config.post_handshake_auth.then(|| peer.transcript.fork()),
            born: saved.as_ref().map_or_else(|| config.clock.now().as_secs(), |saved| saved.created),
        })),
    })
}

/// Answers a HelloRetryRequest, once (RFC 8446 4.1.4).
async fn say_hello_again(
    peer: &mut Peer,
    config: &ClientConfig,
    offer: &mut ClientOffer,
    hello: &ServerHello,
    raw: &Bytes,
    looks_resumed: bool,
) -> Result<(ServerHello, Accepted), Error> {
    let retry = negotiate13::accept_retry(config, offer, hello)?;
    let Retry { suite, group, ref cookie } = retry;
    peer.trace(Step::ServerHello, "received HelloRetryRequest", || {
        vec![
            ("suite", suite.id.to_string()),
            ("group", group.map_or_else(|| "-".to_owned(), |group| group.to_string())),
            ("cookie", cookie.is_some().to_string()),
        ]
    });
    peer.transcript.settle(kdf(suite, config.provider)?.hash());
    peer.transcript.replace_with_message_hash();
    peer.transcript.add(raw);

    if let Some(tls13) = &mut offer.tls13 {
        if tls13.early_data.is_some() {
            peer.order(Order::WriteEarlyData(None));
            peer.order(Order::DropWriteKeys);
        }
        if looks_resumed {
            peer.order(Order::CompatibilityChangeCipherSpec);
        }
        tls13.retry(&mut offer.hello, config, suite, group, cookie.clone())?;
        let raw = tls13.encode(&offer.hello, Some(&peer.transcript));
        offer.ech.send_again(peer, raw)?;
        peer.trace(Step::ClientHello, "sent ClientHello again", Vec::new);
    }
    let (hello, raw) = peer.receive_unhashed::<ServerHello>().await?;
    if hello.is_hello_retry_request() {
        return Err(Error::UnexpectedMessage { expected: "ServerHello", got: "a second HelloRetryRequest".to_owned() });
    }
    if !negotiate::chose_tls13(offer, &hello)? {
        return Err(Misbehaviour::ChangedAfterRetry.into());
    }
    let accepted = negotiate13::accept(config, offer, &hello, Some(&retry))?;
    offer.ech.check_again(peer, config.provider, accepted.suite, &offer.hello, &hello)?;
    peer.transcript.add(&raw);
    Ok((hello, accepted))
}

/// Step 3: the server's certificate is verified, and its signature over all that was said.
async fn authenticate_server(
    peer: &mut Peer,
    config: &ClientConfig,
    name: &ServerName<'static>,
    asked: AskedOfEntries,
    typ: CertificateType,
) -> Result<(PeerChain, Report), Error> {
    let certificate = receive_certificate(peer, &config.certificate_compressions).await?;
    let shown = take_chain(&certificate, &[], asked)?;
    let what = "received certificate timestamps";
    timestamps::trace(peer, Step::ServerHello, what, shown.sct_list.as_ref());
    let key =
        certificate_type::public_key(typ, &shown.chain).map_err(refused)?.ok_or(Misbehaviour::EmptyCertificate)?;
    let algorithm = key.algorithm().ok_or(Misbehaviour::WrongKeyType)?;
    if algorithm.is_rsa() && key.bits() < config.policy.min_rsa_bits {
        return Err(Misbehaviour::KeyTooSmall.into());
    }
    let mut report = config
        .verifier
        .verify_server(ServerVerification {
            chain: &shown.chain,
            name,
            now: config.clock.now(),
            ocsp_response: &shown.staple,
            sct_list: shown.sct_list.as_ref(),
            key_use: KeyUse::DigitalSignature,
        })
        .await
        .map_err(refused)?;
    receive_certificate_verify(peer, Role::Server, &config.policy, config.provider, &key).await?;
    report.set(Check::Possession, Outcome::Passed);
    peer.trace(Step::ServerAuthentication, "authenticated the server", || report_fields(&report));
    Ok((shown, report))
}

/// What a server asks of our certificate.
pub(crate) struct Request {
    context: Bytes,
    schemes: Vec<SignatureScheme>,
    authorities: Vec<Bytes>,
    compressions: Vec<CertificateCompressionAlgorithm>,
    asked: AskedOfEntries,
}

impl Request {
    /// Reads a CertificateRequest (RFC 8446 4.3.2).
    pub(crate) fn read(message: CertificateRequest13) -> Result<Self, Misbehaviour> {
        let mut this = Self {
            context: message.request_context,
            schemes: Vec::new(),
            authorities: Vec::new(),
            compressions: Vec::new(),
            asked: AskedOfEntries::default(),
        };
        let mut says_schemes = false;
        for extension in message.extensions {
            if !extension.ext_type().allowed_in(ExtensionPlace::CertificateRequest) {
                return Err(Misbehaviour::MisplacedExtension);
            }
            match extension {
                CertificateRequestExtension::SignatureAlgorithms(schemes) => {
                    this.schemes = schemes;
                    says_schemes = true;
                }
                CertificateRequestExtension::CertificateAuthorities(names) => this.authorities = names,
                CertificateRequestExtension::CompressCertificate(algorithms) => this.compressions = algorithms,
                CertificateRequestExtension::StatusRequest => this.asked.status = true,
                CertificateRequestExtension::SignedCertificateTimestamp => this.asked.timestamps = true,
                _ => {}
            }
        }
        if says_schemes { Ok(this) } else { Err(Misbehaviour::MissingExtension) }
    }
}

async fn receive_request(peer: &mut Peer) -> Result<Request, Error> {
    let request = Request::read(peer.receive::<CertificateRequest13>().await?)?;
    // The context is for requests after the handshake (RFC 8446 4.3.2).
    if request.context.is_empty() { Ok(request) } else { Err(Misbehaviour::WrongRequestContext.into()) }
}

/// Step 5: sends our certificate and signs, or declines by an empty certificate (RFC 8446 4.4.2).
pub(crate) async fn answer_request(
    peer: &mut Peer,
    config: &ClientConfig,
    request: &Request,
    typ: CertificateType,
) -> Result<Option<Arc<Identity>>, Error> {
    let ours = config.policy.signing_schemes();
    let schemes: Vec<_> = request.schemes.iter().copied().filter(|scheme| ours.contains(scheme)).collect();
    let ask = CertificateAsk {
        authorities: &request.authorities,
        schemes: &schemes,
        types: &[],
        raw_public_key: typ == CertificateType::RAW_PUBLIC_KEY,
        schemes_of_tls13: true,
    };
    let identity = config.identities.resolve(&ask).await.of_type(typ)?;
    let signer =
        identity.and_then(|identity| Some((choose_client_scheme(&config.policy, &identity, &schemes)?, identity)));
    let shown = signer.as_ref().map(|(_, identity)| identity.as_ref());
    let message = certificate(shown, request.context.clone(), request.asked);
    send_chain(peer, &config.certificate_compressions, &request.compressions, &message);
    match &signer {
        Some((scheme, identity)) => send_certificate_verify(peer, Role::Client, identity, *scheme).await?,
        None => peer.decline_certificate(),
    }
    peer.trace(Step::ClientCertificate, "answered the certificate request", || match &signer {
        Some((scheme, _)) => vec![("signed with", scheme.to_string())],
        None => vec![("certificate", "none to show".to_owned())],
    });
    Ok(signer.map(|(_, identity)| identity))
}

/// Takes up the record sizes the server agreed to, which count the type of the content and padding (RFC 8449 4).
fn limit_records(peer: &Peer, config: &ClientConfig, encrypted: &Encrypted) {
    if let Some(theirs) = encrypted.record_size_limit {
        peer.order(Order::WriteLimit(usize::from(theirs)));
        if let Some(ours) = config.record_size_limit {
            peer.order(Order::ReadLimit(usize::from(ours)));
        }
    }
}

/// Answers a request that came after the handshake: certificate, signature and Finished in one go (RFC 8446 4.6.2). The
/// transcript ends with the request; `secret` is what we write under.
pub(crate) async fn answer_late_request(
    mut peer: Peer,
    config: Arc<ClientConfig>,
    request: Request,
    secret: TrafficSecret,
) -> Result<Done, Error> {
    let identity = answer_request(&mut peer, &config, &request, CertificateType::X509).await?;
    send_finished(&mut peer, &secret.prepare())?;
    Ok(Done::Answered(identity.is_some()))
}
