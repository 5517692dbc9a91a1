"""A program of its own that reads, copies and links files for the daemon.

Tiny system calls in threads of one Python process wait for each other; in processes they do not.
It imports next to nothing, so that it starts in a few milliseconds, and nothing of this project.

Requests and answers are a length (4 bytes, little endian) and as many bytes of ``marshal``:

- ``("read", root, [path, ...])``: ``[digest, size, mtime, ctime, inode, ...]``, five values a
  path, the digest a SHA-256 (bytes), or None where the file could not be read.
- ``("copy", root, [(directory, [file, ...]), ...])``: ``(bytes copied, [number, ...])``, where
  the numbers (counting all files) are of those that were left alone: whoever asked does these
  itself, and finds out what is wrong with them. A file is ``(source, name, mode, uid, gid,
  mtime, signature or None, path to link to or None)``.

It ends when its input does, or when nobody asked anything for a while.
"""

import marshal
import os
import select
import struct
import sys
from hashlib import sha256
from typing import Any

_IDLE_SECONDS = 20.0
_PIECE = 1 << 18
_SMALL = 128 << 10
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def read_all(root: str, paths: "list[str]") -> "list[Any]":
    """See above, ``read``."""
    answer: list[Any] = []
    for path in paths:
        try:
            fd = os.open(f"{root}/{path}", _READ)
        except OSError:
            answer += (None, 0, 0, 0, 0)
            continue
        try:
            data = os.read(fd, _PIECE)
            hasher = sha256(data)
            if len(data) == _PIECE:
                while data := os.read(fd, _PIECE):
                    hasher.update(data)
            status = os.fstat(fd)
            answer += (
                hasher.digest(),
                status.st_size,
                status.st_mtime_ns,
                status.st_ctime_ns,
                status.st_ino,
            )
        except OSError:
            answer += (None, 0, 0, 0, 0)
        finally:
            os.close(fd)
    return answer


def copy_all(root: str, directories: "list[Any]") -> "tuple[int, list[int]]":
    """See above, ``copy``."""
    copied = number = 0
    left: list[int] = []
    for directory, files in directories:
        try:
            into = os.open(directory, _DIRECTORY)
        except OSError:
            left += range(number, number + len(files))
            number += len(files)
            continue
        # Where the group is the directory's, files do not begin with ours.
        begins = (os.geteuid(), os.getegid())
        if os.fstat(into).st_mode & 0o2000:
            begins = (-1, -1)
        for file in files:
            try:
                size = _one(root, into, file, begins)
            except OSError:
                size = -1
            if size < 0:
                left.append(number)
            else:
                copied += size
            number += 1
        os.close(into)
    return copied, left


def _one(root: str, into: int, file: "Any", begins: "tuple[int, int]") -> int:
    source, name, mode, uid, gid, mtime, signature, earlier = file
    if earlier is not None:
        try:
            os.link(earlier, name, dst_dir_fd=into, follow_symlinks=False)
            return 0
        except FileExistsError:
            return -1
        except OSError:
            # Gone, or with too many names already: copied.
            pass
    reading = os.open(f"{root}/{source}", _READ)
    try:
        # What others may not see must not be open to them for a moment.
        writing = os.open(name, _CREATE, mode & 0o700, dir_fd=into)
        try:
            size = _contents(reading, writing)
            if signature is not None:
                status = os.fstat(reading)
                found = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
                if found != signature:
                    os.unlink(name, dir_fd=into)
                    return -1
            if begins != (uid, gid):
                os.fchown(writing, uid, gid)
            if mode != mode & 0o700:
                os.fchmod(writing, mode)
            attributes = os.listxattr(reading)
            if attributes:
                # Which of them count is not decided here.
                os.unlink(name, dir_fd=into)
                return -1
            os.utime(writing, ns=(mtime, mtime))
        except OSError:
            os.unlink(name, dir_fd=into)
            raise
        finally:
            os.close(writing)
    finally:
        os.close(reading)
    return size


def _contents(reading: int, writing: int) -> int:
    data = os.read(reading, _SMALL)
    done = len(data)
    while data:
        rest = data
        while rest:
            rest = rest[os.write(writing, rest) :]
        if done < _SMALL:
            break
        # The kernel copies what is long, where it can.
        try:
            while piece := os.copy_file_range(reading, writing, 1 << 30):
                done += piece
        except OSError:
            pass
        data = os.read(reading, 1 << 20)
        done += len(data)
    return done


def serve(requests: int, answers: int) -> None:
    """Answer until nobody asks any more."""
    os.umask(0)
    waiting = select.poll()
    waiting.register(requests, select.POLLIN)
    while waiting.poll(_IDLE_SECONDS * 1000):
        head = _take(requests, 4)
        if len(head) < 4:
            return
        body = _take(requests, struct.unpack("<I", head)[0])
        kind, root, rest = marshal.loads(body)
        answer = marshal.dumps(read_all(root, rest) if kind == "read" else copy_all(root, rest))
        out = memoryview(struct.pack("<I", len(answer)) + answer)
        while out:
            out = out[os.write(answers, out) :]


def _take(fd: int, size: int) -> bytes:
    parts = []
    while size > 0:
        part = os.read(fd, min(size, 1 << 20))
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


if __name__ == "__main__":
    serve(sys.stdin.fileno(), sys.stdout.fileno())
