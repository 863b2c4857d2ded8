"""GnuTLS, the system's, as the other end of a connection (see `ends.py`), loaded with ctypes: gnutls-serv does not ask for
a certificate in a later handshake only. `--without rfc5746` makes it what every library was before 2010.
"""

import ctypes
import select
from ctypes import byref

import ends
from ends import CHUNK, Failed

# gnutls/gnutls.h.
SERVER, CLIENT = 1, 2
NO_TICKETS = 1 << 10
CRD_CERTIFICATE = 1
X509_FMT_PEM = 1
SEC_PARAM_MEDIUM = 35
CERT_IGNORE, CERT_REQUEST, CERT_REQUIRE = 0, 1, 2
SHUT_RDWR = 0
A_NO_RENEGOTIATION = 100
E_WARNING_ALERT_RECEIVED = -16
E_AGAIN = -28
E_REHANDSHAKE = -37
E_GOT_APPLICATION_DATA = -38
E_INTERRUPTED = -52
E_PREMATURE_TERMINATION = -110

POINTER = ctypes.c_void_p
INT = ctypes.c_int
UINT = ctypes.c_uint
TEXT = ctypes.c_char_p
SIZE = ctypes.c_size_t
LENGTH = ctypes.c_ssize_t


class Datum(ctypes.Structure):
    _fields_ = [("data", POINTER), ("size", UINT)]


DATUM = ctypes.POINTER(Datum)

# name: (result, parameters)
FUNCTIONS = {
    "gnutls_check_version": (TEXT, [TEXT]),
    "gnutls_strerror": (TEXT, [INT]),
    "gnutls_error_is_fatal": (INT, [INT]),
    "gnutls_certificate_allocate_credentials": (INT, [ctypes.POINTER(POINTER)]),
    "gnutls_certificate_set_x509_key_file": (INT, [POINTER, TEXT, TEXT, INT]),
    "gnutls_certificate_set_x509_trust_file": (INT, [POINTER, TEXT, INT]),
    "gnutls_certificate_set_known_dh_params": (INT, [POINTER, INT]),
    "gnutls_certificate_server_set_request": (None, [POINTER, INT]),
    "gnutls_certificate_verify_peers2": (INT, [POINTER, ctypes.POINTER(UINT)]),
    "gnutls_certificate_get_peers": (POINTER, [POINTER, ctypes.POINTER(UINT)]),
    "gnutls_session_ticket_key_generate": (INT, [DATUM]),
    "gnutls_session_ticket_enable_server": (INT, [POINTER, DATUM]),
    "gnutls_init": (INT, [ctypes.POINTER(POINTER), UINT]),
    "gnutls_deinit": (None, [POINTER]),
    "gnutls_priority_set_direct": (INT, [POINTER, TEXT, ctypes.POINTER(TEXT)]),
    "gnutls_credentials_set": (INT, [POINTER, INT, POINTER]),
    "gnutls_server_name_set": (INT, [POINTER, INT, TEXT, SIZE]),
    "gnutls_transport_set_int2": (None, [POINTER, INT, INT]),
    "gnutls_handshake": (INT, [POINTER]),
    "gnutls_rehandshake": (INT, [POINTER]),
    "gnutls_record_recv": (LENGTH, [POINTER, POINTER, SIZE]),
    "gnutls_record_send": (LENGTH, [POINTER, TEXT, SIZE]),
    "gnutls_bye": (INT, [POINTER, INT]),
    "gnutls_alert_get": (INT, [POINTER]),
    "gnutls_session_is_resumed": (INT, [POINTER]),
    "gnutls_session_get_data2": (INT, [POINTER, DATUM]),
    "gnutls_session_set_data": (INT, [POINTER, POINTER, SIZE]),
    "gnutls_safe_renegotiation_status": (UINT, [POINTER]),
    "gnutls_protocol_get_version": (INT, [POINTER]),
    "gnutls_ciphersuite_get": (TEXT, [POINTER]),
}
# gnutls_protocol_t: our name, and the library's.
VERSIONS = {2: ("tls1", "VERS-TLS1.0"), 3: ("tls1.1", "VERS-TLS1.1"), 4: ("tls1.2", "VERS-TLS1.2")}


