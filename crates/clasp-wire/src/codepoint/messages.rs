//! Versions, records and handshake messages (RFC 5246 A, RFC 8446 B).

code_points! {
    /// A protocol version, in the order of their age.
    ProtocolVersion(u16, is_grease) {
        SSL_2_0 = 0x0002 as "SSL 2.0",
        SSL_3_0 = 0x0300 as "SSL 3.0",
        TLS_1_0 = 0x0301 as "TLS 1.0",
        TLS_1_1 = 0x0302 as "TLS 1.1",
        TLS_1_2 = 0x0303 as "TLS 1.2",
        TLS_1_3 = 0x0304 as "TLS 1.3",
    }
}

code_points! {
    /// What a record holds (RFC 5246 6.2.1).
    ContentType(u8) {
        CHANGE_CIPHER_SPEC = 20 as "change_cipher_spec",
        ALERT = 21 as "alert",
        HANDSHAKE = 22 as "handshake",
        APPLICATION_DATA = 23 as "application_data",
        HEARTBEAT = 24 as "heartbeat",
        TLS12_CID = 25 as "tls12_cid",
        ACK = 26 as "ack",
    }
}

code_points! {
    /// The type of a handshake message (RFC 5246 7.4, RFC 8446 4).
    HandshakeType(u8) {
        HELLO_REQUEST = 0 as "HelloRequest",
        CLIENT_HELLO = 1 as "ClientHello",
        SERVER_HELLO = 2 as "ServerHello",
        HELLO_VERIFY_REQUEST = 3 as "HelloVerifyRequest",
        NEW_SESSION_TICKET = 4 as "NewSessionTicket",
        END_OF_EARLY_DATA = 5 as "EndOfEarlyData",
        HELLO_RETRY_REQUEST = 6 as "HelloRetryRequest",
        ENCRYPTED_EXTENSIONS = 8 as "EncryptedExtensions",
        REQUEST_CONNECTION_ID = 9 as "RequestConnectionId",
        NEW_CONNECTION_ID = 10 as "NewConnectionId",
        CERTIFICATE = 11 as "Certificate",
        SERVER_KEY_EXCHANGE = 12 as "ServerKeyExchange",
        CERTIFICATE_REQUEST = 13 as "CertificateRequest",
        SERVER_HELLO_DONE = 14 as "ServerHelloDone",
        CERTIFICATE_VERIFY = 15 as "CertificateVerify",
        CLIENT_KEY_EXCHANGE = 16 as "ClientKeyExchange",
        CLIENT_CERTIFICATE_REQUEST = 17 as "ClientCertificateRequest",
        FINISHED = 20 as "Finished",
        CERTIFICATE_URL = 21 as "CertificateURL",
        CERTIFICATE_STATUS = 22 as "CertificateStatus",
        SUPPLEMENTAL_DATA = 23 as "SupplementalData",
        KEY_UPDATE = 24 as "KeyUpdate",
        COMPRESSED_CERTIFICATE = 25 as "CompressedCertificate",
        EKT_KEY = 26 as "EktKey",
        MESSAGE_HASH = 254 as "message_hash",
    }
}

code_points! {
    /// A compression method (RFC 3749). Only the null one is ever agreed to (CRIME).
    CompressionMethod(u8) {
        NULL = 0 as "null",
        DEFLATE = 1 as "DEFLATE",
        LZS = 64 as "LZS",
    }
}

code_points! {
    /// A kind of certificate that a server asks for (RFC 5246 7.4.4).
    ClientCertificateType(u8) {
        RSA_SIGN = 1 as "rsa_sign",
        DSS_SIGN = 2 as "dss_sign",
        RSA_FIXED_DH = 3 as "rsa_fixed_dh",
        DSS_FIXED_DH = 4 as "dss_fixed_dh",
        RSA_EPHEMERAL_DH = 5 as "rsa_ephemeral_dh",
        DSS_EPHEMERAL_DH = 6 as "dss_ephemeral_dh",
        FORTEZZA_DMS = 20 as "fortezza_dms",
        ECDSA_SIGN = 64 as "ecdsa_sign",
        RSA_FIXED_ECDH = 65 as "rsa_fixed_ecdh",
        ECDSA_FIXED_ECDH = 66 as "ecdsa_fixed_ecdh",
    }
}
