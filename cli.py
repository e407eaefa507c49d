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
    firmware,
    inventory,
    udev,
)
from devicemgr.cli.devices import (
    discover as discovering,
)
from devicemgr.cli.devices import (
    maintenance as upkeep,
)
from devicemgr.cli.devices import (
    provision as provisioning,
)
from devicemgr.cli.devices import (
    record as recording,
)
from devicemgr.cli.devices import (
    sync as syncing,
)
from devicemgr.cli.devices import (
    trace as tracing,
)
from devicemgr.cli.people import (
    calibrate,
    credentials,
    evaluate,
    faces,
    people,
)
from devicemgr.cli.people import (
    camera_enrollment as enrolling,
)
from devicemgr.cli.people import (
    model_migration as migrate,
)
from devicemgr.cli.site import access_levels as rights
from devicemgr.cli.site import clock, events, keys, operators, portals
from devicemgr.cli.site import site_file as sitefile
from devicemgr.cli.system import audit, system
from devicemgr.cli.system import backup as backups
from devicemgr.cli.system import recover as recovering
from drivers.sim import commands as sim

if TYPE_CHECKING:
    from devicemgr.cli.demo.bench import BenchParts
    from devicemgr.site.site import Parts

# Resolved in recogniser processes, never here.
ENCODER = "enrollment.models.encoder:build_encoder"
OWN_ENCODER = "enrollment.custom_model:build_encoder"
OPENER = "drivers.common.video.source:open_source"

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
    help="Runs a facility's entrances: recognises enrolled staff, opens the gates, keeps the record.",
)  # fmt: skip


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


for part in (system, clock, sitefile, events, backups, recovering, demo, bench):
    app.registered_commands += part.app.registered_commands
for part in (discovering, firmware, inventory, recording, syncing, tracing, upkeep):
    devices.app.registered_commands += part.app.registered_commands
for part in (enrolling, calibrate, evaluate, migrate):
    faces.app.registered_commands += part.app.registered_commands
devices.app.registered_commands += provisioning.app.registered_commands
for name, group in (
    ("person", people.app),
    ("enroll", faces.app),
    ("level", rights.level),
    ("schedule", rights.schedule),
    ("card", credentials.card),
    ("pin", credentials.pin),
    ("device", devices.app),
    ("portal", portals.app),
    ("udev", udev.app),
    ("sim", sim.app),
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
