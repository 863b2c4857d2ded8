//! A hello in a hello: made, sent, and the server's answer to it (RFC 9849 6.1).

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use clasp_crypto::{HpkeSender, HpkeSuite, Provider};
use clasp_keys::Transcript;
use clasp_keys::tls13::{ech_accept_confirmation, ech_hello_retry_confirmation};
use clasp_wire::{
    ClientExtension, ClientHello, EchClientHello, EchOuter, ExtensionType, HandshakeMessage as _,
    HpkeSymmetricCipherSuite, OfferedPsks, ProtocolVersion, PskIdentity, Random, ServerExtension, ServerHello,
    ServerNameEntry,
};
use rustls_pki_types::ServerName;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::target::EchTarget;
use super::{CONFIRMATION, Standing, check_confirmation};
use crate::certificate_type;
use crate::client::{Offer13, go_on, write_early};
use crate::config::ClientConfig;
use crate::error::{ConfigError, Error};
use crate::hello::{ClientOffer, pad, random};
use crate::negotiate;
use crate::peer::{Order, Peer};
use crate::resumption::Saved;
use crate::session::Established;
use crate::suites::Suite;
use crate::tls13::kdf;
use crate::trace::{Step, TracedMessage, join, short_hex};

/// How a configuration's connections hide their hello.
#[derive(Debug)]
pub(crate) struct Ech {
    target: EchTarget,
    /// What the hello that everybody sees is made of, and what is done where the server could read no other.
    outer: ClientConfig,
}

impl Ech {
    pub(crate) fn new(target: EchTarget, config: &ClientConfig) -> Result<Self, ConfigError> {
        if config.policy.offers_tls13(true) {
            Ok(Self { target, outer: config.for_outer_hello() })
        } else {
            Err(ConfigError::EchWithoutTls13)
        }
    }
}

/// A first handshake whose hello is encrypted.
pub(in crate::client) async fn handshake(
    mut peer: Peer,
    config: Arc<ClientConfig>,
    ech: Arc<Ech>,
    name: ServerName<'static>,
    saved: Option<Saved>,
) -> Result<Established, Error> {
    let Ech { target, outer: outer_config } = ech.as_ref();
    // No older session may be resumed by the inner hello (RFC 9849 6.1).
    let saved = saved.filter(negotiate::is_of_tls13);
    let mut outer = ClientOffer::new(outer_config, &target.public_name, None, None)?;
    // A key without a certificate has no name that it could be good for (RFC 9849 6.1.7).
    outer.hello.extensions.get_or_insert_default().retain(|extension| {
        !matches!(extension, ClientExtension::ServerCertificateTypes(_) | ClientExtension::ClientCertificateTypes(_))
    });
    let mut inner = inner_offer(&config, &name, &mut outer, saved.as_ref())?;
    let Some(inner13) = &inner.tls13 else { return Err(ConfigError::EchWithoutTls13.into()) };

    let inner_raw = inner13.encode(&inner.hello, None);
    let mut sealer = Sealer::new(target, outer.hello, &inner.hello, config.provider)?;
    let outer_raw = sealer.seal(&inner_raw)?;
    // Which of the two hellos counts is not known yet.
    peer.transcript.add(&inner_raw);
    let mut outer_transcript = Transcript::new();
    outer_transcript.add(&outer_raw);
    peer.order(Order::RecordVersion(config.policy.first_record_version()));
    peer.order(Order::Tell(TracedMessage::InnerClientHello));
    peer.order(Order::Send(outer_raw.into()));
    write_early(&mut peer, &config, &inner, inner13);
    peer.trace(Step::ClientHello, "sent ClientHello with another one encrypted in it", || {
        let HpkeSuite { kem, kdf, aead } = target.suite;
        vec![
            ("server name", name.to_str().into_owned()),
            ("public name", target.public_name.to_str().into_owned()),
            ("HPKE", format!("{kem} {kdf} {aead}")),
            ("versions", join([negotiate::TLS13])),
            ("random", short_hex(&inner.hello.random.0)),
            ("suites", join(&inner.hello.cipher_suites)),
            ("groups", join(inner.hello.supported_groups().unwrap_or_default())),
            ("asks to resume", saved.is_some().to_string()),
        ]
    });

    let (hello, raw) = peer.receive_unhashed::<ServerHello>().await?;
    let confirmed =
        negotiate::chose_tls13(&inner, &hello)? && confirms_first(&peer.transcript, &config, &inner.hello, &hello)?;
    peer.trace(Step::ServerHello, "looked which ClientHello the server answers", || {
        vec![("encrypted one", confirmed.to_string())]
    });
    if confirmed {
        inner.ech = Standing::Accepted(Box::new(sealer));
        return go_on(&mut peer, &config, name, inner, saved, None, hello, raw).await;
    }
    peer.transcript = outer_transcript;
    outer.hello = sealer.outer;
    outer.ech = Standing::Rejected;
    if let (Some(inner13), Some(outer13)) = (inner.tls13, &mut outer.tls13) {
        outer13.take_over(inner13);
    }
    let public_name = target.public_name.clone();
    go_on(&mut peer, outer_config, public_name, outer, None, None, hello, raw).await?;
    // A server of an older version has nothing to say on it: it does not know of such hellos (RFC 9849 6.1.6).
    Err(Error::EchRejected { retry_configs: None })
}

