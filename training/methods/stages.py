"""Trainings one after another inside one run: which epochs belong to which."""

from collections.abc import Iterator
from dataclasses import dataclass

from hmw_core.errors import UsageError


@dataclass(frozen=True)
class Stage:
    """A part of a run; its epochs are counted through from the run's first."""

    name: str
    first: int
    """1-based epoch of the run."""
    n_epochs: int

    @property
    def last(self) -> int:
        """Its last epoch, of the run."""
        return self.first + self.n_epochs - 1

    def position(self, epoch: int) -> int:
        """Return the number of an epoch within the stage, 1-based."""
        return epoch - self.first + 1


class Stages:
    """The stages of a run, in order.

    Parameters
    ----------
    method : str
        For the refusal.
    epochs : int
        Of the run.
    *lengths : (name, epochs)
        Of each stage; the last one's epochs are what the others leave.

    Raises
    ------
    UsageError
        If the run has too few epochs for one of each stage after those asked for.

    Examples
    --------
    >>> stages = Stages("forward", 10, ("estimate", 4), ("train", None))
    >>> [stages.of(epoch).name for epoch in (1, 4, 5, 10)]
    ['estimate', 'estimate', 'train', 'train']
    """

    def __init__(self, method: str, epochs: int, *lengths: tuple[str, int | None]) -> None:
        used = sum(n or 0 for _, n in lengths)
        if used >= epochs:
            said = ", ".join(f"{name} {n}" for name, n in lengths if n is not None)
            raise UsageError(
                f"method {method!r} has stages of {said} epochs before {lengths[-1][0]!r}, "
                f"and the run has {epochs} in all: give more --epochs, or shorter stages by "
                "--method-args"
            )
        self._stages: list[Stage] = []
        first = 1
        for name, n in lengths:
            stage = Stage(name, first, epochs - used if n is None else n)
            self._stages.append(stage)
            first = stage.last + 1

    def __iter__(self) -> Iterator[Stage]:
        return iter(self._stages)

    def of(self, epoch: int) -> Stage:
        """Return the stage that an epoch of the run belongs to."""
        return next(stage for stage in self._stages if epoch <= stage.last)
