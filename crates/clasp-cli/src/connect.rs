//! `clasp connect`.

use clasp::tokio::Error as StreamError;
use clasp::{Connector, EarlyData, Role, ServerName, Session, TlsStream};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::args::ConnectArgs;
use crate::diagnose;
use crate::failure::{Failure, explain};
use crate::starttls::{self, Protocol};
use crate::{interactive, output, setup, trace};

/// `HOST:PORT`, where an IPv6 address stands in brackets.
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Target {
    fn parse(text: &str) -> Result<Self, Failure> {
        let wrong = || Failure::usage(format!("{text:?} is no HOST:PORT, such as example.com:443 or [::1]:443"));
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if bare.is_empty() || (bare.contains(':') && bare == host) {
            return Err(wrong());
        }
        Ok(Self { host: bare.to_owned(), port: port.parse().map_err(|_| wrong())? })
    }
}

pub(crate) async fn run(args: ConnectArgs) -> Result<(), Failure> {
    let target = Target::parse(&args.target)?;
    let name = args.servername.as_deref().unwrap_or(&target.host);
    let name = ServerName::try_from(name)
        .map_err(|_| Failure::usage(format!("{name:?} is neither a DNS name nor an IP address; use --servername")))?
        .to_owned();
    let early = match &args.early_data {
        Some(path) => std::fs::read(path)
            .map_err(|error| Failure::usage(format!("the early data in {} cannot be read: {error}", path.display())))?,
        None => Vec::new(),
    };
    let connector = Connector::new(setup::client(&args)?);
    let tcp = open(&target, args.starttls).await?;
    match connector.connect_name_with_early_data(name.clone(), tcp, &early).await {
        Ok((mut tls, taken)) => {
            trace::agreed(args.shared.trace, Role::Client, tls.session(), Some(ech(&args, tls.session())));
            #[cfg(feature = "ech")]
            crate::ech::tell_accepted(&args, tls.session());
            if args.early_data.is_some() {
                send_rest(&mut tls, &early, taken).await?;
            }
            if args.interactive {
                interactive::run(tls, tokio::io::stdin(), tokio::io::stdout()).await?;
            } else {
                pump(tls, tokio::io::stdin(), tokio::io::stdout()).await?;
            }
            for turn in 1..=args.reconnect {
                reconnect(turn, &connector, &target, &name, args.starttls).await?;
            }
            Ok(())
        }
        #[cfg(feature = "ech")]
        Err(StreamError::Tls(clasp::Error::EchRejected { retry_configs })) => {
            let why = crate::ech::rejected(&args, retry_configs.as_deref())?;
            Err(Failure::Connection(format!("no handshake with {}: {why}", args.target)))
        }
        Err(StreamError::Tls(error)) => {
            let mut text = format!("no handshake with {}: {}", args.target, explain(&error));
            if wants_ech(&args) && matches!(error, clasp::Error::Certificate { .. }) {
                // RFC 9849 6.1.7.
                text.push_str(
                    "\nWith --ech, a server that cannot read the hello has to show the certificate of the public name in the list. \
                     If that is the name above, the list is out of date, or another server's: look it up again.",
                );
            }
            if !args.no_diagnose
                && !wants_ech(&args)
                && diagnose::helps(&error)
                && let Some(finding) = diagnose::run(&target, name, &args.shared, args.starttls).await
            {
                text.push_str("\nA second connection, with a wider offer and without data, found: ");
                text.push_str(&finding);
            }
            Err(Failure::Connection(text))
        }
        Err(error) => Err(Failure::connection(format!("no handshake with {}: {error}", args.target))),
    }
}

/// Whether the hello is to be encrypted: then nothing may be sent that shows the server name.
fn wants_ech(args: &ConnectArgs) -> bool {
    #[cfg(feature = "ech")]
    return args.ech.is_some();
    #[cfg(not(feature = "ech"))]
    {
        let _ = args;
        false
    }
}

/// What became of Encrypted ClientHello, for the trace. One that is not read makes no session.
fn ech(args: &ConnectArgs, session: &Session) -> &'static str {
    match session.ech_accepted() {
        true => "accepted",
        // RFC 9849 6.2.
        false if setup::offers_grease_ech(args) => "GREASE alone",
        false => "none",
    }
}

