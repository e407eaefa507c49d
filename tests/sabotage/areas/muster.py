"""Sabotages of musters and of the duress PIN."""

from tests.sabotage.sabotage import one

_FOLD = "tests/devicemgr/domain/rules/musters/test_musters.py"
_DESK = "tests/devicemgr/access/musters/test_desk.py"
_DAEMON = "tests/devicemgr/daemon/test_musters.py"
_ROUTES = "tests/devicemgr/api/routes/areas/test_musters.py"

SABOTAGES = (
    one(
        "a muster that takes unnamed passages for everyone's way out",
        "devicemgr/domain/rules/musters/fold.py",
        "    if person is None:\n        return _counted(muster, sides, zones)\n",
        "    if person is None:\n        person = next(iter(muster.people), None)\n",
        _FOLD,
    ),
    one(
        "a muster that is lost at a restart",
        "devicemgr/daemon/service.py",
        "            self._musters.begin(archive.running(session, zones, through), muster_rows.armed(session))\n",
        "            self._musters.begin([], muster_rows.armed(session))\n",
        _DAEMON,
    ),
    one(
        "a muster that waits for its record",
        "devicemgr/access/musters/desk.py",
        """            self._chained[muster.id] = self._shown[muster.id] = muster
            self._begun.add(muster.id)
        if""",
        "        if",
        _DESK,
        _DAEMON,
    ),
    one(
        "a mark as not here that wins over one as safe",
        "devicemgr/domain/rules/musters/roll.py",
        "        if Mark.SAFE in marks:\n",
        "        if Mark.SAFE in marks and Mark.NOT_HERE not in marks:\n",
        _FOLD,
    ),
    one(
        "a blocked card that makes safe at an assembly zone",
        "devicemgr/domain/rules/musters/fold.py",
        """    is_person = event.kind == Kind.ACCESS_GRANTED or body.get("reason") in _PRESENT_ALTHOUGH_DENIED
""",
        """    is_person = True
""",
        _FOLD,
    ),
    one(
        "a muster that forgets whom its list holds already",
        "devicemgr/domain/rules/musters/fold.py",
        """body.get("id") in muster.spilled""",
        """False""",
        _FOLD,
        _DAEMON,
    ),
    one(
        "names in the event of a muster",
        "devicemgr/access/musters/desk.py",
        """        "digest": digest(muster.people),
""",
        """        "digest": list(muster.people),
""",
        _ROUTES,
    ),
)
