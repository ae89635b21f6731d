"""Networks: the paper's block order, the last layer, any timm name."""

import pytest
import torch

from hmw_core.errors import UsageError
from training.networks import NETWORKS, build_network


def test_preact_resnet18_has_the_published_size():
    network = build_network("preact_resnet18", 3, (32, 32), 10, class_bias=True)
    # By hand: stem 1,728 + 128, blocks 11,164,288 (convolutions 10,985,472, shortcuts
    # 172,032, norms 6,784), last layer 5,130.
    assert sum(p.numel() for p in network.parameters()) == 1_728 + 128 + 11_164_288 + 5_130
    assert network.backbone.n_features == 512


@pytest.mark.parametrize(
    ("name", "published"),
    [
        # Counted by others: the CIFAR networks of two widely used repositories.
        ("resnet18_cifar", 11_173_962),
        ("resnet34_cifar", 21_282_122),
        ("resnet32_cifar", 466_906),
        # By hand: two convolutions 456 + 2,416, dense layers 48,120 + 10,164, last layer 850.
        ("lenet_cifar", 62_006),
    ],
)
def test_a_network_has_the_published_size(name, published):
    network = build_network(name, 3, (32, 32), 10, class_bias=True)
    assert sum(p.numel() for p in network.parameters()) == published


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("size", [(8, 8), (12, 8)])
def test_every_network_takes_small_pictures_and_batches_of_one(name, size):
    network = build_network(name, 1, size, 3, class_bias=True).train()
    for n in (1, 2):
        assert network(torch.randn(n, 1, *size)).logits.isfinite().all()


def test_preact_resnet18_pools_without_a_last_relu():
    torch.manual_seed(0)
    network = build_network("preact_resnet18", 3, (16, 16), 4, class_bias=True).eval()
    with torch.no_grad():
        features = network(torch.randn(2, 3, 16, 16)).features
    assert (features < 0).any()


def test_without_bias_logits_are_inner_products():
    network = build_network("small_cnn", 1, (8, 8), 5, class_bias=False).eval()
    with torch.no_grad():
        out = network(torch.randn(3, 1, 8, 8))
    assert torch.allclose(out.logits, out.features @ out.class_vectors.T, atol=1e-6)
    assert all("last_layer.bias" not in name for name, _ in network.named_parameters())


@pytest.mark.parametrize("side", [8, 28, 32, 96])
def test_small_cnn_takes_small_sizes(side):
    out = build_network("small_cnn", 1, (side, side), 5, class_bias=True)(
        torch.randn(2, 1, side, side)
    )
    assert out.features.shape == (2, 128)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["timm:test_resnet", "test_resnet", "test_vit"])
def test_any_timm_name(name):
    network = build_network(name, 1, (32, 32), 7, class_bias=True).eval()
    with torch.no_grad():
        out = network(torch.randn(2, 1, 32, 32))
    assert out.logits.shape == (2, 7)
    assert out.class_vectors.shape == (7, out.features.shape[1])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "side", "published"),
    [
        # Counted by others, for 1,000 classes: torchvision's VGG19_BN_Weights, timm's model card.
        ("timm:vgg19_bn", 64, 143_678_248),
        ("timm:inception_resnet_v2", 75, 55_843_464),  # the smallest picture that it takes
    ],
)
def test_the_networks_of_the_real_data_sets(name, side, published):
    network = build_network(name, 3, (side, side), 10, class_bias=True)
    out = network.train()(torch.randn(2, 3, side, side))
    assert out.logits.isfinite().all()
    n_removed = 990 * (network.backbone.n_features + 1)
    assert sum(p.numel() for p in network.parameters()) == published - n_removed


@pytest.mark.slow
def test_an_unknown_name_gets_near_ones():
    with pytest.raises(UsageError, match="unknown network 'resnt18'.*small_cnn.*resnet18"):
        build_network("resnt18", 3, (32, 32), 10, class_bias=True)


@pytest.mark.slow
def test_a_picture_too_small_for_the_network():
    with pytest.raises(UsageError, match="does not take pictures of 8 x 8"):
        build_network("test_vit", 3, (8, 8), 10, class_bias=True)
