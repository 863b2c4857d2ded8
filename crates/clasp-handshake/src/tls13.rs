//! What both roles share in TLS 1.3: keys for the record layer, the content of signatures, certificate entries, and what a
//! finished handshake keeps (RFC 8446 4.4, 7).

use bytes::Bytes;
use clasp_cert::{Identity, PublicKey, SctList};
use clasp_crypto::{CryptoError, KeyAlgorithm, Provider};
use clasp_keys::tls13::{ExporterSecret, Kdf, ResumptionSecret, TrafficKey, TrafficSecret};
use clasp_keys::{KeyLengths, Role, Transcript, key_log_label as label};
use clasp_record::{Form, IvPolicy};
use clasp_wire::{
    Certificate13, CertificateCompressionAlgorithm, CertificateEntry, CertificateExtension, CertificateStatus,
    CertificateVerify, ClientHello, CompressedCertificate, DigitallySigned, ExtensionPlace, Finished,
    HandshakeMessage as _, ProtocolVersion, SignatureScheme,
};
use rustls_pki_types::CertificateDer;

use crate::compression::Compressions;
use crate::config::ServerConfig;
use crate::error::{Error, Misbehaviour};
use crate::key_log::KeyLog;
use crate::negotiate;
use crate::peer::{EpochKeys, Peer};
use crate::policy::Policy;
use crate::suites::Suite;
use crate::timestamps;
use crate::trace::Step;

/// The key derivation of a suite.
pub(crate) fn kdf(suite: &Suite, provider: &Provider) -> Result<Kdf, Error> {
    let (hash, hmac) = (provider.hash(suite.prf), provider.hmac(suite.prf));
    match (hash, hmac) {
        (Some(hash), Some(hmac)) => Ok(Kdf::new(hash, hmac)),
        _ => Err(CryptoError::Unsupported.into()),
    }
}

/// The transcript's hash so far. Every caller has settled it.
pub(crate) fn transcript_hash(transcript: &Transcript) -> Result<clasp_crypto::Digest, Error> {
    transcript.hash().ok_or_else(|| clasp_keys::ScheduleError::Unsettled.into())
}

/// The keys of one direction for the record layer (RFC 8446 7.3).
pub(crate) fn epoch(suite: &'static Suite, secret: &TrafficKey) -> EpochKeys {
    // Records keep the version of TLS 1.2 (RFC 8446 5.2), and their nonces come from the sequence number.
    let form = Form::new(ProtocolVersion::TLS_1_2, IvPolicy::Explicit, false);
    let lengths = suite.bulk.lengths(form.iv);
    let lengths = KeyLengths { mac_key: lengths.mac_key, key: lengths.key, iv: lengths.iv };
    EpochKeys { suite, keys: secret.keys(lengths), form }
}

/// Writes secrets to a key log, if there is one.
pub(crate) struct Log<'a> {
    pub(crate) log: Option<&'a dyn KeyLog>,
    pub(crate) client_random: [u8; 32],
}

impl Log<'_> {
    pub(crate) fn secret(&self, label: &'static str, secret: &[u8]) {
        if let Some(log) = self.log {
            log.log(label, &self.client_random, secret);
        }
    }

    pub(crate) fn early(&self, client: &TrafficSecret, exporter: &ExporterSecret) {
        self.secret(label::CLIENT_EARLY_TRAFFIC_SECRET, client.as_bytes());
        self.secret(label::EARLY_EXPORTER_SECRET, exporter.as_bytes());
    }

    pub(crate) fn handshake(&self, client: &TrafficSecret, server: &TrafficSecret) {
        self.secret(label::CLIENT_HANDSHAKE_TRAFFIC_SECRET, client.as_bytes());
        self.secret(label::SERVER_HANDSHAKE_TRAFFIC_SECRET, server.as_bytes());
    }

    pub(crate) fn application(&self, client: &TrafficSecret, server: &TrafficSecret, exporter: &ExporterSecret) {
        self.secret(label::CLIENT_TRAFFIC_SECRET_0, client.as_bytes());
        self.secret(label::SERVER_TRAFFIC_SECRET_0, server.as_bytes());
        self.secret(label::EXPORTER_SECRET, exporter.as_bytes());
    }
}

/// What an established connection keeps.
pub(crate) struct Secrets13 {
    pub(crate) client: TrafficSecret,
    pub(crate) server: TrafficSecret,
    pub(crate) exporter: ExporterSecret,
    /// `None` where nobody keeps a ticket.
    pub(crate) resumption: Option<ResumptionSecret>,
    /// All messages up to the client's Finished, where the client may be asked for its certificate later (RFC 8446 4.6.2).
    pub(crate) transcript: Option<Transcript>,
    /// When the certificates were verified that the connection stands on, seconds since the Unix epoch. Resumption does not
    /// make them younger.
    pub(crate) born: u64,
}

