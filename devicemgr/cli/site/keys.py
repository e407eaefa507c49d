"""`devicemgr key …`."""

import typer

from devicemgr.cli.confirmation import confirm
from devicemgr.cli.context import api, session
from devicemgr.cli.output import say, warn
from devicemgr.text import counted

app = typer.Typer()


@app.callback()
def _group() -> None:
    """The key that opens faces and passwords."""  # noqa: D401 - the title of a group of commands


@app.command("rotate")
def rotate() -> None:
    """Put a new key in the old one's place: keys of people and passwords of devices are sealed again.

    Asks first, unless --yes.
    """
    confirm(f"put a new key in place of {session().home.key}", "Copies of the old one open nothing then.")
    found = api().call("POST", "/keys/rotate", timeout=None)
    if not found["wiped"]:
        warn("the database's log still holds what was under the old key, since a reader was at it; restart the daemon")
    if found["credential"]:
        warn(f"the new key is in {found['key']}: encrypt it again with systemd-creds, put it in place, delete the file")
    passwords = counted(found["devices"] + found["device_users"], "password")
    count = f"{counted(found['people'], 'person', 'people')}, {passwords}"
    say(f"a new key is in {found['key']}, {count} sealed again; make a backup now", found)
