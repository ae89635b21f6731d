"""Export: chosen figures as files in a zip, or one HTML report of the run."""

import shlex

import streamlit as st

from dashboard import runs
from dashboard.drawing.style import WIDTHS
from dashboard.export.archive import export_zip
from dashboard.export.find import network_words
from dashboard.export.render import FORMATS
from dashboard.export.report import report_html
from dashboard.figures import FIGURES
from hmw_core.file_names import file_name
from hmw_core.log.reader import RunReader

COLUMNS = 2
OFF = ("noise_matrix", "proof")  # figures that are not in the paper are a click away


def figure_title(name: str) -> str:
    """Return a figure's title and its place in the paper."""
    spec = FIGURES[name]
    return f"{spec.title} :gray[:small[{spec.paper}]]" if spec.paper else spec.title


def show(run: RunReader, given_label: int | None) -> None:
    """Show the tab."""
    st.caption("The figures as they go into a paper, or all that is known of the run on one page.")
    others = {other.name: other for other in runs.all_runs()[0] if other.name != run.name}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        names = st.multiselect(
            "Runs beside it", list(others), help="For the figures that compare runs"
        )
    beside = [others[name] for name in names]

    def zip_of() -> bytes:
        return export_zip([run, *beside], chosen, formats, width, given_label=given_label)

    def report_of() -> bytes:
        return report_html(run, beside, chosen, given_label).encode("utf-8")

    st.subheader("Figures", anchor=False)
    columns = st.columns(COLUMNS)
    chosen = [
        name
        for place, name in enumerate(FIGURES)
        if columns[place % COLUMNS].checkbox(
            figure_title(name), value=name not in OFF, key=f"x {name}"
        )
    ]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        formats = st.pills("Formats", FORMATS, selection_mode="multi", default=["pdf"])
        width = st.segmented_control(
            "Width",
            list(WIDTHS),
            default="column",
            required=True,
            format_func=lambda name: f"{name}, {WIDTHS[name]:g} in",
            help="Of PDF, SVG and PNG",
        )
    with st.container(horizontal=True):
        st.download_button(
            "Figures (zip)",
            data=zip_of,
            file_name=file_name(run.name, "-figures.zip"),
            mime="application/zip",
            disabled=not (chosen and formats),
            on_click="ignore",
            type="primary",
            icon=":material/folder_zip:",
        )
        st.download_button(
            "Report (HTML)",
            data=report_of,
            file_name=file_name(run.name, "-report.html"),
            mime="text/html",
            disabled=not chosen,
            on_click="ignore",
            icon=":material/description:",
        )
    st.caption(
        "Files are made when a button is pressed, which takes some seconds. A figure that the run "
        "cannot show is listed with the reason in the zip and in the report. From a terminal, "
        "without a browser:"
    )
    words = ["python", "-m", "dashboard.export", str(run.folder), "OUT", *network_words(run)]
    st.code(f"{shlex.join(words)} --formats pdf svg png html csv", "bash")
