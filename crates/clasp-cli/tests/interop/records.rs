//! Records of unusual sizes: fragmented handshake messages, and agreed limits (RFC 8449, RFC 6066 4).

use clasp::{Policy, ServerConfig};

use crate::certs::{Authority, Files, Kind, Leaf, pki};
use crate::ends::{
    assert_same, client, client_config, close, close_after_peer, high_noise, lines, noise, read_exactly, serve,
    write_all,
};
use crate::openssl::path;
use crate::peers::have;
use crate::proxy::{APPLICATION_DATA, Proxy, Way};
use crate::{gnutls, openssl};

/// Enough for several records.
const DATA: usize = 100_000;

/// The most a protected record may be longer than its data: AES-GCM's explicit nonce and tag.
const GCM: usize = 8 + 16;

const HANDSHAKE: u8 = 22;

/// A chain whose Certificate message is longer than the longest record, 16,384 bytes.
fn long_chain(usage: fn(Kind) -> Leaf) -> (Authority, Files) {
    let names: Vec<&'static str> = (0..1500).map(|i| &*format!("name-{i}.example").leak()).collect();
    let names: Vec<&'static str> = ["localhost", "127.0.0.1"].into_iter().chain(names).collect();
    let root = Authority::root("Long Root");
    let between = root.below("Long Intermediate").below("Longer Intermediate");
    let files = between.issue(&usage(Kind::P256).names(&names));
    assert!(std::fs::metadata(&files.cert).unwrap().len() > 4 * 16_384 / 3);
    (root, files)
}

#[test]
fn clasp_joins_the_fragments_of_a_servers_flight() {
    if !have(&["openssl", "gnutls-serv"]) {
        return;
    }
    let (root, long) = long_chain(Leaf::server);
    let (ours, theirs) = (noise(11, DATA), high_noise(12, DATA));
    for options in [&["-max_send_frag", "512"][..], &["-max_send_frag", "600", "-split_send_frag", "512"], &[]] {
        println!("{options:?}");
        let mut server = openssl::Server::start(&long, options);
        let proxy = Proxy::watching(server.port);
        let config = clasp::ClientConfig::builder(Policy::modern()).roots(root.roots()).build().unwrap();
        let mut tls = client(&config, proxy.port).unwrap();
        let flight = proxy.lengths(Way::ToClient, HANDSHAKE);
        // Of its Certificate alone there are 40 at least, or 2.
        assert!(flight.len() > if options.is_empty() { 4 } else { 40 }, "{flight:?}");
        write_all(&mut tls, &ours).unwrap();
        let start = server.data_start();
        assert_same(&server.running.wait_bytes(start, DATA), &ours, "to s_server");
        server.running.say(&theirs);
        assert_same(&read_exactly(&mut tls, DATA).unwrap(), &theirs, "from s_server");
        close(&mut tls).unwrap();
    }
    let server = gnutls::Server::start(&[&long], gnutls::ALL, &["--disable-client-cert"]);
    let config = clasp::ClientConfig::builder(Policy::modern()).roots(root.roots()).build().unwrap();
    close(&mut client(&config, server.port).unwrap()).unwrap();
}

#[test]
fn clasp_joins_the_fragments_of_a_clients_flight() {
    if !have(&["openssl", "gnutls-cli"]) {
        return;
    }
    let (root, long) = long_chain(|kind| Leaf::client(kind, "long-winded"));
    let verifier = clasp::cert::WebPkiClientVerifier::builder(root.roots()).build().unwrap();
    let config = ServerConfig::builder(Policy::modern())
        .identity(pki().p256.identity())
        .client_auth(clasp::ClientAuth::Require(std::sync::Arc::new(verifier)))
        .build()
        .unwrap();
    for options in [&["-max_send_frag", "512"][..], &[]] {
        println!("{options:?}");
        let serving = serve(config.clone(), |mut tls| {
            let came = read_exactly(&mut tls, DATA)?;
            close(&mut tls)?;
            assert_eq!(tls.session().unwrap().peer_certificates().len(), 3);
            Ok(came)
        });
        let mut options = options.to_vec();
        options.extend([
            "-tls1_2",
            "-cert",
            path(&long.cert),
            "-key",
            path(&long.key),
            "-cert_chain",
            path(long.rest.as_ref().unwrap()),
        ]);
        let mut client = openssl::Client::start(serving.port, &options);
        client.running.say(&noise(13, DATA));
        assert_same(&serving.join().unwrap(), &noise(13, DATA), "from s_client");
    }
    let serving = serve(config, |mut tls| close_after_peer(&mut tls));
    let identity = ["--x509certfile", path(&long.cert), "--x509keyfile", path(&long.key)];
    let mut client = gnutls::Client::start(serving.port, gnutls::ALL, &identity);
    client.running.say_no_more();
    serving.join().unwrap();
}

