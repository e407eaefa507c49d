"""The command `devicemgr`: mounts the sub-apps and joins core, drivers and enrolment; nothing else."""

import sys
from importlib.resources import files
from typing import TYPE_CHECKING

import typer

from devicemgr.cli.app import run
from devicemgr.cli.context import Session
from devicemgr.cli.demo import bench, demo
from devicemgr.cli.devices import (
    devices,
    discover,
    firmware,
    inventory,
    maintenance,
    provision,
    record,
    sync,
    trace,
    udev,
)
from devicemgr.cli.people import (
    calibrate,
    camera_enrollment,
    credentials,
    evaluate,
    faces,
    model_migration,
    people,
)
from devicemgr.cli.site import access_levels, clock, events, keys, operators, portals, site_file
from devicemgr.cli.system import audit, backup, recover, system
from drivers.sim import commands

if TYPE_CHECKING:
    from devicemgr.cli.demo.bench import BenchParts
    from devicemgr.site.site import Parts

# Resolved in recogniser processes, never here.
ENCODER = "enrollment.models.encoder:build_encoder"
OWN_ENCODER = "enrollment.custom_model:build_encoder"
OPENER = "drivers.common.video.source:open_source"

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Runs a facility's entrances: recognises enrolled staff, opens the gates, keeps the record.",
)


def load_parts() -> "Parts":
    """What the core can't import: drivers, and everything about faces."""
    from devicemgr.site.site import Parts  # noqa: PLC0415 - `--help` need not load all this
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
    """What `bench` measures outside the core."""
    from devicemgr.cli.demo.bench import BenchParts  # noqa: PLC0415
    from drivers.sim.camera.camera import make_video  # noqa: PLC0415
    from enrollment.bench import measure_recognition, measure_search  # noqa: PLC0415

    return BenchParts(measure_recognition, measure_search, make_video, ENCODER, OPENER)


for part in (system, clock, site_file, events, backup, recover, demo, bench):
    app.registered_commands += part.app.registered_commands
for part in (discover, firmware, inventory, record, sync, trace, maintenance):
    devices.app.registered_commands += part.app.registered_commands
for part in (camera_enrollment, calibrate, evaluate, model_migration):
    faces.app.registered_commands += part.app.registered_commands
devices.app.registered_commands += provision.app.registered_commands
for name, group in (
    ("person", people.app),
    ("enroll", faces.app),
    ("level", access_levels.level),
    ("schedule", access_levels.schedule),
    ("card", credentials.card),
    ("pin", credentials.pin),
    ("device", devices.app),
    ("portal", portals.app),
    ("udev", udev.app),
    ("sim", commands.app),
    ("audit", audit.app),
    ("operator", operators.app),
    ("key", keys.app),
):
    app.add_typer(group, name=name)


def main() -> None:
    """Entry point of the console script."""
    sys.exit(run(app, Session(load_parts, load_bench), sys.argv[1:]))


if __name__ == "__main__":
    main()
