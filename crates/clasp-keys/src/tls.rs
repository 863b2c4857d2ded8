//! The key schedule of TLS (RFC 5246 5, 6.3, 7.4.9, 8.1), with the extended master secret (RFC 7627) and exporters
//! (RFC 5705). TLS 1.0, 1.1 and 1.2 differ in the pseudorandom function alone.

use core::fmt::{self, Debug};

use clasp_crypto::{HashAlgorithm, Hmac, HmacKey, Provider};

use crate::prf::prf_with;
use crate::schedule::{ExportError, MasterKey, Schedule, ScheduleError};
use crate::secrets::{KeyBlock, KeyLengths, MasterSecret, Role, VerifyData};
use crate::transcript::Transcript;

/// The pseudorandom function of a version (RFC 5246 5, RFC 2246 5).
pub trait Prf: Debug + Send + Sync {
    /// The function with a secret in it.
    type Key: PrfKey + 'static;

    /// Puts a secret in.
    fn key(&self, secret: &[u8]) -> Self::Key;

    /// Fills `out` from a secret, a label and a seed in up to four parts.
    fn fill(&self, secret: &[u8], label: &[u8], seed: &[&[u8]], out: &mut [u8]) {
        self.key(secret).fill(label, seed, out);
    }
}

/// A pseudorandom function with a secret in it.
pub trait PrfKey: Send + Sync {
    /// Fills `out` from a label and a seed in up to four parts.
    fn fill(&self, label: &[u8], seed: &[&[u8]], out: &mut [u8]);
}

/// The key schedule of TLS on a version's pseudorandom function.
#[derive(Debug)]
pub struct Tls<P>(P);

/// TLS 1.2's function: P_hash of the suite (RFC 5246 5).
#[derive(Debug)]
pub struct Prf12(&'static dyn Hmac);

impl Prf for Prf12 {
    type Key = Box<dyn HmacKey>;

    fn key(&self, secret: &[u8]) -> Self::Key {
        self.0.with_key(secret)
    }
}

impl PrfKey for Box<dyn HmacKey> {
    fn fill(&self, label: &[u8], seed: &[&[u8]], out: &mut [u8]) {
        prf_with(self.as_ref(), label, seed, out);
    }
}

/// TLS 1.2 with the PRF hash of a suite.
pub type Tls12 = Tls<Prf12>;

/// Labels of the protocol itself, which are not for exporters (RFC 5705 4, RFC 7627 4).
const RESERVED: [&[u8]; 5] =
    [b"client finished", b"server finished", b"master secret", b"key expansion", b"extended master secret"];

impl Tls12 {
    /// With the PRF hash of the agreed suite; `None` when the provider has no such HMAC.
    pub fn new(provider: &Provider, hash: HashAlgorithm) -> Option<Self> {
        Some(Self(Prf12(provider.hmac(hash)?)))
    }
}

/// The function of TLS 1.0 and 1.1: MD5's on one half of the secret, and SHA-1's on the other, by exclusive or
/// (RFC 2246 5). As long as one of the two is sound so is the whole.
#[cfg(feature = "legacy")]
#[derive(Debug)]
pub struct Prf10 {
    md5: &'static dyn Hmac,
    sha1: &'static dyn Hmac,
}

#[cfg(feature = "legacy")]
impl Prf for Prf10 {
    type Key = [Box<dyn HmacKey>; 2];

    fn key(&self, secret: &[u8]) -> Self::Key {
        // Of an odd length, both halves have the byte in the middle.
        let half = secret.len().div_ceil(2);
        let first = secret.get(..half).unwrap_or_default();
        let second = secret.get(secret.len() - half..).unwrap_or_default();
        [self.md5.with_key(first), self.sha1.with_key(second)]
    }
}

#[cfg(feature = "legacy")]
impl PrfKey for [Box<dyn HmacKey>; 2] {
    fn fill(&self, label: &[u8], seed: &[&[u8]], out: &mut [u8]) {
        let [md5, sha1] = self;
        prf_with(md5.as_ref(), label, seed, out);
        let mut other = zeroize::Zeroizing::new(vec![0; out.len()]);
        prf_with(sha1.as_ref(), label, seed, &mut other);
        out.iter_mut().zip(other.iter()).for_each(|(to, from)| *to ^= *from);
    }
}

/// TLS 1.0 and 1.1.
#[cfg(feature = "legacy")]
pub type Tls10 = Tls<Prf10>;

#[cfg(feature = "legacy")]
impl Tls10 {
    /// `None` when the provider has no MD5 or no SHA-1.
    pub fn new(provider: &Provider) -> Option<Self> {
        Some(Self(Prf10 { md5: provider.hmac(HashAlgorithm::Md5)?, sha1: provider.hmac(HashAlgorithm::Sha1)? }))
    }
}

impl<P: Prf> Schedule for Tls<P> {
    fn master_secret(&self, pre_master: &[u8], client_random: &[u8; 32], server_random: &[u8; 32]) -> MasterSecret {
        MasterSecret::fill(|out| {
            self.0.fill(pre_master, b"master secret", &[client_random, server_random], out);
        })
    }

    fn extended_master_secret(
        &self,
        pre_master: &[u8],
        transcript: &Transcript,
    ) -> Result<MasterSecret, ScheduleError> {
        let session_hash = transcript.hash().ok_or(ScheduleError::Unsettled)?;
        Ok(MasterSecret::fill(|out| {
            self.0.fill(pre_master, b"extended master secret", &[session_hash.as_slice()], out);
        }))
    }

    fn master_key(&self, master: &MasterSecret) -> Box<dyn MasterKey> {
        Box::new(TlsMasterKey(self.0.key(master.as_bytes())))
    }

    fn expand(&self, secret: &[u8], label: &[u8], client_random: &[u8; 32], server_random: &[u8; 32], out: &mut [u8]) {
        self.0.fill(secret, label, &[client_random, server_random], out);
    }

    fn export(
        &self,
        master: &MasterSecret,
        client_random: &[u8; 32],
        server_random: &[u8; 32],
        label: &[u8],
        context: Option<&[u8]>,
        out: &mut [u8],
    ) -> Result<(), ExportError> {
        if RESERVED.contains(&label) {
            return Err(ExportError::ReservedLabel);
        }
        let master = master.as_bytes();
        match context {
            None => self.0.fill(master, label, &[client_random, server_random], out),
            Some(context) => {
                let length = u16::try_from(context.len()).map_err(|_| ExportError::ContextTooLong)?.to_be_bytes();
                self.0.fill(master, label, &[client_random, server_random, &length, context], out);
            }
        }
        Ok(())
    }
}

/// The pseudorandom function with a master secret in it.
struct TlsMasterKey<K>(K);

impl<K> Debug for TlsMasterKey<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey")
    }
}

