"""Makes the values of src/tls13/tests.rs that RFC 8448 has none of, by an HKDF of its own (RFC 5869, RFC 8446 7)."""
import hashlib
import hmac


def extract(hash, salt, ikm):
    return hmac.new(salt or bytes(hash().digest_size), ikm, hash).digest()


def expand_label(hash, secret, label, context, length):
    label = b"tls13 " + label
    info = length.to_bytes(2, "big") + bytes([len(label)]) + label + bytes([len(context)]) + context
    out, block, counter = b"", b"", 1
    while len(out) < length:
        block = hmac.new(secret, block + info + bytes([counter]), hash).digest()
        out, counter = out + block, counter + 1
    return out[:length]


def derive(hash, secret, label, transcript):
    return expand_label(hash, secret, label, transcript, hash().digest_size)


for hash in (hashlib.sha256, hashlib.sha384):
    size = hash().digest_size
    empty = hash(b"").digest()
    print(hash().name)
    early = extract(hash, b"", b"psk")
    for kind in (b"res", b"ext", b"imp"):
        key = derive(hash, early, kind + b" binder", empty)
        finished = expand_label(hash, key, b"finished", b"", size)
        print(kind, hmac.new(finished, bytes([1]) * size, hash).hexdigest())
    exporter = derive(hash, early, b"e exp master", bytes([2]) * size)
    secret = derive(hash, exporter, b"label", empty)
    print("export", expand_label(hash, secret, b"exporter", hash(b"context").digest(), 100).hex())
    handshake = extract(hash, derive(hash, early, b"derived", empty), bytes(size))
    traffic = derive(hash, handshake, b"s hs traffic", bytes([3]) * size)
    print("psk_ke", traffic.hex())
    traffic = derive(hash, traffic, b"traffic upd", b"")
    print("update", traffic.hex())
    print("keys", expand_label(hash, traffic, b"key", b"", 32).hex(), expand_label(hash, traffic, b"iv", b"", 12).hex())
    main = extract(hash, derive(hash, handshake, b"derived", empty), bytes(size))
    print("res", expand_label(hash, derive(hash, main, b"res master", bytes([4]) * size), b"resumption", b"nonce", size).hex())
    identity = b"\x00\x02id\x00\x07context\x03\x04" + (b"\x00\x01" if size == 32 else b"\x00\x02")
    epskx = extract(hashlib.sha256, b"", b"external key")
    ipskx = expand_label(hashlib.sha256, epskx, b"derived psk", hashlib.sha256(identity).digest(), size)
    print("import", identity.hex(), ipskx.hex())
    ech = extract(hash, b"", bytes([5]) * 32)
    for label in (b"ech accept confirmation", b"hrr ech accept confirmation"):
        print("ech", expand_label(hash, ech, label, bytes([6]) * size, 8).hex())
