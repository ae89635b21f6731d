"""The review page's logic: queues, audit turns, events applied once, bulk verdicts."""

import json
from uuid import uuid4

import numpy as np
import pandas as pd
import pytest

from dashboard.presenters import reviewing
from dashboard.presenters.reviewing import Place, apply_events, headline, queue_of, upcoming
from hmw_core.criteria import CRITERIA
from hmw_core.errors import UsageError
from hmw_core.log import verdicts
from hmw_core.log.reader import RunReader
from hmw_core.log.verdicts import Verdict
from hmw_core.review.queue import audit_sample, queue
from hmw_core.review.remaining import remaining_errors
from tests.conftest import write_run


@pytest.fixture
def run(tmp_path) -> RunReader:
    write_run(tmp_path / "tiny")
    return RunReader(tmp_path / "tiny")


def event(sample_id: int, verdict: str = "keep", new_label: int | None = None, **more) -> dict:
    return {
        "event": uuid4().hex,
        "kind": "verdict",
        "run": "tiny",
        "sample_id": sample_id,
        "verdict": verdict,
        "new_label": new_label,
        "reviewer": "Ann",
        "criterion": "iam",
        "rank": 1,
        "stream": "ranked",
        "note": "",
        "time": "2026-05-04T03:02:01.123Z",
        **more,
    }


def undo_of(done: dict) -> dict:
    return {
        "event": uuid4().hex,
        "kind": "undo",
        "run": "tiny",
        "verdict_id": done["event"],
        "reviewer": "Ann",
    }


def applied(run: RunReader, *events) -> reviewing.Outcome:
    return apply_events(run, events, verdicts.read(run))


def lines(run: RunReader) -> list[dict]:
    return [json.loads(line) for line in (run.folder / "verdicts.jsonl").read_text().splitlines()]


def test_events_are_written_once_in_their_order(run):
    events = [event(3), event(1, "relabel", 4, note="blurred"), event(2, "unsure")]
    outcome = applied(run, *events)
    assert outcome.answered == [e["event"] for e in events]
    assert (outcome.refused, outcome.failure) == ({}, None)
    again = applied(run, *events, event(5))
    assert again.answered[:3] == outcome.answered
    table = verdicts.read(run).table
    assert table["sample_id"].tolist() == [3, 1, 2, 5]
    assert table["verdict"].tolist() == ["keep", "relabel", "unsure", "keep"]
    assert table["new_label"].tolist() == [pd.NA, 4, pd.NA, pd.NA]
    assert table["note"].tolist() == ["", "blurred", "", ""]
    assert table["time"][0] == "2026-05-04T03:02:01.123+00:00"
    assert len(lines(run)) == 4


def test_two_servers_that_write_one_event_count_it_once(run):
    done = event(3)
    before = verdicts.read(run)
    apply_events(run, [done], before)
    apply_events(run, [done], before)  # the second had read the log before the first wrote
    log = verdicts.read(run)
    assert log.table["sample_id"].tolist() == [3]
    assert log.damage == []


def test_undo_takes_back_and_may_come_twice(run):
    first, second = event(3), event(4)
    back = undo_of(second)
    assert applied(run, first, second, back).answered == [
        first["event"],
        second["event"],
        back["event"],
    ]
    assert verdicts.read(run).table["sample_id"].tolist() == [3]
    again = applied(run, first, second, back)
    assert back["event"] in again.answered
    log = verdicts.read(run)
    assert log.table["sample_id"].tolist() == [3]
    assert log.damage == []


def test_undo_of_what_was_never_written_is_answered(run):
    back = undo_of(event(3))
    assert applied(run, back).answered == [back["event"]]
    assert not (run.folder / "verdicts.jsonl").exists()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"sample_id": 60}, "60"),
        ({"sample_id": -1}, "-1"),
        ({"sample_id": "3"}, "'3'"),
        ({"sample_id": True}, "True"),
        ({"verdict": "destroy"}, "destroy"),
        ({"verdict": "relabel", "new_label": None}, "no class None"),
        ({"verdict": "relabel", "new_label": 5}, "no class 5"),
        ({"time": "yesterday"}, "yesterday"),
        ({"time": None}, "None"),
    ],
)
def test_event_that_is_no_verdict_is_refused_and_the_others_are_kept(run, change, word):
    bad = event(3) | change
    good = event(4)
    outcome = applied(run, bad, good)
    assert word in outcome.refused[bad["event"]]
    assert set(outcome.answered) == {bad["event"], good["event"]}
    assert verdicts.read(run).table["sample_id"].tolist() == [4]


@pytest.mark.parametrize("odd", [None, 7, "x", {}, {"event": "short"}, {"event": ["a"]}])
def test_what_is_no_event_is_left_alone(run, odd):
    good = event(4)
    assert applied(run, odd, good).answered == [good["event"]]


