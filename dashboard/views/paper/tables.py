"""Tables: accuracies of the runs side by side, and which criterion finds the wrong labels."""

import pandas as pd
import streamlit as st

from dashboard import runs
from dashboard.export import report_tables
from dashboard.export.report import ACCURACY_HEADING, CONTESTS, DETECTION_HEADING
from dashboard.views.paper.shown import Shown
from dashboard.views.parts.blocks import offer_table, say_refused
from dashboard.views.parts.choices import plain
from hmw_core.errors import UsageError
from hmw_core.experiments.paper import PAPER_NOTE


def show(shown: Shown) -> None:
    """Show the tab."""
    st.subheader("Accuracy", anchor=False)
    rows = report_tables.accuracies(shown.runs)
    offer_table(
        pd.DataFrame(rows, columns=ACCURACY_HEADING),
        f"accuracy-{shown.run.name}",
        "Accuracy in per cent by run and split: after the last epoch, in the best one, and the "
        "mean of the last ten. The best epoch is an oracle's choice on the test samples.",
    )
    if any(row[-1] != report_tables.UNKNOWN for row in rows):
        st.caption(plain(PAPER_NOTE))
    st.subheader("Which criterion finds the mislabeled samples", anchor=False)
    try:
        table = runs.table("detection", shown.run, **shown.options("detection"))
    except UsageError as reason:
        say_refused(reason)
        return
    first = table.iloc[0]
    for contest in table["contest"].unique():
        # Two columns of a table of pandas need two names.
        heading = [
            f"{name} of the {heading}" if name == "95 % interval" else name
            for heading, name in zip(["", *DETECTION_HEADING], DETECTION_HEADING, strict=False)
        ]
        offer_table(
            pd.DataFrame(report_tables.detection(table, contest), columns=heading),
            f"detection-{contest}-{shown.run.name}".replace(" ", "-"),
            f"{CONTESTS[contest]}: {shown.run.name}, {first['class_name']}, epoch "
            f"{first['epoch']}. Intervals: {first['interval']}.",
        )
