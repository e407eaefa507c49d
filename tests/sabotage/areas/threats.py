"""Sabotages of threats, free times and the first person in."""

from tests.sabotage.sabotage import one

_LOCKDOWN = "tests/devicemgr/domain/rules/threats/test_lockdown.py"
_MODES = "tests/devicemgr/domain/rules/threats/test_effective_mode.py"
_FIRST = "tests/devicemgr/domain/rules/areas/test_first_person.py"
_THREATS = "tests/devicemgr/access/portals/test_threats.py"
_FREE = "tests/devicemgr/access/portals/test_free_times.py"

SABOTAGES = (
    one(
        "a fire that does not void a lockdown",
        "devicemgr/domain/rules/threats/lockdown.py",
        "    return None if snapshot.fire_active else snapshot.threat_at.get(portal)\n",
        "    return snapshot.threat_at.get(portal)\n",
        _LOCKDOWN,
    ),
    one(
        "a threat lost on restart",
        "devicemgr/store/ledger/events.py",
        "        threats.store(session, fields)\n",
        "",
        _THREATS,
    ),
    one(
        "a threat in force only once it is recorded",
        "devicemgr/access/portals/threat_control.py",
        "            self._rules.set_threats({**rules.threats_in_force, name: found})\n"
        "            outcomes = self._send_to_gates(before, found, began)\n",
        "            outcomes = self._send_to_gates(before, found, began)\n",
        _THREATS,
    ),
    one(
        "a first person by the grant instead of the passage",
        "devicemgr/domain/rules/areas/fold.py",
        "        requests[event.request] = event.person_id\n",
        "        requests[event.request] = event.person_id\n        _on_first_person(draft, event, event.person_id)\n",
        _MODES,
        _FREE,
    ),
    one(
        "free sent in a threat",
        "devicemgr/domain/rules/threats/effective_mode.py",
        "    if standing is not None and standing.threat.free is not FreePortals.KEEP:\n",
        "    if False:\n",
        _MODES,
        _THREATS,
    ),
    one(
        "a threat that ends no first person's free time",
        "devicemgr/domain/rules/threats/effective_mode.py",
        "    if passed is None or (suspended is not None and passed <= suspended):\n",
        "    if passed is None:\n",
        _MODES,
    ),
    one(
        "devices that decide alone and keep everyone in a lockdown",
        "devicemgr/domain/rules/threats/device_doors.py",
        "    threats = threats_at(device, snapshot) if alone else {}\n",
        "    threats = {}\n",
        _LOCKDOWN,
    ),
    one(
        "a zone that opens with anyone inside",
        "devicemgr/domain/rules/areas/first_person.py",
        "    return any(is_in(state, person, zone.name, at, zones) for person in zones.openers.get(zone.name, ()))\n",
        "    return True\n",
        _FIRST,
    ),
    one(
        "a portal freed in a threat without confirmation",
        "devicemgr/access/portals/portal_modes.py",
        "        if standing is not None and not despite_threat:\n",
        "        if False:\n",
        _THREATS,
    ),
)
