"""What the page Paper shows: runs side by side, the look of the figures, what its tabs chose."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard import runs
from dashboard.drawing.style import FONTS, PALETTES, PLAIN, SIZES, Typography
from dashboard.drawing.text import PLACEHOLDERS
from dashboard.export.archive import Order, zip_of
from dashboard.export.names import figure_stem
from dashboard.export.prepared import options_of
from dashboard.figures import FIGURES
from dashboard.presenters.counterparts import MOST_BESIDE, beside, counterparts, in_papers_order
from dashboard.views.parts.blocks import chosen_pictures, figure_file, show_figure
from dashboard.views.parts.choices import (
    asked_for,
    choose,
    choose_epoch,
    choose_samples,
    plain,
    remember,
    sample_ids_of,
)
from hmw_core.criteria import VARIANTS
from hmw_core.criteria.of_run import criteria_of, with_k
from hmw_core.errors import UsageError
from hmw_core.feature_space.embeddings import TITLES
from hmw_core.log.reader import RunReader
from hmw_core.samples.groups import HARD_BY

SIZE_TITLES = {
    "aaai-column": f"one column of AAAI, {SIZES['aaai-column']:g} in",
    "aaai-text": f"both columns of AAAI, {SIZES['aaai-text']:g} in",
    "slide": f"slide, {SIZES['slide']:g} in",
}
FONT_TITLES = {"dejavu": "DejaVu Sans", "times": "Times, as AAAI asks", "latex": "LaTeX's own"}
PALETTE_TITLES = {
    "safe": "told apart with any colour vision",
    "paper": "the paper's: easy green, hard red, mislabeled blue",
}
MAPS = {"auto": "t-SNE, or UMAP over 5,000 samples", **TITLES}
HARD_TITLES = {"mean_loss": "mean loss", "last_loss": "last loss", "aum": "AUM"}
LOSS_TITLES = {"linear": "linear", "log": "logarithmic"}
MEANS = "group means"


@dataclass(frozen=True)
class Shown:
    """What the tabs draw and the export writes; `beside` are the runs beside the one in the bar."""

    run: RunReader
    given_label: int | None
    beside: Sequence[RunReader] = ()
    typography: Typography = PLAIN

    @property
    def runs(self) -> list[RunReader]:
        """The run and those beside it, as the paper's panels stand."""
        return in_papers_order([self.run, *self.beside])

    @property
    def hard_by(self) -> str:
        """The criterion that says which clean samples are hard to learn."""
        return _asked("hard") if _asked("hard") in HARD_TITLES else HARD_BY

    def choices(self) -> dict[str, Any]:
        """Return what the address asks of the figures; what it cannot ask for is left out."""
        epoch, k = _number("epoch"), _number("k")
        pair = [with_k(name, k or 1) for name in (_asked("first"), _asked("second"))]
        known = criteria_of(self.run) | VARIANTS
        return {
            "given_label": self.given_label,
            "sample_ids": sample_ids_of(_asked("sample")) or None,
            "epoch": epoch if epoch and epoch < self.run.last_epoch else None,
            "criteria": tuple(pair) if all(name in known for name in pair) else None,
            "group": "mean" if _asked("of") == MEANS else None,
            "colour": _asked("colour") or None,
            "method": _asked("map") or None,
            "hard_by": self.hard_by,
            "loss_axis": _asked("loss") or None,
        }

    def options(self, name: str) -> dict[str, Any]:
        """Return the options of a figure."""
        return options_of(name, self.choices())

    def show(self, name: str) -> None:
        """Show a figure of `FIGURES` as it was chosen."""
        of = self.runs if FIGURES[name].many else self.run
        show_figure(name, of, typography=self.typography, **self.options(name))

    def offer_pdf(self, names: Sequence[str]) -> None:
        """Offer the figures of a tab as PDF, several as a zip."""
        one = len(names) == 1

        def made() -> bytes:
            if not one:
                return zip_of(self.order(names, ["pdf"]))
            of = self.runs if FIGURES[names[0]].many else self.run
            table = runs.table(names[0], of, **self.options(names[0]))
            return figure_file(names[0], table, self.typography, "pdf")

        stem = figure_stem(names[0], FIGURES[names[0]], [self.run], self.given_label)
        st.download_button(
            "This tab as PDF",
            data=made,
            file_name=f"{stem}.{'pdf' if one else 'zip'}",
            mime="application/pdf" if one else "application/zip",
            key=f"tab {names[0]}",
            on_click="ignore",
            icon=":material/download:",
            help=f"Set in {SIZE_TITLES[str(self.typography.size)]}",
        )

    def offer_samples(self, epoch: bool = False) -> None:
        """Offer other samples, and another last epoch, below the figure of single samples."""
        with st.expander("Which samples: the rule that chose them, or yours"):
            with st.container(horizontal=True, vertical_alignment="bottom"):
                sample_ids = choose_samples(self.run)
                last = choose_epoch(self.run) if epoch else None
            chosen_pictures(self.run, self.given_label, sample_ids, last, self.hard_by)

    def order(self, figures: Sequence[str], formats: Sequence[str], **more: Any) -> Order:
        """Return the export of figures as they are on the screen."""
        all_runs = [self.run, *self.beside]
        return Order(all_runs, figures, formats, self.typography, self.choices(), **more)


