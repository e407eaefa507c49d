"""`devicemgr sim …`: simulated devices for training and tests; each prints JSON lines until SIGTERM or Ctrl-C."""

import os
import re
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from devicemgr.errors import InvalidInput

app = typer.Typer()

Faults = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME[:every N]",
        help="What goes wrong: silence, garbage, late-ack, lost-ack, wrong-unit, unplug, stuck-arm or power-loss.",
    ),
]

_SIZE = re.compile(r"([0-9]{2,4})x([0-9]{2,4})")


@app.command("camera")
def camera(
    photo: Annotated[
        Path | None, typer.Option(help="Whose face comes and goes; else a portrait that is public.")
    ] = None,
    face: Annotated[
        str | None, typer.Option(metavar="T,R,B,L", help="Where the face is in the photo, as `enroll check` tells.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port on this host; 0 takes a free one.")] = 0,
    fps: Annotated[float, typer.Option(help="Pictures a second.")] = 10.0,
    size: Annotated[str, typer.Option(metavar="WxH", help="Size of the picture in pixels.")] = "640x480",
    present: Annotated[float, typer.Option(help="Seconds that the face is in view.")] = 4.0,
    absent: Annotated[float, typer.Option(help="Seconds without it.")] = 3.0,
    username: Annotated[str | None, typer.Option(help="Ask clients for this user name and a password.")] = None,
    password_env: Annotated[
        str | None, typer.Option(metavar="VAR", help="The variable that holds the password.")
    ] = None,
) -> None:
    """Serve a moving, noisy, re-lit face as MJPEG over HTTP; the first line tells the address."""
    from drivers.sim.camera.camera import Cycle, run  # noqa: PLC0415 - numpy and Pillow, which `--help` need not load

    if photo is not None and not photo.is_file():
        raise InvalidInput(f"{photo} is not a file; give a photo")
    found = _SIZE.fullmatch(size)
    if found is None:
        raise typer.BadParameter("--size: write it like 640x480")
    width, height = int(found[1]), int(found[2])
    cycle = Cycle(present, absent)
    run(photo, port, fps, (width, height), cycle, face=_box(face), credentials=_credentials(username, password_env))


def _box(text: str | None) -> tuple[int, int, int, int] | None:
    if text is None:
        return None
    parts = text.split(",")
    if len(parts) != 4 or not all(part.strip().isdigit() for part in parts):
        raise typer.BadParameter("--face: write top,right,bottom,left like 83,267,171,179")
    top, right, bottom, left = (int(part) for part in parts)
    return top, right, bottom, left


def _credentials(username: str | None, variable: str | None) -> tuple[str, str] | None:
    if username is None and variable is None:
        return None
    password = os.environ.get(variable, "") if variable else ""
    if not username or not password:
        raise InvalidInput("give both --username and --password-env with the name of a variable that is set")
    return username, password


@app.command("turnstile")
def turnstile(
    link: Annotated[Path | None, typer.Option(help="A stable name for its serial line, such as /tmp/gate.")] = None,
    listen: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="A serial server instead of a pty.")] = None,
    unit: Annotated[int, typer.Option(min=1, max=247, help="Modbus address.")] = 1,
    passage: Annotated[bool, typer.Option(help="Whether someone goes through after a release.")] = True,
    passage_delay: Annotated[float, typer.Option(help="Seconds until that person steps in.")] = 0.3,
    passage_seconds: Annotated[float, typer.Option(help="Seconds that the person takes.")] = 0.5,
    fault: Faults = None,
) -> None:
    """Answer as a LOT turnstile on Modbus RTU; lines on standard input inject faults: `fault lost-ack`, `clear`.

    `card 1 0F00FBD601` shows a card, `errors 0 3` sets bits of the error register, and `errors` alone clears them.
    """
    from drivers.sim.gates.turnstile import run  # noqa: PLC0415 - as above

    if link is not None and listen is not None:
        raise typer.BadParameter("give --link or --listen, not both")
    run(link, listen, unit, passage, passage_delay, passage_seconds, fault or ())


