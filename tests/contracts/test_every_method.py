"""What every method owes: an epoch fills every sample, the loss falls, it resumes, it predicts."""

import numpy as np
import pytest
import torch

from hmw_core.catalogue import Choice
from hmw_core.errors import UsageError
from hmw_core.statistics.ranking import auroc
from training.checkpoint import restore, snapshot
from training.config import RunConfig
from training.data.batches import image_source
from training.data.epoch_data import EpochData
from training.data.prepare import load_data
from training.loop import Training
from training.methods import METHODS
from training.methods.base import Sizes
from training.stopping import StopWish
from training.validation import draw_validation

N_SAMPLES, N_CLASSES, SIDE = 48, 4, 8
CPU = torch.device("cpu")
LABEL = torch.arange(N_SAMPLES) % N_CLASSES
# A warm-up shorter than the run; what three epochs on 48 pictures cannot estimate; and a
# probability that a network of six epochs gives a label.
TOLD = {
    "divide_mix": {"warmup_epochs": 3},
    "unicon": {"warmup_epochs": 3},
    "puridiver": {"warmup_epochs": 3},
    "instance_gm": {"warmup_epochs": 3},
    "forward": {"transition": "true"},
    "backward": {"transition": "true"},
    "gce_truncated": {"k": 0.35},
}


@pytest.fixture(params=METHODS)
def build(request):
    def make(**fields):
        return make_method(request.param, **fields)

    return make


def make_method(name, n_samples=N_SAMPLES, n_classes=N_CLASSES, noise_rate=0.2, **fields):
    torch.manual_seed(0)
    method = METHODS[name]
    names = {argument.name for argument in method.arguments}
    told = {"noise_rate": noise_rate}  # which the data set of these tests does not say by itself
    arguments = {key: value for key, value in told.items() if key in names} | TOLD.get(name, {})
    fields = {"epochs": 6, "batch_size": 20, **fields}
    if not method.weighs_samples:
        fields.pop("weighting", None)  # refused, see below
    config = RunConfig(method=name, method_args=arguments, **fields)
    measured = tuple(map(tuple, (0.8 * np.eye(n_classes) + 0.2 / n_classes).tolist()))
    sizes = Sizes(n_samples, n_classes, 1, (SIDE, SIDE), CPU, measured_transition=measured)
    return method(config, sizes)


