"""Many devices of a command, a few at a time, behind one progress bar."""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from devicemgr.cli.progress import progress

AT_ONCE = 8
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def at_once(doing: str, items: Sequence[_Item], work: Callable[[_Item], _Result]) -> Generator[_Result]:
    """Yield the result of each item as it comes, in any order.

    The first error of work ends all, and nothing new is begun.
    """
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix=doing)
    try:
        with progress() as bar:
            task = bar.add_task(doing, total=len(items))
            for future in as_completed([pool.submit(work, item) for item in items]):
                yield future.result()
                bar.advance(task)
    finally:
        pool.shutdown(cancel_futures=True)
