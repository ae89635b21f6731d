"""Which run is on screen, what was read of it, and the address that says so."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.figures import FIGURES
from dashboard.figures.maps import check_features
from dashboard.figures.paper.sample_curves import class_bands
from dashboard.figures.selection import chosen_samples
from dashboard.jobs.background import Job, missing_map
from dashboard.jobs.training_command import listing
from dashboard.presenters import timeline
from dashboard.presenters.linked import Places, Samples
from dashboard.presenters.summary import description, summary
from dashboard.presenters.timeline import Film, Moment
from dashboard.views.parts.choices import choose, plain
from hmw_core.criteria.kept import score_table
from hmw_core.experiments.sweeps import Sweep, list_sweeps, read_sweep
from hmw_core.feature_space.alignment import kept_joint
from hmw_core.feature_space.neighbours import Directions, directions
from hmw_core.laboratory import thresholds
from hmw_core.laboratory.duel import paired_criteria
from hmw_core.laboratory.learning_order import Onset, learning_table, onsets
from hmw_core.laboratory.memorised import fitted
from hmw_core.laboratory.stability import looks, run_looks
from hmw_core.laboratory.transition import believed_by_suggestions, believed_confidently
from hmw_core.laboratory.transition_pattern import SampleEvidence, noise_by_sample
from hmw_core.log import layout, verdicts
from hmw_core.log.reader import RunReader, list_runs
from hmw_core.pictures.duplicates import kept_pairs
from hmw_core.review.corrected_labels import corrected_labels
from hmw_core.samples.compare import paired_scores
from hmw_core.samples.contrast import contrast_columns, why_these
from hmw_core.statistics.modes import Modes

Version = tuple[Any, ...]

TRAIN = "python -m training train --dataset digits --noise symmetric --noise-rate 0.5 --recipe CCE"


def runs_folder() -> Path:
    """Return the folder of runs: `HMW_RUNS`, or `data/runs`."""
    return Path(os.environ.get("HMW_RUNS") or "data/runs")


def read_only() -> bool:
    """Tell whether this server lets nobody train or judge (`--read-only`)."""
    return os.environ.get("HMW_READ_ONLY") == "1"


def all_runs() -> tuple[list[RunReader], dict[str, str]]:
    """Return the runs that can be read, newest first, and why each of the others cannot."""
    # By listing, never by joining a name from the address: nothing outside can be reached.
    found = list_runs(runs_folder(), lambda path: _reader(str(path), _version(path)))
    readable = [entry for entry in found if isinstance(entry, RunReader)]
    return readable, dict(entry for entry in found if isinstance(entry, tuple))


def pick_run() -> RunReader:
    """Return the run chosen in the sidebar; where there is none, say so and end the page."""
    runs, broken = all_runs()
    if not runs:
        no_runs(broken)
        st.stop()
    unreadable = broken.get(st.query_params.get("run", ""))
    if unreadable:
        st.warning(f"This run cannot be read: {unreadable}")
    by_name = {run.name: run for run in runs}
    name = choose("run", "Run", list(by_name), container=st.sidebar)
    run = by_name[name]
    with st.sidebar:
        st.caption(plain(description(run)))
    if run.status == "running":
        _follow(name, run.last_epoch)
    if run.damage:
        st.warning(f"Read up to epoch {run.last_epoch}: {'; '.join(run.damage)}")
    return run


def no_runs(broken: dict[str, str]) -> None:
    """Say how to get a first run."""
    st.info(f"There is no run to show in `{runs_folder()}` yet. Train one:")
    st.code(f"{TRAIN} --runs {runs_folder()}", language="bash")
    for reason in broken.values():
        st.warning(f"Cannot be read: {reason}")


def table(figure: str, run: RunReader | Sequence[RunReader], **options: Any) -> pd.DataFrame:
    """Return a figure's table, to be read only; computed again when the runs' files change.

    Raises
    ------
    CannotShow
        If the runs lack what the figure needs.
    """
    return _drawn(figure, _keys(run), _hashable(options))[0]


def chart(figure: str, run: RunReader | Sequence[RunReader], **options: Any) -> go.Figure:
    """Return the plotly figure of `table`, to be read only."""
    return _drawn(figure, _keys(run), _hashable(options))[1]


def summaries(runs: Sequence[RunReader]) -> pd.DataFrame:
    """Return the overview's table."""
    return pd.DataFrame([_summary(*key) for key in _keys(runs)])