def pictures(label, seed=0):
    """Return grey pictures in which a bright row tells the class, (N, 8, 8, 1) uint8."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 60, (len(label), SIDE, SIDE, 1), dtype=np.uint8)
    images[np.arange(len(label)), label] += 190
    return images


def epoch_data(epoch, share=0.0, given_label=LABEL, drawn=lambda n: None, batch_size=20):
    source = image_source(pictures(LABEL.numpy()), [0.2], [0.3], "crop", CPU, 0)
    validation_id = draw_validation(RunConfig(), given_label.numpy(), share)
    return EpochData(
        source,
        given_label,
        epoch=epoch,
        seed=0,
        batch_size=batch_size,
        stop=StopWish(),
        drawn=drawn,
        validation_id=torch.from_numpy(validation_id),
    )


def run_epoch(method, epoch, n_classes=N_CLASSES, **options):
    """Run an epoch; return its log by network and sample_id, and the state by network."""
    log = [{} for _ in range(method.n_networks)]
    states = [{} for _ in range(method.n_networks)]
    columns = {column.name for column in method.state}

    def record(sample_id, step, *, network=1, state=None):
        if step is not None:
            parts = step.logits, step.cosine, step.loss
            weight = torch.ones(len(sample_id)) if step.weight is None else step.weight
            assert not any(part.requires_grad for part in (*parts, weight))
            assert step.logits.shape == step.cosine.shape == (len(sample_id), n_classes)
            for row, loss, factor in zip(
                sample_id.tolist(), step.loss.tolist(), weight.tolist(), strict=True
            ):
                assert row not in log[network - 1]
                log[network - 1][row] = (loss, factor)
        for name, values in (state or {}).items():
            assert name in columns
            rows = zip(sample_id.tolist(), values.tolist(), strict=True)
            states[network - 1].setdefault(name, {}).update(rows)

    method.set_epoch(epoch)
    torch.manual_seed(epoch)
    data = epoch_data(epoch, method.validation_share, **options)
    method.run_epoch(epoch, data, record)
    assert_is_filled(method, data, log)
    assert method.epoch_metrics().keys() <= {metric.name for metric in method.metrics}
    return log, states


def assert_is_filled(method, data, log):
    """Every sample trained on has a row, in every epoch unless the method says otherwise."""
    trained_on = set(data.training_id.tolist())
    for network in log:
        assert network.keys() <= trained_on
        assert network.keys() == trained_on or method.skips_samples


def permute_last_layer(network, other, order):
    """Give another network the last layer of one, class c in the place order[c]."""
    pairs = zip(network.last_layer.parameters(), other.last_layer.parameters(), strict=True)
    with torch.no_grad():
        for old, new in pairs:
            new[order] = old


def mean_loss(log):
    return sum(loss for network in log for loss, _ in network.values()) / sum(map(len, log))


@pytest.mark.parametrize("fields", [{}, {"weighting": "hmw", "alpha": 1.0, "beta": 1.0}])
def test_an_epoch_fills_every_sample_and_the_loss_falls(build, fields):
    method = build(**fields)
    first, _ = run_epoch(method, 1)
    for epoch in range(2, 7):
        last, states = run_epoch(method, epoch)
    assert mean_loss(last) < mean_loss(first)
    assert all(weight >= 0 for network in last for _, weight in network.values())
    for state in states:
        assert state.keys() <= {column.name for column in method.state}
    assert {*states[0], *states[-1]} == {column.name for column in method.state}


@pytest.mark.parametrize("name", [name for name in METHODS if METHODS[name].weighs_samples])
def test_a_weighting_changes_what_is_trained(name):
    fields = {"weighting": "hmw", "alpha": 5.0, "beta": 5.0, "weighting_args": {"mixed": "ungated"}}
    plain, weighed = make_method(name), make_method(name, **fields)
    for method in (plain, weighed):
        for epoch in range(1, 7):
            run_epoch(method, epoch)
    trained = [torch.cat([p.flatten() for p in m.parameters()]) for m in (plain, weighed)]
    assert not torch.equal(*trained)


GUESSED = {"unicon": 0.7}  # whose second network's part is chosen within the epoch


def test_n_passes_says_how_many_pictures_an_epoch_takes(build):
    method = build()
    tolerance = GUESSED.get(method.config.method, 0.25)
    for epoch in (1, 4, 5):
        expected = method.n_passes(epoch) * N_SAMPLES
        counts = []
        run_epoch(method, epoch, drawn=counts.append)
        assert sum(counts) == pytest.approx(expected, rel=tolerance)


def test_predicts_without_touching_anything(build):
    method = build()
    run_epoch(method, 1)
    before = {name: value.clone() for name, value in method.state_dict().items()}
    out = method.predict(torch.randn(1, 1, SIDE, SIDE))
    assert out.logits.shape == (1, N_CLASSES)
    assert not out.logits.requires_grad
    assert all(torch.equal(value, before[n]) for n, value in method.state_dict().items())


@pytest.mark.parametrize("last", [1, 3, 4, 5])
def test_state_dict_and_optimizers_carry_everything(build, tmp_path, last):
    first, second = (build(weighting="hmw") for _ in range(2))
    for epoch in range(1, last + 1):
        run_epoch(first, epoch)
    restore(snapshot(first, epoch=last), second, tmp_path)
    assert run_epoch(second, last + 1) == run_epoch(first, last + 1)


def test_a_last_batch_of_one_sample(build):
    method = build(batch_size=47)
    for epoch in (1, 4, 5):
        run_epoch(method, epoch, batch_size=47)


@pytest.mark.parametrize("n_classes", [2, 100])  # of a hundred, half have no sample here
@pytest.mark.parametrize("name", METHODS)
def test_two_classes_and_a_hundred(name, n_classes):
    if n_classes < METHODS[name].min_classes:
        with pytest.raises(UsageError, match=f"needs {METHODS[name].min_classes} classes"):
            make_method(name, n_classes=n_classes)
        return
    method = make_method(name, n_classes=n_classes)
    label = torch.arange(N_SAMPLES) % n_classes
    for epoch in range(1, 7):
        run_epoch(method, epoch, given_label=label, n_classes=n_classes)


def test_batches_of_one_sample(build):
    method = build(batch_size=1)
    for epoch in (1, 3, 6):
        run_epoch(method, epoch, batch_size=1)


# Several trainings in one run's epochs, of which each needs its steps.
SMALL_BATCHES = {
    "ced": {"batch_size": 32},
    "iterative_cv": {"batch_size": 32},
    "moit_plus": {"batch_size": 32},
    "puridiver": {"batch_size": 32},  # published with 16
    "sel_cl_plus": {"batch_size": 32},
}


def train_on_digits(name, record=None, **fields):
    """Train a method on some digits; with Adam, as the scale of a method's loss differs."""
    fields = SMALL_BATCHES.get(name, {}) | fields
    known = [argument.name for argument in METHODS[name].arguments]
    config = RunConfig(
        method=name,
        method_args={"noise_rate": fields.get("noise_rate", 0.0)} if "noise_rate" in known else {},
        **{"epochs": 24, "train_samples": 800, "optimizer": "adam", "learning_rate": 0.002},
        device="cpu",
        threads=1,
        **fields,
    )
    training = Training(config, load_data(config))
    for epoch in range(1, config.epochs + 1):
        training.train_epoch(epoch, lambda *_: None, record)
    return training


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_digits_without_noise_are_learned_as_by_plain_training(name):
    """On the test split, within 5 %."""
    mine, plain = (train_on_digits(method).test_accuracy() for method in (name, "standard"))
    assert mine >= plain - 0.05


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in METHODS if METHODS[name].state])
def test_its_own_columns_tell_wrong_labels_from_right_ones(name):
    """By the last value that it knew of each sample, or the mean where its criterion is one."""
    columns = {c.name: c for c in METHODS[name].state if c.higher_means is not None}
    said = {column: {} for column in columns}

    def record(sample_id, log, *, network=1, state=None):
        for column in columns.keys() & (state or {}).keys() if network == 1 else ():
            for row, value in zip(sample_id.tolist(), state[column].tolist(), strict=True):
                said[column].setdefault(row, []).append(float(value))

    training = train_on_digits(name, record, noise="symmetric", noise_rate=0.4)
    wrong = training.data.given_label != training.data.true_label
    for column, values in said.items():
        rows = list(values)
        score = [np.mean(v) if columns[column].over == "mean" else v[-1] for v in values.values()]
        found = auroc(np.array(score), wrong[rows], columns[column].higher_means)
        assert found > 0.6, column


