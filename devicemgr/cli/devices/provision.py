"""`devicemgr device provision`: a reader's own key, or devices set up by their profiles, several at once."""

from typing import Annotated, Any

import typer

from devicemgr.cli.context import api, finish
from devicemgr.cli.devices.parallel import at_once
from devicemgr.cli.output import emit, notes, say, table
from devicemgr.cli.transport.api_client import Api, ApiProblem, path
from devicemgr.errors import DaemonUnreachable, DevicemgrError
from devicemgr.text import counted

app = typer.Typer()

EXIT_DIFFERS = 4
# What the answer itself may take after the window.
_MORE_SECONDS = 30.0
_DEVICE_SECONDS = 300.0
_GO_ON = "run the same command again and it goes on from there"


@app.command("provision")
def provision(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Which devices.")] = None,
    profile: Annotated[
        str | None, typer.Option(metavar="P", help="By this profile; else each by its own in the site's file.")
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All devices with a profile; with --profile all that can take one.")
    ] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Only show what differs; exit 4 if something does.")] = False,
    pair: Annotated[
        bool, typer.Option("--pair", help="Give a reader that is in install mode a key of its own.")
    ] = False,
    set_unit: Annotated[
        int | None, typer.Option("--set-unit", min=0, max=126, help="Give an OSDP reader this address on its line.")
    ] = None,
    set_baudrate: Annotated[
        int | None,
        typer.Option("--set-baudrate", min=9600, max=921600, help="Give an OSDP reader this speed, with its address."),
    ] = None,
    seconds: Annotated[int, typer.Option(min=1, max=300, help="How long the reader may take for --pair.")] = 60,
) -> None:
    """Bring devices into service: set them up by a profile, or give a reader a key of its own."""
    found = list(dict.fromkeys(names or []))
    if pair:
        if len(found) != 1 or everything or plan or profile:
            raise typer.BadParameter("--pair is for one reader: device provision NAME --pair")
        _pair(found[0], seconds)
        return
    if set_unit is not None or set_baudrate is not None:
        if len(found) != 1 or everything or plan or profile:
            raise typer.BadParameter(
                "--set-unit and --set-baudrate are for one reader: device provision NAME --set-unit N"
            )
        _readdress(found[0], set_unit, set_baudrate)
        return
    if bool(found) == everything:
        raise typer.BadParameter("specify device names or --all")
    _provision(found or api().get("/provisioning", profile=profile), profile, plan)


def _pair(name: str, seconds: int) -> None:
    notes().print(f"waiting up to {seconds} s for {name} to take a new key", markup=False, soft_wrap=True)
    found: dict[str, Any] = api().post(
        path("devices", name, "pair"), {"seconds": seconds}, timeout=seconds + _MORE_SECONDS
    )
    say(f"paired {name}; it has a key of its own now", found)


def _readdress(name: str, unit: int | None, baudrate: int | None) -> None:
    found: dict[str, Any] = api().post(
        path("devices", name, "readdress"), {"unit": unit, "baudrate": baudrate}, timeout=_MORE_SECONDS
    )
    say(f"{name} is at {found['address']} unit {found['unit']} now", found)


def _provision(names: list[str], profile: str | None, plan: bool) -> None:
    results = _all_of(names, {"profile": profile, "plan": plan}, "comparing" if plan else "setting up")
    if not emit({"plan": plan, "devices": results}):
        _show(results)
    failed = [result for result in results if not result["ok"]]
    if failed:
        raise _Failed(failed, len(results))
    if any(result["differs"] for result in results):
        finish(EXIT_DIFFERS)


def _all_of(names: list[str], wish: dict[str, Any], doing: str) -> list[dict[str, Any]]:
    """Each device's result in the order of names; what the API refuses ends all."""
    line, found = api(), {}
    try:
        for result in at_once(doing, names, lambda name: _one(line, name, wish)):
            found[result["device"]] = result
    except KeyboardInterrupt as interrupt:
        raise DevicemgrError(f"stopped after {len(found)} of {counted(len(names), 'device')}; {_GO_ON}") from interrupt
    except DaemonUnreachable as error:
        raise DaemonUnreachable(f"{error} (after {len(found)} of {counted(len(names), 'device')}; {_GO_ON})") from error
    return [found[name] for name in names]


def _one(line: Api, name: str, wish: dict[str, Any]) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = line.post(path("devices", name, "provision"), wish, timeout=_DEVICE_SECONDS)
    except ApiProblem as problem:
        answer = {
            "device": name,
            "profile": wish["profile"],
            "ok": False,
            "differs": False,
            "error": str(problem),
            "exit_code": problem.exit_code,
            "steps": [],
        }
    return answer


def _show(results: list[dict[str, Any]]) -> None:
    rows = [
        (result["device"], step["step"], _before(step), _after(step), _outcome(step))
        for result in results
        for step in result["steps"]
        if step["outcome"] not in ("same", "not_tried")
    ]
    rows += [(result["device"], "–", "–", "–", result["error"]) for result in results if result["error"]]
    met = (
        f"{counted(len(results), 'device')} set up as the profiles say"
        if results
        else "no device has a profile: see --help"
    )
    table("", ("device", "step", "was", "now", "outcome"), rows, met)


def _before(step: dict[str, Any]) -> Any:
    return _narrow(step, step["was"])


def _after(step: dict[str, Any]) -> Any:
    if step["step"] == "password":
        return "a new one" if step["outcome"] in ("changed", "differs") else None
    return _narrow(step, step["wanted"] if step["outcome"] == "differs" else step["now"])


def _narrow(step: dict[str, Any], value: Any) -> Any:
    """Of a stream, what the profile speaks of."""
    wanted = step["wanted"]
    if isinstance(value, dict) and isinstance(wanted, dict):
        return {name: value.get(name) for name in wanted}
    return value


def _outcome(step: dict[str, Any]) -> str:
    return f"{step['outcome']}: {step['why']}" if step["why"] else str(step["outcome"])


class _Failed(DevicemgrError):
    """Some devices are not as they should be; the exit code of one that was requested alone."""

    def __init__(self, failed: list[dict[str, Any]], of: int) -> None:
        super().__init__(self._words(failed, of))
        self.exit_code = int(failed[0]["exit_code"]) if of == 1 else 1

    @staticmethod
    def _words(failed: list[dict[str, Any]], of: int) -> str:
        if of == 1 and failed[0]["error"]:
            return str(failed[0]["error"])
        names = ", ".join(result["device"] for result in failed[:5]) + (" and others" if len(failed) > 5 else "")
        share = f"{len(failed)} of {counted(of, 'device')}"
        return f"{share} not as the profile says: {names}; see to the cause, then {_GO_ON}"
