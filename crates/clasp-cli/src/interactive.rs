//! `--interactive`: lines from standard input, some of which are commands.

use clasp::TlsStream;
use clasp::tokio::Error as StreamError;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};

use crate::failure::{Failure, explain};
use crate::output::{self, error_line};

/// Carries lines to the peer and its data to `output`. `R` alone renegotiates, `K` updates keys, `Q` closes.
pub(crate) async fn run<IO>(
    mut tls: TlsStream<IO>,
    input: impl AsyncRead + Unpin,
    mut output: impl AsyncWrite + Unpin,
) -> Result<(), Failure>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let cut = |error: std::io::Error| Failure::connection(format!("the connection failed: {error}"));
    let mut lines = BufReader::new(input).lines();
    let mut buffer = vec![0; 16 << 10];
    let mut open = true;
    loop {
        tokio::select! {
            read = tls.read(&mut buffer) => {
                let n = read.map_err(cut)?;
                if n == 0 {
                    break;
                }
                output.write_all(buffer.get(..n).unwrap_or_default()).await.map_err(|error| output::failed(&error))?;
                output.flush().await.map_err(|error| output::failed(&error))?;
            }
            line = lines.next_line(), if open => {
                let line = line.map_err(|error| {
                    Failure::connection(format!("standard input cannot be read: {error}"))
                })?;
                match line.as_deref() {
                    None | Some("Q") => {
                        open = false;
                        tls.shutdown().await.map_err(cut)?;
                    }
                    Some("R") => renegotiate(&mut tls).await?,
                    Some("K") => update_keys(&mut tls).await?,
                    Some(text) => {
                        tls.write_all(text.as_bytes()).await.map_err(cut)?;
                        tls.write_all(b"\n").await.map_err(cut)?;
                        tls.flush().await.map_err(cut)?;
                    }
                }
            }
        }
    }
    if open {
        // Close our end too. A peer that is gone takes it no more.
        let _ = tls.shutdown().await;
    }
    Ok(())
}

async fn renegotiate<IO: AsyncRead + AsyncWrite + Unpin>(tls: &mut TlsStream<IO>) -> Result<(), Failure> {
    match tls.renegotiate().await {
        Ok(session) => {
            error_line(format_args!("renegotiated: {} {}", session.version(), session.cipher_suite()));
            Ok(())
        }
        Err(StreamError::Tls(error @ clasp::Error::NoRenegotiation(_))) => {
            error_line(&error);
            Ok(())
        }
        Err(StreamError::Tls(error)) => Err(Failure::Connection(format!("renegotiation failed: {}", explain(&error)))),
        Err(error) => Err(Failure::connection(format!("renegotiation failed: {error}"))),
    }
}

/// We write under new keys, and the server is asked to.
async fn update_keys<IO: AsyncRead + AsyncWrite + Unpin>(tls: &mut TlsStream<IO>) -> Result<(), Failure> {
    match tls.update_keys(true).await {
        Ok(()) => error_line("keys updated: ours from here on, the server's with what it sends next"),
        Err(StreamError::Tls(error @ (clasp::Error::NoRenegotiation(_) | clasp::Error::NotWritable(_)))) => {
            error_line(&error);
        }
        Err(error) => return Err(Failure::connection(format!("keys could not be updated: {error}"))),
    }
    Ok(())
}
