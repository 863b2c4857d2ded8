"""OpenSSL 0.9.8e of July 2008 as the other end of a connection.

The library is too old for today's systems to install; it comes bundled in a package of 2017, which `cargo xtask peers`
unpacks: Red Hat's, which has RFC 5746 although its name is that of 2008. Here it is loaded with ctypes and made to accept or to connect. Its
libraries look for each other by name, so LD_LIBRARY_PATH must name their folder.

    openssl098.py FOLDER suites                what it has, one a line
    openssl098.py FOLDER accept [options]      listens on loopback, prints `port N`, sends everything back
    openssl098.py FOLDER connect PORT [options]  sends noise, and compares what comes back

Each handshake is told in a line: `VERSION SUITE certificate|anonymous full|resumed`, where certificate or anonymous is the
peer; each connection's end in another: `done BYTES clean|cut`. Anything else that happens goes to standard error, and ends
the program with status 1.
"""

import argparse
import ctypes
import glob
import os
import select
import socket
import sys

# openssl/ssl.h of that release.
MODE_AUTO_RETRY = 4
CTRL_SET_TMP_RSA = 2
CTRL_SET_TMP_DH = 3
CTRL_SESSION_REUSED = 8
CTRL_MODE = 33
VERIFY_PEER = 1
VERIFY_FAIL_IF_NO_PEER_CERT = 2
FILETYPE_PEM = 1
RECEIVED_SHUTDOWN = 2
ST_ACCEPT = 0x2000
ERROR_ZERO_RETURN = 6

CHUNK = 16384
DEADLINE = 20

POINTER = ctypes.c_void_p
INT = ctypes.c_int
TEXT = ctypes.c_char_p
LONG = ctypes.c_long

# name: (result, parameters)
SSL_FUNCTIONS = {
    "SSL_library_init": (INT, []),
    "SSL_load_error_strings": (None, []),
    "SSLv3_method": (POINTER, []),
    "TLSv1_method": (POINTER, []),
    "SSLv23_method": (POINTER, []),
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
    "SSL_get_cipher_list": (TEXT, [POINTER, INT]),
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


class Failed(Exception):
    pass


def declared(library, functions):
    for name, (result, parameters) in functions.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, parameters
    return library


class Old:
    """The library, and one context made from the options."""

    def __init__(self, folder, options):
        self.crypto = declared(self.load(folder, "libcrypto"), CRYPTO_FUNCTIONS)
        self.ssl = declared(self.load(folder, "libssl"), SSL_FUNCTIONS)
        self.ssl.SSL_library_init()
        self.ssl.SSL_load_error_strings()
        method = {"ssl3": "SSLv3_method", "tls1": "TLSv1_method", "any": "SSLv23_method"}[options.protocol]
        self.context = self.ssl.SSL_CTX_new(getattr(self.ssl, method)())
        self.set_up(options)

    @staticmethod
    def load(folder, name):
        [path] = glob.glob(os.path.join(folder, name + "-*"))
        return ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)

    def set_up(self, options):
        ssl, context = self.ssl, self.context
        ssl.SSL_CTX_ctrl(context, CTRL_MODE, MODE_AUTO_RETRY, None)
        self.must(ssl.SSL_CTX_set_cipher_list(context, options.cipher.encode()), "its cipher list")
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
        if options.role == "accept":
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

    def suites(self):
        ssl, names = self.ssl.SSL_new(self.context), []
        while (name := self.ssl.SSL_get_cipher_list(ssl, len(names))) is not None:
            names.append(name.decode())
        return names


