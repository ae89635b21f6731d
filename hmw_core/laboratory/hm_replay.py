"""HM weights a run would have had with other settings, replayed on its logged distances.

What is replayed is the weighting alone: the network stays the one of the log. Trained with these
weights, it would have had other features and so other distances.

Shape letters: E epochs, N samples, C classes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import pandas as pd

from hmw_core.errors import UsageError
from hmw_core.log import checks
from hmw_core.log.reader import RunReader
from hmw_core.log.run_json import MOST_EPOCHS, WEIGHTING
from hmw_core.log.schema import DISTANCES
from hmw_core.log.tables import as_matrix
from hmw_core.margins import (
    HMSettings,
    annealing_coefficient,
    check_k,
    cosine_distance,
    top_values,
)

MOST_VALUES = 32_000_000  # epochs x samples held: two float32 of each are 256 MB
CHOICES = {
    "history": ("ca", "uniform_mean", "current"),
    "terms": ("both", "aum", "tkum"),
}
HMW_CONFIG = {
    **WEIGHTING,
    "weighting": checks.one_of(("hmw",)),
    "weighting_args": {f"{name}?": checks.one_of(names) for name, names in CHOICES.items()},
    "warmup_epochs": checks.whole(0, MOST_EPOCHS),
}
GROUPS = ("clean", "mislabeled", "unknown")
GRID_SAMPLES = 5_000
SCALES = (0.0, 0.1, 0.5, 1.0, 5.0, 10.0, 50.0, 100.0, 500.0, 1000.0, 5000.0)
"""Of alpha and beta: the paper's Fig. 7 and what lies between."""


@dataclass(frozen=True, kw_only=True)
class Settings(HMSettings):
    """What decides an HM weight; names, meanings and defaults are those of `HMWeighting`."""

    warmup_epochs: int = 0
    history: str = "ca"
    terms: str = "both"

    @property
    def factor(self) -> float:
        """The factor on the sum of the terms: 1/2 of Eq. 12 with both, else 1."""
        return 0.5 if self.terms == "both" else 1.0

    def check(self, n_classes: int) -> None:
        """Refuse settings that no weight can be computed with.

        Raises
        ------
        UsageError
            If one is out of range, unknown, or does not fit the number of classes.
        """
        if self.warmup_epochs < 0:
            raise UsageError(f"warmup_epochs must be 0 or more, got {self.warmup_epochs}")
        for name, accepted in CHOICES.items():
            if getattr(self, name) not in accepted:
                raise UsageError(
                    f"there is no {name} {getattr(self, name)!r}; accepted: {', '.join(accepted)}"
                )
        if self.terms != "aum" and n_classes == 2:
            raise UsageError(
                f"terms {self.terms!r} need 3 classes or more, because TKUM compares two classes "
                "beside the given one; with 2 only the AUM term is there"
            )
        check_k(1 if self.terms == "aum" else self.k, n_classes)


@dataclass(frozen=True)
class Gaps:
    """How much nearer the given label is than the nearest other class, and that than the next.

    `margin` and `under`, (E, N) float32, NaN where a sample was not seen: differences of distances.
    `under` <= 0, and NaN with two classes.
    """

    sample_id: np.ndarray  # (N,)
    epochs: list[int]
    margin: np.ndarray
    under: np.ndarray
    group: np.ndarray  # (N,), index into GROUPS
    is_whole: list[bool]  # (E,): whether every sample was seen

    def part(self, n_samples: int) -> "Gaps":
        """Return the same of so many samples, drawn with a fixed seed; itself if it has no more."""
        if n_samples >= len(self.sample_id):
            return self
        drawn = _draw(len(self.sample_id), n_samples)
        return replace(
            self,
            sample_id=self.sample_id[drawn],
            margin=self.margin[:, drawn],
            under=self.under[:, drawn],
            group=self.group[drawn],
        )


