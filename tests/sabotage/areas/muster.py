"""Sabotages of musters and of the duress PIN."""

from tests.sabotage.sabotage import one

_FOLD = "tests/devicemgr/domain/rules/musters/test_musters.py"
_DESK = "tests/devicemgr/access/musters/test_desk.py"
_DAEMON = "tests/devicemgr/daemon/test_musters.py"
_DURESS = "tests/devicemgr/access/evidence/test_duress.py"
_SHOWN = "tests/devicemgr/api/routes/areas/test_duress.py"
_DOORS = "tests/devicemgr/api/routes/areas/test_alarms_of_doors.py"
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
    one(
        "a duress PIN that takes one hash less",
        "devicemgr/access/evidence/pins.py",
        """        is_duress = is_right(attempt.duress or _NO_PIN, attempt.pin)  # always, also after the right one
""",
        """        is_duress = not is_usual and is_right(attempt.duress or _NO_PIN, attempt.pin)
""",
        _DURESS,
    ),
    one(
        "duress shown in events to a guard's monitor",
        "devicemgr/api/authorization.py",
        "    return caller.is_owner or Role.DURESS in caller.roles\n",
        "    return caller.is_owner or bool(caller.roles & {Role.DURESS, Role.GUARD})\n",
        _SHOWN,
    ),
    one(
        "a duress signal that is left out, so that a number is missing",
        "devicemgr/store/ledger/events.py",
        """    found = [json.loads(body) for body in bodies]
""",
        """    found = [one for one in map(json.loads, bodies) if wanted.shows_duress or "duress_s" not in one["kind"]]
""",
        _SHOWN,
    ),
    one(
        "duress found out by a filter of kinds",
        "devicemgr/store/ledger/events.py",
        "            query = query.where(or_(is_wanted, is_veiled), shown)\n",
        "            query = query.where(is_wanted)\n",
        _SHOWN,
    ),
    one(
        "a duress signal of a stream that everyone sees",
        "devicemgr/api/stream/messages.py",
        "        return EventMessage(veiled(self.event))\n",
        "        return self\n",
        _SHOWN,
    ),
    one(
        "a duress PIN that opens and says nothing",
        "devicemgr/access/evidence/intake.py",
        "            if checked.right and rules.duress_pins:\n",
        "            if checked.right and not checked.is_duress and rules.duress_pins:\n",
        _DURESS,
    ),
    one(
        "a record of duress in the transaction that a release waits for",
        "devicemgr/ledger/writer.py",
        "        return batch[: max(end, 1)]\n",
        "        return batch[: max(end, len(batch))]\n",
        "tests/devicemgr/ledger/test_alone.py",
    ),
    one(
        "a gate that is away as urgent as a camera",
        "devicemgr/domain/rules/alarms.py",
        "        priority=_GATE_AWAY_PRIORITY if portals else kind.priority,\n",
        "        priority=kind.priority,\n",
        _DOORS,
    ),
)
