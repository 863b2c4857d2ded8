//! Extensions and what stands in them (IANA "TLS ExtensionType Values", RFC 6066, RFC 7250, RFC 8422, RFC 8446 4.2,
//! RFC 8879), and in which message each may stand.

code_points! {
    /// The type of an extension.
    ExtensionType(u16, is_grease) {
        SERVER_NAME = 0 as "server_name",
        MAX_FRAGMENT_LENGTH = 1 as "max_fragment_length",
        CLIENT_CERTIFICATE_URL = 2 as "client_certificate_url",
        TRUSTED_CA_KEYS = 3 as "trusted_ca_keys",
        TRUNCATED_HMAC = 4 as "truncated_hmac",
        STATUS_REQUEST = 5 as "status_request",
        USER_MAPPING = 6 as "user_mapping",
        CLIENT_AUTHZ = 7 as "client_authz",
        SERVER_AUTHZ = 8 as "server_authz",
        CERT_TYPE = 9 as "cert_type",
        SUPPORTED_GROUPS = 10 as "supported_groups",
        EC_POINT_FORMATS = 11 as "ec_point_formats",
        SRP = 12 as "srp",
        SIGNATURE_ALGORITHMS = 13 as "signature_algorithms",
        USE_SRTP = 14 as "use_srtp",
        HEARTBEAT = 15 as "heartbeat",
        APPLICATION_LAYER_PROTOCOL_NEGOTIATION = 16 as "application_layer_protocol_negotiation",
        STATUS_REQUEST_V2 = 17 as "status_request_v2",
        SIGNED_CERTIFICATE_TIMESTAMP = 18 as "signed_certificate_timestamp",
        CLIENT_CERTIFICATE_TYPE = 19 as "client_certificate_type",
        SERVER_CERTIFICATE_TYPE = 20 as "server_certificate_type",
        PADDING = 21 as "padding",
        ENCRYPT_THEN_MAC = 22 as "encrypt_then_mac",
        EXTENDED_MASTER_SECRET = 23 as "extended_master_secret",
        TOKEN_BINDING = 24 as "token_binding",
        CACHED_INFO = 25 as "cached_info",
        TLS_LTS = 26 as "tls_lts",
        COMPRESS_CERTIFICATE = 27 as "compress_certificate",
        RECORD_SIZE_LIMIT = 28 as "record_size_limit",
        PWD_PROTECT = 29 as "pwd_protect",
        PWD_CLEAR = 30 as "pwd_clear",
        PASSWORD_SALT = 31 as "password_salt",
        TICKET_PINNING = 32 as "ticket_pinning",
        TLS_CERT_WITH_EXTERN_PSK = 33 as "tls_cert_with_extern_psk",
        DELEGATED_CREDENTIAL = 34 as "delegated_credential",
        SESSION_TICKET = 35 as "session_ticket",
        TLMSP = 36 as "TLMSP",
        TLMSP_PROXYING = 37 as "TLMSP_proxying",
        TLMSP_DELEGATE = 38 as "TLMSP_delegate",
        SUPPORTED_EKT_CIPHERS = 39 as "supported_ekt_ciphers",
        PRE_SHARED_KEY = 41 as "pre_shared_key",
        EARLY_DATA = 42 as "early_data",
        SUPPORTED_VERSIONS = 43 as "supported_versions",
        COOKIE = 44 as "cookie",
        PSK_KEY_EXCHANGE_MODES = 45 as "psk_key_exchange_modes",
        CERTIFICATE_AUTHORITIES = 47 as "certificate_authorities",
        OID_FILTERS = 48 as "oid_filters",
        POST_HANDSHAKE_AUTH = 49 as "post_handshake_auth",
        SIGNATURE_ALGORITHMS_CERT = 50 as "signature_algorithms_cert",
        KEY_SHARE = 51 as "key_share",
        TRANSPARENCY_INFO = 52 as "transparency_info",
        CONNECTION_ID = 54 as "connection_id",
        EXTERNAL_ID_HASH = 55 as "external_id_hash",
        EXTERNAL_SESSION_ID = 56 as "external_session_id",
        QUIC_TRANSPORT_PARAMETERS = 57 as "quic_transport_parameters",
        TICKET_REQUEST = 58 as "ticket_request",
        DNSSEC_CHAIN = 59 as "dnssec_chain",
        SEQUENCE_NUMBER_ENCRYPTION_ALGORITHMS = 60 as "sequence_number_encryption_algorithms",
        RRC = 61 as "rrc",
        TLS_FLAGS = 62 as "tls_flags",
        NEXT_PROTOCOL_NEGOTIATION = 13172 as "next_protocol_negotiation",
        ECH_OUTER_EXTENSIONS = 64768 as "ech_outer_extensions",
        ENCRYPTED_CLIENT_HELLO = 65037 as "encrypted_client_hello",
        RENEGOTIATION_INFO = 65281 as "renegotiation_info",
    }
}