@dataclass(frozen=True)
class Replay:
    """The weights of one epoch, and their means by epoch.

    `weight` (N,) is float64 and NaN where a sample was not seen in the last epoch used. `by_epoch`
    has `epoch`, `group` (of `GROUPS`), `n_samples` and `mean_weight`; `effective` has `epoch` and
    `effective_share`, (sum w)^2 / (n sum w^2).
    """

    sample_id: np.ndarray
    weight: np.ndarray
    by_epoch: pd.DataFrame = field(repr=False)
    effective: pd.DataFrame = field(repr=False)


def logged_settings(run: RunReader) -> Settings:
    """Return the settings that the log's `hm_weight` was computed with."""
    kept = run.info["weighting"]
    names = ("alpha", "beta", "k", "annealing_start")
    terms = "aum" if run.n_classes == 2 else "both"  # as `margins.slice_of_distances`
    return Settings(terms=terms, **{name: kept[name] for name in names})


def used_settings(run: RunReader) -> Settings | None:
    """Return the settings that the training weighted its losses with.

    None where it had another weighting, none, one with options of an earlier version, or was not
    made by `python -m training`.
    """
    config = run.info.get("config") or {}
    try:
        checks.check(config, HMW_CONFIG)
    except ValueError:
        return None
    if config["weighting_args"].keys() - CHOICES.keys():
        return None
    names = ("alpha", "beta", "k", "annealing_start", "warmup_epochs")
    return Settings(**{name: config[name] for name in names} | config["weighting_args"])


def replay(run: RunReader, settings: Settings, epoch: int | None = None) -> Replay:
    """Return the weights that `HMWeighting` with these settings makes of the log.

    Parameters
    ----------
    run : RunReader
    settings : Settings
    epoch : int, optional
        Epoch of the weights, from the epochs up to it. Default: the last one logged.

    Raises
    ------
    UsageError
        If the settings are out of range, or the log lacks what they need.

    Notes
    -----
    Source: HMW (AAAI-24), Eqs. 7-9 and 11-13; the variants as in
    `hmw_core.objective.weighting.hmw`.
    """
    settings.check(run.n_classes)
    return _replay(run, settings, run.last_epoch if epoch is None else epoch)


@lru_cache(maxsize=32)  # what several figures of a page show
def _replay(run: RunReader, settings: Settings, last: int) -> Replay:
    found = gaps(run, settings.k if settings.terms != "aum" else None)
    members = np.stack([found.group == g for g in range(len(GROUPS))]).astype(np.float32)  # (3, N)
    rows, effective = [], []
    weight = np.full(len(found.sample_id), np.nan)
    for epoch, weight in _weights(found, settings, run.n_epochs, last):  # noqa: B007 - the last
        seen = ~np.isnan(weight)
        known = np.where(seen, weight, 0.0).astype(np.float32)
        sums, counts = members @ known, members @ seen.astype(np.float32)
        rows += [
            (epoch, group, int(n), float(total) / float(n))
            for group, n, total in zip(GROUPS, counts, sums, strict=True)
            if n
        ]
        squares = float(known @ known)
        total = float(known.sum(dtype=np.float64))
        share = total**2 / (squares * seen.sum()) if squares else np.nan
        effective.append((epoch, share))
    return Replay(
        found.sample_id,
        weight,
        pd.DataFrame(rows, columns=["epoch", "group", "n_samples", "mean_weight"]),
        pd.DataFrame(effective, columns=["epoch", "effective_share"]),
    )


