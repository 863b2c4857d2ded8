//! The handshake, step by step, as the founding document tells it.
//!
//! Every trace, `Session::steps` and the code itself use these numbers.
//!
//! | step | what happens | in TLS 1.2 (RFC 5246) |
//! | --- | --- | --- |
//! | 1 | the client sends its version, a random value, its cipher suites, and what else the server needs | ClientHello |
//! | 2 | the server answers with its choice and its certificate, and asks for the client's if it wants it | ServerHello, Certificate, ServerKeyExchange, CertificateRequest, ServerHelloDone |
//! | 3 | the client authenticates the server: dates, trusted issuer, the issuer's signature, the name | |
//! | 4 | the pre-master secret: encrypted to the server's key, or made with the server's cooperation | ClientKeyExchange |
//! | 5 | when asked, the client signs what both know and sends its certificate | Certificate, CertificateVerify |
//! | 6 | the server authenticates the client; both make the master secret | |
//! | 7 | both make the session keys | |
//! | 8 | the client says that it now encrypts, and that its part is finished | ChangeCipherSpec, Finished |
//! | 9 | the server does the same | ChangeCipherSpec, Finished |
//! | 10 | application data | |
//! | 11 | either side renegotiates, and it all repeats (RFC 5746) | HelloRequest, ClientHello |
//!
//! Step 4 has two forms. With RSA key exchange the client makes the secret alone and encrypts it to the key in the
//! server's certificate: whoever has that key later can read the session. With (EC)DHE both sides contribute a fresh
//! value, the server signs its own, and a key stolen later opens nothing. `Policy::modern` has only the second.

pub use clasp_handshake::Step;
