"""The converted network in the cache: written whole or not at all, and believed only after it proved itself.

Beside the graph stands a record: the graph's SHA-256, what it was verified with, and dlib's own answers for synthetic
chips. Every load hashes the graph and compares its answers with dlib's, without loading dlib's network.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import platformdirs

from devicemgr.domain.ports.video import Image
from enrollment.models import native
from enrollment.models.dlib_weights import MAX_BYTES
from enrollment.models.network import CHIP_SIZE, DIMENSION, Descriptors, FastNetwork

# To be counted up with every change of the graph that onnx_network builds, or of the chips below.
CONVERTER = 1
TOLERANCE = 1e-5
_MAX_RECORD = 1 << 20


class Unusable(Exception):
    """There is no converted network here that could be believed; the words say why."""


@dataclass(frozen=True, slots=True)
class Record:
    """What was verified: hashes, the largest difference from dlib, with what and where, and dlib's answers."""

    weights: str
    graph: str
    difference: float
    setting: str
    answers: list[list[float]]


def cache_folder() -> Path:
    """DEVICEMGR_CACHE, else the platform's cache folder, else (for a service without one) `cache` in DEVICEMGR_HOME."""
    if chosen := os.environ.get("DEVICEMGR_CACHE"):
        return Path(chosen).expanduser().absolute()
    usual = Path(platformdirs.user_cache_dir("devicemgr"))
    home = os.environ.get("DEVICEMGR_HOME")
    return Path(home).expanduser().absolute() / "cache" if home and not _ours_to_write(usual) else usual


def load(folder: Path) -> FastNetwork:
    """Return the verified network for the installed weights; Unusable when it is missing, old, damaged or another's."""
    weights = weights_hash()
    record = _read_record(record_path(folder, weights))
    if record.weights != weights or record.setting != setting():
        raise Unusable("it was verified with another onnxruntime, dlib or processor")
    with _opened(graph_path(folder, weights), MAX_BYTES) as descriptor:
        with os.fdopen(os.dup(descriptor), "rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != record.graph:
                raise Unusable("the file is damaged")
        network = session(f"/proc/self/fd/{descriptor}")
    difference = differs(network.describe(reference_chips()), record.answers)
    if not difference <= TOLERANCE:
        raise Unusable(f"it differs from dlib by {difference:.1g}")
    return network


def store(folder: Path, graph: bytes, record: Record) -> None:
    """Put both into the cache, 0600, the record last; OSError when that can't be."""
    _write(graph_path(folder, record.weights), graph)
    _write(record_path(folder, record.weights), json.dumps(asdict(record)).encode())


@contextlib.contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Make the folder, 0700, and wait until no other process converts into it; OSError when that can't be."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def graph_path(folder: Path, weights: str) -> Path:
    """Where the graph for these weights stands."""
    return folder / f"dlib-resnet-{weights[:16]}-{CONVERTER}.onnx"


def record_path(folder: Path, weights: str) -> Path:
    """Where its record stands."""
    return graph_path(folder, weights).with_suffix(".json")


def digest(data: bytes) -> str:
    """SHA-256, as the record holds it."""
    return hashlib.sha256(data).hexdigest()


def weights_hash() -> str:
    """SHA-256 of dlib's installed network file."""
    with native.model_file(native.NETWORK).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def setting() -> str:
    """Return what the arithmetic depends on besides the graph: onnxruntime, dlib and the processor's instructions."""
    instructions = ""
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        instructions = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    processor = hashlib.sha256(" ".join(sorted(instructions.split())).encode()).hexdigest()[:16]
    return f"onnxruntime {_version('onnxruntime')}, dlib {_version('dlib-bin')}, {platform.machine()} {processor}"


def reference_chips() -> Image:
    """Three chips without a face, the same everywhere: shades, noise, and stripes and discs that no mirroring keeps."""
    rows, columns, colors = np.indices((CHIP_SIZE, CHIP_SIZE, 3), dtype=np.int64)
    shades = (rows * (1 + colors) + columns * (3 - colors)) // 3 % 256
    noise = (rows * 7919 + columns * 104729 + colors * 1299709) * 2654435761 % 4294967296 >> 24
    discs = ((rows - 57) ** 2 + (columns - 45 - 20 * colors) ** 2) // 16 % 256 ^ (columns // (5 + colors) % 2 * 96)
    return np.stack([shades, noise, discs]).astype(np.uint8)


def differs(found: Descriptors, wanted: Descriptors | list[list[float]]) -> float:
    """Return the largest difference; infinity for another shape or what is no number."""
    other = np.asarray(wanted, dtype=np.float64)
    if found.shape != other.shape or not np.isfinite(found).all() or not np.isfinite(other).all():
        return float("inf")
    return float(np.abs(found - other).max())


def _ours_to_write(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.access(folder, os.W_OK | os.X_OK)


def _version(distribution: str) -> str:
    """Of an installed distribution; dlib may also be a local build."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "of unknown version"


def session(path: str) -> FastNetwork:
    """Return the graph in a file, loaded; Unusable when onnxruntime refuses."""
    try:
        return FastNetwork(path)
    except Exception as error:  # onnxruntime raises classes of its own, of no common base
        raise Unusable(f"onnxruntime does not run it ({type(error).__name__})") from error


def _read_record(path: Path) -> Record:
    try:
        with _opened(path, _MAX_RECORD) as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
            record = Record(**json.loads(file.read(_MAX_RECORD)))
            answers = np.array(record.answers, dtype=np.float64)
    except (ValueError, TypeError, RecursionError) as error:
        raise Unusable("its record is damaged") from error
    if answers.shape != (len(reference_chips()), DIMENSION):
        raise Unusable("its record is damaged")
    return record


@contextlib.contextmanager
def _opened(path: Path, most: int) -> Iterator[int]:
    """Yield a descriptor of a bounded file that only we could have written."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise Unusable(f"{path.name}: {error.strerror}") from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise Unusable(f"{path.name} is not a private file of ours")
        if found.st_size > most:
            raise Unusable(f"{path.name} is too large")
        yield descriptor
    finally:
        os.close(descriptor)


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all, also when two processes write the same."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
