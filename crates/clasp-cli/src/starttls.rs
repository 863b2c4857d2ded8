//! `--starttls`: what a plain-text protocol says before TLS begins (RFC 3207, 2595, 4511 4.14, 4217, and PostgreSQL's
//! SSLRequest).
//!
//! The answer is read byte by byte: what follows its last byte is TLS already, and anything before it that was not asked
//! for would be an attacker's.

use clap::ValueEnum;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::failure::Failure;

/// A protocol that begins in plain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Protocol {
    Smtp,
    Imap,
    Pop3,
    Ldap,
    Ftp,
    Postgres,
}

/// The longest line, and the most lines, of an answer.
const LONGEST: usize = 4096;
const MOST: usize = 100;

/// Talks until both sides begin with TLS.
pub(crate) async fn begin<IO>(io: &mut IO, protocol: Protocol) -> Result<(), Failure>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    match protocol {
        Protocol::Smtp => {
            reply(io, "220").await?;
            send(io, b"EHLO clasp.invalid\r\n").await?;
            reply(io, "250").await?;
            send(io, b"STARTTLS\r\n").await?;
            reply(io, "220").await
        }
        Protocol::Ftp => {
            reply(io, "220").await?;
            send(io, b"AUTH TLS\r\n").await?;
            reply(io, "234").await
        }
        Protocol::Pop3 => {
            starts_with(&line(io).await?, "+OK")?;
            send(io, b"STLS\r\n").await?;
            starts_with(&line(io).await?, "+OK")
        }
        Protocol::Imap => {
            starts_with(&line(io).await?, "* OK")?;
            send(io, b"a1 STARTTLS\r\n").await?;
            for _ in 0..MOST {
                let text = line(io).await?;
                if text.starts_with("a1 ") {
                    return starts_with(&text, "a1 OK");
                }
            }
            Err(refused("it does not come to an answer"))
        }
        Protocol::Ldap => ldap(io).await,
        Protocol::Postgres => {
            send(io, &[0, 0, 0, 8, 4, 210, 22, 47]).await?;
            match byte(io).await? {
                b'S' => Ok(()),
                _ => Err(refused("the server has no TLS")),
            }
        }
    }
}

/// ExtendedRequest with the object identifier of StartTLS, and the success of its ExtendedResponse.
async fn ldap<IO: AsyncRead + AsyncWrite + Unpin>(io: &mut IO) -> Result<(), Failure> {
    const OID: &[u8; 22] = b"1.3.6.1.4.1.1466.20037";
    let mut request = vec![0x30, 0x1d, 2, 1, 1, 0x77, 0x18, 0x80, 0x16];
    request.extend_from_slice(OID);
    send(io, &request).await?;
    let [tag, length] = [byte(io).await?, byte(io).await?];
    let length = match length {
        short @ 0..=0x7f => usize::from(short),
        0x84 => {
            let mut four = [0; 4];
            io.read_exact(&mut four).await.map_err(cut)?;
            usize::try_from(u32::from_be_bytes(four)).unwrap_or(usize::MAX)
        }
        0x81 => usize::from(byte(io).await?),
        _ => return Err(refused("that is no LDAP answer")),
    };
    if tag != 0x30 || length > LONGEST {
        return Err(refused("that is no LDAP answer"));
    }
    let mut body = vec![0; length];
    io.read_exact(&mut body).await.map_err(cut)?;
    // messageID 1, then the response, whose first element is the result code.
    let code = body.strip_prefix(&[2, 1, 1, 0x78]).and_then(|rest| rest.windows(3).find(|part| part[..2] == [10, 1]));
    match code {
        Some([_, _, 0]) => Ok(()),
        Some([_, _, code]) => Err(refused(&format!("LDAP result code {code}"))),
        _ => Err(refused("that is no LDAP answer")),
    }
}

async fn send<IO: AsyncWrite + Unpin>(io: &mut IO, text: &[u8]) -> Result<(), Failure> {
    io.write_all(text).await.map_err(cut)?;
    io.flush().await.map_err(cut)
}

