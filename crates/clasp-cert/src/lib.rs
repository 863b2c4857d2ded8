//! Who is that? Certificate verification for TLS, check by check (RFC 5280, RFC 6125, RFC 5246 section 7.4).
//!
//! A handshake asks a [`ServerVerifier`] or a [`ClientVerifier`] about the chain it was shown. The
//! answer is a [`Report`] of named checks, each passed, failed with its reason, not reached or not
//! checked; where the chain is refused, it comes inside a [`CertificateError`] that says which
//! problem decided, which alert to send, and what to do about it.
//!
//! * [`WebPkiServerVerifier`] and [`WebPkiClientVerifier`] verify chains against a [`RootStore`].
//!   rustls-webpki's verdict binds; a refused chain is looked at once more, so that the report
//!   tells of *all* that is wrong with it.
//! * [`PinnedServerVerifier`] trusts exactly the keys it is told, alone or on top of another
//!   verifier. [`DangerousAcceptAnyServer`] is what its name says.
//! * [`RawPublicKeyVerifier`] accepts keys without certificates (RFC 7250).
//! * [`Identity`] is our own chain with its [`PrivateKey`], which may lie in an HSM: verifying and
//!   signing answer with [`MaybeReady`], at once or later.
//! * [`PublicKey`] checks the peer's proof that it holds its key; [`CertificateSummary`] is a
//!   certificate for people to read.
//!
//! # Features
//! `native-roots` adds `RootStore::system`, `webpki-roots` adds `RootStore::mozilla`, `legacy` adds
//! `CertificateRules::legacy`, `encrypted-keys` adds `Identity::from_pem_files_with_password` and
//! `pkcs12` adds `Identity::from_pkcs12`.
//!
#![doc = include_str!("../README.md")]

mod client;
mod common_name;
mod dangerous;
mod element;
mod encrypted;
mod error;
mod fields;
mod identity;
#[cfg(feature = "legacy")]
mod legacy_path;
mod load_error;
mod maybe_ready;
mod path;
mod pem;
mod pins;
#[cfg(feature = "pkcs12")]
mod pkcs12;
mod private_key;
mod public_key;
mod raw_key;
mod report;
mod revocation;
mod roots;
mod rules;
mod sct;
mod second_look;
mod server;
mod staple;
mod summary;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod text;
mod verify;

pub use client::{WebPkiClientVerifier, WebPkiClientVerifierBuilder};
pub use dangerous::DangerousAcceptAnyServer;
pub use error::{CertificateError, CertificateProblem};
pub use identity::Identity;
pub use load_error::{LoadError, Source};
pub use maybe_ready::MaybeReady;
pub use pins::{Pin, PinnedServerVerifier};
pub use private_key::{PreMaster48, PrivateKey, SoftwareKey};
pub use public_key::PublicKey;
pub use raw_key::{RawPublicKeyVerifier, raw_public_key};
pub use report::{Check, Outcome, Report};
pub use revocation::Revocation;
pub use roots::RootStore;
pub use rules::CertificateRules;
pub use rustls_pki_types as pki_types;
pub use sct::{BadSctList, SctList};
pub use server::{WebPkiServerVerifier, WebPkiServerVerifierBuilder};
pub use summary::CertificateSummary;
pub use verify::{
    ClientVerification, ClientVerifier, KeyUse, ServerVerification, ServerVerifier, StapleCheck, StapleStatus,
    scope_of_this,
};