def scores(run: RunReader, criterion: str, epoch: int | None, given_label: int | None) -> pd.Series:
    """Return a criterion's score of a class by `sample_id`, to be read only."""
    return _scores(*_keys(run)[0], criterion, epoch, given_label)


def chosen(
    run: RunReader, given_label: int | None, sample_ids: Sequence[int] | None, epoch: int | None
) -> pd.DataFrame:
    """Return role and sample_id of the samples that figures of single samples show."""
    ids = None if sample_ids is None else tuple(sample_ids)
    return _chosen(*_keys(run)[0], given_label, ids, epoch)


@st.cache_resource
def jobs() -> dict[tuple[str, str], Job]:
    """Return the maps being computed, by run and method, for all who look at this server."""
    return {}


@st.cache_resource(max_entries=64, show_spinner=False)
def _scores(
    folder: str, version: Version, criterion: str, epoch: int | None, given_label: int | None
) -> pd.Series:
    return score_table(_reader(folder, version), [criterion], epoch, given_label)[criterion]


@st.cache_resource(max_entries=64, show_spinner=False)
def _chosen(
    folder: str,
    version: Version,
    given_label: int | None,
    sample_ids: tuple[int, ...] | None,
    epoch: int | None,
) -> pd.DataFrame:
    return chosen_samples(_reader(folder, version), given_label, sample_ids, epoch)


@st.cache_resource(max_entries=64, show_spinner=False)
def _reader(folder: str, version: Version) -> RunReader:
    return RunReader(folder)


@st.cache_resource(max_entries=64, show_spinner=False)
def _summary(folder: str, version: Version) -> dict[str, Any]:
    return summary(_reader(folder, version))


@st.cache_resource(max_entries=48, show_spinner="Reading the log ...")
def _drawn(
    figure: str, keys: tuple[tuple[str, Version], ...], options: tuple[tuple[str, Any], ...]
) -> tuple[pd.DataFrame, go.Figure]:
    spec = FIGURES[figure]
    readers = [_reader(*key) for key in keys]
    prepared = spec.prepare(readers if spec.many else readers[0], **dict(options))
    return prepared, spec.draw(prepared)


@st.fragment(run_every=3)
def _follow(name: str, drawn_epoch: int) -> None:
    """Show how far a running training is, and offer to draw its new epochs."""
    run = next((run for run in all_runs()[0] if run.name == name), None)
    if run is None or run.status != "running":
        st.rerun()
    with st.sidebar:
        done = f"epoch {run.last_epoch} of {run.n_epochs}"
        st.progress(min(run.last_epoch / run.n_epochs, 1.0), text=f"running, {done}")
        if run.last_epoch > drawn_epoch and st.button(f"Draw up to epoch {run.last_epoch}"):
            st.rerun()


def _version(folder: Path) -> Version:
    """Return what changes when a run's log does: a rename into a folder changes its time."""
    parts = []
    for path in sorted(folder.iterdir()):
        if path.name in ("verdicts.jsonl", "cache"):
            continue  # no figure shows a verdict, and what is cached follows from the rest
        found = path.stat()
        parts.append((path.name, found.st_mtime_ns, found.st_size))
    return (*parts, layout.has_writer(folder))


def _keys(runs: RunReader | Sequence[RunReader]) -> tuple[tuple[str, Version], ...]:
    readers = [runs] if isinstance(runs, RunReader) else runs
    return tuple((str(run.folder), _version(run.folder)) for run in readers)


def _hashable(options: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (name, tuple(value) if isinstance(value, list) else value)
        for name, value in sorted(options.items())
        if value is not None
    )