async fn byte<IO: AsyncRead + Unpin>(io: &mut IO) -> Result<u8, Failure> {
    let mut one = [0];
    io.read_exact(&mut one).await.map_err(cut)?;
    Ok(one[0])
}

/// A line without its end.
async fn line<IO: AsyncRead + Unpin>(io: &mut IO) -> Result<String, Failure> {
    let mut text = Vec::new();
    loop {
        match byte(io).await? {
            b'\n' => break,
            _ if text.len() == LONGEST => return Err(refused("a line without end")),
            byte => text.push(byte),
        }
    }
    Ok(String::from_utf8_lossy(&text).trim_end().to_owned())
}

/// A reply of one or more lines, the last of which has a blank behind its code (RFC 5321 4.2.1, RFC 959 4.2).
async fn reply<IO: AsyncRead + Unpin>(io: &mut IO, code: &str) -> Result<(), Failure> {
    for _ in 0..MOST {
        let text = line(io).await?;
        if text.as_bytes().get(3) != Some(&b'-') && text.bytes().take(3).all(|byte| byte.is_ascii_digit()) {
            return starts_with(&text, code);
        }
    }
    Err(refused("it does not come to an end"))
}

fn starts_with(text: &str, wanted: &str) -> Result<(), Failure> {
    if text.starts_with(wanted) { Ok(()) } else { Err(refused(&format!("it says {text:?}"))) }
}

fn refused(why: &str) -> Failure {
    Failure::connection(format!("the server does not begin with TLS: {why}; is --starttls right for this port?"))
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn cut(error: std::io::Error) -> Failure {
    Failure::connection(format!("the connection ended before TLS began: {error}; is --starttls right for this port?"))
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    /// A server that says `script` line by line, each after a line of the client's but the first.
    async fn against(protocol: Protocol, script: &'static [&'static [u8]]) -> Result<Vec<u8>, Failure> {
        let (mut ours, mut theirs) = duplex(4096);
        let server = tokio::spawn(async move {
            let mut heard = Vec::new();
            let mut buffer = [0; 256];
            let speaks_first = !matches!(protocol, Protocol::Ldap | Protocol::Postgres);
            for (turn, text) in script.iter().enumerate() {
                if turn > 0 || !speaks_first {
                    let n = theirs.read(&mut buffer).await.unwrap();
                    heard.extend_from_slice(&buffer[..n]);
                }
                theirs.write_all(text).await.unwrap();
            }
            (heard, theirs)
        });
        begin(&mut ours, protocol).await?;
        Ok(server.await.unwrap().0)
    }

    #[tokio::test]
    async fn each_protocol_comes_to_tls() {
        let heard = against(
            Protocol::Smtp,
            &[b"220-a\r\n220 mail\r\n", b"250-SIZE\r\n250-STARTTLS\r\n250 8BITMIME\r\n", b"220 go\r\n"],
        )
        .await
        .unwrap();
        assert_eq!(heard, b"EHLO clasp.invalid\r\nSTARTTLS\r\n");
        against(Protocol::Imap, &[b"* OK ready\r\n", b"* more\r\na1 OK go\r\n"]).await.unwrap();
        against(Protocol::Pop3, &[b"+OK ready\r\n", b"+OK go\r\n"]).await.unwrap();
        against(Protocol::Ftp, &[b"220 ready\r\n", b"234 go\r\n"]).await.unwrap();
        against(Protocol::Postgres, &[b"S"]).await.unwrap();
        against(Protocol::Ldap, &[b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"]).await.unwrap();
    }

    #[tokio::test]
    async fn a_refusal_is_told() {
        const REFUSALS: &[(Protocol, &[&[u8]])] = &[
            (Protocol::Smtp, &[b"554 no\r\n"]),
            (Protocol::Imap, &[b"* OK ready\r\n", b"a1 NO\r\n"]),
            (Protocol::Pop3, &[b"+OK ready\r\n", b"-ERR\r\n"]),
            (Protocol::Postgres, &[b"N"]),
            (Protocol::Ldap, &[b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00"]),
        ];
        for (protocol, script) in REFUSALS {
            let error = against(*protocol, script).await.unwrap_err();
            assert!(error.to_string().contains("--starttls"), "{protocol:?}: {error}");
        }
    }
}
