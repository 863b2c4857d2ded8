//! What both roles of the classic family share: the transcript's hash, the master secret and the session keys
//! (RFC 5246 8, 6.3).

use bytes::Bytes;
use clasp_crypto::{CryptoError, Provider};
use clasp_keys::{KeyBlock, KeyLengths, MasterKey, MasterSecret, Role, Schedule, Transcript, VerifyData};
use clasp_wire::Finished;
use rustls_pki_types::CertificateDer;

use crate::error::{Error, Misbehaviour};
use crate::key_exchange::PreMaster;
use crate::key_log::KeyLog;
use crate::negotiate::Agreed;
use crate::peer::{EpochKeys, Order, Peer};
use crate::trace::Step;

/// The version is agreed: records carry it, the transcript knows its hash, and the key schedule is set.
pub(crate) fn settle(peer: &mut Peer, agreed: &Agreed, provider: &Provider) -> Result<Box<dyn Schedule>, Error> {
    peer.order(Order::Dialect(agreed.dialect));
    let hash = agreed.dialect.transcript_hash(agreed.suite.prf);
    peer.transcript.settle(provider.hash(hash).ok_or(CryptoError::Unsupported)?);
    agreed.dialect.schedule(provider, agreed.suite.prf).ok_or_else(|| CryptoError::Unsupported.into())
}

/// Copies of the certificates: a view would keep the whole record alive as long as the session.
pub(crate) fn der_chain(chain: &[Bytes]) -> Vec<CertificateDer<'static>> {
    chain.iter().map(|der| CertificateDer::from(der.to_vec())).collect()
}

/// The master secret and the keys made of it.
pub(crate) struct Keys {
    pub(crate) master: MasterSecret,
    key: Box<dyn MasterKey>,
    block: KeyBlock,
}

impl Keys {
    /// Steps 6 and 7: master secret, then key block. The transcript must end with the ClientKeyExchange (RFC 7627 3).
    pub(crate) fn derive(
        peer: &Peer,
        agreed: &Agreed,
        schedule: &dyn Schedule,
        pre_master: &PreMaster,
        key_log: Option<&dyn KeyLog>,
    ) -> Result<Self, Error> {
        let (client, server) = (&agreed.randoms.client, &agreed.randoms.server);
        let master = if agreed.extended_master_secret {
            schedule.extended_master_secret(pre_master.as_bytes(), &peer.transcript)?
        } else {
            schedule.master_secret(pre_master.as_bytes(), client, server)
        };
        if let Some(log) = key_log {
            log.log("CLIENT_RANDOM", client, master.as_bytes());
        }
        peer.trace(Step::MasterSecret, "derived the master secret", || {
            let from = if agreed.extended_master_secret { "the transcript (extended)" } else { "both randoms" };
            vec![("from the pre-master secret and", from.to_owned())]
        });

        Ok(Self::from_master(peer, agreed, schedule, master))
    }

    /// Step 7 alone, from the master secret of an earlier session.
    pub(crate) fn from_master(peer: &Peer, agreed: &Agreed, schedule: &dyn Schedule, master: MasterSecret) -> Self {
        let (client, server) = (&agreed.randoms.client, &agreed.randoms.server);
        let lengths = agreed.suite.bulk.lengths(agreed.dialect.iv_policy());
        let lengths = KeyLengths { mac_key: lengths.mac_key, key: lengths.key, iv: lengths.iv };
        let key = schedule.master_key(&master);
        let block = match agreed.suite.export {
            None => key.key_block(client, server, lengths),
            Some(export) => {
                let short = key.key_block(client, server, export.block_lengths(lengths));
                export.final_keys(schedule, &short, lengths, client, server)
            }
        };
        peer.trace(Step::SessionKeys, "derived the session keys", || {
            vec![
                ("suite", agreed.suite.id.to_string()),
                ("MAC key bytes", lengths.mac_key.to_string()),
                ("key bytes", lengths.key.to_string()),
                ("IV bytes", lengths.iv.to_string()),
                ("encrypt-then-MAC", agreed.encrypt_then_mac.to_string()),
            ]
        });
        Self { master, key, block }
    }

    /// What the Finished message of `role` says, which the transcript must end before.
    pub(crate) fn finished(&self, role: Role, transcript: &Transcript) -> Result<VerifyData, Error> {
        Ok(self.key.finished(role, transcript)?)
    }

    /// Our write keys, then our read keys.
    pub(crate) fn epochs(&self, agreed: &Agreed, role: Role) -> (EpochKeys, EpochKeys) {
        let epoch = |role| EpochKeys { suite: agreed.suite, keys: self.block.half(role), form: agreed.form() };
        match role {
            Role::Client => (epoch(Role::Client), epoch(Role::Server)),
            Role::Server => (epoch(Role::Server), epoch(Role::Client)),
        }
    }
}

/// Compares the peer's Finished in constant time (RFC 5246 7.4.9).
pub(crate) fn verify_finished(received: &Finished, expected: &VerifyData) -> Result<(), Error> {
    if received.verify_data.len() != expected.as_slice().len() {
        return Err(Misbehaviour::FinishedLength.into());
    }
    if expected.ct_eq(&received.verify_data) { Ok(()) } else { Err(Misbehaviour::BadFinished.into()) }
}
