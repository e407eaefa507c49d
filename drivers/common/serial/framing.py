"""Cuts whole frames out of a stream of bytes. Waiting for more bytes and passing over garbage are different things."""

from collections.abc import Callable, Iterator

MORE = 0
GARBAGE = -1

Measure = Callable[[bytes], int]
"""Size of the whole, good frame that begins these bytes; MORE if they may become one; GARBAGE if they can't."""


def cut(received: bytearray, measure: Measure, most: int, *, ahead: bool = True) -> Iterator[bytes]:
    """Yield each whole frame in `received`, in order; remove it and the garbage before it.

    What may still become a frame is kept, up to `most` bytes. It holds nothing up: a good frame after it is found, so
    a byte of noise that looks like a beginning costs no time-out. Not so without `ahead`: for frames that carry no
    check of their contents, whose insides may look like a frame, on a line that loses nothing.
    """
    start = 0
    kept: int | None = None
    while start < len(received):
        size = measure(bytes(received[start : start + most]))
        if size > 0:
            frame = bytes(received[start : start + size])
            del received[: start + size]
            start, kept = 0, None
            yield frame
            continue
        if size == MORE and kept is None:
            kept = start
            if not ahead:
                break
        start += 1
    del received[: len(received) if kept is None else kept]
    del received[: max(0, len(received) - most)]
