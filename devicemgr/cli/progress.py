"""Progress bars on standard error."""

from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from devicemgr.cli.output import notes


class _Bar(Progress):
    """Goes away with whatever failed under it, so that the error is all there is to read."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.live.transient = self.live.transient or error is not None
        super().__exit__(kind, error, traceback)

    def stop(self) -> None:
        """Rich would still end a line where there is no terminal."""
        if self.live.transient:
            self.live.stop()
        else:
            super().stop()


def progress() -> Progress:
    """Return a progress bar on standard error; its last state alone where that is no terminal."""
    return _Bar(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=notes()
    )
