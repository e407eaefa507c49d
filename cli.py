"""The command `devicemgr`: mounts the sub-apps and joins core, drivers and enrolment; nothing else."""

import sys
from importlib.resources import files
from typing import TYPE_CHECKING

import typer

from devicemgr.client import (
    audit,
    backups,
    bench,
    calibrate,
    clock,
    credentials,
    demo,
    devices,
    discovering,
    enrolling,
    evaluate,
    events,
    faces,
    firmware,
    inventory,
    keys,
    migrate,
    operators,
    people,
    portals,
    provisioning,
    recording,
    recovering,
    rights,
    sitefile,
    syncing,
    system,
    tracing,
    udev,
    upkeep,
)
from devicemgr.client.frame import run
from devicemgr.client.session import Session
from drivers._sim import commands as sim

if TYPE_CHECKING:
    from devicemgr.client.bench import BenchParts
    from devicemgr.site import Parts

# Resolved in recogniser processes, never here.
ENCODER = "enrollment.encoder:build_encoder"
OWN_ENCODER = "enrollment.own_model:build_encoder"
OPENER = "drivers._video:open_source"

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
    help="Runs a facility's entrances: recognises enrolled staff, opens the gates, keeps the record.",
)  # fmt: skip


def load_parts() -> "Parts":
    """What the core can't import: drivers, and everything about faces."""
    from devicemgr.site import Parts  # noqa: PLC0415 - `--help` need not load all this
    from drivers import Catalog  # noqa: PLC0415
    from enrollment.calibrate import calibrate as calibrate_rows  # noqa: PLC0415
    from enrollment.encoder import MODEL  # noqa: PLC0415
    from enrollment.evaluate import evaluate as evaluate_photos  # noqa: PLC0415
    from enrollment.gallery import build_gallery  # noqa: PLC0415
    from enrollment.service import build_desk  # noqa: PLC0415

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
    from devicemgr.client.bench import BenchParts  # noqa: PLC0415
    from drivers._sim.camera import make_video  # noqa: PLC0415
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