/// Whether the inner hello has such an extension as the outer one has it. What is left stands in one of them alone, or is
/// another's: names and protocols, kinds of certificate, versions, sessions, what only older versions have, and padding.
fn is_shared(extension: &ClientExtension) -> bool {
    !matches!(
        extension,
        ClientExtension::ServerName(_)
            | ClientExtension::Alpn(_)
            | ClientExtension::ClientCertificateTypes(_)
            | ClientExtension::ServerCertificateTypes(_)
            | ClientExtension::EcPointFormats(_)
            | ClientExtension::EncryptThenMac
            | ClientExtension::ExtendedMasterSecret
            | ClientExtension::RenegotiationInfo(_)
            | ClientExtension::SessionTicket(_)
            | ClientExtension::SupportedVersions(_)
            | ClientExtension::EncryptedClientHello(_)
            | ClientExtension::EarlyData
            | ClientExtension::PostHandshakeAuth
            | ClientExtension::PreSharedKey(_)
            | ClientExtension::Padding(_)
    )
}

/// Whether both hellos have this extension of `outer`, where `versions` is what the inner one offers.
fn is_in_both(extension: &ClientExtension, versions: &[ProtocolVersion]) -> bool {
    match extension {
        ClientExtension::SupportedVersions(listed) => listed == versions,
        other => is_shared(other),
    }
}

/// The hello that is meant, beside the one that everybody sees, with which it shares all that tells nothing.
fn inner_offer(
    config: &ClientConfig,
    name: &ServerName<'_>,
    outer: &mut ClientOffer,
    saved: Option<&Saved>,
) -> Result<ClientOffer, Error> {
    let Some(outer13) = &mut outer.tls13 else { return Err(ConfigError::EchWithoutTls13.into()) };
    let tls13 = Offer13::beside(outer13, config, saved)?;
    let mut extensions = Vec::with_capacity(12);
    if let (true, ServerName::DnsName(host)) = (config.send_server_name, name) {
        extensions.push(ClientExtension::ServerName(vec![ServerNameEntry::host_name(host.as_ref())]));
    }
    if !config.alpn.is_empty() {
        extensions.push(ClientExtension::Alpn(config.alpn.clone()));
    }
    // What means nothing stands in both, at the same place (RFC 8701).
    let listed = outer.hello.supported_versions().unwrap_or_default();
    let versions: Vec<_> =
        listed.iter().copied().filter(|version| version.is_grease()).chain([negotiate::TLS13]).collect();
    if listed != versions {
        extensions.push(ClientExtension::SupportedVersions(versions.clone()));
    }
    extensions.push(ClientExtension::EncryptedClientHello(EchClientHello::Inner.encode()));
    extensions.extend(certificate_type::offer(config));
    if config.post_handshake_auth {
        extensions.push(ClientExtension::PostHandshakeAuth);
    }
    if tls13.early_data.is_some() {
        extensions.push(ClientExtension::EarlyData);
    }
    // They stand together, so that they need not be sent twice (RFC 9849 5.1).
    let theirs = outer.hello.extensions.iter().flatten();
    extensions.extend(theirs.filter(|extension| is_in_both(extension, &versions)).cloned());
    extensions.extend(tls13.psk_extension());
    let suites = config.policy.suites().iter().filter(|suite| suite.is_of_tls13()).map(|suite| suite.id);
    let hello = ClientHello {
        random: random(config.provider)?,
        cipher_suites: outer
            .hello
            .cipher_suites
            .iter()
            .copied()
            .filter(|suite| suite.is_grease())
            .chain(suites)
            .collect(),
        extensions: Some(extensions),
        ..outer.hello.clone()
    };
    Ok(ClientOffer { hello, tls13: Some(tls13), ech: Standing::NotOffered })
}

