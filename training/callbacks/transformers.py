"""Log every sample of a Hugging Face Trainer's training.

The data set gives a `sample_id` with each item, and the trainer gets a mixin::

    import numpy as np
    from sklearn.datasets import load_digits
    from transformers import Trainer, TrainingArguments, ViTConfig, ViTForImageClassification

    from hmw_core import RunWriter
    from training.callbacks.transformers import LogSamples


    class LoggedTrainer(LogSamples, Trainer):
        pass


    digits = load_digits()
    pixels = (digits.images[:, None] / 16).astype(np.float32)
    samples = [
        {"pixel_values": pixels[i], "labels": digits.target[i], "sample_id": i}
        for i in range(len(pixels))
    ]
    small = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    small |= {"intermediate_size": 64, "image_size": 8, "patch_size": 2, "num_channels": 1}
    model = ViTForImageClassification(ViTConfig(**small, num_labels=10))
    arguments = TrainingArguments(
        "out",
        num_train_epochs=3,
        per_device_train_batch_size=128,
        remove_unused_columns=False,
        report_to="none",
    )
    with RunWriter.create(
        "data/runs/mine", given_label=digits.target, n_classes=10, n_epochs=3
    ) as log:
        trainer = LoggedTrainer(model, arguments, train_dataset=samples, sample_log=log)
        trainer.train()

`remove_unused_columns=False` is needed because the model does not take the `sample_id`. Texts as
ids need a collator that keeps them as a list, and `source` of `RunWriter.create`.
"""

from typing import Any

from hmw_core.errors import UsageError
from hmw_core.recording.writer import RunWriter
from training.callbacks.optional import base_class, check_installed, check_single_process

TrainerCallback: Any = base_class(("transformers",), "TrainerCallback")


class EndEpoch(TrainerCallback):
    """Ends the log's epoch with the trainer's; the last may be a part of one."""

    def __init__(self, log: RunWriter) -> None:
        self.log = log

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Write the epoch."""
        self.log.end_epoch(self.log.last_epoch + 1)


class LogSamples:
    """Mixin before `transformers.Trainer`: records the logits of each training batch.

    Parameters
    ----------
    sample_log : RunWriter
        Made by the caller, who also ends it: `with RunWriter.create(...) as log`.
    sample_id : str
        Column of the training data with the samples' ids.
    *args, **kwargs
        The trainer's own. The model returns `logits`, or them second, as the library's models do.
    """

    def __init__(
        self, *args: Any, sample_log: RunWriter, sample_id: str = "sample_id", **kwargs: Any
    ) -> None:
        check_installed(TrainerCallback, "transformers")
        super().__init__(*args, **kwargs)
        trainer: Any = self
        check_single_process(trainer.args.world_size)
        self.sample_log = sample_log
        self.sample_id = sample_id
        trainer.add_callback(EndEpoch(sample_log))

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, **kwargs: Any
    ) -> Any:
        """Return the trainer's own loss, and record the batch if the model trains."""
        trainer: Any = super()
        inputs = dict(inputs)
        ids = inputs.pop(self.sample_id, None)
        loss, outputs = trainer.compute_loss(model, inputs, return_outputs=True, **kwargs)
        if model.training:
            if ids is None:
                raise UsageError(
                    f"the training batch has no {self.sample_id!r}, only {', '.join(inputs)}: let "
                    "the data set give it, and set remove_unused_columns=False"
                )
            logits = outputs["logits"] if isinstance(outputs, dict) else outputs[1]
            self.sample_log.record(ids, logits)
        return (loss, outputs) if return_outputs else loss

    def prediction_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Predict without the sample ids, which the model does not take."""
        trainer: Any = super()
        inputs = {name: value for name, value in inputs.items() if name != self.sample_id}
        return trainer.prediction_step(model, inputs, *args, **kwargs)
