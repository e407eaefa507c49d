"""dlib's face network written as an ONNX graph; imported for the conversion only, as `onnx` takes long to load."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from devicemgr.errors import SystemFault
from enrollment.models.dlib_weights import AddPrevious, Affine, Connected, Convolution, Layer, Mark, Network, Pool, Relu

INPUT, OUTPUT = "chips", "descriptors"
# Old enough for any onnxruntime that runs on Python 3.11; fixed, so that the same weights give the same bytes.
OPSET, IR_VERSION = 17, 8
SCALE = 256.0

Shape = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Value:
    """A tensor in the graph: its name, and channels × rows × columns."""

    name: str
    shape: Shape


def build_graph(network: Network) -> bytes:
    """Return a serialized ONNX model: uint8 N×150×150×3 RGB `chips` in, float32 N×128 `descriptors` (not unit) out.

    Bytes are the same for the same network; SystemFault when its layers don't fit each other.
    """
    builder = _Builder()
    value = builder.normalized(network)
    for layer, following in pairwise((*network.layers, None)):
        value = builder.add(value, layer, following)
    builder.nodes[-1].output[0] = OUTPUT
    graph = helper.make_graph(
        builder.nodes,
        "dlib-face-resnet",
        [helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["N", network.side, network.side, 3])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", value.shape[0]])],
        builder.constants,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="devicemgr"
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


class _Builder:
    """Nodes and constants in the order of the layers."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._marks: list[_Value] = []
        self._last: Layer | None = None

    def normalized(self, network: Network) -> _Value:
        """From uint8 N×side×side×3 to float minus the mean; the division by 256 is in the first convolution."""
        shape = (3, network.side, network.side)
        value = self._node("Cast", [INPUT], shape, to=TensorProto.FLOAT)
        value = self._node("Transpose", [value.name], shape, perm=[0, 3, 1, 2])
        mean = self._constant(np.array(network.mean, np.float32).reshape(1, 3, 1, 1))
        return self._node("Sub", [value.name, mean], shape)

    def add(self, value: _Value, layer: Layer | None, following: Layer | None) -> _Value:
        """Return what `layer` makes of `value`; `following` is the layer behind it."""
        match layer:
            case Convolution():
                value = self._convolution(value, layer, following)
            case Affine():
                self._check_folded()
            case Relu():
                value = self._node("Relu", [value.name], value.shape)
            case Pool():
                value = self._pool(value, layer)
            case Mark():
                value = self._mark(value)
            case AddPrevious():
                value = self._sum(value)
            case Connected():
                value = self._connected(value, layer)
        self._last = layer
        return value

    def _convolution(self, value: _Value, layer: Convolution, following: Layer | None) -> _Value:
        out, channels, rows, columns = layer.filters.shape
        if channels != value.shape[0]:
            raise _unfit(f"a convolution of {channels} channels gets {value.shape[0]}")
        if not isinstance(following, Affine) or following.gamma.shape != (out,):
            raise _unfit("a convolution stands without its affine layer")
        filters = layer.filters.astype(np.float64) * following.gamma.reshape(-1, 1, 1, 1)
        bias = layer.bias.astype(np.float64) * following.gamma + following.beta
        if self._last is None:
            filters /= SCALE
        names = [self._constant(part.astype(np.float32)) for part in (filters, bias)]
        size = _shrunk(value.shape, (rows, columns), layer.stride, layer.padding)
        strides, pads = [layer.stride] * 2, [layer.padding] * 4
        return self._node("Conv", [value.name, *names], (out, *size), strides=strides, pads=pads)

    def _check_folded(self) -> None:
        if not isinstance(self._last, Convolution):
            raise _unfit("an affine layer does not follow a convolution")

    def _pool(self, value: _Value, layer: Pool) -> _Value:
        if layer.size == 0:
            return self._node("GlobalAveragePool", [value.name], (value.shape[0], 1, 1))
        kind = "MaxPool" if layer.kind == "max" else "AveragePool"
        size = _shrunk(value.shape, (layer.size, layer.size), layer.stride, 0)
        shape, strides = [layer.size] * 2, [layer.stride] * 2
        return self._node(kind, [value.name], (value.shape[0], *size), kernel_shape=shape, strides=strides)

    def _mark(self, value: _Value) -> _Value:
        """Mark a block: the first of two begins it.

        The second, after a branch's own mark, goes back to that beginning.
        """
        if isinstance(self._last, Mark):
            if len(self._marks) < 2:
                raise _unfit("a branch goes back to nothing")
            return self._marks[-2]
        self._marks.append(value)
        return value

    def _sum(self, value: _Value) -> _Value:
        if not self._marks:
            raise _unfit("a sum has one part only")
        other = self._marks[-1]
        channels, rows, columns = (max(pair) for pair in zip(value.shape, other.shape, strict=True))
        shape = (channels, rows, columns)
        return self._node("Add", [self._filled(part, shape).name for part in (other, value)], shape)

    def _filled(self, value: _Value, shape: Shape) -> _Value:
        """With zeros behind in channels, below and to the right."""
        if value.shape == shape:
            return value
        missing = [wanted - have for wanted, have in zip(shape, value.shape, strict=True)]
        pads = self._constant(np.array([0, 0, 0, 0, 0, *missing], np.int64))
        return self._node("Pad", [value.name, pads], shape, mode="constant")

    def _connected(self, value: _Value, layer: Connected) -> _Value:
        into, out = layer.weights.shape
        if value.shape != (into, 1, 1):
            raise _unfit(f"the last layer wants {into} values, not {value.shape}")
        flat = self._node("Flatten", [value.name], value.shape, axis=1)
        return self._node("MatMul", [flat.name, self._constant(layer.weights)], (out, 1, 1))

    def _node(self, kind: str, inputs: Sequence[str], shape: Shape, **attributes: Any) -> _Value:
        name = f"value{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return _Value(name, shape)

    def _constant(self, values: NDArray[Any]) -> str:
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name


def _shrunk(shape: Shape, window: tuple[int, int], stride: int, padding: int) -> tuple[int, int]:
    rows, columns = ((side + 2 * padding - size) // stride + 1 for side, size in zip(shape[1:], window, strict=True))
    if min(rows, columns) < 1:
        raise _unfit("the picture becomes smaller than a filter")
    return rows, columns


def _unfit(what: str) -> SystemFault:
    return SystemFault(f"dlib's face network can't be converted ({what}); its file is not the known one")
