//! What a finished handshake leaves behind.

use bytes::Bytes;
use clasp_cert::{Report, SctList};
use clasp_keys::{MasterSecret, Schedule, VerifyData};
use clasp_wire::{CipherSuite, NamedGroup, ProtocolVersion};
use rustls_pki_types::CertificateDer;

use crate::error::Misbehaviour;
use crate::suites::Suite;
use crate::tls13::Secrets13;
use crate::trace::Step;

/// What was agreed, and who the peer is.
#[derive(Clone, Debug)]
pub struct Session {
    pub(crate) version: ProtocolVersion,
    pub(crate) suite: &'static Suite,
    pub(crate) group: Option<NamedGroup>,
    pub(crate) alpn: Option<Box<[u8]>>,
    pub(crate) server_name: Option<Box<str>>,
    pub(crate) peer_certificates: Box<[CertificateDer<'static>]>,
    pub(crate) report: Option<Box<Report>>,
    pub(crate) sct_list: Option<SctList>,
    pub(crate) client_authenticated: bool,
    pub(crate) extended_master_secret: bool,
    pub(crate) encrypt_then_mac: bool,
    pub(crate) secure_renegotiation: bool,
    pub(crate) renegotiations: u32,
    pub(crate) resumed: bool,
    pub(crate) early_data: EarlyData,
    /// Whether a key that both had before took the place of certificates.
    pub(crate) pre_shared: bool,
    pub(crate) psk_identity: Option<Box<[u8]>>,
    pub(crate) ech_accepted: bool,
    pub(crate) ticket_age_skew: Option<i32>,
}

/// What became of the early data of a handshake (RFC 8446 2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EarlyData {
    /// None was offered.
    #[default]
    NotOffered,
    /// The server has taken it. Somebody on the way may have had it taken by another server too, before (RFC 8446 8).
    Accepted,
    /// The server has passed over it: what it was to say must be sent again.
    Rejected,
}

impl Session {
    /// The agreed version.
    pub fn version(&self) -> ProtocolVersion {
        self.version
    }

    /// The agreed cipher suite.
    pub fn cipher_suite(&self) -> CipherSuite {
        self.suite.id
    }

