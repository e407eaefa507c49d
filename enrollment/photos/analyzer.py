"""From a photo's bytes to the face object of INTERFACES and an embedding."""

import time
from dataclasses import replace

import numpy as np

from devicemgr.domain.ports.recognition import Box, Embedding, FaceCrop, PhotoAnalysis
from devicemgr.domain.ports.video import Image
from enrollment.models.encoder import build_encoder
from enrollment.photos.crop import cut_out
from enrollment.photos.detection import find_faces
from enrollment.photos.glance import glance
from enrollment.photos.image import PhotoError, load_photo
from enrollment.photos.judgement import PhotoEncoder, judge_face
from enrollment.photos.quality import rivals
from enrollment.photos.second_look import explain

# More faces than this are a crowd: enough to refuse, and each costs 0.13 s to confirm.
MAX_FACES = 6


class Analyzer:
    """face_ports.PhotoAnalyzer in this process and thread; AnalyzerProcess keeps it out of a daemon's."""

    def __init__(self, encoder: PhotoEncoder) -> None:
        self._encoder = encoder
        self.model = encoder.model

    def analyze(self, photo: bytes, *, keep: bool = False) -> PhotoAnalysis:
        """Judge one photo; the embedding is there whenever one frontal face was found, also in a refused photo."""
        begun = time.process_time()
        try:
            image = load_photo(photo)
        except PhotoError as error:
            return PhotoAnalysis((error.reason,))
        boxes = self._find_confirmed(image)
        if not boxes:
            return self._look_turned(image, keep=keep) or explain(self._encoder, image, begun)
        if rivals(boxes):
            return PhotoAnalysis(("several_faces",), box=boxes[0], face_px=boxes[0].right - boxes[0].left)
        found = self._judge(image, boxes[0])
        return replace(found, crop=cut_out(image, boxes[0])) if keep and found.ok else found

    def glance(self, photo: bytes) -> PhotoAnalysis:
        """Judge a webcam's picture quickly, by the same bounds; no embedding."""
        return glance(self._encoder, photo)

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

    def _judge(self, image: Image, box: Box) -> PhotoAnalysis:
        return replace(judge_face(self._encoder, image, box), embedding=self._encoder.encode(image, box))


def build_analyzer() -> Analyzer:
    """Return an analyzer with dlib's encoder; SystemFault when a part is not installed."""
    return Analyzer(build_encoder())
