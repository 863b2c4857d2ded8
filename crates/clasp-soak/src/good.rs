//! Clients that keep to the rules: every byte of theirs has to come back, and the end has to be a close_notify (RFC 5246 7.2.1).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use clasp::{ClientConfig, Connector, EarlyData};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::clients::{Outcome, Scene, Tls};
use crate::configs::Return;
use crate::pattern::{Chance, fill};
use crate::pki::{CLIENT, SERVER};

/// The most that is written at a time, bytes: some records.
const PIECE: usize = 40_000;

/// How long a good client waits before it does something, at most, milliseconds.
const PAUSE: u64 = 1500;

/// How long the server may take to say good-bye.
const PARTING: Duration = Duration::from_secs(20);

/// Sends `total` bytes in about `pieces` pieces, with pauses, and holds what comes back against them.
pub(crate) async fn exchange(
    scene: &Scene,
    tls: &mut Tls,
    chance: &mut Chance,
    (total, pieces): (usize, usize),
) -> Result<(), String> {
    let seed = chance.any();
    let most = if pieces > 1 { PAUSE } else { 0 };
    let (mut reader, mut writer) = tokio::io::split(tls);
    let writing = async {
        let piece = total.div_ceil(pieces).max(1);
        let mut buffer = vec![0; piece.min(PIECE)];
        let mut sent = 0;
        while sent < total {
            chance.pause(most).await;
            let end = total.min(sent + piece);
            while sent < end {
                let out = &mut buffer[..(end - sent).min(piece.min(PIECE))];
                fill(seed, sent as u64, out);
                writer.write_all(out).await?;
                sent += out.len();
            }
            writer.flush().await?;
        }
        Ok::<_, io::Error>(())
    };
    let reading = async {
        let (mut buffer, mut wanted) = (vec![0; 16 << 10], vec![0; 16 << 10]);
        let mut got = 0;
        while got < total {
            let room = buffer.len().min(total - got);
            let n = reader.read(&mut buffer[..room]).await?;
            if n == 0 {
                return Err(io::Error::other(format!("the server closed after {got} of {total} bytes")));
            }
            fill(seed, got as u64, &mut wanted[..n]);
            if buffer[..n] != wanted[..n] {
                return Err(io::Error::other(format!("WRONG DATA came back within {n} bytes from {got}")));
            }
            scene.check(n as u64);
            got += n;
        }
        Ok(())
    };
    tokio::try_join!(writing, reading).map(|_| ()).map_err(|error| format!("transfer: {error}"))
}

/// Closes, and waits for the server to do so too. Nothing may come in between.
pub(crate) async fn part(mut tls: Tls) -> Result<(), String> {
    let parting = async {
        tls.shutdown().await?;
        tls.read(&mut [0; 16]).await
    };
    match timeout(PARTING, parting).await {
        Ok(Ok(0)) => Ok(()),
        Ok(Ok(n)) => Err(format!("{n} bytes came after all")),
        Ok(Err(error)) => Err(format!("no close_notify: {error}")),
        Err(_) => Err("no close_notify came".to_owned()),
    }
}

/// A small transfer, or a large one.
fn size(chance: &mut Chance) -> (usize, usize) {
    if chance.below(4) == 0 {
        (chance.between(64 << 10, 512 << 10), chance.between(3, 8))
    } else {
        (chance.between(1, 4000), chance.between(3, 8))
    }
}

pub(crate) async fn transfer(scene: &Scene, configs: &[Arc<ClientConfig>], chance: &mut Chance) -> Outcome {
    let mut tls = scene.echo(chance.one(configs), chance).await?;
    let size = size(chance);
    exchange(scene, &mut tls, chance, size).await?;
    let suite = tls.session().cipher_suite();
    part(tls).await?;
    Ok(format!("all came back, {suite}"))
}

