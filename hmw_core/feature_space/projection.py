"""A run's features as a map: samples and class vectors in one plane, computed once and kept."""

import hashlib
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from hmw_core.errors import UsageError, pick
from hmw_core.feature_space.embeddings import EMBEDDINGS, Progress, is_installed, library
from hmw_core.log import long_work
from hmw_core.log.cache import keep, read_only
from hmw_core.log.files import open_table, read_table
from hmw_core.log.long_work import LongWork, share_done
from hmw_core.log.reader import RunReader

TSNE_UP_TO = 5_000  # samples; above it `auto` takes UMAP, which is several times faster
MIN_SAMPLES = 5  # fewer have no neighbourhoods to draw
# Seconds until an embedding's library is loaded, and for a sample: measured on one thread of two
# cores with 128 features, t-SNE with 1,800 and 5,000 samples, UMAP with 50,000 and 200,000.
START = {"tsne": 2.0, "umap": 12.0, "pca": 1.0}
A_SAMPLE = {"tsne": 0.003, "umap": 0.0008, "pca": 0.00002}
UNASKED_UP_TO = 200_000  # samples; computing their map takes three minutes of one core and 1 GiB
DEFAULTS: dict[str, dict[str, float]] = {
    "tsne": {"perplexity": 30.0},
    "umap": {"n_neighbors": 15, "min_dist": 0.1},
    "pca": {},
}
SCHEMA = pa.schema(
    [
        ("kind", pa.string()),
        ("sample_id", pa.int32()),
        ("class_label", pa.int32()),
        ("x", pa.float32()),
        ("y", pa.float32()),
    ]
)
METADATA_KEY = b"hmw_projection"

# UMAP's compiled code may end the process when two threads enter it.
_ONE_AT_A_TIME = threading.Lock()


def project(
    run: RunReader,
    method: str = "auto",
    epoch: int | None = None,
    *,
    seed: int = 0,
    given_label: int | None = None,
    sample_ids: Sequence[int] | None = None,
    skip_undefined: bool = False,
    progress: Progress | None = None,
    **settings: float,
) -> pd.DataFrame:
    """Return the map of an epoch's features, from the run's folder or computed and kept there.

    Features are brought to length 1 and neighbours are those of the largest cosine, because the
    network decides by angles to its class vectors; these are embedded together with the samples.
    A folder that cannot be written keeps nothing, and the map is returned all the same. While
    another process computes the same map, this one waits for it.

    Parameters
    ----------
    run : RunReader
    method : str
        `tsne`, `umap`, `pca`, or `auto`: t-SNE for up to 5,000 samples, UMAP for more, PCA for
        fewer than 5.
    epoch : int, optional
        An epoch whose features are logged. Default: the last of them.
    seed : int
        The same seed gives the same map, on the same machine and library versions.
    given_label : int, optional
        Only the samples of this class; the class vectors stay all.
    sample_ids : sequence of int, optional
        Only these samples.
    skip_undefined : bool
        Leave out samples whose features have no direction instead of refusing.
    progress : callable, optional
        Called with (steps done, steps in all) now and then.
    **settings : float
        `perplexity` of t-SNE; `n_neighbors`, `min_dist` of UMAP.

    Returns
    -------
    DataFrame
        Columns `kind` (`sample` or `class`), `sample_id` (null for a class vector), `class_label`
        (the class of a class vector, null for a sample), `x`, `y` (no unit; in t-SNE and UMAP
        only neighbourhoods mean anything, and not the distance of two clusters).

    Raises
    ------
    UsageError
        If the epoch has no features, they have no direction (zero or not finite) or all the same
        one, or a method, setting or selection is none of the known.
    Cancelled
        If `cancel` was called.
    """
    plan = _plan(run, method, epoch, seed, given_label, sample_ids, skip_undefined, settings)
    kept = _read(run, plan)
    if kept is not None:
        return kept
    if read_only():
        with _ONE_AT_A_TIME:
            return _frame(_compute(run, plan, sample_ids, progress))
    with LongWork(_lock(run, plan)) as work:
        kept = _read(run, plan)  # another process may have computed it meanwhile
        if kept is not None:
            return kept

        def tell(done: int, total: int) -> None:
            work.tell(done, total)
            if progress is not None:
                progress(done, total)

        with _ONE_AT_A_TIME:
            table = _compute(run, plan, sample_ids, tell)
        keep(_file(run, plan), table)
    return _frame(table)


