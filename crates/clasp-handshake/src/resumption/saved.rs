//! A session as it is kept: bytes for a store or a ticket.

use clasp_cert::SctList;
use clasp_wire::{CipherSuite, ProtocolVersion};
use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

use super::LIFETIME;

/// The form of the bytes. Others, and those of other forms, are taken for no session.
const FORM: u8 = 4;

/// A session that may be resumed.
#[derive(Clone)]
pub(crate) struct Saved {
    pub(crate) version: ProtocolVersion,
    pub(crate) suite: CipherSuite,
    pub(crate) extended_master_secret: bool,
    pub(crate) client_authenticated: bool,
    /// The master secret; in TLS 1.3 the ticket's own key, and how long that is.
    pub(crate) master: Zeroizing<[u8; 48]>,
    pub(crate) secret_len: u8,
    /// When certificates were last verified for it, seconds since the Unix epoch.
    pub(crate) created: u64,
    /// When this ticket came, or was sent, milliseconds since the Unix epoch; how long it is good for, seconds; and what hides
    /// its age (RFC 8446 4.6.1). In TLS 1.3 alone, as are the next two.
    pub(crate) received: u64,
    pub(crate) lifetime: u32,
    pub(crate) age_add: u32,
    /// How much early data may come with it, bytes.
    pub(crate) max_early_data: u32,
    /// The application protocol, which early data is of.
    pub(crate) alpn: Box<[u8]>,
    /// Under what it was made, which must be the same again.
    pub(crate) scope: Box<[u8]>,
    pub(crate) server_name: Option<Box<str>>,
    pub(crate) peer_certificates: Vec<CertificateDer<'static>>,
    /// For a client: what came beside the server's certificate, which is not sent again (RFC 6962 3.3.1).
    pub(crate) sct_list: Option<SctList>,
    /// The name of the key from outside that took the place of certificates.
    pub(crate) psk_identity: Option<Box<[u8]>>,
    /// For a client: what to send, a ticket or an identifier.
    pub(crate) ticket: Box<[u8]>,
    pub(crate) id: Box<[u8]>,
}

impl core::fmt::Debug for Saved {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Saved").field("version", &self.version).field("suite", &self.suite).finish_non_exhaustive()
    }
}

impl Saved {
    /// Whether it is not too old, and not from the future.
    pub(crate) fn is_alive(&self, now: u64) -> bool {
        // Clocks of several machines differ a little.
        now + 60 >= self.created
            && now.saturating_sub(self.created) < LIFETIME
            && now.saturating_sub(self.received / 1000) < u64::from(self.lifetime)
    }

    /// The key of a ticket of TLS 1.3.
    pub(crate) fn secret(&self) -> &[u8] {
        self.master.get(..usize::from(self.secret_len)).unwrap_or_default()
    }

