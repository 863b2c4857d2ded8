//! What else happens between the two: sessions resumed, handshakes repeated, and failures told.

use std::sync::Arc;

use clasp::ServerConfig;
use clasp::wire::ProtocolVersion;

use crate::matrix::{VERSIONS, connect, path, policy};
use crate::peer::{Peer, have, seen};
use crate::pki::{self, pki};

/// A stub.
#[test]
fn a_client_that_cannot_verify_us_says_so() {
    if !have() {
        return;
    }
    let _ = (VERSIONS, seen);
    for (version, protocol, _) in VERSIONS {
        let config = ServerConfig::builder(policy(version, "RC4-MD5")).identity(pki().server.identity()).build();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            clasp::blocking::Stream::server(Arc::clone(&config.unwrap()), stream).map(|_| ())
        });
        // It trusts nobody.
        let peer = Peer::connect(port, &["--protocol", protocol, "--cipher", "RC4-MD5", "--verify", "require"]);
        assert!(peer.end_badly().contains("certificate verify failed"));
        let error = serving.join().unwrap().unwrap_err().to_string();
        let expected = if version == ProtocolVersion::SSL_3_0 { "(42)" } else { "(48)" };
        assert!(error.contains(expected), "{version}: {error}");
        let _ = (connect, path, pki::client);
    }
}
