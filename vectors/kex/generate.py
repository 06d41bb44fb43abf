#!/usr/bin/env python3
"""Writes agreements.txt: key agreements computed without konko.

Diffie-Hellman is CPython's integers over the prime formulas of RFC 2409 and RFC 3526; the curves are OpenSSL through
the `cryptography` package. Each line: method, case, the client's random bytes, the server's random bytes, SHA-256 of
the client's value, of the server's value and of the secret as it is hashed (RFC 4251 section 5, mpint), and the first
eight bytes of that secret. The case says how many zero bytes the fixed-length secret begins with and whether the
first other byte has its high bit set. The method is known by its group or curve: the random bytes are the private key.
"""
import hashlib, itertools
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

def pi_bits(n):
    one = 1 << (n + 64)
    def arctan_inverse(x):
        term = one // x
        total, k, sign = term, 1, -1
        while term:
            term //= x * x
            total += sign * (term // (2 * k + 1))
            sign, k = -sign, k + 1
        return total
    return (4 * (4 * arctan_inverse(5) - arctan_inverse(239))) >> 64

def prime(n, c):
    return 2**n - 2**(n - 64) - 1 + 2**64 * (pi_bits(n - 130) + c)

def mpint(number):
    body = number.to_bytes(number.bit_length() // 8 + 1, "big") if number else b""
    return len(body).to_bytes(4, "big") + body

def seed(*labels):
    return hashlib.shake_256(" ".join(map(str, labels)).encode())

def case_of(secret):
    rest = secret.lstrip(b"\0")
    return f"zeros={len(secret) - len(rest)},high={rest[0] >> 7}"

def digest(data):
    return hashlib.sha256(data).hexdigest()

def emit(name, wanted, draws):
    wanted = set(wanted)
    for client, server, client_value, server_value, secret in draws:
        case = case_of(secret)
        if case in wanted:
            wanted.remove(case)
            encoded = mpint(int.from_bytes(secret, "big"))
            print(name, case, client.hex(), server.hex(), digest(client_value()), digest(server_value()),
                  digest(encoded), encoded[:8].hex(), flush=True)
        if not wanted:
            return

def group(name, n, c):
    p = prime(n, c)
    x = bytearray(seed(name, "client").digest(64)); x[0] |= 0x80
    y = bytearray(seed(name, "server").digest(64)); y[0] |= 0x80
    y = int.from_bytes(y, "big")
    e = pow(2, int.from_bytes(x, "big"), p)
    secret = pow(e, y, p)
    minimal = lambda number: number.to_bytes((number.bit_length() + 7) // 8, "big")
    while True:
        f = lambda y=y: minimal(pow(2, y, p))
        yield bytes(x), y.to_bytes(64, "big"), lambda: minimal(e), f, secret.to_bytes(n // 8, "big")
        y, secret = y + 1, secret * e % p

def curve(name, kind):
    size = (kind.key_size + 7) // 8
    order = {256: 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551}.get(kind.key_size, 1 << kind.key_size - 1)
    def key(*labels):
        number = int.from_bytes(seed(name, *labels).digest(size + 8), "big") % (order - 1) + 1
        return number.to_bytes(size, "big"), ec.derive_private_key(number, kind)
    point = lambda k: k.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    client, a = key("client")
    for count in itertools.count():
        server, b = key("server", count)
        yield client, server, lambda: point(a), lambda b=b: point(b), a.exchange(ec.ECDH(), b.public_key())

def montgomery(name):
    raw = lambda k: k.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    client = seed(name, "client").digest(32)
    a = x25519.X25519PrivateKey.from_private_bytes(client)
    for count in itertools.count():
        server = seed(name, "server", count).digest(32)
        b = x25519.X25519PrivateKey.from_private_bytes(server)
        yield client, server, lambda: raw(a), lambda b=b: raw(b), a.exchange(b.public_key())

CASES = ["zeros=0,high=0", "zeros=0,high=1", "zeros=1,high=0", "zeros=1,high=1", "zeros=2,high=0", "zeros=2,high=1"]
emit("curve25519-sha256", CASES, montgomery("x25519"))
emit("ecdh-sha2-nistp256", CASES, curve("p256", ec.SECP256R1()))
emit("ecdh-sha2-nistp384", CASES[:4], curve("p384", ec.SECP384R1()))
# The x coordinate on P-521 has 521 bits in 66 bytes: the first byte is 0 or 1.
emit("ecdh-sha2-nistp521", [CASES[0], *CASES[2:]], curve("p521", ec.SECP521R1()))
emit("diffie-hellman-group1-sha1", CASES, group("group1", 1024, 129093))
emit("diffie-hellman-group14-sha256", CASES, group("group14", 2048, 124476))
emit("diffie-hellman-group16-sha512", CASES, group("group16", 4096, 240904))
emit("diffie-hellman-group18-sha512", CASES, group("group18", 8192, 4743158))
