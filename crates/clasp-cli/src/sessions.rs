//! `--session FILE`: sessions that outlive the command.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use clasp::SessionStore;
use clasp::cert::MaybeReady;
use zeroize::Zeroizing;

/// A file of sessions: a line each, server name and session, both in hexadecimal. Whoever reads it can resume them, and read
/// what was sent in those that were recorded.
#[derive(Debug)]
pub(crate) struct FileSessions {
    path: PathBuf,
    lock: Mutex<()>,
}

type Sessions = BTreeMap<Vec<u8>, Zeroizing<Vec<u8>>>;

impl FileSessions {
    /// Reads and writes this file, which need not exist yet.
    pub(crate) fn open(path: PathBuf) -> io::Result<Self> {
        let store = Self { path, lock: Mutex::default() };
        store.load().map(|_| store)
    }

    fn load(&self) -> io::Result<Sessions> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Sessions::new()),
            Err(error) => return Err(error),
        };
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        Ok(lines.filter_map(|(key, session)| Some((bytes(key)?, Zeroizing::new(bytes(session)?)))).collect())
    }

    fn save(&self, sessions: &Sessions) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut text = Zeroizing::new(String::new());
        for (key, session) in sessions {
            text.push_str(&hex(key));
            text.push(' ');
            text.push_str(&Zeroizing::new(hex(session)));
            text.push('\n');
        }
        options.open(&self.path)?.write_all(text.as_bytes())
    }

    /// Changes the file. One that cannot be written is as good as none: the next handshake is a full one.
    fn change(&self, change: impl FnOnce(&mut Sessions)) {
        let _one_at_a_time = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sessions = self.load().unwrap_or_default();
        change(&mut sessions);
        let _ = self.save(&sessions);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Hexadecimal, two digits a byte.
pub(crate) fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes().chunks(2);
    let byte = |pair: &[u8]| match pair {
        [b'+', _] | [_] => None,
        pair => u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok(),
    };
    digits.map(byte).collect()
}

impl SessionStore for FileSessions {
    fn get<'a>(&'a self, key: &'a [u8]) -> MaybeReady<'a, Option<Zeroizing<Vec<u8>>>> {
        MaybeReady::ready(self.load().ok().and_then(|mut sessions| sessions.remove(key)))
    }

    fn put<'a>(&'a self, key: &'a [u8], session: Zeroizing<Vec<u8>>) -> MaybeReady<'a, ()> {
        self.change(|sessions| {
            sessions.insert(key.to_vec(), session);
        });
        MaybeReady::ready(())
    }

    fn remove<'a>(&'a self, key: &'a [u8]) -> MaybeReady<'a, ()> {
        self.change(|sessions| {
            sessions.remove(key);
        });
        MaybeReady::ready(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_into_the_file_is_found_by_another() {
        let path = std::env::temp_dir().join(format!("clasp-sessions-{}", std::process::id()));
        let open = || FileSessions::open(path.clone()).unwrap();
        open().put(b"a.example", Zeroizing::new(vec![1, 2, 0xff])).try_take().unwrap();
        open().put(b"b.example", Zeroizing::new(vec![3])).try_take().unwrap();
        assert_eq!(**open().get(b"a.example").try_take().unwrap().as_ref().unwrap(), [1, 2, 0xff]);
        open().remove(b"a.example").try_take().unwrap();
        assert!(open().get(b"a.example").try_take().unwrap().is_none());
        assert!(open().get(b"b.example").try_take().unwrap().is_some());
        fs::write(&path, "no session\nzz 00\n").unwrap();
        assert!(open().load().unwrap().is_empty());
        fs::remove_file(&path).unwrap();
    }
}
