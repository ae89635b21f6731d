"""Ctrl-C, SIGTERM and a closed terminal: a wish to stop, granted between two batches."""

import signal
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import TypeVar

Item = TypeVar("Item")
SIGNALS = [n for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n)]
"""Windows has no SIGHUP, which comes when the terminal is closed or the connection is lost."""


class Stopped(Exception):
    """The user asked the run to stop; `signal_number` says how."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signal_number).name}")
        self.signal_number = signal_number


class StopWish:
    """Notes the first wish while it is entered; a second Ctrl-C acts at once.

    SIGHUP is left alone where it is ignored, as `nohup` has it.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> "StopWish":
        for number in map(signal.Signals.__getitem__, SIGNALS):
            if number.name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN:
                continue
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal() returned

    def check(self) -> None:
        """Raise Stopped if a wish has come."""
        if self.received is not None:
            raise Stopped(self.received)

    def between(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield the items, raising Stopped before the next one once a wish has come."""
        for item in items:
            self.check()
            yield item

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.received is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = number
