"""Views of pictures: which policies there are, and what they draw for each row.

A policy is a name of `POLICIES`, a name of `PIECES`, or a tuple of the latter, applied in order.
What it draws is drawn for all rows before the epoch and travels with the row, so that order, batch
size and the number of workers decide nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hmw_core.errors import UsageError

Policy = str | tuple[str, ...]


@dataclass(frozen=True)
class Piece:
    """One step of a policy."""

    n_draws: int
    """Numbers that it draws for a row, uniform in [0, 1)."""
    apply: Callable[[Tensor, Tensor], Tensor] | None
    """From pictures (B, C, H, W), uint8, and draws (B, n_draws), CPU, to pictures of that shape.
    None where the source does it while it takes the picture out of the data."""


WEAK = Piece(3, None)
"""The data set's own crop and flip: vertical and horizontal shift, and flip."""

PIECES: dict[str, Piece] = {"weak": WEAK}

POLICIES: dict[str, tuple[str, ...]] = {"none": ()}


@dataclass(frozen=True)
class View:
    """A policy and what it draws."""

    pieces: tuple[Piece, ...]
    draws: tuple[Tensor, ...]
    """For each piece (N, n_draws), float, CPU."""


Draws = tuple[View, ...]
"""The views to make of each row; one picture is read for all of them."""

PLAIN: Draws = (View((), ()),)
"""One view, not augmented."""


def draw(n_samples: int, policies: Sequence[Policy], generator: torch.Generator) -> Draws:
    """Draw an epoch's augmentation: one view for each policy, independent of one another.

    Raises
    ------
    UsageError
        If a name is unknown, or `weak` is not the first of its policy.
    """
    views = []
    for policy in policies:
        pieces = pieces_of(policy)
        draws = tuple(torch.rand((n_samples, p.n_draws), generator=generator) for p in pieces)
        views.append(View(pieces, draws))
    return tuple(views)


def pieces_of(policy: Policy) -> tuple[Piece, ...]:
    """Return the steps of a policy; UsageError as `draw`."""
    names = POLICIES.get(policy, (policy,)) if isinstance(policy, str) else policy
    unknown = [name for name in names if name not in PIECES]
    if unknown:
        known = ", ".join([*POLICIES, *PIECES])
        raise UsageError(f"unknown augmentation {unknown[0]!r}; known: {known}")
    if "weak" in names[1:]:
        raise UsageError(f"augmentation {', '.join(names)}: weak can only come first")
    return tuple(PIECES[name] for name in names)
