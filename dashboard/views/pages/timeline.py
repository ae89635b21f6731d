"""Learning: how samples and classes are learned, epoch by epoch."""

from functools import partial

from dashboard.views.laboratory import learning, timeline, transition
from dashboard.views.parts.bar import open_run
from dashboard.views.parts.tabs import show_tabs

run, _ = open_run("Learning", "How samples and classes are learned, epoch by epoch.")
show_tabs(
    "timeline",
    {
        "timeline": ("Timeline", partial(timeline.show, run)),
        "learning": ("Learning order", partial(learning.show, run)),
        "transition": ("Transition", partial(transition.show, run)),
    },
)
