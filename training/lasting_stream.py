"""An output that may break while a training goes on: a closed terminal, a pipe nobody reads."""

import os
from contextlib import suppress
from typing import Any, TextIO


class LastingStream:
    """A text stream that is silent from the first line on that it cannot deliver.

    What is lost is what nobody would have seen; the training and its log are not.
    """

    def __init__(self, stream: TextIO | None) -> None:
        # None where it was closed at the start, as by `>&-`.
        self._stream = stream or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115

    def write(self, text: str) -> int:
        """Write the text, or drop it."""
        try:
            return self._stream.write(text)
        except OSError:
            self._silence()
            return len(text)

    def flush(self) -> None:
        """Flush, or drop what waits."""
        try:
            self._stream.flush()
        except OSError:
            self._silence()

    def _silence(self) -> None:
        """Let the stream end in nothing, also what it still holds when the process ends."""
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
