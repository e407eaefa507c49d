"""The spill file: where facts are put, durably and in order, while the database refuses.

Its room is reserved at the start, so that a full disk does not refuse it too. Two sectors at its head take turns in
naming the file's generation, a random number that changes when the file is emptied. Two more, which take turns with
them, hold the number of the newest record. Behind them stand the records:

    length (u32) | sequence (u64) | HMAC-SHA256, cut to 16 bytes, over generation, sequence and payload | payload

A record that was torn by a power cut, changed, or left over from an older generation does not authenticate. Sequences
have no gaps, and the newest one is written down behind the record, once that is on disk: so a record that is missing,
in the middle or at the end, is noticed, and a power cut is not taken for that.
"""

import contextlib
import errno
import hashlib
import hmac
import logging
import os
import secrets
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from devicemgr.atomic_files import replace_durably, sync_folder
from devicemgr.errors import StorageFailed

log = logging.getLogger(__name__)

SIZE = 64 * 1024 * 1024
# Files of 0.1.0 begin with the former, and hold no number of the newest record.
_MAGIC_WITHOUT_MARK, _MAGIC = b"devicemgr spill1", b"devicemgr spill2"
_MARK_MAGIC = b"devicemgr spillm"
_SECTOR = 512
_MARKS = 2 * _SECTOR
_FIRST = 4096
_GENERATION = 8
_HEAD = struct.Struct(f">16sQ{_GENERATION}s")
_MARK = struct.Struct(f">16sQ{_GENERATION}s")
_RECORD = struct.Struct(">IQ16s")
_MAC = 16
_LARGEST = 256 * 1024
_CHUNK = 1024 * 1024
_LOOKS = 3


@dataclass(frozen=True, slots=True)
class Record:
    """One payload and its number; numbers go up within a generation."""

    sequence: int
    payload: bytes


