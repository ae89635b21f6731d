"""Log every sample of a Lightning training.

`training_step` returns the sample ids and the logits beside the loss::

    import lightning
    import numpy as np
    import torch
    from sklearn.datasets import load_digits

    from hmw_core import RunWriter
    from training.callbacks.lightning import LogSamples


    class Classifier(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.network = torch.nn.Linear(64, 10)

        def training_step(self, batch, batch_index):
            logits = self.network(batch["pixels"])
            loss = torch.nn.functional.cross_entropy(logits, batch["label"])
            return {"loss": loss, "logits": logits, "sample_id": batch["sample_id"]}

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)


    digits = load_digits()
    pixels = (digits.data / 16).astype(np.float32)
    names = [f"scan-{number:04d}" for number in range(len(pixels))]
    samples = [
        {"pixels": pixels[i], "label": digits.target[i], "sample_id": names[i]}
        for i in range(len(pixels))
    ]
    loader = torch.utils.data.DataLoader(samples, batch_size=128, shuffle=True)
    with RunWriter.create(
        "data/runs/mine", given_label=digits.target, source=names, n_classes=10, n_epochs=3
    ) as log:
        trainer = lightning.Trainer(max_epochs=3, callbacks=[LogSamples(log)])
        trainer.fit(Classifier(), loader)

Ids are texts where `RunWriter.create` was given them as `source`, and positions otherwise; a
DataLoader's own collation hands on either.
"""

from collections.abc import Mapping
from typing import Any

from hmw_core.errors import UsageError
from hmw_core.recording.writer import RunWriter
from training.callbacks.optional import (
    base_class,
    check_installed,
    check_single_process,
    known_metric,
)

Callback: Any = base_class(("lightning.pytorch", "pytorch_lightning"), "Callback")


class LogSamples(Callback):
    """Record each training batch, and end the log's epoch with Lightning's.

    A step for which `training_step` returns None is skipped: its samples are null in that epoch,
    unless another step shows them. Of a sample that comes twice in an epoch the last pass counts.
    Each batch is recorded, however many make a step of the optimizer; validation is not.

    Parameters
    ----------
    log : RunWriter
        Made by the caller, who also ends it: `with RunWriter.create(...) as log`.
    sample_id : str
        Where the ids are: a key of what `training_step` returns, or of the batch.
    logits : str
        Key of what `training_step` returns; as `RunWriter.record`'s.
    cosine, loss, weight : str, optional
        Further keys of it, for these arguments of `RunWriter.record`; `loss` is one a sample.
    test_accuracy : str, optional
        Name of a metric that the module logs, kept as the epoch's test accuracy.
    """

    def __init__(
        self,
        log: RunWriter,
        *,
        sample_id: str = "sample_id",
        logits: str = "logits",
        cosine: str | None = None,
        loss: str | None = None,
        weight: str | None = None,
        test_accuracy: str | None = None,
    ) -> None:
        check_installed(Callback, "lightning")
        super().__init__()
        self.log_of_samples = log
        self.sample_id = sample_id
        keys = {"logits": logits, "cosine": cosine, "loss": loss, "weight": weight}
        self.keys = {name: key for name, key in keys.items() if key is not None}
        self.test_accuracy = test_accuracy
        self.was_validated = False

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Refuse to train in several processes."""
        check_single_process(trainer.world_size)

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Record the batch."""
        if outputs is None or (isinstance(outputs, Mapping) and not outputs):
            return  # `training_step` returned None, of which Lightning makes an empty mapping
        found = outputs if isinstance(outputs, Mapping) else {}
        beside = batch if isinstance(batch, Mapping) else {}
        ids = found.get(self.sample_id, beside.get(self.sample_id))
        missing = [key for key in self.keys.values() if key not in found]
        if ids is None:
            missing.append(self.sample_id)
        if missing:
            raise UsageError(
                f"training_step must return a dict with {', '.join(missing)}; "
                f"it returned {', '.join(map(str, found)) or type(outputs).__name__}"
            )
        self.log_of_samples.record(ids, **{name: found[key] for name, key in self.keys.items()})

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Note that the epoch's metrics are its own, and not those of an epoch before."""
        self.was_validated = not trainer.sanity_checking

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Write the epoch; its accuracy is null where it had no validation of its own."""
        accuracy = None
        if self.test_accuracy is not None and (self.was_validated or not trainer.enable_validation):
            accuracy = known_metric(
                self.log_of_samples, trainer.callback_metrics, self.test_accuracy
            )
        self.was_validated = False
        self.log_of_samples.end_epoch(trainer.current_epoch + 1, test_accuracy=accuracy)
