"""Door control and access control (Profile C)."""

from xml.sax.saxutils import escape

from drivers.sim.onvif.call import Call, Operation
from drivers.sim.onvif.soap import SoapFault, no_such, seconds
from drivers.sim.onvif.state import Door, State

ACCESS_S = 5.0
STATE_TOPICS = {
    "mode": "DoorMode",
    "physical": "DoorPhysicalState",
    "lock": "LockPhysicalState",
    "alarm": "DoorAlarm",
    "tamper": "DoorTamper",
    "fault": "DoorFault",
}
_CAPABILITIES = (
    '<tdc:Capabilities Access="true" AccessTimingOverride="true" Lock="true" Unlock="true" Block="true" '
    'DoorMonitor="true" LockMonitor="true" Alarm="true" Tamper="true" Fault="true"/>'
)


def door_of(state: State, token: str) -> Door:
    """Return the door, or ter:NotFound."""
    for door in state.doors:
        if door.token == token:
            return door
    raise no_such("door", "ter:NotFound")


def _info(door: Door, tag: str) -> str:
    return f'<tdc:{tag} token="{door.token}"><tdc:Name>{escape(door.name)}</tdc:Name>{_CAPABILITIES}</tdc:{tag}>'


def get_door_info_list(call: Call) -> str:
    """List doors in pages of one, so that every reader has to follow NextStartReference."""
    doors = call.state.doors
    start = call.request.text("StartReference")
    at = int(start.removeprefix("after-")) if start.startswith("after-") else 0
    nxt = f"<tdc:NextStartReference>after-{at + 1}</tdc:NextStartReference>" if at + 1 < len(doors) else ""
    return nxt + "".join(_info(door, "DoorInfo") for door in doors[at : at + 1])


def get_door_info(call: Call) -> str:
    """Return name and capabilities of the requested doors."""
    tokens = {str(node.text) for node in call.request.all("Token")}
    return "".join(_info(door, "DoorInfo") for door in call.state.doors if door.token in tokens)


def get_door_state(call: Call) -> str:
    """Return mode, contacts and alarms of a door."""
    door = door_of(call.state, call.request.text("Token"))
    return (
        f"<tdc:DoorState><tdc:DoorPhysicalState>{door.physical}</tdc:DoorPhysicalState><tdc:LockPhysicalState>{door.lock}"
        f"</tdc:LockPhysicalState><tdc:Alarm>{door.alarm}</tdc:Alarm><tdc:Tamper><tdc:State>{door.tamper}</tdc:State>"
        f"</tdc:Tamper><tdc:Fault><tdc:State>{door.fault}</tdc:State></tdc:Fault><tdc:DoorMode>{door.mode}</tdc:DoorMode>"
        "</tdc:DoorState>"
    )


def change(call: Call, door: Door, **values: str) -> None:
    """Set properties of a door and tell of each that changed."""
    for name, value in values.items():
        if getattr(door, name) != value:
            setattr(door, name, value)
            topic = f"tns1:Door/State/{STATE_TOPICS[name]}"
            call.around.notify(topic, {"DoorToken": door.token}, {"State": value})


def access_door(call: Call) -> str:
    """Open a door for one access; refuse while it is locked down."""
    door = door_of(call.state, call.request.text("Token"))
    if door.mode in ("Blocked", "LockedDown", "DoubleLocked"):
        raise SoapFault("the door is locked down", "ter:ActionNotSupported", sender=False, status=500)
    door.accesses += 1
    before, number = door.mode, door.accesses
    change(call, door, mode="Accessed", lock="Unlocked")

    def end(state: State) -> None:
        again = door_of(state, door.token)
        if again.accesses == number and again.mode == "Accessed":
            back = before if before in ("Unlocked", "Locked") else "Locked"
            change(call, again, mode=back, lock="Unlocked" if back == "Unlocked" else "Locked")

    call.around.after(seconds(call.request.text("AccessTime"), ACCESS_S), end)
    return ""


def lock_door(call: Call) -> str:
    """Lock a door."""
    change(call, door_of(call.state, call.request.text("Token")), mode="Locked", lock="Locked")
    return ""


def unlock_door(call: Call) -> str:
    """Unlock a door until it is locked."""
    change(call, door_of(call.state, call.request.text("Token")), mode="Unlocked", lock="Unlocked")
    return ""


def block_door(call: Call) -> str:
    """Block a door."""
    change(call, door_of(call.state, call.request.text("Token")), mode="Blocked", lock="Locked")
    return ""


def get_access_point_info_list(call: Call) -> str:
    """List the access points with the door of each."""
    return "".join(
        f'<tac:AccessPointInfo token="{point.token}"><tac:Name>{escape(point.name)}</tac:Name><tac:Entity>{point.door}'
        '</tac:Entity><tac:Capabilities DisableAccessPoint="false" ExternalAuthorization="true"/></tac:AccessPointInfo>'
        for point in call.state.points
    )


def external_authorization(call: Call) -> str:
    """Keep the decision sent for an access point."""
    call.state.decisions.append((call.request.text("AccessPointToken"), call.request.text("Decision")))
    return ""


DOORS: dict[str, Operation] = {
    "GetDoorInfoList": get_door_info_list,
    "GetDoorInfo": get_door_info,
    "GetDoorState": get_door_state,
    "AccessDoor": access_door,
    "LockDoor": lock_door,
    "UnlockDoor": unlock_door,
    "BlockDoor": block_door,
}
ACCESS: dict[str, Operation] = {
    "GetAccessPointInfoList": get_access_point_info_list,
    "ExternalAuthorization": external_authorization,
}
