"""Fix: from suspects to corrected labels, and to the proof that they help, in four steps."""

from functools import partial

from dashboard.views.fix import duplicates, labels, proof, review
from dashboard.views.parts.bar import open_run
from dashboard.views.parts.tabs import show_tabs

run, _ = open_run("Fix", "Find wrong labels, judge them, take the corrected ones, and prove them.")
show_tabs(
    "fix",
    {
        "suspects": ("1 Suspects and duplicates", partial(duplicates.show, run)),
        "review": ("2 Review", partial(review.show, run)),
        "labels": ("3 Labels", partial(labels.show, run)),
        "proof": ("4 Proof", partial(proof.show, run)),
    },
)
