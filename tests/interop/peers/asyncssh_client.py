"""Logs in with asyncssh, runs one command with the given standard input, and prints one JSON object.

Bytes are shown as the characters of the same number. Exits 0 whenever it could report, whatever it reports.
"""

import argparse
import asyncio
import json
import sys

import asyncssh

# A dead peer shall not hold a test: the client gives up by then.
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


class Client(asyncssh.SSHClient):
    """Answers the prompts of keyboard-interactive in turn."""

    def __init__(self):
        self.answers = list(OPTIONS.answer)

    def kbdint_auth_requested(self):
        return ""

    def kbdint_challenge_received(self, name, instructions, lang, prompts):
        given, self.answers = self.answers[: len(prompts)], self.answers[len(prompts) :]
        return given if len(given) == len(prompts) else None


def connection_options():
    options = {
        "username": OPTIONS.user,
        "config": None,
        "agent_path": None,
        "known_hosts": None,
        "client_keys": None,
        "preferred_auth": [OPTIONS.auth],
        "kex_algs": OPTIONS.kex and OPTIONS.kex.split(","),
        "encryption_algs": OPTIONS.cipher and OPTIONS.cipher.split(","),
        "mac_algs": OPTIONS.mac and OPTIONS.mac.split(","),
        "compression_algs": OPTIONS.compression and OPTIONS.compression.split(","),
        "rekey_bytes": OPTIONS.rekey_bytes,
    }
    options = {
        name: value
        for name, value in options.items()
        if value is not None or name in ("config", "agent_path", "known_hosts", "client_keys")
    }
    if OPTIONS.auth == "password":
        options["password"] = OPTIONS.password
    if OPTIONS.auth == "publickey":
        options["client_keys"] = [asyncssh.read_private_key(OPTIONS.key, OPTIONS.passphrase)]
    if OPTIONS.host_key:
        line = f"[{OPTIONS.host}]:{OPTIONS.port} {OPTIONS.host_key}\n"
        options["known_hosts"] = asyncssh.import_known_hosts(line)
        options["server_host_key_algs"] = "default"
    return options


async def main():
    text = sys.stdin.buffer.read()
    environment = dict(pair.split("=", 1) for pair in OPTIONS.env)
    async with asyncssh.connect(
        OPTIONS.host, OPTIONS.port, client_factory=Client, **connection_options()
    ) as connection:
        REPORT["authenticated"] = True
        REPORT["cipher"] = connection.get_extra_info("send_cipher")
        REPORT["server_version"] = connection.get_extra_info("server_version")
        # An empty input given as such would leave standard input open.
        source = {"input": text} if text else {"stdin": asyncssh.DEVNULL}
        result = await connection.run(OPTIONS.command, env=environment, encoding=None, **source)
        REPORT["stdout"] = result.stdout.decode("latin-1")
        REPORT["stderr"] = result.stderr.decode("latin-1")
        if result.exit_signal is not None:
            REPORT["exit_signal"] = result.exit_signal[0]
        else:
            REPORT["exit_status"] = result.exit_status


try:
    asyncio.run(asyncio.wait_for(main(), PATIENCE))
except (OSError, asyncssh.Error, ValueError, TimeoutError, asyncio.TimeoutError) as error:
    REPORT["error"] = f"{type(error).__name__}: {error}"
print(json.dumps(REPORT))
