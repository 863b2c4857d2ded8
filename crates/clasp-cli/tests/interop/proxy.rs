//! A proxy between two peers that sees records, and may change them, withhold them or cut the connection.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::ends::{accept, tcp};

/// Which way a record goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToServer,
    ToClient,
}

/// One record as it lies on the wire, header included.
#[derive(Clone, Debug)]
pub(crate) struct Record(pub(crate) Vec<u8>);

pub(crate) const APPLICATION_DATA: u8 = 23;

impl Record {
    pub(crate) fn content_type(&self) -> u8 {
        self.0[0]
    }

    /// The length its header states, bytes.
    pub(crate) fn length(&self) -> usize {
        usize::from(u16::from_be_bytes([self.0[3], self.0[4]]))
    }
}

/// What becomes of a record.
pub(crate) enum Fate {
    Pass(Record),
    /// Both sides see the end of the transport, as if the other had gone.
    Cut,
}

/// A proxy for one connection.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<(Way, u8, usize)>>>,
}

impl Proxy {
    /// Passes one connection on to `server`, each record by way of `judge`.
    pub(crate) fn start(server: u16, judge: impl FnMut(Way, Record) -> Fate + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        thread::spawn(move || {
            let Ok(client) = accept(&listener) else { return };
            let server = tcp(server);
            let judge = Arc::new(Mutex::new(judge));
            for (way, from, to) in [(Way::ToServer, &client, &server), (Way::ToClient, &server, &client)] {
                let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                let (judge, log) = (Arc::clone(&judge), Arc::clone(&log));
                thread::spawn(move || {
                    carry(from, to, |record| {
                        log.lock().unwrap().push((way, record.content_type(), record.length()));
                        (*judge.lock().unwrap())(way, record)
                    });
                });
            }
        });
        Self { port, seen }
    }

    /// Passes everything on, and only watches.
    pub(crate) fn watching(server: u16) -> Self {
        Self::start(server, |_, record| Fate::Pass(record))
    }

    /// The lengths of the records of one type that went one way.
    pub(crate) fn lengths(&self, way: Way, content_type: u8) -> Vec<usize> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|record| (record.0, record.1) == (way, content_type)).map(|record| record.2).collect()
    }
}

/// Passes records on until the sender ends or the judge cuts.
fn carry(mut from: TcpStream, mut to: TcpStream, mut judge: impl FnMut(Record) -> Fate) {
    loop {
        let mut record = vec![0; 5];
        if from.read_exact(&mut record).is_err() {
            break;
        }
        let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
        record.resize(5 + length, 0);
        if from.read_exact(&mut record[5..]).is_err() {
            break;
        }
        match judge(Record(record)) {
            Fate::Pass(record) => {
                if to.write_all(&record.0).is_err() {
                    break;
                }
            }
            Fate::Cut => {
                let _ = from.shutdown(Shutdown::Write);
                break;
            }
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