def samples_of(run: RunReader, epoch: int | None) -> Samples:
    """Return the arrays of a run's samples, shared by all who look; verdicts do not renew them."""
    parts = ("samples.parquet", "signals", "scores", "metrics")
    return _samples_of(run, str(run.folder), _parts(run, parts), epoch)


def places_of(run: RunReader) -> Places | None:
    """Return where the map has a run's samples, or None if it is not computed yet.

    Raises
    ------
    CannotShow
        If the run has nothing to map.
    """
    check_features(run)
    parts = ("samples.parquet", "features", "projections")
    return _places_of(run, str(run.folder), _parts(run, parts))


def verdicts_of(run: RunReader) -> dict[int, str]:
    """Return the verdict that stands of each judged sample."""
    return _verdicts_of(run, str(run.folder), _parts(run, ("verdicts.jsonl",)))


def _parts(run: RunReader, names: Sequence[str]) -> Version:
    found = ((name, run.folder / name) for name in names)
    return tuple(
        (name, stat.st_mtime_ns, stat.st_size)
        for name, path in found
        if path.exists()
        for stat in [path.stat()]
    )


@st.cache_resource(max_entries=4, show_spinner="Reading the samples ...")
def _samples_of(_run: RunReader, folder: str, version: Version, epoch: int | None) -> Samples:
    return Samples(_run, epoch)


@st.cache_resource(max_entries=4, show_spinner="Reading the map ...")
def _places_of(_run: RunReader, folder: str, version: Version) -> Places | None:
    return None if missing_map(_run, "auto") is not None else Places(_run)


@st.cache_resource(max_entries=16, show_spinner=False)
def _verdicts_of(_run: RunReader, folder: str, version: Version) -> dict[int, str]:
    standing = _review_log(_run, folder, version).current["verdict"]
    return {int(sample_id): str(said) for sample_id, said in standing.items()}


def review_log(run: RunReader) -> verdicts.VerdictLog:
    """Return the review log as it is now, to be read only."""
    return _review_log(run, str(run.folder), _parts(run, ("verdicts.jsonl",)))


@st.cache_resource(max_entries=4, show_spinner=False)
def _review_log(_run: RunReader, folder: str, version: Version) -> verdicts.VerdictLog:
    return verdicts.read(_run)


def labels_of(
    run: RunReader, criterion: str, epoch: int | None, n_flagged: int | None
) -> pd.DataFrame:
    """Return the corrected labels of a run, to be read only; anew with every verdict.

    Raises
    ------
    UsageError
        If `n_flagged` is out of range.
    """
    parts = ("samples.parquet", "signals", "scores", "metrics", "verdicts.jsonl")
    return _labels_of(run, str(run.folder), _parts(run, parts), criterion, epoch, n_flagged)


@st.cache_resource(max_entries=8, show_spinner="Reading the log ...")
def _labels_of(
    _run: RunReader,
    folder: str,
    version: Version,
    criterion: str,
    epoch: int | None,
    n_flagged: int | None,
) -> pd.DataFrame:
    return corrected_labels(_run, criterion, epoch, n_flagged=n_flagged)


def bands_of(run: RunReader, given_label: int, quantities: Sequence[str]) -> pd.DataFrame:
    """Return `sample_curves.class_bands`, to be read only: one class is read once."""
    key = _parts(run, ("samples.parquet", "signals"))
    return _bands_of(run, str(run.folder), key, given_label, tuple(quantities))


@st.cache_resource(max_entries=64, show_spinner="Reading the class ...")
def _bands_of(
    _run: RunReader,
    folder: str,
    version: Version,
    given_label: int,
    quantities: tuple[str, ...],
) -> pd.DataFrame:
    return class_bands(_run, given_label, quantities)


def directions_of(run: RunReader) -> Directions:
    """Return the run's features at length 1, to be read only.

    Raises
    ------
    UsageError
        If there are none.
    """
    return _directions_of(run, str(run.folder), _parts(run, ("features",)))


@st.cache_resource(max_entries=4, show_spinner="Reading the features ...")
def _directions_of(_run: RunReader, folder: str, version: Version) -> Directions:
    return directions(_run)


