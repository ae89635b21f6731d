"""Policies by name; and views that order, batch size and workers do not change."""

import numpy as np
import pytest
import torch

from hmw_core.errors import UsageError
from tests.training.conftest import png
from training.data import batches
from training.data.augment import PIECES, POLICIES, draw
from training.data.batches import image_source
from training.data.pictures import EncodedImages

CPU = torch.device("cpu")
CONTRASTIVE = ("resized_crop", "flip", "colour_jitter", "greyscale")


def source_of(images, augment="crop_flip", workers=0):
    n_channels = 3 if isinstance(images, EncodedImages) else images.shape[-1]
    return image_source(images, (0.0,) * n_channels, (1 / 255,) * n_channels, augment, CPU, workers)


def views_of(source, order, batch_size, draws):
    """Return the views (V, N, C, H, W) in the order of the samples."""
    rows, views = zip(*source.batches(order, batch_size, draws), strict=True)
    together = torch.stack([torch.cat(view) for view in zip(*views, strict=True)])
    return together[:, torch.cat(rows).argsort()]


@pytest.mark.parametrize("policy", [*POLICIES, *PIECES])
@pytest.mark.parametrize("shape", [(32, 32, 3), (8, 8, 1), (5, 9, 3), (1, 1, 1)])
def test_order_batch_size_and_chunk_change_nothing(policy, shape, monkeypatch):
    images = np.random.default_rng(1).integers(0, 256, (24, *shape), dtype=np.uint8)
    source = source_of(images)
    draws = draw(24, [policy, "weak", policy], torch.Generator().manual_seed(4))
    together = views_of(source, torch.arange(24), 24, draws)
    assert together.shape == (3, 24, shape[2], *shape[:2])
    assert torch.equal(together, together.round())
    assert 0 <= together.min() <= together.max() <= 255
    for batch_size, chunk in ((1, 1), (5, 10), (16, 2048)):
        monkeypatch.setattr(batches, "CHUNK", chunk)
        assert torch.equal(views_of(source, torch.randperm(24), batch_size, draws), together)


@pytest.mark.parametrize("policy", ["strong", ("weak", "augmix"), CONTRASTIVE], ids=str)
def test_every_picture_and_every_view_draws_for_itself(policy):
    one = np.random.default_rng(1).integers(0, 256, (1, 16, 16, 3), dtype=np.uint8)
    source = source_of(one.repeat(64, axis=0))
    draws = draw(64, [policy, policy], torch.Generator().manual_seed(4))
    first, second = views_of(source, torch.arange(64), 64, draws).flatten(2)
    assert len(first.unique(dim=0)) >= 60
    assert (first != second).any(1).sum() >= 60


@pytest.mark.parametrize("name", [name for name, piece in PIECES.items() if piece.apply])
def test_draws_stay_on_the_cpu_and_pictures_on_their_device(name):
    """The meta device refuses to mix, as a GPU does, and knows no values, so none is waited for."""
    pixels = torch.empty((30, 3, 16, 16), dtype=torch.uint8, device="meta")
    changed = PIECES[name].apply(pixels, torch.rand(30, PIECES[name].n_draws))
    assert (changed.device, changed.shape, changed.dtype) == (
        pixels.device,
        pixels.shape,
        torch.uint8,
    )


def test_strong_is_autoaugment_after_the_data_sets_own_crop_and_flip():
    images = np.random.default_rng(1).integers(0, 256, (40, 16, 16, 3), dtype=np.uint8)
    source = source_of(images)
    strong = draw(40, ["strong"], torch.Generator().manual_seed(4))
    (weak,) = draw(40, ["weak"], torch.Generator().manual_seed(4))
    assert torch.equal(strong[0].draws[0], weak.draws[0])
    (pixels,) = views_of(source, torch.arange(40), 40, (weak,))
    expected = PIECES["autoaugment"].apply(pixels.to(torch.uint8), strong[0].draws[1])
    assert torch.equal(views_of(source, torch.arange(40), 40, strong)[0], expected.float())


def test_what_is_drawn_depends_on_the_generator_and_the_policies_alone():
    one, again = (draw(9, ["weak", "strong"], torch.Generator().manual_seed(4)) for _ in range(2))
    assert [[part.shape for part in view.draws] for view in one] == [[(9, 3)], [(9, 3), (9, 5)]]
    assert all(torch.equal(*pair) for pair in zip(one[1].draws, again[1].draws, strict=True))
    first = torch.rand((9, 3), generator=torch.Generator().manual_seed(4))
    assert torch.equal(one[0].draws[0], first)


def test_a_name_that_is_unknown_or_out_of_place_is_refused():
    generator = torch.Generator()
    with pytest.raises(UsageError, match=r"'autoagument'; known: none, strong, weak, autoaugment"):
        draw(3, ["autoagument"], generator)
    with pytest.raises(UsageError, match="unknown augmentation 'strong'"):
        draw(3, [("strong", "flip")], generator)
    with pytest.raises(UsageError, match="flip, weak: weak can only come first"):
        draw(3, [("flip", "weak")], generator)


def test_two_channels_are_refused_where_colour_is_meant():
    source = source_of(np.zeros((4, 8, 8, 2), np.uint8))
    draws = draw(4, ["weak", "strong"], torch.Generator())
    assert len(views_of(source, torch.arange(4), 2, draws[:1])) == 1
    with pytest.raises(UsageError, match=r"2 channels .* 1 channel \(grey\) or 3"):
        views_of(source, torch.arange(4), 2, draws)


@pytest.fixture
def large():
    rng = np.random.default_rng(0)
    pictures = [png(rng.integers(0, 256, (100, 130, 3), dtype=np.uint8)) for _ in range(6)]
    return EncodedImages(pictures, 98)


def test_large_pictures_are_augmented_as_small_ones(large):
    draws = draw(6, ["autoaugment", "none", "weak"], torch.Generator().manual_seed(4))
    views = views_of(source_of(large), torch.randperm(6), 4, draws)
    expected = PIECES["autoaugment"].apply(views[1].to(torch.uint8), draws[0].draws[0])
    assert torch.equal(views[0], expected.float())
    assert not torch.equal(views[1], views[2])


@pytest.mark.slow
def test_workers_change_no_strong_view(large):
    draws = draw(6, ["strong", CONTRASTIVE], torch.Generator().manual_seed(4))
    alone, helped = (
        views_of(source_of(large, workers=workers), torch.arange(6), size, draws)
        for workers, size in ((0, 6), (2, 4))
    )
    assert torch.equal(alone, helped)