/// Sends what the server has not taken as early data, and says what became of it.
async fn send_rest<IO>(tls: &mut TlsStream<IO>, data: &[u8], taken: usize) -> Result<(), Failure>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let rest = data.get(taken..).unwrap_or_default();
    let sent = async {
        tls.write_all(rest).await?;
        tls.flush().await
    };
    sent.await.map_err(|error| Failure::connection(format!("the connection failed: {error}")))?;
    output::error_line(match tls.session().early_data() {
        EarlyData::Accepted if rest.is_empty() => format!("early data accepted: {taken} bytes"),
        EarlyData::Accepted => format!("early data accepted: {taken} bytes; {} sent after the handshake", rest.len()),
        EarlyData::Rejected => format!("early data rejected: {} bytes sent again after the handshake", rest.len()),
        EarlyData::NotOffered => {
            format!(
                "early data not sent, for want of a session that allows it: {} bytes sent after the handshake",
                rest.len()
            )
        }
    });
    Ok(())
}

/// One more connection, without data: is the session resumed?
async fn reconnect(
    turn: u32,
    connector: &Connector,
    target: &Target,
    name: &ServerName<'static>,
    starttls: Option<Protocol>,
) -> Result<(), Failure> {
    let tcp = open(target, starttls).await?;
    let mut tls = connector.connect_name(name.clone(), tcp).await.map_err(|error| match error {
        StreamError::Tls(error) => Failure::Connection(format!("reconnection {turn} failed: {}", explain(&error))),
        error => Failure::connection(format!("reconnection {turn} failed: {error}")),
    })?;
    let session = tls.session();
    let how = if session.resumed() { "resumed" } else { "full handshake" };
    output::error_line(format_args!("reconnection {turn}: {how}, {} {}", session.version(), session.cipher_suite()));
    // Nothing was said, so nothing can be lost; but the tickets of TLS 1.3 come with reads.
    let _ = tls.shutdown().await;
    let _ = tokio::time::timeout(std::time::Duration::from_secs(1), tls.read(&mut [0])).await;
    Ok(())
}

/// Opens the TCP connection, and talks plain text as far as it takes.
pub(crate) async fn open(target: &Target, starttls: Option<Protocol>) -> Result<TcpStream, Failure> {
    let mut tcp = TcpStream::connect((target.host.as_str(), target.port)).await.map_err(|error| {
        Failure::connection(format!("{}:{} cannot be reached over TCP: {error}", target.host, target.port))
    })?;
    // Only a matter of speed.
    let _ = tcp.set_nodelay(true);
    if let Some(protocol) = starttls {
        starttls::begin(&mut tcp, protocol).await?;
    }
    Ok(tcp)
}

/// Carries data both ways until both ends have closed: our end closes when `input` does, and when the peer's has.
async fn pump<IO>(
    tls: TlsStream<IO>,
    mut input: impl AsyncRead + Unpin,
    mut output: impl AsyncWrite + Unpin,
) -> Result<(), Failure>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let (mut reader, mut writer) = tokio::io::split(tls);
    let cut = |error: std::io::Error| Failure::connection(format!("the connection failed: {error}"));
    {
        let sending = async {
            let mut buffer = vec![0; 16 << 10];
            loop {
                match input.read(&mut buffer).await {
                    Ok(0) => break,
                    Ok(n) => {
                        writer.write_all(buffer.get(..n).unwrap_or_default()).await.map_err(cut)?;
                        writer.flush().await.map_err(cut)?;
                    }
                    Err(error) => {
                        return Err(Failure::connection(format!("standard input cannot be read: {error}")));
                    }
                }
            }
            writer.shutdown().await.map_err(cut)
        };
        let receiving = async {
            let mut buffer = vec![0; 16 << 10];
            loop {
                let n = reader.read(&mut buffer).await.map_err(cut)?;
                if n == 0 {
                    break;
                }
                output.write_all(buffer.get(..n).unwrap_or_default()).await.map_err(|error| output::failed(&error))?;
                output.flush().await.map_err(|error| output::failed(&error))?;
            }
            Ok(())
        };
        tokio::pin!(sending, receiving);
        let sent = tokio::select! {
            received = &mut receiving => {
                received?;
                None
            }
            sent = &mut sending => Some(sent),
        };
        // `None`: the peer closed first, and whatever we would still send nobody reads. Otherwise, what the peer said
        // before it stopped taking our data may say why.
        if let Some(sent) = sent {
            receiving.await?;
            sent?;
        }
    }
    // Close our end too, if that has not happened.
    let _ = tokio::time::timeout(std::time::Duration::from_secs(1), writer.shutdown()).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn targets() {
        let parse = |text| Target::parse(text).map(|target| (target.host, target.port)).ok();
        assert_eq!(parse("example.com:443"), Some(("example.com".to_owned(), 443)));
        assert_eq!(parse("[::1]:8443"), Some(("::1".to_owned(), 8443)));
        for wrong in ["example.com", "::1:443", ":443", "host:", "host:99999"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
