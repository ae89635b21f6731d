"""What the user sees of a training: a bar on a terminal, a line an epoch elsewhere."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn


@dataclass(frozen=True)
class EpochSummary:
    """What is told of an epoch."""

    epoch: int
    mean_loss: float
    """Nat."""
    test_accuracy: float | None
    """In [0, 1]."""
    samples_per_second: float

    def __str__(self) -> str:
        test = "" if self.test_accuracy is None else f"  test {self.test_accuracy:.1%}"
        return f"loss {self.mean_loss:.3f}{test}  {self.samples_per_second:,.0f} samples/s"


class TrainingProgress:
    """Epochs done, the last one's summary, and the time left at the mean speed so far."""

    def __init__(self, name: str, n_epochs: int, first_epoch: int, console: Console) -> None:
        self.name = name
        self.n_epochs = n_epochs
        self.done_before = first_epoch - 1
        self.console = console
        self.summary = ""
        self.warned: set[str] = set()
        self.started = time.monotonic()
        self.bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("epoch {task.fields[epoch]}/{task.total:.0f}  {task.fields[text]}"),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> "TrainingProgress":
        self.bar.start()
        self.task = self.bar.add_task(
            self.name,
            total=self.n_epochs,
            completed=self.done_before,
            epoch=self.done_before + 1,
            text="",
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def warn(self, texts: Iterable[str]) -> None:
        """Print warnings of the run that were not printed yet."""
        for text in texts:
            if text not in self.warned:
                self.warned.add(text)
                self.tell(f"warning: {text}")

    def tell(self, line: str) -> None:
        """Print a line."""
        self.console.print(line, soft_wrap=True, markup=False, highlight=False)

    def advance(self, epoch: int, share: float) -> None:
        """Move the bar to a share of an epoch, in [0, 1]."""
        self._show(epoch, epoch - 1 + share)

    def end_epoch(self, summary: EpochSummary) -> None:
        """Show an epoch that has ended."""
        self.summary = str(summary)
        self._show(summary.epoch, summary.epoch)
        if not self.console.is_terminal:
            left = self._time_left(summary.epoch)
            self.tell(f"{self.name}  epoch {summary.epoch}/{self.n_epochs}  {summary}  {left}")

    def _show(self, epoch: int, completed: float) -> None:
        text = f"{self.summary}  {self._time_left(completed)}"
        self.bar.update(self.task, completed=completed, epoch=epoch, text=text)

    def _time_left(self, completed: float) -> str:
        elapsed = time.monotonic() - self.started
        left = (self.n_epochs - completed) * elapsed / (completed - self.done_before)
        minutes, seconds = divmod(round(left), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02d}:{seconds:02d} left"
