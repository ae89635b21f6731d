"""Which kind of label noise a matrix shows, and whether the picture decides: with the evidence.

Three questions that a matrix of true by given labels, or the pictures beside it, can answer:

- where to: do the flips of a class go anywhere alike (symmetric), to one class (pair), to the
  classes of its group (block), or to each class with a chance of its own (class-conditional)?
- how often: does every class flip as often as the others?
- by sample: among samples of one true class, does the picture tell which ones flip, and where to?
  If it does, no matrix describes the noise: it is instance-dependent.

The first two are matters of counts, compared by BIC; the third needs true labels and pictures.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import Image
from scipy.special import xlogy
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from hmw_core.errors import UsageError
from hmw_core.log.cache import kept_table
from hmw_core.log.reader import RunReader
from hmw_core.noise.cifar import CIFAR100_SUPERCLASSES, is_cifar10, is_cifar100, plain
from hmw_core.pictures.picture_features import pictures
from hmw_core.samples.compare import Z

VERSION = 1  # counts up whenever the numbers by sample change
KEPT = "noise-by-sample"
SIDE, COMPONENTS = 16, 30  # px a picture is reduced to, principal components of all pictures
LEAST = 10  # samples on either side of a question, half of them to train on
MOST = 10_000  # samples whose pictures are looked at; more are drawn at random
# Kass and Raftery (1995), "Bayes Factors": differences in BIC, and what they call them.
STRENGTHS = ((10.0, "very strong"), (6.0, "strong"), (2.0, "positive"), (0.0, "no"))
CIFAR10_GROUPS = (
    {"airplane", "automobile", "ship", "truck"},
    {"bird", "cat", "deer", "dog", "frog", "horse"},
)
"""Vehicles and animals."""

BIC_RULE = (
    "BIC weighs how well a pattern explains the flips against how many numbers it must be told: "
    "smaller is better, and a lead of more than 2, 6, 10 counts as positive, strong, very strong "
    "evidence (Kass and Raftery). A lead is about these counts; with few flips the simpler "
    "pattern wins because the richer one cannot be told from it."
)
SAMPLE_RULE = (
    "A linear classifier on what the pictures look like (16 x 16 px, 30 principal components), "
    "trained on one half of a true class, ranks the other half. 0.5: within a class the picture "
    "tells nothing, as class-conditional noise has it; above: instance-dependent. It is a lower "
    "bound, since a better classifier might see more. The trained network's own features are not "
    "used: it was taught the given labels, so its features know which sample was flipped."
)


class SampleEvidence(NamedTuple):
    """How well the picture tells, among samples of one true class, `what` happens to a label.

    `auroc` with its 95 % interval is over pairs of held-out samples of the same true class; NaN
    where no class has `LEAST` samples on both sides.
    """

    what: str  # "whether" it flips, or "where to"
    auroc: float
    low: float
    high: float
    n_samples: int
    n_classes: int  # that have enough samples

    @property
    def depends(self) -> bool | None:
        """Whether the picture matters: surely (True), not shown (False), or cannot be said."""
        return None if np.isnan(self.auroc) else bool(self.low > 0.5)


def classify_pattern(counts: np.ndarray, groups: Sequence[int] | None = None) -> pd.DataFrame:
    """Return how well each pattern explains where flips go and how often they happen.

    Parameters
    ----------
    counts : array of shape (C, C)
        Samples of each true (row) and given label; whole numbers, or estimates of them.
    groups : sequence of C ints, optional
        The group of each class, for the block pattern.

    Returns
    -------
    DataFrame
        A row per hypothesis: `question` (`where to`, `how often`), `hypothesis`, `statement` (a
        sentence with its numbers), `log_likelihood` (nats), `n_parameters`, `bic`, `behind` (its
        BIC minus the best one's of the question) and `is_best`.

    Raises
    ------
    UsageError
        If there are fewer than three classes or no flip.

    Notes
    -----
    Source: Schwarz (1978) for BIC, each free number of a class weighed by the logarithm of that
    class's flips. The pair pattern also chooses one of C - 1 targets for each class: that choice
    costs 2 log(C - 1) a class, as in the extended BIC of Chen and Chen (2008).
    """
    counts = np.asarray(counts, dtype=np.float64)
    n = len(counts)
    if n < 3:
        raise UsageError(f"patterns of noise differ from 3 classes on, and there are {n}")
    off = np.where(np.eye(n, dtype=bool), 0.0, counts)
    flips, total = off.sum(axis=1), counts.sum(axis=1)
    if flips.sum() < 1:
        raise UsageError("no label is flipped, so there is no pattern to tell")
    rows = [*_where_to(off, flips, groups), *_how_often(flips, total)]
    table = pd.DataFrame(rows, columns=["question", "hypothesis", "statement", "log_likelihood",
                                        "n_parameters", "bic"])  # fmt: skip
    best = table.groupby("question")["bic"].transform("min")
    return table.assign(behind=table["bic"] - best, is_best=table["bic"].eq(best))


def verdict(table: pd.DataFrame) -> str:
    """Return what `classify_pattern` found, in two sentences."""
    said = []
    for question, head in (("where to", "Where flips go"), ("how often", "How often")):
        part = table[table["question"] == question].sort_values("bic")
        first = part.iloc[0]
        lead = float(part["behind"].iloc[1]) if len(part) > 1 else 0.0
        strength = next(word for least, word in STRENGTHS if lead >= least)
        against = part["hypothesis"].iloc[1] if len(part) > 1 else "nothing else"
        said.append(
            f"{head}: **{first['hypothesis']}** ({strength} evidence against “{against}”, which is "
            f"{lead:.1f} behind in BIC)."
        )
    return " ".join(said)


def known_groups(class_names: Sequence[str]) -> tuple[list[int], str] | None:
    """Return the group of each class and what the groups are; None where these have none."""
    names = [plain(name) for name in class_names]
    if is_cifar10(class_names):
        return [int(name in CIFAR10_GROUPS[1]) for name in names], "vehicles and animals"
    if is_cifar100(class_names):
        of = {name: k for k, part in enumerate(CIFAR100_SUPERCLASSES.values()) for name in part}
        return [of[name] for name in names], "CIFAR-100's superclasses"
    return None


def sample_dependence(
    vectors: np.ndarray, true_label: np.ndarray, given_label: np.ndarray, seed: int = 0
) -> list[SampleEvidence]:
    """Return whether the picture tells which samples of a true class flip, and where to.

    Parameters
    ----------
    vectors : ndarray of shape (N, D)
        What each picture looks like, made without any label; finite.
    true_label, given_label : ndarray of shape (N,), int
    seed : int
        Of the split into halves.

    Returns
    -------
    list of SampleEvidence
        For `whether` and `where to`. See SAMPLE_RULE.

    Notes
    -----
    Source: AUROC within strata (true class) on a held-out half, averaged with the strata's pairs
    as weights; its variance is DeLong's (1988), from each sample's placements over all strata. One
    half is held out, and not each fold in turn: under cross-validation every sample also trains,
    and with noise that no picture decides 13 and 14 % of such intervals lay above 0.5 (whether and
    where to, 120 trials on digits) where 2.5 % may; with a held-out half 3.5 and 5 % (400 trials).
    """
    flipped = given_label != true_label
    found = []
    for what in ("whether", "where to"):
        pieces: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        used: set[int] = set()
        for label in np.unique(true_label):
            of_class = np.flatnonzero(true_label == label)
            if what == "where to":
                of_class = of_class[flipped[of_class]]
            target = given_label[of_class] if what == "where to" else flipped[of_class].astype(int)
            sizes = pd.Series(target).value_counts()
            kept = np.isin(target, sizes.index[sizes >= LEAST])
            if len(np.unique(target[kept])) < 2:
                continue
            used.add(int(label))
            pieces += _held_out_scores(vectors, of_class[kept], target[kept], seed)
        found.append(SampleEvidence(what, *_stratified_auroc(pieces, len(true_label)), len(used)))
    return found


def noise_by_sample(run: RunReader, seed: int = 0) -> list[SampleEvidence]:
    """Return `sample_dependence` of a run's pictures and known true labels, kept with the run.

    Raises
    ------
    UsageError
        If no true label is known, or too few pictures can be read.
    """
    samples = run.samples().dropna(subset="true_label")
    if samples.empty:
        raise UsageError(
            f"run {run.name!r} knows no true label, so nobody can say which labels were flipped"
        )

    def compute() -> pd.DataFrame:
        ids, vectors = picture_vectors(run, samples.index.to_numpy(), seed)
        rows = samples.loc[ids]
        true, given = rows["true_label"].to_numpy(np.int64), rows["given_label"].to_numpy(np.int64)
        return pd.DataFrame(sample_dependence(vectors, true, given, seed))

    kept = kept_table(
        run, KEPT, {"version": VERSION, "seed": seed}, compute, reads=("samples.parquet",)
    )
    return [SampleEvidence(*row) for row in kept.itertuples(index=False)]


def picture_vectors(
    run: RunReader, sample_ids: np.ndarray, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return ids and what their pictures look like, (N, D) float64; no label is used.

    At most `MOST` of the samples, drawn at random; those without a readable picture are left out.

    Raises
    ------
    UsageError
        If fewer than `LEAST` pictures can be read.
    """
    if len(sample_ids) > MOST:
        sample_ids = np.random.default_rng(seed).choice(sample_ids, MOST, replace=False)
    wanted = {int(i) for i in sample_ids}
    ids, rows = [], []
    for sample_id, _, picture in pictures(run):
        if sample_id in wanted and picture is not None:
            small = picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
            ids.append(sample_id)
            rows.append(np.asarray(small, dtype=np.float32).ravel() / 255)
    if len(ids) < LEAST:
        raise UsageError(f"run {run.name!r} keeps too few pictures to look at")
    matrix = np.stack(rows)
    n = min(COMPONENTS, *matrix.shape)
    return np.array(ids), PCA(n, random_state=seed).fit_transform(matrix).astype(np.float64)


def _where_to(off: np.ndarray, flips: np.ndarray, groups: Sequence[int] | None) -> list[tuple]:
    n, total, active = len(off), flips.sum(), flips > 0
    logs = np.log(np.maximum(flips, 1.0))
    rows: list[tuple] = []

    def add(hypothesis: str, statement: str, likelihood: float, k: int, cost: float) -> None:
        said = f"{statement} ({total:,.0f} flips)"
        rows.append(("where to", hypothesis, said, likelihood, k, -2 * likelihood + cost))

    spread = np.exp(-xlogy(off[active] / flips[active, None], off[active] / flips[active, None])
                    .sum(axis=1))  # fmt: skip
    mean_spread = float(np.average(spread, weights=flips[active]))
    add(
        "symmetric",
        f"every other class alike: flips spread over {mean_spread:.1f} of {n - 1} classes on "
        "average (exponential of the entropy)",
        -total * np.log(n - 1),
        0,
        0.0,
    )
    hits = off.max(axis=1).sum()
    miss = 1 - hits / total
    likelihood = xlogy(hits, hits / total) + xlogy(total - hits, miss / max(n - 2, 1))
    add(
        "pair",
        f"one class each: {100 * hits / total:.1f} % of the flips go to the commonest one of "
        "their class",
        likelihood,
        1,
        np.log(total) + 2 * active.sum() * np.log(n - 1),
    )
    if groups is not None and 1 < len(set(groups)) < n:
        same = np.equal.outer(groups, groups) & ~np.eye(n, dtype=bool)
        within = (off * same).sum()
        inside, outside = same.sum(axis=1), n - 1 - same.sum(axis=1)
        stay = within / total
        # A class alone in its group can only leave it, whatever the others do.
        alone = inside == 0
        may = total - flips[alone].sum()
        stay = within / may if may else 0.0
        counts_in = (off * same).sum(axis=1)
        counts_out = flips - counts_in
        likelihood = xlogy(counts_in[~alone], stay / inside[~alone]).sum()
        likelihood += xlogy(counts_out[~alone], (1 - stay) / np.maximum(outside[~alone], 1)).sum()
        likelihood -= xlogy(counts_out[alone], np.maximum(outside[alone], 1)).sum()
        expected = float(np.average(inside / (n - 1), weights=flips))
        add(
            "block",
            f"the group of the class, alike inside: {100 * within / total:.1f} % of the flips "
            f"stay in it, where spread alike {100 * expected:.1f} % would",
            likelihood,
            1,
            np.log(total),
        )
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.where(active[:, None], off / np.maximum(flips, 1e-300)[:, None], 0.0)
    likelihood = float(xlogy(off, shares).sum())
    top = float(np.average(shares[active].max(axis=1), weights=flips[active]))
    add(
        "class-conditional",
        f"to each class with a chance of its own; the commonest one gets {100 * top:.1f} %, "
        f"where spread alike it would get {100 / (n - 1):.1f} %",
        likelihood,
        int(active.sum() * (n - 2)),
        float((n - 2) * logs[active].sum()),
    )
    return rows


def _how_often(flips: np.ndarray, total: np.ndarray) -> list[tuple]:
    there = total > 0
    k, n = flips[there], total[there]
    share = k / n
    own = xlogy(k, share).sum() + xlogy(n - k, 1 - share).sum()
    rate = k.sum() / n.sum()
    same = xlogy(k.sum(), rate) + xlogy(n.sum() - k.sum(), 1 - rate)
    return [
        (
            "how often",
            "the same in every class",
            f"{100 * rate:.1f} % of {n.sum():,.0f} samples",
            float(same),
            1,
            float(-2 * same + np.log(n.sum())),
        ),
        (
            "how often",
            "class by class",
            f"from {100 * share.min():.1f} % to {100 * share.max():.1f} % of a class",
            float(own),
            len(k),
            float(-2 * own + np.log(n).sum()),
        ),
    ]


def _held_out_scores(
    vectors: np.ndarray, rows: np.ndarray, target: np.ndarray, seed: int
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return, for each value of the target, the held-out half's scores, whether it is so, rows."""
    values = np.unique(target)
    train, test = train_test_split(
        np.arange(len(rows)), test_size=0.5, random_state=seed, stratify=target
    )
    scaler = StandardScaler().fit(vectors[rows[train]])
    model = LogisticRegression(C=0.1, max_iter=500)
    model.fit(scaler.transform(vectors[rows[train]]), target[train])
    score = model.predict_proba(scaler.transform(vectors[rows[test]]))
    # Two values are one question, asked once.
    columns = [1] if len(values) == 2 else range(len(values))
    return [(score[:, k], target[test] == values[k], rows[test]) for k in columns]


def _stratified_auroc(
    pieces: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], n_samples: int
) -> tuple[float, float, float, int]:
    """Return the AUROC over all strata's pairs, its interval, and how many samples are in them."""
    pairs, wins_of = [], []
    placed: list[Mapping[str, np.ndarray]] = []
    for score, is_so, rows in pieces:
        yes, no = score[is_so], score[~is_so]
        if not len(yes) or not len(no):
            continue
        beats = (yes[:, None] > no).astype(float) + 0.5 * (yes[:, None] == no)
        pairs.append(beats.size)
        wins_of.append(beats.sum())
        placed.append({"yes": beats.mean(axis=1), "no": beats.mean(axis=0), "yes_rows": rows[is_so],
                       "no_rows": rows[~is_so]})  # fmt: skip
    if not pairs:
        return float("nan"), float("nan"), float("nan"), 0
    weight = np.array(pairs) / np.sum(pairs)
    value = float(np.sum(wins_of) / np.sum(pairs))
    influence, seen = np.zeros(n_samples), np.zeros(n_samples, dtype=bool)
    for share, piece, wins in zip(weight, placed, np.array(wins_of) / pairs, strict=True):
        for side in ("yes", "no"):
            gap = share * (piece[side] - wins) / len(piece[side])
            np.add.at(influence, piece[f"{side}_rows"], gap)
            seen[piece[f"{side}_rows"]] = True
    half = Z * float(np.sqrt(np.sum(influence**2)))
    return value, max(value - half, 0.0), min(value + half, 1.0), int(seen.sum())