@app.command("relay")
def relay(
    model: Annotated[
        str, typer.Option(help="lcus, kmtronic, numato, devantech, modbus, eletechsup or oven.")
    ] = "modbus",
    link: Annotated[Path | None, typer.Option(help="A stable name for its serial line, such as /tmp/gate.")] = None,
    relays: Annotated[int, typer.Option(min=1, max=32, help="How many relays and inputs it has.")] = 8,
    unit: Annotated[int, typer.Option(min=1, max=247, help="Modbus address.")] = 1,
    contacts: Annotated[
        str, typer.Option(help="none, or a dry-contact turnstile behind it: pulse or potential.")
    ] = "none",
    passage: Annotated[bool, typer.Option(help="Whether someone goes through after a release.")] = True,
    fault: Faults = None,
) -> None:
    """Answer as a relay board; lines on standard input: `input 3 on`, `fault power-loss`, `clear`."""
    from drivers.sim.gates.relay_boards import SimulatedRelayBoard, print_event, run  # noqa: PLC0415 - as above

    models = ("lcus", "kmtronic", "numato", "devantech", "modbus", "eletechsup", "oven")
    if model not in models or contacts not in ("none", "pulse", "potential"):
        raise typer.BadParameter(f"--model is one of {', '.join(models)}; --contacts none, pulse or potential")
    board = SimulatedRelayBoard(
        cast("Any", model), link, relays, unit, contacts=cast("Any", contacts), passage=passage, on_event=print_event
    )
    run(board, model, fault or ())


@app.command("onvif")
def onvif(
    kind: Annotated[str, typer.Option(help="camera, door, or both in one device.")] = "camera",
    host: Annotated[
        str, typer.Option(help="Address on this host; loopback has 127.0.0.1 to 127.255.255.254.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port of the first; 0 takes free ones.")] = 0,
    count: Annotated[int, typer.Option(min=1, max=500, help="How many devices, on ports one after the other.")] = 1,
    auth: Annotated[str, typer.Option(help="token, digest, both or none.")] = "both",
    username: Annotated[str, typer.Option(help="The administrator.")] = "admin",
    password_env: Annotated[
        str | None, typer.Option(metavar="VAR", help="The variable that holds the password; else it is admin.")
    ] = None,
    discovery: Annotated[bool, typer.Option(help="Answer WS-Discovery on UDP port 3702 (one device a host).")] = False,
    requests: Annotated[bool, typer.Option(help="Print each request too.")] = False,
) -> None:
    """Answer as an ONVIF camera or door; lines on standard input inject faults: `fault slow true`, `reboot`."""
    from drivers.sim.onvif.run import KINDS, run  # noqa: PLC0415 - as above

    if kind not in KINDS or auth not in ("token", "digest", "both", "none"):
        raise typer.BadParameter("--kind is camera, door or both; --auth is token, digest, both or none")
    if discovery and count > 1:
        raise typer.BadParameter("--discovery is for one device: start the others with another --host")
    password = os.environ.get(password_env, "") if password_env else "admin"
    if not password:
        raise InvalidInput(f"the variable {password_env} is not set; put the password into it")
    places = [(host, port + number if port else 0) for number in range(count)]
    run(kind, places, auth, (username, password), discovery=discovery, talkative=requests)


@app.command("osdp")
def osdp(
    link: Annotated[Path | None, typer.Option(help="A stable name for its serial line, such as /tmp/gate.")] = None,
    listen: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="A serial server instead of a pty.")] = None,
    unit: Annotated[int, typer.Option(min=0, max=126, help="OSDP address.")] = 0,
    key_env: Annotated[
        str | None, typer.Option(metavar="VAR", help="The variable that holds its key, 32 hex digits.")
    ] = None,
    install: Annotated[bool, typer.Option("--install", help="In install mode: it takes the key it is given.")] = False,
) -> None:
    """Answer as an OSDP reader; type card HEX:BITS, keys 1234#, tamper on, input 1 on, silence, wrong-key, unplug 5."""
    from drivers.osdp_reader.keys import read_keys  # noqa: PLC0415 - as above
    from drivers.sim.osdp.run import run  # noqa: PLC0415 - as above

    if link is not None and listen is not None:
        raise typer.BadParameter("give --link or --listen, not both")
    keys = read_keys(os.environ.get(key_env) if key_env else None)
    if bool(keys) == install or len(keys) > 1:
        raise InvalidInput("give --key-env with the name of a variable that holds the reader's key, or --install")
    run(link, listen, unit, keys[0] if keys else None)


