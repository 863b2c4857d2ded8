//! The attacker: connections that say nothing, half a ClientHello, or a whole one, and then nothing more.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::Arc;

use clasp::cert::DangerousAcceptAnyServer;
use clasp::{ClientConfig, Connection, Policy};

/// Opens as many connections as the second argument says, to the port that the first says; prints `open`, and keeps
/// them until standard input ends.
pub(crate) fn run(args: &[String]) -> ExitCode {
    let [port, count] = args else { return ExitCode::from(2) };
    let (Ok(port), Ok(count)) = (port.parse::<u16>(), count.parse::<usize>()) else { return ExitCode::from(2) };
    let mut open = Vec::with_capacity(count);
    for number in 0..count {
        match half_open(port, number) {
            Ok(connection) => open.push(connection),
            Err(error) => {
                eprintln!("connection {number}: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    println!("open");
    let _ = std::io::stdin().read(&mut [0]);
    ExitCode::SUCCESS
}

/// A third of each kind.
fn half_open(port: u16, number: usize) -> std::io::Result<TcpStream> {
    let mut tcp = TcpStream::connect(("127.0.0.1", port))?;
    let hello = client_hello();
    match number % 3 {
        0 => {}
        1 => tcp.write_all(&hello[..hello.len() / 2])?,
        _ => tcp.write_all(&hello)?,
    }
    Ok(tcp)
}

fn client_hello() -> Vec<u8> {
    let config = ClientConfig::builder(Policy::modern()).verifier(Arc::new(DangerousAcceptAnyServer)).build();
    let name = "localhost".try_into().expect("a DNS name");
    let mut tls = Connection::client(config.expect("a configuration"), name);
    tls.poll_now().expect("a client speaks first");
    tls.output().to_vec()
}