#[test]
fn clients_join_the_fragments_of_clasps_flight() {
    if !have(&["openssl", "gnutls-cli"]) {
        return;
    }
    let (root, long) = long_chain(Leaf::server);
    let config = ServerConfig::builder(Policy::modern()).identity(long.identity()).build().unwrap();
    let serving = serve(config.clone(), |mut tls| close(&mut tls));
    let mut command = openssl::client_command(serving.port, &[]);
    command.arg("-CAfile").arg(&root.files.cert);
    let client = openssl::Client::start_command(command);
    let (report, _) = client.report();
    assert!(report.contains("Verification: OK"), "{report}");
    serving.join().unwrap();

    let serving = serve(config, |mut tls| close_after_peer(&mut tls));
    let mut client = gnutls::Client::start_trusting(&root.files.cert, serving.port, gnutls::ALL, &[]);
    client.running.say_no_more();
    serving.join().unwrap();
    assert!(client.ended().contains("- Status: The certificate is trusted."));
}

#[test]
fn clasp_keeps_to_a_clients_max_fragment_length() {
    if !have(&["openssl"]) {
        return;
    }
    let config = ServerConfig::builder(Policy::modern()).identity(pki().rsa.identity()).build().unwrap();
    for length in [512, 1024, 2048, 4096] {
        println!("{length}");
        let serving = serve(config.clone(), |mut tls| {
            let came = read_exactly(&mut tls, DATA)?;
            write_all(&mut tls, &came)?;
            close(&mut tls)
        });
        let proxy = Proxy::watching(serving.port);
        let mut client = openssl::Client::start(proxy.port, &["-maxfraglen", &length.to_string()]);
        let (_, start) = client.report();
        client.running.say(&noise(14, DATA));
        assert_same(&client.running.wait_bytes(start, DATA), &noise(14, DATA), "echo");
        serving.join().unwrap();
        for way in [Way::ToClient, Way::ToServer] {
            let longest = proxy.lengths(way, APPLICATION_DATA).into_iter().max();
            assert_eq!(longest, Some(length + GCM), "{way:?}");
        }
        // The handshake keeps to it too, from the Certificate on.
        let handshake = proxy.lengths(Way::ToClient, HANDSHAKE).into_iter().max();
        assert!(handshake <= Some(length), "{handshake:?}");
    }
}

#[test]
fn clasp_and_gnutls_serv_keep_to_each_others_record_size_limit() {
    if !have(&["gnutls-serv"]) {
        return;
    }
    let data = lines(15, DATA);
    for (ours, theirs) in [(Some(1000), 16_384), (Some(16_384), 700), (Some(900), 800)] {
        println!("our limit {ours:?}, theirs {theirs}");
        let size = theirs.to_string();
        let options = ["--disable-client-cert", "--recordsize", &size];
        let server = gnutls::Server::start(&[&pki().p256], gnutls::ALL, &options);
        let proxy = Proxy::watching(server.port);
        let mut config = client_config(Policy::modern());
        if let Some(ours) = ours {
            config = config.record_size_limit(ours);
        }
        let mut tls = client(&config.build().unwrap(), proxy.port).unwrap();
        // It reads nothing more until its echo is taken.
        for piece in data.split_inclusive(|byte| *byte == b'\n').collect::<Vec<_>>().chunks(40) {
            let piece = piece.concat();
            write_all(&mut tls, &piece).unwrap();
            assert_same(&read_exactly(&mut tls, piece.len()).unwrap(), &piece, "echo");
        }
        close(&mut tls).unwrap();
        let longest = |way| proxy.lengths(way, APPLICATION_DATA).into_iter().max().unwrap();
        assert!(longest(Way::ToServer) <= theirs + GCM, "ours: {}", longest(Way::ToServer));
        assert!(
            longest(Way::ToClient) <= usize::from(ours.unwrap_or(16_384)) + GCM,
            "theirs: {}",
            longest(Way::ToClient)
        );
        // Something would have been longer without it.
        assert!(longest(Way::ToServer) > 600 && longest(Way::ToClient) > 600);
    }
}

#[test]
fn clasp_and_gnutls_cli_keep_to_each_others_record_size_limit() {
    if !have(&["gnutls-cli"]) {
        return;
    }
    for (ours, theirs) in [(16_384, 600), (700, 4096), (900, 800)] {
        println!("our limit {ours}, theirs {theirs}");
        let identity = pki().p256.identity();
        let config =
            ServerConfig::builder(Policy::modern()).identity(identity).record_size_limit(ours).build().unwrap();
        let serving = serve(config, move |mut tls| {
            // gnutls-cli drops what of its input does not fit into a record.
            let came = read_exactly(&mut tls, ours.min(theirs).into())?;
            write_all(&mut tls, &noise(17, DATA))?;
            close_after_peer(&mut tls)?;
            Ok(came)
        });
        let proxy = Proxy::watching(serving.port);
        let mut client = gnutls::Client::start(proxy.port, gnutls::ALL, &[&format!("--recordsize={theirs}")]);
        let data = noise(16, 2000);
        client.running.say(&data);
        assert_same(&client.running.wait_bytes(0, DATA), &noise(17, DATA), "to gnutls-cli");
        client.running.say_no_more();
        let came = serving.join().unwrap();
        assert_same(&came, &data[..came.len()], "from gnutls-cli");
        let longest = |way| proxy.lengths(way, APPLICATION_DATA).into_iter().max().unwrap();
        assert_eq!(longest(Way::ToClient), usize::from(theirs) + GCM, "ours");
        assert_eq!(longest(Way::ToServer), usize::from(ours.min(theirs)) + GCM, "theirs");
    }
}