class Connection:
    def __init__(self, old, tcp):
        self.old, self.lib, self.tcp = old, old.ssl, tcp
        # Python's own time limit would make the descriptor non-blocking.
        limit = DEADLINE.to_bytes(8, sys.byteorder) + bytes(8)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            tcp.setsockopt(socket.SOL_SOCKET, option, limit)
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ssl = self.lib.SSL_new(old.context)
        self.lib.SSL_set_fd(self.ssl, tcp.fileno())
        self.buffer = ctypes.create_string_buffer(CHUNK)

    def tell(self):
        certificate = self.lib.SSL_get_peer_certificate(self.ssl)
        if certificate:
            self.old.crypto.X509_free(certificate)
        suite = self.lib.SSL_CIPHER_get_name(self.lib.SSL_get_current_cipher(self.ssl))
        resumed = self.lib.SSL_ctrl(self.ssl, CTRL_SESSION_REUSED, 0, None)
        print(
            self.lib.SSL_get_version(self.ssl).decode(),
            suite.decode(),
            "certificate" if certificate else "anonymous",
            "resumed" if resumed else "full",
            flush=True,
        )

    def shake_hands(self, how):
        self.old.must(getattr(self.lib, how)(self.ssl), "the handshake")
        self.tell()

    def renegotiate_as_client(self):
        self.lib.SSL_renegotiate(self.ssl)
        self.old.must(self.lib.SSL_do_handshake(self.ssl), "the renegotiation")
        self.tell()

    def renegotiate_as_server(self):
        """Sends a HelloRequest, then waits for the client's hello, as mod_ssl of that time did: there was no function for it,
        so the state is set by hand, in the eighteenth int of the struct."""
        self.lib.SSL_set_verify(self.ssl, self.old.verify, None)
        self.lib.SSL_renegotiate(self.ssl)
        self.old.must(self.lib.SSL_do_handshake(self.ssl), "the request to renegotiate")
        ctypes.cast(self.ssl, ctypes.POINTER(INT))[18] = ST_ACCEPT
        self.old.must(self.lib.SSL_do_handshake(self.ssl), "the renegotiation")
        self.tell()

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

    def echo(self, renegotiate):
        total = 0
        while data := self.read():
            if renegotiate and total == 0:
                # The library takes no data between its request and the client's hello: all that is on its way comes first.
                while select.select([self.tcp], [], [], 0.1)[0]:
                    data += self.read()
                self.renegotiate_as_server()
            total += len(data)
            self.write(data)
        return total

    def compare(self, total, renegotiate):
        seed, sent = 1, 0
        while sent < total:
            # Of many lengths, so that blocks and records are filled in many ways.
            seed = (seed * 1103515245 + 12345) % 2**31
            length = min(1 + seed % 5000, total - sent)
            data = bytes((seed >> 7) + i * 7 & 0xFF for i in range(length))
            self.write(data)
            back = b""
            while len(back) < length:
                more = self.read()
                if not more:
                    raise Failed(f"the peer ended after {sent + len(back)} bytes")
                back += more
            if back != data:
                raise Failed(f"what came back differs within bytes {sent} to {sent + length}")
            if renegotiate and sent == 0:
                self.renegotiate_as_client()
            sent += length
        return sent

    def close(self, total):
        if self.lib.SSL_shutdown(self.ssl) == 0:
            # Our close_notify is sent: now the peer's.
            self.lib.SSL_shutdown(self.ssl)
        print("done", total, "clean" if self.is_closed() else "cut", flush=True)
        self.lib.SSL_free(self.ssl)
        self.tcp.close()


def accept(old, options):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(8)
    print("port", listener.getsockname()[1], flush=True)
    for _ in range(options.connections):
        connection = Connection(old, listener.accept()[0])
        try:
            connection.shake_hands("SSL_accept")
            connection.close(connection.echo(options.renegotiate))
        except Failed as failed:
            if not options.go_on:
                raise
            print("failed:", failed, flush=True)
            connection.tcp.close()


def connect(old, options):
    session = None
    for _ in range(options.connections):
        connection = Connection(old, socket.create_connection(("127.0.0.1", options.port)))
        if session:
            old.must(old.ssl.SSL_set_session(connection.ssl, session), "its session")
        connection.shake_hands("SSL_connect")
        total = connection.compare(options.data, options.renegotiate)
        session = old.ssl.SSL_get1_session(connection.ssl)
        connection.close(total)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("role", choices=["suites", "accept", "connect"])
    parser.add_argument("port", type=int, nargs="?")
    parser.add_argument("--protocol", choices=["ssl3", "tls1", "any"], default="any", help="any: a hello in SSL 2.0's format")
    parser.add_argument("--cipher", default="ALL", help="OpenSSL's names, with colons between")
    parser.add_argument("--cert", help="PEM; the key in traditional form")
    parser.add_argument("--key")
    parser.add_argument("--ca", help="authorities of the peer's certificate")
    parser.add_argument("--verify", choices=["none", "request", "require"], default="none")
    parser.add_argument("--verify-late", action="store_true", help="ask for the client's certificate by renegotiation only")
    parser.add_argument("--dh-bits", type=int, help="has a Diffie-Hellman group of this size")
    parser.add_argument("--renegotiate", action="store_true", help="after the first data")
    parser.add_argument("--connections", type=int, default=1, help="a client resumes the first one's session")
    parser.add_argument("--go-on", action="store_true", help="a server outlives connections that fail, and tells of them")
    parser.add_argument("--data", type=int, default=65536, help="bytes to send and to get back")
    options = parser.parse_args()
    old = Old(options.folder, options)
    if options.role == "suites":
        print(old.crypto.SSLeay_version(0).decode(), *old.suites(), sep="\n")
    elif options.role == "accept":
        accept(old, options)
    else:
        connect(old, options)


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        sys.exit(str(failed))
