//! What is said when the two sides do not come together: the peer's alert, and offers with nothing in common.

use core::fmt;

use clasp_wire::{AlertDescription, CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme};

/// The peer's alert, with what we had offered when it came before the server's hello: the peer does not say which part
/// of the offer it missed, so both are shown.
#[derive(Clone, Debug)]
pub struct AlertReceived {
    /// What the peer said.
    pub alert: AlertDescription,
    /// What we had offered, when the peer refused the hello itself.
    pub offered: Option<Offer>,
    /// Whether the peer had asked for our certificate and been sent none (RFC 5246 7.4.6), and this may be why: no alert over
    /// records and messages that cannot be read.
    pub certificate_declined: bool,
    /// Whether the peer had asked to renegotiate and been declined, which some take for the end (RFC 5246 7.2.2).
    pub renegotiation_declined: bool,
}

/// Whether an alert can mean that a certificate is missing. `established`: it came after the handshake, where old peers no longer
/// say `unexpected_message` for that.
pub(crate) fn may_miss_certificate(alert: AlertDescription, established: bool) -> bool {
    match alert {
        AlertDescription::BAD_RECORD_MAC
        | AlertDescription::DECRYPTION_FAILED
        | AlertDescription::RECORD_OVERFLOW
        | AlertDescription::DECOMPRESSION_FAILURE
        | AlertDescription::DECRYPT_ERROR => false,
        // GnuTLS takes an empty list of certificates for one that it cannot read.
        AlertDescription::UNEXPECTED_MESSAGE | AlertDescription::DECODE_ERROR => !established,
        _ => true,
    }
}

impl fmt::Display for AlertReceived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In answer to a hello it is about what the peer itself would show (RFC 7250 4.2).
        let of_types = self.alert == AlertDescription::UNSUPPORTED_CERTIFICATE && self.offered.is_some();
        let advice = if of_types {
            "; it has nothing of the type that we take, certificate or raw public key (RFC 7250)"
        } else {
            advice(self.alert)
        };
        write!(f, "the peer refused: alert {} ({}){advice}", self.alert, self.alert.0)?;
        if self.certificate_declined {
            f.write_str(
                ". It had asked for a client certificate and was sent none: give this client an identity that one of \
                 the server's authorities issued",
            )?;
        }
        if self.renegotiation_declined {
            f.write_str(". It had asked to renegotiate, which this version declines")?;
        }
        if let Some(offered) = self.offered.as_ref().filter(|_| !of_types) {
            write!(f, ". The peer does not say why. We offered {offered}")?;
        }
        Ok(())
    }
}

fn advice(alert: AlertDescription) -> &'static str {
    match alert {
        AlertDescription::UNKNOWN_CA => "; it does not know the issuer of our certificate",
        AlertDescription::BAD_CERTIFICATE
        | AlertDescription::CERTIFICATE_UNKNOWN
        | AlertDescription::UNSUPPORTED_CERTIFICATE => "; it does not accept our certificate",
        AlertDescription::CERTIFICATE_EXPIRED => "; it takes our certificate to be expired: check both clocks",
        AlertDescription::CERTIFICATE_REVOKED => "; it takes our certificate to be revoked",
        AlertDescription::CERTIFICATE_REQUIRED => "; it wants a client certificate",
        AlertDescription::DECRYPT_ERROR => "; a signature or Finished of ours did not verify there",
        AlertDescription::NO_APPLICATION_PROTOCOL => "; it speaks none of the offered application protocols",
        AlertDescription::ECH_REQUIRED => "; we could not read its encrypted ClientHello, and it sends nothing without",
        AlertDescription::UNRECOGNIZED_NAME => "; it does not serve the requested server name",
        _ => "",
    }
}

/// What one side of a handshake offers.
#[derive(Clone, Debug, Default)]
pub struct Offer {
    /// Protocol versions.
    pub versions: Vec<ProtocolVersion>,
    /// Cipher suites, signalling values left out.
    pub suites: Vec<CipherSuite>,
    /// Key exchange groups.
    pub groups: Vec<NamedGroup>,
    /// Signature schemes.
    pub schemes: Vec<SignatureScheme>,
    /// Application protocols.
    pub alpn: Vec<String>,
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        list(f, &mut separator, "versions", &self.versions)?;
        list(f, &mut separator, "cipher suites", &self.suites)?;
        list(f, &mut separator, "groups", &self.groups)?;
        list(f, &mut separator, "signature schemes", &self.schemes)?;
        list(f, &mut separator, "application protocols", &self.alpn)
    }
}

fn list<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    separator: &mut &'static str,
    what: &str,
    items: &[T],
) -> fmt::Result {
    let Some((first, rest)) = items.split_first() else { return Ok(()) };
    write!(f, "{separator}{what} {first}")?;
    for item in rest {
        write!(f, ", {item}")?;
    }
    *separator = "; ";
    Ok(())
}

/// The two sides have nothing in common.
#[derive(Clone, Debug)]
pub struct NoCommonGround {
    /// In what: `protocol version`, `cipher suite`, `application protocol`.
    pub what: &'static str,
    /// Our offer.
    pub ours: Offer,
    /// The peer's, as far as it has told.
    pub theirs: Offer,
    /// What is missing where suites are in common, and none can be used.
    pub missing: Option<&'static str>,
    /// The named policy that would have met the peer's offer.
    pub policy: Option<&'static str>,
    /// What the peer is told.
    pub alert: AlertDescription,
}

impl fmt::Display for NoCommonGround {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no common {}: we have {}; the peer offers {}", self.what, self.ours, self.theirs)?;
        if let Some(missing) = self.missing {
            write!(f, ". Suites are in common, but not {missing}")?;
        }
        match self.policy {
            Some(policy) => write!(f, ". Policy {policy} would accept what the peer offers"),
            None => Ok(()),
        }
    }
}
