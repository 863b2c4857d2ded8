//! Opening a policy from outside: rows, versions and values that a crate above this one brings along.
//!
//! Whoever only wants less than a named policy has uses the `with_` functions of `policy.rs`, which never widen it. What is
//! here is for crates that add something of their own.

use clasp_wire::SignatureScheme;

use crate::policy::Policy;
use crate::suites::Suite;

impl Policy {
    /// The policy under another name.
    #[must_use]
    pub fn renamed(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// Offers these suites too, after all others. One that is there already stays where it is.
    #[must_use]
    pub fn and_cipher_suites(mut self, rows: impl IntoIterator<Item = &'static Suite>) -> Self {
        for row in rows {
            if self.suites.iter().all(|suite| suite.id != row.id) {
                self.suites.push(row);
            }
        }
        self
    }

    /// Offers these signature schemes too, after all others.
    #[must_use]
    pub fn and_signature_schemes(mut self, schemes: &[SignatureScheme]) -> Self {
        self.schemes.extend(schemes);
        self
    }

    /// Takes RSA keys from this many bits on. With a suite that is no export suite a key of 512 bits is refused even so
    /// (FREAK).
    #[must_use]
    pub fn with_min_rsa_bits(mut self, bits: usize) -> Self {
        self.min_rsa_bits = bits;
        self
    }

    /// Takes, as a client, Diffie-Hellman groups from this many bits on. One of 512 bits is broken in minutes, and an
    /// attacker on the way can make some servers use theirs (Logjam: Adrian and others, "Imperfect Forward Secrecy", 2015).
    #[must_use]
    pub fn with_min_dh_bits(mut self, bits: usize) -> Self {
        self.min_dh_bits = bits;
        self
    }

    /// Whether [`Renegotiation::UnsafeLegacy`](crate::Renegotiation::UnsafeLegacy) may be asked for. It is not asked for by
    /// this.
    #[must_use]
    pub fn allowing_unsafe_renegotiation(mut self, on: bool) -> Self {
        self.may_renegotiate_unsafely = on;
        self
    }

    /// Whether a server reads a first hello in SSL 2.0's format (RFC 5246 E.2). It can say nothing of extensions, so an
    /// attacker who turns a client to it takes all they protect away.
    #[must_use]
    pub fn taking_sslv2_hello(mut self, on: bool) -> Self {
        self.takes_sslv2_hello = on;
        self
    }

    /// Whether a client opens with a hello in SSL 2.0's format, for servers that know no other. Then there is no server name,
    /// no extended master secret, no encrypt-then-MAC.
    #[must_use]
    pub fn sending_sslv2_hello(mut self, on: bool) -> Self {
        self.sends_sslv2_hello = on;
        self
    }
}
