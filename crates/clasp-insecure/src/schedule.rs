//! The key schedule of SSL 3.0: MD5 over SHA-1, with letters for labels (RFC 6101 5.6.9, 6.1, 6.2.2).

use clasp_crypto::{Hash, HashAlgorithm, Provider};
use clasp_keys::{
    ExportError, KeyBlock, KeyLengths, MasterKey, MasterSecret, Role, Schedule, ScheduleError, Transcript, VerifyData,
};
use zeroize::Zeroizing;

/// The first pad, of which MD5 takes 48 bytes and SHA-1 40 (RFC 6101 5.2.3.1).
pub(crate) const PAD_1: [u8; 48] = [0x36; 48];

/// The second pad.
pub(crate) const PAD_2: [u8; 48] = [0x5c; 48];

/// How much of a pad a hash function takes, bytes. `None`: SSL 3.0 does not have it.
pub(crate) const fn pad_len(hash: HashAlgorithm) -> Option<usize> {
    match hash {
        HashAlgorithm::Md5 => Some(48),
        HashAlgorithm::Sha1 => Some(40),
        _ => None,
    }
}

/// Labels of export keys and initialisation vectors, as TLS has them (RFC 2246 6.3.1).
pub(crate) const CLIENT_WRITE_KEY: &[u8] = b"client write key";
pub(crate) const SERVER_WRITE_KEY: &[u8] = b"server write key";
pub(crate) const IV_BLOCK: &[u8] = b"IV block";

/// The schedule of SSL 3.0.
#[derive(Debug)]
pub struct Ssl30 {
    md5: &'static dyn Hash,
    sha1: &'static dyn Hash,
}

impl Ssl30 {
    /// `None` when the provider has no MD5 or no SHA-1.
    pub fn new(provider: &Provider) -> Option<Self> {
        Some(Self { md5: provider.hash(HashAlgorithm::Md5)?, sha1: provider.hash(HashAlgorithm::Sha1)? })
    }

    /// Fills `out` with MD5(secret + SHA("A" + secret + randoms)) + MD5(secret + SHA("BB" + secret + randoms)) + ...
    fn fill(&self, secret: &[u8], randoms: [&[u8; 32]; 2], out: &mut [u8]) {
        let [first, second] = randoms;
        for ((letter, count), chunk) in (b'A'..=b'Z').zip(1..).zip(out.chunks_mut(16)) {
            let label = [letter; 26];
            let label = label.get(..count).unwrap_or_default();
            let inner = self.sha1.hash(&[label, secret, first, second]);
            let block = self.md5.hash(&[secret, inner.as_slice()]);
            chunk.iter_mut().zip(block.as_slice()).for_each(|(to, from)| *to = *from);
        }
    }
}

/// MD5 and SHA-1 of (master + pad 2 + the same hash of (messages + suffix + master + pad 1)): what Finished says, and what
/// CertificateVerify signs. The transcript's hash must be both side by side.
pub(crate) fn handshake_hashes(
    md5: &dyn Hash,
    sha1: &dyn Hash,
    transcript: &Transcript,
    suffix: &[u8],
    master: &MasterSecret,
) -> Result<[u8; 36], ScheduleError> {
    let master = master.as_bytes();
    let mut out = [0; 36];
    let (for_md5, for_sha1) = out.split_at_mut(16);
    for (hash, part, range) in [(md5, for_md5, 0..16), (sha1, for_sha1, 16..36)] {
        let pad = pad_len(hash.algorithm()).ok_or(ScheduleError::Unsupported)?;
        let (pad_1, pad_2) = (PAD_1.get(..pad).unwrap_or_default(), PAD_2.get(..pad).unwrap_or_default());
        let end = Zeroizing::new([suffix, master, pad_1].concat());
        let both = transcript.hash_with(&end).ok_or(ScheduleError::Unsettled)?;
        let inner = both.as_slice().get(range).ok_or(ScheduleError::Unsettled)?;
        let outer = hash.hash(&[master, pad_2, inner]);
        part.iter_mut().zip(outer.as_slice()).for_each(|(to, from)| *to = *from);
    }
    Ok(out)
}

