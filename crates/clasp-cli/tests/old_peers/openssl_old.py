"""OpenSSL 0.9.8e of July 2008 and 1.0.2n of December 2017 as the other end of a connection (see `ends.py`).

Both are too old for today's systems to install; they come bundled in packages for Python, which `cargo xtask peers`
unpacks. 0.9.8e is Red Hat's, which has RFC 5746 although its name is that of 2008. Here the library is loaded with ctypes
from the folder that is the argument. Its parts look for each other by name, so LD_LIBRARY_PATH must name that folder too.
With 0.9.8e `--protocol any` is a hello in SSL 2.0's format.
"""

import ctypes
import glob
import os
import select
import sys

import ends
from ends import CHUNK, Failed

# openssl/ssl.h of both releases.
MODE_AUTO_RETRY = 4
CTRL_SET_TMP_RSA = 2
CTRL_SET_TMP_DH = 3
CTRL_SESSION_REUSED = 8
CTRL_OPTIONS = 32
CTRL_MODE = 33
CTRL_SET_ECDH_AUTO = 94
OP_NO_TICKET = 0x4000
VERIFY_PEER = 1
VERIFY_FAIL_IF_NO_PEER_CERT = 2
FILETYPE_PEM = 1
RECEIVED_SHUTDOWN = 2
ST_ACCEPT = 0x2000
ERROR_ZERO_RETURN = 6

POINTER = ctypes.c_void_p
INT = ctypes.c_int
TEXT = ctypes.c_char_p
LONG = ctypes.c_long

# name: (result, parameters)
SSL_FUNCTIONS = {
    "SSL_library_init": (INT, []),
    "SSL_load_error_strings": (None, []),
    "SSL_CTX_new": (POINTER, [POINTER]),
    "SSL_CTX_ctrl": (LONG, [POINTER, INT, LONG, POINTER]),
    "SSL_CTX_set_cipher_list": (INT, [POINTER, TEXT]),
    "SSL_CTX_use_certificate_chain_file": (INT, [POINTER, TEXT]),
    "SSL_CTX_use_PrivateKey_file": (INT, [POINTER, TEXT, INT]),
    "SSL_CTX_load_verify_locations": (INT, [POINTER, TEXT, TEXT]),
    "SSL_CTX_set_verify": (None, [POINTER, INT, POINTER]),
    "SSL_CTX_set_client_CA_list": (None, [POINTER, POINTER]),
    "SSL_CTX_set_session_id_context": (INT, [POINTER, TEXT, ctypes.c_uint]),
    "SSL_load_client_CA_file": (POINTER, [TEXT]),
    "SSL_new": (POINTER, [POINTER]),
    "SSL_free": (None, [POINTER]),
    "SSL_set_fd": (INT, [POINTER, INT]),
    "SSL_set_verify": (None, [POINTER, INT, POINTER]),
    "SSL_accept": (INT, [POINTER]),
    "SSL_connect": (INT, [POINTER]),
    "SSL_do_handshake": (INT, [POINTER]),
    "SSL_renegotiate": (INT, [POINTER]),
    "SSL_read": (INT, [POINTER, POINTER, INT]),
    "SSL_write": (INT, [POINTER, POINTER, INT]),
    "SSL_shutdown": (INT, [POINTER]),
    "SSL_get_shutdown": (INT, [POINTER]),
    "SSL_get_error": (INT, [POINTER, INT]),
    "SSL_ctrl": (LONG, [POINTER, INT, LONG, POINTER]),
    "SSL_get_version": (TEXT, [POINTER]),
    "SSL_get_current_cipher": (POINTER, [POINTER]),
    "SSL_CIPHER_get_name": (TEXT, [POINTER]),
    "SSL_get_peer_certificate": (POINTER, [POINTER]),
    "SSL_get1_session": (POINTER, [POINTER]),
    "SSL_set_session": (INT, [POINTER, POINTER]),
}
CRYPTO_FUNCTIONS = {
    "SSLeay_version": (TEXT, [INT]),
    "RSA_generate_key": (POINTER, [INT, ctypes.c_ulong, POINTER, POINTER]),
    "DH_generate_parameters": (POINTER, [INT, INT, POINTER, POINTER]),
    "X509_free": (None, [POINTER]),
    "ERR_get_error": (ctypes.c_ulong, []),
    "ERR_error_string_n": (None, [ctypes.c_ulong, TEXT, ctypes.c_size_t]),
}


METHODS = {
    "ssl3": "SSLv3_method",
    "tls1": "TLSv1_method",
    "tls1.1": "TLSv1_1_method",
    "tls1.2": "TLSv1_2_method",
    "any": "SSLv23_method",
}


def declared(library, functions):
    for name, (result, parameters) in functions.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, parameters
    return library


def load(folder, name):
    [path] = glob.glob(os.path.join(folder, name + "-*"))
    return ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)


