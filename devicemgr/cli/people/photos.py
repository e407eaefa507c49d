"""Photo files, read within bounds, and what their faults mean to the person with the camera."""

import base64
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devicemgr.errors import InvalidInput
from devicemgr.people.imports.roster.photo_paths import MAX_PHOTO_BYTES as MAX_BYTES
from devicemgr.text import safe

MOST_PHOTOS = 10
# Ten photos at the analyzer's own deadline of 20 s each.
ANALYSIS_SECONDS = 240.0

ADVICE = {
    "no_face": "no face was found; use a photo of the head and shoulders, from the front",
    "several_faces": "more than one person is in it; only one person may be in the picture",
    "face_too_small": "the face is too small; take it from closer, or cut less away",
    "blurred": "it is blurred; hold still, clean the lens, and focus on the face",
    "too_dark": "the face is too dark; give it more light from the front",
    "too_bright": "the face is overexposed; use less light, and no flash from close by",
    "turned_away": "the face is turned away; look straight into the camera",
    "covered": "the face is partly covered; take off mask, dark glasses and scarf",
    "face_at_edge": "the edge of the picture cuts the face; take the whole head, with some room around it",
    "unreadable_image": "it is not an image that can be read; save it as JPEG or PNG",
    "cut_off": "the file is cut off: only a part of it was copied; copy it again",
    "image_too_large": "it has more than 20 MB or 52 megapixels; save it smaller",
    "disagrees_with_samples": "it does not look like the person's other photos; check whose photo it is",
}


def read_photo(file: Path) -> bytes:
    """Return the bytes of a regular file, of one over 20 MB enough to be judged image_too_large.

    InvalidInput otherwise.
    """
    shown = safe(str(file), 200)
    try:
        # A pipe or a terminal would block for ever.
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as opened:
            mode = os.fstat(descriptor).st_mode
            if stat.S_ISDIR(mode):
                raise InvalidInput(f"{shown} is a folder; give a photo, or use `devicemgr enroll import` for a folder")
            if not stat.S_ISREG(mode):
                raise InvalidInput(f"{shown} is not a regular file; give a photo")
            return opened.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise InvalidInput(f"there is no file {shown}; check the path") from error
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it holds a zero byte"
        raise InvalidInput(f"cannot read {shown} ({cause}); check the path and who may read it") from error


def encoded(photo: bytes) -> str:
    """As the API takes it."""
    return base64.b64encode(photo).decode("ascii")


def advice(face: Mapping[str, Any]) -> str:
    """Return what is wrong with a photo and what to do, one sentence a reason."""
    return "; ".join(_sentence(reason, face.get("duplicate_of")) for reason in face["reasons"])


def remedy(face: Mapping[str, Any]) -> str:
    """Return only what to do, for each reason."""
    return "; ".join(_sentence(reason, face.get("duplicate_of")).partition("; ")[2] for reason in face["reasons"])


def _sentence(reason: str, other: object) -> str:
    if reason == "duplicate_of":
        return f"it looks like badge {other}; if they are two people, enroll it with --allow-lookalike"
    return ADVICE.get(reason, reason)
