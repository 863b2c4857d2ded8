//! Tests of early data, in memory (RFC 8446 2.3, 4.2.10, 8).

use std::sync::Arc;
use std::time::Duration;

use clasp_wire::NamedGroup;

use super::tls13_tests::data;
use crate::testing::{Authority, SetClock, connections, established, exchange, give, tls13, transfer};
use crate::{Connection, EarlyData, Error, Status};

fn early(ca: &Authority, bytes: u32) -> (Arc<crate::ClientConfig>, Arc<crate::ServerConfig>) {
    let client = ca.client(tls13()).early_data(true).build().unwrap();
    let server = ca.server(tls13()).early_data(bytes).build().unwrap();
    established(&client, &server);
    (client, server)
}

#[test]
fn early_data_is_taken() {
    let ca = Authority::new("CA");
    let (client, server) = early(&ca, 1000);
    let (mut client, mut server) = connections(&client, &server);
    client.poll_now().unwrap();
    assert_eq!(client.early_data_room(), 1000);
    assert_eq!(client.write_early(b"early").unwrap(), 5);
    assert_eq!(client.early_data_room(), 995);
    give(&mut server, &client.output().split());
    server.poll_now().unwrap();
    assert!(server.is_handshaking());
    assert_eq!(server.read_early().unwrap(), &b"early"[..]);
    assert_eq!(server.write_half_rtt(b"at once").unwrap(), 7);
    client.write_early(b" and more").unwrap();
    assert!(matches!(exchange(&mut client, &mut server), (None, None)));
    assert_eq!(client.session().unwrap().early_data(), EarlyData::Accepted);
    assert_eq!(server.session().unwrap().early_data(), EarlyData::Accepted);
    assert_eq!(client.read().unwrap(), &b"at once"[..]);
    assert_eq!(server.write_half_rtt(b"too late").unwrap(), 0);
    // What was not taken as early data comes first.
    assert_eq!(server.read().unwrap(), &b" and more"[..]);
    assert_eq!(client.early_data_room(), 0);
    transfer(&mut client, &mut server, &data(3000));
    transfer(&mut server, &mut client, &data(3000));
}

/// RFC 8446 5.1: no record but the first hello's says an older version.
#[test]
fn records_behind_the_first_hello_say_tls12() {
    let ca = Authority::new("CA");
    let (client, server) = early(&ca, 1000);
    let (mut client, _) = connections(&client, &server);
    client.poll_now().unwrap();
    client.write_early(b"early").unwrap();
    let wire = client.output().split();
    let (mut rest, mut records) = (&wire[..], Vec::new());
    while let [typ, major, minor, high, low, more @ ..] = rest {
        records.push((*typ, [*major, *minor]));
        rest = &more[usize::from(u16::from_be_bytes([*high, *low]))..];
    }
    assert_eq!(records, [(22, [3, 1]), (20, [3, 3]), (23, [3, 3])]);
}

#[test]
fn early_data_is_passed_over() {
    let ca = Authority::new("CA");
    let (client, _) = early(&ca, 1 << 14);
    // Another process: it cannot open the ticket. It asks for another hello, or not.
    for groups in [tls13().groups().to_vec(), vec![NamedGroup::SECP384R1]] {
        let server = ca.server(tls13().with_groups(&groups)).early_data(1000).build().unwrap();
        let (mut client, mut server) = connections(&client, &server);
        client.poll_now().unwrap();
        assert_eq!(client.write_early(&data(10_000)).unwrap(), 10_000);
        assert!(matches!(exchange(&mut client, &mut server), (None, None)));
        assert_eq!(client.session().unwrap().early_data(), EarlyData::Rejected);
        assert_eq!(server.session().unwrap().early_data(), EarlyData::Rejected);
        assert!(server.read().is_none());
        transfer(&mut client, &mut server, &data(3000));
    }
}

#[test]
fn too_much_early_data_is_refused() {
    let ca = Authority::new("CA");
    let (client, _) = early(&ca, 1 << 20);
    // A server that cannot open the ticket passes over so much and no more.
    let server = ca.server(tls13()).early_data(1000).build().unwrap();
    let (mut client, mut server) = connections(&client, &server);
    client.poll_now().unwrap();
    for _ in 0..3 {
        client.write_early(&data(30_000)).unwrap();
        let wire = client.output().split();
        if server.receive(&wire) == 0 || server.poll_now().is_err() {
            break;
        }
    }
    assert!(matches!(server.poll_now(), Err(Error::Record(_))), "{server:?}");
}

