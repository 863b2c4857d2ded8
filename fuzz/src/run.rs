//! One connection driven to rest, with what must hold for it whatever the peer sends.

use std::sync::Arc;

use clasp_handshake::{ClientAuth, ClientConfig, Connection, Error, Role, ServerConfig, Status};
use clasp_record::RecordError;
use rustls_pki_types::CertificateDer;

use crate::keys::Secrets;
use crate::setup::{Keyed, name};

/// More than a whole flight of ours, and less than a peer could make us hold that asks for things again and again.
const MOST_OUTPUT: usize = 1 << 15;

/// What one side does besides, in TLS 1.3.
#[derive(Default)]
pub struct Extras {
    /// What a client writes as early data, where it may.
    pub early: &'static [u8],
    /// A server reads early data while the handshake goes on, and not afterwards.
    pub reads_early: bool,
    /// Before it writes it asks for other keys, and says whether the peer is to have others too.
    pub update_keys: Option<bool>,
    /// Before it writes it asks for the client's certificate.
    pub ask: Option<ClientAuth>,
}

/// A connection with what it read and sent so far. A client writes once it may, and closes when it was answered; a server
/// answers the first data it gets, and closes.
pub struct Run {
    /// The connection.
    pub tls: Connection,
    /// Where it leaves its master secrets.
    pub secrets: Arc<Secrets>,
    /// What to write.
    pub speech: Vec<u8>,
    /// Application data that came.
    pub read: Vec<u8>,
    /// What is to be sent; whoever carries it takes it out.
    pub sent: Vec<u8>,
    /// Why the connection failed.
    pub error: Option<Error>,
    /// The peer sent close_notify.
    pub closed: bool,
    /// What was agreed, by each handshake that a poll came to the end of.
    pub views: Vec<View>,
    /// Early data that a server read while the handshake went on.
    pub early_read: Vec<u8>,
    extras: Extras,
    spoken: bool,
}

impl Run {
    /// Begins a client's connection: its hello is in [`Self::sent`] afterwards.
    pub fn client(keyed: &Keyed<ClientConfig>, speech: &[u8]) -> Self {
        Self::new(Connection::client(Arc::clone(&keyed.config), name()), Arc::clone(&keyed.secrets), speech)
    }

    /// Begins a server's connection.
    pub fn server(keyed: &Keyed<ServerConfig>, speech: &[u8]) -> Self {
        Self::new(Connection::server(Arc::clone(&keyed.config)), Arc::clone(&keyed.secrets), speech)
    }

    /// Goes on with a connection, whose master secret is, or will be, left in `secrets`.
    pub fn new(tls: Connection, secrets: Arc<Secrets>, speech: &[u8]) -> Self {
        Self::with(tls, secrets, speech, Extras::default())
    }

    /// As [`Self::new`], with more to do.
    pub fn with(tls: Connection, secrets: Arc<Secrets>, speech: &[u8], extras: Extras) -> Self {
        let mut run = Self {
            tls,
            secrets,
            speech: speech.to_vec(),
            read: Vec::new(),
            sent: Vec::new(),
            error: None,
            closed: false,
            views: Vec::new(),
            early_read: Vec::new(),
            extras,
            spoken: false,
        };
        run.drive();
        run
    }

    /// Whether nothing that still comes would be looked at.
    pub fn is_over(&self) -> bool {
        self.error.is_some() || self.closed
    }

    /// Gives it bytes, as the transport delivers them.
    pub fn receive(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.is_over() {
            let taken = self.tls.receive(bytes);
            assert!(taken > 0, "a connection that waits for input takes none");
            bytes = &bytes[taken..];
            self.drive();
        }
    }

    /// Tells it that the transport has ended.
    pub fn receive_eof(&mut self) {
        if !self.is_over() {
            self.tls.receive_eof();
            self.drive();
            assert!(self.is_over(), "a connection waits for more than there is");
        }
    }

    fn drive(&mut self) {
        loop {
            let polled = self.tls.poll_now();
            if let Some(view) = self.view().filter(|view| self.views.last() != Some(view)) {
                self.views.push(view);
            }
            if self.extras.reads_early {
                while let Some(data) = self.tls.read_early() {
                    self.early_read.extend_from_slice(&data);
                }
            }
            let room = self.tls.early_data_room();
            if !self.extras.early.is_empty() && room > 0 {
                let early = std::mem::take(&mut self.extras.early);
                let taken = self.tls.write_early(early).expect("there is room for it");
                assert_eq!(taken, early.len().min(room), "there is room for early data, and it is not taken");
            }
            match polled {
                Ok(Status::Data) => {
                    let data = self.tls.read().expect("the data that the status tells of");
                    assert!(!data.is_empty(), "no data");
                    self.read.extend_from_slice(&data);
                    self.speak();
                }
                Ok(Status::NeedInput) => {
                    self.speak();
                    self.take_output();
                    return;
                }
                Ok(Status::Closed) => {
                    self.closed = true;
                    self.tls.close();
                    self.take_output();
                    return;
                }
                Err(error) => return self.fail(error),
            }
        }
    }

