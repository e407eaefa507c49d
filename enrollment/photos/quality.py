"""The quality gate: which photos make a template that a gate can rest on.

Bounds were set on the 1,562 LFW photos of ../shared/faces in which a face is found, and on made-bad copies of 220 of
them: "good" is the share of the photos as they are that a bound refuses, the rest what it catches. Of all 1,567
photos there, 51 are refused for a second person and 35 as turned; 98.4 % of the rest pass.
"""

from collections.abc import Sequence

from devicemgr.domain.ports.recognition import Box
from devicemgr.recognition.pipeline.pose import Pose
from enrollment.photos.chip_metrics import ChipMeasures

# Between the eyes' middles, in pixels. 40 is advised; 28 is a chip of about 75 px (one of 60 px costs 1 % of
# recognition, one of 30 px 7 %). good 0.3 %.
MIN_EYE_DISTANCE = 28.0
# A second face from half the height of the first on is a second person; smaller ones are passers-by. good 3 %, all of
# them with two people.
RIVAL_HEIGHT = 0.5
# good 0.8 %; motion blur of 15 px 92 %, of 9 px 68 %; Gaussian of 2.5 px 97 %.
MIN_SHARPNESS = 1.2
# Share of the face at white. good 0 %; light ×2 84 %, ×4 100 %.
MAX_CLIPPED = 0.10
MAX_BRIGHTNESS = 0.90
# Mean luminance. good 0 % (darkest 0.16); light ×1/8 100 %, ×1/4 47 %. Low on purpose: dark skin is no fault of a
# photo, and ×1/4 costs only 2 % of recognition.
MIN_BRIGHTNESS = 0.12
# Degrees. good 0.8 %, 1 % and 0 %: up to 32° of yaw LFW's probes are recognized as well as frontal ones.
MAX_YAW = 35.0
MAX_PITCH = 35.0
MAX_ROLL = 25.0
# Too little detail where the mouth is. good 0.6 %; drawn masks: blue, skin color, gray, black 87 to 95 %, white 60 %.
MIN_MOUTH_DETAIL = 0.14
# Eyes far darker than the cheeks: good 0.7 %, nearly all of them with sunglasses; drawn black glasses 96 %.
MIN_EYE_LIGHT = 0.35


def rivals(boxes: Sequence[Box]) -> bool:
    """Whether a second face is about as large as the first; biggest first."""
    heights = sorted((box.bottom - box.top for box in boxes), reverse=True)
    return len(heights) > 1 and heights[1] >= RIVAL_HEIGHT * heights[0]


def reasons_of(pose: Pose, chip: ChipMeasures) -> tuple[str, ...]:
    """Return what is wrong with a face, in the words of INTERFACES; empty when nothing is.

    `covered` sees a mask or dark glasses, not a hand, a scarf with a pattern or clear glasses; it is required only of a
    picture that is sharp and well exposed, since detail is missing from the others anyway.
    """
    size = ["face_too_small"] if pose.eye_distance < MIN_EYE_DISTANCE else []
    light = _light(chip)
    blurred = ["blurred"] if not light and chip.sharpness < MIN_SHARPNESS else []
    turned = ["turned_away"] if _turned(pose) else []
    covered = ["covered"] if not (light or blurred) and _covered(chip) else []
    return (*size, *blurred, *light, *turned, *covered)


def _light(chip: ChipMeasures) -> list[str]:
    if chip.clipped > MAX_CLIPPED or chip.brightness > MAX_BRIGHTNESS:
        return ["too_bright"]
    return ["too_dark"] if chip.brightness < MIN_BRIGHTNESS else []


def _turned(pose: Pose) -> bool:
    return abs(pose.yaw) > MAX_YAW or abs(pose.pitch) > MAX_PITCH or abs(pose.roll) > MAX_ROLL


def _covered(chip: ChipMeasures) -> bool:
    return chip.mouth_detail < MIN_MOUTH_DETAIL or chip.eye_light < MIN_EYE_LIGHT