/// RFC 8446 8: the same hello, sent again by somebody on the way.
#[test]
fn early_data_that_comes_twice_is_taken_once() {
    let ca = Authority::new("CA");
    let (client, server) = early(&ca, 1000);
    let (mut client, mut first) = connections(&client, &server);
    client.poll_now().unwrap();
    client.write_early(b"pay").unwrap();
    let recorded = client.output().split();
    let mut second = Connection::server(server);
    for (tls, taken) in [(&mut first, true), (&mut second, false)] {
        give(tls, &recorded);
        tls.poll_now().unwrap();
        assert_eq!(tls.read_early().is_some(), taken);
    }
}

/// RFC 8446 8.3.
#[test]
fn early_data_is_taken_within_the_tolerance_alone() {
    const START: u64 = 1_800_000_000_000;
    let ca = Authority::new("CA");
    // The client's clock is ahead, and the server's.
    for ((tolerance, off, taken), whose) in
        [(None, 9_900, true), (None, 10_100, false), (Some(60), 59_900, true), (Some(60), 60_100, false)]
            .into_iter()
            .flat_map(|case| [(case, 0), (case, 1)])
    {
        let memory = crate::ReplayMemory::default();
        let memory = match tolerance {
            Some(seconds) => memory.with_age_tolerance(Duration::from_secs(seconds)),
            None => memory,
        };
        let clocks = [SetClock::at(START), SetClock::at(START)];
        let server = ca.server(tls13()).early_data(1000).anti_replay(Arc::new(memory)).clock(clocks[1].clone());
        let server = server.build().unwrap();
        let client = ca.client(tls13()).early_data(true).clock(clocks[0].clone()).build().unwrap();
        established(&client, &server);
        clocks[whose].advance(off);
        let (mut client, mut server) = connections(&client, &server);
        client.poll_now().unwrap();
        client.write_early(b"early").unwrap();
        assert!(matches!(exchange(&mut client, &mut server), (None, None)));
        assert_eq!(client.session().unwrap().early_data() == EarlyData::Accepted, taken, "{tolerance:?} {off:?}");
    }
}

#[test]
fn early_data_is_taken_under_the_same_protocol_alone() {
    let ca = Authority::new("CA");
    let keys = Arc::new(crate::TicketKeys::generate(clasp_crypto::default_provider()).unwrap());
    let server = |alpn: &str| {
        let memory = Arc::new(crate::ReplayMemory::default());
        let server = ca.server(tls13()).early_data(1000).ticket_keys(Arc::clone(&keys)).anti_replay(memory);
        server.alpn([alpn]).unwrap().build().unwrap()
    };
    let client = ca.client(tls13()).early_data(true).alpn(["a", "b"]).unwrap().build().unwrap();
    established(&client, &server("a"));
    let (mut client, mut server) = connections(&client, &server("b"));
    client.poll_now().unwrap();
    client.write_early(b"early").unwrap();
    assert!(matches!(exchange(&mut client, &mut server), (None, None)));
    let session = client.session().unwrap();
    assert!(session.resumed() && session.early_data() == EarlyData::Rejected);
    assert!(server.read().is_none());
}

/// A hello that announces early data and offers no key it could be under is answered as if the key were unknown.
#[test]
fn early_data_without_a_key_is_passed_over() {
    let ca = Authority::new("CA");
    let (client, server) = (ca.client(tls13()).build().unwrap(), ca.server(tls13()).build().unwrap());
    let (mut client, mut server) = connections(&client, &server);
    client.poll_now().unwrap();
    let mut hello = client.output().split().to_vec();
    // Behind record and message header, version and random come session identifier, suites and compression methods.
    let suites = 5 + 4 + 2 + 32 + 1 + usize::from(hello[43]);
    let extensions = suites + 2 + usize::from(u16::from_be_bytes([hello[suites], hello[suites + 1]])) + 2;
    let early_data = [0, 42, 0, 0];
    hello.splice(extensions + 2..extensions + 2, early_data);
    for length in [3, 7, extensions] {
        let grown = u16::from_be_bytes([hello[length], hello[length + 1]]) + 4;
        hello[length..length + 2].copy_from_slice(&grown.to_be_bytes());
    }
    // A record of early data, under whatever key.
    hello.extend([&[23, 3, 3, 0, 64][..], &[7; 64]].concat());
    give(&mut server, &hello);
    assert_eq!(server.poll_now().unwrap(), Status::NeedInput);
    assert!(server.is_handshaking() && server.has_output());
}
