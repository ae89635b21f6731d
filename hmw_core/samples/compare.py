"""Two runs side by side: how they were made, how they rank the same samples, what each flags.

Shape letters: N samples of the data set that both runs were trained on.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from hmw_core.criteria.kept import score_table
from hmw_core.criteria.of_run import check_given, pick_criterion
from hmw_core.errors import UsageError
from hmw_core.log.reader import RunReader
from hmw_core.samples.sample_table import suspicion_rank
from hmw_core.statistics.resampling import LEVEL

PARTS = ("both", "only A", "only B")
Z = NormalDist().inv_cdf((1.0 + LEVEL) / 2.0)
NAMES_A_RUN = {"run", "runs"}  # settings that differ between any two runs, and decide nothing
TOO_LONG = {"class_names", "transition_matrix"}
SHOWN_OF_INFO = {
    "recipe": "recipe",
    "n_epochs": "epochs",
    "last_epoch": "",
    "seed": "seed",
    "device": "",
    "commit": "",
}
"""Names in `run.json`, and under which a config says the same."""


class RankCorrelation(NamedTuple):
    """Spearman's rho in [-1, 1] with its 95 % interval; NaN where `n` samples do not tell it."""

    rho: float
    low: float
    high: float
    n: int


def config_differences(runs: Sequence[RunReader]) -> pd.DataFrame:
    """Return the settings that differ between runs, a column a run, in the order of `runs`.

    The index `setting` holds names as `run.json` has them (`config.epochs`, `versions.torch`); a
    value is what stands there, None where a run lacks the setting. Columns are 0, 1, ...
    """
    flat = [_settings(run) for run in runs]
    names = dict.fromkeys(name for settings in flat for name in settings)
    rows = {name: [settings.get(name) for settings in flat] for name in names}
    differing = {
        name: values for name, values in rows.items() if any(v != values[0] for v in values[1:])
    }
    table = pd.DataFrame.from_dict(
        differing, orient="index", columns=range(len(runs)), dtype=object
    )
    return table.rename_axis("setting")


def check_same_samples(a: RunReader, b: RunReader) -> None:
    """Refuse two runs whose sample ids do not mean the same samples.

    Raises
    ------
    UsageError
        If they were trained on different data sets or parts of one.
    """
    one, two = (run.info["dataset"] for run in (a, b))
    if one["fingerprint"] == two["fingerprint"] and one["n_samples"] == two["n_samples"]:
        return
    if one["n_samples"] != two["n_samples"]:
        why = f"{one['n_samples']:,} samples and {two['n_samples']:,}"
    else:
        why = "their pictures differ, or there are none and their labels differ"
    raise UsageError(
        f"runs {a.name!r} and {b.name!r} were not trained on the same samples ({why}), so that a "
        "sample of one cannot be found in the other"
    )


def paired_scores(
    a: RunReader, b: RunReader, criterion: str = "iam", epoch: int | None = None
) -> pd.DataFrame:
    """Return each sample's score and rank in two runs.

    Parameters
    ----------
    a, b : RunReader
        Runs on the same samples; their given labels may differ.
    criterion : str
        Of `CRITERIA`, computed in each run from its own log.
    epoch : int, optional
        Last epoch used in both. Default: the last one of each.

    Returns
    -------
    DataFrame
        By `sample_id`, in data set order: `score_a`, `score_b` (unit of the criterion, null where
        the run has none), `rank_a`, `rank_b` (Int64, 1 for the most suspicious), `given_label_a`,
        `given_label_b`, `is_mislabeled_a`, `is_mislabeled_b` (nullable).

    Raises
    ------
    UsageError
        If the runs have different samples, the criterion is unknown, or a run has no whole epoch
        or not what the criterion reads.
    """
    found = pick_criterion(a, criterion)
    pick_criterion(b, criterion)  # a column of a method may be the one run's only
    check_same_samples(a, b)
    columns = {}
    for side, run in (("a", a), ("b", b)):
        if run.last_epoch == 0:
            raise UsageError(f"run {run.name!r} has no finished epoch yet, so it has no scores")
        if epoch is not None and not 1 <= epoch <= run.last_epoch:
            raise UsageError(f"run {run.name!r} has the epochs 1 to {run.last_epoch}, not {epoch}")
        check_given(run, criterion)
        score = score_table(run, [criterion], epoch)[criterion].sort_index()
        check_given(run, criterion, score)
        samples = run.samples().set_index("sample_id")
        columns[f"score_{side}"] = score
        columns[f"rank_{side}"] = suspicion_rank(score, found)
        columns[f"given_label_{side}"] = samples["given_label"]
        columns[f"is_mislabeled_{side}"] = samples["is_mislabeled"]
    order = [
        f"{name}_{side}"
        for name in ("score", "rank", "given_label", "is_mislabeled")
        for side in ("a", "b")
    ]
    return pd.DataFrame(columns)[order].rename_axis("sample_id")


