//! What differs between the versions of the classic family, as values (RFC 5246 1.2, "Major Differences from TLS 1.1";
//! RFC 4346 1.1, "Differences from TLS 1.0").
//!
//! A dialect is chosen once, when the version is agreed, and never compared again. SSL 3.0 is one more implementation of the
//! same trait, above this crate; TLS 1.3 has other flights, and no dialect.

use core::fmt::Debug;
use std::borrow::Cow;

use bytes::Bytes;
use clasp_crypto::{CryptoError, HashAlgorithm, KeyAlgorithm, Provider};
use clasp_keys::{MasterSecret, Schedule, Tls12, Transcript};
use clasp_record::{Form, IvPolicy};
use clasp_wire::{
    AlertDescription, CertificateRequest, DecodeError, DigitallySigned, EncryptedPreMasterSecret, HandshakeMessage,
    ProtocolVersion, Random, SignatureScheme,
};

/// How a server tells that it knows a newer version than was agreed (RFC 8446 4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DowngradeMark {
    /// Those whose newest version is this, or newer, set it and look for it.
    pub since: ProtocolVersion,
    /// The end of the random value.
    pub bytes: [u8; 8],
}

/// One version of the classic family. What is not said is as in TLS 1.2.
pub trait Dialect: Debug + Send + Sync {
    /// The version on the wire.
    fn version(&self) -> ProtocolVersion;

    /// What a server's random value ends with where this version is agreed and a newer one could have been.
    fn downgrade_mark(&self) -> DowngradeMark {
        DowngradeMark { since: ProtocolVersion::TLS_1_2, bytes: Random::DOWNGRADE_BELOW_TLS12 }
    }

    /// The key schedule, given the PRF hash of the suite. `None` when the provider lacks a primitive.
    fn schedule(&self, provider: &Provider, prf: HashAlgorithm) -> Option<Box<dyn Schedule>>;

    /// The hash function of the transcript, given the PRF hash of the suite.
    fn transcript_hash(&self, prf: HashAlgorithm) -> HashAlgorithm {
        prf
    }

    /// How the initialisation vector of a CBC record is made.
    fn iv_policy(&self) -> IvPolicy {
        IvPolicy::Explicit
    }

    /// How protected records are written.
    fn form(&self, encrypt_then_mac: bool) -> Form {
        Form::new(self.version(), self.iv_policy(), encrypt_then_mac)
    }

    /// Whether hellos have extensions that change the handshake (all but `renegotiation_info`, which SSL 3.0 got too).
    fn has_extensions(&self) -> bool {
        true
    }

    /// Whether peers name the signature schemes they accept (from TLS 1.2 on).
    fn names_schemes(&self) -> bool {
        true
    }