class Old:
    """The library, and one context made from the options."""

    def __init__(self, crypto, ssl, options):
        self.crypto, self.ssl = crypto, ssl
        method = METHODS[options.protocol]
        declared(ssl, {method: (POINTER, [])})
        self.context = ssl.SSL_CTX_new(getattr(ssl, method)())
        self.is_new = not crypto.SSLeay_version(0).startswith(b"OpenSSL 0")
        self.set_up(options)

    def set_up(self, options):
        ssl, context = self.ssl, self.context
        ssl.SSL_CTX_ctrl(context, CTRL_MODE, MODE_AUTO_RETRY, None)
        self.must(ssl.SSL_CTX_set_cipher_list(context, (options.cipher or "ALL").encode()), "its cipher list")
        if options.cert:
            self.must(ssl.SSL_CTX_use_certificate_chain_file(context, options.cert.encode()), "its certificate")
            self.must(ssl.SSL_CTX_use_PrivateKey_file(context, options.key.encode(), FILETYPE_PEM), "its key")
        if options.ca:
            self.must(ssl.SSL_CTX_load_verify_locations(context, options.ca.encode(), None), "its authorities")
        self.verify = {
            "none": 0,
            "request": VERIFY_PEER,
            "require": VERIFY_PEER | VERIFY_FAIL_IF_NO_PEER_CERT,
        }[options.verify]
        if not options.verify_late:
            ssl.SSL_CTX_set_verify(context, self.verify, None)
        if "tickets" in options.without:
            ssl.SSL_CTX_ctrl(context, CTRL_OPTIONS, OP_NO_TICKET, None)
        if options.role == "accept":
            if self.is_new:
                self.must(ssl.SSL_CTX_ctrl(context, CTRL_SET_ECDH_AUTO, 1, None), "its curves")
            # The temporary key of export suites.
            key = self.crypto.RSA_generate_key(512, 65537, None, None)
            self.must(ssl.SSL_CTX_ctrl(context, CTRL_SET_TMP_RSA, 0, key), "its temporary key")
            if options.dh_bits:
                group = self.crypto.DH_generate_parameters(options.dh_bits, 2, None, None)
                self.must(ssl.SSL_CTX_ctrl(context, CTRL_SET_TMP_DH, 0, group), "its Diffie-Hellman group")
            ssl.SSL_CTX_set_session_id_context(context, b"old", 3)
            if options.ca:
                ssl.SSL_CTX_set_client_CA_list(context, ssl.SSL_load_client_CA_file(options.ca.encode()))

    def must(self, result, what):
        if result == 1:
            return
        reasons = []
        while (error := self.crypto.ERR_get_error()) != 0:
            text = ctypes.create_string_buffer(256)
            self.crypto.ERR_error_string_n(error, text, len(text))
            reasons.append(text.value.decode())
        raise Failed(f"{what} failed: {'; '.join(reasons) or 'no reason given'}")

    def connection(self, tcp):
        return Connection(self, tcp)


class Connection:
    def __init__(self, old, tcp):
        self.old, self.lib, self.tcp = old, old.ssl, tcp
        self.ssl = self.lib.SSL_new(old.context)
        self.lib.SSL_set_fd(self.ssl, tcp.fileno())
        self.buffer = ctypes.create_string_buffer(CHUNK)

    def told(self):
        certificate = self.lib.SSL_get_peer_certificate(self.ssl)
        if certificate:
            self.old.crypto.X509_free(certificate)
        suite = self.lib.SSL_CIPHER_get_name(self.lib.SSL_get_current_cipher(self.ssl))
        resumed = self.lib.SSL_ctrl(self.ssl, CTRL_SESSION_REUSED, 0, None)
        return (
            self.lib.SSL_get_version(self.ssl).decode(),
            suite.decode(),
            "certificate" if certificate else "anonymous",
            "resumed" if resumed else "full",
        )

    def shake_hands(self, role, session):
        if session:
            self.old.must(self.lib.SSL_set_session(self.ssl, session), "its session")
        self.old.must(getattr(self.lib, f"SSL_{role}")(self.ssl), "the handshake")

    def ask_late(self):
        self.lib.SSL_set_verify(self.ssl, self.old.verify, None)

    def renegotiate_as_client(self):
        self.lib.SSL_renegotiate(self.ssl)
        self.old.must(self.lib.SSL_do_handshake(self.ssl), "the renegotiation")
        return True

    def renegotiate_as_server(self):
        """Sends a HelloRequest, then waits for the client's hello, as mod_ssl of that time did: there was no function
        for it, so the state is set by hand, in the eighteenth int of the struct."""
        self.lib.SSL_renegotiate(self.ssl)
        self.old.must(self.lib.SSL_do_handshake(self.ssl), "the request to renegotiate")
        ctypes.cast(self.ssl, ctypes.POINTER(INT))[18] = ST_ACCEPT
        self.old.must(self.lib.SSL_do_handshake(self.ssl), "the renegotiation")
        return True

    def drain(self):
        data = b""
        while select.select([self.tcp], [], [], 0.1)[0]:
            data += self.read()
        return data

    def session(self):
        return self.lib.SSL_get1_session(self.ssl)

    def read(self):
        """What has come; nothing at the end."""
        count = self.lib.SSL_read(self.ssl, self.buffer, CHUNK)
        if count <= 0:
            if self.lib.SSL_get_error(self.ssl, count) != ERROR_ZERO_RETURN and not self.is_closed():
                self.old.must(0, "reading")
            return b""
        return self.buffer.raw[:count]

    def write(self, data):
        if self.lib.SSL_write(self.ssl, data, len(data)) != len(data):
            self.old.must(0, "writing")

    def is_closed(self):
        return self.lib.SSL_get_shutdown(self.ssl) & RECEIVED_SHUTDOWN != 0

    def close(self):
        if self.lib.SSL_shutdown(self.ssl) == 0:
            # Our close_notify is sent: now the peer's.
            self.lib.SSL_shutdown(self.ssl)
        clean = self.is_closed()
        self.lib.SSL_free(self.ssl)
        return clean


def main(folder):
    crypto = declared(load(folder, "libcrypto"), CRYPTO_FUNCTIONS)
    ssl = declared(load(folder, "libssl"), SSL_FUNCTIONS)
    ssl.SSL_library_init()
    ssl.SSL_load_error_strings()
    ends.main(crypto.SSLeay_version(0).decode(), lambda options: Old(crypto, ssl, options))


if __name__ == "__main__":
    main(sys.argv[1])
