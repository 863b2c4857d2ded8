//! Whole connections fed arbitrary bytes: no panic, no endless loop, bounded buffers, and never an established session.

use std::sync::{Arc, LazyLock};

use clasp_cert::{Identity, RootStore};
use clasp_handshake::{ClientConfig, Connection, Policy, ServerConfig, Status};
use rustls_pki_types::ServerName;

const NAME: &str = "server.example";

struct Configs {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

static CONFIGS: LazyLock<Configs> = LazyLock::new(|| {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).expect("certificate");
    let key = made.signing_key.serialize_der().try_into().expect("key");
    let chain = vec![made.cert.der().clone()];
    let identity = Identity::from_der(chain, key, clasp_crypto::default_provider()).expect("identity");
    let mut roots = RootStore::default();
    roots.add_der(made.cert.der().clone()).expect("root");
    Configs {
        client: ClientConfig::builder(Policy::compatible()).roots(roots).build().expect("client"),
        server: ServerConfig::builder(Policy::compatible()).identity(identity).build().expect("server"),
    }
});

/// Feeds everything, in pieces whose size the first byte gives, and drives until nothing moves.
fn feed(tls: &mut Connection, data: &[u8]) {
    let Some((piece, data)) = data.split_first() else { return };
    for mut piece in data.chunks(usize::from(*piece) * 16 + 1) {
        while !piece.is_empty() {
            let taken = tls.receive(piece);
            piece = &piece[taken..];
            loop {
                match tls.poll_now() {
                    Ok(Status::Data) => drop(tls.read()),
                    Ok(_) => break,
                    Err(error) => {
                        assert!(!error.to_string().is_empty());
                        return;
                    }
                }
            }
            assert!(tls.output().len() < 1 << 16, "the output grows without bound");
            tls.output().clear();
        }
    }
    tls.receive_eof();
    let _ = tls.poll_now();
}

/// A server before any hello.
pub fn server_connection(data: &[u8]) {
    let mut tls = Connection::server(Arc::clone(&CONFIGS.server));
    feed(&mut tls, data);
    assert!(tls.session().is_none(), "a session was established with no one");
}

/// A client that has sent its hello.
pub fn client_connection(data: &[u8]) {
    let mut tls = Connection::client(Arc::clone(&CONFIGS.client), ServerName::try_from(NAME).expect("name"));
    let _ = tls.poll_now();
    tls.output().clear();
    feed(&mut tls, data);
    assert!(tls.session().is_none(), "a session was established with no one");
}

/// A server in the middle of an established connection: what follows the client's last record is arbitrary.
pub fn established_server(data: &[u8]) {
    let name = ServerName::try_from(NAME).expect("name");
    let mut client = Connection::client(Arc::clone(&CONFIGS.client), name);
    let mut server = Connection::server(Arc::clone(&CONFIGS.server));
    while client.is_handshaking() || server.is_handshaking() {
        client.poll_now().expect("client");
        server.receive(&client.output().split());
        server.poll_now().expect("server");
        client.receive(&server.output().split());
    }
    client.write(b"good").expect("client");
    server.receive(&client.output().split());
    feed(&mut server, data);
}
