"""A quick look at a webcam's picture, several times a second: what to change before pictures are enrolled.

It leaves out what costs most and seldom changes the answer: no slow detector confirms a face that was found, no larger
copy is searched for bystanders, no picture is turned. An enrollment analyzes its photos in full all the same.
"""

from devicemgr.domain.ports.recognition import PhotoAnalysis
from devicemgr.domain.ports.video import Image
from enrollment.photos.detection import detect_at
from enrollment.photos.image import PhotoError, load_photo
from enrollment.photos.judgement import PhotoEncoder, judge_face
from enrollment.photos.quality import rivals
from enrollment.photos.second_look import Find, beyond, explained, stretched

MAX_SIDE = 640
# Of a copy in which faces of 53 px of MAX_SIDE are found.
LARGE_SIDE = 960
# Mean luminance of a picture in which no face shows because of its light alone.
MIN_LIGHT, MAX_LIGHT = 16, 240


def glance(encoder: PhotoEncoder, photo: bytes) -> PhotoAnalysis:
    """Return the analysis of the face in a picture, without an embedding."""
    try:
        image = load_photo(photo)
    except PhotoError as error:
        return PhotoAnalysis((error.reason,))
    longest = max(image.shape[:2])
    boxes = detect_at(encoder.detect, image, min(1.0, MAX_SIDE / longest))
    if rivals(boxes):
        return PhotoAnalysis(("several_faces",), box=boxes[0], face_px=boxes[0].right - boxes[0].left)
    # What is found only when enlarged is small, and judged as such.
    boxes = boxes or detect_at(encoder.detect, image, LARGE_SIDE / longest)
    return judge_face(encoder, image, boxes[0]) if boxes else _unsure(encoder, image)


def _unsure(encoder: PhotoEncoder, image: Image) -> PhotoAnalysis:
    """Return what is wrong with a face that is hard to find, if there is one: it is never fit."""
    clear = stretched(image)
    for box in detect_at(encoder.detect_eagerly, clear, MAX_SIDE / max(image.shape[:2]))[:1]:
        if encoder.confirm(clear, box):
            find = Find(image, clear, box, outside=beyond(box, image))
            return explained(encoder, find, is_dark=clear is not image)
    light = image.mean()
    return PhotoAnalysis(("too_dark" if light < MIN_LIGHT else "too_bright" if light > MAX_LIGHT else "no_face",))
