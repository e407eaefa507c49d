"""Relay outputs and digital inputs: the device service's and the device I/O service's (ONVIF Core 8.6, DeviceIO)."""

from drivers.sim.onvif.call import Call, Operation
from drivers.sim.onvif.soap import PREFIXES, SoapFault, no_such, seconds
from drivers.sim.onvif.state import Relay, State

RELAY_TOPIC = "tns1:Device/Trigger/Relay"
INPUT_TOPIC = "tns1:Device/Trigger/DigitalInput"


def get_relay_outputs(call: Call) -> str:
    """List the relays with mode, delay and idle state."""
    prefix = "tmd" if call.request.namespace == PREFIXES["tmd"] else "tds"
    return "".join(
        f'<{prefix}:RelayOutputs token="{relay.token}"><tt:Properties><tt:Mode>{relay.mode}</tt:Mode>'
        f"<tt:DelayTime>PT{relay.delay:g}S</tt:DelayTime><tt:IdleState>{relay.idle}</tt:IdleState></tt:Properties>"
        f"</{prefix}:RelayOutputs>"
        for relay in call.state.relays
    )


def relay_of(state: State, token: str) -> Relay:
    """Return the relay, or ter:RelayToken."""
    for relay in state.relays:
        if relay.token == token:
            return relay
    raise no_such("relay", "ter:RelayToken")


def set_relay_output_settings(call: Call) -> str:
    """Set mode, delay and idle state of a relay, given by either of the two services' requests."""
    token = call.request.text("RelayOutputToken")
    if not token and (found := call.request.all("RelayOutput")):
        token = found[0].get("token", "")
    relay = relay_of(call.state, token)
    mode = call.request.text("Mode", relay.mode)
    if mode not in ("Monostable", "Bistable"):
        raise SoapFault("no such mode", "ter:InvalidArgVal", "ter:ModeError")
    relay.mode, relay.idle = mode, call.request.text("IdleState", relay.idle)
    relay.delay = seconds(call.request.text("DelayTime"), relay.delay)
    return ""


def set_relay_output_state(call: Call) -> str:
    """Switch a relay, and count it."""
    relay = relay_of(call.state, call.request.text("RelayOutputToken"))
    active = call.request.text("LogicalState") == "active"
    relay.switched += 1
    switch(call, relay, active)
    if active and relay.mode == "Monostable":
        number = relay.switched

        def end(state: State) -> None:
            again = relay_of(state, relay.token)
            if again.switched == number:
                switch(call, again, False)

        call.around.after(relay.delay, end)
    return ""


def switch(call: Call, relay: Relay, active: bool) -> None:
    """Move the relay and tell."""
    relay.active = active
    fields = {"LogicalState": "active" if active else "inactive"}
    call.around.notify(RELAY_TOPIC, {"RelayToken": relay.token}, fields)


def get_digital_inputs(call: Call) -> str:
    """List the tokens of the digital inputs."""
    return "".join(f'<tmd:DigitalInputs token="{token}"/>' for token in call.state.inputs)


def get_relay_output_options(call: Call) -> str:
    """List the modes that each relay offers."""
    return "".join(
        f'<tmd:RelayOutputOptions token="{relay.token}"><tmd:Mode>Monostable</tmd:Mode><tmd:Mode>Bistable</tmd:Mode>'
        "</tmd:RelayOutputOptions>"
        for relay in call.state.relays
    )


OPERATIONS: dict[str, Operation] = {
    "GetRelayOutputs": get_relay_outputs,
    "SetRelayOutputSettings": set_relay_output_settings,
    "SetRelayOutputState": set_relay_output_state,
    "GetDigitalInputs": get_digital_inputs,
    "GetRelayOutputOptions": get_relay_output_options,
}
