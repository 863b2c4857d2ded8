//! Early data: what a client sends with its hello, under a key of an earlier session (RFC 8446 2.3, 4.2.10).

use bytes::{Bytes, BytesMut};
use clasp_wire::ContentType;

use super::Connection;
use crate::error::{Error, Misbehaviour};

/// Early data under way.
#[derive(Default)]
pub(super) struct Early {
    /// How many bytes more the client may write.
    pub(super) may_write: usize,
    /// How many bytes more the server reads, while it is early data that comes.
    pub(super) may_read: Option<usize>,
    /// Whether the server may answer already.
    pub(super) may_answer: bool,
    /// Whether the client of TLS 1.2 need not wait for the server's Finished.
    pub(super) may_false_start: bool,
    /// What came. It is copied: a client is told how many bytes it may send, not how many records, and the view of one byte
    /// would keep the whole buffer that it came in.
    received: BytesMut,
}

impl Connection {
    /// How many bytes of early data may be written now. None before the first [`poll`](Self::poll), which makes the hello;
    /// none without an earlier session whose server takes some, or without
    /// [`early_data`](crate::ClientConfigBuilder::early_data).
    pub fn early_data_room(&self) -> usize {
        self.early.as_ref().map_or(0, |early| early.may_write)
    }

    /// Writes early data, and says how much of it. It must be harmless when it comes twice, and may be read by whoever gets at
    /// the ticket's key. Whether the server took it, [`Session::early_data`](crate::Session::early_data) tells after the
    /// handshake; if not, it must be written again.
    ///
    /// # Errors
    /// The connection's own error when it has failed.
    pub fn write_early(&mut self, data: &[u8]) -> Result<usize, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let room = self.early_data_room().min(self.side.limits().output.saturating_sub(self.output.len()));
        let taken = data.get(..room).unwrap_or(data);
        if taken.is_empty() || self.ended.write {
            return Ok(0);
        }
        if let Err(error) = self.seal(ContentType::APPLICATION_DATA, taken) {
            self.fail(&error);
            return Err(error);
        }
        if let Some(early) = &mut self.early {
            early.may_write -= taken.len();
        }
        Ok(taken.len())
    }

    /// What there is of early data, before the handshake is done: somebody on the way may have sent it, recorded from an
    /// earlier connection. What is not taken here is there to be read after the handshake, before all else.
    pub fn read_early(&mut self) -> Option<Bytes> {
        let received = std::mem::take(&mut self.early.as_mut()?.received);
        if received.is_empty() { None } else { Some(received.freeze()) }
    }

    /// As a server that takes early data, answers before the client's Finished has come (RFC 8446 2.3, 4.4.4), and says how
    /// much of it. The client has the key that early data came under; it has not shown that it is there now: whoever recorded
    /// its hello may have sent that again, and reads nothing of the answer, but has it made. 0: not now.
    ///
    /// # Errors
    /// The connection's own error when it has failed.
    pub fn write_half_rtt(&mut self, data: &[u8]) -> Result<usize, Error> {
        self.write_ahead(data, |early| early.may_answer)
    }

    /// As a client of TLS 1.2, writes before the server's Finished has come, which saves a round trip (RFC 7918), and says how
    /// much of it. Nobody but the server reads it, whose certificate is verified; that nobody altered the hellos is only known
    /// with the Finished, so this is for suites with ECDHE and an AEAD alone, without pre-shared keys, and where the configuration
    /// has one application protocol and the server has taken it: some servers from before that fail, and which of several it is
    /// can be altered too. 0: not now.
    ///
    /// # Errors
    /// The connection's own error when it has failed.
    pub fn write_false_start(&mut self, data: &[u8]) -> Result<usize, Error> {
        self.write_ahead(data, |early| early.may_false_start)
    }

    /// Writes before the handshake is done, where one may.
    fn write_ahead(&mut self, data: &[u8], may: impl FnOnce(&Early) -> bool) -> Result<usize, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if self.ended.write || !self.early.as_deref().is_some_and(may) {
            return Ok(0);
        }
        let room = self.side.limits().output.saturating_sub(self.output.len());
        let taken = data.get(..room).unwrap_or(data);
        if !taken.is_empty()
            && let Err(error) = self.seal(ContentType::APPLICATION_DATA, taken)
        {
            self.fail(&error);
            return Err(error);
        }
        Ok(taken.len())
    }

    /// Whether application data that comes now is early data.
    pub(super) fn reads_early_data(&self) -> bool {
        self.early.as_ref().is_some_and(|early| early.may_read.is_some())
    }

    /// Takes in early data.
    pub(super) fn early_data_came(&mut self, payload: &[u8]) -> Result<(), Error> {
        let Some(early) = &mut self.early else { return Ok(()) };
        let left = early.may_read.unwrap_or(0);
        let left = left.checked_sub(payload.len()).ok_or(Misbehaviour::TooMuchEarlyData)?;
        early.may_read = Some(left);
        early.received.extend_from_slice(payload);
        Ok(())
    }

    /// The handshake is done: what is left of early data comes first.
    pub(super) fn early_data_over(&mut self) {
        if let Some(early) = self.early.take().filter(|early| !early.received.is_empty()) {
            self.hold(early.received.freeze());
        }
    }
}
