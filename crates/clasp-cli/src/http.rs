//! `clasp serve --http`: a page about the connection.

use std::fmt::Write as _;
use std::io;

use clasp::cert::{CertificateSummary, Pin, PublicKey};
use clasp::handshake::KeyExchange;
use clasp::tokio::Error as StreamError;
use clasp::{ClientAuth, Session, TlsStream};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::sync::watch;

use crate::idle::Idle;
use crate::trace::particulars;

/// The most bytes of a request's head.
const MAX_HEAD: usize = 16 << 10;

/// A request, as far as we look at it.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    method: String,
    path: String,
    keep_alive: bool,
    /// Whether a body follows, which we do not read.
    has_body: bool,
}

/// What the bytes at hand amount to.
#[derive(Debug, PartialEq, Eq)]
enum Head {
    Partial,
    Whole(Request, usize),
    Bad,
}

fn parse(bytes: &[u8]) -> Head {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD => return Head::Partial,
        Ok(httparse::Status::Partial) | Err(_) => return Head::Bad,
    };
    let header = |name: &str| {
        request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
    };
    let connection = header("connection").unwrap_or_default();
    let says = |word: &str| {
        connection.split(|byte| *byte == b',').any(|part| part.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
    };
    let http_1_0 = matches!(request.version, Some(0));
    let keep_alive = if http_1_0 { says("keep-alive") } else { !says("close") };
    let body = header("content-length").is_some_and(|length| length.trim_ascii() != b"0");
    Head::Whole(
        Request {
            method: request.method.unwrap_or_default().to_owned(),
            path: request.path.unwrap_or_default().to_owned(),
            keep_alive,
            has_body: body || header("transfer-encoding").is_some(),
        },
        length,
    )
}

/// Answers requests until the client has enough, or the server is asked to stop.
pub(crate) async fn serve<IO>(
    tls: &mut TlsStream<IO>,
    on_path: Option<&(String, ClientAuth)>,
    idle: Idle,
    mut stop: watch::Receiver<bool>,
) -> io::Result<u64>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let (mut waiting, mut answered) = (Vec::new(), 0);
    loop {
        let request = match parse(&waiting) {
            Head::Whole(request, length) => {
                waiting.drain(..length);
                Some(request)
            }
            Head::Bad => None,
            Head::Partial => {
                let mut buffer = [0; 4096];
                let read = tokio::select! {
                    read = idle.reading(tls.read(&mut buffer)) => read?,
                    _ = stop.wait_for(|stop| *stop) => 0,
                };
                if read == 0 {
                    return Ok(answered);
                }
                waiting.extend_from_slice(buffer.get(..read).unwrap_or_default());
                continue;
            }
        };
        let guarded = on_path.filter(|(prefix, _)| {
            request.as_ref().is_some_and(|request| request.path.starts_with(prefix)) && tls.session().report().is_none()
        });
        let refused = match guarded {
            None => None,
            // Now that the path is known the certificate is asked for: by shaking hands again (RFC 5246 7.4.1.1), or in TLS 1.3 by
            // itself (RFC 8446 4.6.2).
            Some((_, client_auth)) => match idle.asking(tls.request_client_certificate(client_auth.clone())).await? {
                Ok(_) => None,
                Err(StreamError::Tls(error @ clasp::Error::NoRenegotiation(_))) => Some(refusal(tls, &error)),
                Err(StreamError::Tls(error)) => return Err(io::Error::other(error)),
                Err(StreamError::Io(error)) => return Err(error),
                Err(error) => return Err(io::Error::other(error)),
            },
        };
        let page = page(tls.session());
        let guarded = on_path.map(|(prefix, _)| prefix.as_str());
        let (answer, keep) = answer(request.as_ref(), guarded, refused.as_deref(), &page);
        let keep = keep && !*stop.borrow();
        idle.write(tls, answer.as_bytes()).await?;
        answered += 1;
        if !keep {
            return Ok(answered);
        }
    }
}

/// Why a certificate that the path needs cannot be asked for, and what would help.
fn refusal<IO>(tls: &TlsStream<IO>, error: &clasp::Error) -> String {
    let session = tls.session();
    if session.suite().key_exchange == KeyExchange::Tls13 && !tls.connection().peer_has_closed() {
        return format!(
            "This path needs a client certificate, and {error}.\n\
             In {} a server can ask only those for it that offer this, and few do. Servers ask in every handshake instead \
             (--client-auth request), or speak no more than TLS 1.2 (--max-version tls1.2 --policy compatible).\n",
            session.version()
        );
    }
    format!("This path needs a client certificate: {error}\n")
}

