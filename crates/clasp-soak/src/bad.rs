//! Clients that fail: they stall, reset, break off, send garbage, or ask for too much (RFC 8446 6.2). The server has to let go of each,
//! in time, and no word of what they send may come back as if it were sound.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clasp::tokio::Error as StreamError;
use clasp::{ClientConfig, Error};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::clients::{Outcome, Scene, Tcp, Tls, ended, how, let_go};
use crate::configs::hello;
use crate::faulty::Fault;
use crate::good::{DISTANCE, exchange, part};
use crate::pattern::{Chance, fill};

/// How long a bad client waits before it does what it came for, at most: not so long that it is let go of first.
fn patience(scene: &Scene) -> u64 {
    u64::try_from(scene.handshake_timeout.min(scene.idle_timeout).as_millis() / 2).unwrap_or_default()
}

/// How soon the server has to end a connection whose fault it can see.
const AT_ONCE: Duration = Duration::ZERO;

/// Any configuration: TLS 1.2 or 1.3.
fn any<'a>(scene: &'a Scene, chance: &mut Chance) -> &'a Arc<ClientConfig> {
    let configs = if chance.below(2) == 0 { &scene.configs.tls12 } else { &scene.configs.tls13 };
    chance.one(configs)
}

/// A connection without TLS, and a hello to send.
async fn raw(scene: &Scene, chance: &mut Chance) -> Result<(Tcp, Vec<u8>, Instant), String> {
    let hello = hello(any(scene, chance))?;
    let begun = Instant::now();
    Ok((scene.tcp(scene.echo, chance, None).await?, hello, begun))
}

/// Sends bytes as they are. Where the server has gone already, reading tells so.
async fn send(tcp: &mut Tcp, bytes: &[u8]) {
    let _ = tcp.io.write_all(bytes).await;
}

/// A connection that has been good so far.
async fn established(scene: &Scene, chance: &mut Chance) -> Result<Tls, String> {
    let mut tls = scene.echo(any(scene, chance), chance).await?;
    let size = (chance.between(1, 2000), 1);
    exchange(scene, &mut tls, chance, size).await?;
    chance.pause(patience(scene)).await;
    Ok(tls)
}

/// Writes a record of which only the first part is sent.
async fn half_record(tls: &mut Tls, chance: &mut Chance) -> Result<(), String> {
    let mut data = vec![0; chance.between(100, 16_000)];
    fill(chance.any(), 0, &mut data);
    tls.get_mut().fault = Fault::CutAfter(chance.between(1, 90));
    tls.write_all(&data).await.map_err(|error| format!("half a record: {error}"))
}

pub(crate) async fn stall_before_hello(scene: &Scene, chance: &mut Chance) -> Outcome {
    let (mut tcp, _, begun) = raw(scene, chance).await?;
    let_go(&mut tcp, begun, scene.handshake_timeout).await
}

pub(crate) async fn stall_in_hello(scene: &Scene, chance: &mut Chance) -> Outcome {
    let (mut tcp, hello, begun) = raw(scene, chance).await?;
    send(&mut tcp, &hello[..chance.between(1, hello.len() - 1)]).await;
    let_go(&mut tcp, begun, scene.handshake_timeout).await
}

