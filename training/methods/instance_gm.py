"""InstanceGM: DivideMix whose networks also have to explain the pictures and the given labels."""

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from hmw_core.catalogue import Argument
from hmw_core.log.schema import MethodColumn
from hmw_core.objective.batch import Batch, Forward
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.devices import autocast
from training.methods import parts
from training.methods.base import Record, Sizes
from training.methods.label_vae import LabelVAE, added_loss
from training.methods.semi_supervised import endless
from training.methods.split_by_loss import SplitByLoss


class InstanceGM(SplitByLoss):
    """InstanceGM: DivideMix, and beside each network an autoencoder that it is trained with.

    In each step, the warm-up's too, the network also sees a batch of all samples. A label drawn
    from its prediction (Gumbel softmax) and the picture are encoded; from that the picture is
    reconstructed, and from the reconstruction and the drawn label the given label is predicted:
    noise may depend on the picture. The reconstruction's loss, the cross entropy of the given label
    and the divergence of the latent numbers are added to DivideMix's objective, and reach the
    network through the drawn label.

    The autoencoder sees pictures brought back to [0, 1], as its likelihood needs; the released code
    does not normalise on ANIMAL-10N either. The latent noise is normal and the reconstruction has
    one sigmoid, where the released code has uniform noise and two. Its uniform prior on the label
    is left out: it is the same number for every label, so it has no gradient. The divergence is
    summed over the batch and not divided by the picture's size, as released, so its weight belongs
    to a batch size. The autoencoder's learning rate is its own and stays.

    Source: Garg et al. (WACV 2023), Instance-Dependent Noisy Label Learning via Graphical
    Modelling, and the released code.
    """

    arguments = (
        *SplitByLoss.arguments,
        Argument("latent", 25, 1, 1000, "", "latent numbers of a picture", whole=True),
        Argument("label_weight", 1.0, 0.0, 1e4, "", "of the cross entropy of the given label"),
        Argument("divergence_weight", 6e-4, 0.0, 1e4, "", "of the latent numbers' divergence"),
        Argument("vae_rate", 0.001, 1e-7, 1.0, "", "learning rate of the autoencoders, with Adam"),
    )
    state = (
        *SplitByLoss.state,
        MethodColumn(
            "noisy_label_probability",
            unit="probability",
            range="[0, 1]",
            meaning="of the given label, by the autoencoder from its reconstruction and the "
            "network's prediction",
            higher_means="clean",
        ),
        MethodColumn(
            "reconstruction_error",
            unit="",
            range="[0, 1]",
            meaning="mean squared difference of the reconstruction from the picture, black 0 and "
            "white 1: large where the picture is unlike the others",
        ),
    )

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        shape = sizes.n_channels, sizes.image_size, sizes.n_classes, self.args["latent"]
        self.vaes = parts.module_list(lambda: LabelVAE(*shape).to(sizes.device), 2)
        self.optimizers += [
            torch.optim.Adam(vae.parameters(), lr=self.args["vae_rate"]) for vae in self.vaes
        ]
        self._streams: list[Iterator[Batch]] = []  # of all samples, of the epoch under way

    def set_rate(self, rate: float) -> None:
        for optimizer in self.optimizers[:2]:
            for group in optimizer.param_groups:
                group["lr"] = rate

    def n_passes(self, epoch: int) -> float:
        both = super().n_passes(epoch) - 2.0  # without the evaluation
        # A step has a batch of all samples beside its own: as large as one view of the labelled.
        share = 0.5 if epoch <= self.args["warmup_epochs"] else 0.25
        return 2.0 + both * (1 + share)

    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        size = max(1, data.batch_size // 2)
        self._streams = [endless(lambda: data.batches(batch_size=size)) for _ in (0, 1)]
        super().run_epoch(epoch, data, record)
        self._streams = []

    def descend(self, place: int, data: EpochData, objective: Tensor) -> None:
        batch, vae = next(self._streams[place]), self._vae(place).train()
        with autocast(self.sizes.device):
            out = self.network(place)(batch.images)
        label = F.gumbel_softmax(out.logits.float(), dim=1)
        pictures = data.source.normalize.undone(batch.images)
        weights = self.args["label_weight"], self.args["divergence_weight"]
        added = added_loss(vae(pictures, label), pictures, batch.given_label, weights)
        optimizer = self.optimizers[2 + place]
        optimizer.zero_grad(set_to_none=True)
        super().descend(place, data, objective + added)
        optimizer.step()

    @torch.no_grad()
    def evaluate(
        self, place: int, data: EpochData, record: Record | None
    ) -> Iterator[tuple[Batch, Forward, Tensor]]:
        vae = self._vae(place).eval()
        for batch, out, loss in super().evaluate(place, data, record):
            pictures = data.source.normalize.undone(batch.images)
            encoded = vae(pictures, out.logits.softmax(dim=1))
            probs = encoded.given_logits.softmax(dim=1)
            away = (encoded.picture.sigmoid() - pictures) ** 2
            if record is not None:
                state = {
                    "noisy_label_probability": probs.gather(1, batch.given_label[:, None])[:, 0],
                    "reconstruction_error": away.flatten(1).mean(dim=1),
                }
                record(batch.sample_id, None, network=place + 1, state=state)
            yield batch, out, loss

    def _vae(self, place: int) -> LabelVAE:
        return cast(LabelVAE, self.vaes[place])