impl Schedule for Ssl30 {
    fn master_secret(&self, pre_master: &[u8], client_random: &[u8; 32], server_random: &[u8; 32]) -> MasterSecret {
        MasterSecret::fill(|out| self.fill(pre_master, [client_random, server_random], out))
    }

    /// There is none: SSL 3.0 has no extension to agree on it.
    fn extended_master_secret(&self, _: &[u8], _: &Transcript) -> Result<MasterSecret, ScheduleError> {
        Err(ScheduleError::Unsupported)
    }

    fn master_key(&self, master: &MasterSecret) -> Box<dyn MasterKey> {
        let Self { md5, sha1 } = *self;
        Box::new(Ssl30MasterKey { schedule: Self { md5, sha1 }, master: MasterSecret::new(*master.as_bytes()) })
    }

    /// MD5 of the secret and both randoms, the server's first for the label `server write key`. For `IV block` the first half
    /// of `out` is the client's, the second the server's (RFC 6101 6.2.2.1). At most 16 bytes of a kind are made.
    fn expand(&self, secret: &[u8], label: &[u8], client_random: &[u8; 32], server_random: &[u8; 32], out: &mut [u8]) {
        let client = |out: &mut [u8]| copy(out, &self.md5.hash(&[secret, client_random, server_random]));
        let server = |out: &mut [u8]| copy(out, &self.md5.hash(&[secret, server_random, client_random]));
        match label {
            IV_BLOCK => {
                let (first, second) = out.split_at_mut(out.len() / 2);
                client(first);
                server(second);
            }
            SERVER_WRITE_KEY => server(out),
            _ => client(out),
        }
    }

    fn export(
        &self,
        _: &MasterSecret,
        _: &[u8; 32],
        _: &[u8; 32],
        _: &[u8],
        _: Option<&[u8]>,
        _: &mut [u8],
    ) -> Result<(), ExportError> {
        Err(ExportError::Unsupported)
    }
}

#[derive(Debug)]
struct Ssl30MasterKey {
    schedule: Ssl30,
    master: MasterSecret,
}

impl MasterKey for Ssl30MasterKey {
    fn key_block(&self, client_random: &[u8; 32], server_random: &[u8; 32], lengths: KeyLengths) -> KeyBlock {
        let randoms = [server_random, client_random];
        KeyBlock::fill(lengths, |out| self.schedule.fill(self.master.as_bytes(), randoms, out))
    }

    fn finished(&self, role: Role, transcript: &Transcript) -> Result<VerifyData, ScheduleError> {
        let sender: &[u8] = match role {
            Role::Client => b"CLNT",
            Role::Server => b"SRVR",
        };
        let Ssl30 { md5, sha1 } = self.schedule;
        Ok(VerifyData::new(&handshake_hashes(md5, sha1, transcript, sender, &self.master)?))
    }
}

fn copy(out: &mut [u8], digest: &clasp_crypto::Digest) {
    out.iter_mut().zip(digest.as_slice()).for_each(|(to, from)| *to = *from);
}

#[cfg(test)]
mod tests {
    use clasp_crypto::default_provider;
    use clasp_handshake::Export as _;

    use super::*;
    use crate::export::EXPORT40;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    const CLIENT_RANDOM: [u8; 32] = [0xc1; 32];
    const SERVER_RANDOM: [u8; 32] = [0x5e; 32];

    /// The pre-master secret 00 01 .. 2f with these randoms.
    fn master(schedule: &Ssl30) -> MasterSecret {
        let pre_master: Vec<u8> = (0..48).collect();
        schedule.master_secret(&pre_master, &CLIENT_RANDOM, &SERVER_RANDOM)
    }

