"""Find wrong labels: which criterion finds them, with and without true labels."""

from dashboard.views.laboratory import agreement, detection, duel
from dashboard.views.laboratory.tabs import show_laboratory
from dashboard.views.parts.bar import open_run

run, _ = open_run(
    "Find wrong labels", "Which criterion finds the mislabeled samples, and how sure that is."
)
show_laboratory(
    "detection",
    run,
    {
        "detection": ("All criteria against the truth", detection),
        "agreement": ("Without true labels", agreement),
        "duel": ("Two criteria, head to head", duel),
    },
)