def reasons(
    run: RunReader, sample_ids: np.ndarray, epoch: int | None, because_of: Sequence[str]
) -> pd.DataFrame:
    """Return `contrast.why_these` of a selection, to be read only.

    Raises
    ------
    UsageError
        If there is nothing to compare.
    """
    key = _parts(run, ("samples.parquet", "signals", "scores", "verdicts.jsonl"))
    return _reasons(run, str(run.folder), key, sample_ids, epoch, tuple(because_of))


@st.cache_resource(max_entries=16, show_spinner="Comparing with the rest ...")
def _reasons(
    _run: RunReader,
    folder: str,
    version: Version,
    sample_ids: np.ndarray,
    epoch: int | None,
    because_of: tuple[str, ...],
) -> pd.DataFrame:
    table = _contrast_columns(_run, folder, version, epoch)
    return why_these(table, sample_ids, because_of)


@st.cache_resource(max_entries=4, show_spinner="Measuring the samples ...")
def _contrast_columns(
    _run: RunReader, folder: str, version: Version, epoch: int | None
) -> pd.DataFrame:
    return contrast_columns(_run, epoch)


def pairs_of(run: RunReader) -> pd.DataFrame | None:
    """Return the pairs that `duplicates.compare_pairs` kept in the run, or None; read only."""
    return _pairs_of(run, str(run.folder), _parts(run, ("features", "duplicates")))


@st.cache_resource(max_entries=4, show_spinner=False)
def _pairs_of(_run: RunReader, folder: str, version: Version) -> pd.DataFrame | None:
    return kept_pairs(_run)


def compared(a: RunReader, b: RunReader, criterion: str) -> pd.DataFrame:
    """Return the scores of the same samples in two runs, to be read only.

    Raises
    ------
    UsageError
        If the two cannot be compared.
    """
    return _compared(_keys((a, b)), criterion)


@st.cache_resource(max_entries=8, show_spinner="Reading the logs ...")
def _compared(keys: tuple[tuple[str, Version], ...], criterion: str) -> pd.DataFrame:
    a, b = (_reader(*key) for key in keys)
    return paired_scores(a, b, criterion)


@st.cache_resource(show_spinner="Asking what can be trained ...")
def training_choices() -> dict[str, list[dict[str, str]]]:
    """Return what `python -m training list` names; asked once, as it loads torch.

    Raises
    ------
    UsageError
        If nothing can be trained here, with the reason.
    """
    return listing()


def duel_pairs(run: RunReader, a: str, b: str, epoch: int | None) -> pd.DataFrame:
    """Return the scores and ranks of a run's samples by two criteria, to be read only.

    Raises
    ------
    UsageError
        If the two cannot be compared.
    """
    return _duel_pairs(*_keys(run)[0], a, b, epoch)


@st.cache_resource(max_entries=8, show_spinner="Reading the log ...")
def _duel_pairs(folder: str, version: Version, a: str, b: str, epoch: int | None) -> pd.DataFrame:
    return paired_criteria(_reader(folder, version), a, b, epoch)


def believed(
    run: RunReader, source: str, budget: int, criterion: str, epoch: int | None
) -> pd.DataFrame:
    """Return the label each sample is believed to have, to be read only; see `transition`.

    Raises
    ------
    UsageError
        If the run lacks what this source needs.
    """
    if source == "confident":
        return _believed_confidently(*_keys(run)[0], epoch)
    return _believed_by_suggestions(*_keys(run)[0], budget, criterion, epoch)


@st.cache_resource(max_entries=8, show_spinner="Reading what the training predicted ...")
def _believed_by_suggestions(
    folder: str, version: Version, budget: int, criterion: str, epoch: int | None
) -> pd.DataFrame:
    return believed_by_suggestions(_reader(folder, version), budget, criterion, epoch)


@st.cache_resource(max_entries=8, show_spinner="Reading the logits of every epoch ...")
def _believed_confidently(folder: str, version: Version, epoch: int | None) -> pd.DataFrame:
    return believed_confidently(_reader(folder, version), epoch)


