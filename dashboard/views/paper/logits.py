"""Fig. 2: the given, the largest other and the top-k averaged logits, and their areas."""

from dashboard.views.paper.shown import MEANS, Shown
from dashboard.views.parts.choices import choose


def show(shown: Shown) -> None:
    """Show the tab."""
    of = choose("of", "Curves of", ["single samples", MEANS], quiet=True, labelled=False, width=200)
    shown.show("logits")
    if of != MEANS:
        shown.offer_samples()
    shown.show("areas_by_epoch")
