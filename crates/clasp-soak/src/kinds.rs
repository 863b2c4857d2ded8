//! The kinds of client, and how often each comes: those that keep to the rules, and those whose faults RFC 5246 7.2.2 and RFC 8446 6.2
//! have a server end the connection for.

use crate::configs::Return;
use crate::pattern::Chance;

/// A kind of client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Transfer12,
    Transfer13,
    Certified12,
    Certified13,
    Return(Return),
    Renegotiate,
    UpdateKeys,
    Pages,
    PageCertified12,
    PageCertified13,
    StallBeforeHello,
    StallInHello,
    DripHello,
    StallInHandshake,
    StallInRecord,
    StallAfterHandshake,
    TakeNothing,
    ResetAtOnce,
    ResetInHandshake,
    ResetInRecord,
    TruncateInHello,
    TruncateInRecord,
    TruncateBetweenRecords,
    GarbageAtOnce,
    GarbageInHandshake,
    GarbageAfterHandshake,
    FlippedBit,
    Stranger12,
    Stranger13,
    RenegotiateTooSoon,
    RenegotiateTooOften,
    FloodKeyUpdates,
}

/// All of them: what they are called, and how often they come beside the others. About half are good. The costly ones
/// are rare, as 2,000 connections have to be open on two processors.
pub(crate) const KINDS: &[(Kind, &str, u64)] = &[
    (Kind::Transfer12, "transfer, TLS 1.2", 90),
    (Kind::Transfer13, "transfer, TLS 1.3", 90),
    (Kind::Certified12, "client certificate, TLS 1.2", 30),
    (Kind::Certified13, "client certificate, TLS 1.3", 30),
    (Kind::Return(Return::Identifier), "resume by identifier", 30),
    (Kind::Return(Return::Ticket), "resume by ticket", 30),
    (Kind::Return(Return::Psk), "resume by PSK, TLS 1.3", 30),
    (Kind::Return(Return::EarlyData), "early data", 30),
    (Kind::Renegotiate, "renegotiate", 30),
    (Kind::UpdateKeys, "update keys", 30),
    (Kind::Pages, "HTTP pages", 40),
    (Kind::PageCertified12, "HTTP, certificate by renegotiation", 20),
    (Kind::PageCertified13, "HTTP, certificate after handshake", 20),
    (Kind::StallBeforeHello, "stall before the hello", 40),
    (Kind::StallInHello, "stall in the hello", 40),
    (Kind::DripHello, "a byte of the hello at a time", 40),
    (Kind::StallInHandshake, "stall after the server's flight", 40),
    (Kind::StallInRecord, "stall in a record", 40),
    (Kind::StallAfterHandshake, "stall after the handshake", 40),
    (Kind::TakeNothing, "read nothing", 6),
    (Kind::ResetAtOnce, "reset at once", 30),
    (Kind::ResetInHandshake, "reset in the handshake", 30),
    (Kind::ResetInRecord, "reset in a record", 30),
    (Kind::TruncateInHello, "FIN in the hello", 30),
    (Kind::TruncateInRecord, "FIN in a record", 30),
    (Kind::TruncateBetweenRecords, "FIN without close_notify", 30),
    (Kind::GarbageAtOnce, "garbage at once", 30),
    (Kind::GarbageInHandshake, "garbage in the handshake", 30),
    (Kind::GarbageAfterHandshake, "garbage after the handshake", 30),
    (Kind::FlippedBit, "a bit flipped in a record", 30),
    (Kind::Stranger12, "unknown certificate, TLS 1.2", 15),
    (Kind::Stranger13, "unknown certificate, TLS 1.3", 15),
    (Kind::RenegotiateTooSoon, "renegotiate too soon", 15),
    (Kind::RenegotiateTooOften, "renegotiate too often", 10),
    (Kind::FloodKeyUpdates, "flood of key updates", 15),
];

/// The sum of the frequencies.
fn total() -> u64 {
    KINDS.iter().map(|(_, _, often)| often).sum()
}

/// The first client of a slot: each kind comes at least once.
pub(crate) fn first(slot: usize) -> (Kind, &'static str) {
    let (kind, name, _) = KINDS[slot % KINDS.len()];
    (kind, name)
}

/// Picks one.
pub(crate) fn pick(chance: &mut Chance) -> (Kind, &'static str) {
    let mut number = chance.below(total());
    for (kind, name, often) in KINDS {
        match number.checked_sub(*often) {
            Some(rest) => number = rest,
            None => return (*kind, name),
        }
    }
    (Kind::Transfer13, "transfer, TLS 1.3")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_comes_about_as_often_as_it_should() {
        let mut chance = Chance::new(9);
        let picked: Vec<Kind> = (0..100 * total()).map(|_| pick(&mut chance).0).collect();
        for (kind, name, often) in KINDS {
            let came = picked.iter().filter(|one| *one == kind).count() as u64;
            assert!((80 * often..120 * often).contains(&came), "{name}: {came}");
        }
    }
}
