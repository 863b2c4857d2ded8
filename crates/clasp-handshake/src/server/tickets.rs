//! The tickets by which a client may come back: made for all versions, and sent in TLS 1.3 (RFC 5077, RFC 8446 4.6.1).

use bytes::Bytes;
use clasp_wire::{
    ClientExtension, ClientHello, ExtensionType, NewSessionTicket13, PskKeyExchangeMode, TicketExtension,
    UnknownExtension,
};
use zeroize::Zeroizing;

use crate::config::ServerConfig;
use crate::error::Error;
use crate::peer::Peer;
use crate::resumption::{LIFETIME, Saved, fresh_id};
use crate::session::Established;

/// Sends as many tickets as the configuration says, to a client that can use them; after a resumption one, in place of that
/// which was used.
pub(super) async fn send(
    peer: &mut Peer,
    config: &ServerConfig,
    hello: &ClientHello,
    established: &Established,
) -> Result<(), Error> {
    let usable = hello.extensions.iter().flatten().any(|extension| {
        matches!(extension, ClientExtension::PskKeyExchangeModes(modes) if modes.contains(&PskKeyExchangeMode::PSK_DHE_KE))
    });
    let Some(secrets) = established.secrets.tls13().filter(|_| usable) else { return Ok(()) };
    let Some(resumption) = &secrets.resumption else { return Ok(()) };
    let session = &established.session;
    // A key from outside is there again the next time.
    let count = match (session.pre_shared, session.resumed) {
        (false, _) => config.tickets_per_connection,
        (true, true) => config.tickets_per_connection.min(1),
        (true, false) => 0,
    };
    for nonce in 0..count {
        // One draw for ticket_age_add and the GREASE value.
        let mut random = [0; 6];
        config.provider.random.fill(&mut random)?;
        let [age_add @ .., high, low] = random;
        let (age_add, grease) = (u32::from_be_bytes(age_add), u16::from_be_bytes([high, low]));
        let nonce = Bytes::copy_from_slice(&[nonce]);
        let mut saved = Saved {
            version: session.version,
            suite: session.suite.id,
            extended_master_secret: true,
            client_authenticated: session.client_authenticated,
            master: Zeroizing::new([0; 48]),
            secret_len: 0,
            created: secrets.born,
            received: config.clock.milliseconds(),
            lifetime: u32::try_from(LIFETIME).unwrap_or(u32::MAX),
            age_add,
            max_early_data: config.early_data,
            alpn: session.alpn().unwrap_or_default().into(),
            scope: config.resumption.scope.clone(),
            server_name: session.server_name().map(Box::from),
            peer_certificates: session.peer_certificates.to_vec(),
            sct_list: None,
            // There are no tickets after a handshake with one.
            psk_identity: None,
            ticket: [].into(),
            id: [].into(),
        };
        saved.set_secret(resumption.psk(&nonce).as_bytes());
        let (sealed, lifetime) = match (&config.resumption.tickets, &config.resumption.ids) {
            (Some(_), _) => match ticket(config, &saved).await {
                // What would say nothing in older versions says here that the ticket is not to be kept.
                Some((sealed, 0)) => (sealed, saved.lifetime),
                Some((sealed, lifetime)) => (sealed, lifetime.min(saved.lifetime)),
                None => return Ok(()),
            },
            (None, Some(store)) => {
                let id = fresh_id(config.provider)?;
                store.put(id.as_slice(), saved.encode()).await;
                (Bytes::copy_from_slice(id.as_slice()), saved.lifetime)
            }
            (None, None) => return Ok(()),
        };
        let mut extensions = Vec::new();
        if config.early_data > 0 {
            extensions.push(TicketExtension::EarlyData(config.early_data));
        }
        if config.grease {
            let typ = ExtensionType::grease(grease);
            extensions.push(TicketExtension::Unknown(UnknownExtension { typ, data: Bytes::new() }));
        }
        peer.send(&NewSessionTicket13 { lifetime, age_add, nonce, ticket: sealed, extensions });
    }
    Ok(())
}

/// A ticket for a session, if that can be resumed: not one with a certificate that was asked for in a later handshake only,
/// as the client would give up its earlier ticket for it.
pub(super) async fn ticket(config: &ServerConfig, saved: &Saved) -> Option<(Bytes, u32)> {
    let keys = config.resumption.tickets.as_ref()?;
    if config.client_auth.verifier().is_none() && !saved.peer_certificates.is_empty() {
        return None;
    }
    let state: Zeroizing<Vec<u8>> = saved.encode();
    // They grow with the peer's certificates.
    if state.len() > config.limits.ticket {
        return None;
    }
    let ticket = keys.seal(&state, config.clock.now().as_secs()).await?;
    // No hello has room for a longer one, and an empty one is none.
    let fits = (1..=config.limits.ticket).contains(&ticket.len());
    fits.then(|| (ticket.into(), keys.lifetime()))
}