def test_a_stop_is_granted_between_two_batches(build):
    method = build()

    def stop(n_pictures):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_epoch(method, 1, drawn=stop)


@pytest.mark.parametrize("name", [n for n in METHODS if not METHODS[n].weighs_samples])
def test_refuses_a_weighting_that_would_weigh_nothing(name):
    sizes = Sizes(N_SAMPLES, N_CLASSES, 1, (SIDE, SIDE), CPU)
    with pytest.raises(UsageError, match="--weighting hmw multiplies the loss of each sample"):
        METHODS[name](RunConfig(method=name, weighting="hmw"), sizes)


@pytest.mark.parametrize("name", METHODS)
def test_refuses_arguments_by_name_and_range(name):
    sizes = Sizes(N_SAMPLES, N_CLASSES, 1, (SIDE, SIDE), CPU)
    wrong = {
        argument.name: 1.0 if isinstance(argument, Choice) else argument.low - 1
        for argument in METHODS[name].arguments
    }
    for given in ({"nothing": 1.0}, *({argument: value} for argument, value in wrong.items())):
        (argument,) = given
        with pytest.raises(UsageError, match=argument):
            METHODS[name](RunConfig(method=name, method_args=given), sizes)


@pytest.mark.parametrize("name", METHODS)
def test_declares_its_arguments_and_columns(name):
    method = METHODS[name]
    assert "Source:" in method.__doc__
    names = [argument.name for argument in method.arguments]
    assert len(set(names)) == len(names)
    for argument in method.arguments:
        assert argument.meaning
        if isinstance(argument, Choice):
            assert argument.or_file or argument.default in argument.accepted
        elif argument.default is not None:
            assert argument.low <= argument.default <= argument.high
    for metric in method.metrics:
        assert metric.meaning
    for column in method.state:
        assert column.higher_means in (None, "clean", "mislabeled")
        assert column.meaning
        assert column.range
