"""`devicemgr doctor`."""

import typer

from devicemgr.cli.context import api, finish, session
from devicemgr.cli.hints import spell_out
from devicemgr.cli.output import emit, table
from devicemgr.errors import KeyMissing, NotInitialized, StorageFailed
from devicemgr.operations.doctor_host import examine_closed

app = typer.Typer()

_EXIT_PROBLEMS = 4


@app.command("doctor")
def doctor() -> None:
    """Check host, home, database and each device; exit 4 when something is wrong."""
    try:
        found = api().call("GET", "/doctor", timeout=None)
    except (NotInitialized, KeyMissing, StorageFailed) as error:  # it does not open, which is what this is for
        found = {"ok": False, "checks": spell_out(examine_closed(session().home, error))}
    if not emit(found):
        rows = [
            ("ok" if check["ok"] else "PROBLEM", check["check"], check["detail"], check["fix"])
            for check in found["checks"]
        ]
        table("", ("", "check", "found", "what to do"), rows, "")
    if not found["ok"]:
        finish(_EXIT_PROBLEMS)
