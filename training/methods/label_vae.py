"""A variational autoencoder of pictures and their labels, true and given.

Shape letters: B samples, C classes, Z latent numbers.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.distributions import ContinuousBernoulli
from torch.nn import functional as F

WIDTHS = (32, 64, 128, 256)
N_GROUPS = 8  # of each group norm


class Encoded(NamedTuple):
    """What the autoencoder makes of pictures and their label."""

    mean: Tensor
    """(B, Z), of the latent numbers."""
    log_variance: Tensor
    """(B, Z)."""
    picture: Tensor
    """(B, channels, height, width): logits of the reconstruction."""
    given_logits: Tensor
    """(B, C), of the given label, as decoded from the reconstruction."""


class LabelVAE(nn.Module):
    """Pictures and soft labels y to latent numbers z, from these and y back to pictures, and on.

    The encoder is q(z | x, y), with y as one more channel; the decoder p(x | z, y); and a second
    one, p(given label | x', y), reads the reconstruction x'. Four steps each halve or double the
    picture. Group norm, so that a batch of one is no special case.

    Source: the layers of InstanceGM's, whose norm is over the batch.
    """

    def __init__(
        self, n_channels: int, image_size: tuple[int, int], n_classes: int, n_latent: int
    ) -> None:
        super().__init__()
        sizes = [image_size]
        for _ in WIDTHS:
            height, width = sizes[-1]
            sizes.append((-(-height // 2), -(-width // 2)))
        n_last = WIDTHS[-1] * sizes[-1][0] * sizes[-1][1]
        self.last_shape = (WIDTHS[-1], *sizes[-1])
        self.encoder = LabelledConvolutions(n_channels, image_size, n_classes, 2 * n_latent, n_last)
        self.start = nn.Linear(n_latent + n_classes, n_last)
        layers: list[nn.Module] = []
        for n_in, n_out, size in zip(
            WIDTHS[::-1], (*WIDTHS[-2::-1], WIDTHS[0]), sizes[-2::-1], strict=True
        ):
            layers += [nn.Upsample(size=size), *_block(n_in, n_out, stride=1)]
        self.decoder = nn.Sequential(*layers, nn.Conv2d(WIDTHS[0], n_channels, 3, padding=1))
        self.label_decoder = LabelledConvolutions(
            n_channels, image_size, n_classes, n_classes, n_last
        )

    def forward(self, pictures: Tensor, label: Tensor) -> Encoded:
        """Encode and decode pictures (B, channels, height, width) in [0, 1] and labels (B, C).

        In training mode the latent numbers are drawn, otherwise they are the means.
        """
        mean, log_variance = self.encoder(pictures, label).chunk(2, dim=1)
        latent = mean
        if self.training:
            latent = mean + (log_variance / 2).exp() * torch.randn_like(mean)
        start = self.start(torch.cat([latent, label], dim=1)).unflatten(1, self.last_shape)
        picture = self.decoder(start)
        return Encoded(mean, log_variance, picture, self.label_decoder(picture.sigmoid(), label))


class LabelledConvolutions(nn.Module):
    """Pictures, and a soft label as one more channel, to some numbers."""

    def __init__(
        self, n_channels: int, image_size: tuple[int, int], n_classes: int, n_out: int, n_last: int
    ) -> None:
        super().__init__()
        height, width = image_size
        self.channel_of = nn.Sequential(
            nn.Linear(n_classes, height * width), nn.Unflatten(1, (1, height, width))
        )
        widths = (n_channels + 1, *WIDTHS)
        blocks = [_block(a, b, stride=2) for a, b in zip(widths, WIDTHS, strict=False)]
        layers = [layer for block in blocks for layer in block]
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(n_last, n_out))

    def forward(self, pictures: Tensor, label: Tensor) -> Tensor:
        return self.layers(torch.cat([pictures, self.channel_of(label)], dim=1))


def _block(n_in: int, n_out: int, stride: int) -> list[nn.Module]:
    return [
        nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1),
        nn.GroupNorm(N_GROUPS, n_out),
        nn.LeakyReLU(inplace=True),
    ]


def latent_divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(N(mean, variance) || N(0, 1)), summed over samples and latent numbers, nat.

    Examples
    --------
    >>> import torch
    >>> latent_divergence(torch.tensor([[1.0, 0.0]]), torch.zeros(1, 2))
    tensor(0.5000)
    """
    return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum()


def reconstruction_loss(picture: Tensor, pictures: Tensor) -> Tensor:
    """Return minus the log density of pictures in [0, 1], mean over their values, nat; any sign.

    `picture` are the logits of a continuous Bernoulli distribution of each value.

    Notes
    -----
    Source: Loaiza-Ganem and Cunningham (NeurIPS 2019), the continuous Bernoulli.
    """
    return -ContinuousBernoulli(logits=picture, validate_args=False).log_prob(pictures).mean()


def added_loss(
    encoded: Encoded, pictures: Tensor, given_label: Tensor, weights: tuple[float, float]
) -> Tensor:
    """Return what the autoencoder makes smaller, (), nat.

    Parameters
    ----------
    encoded : Encoded
    pictures : Tensor of shape (B, channels, height, width)
        In [0, 1].
    given_label : Tensor of shape (B,), int64
    weights : two floats
        Of the cross entropy with the given label (a mean), and of the divergence (a sum).
    """
    of_label, of_divergence = weights
    return (
        reconstruction_loss(encoded.picture, pictures)
        + of_label * F.cross_entropy(encoded.given_logits, given_label)
        + of_divergence * latent_divergence(encoded.mean, encoded.log_variance)
    )
