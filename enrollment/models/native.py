"""dlib and face_recognition: the only importer of either.

dlib reads the models of face_recognition_models itself. face_recognition is imported only as the reference: its import
also loads a 68-point model of 100 MB, whose training data (300-W) excludes commercial use, and which is never used.
"""

import contextlib
import importlib.util
import io
import threading
import warnings
from pathlib import Path
from typing import Any

from PIL import ImageFile

from devicemgr.errors import SystemFault

NETWORK = "dlib_face_recognition_resnet_model_v1.dat"
_FIVE_POINTS = "shape_predictor_5_face_landmarks.dat"
_CNN_DETECTOR = "mmod_human_face_detector.dat"

# One lock for the process: dlib's objects may not be shared between threads (ageitgey/face_recognition #1409, #1624).
lock = threading.Lock()


class Detectors:
    """dlib's detectors and five-point landmarks; every call under `lock`."""

    def __init__(self) -> None:
        require("dlib", "face_recognition_models")
        try:
            import dlib  # noqa: PLC0415 - the daemon imports this module too, and must not load native code

            self.dlib: Any = dlib
            self.find: Any = dlib.get_frontal_face_detector()
            self.five_points: Any = dlib.shape_predictor(str(model_file(_FIVE_POINTS)))
        except (ImportError, RuntimeError) as error:
            raise missing(f"dlib does not load ({type(error).__name__})") from error
        self._slow: Any = None

    def find_slowly(self, image: Any) -> Any:
        """Return the CNN detector, loaded at its first use: only enrollment asks it."""
        if self._slow is None:
            self._slow = self.dlib.cnn_face_detection_model_v1(str(model_file(_CNN_DETECTOR)))
        return self._slow(image, 0)


def load_face_recognition() -> Any:
    """face_recognition.api, without what its import brings: a warning, words on stdout, a quit(), a global flag."""
    require("pkg_resources", "dlib", "face_recognition_models", "face_recognition")
    truncated_allowed = ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        with lock, warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            import face_recognition.api  # noqa: PLC0415 - see above

            return face_recognition.api
    except (ImportError, RuntimeError, SystemExit) as error:
        raise missing(f"face_recognition does not load ({type(error).__name__})") from error
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = truncated_allowed


def model_file(name: str) -> Path:
    """Return a file of face_recognition_models, found without importing it; SystemFault when there is none."""
    found = importlib.util.find_spec("face_recognition_models")
    for folder in (found.submodule_search_locations or ()) if found else ():
        path = Path(folder) / "models" / name
        if path.is_file():
            return path
    raise missing(f"the model {name} of face_recognition_models is not installed")


def require(*modules: str) -> None:
    """SystemFault for the first of these Python modules that is not installed."""
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise missing(f"the Python module {module} is not installed")


def missing(what: str) -> SystemFault:
    """Return the fault to raise when a part of the installation is not there."""
    return SystemFault(f"{what}: install devicemgr again from its lock file (make install)")