def rank_correlation(one: pd.Series, two: pd.Series) -> RankCorrelation:
    """Return Spearman's rank correlation of two scores with its 95 % interval.

    Samples without one of the scores are left out; `n` counts the others. Tied scores share their
    mean rank. Fewer than four samples, or a score that is the same everywhere, have no rho.

    Notes
    -----
    Source: Bonett and Wright (2000), "Sample size requirements for estimating Pearson, Kendall and
    Spearman correlations": Fisher's z of rho with the variance (1 + rho^2 / 2) / (n - 3). The
    interval is for samples like these, and says nothing of other seeds of the same training.
    """
    values = pd.DataFrame({"one": one, "two": two}).astype("float64").dropna()
    n = len(values)
    ranks = values.rank()
    if n < 4 or (ranks.nunique() == 1).any():
        return RankCorrelation(math.nan, math.nan, math.nan, n)
    rho = float(np.clip(np.corrcoef(ranks["one"], ranks["two"])[0, 1], -1.0, 1.0))
    if abs(rho) > 1.0 - 1e-12:
        return RankCorrelation(round(rho), round(rho), round(rho), n)
    half = Z * math.sqrt((1.0 + rho**2 / 2.0) / (n - 3))
    middle = math.atanh(rho)
    return RankCorrelation(rho, math.tanh(middle - half), math.tanh(middle + half), n)


def flagged_parts(pairs: pd.DataFrame, budget: int) -> pd.DataFrame:
    """Return the samples that are among the `budget` most suspicious in one run or both.

    Parameters
    ----------
    pairs : DataFrame
        From `paired_scores`.
    budget : int
        How many samples are flagged in each run, 1 to N; fewer where fewer have a score.

    Returns
    -------
    DataFrame
        `sample_id`, `part` (of `PARTS`), `rank_a`, `rank_b`, `is_mislabeled` (nullable): in a
        part of one run by that run's given label; in `both`, whether it is so in both runs. By
        part, most suspicious first by the better of the two ranks.

    Raises
    ------
    UsageError
        If the budget is out of range.
    """
    if not 1 <= budget <= len(pairs):
        raise UsageError(f"the number of flagged samples is 1 to {len(pairs)}, not {budget}")
    in_a = pairs["rank_a"].le(budget).fillna(False).astype(bool)
    in_b = pairs["rank_b"].le(budget).fillna(False).astype(bool)
    found = []
    for part, members, wrong in (
        ("both", in_a & in_b, pairs["is_mislabeled_a"] & pairs["is_mislabeled_b"]),
        ("only A", in_a & ~in_b, pairs["is_mislabeled_a"]),
        ("only B", in_b & ~in_a, pairs["is_mislabeled_b"]),
    ):
        rows = pairs.loc[members, ["rank_a", "rank_b"]].assign(
            part=part, is_mislabeled=wrong[members]
        )
        best = rows[["rank_a", "rank_b"]].min(axis=1)
        found.append(rows.iloc[np.argsort(best.to_numpy(dtype=np.int64), kind="stable")])
    table = pd.concat(found).reset_index()
    return table[["sample_id", "part", "rank_a", "rank_b", "is_mislabeled"]]


def part_counts(parts: pd.DataFrame) -> pd.DataFrame:
    """Return how many samples each part has, and how many of them are really mislabeled.

    Parameters
    ----------
    parts : DataFrame
        From `flagged_parts`.

    Returns
    -------
    DataFrame
        By `part`, in the order of `PARTS`: `n_samples`, `n_known` (true label known),
        `n_mislabeled`, `precision` (their share of `n_known` in [0, 1], NaN where none is known),
        `low` and `high` (its 95 % interval).

    Notes
    -----
    Source: Wilson (1927), interval of a share.
    """
    rows = []
    for part in PARTS:
        known = parts.loc[parts["part"] == part, "is_mislabeled"]
        n_known, n_wrong = int(known.notna().sum()), int(known.sum())
        low, high = wilson(n_wrong, n_known)
        share = n_wrong / n_known if n_known else math.nan
        rows.append((part, len(known), n_known, n_wrong, share, low, high))
    columns = ["part", "n_samples", "n_known", "n_mislabeled", "precision", "low", "high"]
    return pd.DataFrame(rows, columns=columns).set_index("part")


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of which `hits` of `n` are known, NaN for none.

    Source: Wilson (1927), interval of a share.
    """
    if n == 0:
        return math.nan, math.nan
    share = hits / n
    middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z / (1 + Z**2 / n) * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _settings(run: RunReader) -> dict[str, Any]:
    """Return what `run.json` says about how the run was made, flat and each thing once."""
    info = run.info
    config = dict(info.get("config") or {})
    flat: dict[str, Any] = {
        name: info.get(name) for name, in_config in SHOWN_OF_INFO.items() if in_config not in config
    }
    for part in ("dataset", "noise", "weighting", "outputs", "versions"):
        for name, value in _flat(part, info.get(part) or {}).items():
            last = name.removeprefix(f"{part}.")
            is_twice = last in config or (part in config and last in ("name", "rate", "keep"))
            if not is_twice and last not in TOO_LONG:
                flat[name] = value
    return flat | _flat("config", {k: v for k, v in config.items() if k not in NAMES_A_RUN})


def _flat(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(f"{prefix}.{name}", value)
        else:
            flat[f"{prefix}.{name}"] = value
    return flat
