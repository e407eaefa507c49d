"""The trade between strangers let in and staff turned away, as points and as a picture."""

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devicemgr.errors import InvalidInput, SystemFault

LEVELS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
# Nothing on a logarithmic axis is zero.
_LEAST = 1e-4


def points(
    scores: NDArray[np.float64], right: NDArray[np.bool_], strangers: NDArray[np.float64]
) -> list[dict[str, float]]:
    """FNIR at the threshold that lets in each of LEVELS of these strangers; levels under one stranger are left out."""
    falling = -np.sort(-strangers)
    found = []
    for level in LEVELS:
        allowed = int(level * len(falling))
        if allowed == 0:
            continue
        threshold = float(falling[allowed - 1])
        fnir = float(np.mean(~(right & (scores >= threshold))))
        found.append({"fpir": allowed / len(falling), "fnir": round(fnir, 6), "threshold": round(threshold, 6)})
    return [
        {name: round(value, 6) for name, value in point.items()} for point in found if np.isfinite(point["threshold"])
    ]


def require_matplotlib() -> None:
    """SystemFault saying what to install, when matplotlib isn't there."""
    if importlib.util.find_spec("matplotlib") is None:
        raise SystemFault("the picture of the curve needs matplotlib: pip install matplotlib, or leave the picture out")


def draw(curve: list[dict[str, float]], file: Path) -> None:
    """Write `curve` as a PNG with logarithmic axes; InvalidInput when the file can't be written."""
    figure = importlib.import_module("matplotlib.figure").Figure(figsize=(6, 6))
    importlib.import_module("matplotlib.backends.backend_agg").FigureCanvasAgg(figure)
    axes: Any = figure.add_subplot(xscale="log", yscale="log")
    axes.plot([point["fpir"] for point in curve], [max(point["fnir"], _LEAST) for point in curve], marker="o")
    axes.set_xlabel("strangers taken for someone (FPIR)")
    axes.set_ylabel("enrolled people turned away (FNIR)")
    axes.grid(visible=True, which="both", alpha=0.3)
    try:
        figure.savefig(file, dpi=120, format="png")
    except OSError as error:
        raise InvalidInput(f"{file} can't be written ({error.strerror}); choose another place") from error