def priority(options):
    version = next(theirs for ours, theirs in VERSIONS.values() if ours == options.protocol)
    exchange, protection = options.cipher.removeprefix("TLS_").split("_WITH_")
    cipher, mac = protection.replace("RC4", "ARCFOUR").rsplit("_", 1)
    cipher = cipher.replace("_EDE", "").replace("_", "-")
    mac = "AEAD" if cipher.endswith("GCM") else "SHA1" if mac == "SHA" else mac
    words = [
        f"NONE:+{version}:+COMP-NULL:+CTYPE-X509:+SIGN-ALL:+SIGN-RSA-SHA1:+GROUP-ALL",
        f"+{cipher}:+{mac}:+{exchange.replace('_', '-')}",
        "%VERIFY_ALLOW_SIGN_WITH_SHA1:%PROFILE_VERY_WEAK",
    ]
    lacks = {
        "ems": "%NO_SESSION_HASH",
        "etm": "%NO_ETM",
        "rfc5746": "%DISABLE_SAFE_RENEGOTIATION",
        "tickets": "%NO_TICKETS",
    }
    words += [word for what, word in lacks.items() if what in options.without]
    return ":".join(words)


class GnuTls:
    """The library, and credentials made from the options."""

    def __init__(self, lib, options):
        self.lib, self.options = lib, options
        self.credentials = POINTER()
        self.must(self.lib.gnutls_certificate_allocate_credentials(byref(self.credentials)), "its credentials")
        if options.cert:
            files = (options.cert.encode(), options.key.encode())
            self.must(
                self.lib.gnutls_certificate_set_x509_key_file(self.credentials, *files, X509_FMT_PEM), "its certificate"
            )
        if options.ca:
            self.must(
                self.lib.gnutls_certificate_set_x509_trust_file(self.credentials, options.ca.encode(), X509_FMT_PEM),
                "its authorities",
            )
        self.lib.gnutls_certificate_set_known_dh_params(self.credentials, SEC_PARAM_MEDIUM)
        self.ticket_key = Datum()
        self.must(self.lib.gnutls_session_ticket_key_generate(byref(self.ticket_key)), "its ticket key")

    def must(self, result, what):
        if result < 0:
            raise Failed(f"{what} failed: {self.lib.gnutls_strerror(result).decode()}")
        return result

    def connection(self, tcp):
        return Connection(self, tcp)