    /// The whole row of the agreed cipher suite.
    pub fn suite(&self) -> &'static Suite {
        self.suite
    }

    /// The group of the key exchange; `None` where there was none (RSA, PSK) and for a server's own Diffie-Hellman group.
    pub fn group(&self) -> Option<NamedGroup> {
        self.group
    }

    /// The agreed application protocol (RFC 7301).
    pub fn alpn(&self) -> Option<&[u8]> {
        self.alpn.as_deref()
    }

    /// The server name that the client asked for (RFC 6066 3).
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// The peer's certificate chain, leaf first; empty when it sent none.
    pub fn peer_certificates(&self) -> &[CertificateDer<'static>] {
        if self.peer_raw_public_key().is_some() { &[] } else { &self.peer_certificates }
    }

    /// The key that the peer showed without a certificate, DER SubjectPublicKeyInfo (RFC 7250).
    pub fn peer_raw_public_key(&self) -> Option<&[u8]> {
        clasp_cert::raw_public_key(&self.peer_certificates)
    }

    /// The named checks the peer's certificate passed; `None` when it sent none, and for a server in a resumed session, which
    /// sends none.
    pub fn report(&self) -> Option<&Report> {
        self.report.as_deref()
    }

    /// The signed certificate timestamps that the server sent beside its certificate (RFC 6962 3.3), not verified; in a resumed
    /// session those of the first handshake. `None` for a server, which asks for none, and where
    /// [`certificate_timestamps`](crate::ClientConfigBuilder::certificate_timestamps) is off.
    pub fn sct_list(&self) -> Option<&SctList> {
        self.sct_list.as_ref()
    }

    /// Whether an earlier session was resumed instead of a full handshake.
    pub fn resumed(&self) -> bool {
        self.resumed
    }

    /// Whether a key that both had before took the place of certificates: one given to both (RFC 4279; RFC 8446 2.2), or in
    /// TLS 1.3 that of an earlier session.
    pub fn pre_shared_key(&self) -> bool {
        self.pre_shared
    }

    /// The name of the key from outside that was used: to a server, who the client is.
    pub fn psk_identity(&self) -> Option<&[u8]> {
        self.psk_identity.as_deref()
    }

    /// Whether the client's hello was encrypted, and answered (RFC 9849), so that nobody on the way saw the server name. The
    /// session of a client that offers it is never without; a server's tells that it opened the hello itself.
    pub fn ech_accepted(&self) -> bool {
        self.ech_accepted
    }

    /// By how much the client of a resumed session of TLS 1.3 has its ticket older than the server has it, milliseconds, negative
    /// for younger (RFC 8446 4.2.11.1): its clock runs otherwise, the hello took its time, or somebody sent it again. Early data
    /// is taken within [`AntiReplay::age_tolerance`](crate::AntiReplay::age_tolerance). `None` for other sessions, and for a
    /// client.
    pub fn ticket_age_skew(&self) -> Option<i32> {
        self.ticket_age_skew
    }

    /// What became of early data.
    pub fn early_data(&self) -> EarlyData {
        self.early_data
    }

    /// Whether the client authenticated itself with a certificate.
    pub fn client_authenticated(&self) -> bool {
        self.client_authenticated
    }

    /// Whether the master secret is bound to the handshake (RFC 7627), as it always is in TLS 1.3.
    pub fn extended_master_secret(&self) -> bool {
        self.extended_master_secret
    }

    /// Whether CBC records are encrypted before they are authenticated (RFC 7366).
    pub fn encrypt_then_mac(&self) -> bool {
        self.encrypt_then_mac
    }

    /// Whether the peer knows `renegotiation_info` (RFC 5746).
    pub fn secure_renegotiation(&self) -> bool {
        self.secure_renegotiation
    }

    /// How many handshakes there were on this connection before this one.
    pub fn renegotiations(&self) -> u32 {
        self.renegotiations
    }

    /// The founding document's steps that this handshake took, each with a sentence on how.
    pub fn steps(&self) -> Vec<(Step, String)> {
        let suite = self.suite;
        if suite.is_of_tls13() {
            return self.steps_of_tls13();
        }
        let keys = if self.encrypt_then_mac {
            format!("for {}, encrypt-then-MAC", suite.id)
        } else {
            format!("for {}", suite.id)
        };
        if self.resumed {
            let earlier = || "of the earlier session".to_owned();
            return vec![
                (Step::ClientHello, "asks to resume an earlier session".to_owned()),
                (Step::ServerHello, format!("resumes it with {} and {}", self.version, suite.id)),
                (Step::ServerAuthentication, earlier()),
                (Step::PreMasterSecret, earlier()),
                (Step::ClientCertificate, earlier()),
                (Step::MasterSecret, earlier()),
                (Step::SessionKeys, keys),
                (Step::ServerFinished, "verified, the server's first".to_owned()),
                (Step::ClientFinished, "verified".to_owned()),
                (Step::ApplicationData, "flows".to_owned()),
            ];
        }
        let pre_master = if suite.key_exchange.is_ephemeral() {
            let group = self.group.map_or_else(|| "a group of the server's own".to_owned(), |group| group.to_string());
            format!("made with the server's cooperation: {} in {group}", suite.key_exchange.name())
        } else if suite.is_pre_shared() {
            "made of the key that both had, alone".to_owned()
        } else {
            "made by the client alone and encrypted to the server's RSA key".to_owned()
        };
        let server = if suite.is_pre_shared() {
            "by the key that both had, in its Finished; no certificate".to_owned()
        } else {
            format!("an {} certificate", suite.authentication.name())
        };
        let client =
            if self.client_authenticated { "certificate and signature sent" } else { "not asked, or none to show" };
        let master =
            if self.extended_master_secret { "bound to the handshake (extended)" } else { "bound to the randoms only" };
        vec![
            (
                Step::ClientHello,
                self.server_name().map_or_else(|| "no server name".to_owned(), |name| format!("asks for {name}")),
            ),
            (Step::ServerHello, format!("chose {} and {}", self.version, suite.id)),
            (Step::ServerAuthentication, server),
            (Step::PreMasterSecret, pre_master),
            (Step::ClientCertificate, client.to_owned()),
            (Step::MasterSecret, master.to_owned()),
            (Step::SessionKeys, keys),
            (Step::ClientFinished, "verified".to_owned()),
            (Step::ServerFinished, "verified".to_owned()),
            (Step::ApplicationData, "flows".to_owned()),
        ]
    }
}

