//! A run: servers are started, clients come and go for a time (RFC 8446, from hello to close_notify), all are let finish, the servers
//! are stopped, and then it is told how it went.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::clients::{self, Scene};
use crate::configs::Configs;
use crate::kinds::{KINDS, first, pick};
use crate::pattern::Chance;
use crate::pki::Pki;
use crate::server::{Program, Server};
use crate::stop;
use crate::tally::{Handshakes, Tally};
use crate::verdict::{Growth, Sample, leftovers, threads};

/// What is to be done.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) load: Duration,
    pub(crate) connections: usize,
    pub(crate) program: Program,
}

impl Plan {
    /// The servers' limits on handshakes and on silence. A short run ends sooner with shorter ones; good clients are silent for a
    /// second and a half, at most.
    fn limits(&self) -> (Duration, Duration) {
        let (handshake, idle) = if self.load < Duration::from_secs(60) { (3, 4) } else { (5, 8) };
        (Duration::from_secs(handshake), Duration::from_secs(idle))
    }
}

/// How often the servers are looked at.
const EVERY: Duration = Duration::from_millis(500);

/// The longest that a client may take, good or bad.
const LONGEST: Duration = Duration::from_secs(120);

/// How long descriptors may take to be closed once all clients have gone.
const SETTLING: Duration = Duration::from_secs(20);

/// A server, and what was seen of it.
struct Watched {
    name: &'static str,
    server: Server,
    before: Sample,
    samples: Vec<Sample>,
    after: Sample,
}

impl Watched {
    async fn start(name: &'static str, plan: &Plan, pki: &Pki, more: &[&str]) -> Result<Self, String> {
        let server = Server::start(&plan.program, &options(plan, pki, more)).await?;
        let before = server.sample(Instant::now())?;
        Ok(Self { name, server, before, samples: Vec::new(), after: before })
    }

    fn peak<T: Ord>(&self, of: impl Fn(&Sample) -> T) -> Option<T> {
        self.samples.iter().map(of).max()
    }
}

fn options(plan: &Plan, pki: &Pki, more: &[&str]) -> Vec<String> {
    let file = |name: &str| pki.file(name).to_string_lossy().into_owned();
    let mut options: Vec<String> = ["--listen", "127.0.0.1:0", "--policy", "compatible"].map(str::to_owned).to_vec();
    for key in ["rsa", "ec"] {
        options.extend(["--cert".to_owned(), file(&format!("{key}.pem"))]);
        options.extend(["--key".to_owned(), file(&format!("{key}.key"))]);
    }
    options.extend(["--client-ca".to_owned(), file("ca.pem")]);
    let (handshake, idle) = plan.limits();
    options.extend(["--handshake-timeout".to_owned(), handshake.as_secs().to_string()]);
    options.extend(["--idle-timeout".to_owned(), idle.as_secs().to_string()]);
    options.extend(more.iter().map(|option| (*option).to_owned()));
    options
}

/// Runs all of it, prints the report, and says what is wrong.
pub(crate) async fn run(plan: Plan) -> Result<Vec<String>, String> {
    let pki = Pki::make()?;
    let echo = ["--echo", "--client-auth", "request", "--early-data", "16384"];
    let http = ["--http", "--client-auth", "on-path=/secret"];
    let mut servers =
        [Watched::start("echo", &plan, &pki, &echo).await?, Watched::start("http", &plan, &pki, &http).await?];
    let (handshake_timeout, idle_timeout) = plan.limits();
    let scene = Arc::new(Scene {
        echo: servers[0].server.address,
        http: servers[1].server.address,
        configs: Configs::new(&pki)?,
        handshake_timeout,
        idle_timeout,
        open: Arc::default(),
        handshakes: Handshakes::default(),
        checked: AtomicU64::default(),
    });
    let tally = Arc::<Tally>::default();
    let mut wrong = Vec::new();

    let open = load(&plan, &scene, &tally, &mut servers, &mut wrong).await?;
    wrong.extend(settle(&mut servers).await?);
    let handshakes = scene.handshakes.summary();
    let peak = scene.open.peak();
    let stopped = stop::run(&plan, &scene, &tally, servers.each_mut().map(|watched| &mut watched.server)).await;

    report(&plan, &scene, &tally, &servers);
    let [median, most, longest] = handshakes.1.map(|took| took.as_secs_f64() * 1e3);
    println!(
        "handshakes: {} that were good, {} a second; median {median:.1} ms, 99 % {most:.0} ms, longest {longest:.0} ms",
        handshakes.0,
        handshakes.0 as u64 / plan.load.as_secs().max(1)
    );
    println!("connections open at a time: {open} in the mean, {peak} at most");
    println!("bytes checked: {}", scene.checked.load(Ordering::Relaxed));
    match stopped {
        Ok(words) => println!("{words}"),
        Err(lines) => wrong.extend(lines),
    }
    wrong.extend(judge(&plan, &tally, &servers, open));
    Ok(wrong)
}

