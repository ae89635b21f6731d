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

With `compute_metrics` and `eval_strategy="epoch"`, the argument `test_accuracy="eval_accuracy"`
keeps that metric with each epoch. `remove_unused_columns=False` is needed because the model does
not take the `sample_id`. Texts as ids need a collator that keeps them as a list, and `source` of
`RunWriter.create`.
"""

from typing import Any

from hmw_core.errors import UsageError
from hmw_core.recording.writer import RunWriter
from training.callbacks.optional import (
    base_class,
    check_installed,
    check_single_process,
    known_metric,
)

TrainerCallback: Any = base_class(("transformers",), "TrainerCallback")


class EndEpoch(TrainerCallback):
    """Ends the log's epoch with the trainer's; the last may be a part of one.

    Where an evaluation follows the epoch, which the mixin tells of, the log waits for it.
    """

    def __init__(self, log: RunWriter) -> None:
        self.log = log
        self.accuracy: float | None = None
        self.is_over = False

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Write the epoch, or let the evaluation do it."""
        self.is_over = True
        if not control.should_evaluate:
            self.end()

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Write the epoch before, if its evaluation did not come."""
        self.end()

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Write the last epoch, if its evaluation did not come."""
        self.end()

    def end(self) -> None:
        """Write the epoch if it is over."""
        if self.is_over:
            accuracy, self.accuracy, self.is_over = self.accuracy, None, False
            self.log.end_epoch(self.log.last_epoch + 1, test_accuracy=accuracy)


class LogSamples:
    """Mixin before `transformers.Trainer`: records the logits of each training batch.

    Parameters
    ----------
    sample_log : RunWriter
        Made by the caller, who also ends it: `with RunWriter.create(...) as log`.
    sample_id : str
        Column of the training data with the samples' ids.
    test_accuracy : str, optional
        Name of a metric of the trainer's evaluations, such as `eval_accuracy`, kept as the epoch's
        test accuracy: that of the last evaluation in the epoch or at its end.
    *args, **kwargs
        The trainer's own. The model returns `logits`, or them second, as the library's models do.
    """

    def __init__(
        self,
        *args: Any,
        sample_log: RunWriter,
        sample_id: str = "sample_id",
        test_accuracy: str | None = None,
        **kwargs: Any,
    ) -> None:
        check_installed(TrainerCallback, "transformers")
        super().__init__(*args, **kwargs)
        trainer: Any = self
        check_single_process(trainer.args.world_size)
        self.sample_log = sample_log
        self.sample_id = sample_id
        self.test_accuracy = test_accuracy
        self.log_epoch = EndEpoch(sample_log)
        self.evaluations = 0  # one of several data sets evaluates each in turn
        trainer.add_callback(self.log_epoch)

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

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Return the trainer's own metrics, and end the log's epoch if it waits for them."""
        trainer: Any = super()
        self.evaluations += 1
        metrics = None
        try:
            metrics = trainer.evaluate(*args, **kwargs)
        finally:  # an evaluation that fails costs its number, not the epoch
            self.evaluations -= 1
            if not self.evaluations:
                if metrics is not None and self.test_accuracy is not None:
                    self.log_epoch.accuracy = known_metric(
                        self.sample_log, metrics, self.test_accuracy
                    )
                self.log_epoch.end()
        return metrics

    def prediction_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Predict without the sample ids, which the model does not take."""
        trainer: Any = super()
        inputs = {name: value for name, value in inputs.items() if name != self.sample_id}
        return trainer.prediction_step(model, inputs, *args, **kwargs)
