//! Configurations: immutable, shared by `Arc`, and complete in themselves - nothing is installed process-wide.

mod client;
#[cfg(feature = "ech")]
mod ech;
#[cfg(feature = "ech")]
mod ech_pem;
mod reload;
mod resolve;
mod server;

use core::fmt::Debug;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use clasp_crypto::Provider;
use clasp_wire::{MAX_CIPHERTEXT, RecordHeader};
use rustls_pki_types::UnixTime;

pub use client::{ClientConfig, ClientConfigBuilder};
#[cfg(feature = "ech")]
pub(crate) use ech::EchKeys;
#[cfg(feature = "ech")]
pub use ech::{EchKey, EchKeyError};
#[cfg(feature = "ech")]
pub use reload::ReloadableEchKeys;
pub use reload::{ReloadableConfig, ReloadableIdentities};
pub use resolve::{
    CertificateAsk, ClientAnswer, ClientHelloInfo, ClientIdentityResolver, FixedIdentities, IdentityResolver, Resolved,
};
pub use server::{ClientAuth, ServerConfig, ServerConfigBuilder};

use crate::error::ConfigError;
use crate::negotiate;
use crate::policy::{Policy, Renegotiation};
use crate::psk::{self, ExternalPsk};

/// Tells the time certificates are checked against.
pub trait Clock: Debug + Send + Sync {
    /// Seconds since the Unix epoch.
    fn now(&self) -> UnixTime;

    /// Milliseconds since the Unix epoch, by which the age of a ticket is told (RFC 8446 4.2.11.1): whole seconds, for a clock
    /// that knows no more. Some servers refuse early data when that makes a ticket older than it is.
    fn milliseconds(&self) -> u64 {
        self.now().as_secs().saturating_mul(1000)
    }
}

/// The system's clock.
#[derive(Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        UnixTime::now()
    }

    fn milliseconds(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// The longest ticket, bytes, and the longest cookie. A block of extensions has 64 KiB, and a hello that is encrypted holds both
/// twice (RFC 9849 6.1).
const LONGEST_TICKET: usize = 16 << 10;
const LONGEST_COOKIE: usize = 8 << 10;

/// What a peer may make a connection spend. Every bound of this crate is here.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The largest handshake message, in bytes (a certificate chain is the largest in practice); also of one that came
    /// compressed, as it is restored (RFC 8879 5). Default 64 KiB.
    pub handshake_message: usize,
    /// Extensions in one message, or in one entry of a chain (RFC 8446 4.2). Default 128; at most
    /// [`clasp_wire::MAX_EXTENSIONS`] are read, whatever is set.
    pub extensions: usize,
    /// Certificates in a peer's chain, before it is verified (RFC 8446 4.4.2): the verifiers have a bound of their own, 16 if
    /// nothing is said. Default 64; at most [`clasp_wire::MAX_CERTIFICATES`] are read, whatever is set.
    pub certificates: usize,
    /// The longest cookie of a HelloRetryRequest, bytes (RFC 8446 4.2.2). Default 4 KiB; at most 8 KiB, as the hello that repeats it
    /// must have room.
    pub cookie: usize,
    /// The longest ticket, bytes (RFC 8446 4.6.1, RFC 5077): longer ones a client does not keep, and longer state a server does
    /// not put into one. Default 16 KiB, and no more.
    pub ticket: usize,
    /// How many tickets of TLS 1.3 a client keeps of one server: as many connections as can be resumed at a time. Default 4; at
    /// least 1.
    pub tickets_kept: u8,
    /// How many of the pre-shared keys that a client of TLS 1.3 offers a server looks for (RFC 8446 4.2.11): each may cost a
    /// decryption or a question to a store. The others are passed over. Default 8.
    pub psk_lookups: usize,
    /// Received bytes that may wait to be processed. Default 64 KiB; at least one whole record, whatever is set.
    pub input: usize,
    /// Sealed bytes that may wait to be sent before `write` takes no more. Default 64 KiB; at least 1.
    pub output: usize,
    /// Records of application data without content in a row (RFC 5246 6.2.1). Default 32.
    pub empty_records: u8,
    /// ChangeCipherSpecs that say nothing, which a handshake of TLS 1.3 drops (RFC 8446 5). Default 32.
    pub change_cipher_specs: u8,
    /// Warning alerts that are ignored over the life of a connection. Default 16.
    pub warnings: u8,
    /// Renegotiations that are refused with a warning before the connection is ended; and HelloRequests that are passed over
    /// while one handshake is under way (RFC 5246 7.4.1.1). Default 4.
    pub refused_renegotiations: u8,
    /// Renegotiations that the peer may start over the life of a connection; those we ask for do not count. Default 16.
    pub renegotiations: u32,
    /// Bytes that must pass between two renegotiations that the peer starts; one that comes sooner is declined. Default
    /// 16 KiB.
    pub renegotiation_distance: u64,
    /// Application data that is held back while a renegotiation is awaited, bytes. Default 128 KiB.
    pub renegotiation_data: usize,
    /// Early data that is passed over when it is not taken, bytes (RFC 8446 4.2.10). Default 64 KiB.
    pub skipped_early_data: u32,
    /// Messages after the handshake in a row, without application data between them, that a peer of TLS 1.3 may send:
    /// KeyUpdate, NewSessionTicket (RFC 8446 4.6). Default 32.
    pub post_handshake_messages: u8,
    /// Requests for its certificate after the handshake that a client of TLS 1.3 answers over the life of a connection
    /// (RFC 8446 4.6.2): each costs a signature. Default 16.
    pub certificate_requests: u8,
    /// Bytes that are written under one key of TLS 1.3 before new keys come by themselves (RFC 8446 5.5). Default 2^36; the
    /// algorithm's own bound, in records, holds besides.
    pub key_data: u64,
    /// Bytes in one direction under one key of a cipher with blocks of 64 bits. After half of them the keys are changed by
    /// renegotiation, where peer and policy allow it; after all of them the connection ends. Default 2^32.
    pub short_block_data: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_message: 64 << 10,
            extensions: 128,
            certificates: 64,
            cookie: 4 << 10,
            ticket: LONGEST_TICKET,
            tickets_kept: 4,
            psk_lookups: 8,
            input: 64 << 10,
            output: 64 << 10,
            empty_records: 32,
            change_cipher_specs: 32,
            warnings: 16,
            refused_renegotiations: 4,
            renegotiations: 16,
            renegotiation_distance: 16 << 10,
            renegotiation_data: 128 << 10,
            skipped_early_data: 64 << 10,
            post_handshake_messages: 32,
            certificate_requests: 16,
            key_data: 1 << 36,
            short_block_data: 1 << 32,
        }
    }
}

