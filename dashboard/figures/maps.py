"""The map that the cluster figures draw on: kept, or computed where that takes seconds."""

import shlex
from collections.abc import Sequence

import numpy as np
import pandas as pd

from dashboard.figures.base import CannotShow
from dashboard.figures.selection import telling_class
from hmw_core.errors import UsageError
from hmw_core.feature_space.embeddings import TITLES
from hmw_core.feature_space.projection import DEFAULTS, cached, chosen_method, project
from hmw_core.log.reader import RunReader

AT_ONCE = 5_000  # samples that a page projects while its reader waits; more need the command


def map_of(
    run: RunReader, method: str = "auto", epoch: int | None = None, given_label: int | None = None
) -> pd.DataFrame:
    """Return the places of samples and class vectors in the plane.

    The map of the whole run where it is kept or small enough to compute at once, so that the same
    sample has the same place in every figure; otherwise, for a class, a map of its samples alone.

    Parameters
    ----------
    run : RunReader
    method : str
        `auto`, `tsne`, `umap` or `pca`.
    epoch : int, optional
        An epoch whose features are logged. Default: the last of them.
    given_label : int, optional
        Only the samples of this class; the class vectors stay all.

    Returns
    -------
    DataFrame
        `kind` (`sample` or `class`), `sample_id`, `class_label`, `x`, `y` (no unit), `axes` (the
        method's name), `map_epoch`, and `of`: whether the map is of the `run` or of the `class`.
        `map_made` says with which settings it was made.

    Raises
    ------
    CannotShow
        If the run has no features of that epoch, or too many samples to project while one waits.
    """
    check_features(run, epoch)
    try:
        places, of = _find(run, method, epoch, given_label)
        name = chosen_method(method, _n_samples(run, given_label if of == "class" else None))
    except UsageError as error:
        raise CannotShow(str(error)) from None
    if given_label is not None:
        in_class = places["sample_id"].isin(run.sample_ids(given_label))
        places = places[in_class | places["kind"].eq("class")]
    if not places["kind"].eq("sample").any():
        raise CannotShow(f"no features of run {run.name!r} there are finite and have a direction")
    return places.assign(
        axes=TITLES[name],
        map_made=_settings(name, of),
        map_epoch=run.feature_epochs()[-1] if epoch is None else epoch,
        of=of,
    ).reset_index(drop=True)


def _settings(name: str, of: str) -> str:
    values = [f"{setting} {value:g}" for setting, value in DEFAULTS[name].items()]
    whole = "all samples" if of == "run" else "the class's samples alone"
    return ", ".join([TITLES[name], *values, "seed 0", f"of {whole} and the class vectors"])


def made_of_map(table: pd.DataFrame) -> str:
    """Return how the maps of a table were made, for its caption."""
    maps = table[["map_made", "map_epoch"]].drop_duplicates().itertuples()
    said = "; ".join(f"{one.map_made}, features of epoch {one.map_epoch}" for one in maps)
    return f"Map: {said}. Axes have no unit."


def check_features(run: RunReader, epoch: int | None = None) -> None:
    """Refuse a run without features, or without those of this epoch.

    Raises
    ------
    CannotShow
        With what is logged, and when more will come.
    """
    logged = run.feature_epochs()
    if not logged:
        later = "; they come with its last epoch" if run.status == "running" else ""
        if run.network > 1:
            later = f" of network {run.network}: only the first network's are logged"
        if "features" in run.absent:
            later = f": {run.absent['features']}"
        raise CannotShow(f"run {run.name!r} has no features logged{later}")
    if epoch is not None and epoch not in logged:
        known = ", ".join(map(str, logged))
        raise CannotShow(f"run {run.name!r} has no features of epoch {epoch}, only of {known}")


def class_of(run: RunReader, given_label: int | None) -> int:
    """Return the class to show: the one asked for, or that of `telling_class`.

    Raises
    ------
    CannotShow
        If the run has no such class.
    """
    if given_label is None:
        return telling_class(run)
    if not 0 <= given_label < run.n_classes:
        raise CannotShow(
            f"run {run.name!r} has no class {given_label}; its classes are 0 to {run.n_classes - 1}"
        )
    if _n_samples(run, given_label) == 0:
        raise CannotShow(f"run {run.name!r} has no sample of class {given_label}")
    return given_label


def group_of(run: RunReader, sample_id: Sequence[int] | np.ndarray) -> np.ndarray:
    """Return `clean`, `mislabeled` or `unknown` for each of these samples."""
    wrong = run.samples()["is_mislabeled"].iloc[np.asarray(sample_id)]
    names = wrong.map({True: "mislabeled", False: "clean"}).astype("object")
    return names.where(wrong.notna(), "unknown").to_numpy()


def _find(
    run: RunReader, method: str, epoch: int | None, given_label: int | None
) -> tuple[pd.DataFrame, str]:
    """Return the map and what it is of, `run` or `class`, from the cheapest place that has it."""
    attempts: list[tuple[int | None, str]] = [(None, "run")]
    if given_label is not None:
        attempts.append((given_label, "class"))
    for label, of in attempts:
        for skip_undefined in (True, False):
            kept = cached(run, method, epoch, given_label=label, skip_undefined=skip_undefined)
            if kept is not None:
                return kept, of
    for label, of in attempts:
        if _n_samples(run, label) <= AT_ONCE:
            return project(run, method, epoch, given_label=label, skip_undefined=True), of
    what = f"run {run.name!r}" if given_label is None else f"class {given_label} of {run.name!r}"
    raise CannotShow(
        f"{what} has {_n_samples(run, given_label):,} samples to project, more than the "
        f"{AT_ONCE:,} that are projected at once; run "
        f"`python -m dashboard.project {shlex.quote(str(run.folder))}`"
    )


def _n_samples(run: RunReader, given_label: int | None) -> int:
    return run.n_samples if given_label is None else len(run.sample_ids(given_label))