impl<K: PrfKey> MasterKey for TlsMasterKey<K> {
    fn key_block(&self, client_random: &[u8; 32], server_random: &[u8; 32], lengths: KeyLengths) -> KeyBlock {
        KeyBlock::fill(lengths, |out| self.0.fill(b"key expansion", &[server_random, client_random], out))
    }

    fn finished(&self, role: Role, transcript: &Transcript) -> Result<VerifyData, ScheduleError> {
        let hash = transcript.hash().ok_or(ScheduleError::Unsettled)?;
        let label: &[u8] = match role {
            Role::Client => b"client finished",
            Role::Server => b"server finished",
        };
        let mut out = [0; 12];
        self.0.fill(label, &[hash.as_slice()], &mut out);
        Ok(VerifyData::new(&out))
    }
}

#[cfg(test)]
mod tests {
    use clasp_crypto::default_provider;

    use super::*;
    use crate::key_log::tests::hex;

    fn schedule(hash: HashAlgorithm) -> Tls12 {
        Tls12::new(default_provider(), hash).unwrap()
    }

    /// NIST CAVP, "Key Derivation Functions (SP 800-135): TLS", tls.rsp, [TLS 1.2, SHA-256] and [TLS 1.2, SHA-384], each with
    /// a pre-master secret of 384 bits and a key block of 1024 bits, COUNT = 0.
    #[test]
    fn published_master_secrets_and_key_blocks() {
        struct Case {
            hash: HashAlgorithm,
            pre_master: &'static str,
            /// Of the hellos: client's, server's.
            hello_randoms: [&'static str; 2],
            /// Of the key block: client's, server's.
            randoms: [&'static str; 2],
            master: &'static str,
            key_block: &'static str,
        }
        let cases = [
            Case {
                hash: HashAlgorithm::Sha256,
                pre_master: "f8938ecc9edebc5030c0c6a441e213cd24e6f770a50dda07876f8d55da062bcadb386b411fd4fe4313a604fce6c17fbc",
                hello_randoms: [
                    "36c129d01a3200894b9179faac589d9835d58775f9b5ea3587cb8fd0364cae8c",
                    "f6c9575ed7ddd73e1f7d16eca115415812a43c2b747daaaae043abfb50053fce",
                ],
                randoms: [
                    "62e1fd91f23f558a605f28478c58cf72637b89784d959df7e946d3f07bd1b616",
                    "ae6c806f8ad4d80784549dff28a4b58fd837681a51d928c3e30ee5ff14f39868",
                ],
                master: "202c88c00f84a17a20027079604787461176455539e705be730890602c289a5001e34eeb3a043e5d52a65e66125188bf",
                key_block: concat!(
                    "d06139889fffac1e3a71865f504aa5d0d2a2e89506c6f2279b670c3e1b74f531",
                    "016a2530c51a3a0f7e1d6590d0f0566b2f387f8d11fd4f731cdd572d2eae927f",
                    "6f2f81410b25e6960be68985add6c38445ad9f8c64bf8068bf9a6679485d966f",
                    "1ad6f68b43495b10a683755ea2b858d70ccac7ec8b053c6bd41ca299d4e51928"
                ),
            },
            Case {
                hash: HashAlgorithm::Sha384,
                pre_master: "a5e2642633f5b8c81ad3fe0c2fe3a8e5ef806b06121dd10df4bb0fe857bfdcf522558e05d2682c9a80c741a3aab1716f",
                hello_randoms: [
                    "abe4bf5527429ac8eb13574d2709e8012bd1a113c6d3b1d3aa2c3840518778ac",
                    "cb6e0b3eb02976b6466dfa9651c2919414f1648fd3a7838d02153e5bd39535b6",
                ],
                randoms: [
                    "954b5fe1849c2ede177438261f099a2fcd884d001b9fe1de754364b1f6a6dd8e",
                    "1b1c8568344a65c30828e7483c0e353e2c68641c9551efae6927d9cd627a107c",
                ],
                master: "b4d49bfa87747fe815457bc3da15073d6ac73389e703079a3503c09e14bd559a5b3c7c601c7365f6ea8c68d3d9596827",
                key_block: concat!(
                    "10fd89ef689c7ef033387b8a8f3e5e8e7c11f680f6bdd71fbac3246a73e98d45",
                    "d03185dde686e6b2369e4503e9dc5a6d2cee3e2bf2fa3f41d3de57dff3e197c8",
                    "a9d5f74cc2d277119d894f8584b07a0a5822f0bd68b3433ec6adaf5c9406c5f3",
                    "ddbb71bbe17ce98f3d4d5893d3179ef369f57aad908e2bf710639100c3ce7e0c"
                ),
            },
        ];
        for case in cases {
            let schedule = schedule(case.hash);
            let random = |text: &str| <[u8; 32]>::try_from(hex(text)).unwrap();
            let [client, server] = case.hello_randoms.map(random);
            let master = schedule.master_secret(&hex(case.pre_master), &client, &server);
            assert_eq!(master.as_bytes()[..], hex(case.master));
            let [client, server] = case.randoms.map(random);
            let lengths = KeyLengths { mac_key: 20, key: 32, iv: 12 };
            let block = schedule.master_key(&master).key_block(&client, &server, lengths);
            assert_eq!(block.as_bytes(), hex(case.key_block));
        }
    }

    /// Nothing of a suite without such an HMAC, or of a transcript without its hash.
    #[test]
    fn what_is_missing_is_said() {
        assert!(Tls12::new(default_provider(), HashAlgorithm::Md5Sha1).is_none());
        let unsettled = Transcript::new();
        let schedule = schedule(HashAlgorithm::Sha256);
        assert_eq!(schedule.extended_master_secret(b"x", &unsettled).unwrap_err(), ScheduleError::Unsettled);
        let master = MasterSecret::new([1; 48]);
        assert_eq!(
            schedule.master_key(&master).finished(Role::Client, &unsettled).unwrap_err(),
            ScheduleError::Unsettled
        );
        assert!(!format!("{schedule:?}").contains("01"));
    }

    fn transcript(hash: HashAlgorithm) -> Transcript {
        let mut transcript = Transcript::new();
        transcript.add(b"messages");
        transcript.settle(default_provider().hash(hash).unwrap());
        transcript
    }

    /// RFC 7627 4 and RFC 5246 7.4.9, each against the PRF spelt out.
    #[test]
    fn extended_master_secret_and_finished_are_the_prf_over_the_session_hash() {
        for hash in [HashAlgorithm::Sha256, HashAlgorithm::Sha384] {
            let schedule = schedule(hash);
            let session_hash = default_provider().hash(hash).unwrap().hash(&[b"messages"]);
            let transcript = transcript(hash);
            let master = schedule.extended_master_secret(b"pre-master", &transcript).unwrap();
            let mut expected = [0; 48];
            schedule.0.fill(b"pre-master", b"extended master secret", &[session_hash.as_slice()], &mut expected);
            assert_eq!(master.as_bytes(), &expected);
            for (role, label) in [(Role::Client, b"client finished"), (Role::Server, b"server finished")] {
                let mut expected = [0; 12];
                schedule.0.fill(master.as_bytes(), label, &[session_hash.as_slice()], &mut expected);
                assert!(schedule.master_key(&master).finished(role, &transcript).unwrap().ct_eq(&expected));
            }
        }
    }

    #[test]
    fn exporters_depend_on_everything_and_refuse_reserved_labels() {
        let schedule = schedule(HashAlgorithm::Sha256);
        let master = MasterSecret::new([1; 48]);
        let export = |label: &[u8], context| {
            let mut out = [0; 32];
            schedule.export(&master, &[2; 32], &[3; 32], label, context, &mut out).map(|()| out)
        };
        let base = export(b"EXPORTER-a", None).unwrap();
        assert_ne!(base, export(b"EXPORTER-b", None).unwrap());
        assert_ne!(base, export(b"EXPORTER-a", Some(b"")).unwrap());
        assert_ne!(export(b"EXPORTER-a", Some(b"")).unwrap(), export(b"EXPORTER-a", Some(b"c")).unwrap());
        for label in RESERVED {
            assert_eq!(export(label, None), Err(ExportError::ReservedLabel));
        }
        let long = vec![0; 65536];
        assert_eq!(export(b"EXPORTER-a", Some(&long)), Err(ExportError::ContextTooLong));
    }

    /// NIST CAVP, "Key Derivation Functions (SP 800-135): TLS", tls.rsp, [TLS 1.0/1.1] with a pre-master secret of 384 bits
    /// and a key block of 832 bits, COUNT = 0.
    #[cfg(feature = "legacy")]
    #[test]
    fn published_master_secret_and_key_block_of_tls_1_0() {
        let pre_master =
            hex("bded7fa5c1699c010be23dd06ada3a48349f21e5f86263d512c0c5cc379f0e780ec55d9844b2f1db02a96453513568d0");
        let array = |text: &str| -> [u8; 32] { hex(text).try_into().unwrap() };
        let schedule = Tls10::new(default_provider()).unwrap();
        let master = schedule.master_secret(
            &pre_master,
            &array("e5acaf549cd25c22d964c0d930fa4b5261d2507fad84c33715b7b9a864020693"),
            &array("135e4d557fdf3aa6406d82975d5c606a9734c9334b42136e96990fbd5358cdb2"),
        );
        assert_eq!(
            master.as_bytes()[..],
            hex("2f6962dfbc744c4b2138bb6b3d33054c5ecc14f24851d9896395a44ab3964efc2090c5bf51a0891209f46c1e1e998f62")
        );
        let block = schedule.master_key(&master).key_block(
            &array("d58a7b1cd4fedaa232159df652ce188f9d997e061b9bf48e83b62990440931f6"),
            &array("67267e650eb32444119d222a368c191af3082888dc35afe8368e638c828874be"),
            KeyLengths { mac_key: 20, key: 24, iv: 8 },
        );
        assert_eq!(
            block.as_bytes(),
            hex(concat!(
                "3088825988e77fce68d19f756e18e43eb7fe672433504feaf99b3c503d9091b164f166db301d70c9fc0870b4a94563907bee1a61fb786cb7",
                "17576890bcc51cb9ead97e01d0a2fea99c953377b195205ff07b369589178796edc963fd80fdbe518a2fc1c35c18ae8d"
            ))
        );
    }
}
