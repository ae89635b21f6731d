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
from training.data.augment.contrastive import colour_jitter, flip, greyscale, resized_crop
from training.data.augment.tables import augmix, autoaugment, randaugment

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

PIECES: dict[str, Piece] = {
    "weak": WEAK,
    "autoaugment": Piece(5, autoaugment),
    "randaugment": Piece(4, randaugment),
    "augmix": Piece(25, augmix),
    "resized_crop": Piece(22, resized_crop),
    "flip": Piece(1, flip),
    "colour_jitter": Piece(9, colour_jitter),
    "greyscale": Piece(1, greyscale),
}

POLICIES: dict[str, tuple[str, ...]] = {"none": (), "strong": ("weak", "autoaugment")}


@dataclass(frozen=True)
class View:
    """A policy and what it draws."""

    pieces: tuple[Piece, ...]
    draws: tuple[Tensor, ...]
    """For each piece (N, n_draws), float, CPU."""

    @property
    def is_strong(self) -> bool:
        """Whether anything but the data set's own crop and flip is drawn."""
        return any(piece.apply for piece in self.pieces)

    def strengthen(self, pixels: Tensor, rows: Tensor) -> Tensor:
        """Return the pictures (B, H, W, C), uint8, after the pieces that the source leaves.

        Raises
        ------
        UsageError
            If there is such a piece and a picture has neither one channel nor three.
        """
        if not self.is_strong:
            return pixels
        pixels = pixels.permute(0, 3, 1, 2)
        if pixels.shape[1] not in (1, 3):
            raise UsageError(
                f"pictures of {pixels.shape[1]} channels cannot be augmented strongly; "
                "1 channel (grey) or 3 (red, green, blue) can"
            )
        for piece, draws in zip(self.pieces, self.draws, strict=True):
            if piece.apply is not None:
                pixels = piece.apply(pixels, draws[rows])
        return pixels.permute(0, 2, 3, 1)


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
