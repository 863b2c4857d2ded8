//! Runs a client and a server against each other in memory, and prints every step.

use std::sync::Arc;

use clasp_handshake::cert::{Identity, RootStore};
use clasp_handshake::{ClientConfig, Connection, Policy, ServerConfig, Status, Trace, TraceEvent};
use rustls_pki_types::PrivateKeyDer;

#[derive(Debug)]
struct Print;

impl Trace for Print {
    fn event(&self, event: &TraceEvent) {
        println!("{event}");
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let made = rcgen::generate_simple_self_signed(["server.example".to_owned()])?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
    let provider = clasp_crypto::default_provider();
    let identity = Identity::from_der(vec![made.cert.der().clone()], &key, provider)?;
    let mut roots = RootStore::default();
    roots.add_der(made.cert.der())?;

    let client = ClientConfig::builder(Policy::modern()).roots(roots).trace(Arc::new(Print)).build()?;
    let server = ServerConfig::builder(Policy::modern()).identity(identity).trace(Arc::new(Print)).build()?;
    let mut client = Connection::client(client, "server.example".try_into()?);
    let mut server = Connection::server(server);
    while client.is_handshaking() || server.is_handshaking() {
        client.poll_now()?;
        server.receive(&client.output().split());
        server.poll_now()?;
        client.receive(&server.output().split());
    }

    client.write(b"hello")?;
    server.receive(&client.output().split());
    while server.poll_now()? == Status::Data {
        println!("the server reads {:?}", server.read().unwrap_or_default());
    }
    Ok(())
}
