#!/usr/bin/env python3
"""Writes messages.txt: one example of every message and typed body, put together here from the layouts of the RFCs.

The encoder is this file's own. A record is the name, one line for each field (`-` for an empty string), and the bytes.
Numbers are decimal, strings and mpints hexadecimal, name-lists text. `..` marks a record whose last field takes
whatever follows.
"""

import pathlib
import struct


def u8(value):
    return str(value), bytes([value])


def boolean(value):
    return ("true" if value else "false"), bytes([1 if value else 0])


def u32(value):
    return str(value), struct.pack(">I", value)


def raw(value):
    return value.hex() or "-", value


def string(value):
    value = value.encode() if isinstance(value, str) else value
    return value.hex() or "-", struct.pack(">I", len(value)) + value


def names(value):
    return value or "-", string(value)[1]


def mpint(value):
    size = 0 if value == 0 else value.bit_length() // 8 + 1
    contents = value.to_bytes(size, "big", signed=True)
    return contents.hex() or "-", string(contents)[1]


RECORDS = [
    # RFC 4253
    ("SSH_MSG_DISCONNECT", 1, [u32(2), string("Protokollfehler \u2620"), string("de")]),
    ("SSH_MSG_IGNORE", 2, [string(bytes(range(16)))]),
    ("SSH_MSG_UNIMPLEMENTED", 3, [u32(0xFFFFFFFF)]),
    ("SSH_MSG_DEBUG", 4, [boolean(True), string("text"), string("")]),
    ("SSH_MSG_SERVICE_REQUEST", 5, [string("ssh-userauth")]),
    ("SSH_MSG_SERVICE_ACCEPT", 6, [string("ssh-userauth")]),
    (
        "SSH_MSG_KEXINIT", 20,
        [raw(bytes(range(0xF0, 0x100))), names("curve25519-sha256,ext-info-c"), names("ssh-ed25519"),
         names("aes128-ctr,aes256-ctr"), names("aes128-ctr"), names("hmac-sha2-256"), names("hmac-sha2-512"),
         names("none"), names("none,zlib"), names(""), names("en,de-AT"), boolean(True), u32(0)],
    ),
    ("SSH_MSG_NEWKEYS", 21, []),
    ("SSH_MSG_KEXDH_INIT", 30, [mpint(0x80)]),
    ("SSH_MSG_KEXDH_REPLY", 31, [string("key"), mpint(0x9A378F9B2E332A7), string("signature")]),
    # RFC 4419
    ("SSH_MSG_KEX_DH_GEX_REQUEST", 34, [u32(2048), u32(3072), u32(8192)]),
    ("SSH_MSG_KEX_DH_GEX_GROUP", 31, [mpint(2**64 - 59), mpint(2)]),
    ("SSH_MSG_KEX_DH_GEX_INIT", 32, [mpint(-1234)]),
    ("SSH_MSG_KEX_DH_GEX_REPLY", 33, [string("key"), mpint(0), string("signature")]),
    # RFC 5656
    ("SSH_MSG_KEX_ECDH_INIT", 30, [string(bytes(32))]),
    ("SSH_MSG_KEX_ECDH_REPLY", 31, [string("key"), string(b"\xff" * 32), string("signature")]),
    # OpenSSH PROTOCOL
    ("SSH2_MSG_PING", 192, [string("ping")]),
    ("SSH2_MSG_PONG", 193, [string("")]),
    # RFC 4252 and RFC 4256
    ("SSH_MSG_USERAUTH_REQUEST ..", 50, [string("alice"), string("ssh-connection"), string("none"), raw(b"\1\2")]),
    ("SSH_MSG_USERAUTH_FAILURE", 51, [names("publickey,password"), boolean(True)]),
    ("SSH_MSG_USERAUTH_SUCCESS", 52, []),
    ("SSH_MSG_USERAUTH_BANNER", 53, [string("Gr\u00fc\u00df Gott\r\n"), string("de-AT")]),
    ("SSH_MSG_USERAUTH_PK_OK", 60, [string("ssh-ed25519"), string(b"\0\0\0\1x")]),
    ("SSH_MSG_USERAUTH_PASSWD_CHANGEREQ", 60, [string("It has expired"), string("en")]),
    # RFC 4254
    ("SSH_MSG_GLOBAL_REQUEST ..", 80, [string("tcpip-forward"), boolean(True), raw(b"\0\0\0\0\0\0\0\x16")]),
    ("SSH_MSG_REQUEST_SUCCESS ..", 81, [raw(struct.pack(">I", 40000))]),
    ("SSH_MSG_REQUEST_FAILURE", 82, []),
    ("SSH_MSG_CHANNEL_OPEN ..", 90, [string("session"), u32(1), u32(2**31), u32(32768), raw(b"")]),
    ("SSH_MSG_CHANNEL_OPEN_CONFIRMATION ..", 91, [u32(1), u32(2), u32(2**32 - 1), u32(1), raw(b"x")]),
    ("SSH_MSG_CHANNEL_OPEN_FAILURE", 92, [u32(1), u32(3), string("unknown"), string("")]),
    ("SSH_MSG_CHANNEL_WINDOW_ADJUST", 93, [u32(1), u32(2**32 - 1)]),
    ("SSH_MSG_CHANNEL_DATA", 94, [u32(0), string(b"\0data\xff")]),
    ("SSH_MSG_CHANNEL_EXTENDED_DATA", 95, [u32(0), u32(1), string("error\n")]),
    ("SSH_MSG_CHANNEL_EOF", 96, [u32(7)]),
    ("SSH_MSG_CHANNEL_CLOSE", 97, [u32(8)]),
    ("SSH_MSG_CHANNEL_REQUEST ..", 98, [u32(9), string("exec"), boolean(False), raw(b"\0\0\0\2ls")]),
    ("SSH_MSG_CHANNEL_SUCCESS", 99, [u32(10)]),
    ("SSH_MSG_CHANNEL_FAILURE", 100, [u32(2**31)]),
    # Fields of methods, types and requests: no number.
    ("body Password", None, [boolean(False), string("secret")]),
    ("body PasswordChange", None, [boolean(True), string("old"), string("new")]),
    ("body PublicKeyQuery", None, [boolean(False), string("ssh-ed25519"), string("blob")]),
    ("body PublicKeyProof", None, [boolean(True), string("ssh-ed25519"), string("blob"), string("signature")]),
    ("body HostBoundPublicKeyQuery", None,
     [boolean(False), string("ssh-ed25519"), string("blob"), string("host key")]),
    ("body HostBoundPublicKeyProof", None,
     [boolean(True), string("ssh-ed25519"), string("blob"), string("host key"), string("signature")]),
    ("body HostBased", None,
     [string("ssh-ed25519"), string("host key"), string("client.example.org."), string("alice"), string("signature")]),
    ("body KeyboardInteractive", None, [string(""), string("pam,otp")]),
    ("body DirectTcpip", None, [string("example.org"), u32(443), string("192.0.2.1"), u32(50000)]),
    ("body ForwardedTcpip", None, [string("::"), u32(2222), string("2001:db8::1"), u32(50000)]),
    ("body X11Open", None, [string("192.0.2.1"), u32(6010)]),
    ("body DirectStreamlocal", None, [string("/run/a socket"), string(""), u32(0)]),
    ("body ForwardedStreamlocal", None, [string("/run/a socket"), string("")]),
    ("body PtyReq", None, [string("xterm"), u32(80), u32(24), u32(640), u32(480), string(b"\x01\0\0\0\x03\0")]),
    ("body X11Req", None, [boolean(True), string("MIT-MAGIC-COOKIE-1"), string("0123456789abcdef"), u32(0)]),
    ("body Env", None, [string("LANG"), string("C")]),
    ("body Exec", None, [string("ls -l")]),
    ("body Subsystem", None, [string("sftp")]),
    ("body WindowChange", None, [u32(132), u32(43), u32(0), u32(0)]),
    ("body XonXoff", None, [boolean(True)]),
    ("body Signal", None, [string("INT")]),
    ("body Break", None, [u32(500)]),
    ("body ExitStatus", None, [u32(255)]),
    ("body ExitSignal", None, [string("SEGV"), boolean(True), string("core dumped"), string("en")]),
    ("body TcpipForward", None, [string("localhost"), u32(0)]),
    ("body CancelTcpipForward", None, [string(""), u32(22)]),
    ("body TcpipForwardReply", None, [u32(40000)]),
    ("body StreamlocalForward", None, [string("/run/a socket")]),
    ("body CancelStreamlocalForward", None, [string("/run/a socket")]),
]


def main():
    lines = ["# Written by generate.py, which says what the lines mean."]
    for name, number, fields in RECORDS:
        payload = b"" if number is None else bytes([number])
        lines += ["", name]
        for text, encoded in fields:
            lines.append(f"  {text}")
            payload += encoded
        lines.append(f"= {payload.hex()}")
    path = pathlib.Path(__file__).with_name("messages.txt")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