    /// No vectors are published. These were computed from the formulas of RFC 6101 by Python's hashlib, which shares nothing
    /// with this code.
    #[test]
    fn secrets_keys_and_finished_as_computed_independently() {
        let provider = default_provider();
        let schedule = Ssl30::new(provider).unwrap();
        let master = master(&schedule);
        assert_eq!(
            hex(master.as_bytes()),
            "a05f3ed2ae92fe140eff17db73c69c4ab203f50069d5eb18ae1fd3debdaa772fe72c06a24a46df08ec429c0d7c73c632"
        );
        let lengths = KeyLengths { mac_key: 20, key: 24, iv: 8 };
        assert_eq!(
            hex(schedule.master_key(&master).key_block(&CLIENT_RANDOM, &SERVER_RANDOM, lengths).as_bytes()),
            concat!(
                "79bdcc921301690956da5052895b463097a7db743f259ba97003876235410d70c13c69315b79bf4c7774d3cfca9edb00d773dacf",
                "26027bf6c3300f257597ca4ede7ce52f4e1149c7d95dbe2740665610b9cf0f0005c8c234891efa44ae155a82a097300789d73eaa"
            )
        );

        let mut transcript = Transcript::new();
        transcript.add(b"all handshake messages");
        assert!(schedule.master_key(&master).finished(Role::Client, &transcript).is_err(), "not settled");
        transcript.settle(provider.hash(HashAlgorithm::Md5Sha1).unwrap());
        transcript.add(b" so far");
        transcript.drop_raw();
        for (role, expected) in [
            (Role::Client, "d3562f2e3b5723cd7c41cc4bb745a7491d66e62a691c44626179e2f04830670296d60c56"),
            (Role::Server, "069a9a7393df9c0909fabd7f3d278450b2c22633c19630c3bc044bc60f7d92965fc5bc28"),
        ] {
            assert_eq!(hex(schedule.master_key(&master).finished(role, &transcript).unwrap().as_slice()), expected);
        }
        let (md5, sha1) = (schedule.md5, schedule.sha1);
        assert_eq!(
            hex(&handshake_hashes(md5, sha1, &transcript, &[], &master).unwrap()),
            "a6d8d15f88339f59c8ab4ee38145fb6c318b3b3a5d5e0998fc9bde9beaeca47e2d5bdca7"
        );
    }

    /// As above.
    #[test]
    fn export_keys_as_computed_independently() {
        let schedule = Ssl30::new(default_provider()).unwrap();
        let master = master(&schedule);
        let full = KeyLengths { mac_key: 16, key: 16, iv: 8 };
        let short = EXPORT40.block_lengths(full);
        assert_eq!(short.total(), 2 * (16 + 5));
        let block = schedule.master_key(&master).key_block(&CLIENT_RANDOM, &SERVER_RANDOM, short);
        let keys = EXPORT40.final_keys(&schedule, &block, full, &CLIENT_RANDOM, &SERVER_RANDOM);
        let (client, server) = (keys.half(Role::Client), keys.half(Role::Server));
        assert_eq!(hex(client.mac_key()), "79bdcc921301690956da5052895b4630");
        assert_eq!(hex(server.mac_key()), "97a7db743f259ba97003876235410d70");
        assert_eq!(hex(client.key()), "32c370dae5c44f798915f1f0ec7574b5");
        assert_eq!(hex(server.key()), "748d84a0831817a0e784876831665833");
        assert_eq!((hex(client.iv()), hex(server.iv())), ("5148cb268035822c".into(), "121eaa710600faad".into()));
    }

    #[test]
    fn what_ssl_3_0_does_not_have_is_refused() {
        let schedule = Ssl30::new(default_provider()).unwrap();
        let master = master(&schedule);
        assert!(schedule.extended_master_secret(&[0; 48], &Transcript::new()).is_err());
        let exported = schedule.export(&master, &CLIENT_RANDOM, &SERVER_RANDOM, b"EXPORTER", None, &mut [0; 8]);
        assert_eq!(exported, Err(ExportError::Unsupported));
    }
}
