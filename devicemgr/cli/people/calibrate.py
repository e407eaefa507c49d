"""`devicemgr enroll calibrate`: the threshold that this site's own people ask for, in people's words."""

import math
from typing import Annotated, Any

import typer

from devicemgr.cli.context import api
from devicemgr.cli.output import cell, emit, table, words
from devicemgr.errors import InvalidInput
from devicemgr.text import counted

app = typer.Typer()

# 13,000 people take some seconds.
_SECONDS = 300.0
_SHOWN_PAIRS = 20
_SECOND_FACTOR = (
    "Where there is a reader or a console, their face alone does not open: they show their card or type their PIN as "
    "well, so give them one (devicemgr card assign, devicemgr pin set). Where there is only a camera they need a "
    "clearer lead over each other than others do; where their faces can't be distinguished, no one is let in."
)


@app.command("calibrate")
def calibrate(
    fpir: Annotated[
        float | None,
        typer.Option(metavar="P", help="Share of strangers who may be taken for someone, 0.001 to 0.1; else 0.01."),
    ] = None,
    per_day: Annotated[
        float | None, typer.Option(metavar="N", help="How many strangers step before a camera a day, to speak of days.")
    ] = None,
    days: Annotated[
        float | None, typer.Option(metavar="D", help="With --per-day: one taken for someone in so many days is fine.")
    ] = None,
) -> None:
    """Set the threshold from the enrolled people themselves; done again as the gallery grows by a fifth."""
    if fpir is not None and not math.isfinite(fpir):
        raise InvalidInput("--fpir is a share of strangers from 0.001 to 0.1, such as 0.01")
    if not all(number is None or (math.isfinite(number) and number >= 0.001) for number in (per_day, days)):
        raise InvalidInput("--per-day and --days are numbers from 0.001 on, such as 20 and 30")
    body = {"fpir": fpir, "per_day": per_day, "days": days}
    found = api().post("/gallery/calibration", body, timeout=_SECONDS)
    if emit(found):
        return
    for line in sentences(found):
        words().print(line, soft_wrap=True, markup=False)
    pairs = [(cell(pair["badges"]), f"{pair['excess']:.3f}") for pair in found["lookalikes"][:_SHOWN_PAIRS]]
    if pairs:
        words().print("Look-alikes, who must present a second factor:")
        table("", ("badges", "over the threshold"), pairs, "")
        words().print(_SECOND_FACTOR, soft_wrap=True, markup=False)


def sentences(found: dict[str, Any]) -> list[str]:
    """Return what a calibration means, a line each."""
    lines = [
        f"threshold {found['threshold']:.4f} for {_people(found)}, "
        f"{counted(found['templates'], 'sample')}: {_why(found)}"
    ]
    if found["fpir"]:
        lines.append(_strangers(found["fpir"]))
    if found.get("days_between"):
        lines.append(_days(found["days_between"], found["per_day"]))
    lines.append(
        _staff(found["fnir"])
        if found["fnir"]
        else "how often staff are turned to the card can't be said: enroll a second photo of some people"
    )
    return lines


def _people(found: dict[str, Any]) -> str:
    return counted(found["people"], "person", "people")


def _why(found: dict[str, Any]) -> str:
    if not found["enough_people"]:
        needed = round(1 / found["fpir_target"])
        return f"the table's for a gallery of this size, which is too small to calibrate (it takes {needed} people)"
    if found["from"] == "stated":
        return "as stated for this face model; your own people ask for no more"
    if found["from"] == "table":
        return "the table's for a gallery of this size; your own people ask for no more"
    return f"stricter than the table's {found['table_threshold']:.4f}, because your people are more alike"


def _strangers(share: dict[str, Any]) -> str:
    often = f"about one stranger in {round(1 / share['value'])}" if share["value"] > 0 else "none of those tried"
    return (
        f"strangers like your own people: {often} is taken for someone "
        f"(95 % sure: at most one in {max(round(1 / share['high']), 1)}; {_people(share)} left out in turn)"
    )


def _days(between: dict[str, Any], per_day: float) -> str:
    often = (
        "none in any number of days" if between["value"] is None else f"about one in {_number(between['value'])} days"
    )
    least = "" if between["low"] is None else f" (95 % sure: not more than one in {_number(between['low'])} days)"
    return f"with {per_day:g} strangers a day before the cameras that is {often}{least}"


def _number(days: float) -> str:
    return f"{days:.0f}" if days >= 10 else f"{days:.2g}"


def _staff(share: dict[str, Any]) -> str:
    low, high = 100 * share["low"], 100 * share["high"]
    return (
        f"staff are turned to the card {100 * share['value']:.1f} times in 100 by a single picture "
        f"(95 % sure: {low:.1f} to {high:.1f}; {_people(share)}); several pictures make it less"
    )
