"""How figures call and mark the rules that choose a window of epochs."""

from dashboard.drawing.style import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION
from hmw_core.log.reader import RunReader

RULE_TITLES = {
    "oracle": "Oracle (sees true labels)",
    "whole": "Whole log",
    "steady": "Steadiest",
    "two groups": "Two groups",
    "ensemble": "Ensemble",
    "test accuracy": "Best test accuracy",
}
# Marker on screen, on paper, and colour.
MARKERS = {
    "oracle": ("star", "*", VERMILION),
    "whole": ("square", "s", GREY),
    "steady": ("diamond", "D", BLUE),
    "two groups": ("circle", "o", GREEN),
    "ensemble": ("triangle-up", "^", PURPLE),
    "test accuracy": ("cross", "P", ORANGE),
}


def absent_windows(run: RunReader) -> str:
    """Return why no window of this run has an AUROC; empty where they have."""
    wrong = run.samples()["is_mislabeled"]
    if wrong.eq(True).any() and wrong.eq(False).any():
        return ""
    return (
        f"run {run.name!r} knows {int(wrong.eq(False).sum())} clean and {int(wrong.sum())} "
        "mislabeled samples; what a window is worth takes true labels with some of both"
    )
