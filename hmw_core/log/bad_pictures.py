"""Work on many pictures with threads, and name all the bad ones in one go."""

import itertools
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from hmw_core.errors import UsageError
from hmw_core.log.decoding import BadPicture

CHUNK = 256  # pictures a thread takes at a time; one by one, handing over costs more than decoding
NAMED = 20  # bad pictures that a message lists

Result = TypeVar("Result")


def for_each(
    work: Callable[[int], Result], n_rows: int, bad: dict[int, str]
) -> Iterator[tuple[int, Result]]:
    """Yield row and ``work(row)`` in order, computed by threads (Pillow lets them run).

    Where `work` raises `BadPicture`, nothing is yielded, and `bad` is told the row and the reason.
    What Pillow itself warns of meanwhile is not printed: it names no file.
    """

    def one(row: int) -> Result | BadPicture:
        try:
            return work(row)
        except BadPicture as problem:
            return problem

    def chunk(start: int) -> list[Result | BadPicture]:
        return [one(row) for row in range(start, min(start + CHUNK, n_rows))]

    with warnings.catch_warnings(), ThreadPoolExecutor() as pool:
        warnings.filterwarnings("ignore", module=r"PIL\.")
        parts = pool.map(chunk, range(0, n_rows, CHUNK))
        for row, result in enumerate(itertools.chain.from_iterable(parts)):
            if isinstance(result, BadPicture):
                bad[row] = str(result)
            else:
                yield row, result


def refusal(bad: Iterable[tuple[str, str]], n_pictures: int, remedy: str) -> UsageError:
    """Return the error that names bad pictures, given as (place, reason), and what helps."""
    lines = [f"  {place}: {reason}" for place, reason in bad]
    hidden = len(lines) - NAMED
    more = [f"  and {hidden:,} more"] if hidden > 0 else []
    be = "is" if len(lines) == 1 else "are"
    head = f"{len(lines):,} of {n_pictures:,} pictures {be} broken; {remedy}:"
    return UsageError("\n".join([head, *lines[:NAMED], *more]))
