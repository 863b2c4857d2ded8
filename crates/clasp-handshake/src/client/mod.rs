//! The client's side of a handshake: say hello, then go on with the flights of the version the server chose.

mod classic;

use std::sync::Arc;

use clasp_wire::ServerHello;
use rustls_pki_types::ServerName;

use crate::config::ClientConfig;
use crate::error::Error;
use crate::hello::ClientOffer;
use crate::negotiate;
use crate::peer::{Order, Peer};
use crate::session::Established;
use crate::trace::{Step, join, short_hex};

/// A first handshake.
pub(crate) async fn handshake(
    mut peer: Peer,
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
) -> Result<Established, Error> {
    let offer = ClientOffer::new(&config, &name)?;
    peer.order(Order::RecordVersion(config.policy.first_record_version()));
    if config.policy.sends_sslv2_hello {
        peer.send_sslv2_hello(&offer.hello)?;
    } else {
        peer.send(&offer.hello);
    }
    peer.trace(Step::ClientHello, "sent ClientHello", || {
        vec![
            ("server name", name.to_str().into_owned()),
            ("version", offer.hello.client_version.to_string()),
            ("random", short_hex(&offer.hello.random.0)),
            ("suites", join(&offer.hello.cipher_suites)),
            ("groups", join(offer.hello.supported_groups().unwrap_or_default())),
        ]
    });

    let hello = peer.receive::<ServerHello>().await?;
    let agreed = negotiate::accept(&config, &offer, &hello)?;
    peer.trace(Step::ServerHello, "received ServerHello", || {
        vec![
            ("version", agreed.dialect.version().to_string()),
            ("suite", agreed.suite.id.to_string()),
            ("random", short_hex(&hello.random.0)),
            ("extended master secret", agreed.extended_master_secret.to_string()),
            ("secure renegotiation", agreed.secure_renegotiation.to_string()),
        ]
    });
    // The classic family; the flights of TLS 1.3 will have their own file.
    classic::full_handshake(&mut peer, &config, name, agreed, &hello).await
}
