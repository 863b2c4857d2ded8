//! A server that is told to stop while clients are at work: transfers finish, whoever only waits is closed on, nobody new comes in,
//! and it ends well within its grace (RFC 5246 7.2.1).

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::clients::{Outcome, Scene, ended};
use crate::configs::hello;
use crate::good;
use crate::load::Plan;
use crate::pattern::Chance;
use crate::server::Server;
use crate::tally::Tally;

/// What its clients are called.
pub(crate) const KINDS: [&str; 3] = [TRANSFER, WAITING, STALLED];
const TRANSFER: &str = "transfer while the server stops";
const WAITING: &str = "HTTP, waiting while it stops";
const STALLED: &str = "half a hello while it stops";

/// The server's grace, and some.
const GRACE: Duration = Duration::from_secs(13);

/// How long clients may take to be ready.
const START: Duration = Duration::from_secs(60);

/// A client tells that it is ready by dropping `ready`, and begins its work when `go` says so: then all are in the middle of it when
/// the server is told to stop.
#[derive(Clone)]
struct Cue {
    ready: mpsc::Sender<()>,
    go: watch::Receiver<bool>,
}

/// Stops the servers in the middle of work. Says how that went, or what was wrong.
pub(crate) async fn run(
    plan: &Plan,
    scene: &Arc<Scene>,
    tally: &Arc<Tally>,
    servers: [&mut Server; 2],
) -> Result<String, Vec<String>> {
    let transfers = (plan.connections / 10).max(20);
    let (ready, mut readied) = mpsc::channel(16);
    let (begin, go) = watch::channel(false);
    let cue = Cue { ready, go };
    let mut clients = JoinSet::new();
    for number in 0..transfers + 20 {
        let (scene, tally, cue) = (Arc::clone(scene), Arc::clone(tally), cue.clone());
        clients.spawn(async move {
            let mut chance = Chance::new(u64::MAX - number as u64);
            let (name, outcome) = match number.checked_sub(transfers) {
                None => (TRANSFER, transfer(&scene, &mut chance, cue).await),
                Some(rest) if rest < 10 => (WAITING, waiting(&scene, &mut chance, cue).await),
                Some(_) => (STALLED, stalled(&scene, &mut chance, cue).await),
            };
            tally.count(name, outcome);
        });
    }
    drop(cue);
    let all_ready = async { while readied.recv().await.is_some() {} };
    let mut wrong = Vec::new();
    if timeout(START, all_ready).await.is_err() {
        wrong.push(format!("not all clients were ready after {} s", START.as_secs()));
    }
    let _ = begin.send(true);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let begun = Instant::now();
    let mut took = Vec::new();
    for server in &servers {
        wrong.extend(server.terminate().await.err());
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    for server in &servers {
        if TcpStream::connect(server.address).await.is_ok() {
            wrong.push("a server that was told to stop took a new connection".to_owned());
        }
    }
    for server in servers {
        match server.wait(GRACE.saturating_sub(begun.elapsed())).await {
            Ok(status) if status.success() => took.push(format!("{:.1} s", begun.elapsed().as_secs_f32())),
            Ok(status) => wrong.push(format!("the server that was told to stop ended with {status}")),
            Err(why) => wrong.push(why),
        }
    }
    while clients.join_next().await.is_some() {}
    if wrong.is_empty() {
        let finished = tally.fared(TRANSFER, "");
        Ok(format!(
            "SIGTERM: {finished} of {transfers} transfers in flight finished; exit status 0 after {}",
            took.join(" and ")
        ))
    } else {
        Err(wrong)
    }
}

async fn transfer(scene: &Scene, chance: &mut Chance, mut cue: Cue) -> Outcome {
    let configs = if chance.below(2) == 0 { &scene.configs.tls12 } else { &scene.configs.tls13 };
    let mut tls = scene.echo(chance.one(configs), chance).await?;
    good::exchange(scene, &mut tls, chance, (1000, 1)).await?;
    drop(cue.ready);
    let _ = cue.go.wait_for(|go| *go).await;
    let size = (chance.between(32 << 10, 256 << 10), 4);
    good::exchange(scene, &mut tls, chance, size).await?;
    good::part(tls).await?;
    Ok("all came back".to_owned())
}

/// Has had its page, and would ask for another.
async fn waiting(scene: &Scene, chance: &mut Chance, mut cue: Cue) -> Outcome {
    let tcp = scene.tcp(scene.http, chance, None).await?;
    let mut tls = scene.shake(chance.one(&scene.configs.tls13), tcp).await?;
    good::get(scene, &mut tls, "/").await?;
    drop(cue.ready);
    let _ = cue.go.wait_for(|go| *go).await;
    match timeout(Duration::from_secs(5), tls.read(&mut [0; 16])).await {
        Ok(Ok(0)) => Ok("closed".to_owned()),
        Ok(Ok(n)) => Err(format!("{n} bytes came")),
        Ok(Err(error)) => Err(format!("no close_notify: {error}")),
        Err(_) => Err("it was not closed within 5 s".to_owned()),
    }
}

async fn stalled(scene: &Scene, chance: &mut Chance, mut cue: Cue) -> Outcome {
    let hello = hello(chance.one(&scene.configs.tls13))?;
    let mut tcp = scene.tcp(scene.echo, chance, None).await?;
    let _ = tokio::io::AsyncWriteExt::write_all(&mut tcp.io, &hello[..100]).await;
    drop(cue.ready);
    let _ = cue.go.wait_for(|go| *go).await;
    ended(&mut tcp, scene.handshake_timeout).await
}