impl Secrets13 {
    /// Moves the keys with which `role` writes on (RFC 8446 7.2).
    pub(crate) fn update(&mut self, role: Role) -> &TrafficSecret {
        let secret = match role {
            Role::Client => &mut self.client,
            Role::Server => &mut self.server,
        };
        *secret = secret.next();
        secret
    }
}

/// What is signed: 64 spaces against the prefixes of older versions, who signs, a zero, and the transcript's hash
/// (RFC 8446 4.4.3).
pub(crate) fn to_sign(signer: Role, transcript_hash: &[u8]) -> Vec<u8> {
    let context: &[u8] = match signer {
        Role::Client => b"TLS 1.3, client CertificateVerify\0",
        Role::Server => b"TLS 1.3, server CertificateVerify\0",
    };
    let mut content = Vec::with_capacity(64 + context.len() + transcript_hash.len());
    content.resize(64, b' ');
    content.extend_from_slice(context);
    content.extend_from_slice(transcript_hash);
    content
}

/// The scheme for a signature of ours: the first that the key can make and both sides have.
pub(crate) fn choose_scheme(
    policy: &Policy,
    identity: &Identity,
    accepted: &[SignatureScheme],
) -> Option<SignatureScheme> {
    let both = |scheme: &SignatureScheme| {
        negotiate::signs_in_tls13(*scheme, identity.key_algorithm())
            && policy.signing_schemes().contains(scheme)
            && accepted.contains(scheme)
    };
    identity.key().schemes().iter().copied().find(both)
}

/// The same for a client, whose key may know no PSS (RFC 9963).
pub(crate) fn choose_client_scheme(
    policy: &Policy,
    identity: &Identity,
    accepted: &[SignatureScheme],
) -> Option<SignatureScheme> {
    choose_scheme(policy, identity, accepted).or_else(|| {
        let both = |scheme: &SignatureScheme| policy.signing_schemes().contains(scheme) && accepted.contains(scheme);
        identity.key().schemes().iter().filter_map(|scheme| negotiate::client_name_of_pkcs1(*scheme)).find(both)
    })
}

/// Signs the transcript and sends the CertificateVerify.
pub(crate) async fn send_certificate_verify(
    peer: &mut Peer,
    signer: Role,
    identity: &Identity,
    scheme: SignatureScheme,
) -> Result<(), Error> {
    let content = to_sign(signer, transcript_hash(&peer.transcript)?.as_slice());
    let of_key = negotiate::pkcs1_of_client(scheme).unwrap_or(scheme);
    let signature = identity.key().sign(of_key, &content).await?;
    let signed = DigitallySigned { scheme, signature: signature.into() };
    peer.send(&CertificateVerify { signature: signed.encode() });
    Ok(())
}

/// Receives and verifies a CertificateVerify: the peer holds its certificate's key.
pub(crate) async fn receive_certificate_verify(
    peer: &mut Peer,
    signer: Role,
    policy: &Policy,
    provider: &Provider,
    key: &PublicKey,
) -> Result<(), Error> {
    let content = to_sign(signer, transcript_hash(&peer.transcript)?.as_slice());
    let message = peer.receive::<CertificateVerify>().await?;
    let signed = DigitallySigned::parse(&message.signature)?;
    let algorithm = key.algorithm().ok_or(Misbehaviour::WrongKeyType)?;
    let takes_pkcs1 = signer == Role::Client && algorithm == KeyAlgorithm::Rsa;
    let pkcs1 = negotiate::pkcs1_of_client(signed.scheme).filter(|_| takes_pkcs1);
    let fits = pkcs1.is_some() || negotiate::signs_in_tls13(signed.scheme, algorithm);
    if !policy.schemes.contains(&signed.scheme) || !fits {
        return Err(Misbehaviour::SchemeNotOffered.into());
    }
    match pkcs1 {
        Some(scheme) => key.verify(provider, scheme, &content, &signed.signature),
        None => key.verify_13(provider, signed.scheme, &content, &signed.signature),
    }
    .map_err(|_| Misbehaviour::BadSignature)?;
    peer.trace_signature(signed.scheme);
    Ok(())
}

/// Sends our Finished under `secret`, and says nothing else.
pub(crate) fn send_finished(peer: &mut Peer, secret: &TrafficKey) -> Result<(), Error> {
    let verify_data = secret.finished(transcript_hash(&peer.transcript)?.as_slice());
    peer.send(&Finished { verify_data: Bytes::copy_from_slice(verify_data.as_slice()) });
    Ok(())
}

/// Receives and verifies the peer's Finished under `secret`.
pub(crate) async fn receive_finished(peer: &mut Peer, secret: &TrafficKey) -> Result<(), Error> {
    let expected = secret.finished(transcript_hash(&peer.transcript)?.as_slice());
    crate::classic::verify_finished(&peer.receive::<Finished>().await?, &expected)
}

