"""A file on its way to a device, read in pieces, telling how far it is."""

from collections.abc import Callable, Iterator
from typing import BinaryIO

from devicemgr.domain.ports.maintenance import Image

PIECE = 65_536
_MIN_BYTES_PER_S = 50_000
_MAX_UPLOAD_S = 1800.0


class Upload:
    """The body of one request: a file for `requests`, an iterable for httpcore; it can be sent again from its start."""

    def __init__(self, file: BinaryIO, size: int, progress: Callable[[str, int, int], None]) -> None:
        self._file, self._size, self._progress = file, size, progress
        self._sent = 0

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = PIECE) -> bytes:
        """Read the next bytes of the file, at most one piece."""
        data = self._file.read(min(size, PIECE) if size > 0 else PIECE)
        self._sent += len(data)
        self._progress("sending", self._sent, self._size)
        return data

    def __iter__(self) -> Iterator[bytes]:
        self.begin()
        while data := self.read():
            yield data

    def begin(self) -> None:
        """Read from the first byte again."""
        self._file.seek(0)
        self._sent = 0


def seconds_for(image: Image) -> float:
    """Return how many seconds sending may take."""
    return min(60.0 + image.size / _MIN_BYTES_PER_S, _MAX_UPLOAD_S)