/// A message of TLS 1.3 that holds extensions (RFC 8446 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExtensionPlace {
    /// ClientHello.
    ClientHello,
    /// A ServerHello that chooses TLS 1.3, and asks for no other ClientHello.
    ServerHello,
    /// HelloRetryRequest: a ServerHello with a random value of its own.
    HelloRetryRequest,
    /// EncryptedExtensions.
    EncryptedExtensions,
    /// An entry of a Certificate.
    Certificate,
    /// CertificateRequest.
    CertificateRequest,
    /// NewSessionTicket.
    NewSessionTicket,
}

impl ExtensionType {
    /// The messages of TLS 1.3 that the extension may stand in (RFC 8446 4.2 and the column "TLS 1.3" of IANA's registry);
    /// `None` for a type that is not named here. An empty list is for what only the versions before have; a client that
    /// speaks those too offers it in the same ClientHello.
    pub const fn places(self) -> Option<&'static [ExtensionPlace]> {
        use ExtensionPlace::{
            Certificate as CT, CertificateRequest as CR, ClientHello as CH, EncryptedExtensions as EE,
            HelloRetryRequest as HRR, NewSessionTicket as NST, ServerHello as SH,
        };
        Some(match self {
            Self::SERVER_NAME
            | Self::MAX_FRAGMENT_LENGTH
            | Self::SUPPORTED_GROUPS
            | Self::USE_SRTP
            | Self::HEARTBEAT
            | Self::APPLICATION_LAYER_PROTOCOL_NEGOTIATION
            | Self::CLIENT_CERTIFICATE_TYPE
            | Self::SERVER_CERTIFICATE_TYPE
            | Self::RECORD_SIZE_LIMIT
            | Self::TICKET_PINNING
            | Self::SUPPORTED_EKT_CIPHERS
            | Self::EXTERNAL_ID_HASH
            | Self::EXTERNAL_SESSION_ID
            | Self::QUIC_TRANSPORT_PARAMETERS
            | Self::TICKET_REQUEST => &[CH, EE],
            Self::STATUS_REQUEST
            | Self::SIGNED_CERTIFICATE_TIMESTAMP
            | Self::DELEGATED_CREDENTIAL
            | Self::TRANSPARENCY_INFO => &[CH, CR, CT],
            Self::SIGNATURE_ALGORITHMS
            | Self::SIGNATURE_ALGORITHMS_CERT
            | Self::COMPRESS_CERTIFICATE
            | Self::CERTIFICATE_AUTHORITIES => &[CH, CR],
            Self::PADDING
            | Self::PWD_PROTECT
            | Self::PWD_CLEAR
            | Self::PSK_KEY_EXCHANGE_MODES
            | Self::POST_HANDSHAKE_AUTH
            | Self::ECH_OUTER_EXTENSIONS => &[CH],
            Self::PASSWORD_SALT
            | Self::SUPPORTED_VERSIONS
            | Self::KEY_SHARE
            | Self::SEQUENCE_NUMBER_ENCRYPTION_ALGORITHMS => &[CH, SH, HRR],
            Self::TLS_CERT_WITH_EXTERN_PSK | Self::PRE_SHARED_KEY | Self::CONNECTION_ID | Self::RRC => &[CH, SH],
            Self::EARLY_DATA => &[CH, EE, NST],
            Self::COOKIE => &[CH, HRR],
            Self::OID_FILTERS => &[CR],
            Self::DNSSEC_CHAIN => &[CH, CT],
            Self::TLS_FLAGS => &[CH, SH, HRR, EE, CT, CR, NST],
            Self::ENCRYPTED_CLIENT_HELLO => &[CH, HRR, EE],
            _ if self.name().is_some() => &[],
            _ => return None,
        })
    }

    /// Whether the extension may stand in this message of TLS 1.3: where not, the answer is `illegal_parameter` (RFC 8446
    /// 4.2). True for a type that is not named here, as nobody knows its rule, and for what only earlier versions have in a
    /// ClientHello.
    pub fn allowed_in(self, place: ExtensionPlace) -> bool {
        match self.places() {
            None => true,
            Some([]) => place == ExtensionPlace::ClientHello,
            Some(places) => places.contains(&place),
        }
    }
}

