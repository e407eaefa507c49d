"""A file on its way to a device, read in pieces, telling how far it is."""

from collections.abc import Callable, Iterator
from typing import BinaryIO

from devicemgr.domain.ports.maintenance import Image

PIECE = 65_536
_MIN_BYTES_PER_S = 50_000
_MAX_UPLOAD_S = 1800.0


class Upload:
    """The body of one request, in pieces; it can be sent again from its start."""

    def __init__(self, file: BinaryIO, size: int, progress: Callable[[str, int, int], None]) -> None:
        self._file, self._size, self._progress = file, size, progress
        self._sent = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(0)
        self._sent = 0
        while data := self._file.read(PIECE):
            self._sent += len(data)
            self._progress("sending", self._sent, self._size)
            yield data


def seconds_for(image: Image) -> float:
    """Return how many seconds sending may take."""
    return min(60.0 + image.size / _MIN_BYTES_PER_S, _MAX_UPLOAD_S)
