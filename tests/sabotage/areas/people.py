"""Sabotages of people, faces and recognition."""

from tests.sabotage.sabotage import one

SABOTAGES = (
    one(
        "no margin to the next person",
        "enrollment/matching/gallery.py",
        "return self.runner_up is not None and self.score - self.runner_up < self.margin_needed",
        "return False",
        "tests/enrollment/matching/test_gallery.py",
    ),
    one(
        "a picture of any size decoded",
        "enrollment/photos/image.py",
        "            if picture.width * picture.height > MAX_PIXELS:\n                raise PhotoError",
        "            if False:\n                raise PhotoError",
        "tests/enrollment/photos/test_image.py",
    ),
    one(
        "an import that brings back who withdrew",
        "devicemgr/people/consents.py",
        "    if terms.bulk and (refused := consents.newest_withdrawn(row)) is not None:\n",
        "    if False and (refused := consents.newest_withdrawn(row)) is not None:\n",
        "tests/devicemgr/cli/people/test_withdrawn.py",
        "tests/devicemgr/api/routes/test_withdrawn_consent.py",
    ),
)
