"""Runs of one recipe: which are siblings, and which share their labels."""

import numpy as np

from hmw_core import RunReader, RunWriter
from hmw_core.experiments.seeds import same_labels, siblings


def make(folder, seed, *, given=(0, 1, 0, 1), config=None, recipe="CCE", n_epochs=2, name="toy"):
    writer = RunWriter.create(
        folder,
        given_label=list(given),
        true_label=[0, 1, 0, 1],
        n_classes=2,
        n_epochs=n_epochs,
        recipe=recipe,
        dataset_name=name,
        seed=seed,
        config=config,
    )
    writer.record(np.arange(4), logits=np.eye(2)[[0, 1, 0, 1]])
    writer.end_epoch(1)
    writer.finish()
    return RunReader(folder)


def names(runs):
    return [run.name for run in runs]


def test_siblings_differ_in_the_seed_alone_and_come_by_seed(tmp_path):
    def config(seed, **changes):
        return {"loss": "ce", "seed": seed, "run": f"r{seed}", "workers": seed} | changes

    runs = [
        make(tmp_path / "three", 3, config=config(3)),
        make(tmp_path / "one", 1, config=config(1)),
        make(tmp_path / "two", 2, config=config(2, new_setting=None)),
        make(tmp_path / "other loss", 4, config=config(4, loss="gce")),
        make(tmp_path / "other set", 5, config=config(5), name="else"),
        make(tmp_path / "once more", 1, config=config(1)),
    ]
    assert names(siblings(runs[0], runs)) == ["one", "two", "three"]
    assert names(siblings(runs[5], runs)) == ["once more", "two", "three"]
    assert names(siblings(runs[3], runs)) == ["other loss"]


def test_runs_without_a_configuration_go_by_recipe_and_epochs(tmp_path):
    one = make(tmp_path / "one", 1)
    two = make(tmp_path / "two", 2)
    longer = make(tmp_path / "longer", 3, n_epochs=9)
    other = make(tmp_path / "other", 4, recipe="HMW")
    assert names(siblings(one, [one, two, longer, other])) == ["one", "two"]


def test_a_run_without_a_seed_stands_alone(tmp_path):
    one, two = make(tmp_path / "one", None), make(tmp_path / "two", None)
    seeded = make(tmp_path / "seeded", 1)
    assert names(siblings(one, [one, two, seeded])) == ["one"]
    assert names(siblings(seeded, [one, two])) == ["seeded"]


def test_labels_are_the_same_only_if_each_is(tmp_path):
    one = make(tmp_path / "one", 1)
    assert same_labels(one, make(tmp_path / "two", 2))
    assert not same_labels(one, make(tmp_path / "three", 3, given=(0, 1, 1, 1)))