pub(crate) async fn certified(scene: &Scene, config: &Arc<ClientConfig>, chance: &mut Chance) -> Outcome {
    let mut tls = scene.echo(config, chance).await?;
    let size = size(chance);
    exchange(scene, &mut tls, chance, size).await?;
    if !tls.session().client_authenticated() {
        return Err("the server did not ask for a certificate".to_owned());
    }
    part(tls).await?;
    Ok("all came back, authenticated".to_owned())
}

pub(crate) async fn comes_back(scene: &Scene, by: Return, chance: &mut Chance) -> Outcome {
    let config = scene.configs.returning(by)?;
    let mut tls = scene.echo(&config, chance).await?;
    let size = (chance.between(1, 4000), 2);
    exchange(scene, &mut tls, chance, size).await?;
    // The tickets of TLS 1.3 come with reads, and this one ends only with the server's close_notify.
    part(tls).await?;
    chance.pause(PAUSE).await;
    if by == Return::EarlyData {
        return early(scene, &config, chance).await;
    }
    let mut tls = scene.echo(&config, chance).await?;
    let resumed = tls.session().resumed();
    let size = (chance.between(1, 4000), 3);
    exchange(scene, &mut tls, chance, size).await?;
    part(tls).await?;
    if resumed { Ok("all came back, resumed".to_owned()) } else { Err("the session was not resumed".to_owned()) }
}

async fn early(scene: &Scene, config: &Arc<ClientConfig>, chance: &mut Chance) -> Outcome {
    let tcp = scene.tcp(scene.echo, chance, None).await?;
    let (seed, total) = (chance.any(), chance.between(1, 12_000));
    let (mut data, mut back) = (vec![0; total], vec![0; total]);
    fill(seed, 0, &mut data);
    let begun = std::time::Instant::now();
    let connector = Connector::new(Arc::clone(config));
    let connected = connector.connect_with_early_data(SERVER, tcp, &data).await;
    let (mut tls, taken) = connected.map_err(|error| format!("no handshake: {error}"))?;
    scene.handshakes.count(begun.elapsed());
    let exchanged = async {
        tls.write_all(&data[taken..]).await?;
        tls.flush().await?;
        tls.read_exact(&mut back).await
    };
    exchanged.await.map_err(|error| format!("early data: {error}"))?;
    if back != data {
        return Err("WRONG DATA came back".to_owned());
    }
    scene.check(total as u64);
    let (resumed, became) = (tls.session().resumed(), tls.session().early_data());
    exchange(scene, &mut tls, chance, (1000, 2)).await?;
    part(tls).await?;
    match became {
        EarlyData::Accepted => Ok("all came back, accepted".to_owned()),
        // The ticket may have come too late: the data then goes after the handshake.
        EarlyData::Rejected => Ok("all came back, not accepted".to_owned()),
        EarlyData::NotOffered => Err(format!("no early data was offered, resumed: {resumed}")),
    }
}

/// How much has to pass between two renegotiations (`clasp::Limits::renegotiation_distance`), and some.
pub(crate) const DISTANCE: usize = 20 << 10;

pub(crate) async fn renegotiate(scene: &Scene, chance: &mut Chance) -> Outcome {
    let mut tls = scene.echo(chance.one(&scene.configs.tls12), chance).await?;
    for number in 1..=3 {
        exchange(scene, &mut tls, chance, (DISTANCE, 2)).await?;
        let session = tls.renegotiate().await.map_err(|error| format!("renegotiation {number}: {error}"))?;
        if session.renegotiations() != number {
            return Err(format!("{} renegotiations are counted, {number} were made", session.renegotiations()));
        }
    }
    // And one in the middle of data.
    exchange(scene, &mut tls, chance, (DISTANCE, 1)).await?;
    tls.start_renegotiation().map_err(|error| format!("renegotiation: {error}"))?;
    exchange(scene, &mut tls, chance, (4 * DISTANCE, 1)).await?;
    let made = tls.session().renegotiations();
    part(tls).await?;
    Ok(format!("all came back, {made} renegotiations"))
}

