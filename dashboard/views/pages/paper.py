"""Paper: the paper's figures as an author wants them, a tab each, and their export."""

from functools import partial
from typing import Any

import streamlit as st

from dashboard.cached.lessons import paper_lesson
from dashboard.figures.selection import telling_class
from dashboard.views.paper import (
    accuracy,
    class_maps,
    clusters,
    curves,
    export,
    logits,
    parameters,
    sphere,
    tables,
)
from dashboard.views.paper.shown import choose_shown
from dashboard.views.parts.bar import open_run
from dashboard.views.parts.lesson import show_lesson
from dashboard.views.parts.tabs import open_tab, show_tabs

# The name in the address: the title, what shows the tab, and the figures that its PDF has.
TABS: dict[str, tuple[str, Any, list[str]]] = {
    "curves": ("Fig. 1 · Curves", curves, ["curves"]),
    "logits": ("Fig. 2 · Logits", logits, ["logits"]),
    "sphere": ("Fig. 3 · Angles", sphere, ["sphere"]),
    "clusters": ("Fig. 4 · Clusters", clusters, ["clusters"]),
    "class": ("Figs. 5, 6 · Class", class_maps, ["class_clusters", "class_weights"]),
    "parameters": ("Fig. 7 · α and β", parameters, []),
    "accuracy": ("Accuracy", accuracy, ["accuracy"]),
    "tables": ("Tables", tables, []),
    "export": ("Export", export, []),
}

run, given_label = open_run(
    "Paper",
    "The figures of HMW (AAAI-24), drawn from your runs.",
    classes="all",
    first_class=telling_class,
)
sentence = st.container()
shown = choose_shown(run, given_label, TABS[open_tab("paper", TABS)][2])
with sentence:
    show_lesson(paper_lesson(run, given_label, hard_by=shown.hard_by))
show_tabs(
    "paper",
    {name: (title, partial(tab.show, shown)) for name, (title, tab, _) in TABS.items()},
)
