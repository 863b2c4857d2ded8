"""Records made independently of Clasp: Python's `hmac` and the package `cryptography` (48.0), by the text of RFC 5246 6.2.3,
RFC 5288, RFC 7366 and RFC 7905. Prints the table of `vectors.rs`.

Keys and nonces are the bytes that `main.rs` counts up: MAC keys from 0x10, keys from 0x50, IVs from the key block from 0xa0,
CBC's explicit IV from 0x01. The sequence number is 0x0102030405060708, the type application_data, the padding the shortest.
"""
import hashlib
import hmac
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

SEQUENCE = 0x0102030405060708
CONTENTS = [b"", b"Clasp", b"thirty-three bytes of plain text."]


def count(start, length):
    return bytes(range(start, start + length))


def covered(length):
    return struct.pack(">QBHH", SEQUENCE, 23, 0x0303, length)


def record(body):
    return (struct.pack(">BHH", 23, 0x0303, len(body)) + body).hex()


def gcm(key_len, content):
    explicit = struct.pack(">Q", SEQUENCE)
    sealed = AESGCM(count(0x50, key_len)).encrypt(count(0xA0, 4) + explicit, content, covered(len(content)))
    return record(explicit + sealed)


def chacha(content):
    nonce = int.from_bytes(count(0xA0, 12), "big") ^ SEQUENCE
    sealed = ChaCha20Poly1305(count(0x50, 32)).encrypt(nonce.to_bytes(12, "big"), content, covered(len(content)))
    return record(sealed)


def cbc(key_len, name, encrypt_then_mac, content):
    mac_key, iv = count(0x10, hashlib.new(name).digest_size), count(1, 16)
    mac = lambda data: hmac.new(mac_key, covered(len(data)) + data, name).digest()
    inner = content if encrypt_then_mac else content + mac(content)
    padding = 15 - len(inner) % 16
    inner += bytes([padding]) * (padding + 1)
    encryptor = Cipher(algorithms.AES(count(0x50, key_len)), modes.CBC(iv)).encryptor()
    sealed = iv + encryptor.update(inner) + encryptor.finalize()
    return record(sealed + mac(sealed) if encrypt_then_mac else sealed)


def rows():
    yield [gcm(16, content) for content in CONTENTS]
    yield [gcm(32, content) for content in CONTENTS]
    yield [chacha(content) for content in CONTENTS]
    for key_len in (16, 32):
        for name in ("sha1", "sha256", "sha384"):
            for encrypt_then_mac in (True, False):
                yield [cbc(key_len, name, encrypt_then_mac, content) for content in CONTENTS]


for row in rows():
    print("    [" + "\n     ".join(f'"{text}",' for text in row) + "],")
