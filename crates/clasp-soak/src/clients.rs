//! What all clients have in common: how they connect (RFC 8446 4.1.2), shake hands, and see a connection end.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clasp::{ClientConfig, Connector, TlsStream};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::bad;
use crate::configs::Configs;
use crate::faulty::{Faulty, Gauge};
use crate::good;
use crate::kinds::Kind;
use crate::pattern::Chance;
use crate::pki::SERVER;
use crate::tally::Handshakes;

pub(crate) type Tcp = Faulty<TcpStream>;
pub(crate) type Tls = TlsStream<Tcp>;

/// How a client fared: a word for what was to be expected, or what was wrong.
pub(crate) type Outcome = Result<String, String>;

/// How late the server may be with what it does by the clock: its machine is busy with all the others.
const LATE: Duration = Duration::from_secs(5);

/// What all clients know.
#[derive(Debug)]
pub(crate) struct Scene {
    /// Who sends everything back.
    pub(crate) echo: SocketAddr,
    /// Who answers HTTP requests.
    pub(crate) http: SocketAddr,
    pub(crate) configs: Configs,
    /// The server's limits.
    pub(crate) handshake_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) open: Arc<Gauge>,
    pub(crate) handshakes: Handshakes,
    /// Bytes that came back and were as they should be.
    pub(crate) checked: AtomicU64,
}

impl Scene {
    /// Opens a connection. Clients come from many addresses, as one has too few ports for all that have just closed.
    pub(crate) async fn tcp(&self, to: SocketAddr, chance: &mut Chance, window: Option<u32>) -> Result<Tcp, String> {
        let host = u8::try_from(2 + chance.below(200)).unwrap_or(2);
        let opened = async {
            let socket = TcpSocket::new_v4()?;
            socket.set_reuseaddr(true)?;
            if let Some(window) = window {
                socket.set_recv_buffer_size(window)?;
            }
            socket.bind((Ipv4Addr::new(127, 0, 0, host), 0).into())?;
            let tcp = socket.connect(to).await?;
            tcp.set_nodelay(true)?;
            Ok::<_, io::Error>(tcp)
        };
        let tcp = opened.await.map_err(|error| format!("no connection: {error}"))?;
        Ok(Faulty::new(tcp, Some(self.open.open())))
    }

    /// Opens a connection to the echo server, and shakes hands.
    pub(crate) async fn echo(&self, config: &Arc<ClientConfig>, chance: &mut Chance) -> Result<Tls, String> {
        let tcp = self.tcp(self.echo, chance, None).await?;
        self.shake(config, tcp).await
    }

    /// Shakes hands.
    pub(crate) async fn shake(&self, config: &Arc<ClientConfig>, tcp: Tcp) -> Result<Tls, String> {
        let begun = Instant::now();
        let connector = Connector::new(Arc::clone(config));
        let tls = connector.connect(SERVER, tcp).await.map_err(|error| format!("no handshake: {error}"))?;
        self.handshakes.count(begun.elapsed());
        Ok(tls)
    }

    /// Counts bytes that were as they should be.
    pub(crate) fn check(&self, bytes: u64) {
        self.checked.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Reads until the connection ends, which it has to within `limit` and some.
pub(crate) async fn ended(io: &mut (impl AsyncRead + Unpin), limit: Duration) -> Outcome {
    let limit = limit + LATE;
    let mut buffer = [0; 4096];
    let ending = async {
        loop {
            match io.read(&mut buffer).await {
                Ok(0) => return "closed".to_owned(),
                Ok(_) => {}
                Err(error) => return how(&error),
            }
        }
    };
    timeout(limit, ending).await.map_err(|_| format!("the server did not end it within {} s", limit.as_secs()))
}

/// An error that ends a connection, in a word or some.
pub(crate) fn how(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionReset => "reset".to_owned(),
        io::ErrorKind::BrokenPipe => "broken pipe".to_owned(),
        io::ErrorKind::UnexpectedEof => "closed without close_notify".to_owned(),
        _ => error.to_string(),
    }
}

/// [`ended`], by the clock: not before `limit` has passed since `begun`, and not long after.
pub(crate) async fn let_go(io: &mut (impl AsyncRead + Unpin), begun: Instant, limit: Duration) -> Outcome {
    let left = limit.saturating_sub(begun.elapsed());
    let ending = ended(io, left).await?;
    // The server's clock begins with its turn, ours may have begun before.
    if begun.elapsed() + Duration::from_millis(500) < limit {
        return Err(format!("{ending} after {:.1} s, {} s were due", begun.elapsed().as_secs_f32(), limit.as_secs()));
    }
    Ok(format!("let go of, {ending}"))
}

/// Is one client.
pub(crate) async fn run(scene: &Scene, kind: Kind, chance: &mut Chance) -> Outcome {
    let configs = &scene.configs;
    match kind {
        Kind::Transfer12 => good::transfer(scene, &configs.tls12, chance).await,
        Kind::Transfer13 => good::transfer(scene, &configs.tls13, chance).await,
        Kind::Certified12 => good::certified(scene, &configs.tls12_certified, chance).await,
        Kind::Certified13 => good::certified(scene, &configs.tls13_certified, chance).await,
        Kind::Return(by) => good::comes_back(scene, by, chance).await,
        Kind::Renegotiate => good::renegotiate(scene, chance).await,
        Kind::UpdateKeys => good::update_keys(scene, chance).await,
        Kind::Pages => good::pages(scene, chance).await,
        Kind::PageCertified12 => good::page_certified(scene, &configs.tls12_certified, chance).await,
        Kind::PageCertified13 => good::page_certified(scene, &configs.tls13_certified, chance).await,
        Kind::StallBeforeHello => bad::stall_before_hello(scene, chance).await,
        Kind::StallInHello => bad::stall_in_hello(scene, chance).await,
        Kind::DripHello => bad::drip_hello(scene, chance).await,
        Kind::StallInHandshake => bad::stall_in_handshake(scene, chance).await,
        Kind::StallInRecord => bad::stall_in_record(scene, chance).await,
        Kind::StallAfterHandshake => bad::stall_after_handshake(scene, chance).await,
        Kind::TakeNothing => bad::take_nothing(scene, chance).await,
        Kind::ResetAtOnce => bad::reset_at_once(scene, chance).await,
        Kind::ResetInHandshake => bad::reset_in_handshake(scene, chance).await,
        Kind::ResetInRecord => bad::reset_in_record(scene, chance).await,
        Kind::TruncateInHello => bad::truncate_in_hello(scene, chance).await,
        Kind::TruncateInRecord => bad::truncate_in_record(scene, chance).await,
        Kind::TruncateBetweenRecords => bad::truncate_between_records(scene, chance).await,
        Kind::GarbageAtOnce => bad::garbage_at_once(scene, chance).await,
        Kind::GarbageInHandshake => bad::garbage_in_handshake(scene, chance).await,
        Kind::GarbageAfterHandshake => bad::garbage_after_handshake(scene, chance).await,
        Kind::FlippedBit => bad::flipped_bit(scene, chance).await,
        Kind::Stranger12 => bad::stranger(scene, &configs.tls12_stranger, chance).await,
        Kind::Stranger13 => bad::stranger(scene, &configs.tls13_stranger, chance).await,
        Kind::RenegotiateTooSoon => bad::renegotiate_too_soon(scene, chance).await,
        Kind::RenegotiateTooOften => bad::renegotiate_too_often(scene, chance).await,
        Kind::FloodKeyUpdates => bad::flood_key_updates(scene, chance).await,
    }
}
