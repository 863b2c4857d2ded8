//! What only TLS 1.3 has, over streams: new keys, certificates asked for and refused later, tickets (RFC 8446 4.6).

use clasp_handshake::cert::WebPkiClientVerifier;
use clasp_handshake::wire::{AlertDescription, ProtocolVersion};
use clasp_handshake::{ClientAuth, Error as TlsError};

use super::*;

fn cause(error: &std::io::Error) -> &TlsError {
    error.get_ref().and_then(|inner| inner.downcast_ref()).unwrap()
}

#[tokio::test]
async fn thousands_of_new_keys_on_both_sides() {
    let (mut client, mut server) = streams(4096).await;
    assert_eq!(client.session().version(), ProtocolVersion::TLS_1_3);
    let rounds = 2000;
    let run = |stream: TlsStream<DuplexStream>, asks: usize| async move {
        let mut stream = stream;
        let mut got = [0; 40];
        for round in 0..rounds {
            let sent = data(40 + round % 200);
            stream.write_all(&sent[round % 200..]).await.unwrap();
            stream.update_keys(round % asks == 0).await.unwrap();
            stream.flush().await.unwrap();
            stream.read_exact(&mut got).await.unwrap();
            assert_eq!(got, sent[round % 200..]);
        }
        stream
    };
    (client, server) =
        timeout(Duration::from_secs(60), async { tokio::join!(run(client, 1), run(server, 3)) }).await.unwrap();
    send(&mut client, b"still here").await;
    let mut got = [0; 10];
    server.read_exact(&mut got).await.unwrap();
    assert_eq!(&got, b"still here");
}

#[tokio::test]
async fn new_keys_while_both_directions_are_full() {
    let (mut client, mut server) = streams(3000).await;
    client.update_keys(true).await.unwrap();
    server.update_keys(true).await.unwrap();
    let run = |stream: TlsStream<DuplexStream>| async move {
        let (mut read, mut write) = tokio::io::split(stream);
        let writing = async {
            write.write_all(&data(300_000)).await.unwrap();
            write.shutdown().await.unwrap();
        };
        let mut got = Vec::new();
        let reading = async { read.read_to_end(&mut got).await.unwrap() };
        tokio::join!(writing, reading);
        assert!(got == data(300_000));
    };
    timeout(Duration::from_secs(60), async { tokio::join!(run(client), run(server)) }).await.unwrap();
}

#[tokio::test]
async fn a_flood_of_new_keys_ends_the_stream() {
    let (mut client, mut server) = streams(1 << 16).await;
    for _ in 0..32 {
        client.update_keys(false).await.unwrap();
    }
    send(&mut client, b"x").await;
    server.read_exact(&mut [0]).await.unwrap();
    for _ in 0..33 {
        client.update_keys(true).await.unwrap();
    }
    let error = server.read(&mut [0]).await.unwrap_err();
    assert!(matches!(cause(&error), TlsError::TooMany(_)), "{error}");
    let error = client.read(&mut [0]).await.unwrap_err();
    assert!(matches!(cause(&error), TlsError::AlertReceived(_)), "{error}");
}

#[tokio::test]
async fn new_keys_are_not_for_every_stream() {
    let (mut client, mut server) = streams(4096).await;
    client.shutdown().await.unwrap();
    assert!(matches!(client.update_keys(false).await, Err(Error::Tls(TlsError::NotWritable(_)))));
    // A half that is closed is asked for new keys in vain, and reads on.
    server.update_keys(true).await.unwrap();
    send(&mut server, b"after your end").await;
    server.shutdown().await.unwrap();
    let mut got = Vec::new();
    client.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, b"after your end");
    assert_eq!(server.read(&mut [0]).await.unwrap(), 0);

    let (mut client, mut server) = streams(4096).await;
    let refused = client.renegotiate().await.map(|_| ());
    assert!(matches!(refused, Err(Error::Tls(TlsError::NoRenegotiation(_)))));
    send(&mut client, b"on").await;
    server.read_exact(&mut [0; 2]).await.unwrap();

    let (identity, roots) = made();
    let policy = Policy::modern().with_versions(ProtocolVersion::TLS_1_2, ProtocolVersion::TLS_1_2);
    let client = ClientConfig::builder(policy).roots(roots).build().unwrap();
    let server = ServerConfig::builder(Policy::modern()).identity(identity).build().unwrap();
    let (a, b) = duplex(4096);
    let (connector, acceptor) = (Connector::new(client), Acceptor::new(server));
    let (mut client, mut server) = tokio::try_join!(connector.connect(NAME, a), acceptor.accept(b)).unwrap();
    assert!(matches!(client.update_keys(true).await, Err(Error::Tls(TlsError::NoRenegotiation(_)))));
    send(&mut client, b"on").await;
    server.read_exact(&mut [0; 2]).await.unwrap();
}

