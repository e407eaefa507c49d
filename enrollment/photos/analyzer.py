"""From a photo's bytes to the face object of INTERFACES and an embedding."""

from dataclasses import replace
from typing import Protocol

import numpy as np

from devicemgr.domain.ports.recognition import Box, Embedding, FaceCrop, FaceEncoder, PhotoAnalysis
from devicemgr.domain.ports.video import Image
from devicemgr.recognition.pipeline.pose import pose_of
from enrollment.models.encoder import build_encoder
from enrollment.photos.chip_metrics import measure_chip
from enrollment.photos.crop import cut_out
from enrollment.photos.detection import detect_at, find_faces
from enrollment.photos.image import PhotoError, load_photo
from enrollment.photos.quality import reasons_of, rivals

# More faces than this are a crowd: enough to refuse, and each costs 0.13 s to confirm.
MAX_FACES = 6
SLOW_SIDE = 512


class PhotoEncoder(FaceEncoder, Protocol):
    """A FaceEncoder over detector.FaceDetector, whose slow detector and plain chip enrollment asks as well."""

    def confirm(self, image: Image, box: Box) -> bool:
        """See FaceDetector."""

    def detect_slowly(self, image: Image) -> list[Box]:
        """See FaceDetector."""

    def upright(self, image: Image, box: Box) -> Image:
        """See FaceDetector."""


class Analyzer:
    """face_ports.PhotoAnalyzer in this process and thread; AnalyzerProcess keeps it out of a daemon's."""

    def __init__(self, encoder: PhotoEncoder) -> None:
        self._encoder = encoder
        self.model = encoder.model

    def analyze(self, photo: bytes, *, keep: bool = False) -> PhotoAnalysis:
        """Judge one photo; the embedding is there whenever one frontal face was found, also in a refused photo."""
        try:
            image = load_photo(photo)
        except PhotoError as error:
            return PhotoAnalysis((error.reason,))
        boxes = self._find_confirmed(image)
        if not boxes:
            return self._look_turned(image, keep=keep) or self._explain(image)
        if rivals(boxes):
            return PhotoAnalysis(("several_faces",), box=boxes[0], face_px=boxes[0].right - boxes[0].left)
        found = self._judge(image, boxes[0])
        return replace(found, crop=cut_out(image, boxes[0])) if keep and found.ok else found

    def embed(self, crop: FaceCrop) -> Embedding | None:
        """As face_ports.PhotoAnalyzer: by the given place, so that no second detection shifts the embedding."""
        try:
            image = load_photo(crop.jpeg)
        except PhotoError:
            return None
        return self._encoder.encode(image, crop.box)

    def _find_confirmed(self, image: Image) -> list[Box]:
        return [box for box in find_faces(self._encoder, image)[:MAX_FACES] if self._encoder.confirm(image, box)]

    def _look_turned(self, image: Image, *, keep: bool) -> PhotoAnalysis | None:
        """Return the analysis of a picture that lies on its side or head without a note of it; None if none is right.

        Only a fit face counts: any other one is explained as the picture lies.
        """
        for quarters in (1, 3, 2):
            turned = np.ascontiguousarray(np.rot90(image, quarters))
            boxes = self._find_confirmed(turned)
            if len(boxes) == 1 and (found := self._judge(turned, boxes[0])).ok:
                return replace(found, crop=cut_out(turned, boxes[0])) if keep else found
        return None

    def _explain(self, image: Image) -> PhotoAnalysis:
        """Why no frontal face was found: there is none, or the slow detector finds one that is spoilt or turned."""
        longest = max(image.shape[:2])
        boxes = detect_at(self._encoder.detect_slowly, image, min(1.0, SLOW_SIDE / longest))
        if not boxes:
            return PhotoAnalysis(("no_face",))
        analysis = self._judge(image, boxes[0])
        return replace(analysis, reasons=analysis.reasons or ("turned_away",), embedding=None)

    def _judge(self, image: Image, box: Box) -> PhotoAnalysis:
        pose = pose_of(self._encoder.landmarks(image, box))
        chip = self._encoder.upright(image, box)
        measures = measure_chip(chip)
        return PhotoAnalysis(
            reasons=reasons_of(pose, measures),
            box=box,
            face_px=box.right - box.left,
            sharpness=round(measures.sharpness, 2),
            brightness=round(measures.brightness, 3),
            yaw_deg=round(pose.yaw, 1),
            pitch_deg=round(pose.pitch, 1),
            roll_deg=round(pose.roll, 1),
            embedding=self._encoder.encode(image, box),
        )


def build_analyzer() -> Analyzer:
    """Return an analyzer with dlib's encoder; SystemFault when a part is not installed."""
    return Analyzer(build_encoder())
