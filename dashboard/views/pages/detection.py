"""Find wrong labels: which criterion finds them, with and without true labels."""

from functools import partial

from dashboard.views.laboratory import agreement, detection, duel
from dashboard.views.parts.bar import open_run
from dashboard.views.parts.tabs import show_tabs

run, _ = open_run("Find wrong labels", "Which criterion finds the mislabeled samples.")
show_tabs(
    "detection",
    {
        "detection": ("Detection", partial(detection.show, run)),
        "agreement": ("Agreement", partial(agreement.show, run)),
        "duel": ("Duel", partial(duel.show, run)),
    },
)
