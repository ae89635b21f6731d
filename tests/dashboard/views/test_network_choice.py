"""Which of a run's networks is shown: chosen beside the run, kept in the address and in links."""

import numpy as np
import pandas as pd
import pytest

from dashboard.export.__main__ import main as export
from dashboard.export.labels import main as labels
from dashboard.export.verify import main as verify
from dashboard.jobs.project import main as project
from hmw_core import RunWriter
from tests.conftest import write_run
from tests.dashboard.views.steps import gallery_samples, in_address, open_page, said

N = 12


@pytest.fixture
def two(folder):
    """A run of two networks: the first has the lowest margin for sample 0, the second for 10."""
    given = np.arange(N) % 2
    writer = RunWriter.create(
        folder / "two", given_label=given, true_label=given, n_classes=2, n_epochs=1, networks=2
    )
    features = np.random.default_rng(0).normal(size=(N, 4))
    for network, margin in ((1, np.arange(N) + 1.0), (2, N - np.arange(N) + 0.0)):
        logits = np.stack(
            [np.where(given == 0, margin, 0), np.where(given == 1, margin, 0)], axis=1
        )
        writer.record(np.arange(N), logits=logits, cosine=logits / (2 * N), network=network)
    writer.end_epoch(1)
    writer.log_features(1, features, np.eye(2, 4))
    writer.finish()
    return folder / "two"


def test_the_choice_decides_what_every_part_of_the_page_reads(two):
    page = open_page("class", run="two", criterion="aum")
    assert page.selectbox(key="choice network").options == ["network 1", "network 2"]
    assert gallery_samples(page)[0] == 0
    assert "network" not in page.query_params  # an old address means the first network
    page.selectbox(key="choice network").select("2").run()
    assert not page.exception
    assert in_address(page, "network") == "2"
    assert gallery_samples(page)[0] == 10
    again = open_page("class", run="two", criterion="aum", network="2")
    assert gallery_samples(again)[0] == 10


def test_a_run_of_one_network_is_not_asked(two, folder):
    write_run(folder / "one")
    page = open_page("class", run="one", network="2")
    assert "one has one network, so there is no “2”" in said(page)
    assert "network" not in page.query_params
    assert not [box for box in page.selectbox if box.label == "Network"]
    page = open_page("class", run="two", network="3")
    assert "Network: there is no “3”" in said(page)
    page.selectbox(key="choice network").select("2").run()
    page.selectbox(key="choice run").select("one").run()  # not the reader's mistake
    assert not page.warning
    assert "network" not in page.query_params


def test_the_command_lines_take_the_network(two, tmp_path):
    figures = []
    for network, lowest in ((1, 0), (2, 11)):
        out = tmp_path / f"labels-{network}.csv"
        words = ["--network", str(network)]
        assert labels([str(two), str(out), "--criterion", "aum", *words]) == 0
        table = pd.read_csv(out, encoding="utf-8-sig").set_index("suspicion_rank")
        assert table.at[1, "sample_id"] == lowest
        assert verify([str(out), str(two), *words]) == 0
        folder = tmp_path / str(network)
        words += ["--figures", "logits", "--formats", "csv"]
        assert export([str(two), str(folder), *words]) == 0
        (file,) = folder.glob("fig2-logits-*.csv")
        figures.append(file.read_bytes())
    assert verify([str(tmp_path / "labels-2.csv"), str(two)]) == 1
    assert figures[0] != figures[1]


@pytest.mark.parametrize(
    ("door", "words"),
    [
        (export, ["RUN", "out"]),
        (labels, ["RUN", "out.csv"]),
        (verify, ["f.csv", "RUN"]),
        (project, ["RUN"]),
    ],
)
def test_a_network_that_is_not_there_is_one_sentence(folder, door, words, capsys):
    write_run(folder / "one")
    words = [str(folder / "one") if word == "RUN" else word for word in words]
    assert door([*words, "--network", "2"]) == 2
    assert "run 'one' has one network, so no network 2" in capsys.readouterr().err
