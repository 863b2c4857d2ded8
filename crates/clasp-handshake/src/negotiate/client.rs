//! The client's side: the server's hello held against the offer (RFC 5246 7.4.1.3).

use bytes::Bytes;
use clasp_wire::{AlertDescription, CompressionMethod, EcPointFormat, ProtocolVersion, ServerExtension, ServerHello};
use subtle::ConstantTimeEq as _;

use super::{Agreed, is_downgraded, is_of_older_hello, keeps_extended_master_secret, policy_that_speaks, same_version};
use crate::certificate_type::CertificateTypes;
use crate::config::ClientConfig;
use crate::error::{Error, Misbehaviour, NoCommonGround};
use crate::hello::{ClientOffer, our_offer};
use crate::session::{Previous, Randoms};
use crate::timestamps;

/// The version of a client's records from the server's hello on, also if that is then refused: a server may read no
/// alert in a record of another version than it chose. A choice of no version there is changes nothing.
pub(crate) fn record_version(offer: &ClientOffer, hello: &ServerHello) -> ProtocolVersion {
    let newest = offer.hello.client_version;
    if (ProtocolVersion::SSL_3_0..=newest).contains(&hello.server_version) { hello.server_version } else { newest }
}

/// Holds, as a client, the server's hello against the offer.
pub(crate) fn accept(
    config: &ClientConfig,
    offer: &ClientOffer,
    hello: &ServerHello,
    previous: Option<&Previous>,
) -> Result<Agreed, Error> {
    let policy = &config.policy;
    let Some(dialect) = policy.dialects.iter().copied().find(|dialect| dialect.version() == hello.server_version)
    else {
        return Err(Error::NoCommonGround(Box::new(NoCommonGround {
            what: "protocol version",
            ours: our_offer(policy, &config.alpn),
            theirs: crate::error::Offer { versions: vec![hello.server_version], ..Default::default() },
            missing: None,
            policy: policy_that_speaks(policy, &[hello.server_version]),
            alert: AlertDescription::PROTOCOL_VERSION,
        })));
    };
    same_version(previous, dialect)?;
    // In a later handshake the version stays what it was.
    if previous.is_none() && is_downgraded(policy, dialect, &hello.random.0) {
        return Err(Misbehaviour::Downgrade.into());
    }
    let offered = policy.suites.iter().copied();
    let Some(suite) =
        offered.into_iter().find(|suite| suite.id == hello.cipher_suite && suite.allows(dialect.version()))
    else {
        return Err(Misbehaviour::SuiteNotOffered.into());
    };
    if hello.compression_method != CompressionMethod::NULL {
        return Err(Misbehaviour::CompressionNotOffered.into());
    }

    let mut agreed = Agreed {
        dialect,
        suite,
        randoms: Randoms { client: offer.hello.random.0, server: hello.random.0 },
        hello_version: offer.hello.client_version,
        extended_master_secret: false,
        encrypt_then_mac: false,
        secure_renegotiation: false,
        status_request: false,
        sct_list: None,
        ticket: false,
        alpn: None,
        certificate_types: CertificateTypes::default(),
    };
    for extension in hello.extensions.iter().flatten() {
        let exists = dialect.has_extensions() || matches!(extension, ServerExtension::RenegotiationInfo(_));
        if !exists || !offer.asked_for(extension) || !is_of_older_hello(extension) {
            return Err(Misbehaviour::UnsolicitedExtension.into());
        }
        agreed.certificate_types.accept(&offer.hello, extension)?;
        match extension {
            ServerExtension::ExtendedMasterSecret => agreed.extended_master_secret = true,
            ServerExtension::EncryptThenMac if suite.bulk.is_cbc() => agreed.encrypt_then_mac = true,
            ServerExtension::EncryptThenMac => return Err(Misbehaviour::EncryptThenMacWithoutCbc.into()),
            ServerExtension::RenegotiationInfo(info) => {
                // A server that did not know it at first does not know it later (RFC 5746 4.2).
                let expected = previous.map_or_else(|| Some(Bytes::new()), Previous::server_info);
                if !expected.is_some_and(|expected| expected.ct_eq(info).into()) {
                    return Err(Misbehaviour::BadRenegotiationInfo.into());
                }
                agreed.secure_renegotiation = true;
            }
            ServerExtension::StatusRequest => agreed.status_request = true,
            ServerExtension::SignedCertificateTimestamp(list) => agreed.sct_list = timestamps::from_extension(list),
            ServerExtension::SessionTicket => agreed.ticket = true,
            ServerExtension::EcPointFormats(formats) if !formats.contains(&EcPointFormat::UNCOMPRESSED) => {
                return Err(Misbehaviour::NoUncompressedPoints.into());
            }
            ServerExtension::Alpn(protocol) if config.alpn.contains(protocol) => agreed.alpn = Some(protocol.clone()),
            ServerExtension::Alpn(_) => return Err(Misbehaviour::AlpnNotOffered.into()),
            ServerExtension::RecordSizeLimit(limit) if *limit < 64 => {
                return Err(Misbehaviour::BadRecordSizeLimit.into());
            }
            _ => {}
        }
    }
    if previous.is_some_and(|previous| previous.secure_renegotiation) && !agreed.secure_renegotiation {
        return Err(Misbehaviour::BadRenegotiationInfo.into());
    }
    keeps_extended_master_secret(previous, agreed.extended_master_secret, !policy.sends_sslv2_hello)?;
    if policy.require_renegotiation_info && !agreed.secure_renegotiation {
        return Err(Misbehaviour::NoRenegotiationInfo.into());
    }
    if policy.require_extended_master_secret && !agreed.extended_master_secret {
        return Err(Misbehaviour::NoExtendedMasterSecret.into());
    }
    Ok(agreed)
}
