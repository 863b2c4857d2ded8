//! One connection after the other, as the runner drives them: handshake, checks, then each byte back, inverted.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, TcpStream};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use clasp::handshake::EarlyData;
use clasp::wire::AlertDescription;
use clasp::{Connection, Error, Status};

use crate::Failure;
use crate::checks;
use crate::flags::{Flags, Test};
use crate::setup::{self, Made, Shared};

/// What is written where the runner wants the shim to write first.
const FIRST_WORDS: &[u8] = b"hello";

/// How much is read at a time unless flags say otherwise.
const READ_SIZE: usize = 512;

/// Runs a test's connections.
pub(crate) fn run(test: &Test) -> Result<(), Failure> {
    let shared = Shared::new(&test.initial)?;
    let resumptions = test.initial.resume_count.unwrap_or(0);
    for number in 0..=resumptions {
        let flags = if number == 0 { &test.initial } else { &test.resume };
        shared.sessions.begin();
        exchange(flags, &test.retry, &shared, number > 0)?;
        shared.clock.advance(flags.resumption_delay.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(0));
    }
    Ok(())
}

fn exchange(flags: &Flags, retry: &Flags, shared: &Shared, resumes: bool) -> Result<(), Failure> {
    let mut flags = flags.clone();
    if flags.expect_reject_early_data && resumes && !flags.server {
        // Where early data is not taken BoringSSL goes on as another connection; here it is the same handshake still, in
        // which the certificate is verified.
        flags.verify_fail = retry.verify_fail;
    }
    let flags = Arc::new(flags);
    let Made { connection, seen, used } = setup::connection(&flags, shared)?;
    let mut driver = Driver::connect(connection, &flags)?;
    let result = driver.exchange(retry, shared, resumes, &checks::Witness { seen: &seen, used: &used });
    driver.end();
    driver.expect_rejection(&flags)?;
    if flags.expect_ech_name_override.is_some() {
        let public_name = seen.with(|seen| seen.public_name.clone());
        if public_name != flags.expect_ech_name_override {
            return Err(Failure::failed("the server was verified for another name"));
        }
    }
    result?;
    if let Some(expected) = &flags.expect_messages {
        let messages = seen.with(|seen| seen.messages.clone());
        if *expected != messages {
            return Err(Failure::failed(format!("the messages are {messages:?}, not {expected:?}")));
        }
    }
    let complaints = seen.with(|seen| std::mem::take(&mut seen.complaints));
    if complaints.is_empty() { Ok(()) } else { Err(Failure::failed(complaints.join("\n"))) }
}

/// A connection, and the socket it runs over.
struct Driver<'a> {
    connection: Connection,
    socket: TcpStream,
    flags: &'a Flags,
    /// The socket takes no more.
    deaf: bool,
    /// Only so many bytes may go out for now.
    allowance: Option<usize>,
}

