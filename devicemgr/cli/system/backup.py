"""`devicemgr backup|restore`: done by this process itself, which may write where the service may not."""

import os
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from devicemgr.cli.confirmation import confirm
from devicemgr.cli.context import session
from devicemgr.cli.demo.subprocesses import ending_cleanly
from devicemgr.cli.output import local, notes, say, warn
from devicemgr.cli.password_input import read_password
from devicemgr.text import counted

app = typer.Typer()

FromStdin = Annotated[bool, typer.Option("--passphrase-stdin", help="Read the passphrase from standard input.")]
FromVariable = Annotated[
    str | None, typer.Option("--passphrase-env", metavar="VAR", help="Take the passphrase from this variable.")
]
Keys = Annotated[
    Path | None, typer.Option("--keys", metavar="FILE", help="The people's keys; else people.keys beside the backup.")
]


def _passphrase(from_stdin: bool, variable: str | None) -> str:
    found = read_password(from_stdin or variable is None, variable)
    assert found is not None
    return found


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    return Progress(*columns, console=notes(), transient=True, disable=not notes().is_terminal)


@app.command("backup")
def backup(
    file: Annotated[Path, typer.Argument(help="The backup to write, such as /srv/backup/2026-11-25.dmb.")],
    keys: Keys = None,
    passphrase_stdin: FromStdin = False,
    passphrase_env: FromVariable = None,
) -> None:
    """Write the whole home into one encrypted file, with the daemon running or not, and read it back."""
    from devicemgr.recovery.backup import Work, make  # noqa: PLC0415 - the store's libraries
    from devicemgr.site.site import load_vault  # noqa: PLC0415
    from devicemgr.store.database import Database  # noqa: PLC0415

    home = session().home
    passphrase = _passphrase(passphrase_stdin, passphrase_env)
    path = file.absolute()
    beside = keys.absolute() if keys else path.with_name("people.keys")
    with closing(Database.open(home.database)) as database, _bar() as bar, ending_cleanly():
        database.require_current()
        task = bar.add_task("reading back")
        bar.update(task, total=home.database.stat().st_size)
        work = Work(home, database, load_vault(home, database))
        found = make(work, path, beside, passphrase, f"uid:{os.getuid()}", lambda n: bar.advance(task, n))
    people, events = counted(found["people"], "person", "people"), counted(found["events"], "event")
    text = f"{people} and {events} in {found['file']}, which was read back"
    say(f"{text}; people's keys in {found['keys']}: keep the newest of these only", found)


@app.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(help="The backup to restore.")],
    keys: Keys = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Move the home's content into a folder, where a daemon does not run.")
    ] = False,
    passphrase_stdin: FromStdin = False,
    passphrase_env: FromVariable = None,
) -> None:
    """Make an empty home from a backup, on this host or a new one; nothing is changed unless all of it holds.

    --replace asks first, unless --yes.
    """
    from devicemgr.recovery import home_swap  # noqa: PLC0415 - the store's libraries
    from devicemgr.recovery.restore import restore as bring_back  # noqa: PLC0415

    home = session().home
    if replace and home_swap.occupants(home):
        confirm(f"replace the home {home.path} by the backup {file}", "Its content is moved into a folder.")
    passphrase = _passphrase(passphrase_stdin, passphrase_env)
    path = file.absolute()
    beside = keys.absolute() if keys else path.with_name("people.keys")
    with _bar() as bar, ending_cleanly():
        task = bar.add_task("restoring")

        def report(done: int, total: int) -> None:
            bar.update(task, total=total, advance=done)

        found = bring_back(home, path, beside, passphrase, f"uid:{os.getuid()}", report, replace=replace)
    say(_words(found), found)
    if found["replaced"]:
        warn(f"the home before is in {found['replaced']}, with its keys: delete that when all is well")


def _words(found: dict[str, Any]) -> str:
    left = f"; {found['left_out']} were erased since and stay erased" if found["left_out"] else ""
    left += f"; {found['without_face']} withdrew their face since" if found["without_face"] else ""
    people, events = counted(found["people"], "person", "people"), counted(found["events"], "event")
    return (
        f"{found['home']} is as of {local(found['made'])}: {people}, {events}{left}. "
        "Changes made since this backup are lost; reapply them, above all removed cards and rights, then start "
        "the daemon"
    )
