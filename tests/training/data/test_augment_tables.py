"""AutoAugment, RandAugment and AugMix: picture by picture as torchvision's own classes."""

import itertools
from collections import Counter

import pytest
import torch
from torchvision.transforms import AutoAugmentPolicy, v2
from torchvision.transforms.v2 import functional as F

from training.data.augment import tables

SIGNS = list(itertools.product((0.2, 0.7), repeat=2))
AUTOAUGMENT = v2.AutoAugment(AutoAugmentPolicy.CIFAR10)


def picture(n_channels=3, height=32, width=32, seed=0):
    """Return a picture with edges, a ramp and noise."""
    generator = torch.Generator().manual_seed(seed)
    ramp = torch.linspace(20, 150, width).expand(n_channels, height, width).clone()
    ramp[:, height // 4 : height // 2, width // 3 :] += 60
    noise = torch.randint(0, 40, ramp.shape, generator=generator)
    return (ramp + noise + 10 * torch.arange(n_channels)[:, None, None]).to(torch.uint8)


@pytest.fixture
def torchvision_draws(monkeypatch):
    """Return how to let torchvision's class draw what a test says, in the order it asks."""

    def run(transform, image, integers, uniforms, dirichlet=()):
        integers, uniforms, dirichlet = iter(integers), iter(uniforms), iter(dirichlet)
        with monkeypatch.context() as patch:
            patch.setattr(torch, "randint", lambda *_, **__: torch.tensor(next(integers)))
            patch.setattr(torch, "rand", lambda *_, **__: torch.tensor(next(uniforms)))
            patch.setattr(torch, "_sample_dirichlet", lambda _: next(dirichlet), raising=False)
            done = transform(image)
        assert next(integers, next(uniforms, next(dirichlet, None))) is None, "all were asked for"
        return done

    return run


def is_signed(transform, name):
    magnitudes, signed = transform._AUGMENTATION_SPACE[name]
    return signed and magnitudes(10, 32, 32) is not None


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 8, 8), (3, 5, 9), (3, 1, 1)])
def test_autoaugment_is_torchvisions_for_every_pair_sign_and_choice(shape, torchvision_draws):
    """All 400 cases in one call of ours, one by one in torchvision's."""
    image = picture(*shape)
    chosen = list(itertools.product(range(25), (0.001, 0.999), (0.001, 0.999), (0.2, 0.7), (0.7,)))
    chosen += [(pair, a, b, sign, 0.2) for pair, a, b, sign, _ in chosen]
    expected = []
    for pair, *gates, first, second in chosen:
        uniforms = []
        steps = zip(AUTOAUGMENT._policies[pair], gates, (first, second), strict=True)
        for (name, probability, _), gate, sign in steps:
            signed = gate <= probability and is_signed(AUTOAUGMENT, name)
            uniforms += [gate, sign] if signed else [gate]
        expected.append(torchvision_draws(AUTOAUGMENT, image, [pair], uniforms))
    draws = torch.tensor(chosen)
    draws[:, 0] = (draws[:, 0] + 0.5) / 25
    ours = tables.autoaugment(image.expand(len(chosen), *shape), draws)
    assert torch.equal(ours, torch.stack(expected))


def test_operations_are_the_papers_at_the_papers_magnitudes():
    """Magnitudes worked out from the paper's ranges: level / 9 of 30 degrees, 0.3, 150/331, 0.9."""
    image = picture()
    pair_and_signs = {  # both applied; the sign of a draw below 0.5 is minus
        (1, 0.2, 0.7): F.affine(  # rotate by -2/9 of 30 degrees, shift by 150/331 of 32 px
            F.rotate(image, -20 / 3), 0.0, [14, 0], 1.0, [0.0, 0.0]
        ),
        (9, 0.7, 0.2): F.adjust_sharpness(F.adjust_contrast(image, 1.7), 0.5),
        (13, 0.2, 0.7): F.adjust_saturation(F.adjust_brightness(image, 0.4), 1.8),
        (20, 0.2, 0.2): F.autocontrast(F.solarize(image, 255 * 4 / 9)),
        (23, 0.2, 0.2): F.invert(F.equalize(image)),
    }
    for (pair, *signs), expected in pair_and_signs.items():
        draws = torch.tensor([[(pair + 0.5) / 25, 0.001, 0.001, *signs]])
        error = tables.autoaugment(image[None], draws)[0].int() - expected.int()
        assert error.abs().max() <= 2, pair  # 0.9 * 6 / 9 in float is not 0.6, and is cut off twice