/// What encrypts hellos: the first, and the one after a HelloRetryRequest.
pub(crate) struct Sealer {
    sender: HpkeSender,
    /// What goes with the first hello alone.
    enc: Bytes,
    cipher_suite: HpkeSymmetricCipherSuite,
    config_id: u8,
    maximum_name_length: u8,
    outer: ClientHello,
}

impl Sealer {
    /// For the hello that everybody sees, which gets what stands in it because of the inner one.
    fn new(
        target: &EchTarget,
        mut outer: ClientHello,
        inner: &ClientHello,
        provider: &Provider,
    ) -> Result<Self, Error> {
        let info = [b"tls ech\0", &target.config[..]].concat();
        let (enc, sender) = HpkeSender::new(target.suite, &target.public_key, &info, provider.random)
            .map_err(|_| ConfigError::NoUsableEchConfig)?;
        let extensions = outer.extensions.get_or_insert_default();
        let is_before = |extension: &ClientExtension| matches!(extension, ClientExtension::PskKeyExchangeModes(_));
        let at = extensions.iter().position(is_before).map_or(extensions.len(), |at| at + 1);
        // Its content comes last, as it depends on all else.
        extensions.insert(at, ClientExtension::EncryptedClientHello(Bytes::new()));
        if inner.has_early_data() {
            extensions.insert(at, ClientExtension::EarlyData);
        }
        if let Some(psks) = inner.pre_shared_key() {
            extensions.push(ClientExtension::PreSharedKey(grease_psks(psks, provider)?));
        }
        let HpkeSuite { kdf, aead, .. } = target.suite;
        Ok(Self {
            sender,
            enc: enc.into(),
            cipher_suite: HpkeSymmetricCipherSuite { kdf, aead },
            config_id: target.config_id,
            maximum_name_length: target.maximum_name_length,
            outer,
        })
    }

    /// The hello that everybody sees, header included, around an inner one (RFC 9849 6.1.1).
    pub(super) fn seal(&mut self, inner_raw: &Bytes) -> Result<Bytes, Error> {
        // From its bytes: they have the binders.
        let inner = ClientHello::parse_body(&inner_raw.slice(4..))?;
        self.follow(&inner);
        let versions = inner.supported_versions().unwrap_or_default();
        let outer = self.outer.extensions.iter().flatten();
        let shared = outer.filter(|extension| is_in_both(extension, versions));
        let shared: Vec<ExtensionType> = shared.map(ClientExtension::ext_type).collect();
        let name_length = inner.server_name().map(str::len);
        let hidden = |length| padding(length, name_length, usize::from(self.maximum_name_length));
        let plaintext = Zeroizing::new(Vec::from(inner.encode_ech_inner(&shared, hidden)));

        let enc = std::mem::take(&mut self.enc);
        let zeros = vec![0; plaintext.len() + HpkeSuite::OVERHEAD];
        self.set_content(enc.clone(), zeros.into());
        // As that which only looks as if it had another one in it, so that its length does not tell them apart.
        self.outer.extensions.iter_mut().for_each(|extensions| extensions.retain(|extension| !is_padding(extension)));
        pad(&mut self.outer);
        let mut associated = BytesMut::new();
        self.outer.write_body(&mut associated);
        let payload = self.sender.seal(&associated, &plaintext)?;
        self.set_content(enc, payload.into());
        Ok(self.outer.encode())
    }

    /// Takes over what changed in the inner hello after a HelloRetryRequest (RFC 9849 6.1.5).
    fn follow(&mut self, inner: &ClientHello) {
        let extensions = self.outer.extensions.get_or_insert_default();
        if !inner.has_early_data() {
            extensions.retain(|extension| !matches!(extension, ClientExtension::EarlyData));
        }
        // What is new stands behind the same one as there.
        let mut behind = 0;
        for extension in inner.extensions.iter().flatten().filter(|extension| is_shared(extension)) {
            let typ = extension.ext_type();
            if let Some(at) = extensions.iter().position(|other| other.ext_type() == typ) {
                extensions.splice(at..=at, [extension.clone()]);
                behind = at + 1;
            } else {
                extensions.insert(behind, extension.clone());
                behind += 1;
            }
        }
    }

    fn set_content(&mut self, enc: Bytes, payload: Bytes) {
        let (cipher_suite, config_id) = (self.cipher_suite, self.config_id);
        let outer = EchClientHello::Outer(EchOuter { cipher_suite, config_id, enc, payload }).encode();
        for extension in self.outer.extensions.iter_mut().flatten() {
            if let ClientExtension::EncryptedClientHello(content) = extension {
                content.clone_from(&outer);
            }
        }
    }
}

