"""The files of this machine, for an SFTP server on paramiko."""

import os

import paramiko
from paramiko import SFTPAttributes, SFTPHandle, SFTPServer, SFTPServerInterface


def status(function, *arguments):
    """What a call of the operating system comes to, as a status."""
    try:
        function(*arguments)
    except OSError as error:
        return SFTPServer.convert_errno(error.errno)
    return paramiko.SFTP_OK


def set_attributes(path, attributes):
    """paramiko's own way empties a file before it sets its size."""
    if attributes.st_size is not None:
        os.truncate(path, attributes.st_size)
    if attributes.st_mode is not None:
        os.chmod(path, attributes.st_mode)
    if attributes.st_mtime is not None:
        os.utime(path, (attributes.st_atime, attributes.st_mtime))


class OpenFile(SFTPHandle):
    """A file that is open."""

    def stat(self):
        return SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))

    def chattr(self, attr):
        return status(set_attributes, self.filename, attr)


class Files(SFTPServerInterface):
    """All that the user may see."""

    def list_folder(self, path):
        try:
            return [
                SFTPAttributes.from_stat(os.lstat(os.path.join(path, name)), name) for name in os.listdir(path)
            ]
        except OSError as error:
            return SFTPServer.convert_errno(error.errno)

    def stat(self, path):
        try:
            return SFTPAttributes.from_stat(os.stat(path))
        except OSError as error:
            return SFTPServer.convert_errno(error.errno)

    def lstat(self, path):
        try:
            return SFTPAttributes.from_stat(os.lstat(path))
        except OSError as error:
            return SFTPServer.convert_errno(error.errno)

    def open(self, path, flags, attr):
        mode = attr.st_mode if attr.st_mode is not None else 0o666
        try:
            descriptor = os.open(path, flags, mode)
        except OSError as error:
            return SFTPServer.convert_errno(error.errno)
        if flags & os.O_APPEND:
            kind = "ab" if flags & os.O_WRONLY else "a+b"
        else:
            kind = {os.O_RDONLY: "rb", os.O_WRONLY: "wb", os.O_RDWR: "r+b"}[flags & os.O_ACCMODE]
        opened = OpenFile(flags)
        opened.filename = path
        opened.readfile = opened.writefile = os.fdopen(descriptor, kind)
        return opened

    def remove(self, path):
        return status(os.remove, path)

    def rename(self, oldpath, newpath):
        if os.path.lexists(newpath):
            return paramiko.SFTP_FAILURE
        return status(os.rename, oldpath, newpath)

    def posix_rename(self, oldpath, newpath):
        return status(os.replace, oldpath, newpath)

    def mkdir(self, path, attr):
        return status(os.mkdir, path, attr.st_mode if attr.st_mode is not None else 0o777)

    def rmdir(self, path):
        return status(os.rmdir, path)

    def chattr(self, path, attr):
        return status(set_attributes, path, attr)

    def canonicalize(self, path):
        return os.path.realpath(path)

    def symlink(self, target_path, path):
        return status(os.symlink, target_path, path)

    def readlink(self, path):
        try:
            return os.readlink(path)
        except OSError as error:
            return SFTPServer.convert_errno(error.errno)