impl Session {
    /// The order is another in TLS 1.3, and some of what the steps were for is gone (RFC 8446 1.2).
    fn steps_of_tls13(&self) -> Vec<(Step, String)> {
        let group = self.group.map_or_else(|| "-".to_owned(), |group| group.to_string());
        let name = self.server_name().map_or_else(|| "no server name".to_owned(), |name| format!("asks for {name}"));
        let hidden = if self.ech_accepted { ", encrypted (ECH)" } else { "" };
        let shared = if self.pre_shared { "a key that both had, and " } else { "" };
        let server = if self.pre_shared {
            "by the key that both had; no certificate".to_owned()
        } else {
            "a certificate, sent encrypted, and a signature over the whole handshake".to_owned()
        };
        let client =
            if self.client_authenticated { "certificate and signature sent" } else { "not asked, or none to show" };
        vec![
            (Step::ClientHello, format!("{name}{hidden}, with key shares at once")),
            (Step::PreMasterSecret, format!("gone: {shared}both sides' key shares in {group} take its place")),
            (Step::ServerHello, format!("chose {} and {}", self.version, self.suite.id)),
            (Step::SessionKeys, format!("for {}, already: all that follows is encrypted", self.suite.id)),
            (Step::ServerAuthentication, server),
            (Step::ServerFinished, "verified, the server's first".to_owned()),
            (Step::ClientCertificate, client.to_owned()),
            (Step::ClientFinished, "verified".to_owned()),
            (Step::MasterSecret, "bound to the handshake; each use has a secret of its own".to_owned()),
            (Step::ApplicationData, "flows".to_owned()),
        ]
    }
}

/// The connection's state between handshakes: one compact value.
pub(crate) struct Established {
    pub(crate) session: Session,
    pub(crate) secrets: Secrets,
}

