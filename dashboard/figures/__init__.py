"""Every figure, one file each: `prepare` (run -> table), `draw` (plotly), `typeset` (Matplotlib).

Contract in `dashboard.figures.base.FigureSpec`. Order here is the paper's, and the export's.
"""

from dashboard.figures import accuracy
from dashboard.figures.base import FigureSpec

FIGURES: dict[str, FigureSpec] = {
    "accuracy": accuracy.FIGURE,
}
