"""Judge one face of a photo: its place, size, light, sharpness, pose, and what of them is unfit for enrollment."""

from typing import Protocol

from devicemgr.domain.ports.recognition import Box, FaceEncoder, PhotoAnalysis
from devicemgr.domain.ports.video import Image
from devicemgr.recognition.pipeline.pose import pose_of
from enrollment.photos.chip_metrics import measure_chip
from enrollment.photos.quality import reasons_of


class PhotoEncoder(FaceEncoder, Protocol):
    """A FaceEncoder over detector.FaceDetector, whose other detectors and plain chip enrollment asks as well."""

    def confirm(self, image: Image, box: Box) -> bool:
        """See FaceDetector."""

    def detect_slowly(self, image: Image) -> list[Box]:
        """See FaceDetector."""

    def detect_eagerly(self, image: Image) -> list[Box]:
        """See FaceDetector."""

    def upright(self, image: Image, box: Box) -> Image:
        """See FaceDetector."""


def judge_face(encoder: PhotoEncoder, image: Image, box: Box, posed: Image | None = None) -> PhotoAnalysis:
    """Return the analysis of the face in `box`, without its embedding.

    `posed` is a clearer copy of the picture for its landmarks, which can't be placed in the dark.
    """
    pose = pose_of(encoder.landmarks(image if posed is None else posed, box))
    measures = measure_chip(encoder.upright(image, box))
    return PhotoAnalysis(
        reasons=reasons_of(pose, measures),
        box=box,
        face_px=box.right - box.left,
        sharpness=round(measures.sharpness, 2),
        brightness=round(measures.brightness, 3),
        yaw_deg=round(pose.yaw, 1),
        pitch_deg=round(pose.pitch, 1),
        roll_deg=round(pose.roll, 1),
    )
