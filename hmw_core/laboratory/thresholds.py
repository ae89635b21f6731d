"""Thresholds of a criterion's score, and what each rule believes of its own.

A threshold parts the samples into flagged ones, strictly on its suspicious side, and kept ones. A
rule sees no true label. What it believes of precision and recall follows from its own model, and is
only as good as that; what is true beside it comes from `judged`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from hmw_core.criteria import CRITERIA, CRITERIA_VERSION
from hmw_core.criteria.compute import scores_by_epoch, why_absent
from hmw_core.criteria.criterion import Criterion
from hmw_core.criteria.kept import score_table
from hmw_core.criteria.of_run import pick_criterion
from hmw_core.errors import UsageError, pick
from hmw_core.experiments.seeds import same_labels
from hmw_core.log.cache import kept_table
from hmw_core.log.reader import RunReader
from hmw_core.log.threshold_margins import MARGIN, has_threshold_samples, margin_means
from hmw_core.samples.compare import wilson
from hmw_core.statistics.mixtures import Mixture, beta_mixture, divide_mix, gaussian_mixture
from hmw_core.statistics.modes import Modes, modes, valley
from hmw_core.statistics.ranking import suspicion

PERCENTILE = 99  # of the threshold samples' AUM, as in the paper
LOSS_FLOOR = 1e-7  # nat: about the smallest cross entropy above 0 that float32 logits give
FITTED = 10_000  # numbers that Gaussians and betas are fitted to; of more, as many evenly by rank
FEWEST = 20  # samples with a score; from fewer no rule makes a threshold
N_CHECKPOINTS = 5  # of the band over epochs
VERSION = 2  # of the numbers here, for what is kept with a run

PARTS = (
    "samples.parquet",
    "signals",
    "outputs",
    "features",
    "method",
    "threshold",
)  # of a run, read here

Scale = Literal["linear", "log"]


@dataclass(frozen=True)
class Rule:
    """A way to find a threshold: its title, what it does and believes, and its source."""

    title: str
    does: str
    believes: str
    source: str


RULES: dict[str, Rule] = {
    "gaussian": Rule(
        title="Two Gaussians",
        does="cuts where the Gaussian of the more suspicious mean becomes the likelier one",
        believes="It believes that the posterior of that Gaussian is the chance of a wrong label",
        source="EM, scikit-learn's GaussianMixture",
    ),
    "divide_mix": Rule(
        title="DivideMix",
        does="cuts where the Gaussian of the larger mean becomes the likelier one, on the losses "
        "scaled to 0 ... 1 and with the settings of DivideMix's code",
        believes="It believes that the posterior of that Gaussian is the chance of a wrong label",
        source="Li et al. (ICLR 2020), Section 3.1",
    ),
    "beta": Rule(
        title="Two betas",
        does="cuts where the beta distribution of the more suspicious mean becomes the likelier "
        "one, on the scores scaled to 0 ... 1 between their 5th and 95th percentile",
        believes="It believes that the posterior of that component is the chance of a wrong label",
        source="Arazo et al. (ICML 2019), Section 3.1",
    ),
    "valley": Rule(
        title="Valley",
        does="cuts at the lowest place between the two modes of the smoothed histogram "
        "(Gaussian kernel, Silverman's bandwidth)",
        believes="It believes nothing about how many are flagged rightly",
        source="Silverman (1986), Eq. 3.31 for the bandwidth",
    ),
    "threshold_samples": Rule(
        title="Threshold samples",
        does=f"cuts AUM at the {PERCENTILE}th percentile of samples that were trained on in a "
        "class of their own",
        believes=f"It believes that {PERCENTILE} % of the mislabeled samples lie below, being like "
        "these samples, and nothing about how many clean ones do",
        source="Pleiss et al. (NeurIPS 2020), Section 3.3",
    ),
}


class Threshold(NamedTuple):
    """A rule's threshold of a score; numbers are NaN where there is none, and `why` says why."""

    cut: float
    """The threshold, in the score's unit; tables that are kept with a run name it so."""
    n_flagged: int
    n_scored: int
    expected_precision: float
    """What the rule's model believes, in [0, 1]; NaN where it believes nothing."""
    expected_recall: float
    why: str = ""
    mixture: Mixture | None = None
    """On the axis of `axis_scale`, pointing to the suspicious side."""


