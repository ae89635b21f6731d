"""Paper: the paper's figures of a run, one tab each, and their export."""

from functools import partial

from dashboard.views.paper import accuracy, clusters, criteria, export, logits, sphere
from dashboard.views.parts.bar import open_run
from dashboard.views.parts.tabs import show_tabs

run, given_label = open_run("Paper", "The paper's figures, drawn from this run.", classes="all")
show_tabs(
    "paper",
    {
        "curves": ("Fig. 1 · Criteria", partial(criteria.show, run, given_label)),
        "logits": ("Fig. 2 · Logits", partial(logits.show, run, given_label)),
        "sphere": ("Fig. 3 · Angles", partial(sphere.show, run, given_label)),
        "clusters": ("Fig. 4 · Clusters", partial(clusters.show, run, given_label)),
        "accuracy": ("Accuracy", partial(accuracy.show, run, given_label)),
        "export": ("Export", partial(export.show, run, given_label)),
    },
)