class Spill:
    """One file and its key, beside each other in one home; any thread."""

    def __init__(self, path: Path, key: Path) -> None:
        self._path, self._key_path = path, key
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._key = b""
        self._turn = 0
        self._size = 0
        self._generation = b""
        self._end, self._last = _FIRST, 0
        self._found = (0, _FIRST)  # behind the record with that number
        self._numbered = 0  # the number given last, also of a record that is missing now
        self._has_mark = True
        self.damaged = 0

    @property
    def generation(self) -> str:
        """Tells this filling of the file from all others."""
        return self._generation.hex()

    @property
    def last(self) -> int:
        """Return the number of the newest record; 0 when the file is empty."""
        return self._last

    @property
    def used(self) -> float:
        """How much of the room is taken, from 0 to 1."""
        return (self._end - _FIRST) / max(1, self._size - _FIRST)

    def open(self) -> None:
        """Make the file where there is none, reserve its room, find its end; else StorageFailed."""
        with self._lock:
            if self._descriptor is None:
                self._translated(self._open)

    def attach(self) -> bool:
        """Look at the file as it is now, without making one; False when there is none to read."""
        with self._lock:
            if self._descriptor is None:
                try:
                    self._key = self._key_path.read_bytes()
                    descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
                except OSError:
                    return False
                try:
                    found = self._read_head(descriptor)
                    for _ in range(_LOOKS):
                        if not found:
                            self.damaged = int(any(os.pread(descriptor, _FIRST, 0)))
                            break
                        self._has_mark, self._turn, self._generation = found
                        self.damaged = self._measure(descriptor)
                        before, found = found, self._read_head(descriptor)
                        if found == before:
                            break  # else the daemon emptied it in between
                finally:
                    os.close(descriptor)
                return found is not None
            return True

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
            self._descriptor = None

    def append(self, payloads: Sequence[bytes]) -> None:
        """Put records behind the others, all of them on disk at the end; StorageFailed, and none of them, else."""
        with self._lock:
            sequence = self._numbered
            parts = []
            for sequence, payload in enumerate(payloads, self._numbered + 1):
                parts += [_RECORD.pack(len(payload), sequence, self._mac(sequence, payload)), payload]
            content = b"".join(parts)
            if self._descriptor is None or self._end + len(content) > self._size:
                raise StorageFailed("the spill file has no room left; free space on the disk of the home folder")
            self._translated(lambda: self._write(content))
            self._end += len(content)
            self._last = self._numbered = sequence
            with contextlib.suppress(OSError):  # the records are on disk; the next mark will say so
                self._write_mark(sequence, self._turn, self._generation)

    def read(self, after: int, limit: int) -> list[Record]:
        """Return the first `limit` records with numbers above `after`."""
        with self._lock:
            descriptor = self._descriptor
            if descriptor is None:
                try:
                    descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
                except OSError as error:
                    raise StorageFailed(f"cannot read {self._path} ({error.strerror})") from error
            try:
                return self._read(descriptor, after, limit)
            finally:
                if descriptor != self._descriptor:
                    os.close(descriptor)

    def check(self) -> None:
        """Look through the open file again, so that `damaged` counts what went missing since."""
        with self._lock:
            if self._descriptor is not None and self._numbered:
                self.damaged = max(self.damaged, self._measure(self._descriptor, self._numbered))

    def clear(self) -> None:
        """Mark the file empty; what stood in it is overwritten."""
        with self._lock:
            self._translated(self._clear)

    def _translated(self, action: Callable[[], None]) -> None:
        try:
            action()
        except OSError as error:
            raise StorageFailed(f"the spill file failed ({error.strerror}); check the home folder's disk") from error

    def _open(self) -> None:
        self._key_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._key_path.exists():
            replace_durably(self._key_path, secrets.token_bytes(32))
        self._key = self._key_path.read_bytes()
        descriptor = self._open_readable()
        try:
            self._size = max(SIZE, os.fstat(descriptor).st_size)
            os.posix_fallocate(descriptor, 0, self._size)
            found = self._read_head(descriptor)
            self._descriptor = descriptor
            if found is None:
                self._turn, self._generation = 0, b""
                self._end, self._last = self._size, 0  # whatever may stand in it is overwritten
                self._clear()
            else:
                self._has_mark, self._turn, self._generation = found
                self.damaged = max(self.damaged, self._measure(descriptor))
                if not self._has_mark and not self._last:
                    self._clear()
            sync_folder(self._path.parent)
        except OSError:
            self._descriptor = None
            os.close(descriptor)
            raise

    def _open_readable(self) -> int:
        """Open the file, made when absent; one that this key does not open is moved away first, and counts as damaged.

        It may be whole, and its key gone or another's: it can be read again once the right key is back.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._path, flags, 0o600)
        if self._read_head(descriptor) is not None or not any(os.pread(descriptor, _FIRST, 0)):
            return descriptor
        os.close(descriptor)
        unreadable = self._path.with_name(f"{self._path.name}.unreadable")
        log.critical(
            "The head of %s does not authenticate with its key: the file was moved to %s", self._path, unreadable
        )
        self.damaged = max(self.damaged, 1)
        self._path.replace(unreadable)
        descriptor = os.open(self._path, flags, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, SIZE)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                os.close(descriptor)
                raise
            unreadable.unlink()  # room for what happens from now on comes first
        return descriptor

    def _head_mac(self, head: bytes) -> bytes:
        return hmac.new(self._key, b"head" + head, hashlib.sha256).digest()

    def _read_head(self, descriptor: int) -> tuple[bool, int, bytes] | None:
        """Whether it has a mark, whose turn it is, and the generation; None where neither sector authenticates."""
        found = []
        for place in (0, _SECTOR):
            sector = os.pread(descriptor, _HEAD.size + 32, place)
            head, mac = sector[: _HEAD.size], sector[_HEAD.size :]
            if len(mac) == 32 and hmac.compare_digest(mac, self._head_mac(head)):
                magic, turn, generation = _HEAD.unpack(head)
                found += [(turn, magic, generation)] if magic in (_MAGIC, _MAGIC_WITHOUT_MARK) else []
        turn, magic, generation = max(found, default=(0, b"", b""))
        return (magic == _MAGIC, turn, generation) if magic else None

    def _mark_mac(self, mark: bytes) -> bytes:
        return hmac.new(self._key, b"mark" + mark, hashlib.sha256).digest()

    def _write_mark(self, sequence: int, turn: int, generation: bytes) -> None:
        """Write down the newest record's number; never before that record is on disk."""
        assert self._descriptor is not None
        mark = _MARK.pack(_MARK_MAGIC, sequence, generation)
        _write_all(self._descriptor, mark + self._mark_mac(mark), _MARKS + _SECTOR * (turn % 2))

    def _read_mark(self, descriptor: int) -> int | None:
        """Return the number of the newest record that was on disk; None where that can't be read."""
        sector = os.pread(descriptor, _MARK.size + 32, _MARKS + _SECTOR * (self._turn % 2))
        mark, mac = sector[: _MARK.size], sector[_MARK.size :]
        if len(mac) != 32 or not hmac.compare_digest(mac, self._mark_mac(mark)):
            return None
        magic, sequence, generation = _MARK.unpack(mark)
        return int(sequence) if (magic, generation) == (_MARK_MAGIC, self._generation) else None

    def _clear(self) -> None:
        assert self._descriptor is not None
        turn, generation = self._turn + 1, secrets.token_bytes(_GENERATION)
        self._write_mark(0, turn, generation)
        os.fdatasync(self._descriptor)
        head = _HEAD.pack(_MAGIC, turn, generation)
        _write_all(self._descriptor, head + self._head_mac(head), _SECTOR * (turn % 2))
        os.fdatasync(self._descriptor)
        end, self._turn, self._generation = self._end, turn, generation
        self._end, self._last, self._numbered, self._found, self._has_mark = _FIRST, 0, 0, (0, _FIRST), True
        for place in range(_FIRST, end, _CHUNK):
            _write_all(self._descriptor, bytes(min(_CHUNK, end - place)), place)
        os.fdatasync(self._descriptor)

    def _write(self, content: bytes) -> None:
        assert self._descriptor is not None
        try:
            _write_all(self._descriptor, content, self._end)
            os.fdatasync(self._descriptor)
        except OSError:
            # A caller who got "nothing was recorded" must not find it recorded after a restart.
            try:
                _write_all(self._descriptor, bytes(_RECORD.size), self._end)
            except OSError:
                log.critical("the spill file could not be set back")
            raise

    def _mac(self, sequence: int, payload: bytes) -> bytes:
        message = self._generation + sequence.to_bytes(8, "big") + payload
        return hmac.digest(self._key, message, "sha256")[:_MAC]

    def _measure(self, descriptor: int, numbered: int = 0) -> int:
        """Find the end; how many records are missing that were on disk, and how many that are there are not ours."""
        self._end, self._last, self._found = _FIRST, 0, (0, _FIRST)
        good = bad = counted = 0
        mark = self._read_mark(descriptor) if self._has_mark else 0  # before the records: another process may append
        for place, record in self._walk(descriptor, _FIRST):
            if record is None or record.sequence <= self._last:
                bad += 1
            else:
                self._end, self._last, counted, good = place, record.sequence, bad, good + 1
        self._numbered = max(self._last, mark or 0, numbered)
        damaged = max(counted, self._numbered - good, int(mark is None))
        if damaged or bad:
            log.error("The spill file is not whole: %d records missing or changed, %d torn", damaged, bad - counted)
        return damaged

    def _walk(self, descriptor: int, place: int) -> Iterator[tuple[int, Record | None]]:
        """Yield records from `place` on, each with the place behind it; None for one that does not authenticate."""
        buffer = _Buffer(descriptor)
        while len(header := buffer.at(place, _RECORD.size)) == _RECORD.size:
            length, sequence, mac = _RECORD.unpack(header)
            if not 0 < length <= _LARGEST:
                return
            payload = buffer.at(place + _RECORD.size, length)
            place += _RECORD.size + length
            is_ours = hmac.compare_digest(mac, self._mac(sequence, payload))
            yield place, Record(sequence, payload) if is_ours else None

    def _read(self, descriptor: int, after: int, limit: int) -> list[Record]:
        found: list[Record] = []
        known, start = self._found
        for place, record in self._walk(descriptor, start if known == after else _FIRST):
            if place > self._end or len(found) == limit:
                break
            if record is not None and record.sequence > after:
                found.append(record)
                after = record.sequence  # a copy of an older record, which would authenticate, is not taken again
                self._found = (record.sequence, place)
        return found


class _Buffer:
    """Reads a file forwards in large pieces."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._start, self._content = 0, b""

    def at(self, place: int, length: int) -> bytes:
        offset = place - self._start
        if offset + length > len(self._content):
            self._start, self._content, offset = place, os.pread(self._descriptor, max(_CHUNK, length), place), 0
        return self._content[offset : offset + length]


def _write_all(descriptor: int, content: bytes, place: int) -> None:
    done = 0
    while done < len(content):
        done += os.pwrite(descriptor, content[done:], place + done)
