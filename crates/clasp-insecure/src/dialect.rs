//! SSL 3.0 as one more dialect of the classic family (RFC 6101). It reads like a "differences from TLS 1.0".

use std::borrow::Cow;

use bytes::Bytes;
use clasp_crypto::{CryptoError, HashAlgorithm, KeyAlgorithm, Provider};
use clasp_handshake::{Dialect, hashes_to_sign};
use clasp_keys::{MasterSecret, Schedule, Transcript};
use clasp_record::{Form, IvPolicy, Padding};
use clasp_wire::{
    AlertDescription, CertificateRequest, CertificateRequest10, ClientCertificateType, DecodeError, DigitallySigned,
    DigitallySigned10, EncryptedPreMasterSecret30, HandshakeMessage, ProtocolVersion, SignatureScheme,
};

use crate::record_mac::SSL30_MAC;
use crate::schedule::{Ssl30, handshake_hashes};

/// SSL 3.0 (RFC 6101). RFC 7568 forbids it: with CBC whoever can alter records reads plaintext (POODLE), and the only other
/// ciphers it has are RC4 and none.
#[derive(Debug)]
pub struct Ssl30Dialect;

/// SSL 3.0 (RFC 6101).
pub static SSL30: Ssl30Dialect = Ssl30Dialect;

/// The only thing a key signs.
const IMPLIED: SignatureScheme = SignatureScheme::RSA_PKCS1_MD5_SHA1;

impl Dialect for Ssl30Dialect {
    fn version(&self) -> ProtocolVersion {
        ProtocolVersion::SSL_3_0
    }

    fn schedule(&self, provider: &Provider, _: HashAlgorithm) -> Option<Box<dyn Schedule>> {
        Some(Box::new(Ssl30::new(provider)?))
    }

    fn transcript_hash(&self, _: HashAlgorithm) -> HashAlgorithm {
        HashAlgorithm::Md5Sha1
    }

    fn iv_policy(&self) -> IvPolicy {
        IvPolicy::Chained
    }

    /// There is no encrypt-then-MAC: nothing could agree on it.
    fn form(&self, _: bool) -> Form {
        Form::new(self.version(), self.iv_policy(), false).with_mac(&SSL30_MAC, Padding::Arbitrary)
    }

    fn has_extensions(&self) -> bool {
        false
    }

    fn names_schemes(&self) -> bool {
        false
    }

    fn choose_scheme(
        &self,
        ours: &[SignatureScheme],
        key: &[SignatureScheme],
        _: &[SignatureScheme],
    ) -> Option<SignatureScheme> {
        (ours.contains(&IMPLIED) && key.contains(&IMPLIED)).then_some(IMPLIED)
    }

    fn to_sign<'a>(
        &self,
        provider: &Provider,
        scheme: SignatureScheme,
        message: &'a [u8],
    ) -> Result<Cow<'a, [u8]>, CryptoError> {
        hashes_to_sign(provider, scheme, message)
    }

    /// The master secret and pads are mixed in, as in Finished (RFC 6101 5.6.8).
    fn handshake_to_sign<'a>(
        &self,
        provider: &Provider,
        _: SignatureScheme,
        transcript: &'a Transcript,
        master: &MasterSecret,
    ) -> Result<Cow<'a, [u8]>, CryptoError> {
        let hash = |algorithm| provider.hash(algorithm).ok_or(CryptoError::Unsupported);
        let (md5, sha1) = (hash(HashAlgorithm::Md5)?, hash(HashAlgorithm::Sha1)?);
        let both = handshake_hashes(md5, sha1, transcript, &[], master).map_err(|_| CryptoError::Unsupported)?;
        Ok(Cow::Owned(both.to_vec()))
    }

    fn write_signature(&self, _: SignatureScheme, signature: Vec<u8>) -> Bytes {
        DigitallySigned10 { signature: signature.into() }.encode()
    }

    /// Whatever the signer's key: SSL 3.0 knows no other signature that we have, so that another key fails to verify.
    fn read_signature(&self, signed: &Bytes, _: KeyAlgorithm) -> Result<DigitallySigned, DecodeError> {
        Ok(DigitallySigned { scheme: IMPLIED, signature: DigitallySigned10::parse(signed)?.signature })
    }

    fn write_certificate_request(&self, request: CertificateRequest) -> Bytes {
        let certificate_types = vec![ClientCertificateType::RSA_SIGN];
        CertificateRequest10 { certificate_types, authorities: request.authorities }.encode()
    }

    fn read_certificate_request(&self, body: &Bytes) -> Result<CertificateRequest, DecodeError> {
        let CertificateRequest10 { certificate_types, authorities } = CertificateRequest10::parse_body(body)?;
        Ok(CertificateRequest { certificate_types, signature_algorithms: vec![IMPLIED], authorities })
    }

    /// Without a length before it (RFC 6101 5.6.7.1).
    fn write_encrypted_pre_master(&self, ciphertext: Bytes) -> Bytes {
        EncryptedPreMasterSecret30 { ciphertext }.encode()
    }

    fn read_encrypted_pre_master(&self, body: &Bytes) -> Result<Bytes, DecodeError> {
        EncryptedPreMasterSecret30::parse_body(body).map(|message| message.ciphertext)
    }

    /// The twelve that SSL 3.0 has (RFC 6101 5.4.2); what else would be said is said by the nearest of them.
    fn alert(&self, description: AlertDescription) -> AlertDescription {
        match description {
            AlertDescription::CLOSE_NOTIFY
            | AlertDescription::UNEXPECTED_MESSAGE
            | AlertDescription::BAD_RECORD_MAC
            | AlertDescription::DECOMPRESSION_FAILURE
            | AlertDescription::HANDSHAKE_FAILURE
            | AlertDescription::NO_CERTIFICATE
            | AlertDescription::BAD_CERTIFICATE
            | AlertDescription::UNSUPPORTED_CERTIFICATE
            | AlertDescription::CERTIFICATE_REVOKED
            | AlertDescription::CERTIFICATE_EXPIRED
            | AlertDescription::CERTIFICATE_UNKNOWN
            | AlertDescription::ILLEGAL_PARAMETER
            // A mere warning, which those who do not know it ignore.
            | AlertDescription::NO_RENEGOTIATION => description,
            AlertDescription::UNKNOWN_CA => AlertDescription::BAD_CERTIFICATE,
            AlertDescription::RECORD_OVERFLOW => AlertDescription::UNEXPECTED_MESSAGE,
            _ => AlertDescription::HANDSHAKE_FAILURE,
        }
    }

    fn declines_by_alert(&self) -> bool {
        true
    }
}
