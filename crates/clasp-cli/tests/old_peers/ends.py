"""What every driver of a peer shares: the tasks, the data that goes there and back, and what is told of it.

A driver first prints what it is. Then each line of its standard input is a task: a number, and arguments with tabs
between.

    accept [options]        listens on loopback, tells `port N`, sends everything back
    connect PORT [options]  sends noise, and compares what comes back

Every line it prints then begins with the task's number. Each handshake that is a connection's first, or that this side
begins, is told in a line: `VERSION SUITE certificate|anonymous full|resumed`, where certificate or anonymous is the
peer; a peer that declines to shake hands again in another, `declined`; each connection's end in another: `done BYTES
clean|cut`. The last line of a task is `end`, or `failed WHY`.

A driver hands `main` what makes its own end from the options. `connection(tcp)` of that gives an object with
`shake_hands(role, session)`, `told()`, `read()`, `write(data)`, `session()`; `ask_late()`, `drain()`, and
`renegotiate_as_client()` and `renegotiate_as_server()`, which say whether the peer agreed, where it has them; and
`close()`, which says whether the peer closed too.
"""

import argparse
import socket
import sys

CHUNK = 16384
DEADLINE = 20
PROTOCOLS = ["ssl3", "tls1", "tls1.1", "tls1.2"]
# The number of the task at hand.
task = "-"
NAMES = {"ssl3": "SSLv3", "tls1": "TLSv1", "tls1.1": "TLSv1.1", "tls1.2": "TLSv1.2"}


class Failed(Exception):
    pass


def tell(*words):
    print(task, *words, flush=True)


def tell_again(connection, agreed):
    if agreed:
        tell(*connection.told())
    else:
        tell("declined")


def echo(connection, options):
    total = 0
    while data := connection.read():
        if options.renegotiate and total == 0:
            # Some libraries take no data between their request and the client's hello: what is on its way comes first.
            data += connection.drain()
            tell_again(connection, connection.renegotiate_as_server())
        total += len(data)
        connection.write(data)
    return total


def compare(connection, options):
    seed, sent = 1, 0
    while sent < options.data:
        # Of many lengths, so that blocks and records are filled in many ways.
        seed = (seed * 1103515245 + 12345) % 2**31
        length = min(1 + seed % 5000, options.data - sent)
        data = bytes((seed >> 7) + i * 7 & 0xFF for i in range(length))
        connection.write(data)
        back = b""
        while len(back) < length:
            more = connection.read()
            if not more:
                raise Failed(f"the peer ended after {sent + len(back)} bytes")
            back += more
        if back != data:
            raise Failed(f"what came back differs within bytes {sent} to {sent + length}")
        if options.renegotiate and sent == 0:
            tell_again(connection, connection.renegotiate_as_client())
        sent += length
    return sent


def end(connection, total):
    tell("done", total, "clean" if connection.close() else "cut")


def accept(own, options):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(8)
    tell("port", listener.getsockname()[1])
    for _ in range(options.connections):
        tcp = prepared(listener.accept()[0])
        try:
            connection = own.connection(tcp)
            connection.shake_hands("accept", None)
            tell(*connection.told())
            if options.verify_late:
                connection.ask_late()
            end(connection, echo(connection, options))
        except Failed as failed:
            if not options.go_on:
                raise
            tell("refused", failed)
        tcp.close()


def connect(own, options):
    session = None
    for _ in range(options.connections):
        tcp = prepared(socket.create_connection(("127.0.0.1", options.port)))
        connection = own.connection(tcp)
        connection.shake_hands("connect", session)
        tell(*connection.told())
        session = session or connection.session()
        end(connection, compare(connection, options))
        tcp.close()


def prepared(tcp):
    # Python's own time limit would make the descriptor non-blocking.
    limit = DEADLINE.to_bytes(8, sys.byteorder) + bytes(8)
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        tcp.setsockopt(socket.SOL_SOCKET, option, limit)
    tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return tcp


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Failed(message)


def parsed(arguments):
    parser = Parser(add_help=False)
    parser.add_argument("role", choices=["accept", "connect"])
    parser.add_argument("port", type=int, nargs="?")
    parser.add_argument("--protocol", choices=[*PROTOCOLS, "any"], default="any")
    parser.add_argument("--cipher", help="the only suite: OpenSSL's names with colons between, or IANA's name")
    parser.add_argument("--cert", help="PEM; the key in traditional form")
    parser.add_argument("--key")
    parser.add_argument("--ca", help="authorities of the peer's certificate")
    parser.add_argument("--verify", choices=["none", "request", "require"], default="none")
    parser.add_argument("--verify-late", action="store_true", help="ask for the certificate in later handshakes only")
    parser.add_argument("--dh-bits", type=int, help="has a Diffie-Hellman group of this size")
    parser.add_argument("--renegotiate", action="store_true", help="after the first data")
    parser.add_argument("--connections", type=int, default=1, help="a client resumes the first one's session")
    parser.add_argument("--go-on", action="store_true", help="a server outlives, and tells of, connections that fail")
    parser.add_argument("--data", type=int, default=65536, help="bytes to send and to get back")
    parser.add_argument("--without", default="", help="of tickets, ids, ems, etm, rfc5746; commas between")
    options = parser.parse_args(arguments)
    options.without = set(filter(None, options.without.split(",")))
    return options


def main(version, make):
    global task
    print(version, flush=True)
    for line in sys.stdin:
        task, *arguments = line.rstrip("\n").split("\t")
        try:
            options = parsed(arguments)
            own = make(options)
            accept(own, options) if options.role == "accept" else connect(own, options)
            tell("end")
        except Failed as failed:
            tell("failed", failed)
        except Exception as error:
            tell("failed", type(error).__name__, str(error).replace("\n", " "))
