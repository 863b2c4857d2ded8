//! The NSS key log: session secrets for tools that decrypt captures (draft-ietf-tls-keylogfile).
//!
//! Off unless a configuration asks for it. Whoever reads the log reads the connections.

use core::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;

use clasp_keys::key_log_line;

/// Receives secrets. Called from within `Connection::poll`.
pub trait KeyLog: Debug + Send + Sync {
    /// Takes one secret, under its NSS label (`CLIENT_RANDOM` for a TLS 1.2 master secret).
    fn log(&self, label: &str, client_random: &[u8; 32], secret: &[u8]);
}

/// A key log file that is appended to.
#[derive(Debug)]
pub struct KeyLogFile(Mutex<File>);

impl KeyLogFile {
    /// Opens `path` for appending and creates it when missing, readable by its owner only.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path).map(|file| Self(Mutex::new(file)))
    }

    /// The file named by the environment variable `SSLKEYLOGFILE`, or `None` when it is not set.
    pub fn from_environment() -> io::Result<Option<Self>> {
        match std::env::var_os("SSLKEYLOGFILE") {
            Some(path) if !path.is_empty() => Self::open(path).map(Some),
            _ => Ok(None),
        }
    }
}

impl KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8; 32], secret: &[u8]) {
        let line = key_log_line(label, client_random, secret);
        if let Ok(mut file) = self.0.lock() {
            // A full disk must not end the connection.
            let _ = writeln!(file, "{}", line.trim_end());
        }
    }
}
