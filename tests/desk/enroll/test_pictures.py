"""Pictures of enrolling a face and of an import for docs/desk.md; the face is NASA's portrait of Eileen Collins."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.desk.enroll.test_import import choose, leftovers, phase  # noqa: F401
from tests.desk.enroll.test_webcam import answer_all, face_page, start
from tests.desk.test_looks import save
from tests.support.browser import Desk

SIZE = {"width": 1280, "height": 800}
TABLE = """badge,name,level,valid_to
M-1,Айгерім Сағындыққызы,staff,2027-06-30
M-2,Дина Ким,laboratory,
M-3,Peter Novak,staff,31.02.2027
M-4,Олжас Темірханов,nosuch,
1001,Aigul Serik,staff,
"""


@pytest.mark.skipif("DEVICEMGR_WRITE_DESK" not in os.environ, reason="DEVICEMGR_WRITE_DESK=1 writes docs/desk/")
def test_pictures_of_enrollment_and_import(
    open_desk: Callable[..., Desk],
    site: Any,
    newcomer: Any,
    leftovers: None,  # noqa: F811
) -> None:
    desk = face_page(open_desk, newcomer("W-7"), viewport=SIZE)
    answer_all(desk, ["face_too_small"])
    start(desk)
    desk.find("video").wait_for()
    desk.find(".advice", has_text="closer").wait_for()
    save(desk, "enrollment")
    desk = open_desk("admin", page="people/import", viewport=SIZE)
    choose(desk, "staff.csv", TABLE)
    phase(desk, "planned")
    desk.find(".importing tr.bad").first.wait_for()
    save(desk, "import")
