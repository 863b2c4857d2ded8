//! `clasp serve --idle-timeout`: how long a client may stand still once the handshake (RFC 8446 2) is done.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

/// How long a client may stand still; `None`: as long as it likes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Idle(Option<Duration>);

impl Idle {
    /// 0 for as long as it likes.
    pub(crate) fn seconds(seconds: u64) -> Self {
        Self((seconds > 0).then(|| Duration::from_secs(seconds)))
    }

    /// Waits for what the client sends.
    pub(crate) async fn reading(self, read: impl Future<Output = io::Result<usize>>) -> io::Result<usize> {
        self.within("sent nothing", read).await?
    }

    /// Sends all of it.
    pub(crate) async fn write(self, to: &mut (impl AsyncWrite + Unpin), data: &[u8]) -> io::Result<()> {
        let writing = async {
            to.write_all(data).await?;
            to.flush().await
        };
        self.within("did not take what it was sent", writing).await?
    }

    /// Waits for what the client was asked for.
    pub(crate) async fn asking<T>(self, ask: impl Future<Output = T>) -> io::Result<T> {
        self.within("did not answer", ask).await
    }

    async fn within<T>(self, what: &str, future: impl Future<Output = T>) -> io::Result<T> {
        let Some(limit) = self.0 else { return Ok(future.await) };
        timeout(limit, future).await.map_err(|_| {
            io::Error::new(io::ErrorKind::TimedOut, format!("the client {what} within {} s", limit.as_secs()))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
    }

    #[test]
    fn who_stands_still_is_let_go_of() {
        let idle = Idle::seconds(1);
        let error = run(idle.reading(pending())).unwrap_err();
        assert_eq!(error.to_string(), "the client sent nothing within 1 s");
        assert_eq!(run(idle.reading(ready(Ok(3)))).unwrap(), 3);
        // Nobody reads the other end, and it holds 16 bytes.
        let (mut ours, _other) = tokio::io::duplex(16);
        run(idle.write(&mut ours, &[0; 16])).unwrap();
        assert_eq!(run(idle.write(&mut ours, &[0])).unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(run(Idle::seconds(0).asking(ready(5))).unwrap(), 5);
    }
}