@app.command("dahua")
def dahua(
    host: Annotated[
        str, typer.Option(help="Address on this host; loopback has 127.0.0.1 to 127.255.255.254.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port; 0 takes a free one.")] = 0,
    username: Annotated[str, typer.Option(help="The administrator.")] = "admin",
    password_env: Annotated[
        str | None, typer.Option(metavar="VAR", help="The variable that holds the password; else it is admin123.")
    ] = None,
    legacy: Annotated[bool, typer.Option(help="Know only the older commands for people.")] = False,
    doors: Annotated[int, typer.Option(min=1, max=8, help="Doors that it opens.")] = 1,
    capacity: Annotated[int, typer.Option(min=0, help="People that fit into its memory.")] = 50_000,
    requests: Annotated[bool, typer.Option(help="Print each request too.")] = False,
) -> None:
    """Answer as a Dahua face terminal; lines on standard input: `someone 42`, `stranger`, `fault storm`."""
    from drivers.sim.dahua.run import run  # noqa: PLC0415 - as above

    password = os.environ.get(password_env, "") if password_env else "admin123"
    if not password:
        raise InvalidInput(f"the variable {password_env} is not set; put the password into it")
    run(host, port, (username, password), legacy=legacy, doors=doors, capacity=capacity, talkative=requests)


@app.command("hikvision")
def hikvision(
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port on this host; 0 takes a free one.")] = 0,
    username: Annotated[str, typer.Option(help="The administrator.")] = "admin",
    password_env: Annotated[
        str | None, typer.Option(metavar="VAR", help="The variable that holds the password; else it is sim-pass-1.")
    ] = None,
    capacity: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many people it holds.")] = 3000,
    stored: Annotated[int, typer.Option(min=0, max=1_000_000, help="Events that its memory begins with.")] = 0,
    skew: Annotated[float, typer.Option(help="Seconds that its clock is ahead.")] = 0.0,
) -> None:
    """Answer as a Hikvision face-ID console; lines on standard input: `someone 42`, `stranger`."""
    from datetime import timedelta  # noqa: PLC0415 - as above

    from drivers.sim.hikvision.run import print_event, run  # noqa: PLC0415 - as above
    from drivers.sim.hikvision.server import SimulatedHikvision  # noqa: PLC0415 - as above

    password = os.environ.get(password_env, "") if password_env else "sim-pass-1"
    if not password:
        raise InvalidInput(f"the variable {password_env} is not set; put the password into it")
    device = SimulatedHikvision(username, password, port, capacity=capacity, on_event=print_event)
    device.terminal.skew = timedelta(seconds=skew)
    for _ in range(stored):
        device.terminal.add_event(0x4C, currentVerifyMode="face")
    run(device)


@app.command("web-relay")
def web_relay(
    model: Annotated[str, typer.Option(help="shelly, tasmota, dingtian, devantech or kmtronic.")] = "shelly",
    relays: Annotated[int, typer.Option(min=1, max=8, help="How many relays it has.")] = 2,
    inputs: Annotated[int, typer.Option(min=0, max=8, help="How many inputs it has (Shelly, Tasmota).")] = 2,
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port on this host; 0 takes a free one.")] = 0,
    password_env: Annotated[
        str | None, typer.Option(metavar="VAR", help="The variable that holds its password.")
    ] = None,
    fault: Faults = None,
) -> None:
    """Answer as a relay board over HTTP; lines on standard input: `input 1 on`, `fault lost-ack`, `clear`."""
    from drivers.sim.web_relay.board import SimulatedWebRelay, print_event, run  # noqa: PLC0415 - as above
    from drivers.sim.web_relay.pages import PAGES  # noqa: PLC0415 - as above

    if model not in PAGES:
        raise typer.BadParameter(f"--model is one of {', '.join(PAGES)}")
    password = os.environ.get(password_env, "") if password_env else ""
    if password_env and not password:
        raise InvalidInput(f"the variable {password_env} is not set; export it with the board's password")
    run(SimulatedWebRelay(model, relays, inputs, password, port, on_event=print_event), fault or ())


