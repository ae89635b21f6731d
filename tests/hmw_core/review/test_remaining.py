"""How many errors are left: exact by counting, right in a simulation, and said in words."""

from math import comb

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, hypergeom

from hmw_core import RunReader
from hmw_core.errors import UsageError
from hmw_core.log import verdicts
from hmw_core.log.verdicts import Verdict, VerdictLog
from hmw_core.review.queue import audit_sample, queue
from hmw_core.review.remaining import RECENT, Remaining, estimate, remaining_errors, total_interval
from tests.conftest import write_run

TRIALS = 200


def log_of(rows: list[tuple[int, str, str]]) -> VerdictLog:
    """The log of these (sample_id, verdict, stream), in this order."""
    table = pd.DataFrame(rows, columns=["sample_id", "verdict", "stream"])
    table = table.astype({"sample_id": np.int64})
    current = table.drop_duplicates("sample_id", keep="last").set_index("sample_id")
    return VerdictLog(table, current, [])


# -- the interval alone


def likelihood(k: int, n: int, population: int, total: int) -> float:
    return comb(total, k) * comb(population - total, n - k) / comb(population, n)


@pytest.mark.parametrize(("n", "population"), [(1, 1), (1, 7), (5, 12), (12, 12), (20, 60)])
def test_the_interval_by_trying_every_total(n, population):
    for k in range(n + 1):
        fits = [
            total
            for total in range(population + 1)
            if sum(likelihood(i, n, population, total) for i in range(k + 1)) > 0.025
            and sum(likelihood(i, n, population, total) for i in range(k, n + 1)) > 0.025
        ]
        assert total_interval(k, n, population) == (fits[0], fits[-1])


@pytest.mark.parametrize(("k", "n"), [(0, 300), (7, 400), (250, 500), (60, 60), (1, 1)])
def test_the_interval_of_a_large_population_by_scipy(k, n):
    low, high = total_interval(k, n, 200_000)
    outside = [low - 1] * (low > k)  # just outside each bound, and just inside
    assert (hypergeom.sf(k - 1, 200_000, np.array(outside), n) <= 0.025).all()
    assert hypergeom.sf(k - 1, 200_000, low, n) > 0.025
    assert hypergeom.cdf(k, 200_000, high, n) > 0.025
    assert high == 200_000 - n + k or hypergeom.cdf(k, 200_000, high + 1, n) <= 0.025


@pytest.mark.parametrize("total", [0, 1, 7, 30, 59, 60])
def test_every_total_is_covered_at_least_95_times_in_100(total):
    bounds = [total_interval(k, 20, 60) for k in range(21)]
    covered = sum(
        likelihood(k, 20, 60, total)
        for k, (low, high) in enumerate(bounds)
        if low <= total <= high and k <= total and 20 - k <= 60 - total
    )
    assert covered >= 0.95


# -- the whole estimate, on reviews with known errors


