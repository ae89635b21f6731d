"""For how many classes a table of classes by classes is made, or a mark for each class."""

from hmw_core.errors import UsageError

MOST_CLASSES = 1_000
"""Of more, a cell or a corner is smaller than a pixel, and the memory grows with the square."""


def check_classes(n_classes: int, what: str) -> None:
    """Refuse what has no place for so many classes; `what` begins the sentence.

    Raises
    ------
    UsageError
        If there are more than `MOST_CLASSES`.
    """
    if n_classes > MOST_CLASSES:
        raise UsageError(
            f"{what} is made for up to {MOST_CLASSES:,} classes, and there are {n_classes:,}"
        )