    /// The schemes a peer accepts that has not said which (RFC 5246 7.4.1.4.1).
    fn schemes_when_silent(&self) -> &'static [SignatureScheme] {
        &[SignatureScheme::RSA_PKCS1_SHA1, SignatureScheme::ECDSA_SHA1]
    }

    /// Picks the scheme for a signature of ours: the first of `ours` that `key` can make and the peer accepts.
    fn choose_scheme(
        &self,
        ours: &[SignatureScheme],
        key: &[SignatureScheme],
        accepted: &[SignatureScheme],
    ) -> Option<SignatureScheme> {
        // The key's own order wins: it knows what is fastest and best for it. What has no name on the wire is not meant by a
        // number that happens to be that of ours.
        let named = |scheme: &SignatureScheme| *scheme != SignatureScheme::RSA_PKCS1_MD5_SHA1;
        key.iter().copied().find(|scheme| named(scheme) && ours.contains(scheme) && accepted.contains(scheme))
    }

    /// What a key is given to sign or to verify with a scheme of this version.
    ///
    /// # Errors
    /// [`CryptoError::Unsupported`].
    fn to_sign<'a>(
        &self,
        provider: &Provider,
        scheme: SignatureScheme,
        message: &'a [u8],
    ) -> Result<Cow<'a, [u8]>, CryptoError> {
        let _ = (provider, scheme);
        Ok(Cow::Borrowed(message))
    }

    /// What the client signs in its CertificateVerify: all messages so far.
    ///
    /// # Errors
    /// [`CryptoError::Unsupported`].
    fn handshake_to_sign<'a>(
        &self,
        provider: &Provider,
        scheme: SignatureScheme,
        transcript: &'a Transcript,
        master: &MasterSecret,
    ) -> Result<Cow<'a, [u8]>, CryptoError> {
        let _ = master;
        self.to_sign(provider, scheme, transcript.raw().unwrap_or_default())
    }

    /// The digitally-signed struct of this version, around a signature.
    fn write_signature(&self, scheme: SignatureScheme, signature: Vec<u8>) -> Bytes {
        DigitallySigned { scheme, signature: signature.into() }.encode()
    }

    /// Takes the digitally-signed struct of this version apart. `key` is the signer's.
    ///
    /// # Errors
    /// What is wrong, and where.
    fn read_signature(&self, signed: &Bytes, key: KeyAlgorithm) -> Result<DigitallySigned, DecodeError> {
        let _ = key;
        DigitallySigned::parse(signed)
    }

    /// A CertificateRequest, header included.
    fn write_certificate_request(&self, request: CertificateRequest) -> Bytes {
        request.encode()
    }

    /// Reads the body of a CertificateRequest. One that names no schemes is filled with what it means.
    ///
    /// # Errors
    /// What is wrong, and where.
    fn read_certificate_request(&self, body: &Bytes) -> Result<CertificateRequest, DecodeError> {
        CertificateRequest::parse_body(body)
    }

    /// A ClientKeyExchange with an encrypted pre-master secret, header included.
    fn write_encrypted_pre_master(&self, ciphertext: Bytes) -> Bytes {
        EncryptedPreMasterSecret { ciphertext }.encode()
    }

    /// The encrypted pre-master secret out of the body of a ClientKeyExchange.
    ///
    /// # Errors
    /// What is wrong, and where.
    fn read_encrypted_pre_master(&self, body: &Bytes) -> Result<Bytes, DecodeError> {
        EncryptedPreMasterSecret::parse_body(body).map(|message| message.ciphertext)
    }

    /// The alert of this version that says what one of TLS 1.2 would, or comes nearest to it.
    fn alert(&self, description: AlertDescription) -> AlertDescription {
        description
    }

    /// Whether a client without a certificate sends the alert `no_certificate` instead of an empty Certificate.
    fn declines_by_alert(&self) -> bool {
        false
    }
}

/// TLS 1.2 (RFC 5246).
#[derive(Debug)]
pub struct Tls12Dialect;

/// TLS 1.2 (RFC 5246).
pub static TLS12: Tls12Dialect = Tls12Dialect;

impl Dialect for Tls12Dialect {
    fn version(&self) -> ProtocolVersion {
        ProtocolVersion::TLS_1_2
    }

    fn downgrade_mark(&self) -> DowngradeMark {
        DowngradeMark { since: ProtocolVersion::TLS_1_3, bytes: Random::DOWNGRADE_TO_TLS12 }
    }

    fn schedule(&self, provider: &Provider, prf: HashAlgorithm) -> Option<Box<dyn Schedule>> {
        Some(Box::new(Tls12::new(provider, prf)?))
    }
}

#[cfg(feature = "legacy")]
pub use before_tls12::{TLS10, TLS11, Tls10Dialect, Tls11Dialect, hashes_to_sign, scheme_of_key};

/// TLS 1.1 and TLS 1.0.
#[cfg(feature = "legacy")]
mod before_tls12 {
    use clasp_keys::Tls10;
    use clasp_wire::{CertificateRequest10, DigitallySigned10};

    use super::{
        Bytes, CertificateRequest, Cow, CryptoError, Debug, DecodeError, Dialect, DigitallySigned, HandshakeMessage,
        HashAlgorithm, IvPolicy, KeyAlgorithm, ProtocolVersion, Provider, Schedule, SignatureScheme,
    };