/// The limit is one for the whole handshake, not for each read.
pub(crate) async fn drip_hello(scene: &Scene, chance: &mut Chance) -> Outcome {
    let (mut tcp, hello, begun) = raw(scene, chance).await?;
    let (mut reader, mut writer) = tcp.io.split();
    let dripping = async {
        // Hellos have more bytes than this takes seconds.
        for byte in &hello {
            tokio::time::sleep(Duration::from_millis(250)).await;
            if writer.write_all(&[*byte]).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        outcome = let_go(&mut reader, begun, scene.handshake_timeout) => outcome,
        () = dripping => Err("the whole hello went out".to_owned()),
    }
}

pub(crate) async fn stall_in_handshake(scene: &Scene, chance: &mut Chance) -> Outcome {
    let (mut tcp, hello, begun) = raw(scene, chance).await?;
    send(&mut tcp, &hello).await;
    let_go(&mut tcp, begun, scene.handshake_timeout).await
}

pub(crate) async fn stall_in_record(scene: &Scene, chance: &mut Chance) -> Outcome {
    let mut tls = established(scene, chance).await?;
    half_record(&mut tls, chance).await?;
    // What counts is when the last whole record came, a pause ago.
    ended(&mut tls, scene.idle_timeout).await.map(|ending| format!("let go of, {ending}"))
}

pub(crate) async fn stall_after_handshake(scene: &Scene, chance: &mut Chance) -> Outcome {
    let mut tls = scene.echo(any(scene, chance), chance).await?;
    let begun = Instant::now();
    let_go(&mut tls, begun, scene.idle_timeout).await
}

/// Sends, and takes nothing of what comes back.
pub(crate) async fn take_nothing(scene: &Scene, chance: &mut Chance) -> Outcome {
    let tcp = scene.tcp(scene.echo, chance, Some(4096)).await?;
    let mut tls = scene.shake(any(scene, chance), tcp).await?;
    let data = vec![0; 64 << 10];
    let limit = 2 * scene.idle_timeout + Duration::from_secs(20);
    let sending = async {
        loop {
            if let Err(error) = tls.write_all(&data).await {
                return how(&error);
            }
        }
    };
    timeout(limit, sending)
        .await
        .map(|ending| format!("let go of, {ending}"))
        .map_err(|_| format!("the server did not end it within {} s", limit.as_secs()))
}

/// Drops a connection so that the server gets an RST.
fn reset(tcp: &Tcp) -> Outcome {
    tcp.io.set_zero_linger().map_err(|error| format!("SO_LINGER: {error}"))?;
    Ok("reset".to_owned())
}

pub(crate) async fn reset_at_once(scene: &Scene, chance: &mut Chance) -> Outcome {
    let (mut tcp, hello, _) = raw(scene, chance).await?;
    send(&mut tcp, &hello[..chance.between(0, hello.len() - 1)]).await;
    chance.pause(patience(scene)).await;
    reset(&tcp)
}

pub(crate) async fn reset_in_handshake(scene: &Scene, chance: &mut Chance) -> Outcome {
    let (mut tcp, hello, _) = raw(scene, chance).await?;
    send(&mut tcp, &hello).await;
    // Once with the server's flight read, once not.
    if chance.below(2) == 0 {
        let _ = tcp.read(&mut [0; 4096]).await;
    }
    chance.pause(patience(scene)).await;
    reset(&tcp)
}

pub(crate) async fn reset_in_record(scene: &Scene, chance: &mut Chance) -> Outcome {
    let mut tls = established(scene, chance).await?;
    half_record(&mut tls, chance).await?;
    chance.pause(patience(scene)).await;
    reset(tls.get_ref())
}

/// Ends our direction of the connection, and waits for the server to end its own.
async fn fin(tcp: &mut Tcp) -> Outcome {
    // What comes after a connection's end is no error of the client's.
    let _ = tcp.io.shutdown().await;
    ended(tcp, AT_ONCE).await
}

pub(crate) async fn truncate_in_hello(scene: &Scene, chance: &mut Chance) -> Outcome {
    let (mut tcp, hello, _) = raw(scene, chance).await?;
    send(&mut tcp, &hello[..chance.between(0, hello.len() - 1)]).await;
    chance.pause(patience(scene)).await;
    fin(&mut tcp).await
}

pub(crate) async fn truncate_in_record(scene: &Scene, chance: &mut Chance) -> Outcome {
    let mut tls = established(scene, chance).await?;
    half_record(&mut tls, chance).await?;
    fin(tls.get_mut()).await
}

pub(crate) async fn truncate_between_records(scene: &Scene, chance: &mut Chance) -> Outcome {
    let mut tls = established(scene, chance).await?;
    fin(tls.get_mut()).await
}

/// Bytes that are no TLS: of another protocol, or of none.
fn garbage(chance: &mut Chance) -> Vec<u8> {
    let mut bytes = vec![0; chance.between(600, 3000)];
    fill(chance.any(), 0, &mut bytes);
    match chance.below(4) {
        0 => b"GET / HTTP/1.1\r\nHost: soak.example\r\n\r\n".to_vec(),
        1 => b"SSH-2.0-OpenSSH_9.9\r\n".to_vec(),
        // A handshake record whose body is noise.
        2 => [&[22, 3, 1, 2, 0], &bytes[..512]].concat(),
        // No content type; the version of no protocol.
        _ => {
            bytes[..3].copy_from_slice(&[0x55, 0xaa, 0x55]);
            bytes
        }
    }
}

pub(crate) async fn garbage_at_once(scene: &Scene, chance: &mut Chance) -> Outcome {
    let (mut tcp, ..) = raw(scene, chance).await?;
    chance.pause(patience(scene)).await;
    send(&mut tcp, &garbage(chance)).await;
    ended(&mut tcp, AT_ONCE).await
}

pub(crate) async fn garbage_in_handshake(scene: &Scene, chance: &mut Chance) -> Outcome {
    let (mut tcp, hello, _) = raw(scene, chance).await?;
    send(&mut tcp, &hello).await;
    let _ = tcp.read(&mut [0; 4096]).await;
    send(&mut tcp, &garbage(chance)).await;
    ended(&mut tcp, AT_ONCE).await
}

pub(crate) async fn garbage_after_handshake(scene: &Scene, chance: &mut Chance) -> Outcome {
    let mut tls = established(scene, chance).await?;
    let garbage = garbage(chance);
    send(tls.get_mut(), &garbage).await;
    refused(&mut tls).await
}

pub(crate) async fn flipped_bit(scene: &Scene, chance: &mut Chance) -> Outcome {
    let mut tls = established(scene, chance).await?;
    // Behind the header, which says how much more to wait for.
    tls.get_mut().fault = Fault::FlipAfter(chance.between(5, 300));
    let sent = async {
        tls.write_all(&[7; 500]).await?;
        tls.flush().await
    };
    sent.await.map_err(|error| format!("a flipped bit: {error}"))?;
    refused(&mut tls).await
}

/// Waits for the server to refuse what was sent. It may answer nothing of it.
async fn refused(tls: &mut Tls) -> Outcome {
    match timeout(Duration::from_secs(10), tls.read(&mut [0; 4096])).await {
        Ok(Ok(0)) => Err("the server closed as if nothing were wrong".to_owned()),
        Ok(Ok(n)) => Err(format!("{n} bytes came back")),
        Ok(Err(error)) => Ok(how(&error)),
        Err(_) => Err("the server did not refuse it within 10 s".to_owned()),
    }
}

/// Shows a certificate of an unknown authority.
pub(crate) async fn stranger(scene: &Scene, config: &Arc<ClientConfig>, chance: &mut Chance) -> Outcome {
    chance.pause(patience(scene)).await;
    let tcp = scene.tcp(scene.echo, chance, None).await?;
    // TLS 1.3 tells of it only with the first read.
    match clasp::Connector::new(Arc::clone(config)).connect(crate::pki::SERVER, tcp).await {
        Err(StreamError::Tls(Error::AlertReceived(alert))) => Ok(format!("refused, {}", alert.alert)),
        Err(error) => Err(format!("not refused by an alert: {error}")),
        Ok(mut tls) => refused(&mut tls).await,
    }
}

/// One that comes too soon is declined, and after some of them the connection ends.
pub(crate) async fn renegotiate_too_soon(scene: &Scene, chance: &mut Chance) -> Outcome {
    let mut tls = scene.echo(chance.one(&scene.configs.tls12), chance).await?;
    exchange(scene, &mut tls, chance, (DISTANCE, 3)).await?;
    tls.renegotiate().await.map_err(|error| format!("the first renegotiation: {error}"))?;
    for declined in 0..10 {
        match tls.renegotiate().await {
            Ok(_) => return Err("the server took one that came too soon".to_owned()),
            Err(StreamError::Tls(Error::NoRenegotiation(_))) => {
                // The connection goes on.
                exchange(scene, &mut tls, chance, (100, 1)).await?;
            }
            Err(_) if declined > 0 => return Ok(format!("ended after {declined} were declined")),
            Err(error) => return Err(format!("none was declined: {error}")),
        }
    }
    Err("10 were declined, and the connection stands".to_owned())
}

/// `clasp::Limits::renegotiations`.
const MOST_RENEGOTIATIONS: u32 = 16;

pub(crate) async fn renegotiate_too_often(scene: &Scene, chance: &mut Chance) -> Outcome {
    let mut tls = scene.echo(chance.one(&scene.configs.tls12), chance).await?;
    for made in 0..=MOST_RENEGOTIATIONS {
        let pieces = if made % 6 == 0 { 2 } else { 1 };
        exchange(scene, &mut tls, chance, (DISTANCE, pieces)).await?;
        match tls.renegotiate().await {
            Ok(_) if made < MOST_RENEGOTIATIONS => {}
            Ok(_) => return Err(format!("the server took more than {MOST_RENEGOTIATIONS}")),
            Err(_) if made == MOST_RENEGOTIATIONS => return Ok(format!("ended after {made}")),
            Err(error) => return Err(format!("renegotiation {}: {error}", made + 1)),
        }
    }
    part(tls).await?;
    Err("it parted as if nothing were wrong".to_owned())
}

/// `clasp::Limits::post_handshake_messages`, and some.
const FLOOD: u32 = 50;

pub(crate) async fn flood_key_updates(scene: &Scene, chance: &mut Chance) -> Outcome {
    let mut tls = scene.echo(chance.one(&scene.configs.tls13), chance).await?;
    exchange(scene, &mut tls, chance, (1000, 4)).await?;
    for _ in 0..FLOOD {
        if tls.update_keys(false).await.is_err() {
            break;
        }
    }
    refused(&mut tls).await
}
