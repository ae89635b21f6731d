"""What the user sees of a training: a bar on a terminal, a line an epoch elsewhere."""

import time
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
        self.first_epoch = first_epoch
        self.console = console
        self.started = time.monotonic()
        self.bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("epoch {task.completed:.0f}/{task.total:.0f}  {task.fields[summary]}"),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> "TrainingProgress":
        self.bar.start()
        self.task = self.bar.add_task(
            self.name, total=self.n_epochs, completed=self.first_epoch - 1, summary=""
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def end_epoch(self, summary: EpochSummary) -> None:
        """Show an epoch that has ended."""
        text = f"{summary}  {self._time_left(summary.epoch)}"
        if self.console.is_terminal:
            self.bar.update(self.task, completed=summary.epoch, summary=text)
        else:
            line = f"{self.name}  epoch {summary.epoch}/{self.n_epochs}  {text}"
            self.console.print(line, soft_wrap=True, markup=False, highlight=False)

    def _time_left(self, epoch: int) -> str:
        done = epoch - self.first_epoch + 1
        left = (self.n_epochs - epoch) * (time.monotonic() - self.started) / done
        minutes, seconds = divmod(round(left), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02d}:{seconds:02d} left"