def _asked(name: str) -> str:
    return asked_for(name, f"choice {name}") or ""


def _number(name: str) -> int | None:
    text = _asked(name)
    return int(text) if text.isascii() and text.isdigit() else None


def choose_shown(run: RunReader, given_label: int | None, figures: Sequence[str]) -> Shown:
    """Show the row above the tabs, and return what it chose; `figures` are the open tab's."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("Beside it", width="content")
        others = _choose_beside(run, runs.all_runs()[0])
        with st.popover("Look of the figures", icon=":material/palette:", width="content"):
            typography = _choose_look()
        shown = Shown(run, given_label, others, typography)
        if figures:
            shown.offer_pdf(figures)
    return shown


def _choose_beside(run: RunReader, all_runs: Sequence[RunReader]) -> list[RunReader]:
    """Return the runs beside this one, `beside=` in the address unless they are the default."""
    by_name = {other.name: other for other in counterparts(run, all_runs)}
    default = [other.name for other in beside(run, all_runs)]
    key = f"beside {run.name}"
    kept = st.session_state.setdefault("kept beside", {})
    written = st.session_state.setdefault("address", {}).get("beside")
    in_address = st.query_params.get("beside")
    names = st.session_state.get(key, kept.get(run.name, default))
    if in_address is not None and in_address != written:
        names = _names(in_address)
        for name in names:
            if name not in by_name:
                st.warning(f"Beside it: there is no run “{plain(name)}” here.")
    st.session_state[key] = [name for name in names if name in by_name][:MOST_BESIDE]
    chosen = st.multiselect(
        "Runs beside it",
        list(by_name),
        key=key,
        max_selections=MOST_BESIDE,
        placeholder="Runs beside it, in Figs. 4 to 6",
        label_visibility="collapsed",
        disabled=not by_name,
        help="In Figs. 4 to 6, the accuracies and the tables",
    )
    kept[run.name] = chosen
    remember("beside", None if chosen == default else json.dumps(chosen, ensure_ascii=False))
    return [by_name[name] for name in chosen]


def _names(text: str) -> list[str]:
    """Return the names that an address lists: as JSON, or one alone."""
    try:
        names = json.loads(text)
    except ValueError:
        return [text]
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else [text]


def choose_map() -> str:
    """Return the method of the maps, `map=` in the address."""
    shown = MAPS.__getitem__
    return choose("map", "Map", list(MAPS), shown=shown, quiet=True, labelled=False)


def _choose_look() -> Typography:
    """Return how figures are set, kept in the address where it is not the default."""
    size = choose("size", "Width of files", list(SIZES), shown=SIZE_TITLES.__getitem__, quiet=True)
    font = choose(
        "font", "Letters of files", list(FONTS), shown=FONT_TITLES.__getitem__, quiet=True
    )
    palette = choose(
        "palette", "Colours", list(PALETTES), shown=PALETTE_TITLES.__getitem__, quiet=True
    )
    choose("loss", "Axis of the loss", list(LOSS_TITLES), shown=LOSS_TITLES.__getitem__, quiet=True)
    choose(
        "hard",
        "Hard to learn are the clean samples of worst",
        list(HARD_TITLES),
        shown=HARD_TITLES.__getitem__,
        quiet=True,
        help="In every figure of this page. A contest is biased against the criterion that chose.",
    )
    key = "choice letters"
    st.session_state[key] = _asked("letters") in ("yes", "True")
    letters = st.toggle("Panel letters: (a), (b), …", key=key)
    remember("letters", "yes" if letters else None)
    key = "choice titles"
    st.session_state[key] = _asked("titles")
    words = ", ".join(f"`{{{name}}}`" for name in PLACEHOLDERS)
    title = st.text_input(
        "Titles of panels",
        key=key,
        placeholder=r"{recipe}, $\eta$ = {noise_rate}",
        help=f"Empty: the figure's own. Placeholders: {words}; mathematics between dollar signs",
    )
    remember("titles", title or None)
    try:
        return Typography(size, font, palette, letters=letters, title=title)
    except UsageError as error:
        st.error(plain(f"{error}"), icon=":material/error:")
        return Typography(size, font, palette, letters=letters)
