"""How alike criteria rank the same samples, and how many of their most suspicious they share.

No true label is needed. Criteria that read the same signal agree whether it is right or wrong, so
agreement is no proof: it says where looking pays, not who is right.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from hmw_core.criteria.criterion import Criterion
from hmw_core.errors import UsageError
from hmw_core.statistics.ranking import suspicion

SHARE = 0.05  # of the samples are flagged where nobody knows how many are mislabeled

RULE = (
    "Spearman's rank correlation of suspicion over the samples that both criteria score: 1 is the "
    "same order, 0 none in common. In common is the share of the flagged samples that both flag; "
    "where equal scores stand at the edge of what is flagged, the share expected when each "
    "criterion draws among them at random. Two criteria that know nothing share the budget's part "
    "of all samples."
)


def usual_budget(is_mislabeled: pd.Series) -> int:
    """Return how many samples to flag: as many as are mislabeled, else `SHARE` of them."""
    n = len(is_mislabeled)
    known = n > 0 and bool(is_mislabeled.notna().all())
    return min(max(int(is_mislabeled.sum()) if known else round(SHARE * n), 1), max(n, 1))


def flag_probability(suspicious: np.ndarray, budget: int) -> np.ndarray:
    """Return each sample's chance to be among the `budget` most suspicious, ties drawn at random.

    Parameters
    ----------
    suspicious : ndarray of shape (N,)
        Higher is more suspicious; NaN for no score, which is never flagged.
    budget : int
        At least 1; with fewer scores, all of them are flagged.

    Returns
    -------
    ndarray of shape (N,), float64, in [0, 1]

    Examples
    --------
    >>> flag_probability(np.array([3.0, 2.0, 2.0, 1.0, np.nan]), 2)
    array([1. , 0.5, 0.5, 0. , 0. ])
    """
    scored = ~np.isnan(suspicious)
    known = suspicious[scored]
    if budget >= len(known):
        return scored.astype(np.float64)
    threshold = np.partition(known, len(known) - budget)[len(known) - budget]
    above, tied = suspicious > threshold, suspicious == threshold
    return above + tied * ((budget - above.sum()) / tied.sum())


def agreement(scores: pd.DataFrame, criteria: Mapping[str, Criterion], budget: int) -> pd.DataFrame:
    """Return how alike each two criteria are; see `RULE`.

    Parameters
    ----------
    scores : DataFrame
        A column a criterion, by `sample_id`, as `kept.score_table` gives it.
    criteria : mapping of name to Criterion
        What the columns are.
    budget : int
        How many samples each criterion flags, 1 to N.

    Returns
    -------
    DataFrame
        A row for each ordered pair of different criteria, like ones beside one another (see
        `ordered`). `criterion`, `against`; `n_samples`, those with both scores; `rho`, Spearman's,
        in [-1, 1], NaN where fewer than two samples or a constant score do not tell it;
        `n_flagged`, how many each flags of them, and their mean is what `shared` divides by;
        `n_shared` (of equal scores its expected value), `shared` and `jaccard` in [0, 1], with
        what criteria that know nothing have: `shared_by_chance`, `jaccard_by_chance`.

    Raises
    ------
    UsageError
        If the budget is out of range.

    Notes
    -----
    Source: Spearman (1904); Jaccard (1912), common members over all members. By chance, k of n
    flagged twice have k * k / n in common, the mean of the hypergeometric distribution.
    """
    if not 1 <= budget <= max(len(scores), 1):
        raise UsageError(f"the number of flagged samples is 1 to {len(scores)}, not {budget}")
    names = list(scores)
    turned = {name: suspicion(scores[name], criteria[name].higher_means) for name in names}
    scored = {name: ~np.isnan(values) for name, values in turned.items()}
    ranks = {name: pd.Series(values).rank().to_numpy() for name, values in turned.items()}
    flags = {name: flag_probability(values, budget) for name, values in turned.items()}
    found: dict[tuple[str, str], dict[str, float]] = {}
    for place, one in enumerate(names):
        for two in names[place + 1 :]:
            both = scored[one] & scored[two]
            same = np.array_equal(scored[one], scored[two])
            rho = (
                _correlation(ranks[one][both], ranks[two][both])
                if same
                else spearman(turned[one], turned[two])
            )
            a, b = flags[one][both], flags[two][both]
            found[one, two] = {"n_samples": int(both.sum()), "rho": rho, **_overlap(a, b)}
    order = ordered(names, {pair: row["rho"] for pair, row in found.items()})
    rows = [
        {"criterion": one, "against": two, **found.get((one, two), found.get((two, one), {}))}
        for one in order
        for two in order
        if one != two
    ]
    columns = ["criterion", "against", "n_samples", "rho", "n_flagged", "n_shared", "shared"]
    columns += ["jaccard", "shared_by_chance", "jaccard_by_chance"]
    return pd.DataFrame(rows, columns=columns)


def spearman(one: np.ndarray, two: np.ndarray) -> float:
    """Return Spearman's rank correlation over what has both scores, NaN where it is not told."""
    both = ~(np.isnan(one) | np.isnan(two))
    return _correlation(
        pd.Series(one[both]).rank().to_numpy(), pd.Series(two[both]).rank().to_numpy()
    )


def ordered(names: Sequence[str], rho: dict[tuple[str, str], float]) -> list[str]:
    """Return the names so that like ones are neighbours.

    Average linkage of the distances 1 - rho, leaves in the order of least steps between
    neighbours; of the two directions that which begins nearer to the front of `names`. A
    correlation that is not told counts as 0.
    """
    if len(names) < 3:
        return list(names)
    position = {name: k for k, name in enumerate(names)}
    distance = np.zeros((len(names), len(names)))
    for (one, two), value in rho.items():
        away = 1.0 - (0.0 if np.isnan(value) else value)
        distance[position[one], position[two]] = distance[position[two], position[one]] = away
    tree = linkage(squareform(np.maximum(distance, 0.0)), "average", optimal_ordering=True)
    leaves = leaves_list(tree).tolist()
    return [names[k] for k in (leaves if leaves[0] < leaves[-1] else leaves[::-1])]


def _correlation(one: np.ndarray, two: np.ndarray) -> float:
    if len(one) < 2 or np.ptp(one) == 0.0 or np.ptp(two) == 0.0:
        return float("nan")
    return float(np.clip(np.corrcoef(one, two)[0, 1], -1.0, 1.0))


def _overlap(one: np.ndarray, two: np.ndarray) -> dict[str, float]:
    """Return how many are flagged by both of the samples that both score, and by chance."""
    n, a, b = len(one), float(one.sum()), float(two.sum())
    mean = (a + b) / 2.0
    shared = float(one @ two)
    chance = a * b / n if n else 0.0

    def share(count: float) -> float:
        return count / mean if mean else float("nan")

    def jaccard(count: float) -> float:
        return count / (a + b - count) if a + b else float("nan")

    return {
        "n_flagged": mean,
        "n_shared": shared,
        "shared": share(shared),
        "jaccard": jaccard(shared),
        "shared_by_chance": share(chance),
        "jaccard_by_chance": jaccard(chance),
    }
