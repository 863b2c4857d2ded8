//! A `clasp serve` of our own: started, watched through `/proc`, told to stop (RFC 5246 7.2.1: its connections may finish first).

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader, Lines};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::tally::Log;
use crate::verdict::Sample;

/// The program that serves, with `serve` as its first word.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
}

/// A server.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    folder: PathBuf,
    pub(crate) log: Arc<Mutex<Log>>,
    /// What came on its standard error: it should be nothing.
    pub(crate) complaints: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
}

impl Server {
    /// Starts one with these options, and waits until it listens.
    pub(crate) async fn start(program: &Program, options: &[String]) -> Result<Self, String> {
        let mut child = Command::new(&program.path)
            .arg("serve")
            .args(options)
            .env_remove("SSLKEYLOGFILE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{} cannot be started: {error}", program.path.display()))?;
        let complaints = Arc::<Mutex<Vec<String>>>::default();
        let heard = Arc::clone(&complaints);
        let mut readers = Vec::new();
        if let Some(stderr) = child.stderr.take() {
            readers.push(each_line(BufReader::new(stderr).lines(), move |line| {
                let mut all = heard.lock().unwrap_or_else(PoisonError::into_inner);
                if all.len() < 100 {
                    all.push(line);
                }
            }));
        }
        let stdout = child.stdout.take().ok_or("the server has no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let first = timeout(Duration::from_secs(20), lines.next_line()).await;
        let first = first.ok().and_then(Result::ok).flatten().unwrap_or_default();
        let Some(address) = first.strip_prefix("listening on ").and_then(|address| address.parse().ok()) else {
            // What it said of it may take a moment to come.
            tokio::time::sleep(Duration::from_millis(200)).await;
            let why = complaints.lock().unwrap_or_else(PoisonError::into_inner).join(" ");
            return Err(format!("the server does not listen: {first} {why}"));
        };
        let log = Arc::<Mutex<Log>>::default();
        let kept = Arc::clone(&log);
        readers.push(each_line(lines, move |line| kept.lock().unwrap_or_else(PoisonError::into_inner).line(&line)));
        let id = child.id().ok_or("the server is gone already")?;
        Ok(Self { child, address, folder: PathBuf::from(format!("/proc/{id}")), log, complaints, readers })
    }

    /// What the system says of it now.
    pub(crate) fn sample(&self, since: Instant) -> Result<Sample, String> {
        sample(&self.folder, since.elapsed())
    }

    /// Asks it to stop, by SIGTERM.
    pub(crate) async fn terminate(&self) -> Result<(), String> {
        let id = self.child.id().ok_or("the server is gone already")?;
        let told = Command::new("kill").arg(id.to_string()).status().await.map_err(|error| format!("kill: {error}"))?;
        if told.success() { Ok(()) } else { Err(format!("kill: {told}")) }
    }

    /// Waits for its end.
    pub(crate) async fn wait(&mut self, limit: Duration) -> Result<ExitStatus, String> {
        let ended = timeout(limit, self.child.wait()).await;
        let ended = ended.map_err(|_| format!("the server did not stop within {} s of SIGTERM", limit.as_secs()))?;
        // Its last lines are read before anything is said of them.
        for reader in self.readers.drain(..) {
            let _ = timeout(Duration::from_secs(5), reader).await;
        }
        ended.map_err(|error| error.to_string())
    }
}

fn each_line<R>(mut lines: Lines<BufReader<R>>, mut each: impl FnMut(String) + Send + 'static) -> JoinHandle<()>
where
    R: AsyncRead + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            each(line);
        }
    })
}

fn sample(folder: &Path, at: Duration) -> Result<Sample, String> {
    let failed = |error| format!("{}: {error}", folder.display());
    let status = fs::read_to_string(folder.join("status")).map_err(failed)?;
    let (rss, threads) = status_figures(&status).ok_or_else(|| format!("{}: no VmRSS", folder.display()))?;
    let descriptors = fs::read_dir(folder.join("fd")).map_err(failed)?.count();
    Ok(Sample { at, rss, descriptors, threads })
}

/// Resident memory in KiB, and threads.
fn status_figures(status: &str) -> Option<(u64, usize)> {
    let figure = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()
    };
    Some((figure("VmRSS:")?.parse().ok()?, figure("Threads:")?.parse().ok()?))
}

/// How many files a process may open here, if it is told.
pub(crate) fn open_files_limit() -> Option<usize> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_the_systems_words() {
        let status = "Name:\tclasp\nVmHWM:\t   9000 kB\nVmRSS:\t   8124 kB\nThreads:\t3\n";
        assert_eq!(status_figures(status), Some((8124, 3)));
        assert_eq!(status_figures("Name:\tclasp\n"), None);
    }

    #[test]
    fn this_process_has_figures() {
        let sample = sample(Path::new("/proc/self"), Duration::ZERO).unwrap();
        assert!(sample.rss > 100 && sample.descriptors >= 3 && sample.threads >= 1, "{sample:?}");
        assert!(open_files_limit().is_some_and(|limit| limit > 10));
    }
}
