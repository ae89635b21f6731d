"""Axes that fit the many: a few points far away are drawn at the edge, and counted."""

from dataclasses import dataclass

import numpy as np

SHARE = 0.98  # of the points, which an axis always holds
REACH = 0.5  # of the range of those: what lies no further off is held, too
MARGIN = 0.04  # of an axis, left free at each end


@dataclass(frozen=True)
class Window:
    """The part of the plane that a panel shows, in the units of its axes."""

    left: float
    right: float
    bottom: float
    top: float

    def edge_of(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return which points lie outside, and where on the edge to mark them.

        Parameters
        ----------
        x, y : ndarray of shape (N,), float
            A point that is not finite is nowhere: it is neither inside nor marked.

        Returns
        -------
        outside : ndarray of shape (N,), bool
        edge_x, edge_y : ndarray of shape (M,), float
            The nearest place on the edge of each point outside, in their order.
        """
        is_far = (x < self.left) | (x > self.right) | (y < self.bottom) | (y > self.top)
        outside = is_far & np.isfinite(x) & np.isfinite(y)
        edge_x = np.clip(x[outside], self.left, self.right)
        return outside, edge_x, np.clip(y[outside], self.bottom, self.top)

    def no_flatter_than(self, aspect: float) -> "Window":
        """Return a window around the same middle whose shorter side is `aspect` of the longer one.

        A panel whose axes may differ in scale is filled by it without drawing a round cloud as a
        strip, or a strip as a round cloud.
        """
        width, height = self.right - self.left, self.top - self.bottom
        wider = max(width, aspect * height) - width
        higher = max(height, aspect * width) - height
        return Window(
            self.left - wider / 2,
            self.right + wider / 2,
            self.bottom - higher / 2,
            self.top + higher / 2,
        )


def robust_range(values: np.ndarray) -> tuple[float, float]:
    """Return the ends of an axis that a few values far from all others do not stretch.

    Of the sorted values, 1 % at each end is set aside, and at least one where there are five or
    more, two where there are fifty or more: those that stray often do so in pairs.
    The range of the others is widened by half of itself at both ends; the axis ends at the
    outermost of all values in there, plus a margin. So what lies near the others is held, and no
    more than was set aside is not.

    Parameters
    ----------
    values : ndarray of shape (N,), float
        Those that are not finite are left out.

    Returns
    -------
    low, high : float
        (0, 1) where there is no value, and a range of 1 around values that are all the same.

    Examples
    --------
    >>> low, high = robust_range(np.array([*range(11), 1000.0]))
    >>> round(low, 2), round(high, 2)
    (-0.4, 10.4)
    """
    finite = values[np.isfinite(values)].astype(np.float64)
    if not len(finite):
        return 0.0, 1.0
    n = len(finite)
    cut = max((n >= 5) + (n >= 50), int((1 - SHARE) / 2 * n))
    # A million are parted in a tenth of the time that sorting them takes.
    ends = np.partition(finite, [cut, n - 1 - cut])
    low, high = ends[cut], ends[n - 1 - cut]
    fence = REACH * (high - low)
    held = finite[(finite >= low - fence) & (finite <= high + fence)]
    low, high = float(held.min()), float(held.max())
    free = MARGIN * (high - low) or 0.5
    return low - free, high + free


def robust_window(x: np.ndarray, y: np.ndarray) -> Window:
    """Return the window that fits the many of these points (`robust_range` of each axis)."""
    return Window(*robust_range(x), *robust_range(y))


def outside_words(n_outside: int) -> str:
    """Return what a caption says of the points marked at the edge, with a full stop; or nothing."""
    if not n_outside:
        return ""
    one = n_outside == 1
    return f"{n_outside:,} {'lies' if one else 'lie'} outside, marked at the edge by a triangle."