    fn speak(&mut self) {
        let turn = match self.tls.role() {
            Role::Client => true,
            Role::Server => !self.read.is_empty(),
        };
        if turn && !self.spoken && self.tls.may_write() {
            // To be refused is no error of the connection's: the peer may not know of it, or be about to end.
            if let Some(request) = self.extras.update_keys.take() {
                let _ = self.tls.update_keys(request);
            }
            if let Some(ask) = self.extras.ask.take() {
                let _ = self.tls.request_client_certificate(ask);
            }
        }
        if turn && !self.spoken && self.tls.may_write() {
            self.spoken = true;
            let taken = self.tls.write(&self.speech).expect("a connection that may be written to");
            assert_eq!(taken, self.speech.len(), "the output is nearly empty and takes no more");
        }
        if self.spoken && !self.read.is_empty() {
            self.tls.close();
        }
    }

    fn take_output(&mut self) {
        let output = self.tls.output().split();
        self.sent.extend_from_slice(&output);
        assert!(self.sent.len() < MOST_OUTPUT, "the output grows without bound");
    }

    fn fail(&mut self, error: Error) {
        self.take_output();
        assert!(!error.to_string().is_empty());
        let again = self.tls.poll_now().expect_err("a failed connection lives again");
        assert_eq!(again.to_string(), error.to_string());
        assert!(!self.tls.has_output() && self.tls.read().is_none(), "a failed connection goes on");
        assert!(!self.tls.may_write() && self.tls.write(b"x").is_err(), "a failed connection can be written to");
        self.error = Some(error);
    }

    /// How it ended, in words that do not depend on the sizes of the pieces the bytes came in.
    pub fn verdict(&self) -> String {
        match &self.error {
            // How much has come decides between what it may be instead.
            Some(Error::Record(RecordError::NotTls(_))) => "not TLS".to_owned(),
            Some(error) => error.to_string(),
            None if self.closed => "closed".to_owned(),
            None => "open".to_owned(),
        }
    }

    /// What both sides must agree on, once established.
    pub fn view(&self) -> Option<View> {
        let session = self.tls.session()?;
        let mut secret = [0; 16];
        if session.extended_master_secret() {
            self.tls.export_keying_material(b"EXPORTER-clasp-fuzz", None, &mut secret)?.expect("a label of our own");
        } else {
            // Nothing is exported then, as another connection might export the same (RFC 7627 5.4).
            let (_, master) = self.secrets.last()?;
            secret.copy_from_slice(master.first_chunk::<16>()?);
        }
        let protocol = session.alpn().map(<[u8]>::to_vec);
        Some(View {
            secret,
            agreed: format!(
                "{:?} {:?} {:?} {protocol:?} psk {} ems {} etm {} rinfo {} client {} resumed {}",
                session.version(),
                session.cipher_suite(),
                session.group(),
                session.pre_shared_key(),
                session.extended_master_secret(),
                session.encrypt_then_mac(),
                session.secure_renegotiation(),
                session.client_authenticated(),
                session.resumed(),
            ),
            server_name: session.server_name().map(str::to_owned),
            unique: self.tls.tls_unique().map(<[u8]>::to_vec),
        })
    }

    /// Whether the connection is established on a session that was resumed.
    pub fn resumed(&self) -> bool {
        self.tls.session().is_some_and(clasp_handshake::Session::resumed)
    }

    /// The peer's certificates.
    pub fn peer_certificates(&self) -> &[CertificateDer<'static>] {
        self.tls.session().map_or(&[], |session| session.peer_certificates())
    }
}

/// What the two sides of an established connection must hold in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Exported keying material, which depends on the master secret and both randoms; without the extended master secret,
    /// the beginning of the master secret.
    pub secret: [u8; 16],
    /// Version, suite, group, protocol, and what of the extensions is in force.
    pub agreed: String,
    /// The server's name.
    pub server_name: Option<String>,
    /// The `tls-unique` channel binding.
    pub unique: Option<Vec<u8>>,
}
