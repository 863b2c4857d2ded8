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
//!
//! # The same steps in TLS 1.3
//!
//! The document is of 2008, and TLS 1.3 (RFC 8446) of 2018. All that the steps are for is still there, but in another order:
//! the client sends its half of the key exchange with its hello, so both have keys after one message each, and all that
//! follows the server's hello is encrypted, certificates too. In the order in which they come:
//!
//! | step | what became of it | in TLS 1.3 |
//! | --- | --- | --- |
//! | 1 | the hello has the versions in a list, and *key shares*: the client's half of step 4, for the groups it thinks the server wants. Where the server wants another one it asks once for a second hello | ClientHello; HelloRetryRequest, ClientHello |
//! | 4 | no pre-master secret travels. Both sides' shares make what they share; the server's is in its hello | `key_share` in both hellos |
//! | 2 | the hello alone is sent in the clear: version, suite, share | ServerHello |
//! | 7 | keys, this early, for the rest of the handshake | |
//! | 2 | what else the server answers, whether it wants a certificate, and its own | EncryptedExtensions, CertificateRequest, Certificate |
//! | 3 | the client authenticates the server, with the same checks; and the server has signed all that was said, not its share alone | CertificateVerify |
//! | 9 | the server is finished first. It may send data from here on | Finished |
//! | 5 | when asked, the client's certificate and its signature over all that was said | Certificate, CertificateVerify |
//! | 8 | the client is finished | Finished |
//! | 6 | the server authenticates the client. The master secret is bound to the whole handshake, and what is used for one thing says nothing of the others: data, exporters and resumption have secrets of their own | |
//! | 10 | application data under keys of its own, which are other ones than step 7's | |
//! | 11 | no renegotiation: see below | KeyUpdate, NewSessionTicket, CertificateRequest |
//!
//! Some steps are no more, and for a reason:
//!
//! - **The pre-master secret encrypted to the server's RSA key** (step 4). Who gets that key, even years later, reads all that was
//!   recorded, and the padding it was encrypted with was an oracle again and again (Bleichenbacher 1998, ROBOT 2017). Every
//!   key exchange in TLS 1.3 has forward secrecy; RSA keys only sign. Where both sides can, the exchange is
//!   X25519MLKEM768, which is to hold also against whoever records now and has a quantum computer later.
//! - **ChangeCipherSpec** (steps 8 and 9). Keys change where the handshake says so, and no message of its own tells of it. One is
//!   still sent, says nothing and is passed over, as middleboxes let pass only what looks like TLS 1.2 (RFC 8446 D.4;
//!   `ClientConfigBuilder::middlebox_compatibility`).
//! - **Renegotiation** (step 11). Three things took its place. New keys: KeyUpdate, without a handshake
//!   (`TlsStream::update_keys`; by itself before keys wear out). A client's certificate once it is known that it is needed:
//!   post-handshake authentication, of clients that offer it (`TlsStream::request_client_certificate`). A session to
//!   come back with: tickets, sent after the handshake, each used once. With a new handshake inside the old one went the
//!   attacks on it (CVE-2009-3555, triple handshake).
//! - **The choice of hash, MAC and cipher mode.** A suite names an AEAD and a hash. CBC and its padding, RC4, compression and static
//!   keys are gone.
//!
//! And one thing is new. A client that comes back can send *early data* with its hello, before the server has said a word
//! (0-RTT: step 10 before step 2). Its price: others can send it again (RFC 8446 8). It is off unless both configurations ask for it
//! (`Connector::connect_with_early_data`, `Acceptor::accept_early`).
//!
//! A handshake that resumes an earlier one, or uses a key that was given to both sides, has no certificates: steps 3 and 5 are
//! done by showing that one has the key. Key shares are exchanged all the same.
//!
//! # What is printed
//!
//! A [`Trace`](crate::Trace) reports the steps as they happen, and `clasp connect --trace` prints them, with the same numbers.
//! So a handshake in TLS 1.3 reads 1, 2, 4, 7, 3, 9, 5, 8, 6, 10, as on this client (shortened):
//!
//! ```text
//!  1 client: sent ClientHello: server name localhost, versions TLS 1.3 TLS 1.2, random 97c2c3a5b2c3d2eb..., ...
//!  2 client: received ServerHello: version TLS 1.3, suite TLS_AES_256_GCM_SHA384, group X25519MLKEM768, ...
//!  4 client: agreed from both sides' key shares: group X25519MLKEM768
//!  7 client: derived the keys of the handshake: suite TLS_AES_256_GCM_SHA384
//!  3 client: authenticated the server: validity dates passed, trusted issuer passed, ...
//!  9 client: verified the server's Finished
//!  5 client: answered the certificate request: signed with ecdsa_secp256r1_sha256
//!  8 client: sent Finished
//!  6 client: derived the secrets of the connection
//! 10 client: application data may flow: protocol -
//!    client: agreed: version TLS 1.3, cipher suite TLS_AES_256_GCM_SHA384, group X25519MLKEM768, resumed no, ...
//! ```
//!
//! [`Session::steps`](crate::Session::steps) tells afterwards how each was taken. `clasp demo` shows both ends' sides of this;
//! `clasp demo --policy compatible` shows the document's own steps, in TLS 1.2 with RSA key exchange.

pub use clasp_handshake::Step;
