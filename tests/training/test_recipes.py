"""The recipes: the paper's rows, its text and the authors' code kept apart."""

import pytest
import torch

from hmw_core.errors import UsageError
from hmw_core.objective.losses import LOSSES
from hmw_core.objective.weighting import WEIGHTINGS
from training.config import RunConfig
from training.methods import METHODS
from training.methods.base import Sizes
from training.recipes import RECIPES, recipe_fields


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("dataset", ["digits", "cifar10", "cifar100"])
@pytest.mark.parametrize("noise", ["none", "asymmetric"])
def test_every_recipe_makes_a_config(name, dataset, noise):
    config = RunConfig(**recipe_fields(name, dataset, noise) | {"dataset": dataset, "noise": noise})
    assert config.loss in LOSSES
    assert config.weighting in WEIGHTINGS
    assert config.recipe == name


def test_text_and_code_differ_where_they_should():
    text = recipe_fields("CCE+HMW", "cifar10", "symmetric")
    code = recipe_fields("CCE+HMW-code", "cifar10", "symmetric")
    changed = {k: v for k, v in code.items() if k != "recipe" and text.get(k) != v}
    assert changed == {
        "normalize_logits": True,
        "class_bias": False,
        "annealing_start": 0,
        "warmup_epochs": 10,
    }


def test_data_set_and_noise_enter():
    assert recipe_fields("SCE", "cifar10", "none")["loss_args"] == {"a": 0.1, "b": 1.0}
    assert recipe_fields("SCE", "cifar100", "none")["loss_args"] == {"a": 6.0, "b": 0.1}
    assert recipe_fields("CCE+HMW-code", "cifar100", "none")["warmup_epochs"] == 30
    assert recipe_fields("CCE+HMW-code", "cifar10", "asymmetric")["confidence_penalty"] == 1.0
    assert "confidence_penalty" not in recipe_fields("CCE+HMW", "cifar10", "asymmetric")
    assert recipe_fields("CCE", "cifar10", "none")["network"] == "preact_resnet18"
    assert "network" not in recipe_fields("CCE", "digits", "none")


def test_unknown_recipe_lists_the_known():
    with pytest.raises(UsageError, match=r"unknown recipe 'HMW'.*CCE\+HMW-code"):
        recipe_fields("HMW", "digits", "none")


def test_dividemix_has_the_settings_of_its_tables():
    def args(*about):
        return recipe_fields("DivideMix", *about).get("method_args", {})

    assert args("digits", "symmetric", 0.5) == {}
    assert args("cifar10", "symmetric", 0.2) == {"lambda_u": 0.0}
    assert args("cifar10", "symmetric", 0.5) == {"lambda_u": 25.0}
    assert args("cifar10", "symmetric", 0.9)["lambda_u"] == 50.0
    assert args("cifar10", "symmetric", 0.9)["p_threshold"] == 0.6
    assert args("cifar10", "asymmetric", 0.4) == {"lambda_u": 0.0}
    assert args("cifar100", "symmetric", 0.5) == {"warmup_epochs": 30, "lambda_u": 150.0}
    assert args("cifar100", "symmetric", 0.6)["lambda_u"] == 150.0  # the nearest: 0.5
    fields = recipe_fields("DivideMix", "cifar10", "symmetric", 0.5)
    assert (fields["epochs"], fields["schedule_at"]) == (300, (0.5,))
    assert fields["network"] == "preact_resnet18"


def test_coteaching_has_its_network_and_schedule_on_cifar():
    fields = recipe_fields("Co-teaching", "cifar10", "pair_flip", 0.45)
    assert fields["network"] == "co_teaching_cnn"
    assert (fields["optimizer"], fields["learning_rate"], fields["epochs"]) == ("adam", 0.001, 200)
    assert (fields["schedule"], fields["schedule_at"]) == ("linear", (0.4,))
    assert recipe_fields("Co-teaching", "cifar100", "none")["schedule_at"] == (0.5,)
    assert recipe_fields("Co-teaching", "digits", "symmetric", 0.5) == {
        "recipe": "Co-teaching",
        "method": "co_teaching",
    }


UNWEIGHTED = [n for n in RECIPES if "weighting" not in RECIPES[n].fields]


@pytest.mark.parametrize("name", [n for n in UNWEIGHTED if f"{n}+HMW" not in RECIPES])
@pytest.mark.parametrize("dataset", ["digits", "cifar100"])
def test_any_recipe_takes_the_hm_weight_as_a_factor(name, dataset):
    plain = recipe_fields(name, dataset, "symmetric", 0.5)
    found = recipe_fields(f"{name}+HMW", dataset, "symmetric", 0.5)
    assert {k: v for k, v in found.items() if plain.get(k) != v} == {
        "recipe": f"{name}+HMW",
        "weighting": "hmw",
        "alpha": 100.0,
        "beta": 100.0,
        "k": 1,
        "warmup_epochs": 30 if dataset == "cifar100" else 10,
    }


def test_a_weighted_recipe_is_not_weighted_twice():
    for name in ("CCE+HMW+HMW", "AUM only+HMW", "nothing+HMW"):
        with pytest.raises(UsageError, match="unknown recipe"):
            recipe_fields(name, "digits", "none")


def test_a_method_without_a_loss_of_each_sample_refuses_the_weight():
    fields = recipe_fields("Bilevel+HMW", "digits", "none")
    sizes = Sizes(20, 10, 1, (8, 8), torch.device("cpu"))
    with pytest.raises(UsageError, match="method 'bilevel' has no such term"):
        METHODS["bilevel"](RunConfig(**fields), sizes)
