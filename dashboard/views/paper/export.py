"""Export: the figures as they are on the screen, as files in a zip, or one report of the run."""

import shlex
import time
from collections.abc import Callable, Sequence
from itertools import count

import streamlit as st

from dashboard import runs
from dashboard.export.archive import Told, zip_of
from dashboard.export.find import network_words
from dashboard.export.prepared import PAPER, figures_of, prepare_figures
from dashboard.export.render import FORMATS
from dashboard.export.report import report_html
from dashboard.figures import FIGURES
from dashboard.views.paper.parameters import of_figure_7
from dashboard.views.paper.shown import SIZE_TITLES, Shown
from dashboard.views.parts.choices import plain
from hmw_core.errors import UsageError
from hmw_core.file_names import file_name

COLUMNS = 2
SETS = {"The paper's figures": ["paper"], "All": ["all"], "None": []}


def show(shown: Shown) -> None:
    """Show the tab."""
    st.caption(
        f"As on the other tabs: {SIZE_TITLES[str(shown.typography.size)]}, "
        f"{'all classes' if shown.given_label is None else 'this class'}, the samples, epoch and "
        "runs chosen there. Captions, a LaTeX file that includes the figures, and where the "
        "numbers come from lie beside them."
    )
    chosen = _choose_figures(len(shown.runs))
    formats = st.pills("Formats", FORMATS, selection_mode="multi", default=["pdf"])
    sweeps = of_figure_7(runs.all_sweeps()[0])
    order = shown.order(chosen, formats, sweep=next(iter(sweeps), None))
    left, right = st.columns(2)
    with left:
        _offer(
            "Make the figures (zip)",
            file_name(shown.run.name, "-figures.zip"),
            "application/zip",
            lambda told: zip_of(order, told),
            repr((chosen, formats, _of(shown))),
            off=not (chosen and formats),
        )
    with right:
        _offer(
            "Make the report (HTML)",
            file_name(shown.run.name, "-report.html"),
            "text/html",
            lambda told: _report(shown, chosen or ["paper"], told),
            repr((chosen, _of(shown))),
        )
    st.caption("Both from a terminal, without a browser:")
    st.code(_command(shown, chosen, formats), "bash", wrap_lines=True)


def _choose_figures(n_runs: int) -> list[str]:
    """Return the figures that are ticked: at first the paper's."""
    fitting = figures_of(["all"], n_runs)
    for name in fitting:
        # Kept under a name of its own: a widget forgets its state on another tab.
        st.session_state.setdefault(f"export {name}", name in PAPER)
        st.session_state[f"x {name}"] = st.session_state[f"export {name}"]

    def note(name: str) -> None:
        st.session_state[f"export {name}"] = st.session_state[f"x {name}"]

    def tick(names: Sequence[str]) -> None:
        ticked = figures_of(names, n_runs)
        for name in fitting:
            st.session_state[f"export {name}"] = name in ticked

    with st.container(horizontal=True):
        for title, names in SETS.items():
            st.button(title, on_click=tick, args=(names,), key=f"tick {title}")

    def box(name: str) -> None:
        spec = FIGURES[name]
        paper = f"{spec.paper} · " if spec.paper else ""
        st.checkbox(f"{paper}{spec.title}", key=f"x {name}", on_change=note, args=(name,))

    def boxes(names: Sequence[str]) -> None:
        for place, column in enumerate(st.columns(COLUMNS)):
            with column:
                for name in names[place::COLUMNS]:
                    box(name)

    boxes([name for name in fitting if name in PAPER])
    others = [name for name in fitting if name not in PAPER]
    n_others = sum(bool(st.session_state[f"export {name}"]) for name in others)
    with st.expander(f"Figures of the laboratory: {n_others} of {len(others)} ticked"):
        boxes(others)
    return [name for name in fitting if st.session_state[f"export {name}"]]


def _offer(
    text: str,
    name: str,
    mime: str,
    make: Callable[[Told], bytes],
    what: str,
    *,
    off: bool = False,
) -> None:
    """Make a file with a bar that grows, and then offer it until something else is asked for."""
    key = f"made {name}"
    if st.button(text, disabled=off, type="primary", key=f"make {name}"):
        bar = st.progress(0.0, text="Reading the log ...")

        def told(done: int, total: int, title: str) -> None:
            bar.progress(done / total, text=f"{done + 1} of {total}: {title}")

        began = time.monotonic()
        try:
            data = make(told)
        except UsageError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return
        finally:
            bar.empty()
        st.session_state[key] = what, data, time.monotonic() - began
    made, data, seconds = st.session_state.get(key, ("", b"", 0.0))
    if made == what:
        st.download_button(
            f"Download {name}",
            data=data,
            file_name=name,
            mime=mime,
            on_click="ignore",
            icon=":material/download:",
        )
        st.caption(f"{len(data) / 1e6:.1f} MB, made in {seconds:.0f} s")


def _of(shown: Shown) -> tuple[object, ...]:
    """Return all that decides what the files hold, besides the figures."""
    epochs = [(run.name, run.network, run.last_epoch) for run in shown.runs]
    return epochs, shown.typography, sorted(shown.choices().items())


def _report(shown: Shown, figures: Sequence[str], told: Told) -> bytes:
    """Return the report; each figure is two steps, its table and its drawing."""
    all_runs = [shown.run, *shown.beside]
    names = figures_of(figures, len(all_runs))
    step = count()

    def next_step(title: str) -> None:
        told(next(step), 2 * len(names), title)

    prepared = prepare_figures(
        all_runs, names, shown.choices(), lambda name: next_step(FIGURES[name].title)
    )
    look = shown.typography
    report = report_html(shown.run, shown.beside, shown.choices(), prepared, look, next_step)
    return report.encode("utf-8")


def _command(shown: Shown, figures: Sequence[str], formats: Sequence[str]) -> str:
    """Return the command that writes the same files."""
    look, choices, run = shown.typography, shown.choices(), shown.run
    words = ["python", "-m", "dashboard.export", str(run.folder), "OUT", *network_words(run)]
    n_runs = len(shown.runs)
    if list(figures) != figures_of(["paper"], n_runs):
        words += ["--figures", *(["all"] if figures == figures_of(["all"], n_runs) else figures)]
    words += ["--formats", *formats] if list(formats) != ["pdf"] else []
    words += ["--with", *(str(other.folder) for other in shown.beside)] if shown.beside else []
    if shown.given_label is not None:
        words += ["--class", run.class_names[shown.given_label]]
    words += ["--samples", *map(str, choices["sample_ids"])] if choices["sample_ids"] else []
    words += ["--epoch", str(choices["epoch"])] if choices["epoch"] else []
    words += ["--size", str(look.size)] if look.size != "aaai-column" else []
    words += ["--font", look.font] if look.font != "dejavu" else []
    words += ["--palette", look.palette] if look.palette != "safe" else []
    words += ["--letters"] if look.letters else []
    words += ["--titles", look.title] if look.title else []
    words += ["--report"]
    return shlex.join(words)