/// What an errand after the handshake has come to.
pub(crate) enum Done {
    /// A ticket is kept.
    Kept,
    /// We answered a request for our certificate; whether we had one.
    Answered(bool),
    /// The client has shown who it is, or declined.
    Client(Box<(Vec<CertificateDer<'static>>, Option<Report>)>),
}

/// What of the secrets is still needed once data flows.
pub(crate) enum Secrets {
    Classic(Box<ClassicSecrets>),
    Tls13(Box<Secrets13>),
}

impl Secrets {
    /// Those of TLS 1.3.
    pub(crate) fn tls13(&self) -> Option<&Secrets13> {
        match self {
            Self::Tls13(secrets) => Some(secrets),
            Self::Classic(_) => None,
        }
    }

    /// Those of TLS 1.3, to move on.
    pub(crate) fn tls13_mut(&mut self) -> Option<&mut Secrets13> {
        match self {
            Self::Tls13(secrets) => Some(secrets),
            Self::Classic(_) => None,
        }
    }
}

/// What exporters and channel bindings are made of (RFC 5705, RFC 5929).
pub(crate) struct ClassicSecrets {
    pub(crate) schedule: Box<dyn Schedule>,
    pub(crate) master: MasterSecret,
    pub(crate) randoms: Randoms,
    /// Both sides' Finished, which a renegotiation refers to (RFC 5746 3.1).
    pub(crate) client_finished: VerifyData,
    pub(crate) server_finished: VerifyData,
}

impl ClassicSecrets {
    /// The first Finished that was sent (RFC 5929 3).
    pub(crate) fn first_finished(&self, resumed: bool) -> &VerifyData {
        if resumed { &self.server_finished } else { &self.client_finished }
    }
}

/// The handshake before this one, on the same connection: what a renegotiation must agree with.
pub(crate) struct Previous {
    /// The verify_data of both sides' Finished; `None` in TLS 1.3, which never renegotiates.
    pub(crate) finished: Option<(VerifyData, VerifyData)>,
    /// Whether the peer knew `renegotiation_info` at first; it must then hold `finished` (RFC 5746 3.5, 3.7).
    pub(crate) secure_renegotiation: bool,
    pub(crate) version: ProtocolVersion,
    pub(crate) extended_master_secret: bool,
    /// The peer's own certificate.
    pub(crate) peer_certificate: Option<CertificateDer<'static>>,
    /// The name of the key in place of certificates.
    pub(crate) psk_identity: Option<Box<[u8]>>,
}

impl Previous {
    pub(crate) fn of(established: &Established) -> Self {
        let Established { session, secrets } = established;
        let finished = match secrets {
            Secrets::Classic(secrets) => Some((secrets.client_finished.clone(), secrets.server_finished.clone())),
            Secrets::Tls13(_) => None,
        };
        Self {
            finished,
            secure_renegotiation: session.secure_renegotiation,
            version: session.version,
            extended_master_secret: session.extended_master_secret,
            peer_certificate: session.peer_certificates.first().cloned(),
            psk_identity: session.psk_identity.clone(),
        }
    }

    /// What a client says, whether the server knows it or not (RFC 5746 3.5, 4.2).
    pub(crate) fn client_info(&self) -> Option<Bytes> {
        self.finished.as_ref().map(|(client, _)| Bytes::copy_from_slice(client.as_slice()))
    }

    /// What a client is expected to say: nothing if it did not know that at first (RFC 5746 4.4).
    pub(crate) fn expected_client_info(&self) -> Option<Bytes> {
        self.client_info().filter(|_| self.secure_renegotiation)
    }

    /// What a server answers, if it knew that at first (RFC 5746 3.7).
    pub(crate) fn server_info(&self) -> Option<Bytes> {
        let (client, server) = self.finished.as_ref().filter(|_| self.secure_renegotiation)?;
        Some([client.as_slice(), server.as_slice()].concat().into())
    }

    /// A peer that shows a certificate again must show the same one, and one that was known by a key must have that again:
    /// else data of one is taken for the other's (triple handshake, Bhargavan and others, 2014).
    pub(crate) fn same_peer(
        &self,
        chain: &[CertificateDer<'static>],
        psk_identity: Option<&[u8]>,
        may_change: bool,
    ) -> Result<(), Misbehaviour> {
        let same_chain = self.peer_certificate.as_ref().is_none_or(|before| chain.first() == Some(before));
        let same_psk = self.psk_identity.is_none() || self.psk_identity.as_deref() == psk_identity;
        if may_change || same_chain && same_psk { Ok(()) } else { Err(Misbehaviour::IdentityChanged) }
    }
}

/// Both hello randoms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Randoms {
    pub(crate) client: [u8; 32],
    pub(crate) server: [u8; 32],
}

impl Randoms {
    /// Client's then server's, as every signed key exchange begins (RFC 5246 7.4.3).
    pub(crate) fn concatenated(&self) -> [u8; 64] {
        let mut both = [0; 64];
        let (client, server) = both.split_at_mut(32);
        client.copy_from_slice(&self.client);
        server.copy_from_slice(&self.server);
        both
    }
}

#[cfg(test)]
mod tests {
    use clasp_wire::ProtocolVersion;
    use rustls_pki_types::CertificateDer;

    use super::Previous;
    use crate::error::Misbehaviour;

    #[test]
    fn the_peer_of_a_renegotiation_is_the_same() {
        let previous = |certificate: Option<u8>, psk: Option<&[u8]>| Previous {
            finished: None,
            secure_renegotiation: true,
            version: ProtocolVersion::TLS_1_2,
            extended_master_secret: true,
            peer_certificate: certificate.map(|byte| CertificateDer::from(vec![byte])),
            psk_identity: psk.map(Box::from),
        };
        let chain = |byte: u8| [CertificateDer::from(vec![byte])];
        let changed = Err(Misbehaviour::IdentityChanged);
        assert_eq!(previous(None, None).same_peer(&[], None, false), Ok(()));
        assert_eq!(previous(None, None).same_peer(&chain(1), None, false), Ok(()));
        assert_eq!(previous(Some(1), None).same_peer(&chain(1), None, false), Ok(()));
        assert_eq!(previous(Some(1), None).same_peer(&chain(2), None, false), changed);
        assert_eq!(previous(Some(1), None).same_peer(&[], Some(b"one"), false), changed);
        assert_eq!(previous(None, Some(b"one")).same_peer(&[], Some(b"one"), false), Ok(()));
        assert_eq!(previous(None, Some(b"one")).same_peer(&[], Some(b"two"), false), changed);
        assert_eq!(previous(None, Some(b"one")).same_peer(&chain(1), None, false), changed);
        assert_eq!(previous(None, Some(b"one")).same_peer(&chain(1), None, true), Ok(()));
    }
}
