"""`devicemgr enroll camera`."""

from typing import Annotated, Any

import typer

from devicemgr.cli.context import api, session
from devicemgr.cli.output import cell, emit, notes, say
from devicemgr.cli.people.faces import Badge, Consent, ConsentUntil, Notice
from devicemgr.cli.people.photos import ANALYSIS_SECONDS, advice
from devicemgr.cli.transport.api_client import ApiProblem, path
from devicemgr.text import counted, reference

app = typer.Typer()


@app.command("camera")
def camera(
    badge: Badge,
    device: Annotated[str, typer.Option(metavar="DEVICE", help="The camera, as `device list` names it.")],
    consent: Consent,
    notice: Notice = None,
    consent_until: ConsentUntil = None,
    pictures: Annotated[int, typer.Option(min=1, max=10, help="How many usable photos to take.")] = 3,
    seconds: Annotated[int, typer.Option(min=1, max=60, help="For how long to look for them.")] = 20,
    allow_lookalike: Annotated[
        bool, typer.Option("--allow-lookalike", help="Enroll though it looks like someone else who is enrolled.")
    ] = False,
) -> None:
    """Enroll a person who stands before a camera now, alone in its picture; the pictures are not kept."""
    body = {
        "device": device,
        "consent": reference(consent),
        "pictures": pictures,
        "seconds": seconds,
        "allow_lookalike": allow_lookalike,
        "notice": notice,
        "consent_until": consent_until,
    }
    try:
        answer = _enroll(path("people", badge, "face", "camera"), body, device)
    except ApiProblem as problem:
        raise _explained(problem, device) from problem
    if not emit({"ok": True, "device": device} | answer):
        samples = counted(answer["templates"], "sample")
        say(f"enrolled {counted(len(answer['faces']), 'photo')} of {badge}; {samples} in all")


def _enroll(where: str, body: dict[str, Any], device: str) -> Any:
    if session().json:
        return api().post(where, body, timeout=ANALYSIS_SECONDS)
    words = f"look straight into {cell(device)}: up to {body['seconds']} s"
    with notes().status(words):
        return api().post(where, body, timeout=ANALYSIS_SECONDS)


def _explained(problem: ApiProblem, device: str) -> ApiProblem:
    """Return a refusal of the pictures in the words of enroll photo; any other problem as it is."""
    faces = [face for face in problem.document.get("faces", []) if face["reasons"]]
    if not faces:
        return problem
    detail = f"no usable photos from {device}: {advice(faces[0])}; nothing was enrolled"
    return ApiProblem(problem.document | {"detail": detail})
