"""One run of the command: which home, JSON or words, and how to reach the API."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

import typer

from devicemgr.cli.hints import message_of
from devicemgr.cli.transport.api_client import Api
from devicemgr.cli.transport.remote_http import RemoteDaemon
from devicemgr.errors import DevicemgrError, InvalidInput
from devicemgr.home import Home

if TYPE_CHECKING:  # the store and its libraries, which a command over the socket need not load
    from fastapi import FastAPI

    from devicemgr.cli.demo.bench import BenchParts
    from devicemgr.site.site import Parts, Site

LOCAL_ONLY = "this command works on the computer that it runs on: leave --host out"


@dataclass
class Session:
    """Set up by the composition root and filled by the options that may stand anywhere on the line."""

    load_parts: Callable[[], "Parts"]
    load_bench: Callable[[], "BenchParts"] | None = None
    home_option: str | None = None
    host: str | None = None
    token_file: str | None = None
    tls_ca: str | None = None
    json: bool = False
    yes: bool = False
    _api: Api | None = field(default=None, repr=False)
    _site: "Site | None" = field(default=None, repr=False)

    @property
    def home(self) -> Home:
        """The home folder in force; InvalidInput for a command that was sent to another computer."""
        if self.host is not None:
            raise InvalidInput(LOCAL_ONLY)
        return Home.find(self.home_option)

    @property
    def api(self) -> Api:
        """The API, reached on first use."""
        if self._api is None:
            remote = None if self.host is None else RemoteDaemon(self.host, self.token_file, self.tls_ca)
            self._api = Api(Home.find(self.home_option), self._make_app, remote)
        return self._api

    def reconnect(self) -> None:
        """Look for the daemon again at the next call."""
        self._api = None

    def open_site(self, way: "Callable[[Home, Parts], Site] | None" = None) -> "Site":
        """Return the site itself, for the app in process, or by another `way` for the daemon."""
        if self._site is None:
            from devicemgr.site.site import open_site  # noqa: PLC0415 - see above

            # For this process's helpers too: the face network is converted once, into the home.
            os.environ.setdefault("DEVICEMGR_CACHE", str(self.home.cache))
            self._site = (way or open_site)(self.home, self.load_parts())
        return self._site

    def warn_if_frozen(self) -> None:
        """Warn on standard error when the answer comes from the snapshot of a damaged database."""
        if self._site is not None and self._site.database.frozen:
            print(f"warning: {message_of(self._site.database.refusal())}", file=sys.stderr)

    def close(self) -> None:
        """Close what was opened."""
        if self._site is not None:
            with suppress(DevicemgrError):
                self._site.sealer.seal()  # what this command recorded
                self._site.snapshots.keep_erasures()
            self._site.close()

    def _make_app(self) -> "FastAPI":
        from devicemgr.api.app import create_app  # noqa: PLC0415 - half a second that `--help` need not pay
        from devicemgr.api.context import Context  # noqa: PLC0415
        from devicemgr.daemon.offline_runtime import DirectRuntime  # noqa: PLC0415

        site = self.open_site()
        return create_app(Context(site, DirectRuntime(site), os.getuid()))


_current: ContextVar[Session] = ContextVar("session")


@contextmanager
def use(session: Session) -> Iterator[None]:
    """Make `session` the one that commands find."""
    token = _current.set(session)
    try:
        yield
    finally:
        _current.reset(token)


def session() -> Session:
    """Return the session of the command that runs."""
    return _current.get()


def api() -> Api:
    """Return the API of the command that runs."""
    return session().api


def finish(code: int) -> NoReturn:
    """End the command with an exit code of INTERFACES."""
    raise typer.Exit(code)
