"""dlib's face network, run by onnxruntime or by dlib itself: chips in, descriptors out."""

import contextlib
import ctypes
import os
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from devicemgr.domain.ports.video import Image
from enrollment.models import native

DIMENSION = 128
CHIP_SIZE = 150
# What is computed at once is bounded, and with it the memory that stays taken (2 MB a chip); more is no faster.
MAX_AT_ONCE = 8

Descriptors = NDArray[np.float32]


class Network(Protocol):
    """A way to run the network."""

    name: str

    def describe(self, chips: Image) -> Descriptors:
        """float32 N×128, not of unit length, for uint8 N×150×150×3 RGB; contiguous."""


class FastNetwork:
    """The converted network in onnxruntime, on one core; any thread may ask it."""

    name = "onnxruntime"

    def __init__(self, path: str) -> None:
        self._session = open_session(path)
        _give_memory_back()

    def describe(self, chips: Image) -> Descriptors:
        """As Network says."""
        parts = [
            self._session.run(["descriptors"], {"chips": chips[at : at + MAX_AT_ONCE]})[0]
            for at in range(0, len(chips), MAX_AT_ONCE)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, DIMENSION), np.float32)


def open_session(model: str | bytes) -> Any:
    """Return an onnxruntime session of a file's path or bytes, on one core; raises onnxruntime's own types."""
    # Its wheel reports to its maker from the moment it is imported; the call below comes too late to stop that.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime  # noqa: PLC0415 - the daemon imports this module too, and must not load native code

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


class ReferenceNetwork:
    """face_recognition's own encoder, ten times slower: what the fast one is verified against, and the way back."""

    name = "dlib"

    def __init__(self) -> None:
        self._encoder = native.load_face_recognition().face_encoder

    def describe(self, chips: Image) -> Descriptors:
        """As Network says."""
        with native.lock:
            rows = [np.array(self._encoder.compute_face_descriptor(chip), dtype=np.float32) for chip in chips]
        return np.stack(rows) if rows else np.zeros((0, DIMENSION), np.float32)


def _give_memory_back() -> None:
    """Give back the 25 to 40 MB of free pieces that loading leaves in glibc's heap, which each worker would keep."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
