"""`devicemgr enroll …`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from devicemgr.cli.confirmation import confirm, named
from devicemgr.cli.context import api, finish
from devicemgr.cli.output import cell, details, emit, say, table, through, words
from devicemgr.cli.people import bulk_import
from devicemgr.cli.people.people import warn_if_not_wiped
from devicemgr.cli.people.photos import ANALYSIS_SECONDS, MOST_PHOTOS, advice, encoded, read_photo
from devicemgr.cli.people.tables import ColumnNames, Encoding, SheetName, layout_of
from devicemgr.cli.transport.api_client import ApiProblem, path
from devicemgr.errors import InvalidInput
from devicemgr.people.imports.photos import Result, Wanted
from devicemgr.people.imports.roster.reader import SourceOptions
from devicemgr.text import counted, reference

app = typer.Typer()

EXIT_PROBLEMS = 4

Badge = Annotated[str, typer.Argument(help="Badge number.")]
Photo = Annotated[Path, typer.Argument(metavar="FILE", help="A photo: JPEG, PNG, WebP, BMP, HEIC or AVIF.")]
Consent = Annotated[str, typer.Option(metavar="REF", help="Which signed consent: the form's number or file name.")]


Notice = Annotated[
    str | None, typer.Option("--notice", metavar="V", help="Version of the privacy notice; else the site's.")
]
ConsentUntil = Annotated[
    str | None, typer.Option("--consent-until", metavar="T", help="When the consent ends; else as the site says.")
]


@app.command("photo")
def photo(
    badge: Badge,
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Photos of this one person, 1 to 10.")],
    consent: Consent,
    notice: Notice = None,
    consent_until: ConsentUntil = None,
    allow_lookalike: Annotated[
        bool, typer.Option("--allow-lookalike", help="Enroll though it looks like someone else who is enrolled.")
    ] = False,
) -> None:
    """Enroll a person's face from photos: all of them or none."""
    if len(files) > MOST_PHOTOS:
        raise InvalidInput(f"give at most {MOST_PHOTOS} photos of a person at a time; the best ones are enough")
    body: dict[str, Any] = {"photos": [encoded(read_photo(file)) for file in files], "consent": reference(consent)}
    body |= {"notice": notice, "consent_until": consent_until}
    try:
        answer = api().post(
            path("people", badge, "face"), body | {"allow_lookalike": allow_lookalike}, timeout=ANALYSIS_SECONDS
        )
    except ApiProblem as problem:
        raise _with_files(problem, files) from problem
    if not emit(_answer(answer, files)):
        again = f", {answer['skipped']} were enrolled before" if answer["skipped"] else ""
        fresh, samples = len(files) - answer["skipped"], counted(answer["templates"], "sample")
        say(f"enrolled {fresh} of {counted(len(files), 'photo')} for {badge}{again}; {samples} in all")


def _named(faces: Sequence[dict[str, Any]], files: Sequence[Path]) -> list[dict[str, Any]]:
    return [face | {"file": str(files[face["photo"] - 1])} for face in faces]


def _with_files(problem: ApiProblem, files: Sequence[Path]) -> ApiProblem:
    """Return the refusal of photos, reported by file; any other problem as it is."""
    if "faces" not in problem.document:
        return problem
    faces = _named(problem.document["faces"], files)
    bad = [face for face in faces if face["reasons"]]
    more = f" (also unfit: {', '.join(Path(face['file']).name for face in bad[1:])})" if bad[1:] else ""
    detail = f"{Path(bad[0]['file']).name} can't be enrolled: {advice(bad[0])}{more}; nothing was enrolled"
    return ApiProblem(problem.document | {"detail": detail, "faces": faces})


def _answer(answer: dict[str, Any], files: Sequence[Path]) -> dict[str, Any]:
    faces = _named(answer["faces"], files)
    fresh = {face["photo"] for face in faces}
    for place, file in enumerate(files, 1):
        if place not in fresh:
            # Enrolled before, so the server did not look at it again.
            faces.append(_check(file) | {"photo": place, "skipped": True})
    known = {"badge": answer["badge"], "templates": answer["templates"]}
    if len(files) == 1:
        return faces[0] | known
    return {"ok": True, **known, "faces": sorted(faces, key=lambda face: int(face["photo"]))}


def _check(file: Path) -> dict[str, Any]:
    body = {"photo": encoded(read_photo(file))}
    face: dict[str, Any] = api().post("/faces/check", body, timeout=ANALYSIS_SECONDS)
    return face | {"file": str(file)}


