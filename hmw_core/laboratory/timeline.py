"""The log epoch by epoch: places between the classes, ranks by a criterion, and weights."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hmw_core.class_limit import check_classes
from hmw_core.criteria import CRITERIA_VERSION
from hmw_core.criteria.compute import scores_by_epoch
from hmw_core.criteria.of_run import pick_criterion
from hmw_core.feature_space import class_circle
from hmw_core.log.cache import kept_table
from hmw_core.log.reader import RunReader
from hmw_core.samples.sample_table import suspicion_rank

MOST_EPOCHS = 40  # on a slider over all epochs
MOST_DRAWN = 20_000  # samples on the map; more are a random choice
N_BINS = 25  # of the weights


# -- the epochs of the slider


def shown_epochs(epochs: list[int], most: int = MOST_EPOCHS) -> list[int]:
    """Return the epochs that the slider offers: all, or `most` of them, close at the start."""
    if len(epochs) <= most:
        return epochs
    wanted = np.geomspace(1, len(epochs), most)
    return sorted({epochs[round(place) - 1] for place in wanted})


def circle_epochs(run: RunReader) -> list[int]:
    """Return the epochs that the circle can show: of the training pass, or of the features."""
    if run.n_classes < 2:
        return []
    return class_circle.output_epochs(run) or class_circle.feature_epochs(run)


# -- the map


@dataclass(frozen=True)
class Positions:
    """Where samples lie at each shown epoch, between the corners of the classes.

    `x`, `y` are (epochs, samples) float32 in the unit circle, NaN where a sample has no place.
    """

    epochs: tuple[int, ...]
    sample_id: np.ndarray
    x: np.ndarray
    y: np.ndarray
    n_samples: int  # of the class or the run, also samples that are not drawn


def positions(
    run: RunReader,
    given_label: int | None = None,
    most: int = MOST_DRAWN,
    seed: int = 0,
    most_epochs: int = MOST_EPOCHS,
    also: Sequence[int] = (),
) -> Positions:
    """Return the places of a run's samples at all shown epochs, for a run that has `circle_epochs`.

    With more than `most` samples of the class, `most` of them are drawn at random: half of them
    mislabeled, where so many are known; and the samples `also`.

    Raises
    ------
    UsageError
        If the log of an epoch is damaged, or there are too many classes for a circle.
    """
    check_classes(run.n_classes, "the circle of classes")
    epochs = shown_epochs(circle_epochs(run), most_epochs)
    ids = np.union1d(drawn_samples(run, given_label, most, seed), np.asarray(also, dtype=np.int64))
    row = np.full(run.n_samples, -1)
    row[ids] = np.arange(len(ids))
    x = np.full((len(epochs), len(ids)), np.nan, np.float32)
    y = np.full_like(x, np.nan)
    in_training = class_circle.output_epochs(run)
    read = class_circle.logged_cosines if in_training else class_circle.feature_cosines
    for at, epoch in enumerate(epochs):
        found = read(run, epoch)
        mine = row[found.sample_id] >= 0
        places = class_circle.circle(found.cosine[mine])
        x[at, row[found.sample_id[mine]]] = places[:, 0]
        y[at, row[found.sample_id[mine]]] = places[:, 1]
    return Positions(tuple(epochs), ids, x, y, len(run.sample_ids(given_label)))


def drawn_samples(
    run: RunReader, given_label: int | None, most: int = MOST_DRAWN, seed: int = 0
) -> np.ndarray:
    """Return the ids that the map draws, ascending: all, or a random choice."""
    ids = np.sort(run.sample_ids(given_label))
    if len(ids) <= most:
        return ids
    rng = np.random.default_rng(seed)
    wrong = run.samples()["is_mislabeled"].fillna(False).to_numpy(bool)[ids]
    count = min(int(wrong.sum()), most // 2)
    first = rng.choice(ids[wrong], count, replace=False)
    rest = rng.choice(ids[~wrong], min(most - count, int((~wrong).sum())), replace=False)
    return np.sort(np.concatenate([first, rest]))


# -- ranks


def rank_table(run: RunReader, criterion: str, epochs: Sequence[int]) -> pd.DataFrame:
    """Return each sample's place in the order of suspicion up to each of some epochs.

    Parameters
    ----------
    run : RunReader
    criterion : str
        Of `CRITERIA`.
    epochs : sequence of int

    Returns
    -------
    DataFrame
        By `sample_id`, one int32 column an epoch, named by it: 1 for the most suspicious, 0 where
        there is no score. Kept with the run; made in one pass over the log.
    """
    wanted = sorted({int(epoch) for epoch in epochs})
    picked = pick_criterion(run, criterion)
    decides = {"version": CRITERIA_VERSION, "criterion": criterion, "epochs": wanted}

    def compute() -> pd.DataFrame:
        found = scores_by_epoch(run, {criterion: picked}, wanted)
        columns = {
            str(epoch): suspicion_rank(scores[criterion].replace([np.inf, -np.inf], np.nan), picked)
            .fillna(0)
            .astype(np.int32)
            for epoch, scores in found
        }
        return pd.DataFrame(columns)

    # Some criteria read more than the signals.
    return kept_table(
        run, "timeline-ranks", decides, compute, reads=("signals", "outputs", "features", "method")
    )


def top(
    ranks: pd.DataFrame,
    epoch: int,
    before: int | None,
    among: Sequence[int] | np.ndarray | None = None,
) -> pd.DataFrame:
    """Return `sample_id`, `rank`, `rank_before` and `change`, the most suspicious first.

    Parameters
    ----------
    ranks : DataFrame
        Of `rank_table`.
    epoch, before : int
        The epoch and the one shown before it; None where there is none.
    among : sequence of int, optional
        Only these samples; their ranks stay those among all.

    Returns
    -------
    DataFrame
        `change` is how many places nearer to the most suspicious, Int64; null where either rank
        is. Samples without a score are left out.
    """
    rank = ranks[str(epoch)].astype("Int64")
    rank = rank[rank > 0]
    if among is not None:
        rank = rank[rank.index.isin(among)]
    table = rank.sort_values().rename("rank").to_frame()
    if before is None:
        table["rank_before"] = pd.Series(pd.NA, index=table.index, dtype="Int64")
    else:
        earlier = ranks[str(before)].astype("Int64").replace(0, pd.NA)
        table["rank_before"] = earlier.loc[table.index]
    table["change"] = table["rank_before"] - table["rank"]
    return table.rename_axis("sample_id").reset_index()


# -- weights, and what was fitted


@dataclass(frozen=True)
class Moment:
    """What the log says of an epoch: shares in [0, 1] by group, and weights in bins of [0, 1].

    `fitted` is the share whose prediction was the given label, `as_true` that of the mislabeled
    predicted as their true label; NaN where nothing is known. `why_no_weights` is empty where
    there are any.
    """

    epoch: int
    fitted: dict[str, float]
    as_true: float
    mean_weight: dict[str, float]
    bins: dict[str, list[float]]  # shares of the group
    why_no_weights: str


def moment(run: RunReader, epoch: int, given_label: int | None = None) -> Moment:
    """Return what the log says of one epoch, of all samples or those of a given label."""
    signals = run.signals(["predicted_label", "hm_weight"], epochs=[epoch], given_label=given_label)
    samples = run.samples().loc[signals["sample_id"]]
    wrong = samples["is_mislabeled"].astype("Int8").fillna(2).to_numpy(int)
    predicted = signals["predicted_label"].to_numpy(float)
    given = samples["given_label"].to_numpy(float)
    true = samples["true_label"].astype("Float64").to_numpy(float, na_value=np.nan)
    weight = signals["hm_weight"].to_numpy(float)
    fitted, means, bins = {}, {}, {}
    edges = np.linspace(0.0, 1.0, N_BINS + 1)
    for code, name in enumerate(("clean", "mislabeled", "unknown")):
        mine = wrong == code
        fitted[name] = _share(predicted == given, mine & ~np.isnan(predicted))
        known = mine & ~np.isnan(weight)
        if known.any():
            counts = np.histogram(weight[known], edges)[0]
            means[name] = float(weight[known].mean())
            bins[name] = (counts / known.sum()).round(5).tolist()
    why = ""
    if not bins:
        why = run.absent.get("hm_weight", "the log holds no cosines to the class vectors")
    as_true = _share(predicted == true, (wrong == 1) & ~np.isnan(predicted))
    return Moment(epoch, fitted, as_true, means, bins, why)


def _share(holds: np.ndarray, among: np.ndarray) -> float:
    return float(holds[among].mean()) if among.any() else float("nan")


def signal_of_epoch(run: RunReader, column: str, epoch: int) -> np.ndarray:
    """Return a signal of one epoch by sample_id, (N,) float, NaN where there is none."""
    table = run.signals([column], epochs=[epoch])
    values = np.full(run.n_samples, np.nan)
    values[table["sample_id"].to_numpy(np.int64)] = table[column].to_numpy(float)
    return values
