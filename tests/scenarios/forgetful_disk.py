"""A disk in memory that forgets, when its power is cut, all that was not synced: `forgetful_disk.py MOUNTPOINT RESCUE`.

A file's bytes are kept as of its last fsync, a folder's names as of its last fsync. Writing to `.power` is the switch:
`keep` makes everything durable as it is, `cut` writes what is durable to the folder RESCUE and lets nothing through any
more. The first line on standard output tells that it is mounted.
"""

import errno
import os
import stat
import sys
import threading
from pathlib import Path
from typing import Any

os.environ.setdefault("FUSE_LIBRARY_NAME", "fuse3")

from mfusepy import FUSE, FuseOSError, Operations

SWITCH = "/.power"


class Node:
    """A file or folder, as it is and as it would be after a power cut."""

    def __init__(self, mode: int) -> None:
        self.mode = mode
        self.content, self.kept_content = bytearray(), b""
        self.names: dict[str, Node] = {}
        self.kept_names: dict[str, Node] = {}

    def keep(self) -> None:
        self.kept_content, self.kept_names = bytes(self.content), dict(self.names)

    def rescue(self, to: Path) -> None:
        if stat.S_ISDIR(self.mode):
            to.mkdir(mode=0o700, exist_ok=True)
            for name, node in self.kept_names.items():
                node.rescue(to / name)
        else:
            to.write_bytes(self.kept_content)
            to.chmod(stat.S_IMODE(self.mode))


class Disk(Operations):
    """The file system's calls."""

    use_ns = True

    def __init__(self, rescue: Path) -> None:
        self._root = Node(stat.S_IFDIR | 0o700)
        self._rescue = rescue
        self._is_off = False
        self.syncs = 0

    def _node(self, path: str) -> Node:
        if self._is_off:
            raise FuseOSError(errno.EIO)
        node = self._root
        for name in filter(None, path.split("/")):
            if name not in node.names:
                raise FuseOSError(errno.ENOENT)
            node = node.names[name]
        return node

    def _place(self, path: str) -> tuple[dict[str, Node], str]:
        folder, _, name = path.rpartition("/")
        return self._node(folder).names, name

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        if path == SWITCH:
            return {"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1, "st_size": 0}
        node = self._node(path)
        return {
            "st_mode": node.mode,
            "st_nlink": 1,
            "st_size": len(node.content),
            "st_uid": os.getuid(),
            "st_blocks": (len(node.content) + 511) // 512,
        }

    def readdir(self, path: str, fh: int) -> list[str]:
        return [".", "..", *self._node(path).names]

    def statfs(self, path: str) -> dict[str, int]:
        return {"f_bsize": 4096, "f_frsize": 4096, "f_blocks": 2**20, "f_bfree": 2**19, "f_bavail": 2**19}

    def _make(self, path: str, mode: int) -> int:
        names, name = self._place(path)
        names[name] = Node(mode)
        return 0

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        return self._make(path, stat.S_IFREG | stat.S_IMODE(mode))

    def mkdir(self, path: str, mode: int) -> int:
        return self._make(path, stat.S_IFDIR | stat.S_IMODE(mode))

    def open(self, path: str, flags: int) -> int:
        if path != SWITCH:
            self._node(path)
        return 0

    def chmod(self, path: str, mode: int) -> int:
        node = self._node(path)
        node.mode = stat.S_IFMT(node.mode) | stat.S_IMODE(mode)
        return 0

    def utimens(self, path: str, times: Any = None) -> int:
        return 0

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return bytes(self._node(path).content[offset : offset + size])

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        if path == SWITCH:
            self._switch(data.strip())
            return len(data)
        content = self._node(path).content
        if len(content) < offset:
            content.extend(bytes(offset - len(content)))
        content[offset : offset + len(data)] = data
        return len(data)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        if path == SWITCH:
            return 0
        content = self._node(path).content
        del content[length:]
        content.extend(bytes(length - len(content)))
        return 0

    def fallocate(self, path: str, mode: int, offset: int, size: int, fh: int) -> int:
        content = self._node(path).content
        content.extend(bytes(max(0, offset + size - len(content))))
        return 0

    def unlink(self, path: str) -> int:
        names, name = self._place(path)
        if names.pop(name, None) is None:
            raise FuseOSError(errno.ENOENT)
        return 0

    rmdir = unlink

    def rename(self, old: str, new: str) -> int:
        (names, name), (others, other) = self._place(old), self._place(new)
        others[other] = names.pop(name)
        return 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        node = self._node(path)
        node.kept_content = bytes(node.content)
        self.syncs += 1
        return 0

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
        node = self._node(path)
        node.kept_names = dict(node.names)
        self.syncs += 1
        return 0

    def _switch(self, word: bytes) -> None:
        if word == b"keep":
            nodes = [self._root]
            while nodes:
                node = nodes.pop()
                node.keep()
                nodes += node.names.values()
        elif word == b"cut":
            self._root.rescue(self._rescue)
            self._is_off = True
            print(f"cut after {self.syncs} syncs", flush=True)


def main() -> None:
    """Serve until unmounted."""
    mountpoint, rescue = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()  # libfuse changes the folder

    def tell() -> None:
        while not os.path.ismount(mountpoint):
            threading.Event().wait(0.02)
        print("mounted", flush=True)

    threading.Thread(target=tell, daemon=True).start()
    FUSE(Disk(rescue), str(mountpoint), foreground=True, nothreads=True, raw_fi=False, fsname="forgetful")


if __name__ == "__main__":
    main()
