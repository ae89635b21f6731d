"""Early-learning regularization (ELR): a memory of what the network said of each sample."""

import torch
from torch import Tensor

from hmw_core.catalogue import Argument
from hmw_core.log.schema import MethodColumn
from hmw_core.objective.batch import Batch, Forward
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.methods.base import Record, Sizes
from training.methods.early_learning import clamped, regularizer, updated
from training.methods.label_tables import METHOD_LABEL
from training.methods.one_network import OneNetwork, Step


class ELR(OneNetwork):
    """Early-learning regularization: cross entropy, and a pull towards earlier predictions.

    Each sample has a memory of its probabilities over the epochs, a running mean that starts at
    zero. The loss is cross entropy with the given label plus lambda x log(1 - <memory, p>), which
    is small where the network says again what it said early, before it learned wrong labels by
    heart. Probabilities are clamped to [0.0001, 0.9999] first, so a saturated one has no gradient
    of this term. The memory is updated before it is used, from the pass that is back-propagated.

    The source holds out a tenth of the training set to pick the best epoch. Here all samples are
    trained on, and the last epoch is the result.

    Source: Liu et al. (NeurIPS 2020), Eqs. 7 and 8, and the released code at 934af53.
    """

    arguments = (
        Argument("beta", 0.7, 0.0, 0.9999, "", "share of the memory that an update keeps"),
        Argument("lambda", 3.0, 0.0, 1e4, "", "weight of the pull towards the memory"),
    )
    state = (
        MethodColumn(
            "elr_target",
            unit="probability",
            range="[0, 1)",
            meaning="memory of the given label after this epoch: its mean probability so far",
            higher_means="clean",
        ),
        METHOD_LABEL,
    )
    memory: Tensor

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        nothing = torch.zeros(sizes.n_samples, sizes.n_classes, device=sizes.device)
        self.register_buffer("memory", nothing)

    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        self.training_pass(data, record, self._step)

    def _step(self, out: Forward, batch: Batch) -> Step:
        probs = clamped(out.loss_logits(self.config.normalize_logits).softmax(dim=1))
        memory = updated(self.memory[batch.sample_id], probs.detach(), self.args["beta"])
        self.memory[batch.sample_id] = memory
        losses = self.cross_entropy(out, batch.given_label)
        losses = losses + self.args["lambda"] * regularizer(memory, probs)
        state = {
            "elr_target": memory.gather(1, batch.given_label[:, None])[:, 0],
            "method_label": memory.argmax(dim=1),
        }
        return Step(losses, state=state)
