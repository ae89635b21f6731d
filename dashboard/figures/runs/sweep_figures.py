"""SWEEP_FIGURES: as FIGURES, but `prepare` takes a sweep (`laboratory.sweeps`), not a run."""

from dashboard.figures.base import FigureSpec
from dashboard.figures.runs import sweep_accuracy, sweep_curves, sweep_scale

SWEEP_FIGURES: dict[str, FigureSpec] = {
    "sweep_accuracy": sweep_accuracy.FIGURE,
    "sweep_curves": sweep_curves.FIGURE,
    "sweep_scale": sweep_scale.FIGURE,
}
