"""The command `devicemgr`: joins core, drivers and enrollment; nothing else."""

import sys
from typing import TYPE_CHECKING

from devicemgr.cli.app import run
from devicemgr.cli.command_table import COMMANDS, GROUPS, Row
from devicemgr.cli.context import Session
from devicemgr.cli.lazy_group import build_app

if TYPE_CHECKING:
    from devicemgr.cli.demo.bench import BenchParts
    from devicemgr.site.site import Parts

# Resolved in recognizer processes, never here.
ENCODER = "enrollment.models.encoder:build_encoder"
OWN_ENCODER = "enrollment.custom_model:build_encoder"
OPENER = "drivers.common.video.source:open_source"

_SIM = "drivers.sim.commands:app"

TABLE = COMMANDS | {
    "sim camera": Row(
        _SIM,
        "Serve a moving, noisy, re-lit face as MJPEG over HTTP; the first line tells the address.",
        "devicemgr sim camera --photo face.jpg",
    ),
    "sim turnstile": Row(
        _SIM,
        "Answer as a LOT turnstile on Modbus RTU; lines on standard input inject faults: `fault lost-ack`, `clear`.",
        "devicemgr sim turnstile --link /tmp/turnstile --passage",
    ),
    "sim relay": Row(
        _SIM,
        "Answer as a relay board; lines on standard input: `input 3 on`, `fault power-loss`, `clear`.",
        "devicemgr sim relay --model lcus --link /tmp/relay",
    ),
    "sim onvif": Row(
        _SIM,
        "Answer as an ONVIF camera or door; lines on standard input inject faults: `fault slow true`, `reboot`.",
        "devicemgr sim onvif --kind door",
    ),
    "sim osdp": Row(
        _SIM,
        "Answer as an OSDP reader; type card HEX:BITS, keys 1234#, tamper on, input 1 on, silence, wrong-key, unplug 5.",  # noqa: E501
        "devicemgr sim osdp --link /tmp/reader --install",
    ),
    "sim dahua": Row(
        _SIM,
        "Answer as a Dahua face terminal; lines on standard input: `someone 42`, `stranger`, `fault storm`.",
        "devicemgr sim dahua --requests",
    ),
    "sim hikvision": Row(
        _SIM,
        "Answer as a Hikvision face-ID console; lines on standard input: `someone 42`, `stranger`.",
        "devicemgr sim hikvision --stored 100",
    ),
    "sim web-relay": Row(
        _SIM,
        "Answer as a relay board over HTTP; lines on standard input: `input 1 on`, `fault lost-ack`, `clear`.",
        "devicemgr sim web-relay --model shelly",
    ),
    "sim ironlogic": Row(
        _SIM,
        "Call as an IronLogic controller; lines on standard input: `card 0000008D5722 1`, `event 38 1`, `fault deaf`.",
        "devicemgr sim ironlogic --server http://127.0.0.1:8090",
    ),
    "sim uhppote": Row(
        _SIM,
        "Answer as a UHPPOTE door controller; lines on standard input swipe cards and inject faults: `card 8058400 1`.",
        "devicemgr sim uhppote --controller 423187757",
    ),
    "sim zkteco": Row(
        _SIM,
        "Call as a ZKTeco face terminal; lines on standard input: `person 42`, `stranger`.",
        "devicemgr sim zkteco --server http://127.0.0.1:8091",
    ),
    "sim zkteco-controller": Row(
        _SIM,
        "Answer as a ZKTeco C3 controller; lines on standard input show cards and inject faults: `card 8058400 1`.",
        "devicemgr sim zkteco-controller --doors 2",
    ),
}

app = build_app(
    "Runs a facility's entrances: recognizes enrolled staff, opens the gates, keeps the audit log.",
    GROUPS | {"sim": "Simulated devices, for training and tests."},
    TABLE,
)


def load_parts() -> "Parts":
    """Return what the core can't import: drivers, and everything about faces."""
    from importlib.resources import files  # noqa: PLC0415 - most commands need none of this

    from devicemgr.site.site import Parts  # noqa: PLC0415
    from drivers import Catalog  # noqa: PLC0415
    from enrollment.evaluation.evaluate import evaluate as evaluate_photos  # noqa: PLC0415
    from enrollment.matching.calibration import calibrate as calibrate_rows  # noqa: PLC0415
    from enrollment.matching.gallery import build_gallery  # noqa: PLC0415
    from enrollment.models.encoder import MODEL  # noqa: PLC0415
    from enrollment.workers.service import build_desk  # noqa: PLC0415

    return Parts(
        catalog=Catalog(),
        faces=build_desk(workers=2),
        build_gallery=build_gallery,
        model=MODEL,
        encoder=ENCODER,
        opener=OPENER,
        udev_template=files("udev") / "70-devicemgr.rules.in",
        calibrate=calibrate_rows,
        evaluate=evaluate_photos,
        own_encoder=OWN_ENCODER,
    )


def load_bench() -> "BenchParts":
    """Return what `bench` measures outside the core."""
    from devicemgr.cli.demo.bench import BenchParts  # noqa: PLC0415
    from drivers.sim.camera.camera import make_video  # noqa: PLC0415
    from enrollment.bench import measure_recognition, measure_search  # noqa: PLC0415

    return BenchParts(measure_recognition, measure_search, make_video, ENCODER, OPENER)


def main() -> None:
    """Run the command line; the entry point of the console script."""
    sys.exit(run(app, Session(load_parts, load_bench), sys.argv[1:]))


if __name__ == "__main__":
    main()
