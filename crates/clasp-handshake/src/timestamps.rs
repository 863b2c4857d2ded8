//! Signed certificate timestamps, between identities, messages and sessions (RFC 6962 3.3; RFC 8446 4.4.2.1).

use bytes::Bytes;
use clasp_cert::{Identity, SctList};

use crate::peer::Peer;
use crate::trace::Step;

/// What an identity shows to a peer that asks.
pub(crate) fn of_identity(identity: Option<&Identity>, asked: bool) -> Option<&SctList> {
    identity.and_then(Identity::sct_list).filter(|_| asked)
}

/// The content of the extension.
pub(crate) fn to_extension(list: &SctList) -> Vec<Bytes> {
    list.iter().map(Bytes::copy_from_slice).collect()
}

/// A list out of an extension, copied, as it outlives the message.
pub(crate) fn from_extension(timestamps: &[Bytes]) -> Option<SctList> {
    // The codec has refused what is no list.
    SctList::new(timestamps).ok()
}

/// Tells how many there are beside a certificate, if any.
pub(crate) fn trace(peer: &Peer, step: Step, what: &'static str, list: Option<&SctList>) {
    if let Some(list) = list {
        peer.trace(step, what, || {
            vec![("count", list.len().to_string()), ("bytes", list.as_bytes().len().to_string())]
        });
    }
}

#[cfg(test)]
#[path = "timestamps_tests.rs"]
mod tests;