def cached(
    run: RunReader,
    method: str = "auto",
    epoch: int | None = None,
    *,
    seed: int = 0,
    given_label: int | None = None,
    sample_ids: Sequence[int] | None = None,
    skip_undefined: bool = False,
    **settings: float,
) -> pd.DataFrame | None:
    """Return what `project` would, if it is kept whole in the run's folder, else None."""
    plan = _plan(run, method, epoch, seed, given_label, sample_ids, skip_undefined, settings)
    return _read(run, plan)


def is_kept(run: RunReader, method: str = "auto", given_label: int | None = None) -> bool:
    """Tell whether a map of the last features is kept, with or without the undefined ones.

    Only its metadata are read: what else may be wrong with it shows when it is.
    """
    return any(_parameters(_file(run, plan)) == plan for plan in _plans(run, method, given_label))


def share_computed(run: RunReader, method: str = "auto") -> float | None:
    """Return how far a process is that computes the map of the run, [0, 1]; None if none does."""
    shares = [share_done(_lock(run, plan)) for plan in _plans(run, method)]
    return next((share for share in shares if share is not None), None)


def cancel(run: RunReader, method: str = "auto") -> None:
    """Have a process that computes the map of the run end at its next step."""
    for plan in _plans(run, method):
        long_work.cancel(_lock(run, plan))


def can_compute(method: str, n_samples: int) -> bool:
    """Tell whether the library of a map's embedding is installed."""
    return is_installed(chosen_method(method, n_samples))


def seconds_to_compute(method: str, n_samples: int) -> float:
    """Return about how long a map takes where nothing else is computed, in seconds."""
    picked = chosen_method(method, n_samples)
    return START[picked] + A_SAMPLE[picked] * n_samples


def chosen_method(method: str, n_samples: int) -> str:
    """Return the embedding that `auto` stands for; another name as it is.

    Raises
    ------
    UsageError
        If the method is unknown, or draws neighbourhoods and there are too few samples.
    """
    if method == "auto":
        few = n_samples < MIN_SAMPLES
        return "pca" if few else "tsne" if n_samples <= TSNE_UP_TO else "umap"
    pick(EMBEDDINGS, method, "projection method")
    if method != "pca" and n_samples < MIN_SAMPLES:
        raise UsageError(f"{method} needs at least {MIN_SAMPLES} samples, not {n_samples}; use pca")
    return method


def _plan(
    run: RunReader,
    method: str,
    epoch: int | None,
    seed: int,
    given_label: int | None,
    sample_ids: Sequence[int] | None,
    skip_undefined: bool,
    settings: dict[str, float],
) -> dict[str, Any]:
    """Return everything that decides the map, as JSON can hold it."""
    logged = run.feature_epochs()
    if not logged or (epoch is not None and epoch not in logged):
        run.features(epoch)  # raises, and says which epochs there are
    ids = _chosen_ids(run, given_label, sample_ids)
    picked = chosen_method(method, len(ids))
    unknown = settings.keys() - DEFAULTS[picked].keys()
    if unknown:
        raise UsageError(
            f"{picked} has no setting {', '.join(sorted(unknown))}; "
            f"it has: {', '.join(DEFAULTS[picked]) or 'none'}"
        )
    # Plain numbers, so that 5, 5.0 and a NumPy scalar name the same kept map.
    values = {name: type(own)(settings.get(name, own)) for name, own in DEFAULTS[picked].items()}
    for name, value in values.items():
        lowest = {"perplexity": 1, "n_neighbors": 2, "min_dist": 0}[name]
        if not value >= lowest:
            raise UsageError(f"{name} is at least {lowest}, not {value}")
    subset = None
    if sample_ids is not None:
        subset = hashlib.sha256(ids.astype("<i8").tobytes()).hexdigest()
    return {
        "method": picked,
        "epoch": logged[-1] if epoch is None else int(epoch),
        "seed": int(seed),
        "given_label": None if given_label is None else int(given_label),
        "sample_ids": subset,
        "skip_undefined": skip_undefined,
        **values,
    }


def _plans(run: RunReader, method: str, given_label: int | None = None) -> list[dict[str, Any]]:
    """Return the plans of the maps that figures look for, in their order."""
    if not run.feature_epochs():
        return []
    return [_plan(run, method, None, 0, given_label, None, skip, {}) for skip in (True, False)]


