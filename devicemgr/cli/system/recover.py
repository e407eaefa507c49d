"""`devicemgr recover`: done by this process itself, while no daemon runs."""

import os
from typing import Annotated

import typer

from devicemgr.cli.confirmation import confirm
from devicemgr.cli.context import session
from devicemgr.cli.output import local, say
from devicemgr.errors import InvalidInput
from devicemgr.text import counted

app = typer.Typer()


@app.command("recover")
def recover(
    from_snapshot: Annotated[
        bool,
        typer.Option("--from-snapshot", help="Go on from the last good copy in this home; later changes are lost."),
    ] = False,
) -> None:
    """Go on after the database was quarantined as damaged or too old; what is missing is recorded.

    Asks first, unless --yes.
    """
    from devicemgr.daemon.startup import require_home  # noqa: PLC0415 - the store's libraries
    from devicemgr.recovery.recover_from_snapshot import from_snapshot as go_on  # noqa: PLC0415

    if not from_snapshot:
        raise InvalidInput("say --from-snapshot; a backup (`devicemgr restore`) may be newer than that")
    home = session().home
    require_home(home)
    confirm(f"make the snapshot the database of {home.path}; changes since the snapshot are lost")
    found = go_on(home, f"uid:{os.getuid()}")
    say(
        f"{found['home']} is as of {local(found['snapshot'])}: {counted(found['events'], 'event')}, and "
        f"{found['spilled']} that waited; changes of people and rights since are lost: make them again. "
        f"The new root: {found['root']}",
        found,
    )
