"""dlib's face network read from its file: pure, bounded, and exact about what it does not know.

The file is what dlib::serialize writes of the network type `anet_type`: the versions of all layers from output to
input, then the layers themselves from input to output. An integer is a length byte (sign in bit 7) and that many
little-endian bytes; a real is two integers, mantissa and binary exponent; a tensor is the integer 2, four sizes and raw
float32.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devicemgr.errors import SystemFault

Weights = NDArray[np.float32]

# The file has 22 MB, 105 layers and tensors of up to 2.4 MB.
MAX_BYTES = 64 * 1024 * 1024
_MAX_LAYERS = 1000
_MAX_SIDE = 1 << 24
_MAX_NAME = 32
_FIRST_LAYER, _LAYER, _MARK = 3, 2, 1


@dataclass(frozen=True, slots=True)
class Convolution:
    """filters: out×in×rows×columns; bias: out; stride and padding alike in both directions."""

    filters: Weights
    bias: Weights
    stride: int
    padding: int


@dataclass(frozen=True, slots=True)
class Affine:
    """Each channel times gamma plus beta."""

    gamma: Weights
    beta: Weights


@dataclass(frozen=True, slots=True)
class Relu:
    """Negative values become 0."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Maximum or mean over size×size; size 0 stands for the whole picture."""

    kind: str
    size: int
    stride: int


@dataclass(frozen=True, slots=True)
class AddPrevious:
    """Adds what was marked, both filled up with zeros to the larger in channels, rows and columns."""


@dataclass(frozen=True, slots=True)
class Connected:
    """weights: in×out, no bias."""

    weights: Weights


@dataclass(frozen=True, slots=True)
class Mark:
    """A tag or a skip: one begins a residual block, two in a row end its branch and go back to its input."""


Layer = Convolution | Affine | Relu | Pool | AddPrevious | Connected | Mark


@dataclass(frozen=True, slots=True)
class Network:
    """Layers from input to output; the input is side×side RGB, minus `mean`, over 256."""

    mean: tuple[float, float, float]
    side: int
    layers: tuple[Layer, ...]


class _Surprise(Exception):
    """The bytes are not what this network's file holds."""


def read_network(data: bytes) -> Network:
    """Return the network in a dlib file's bytes; SystemFault with one line when it is anything else, or cut short."""
    try:
        return _network(_Reader(data))
    except _Surprise as surprise:
        raise SystemFault(
            f"dlib's face network is damaged ({surprise}): install devicemgr again from its lock file (make install)"
        ) from surprise


class _Reader:
    """Takes values off the front of the bytes."""

    def __init__(self, data: bytes) -> None:
        if len(data) > MAX_BYTES:
            raise _Surprise(f"it has {len(data)} bytes")
        self._data = memoryview(data)
        self.at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self.at

    def take(self, count: int) -> memoryview:
        if count > self.left:
            raise _Surprise(f"it ends at byte {len(self._data)}")
        self.at += count
        return self._data[self.at - count : self.at]

    def integer(self) -> int:
        (head,) = self.take(1)
        size = head & 0x0F
        if head & 0x70 or not 1 <= size <= 8:
            raise _Surprise(f"no integer at byte {self.at - 1}")
        value = int.from_bytes(self.take(size), "little")
        return -value if head & 0x80 else value

    def size(self) -> int:
        value = self.integer()
        if not 0 <= value <= _MAX_SIDE:
            raise _Surprise(f"a size of {value} before byte {self.at}")
        return value

    def expect(self, *values: int) -> None:
        for value in values:
            found = self.integer()
            if found != value:
                raise _Surprise(f"{found} instead of {value} before byte {self.at}")

    def real(self) -> float:
        mantissa, exponent = self.integer(), self.integer()
        if abs(exponent) > 900:
            raise _Surprise(f"no number before byte {self.at}")
        return math.ldexp(mantissa, exponent)

    def text(self, length: int) -> str:
        if not 1 <= length <= _MAX_NAME:
            raise _Surprise(f"no name before byte {self.at}")
        return bytes(self.take(length)).decode("ascii", "replace")

    def tensor(self) -> Weights:
        self.expect(2)
        shape = tuple(self.size() for _ in range(4))
        values = np.frombuffer(self.take(4 * math.prod(shape)), dtype="<f4").astype(np.float32)
        if not np.isfinite(values).all():
            raise _Surprise(f"a weight that is no number before byte {self.at}")
        return values.reshape(shape)

    def flags(self) -> None:
        """Set up, gradient stale, output kept or overwritten by the next layer; then training's gradients, empty."""
        if bytes(self.take(3)) not in (b"110", b"111"):
            raise _Surprise(f"unknown flags before byte {self.at}")
        for _ in range(3):
            self.expect(2, 0, 0, 0, 0)