impl<'a> Driver<'a> {
    fn connect(connection: Connection, flags: &'a Flags) -> Result<Self, Failure> {
        let port = flags.port.and_then(|port| u16::try_from(port).ok()).ok_or_else(|| Failure::failed("no -port"))?;
        let mut socket = if flags.ipv6 {
            TcpStream::connect((Ipv6Addr::LOCALHOST, port))?
        } else {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port))?
        };
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(Duration::from_secs(60)))?;
        socket.write_all(&flags.shim_id.unwrap_or(0).to_le_bytes())?;
        Ok(Self { connection, socket, flags, deaf: false, allowance: None })
    }

    /// Sends what there is to send.
    fn flush(&mut self) {
        let output = self.connection.output();
        let most = self.allowance.unwrap_or(usize::MAX).min(output.len());
        let now = output.split_to(most);
        if let Some(allowance) = &mut self.allowance {
            *allowance -= most;
        }
        if !now.is_empty() && !self.deaf {
            // A peer that is gone is noticed when it is read from: it may have said why.
            self.deaf = self.socket.write_all(&now).is_err();
        }
    }

    /// One poll, with callbacks that are not ready at once waited for.
    fn poll(&mut self) -> Result<Status, Error> {
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            let polled = self.connection.poll(&mut cx);
            self.flush();
            if let Poll::Ready(result) = polled {
                return result;
            }
        }
    }

    /// Goes on until there is something to do: data to be read, or the end. `while_waiting`: goes on as long as that says so.
    fn advance(&mut self, while_waiting: impl Fn(&Connection) -> bool) -> Result<Status, Failure> {
        loop {
            let status = self.poll()?;
            if self.connection.is_asked_to_renegotiate() {
                self.connection.renegotiate()?;
                continue;
            }
            if status != Status::NeedInput || !while_waiting(&self.connection) {
                return Ok(status);
            }
            self.receive()?;
        }
    }

    fn receive(&mut self) -> Result<(), Failure> {
        // With -async, a byte at a time. In a handshake too: what comes behind it is read only when it is asked for.
        let slowly = self.flags.asynchronous || self.connection.is_handshaking();
        let most = if slowly { 1 } else { 16 << 10 };
        let mut buffer = vec![0; most.min(self.connection.receive_room())];
        match self.socket.read(&mut buffer) {
            Ok(0) => self.connection.receive_eof(),
            Ok(count) => {
                self.connection.receive(&buffer[..count]);
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => self.connection.receive_eof(),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn write(&mut self, mut data: &[u8]) -> Result<(), Failure> {
        while !data.is_empty() {
            let taken = self.connection.write(data)?;
            data = &data[taken..];
            self.flush();
            if taken == 0 && !self.connection.may_write() {
                // A renegotiation is under way, and ends first.
                self.poll()?;
                if !self.connection.may_write() {
                    self.receive()?;
                }
            }
        }
        Ok(())
    }

    fn exchange(
        &mut self,
        retry: &Flags,
        shared: &Shared,
        resumes: bool,
        witness: &checks::Witness<'_>,
    ) -> Result<(), Failure> {
        let mut flags = self.flags;
        let mut wrote_early = 0;
        if !flags.server {
            self.poll()?;
            let room = self.connection.early_data_room();
            if flags.expect_no_offer_early_data && room > 0 && resumes {
                return Err(Failure::failed("early data may be written"));
            }
            if room > 0 && flags.export_keying_material.is_some() {
                // BoringSSL's handshake is over as soon as early data may be written.
                self.export(flags)?;
            }
            if let Some(typ) = flags.early_write_after_message.filter(|_| room > 0) {
                self.advance(|_| {
                    witness.seen.with(|seen| seen.last_received).is_none_or(|last| i64::from(last.0) != typ)
                })?;
            }
            if room > 0 && (flags.shim_writes_first || flags.read_with_unfinished_write) {
                self.allowance = flags.read_with_unfinished_write.then_some(1);
                wrote_early = self.connection.write_early(FIRST_WORDS)?;
                self.flush();
            }
        }
        self.handshake(flags, &mut wrote_early)?;
        if flags.handshake_never_done {
            return Err(Failure::failed("the handshake was to fail"));
        }
        if self.session_early_data() == EarlyData::Rejected && !flags.server && flags.expect_reject_early_data {
            // What was sent early is sent again, and other flags are in force.
            flags = retry;
            wrote_early = 0;
        }
        let established = self.connection.session().ok_or_else(|| Failure::failed("no session"))?;
        if !flags.implicit_handshake {
            checks::after_handshake(flags, established, shared, resumes, witness)?;
        }
        if flags.handshake_twice || flags.no_op_extra_handshake {
            self.poll()?;
        }
        self.export(flags)?;
        if flags.export_traffic_secrets {
            self.export_traffic_secrets(flags, witness)?;
        }
        if flags.send_alert {
            self.connection.abort(AlertDescription::DECOMPRESSION_FAILURE);
            self.flush();
            return Ok(());
        }
        if flags.write_different_record_sizes {
            let data = [0x42; 32769];
            for size in [0, 1, 255, 256, 257, 16383, 16384, 16385, 32767, 32768, 32769] {
                self.write(&data[..size])?;
            }
        } else {
            if flags.read_with_unfinished_write && wrote_early == 0 {
                self.allowance = Some(1);
                self.write(FIRST_WORDS)?;
            } else if flags.shim_writes_first {
                self.write(&FIRST_WORDS[wrote_early..])?;
            }
            if !flags.shim_shuts_down {
                self.echo(flags)?;
            }
        }
        let session = self.connection.session().ok_or_else(|| Failure::failed("no session"))?;
        checks::at_the_end(flags, session, shared, witness)?;
        self.close(flags)
    }

    /// Goes on to the end of the handshake. A server answers early data that comes meanwhile; a client may write already.
    fn handshake(&mut self, flags: &Flags, wrote_early: &mut usize) -> Result<(), Failure> {
        loop {
            let status = self.poll()?;
            // With -handshake-twice the second one waits for the end.
            if flags.false_start && flags.shim_writes_first && !flags.handshake_twice && *wrote_early == 0 {
                *wrote_early = self.connection.write_false_start(FIRST_WORDS)?;
                self.flush();
            }
            while let Some(early) = self.connection.read_early() {
                let inverted: Vec<u8> = early.iter().map(|byte| byte ^ 0xff).collect();
                let mut rest = &inverted[..];
                while !rest.is_empty() {
                    let taken = self.connection.write_half_rtt(rest)?;
                    self.flush();
                    if taken == 0 {
                        return Err(Failure::failed("early data cannot be answered"));
                    }
                    rest = &rest[taken..];
                }
            }
            if status != Status::NeedInput || !self.connection.is_handshaking() {
                return Ok(());
            }
            self.receive()?;
            // What was written is let through only when the server has begun to answer.
            self.allowance = None;
        }
    }

    fn session_early_data(&self) -> EarlyData {
        self.connection.session().map_or(EarlyData::NotOffered, clasp::Session::early_data)
    }

    fn export(&mut self, flags: &Flags) -> Result<(), Failure> {
        if let Some(length) = flags.export_keying_material {
            let mut material = vec![0; usize::try_from(length).unwrap_or(0)];
            let context = flags.export_context.as_deref().unwrap_or_default().as_bytes();
            let label = flags.export_label.as_deref().unwrap_or_default().as_bytes();
            self.connection
                .export_keying_material(label, flags.use_export_context.then_some(context), &mut material)
                .ok_or_else(|| Failure::failed("failed to export keying material"))?
                .map_err(|error| Failure::failed(format!("failed to export keying material: {error}")))?;
            self.write(&material)?;
        }
        if flags.tls_unique {
            let unique =
                self.connection.tls_unique().ok_or_else(|| Failure::failed("failed to get tls-unique"))?.to_vec();
            self.write(&unique)?;
        }
        Ok(())
    }

    /// Sends under what the peer, and we, protect application data.
    fn export_traffic_secrets(&mut self, flags: &Flags, witness: &checks::Witness<'_>) -> Result<(), Failure> {
        let (client, server) =
            witness.seen.with(|seen| (seen.client_traffic_secret.clone(), seen.server_traffic_secret.clone()));
        let (theirs, ours) = if flags.server { (client, server) } else { (server, client) };
        let length = u16::try_from(theirs.len()).map_err(|_| Failure::failed("a long secret"))?.to_le_bytes();
        self.write(&[&length, &theirs[..], &ours].concat())
    }

    /// Sends back what comes, each byte inverted, until the peer has no more.
    fn echo(&mut self, flags: &Flags) -> Result<(), Failure> {
        let size = flags.read_size.and_then(|size| usize::try_from(size).ok()).unwrap_or(READ_SIZE);
        loop {
            if flags.key_update_before_read {
                self.connection.update_keys(false)?;
                self.flush();
            }
            match self.advance(|_| true) {
                Ok(Status::Closed) => return Ok(()),
                Ok(_) => {}
                // Whether the end was a clean one is asked at the end.
                Err(_) if self.is_truncated() => return Ok(()),
                Err(failure) => return Err(failure),
            }
            while let Some(mut data) = self.connection.read() {
                while data.has_remaining() {
                    let piece = data.split_to(size.min(data.len()));
                    self.answer(flags, &piece)?;
                }
            }
        }
    }

    fn answer(&mut self, flags: &Flags, data: &Bytes) -> Result<(), Failure> {
        if flags.use_exporter_between_reads {
            let exported = self.connection.export_keying_material(b"", None, &mut [0]);
            if !matches!(exported, Some(Ok(()))) || self.connection.is_renegotiating() {
                return Err(Failure::failed("failed to export keying material"));
            }
        }
        if self.allowance.take().is_some() {
            self.flush();
        }
        if flags.key_update {
            self.connection.update_keys(false)?;
        }
        let inverted: Vec<u8> = data.iter().map(|byte| byte ^ 0xff).collect();
        self.write(&inverted)
    }

    /// What a server that could not read the encrypted hello said to use next time is what it was to say.
    fn expect_rejection(&mut self, flags: &Flags) -> Result<(), Failure> {
        if !flags.expect_no_ech_retry_configs && flags.expect_ech_retry_configs.is_none() {
            return Ok(());
        }
        match self.connection.poll_now() {
            Err(Error::EchRejected { retry_configs })
                if retry_configs.as_deref() == flags.expect_ech_retry_configs.as_deref() =>
            {
                Ok(())
            }
            Err(Error::EchRejected { .. }) => Err(Failure::failed("the configurations to try again with are others")),
            _ => Err(Failure::failed("the hello was to be rejected")),
        }
    }

    fn is_truncated(&mut self) -> bool {
        matches!(self.connection.poll_now(), Err(Error::Truncated))
    }

    /// Closes as the runner wants it to be closed: only where that is what it looks at.
    fn close(&mut self, flags: &Flags) -> Result<(), Failure> {
        if !flags.check_close_notify {
            return Ok(());
        }
        self.connection.close();
        self.flush();
        let unclean = || Failure::failed("Unexpected SSL_shutdown result: -1 != 1");
        if self.connection.peer_has_closed() {
            return Ok(());
        }
        match self.advance(|_| true) {
            Ok(Status::Closed) => Ok(()),
            Ok(_) => Err(Failure::failed("application data on shutdown")),
            Err(_) if self.is_truncated() => Err(unclean()),
            Err(failure) => Err(failure),
        }
    }

    /// Lets the peer take what was sent, an alert perhaps, before the socket goes.
    fn end(&mut self) {
        self.allowance = None;
        self.flush();
        let _ = self.socket.shutdown(Shutdown::Write);
        let mut rest = [0; 4096];
        while matches!(self.socket.read(&mut rest), Ok(1..)) {}
    }
}
