"""RunConfig: what it refuses, and that run.json keeps it."""

import json
import re

import pytest

from hmw_core.errors import UsageError
from training.config import RunConfig


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"noise": "symmetric", "noise_rate": 1.5}, r"--noise-rate must lie in \[0, 1\], got 1.5"),
        ({"noise": "symmetric", "noise_rate": -0.1}, r"--noise-rate must lie in \[0, 1\]"),
        ({"noise": "symmetric", "noise_rate": float("nan")}, "--noise-rate"),
        ({"noise_rate": 0.2}, "--noise none has no rate"),
        ({"epochs": 0}, "--epochs must be 1 or more, got 0"),
        ({"batch_size": 0}, "--batch-size must be 1 or more"),
        ({"k": 0}, "--k must be 1 or more"),
        ({"learning_rate": 0.0}, "--learning-rate must be above 0"),
        ({"learning_rate": float("inf")}, "--learning-rate must be above 0"),
        ({"alpha": -1.0}, "--alpha must be 0 or more"),
        ({"momentum": 1.0}, r"--momentum must lie in \[0, 1\)"),
        ({"test_fraction": 1.0}, r"--test-fraction must lie in \[0, 1\)"),
        (
            {"schedule": "poly"},
            "--schedule must be one of step, cosine, restarts, .*, constant, got 'poly'",
        ),
        ({"optimizer": "lion"}, "--optimizer must be one of sgd, adam, got 'lion'"),
        ({"schedule_at": (0.5, 1.0)}, r"--schedule-at must lie in \(0, 1\), got 1.0"),
        ({"schedule_factor": 0.0}, r"--schedule-factor must lie in \(0, 1\], got 0.0"),
        ({"annealing_start": 2}, r"--annealing-start must be 1 \(paper\) or 0 \(code\), got 2"),
        ({"features_at": (101,)}, r"--features-at must lie in 1\.\.100, got 101"),
        ({"noise": "human"}, "--noise human and --noise-column go together"),
        (
            {"dataset": "parquet", "noise_column": "a"},
            "--noise human and --noise-column go together",
        ),
        (
            {"noise_column": "a", "noise": "human"},
            "--noise-column goes with --dataset parquet or cifar10 or cifar100 or cifar10n",
        ),
        ({"test_data": "t.parquet"}, "--test-data goes with --dataset parquet or webvision only"),
        ({"run": "../elsewhere"}, "--run must be a plain name"),
        ({"run": ".hidden"}, "--run must be a plain name"),
        ({"seed": -1}, "--seed must be 0 or more"),
    ],
)
def test_a_value_out_of_range_is_named(fields, message):
    with pytest.raises(UsageError, match=message):
        RunConfig(**fields)


def test_survives_json():
    config = RunConfig(loss="gce", loss_args={"q": 0.5}, features_at=(1, 3), epochs=3)
    assert RunConfig.from_json(json.loads(json.dumps(config.as_json()))) == config


@pytest.mark.parametrize("values", [{}, {"lr": 0.1}, None, "x", [1], 5])
def test_another_program_s_config_is_refused(values):
    with pytest.raises(UsageError, match="was not made by"):
        RunConfig.from_json(values)


def test_default_names_tell_runs_apart():
    settings = [{}, {"seed": 1}, {"weighting": "hmw"}, {"loss": "sce"}, {"recipe": "CCE"}]
    settings += [{"recipe": "AUM only"}]
    settings += [{"noise": "symmetric", "noise_rate": rate} for rate in (0.2, 0.5)]
    names = [RunConfig(**fields).run_name for fields in settings]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[\w.+-]+", name) for name in names)
    assert RunConfig(run="mine").run_name == "mine"


def test_the_name_tells_settings_of_the_method_apart():
    def name(**fields):
        return RunConfig(**fields).run_name

    assert name(recipe="CCE") == "CCE-digits-none-seed0"
    assert name(loss="gce") == "gce-digits-none-seed0"
    assert name(loss="gce", loss_args={"q": 0.3}) == "gce-q0.3-digits-none-seed0"
    hmw = {"weighting": "hmw", "recipe": "CCE+HMW"}
    assert name(**hmw) == "CCE+HMW-digits-none-seed0"
    assert name(**hmw, alpha=10.0) == "CCE+HMW-alpha10-digits-none-seed0"
    co_teaching = {"method": "co_teaching", "method_args": {"noise_rate": 0.2}}
    assert name(**co_teaching) == "co_teaching-noise_rate0.2-digits-none-seed0"
    assert name(recipe="Co-teaching", **co_teaching).startswith("Co-teaching-noise_rate0.2-")


def test_a_run_of_a_later_version_is_refused_for_that_reason():
    values = RunConfig().as_json() | {"flux": 1}
    with pytest.raises(UsageError, match="made by a later version .* has the setting flux"):
        RunConfig.from_json(values)


def test_an_earlier_run_without_the_newer_settings_is_read():
    newer = ("method_args", "optimizer", "schedule_at", "schedule_factor")
    values = {n: v for n, v in RunConfig(epochs=7).as_json().items() if n not in newer}
    assert RunConfig.from_json(values) == RunConfig(epochs=7)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", "x"),
        ("epochs", 2.5),
        ("seed", None),
        ("loss_args", [1]),
        ("loss_args", {"q": "x"}),
        ("schedule_at", "half"),
        ("features_at", [1, "x"]),
        ("runs", 7),
        ("threshold_samples", "many"),
        ("device", {}),
        ("learning_rate", [0.1]),
    ],
)
def test_a_setting_of_another_type_is_refused_by_name(name, value):
    values = RunConfig().as_json() | {name: value}
    with pytest.raises(UsageError, match=f"the run's setting {name} is "):
        RunConfig.from_json(values)


def test_what_run_json_keeps_comes_back():
    config = RunConfig(
        schedule_at=(0.25, 0.5), features_at=(1, 3), loss_args={"q": 1}, learning_rate=1, threads=3
    )
    assert RunConfig.from_json(json.loads(json.dumps(config.as_json()))) == config