def _network(reader: _Reader) -> Network:
    reader.expect(1)
    _expect_name(reader, reader.size(), "loss_metric_2")
    reader.real(), reader.real()  # the loss's margin and distance: of use in training only
    kinds = _versions(reader)
    _expect_name(reader, reader.size(), "input_rgb_image_sized")
    mean = (reader.real(), reader.real(), reader.real())
    side = reader.size()
    reader.expect(side)
    layers = tuple(_layers(reader, kinds))
    if reader.left:
        raise _Surprise(f"{reader.left} bytes too many")
    return Network(mean, side, layers)


def _versions(reader: _Reader) -> list[int]:
    """One for each layer and mark, from input to output."""
    kinds: list[int] = []
    while (value := reader.integer()) != _FIRST_LAYER:
        kinds.append(value)
        if value not in (_LAYER, _MARK) or len(kinds) > _MAX_LAYERS:
            raise _Surprise(f"an unknown list of layers before byte {reader.at}")
    return [_FIRST_LAYER, *reversed(kinds)]


def _layers(reader: _Reader, kinds: list[int]) -> Iterator[Layer]:
    for kind in kinds:
        if kind == _MARK:
            yield Mark()
            continue
        yield _layer(reader)
        reader.flags()
        if kind == _FIRST_LAYER:
            reader.expect(1)  # one picture stays one picture: no pyramid at the input


def _layer(reader: _Reader) -> Layer:
    name = reader.text(reader.integer())
    match name:
        case "con_4":
            return _convolution(reader)
        case "affine_":
            return _affine(reader)
        case "relu_":
            return Relu()
        case "add_prev_":
            return AddPrevious()
        case "max_pool_2" | "avg_pool_2":
            return _pool(reader, name[:3])
        case "fc_2":
            return _connected(reader)
    raise _Surprise(f"an unknown layer before byte {reader.at}")


def _convolution(reader: _Reader) -> Convolution:
    values = reader.tensor().ravel()
    out, rows, columns, stride = (reader.size() for _ in range(4))
    reader.expect(stride)
    padding = reader.size()
    reader.expect(padding, 1, out)
    channels = reader.size()
    reader.expect(rows, columns, 1, 1, out, 1, 1)
    _rates(reader)
    count = out * channels * rows * columns
    if len(values) != count + out or not out or stride not in (1, 2) or padding >= max(rows, columns):
        raise _Surprise(f"a convolution that does not fit its weights before byte {reader.at}")
    return Convolution(values[:count].reshape(out, channels, rows, columns), values[count:], stride, padding)


def _affine(reader: _Reader) -> Affine:
    values = reader.tensor().ravel()
    channels = len(values) // 2
    reader.expect(*(1, 1, channels, 1, 1) * 2, 0)
    if len(values) != 2 * channels:
        raise _Surprise(f"an affine layer that does not fit its weights before byte {reader.at}")
    return Affine(values[:channels], values[channels:])


def _pool(reader: _Reader, kind: str) -> Pool:
    size = reader.size()
    reader.expect(size)
    stride = reader.size()
    reader.expect(stride, 0, 0)
    if size > 3 or stride not in (1, 2):
        raise _Surprise(f"an unknown pooling before byte {reader.at}")
    return Pool(kind, size, stride)


def _connected(reader: _Reader) -> Connected:
    out, into = reader.size(), reader.size()
    values = reader.tensor()
    reader.expect(1, into, out, 1, 1, 1, 0, 0, 0, 0, 1)
    _rates(reader)
    if values.shape != (into, out, 1, 1):
        raise _Surprise(f"a connected layer that does not fit its weights before byte {reader.at}")
    return Connected(values.reshape(into, out))


def _rates(reader: _Reader) -> None:
    """Learning rate and weight decay, for weights and bias: of use in training only."""
    for _ in range(4):
        reader.real()


def _expect_name(reader: _Reader, length: int, name: str) -> None:
    if reader.text(length) != name:
        raise _Surprise(f"no {name} before byte {reader.at}")
