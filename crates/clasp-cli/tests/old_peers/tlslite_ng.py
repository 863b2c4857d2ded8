"""tlslite-ng as the other end of a connection (see `ends.py`): TLS in Python alone, so slow. It has no renegotiation, and
declines it. Its folder is in PYTHONPATH.
"""

import importlib.metadata
import select

import ends
from ends import CHUNK, Failed
from tlslite.api import HandshakeSettings, SessionCache, TLSConnection, X509CertChain, parsePEMKey
from tlslite.constants import CipherSuite
from tlslite.errors import BaseTLSException

VERSIONS = {(3, 0): "ssl3", (3, 1): "tls1", (3, 2): "tls1.1", (3, 3): "tls1.2"}
CIPHERS = {
    "3DES_EDE_CBC": "3des",
    "RC4_128": "rc4",
    "AES_128_CBC": "aes128",
    "AES_256_CBC": "aes256",
    "AES_128_GCM": "aes128gcm",
    "AES_256_GCM": "aes256gcm",
    "CHACHA20_POLY1305": "chacha20-poly1305",
}


class TlsLite:
    """Settings and certificates made from the options."""

    def __init__(self, options):
        self.options = options
        self.chain, self.key = None, None
        if options.cert:
            self.chain = X509CertChain()
            with open(options.cert) as cert, open(options.key) as key:
                self.chain.parsePemList(cert.read())
                self.key = parsePEMKey(key.read(), private=True, implementations=["python"])
        self.cache = None if "ids" in options.without else SessionCache()

    def settings(self):
        options, settings = self.options, HandshakeSettings()
        [version] = [number for number, name in VERSIONS.items() if name == options.protocol]
        settings.minVersion = settings.maxVersion = version
        settings.versions = [version]
        settings.minKeySize = 512
        settings.useEncryptThenMAC = "etm" not in options.without
        settings.useExtendedMasterSecret = "ems" not in options.without
        if "tickets" not in options.without and options.role == "accept":
            settings.ticketKeys = [bytes(range(32))]
        if options.cipher:
            exchange, protection = options.cipher.removeprefix("TLS_").split("_WITH_")
            cipher, mac = protection.rsplit("_", 1)
            if cipher == "CHACHA20":
                cipher, mac = protection.rsplit("_", 1)[0] + "_POLY1305", "SHA256"
            settings.keyExchangeNames = [exchange.lower()]
            settings.cipherNames = [CIPHERS[cipher]]
            settings.macNames = ["aead" if "GCM" in cipher or "POLY1305" in cipher else mac.lower()]
        return settings

    def connection(self, tcp):
        return Connection(self, tcp)


class Connection:
    def __init__(self, own, tcp):
        self.own, self.tcp, self.tls = own, tcp, TLSConnection(tcp)

    def guarded(self, what, call, *arguments, **named):
        try:
            return call(*arguments, **named)
        except (BaseTLSException, OSError, ValueError) as error:
            raise Failed(f"{what} failed: {type(error).__name__} {error}") from error

    def shake_hands(self, role, session):
        own = self.own
        if role == "connect":
            certificate = {"certChain": own.chain, "privateKey": own.key} if own.chain else {}
            self.guarded(
                "the handshake",
                self.tls.handshakeClientCert,
                session=session,
                settings=own.settings(),
                serverName="localhost",
                **certificate,
            )
        else:
            self.guarded(
                "the handshake",
                self.tls.handshakeServer,
                certChain=own.chain,
                privateKey=own.key,
                reqCert=own.options.verify != "none",
                sessionCache=own.cache,
                settings=own.settings(),
            )
            if own.options.verify == "require" and not self.tls.session.clientCertChain:
                raise Failed("the client has no certificate")

    def told(self):
        session = self.tls.session
        shown = session.clientCertChain if self.own.options.role == "accept" else session.serverCertChain
        return (
            ends.NAMES[VERSIONS[self.tls.version]],
            CipherSuite.ietfNames[session.cipherSuite],
            "certificate" if shown else "anonymous",
            "resumed" if self.tls.resumed else "full",
        )

    def read(self):
        return bytes(self.guarded("reading", self.tls.read, max=CHUNK, min=1))

    def drain(self):
        data = b""
        while select.select([self.tcp], [], [], 0.1)[0]:
            data += self.read()
        return data

    def write(self, data):
        self.guarded("writing", self.tls.write, data)

    def session(self):
        return self.tls.session

    def close(self):
        # It has closed already when the peer was the first to.
        if not self.tls.closed:
            self.tls.closeSocket = False
            self.guarded("closing", self.tls.close)
        return self.tls.closed


if __name__ == "__main__":
    ends.main("tlslite-ng " + importlib.metadata.version("tlslite-ng"), TlsLite)