@app.command("check")
def check(file: Photo) -> None:
    """Is this photo usable for enrollment? Exit 4 when it is not; nothing is stored."""
    face = _check(file)
    if not emit(face):
        _show_face(face)
    if not face["ok"]:
        finish(EXIT_PROBLEMS)


def _show_face(face: dict[str, Any]) -> None:
    verdict = "usable for enrollment" if face["ok"] else advice(face)
    words().print(f"[bold]{cell(face['file'])}[/bold]: {cell(verdict)}", soft_wrap=True)
    if face["box"] and "several_faces" not in face["reasons"]:  # of several, none is measured
        angles = f"{face['yaw_deg']:.0f}° sideways, {face['pitch_deg']:.0f}° up, {face['roll_deg']:.0f}° tilted"
        details(
            {"face": f"{face['face_px']} px", "sharpness": face["sharpness"], "brightness": face["brightness"]}
            | {"turned": angles}
        )


@app.command("identify")
def identify(file: Photo) -> None:
    """Who of the enrolled is in a photo? Writes nothing but an audit row."""
    body = {"photo": encoded(read_photo(file))}
    found = api().post("/faces/identify", body, timeout=ANALYSIS_SECONDS)
    who = f"badge {found['badge']}" if found["badge"] else f"no one ({found['reason']})"
    score = "no score" if found["score"] is None else f"score {found['score']:.4f}"
    say(f"{who}: {score}, threshold {found['threshold']:.4f}", found)


@app.command("renew")
def renew(badge: Badge, consent: Consent, notice: Notice = None, consent_until: ConsentUntil = None) -> None:
    """Record a new consent of someone whose face is here; it counts again if the one before has ended."""
    body = {"consent": reference(consent), "notice": notice, "consent_until": consent_until}
    found = api().post(path("people", badge, "consent"), body)
    until = through(found["consent"]["until"])
    say(f"{badge}: consent {found['consent']['reference']}" + (f" ({until})" if until else ""), found)


@app.command("withdraw")
def withdraw(badge: Badge) -> None:
    """End the consent: the face is erased at once; cards go on working. Asks first, unless --yes."""
    person = named(api().get(path("people", badge)))
    confirm(f"withdraw the consent of {person} and erase their face", "This can't be undone.")
    found = api().call("DELETE", path("people", badge, "face"))
    warn_if_not_wiped(found)
    say(f"{person}: consent withdrawn, {counted(found['templates_erased'], 'sample')} erased", found)


@app.command("import")
def import_(
    source: Annotated[
        Path,
        typer.Argument(metavar="FOLDER_OR_CSV", help="BADGE_name.jpg or BADGE/…, as a folder or ZIP; or a CSV table."),
    ],
    consent: Consent,
    notice: Notice = None,
    consent_until: ConsentUntil = None,
    level: Annotated[list[str] | None, typer.Option(help="Access level for everyone in it; may be repeated.")] = None,
    valid_to: Annotated[
        str | None, typer.Option(help="End of validity of everyone whose row has none: 2027-12-01, or RFC 3339.")
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Also give people who are here the names, levels and dates of the table.")
    ] = False,
    encoding: Encoding = None,
    sheet: SheetName = None,
    column: ColumnNames = None,
    zip_encoding: Annotated[
        str | None, typer.Option("--zip-encoding", metavar="NAME", help="Encoding of the names in a ZIP: cp866, gbk …")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=8, help="Requests at a time; else as this host can.")
    ] = None,
) -> None:
    """Enroll many people; run it again to go on. Exit 4 when some failed."""
    options = bulk_import.Options(
        {"consent": reference(consent), "notice": notice, "consent_until": consent_until},
        workers,
        SourceOptions(layout_of(encoding, sheet, column), zip_encoding),
        Wanted(tuple(level or ()), valid_to, update),
    )
    result = bulk_import.run(source, options)
    if not emit(bulk_import.as_json(result)):
        _show_import(result)
    if result.failed:
        finish(EXIT_PROBLEMS)


def _show_import(result: Result) -> None:
    if result.failed:
        rows = [(row["badge"], row["file"], row["why"]) for row in map(bulk_import.row_of, result.failed)]
        table("Who failed, and why", ("badge", "file", "why"), rows, "")
    words().print(bulk_import.summary(result), soft_wrap=True, markup=False)
