"""An SSH server on paramiko for the interoperability suite: logins by password, key and prompts; exec, shell, sftp.

Prints `LISTENING <port>` once it accepts connections on 127.0.0.1, then a line for each event.
"""

import argparse
import logging
import os
import signal
import socket
import subprocess
import threading

import paramiko
from paramiko_files import Files
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
    cMSG_CHANNEL_REQUEST,
)


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
    return parser.parse_args()


OPTIONS = arguments()


def authorized_keys():
    with open(OPTIONS.authorized_keys, encoding="utf-8") as lines:
        return [tuple(line.split()[:2]) for line in lines if line.strip() and not line.startswith("#")]


class Server(paramiko.ServerInterface):
    """One connection: who may log in, and what is run."""

    def __init__(self):
        self.environment = {}

    def get_allowed_auths(self, username):
        methods = []
        if OPTIONS.authorized_keys:
            methods.append("publickey")
        if OPTIONS.password is not None:
            methods.append("password")
        if OPTIONS.answer:
            methods.append("keyboard-interactive")
        return ",".join(methods)

    def check_auth_password(self, username, password):
        right = OPTIONS.password is not None and (username, password) == (OPTIONS.user, OPTIONS.password)
        return AUTH_SUCCESSFUL if right else AUTH_FAILED

    def check_auth_publickey(self, username, key):
        right = (
            OPTIONS.authorized_keys
            and username == OPTIONS.user
            and (key.get_name(), key.get_base64()) in authorized_keys()
        )
        return AUTH_SUCCESSFUL if right else AUTH_FAILED

    def check_auth_interactive(self, username, submethods):
        if not OPTIONS.answer or username != OPTIONS.user:
            return AUTH_FAILED
        prompts = [(f"Question {number}: ", False) for number in range(1, len(OPTIONS.answer) + 1)]
        return paramiko.InteractiveQuery("questions", "Answer them all.", *prompts)

    def check_auth_interactive_response(self, responses):
        return AUTH_SUCCESSFUL if list(responses) == OPTIONS.answer else AUTH_FAILED

    def check_channel_request(self, kind, chanid):
        return OPEN_SUCCEEDED if kind == "session" else OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_env_request(self, channel, name, value):
        self.environment[name] = value
        return True

    def check_channel_exec_request(self, channel, command):
        threading.Thread(target=self.serve, args=(channel, [b"/bin/sh", b"-c", command]), daemon=True).start()
        return True

    def check_channel_shell_request(self, channel):
        threading.Thread(target=self.serve, args=(channel, [b"/bin/sh"]), daemon=True).start()
        return True

    def serve(self, channel, command):
        """Runs a command between the two ends of the channel and reports how it ended."""
        environment = {**os.environb, **self.environment}
        with subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as child:
            # Not joined: it may wait for input that the command no longer wants, until the channel is closed.
            threading.Thread(target=feed, args=(channel, child.stdin), daemon=True).start()
            errors = threading.Thread(target=drain, args=(child.stderr, channel.sendall_stderr), daemon=True)
            errors.start()
            drain(child.stdout, channel.sendall)
            errors.join()
            status = child.wait()
        if status < 0:
            send_exit_signal(channel, signal.Signals(-status).name.removeprefix("SIG"))
        else:
            channel.send_exit_status(status)
        channel.close()


def feed(channel, sink):
    try:
        while chunk := channel.recv(32768):
            sink.write(chunk)
            sink.flush()
        sink.close()
    except (OSError, ValueError):
        # The command reads no more.
        pass


def drain(source, send):
    try:
        while chunk := source.read1(32768):
            send(chunk)
    except OSError:
        # The channel takes no more.
        pass


def send_exit_signal(channel, name):
    """paramiko itself only knows exit-status; RFC 4254 section 6.10 lays the other one out."""
    message = paramiko.Message()
    message.add_byte(cMSG_CHANNEL_REQUEST)
    message.add_int(channel.remote_chanid)
    message.add_string("exit-signal")
    message.add_boolean(False)
    message.add_string(name)
    message.add_boolean(False)
    message.add_string("")
    message.add_string("")
    channel.transport._send_user_message(message)


def host_key(path):
    return paramiko.PKey.from_path(path)


def converse(connection, keys):
    transport = paramiko.Transport(connection)
    try:
        if OPTIONS.rekey_bytes:
            transport.packetizer.REKEY_BYTES = OPTIONS.rekey_bytes
        security = transport.get_security_options()
        if OPTIONS.kex:
            security.kex = OPTIONS.kex.split(",")
        if OPTIONS.cipher:
            security.ciphers = OPTIONS.cipher.split(",")
        if OPTIONS.mac:
            security.digests = OPTIONS.mac.split(",")
        if OPTIONS.compression:
            security.compression = OPTIONS.compression.split(",")
        for key in keys:
            transport.add_server_key(key)
        transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Files)
        transport.start_server(server=Server())
        transport.join()
    except (paramiko.SSHException, EOFError, OSError) as error:
        print(f"connection ended: {error}", flush=True)
    finally:
        transport.close()


def main():
    keys = [host_key(path) for path in OPTIONS.host_key]
    # Without a file of groups it does no group exchange.
    paramiko.Transport.load_server_moduli()
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        print(f"LISTENING {listener.getsockname()[1]}", flush=True)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=converse, args=(connection, keys), daemon=True).start()


logging.basicConfig(level=logging.INFO)
main()
