"""`devicemgr clock`."""

from typing import Annotated

import typer

from devicemgr.cli.context import api
from devicemgr.cli.output import details, emit, local

app = typer.Typer()


@app.command("clock")
def clock(
    *, accept: Annotated[bool, typer.Option("--accept", help="This computer's clock is right: judge by it.")] = False
) -> None:
    """Show this computer's clock and the times by which rights are judged."""
    found = api().post("/clock/accept") if accept else api().get("/clock")
    if emit(found):
        return
    known = {True: "yes", False: "no", None: "unknown"}
    details(
        {
            "clock": local(found["clock"]),
            "rights are judged at": local(found["judged_at"]),
            "and also at": local(found["judged_also_at"]) if found["judged_also_at"] else "–",
            "behind": f"{found['behind_s']:.0f} s",
            "ahead": f"{found['jumped_ahead_s']:.0f} s",
            "held by a time server": known[found["synchronized"]],
        }
    )