code_points! {
    /// The form of a certificate (RFC 7250 3).
    CertificateType(u8) {
        X509 = 0 as "X509",
        OPENPGP = 1 as "OpenPGP",
        RAW_PUBLIC_KEY = 2 as "RawPublicKey",
        IEEE1609DOT2 = 3 as "1609Dot2",
    }
}

code_points! {
    /// How a pre-shared key is used (RFC 8446 4.2.9).
    PskKeyExchangeMode(u8, is_grease) {
        PSK_KE = 0 as "psk_ke",
        PSK_DHE_KE = 1 as "psk_dhe_ke",
    }
}

code_points! {
    /// How a certificate message is compressed (RFC 8879 7.3).
    CertificateCompressionAlgorithm(u16) {
        ZLIB = 1 as "zlib",
        BROTLI = 2 as "brotli",
        ZSTD = 3 as "zstd",
    }
}

code_points! {
    /// A form of a point on a curve (RFC 8422 5.1.2).
    EcPointFormat(u8) {
        UNCOMPRESSED = 0 as "uncompressed",
        ANSIX962_COMPRESSED_PRIME = 1 as "ansiX962_compressed_prime",
        ANSIX962_COMPRESSED_CHAR2 = 2 as "ansiX962_compressed_char2",
    }
}

code_points! {
    /// How a curve is given (RFC 8422 5.4). Only named curves are accepted.
    EcCurveType(u8) {
        EXPLICIT_PRIME = 1 as "explicit_prime",
        EXPLICIT_CHAR2 = 2 as "explicit_char2",
        NAMED_CURVE = 3 as "named_curve",
    }
}

code_points! {
    /// A kind of certificate status (RFC 6066 8, RFC 6961).
    CertificateStatusType(u8) {
        OCSP = 1 as "ocsp",
        OCSP_MULTI = 2 as "ocsp_multi",
    }
}

code_points! {
    /// A maximum fragment length: n stands for 2^(8+n) bytes (RFC 6066 4).
    MaxFragmentLength(u8) {
        BYTES_512 = 1 as "512",
        BYTES_1024 = 2 as "1024",
        BYTES_2048 = 3 as "2048",
        BYTES_4096 = 4 as "4096",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ExtensionPlace as P;

    const EVERYWHERE: [ExtensionPlace; 7] = [
        P::ClientHello,
        P::ServerHello,
        P::HelloRetryRequest,
        P::EncryptedExtensions,
        P::Certificate,
        P::CertificateRequest,
        P::NewSessionTicket,
    ];

    /// The table of RFC 8446 4.2, row by row; the columns are those of `EVERYWHERE`.
    #[test]
    fn places_are_those_of_the_specification() {
        let table = [
            (0, "CH EE"),
            (1, "CH EE"),
            (5, "CH CT CR"),
            (10, "CH EE"),
            (13, "CH CR"),
            (14, "CH EE"),
            (15, "CH EE"),
            (16, "CH EE"),
            (18, "CH CT CR"),
            (19, "CH EE"),
            (20, "CH EE"),
            (21, "CH"),
            (51, "CH SH HRR"),
            (41, "CH SH"),
            (45, "CH"),
            (42, "CH EE NST"),
            (44, "CH HRR"),
            (43, "CH SH HRR"),
            (47, "CH CR"),
            (48, "CR"),
            (49, "CH"),
            (50, "CH CR"),
            // Of other RFCs: 8879, 8449, 9149, 9849; and what ends with TLS 1.2.
            (27, "CH CR"),
            (28, "CH EE"),
            (58, "CH EE"),
            (65037, "CH HRR EE"),
            (11, "CH"),
            (22, "CH"),
            (23, "CH"),
            (35, "CH"),
            (65281, "CH"),
            // Nobody's.
            (0x1a1a, "CH SH HRR EE CT CR NST"),
            (40, "CH SH HRR EE CT CR NST"),
        ];
        for (typ, places) in table {
            for (place, name) in EVERYWHERE.into_iter().zip(["CH", "SH", "HRR", "EE", "CT", "CR", "NST"]) {
                let wanted = places.split(' ').any(|other| other == name);
                assert_eq!(ExtensionType(typ).allowed_in(place), wanted, "{typ} in {name}");
            }
        }
        assert_eq!(ExtensionType(40).places(), None);
        assert_eq!(ExtensionType::SESSION_TICKET.places(), Some(&[][..]));
    }
}