pub(crate) async fn update_keys(scene: &Scene, chance: &mut Chance) -> Outcome {
    let mut tls = scene.echo(chance.one(&scene.configs.tls13), chance).await?;
    for number in 0..6 {
        let size = (chance.between(1, 8000), if number % 2 == 0 { 2 } else { 1 });
        exchange(scene, &mut tls, chance, size).await?;
        tls.update_keys(number % 2 == 0).await.map_err(|error| format!("key update {number}: {error}"))?;
    }
    exchange(scene, &mut tls, chance, (DISTANCE, 1)).await?;
    part(tls).await?;
    Ok("all came back, 6 key updates".to_owned())
}

/// Asks for a page, and gives its text.
pub(crate) async fn get(scene: &Scene, tls: &mut Tls, path: &str) -> Result<String, String> {
    let asked = async {
        tls.write_all(format!("GET {path} HTTP/1.1\r\nHost: {SERVER}\r\n\r\n").as_bytes()).await?;
        tls.flush().await?;
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let n = tls.read(&mut buffer).await?;
            if n == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            answer.extend_from_slice(&buffer[..n]);
            if let Some(page) = whole(&answer)? {
                return Ok(page);
            }
        }
    };
    let page: Result<String, io::Error> = asked.await;
    let page = page.map_err(|error| format!("{path}: {error}"))?;
    scene.check(page.len() as u64);
    Ok(page)
}

/// The page in an answer, as soon as all of it is there.
fn whole(answer: &[u8]) -> io::Result<Option<String>> {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return Ok(None) };
    if !head.starts_with("HTTP/1.1 200 ") {
        return Err(io::Error::other(text.lines().next().unwrap_or_default().to_owned()));
    }
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse::<usize>().ok());
    let length = length.ok_or_else(|| io::Error::other("no Content-Length"))?;
    match body.len() {
        less if less < length => Ok(None),
        all if all == length => Ok(Some(body.to_owned())),
        more => Err(io::Error::other(format!("{more} bytes for {length}"))),
    }
}

pub(crate) async fn pages(scene: &Scene, chance: &mut Chance) -> Outcome {
    let configs = if chance.below(2) == 0 { &scene.configs.tls12 } else { &scene.configs.tls13 };
    let config = chance.one(configs);
    let tcp = scene.tcp(scene.http, chance, None).await?;
    let mut tls = scene.shake(config, tcp).await?;
    for _ in 0..4 {
        let page = get(scene, &mut tls, "/").await?;
        if !page.contains(&tls.session().cipher_suite().to_string()) {
            return Err("the page does not name the suite".to_owned());
        }
        chance.pause(PAUSE).await;
    }
    part(tls).await?;
    Ok("4 pages came".to_owned())
}

pub(crate) async fn page_certified(scene: &Scene, config: &Arc<ClientConfig>, chance: &mut Chance) -> Outcome {
    let tcp = scene.tcp(scene.http, chance, None).await?;
    let mut tls = scene.shake(config, tcp).await?;
    if get(scene, &mut tls, "/").await?.contains(CLIENT) {
        return Err("the server knew the client before it asked".to_owned());
    }
    chance.pause(PAUSE).await;
    for _ in 0..3 {
        if !get(scene, &mut tls, "/secret").await?.contains(CLIENT) {
            return Err("the page does not name the client".to_owned());
        }
        chance.pause(PAUSE).await;
    }
    part(tls).await?;
    Ok("3 guarded pages came".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_taken_when_it_is_whole() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
        assert_eq!(whole(&answer[..20]).unwrap(), None);
        assert_eq!(whole(&answer[..answer.len() - 1]).unwrap(), None);
        assert_eq!(whole(answer).unwrap().as_deref(), Some("abc"));
        assert!(whole(b"HTTP/1.1 403 Forbidden\r\n\r\n").is_err());
    }
}