class Judged(NamedTuple):
    """What is true of flagged samples, with 95 % intervals (Wilson); NaN where not known."""

    precision: float
    precision_low: float
    precision_high: float
    recall: float
    recall_low: float
    recall_high: float
    n_known: int
    """Flagged samples whose true label is known."""


def axis_scale(criterion: Criterion, rule: str = "gaussian") -> Scale:
    """Return on which axis a rule sees a criterion: losses on a logarithmic one.

    A network that memorises has nearly all losses close to 0, where a linear axis shows one bar.
    DivideMix and the betas are defined on the losses themselves.
    """
    is_loss = criterion.unit == "nat"
    return "log" if is_loss and rule not in ("divide_mix", "beta") else "linear"


def to_axis(score: np.ndarray, criterion: Criterion, scale: Scale) -> np.ndarray:
    """Return scores on an axis whose upper end is suspicious.

    A loss below `LOSS_FLOOR` counts as that on the logarithmic axis.
    """
    values = np.log10(np.maximum(score, LOSS_FLOOR)) if scale == "log" else np.asarray(score)
    return suspicion(values.astype(np.float64), criterion.higher_means)


def from_axis(place: float, criterion: Criterion, scale: Scale) -> float:
    """Return the score at a place on the axis of `to_axis`."""
    value = place if criterion.higher_means == "mislabeled" else -place
    return float(10.0**value if scale == "log" else value)


def usable_rules(run: RunReader, criterion: str) -> dict[str, Rule]:
    """Return the rules that can cut this criterion's score of this run, by name."""
    is_loss = pick_criterion(run, criterion).unit == "nat"
    fits = {
        "divide_mix": is_loss,
        "threshold_samples": criterion == "aum" and has_threshold_samples(run),
    }
    return {name: rule for name, rule in RULES.items() if fits.get(name, True)}


def threshold_of_scores(
    score: np.ndarray, criterion: Criterion, rule: str, level: float = 0.5
) -> Threshold:
    """Return a rule's threshold of a score, for all rules but the threshold samples'.

    Parameters
    ----------
    score : ndarray of shape (N,)
        NaN where a sample has none; what is infinite counts for no fit.
    criterion : Criterion
        Whose score it is.
    rule : str
        Of `RULES`.
    level : float
        Posterior at the threshold of a mixture, in (0, 1): higher flags fewer, more surely.

    Raises
    ------
    UsageError
        If a name is unknown, or the level out of range.
    """
    pick(RULES, rule, "rule for a threshold")
    if not 0 < level < 1:
        raise UsageError(f"the posterior at the threshold lies in (0, 1), not {level}")
    scale = axis_scale(criterion, rule)
    x = to_axis(np.asarray(score, dtype=np.float64), criterion, scale)
    n_scored = int((~np.isnan(x)).sum())
    fitted = x[np.isfinite(x)]
    if len(fitted) < FEWEST or np.ptp(fitted) == 0:
        what = f"only {len(fitted)} samples have a score" if len(fitted) < FEWEST else (
            "all samples have the same score"
        )  # fmt: skip
        return _no_threshold(n_scored, what)
    if rule == "valley":
        lowest = valley(fitted)
        if lowest is None:
            return _no_threshold(n_scored, "the smoothed histogram has no valley")
        return _threshold_at(lowest.at, x, criterion, scale, None)
    if rule != "divide_mix" and len(fitted) > FITTED:
        fitted = np.sort(fitted)[np.linspace(0, len(fitted) - 1, FITTED).astype(int)]
    mixture = MIXTURES[rule](fitted)
    place = None if mixture is None else mixture.cut(level, float(fitted.max()))
    if mixture is None or place is None:
        why = f"above its lower mean the upper component's posterior never crosses {level:g}"
        return _no_threshold(
            n_scored, "the two components are one" if mixture is None else why, mixture
        )
    return _threshold_at(place, x, criterion, scale, mixture)