/// Lets clients come and go, and looks at the servers meanwhile. Gives the mean of the connections open.
async fn load(
    plan: &Plan,
    scene: &Arc<Scene>,
    tally: &Arc<Tally>,
    servers: &mut [Watched],
    wrong: &mut Vec<String>,
) -> Result<usize, String> {
    let enough = Arc::<AtomicBool>::default();
    let begun = Instant::now();
    // Now and then one is between two connections.
    let slots = plan.connections + plan.connections / 20;
    let rise = plan.load / 20;
    let mut clients = JoinSet::new();
    for number in 0..slots {
        let (scene, tally, enough) = (Arc::clone(scene), Arc::clone(tally), Arc::clone(&enough));
        let late = rise * u32::try_from(number).unwrap_or_default() / u32::try_from(slots).unwrap_or(1);
        clients.spawn(async move {
            sleep(late).await;
            let mut chance = Chance::new(number as u64);
            let mut next = Some(first(number));
            while !enough.load(Ordering::Relaxed) {
                let (kind, name) = next.take().unwrap_or_else(|| pick(&mut chance));
                let outcome = timeout(LONGEST, clients::run(&scene, kind, &mut chance)).await;
                tally.count(name, outcome.unwrap_or_else(|_| Err(format!("it hung for {} s", LONGEST.as_secs()))));
            }
        });
    }
    let mut open = Vec::new();
    let mut told = Duration::ZERO;
    while begun.elapsed() < plan.load {
        sleep(EVERY).await;
        for watched in servers.iter_mut() {
            let sample = watched.server.sample(begun)?;
            watched.samples.push(sample);
        }
        if begun.elapsed() > rise * 2 {
            open.push(scene.open.now());
        }
        if begun.elapsed() >= told + Duration::from_secs(30) {
            told = begun.elapsed();
            eprintln!(
                "{:>4} s: {} connections open, {} clients gone, server at {} KiB",
                told.as_secs(),
                scene.open.now(),
                tally.clients(),
                servers[0].samples.last().map_or(0, |sample| sample.rss)
            );
        }
    }
    enough.store(true, Ordering::Relaxed);
    while let Some(ended) = clients.join_next().await {
        if let Err(error) = ended {
            wrong.push(format!("a client failed in itself: {error}"));
        }
    }
    Ok(open.iter().sum::<usize>() / open.len().max(1))
}

/// Waits until the servers have closed all that belonged to clients; tells what stays.
async fn settle(servers: &mut [Watched]) -> Result<Vec<String>, String> {
    let begun = Instant::now();
    loop {
        let mut wrong = Vec::new();
        for watched in servers.iter_mut() {
            watched.after = watched.server.sample(begun)?;
            let left = leftovers(&watched.before, &watched.after);
            wrong.extend(left.into_iter().map(|line| format!("{}: {line}", watched.name)));
        }
        if wrong.is_empty() || begun.elapsed() > SETTLING {
            return Ok(wrong);
        }
        sleep(EVERY).await;
    }
}

fn report(plan: &Plan, scene: &Scene, tally: &Tally, servers: &[Watched]) {
    println!(
        "{} connections for {} s; handshakes within {} s, silence up to {} s\n\nclients, by what became of them:",
        plan.connections,
        plan.load.as_secs(),
        scene.handshake_timeout.as_secs(),
        scene.idle_timeout.as_secs()
    );
    let mut names: Vec<&str> = KINDS.iter().map(|(_, name, _)| *name).collect();
    names.extend(stop::KINDS);
    print!("{}", tally.table(&names));
    println!("{:>8}  in all", tally.clients());
    for watched in servers {
        println!("\nthe {} server's lines, without addresses and suites:", watched.name);
        print!("{}", watched.server.log.lock().unwrap_or_else(PoisonError::into_inner).table());
    }
    println!();
    for watched in servers {
        let (before, after) = (&watched.before, &watched.after);
        let rss = watched.peak(|sample| sample.rss).unwrap_or_default();
        print!("{}: memory {} KiB at the start, {rss} at most, {} at the end", watched.name, before.rss, after.rss);
        if let Some(growth) = Growth::of(&watched.samples, plan.load) {
            print!(
                "; median {} in the second fifth, {} in the last, {} allowed",
                growth.second_fifth,
                growth.last_fifth,
                growth.bound()
            );
        }
        println!(
            "\n{}: descriptors {} before, {} at most, {} after; threads {}, {} at most, {}",
            watched.name,
            before.descriptors,
            watched.peak(|sample| sample.descriptors).unwrap_or_default(),
            after.descriptors,
            before.threads,
            watched.peak(|sample| sample.threads).unwrap_or_default(),
            after.threads
        );
    }
}

/// What is wrong with what was counted.
fn judge(plan: &Plan, tally: &Tally, servers: &[Watched], open: usize) -> Vec<String> {
    let mut wrong = tally.wrong();
    for watched in servers {
        let name = watched.name;
        match Growth::of(&watched.samples, plan.load) {
            Some(growth) => wrong.extend(growth.judge().map(|line| format!("{name}: {line}"))),
            None => wrong.push(format!("{name}: it was not looked at often enough")),
        }
        let most = watched.samples.iter().max_by_key(|sample| sample.threads);
        wrong.extend(most.and_then(|most| threads(&watched.before, most)).map(|line| format!("{name}: {line}")));
        let complaints = watched.server.complaints.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.extend(complaints.iter().map(|line| format!("{name}: on standard error: {line}")));
    }
    if open < plan.connections * 9 / 10 {
        wrong.push(format!("{open} connections were open at a time, {} should have been", plan.connections));
    }
    // A run that never did what it is for proves nothing.
    wrong.extend(
        KINDS
            .iter()
            .filter(|(_, name, _)| tally.fared(name, "") == 0)
            .map(|(_, name, _)| format!("{name}: none did well")),
    );
    if tally.fared("early data", "accepted") == tally.fared("early data", "not accepted") {
        wrong.push("no early data was accepted".to_owned());
    }
    wrong
}
