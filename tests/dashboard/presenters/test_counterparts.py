"""Which runs stand beside a run by default."""

import random
from types import SimpleNamespace

import pytest

from dashboard.presenters.counterparts import beside, counterparts, in_papers_order


def run(name, recipe="CCE", rate=0.5, *, noise="symmetric", seed=0, data="digits", epochs=100):
    """A run as far as the rule looks at one."""
    return SimpleNamespace(
        name=name,
        last_epoch=epochs,
        info={
            "recipe": recipe,
            "noise": {"name": noise, "rate": rate} if noise else None,
            "seed": seed,
            "dataset": {"name": data, "fingerprint": f"of {data}"},
        },
    )


CCE, HMW = run("cce"), run("hmw", "CCE+HMW-code")
CCE_20, HMW_20 = run("cce 20", rate=0.2), run("hmw 20", "CCE+HMW-code", rate=0.2)
IN_ORDER = [
    HMW,
    run("hmw of fewer epochs", "CCE+HMW-code", epochs=12),
    run("another loss", "SCE"),
    run("another seed", "CCE+HMW-code", seed=1),
    run("not begun", "CCE+HMW-code", epochs=0),
    CCE_20,
    run("the same again"),
    run("the same again, seed 1", seed=1),
    run("both differ", "CCE+HMW-code", rate=0.2),
    run("another noise", noise="pair_flip"),
    run("other data", "CCE+HMW-code", data="cifar10"),
]


@pytest.mark.parametrize("seed", range(5))
def test_the_closest_run_comes_first_in_whatever_order_runs_are_found(seed):
    found = [CCE, *IN_ORDER]
    random.Random(seed).shuffle(found)
    names = [other.name for other in counterparts(CCE, found)]
    assert names == [other.name for other in IN_ORDER]


def test_the_default_is_the_papers_pair_and_not_the_newest_run():
    newest = run("newest", "SCE", rate=0.4, epochs=12)
    assert beside(CCE, [newest, CCE, HMW]) == [HMW]
    assert beside(HMW, [newest, CCE, HMW]) == [CCE]


def test_two_rates_of_two_recipes_are_the_papers_four_panels():
    runs = [HMW, CCE_20, CCE, HMW_20]
    assert beside(CCE, runs) == [HMW, CCE_20, HMW_20]
    assert in_papers_order([CCE, *beside(CCE, runs)]) == [CCE_20, HMW_20, CCE, HMW]
    assert beside(HMW_20, [HMW_20, HMW]) == [HMW]  # the paper's Fig. 6


@pytest.mark.parametrize(
    "other",
    [run("other", "CCE+HMW", data="cifar10"), run("other", noise="pair_flip"), run("other")],
)
def test_a_run_that_the_paper_would_not_set_beside_it_is_no_default(other):
    assert beside(CCE, [CCE, other]) == []
    assert counterparts(CCE, [CCE, other]) == [other]


def test_runs_of_unknown_noise_or_recipe_are_compared_by_what_is_known():
    one, two = run("one", None, noise=None), run("two", "mine", noise=None)
    assert beside(one, [one, two]) == [two]
    assert in_papers_order([two, one]) == [two, one]
