"""Moves files over SFTP with paramiko: a tree there and back, then everything else that a client does. Exits 0 if all
of it was right."""

import argparse
import filecmp
import os
import stat

import paramiko


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--local", required=True, help="a folder with files, without folders in it")
    parser.add_argument("--back", required=True, help="an empty folder")
    parser.add_argument("--remote", required=True, help="an empty folder of the server")
    return parser.parse_args()


def move(sftp, options):
    for name in sorted(os.listdir(options.local)):
        sftp.put(f"{options.local}/{name}", f"{options.remote}/{name}")
        sftp.get(f"{options.remote}/{name}", f"{options.back}/{name}")
        assert filecmp.cmp(f"{options.local}/{name}", f"{options.back}/{name}", shallow=False), name
    listed = {entry.filename: entry for entry in sftp.listdir_attr(options.remote)}
    assert sorted(set(listed) - {".", ".."}) == sorted(os.listdir(options.local)), listed
    for name in os.listdir(options.local):
        assert listed[name].st_size == os.path.getsize(f"{options.local}/{name}"), name
        assert stat.S_ISREG(listed[name].st_mode), name


def change(sftp, remote):
    sftp.mkdir(f"{remote}/folder", 0o750)
    assert stat.S_IMODE(sftp.stat(f"{remote}/folder").st_mode) == 0o750
    with sftp.open(f"{remote}/folder/file", "wx") as file:
        file.write(b"0123456789")
    sftp.symlink("file", f"{remote}/folder/link")
    assert sftp.readlink(f"{remote}/folder/link") == "file"
    assert stat.S_ISLNK(sftp.lstat(f"{remote}/folder/link").st_mode)
    assert sftp.stat(f"{remote}/folder/link").st_size == 10
    sftp.chmod(f"{remote}/folder/file", 0o604)
    sftp.utime(f"{remote}/folder/file", (1_000_000_000, 1_100_000_000))
    seen = sftp.stat(f"{remote}/folder/file")
    assert (stat.S_IMODE(seen.st_mode), seen.st_atime, seen.st_mtime) == (0o604, 1_000_000_000, 1_100_000_000)
    sftp.rename(f"{remote}/folder/file", f"{remote}/folder/moved")
    with sftp.open(f"{remote}/folder/other", "w") as file:
        file.write("other")
    try:
        sftp.rename(f"{remote}/folder/other", f"{remote}/folder/moved")
        raise AssertionError("a rename replaced a file")
    except OSError:
        pass
    sftp.posix_rename(f"{remote}/folder/other", f"{remote}/folder/moved")
    # Resumed: what is there is kept and the rest goes behind it.
    with sftp.open(f"{remote}/folder/moved", "a") as file:
        file.write(" and more")
    with sftp.open(f"{remote}/folder/moved", "r+") as file:
        file.seek(3)
        assert file.read() == b"er and more"
        file.truncate(5)
        digest = file.check("sha1")
    assert digest.hex() == "d0941e68da8f38151ff86a61fc59f7c5cf9fcaa2", digest.hex()
    assert sftp.stat(f"{remote}/folder/moved").st_size == 5
    sftp.chdir(f"{remote}/folder")
    assert sftp.normalize(".") == os.path.realpath(f"{remote}/folder")
    sftp.remove("moved")
    sftp.unlink("link")
    sftp.chdir(None)
    sftp.rmdir(f"{remote}/folder")
    try:
        sftp.stat(f"{remote}/folder")
        raise AssertionError("what is gone is there")
    except FileNotFoundError:
        pass


def main():
    options = arguments()
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(
        options.host, options.port, options.user, key_filename=options.key, look_for_keys=False, allow_agent=False
    )
    with client, client.open_sftp() as sftp:
        move(sftp, options)
        change(sftp, options.remote)


main()