def _weights(
    found: Gaps, settings: Settings, n_epochs: int, last: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield each epoch up to `last` with its weights (N,), float64, NaN where not seen."""
    total = np.zeros(len(found.sample_id))
    mass = np.zeros(len(found.sample_id))
    for row, epoch in enumerate(found.epochs):
        if epoch > last:
            return
        slices = _slice(found.margin[row], found.under[row], settings).astype(np.float64)
        seen = np.True_ if found.is_whole[row] else ~np.isnan(slices)
        weight = slices
        if settings.history != "current":
            coefficient = _coefficient(epoch, n_epochs, settings)
            np.add(total, coefficient * slices, out=total, where=seen)
            mass += coefficient * seen
            weight = np.divide(total, mass, out=np.full(len(total), np.nan), where=seen)
        if epoch <= settings.warmup_epochs:
            weight = np.where(seen, 1.0, np.nan) + np.zeros(len(total))
        yield epoch, weight


def _coefficient(epoch: int, n_epochs: int, settings: Settings) -> float:
    if settings.history == "uniform_mean":
        return 1.0
    return float(annealing_coefficient(epoch, n_epochs, settings.annealing_start))


def _slice(margin: np.ndarray, under: np.ndarray, settings: Settings) -> np.ndarray:
    """Return the slice S_h of one epoch, any one shape; NaN where not seen.

    Without a next class (two are left of masked ones) the AUM term stands alone.
    """
    factor = np.float32(settings.factor)
    if settings.terms == "tkum":
        exact = _tkum_term(under, settings.beta) * factor
    else:
        aum_term = _aum_term(margin, settings.alpha)
        exact = aum_term * factor
        if settings.terms == "both":
            both = (aum_term + _tkum_term(under, settings.beta)) * factor
            exact = np.where(np.isnan(both), aum_term, both)
    return np.maximum(exact, np.finfo(exact.dtype).tiny)  # underflow must not make it 0


def _aum_term(margin: np.ndarray, alpha: float) -> np.ndarray:
    with np.errstate(over="ignore"):  # infinity makes the 0 that it should be
        return np.float32(1) / (np.float32(1) + np.exp(np.float32(-alpha) * margin))


def _tkum_term(under: np.ndarray, beta: float) -> np.ndarray:
    return np.exp(np.float32(beta) * under)


@lru_cache(maxsize=2)  # of each at most 256 MB, see MOST_VALUES
def gaps(run: RunReader, k: int | None) -> Gaps:
    """Return the gaps of a run, read once; `k` None where no TKUM term is asked for.

    From the logged signals where they have them (the run's own k), otherwise from the logged
    outputs, which hold half precision: with alpha = beta = 100 a cosine's rounding
    moves an exponent by up to 0.02.

    Raises
    ------
    UsageError
        If the log lacks a column, with the column's name.
    """
    epochs = run.epochs()
    if not epochs:
        raise UsageError(f"run {run.name!r} has no finished epoch yet, so it has no weights")
    order = run.sample_ids()
    most = max(MOST_VALUES // len(epochs), 1)
    rows = np.arange(len(order)) if len(order) <= most else _draw(len(order), most)
    margin = np.empty((len(epochs), len(rows)), dtype=np.float32)
    under = np.empty_like(margin)
    from_signals = k in (None, run.info["weighting"]["k"])
    found = _from_signals(run) if from_signals else _from_outputs(run, k or 1)
    for row, (given, other, topk) in enumerate(found):
        with np.errstate(invalid="ignore"):  # an epoch that is not finite adds nothing
            np.subtract(given[rows], other[rows], out=margin[row])
            np.subtract(topk[rows], other[rows], out=under[row])
        margin[row, ~np.isfinite(margin[row])] = np.nan
        under[row, ~np.isfinite(under[row]) | np.isnan(margin[row])] = np.nan
    if np.isnan(margin).all():
        why = run.absent.get("given_distance")
        what = "no cosines to the class vectors"
        raise UsageError(f"the log of run {run.name!r} holds {what}{f': {why}' if why else ''}")
    is_mislabeled = run.samples()["is_mislabeled"].to_numpy(dtype=object)[order[rows]]
    group = np.array([2 if pd.isna(wrong) else int(wrong) for wrong in is_mislabeled], np.int8)
    is_whole = [not np.isnan(m + u).any() for m, u in zip(margin, under, strict=True)]
    return Gaps(order[rows], epochs, margin, under, group, is_whole)


Nearness = tuple[np.ndarray, np.ndarray, np.ndarray]


def _from_signals(run: RunReader) -> Iterator[Nearness]:
    """Yield minus the given, other and topk distance of each epoch, in the order of ids."""
    for _, stored in run.iterate(DISTANCES):
        given, other, topk = (-stored[name].astype(np.float32, copy=False) for name in DISTANCES)
        yield given, other, topk


def _from_outputs(run: RunReader, k: int) -> Iterator[Nearness]:
    order = run.sample_ids()
    given_label = run.samples()["given_label"].to_numpy()[order]
    for epoch in run.epochs():
        try:  # not `run.outputs`: an array object a sample takes ten times as long
            table = run.read_outputs(epoch, ["cosine"])
        except UsageError:
            raise UsageError(
                f"k = {k} needs the outputs of every epoch, and run {run.name!r} keeps no cosine "
                f"of epoch {epoch}; its own k is {run.info['weighting']['k']}"
            ) from None
        by_id = np.full((run.n_samples, run.n_classes), np.nan, dtype=np.float32)
        by_id[table["sample_id"].to_numpy()] = as_matrix(table["cosine"])
        top = top_values(-cosine_distance(by_id[order]), given_label, k)
        yield top.given, top.other, top.topk


def over_scales(
    run: RunReader,
    settings: Settings,
    epoch: int | None = None,
    scales: tuple[float, ...] = SCALES,
) -> tuple[Gaps, np.ndarray, np.ndarray]:
    """Return the annealed AUM and TKUM terms at each scale, of `GRID_SAMPLES` random samples.

    Returns
    -------
    Gaps
        Of the samples drawn (all, where there are no more).
    aum_terms, tkum_terms : ndarray of shape (S, N)
        Of each scale: half their sum (or one of them, by `settings`) is the weight with that alpha
        and beta, because the mean over epochs is linear. Zeros for a term that is not asked for.
    """
    settings.check(run.n_classes)
    return _over_scales(run, settings, run.last_epoch if epoch is None else epoch, scales)


@lru_cache(maxsize=16)
def _over_scales(
    run: RunReader, settings: Settings, last: int, scales: tuple[float, ...]
) -> tuple[Gaps, np.ndarray, np.ndarray]:
    found = gaps(run, settings.k if settings.terms != "aum" else None)
    found = found.part(GRID_SAMPLES)
    shape = (len(scales), len(found.sample_id))
    sums = {"aum": np.zeros(shape), "tkum": np.zeros(shape)}
    mass = np.zeros(shape[1])
    seen = np.ones(shape[1], dtype=bool)
    for row, number in enumerate(found.epochs):
        if number > last:
            break
        seen = ~np.isnan(found.margin[row])
        coefficient = _coefficient(number, run.n_epochs, settings)
        if settings.history == "current":
            coefficient = float(number == last)
        if not coefficient:
            continue
        mass += coefficient * seen
        margin, under = (np.where(seen, v[row], 0.0) for v in (found.margin, found.under))
        for at, scale in enumerate(scales):
            aum_term, tkum_term = _aum_term(margin, scale), _tkum_term(under, scale)
            if settings.terms != "tkum":
                sums["aum"][at] += coefficient * np.where(seen, aum_term, 0.0)
            if settings.terms == "both":  # without a next class, half of twice the AUM term
                tkum_term = np.where(np.isnan(tkum_term), aum_term, tkum_term)
            if settings.terms != "aum":
                sums["tkum"][at] += coefficient * np.where(seen, tkum_term, 0.0)
    usable = np.where(seen & (mass > 0), mass, np.nan)
    return found, sums["aum"] / usable, sums["tkum"] / usable


def _draw(n: int, n_drawn: int) -> np.ndarray:
    """Return so many of the numbers below `n`, ascending, always the same."""
    return np.sort(np.random.default_rng(0).choice(n, n_drawn, replace=False))
