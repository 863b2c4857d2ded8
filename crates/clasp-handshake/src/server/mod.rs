//! The server's side of a handshake: read the hello, choose, then go on with the flights of the version chosen.

mod classic;
mod ech;
mod lookup;
mod psk;
mod tickets;
pub(crate) mod tls13;

use std::sync::Arc;

use bytes::Bytes;
use clasp_cert::Identity;
use clasp_wire::ClientHello;
use rustls_pki_types::{DnsName, ServerName};

use crate::certificate_type::CertificateTypes;
use crate::config::{ClientAuth, ClientHelloInfo, Resolved, ServerConfig};
use crate::error::{ConfigError, Error, Role};
use crate::hello::{random, supported_versions};
use crate::negotiate;
use crate::peer::Peer;
use crate::session::{Established, Previous};
use crate::trace::{Step, join, short_hex};

/// How often a resolver may hand over to another configuration before it is taken for a circle.
const MAX_HANDOVERS: usize = 4;

/// What a handshake after the first one is told.
pub(crate) struct Again {
    pub(crate) previous: Previous,
    /// In place of the configuration's: the client's certificate is asked for only now.
    pub(crate) client_auth: Option<ClientAuth>,
}

/// A handshake, the first one or another.
pub(crate) async fn handshake(
    mut peer: Peer,
    mut config: Arc<ServerConfig>,
    again: Option<Again>,
) -> Result<Established, Error> {
    let (hello, raw) = peer.receive_client_hello().await?;
    peer.trace(Step::ClientHello, "received ClientHello", || {
        vec![
            ("server name", hello.server_name().unwrap_or("-").to_owned()),
            ("versions", join(supported_versions(&hello).unwrap_or(&[hello.client_version]))),
            ("random", short_hex(&hello.random.0)),
            ("suites", join(&hello.cipher_suites)),
            ("groups", join(hello.supported_groups().unwrap_or_default())),
        ]
    });
    // TLS 1.3 never shakes hands again.
    let (hello, raw, ech) = if again.is_none() {
        ech::read(&mut peer, &config, hello, raw)?
    } else {
        peer.transcript.add(&raw);
        (hello, raw, ech::Standing::default())
    };

    let info = ClientHelloInfo { hello: &hello, server_name: hello.server_name().filter(|name| is_dns_name(name)) };
    let mut handovers = 0;
    let identities = loop {
        match config.identities.resolve(&info).await {
            Resolved::Identities(identities) => break identities,
            Resolved::Refuse(alert) => return Err(Error::Refused(alert)),
            Resolved::Config(_) if handovers == MAX_HANDOVERS => return Err(ConfigError::NoIdentity.into()),
            Resolved::Config(other) => {
                ech::may_hand_over(&config, &other)?;
                config = other;
            }
        }
        handovers += 1;
    };
    let (previous, asked) = again.map_or((None, None), |again| (Some(again.previous), again.client_auth));
    let client_auth = asked.as_ref().unwrap_or(&config.client_auth);
    if previous.is_none() && negotiate::leads_to_tls13(&config.policy, &hello) {
        return tls13::handshake(&mut peer, &config, client_auth, (hello, raw, ech), &identities).await;
    }
    let hello = negotiate::without_extensions_if_too_old(&config.policy, hello);
    if previous.is_none()
        && let Some(version) = negotiate::version(&config.policy, &hello)
        && let Some(found) = lookup::find(&config, &hello, version).await?
        && negotiate::is_preferred(&config, client_auth, &hello, &identities, found.saved.suite)
        && let Some(report) = classic::same_client(&config, client_auth, &found.saved).await
    {
        let types = CertificateTypes::choose_again(&hello, &identities);
        let resumed = classic::resumed_handshake(&mut peer, &config, &hello, types, found, report).await;
        if let (Err(_), Some(store)) = (&resumed, &config.resumption.ids) {
            // RFC 5246 7.2.2.
            store.remove(hello.session_id.as_slice()).await;
        }
        return resumed;
    }
    let choice =
        negotiate::choose(&config, client_auth, &hello, &identities, random(config.provider)?.0, previous.as_ref())?;
    classic::full_handshake(&mut peer, &config, client_auth, &hello, choice, previous.as_ref()).await
}

/// Whether the name that the client asks for is acknowledged (RFC 6066 3).
fn acknowledges_name(config: &ServerConfig, hello: &ClientHello, identity: &Identity) -> bool {
    let Some(name) = hello.server_name() else { return false };
    let matches = ServerName::try_from(name).is_ok_and(|name| identity.matches_name(&name));
    // The resolver is told DNS names alone.
    matches || is_dns_name(name) && config.identities.acknowledges_any_name()
}

fn is_dns_name(name: &str) -> bool {
    DnsName::try_from(name).is_ok()
}

fn refused(error: clasp_cert::CertificateError) -> Error {
    Error::Certificate { whose: Role::Server, error: Box::new(error) }
}

/// The names, or none where a CertificateRequest has no room for all: a client told of some authorities only would take
/// the others for unwanted (RFC 5246 7.4.4). `room` is in bytes, with the names' length prefixes.
fn fitting(names: &[Vec<u8>], room: usize) -> Vec<Bytes> {
    let length: usize = names.iter().map(|name| 2 + name.len()).sum();
    if length > room {
        return Vec::new();
    }
    names.iter().map(|name| Bytes::copy_from_slice(name)).collect()
}
