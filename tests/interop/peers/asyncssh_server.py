"""An SSH server on asyncssh for the interoperability suite: logins by password, key and prompts; exec, shell, sftp.

Prints `LISTENING <port>` once it accepts connections on 127.0.0.1, then a line for each event.
"""

import argparse
import asyncio
import logging
import os
import signal

import asyncssh


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host-key", action="append", required=True)
    parser.add_argument("--user", default="test")
    parser.add_argument("--password", help="enables the method password")
    parser.add_argument("--authorized-keys", help="enables the method publickey")
    parser.add_argument("--answer", action="append", default=[], help="enables keyboard-interactive, one prompt each")
    parser.add_argument("--kex")
    parser.add_argument("--cipher")
    parser.add_argument("--mac")
    parser.add_argument("--compression")
    parser.add_argument("--rekey-bytes", type=int)
    parser.add_argument("--sftp-version", type=int, default=3, help="the highest version of SFTP, 3 to 6")
    return parser.parse_args()


OPTIONS = arguments()


class Server(asyncssh.SSHServer):
    """Who may log in, and what is forwarded."""

    def begin_auth(self, username):
        return True

    def password_auth_supported(self):
        return OPTIONS.password is not None

    def validate_password(self, username, password):
        return username == OPTIONS.user and password == OPTIONS.password

    def kbdint_auth_supported(self):
        return bool(OPTIONS.answer)

    def get_kbdint_challenge(self, username, lang, submethods):
        prompts = [(f"Question {number}: ", False) for number in range(1, len(OPTIONS.answer) + 1)]
        return "questions", "Answer them all.", "", prompts

    def validate_kbdint_response(self, username, responses):
        return username == OPTIONS.user and list(responses) == OPTIONS.answer

    def connection_requested(self, dest_host, dest_port, orig_host, orig_port):
        return True

    def server_requested(self, listen_host, listen_port):
        return True


async def copy(source, sink, write_eof=False):
    """Moves bytes until the source ends."""
    while chunk := await source.read(65536):
        sink.write(chunk)
        await sink.drain()
    if write_eof and sink.can_write_eof():
        sink.write_eof()


async def serve(process):
    """Runs the requested command, or a shell, and reports how it ended."""
    environment = {**os.environ, **{str(name): str(value) for name, value in process.env.items()}}
    command = ["/bin/sh", "-c", process.command] if process.command is not None else ["/bin/sh"]
    child = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    feeding = asyncio.create_task(copy(process.stdin, child.stdin, write_eof=True))
    try:
        await asyncio.gather(copy(child.stdout, process.stdout), copy(child.stderr, process.stderr))
        status = await child.wait()
    finally:
        feeding.cancel()
        if child.returncode is None:
            child.kill()
    if status < 0:
        process.exit_with_signal(signal.Signals(-status).name.removeprefix("SIG"), False, "")
    else:
        process.exit(status)


async def main():
    options = {
        "kex_algs": OPTIONS.kex,
        "encryption_algs": OPTIONS.cipher,
        "mac_algs": OPTIONS.mac,
        "compression_algs": OPTIONS.compression,
        "rekey_bytes": OPTIONS.rekey_bytes,
    }
    options = {name: value for name, value in options.items() if value is not None}
    for name in ("kex_algs", "encryption_algs", "mac_algs", "compression_algs"):
        if name in options:
            options[name] = options[name].split(",")
    acceptor = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Server,
        server_host_keys=OPTIONS.host_key,
        authorized_client_keys=OPTIONS.authorized_keys,
        process_factory=serve,
        sftp_factory=True,
        sftp_version=OPTIONS.sftp_version,
        allow_scp=True,
        encoding=None,
        line_editor=False,
        **options,
    )
    print(f"LISTENING {acceptor.get_port()}", flush=True)
    await acceptor.wait_closed()


asyncssh.set_log_level("INFO")
logging.basicConfig(level="INFO")
asyncio.run(main())