def test_fields_of_no_use_are_left_out(run):
    odd = event(3, stream="other", criterion="magic", rank=0, note="a\n\ud800b", reviewer=7)
    assert applied(run, odd).answered == [odd["event"]]
    row = verdicts.read(run).table.iloc[0]
    assert row["stream"] == "ranked"
    assert pd.isna(row["criterion"])
    assert pd.isna(row["rank"])
    assert row["note"] == "a ?b"
    assert row["reviewer"] == ""


def test_relabel_to_the_given_label_is_keep(run):
    given = int(run.samples()["given_label"][7])
    applied(run, event(7, "relabel", given))
    assert verdicts.read(run).current.loc[7, "verdict"] == "keep"


def test_log_that_cannot_be_written_leaves_the_events_with_the_browser(run, monkeypatch):
    def full(run, made):
        raise UsageError("the disk is full")

    monkeypatch.setattr(verdicts, "append", full)
    first, second = event(3), event(4)
    outcome = applied(run, first, second)
    assert outcome.answered == []
    assert "full" in outcome.failure
    monkeypatch.undo()
    assert applied(run, first, second).answered == [first["event"], second["event"]]


def test_queue_passes_over_the_judged_and_counts_them(run):
    order = queue(run, "iam")
    ids = order["sample_id"].tolist()
    applied(run, event(ids[0]), event(ids[2], reviewer="Bo"), event(ids[1], reviewer="Bo"))
    found = queue_of(order, verdicts.read(run))
    assert (found.total, found.judged, found.reviewers) == (60, 3, {"Bo": 2, "Ann": 1})
    assert [place.sample_id for place in upcoming(found)] == ids[3:51]
    assert upcoming(found)[0].rank == 4
    assert reviewing.progress(found) == "3 of 60 judged (Bo 2, Ann 1)"


def test_judged_samples_of_another_class_do_not_count(run):
    order = queue(run, "iam", given_label=1)
    other = int(queue(run, "iam", given_label=2)["sample_id"][0])
    applied(run, event(other))
    assert queue_of(order, verdicts.read(run)).judged == 0


def test_second_pass_shows_old_verdicts_until_they_are_judged_in_it(run):
    order = queue(run, "iam")
    ids = order["sample_id"].tolist()
    applied(run, event(ids[4], "unsure"), event(ids[1]), event(ids[9], "skip"))
    begun = set(verdicts.read(run).current["id"])
    found = queue_of(order, verdicts.read(run), "open", begun)
    assert [place.sample_id for place in upcoming(found)] == [ids[4], ids[9]]
    everything = queue_of(order, verdicts.read(run), "all", begun)
    assert [place.sample_id for place in upcoming(everything, most=60)] == ids
    again = event(ids[4])
    applied(run, again)
    found = queue_of(order, verdicts.read(run), "open", begun)
    assert [place.sample_id for place in upcoming(found)] == [ids[9]]
    assert (found.judged, found.total) == (1, 2)
    applied(run, undo_of(again))
    found = queue_of(order, verdicts.read(run), "open", begun)
    assert [place.sample_id for place in upcoming(found)] == [ids[4], ids[9]]


def test_each_block_of_pictures_holds_one_audit_in_the_audits_order(run):
    order, audit = queue(run, "iam"), audit_sample(run)
    found = queue_of(order, verdicts.read(run))
    places = upcoming(found, audit=audit, every=5, most=40)
    streams = np.array([place.stream == "audit" for place in places]).reshape(8, 5)
    assert streams.sum(axis=1).tolist() == [1] * 8
    assert len(set(streams.argmax(axis=1).tolist())) > 1  # not always at the same turn
    drawn = [place for place in places if place.stream == "audit"]
    ranked = [place for place in places if place.stream == "ranked"]
    assert [place.rank for place in drawn] == sorted(place.rank for place in drawn)
    assert [place.rank for place in ranked] == sorted(place.rank for place in ranked)
    assert len({place.sample_id for place in places}) == 40


def test_audit_turns_go_on_where_they_were(run):
    found = queue_of(queue(run, "iam"), verdicts.read(run))
    at_once = upcoming(found, audit=audit_sample(run), every=5, most=20)
    later = upcoming(
        found,
        audit=audit_sample(run),
        every=5,
        n_seen=7,
        passed=[place.sample_id for place in at_once[:7]],
        most=13,
    )
    assert later == at_once[7:]


def test_audit_that_is_used_up_leaves_the_ranked(run):
    order = queue(run, "iam").head(10)
    found = queue_of(order, verdicts.read(run))
    places = upcoming(found, audit=audit_sample(run).head(1), every=2)
    assert [place.stream for place in places].count("audit") == 1
    assert {place.sample_id for place in places} >= set(order["sample_id"])


def test_facts_know_labels_suggestions_and_pictures(run):
    found = reviewing.facts(run, [10, 11], None)
    wrong = found[10]  # its given label is its true one + 1
    assert wrong["given_label"] == wrong["true_label"] + 1
    assert wrong["predicted_label"] == wrong["true_label"]
    assert wrong["suggestions"][0] == {"label": wrong["true_label"], "share": 1.0}
    assert found[11]["suggestions"] == []  # every epoch predicted its given label
    assert wrong["picture"].startswith("data:image/png;base64,")
    assert json.loads(json.dumps(found[10])) == wrong
    assert reviewing.facts(run, [], None) == {}