/// A chain of ours as a message. Staple and timestamps go with the first certificate, where the peer asked for them.
pub(crate) fn certificate(identity: Option<&Identity>, request_context: Bytes, asked: AskedOfEntries) -> Certificate13 {
    let chain = identity.map(Identity::chain).unwrap_or_default();
    let mut entries: Vec<CertificateEntry> = chain
        .iter()
        .map(|der| CertificateEntry { data: Bytes::copy_from_slice(der), extensions: Vec::new() })
        .collect();
    if let Some(first) = entries.first_mut() {
        let response = identity.and_then(Identity::ocsp_response).filter(|_| asked.status);
        first.extensions.extend(response.map(|response| {
            CertificateExtension::Status(CertificateStatus { ocsp_response: Bytes::copy_from_slice(response) })
        }));
        let list = timestamps::of_identity(identity, asked.timestamps).map(timestamps::to_extension);
        first.extensions.extend(list.map(CertificateExtension::SignedCertificateTimestamp));
    }
    Certificate13 { request_context, entries }
}

/// Sends a server's chain: with its staple and timestamps where the client asks for them, and compressed where both can.
pub(crate) fn send_certificate(peer: &mut Peer, config: &ServerConfig, hello: &ClientHello, identity: &Identity) {
    let asked = AskedOfEntries::by(hello);
    let message = certificate(Some(identity), Bytes::new(), asked);
    let accepted = hello.compress_certificate().unwrap_or_default();
    send_chain(peer, &config.certificate_compressions, accepted, &message);
    let list = timestamps::of_identity(Some(identity), asked.timestamps);
    timestamps::trace(peer, Step::ServerHello, "sent certificate timestamps", list);
}

/// Sends a chain, compressed where that makes it shorter in a way that the peer accepts (RFC 8879 4).
pub(crate) fn send_chain(
    peer: &mut Peer,
    compressions: &Compressions,
    accepted: &[CertificateCompressionAlgorithm],
    message: &Certificate13,
) {
    match compressions.compress(accepted, message) {
        Some(compressed) => peer.send(&compressed),
        None => peer.send(message),
    }
}

/// A peer's chain, and what came with its first certificate.
pub(crate) struct PeerChain {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) staple: Bytes,
    pub(crate) sct_list: Option<SctList>,
}

/// What extensions the entries of a chain may have: those that were asked for (RFC 8446 4.4.2).
#[derive(Clone, Copy, Default)]
pub(crate) struct AskedOfEntries {
    pub(crate) status: bool,
    pub(crate) timestamps: bool,
}

impl AskedOfEntries {
    /// What a client asks of the server's.
    pub(crate) fn by(hello: &ClientHello) -> Self {
        Self { status: hello.status_request().is_some(), timestamps: hello.asks_for_timestamps() }
    }
}

/// Takes a chain apart. The context must be the one that was asked under.
pub(crate) fn take_chain(
    message: &Certificate13,
    request_context: &[u8],
    asked: AskedOfEntries,
) -> Result<PeerChain, Error> {
    if message.request_context != request_context {
        return Err(Misbehaviour::WrongRequestContext.into());
    }
    let (mut staple, mut sct_list) = (Bytes::new(), None);
    for (i, entry) in message.entries.iter().enumerate() {
        for extension in &entry.extensions {
            if !extension.ext_type().allowed_in(ExtensionPlace::Certificate) {
                return Err(Misbehaviour::MisplacedExtension.into());
            }
            match extension {
                CertificateExtension::Status(response) if asked.status => {
                    if i == 0 {
                        staple = Bytes::copy_from_slice(&response.ocsp_response);
                    }
                }
                CertificateExtension::SignedCertificateTimestamp(list) if asked.timestamps => {
                    if i == 0 {
                        sct_list = timestamps::from_extension(list);
                    }
                }
                _ => return Err(Misbehaviour::UnsolicitedExtension.into()),
            }
        }
    }
    let chain = message.entries.iter().map(|entry| CertificateDer::from(entry.data.to_vec())).collect();
    Ok(PeerChain { chain, staple, sct_list })
}

/// Receives a chain, compressed or not.
pub(crate) async fn receive_certificate(peer: &mut Peer, compressions: &Compressions) -> Result<Certificate13, Error> {
    if compressions.is_empty() || !peer.next_is(CompressedCertificate::TYPE, CompressedCertificate::NAME).await {
        let certificate = peer.receive::<Certificate13>().await?;
        peer.check_chain(certificate.entries.len())?;
        return Ok(certificate);
    }
    let message = peer.receive::<CompressedCertificate>().await?;
    let certificate = compressions.decompress(&message, peer.limits.message)?;
    peer.check_extensions(&certificate)?;
    peer.check_chain(certificate.entries.len())?;
    Ok(certificate)
}