/// `guarded`: the prefix of paths that need a certificate; `refused`: why there is none.
fn answer(request: Option<&Request>, guarded: Option<&str>, refused: Option<&str>, page: &str) -> (String, bool) {
    let (status, body) = match request {
        None => ("400 Bad Request", "that is no HTTP request\n"),
        Some(request) if request.method != "GET" && request.method != "HEAD" => {
            ("405 Method Not Allowed", "only GET\n")
        }
        Some(_) if refused.is_some() => ("403 Forbidden", refused.unwrap_or_default()),
        Some(request) if request.path == "/" || guarded.is_some_and(|prefix| request.path.starts_with(prefix)) => {
            ("200 OK", page)
        }
        Some(_) => ("404 Not Found", "only / is here\n"),
    };
    let keep = request.is_some_and(|request| request.keep_alive && !request.has_body);
    let connection = if keep { "keep-alive" } else { "close" };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: {connection}\r\n\r\n",
        body.len()
    );
    let body = if request.is_some_and(|request| request.method == "HEAD") { "" } else { body };
    (head + body, keep)
}

/// The page: everything about the connection that is no secret.
fn page(session: &Session) -> String {
    let mut page = String::new();
    let certificate = session.peer_certificates().first().and_then(|leaf| CertificateSummary::from_der(leaf).ok());
    let raw_key = session.peer_raw_public_key().and_then(|spki| PublicKey::from_raw_public_key(spki).ok());
    let pin = raw_key.and_then(|key| Pin::of_public_key(&key).ok());
    let client = match (certificate, pin) {
        (Some(summary), _) => summary.subject.into(),
        (None, Some(pin)) => format!("raw public key {pin}"),
        (None, None) => "none".to_owned(),
    };
    let alpn = session.alpn().map_or_else(|| "none".to_owned(), |name| name.escape_ascii().to_string());
    let agreed = particulars(session).into_iter().filter(|(name, _)| *name != "client authenticated");
    for (name, value) in agreed.chain([
        ("server name", session.server_name().unwrap_or("none").to_owned()),
        ("application protocol", alpn),
        ("extended master secret", if session.extended_master_secret() { "yes" } else { "no" }.to_owned()),
        ("encrypt-then-MAC", if session.encrypt_then_mac() { "yes" } else { "no" }.to_owned()),
        ("client", client),
        ("renegotiations", session.renegotiations().to_string()),
    ]) {
        // Writing to a string does not fail.
        let _ = writeln!(page, "{name:<23} {value}");
    }
    page.push('\n');
    for (step, how) in session.steps() {
        let _ = writeln!(page, "{:>2}  {}: {how}", step.number(), step.title());
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Request {
        match parse(text.as_bytes()) {
            Head::Whole(request, length) => {
                assert_eq!(length, text.len());
                request
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn keeping_the_connection() {
        assert!(whole("GET / HTTP/1.1\r\nHost: a\r\n\r\n").keep_alive);
        assert!(!whole("GET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n").keep_alive);
        assert!(!whole("GET / HTTP/1.0\r\n\r\n").keep_alive);
        assert!(whole("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
        assert!(whole("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n").has_body);
    }

    #[test]
    fn partial_and_bad_heads() {
        assert_eq!(parse(b"GET / HT"), Head::Partial);
        assert_eq!(parse(b"\x16\x03\x01"), Head::Bad);
        assert_eq!(parse(&[b"GET /".as_slice(), &[b'a'; MAX_HEAD]].concat()), Head::Bad);
    }

    #[test]
    fn answers() {
        let request = whole("GET / HTTP/1.1\r\n\r\n");
        let (text, keep) = answer(Some(&request), None, None, "page");
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("\r\n\r\npage") && keep);
        assert!(answer(None, None, None, "page").0.starts_with("HTTP/1.1 400"));
        let other = whole("GET /x HTTP/1.1\r\n\r\n");
        assert!(answer(Some(&other), None, None, "page").0.starts_with("HTTP/1.1 404"));
    }
}