def test_facts_without_true_labels_and_pictures_are_null(tmp_path):
    write_run(tmp_path / "real", known=False, pictures=False, with_cosine=False)
    found = reviewing.facts(RunReader(tmp_path / "real"), [10], None)[10]
    assert found["true_label"] is None
    assert found["picture"] is None


def test_true_label_rank_and_score_are_told_only_where_they_may_be(run):
    known = reviewing.facts(run, [10], None)[10]
    place = Place(10, "ranked", 3, -1.5)
    hidden = reviewing.item(place, known, CRITERIA["iam"], 60, hide=True, reveal=False)
    assert "true_label" not in hidden
    assert hidden["where"] == "sample 10"
    shown = reviewing.item(place, known, CRITERIA["iam"], 60, hide=False, reveal=True)
    assert shown["true_label"] == known["true_label"]
    assert shown["where"] == "sample 10 · rank 3 of 60 · -1.5 logit"
    audit = reviewing.item(
        Place(10, "audit", 3), known, CRITERIA["iam"], 60, hide=False, reveal=False
    )
    assert audit["where"] == "sample 10"


def test_recent_are_the_reviewers_own_that_stand(run):
    order = queue(run, "iam")
    old = event(7)
    applied(run, old)
    begun = set(verdicts.read(run).current["id"])
    events = [event(1), event(2, reviewer="Bo"), event(3, "relabel", 4), event(4)]
    applied(run, *events, undo_of(events[3]))
    log = verdicts.read(run)
    mine = reviewing.recent(log, queue_of(order, log), "Ann", begun)
    assert mine["sample_id"].tolist() == [1, 3]
    assert reviewing.verdict_text("relabel", 4, run.class_names) == f"→ {run.class_names[4]}"
    assert "by Ann, 2026-05-04 03:02:01 UTC" in reviewing.last_word(log)


def test_bulk_verdicts_are_the_same_when_confirmed_twice(run):
    once = {"token": uuid4().hex, "time": reviewing.now(), "reviewer": "Ann"}
    ids = [10, 11, 20]
    made = reviewing.bulk_verdicts(run, ids, "relabel", reviewing.LABEL_EACH, **once)
    assert [v.verdict for v in made] == ["relabel", "unsure", "relabel"]
    true_label = run.samples()["true_label"]
    assert [v.new_label for v in made] == [true_label[10], None, true_label[20]]
    verdicts.append(run, made)
    verdicts.append(run, reviewing.bulk_verdicts(run, ids, "relabel", "suggestion", **once))
    log = verdicts.read(run)
    assert log.table["sample_id"].tolist() == ids
    assert log.table["stream"].unique().tolist() == ["selection"]
    assert log.damage == []


def test_bulk_relabel_to_one_class_keeps_those_that_have_it(run):
    given = run.samples()["given_label"]
    label = int(given[3])
    once = {"token": uuid4().hex, "time": reviewing.now(), "reviewer": "Ann"}
    made = reviewing.bulk_verdicts(run, [3, 4], "relabel", label, **once)
    assert [(v.verdict, v.new_label) for v in made] == [("keep", None), ("relabel", label)]


def test_last_word_of_a_log_with_a_strange_time(run):
    assert reviewing.last_word(verdicts.read(run)) == "no verdict yet"
    given = int(run.samples()["given_label"][3])
    verdicts.append(run, [Verdict(3, "keep", given, time="lunch")])
    assert reviewing.last_word(verdicts.read(run)) == (
        "all saved · last by nobody named, at an unknown time"
    )


def test_the_headline_tells_what_is_left_with_its_interval_and_what_to_do(run):
    given = run.samples()["given_label"]
    order = audit_sample(run)["sample_id"].tolist()

    def check(ids, n_wrong=0):
        verdicts.append(
            run,
            [
                Verdict(
                    i,
                    "relabel" if at < n_wrong else "keep",
                    int(given[i]),
                    (int(given[i]) + 1) % 5 if at < n_wrong else None,
                    "Ann",
                    stream="audit",
                )
                for at, i in enumerate(ids)
            ],
        )
        return remaining_errors(run), verdicts.read(run)

    text = headline(remaining_errors(run), verdicts.read(run), None)
    assert text.startswith("0 of 60 samples judged, 0 wrong. How many errors are left only random")
    left, log = check(order[:6], n_wrong=1)
    text = headline(left, log, None)
    assert text.startswith(f"6 of 60 samples judged, 1 wrong; {left.low} to {left.high} errors")
    assert "only 6 random checks so far" in text
    left, log = check(order[6:30], n_wrong=2)
    text = headline(left, log, None)
    assert text.startswith("30 of 60 samples judged, 3 wrong; about 3 [")  # 60 * 3 / 30 - 3
    assert f"[{left.low}, {left.high}] errors are left among the 30 others. Next: " in text
    n = sum(given[i] == 2 for i in order[:30])
    assert headline(left, log, 2).startswith(f"{n} of 60 samples judged, ")
