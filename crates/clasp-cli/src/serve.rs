//! `clasp serve`.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clasp::tokio::Error as StreamError;
use clasp::{Acceptor, ClientAuth, Role, TlsStream};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::args::{ServeArgs, TraceFormat};
use crate::failure::{Failure, explain};
use crate::http;
use crate::idle::Idle;
use crate::output::say;
use crate::roster::Roster;
use crate::setup;
use crate::trace;

/// How many handshakes may go on at once; then the oldest has to go.
const MAX_HANDSHAKES: usize = 16_384;

/// How long open connections may take to end once we are asked to stop.
const GRACE: Duration = Duration::from_secs(10);

/// What is the same for every connection.
struct Service {
    echo: bool,
    /// Whether there are keys that hellos may be encrypted to.
    ech: bool,
    trace: Option<TraceFormat>,
    handshake_timeout: Duration,
    idle: Idle,
    roster: Roster,
    stop: watch::Receiver<bool>,
}

/// What comes out of files, and is read again on SIGHUP: a connection keeps what it began with.
struct Settings {
    acceptor: Acceptor,
    /// Where a client's certificate is asked for only when it requests such a path.
    on_path: Option<(String, ClientAuth)>,
}

impl Settings {
    fn read(args: &ServeArgs) -> Result<Arc<Self>, Failure> {
        Ok(Arc::new(Self { acceptor: Acceptor::new(setup::server(args)?), on_path: setup::on_path(args)? }))
    }
}

/// Whether there is a key that hellos may be encrypted to.
fn decrypts_hellos(args: &ServeArgs) -> bool {
    #[cfg(feature = "ech")]
    return !args.ech_key.is_empty();
    #[cfg(not(feature = "ech"))]
    {
        let _ = args;
        false
    }
}

pub(crate) async fn run(args: ServeArgs) -> Result<(), Failure> {
    let mut settings = Settings::read(&args)?;
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|error| Failure::connection(format!("cannot listen on {}: {error}", args.listen)))?;
    let address = listener.local_addr().unwrap_or(args.listen);
    let (stopping, stop) = watch::channel(false);
    let service = Arc::new(Service {
        echo: args.echo,
        ech: decrypts_hellos(&args),
        trace: args.shared.trace,
        handshake_timeout: Duration::from_secs(args.handshake_timeout),
        idle: Idle::seconds(args.idle_timeout),
        roster: Roster::default(),
        stop,
    });
    let mut stopped = std::pin::pin!(signal());
    let mut hangups = Hangups::watch();
    // Nobody may be listening for the lines of a server that is to go on.
    let _ = say!("listening on {address}");

    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((tcp, from)) = accepted {
                    if service.roster.len() >= MAX_HANDSHAKES {
                        service.roster.evict_oldest();
                    }
                    connections.spawn(one(Arc::clone(&service), Arc::clone(&settings), tcp, from));
                } else {
                    // Out of descriptors, mostly: whoever has been shaking hands the longest makes room.
                    if !service.roster.evict_oldest() {
                        sleep(Duration::from_millis(20)).await;
                    }
                    tokio::task::yield_now().await;
                }
            }
            Some(_) = connections.join_next() => {}
            () = hangups.next() => match Settings::read(&args) {
                Ok(new) => {
                    settings = new;
                    let _ = say!("reloaded");
                }
                Err(failure) => {
                    let _ = say!("not reloaded, what was read before stays: {}", line(&failure.to_string()));
                }
            },
            () = &mut stopped => break,
        }
    }

    drop(listener);
    let _ = stopping.send(true);
    let finish = async { while connections.join_next().await.is_some() {} };
    if timeout(GRACE, finish).await.is_err() {
        connections.shutdown().await;
    }
    Ok(())
}

/// Waits for SIGTERM or SIGINT.
async fn signal() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    let _ = interrupted.await;
}

/// SIGHUP, which asks to read the files again, where there are signals.
struct Hangups {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Hangups {
    fn watch() -> Self {
        #[cfg(unix)]
        use tokio::signal::unix::{SignalKind, signal};
        Self {
            #[cfg(unix)]
            signal: signal(SignalKind::hangup()).ok(),
        }
    }

    /// Waits for the next one, perhaps for ever.
    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}

/// Serves one connection, and prints its line.
async fn one(service: Arc<Service>, settings: Arc<Settings>, tcp: TcpStream, from: SocketAddr) {
    // Only a matter of speed.
    let _ = tcp.set_nodelay(true);
    let what = serve_one(&service, &settings, tcp).await;
    // A server whose output nobody reads goes on serving.
    let _ = say!("{from} {what}");
}

/// Serves one connection, and says how it went.
async fn serve_one(service: &Service, settings: &Settings, tcp: TcpStream) -> String {
    let (place, evicted) = service.roster.enter();
    let accepting = timeout(service.handshake_timeout, settings.acceptor.accept(tcp));
    let accepted = tokio::select! {
        accepted = accepting => accepted,
        Ok(()) = evicted => return "gave way to newer connections before its handshake was done".to_owned(),
    };
    drop(place);
    let mut tls = match accepted {
        Ok(Ok(tls)) => tls,
        Ok(Err(StreamError::Tls(error))) => return format!("no handshake: {}", line(&explain(&error))),
        Ok(Err(error)) => return format!("no handshake: {error}"),
        Err(_) => return format!("no handshake within {} s", service.handshake_timeout.as_secs()),
    };
    let session = tls.session();
    let ech = session.ech_accepted();
    trace::agreed(service.trace, Role::Server, session, service.ech.then_some(if ech { "accepted" } else { "none" }));
    let about = format!("{} {}{}", session.version(), session.cipher_suite(), if ech { ", ECH" } else { "" });
    let served = if service.echo {
        echo(&mut tls, service.idle).await.map(|bytes| format!("{bytes} bytes echoed"))
    } else {
        http::serve(&mut tls, settings.on_path.as_ref(), service.idle, service.stop.clone())
            .await
            .map(|requests| format!("{requests} requests"))
    };
    // A client that is gone already takes no close_notify.
    let closed = timeout(Duration::from_secs(2), tls.shutdown()).await;
    drop(closed);
    match served {
        Ok(what) => format!("{about}, {what}"),
        Err(error) => format!("{about}, ended: {error}"),
    }
}

/// Several lines as one.
fn line(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join("; ")
}

/// Sends back what comes until the client closes.
async fn echo<IO>(tls: &mut TlsStream<IO>, idle: Idle) -> io::Result<u64>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let mut buffer = vec![0; 16 << 10];
    let mut total = 0;
    loop {
        let n = idle.reading(tls.read(&mut buffer)).await?;
        if n == 0 {
            return Ok(total);
        }
        idle.write(tls, buffer.get(..n).unwrap_or_default()).await?;
        total += n as u64;
    }
}
