"""Converts dlib's network into the cache: `python -m enrollment.models.convert`, also started by the first encoder.

A process of its own, so that neither `onnx` nor face_recognition's 68-point model stays in a recognizer's memory.
"""

import sys
import tempfile
from pathlib import Path

from devicemgr.errors import SystemFault
from enrollment.models import model_cache, native
from enrollment.models.dlib_weights import read_network
from enrollment.models.network import ReferenceNetwork


def convert(folder: Path) -> float:
    """Build, verify against dlib and store the network; the largest difference. SystemFault says why not."""
    from enrollment.models.onnx_network import build_graph  # noqa: PLC0415 - onnx may be missing: one line, no traceback

    weights = model_cache.weights_hash()
    graph = build_graph(read_network(native.model_file(native.NETWORK).read_bytes()))
    chips = model_cache.reference_chips()
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        file.write(graph)
        file.flush()
        found = model_cache.session(file.name).describe(chips)
    answers = ReferenceNetwork().describe(chips)
    difference = model_cache.differs(found, answers)
    if not difference <= model_cache.TOLERANCE:
        raise SystemFault(f"the converted face network differs from dlib by {difference:.1g}")
    digest = model_cache.digest(graph)
    record = model_cache.Record(weights, digest, difference, model_cache.setting(), answers.tolist())
    model_cache.store(folder, graph, record)
    return difference


def ensure(folder: Path) -> str:
    """Convert unless that is done; what can be said of it. One process at a time: the others wait and find it done."""
    with model_cache.sole_writer(folder):
        try:
            model_cache.load(folder)
        except model_cache.Unusable:
            return f"converted, at most {convert(folder):.1g} from dlib's own"
    return "converted already"


def main() -> int:
    """0 and one line when the network is in the cache, 1 and one line when it is not."""
    folder = model_cache.cache_folder()
    try:
        print(f"dlib's face network is {ensure(folder)}, in {folder}")
    except (SystemFault, ImportError, model_cache.Unusable, OSError) as error:
        print(f"dlib's face network is not converted: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