    /// What the two share: MD5 and SHA-1 throughout, and no scheme named.
    macro_rules! as_before_tls12 {
        () => {
            fn schedule(&self, provider: &Provider, _: HashAlgorithm) -> Option<Box<dyn Schedule>> {
                Some(Box::new(Tls10::new(provider)?))
            }

            fn names_schemes(&self) -> bool {
                false
            }

            fn transcript_hash(&self, _: HashAlgorithm) -> HashAlgorithm {
                HashAlgorithm::Md5Sha1
            }

            fn choose_scheme(
                &self,
                ours: &[SignatureScheme],
                key: &[SignatureScheme],
                _: &[SignatureScheme],
            ) -> Option<SignatureScheme> {
                // Nothing was said, as there is nothing to choose.
                IMPLIED.iter().copied().find(|scheme| ours.contains(scheme) && key.contains(scheme))
            }

            fn to_sign<'a>(
                &self,
                provider: &Provider,
                scheme: SignatureScheme,
                message: &'a [u8],
            ) -> Result<Cow<'a, [u8]>, CryptoError> {
                hashes_to_sign(provider, scheme, message)
            }

            fn write_signature(&self, _: SignatureScheme, signature: Vec<u8>) -> Bytes {
                DigitallySigned10 { signature: signature.into() }.encode()
            }

            fn read_signature(&self, signed: &Bytes, key: KeyAlgorithm) -> Result<DigitallySigned, DecodeError> {
                let signature = DigitallySigned10::parse(signed)?.signature;
                Ok(DigitallySigned { scheme: scheme_of_key(key), signature })
            }

            fn write_certificate_request(&self, request: CertificateRequest) -> Bytes {
                let CertificateRequest { certificate_types, authorities, .. } = request;
                CertificateRequest10 { certificate_types, authorities }.encode()
            }

            fn read_certificate_request(&self, body: &Bytes) -> Result<CertificateRequest, DecodeError> {
                let CertificateRequest10 { certificate_types, authorities } = CertificateRequest10::parse_body(body)?;
                Ok(CertificateRequest { certificate_types, signature_algorithms: IMPLIED.to_vec(), authorities })
            }
        };
    }

    /// What RSA and ECDSA keys sign with (RFC 4346 4.7, RFC 8422 5.4).
    const IMPLIED: &[SignatureScheme] = &[SignatureScheme::RSA_PKCS1_MD5_SHA1, SignatureScheme::ECDSA_SHA1];

    /// The scheme that a kind of key implies before TLS 1.2.
    pub fn scheme_of_key(key: KeyAlgorithm) -> SignatureScheme {
        match key {
            KeyAlgorithm::Rsa => SignatureScheme::RSA_PKCS1_MD5_SHA1,
            _ => SignatureScheme::ECDSA_SHA1,
        }
    }

    /// For RSA both hashes of the message; other keys hash it themselves.
    ///
    /// # Errors
    /// [`CryptoError::Unsupported`] when the provider lacks MD5.
    pub fn hashes_to_sign<'a>(
        provider: &Provider,
        scheme: SignatureScheme,
        message: &'a [u8],
    ) -> Result<Cow<'a, [u8]>, CryptoError> {
        if scheme != SignatureScheme::RSA_PKCS1_MD5_SHA1 {
            return Ok(Cow::Borrowed(message));
        }
        let hash = provider.hash(HashAlgorithm::Md5Sha1).ok_or(CryptoError::Unsupported)?;
        Ok(Cow::Owned(hash.hash(&[message]).as_slice().to_vec()))
    }

    /// TLS 1.1 (RFC 4346).
    #[derive(Debug)]
    pub struct Tls11Dialect;

    /// TLS 1.1 (RFC 4346).
    pub static TLS11: Tls11Dialect = Tls11Dialect;

    impl Dialect for Tls11Dialect {
        fn version(&self) -> ProtocolVersion {
            ProtocolVersion::TLS_1_1
        }

        as_before_tls12!();
    }

    /// TLS 1.0 (RFC 2246): as TLS 1.1, but for the initialisation vectors.
    #[derive(Debug)]
    pub struct Tls10Dialect;

    /// TLS 1.0 (RFC 2246).
    pub static TLS10: Tls10Dialect = Tls10Dialect;

    impl Dialect for Tls10Dialect {
        fn version(&self) -> ProtocolVersion {
            ProtocolVersion::TLS_1_0
        }

        fn iv_policy(&self) -> IvPolicy {
            IvPolicy::Chained
        }

        as_before_tls12!();
    }
}