MIXTURES: dict[str, Callable[[np.ndarray], Mixture | None]] = {
    "gaussian": gaussian_mixture,
    "divide_mix": divide_mix,
    "beta": beta_mixture,
}


def is_flagged(score: pd.Series, cut: float, criterion: Criterion) -> pd.Series:
    """Return which samples lie on the suspicious side of a threshold; null without either."""
    higher_means = criterion.higher_means
    beyond = suspicion(score, higher_means) > suspicion([cut], higher_means)
    known = score.notna() & ~np.isnan(cut)
    return pd.Series(beyond, index=score.index, dtype="boolean").where(known)


def judged(flagged: pd.Series, is_mislabeled: pd.Series) -> Judged:
    """Return precision and recall of flags, both by `sample_id`.

    Left out are samples without a flag (no score) and those whose true label is unknown.
    """
    both = pd.DataFrame({"flagged": flagged, "wrong": is_mislabeled.loc[flagged.index]}).dropna()
    hits = int((both["flagged"] & both["wrong"]).sum())
    n_flagged, n_wrong = int(both["flagged"].sum()), int(both["wrong"].sum())
    shares = [hits / n if n else float("nan") for n in (n_flagged, n_wrong)]
    intervals = [wilson(hits, n) for n in (n_flagged, n_wrong)]
    return Judged(shares[0], *intervals[0], shares[1], *intervals[1], n_flagged)


def score_of(run: RunReader, criterion: str, rule: str, epoch: int | None = None) -> pd.Series:
    """Return the score that a rule cuts, by `sample_id`: the criterion's.

    Threshold samples judge the AUM of the training itself, whose margins count the extra class
    among the others; `aum` is that of the log, over the real classes.
    """
    last = run.last_epoch if epoch is None else epoch
    if rule != "threshold_samples":
        return score_table(run, [criterion], last)[criterion]
    table = margin_means(run, last)
    return table[MARGIN].mask(table["is_threshold"]).rename("aum")


def find_threshold(
    run: RunReader, criterion: str, rule: str, epoch: int | None = None, level: float = 0.5
) -> Threshold:
    """Return a rule's threshold of a criterion's score in a run, from the epochs up to `epoch`.

    Raises
    ------
    UsageError
        If a name is unknown, the level out of range, or the run has no threshold samples.
    """
    last = run.last_epoch if epoch is None else epoch
    if rule == "threshold_samples":
        if criterion != "aum":
            raise UsageError(f"threshold samples cut AUM only, not {criterion!r}")
        return percentile_threshold(run, last)
    score = score_of(run, criterion, rule, last).to_numpy()
    return threshold_of_scores(score, pick_criterion(run, criterion), rule, level)


def threshold_table(
    run: RunReader, criterion: str, epoch: int | None = None, level: float = 0.5
) -> pd.DataFrame:
    """Return every rule's threshold of a criterion, what it believes, and what is true.

    Computed once: it is kept with the run.

    Returns
    -------
    DataFrame
        By `rule`: `cut`, `n_flagged`, `n_scored`, `expected_precision`, `expected_recall` and
        `why` of `Threshold`, and the fields of `Judged`.

    Raises
    ------
    UsageError
        As `find_threshold`.
    """
    last = run.last_epoch if epoch is None else epoch
    picked = pick_criterion(run, criterion)

    def compute() -> pd.DataFrame:
        wrong = run.samples()["is_mislabeled"]
        rows = {}
        for rule in usable_rules(run, criterion):
            threshold = find_threshold(run, criterion, rule, last, level)
            flagged = is_flagged(score_of(run, criterion, rule, last), threshold.cut, picked)
            said = {name: value for name, value in threshold._asdict().items() if name != "mixture"}
            rows[rule] = said | judged(flagged, wrong)._asdict()
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("rule")

    threshold_of_scores(
        np.array([]), picked, "valley", level
    )  # what is wrong is said before anything
    decides = {"version": [VERSION, CRITERIA_VERSION], "criterion": criterion, "level": level}
    decides |= {"last": last, "n_epochs": run.n_epochs, "annealing_start": run.annealing_start}
    return kept_table(run, "cuts", decides, compute, reads=PARTS, epochs=_up_to(run, last))


