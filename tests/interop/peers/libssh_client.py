"""Logs in with libssh (through its Python binding), runs one command or moves one file, and prints one JSON object.

Bytes are shown as the characters of the same number. Exits 0 whenever it could report, whatever it reports. The
binding gives a command no standard input.
"""

import argparse
import json
import os
import pathlib
import tempfile

from pylibsshext import __libssh_version__
from pylibsshext.errors import LibsshException
from pylibsshext.session import Session

# A dead peer shall not hold a test: every wait of the client ends by then.
PATIENCE = 100


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--auth", choices=["password", "publickey", "keyboard-interactive"], default="password")
    parser.add_argument("--password")
    parser.add_argument("--key")
    parser.add_argument("--answer", action="append", default=[], help="for keyboard-interactive: one password")
    parser.add_argument("--host-key", required=True, help="type and base64 of the only host key to accept")
    parser.add_argument("--command", required=True)
    parser.add_argument("--kex")
    parser.add_argument("--over", choices=["sftp", "scp"], help="move a file before the command is run")
    parser.add_argument("--put", nargs=2, action="append", default=[], metavar=("LOCAL", "REMOTE"))
    parser.add_argument("--get", nargs=2, action="append", default=[], metavar=("REMOTE", "LOCAL"))
    return parser.parse_args()


OPTIONS = arguments()
REPORT = {
    "authenticated": False, "stdout": "", "stderr": "", "exit_status": None, "exit_signal": None,
    "error": None, "cipher": None, "server_version": None,
}  # fmt: skip


def credentials():
    if OPTIONS.auth == "publickey":
        return {"private_key": pathlib.Path(OPTIONS.key).read_bytes()}
    if OPTIONS.auth == "keyboard-interactive":
        return {"password": OPTIONS.answer[0], "password_prompt": ""}
    return {"password": OPTIONS.password}


def move(session):
    over = session.sftp() if OPTIONS.over == "sftp" else session.scp()
    for local, remote in OPTIONS.put:
        over.put(local, remote)
    for remote, local in OPTIONS.get:
        over.get(remote, local)
    if OPTIONS.over == "sftp":
        over.close()


def main(folder):
    known_hosts = os.path.join(folder, "known_hosts")
    pathlib.Path(known_hosts).write_text(f"[{OPTIONS.host}]:{OPTIONS.port} {OPTIONS.host_key}\n")
    session = Session()
    session.set_ssh_options("ssh_dir", folder)
    session.set_ssh_options("knownhosts", known_hosts)
    if OPTIONS.kex:
        session.set_ssh_options("key_exchange_algorithms", OPTIONS.kex)
    try:
        session.connect(
            host=OPTIONS.host, port=OPTIONS.port, user=OPTIONS.user, timeout=PATIENCE,
            look_for_keys=False, host_key_checking=True, **credentials(),
        )  # fmt: skip
        REPORT["authenticated"] = True
        REPORT["server_version"] = __libssh_version__
        if OPTIONS.over:
            move(session)
        channel = session.new_channel()
        done = channel.exec_command(OPTIONS.command)
        channel.close()
        REPORT["stdout"] = done.stdout.decode("latin-1")
        REPORT["stderr"] = done.stderr.decode("latin-1")
        REPORT["exit_status"] = done.returncode
    finally:
        session.close()


with tempfile.TemporaryDirectory() as folder:
    try:
        main(folder)
    except (OSError, LibsshException, ValueError) as error:
        REPORT["error"] = f"{type(error).__name__}: {error}"
print(json.dumps(REPORT))
