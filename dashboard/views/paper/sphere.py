"""Fig. 3: the angles between chosen samples and their class vectors."""

from dashboard.views.paper.shown import Shown


def show(shown: Shown) -> None:
    """Show the tab."""
    shown.show("sphere")
    shown.offer_samples()