@st.cache_resource(max_entries=8, show_spinner="Looking at the pictures ...")
def _noise_by_sample(_run: RunReader, folder: str, version: Version) -> list[SampleEvidence]:
    return noise_by_sample(_run)


def noise_by_sample_of(run: RunReader) -> list[SampleEvidence]:
    """Return `transition_pattern.noise_by_sample`, which needs true labels and pictures.

    Raises
    ------
    UsageError
        If there are none.
    """
    return _noise_by_sample(run, str(run.folder), _parts(run, ("samples.parquet",)))


def sweeps_folder() -> Path:
    """Return the folder of sweeps: `HMW_SWEEPS`, or `sweeps` beside the folder of runs.

    Where the runs shown are a sweep's own, the folder that this sweep lies in.
    """
    asked = os.environ.get("HMW_SWEEPS")
    if asked:
        return Path(asked)
    folder = runs_folder()
    is_a_sweep = (folder / "sweep.json").exists()
    return folder.resolve().parent if is_a_sweep else folder.parent / "sweeps"


def all_sweeps() -> tuple[list[Sweep], dict[str, str]]:
    """Return the sweeps that can be read, newest first, and why each of the others cannot."""
    return list_sweeps(sweeps_folder(), _sweep_at)


def _sweep_at(folder: Path) -> Sweep:
    found = (folder / "sweep.json").stat()
    return _sweep(str(folder), (found.st_mtime_ns, found.st_size, layout.has_writer(folder)))


@st.cache_resource(max_entries=64, show_spinner="Reading the sweep ...")
def _sweep(folder: str, version: Version) -> Sweep:
    return read_sweep(Path(folder))


def film_of(run: RunReader, kind: str, given_label: int | None, chosen: Sequence[int] = ()) -> Film:
    """Return where a run's samples lie at each stop of the Timeline page, to be read only.

    The chosen samples are among those drawn.

    Raises
    ------
    UsageError
        If the run cannot have this map, or it is not computed yet.
    """
    parts = ["samples.parquet", "signals", "outputs", "features"]
    parts += ["cache"] if kind == "joint" else []
    # Those drawn anyway decide nothing, so that choosing one of them reads nothing anew.
    also = tuple(sorted(set(chosen) - set(timeline.drawn_samples(run, given_label).tolist())))
    return _film_of(run, str(run.folder), _parts(run, parts), kind, given_label, also)


@st.cache_resource(max_entries=4, show_spinner="Reading the epochs ...")
def _film_of(
    _run: RunReader,
    folder: str,
    version: Version,
    kind: str,
    given_label: int | None,
    also: tuple[int, ...],
) -> Film:
    return timeline.film(_run, kind, given_label, also=also)


def joint_of(run: RunReader) -> pd.DataFrame | None:
    """Return the kept map of all epochs with features, or None; to be read only."""
    return _joint_of(run, str(run.folder), _parts(run, ("features", "cache")))


@st.cache_resource(max_entries=2, show_spinner=False)
def _joint_of(_run: RunReader, folder: str, version: Version) -> pd.DataFrame | None:
    return kept_joint(_run)


def ranks_of(run: RunReader, criterion: str, epochs: Sequence[int]) -> pd.DataFrame:
    """Return `timeline.rank_table`, to be read only."""
    key = _parts(run, ("samples.parquet", "signals", "outputs", "features"))
    return _ranks_of(run, str(run.folder), key, criterion, tuple(epochs))


@st.cache_resource(max_entries=8, show_spinner="Ranking epoch by epoch ...")
def _ranks_of(
    _run: RunReader, folder: str, version: Version, criterion: str, epochs: tuple[int, ...]
) -> pd.DataFrame:
    return timeline.rank_table(_run, criterion, epochs)


def moment_of(run: RunReader, epoch: int, given_label: int | None) -> Moment:
    """Return `timeline.moment`, to be read only."""
    key = _parts(run, ("samples.parquet", "signals"))
    return _moment_of(run, str(run.folder), key, epoch, given_label)


