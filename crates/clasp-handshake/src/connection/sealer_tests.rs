//! Tests of tickets that a service of the application's seals in ways of its own (RFC 5077 3.3, RFC 8446 4.6.1).

use std::sync::{Arc, Mutex};

use clasp_cert::MaybeReady;
use zeroize::Zeroizing;

use crate::testing::{Authority, each, established};
use crate::{OpenedTicket, Policy, TicketSealer};

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
