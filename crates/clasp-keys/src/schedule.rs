//! What the key schedule of every version before TLS 1.3 can do (RFC 5246 5, 6.3, 8.1).

use core::fmt::Debug;

use thiserror::Error;

use crate::secrets::{KeyBlock, KeyLengths, MasterSecret, Role, VerifyData};
use crate::transcript::Transcript;

/// The key schedule of a version before TLS 1.3.
pub trait Schedule: Debug + Send + Sync {
    /// The master secret from both randoms (RFC 5246 8.1).
    fn master_secret(&self, pre_master: &[u8], client_random: &[u8; 32], server_random: &[u8; 32]) -> MasterSecret;

    /// The extended master secret from the transcript, which must end with the ClientKeyExchange (RFC 7627 4).
    ///
    /// # Errors
    /// [`ScheduleError`].
    fn extended_master_secret(&self, pre_master: &[u8], transcript: &Transcript)
    -> Result<MasterSecret, ScheduleError>;

    /// The master secret as a key: what a handshake makes of it.
    fn master_key(&self, master: &MasterSecret) -> Box<dyn MasterKey>;

    /// Fills `out` with what else is derived from both randoms, the client's first: the keys and initialisation vectors of
    /// export suites, with the labels of RFC 2246 6.3.1. SSL 3.0 has no labels on the wire of its hashes; it takes these
    /// for names of what it is to make (RFC 6101 6.2.2.1).
    fn expand(&self, secret: &[u8], label: &[u8], client_random: &[u8; 32], server_random: &[u8; 32], out: &mut [u8]);

    /// Fills `out` with keying material for another protocol (RFC 5705 4). No context and an empty one differ.
    ///
    /// # Errors
    /// [`ExportError`].
    fn export(
        &self,
        master: &MasterSecret,
        client_random: &[u8; 32],
        server_random: &[u8; 32],
        label: &[u8],
        context: Option<&[u8]>,
        out: &mut [u8],
    ) -> Result<(), ExportError>;
}

/// A master secret as the key of its version's function. A handshake takes it three times, and what is the same each time
/// is done once.
pub trait MasterKey: Debug + Send + Sync {
    /// The key block (RFC 5246 6.3).
    fn key_block(&self, client_random: &[u8; 32], server_random: &[u8; 32], lengths: KeyLengths) -> KeyBlock;

    /// What the Finished message of `role` says (RFC 5246 7.4.9). The transcript ends before that message.
    ///
    /// # Errors
    /// [`ScheduleError::Unsettled`].
    fn finished(&self, role: Role, transcript: &Transcript) -> Result<VerifyData, ScheduleError>;
}

/// The schedule cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The transcript was not told its hash function.
    #[error("the transcript's hash function is not settled")]
    Unsettled,
    /// The version has no such thing (the extended master secret in SSL 3.0).
    #[error("this version of the protocol has no such secret")]
    Unsupported,
}

/// Keying material cannot be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The label is one that the protocol itself uses (RFC 5705 4).
    #[error("the label is reserved for the protocol itself")]
    ReservedLabel,
    /// The label is longer than 249 bytes (RFC 8446 7.1).
    #[error("the label is longer than 249 bytes")]
    LabelTooLong,
    /// More is asked for than can be derived: 255 times the hash's length (RFC 5869 2.3).
    #[error("more keying material is asked for than can be derived")]
    OutputTooLong,
    /// The context is longer than 65535 bytes.
    #[error("the context is longer than 65535 bytes")]
    ContextTooLong,
    /// The session does not have the extended master secret (RFC 7627 5.4).
    #[error("without the extended master secret nothing can be exported that is bound to this connection alone")]
    NotBound,
    /// The version has no exporters (SSL 3.0).
    #[error("this version of the protocol has no exporters")]
    Unsupported,
}
