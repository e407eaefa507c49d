"""Sabotages of people, faces and recognition."""

from tests.sabotage.sabotage import Sabotage, one

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
        "a photo of a phone decoded in the daemon's process",
        "enrollment/workers/process.py",
        """        with self._taken() as child:
            answer = child.request(header, photo)
""",
        """        from enrollment.photos import heif
        with self._taken() as child:
            if heif.is_heif(photo):
                heif.open_picture(photo).load()
            answer = child.request(header, photo)
""",
        "tests/enrollment/workers/test_process.py",
    ),
    one(
        "a face enrolled that only the second look found",
        "enrollment/photos/second_look.py",
        "        found = replace(found, reasons=(reason,) if reason else HIDDEN)\n",
        "        found = replace(found, embedding=encoder.encode(find.image, find.box))\n",
        "tests/enrollment/photos/test_second_look.py",
    ),
    one(
        "an import that brings back who withdrew",
        "devicemgr/people/consents.py",
        "    if terms.bulk and (refused := consents.newest_withdrawn(row)) is not None:\n",
        "    if False and (refused := consents.newest_withdrawn(row)) is not None:\n",
        "tests/devicemgr/cli/people/test_withdrawn.py",
        "tests/devicemgr/api/routes/people/test_withdrawn_consent.py",
    ),
    one(
        "a table of one row that suspends everyone",
        "devicemgr/api/routes/people/tables.py",
        "    if plan.taken_away > plan.max_taken_away and accepted != plan.digest:\n",
        "    if False and accepted != plan.digest:\n",
        "tests/devicemgr/cli/people/tables/test_import_table.py",
    ),
    one(
        "a table that sets levels for who may not grant them",
        "devicemgr/api/routes/people/tables.py",
        """        for part in ("levels", "cards", "department"):
            if part in change.fields:
                require_people_change(caller, part, change.badge)
""",
        "",
        "tests/devicemgr/api/rights/test_people_tables.py",
    ),
    one(
        "a source of one row that suspends everyone",
        "devicemgr/people/sources/run.py",
        "        return self.plan.taken_away > self.plan.max_taken_away\n",
        "        return False\n",
        "tests/devicemgr/cli/people/test_sources.py::test_a_file_of_one_row_is_held_until_an_admin_accepts_that_very_plan",
    ),
    Sabotage(
        "an empty file that says that everyone left",
        (
            ("devicemgr/people/sources/reading.py", "    if not table.rows:\n", "    if False:\n"),
            ("devicemgr/people/tables/plan.py", "    if not rows:\n", "    if False:\n"),
            ("devicemgr/people/sources/run.py", "    if len(refused) == len(found.read.rows):\n", "    if False:\n"),
        ),
        ("tests/devicemgr/people/sources/test_run.py",),
    ),
    one(
        "a source that touches levels outside its map",
        "devicemgr/people/tables/ownership.py",
        "    return sorted((set(held) - set(levels.values())) | given)\n",
        "    return sorted(given)\n",
        "tests/devicemgr/cli/people/test_sources.py::test_levels_outside_the_map_are_never_touched",
    ),
    one(
        "a link in the drop folder that is followed",
        "devicemgr/people/sources/drop_folder.py",
        "            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK",
        "            flags = os.O_RDONLY | os.O_NONBLOCK",
        "tests/devicemgr/people/sources/test_run.py",
    ),
    one(
        "a rounded number taken for a badge",
        "devicemgr/people/tables/mangled.py",
        "    if _EXPONENT.fullmatch(text):\n",
        "    if False:\n",
        "tests/devicemgr/cli/people/tables/test_import_table.py",
    ),
    one(
        "a department's level that a person keeps after a move",
        "devicemgr/store/people/people.py",
        "*by_department.get(row.department, ())",
        "*(level for found in by_department.values() for level in found)",
        "tests/devicemgr/cli/site/test_departments.py",
    ),
    one(
        "a replaced card that still opens",
        "devicemgr/store/people/credentials.py",
        "        card.blocked, card.blocked_reason = card.blocked or now_text(), reason or card.blocked_reason\n",
        "",
        "tests/devicemgr/cli/people/test_temporary_cards.py",
    ),
)
