"""Moves files over SFTP with asyncssh: a tree there and back, then everything else that a client does. Exits 0 if all
of it was right."""

import argparse
import asyncio
import filecmp
import os
import stat

import asyncssh


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


async def move(sftp, options):
    await sftp.put(options.local, f"{options.remote}/tree", recurse=True, preserve=True)
    await sftp.get(f"{options.remote}/tree", f"{options.back}/tree", recurse=True, preserve=True)
    names = sorted(os.listdir(options.local))
    assert sorted(os.listdir(f"{options.back}/tree")) == names
    for name in names:
        assert filecmp.cmp(f"{options.local}/{name}", f"{options.back}/tree/{name}", shallow=False), name
        seen = await sftp.stat(f"{options.remote}/tree/{name}")
        assert (seen.size, seen.mtime) == (
            os.path.getsize(f"{options.local}/{name}"),
            int(os.path.getmtime(f"{options.local}/{name}")),
        ), name
    assert sorted(set(await sftp.listdir(f"{options.remote}/tree")) - {".", ".."}) == names
    await sftp.rmtree(f"{options.remote}/tree")
    assert not await sftp.exists(f"{options.remote}/tree")


async def change(sftp, remote):
    await sftp.makedirs(f"{remote}/a/b/c")
    async with sftp.open(f"{remote}/a/file", "xb") as file:
        await file.write(b"0123456789")
        await file.fsync()
        assert (await file.statvfs()).bsize > 0
        await file.utime(times=(1_000_000_000, 1_100_000_000))
    await sftp.symlink("file", f"{remote}/a/link")
    assert await sftp.readlink(f"{remote}/a/link") == "file"
    assert await sftp.islink(f"{remote}/a/link")
    await sftp.link(f"{remote}/a/file", f"{remote}/a/hard")
    await sftp.chmod(f"{remote}/a/file", 0o604)
    seen = await sftp.stat(f"{remote}/a/hard")
    assert (stat.S_IMODE(seen.permissions), seen.mtime) == (0o604, 1_100_000_000)
    await sftp.utime(f"{remote}/a/link", (5, 6), follow_symlinks=False)
    assert (await sftp.lstat(f"{remote}/a/link")).mtime == 6
    try:
        await sftp.rename(f"{remote}/a/file", f"{remote}/a/hard")
        raise AssertionError("a rename replaced a file")
    except asyncssh.SFTPError:
        pass
    async with sftp.open(f"{remote}/a/other", "w") as file:
        await file.write("other")
    await sftp.posix_rename(f"{remote}/a/other", f"{remote}/a/file")
    async with sftp.open(f"{remote}/a/file", "a") as file:
        await file.write(" and more")
    async with sftp.open(f"{remote}/a/file", "r+") as file:
        await file.seek(3)
        assert await file.read() == "er and more"
        await file.truncate(5)
    assert await sftp.getsize(f"{remote}/a/file") == 5
    await sftp.remote_copy(f"{remote}/a/file", f"{remote}/a/copy")
    async with sftp.open(f"{remote}/a/copy") as file:
        assert await file.read() == "other"
    assert await sftp.realpath(f"{remote}/a/b/..") == os.path.realpath(f"{remote}/a")
    assert (await sftp.statvfs(remote)).namemax == 255
    assert sftp.supports_remote_copy
    await sftp.rmtree(f"{remote}/a")


async def main():
    options = arguments()
    async with asyncssh.connect(
        options.host,
        options.port,
        username=options.user,
        client_keys=[options.key],
        known_hosts=None,
        config=None,
        agent_path=None,
    ) as connection:
        async with connection.start_sftp_client() as sftp:
            await move(sftp, options)
            await change(sftp, options.remote)


asyncio.run(main())
