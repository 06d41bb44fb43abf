#!/usr/bin/env python3
"""Writes rsa-forged.txt: RSA signatures over `message` that only a lenient reader of padding takes, and a private key
whose first factor is no prime, so that what it computes by the Chinese remainder theorem is wrong.

The signatures are made with the numbers of rsa2048.pem; `openssl` reads them.
"""

import hashlib
import math
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
MESSAGE = b"message"
LEN = 256


def numbers():
    text = subprocess.run(
        ["openssl", "rsa", "-in", HERE / "rsa2048.pem", "-noout", "-text"], capture_output=True, text=True, check=True
    ).stdout
    found, name = {}, None
    for line in text.split("\n"):
        if line.startswith("    ") and name:
            found[name] = found.get(name, "") + line.strip().replace(":", "")
        elif ":" in line:
            name = line.split(":")[0].strip()
    return {name: int(value, 16) for name, value in found.items()}


def der(tag, *contents):
    body = b"".join(contents)
    return bytes([tag, len(body)]) + body


def block(digest_info, kind=1, filler=None, tail=b""):
    if filler is None:
        filler = b"\xff" * (LEN - 3 - len(digest_info) - len(tail))
    whole = bytes([0, kind]) + filler + b"\0" + digest_info + tail
    return whole + b"\xa5" * (LEN - len(whole))


def cube_root(number):
    low, high = 0, 1 << (number.bit_length() // 3 + 2)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if middle**3 < number else (low, middle)
    return low


def main():
    key = numbers()
    n, d = key["modulus"] if "modulus" in key else key["Modulus"], key["privateExponent"]
    identifier = bytes.fromhex("0609608648016503040201")
    null, digest = b"\x05\0", der(0x04, hashlib.sha256(MESSAGE).digest())
    right = der(0x30, der(0x30, identifier, null), digest)
    sha512 = der(0x30, der(0x30, bytes.fromhex("0609608648016503040203"), null), digest)
    blocks = {
        "right": block(right),
        "without-null": block(der(0x30, der(0x30, identifier), digest)),
        "garbage-in-parameters": block(der(0x30, der(0x30, identifier, der(0x04, b"\xa5" * 20)), digest)),
        "garbage-behind": block(right, filler=b"\xff" * 8),
        "one-byte-behind": block(right, tail=b"\0"),
        "long-form-length": block(b"\x30\x81" + right[1:]),
        "other-hash-named": block(sha512),
        "no-filler": block(right, filler=b""),
        "filler-of-zeros": block(right, filler=b"\0" * (LEN - 3 - len(right))),
        "filler-with-a-hole": block(right, filler=b"\xff" * 20 + b"\xfe" + b"\xff" * (LEN - 24 - len(right))),
        "block-of-type-2": block(right, kind=2),
        "block-of-type-0": block(right, kind=0),
        "digest-only": block(hashlib.sha256(MESSAGE).digest()),
    }
    lines = [
        "# Made by forged_rsa.py: name and value.",
        "# What a reader of the padding could take for a signature of rsa2048 over `message` with rsa-sha2-256.",
    ]
    for name, content in blocks.items():
        lines.append(f"{name} {pow(int.from_bytes(content), d, n).to_bytes(LEN).hex()}")
    lines.append("# The same for any modulus of 2048 bits with the exponent 3, made without a private key.")
    wanted = bytes([0, 1]) + b"\xff" * 8 + b"\0" + right
    root = cube_root(int.from_bytes(wanted + bytes(LEN - len(wanted))))
    assert (root**3).to_bytes(LEN).startswith(wanted)
    lines.append(f"cube-root {root.to_bytes(LEN).hex()}")
    lines.append(f"cube-root-begins {wanted.hex()}")
    lines.append("# A private key whose p is no prime.")
    q, e, p = key["prime2"], 65537, key["prime1"] + 2
    while math.gcd(p - 1, e) != 1 or pow(2, p - 1, p) == 1 or (p * q).bit_length() != 2048 or math.gcd(p, q) != 1:
        p += 2
    d = pow(e, -1, math.lcm(p - 1, q - 1))
    for name, number in (("n", p * q), ("e", e), ("d", d), ("p", p), ("q", q)):
        lines.append(f"composite-{name} {number.to_bytes((number.bit_length() + 7) // 8).hex()}")
    (HERE / "rsa-forged.txt").write_text("\n".join(lines) + "\n")


main()
