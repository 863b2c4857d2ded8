//! Tests of tickets that a service of the application's seals in ways of its own, and of their age (RFC 5077 3.3, RFC 8446
//! 4.6.1, 8.3).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use clasp_cert::MaybeReady;
use clasp_wire::HandshakeType;
use zeroize::Zeroizing;

use crate::testing::{Authority, SetClock, classic, connections, each, established, message_at, tls13};
use crate::{OpenedTicket, Policy, TicketKeys, TicketSealer};

/// Keeps what it is given, and hands out names for it of one length.
#[derive(Debug)]
struct Names {
    kept: Mutex<Vec<Vec<u8>>>,
    length: usize,
    lifetime: u32,
}

impl TicketSealer for Names {
    fn seal<'a>(&'a self, session: &'a [u8], _: u64) -> MaybeReady<'a, Option<Vec<u8>>> {
        let mut kept = self.kept.lock().unwrap();
        kept.push(session.to_vec());
        let name = u8::try_from(kept.len()).unwrap();
        MaybeReady::ready(Some(vec![name; self.length]))
    }

    fn open<'a>(&'a self, ticket: &'a [u8], _: u64) -> MaybeReady<'a, Option<OpenedTicket>> {
        let kept = self.kept.lock().unwrap();
        let session = ticket.first().and_then(|name| kept.get(usize::from(*name) - 1)).cloned();
        MaybeReady::ready(session.map(|session| OpenedTicket { session: Zeroizing::new(session), renew: false }))
    }

    fn lifetime(&self) -> u32 {
        self.lifetime
    }
}

fn names(length: usize, lifetime: u32) -> Arc<Names> {
    Arc::new(Names { kept: Mutex::default(), length, lifetime })
}

#[test]
fn a_ticket_that_no_message_can_hold_is_none() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        for (length, resumes) in
            [(0, false), (1, true), (16_000, true), (20_000, false), (65_536, false), (200_000, false)]
        {
            let server = ca.server(policy.clone()).ticket_sealer(names(length, 3600)).build().unwrap();
            let client = ca.client(policy.clone()).session_ids(false).build().unwrap();
            for resumed in [false, resumes] {
                let (ours, _) = established(&client, &server);
                assert_eq!(ours.session().unwrap().resumed(), resumed, "{length}");
            }
        }
    }
}

/// RFC 8446 4.6.1: 0 is for a ticket that is not to be kept at all, and more than a week is not allowed.
#[test]
fn whatever_a_sealer_says_of_lifetimes_tickets_are_kept() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        for lifetime in [0, 3600, u32::MAX] {
            let server = ca.server(policy.clone()).ticket_sealer(names(4, lifetime)).build().unwrap();
            let client = ca.client(policy.clone()).build().unwrap();
            for resumed in [false, true] {
                let (ours, _) = established(&client, &server);
                assert_eq!(ours.session().unwrap().resumed(), resumed, "{lifetime}");
            }
        }
    }
}

/// Keys of somebody else's: may take their time, decline, and renew.
#[derive(Debug)]
struct Elsewhere {
    keys: TicketKeys,
    seals: bool,
    renews: bool,
    opened: AtomicU64,
}

impl TicketSealer for Elsewhere {
    fn seal<'a>(&'a self, session: &'a [u8], now: u64) -> MaybeReady<'a, Option<Vec<u8>>> {
        MaybeReady::future(async move { if self.seals { self.keys.seal(session, now).await } else { None } })
    }

    fn open<'a>(&'a self, ticket: &'a [u8], now: u64) -> MaybeReady<'a, Option<OpenedTicket>> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        MaybeReady::future(async move {
            let opened = self.keys.open(ticket, now).await?;
            assert!(!opened.renew && !format!("{opened:?}").contains("session"));
            Some(OpenedTicket { renew: self.renews, ..opened })
        })
    }

    fn lifetime(&self) -> u32 {
        3600
    }
}

#[test]
fn tickets_may_be_sealed_elsewhere() {
    let ca = Authority::new("CA");
    for policy in each(&Policy::modern()) {
        for (seals, renews) in [(true, false), (true, true), (false, false)] {
            let keys = TicketKeys::generate(clasp_crypto::default_provider()).unwrap();
            let sealer = Arc::new(Elsewhere { keys, seals, renews, opened: 0.into() });
            let store = Arc::new(crate::MemorySessions::default());
            let client = ca.client(policy.clone()).session_store(store.clone()).build().unwrap();
            let server = ca.server(policy.clone()).ticket_sealer(sealer.clone()).build().unwrap();
            for resumed in [false, seals, seals] {
                let (ours, theirs) = established(&client, &server);
                assert_eq!(
                    (ours.session().unwrap().resumed(), theirs.session().unwrap().resumed()),
                    (resumed, resumed)
                );
            }
            assert_eq!(sealer.opened.load(Ordering::Relaxed), 2 * u64::from(seals));
        }
    }
}

#[test]
fn a_renewed_ticket_is_another_one() {
    let ca = Authority::new("CA");
    let policy = classic(Policy::modern());
    for renews in [false, true] {
        let keys = TicketKeys::generate(clasp_crypto::default_provider()).unwrap();
        let sealer = Arc::new(Elsewhere { keys, seals: true, renews, opened: 0.into() });
        let client = ca.client(policy.clone()).build().unwrap();
        let server = ca.server(policy.clone()).ticket_sealer(sealer).build().unwrap();
        established(&client, &server);
        let (mut ours, mut theirs) = connections(&client, &server);
        let mut renewed = false;
        let errors = crate::testing::exchange_with(&mut ours, &mut theirs, |_, bytes| {
            renewed |= message_at(&bytes, HandshakeType::NEW_SESSION_TICKET).is_some();
            bytes
        });
        assert!(matches!(errors, (None, None)), "{errors:?}");
        assert_eq!(renewed, renews);
    }
}

#[test]
fn a_server_tells_how_a_tickets_age_differs() {
    const START: u64 = 1_700_000_000_000;
    let ca = Authority::new("CA");
    for (client_waits, server_waits, skew) in [(5_000, 5_000, -1), (7_500, 5_000, 2_499), (0, 3_000, -3_000)] {
        let (clock, theirs) = (SetClock::at(START), SetClock::at(START));
        let client = ca.client(tls13()).clock(clock.clone()).build().unwrap();
        let server = ca.server(tls13()).clock(theirs.clone()).build().unwrap();
        let (first, second) = established(&client, &server);
        assert_eq!([first, second].map(|tls| tls.session().unwrap().ticket_age_skew()), [None, None]);
        clock.advance(client_waits);
        theirs.advance(server_waits);
        let (ours, theirs) = established(&client, &server);
        assert!(theirs.session().unwrap().resumed());
        // A client has its tickets a millisecond younger than they are.
        assert_eq!(theirs.session().unwrap().ticket_age_skew(), Some(skew));
        assert_eq!(ours.session().unwrap().ticket_age_skew(), None);
    }
}