/// A client with a certificate, or without, that may be asked for it after the handshake, or not.
async fn asked(has_one: bool, offers: bool) -> (TlsStream<DuplexStream>, TlsStream<DuplexStream>, ClientAuth) {
    let (identity, roots) = made();
    let auth = ClientAuth::Require(Arc::new(WebPkiClientVerifier::builder(roots.clone()).build().unwrap()));
    let client = ClientConfig::builder(Policy::modern()).roots(roots).post_handshake_auth(offers);
    let client = if has_one { client.identity(identity.clone()) } else { client };
    let server = ServerConfig::builder(Policy::modern()).identity(identity).build().unwrap();
    let (connector, acceptor) = (Connector::new(client.build().unwrap()), Acceptor::new(server));
    let (a, b) = duplex(2000);
    let (client, server) = tokio::try_join!(connector.connect(NAME, a), acceptor.accept(b)).unwrap();
    (client, server, auth)
}

#[tokio::test]
async fn the_client_is_asked_for_its_certificate_while_data_flows() {
    let (client, mut server, auth) = asked(true, true).await;
    assert!(!server.session().client_authenticated());
    let (mut read, mut write) = tokio::io::split(client);
    let client = tokio::spawn(async move {
        let mut got = Vec::new();
        let (written, read) = tokio::join!(
            async {
                write.write_all(&data(100_000)).await?;
                write.shutdown().await
            },
            read.read_to_end(&mut got)
        );
        written.unwrap();
        read.unwrap();
        got
    });
    let session = timeout(Duration::from_secs(20), server.request_client_certificate(auth)).await.unwrap().unwrap();
    assert!(session.client_authenticated() && session.peer_certificates().len() == 1);
    let mut got = Vec::new();
    server.read_to_end(&mut got).await.unwrap();
    assert!(got == data(100_000));
    send(&mut server, b"welcome").await;
    server.shutdown().await.unwrap();
    assert_eq!(client.await.unwrap(), b"welcome");
}

#[tokio::test]
async fn a_client_that_offers_none_or_has_none() {
    let (mut client, mut server, auth) = asked(true, false).await;
    let refused = server.request_client_certificate(auth).await.map(|_| ());
    assert!(matches!(refused, Err(Error::Tls(TlsError::NoRenegotiation(_)))));
    send(&mut server, b"403").await;
    client.read_exact(&mut [0; 3]).await.unwrap();

    let (mut client, mut server, auth) = asked(false, true).await;
    let mut byte = [0];
    let (refused, read) = tokio::join!(server.request_client_certificate(auth), client.read(&mut byte));
    assert!(matches!(refused.map(|_| ()), Err(Error::Tls(TlsError::ClientCertificateRequired))));
    let error = read.unwrap_err();
    let TlsError::AlertReceived(alert) = cause(&error) else { panic!("{error}") };
    assert_eq!((alert.alert, alert.certificate_declined), (AlertDescription::CERTIFICATE_REQUIRED, true));
}

/// Who has closed already answers no request, and hears all the same what comes.
#[tokio::test]
async fn a_client_that_has_closed_shows_nothing() {
    let (mut client, mut server, auth) = asked(true, true).await;
    client.shutdown().await.unwrap();
    let mut got = Vec::new();
    let (refused, read) = tokio::join!(
        async {
            let refused = server.request_client_certificate(auth).await.map(|_| ());
            send(&mut server, b"403").await;
            server.shutdown().await.unwrap();
            refused
        },
        client.read_to_end(&mut got)
    );
    assert!(matches!(refused, Err(Error::Tls(TlsError::NoRenegotiation(_)))), "{refused:?}");
    read.unwrap();
    assert_eq!(got, b"403");
}

/// The client is done when it has sent its Finished, and the server may not like what came before it.
#[tokio::test]
async fn a_certificate_that_is_refused_is_told_by_the_first_read() {
    let (identity, roots) = made();
    let (stranger, _) = made();
    let auth = ClientAuth::Require(Arc::new(WebPkiClientVerifier::builder(roots.clone()).build().unwrap()));
    let client = ClientConfig::builder(Policy::modern()).roots(roots).identity(stranger).build().unwrap();
    let server = ServerConfig::builder(Policy::modern()).identity(identity).client_auth(auth).build().unwrap();
    let (a, b) = duplex(8192);
    let (connector, acceptor) = (Connector::new(client), Acceptor::new(server));
    let (client, server) = tokio::join!(connector.connect(NAME, a), acceptor.accept(b));
    assert!(matches!(server.unwrap_err(), Error::Tls(TlsError::Certificate { .. })));
    let mut client = client.unwrap();
    let error = client.read(&mut [0]).await.unwrap_err();
    assert!(matches!(cause(&error), TlsError::AlertReceived(_)), "{error}");
}

#[tokio::test]
async fn tickets_come_with_reads() {
    let (connector, acceptor) = endpoints();
    let mut resumed = Vec::new();
    for reads in [false, true, false] {
        let (a, b) = duplex(1 << 16);
        let (mut client, mut server) = tokio::try_join!(connector.connect(NAME, a), acceptor.accept(b)).unwrap();
        resumed.push(client.session().resumed());
        send(&mut client, b"bye").await;
        client.shutdown().await.unwrap();
        server.read_to_end(&mut Vec::new()).await.unwrap();
        server.shutdown().await.unwrap();
        if reads {
            assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        }
    }
    assert_eq!(resumed, [false, false, true]);
}
