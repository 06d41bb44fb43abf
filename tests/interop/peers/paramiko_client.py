"""Logs in with paramiko, runs one command with the given standard input, and prints one JSON object.

Bytes are shown as the characters of the same number. Exits 0 whenever it could report, whatever it reports.
"""

import argparse
import json
import socket
import sys
import threading

import paramiko
from paramiko.common import MSG_CHANNEL_REQUEST

# A dead peer shall not hold a test: every wait of the client ends by then.
PATIENCE = 100


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--auth", choices=["none", "password", "publickey", "keyboard-interactive"], default="none")
    parser.add_argument("--password")
    parser.add_argument("--key")
    parser.add_argument("--passphrase")
    parser.add_argument("--answer", action="append", default=[])
    parser.add_argument("--host-key", help="type and base64 of the only host key to accept; without it, any")
    parser.add_argument("--command", required=True)
    parser.add_argument("--env", action="append", default=[], help="NAME=value")
    parser.add_argument("--kex")
    parser.add_argument("--cipher")
    parser.add_argument("--mac")
    parser.add_argument("--compression")
    parser.add_argument("--rekey-bytes", type=int)
    return parser.parse_args()


OPTIONS = arguments()
REPORT = {
    "authenticated": False, "stdout": "", "stderr": "", "exit_status": None, "exit_signal": None,
    "error": None, "cipher": None, "server_version": None,
}  # fmt: skip


def configure(transport):
    transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = PATIENCE
    security = transport.get_security_options()
    if OPTIONS.kex:
        security.kex = OPTIONS.kex.split(",")
    if OPTIONS.cipher:
        security.ciphers = OPTIONS.cipher.split(",")
    if OPTIONS.mac:
        security.digests = OPTIONS.mac.split(",")
    if OPTIONS.compression:
        security.compression = OPTIONS.compression.split(",")
    if OPTIONS.host_key:
        kind = OPTIONS.host_key.split()[0]
        security.key_types = ["rsa-sha2-512", "rsa-sha2-256"] if kind == "ssh-rsa" else [kind]
    if OPTIONS.rekey_bytes:
        transport.packetizer.REKEY_BYTES = OPTIONS.rekey_bytes


def log_in(transport):
    if OPTIONS.auth == "password":
        transport.auth_password(OPTIONS.user, OPTIONS.password, fallback=False)
    elif OPTIONS.auth == "publickey":
        passphrase = OPTIONS.passphrase.encode() if OPTIONS.passphrase else None
        transport.auth_publickey(OPTIONS.user, paramiko.PKey.from_path(OPTIONS.key, passphrase))
    elif OPTIONS.auth == "keyboard-interactive":
        answers = list(OPTIONS.answer)
        transport.auth_interactive(OPTIONS.user, lambda title, text, prompts: [answers.pop(0) for _ in prompts])
    else:
        transport.auth_none(OPTIONS.user)


def feed(channel, text):
    try:
        channel.sendall(text)
        channel.shutdown_write()
    except OSError:
        # The command reads no more.
        pass


def run(transport):
    channel = transport.open_session(timeout=PATIENCE)
    channel.settimeout(PATIENCE)
    signals = []
    observe_exit_signal(channel, signals)
    for pair in OPTIONS.env:
        channel.set_environment_variable(*pair.split("=", 1))
    channel.exec_command(OPTIONS.command)
    threading.Thread(target=feed, args=(channel, sys.stdin.buffer.read()), daemon=True).start()
    errors = []
    reading = threading.Thread(target=lambda: errors.append(channel.makefile_stderr("rb").read()), daemon=True)
    reading.start()
    REPORT["stdout"] = channel.makefile("rb").read().decode("latin-1")
    reading.join(PATIENCE)
    REPORT["stderr"] = b"".join(errors).decode("latin-1")
    status = channel.recv_exit_status()
    if signals:
        REPORT["exit_signal"] = signals[0]
    elif status >= 0:
        REPORT["exit_status"] = status


def observe_exit_signal(channel, signals):
    """paramiko itself drops exit-signal; RFC 4254 section 6.10 lays it out."""
    handlers = paramiko.Transport._channel_handler_table
    handle = handlers[MSG_CHANNEL_REQUEST]

    def observe(receiver, message):
        position = message.packet.tell()
        if message.get_text() == "exit-signal":
            message.get_boolean()
            signals.append(message.get_text())
        message.packet.seek(position)
        return handle(receiver, message)

    channel.transport._channel_handler_table = {**handlers, MSG_CHANNEL_REQUEST: observe}


def main():
    with socket.create_connection((OPTIONS.host, OPTIONS.port), PATIENCE) as connection:
        transport = paramiko.Transport(connection)
        try:
            configure(transport)
            transport.start_client(timeout=PATIENCE)
            key = transport.get_remote_server_key()
            if OPTIONS.host_key and f"{key.get_name()} {key.get_base64()}" != OPTIONS.host_key:
                raise paramiko.SSHException("another host key")
            REPORT["server_version"] = transport.remote_version
            REPORT["cipher"] = transport.local_cipher
            log_in(transport)
            REPORT["authenticated"] = transport.is_authenticated()
            run(transport)
        finally:
            transport.close()


try:
    main()
except (OSError, EOFError, paramiko.SSHException, ValueError, IndexError) as error:
    REPORT["error"] = f"{type(error).__name__}: {error}"
print(json.dumps(REPORT))