    /// Takes over the key of a ticket of TLS 1.3, of at most 48 bytes.
    pub(crate) fn set_secret(&mut self, secret: &[u8]) {
        self.secret_len = 0;
        for (to, from) in self.master.iter_mut().zip(secret) {
            *to = *from;
            self.secret_len += 1;
        }
    }

    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        // Growing would leave copies of the secret behind.
        let certificates: usize = self.peer_certificates.iter().map(|der| 4 + der.len()).sum();
        let others = self.alpn.len() + self.scope.len() + self.ticket.len() + self.id.len();
        let scts = self.sct_list.as_ref().map_or(0, |list| list.as_bytes().len());
        let psk = self.psk_identity.as_ref().map_or(0, |name| name.len());
        let name = self.server_name.as_ref().map_or(0, |name| name.len());
        let mut out = Zeroizing::new(Vec::with_capacity(160 + others + name + psk + scts + certificates));
        let reserved = out.capacity();
        out.push(FORM);
        out.extend_from_slice(&self.version.0.to_be_bytes());
        out.extend_from_slice(&self.suite.0.to_be_bytes());
        out.push(u8::from(self.extended_master_secret));
        out.push(u8::from(self.client_authenticated));
        out.extend_from_slice(self.master.as_slice());
        out.push(self.secret_len);
        out.extend_from_slice(&self.created.to_be_bytes());
        out.extend_from_slice(&self.received.to_be_bytes());
        for number in [self.lifetime, self.age_add, self.max_early_data] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        write(&mut out, &self.alpn);
        write(&mut out, &self.scope);
        out.push(u8::from(self.server_name.is_some()));
        write(&mut out, self.server_name.as_deref().unwrap_or_default().as_bytes());
        out.push(u8::from(self.psk_identity.is_some()));
        write(&mut out, self.psk_identity.as_deref().unwrap_or_default());
        write(&mut out, &self.ticket);
        write(&mut out, &self.id);
        out.extend_from_slice(&u32::try_from(self.peer_certificates.len()).unwrap_or(0).to_be_bytes());
        self.peer_certificates.iter().for_each(|der| write(&mut out, der));
        write(&mut out, self.sct_list.as_ref().map(SctList::as_bytes).unwrap_or_default());
        debug_assert!(out.capacity() == reserved, "it grew");
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let [FORM] = array(&mut rest)? else { return None };
        let version = ProtocolVersion(u16::from_be_bytes(array(&mut rest)?));
        let suite = CipherSuite(u16::from_be_bytes(array(&mut rest)?));
        let [extended_master_secret, client_authenticated] = array(&mut rest)?.map(|byte: u8| byte == 1);
        let master = Zeroizing::new(array(&mut rest)?);
        let [secret_len] = array(&mut rest)?;
        let created = u64::from_be_bytes(array(&mut rest)?);
        let received = u64::from_be_bytes(array(&mut rest)?);
        let lifetime = u32::from_be_bytes(array(&mut rest)?);
        let age_add = u32::from_be_bytes(array(&mut rest)?);
        let max_early_data = u32::from_be_bytes(array(&mut rest)?);
        let alpn = read(&mut rest)?.into();
        let scope = read(&mut rest)?.into();
        let [has_name] = array(&mut rest)?;
        let name = core::str::from_utf8(read(&mut rest)?).ok()?;
        let [has_psk] = array(&mut rest)?;
        let psk_identity = read(&mut rest)?.into();
        let ticket = read(&mut rest)?.into();
        let id = read(&mut rest)?.into();
        let count = u32::from_be_bytes(array(&mut rest)?);
        let mut peer_certificates = Vec::new();
        for _ in 0..count {
            peer_certificates.push(CertificateDer::from(read(&mut rest)?.to_vec()));
        }
        let sct_list = match read(&mut rest)? {
            [] => None,
            bytes => Some(SctList::from_bytes(bytes).ok()?),
        };
        rest.is_empty().then_some(Self {
            version,
            suite,
            extended_master_secret,
            client_authenticated,
            master,
            secret_len,
            created,
            received,
            lifetime,
            age_add,
            max_early_data,
            alpn,
            scope,
            server_name: (has_name == 1).then(|| name.into()),
            peer_certificates,
            sct_list,
            psk_identity: (has_psk == 1).then_some(psk_identity),
            ticket,
            id,
        })
    }
}

fn write(out: &mut Vec<u8>, part: &[u8]) {
    out.extend_from_slice(&u32::try_from(part.len()).unwrap_or(0).to_be_bytes());
    out.extend_from_slice(part);
}

fn array<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (array, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(*array)
}

fn read<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(u32::from_be_bytes(array(rest)?)).ok()?;
    let (part, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved() -> Saved {
        Saved {
            version: ProtocolVersion::TLS_1_2,
            suite: CipherSuite::TLS_RSA_WITH_AES_128_CBC_SHA,
            extended_master_secret: true,
            client_authenticated: false,
            master: Zeroizing::new([7; 48]),
            secret_len: 32,
            created: 1_000_000,
            received: 1_000_000_000,
            lifetime: u32::MAX,
            age_add: 5,
            max_early_data: 0,
            alpn: (*b"h2").into(),
            scope: (*b"modern").into(),
            server_name: Some("a.example".into()),
            peer_certificates: vec![vec![1, 2, 3].into(), vec![4].into()],
            sct_list: SctList::new([b"one", b"two"]).ok(),
            psk_identity: Some((*b"pump").into()),
            ticket: (*b"ticket").into(),
            id: [].into(),
        }
    }

    #[test]
    fn what_is_saved_is_found_again_and_nothing_else_is_a_session() {
        let bytes = saved().encode();
        let back = Saved::decode(&bytes).unwrap();
        assert_eq!(back.encode(), bytes);
        assert_eq!(back.peer_certificates.len(), 2);
        assert_eq!(back.psk_identity.as_deref(), Some(&b"pump"[..]));
        assert_eq!(back.sct_list, saved().sct_list);
        let without = Saved { sct_list: None, ..saved() }.encode();
        assert_eq!(Saved::decode(&without).unwrap().sct_list, None);
        for len in 0..bytes.len() {
            assert!(Saved::decode(&bytes[..len]).is_none(), "{len}");
        }
        let mut longer = bytes.to_vec();
        longer.push(0);
        assert!(Saved::decode(&longer).is_none());
        longer[0] = 1;
        assert!(Saved::decode(&longer).is_none());
        assert!(!format!("{back:?}").contains('7'));
    }

    #[test]
    fn a_session_lives_for_a_day() {
        let saved = saved();
        assert!(saved.is_alive(1_000_000) && saved.is_alive(1_000_000 + LIFETIME - 1) && saved.is_alive(999_950));
        assert!(!saved.is_alive(1_000_000 + LIFETIME) && !saved.is_alive(900_000));
    }
}