def _up_to(run: RunReader, last: int) -> list[int]:
    return [epoch for epoch in run.epochs() if epoch <= last]


def two_modes(run: RunReader, criterion: str, epoch: int | None = None) -> Modes | None:
    """Return whether a criterion's score has two modes on its axis; None without enough scores."""
    picked = pick_criterion(run, criterion)
    x = to_axis(score_of(run, criterion, "valley", epoch).to_numpy(), picked, axis_scale(picked))
    x = x[np.isfinite(x)]
    return modes(x) if len(x) >= FEWEST else None


def checkpoints(last: int) -> list[int]:
    """Return the epochs of the band: `N_CHECKPOINTS` at most, over the last quarter before one."""
    first = max(1, last - max(last // 4, N_CHECKPOINTS - 1))
    return sorted({int(e) for e in np.linspace(first, last, N_CHECKPOINTS).round()})


def band(
    runs: Sequence[RunReader],
    criterion: str,
    rule: str,
    epoch: int | None = None,
    level: float = 0.5,
) -> pd.DataFrame:
    """Return how a rule's threshold moves over a run's last checkpoints, and over siblings.

    Parameters
    ----------
    runs : sequence of RunReader
        The run, then runs of the same recipe with other seeds.
    criterion, rule, epoch, level
        As `find_threshold`'s.

    Returns
    -------
    DataFrame
        `over` (`epochs` or `seeds`), `run`, `seed`, `epoch`, `cut`, `n_flagged`, `share` (of the
        samples with a score). Of the siblings, the same epoch or their last.
    """
    run = runs[0]
    last = run.last_epoch if epoch is None else epoch
    rows = [
        ("epochs", run, at, cut) for at, cut in _thresholds_at(run, criterion, rule, last, level)
    ]
    for other in runs[1:]:
        at = min(last, other.last_epoch)
        absent = why_absent(other, pick_criterion(other, criterion))
        if at and absent is None and rule in usable_rules(other, criterion):
            rows.append(("seeds", other, at, find_threshold(other, criterion, rule, at, level)))
    columns = ["over", "run", "seed", "epoch", "cut", "n_flagged", "share"]
    return pd.DataFrame(
        [
            (over, r.name, r.info.get("seed"), at, c.cut, c.n_flagged, c.n_flagged / c.n_scored)
            for over, r, at, c in rows
            if c.n_scored and not np.isnan(c.cut)
        ],
        columns=columns,
    )


def _thresholds_at(
    run: RunReader, criterion: str, rule: str, last: int, level: float
) -> list[tuple[int, Threshold]]:
    """Return the threshold at each checkpoint."""
    at = [epoch for epoch in checkpoints(last) if epoch in run.epochs()]
    if rule == "threshold_samples":
        return [(epoch, percentile_threshold(run, epoch)) for epoch in at]
    scores, picked = _scores_at(run, criterion, at), pick_criterion(run, criterion)
    return [
        (epoch, threshold_of_scores(scores[str(epoch)].to_numpy(), picked, rule, level))
        for epoch in at
    ]


def _scores_at(run: RunReader, criterion: str, at: Sequence[int]) -> pd.DataFrame:
    """Return a criterion's scores after each of some epochs, a column each, kept with the run."""

    def compute() -> pd.DataFrame:
        picked = {criterion: pick_criterion(run, criterion)}
        found = scores_by_epoch(run, picked, at)
        return pd.DataFrame({str(epoch): table[criterion] for epoch, table in found})

    decides = {"criterion": criterion, "version": CRITERIA_VERSION, "at": list(at)}
    decides |= {"n_epochs": run.n_epochs, "annealing_start": run.annealing_start}
    epochs = _up_to(run, max(at, default=0))
    return kept_table(run, "checkpoint-scores", decides, compute, reads=PARTS, epochs=epochs)


def _threshold_at(
    place: float, x: np.ndarray, criterion: Criterion, scale: Scale, mixture: Mixture | None
) -> Threshold:
    flagged = x > place
    precision = recall = float("nan")
    if mixture is not None:
        known = np.isfinite(x)
        posterior = mixture.posterior(x[known])
        mass = posterior[flagged[known]]
        precision = float(mass.mean()) if len(mass) else float("nan")
        recall = float(mass.sum() / posterior.sum())
    cut = from_axis(place, criterion, scale)
    n_scored = int((~np.isnan(x)).sum())
    return Threshold(cut, int(flagged.sum()), n_scored, precision, recall, mixture=mixture)


def _no_threshold(n_scored: int, why: str, mixture: Mixture | None = None) -> Threshold:
    nan = float("nan")
    return Threshold(nan, 0, n_scored, nan, nan, why, mixture)


def percentile_threshold(run: RunReader, epoch: int | None = None) -> Threshold:
    """Return the threshold of AUM at the 99th percentile of the threshold samples' AUM.

    Raises
    ------
    UsageError
        As `margin_means`.

    Notes
    -----
    Source: Pleiss et al. (NeurIPS 2020), Section 3.3.
    """
    table = margin_means(run, epoch)
    own = table.loc[table["is_threshold"], MARGIN].dropna()
    others = table.loc[~table["is_threshold"], MARGIN].dropna()
    if len(own) == 0:
        return _no_threshold(len(others), "no threshold sample has been seen yet")
    cut = float(np.percentile(own, PERCENTILE))
    recall = PERCENTILE / 100
    return Threshold(cut, int((others < cut).sum()), len(others), float("nan"), recall)


def combine(first: RunReader, second: RunReader, epoch: int | None = None) -> pd.DataFrame:
    """Return AUM's flags of two runs whose threshold samples differ, by `sample_id`.

    Each run is cut at its own threshold; its own threshold samples have no flag there.

    Parameters
    ----------
    first, second : RunReader
        On the same samples and given labels, both with threshold samples.
    epoch : int, optional
        Epochs used of both. Default: all of each.

    Returns
    -------
    DataFrame
        `first`, `second`: the flag in each run, null where it judges none; `is_flagged`: the
        first's, filled by the second's; `in_every`: flagged in every run that judges it, as the
        authors' code drops samples. Null where neither does.

    Raises
    ------
    UsageError
        If the runs do not fit together.

    Notes
    -----
    Source: Pleiss et al. (NeurIPS 2020), Section 3.3 and its code.
    """
    if not same_labels(first, second):
        raise UsageError(
            f"runs {first.name!r} and {second.name!r} were trained on other samples or labels, so "
            "their flags are not about the same"
        )
    flags = {}
    for name, run in (("first", first), ("second", second)):
        at = run.last_epoch if epoch is None else min(epoch, run.last_epoch)
        score = score_of(run, "aum", "threshold_samples", at)
        flags[name] = is_flagged(score, percentile_threshold(run, at).cut, CRITERIA["aum"])
    table = pd.DataFrame(flags)
    table["is_flagged"] = table["first"].fillna(table["second"])
    every = table["first"].fillna(True) & table["second"].fillna(True)
    table["in_every"] = every.where(table["is_flagged"].notna())
    return table


def partners(run: RunReader, runs: Sequence[RunReader]) -> list[RunReader]:
    """Return the runs that can judge a run's threshold samples: with others, on the same labels."""
    if not has_threshold_samples(run):
        return []
    found = [r for r in runs if r.name != run.name and has_threshold_samples(r) and r.last_epoch]
    return [r for r in found if same_labels(run, r)]