@app.command("ironlogic")
def ironlogic(
    server: Annotated[str, typer.Option(metavar="URL", help="Where the device listens: http://HOST:PORT/PATH.")],
    serial: Annotated[int, typer.Option(min=1, max=0xFFFFFFFF, help="Its serial number.")] = 40646,
    interval: Annotated[float, typer.Option(min=0.05, max=60, help="Seconds between its calls.")] = 2.0,
    fault: Faults = None,
) -> None:
    """Call as an IronLogic controller; lines on standard input: `card 0000008D5722 1`, `event 38 1`, `fault deaf`."""
    from drivers.sim.ironlogic.controller import SimulatedIronlogic, print_event, run  # noqa: PLC0415 - as above

    run(SimulatedIronlogic(server, serial, interval, on_event=print_event), server, fault or ())


@app.command("uhppote")
def uhppote(
    controller: Annotated[int, typer.Option(min=1, max=0xFFFFFFFE, help="Its serial number.")] = 423187757,
    host: Annotated[str, typer.Option(help="Address on this host that it listens on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="UDP port; 0 takes a free one, real ones: 60000.")] = 0,
    card: Annotated[
        list[int] | None, typer.Option(help="A card that it holds already, for all doors; several are fine.")
    ] = None,
) -> None:
    """Answer as a UHPPOTE door controller; lines on standard input swipe cards and inject faults: `card 8058400 1`."""
    from drivers.sim.uhppote.commands import run  # noqa: PLC0415 - as above

    run(controller, host, port, card or [])


@app.command("zkteco")
def zkteco(
    server: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where the device's push_port is; the terminal calls it.")
    ] = "127.0.0.1:8081",
    serial: Annotated[str, typer.Option(help="Its serial number.")] = "3383154200002",
    doors: Annotated[int, typer.Option(min=1, max=8, help="Doors that it opens.")] = 1,
    several_cards: Annotated[bool, typer.Option(help="Keep several cards a person.")] = False,
    attendance: Annotated[bool, typer.Option(help="Be attendance firmware, which opens no doors.")] = False,
    requests: Annotated[bool, typer.Option(help="Print each command and upload too.")] = False,
) -> None:
    """Call as a ZKTeco face terminal; lines on standard input: `person 42`, `stranger`."""
    from drivers.sim.zkteco.run import run  # noqa: PLC0415 - as above

    host, _, port = server.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise typer.BadParameter("--server: write it like 127.0.0.1:8081")
    run(serial, (host, int(port)), doors=doors, several_cards=several_cards, attendance=attendance, talkative=requests)


@app.command("zkteco-controller")
def zkteco_controller(
    host: Annotated[str, typer.Option(help="Address on this box that it listens on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port; 0 takes a free one, real ones: 4370.")] = 0,
    serial: Annotated[str, typer.Option(help="Its serial number.")] = "DDG8130016092200401",
    doors: Annotated[int, typer.Option(min=1, max=4, help="Doors that it opens.")] = 4,
    password_env: Annotated[
        str | None, typer.Option(metavar="VAR", help="The variable that holds its password; else it has none.")
    ] = None,
    sessions: Annotated[bool, typer.Option(help="Number sessions and messages, as some firmware does.")] = True,
) -> None:
    """Answer as a ZKTeco C3 controller; lines on standard input show cards and inject faults: `card 8058400 1`."""
    from drivers.sim.base.command import print_line  # noqa: PLC0415 - as above
    from drivers.sim.zkteco.controller import SimulatedController  # noqa: PLC0415 - as above
    from drivers.sim.zkteco.run_controller import run  # noqa: PLC0415 - as above

    password = os.environ.get(password_env, "") if password_env else ""
    if password_env and not password:
        raise InvalidInput(f"the variable {password_env} is not set; put the password into it")
    run(
        SimulatedController(
            port, host=host, password=password, sessions=sessions, doors=doors, serial=serial, on_event=print_line
        )
    )