@st.cache_resource(max_entries=256, show_spinner=False)
def _moment_of(
    _run: RunReader, folder: str, version: Version, epoch: int, given_label: int | None
) -> Moment:
    return timeline.moment(_run, epoch, given_label)


def fitted_of(run: RunReader) -> pd.DataFrame:
    """Return `memorised.fitted` of the whole log, to be read only.

    Raises
    ------
    UsageError
        If the log holds no predictions.
    """
    return _fitted_of(run, str(run.folder), _parts(run, ("samples.parquet", "signals")))


@st.cache_resource(max_entries=4, show_spinner="Reading when labels were fitted ...")
def _fitted_of(_run: RunReader, folder: str, version: Version) -> pd.DataFrame:
    return fitted(_run)


def cuts_of(run: RunReader, criterion: str, epoch: int | None, level: float) -> pd.DataFrame:
    """Return `thresholds.cuts_table`, to be read only.

    Raises
    ------
    UsageError
        If the rules cannot cut this score.
    """
    return _cuts_of(*_keys(run)[0], criterion, epoch, level)


@st.cache_resource(max_entries=32, show_spinner="Fitting the rules ...")
def _cuts_of(
    folder: str, version: Version, criterion: str, epoch: int | None, level: float
) -> pd.DataFrame:
    return thresholds.cuts_table(_reader(folder, version), criterion, epoch, level)


def modes_of(run: RunReader, criterion: str, epoch: int | None) -> Modes | None:
    """Return `thresholds.two_modes`."""
    return _modes_of(*_keys(run)[0], criterion, epoch)


@st.cache_resource(max_entries=64, show_spinner="Looking for two modes ...")
def _modes_of(folder: str, version: Version, criterion: str, epoch: int | None) -> Modes | None:
    return thresholds.two_modes(_reader(folder, version), criterion, epoch)


def combined_flags(first: RunReader, second: RunReader, epoch: int | None) -> pd.DataFrame:
    """Return `thresholds.combine`, to be read only.

    Raises
    ------
    UsageError
        If the two runs do not fit together.
    """
    return _combined_flags(_keys((first, second)), epoch)


@st.cache_resource(max_entries=8, show_spinner="Reading both runs ...")
def _combined_flags(keys: tuple[tuple[str, Version], ...], epoch: int | None) -> pd.DataFrame:
    first, second = (_reader(*key) for key in keys)
    return thresholds.combine(first, second, epoch)


def learning_of(run: RunReader) -> pd.DataFrame:
    """Return `learning_order.learning_table`, to be read only.

    Raises
    ------
    UsageError
        If the log holds no predictions, or has no epoch yet.
    """
    return _learning_of(*_keys(run)[0])


@st.cache_resource(max_entries=4, show_spinner=False)
def _learning_of(folder: str, version: Version) -> pd.DataFrame:
    return learning_table(_reader(folder, version))


def onsets_of(run: RunReader, level: float) -> dict[int, Onset]:
    """Return `learning_order.onsets` of the run, to be read only."""
    return _onsets_of(*_keys(run)[0], level)


@st.cache_resource(max_entries=16, show_spinner=False)
def _onsets_of(folder: str, version: Version, level: float) -> dict[int, Onset]:
    reader = _reader(folder, version)
    return onsets(_learning_of(folder, version), reader, level)


def looks_of(
    chosen: Sequence[RunReader], criterion: str, budget: int, n_epochs: int
) -> pd.DataFrame:
    """Return `stability.looks` at one run's late epochs or over several runs, to be read only.

    Raises
    ------
    UsageError
        If the runs' samples cannot be paired.
    """
    return _looks_of(_keys(chosen), criterion, budget, n_epochs)


@st.cache_resource(max_entries=8, show_spinner="Reading the log ...")
def _looks_of(
    keys: tuple[tuple[str, Version], ...], criterion: str, budget: int, n_epochs: int
) -> pd.DataFrame:
    return looks(run_looks([_reader(*key) for key in keys], criterion, n_epochs), budget)