def simulate(
    rng: np.random.Generator,
    *,
    n: int = 1500,
    error_rate: float = 0.1,
    depth: int = 300,
    audited: int = 100,
    turns: str = "RA",
    by_class: bool = False,
    selected: int = 0,
    unsure: float = 0.0,
    fair: bool = True,
) -> tuple[Remaining, int]:
    """Review as the page does, passing over what has a verdict; return what is said, and is so.

    `turns`: an R is a ranked review of `depth` samples, an A an audit of `audited`. An audit that
    is not `fair` takes its samples from where the ranking begins.
    """
    wrong = rng.random(n) < error_rate
    order = np.argsort(rng.normal(size=n) - 1.5 * wrong)
    given_label = rng.integers(0, 5, n)
    audit = rng.permutation(n) if fair else order
    classes = [order[given_label[order] == c] for c in range(5)] if by_class else [order]
    word = np.where(rng.random(n) < unsure, "unsure", np.where(wrong, "relabel", "keep"))
    judged = np.zeros(n, dtype=bool)
    rows: list[tuple[int, str, str]] = []

    def review(ids: np.ndarray, stream: str) -> None:
        judged[ids] = True
        rows.extend((int(i), word[i], stream) for i in ids)

    review(np.flatnonzero(given_label == 2)[:selected], "selection")
    for turn in turns:
        if turn == "A":
            review(audit[~judged[audit]][:audited], "audit")
        for part in classes if turn == "R" else []:
            review(part[~judged[part]][: depth // len(classes)], "ranked")
    found = estimate(log_of(rows), audit, [order], given_label)
    return found, int(np.sum(wrong & ~judged))


SCENES = {
    "audit only": {"turns": "A"},
    "ranked, then audit": {},
    "audit, then ranked": {"turns": "AR"},
    "a deep review of few samples": {"turns": "AR", "n": 500, "depth": 250, "error_rate": 0.3},
    "in turns": {"turns": "ARARARAR", "depth": 75, "audited": 25},
    "class by class": {"turns": "AR", "by_class": True},
    "a selection first": {"turns": "RA", "selected": 150},
    "rare errors": {"turns": "AR", "error_rate": 0.005},
}


@pytest.mark.parametrize("scene", SCENES)
def test_the_interval_covers_as_often_as_it_says(scene):
    rng = np.random.default_rng(7)
    hits, widths, normal, misses = 0, [], [], []
    for _ in range(TRIALS):
        found, left = simulate(rng, **SCENES[scene])
        hits += found.low <= left <= found.high
        widths.append(found.high - found.low)
        misses.append(found.estimate - left)
        share = np.clip(left / (found.n_samples - found.n_reached), 0.01, 1.0)
        variance = share * (1 - share) / found.n_audited
        normal.append(2 * 1.96 * (found.n_samples - found.n_reached) * np.sqrt(variance))
    assert hits >= binom.ppf(0.001, TRIALS, 0.95)
    # Exact intervals of small counts are wider than the normal approximation, not by much.
    assert np.mean(widths) < 1.6 * np.mean(normal)
    assert abs(np.mean(misses)) < 4 * np.std(misses) / np.sqrt(TRIALS)


def test_an_audit_that_is_not_random_would_be_seen_here():
    rng = np.random.default_rng(7)
    said = [simulate(rng, turns="AR", fair=False, depth=0) for _ in range(TRIALS)]
    hits = sum(found.low <= left <= found.high for found, left in said)
    assert hits < binom.ppf(0.001, TRIALS, 0.95)


# -- by hand: ten samples, the queue and the audit in known orders

QUEUE, AUDIT, LABELS = np.arange(10), np.array([8, 1, 5, 9, 3, 0, 2, 7, 4, 6]), np.arange(10) % 2


def judge(*rows: tuple[int, str, str], audit: np.ndarray = AUDIT, **about) -> Remaining:
    return estimate(log_of(list(rows)), audit, [QUEUE], LABELS, **about)


def test_without_an_audit_nothing_is_estimated():
    found = judge((0, "relabel", "ranked"), (1, "keep", "ranked"))
    assert (found.estimate, found.low, found.high) == (None, None, None)
    assert (found.n_judged, found.n_found, found.n_reached) == (2, 1, 2)
    assert found.recent_yield == 0.5
    assert found.action == "go on"
    assert "only an audit can tell" in found.recommendation
    nothing = judge()
    assert (nothing.recent_yield, nothing.n_recent, nothing.action) == (None, 0, "audit more")
    assert nothing.recommendation.startswith("Audit first: until random samples are judged")


def test_audited_samples_in_the_front_of_the_queue_are_no_part_of_the_rest():
    found = judge(
        (8, "keep", "audit"),
        (1, "relabel", "audit"),
        (5, "relabel", "audit"),
        (0, "relabel", "ranked"),
        (2, "keep", "ranked"),
    )
    # Reached: 0, 1, 2. Of the 7 others 8 and 5 were audited, one of them wrong.
    assert (found.n_reached, found.n_audited, found.n_audited_wrong) == (3, 2, 1)
    low, high = total_interval(1, 2, 7)
    assert (found.estimate, found.low, found.high) == (2.5, low - 1, high - 1)


def test_a_sample_of_the_audit_counts_whichever_stream_judged_it():
    found = judge((8, "keep", "selection"), (1, "relabel", "selection"), (5, "keep", "audit"))
    assert (found.n_audited, found.n_audited_wrong, found.n_reached) == (3, 1, 0)
    # The last audit verdict ends the front: what others judge behind it does not lengthen it.
    more = judge(
        (8, "keep", "audit"),
        (1, "relabel", "selection"),
        (5, "relabel", "selection"),
    )
    assert (more.n_audited, more.n_audited_wrong, more.n_found) == (1, 0, 2)


def test_the_last_verdict_of_an_audited_sample_counts():
    found = judge((8, "keep", "audit"), (8, "relabel", "ranked"))
    assert (found.n_audited_wrong, found.n_found) == (1, 1)


def test_errors_found_elsewhere_are_taken_off_what_is_left():
    audit = [(8, "relabel", "audit"), (1, "keep", "audit")]
    before = judge(*audit)
    after = judge(*audit, (6, "relabel", "selection"), (7, "relabel", "selection"))
    assert (before.estimate, after.estimate) == (4.0, 2.0)
    assert after.high == before.high - 2
    assert after.low == max(before.low - 2, 0)


def test_no_more_errors_are_left_than_samples():
    rows = [(i, "keep", "selection") for i in (0, 2, 3, 4, 6, 7)]
    found = judge((8, "relabel", "audit"), (1, "relabel", "audit"), *rows)
    assert found.high == 2  # 5 and 9
    assert found.low <= found.estimate <= found.high


def test_unsure_and_skipped_do_not_count_and_that_is_said():
    found = judge(
        (8, "unsure", "audit"),
        (1, "keep", "audit"),
        (5, "relabel", "audit"),
        (0, "skip", "ranked"),
        (1, "keep", "ranked"),
    )
    assert (found.n_audited, found.n_audited_wrong, found.n_audited_unsure) == (1, 1, 1)
    assert (found.n_reached, found.n_unresolved, found.n_judged) == (2, 1, 2)
    assert (found.n_recent, found.recent_yield) == (1, 0.0)
    assert len(found.notes) == 2
    assert "1 of the samples that ranked review has reached were left unsure" in found.notes[0]
    assert "1 audited samples were left unsure or skipped and do not count" in found.notes[1]


def test_an_audit_with_a_gap_counts_up_to_the_gap():
    found = judge((8, "keep", "audit"), (5, "relabel", "audit"), (9, "relabel", "audit"))
    assert (found.n_audited, found.n_audited_behind_gap) == (1, 2)
    assert found.notes == [
        "2 audit verdicts do not count yet: sample 1, which comes before them in the random "
        "order, has none."
    ]


def test_an_audit_of_one_class_says_nothing_of_the_others():
    of_class_1 = [(1, "keep", "audit"), (5, "relabel", "audit"), (9, "relabel", "audit")]
    assert judge(*of_class_1).estimate is None
    scope = AUDIT[LABELS[AUDIT] == 1]
    queue_of_1 = QUEUE[LABELS == 1]
    found = estimate(log_of(of_class_1), scope, [queue_of_1], LABELS)
    assert (found.n_samples, found.n_audited, found.n_audited_wrong) == (5, 3, 2)
    assert (found.low, found.high) == (0, 2)


def test_a_queue_worked_through_class_by_class_is_reached():
    rows = [(i, "keep", "ranked") for i in (1, 3, 5)]
    assert judge(*rows).n_reached == 3
    assert judge(*rows, (0, "keep", "ranked")).n_reached == 4
    assert judge((3, "keep", "ranked"), (5, "keep", "ranked")).n_reached == 0  # 1 comes first


def test_when_all_is_judged_nothing_is_left():
    found = judge(*((int(i), "relabel", "ranked") for i in QUEUE))
    assert (found.estimate, found.low, found.high, found.action) == (0.0, 0, 0, "stop")
    assert found.recommendation == "Stop: every sample has been looked at."


def test_the_yield_is_of_the_last_hundred_ranked_reviews():
    n = 400
    rows = [(i, "relabel", "ranked") for i in range(150)]
    rows += [(i, "keep", "ranked") for i in range(150, 240)]
    rows += [(i, "relabel", "audit") for i in range(300, 330)]  # another stream
    rows += [(i, "unsure", "ranked") for i in range(240, 260)]  # say nothing
    rows += [(0, "keep", "ranked")]  # looked at again: its last verdict, in its last place
    found = estimate(log_of(rows), np.arange(n), [np.arange(n)], np.zeros(n, dtype=int))
    assert found.n_recent == RECENT
    assert found.recent_yield == 9 / 100  # 149 ... 141, then 90 kept, then sample 0


# -- what to do


def advise(n_wrong: int, n: int, ranked: str = "", tolerance: float = 0.01) -> Remaining:
    """10,000 samples, of which an audit behind the reviewed ones judged n and found n_wrong."""
    size = 10_000
    rows = [(i, "relabel" if c == "x" else "keep", "ranked") for i, c in enumerate(ranked)]
    audit = np.arange(size)[::-1]
    rows += [
        (int(i), "relabel" if j < n_wrong else "keep", "audit") for j, i in enumerate(audit[:n])
    ]
    order, labels = np.arange(size), np.zeros(size, dtype=int)
    return estimate(log_of(rows), audit, [order], labels, tolerance=tolerance)


@pytest.mark.parametrize(
    ("case", "action", "words"),
    [
        ({"n_wrong": 0, "n": 500}, "stop", "Stop: with 95 % confidence 0 to 71 errors are left"),
        ({"n_wrong": 0, "n": 500, "ranked": "x" * 50}, "stop", "no more than may stay"),
        ({"n_wrong": 0, "n": 500, "tolerance": 0.001}, "audit more", "the 10 that may stay"),
        ({"n_wrong": 2, "n": 200}, "audit more", "Audit more first: with 95 % confidence 11 to"),
        ({"n_wrong": 2, "n": 200, "ranked": "." * 95}, "audit more", "lie in between"),
        ({"n_wrong": 2, "n": 200, "ranked": "." * 80 + "x" * 20}, "go on", "errors in 20% of"),
        ({"n_wrong": 40, "n": 200}, "go on", "more than may stay"),
        ({"n_wrong": 40, "n": 200, "ranked": "x." * 50}, "go on", "Go on: with 95 %"),
        ({"n_wrong": 40, "n": 200, "ranked": "." * 100}, "go on", "by another criterion"),
    ],
)
def test_the_recommendation_follows_its_rule(case, action, words):
    found = advise(**case)
    assert found.action == action
    assert words in found.recommendation
    assert f"{case.get('tolerance', 0.01):.1%} of the samples" in found.rule


# -- a run and its own log


@pytest.fixture
def run(tmp_path) -> RunReader:
    write_run(tmp_path / "run", pictures=False)
    return RunReader(tmp_path / "run")


def say(run: RunReader, ids, stream: str, criterion: str | None = None) -> None:
    samples = run.samples().set_index("sample_id")
    said = []
    for i in map(int, ids):
        given, true = int(samples["given_label"][i]), int(samples["true_label"][i])
        word, new = ("keep", None) if given == true else ("relabel", true)
        said.append(Verdict(i, word, given, new, stream=stream, criterion=criterion))
    verdicts.append(run, said)


def test_a_run_is_reviewed_until_nothing_is_left(run):
    assert remaining_errors(run).estimate is None
    audit = audit_sample(run)["sample_id"]
    say(run, audit[:12], "audit")
    first = remaining_errors(run)
    assert (first.n_samples, first.n_audited, first.n_reached) == (60, 12, 0)
    n_left = 6 - first.n_found
    assert first.low <= n_left <= first.high
    order = queue(run, "iam")["sample_id"]
    say(run, order[~order.isin(audit[:12])][:10], "ranked", "iam")
    then = remaining_errors(run)
    assert then.n_found == 6
    assert then.low == 0 == then.estimate  # the ranking of this run is perfect
    assert then.high < first.high
    say(run, order[~order.isin(verdicts.read(run).current.index)], "ranked", "iam")
    assert remaining_errors(run).action == "stop"


def test_undone_verdicts_do_not_count(run):
    say(run, audit_sample(run)["sample_id"][:12], "audit")
    verdicts.undo(run, verdicts.read(run).table["id"].tolist())
    assert remaining_errors(run) == remaining_errors(RunReader(run.folder))
    assert remaining_errors(run).n_judged == 0
    assert remaining_errors(run).estimate is None


def test_one_class_has_its_own_estimate(run):
    say(run, audit_sample(run)["sample_id"][:40], "audit")
    labels = run.samples()["given_label"].to_numpy()
    found = remaining_errors(run, given_label=1)
    assert found.n_samples == np.sum(labels == 1)
    in_class = audit_sample(run)["sample_id"][:40].isin(np.flatnonzero(labels == 1))
    assert found.n_audited == in_class.sum()


def test_every_ranking_that_was_reviewed_by_is_known(run):
    for name in ("aum", "tkum"):
        say(run, queue(run, name)["sample_id"][:8], "ranked", name)
    reached = set(queue(run, "aum")["sample_id"][:8]) | set(queue(run, "tkum")["sample_id"][:8])
    assert remaining_errors(run).n_reached >= len(reached)
    fingerprint = run.info["dataset"]["fingerprint"]
    assert fingerprint in (run.folder / "verdicts.jsonl").read_text()
    say(run, [59], "ranked", "a criterion of a later version")
    assert remaining_errors(run).n_judged == len(reached | {59})


def test_an_audit_of_another_seed_is_another_audit(run):
    say(run, audit_sample(run, seed=1)["sample_id"][:12], "audit")
    assert remaining_errors(run, seed=1).n_audited == 12
    assert remaining_errors(run).n_audited < 12


def test_what_cannot_be_estimated(run):
    with pytest.raises(UsageError, match=r"0\.\.4, not 7"):
        remaining_errors(run, given_label=7)