class Connection:
    def __init__(self, own, tcp):
        self.own, self.lib, self.options, self.tcp = own, own.lib, own.options, tcp
        self.as_server = self.options.role == "accept"
        self.ssl = POINTER()
        lacks_tickets = NO_TICKETS if "tickets" in self.options.without else 0
        side = SERVER if self.as_server else CLIENT
        own.must(self.lib.gnutls_init(byref(self.ssl), side | lacks_tickets), "a session")
        own.must(self.lib.gnutls_priority_set_direct(self.ssl, priority(self.options).encode(), None), "its priorities")
        own.must(self.lib.gnutls_credentials_set(self.ssl, CRD_CERTIFICATE, own.credentials), "its credentials")
        self.lib.gnutls_transport_set_int2(self.ssl, tcp.fileno(), tcp.fileno())
        if self.as_server:
            if not self.options.verify_late:
                self.ask_late()
            if not lacks_tickets:
                own.must(self.lib.gnutls_session_ticket_enable_server(self.ssl, byref(own.ticket_key)), "its tickets")
        else:
            own.must(self.lib.gnutls_server_name_set(self.ssl, 1, b"localhost", 9), "the server's name")
        self.buffer = ctypes.create_string_buffer(CHUNK)
        self.pending = b""

    def ask_late(self):
        request = {"none": CERT_IGNORE, "request": CERT_REQUEST, "require": CERT_REQUIRE}[self.options.verify]
        self.lib.gnutls_certificate_server_set_request(self.ssl, request)

    def declined(self, result):
        return result == E_WARNING_ALERT_RECEIVED and self.lib.gnutls_alert_get(self.ssl) == A_NO_RENEGOTIATION

    def handshake(self, what):
        """True when it is done, false when the peer declined."""
        while (result := self.lib.gnutls_handshake(self.ssl)) != 0:
            if result == E_GOT_APPLICATION_DATA:
                self.pending += self.receive()
            elif self.declined(result):
                return False
            elif self.lib.gnutls_error_is_fatal(result) or result == E_AGAIN:
                alert = self.lib.gnutls_alert_get(self.ssl)
                raise Failed(f"{what} failed: {self.lib.gnutls_strerror(result).decode()} (last alert: {alert})")
        verify = self.options.verify != "none" and self.certificate()
        status = UINT()
        if verify:
            self.own.must(self.lib.gnutls_certificate_verify_peers2(self.ssl, byref(status)), "verifying the peer")
        if status.value:
            raise Failed(f"the peer's certificate does not verify: {status.value:#x}")
        return True

    def shake_hands(self, _, session):
        if session:
            self.own.must(self.lib.gnutls_session_set_data(self.ssl, session.data, session.size), "its session")
        self.handshake("the handshake")
        safe = self.lib.gnutls_safe_renegotiation_status(self.ssl) != 0
        if safe == ("rfc5746" in self.options.without):
            raise Failed(f"RFC 5746 was agreed: {safe}")

    def certificate(self):
        count = UINT()
        return self.lib.gnutls_certificate_get_peers(self.ssl, byref(count)) is not None and count.value > 0

    def told(self):
        return (
            ends.NAMES[VERSIONS[self.lib.gnutls_protocol_get_version(self.ssl)][0]],
            self.lib.gnutls_ciphersuite_get(self.ssl).decode(),
            "certificate" if self.certificate() else "anonymous",
            "resumed" if self.lib.gnutls_session_is_resumed(self.ssl) else "full",
        )

    def renegotiate_as_client(self):
        return self.handshake("the renegotiation")

    def renegotiate_as_server(self):
        self.own.must(self.lib.gnutls_rehandshake(self.ssl), "the request to renegotiate")
        return self.handshake("the renegotiation")

    def receive(self):
        """One record's data; nothing at the end."""
        while True:
            count = self.lib.gnutls_record_recv(self.ssl, self.buffer, CHUNK)
            if count >= 0:
                return self.buffer.raw[:count]
            if count == E_REHANDSHAKE:
                if not self.handshake("the peer's renegotiation"):
                    raise Failed("the peer declined what it asked for")
            elif count == E_PREMATURE_TERMINATION:
                return b""
            elif self.lib.gnutls_error_is_fatal(count) or count == E_AGAIN:
                self.own.must(count, f"reading (last alert: {self.lib.gnutls_alert_get(self.ssl)}): it")

    def read(self):
        data, self.pending = self.pending, b""
        return data or self.receive()

    def drain(self):
        data = b""
        while select.select([self.tcp], [], [], 0.1)[0]:
            data += self.read()
        return data

    def write(self, data):
        while data:
            sent = self.lib.gnutls_record_send(self.ssl, data, len(data))
            if sent not in (E_AGAIN, E_INTERRUPTED):
                data = data[self.own.must(sent, "writing") :]

    def session(self):
        session = Datum()
        self.own.must(self.lib.gnutls_session_get_data2(self.ssl, byref(session)), "its session")
        return session

    def close(self):
        clean = self.lib.gnutls_bye(self.ssl, SHUT_RDWR) == 0
        self.lib.gnutls_deinit(self.ssl)
        return clean


def main():
    lib = ctypes.CDLL("libgnutls.so.30")
    for name, (result, parameters) in FUNCTIONS.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, parameters
    ends.main("GnuTLS " + lib.gnutls_check_version(None).decode(), lambda options: GnuTls(lib, options))


if __name__ == "__main__":
    main()
