"""Learning: how samples and classes are learned, epoch by epoch."""

from dashboard.views.laboratory import learning, method, timeline, transition
from dashboard.views.laboratory.tabs import show_laboratory
from dashboard.views.parts.bar import open_run

run, _ = open_run("Learning", "How samples and classes are learned, epoch by epoch.")
show_laboratory(
    "timeline",
    run,
    {
        "method": ("Method", method),
        "timeline": ("Epoch by epoch", timeline),
        "learning": ("When labels are learned", learning),
        "transition": ("Which label became which", transition),
    },
)
