//! Extensions and what stands in them (IANA "TLS ExtensionType Values", RFC 6066, RFC 8422).

code_points! {
    /// The type of an extension.
    ExtensionType(u16) {
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
        COMPRESS_CERTIFICATE = 27 as "compress_certificate",
        RECORD_SIZE_LIMIT = 28 as "record_size_limit",
        DELEGATED_CREDENTIAL = 34 as "delegated_credential",
        SESSION_TICKET = 35 as "session_ticket",
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
        NEXT_PROTOCOL_NEGOTIATION = 13172 as "next_protocol_negotiation",
        ECH_OUTER_EXTENSIONS = 64768 as "ech_outer_extensions",
        ENCRYPTED_CLIENT_HELLO = 65037 as "encrypted_client_hello",
        RENEGOTIATION_INFO = 65281 as "renegotiation_info",
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