impl Limits {
    /// Raised to what a connection cannot do without, and lowered to what a hello has room for.
    fn usable(self) -> Self {
        let record = RecordHeader::LEN + MAX_CIPHERTEXT;
        Self {
            input: self.input.max(record),
            output: self.output.max(1),
            cookie: self.cookie.min(LONGEST_COOKIE),
            ticket: self.ticket.min(LONGEST_TICKET),
            tickets_kept: self.tickets_kept.max(1),
            ..self
        }
    }
}

/// The protocols as they stand in the extension; names of 1 to 255 bytes only (RFC 7301 3.1).
fn alpn_names<T: AsRef<[u8]>>(names: impl IntoIterator<Item = T>) -> Result<Vec<Bytes>, ConfigError> {
    names
        .into_iter()
        .map(|name| {
            let name = name.as_ref();
            if name.is_empty() || name.len() > 255 {
                Err(ConfigError::BadAlpn)
            } else {
                Ok(Bytes::copy_from_slice(name))
            }
        })
        .collect()
}

/// Strikes from a policy what the provider cannot do, or what takes a key that is not there, so that nothing is offered in vain.
/// `certificates` says whether suites with certificates serve too.
fn fit(
    mut policy: Policy,
    provider: &Provider,
    psks: &[ExternalPsk],
    certificates: bool,
) -> Result<Policy, ConfigError> {
    policy.groups.retain(|group| provider.group(*group).is_some());
    policy.schemes.retain(|scheme| {
        let scheme = negotiate::pkcs1_of_client(*scheme).unwrap_or(*scheme);
        provider.verifier_for(scheme).is_some() || provider.verifier_for_13(scheme).is_some()
    });
    let dialects = &policy.dialects;
    let tls13 = policy.tls13;
    policy.suites.retain(|suite| {
        let spoken = tls13 && suite.is_of_tls13() || dialects.iter().any(|dialect| suite.allows(dialect.version()));
        spoken && suite.supported(provider)
    });
    let has_psk = psk::classic(psks).next().is_some();
    let serves_tls13 = certificates || psk::of_tls13(psks).next().is_some();
    let some = !policy.suites.is_empty();
    policy.suites.retain(|suite| {
        if suite.is_pre_shared() {
            has_psk
        } else if suite.is_of_tls13() {
            serves_tls13
        } else {
            certificates || !has_psk
        }
    });
    if some && policy.suites.is_empty() && !has_psk {
        return Err(ConfigError::NoPsk);
    }
    // Without a suite of its own, a group or a scheme, there is no TLS 1.3.
    policy.tls13 &= policy.suites.iter().any(|suite| suite.is_of_tls13()) && !policy.groups.is_empty();
    if policy.renegotiation == Renegotiation::UnsafeLegacy && !policy.may_renegotiate_unsafely {
        return Err(ConfigError::UnsafeRenegotiation);
    }
    if policy.dialects.is_empty() && !policy.tls13 {
        return Err(ConfigError::NothingToOffer("protocol version"));
    }
    if policy.suites.is_empty() {
        return Err(ConfigError::NothingToOffer("cipher suite"));
    }
    Ok(policy)
}

/// Checks a record size limit (RFC 8449 4).
fn record_size(limit: Option<u16>) -> Result<Option<u16>, ConfigError> {
    match limit {
        Some(limit) if !(64..=16384).contains(&limit) => Err(ConfigError::BadRecordSizeLimit),
        other => Ok(other),
    }
}
