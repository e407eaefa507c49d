"""`devicemgr enroll calibrate`: the threshold that this site's own people ask for, in people's words."""

import math
from typing import Annotated, Any

import typer

from devicemgr.client.output import cell, emit, table, words
from devicemgr.client.session import api
from devicemgr.errors import InvalidInput

app = typer.Typer()

# 13,000 people take some seconds.
_SECONDS = 300.0
_SHOWN_PAIRS = 20


@app.command("calibrate")
def calibrate(
    fpir: Annotated[
        float, typer.Option(metavar="P", help="Share of strangers who may be taken for someone, 0.001 to 0.1.")
    ] = 0.01,
) -> None:
    """Set the threshold from the enrolled people themselves; done again as the gallery grows by a fifth."""
    if not math.isfinite(fpir):
        raise InvalidInput("--fpir is a share of strangers from 0.001 to 0.1, such as 0.01")
    found = api().post("/gallery/calibration", {"fpir": fpir}, timeout=_SECONDS)
    if emit(found):
        return
    for line in sentences(found):
        words().print(line, soft_wrap=True, markup=False)
    pairs = [(cell(pair["badges"]), f"{pair['excess']:.3f}") for pair in found["lookalikes"][:_SHOWN_PAIRS]]
    if pairs:
        words().print("Look-alikes, who need a clearer lead over each other than others do:")
        table("", ("badges", "over the threshold"), pairs, "")
        words().print("Give them a card or a PIN: where their faces can't be told apart, nobody is let in.")


def sentences(found: dict[str, Any]) -> list[str]:
    """What a calibration means, a line each."""
    lines = [
        f"threshold {found['threshold']:.4f} for {found['people']} people, {found['templates']} samples: {_why(found)}"
    ]
    if found["fpir"]:
        lines.append(_strangers(found["fpir"]))
    lines.append(
        _staff(found["fnir"])
        if found["fnir"]
        else "how often staff are turned to the card can't be said: enrol a second photo of some people"
    )
    return lines


def _why(found: dict[str, Any]) -> str:
    if not found["enough_people"]:
        needed = round(1 / found["fpir_target"])
        return f"the table's for a gallery of this size, which is too small to calibrate (it takes {needed} people)"
    if found["from"] == "table":
        return "the table's for a gallery of this size; your own people ask for no more"
    return f"stricter than the table's {found['table_threshold']:.4f}, because your people are more alike"


def _strangers(share: dict[str, Any]) -> str:
    often = f"about one stranger in {round(1 / share['value'])}" if share["value"] > 0 else "none of those tried"
    return (
        f"strangers like your own people: {often} is taken for someone "
        f"(95 % sure: at most one in {max(round(1 / share['high']), 1)}; {share['people']} people left out in turn)"
    )


def _staff(share: dict[str, Any]) -> str:
    low, high = 100 * share["low"], 100 * share["high"]
    return (
        f"staff are turned to the card {100 * share['value']:.1f} times in 100 by a single picture "
        f"(95 % sure: {low:.1f} to {high:.1f}; {share['people']} people); several pictures make it less"
    )
