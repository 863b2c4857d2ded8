//! Alerts (RFC 5246 7.2, RFC 8446 6; IANA "TLS Alerts").

code_points! {
    /// How grave an alert is.
    AlertLevel(u8) {
        WARNING = 1 as "warning",
        FATAL = 2 as "fatal",
    }
}

code_points! {
    /// What an alert says.
    AlertDescription(u8) {
        CLOSE_NOTIFY = 0 as "close_notify",
        UNEXPECTED_MESSAGE = 10 as "unexpected_message",
        BAD_RECORD_MAC = 20 as "bad_record_mac",
        DECRYPTION_FAILED = 21 as "decryption_failed",
        RECORD_OVERFLOW = 22 as "record_overflow",
        DECOMPRESSION_FAILURE = 30 as "decompression_failure",
        HANDSHAKE_FAILURE = 40 as "handshake_failure",
        NO_CERTIFICATE = 41 as "no_certificate",
        BAD_CERTIFICATE = 42 as "bad_certificate",
        UNSUPPORTED_CERTIFICATE = 43 as "unsupported_certificate",
        CERTIFICATE_REVOKED = 44 as "certificate_revoked",
        CERTIFICATE_EXPIRED = 45 as "certificate_expired",
        CERTIFICATE_UNKNOWN = 46 as "certificate_unknown",
        ILLEGAL_PARAMETER = 47 as "illegal_parameter",
        UNKNOWN_CA = 48 as "unknown_ca",
        ACCESS_DENIED = 49 as "access_denied",
        DECODE_ERROR = 50 as "decode_error",
        DECRYPT_ERROR = 51 as "decrypt_error",
        TOO_MANY_CIDS_REQUESTED = 52 as "too_many_cids_requested",
        EXPORT_RESTRICTION = 60 as "export_restriction",
        PROTOCOL_VERSION = 70 as "protocol_version",
        INSUFFICIENT_SECURITY = 71 as "insufficient_security",
        INTERNAL_ERROR = 80 as "internal_error",
        INAPPROPRIATE_FALLBACK = 86 as "inappropriate_fallback",
        USER_CANCELED = 90 as "user_canceled",
        NO_RENEGOTIATION = 100 as "no_renegotiation",
        MISSING_EXTENSION = 109 as "missing_extension",
        UNSUPPORTED_EXTENSION = 110 as "unsupported_extension",
        CERTIFICATE_UNOBTAINABLE = 111 as "certificate_unobtainable",
        UNRECOGNIZED_NAME = 112 as "unrecognized_name",
        BAD_CERTIFICATE_STATUS_RESPONSE = 113 as "bad_certificate_status_response",
        BAD_CERTIFICATE_HASH_VALUE = 114 as "bad_certificate_hash_value",
        UNKNOWN_PSK_IDENTITY = 115 as "unknown_psk_identity",
        CERTIFICATE_REQUIRED = 116 as "certificate_required",
        GENERAL_ERROR = 117 as "general_error",
        NO_APPLICATION_PROTOCOL = 120 as "no_application_protocol",
        ECH_REQUIRED = 121 as "ech_required",
    }
}
