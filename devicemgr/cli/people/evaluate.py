"""`devicemgr enroll evaluate`: how often recognition errs on folders of photographs; needs no home, no daemon."""

from pathlib import Path
from typing import Annotated, Any

import typer

from devicemgr.cli.context import session
from devicemgr.cli.output import details, emit, say
from devicemgr.cli.progress import progress
from devicemgr.errors import SystemFault
from devicemgr.text import counted

app = typer.Typer()


@app.command("evaluate")
def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder a person, with photos in it.")],
    strangers: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Photos of others; else each person is left out in turn.")
    ] = None,
    samples: Annotated[int, typer.Option(metavar="K", min=1, help="Photos a person enrolled with.")] = 1,
    probes: Annotated[int, typer.Option(metavar="J", min=1, help="Photos averaged to one probe.")] = 1,
    fpir: Annotated[float, typer.Option(metavar="P", help="Share of strangers who may be taken for someone.")] = 0.01,
    det: Annotated[Path | None, typer.Option(metavar="PNG", help="Draw the DET curve there; needs matplotlib.")] = None,
) -> None:
    """How often would strangers be let in and staff turned away? Measured on photos; writes nothing into the home."""
    measure = session().load_parts().evaluate
    if measure is None:
        raise SystemFault("this installation has no part that evaluates: install devicemgr again (make install)")
    from devicemgr.domain.ports.recognition import Trial  # noqa: PLC0415 - numpy, which `--help` need not load

    trial = Trial(folder, strangers, samples, probes, fpir)
    with progress() as bar:
        task = bar.add_task("photos", total=None)
        found = measure(trial, lambda done, of: bar.update(task, completed=done, total=of), det)
    if not emit(found):
        _show(found)


def _show(found: dict[str, Any]) -> None:
    stock = found["at_stock_threshold"]
    details(
        {
            "enrolled": f"{counted(found['gallery'], 'person', 'people')}, {counted(found['samples'], 'photo')} each",
            "probes": f"{found['mated']} of them, {counted(found['probes'], 'photo')} each; "
            f"{found['strangers']} of strangers",
            "no face found": counted(found["no_face"], "photo"),
            "right person first": _percent(found["rank1"]),
            "strangers taken for someone (FPIR)": f"{_percent(found['fpir'])}, target {_percent(found['fpir_target'])}",
            "enrolled people turned away (FNIR)": _percent(found["fnir"]),
            "threshold": f"{found['threshold']:.4f} ({found['score']})",
            "one to one (FMR, FNMR)": f"{_percent(found['fmr'])}, {_percent(found['fnmr'])}",
            "at face_recognition's 0.6": f"FPIR {_percent(stock['fpir'])}, FNIR {_percent(stock['fnir'])}",
        }
    )
    for point in found["det"]:
        say(f"  at FPIR {_percent(point['fpir'])}: FNIR {_percent(point['fnir'])}, threshold {point['threshold']:.4f}")


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %" if share < 0.1 else f"{100 * share:.1f} %"