def test_randaugment_is_torchvisions(torchvision_draws):
    transform = v2.RandAugment()
    names = list(transform._AUGMENTATION_SPACE)
    image = picture()
    each = [(a, (a + 1 + a % 3) % 14, s, t) for a in range(14) for s, t in SIGNS]
    chosen = each + [(b, a, s, t) for a, b, s, t in each]
    expected = []
    for first, second, *signs in chosen:
        drawn = zip((first, second), signs, strict=True)
        uniforms = [sign for number, sign in drawn if is_signed(transform, names[number])]
        expected.append(torchvision_draws(transform, image, [first, second], uniforms))
    draws = torch.tensor([((a + 0.5) / 14, (b + 0.5) / 14, s, t) for a, b, s, t in chosen])
    ours = tables.randaugment(image.expand(len(chosen), -1, -1, -1), draws)
    assert torch.equal(ours, torch.stack(expected))


def test_augmix_is_torchvisions_but_for_rounding(torchvision_draws):
    """It cuts off what is behind the point, and its weights add up to 0.99999; ours are rounded."""
    transform = v2.AugMix()
    names = list(transform._AUGMENTATION_SPACE)
    image = picture()
    draws = torch.rand((30, 25), generator=torch.Generator().manual_seed(3))
    ours = tables.augmix(image.expand(30, -1, -1, -1), draws)
    for row, result in zip(draws.double(), ours, strict=True):
        integers, uniforms = [], []
        chains = row[:24].reshape(3, 8).tolist()
        for depth, _, *steps in chains:
            n_steps = 1 + int(3 * depth)
            integers.append(n_steps)
            for entry, sign in zip(steps[: 2 * n_steps : 2], steps[1::2], strict=False):
                number, level = divmod(int(39 * entry), 3)
                has_level = transform._AUGMENTATION_SPACE[names[number]][0](10, 32, 32) is not None
                integers += [number, level] if has_level else [number]
                uniforms += [sign] if is_signed(transform, names[number]) else []
        shares = -torch.log1p(-torch.tensor([[chain[1] for chain in chains]]))
        weight = row[24].item()
        weights = [torch.tensor([[1 - weight, weight]]), shares / shares.sum()]
        expected = torchvision_draws(transform, image, integers, uniforms, weights)
        assert (result.int() - expected.int()).abs().max() <= 1


def test_augmix_lies_between_the_picture_and_its_chains():
    draws = torch.rand((20, 25), generator=torch.Generator().manual_seed(1))
    images = torch.stack([picture(seed=seed) for seed in range(20)])

    def mixed(weight):
        draws[:, -1] = weight
        return tables.augmix(images, draws).float()

    assert torch.equal(mixed(0.0), images.float())
    chains = mixed(1.0)
    assert torch.allclose(mixed(0.3), 0.7 * images + 0.3 * chains, atol=0.8)
    assert (chains - images).abs().mean(dim=(1, 2, 3)).min() > 1


@pytest.fixture
def drawn(monkeypatch):
    """Return how often each operation is drawn, step by step, and leave the pictures alone."""
    counts = []

    def count(pixels, group, _):
        counts.append(Counter(group.tolist()))
        return pixels

    monkeypatch.setattr(tables, "by_group", count)
    return counts


def within_four_standard_errors(count, n, share):
    return abs(count - n * share) <= 4 * (n * share * (1 - share)) ** 0.5 + 1e-9


N = 40_000


def test_autoaugment_draws_with_the_tables_probabilities(drawn):
    draws = torch.rand((N, 5), generator=torch.Generator().manual_seed(0))
    tables.autoaugment(torch.zeros((N, 3, 4, 4), dtype=torch.uint8), draws)
    operations, index = tables._operations(tables.AUTOAUGMENT, 4, 4)
    for step in range(2):
        expected = Counter()
        for pair, policy in enumerate(AUTOAUGMENT._policies):
            for sign in range(2):
                expected[index[2 * pair + step, sign].item()] += policy[step][1] / 50
        expected[0] = 1 - sum(share for number, share in expected.items() if number)
        assert set(drawn[step]) <= set(expected)
        for number, share in expected.items():
            assert within_four_standard_errors(drawn[step][number], N, share), operations[number]


def test_randaugment_and_augmix_draw_every_operation_alike(drawn):
    pixels = torch.zeros((N, 1, 4, 4), dtype=torch.uint8)
    tables.randaugment(pixels, torch.rand((N, 4), generator=torch.Generator().manual_seed(0)))
    by_name = Counter()
    operations, _ = tables._operations(tables.RANDAUGMENT, 4, 4)
    for number, count in (drawn[0] + drawn[1]).items():
        by_name[operations[number][0]] += count
    assert len(by_name) == 14
    assert all(within_four_standard_errors(count, 2 * N, 1 / 14) for count in by_name.values())

    drawn.clear()
    tables.augmix(pixels, torch.rand((N, 25), generator=torch.Generator().manual_seed(0)))
    for step, share in enumerate([0.0, 1 / 3, 2 / 3]):  # chains that have ended before it
        assert within_four_standard_errors(drawn[step][0], 3 * N, share)
