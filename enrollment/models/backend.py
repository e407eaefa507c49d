"""Which way the network is run: converted, converted now, or by dlib itself when neither can be believed."""

import logging
import subprocess
import sys
from pathlib import Path

from enrollment.models import model_cache
from enrollment.models.network import Network, ReferenceNetwork

log = logging.getLogger(__name__)

# About 3 s on an idle core; recognizers, analyzers and other starts may share it.
CONVERT_S = 45.0
_ROOT = Path(__file__).resolve().parents[2]


def build_network() -> Network:
    """Return the fast network, converted first where that is needed; dlib's own, and a warning, when that fails."""
    folder = model_cache.cache_folder()
    try:
        return model_cache.load(folder)
    except model_cache.Unusable as error:
        log.info("converting dlib's face network for onnxruntime, once; it takes some seconds")
        log.debug("the network that is there was not taken: %s", error)
    cause = _convert()
    if cause is None:
        try:
            return model_cache.load(folder)
        except model_cache.Unusable as error:
            cause = str(error)
    log.warning(
        "faces are encoded by dlib itself, ten times slower: no converted network (%r); see docs/recognition.md", cause
    )
    return ReferenceNetwork()


def _convert() -> str | None:
    """Run the conversion in a process of its own; None, or the last line of what went wrong."""
    command = [sys.executable, "-P", "-m", "enrollment.models.convert"]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            command, cwd=_ROOT, stdin=subprocess.DEVNULL, capture_output=True, timeout=CONVERT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"the conversion did not end ({type(error).__name__})"
    if done.returncode == 0:
        return None
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:300] if lines else f"the conversion ended with {done.returncode}"
