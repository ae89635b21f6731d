"""Inspect: a class's clean and mislabeled samples, on a map beside their pictures."""

import streamlit as st

from dashboard.cached import inspected, lessons
from dashboard.views.inspect import page
from dashboard.views.parts.bar import open_run
from dashboard.views.parts.lesson import show_lesson
from hmw_core.log.reader import RunReader


def class_text(run: RunReader, label: int) -> str:
    """Return what the list of classes says of one."""
    return inspected.class_counts(run).text(label)


if "given" in st.query_params:  # what earlier versions called the class here
    st.query_params.setdefault("class", st.query_params["given"])
    del st.query_params["given"]
run, given_label = open_run(
    "Inspect",
    "Which samples of a class are mislabeled, and how they look.",
    classes="all",
    class_text=class_text,
)
first = st.empty()
first.markdown(":gray[:material/lightbulb: …]")
page.show(run, given_label)
with first:  # the last to be made: of a million samples it takes longer than map and pictures
    show_lesson(lessons.lesson(run, given_label))