def _chosen_ids(
    run: RunReader, given_label: int | None, sample_ids: Sequence[int] | None
) -> np.ndarray:
    ids = np.sort(run.sample_ids(given_label))
    if sample_ids is not None:
        wanted = np.unique(np.asarray(sample_ids, dtype=np.int64))
        if len(wanted) and not 0 <= wanted[0] <= wanted[-1] < run.n_samples:
            raise UsageError(f"sample_id is in 0..{run.n_samples - 1} in run {run.name!r}")
        ids = np.intersect1d(ids, wanted)
    if len(ids) == 0:
        of_class = "" if given_label is None else f" of class {given_label}"
        raise UsageError(f"run {run.name!r}: no sample{of_class} chosen, so nothing to map")
    return ids


def _compute(
    run: RunReader,
    plan: dict[str, Any],
    sample_ids: Sequence[int] | None,
    progress: Progress | None,
) -> pa.Table:
    logged = run.features(plan["epoch"])
    order = np.argsort(logged.sample_id, kind="stable")
    chosen = np.isin(logged.sample_id[order], _chosen_ids(run, plan["given_label"], sample_ids))
    rows = order[chosen]
    ids, features = logged.sample_id[rows], logged.features[rows]
    defined = _has_direction(features)
    if not defined.all() and not plan["skip_undefined"]:
        raise UsageError(
            f"run {run.name!r}, epoch {plan['epoch']}: the features of {np.sum(~defined)} of "
            f"{len(ids)} samples are zero or not finite, so they have no direction (first: "
            f"sample_id {ids[~defined][0]}); leave them out to map the others"
        )
    ids, features = ids[defined], features[defined]
    vectors = np.empty((0, features.shape[1]), np.float32)
    if logged.class_vectors is not None:
        vectors = logged.class_vectors
        if not _has_direction(vectors).all():
            raise UsageError(
                f"run {run.name!r}, epoch {plan['epoch']}: the class vectors of classes "
                f"{np.flatnonzero(~_has_direction(vectors)).tolist()} are zero or not finite"
            )
    method = chosen_method(plan["method"], len(ids))
    points = np.concatenate((features, vectors))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    if np.ptp(points, axis=0).max() < 1e-6:
        raise UsageError(
            f"run {run.name!r}, epoch {plan['epoch']}: all features have the same direction, "
            "so there is nothing to map"
        )
    settings = {name: plan[name] for name in DEFAULTS[method]}
    plane = EMBEDDINGS[method](points, len(ids), plan["seed"], progress, **settings)
    nothing = [None] * len(vectors)
    columns = {
        "kind": ["sample"] * len(ids) + ["class"] * len(vectors),
        "sample_id": [*ids.tolist(), *nothing],
        "class_label": [None] * len(ids) + list(range(len(vectors))),
        "x": plane[:, 0],
        "y": plane[:, 1],
    }
    about = {"parameters": plan, "library": library(method)}
    return pa.table(columns, schema=SCHEMA.with_metadata({METADATA_KEY: json.dumps(about)}))


def _has_direction(vectors: np.ndarray) -> np.ndarray:
    """Tell for each row whether it is finite and its length is not zero."""
    lengths = np.linalg.norm(vectors, axis=1)
    return np.isfinite(lengths) & (lengths > 0)


def _file(run: RunReader, plan: dict[str, Any]) -> Path:
    key = hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()[:12]
    name = f"{plan['method']}-epoch-{plan['epoch']:05d}-{key}.parquet"
    return run.network_folder / "projections" / name


def _lock(run: RunReader, plan: dict[str, Any]) -> Path:
    return run.network_folder / "cache" / f"{_file(run, plan).stem}.lock"


def _read(run: RunReader, plan: dict[str, Any]) -> pd.DataFrame | None:
    """Return a kept map, or None if there is none, or it is damaged or not of this plan."""
    path = _file(run, plan)
    if _parameters(path) != plan:
        return None
    try:
        table = read_table(path)
        run.check_numbers(path, table, known=())  # a class vector is no sample
    except ValueError:
        return None
    return _frame(table)


def _parameters(path: Path) -> Any:
    """Return what a kept map says that decided it; None if it says nothing or is no map."""
    try:
        with open_table(path, None) as file:
            schema = file.metadata.schema.to_arrow_schema()  # texts as such, no dictionaries
            about = json.loads((schema.metadata or {})[METADATA_KEY])
    except (ValueError, KeyError, RecursionError):
        return None
    return about.get("parameters") if isinstance(about, dict) and schema.equals(SCHEMA) else None


def _frame(table: pa.Table) -> pd.DataFrame:
    return table.to_pandas(types_mapper={pa.int32(): pd.Int32Dtype()}.get)