fn is_padding(extension: &ClientExtension) -> bool {
    matches!(extension, ClientExtension::Padding(_))
}

/// How many zeros hide the length of an encoded hello and of the name in it, all in bytes (RFC 9849 6.1.3).
fn padding(length: usize, name_length: Option<usize>, maximum_name_length: usize) -> usize {
    let for_name = match name_length {
        Some(name_length) => maximum_name_length.saturating_sub(name_length),
        // What the extension takes besides the name.
        None => maximum_name_length + 9,
    };
    (length + for_name).next_multiple_of(32) - length
}

/// What looks like the inner hello's keys, so that a server's choice among them is not out of nowhere (RFC 9849 6.1.2).
fn grease_psks(psks: &OfferedPsks, provider: &Provider) -> Result<OfferedPsks, Error> {
    let noise = |length: usize| {
        let mut bytes = vec![0; length];
        provider.random.fill(&mut bytes).map(|()| Bytes::from(bytes))
    };
    let identity = |psk: &PskIdentity| {
        let mut age = [0; 4];
        provider.random.fill(&mut age)?;
        Ok(PskIdentity { identity: noise(psk.identity.len())?, obfuscated_ticket_age: u32::from_ne_bytes(age) })
    };
    Ok(OfferedPsks {
        identities: psks.identities.iter().map(identity).collect::<Result<_, Error>>()?,
        binders: psks.binders.iter().map(|binder| noise(binder.len())).collect::<Result<_, _>>()?,
    })
}

/// Whether a server's first answer says that it is to the inner hello (RFC 9849 6.1.4).
fn confirms_first(
    transcript: &Transcript,
    config: &ClientConfig,
    inner: &ClientHello,
    hello: &ServerHello,
) -> Result<bool, Error> {
    let mut offered = config.policy.suites.iter().copied().filter(|suite| suite.is_of_tls13());
    // Any other is an error, whichever hello it answers.
    let Some(suite) = offered.find(|suite| suite.id == hello.cipher_suite) else { return Ok(false) };
    let mut transcript = transcript.fork();
    transcript.settle(kdf(suite, config.provider)?.hash());
    if !hello.is_hello_retry_request() {
        return confirms(&transcript, config.provider, suite, inner.random, hello);
    }
    transcript.replace_with_message_hash();
    let mut zeroed = hello.clone();
    let mut said = None;
    for extension in zeroed.extensions.iter_mut().flatten() {
        if let ServerExtension::EncryptedClientHello(confirmation) = extension {
            check_confirmation(confirmation)?;
            said = Some(std::mem::replace(confirmation, Bytes::from_static(&[0; CONFIRMATION])));
        }
    }
    let (Some(said), Some(hash)) = (said, transcript.hash_with(&zeroed.encode())) else { return Ok(false) };
    let expected = ech_hello_retry_confirmation(kdf(suite, config.provider)?, &inner.random.0, hash.as_slice());
    Ok(expected.ct_eq(&said).into())
}

/// Whether a ServerHello, which is not in the transcript yet, says that it answers the inner hello (RFC 9849 7.2).
pub(super) fn confirms(
    transcript: &Transcript,
    provider: &Provider,
    suite: &Suite,
    inner_random: Random,
    hello: &ServerHello,
) -> Result<bool, Error> {
    let mut zeroed = hello.clone();
    let Some(said) = zeroed.random.0.last_chunk_mut::<CONFIRMATION>() else { return Ok(false) };
    let said = std::mem::take(said);
    let Some(hash) = transcript.hash_with(&zeroed.encode()) else { return Ok(false) };
    let expected = ech_accept_confirmation(kdf(suite, provider)?, &inner_random.0, hash.as_slice());
    Ok(expected.ct_eq(&said).into())
}

#[cfg(test)]
mod tests {
    use super::padding;

    #[test]
    fn names_up_to_the_longest_look_alike() {
        // 100 bytes besides the name.
        let padded = |name: usize, longest| name + 100 + padding(name + 100, Some(name), longest);
        assert_eq!((0..=60).map(|name| padded(name, 60)).collect::<Vec<_>>(), vec![160; 61]);
        assert_eq!((61..=92).map(|name| padded(name, 60)).collect::<Vec<_>>(), vec![192; 32]);
        assert_eq!((padded(28, 0), padded(29, 0)), (128, 160));
        // Without a name the extension's other nine bytes are missing too.
        assert_eq!(91 + padding(91, None, 60), 160);
        assert_eq!(padding(64, Some(9), 0), 0);
    }
}
