"""RunWriter: the three-line logger, and the only thing that writes a run folder."""

import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from hmw_core.criteria import CRITERIA_VERSION, MAIN_CRITERIA
from hmw_core.criteria.compute import new_scores, without_absent
from hmw_core.errors import UsageError
from hmw_core.log import layout, provenance
from hmw_core.log.images import encode_images, fingerprint_of
from hmw_core.log.layout import ROW_GROUP, Content
from hmw_core.log.reader import RunReader
from hmw_core.log.schema import FORMAT_VERSION, OUTPUTS
from hmw_core.log.tables import (
    OUTPUT_ENCODING,
    SCORES_VERSION,
    SIGNAL_ENCODING,
    EpochEncoder,
    as_half,
    as_lists,
    has_nulls,
    output_arrays,
    output_table,
    signal_arrays,
    signal_table,
)
from hmw_core.recording.buffer import Array, EpochBuffer, RecordedEpoch, to_numpy
from hmw_core.recording.sample_keys import SampleKeys
from hmw_core.recording.signals import RECORDABLE, RunningWeight, WeightSettings, signal_columns
from hmw_core.statistics.ranking import auroc_of_groups

NOTE_EVERY = 1.0  # s between two notes of the last epoch in run.json


class RunWriter:
    """Log every sample of every epoch; see `create`, `record`, `end_epoch` and `finish`."""

    def __init__(self, folder: Path, info: dict[str, Any], last_epoch: int = 0) -> None:
        self.folder = folder
        self.info = info
        self._unlock = weakref.finalize(self, layout.hold_lock(folder))
        reader = RunReader(folder)
        samples = reader.samples()
        # All state is in the order of the rows in signals/, so that nothing is sorted again.
        self._sample_id = reader.sample_ids()
        self._row_of_sample = np.argsort(self._sample_id)
        in_order = samples.iloc[self._sample_id]
        self._given_label = in_order["given_label"].to_numpy(np.int64)
        self._groups: tuple[np.ndarray, np.ndarray] | None = None
        if reader.has_true_label:
            is_mislabeled = in_order["is_mislabeled"].to_numpy(bool)
            self._groups = np.flatnonzero(~is_mislabeled), np.flatnonzero(is_mislabeled)
        self._settings = WeightSettings(**info["weighting"])
        n_samples, n_epochs = len(samples), info["n_epochs"]
        self._buffer = EpochBuffer(n_samples)
        self._encode_outputs = EpochEncoder(**OUTPUT_ENCODING).encode
        self._encode_signals = EpochEncoder(**SIGNAL_ENCODING).encode
        self._keys = SampleKeys(samples["source"])
        start = self._settings.annealing_start
        self._running = RunningWeight(n_samples, n_epochs, start)
        computable = without_absent(MAIN_CRITERIA, reader)
        self._scores = new_scores(computable, n_samples, n_epochs, start)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="run-writer")
        self._pending: Future[None] | None = None
        self.last_epoch = last_epoch
        self._next_note = 0.0
        self._replay(reader, last_epoch)

    @classmethod
    def create(
        cls,
        path: str | Path,
        *,
        given_label: Sequence[int] | np.ndarray,
        n_classes: int,
        n_epochs: int,
        true_label: Sequence[int] | np.ndarray | None = None,
        class_names: Sequence[str] | None = None,
        images: np.ndarray | Sequence[bytes] | None = None,
        source: Sequence[str] | None = None,
        config: dict[str, Any] | None = None,
        recipe: str | None = None,
        dataset_name: str | None = None,
        noise: dict[str, Any] | None = None,
        seed: int | None = None,
        device: str | None = None,
        outputs: str = "full",
        outputs_every: int = 1,
        alpha: float = 100.0,
        beta: float = 100.0,
        k: int = 1,
        annealing_start: int = 1,
        absent: Mapping[str, str] | None = None,
        threshold_samples: Mapping[str, Any] | None = None,
    ) -> "RunWriter":
        """Make the run folder and return its writer.

        Parameters
        ----------
        path : path
            The run folder, which must not exist. Its name is the run's name.
        given_label : sequence of N ints
            Label trained on, 0..n_classes-1; position is the `sample_id`.
        true_label : sequence of N ints, optional
            Label before noise; a negative one is unknown.
        images : uint8 ndarray (N, H, W[, 3]) or sequence of N encoded pictures, optional
            Kept once per data set, beside the runs.
        source : sequence of N str, optional
            Path or key of each sample in its data set; where they are unique, `record` takes them
            in place of numbers.
        outputs : {"full", "topk", "none"}
            Whether all logits and cosines are kept, the five largest logits, or neither.
        outputs_every : int
            Keep them every so many epochs (and at the last one).
        alpha, beta, k, annealing_start
            Of the HM weight that is logged, Eqs. 6, 9 and 12.
        absent : mapping of str to str, optional
            What this log will not hold, and why: columns of `schema.SIGNALS`, `logits`, `images`,
            `features`. Pages give the reason, and no criterion is computed from such a column.
        threshold_samples : mapping, optional
            `n`, `share` and `seed` of samples that are trained on in a class of their own and never
            recorded; see `threshold_margins.write_margins`.

        Raises
        ------
        UsageError
            If the folder exists, or an argument does not fit the others.
        """
        folder = Path(path)
        given = _labels("given_label", given_label, n_classes)
        true = None if true_label is None else _labels("true_label", true_label, n_classes, True)
        names = [str(n) for n in class_names] if class_names is not None else None
        lengths = {"true_label": true, "images": images, "source": source}
        for what, values in lengths.items():
            if values is not None and len(values) != len(given):
                raise UsageError(f"{len(given)} given labels but {len(values)} in {what}")
        if names is not None and len(names) != n_classes:
            raise UsageError(f"{n_classes} classes but {len(names)} class names")
        if n_epochs < 1:
            raise UsageError(f"n_epochs must be 1 or more, got {n_epochs}")
        if outputs not in OUTPUTS or outputs_every < 1:
            raise UsageError(
                f"outputs must be one of {', '.join(OUTPUTS)} every 1 or more epochs, "
                f"got {outputs!r} every {outputs_every}"
            )
        settings = WeightSettings(float(alpha), float(beta), k, annealing_start)
        settings.check(n_classes)
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            raise UsageError(f"run folder {folder} exists already; choose another name") from None
        except OSError as error:
            raise UsageError(f"run folder {folder} cannot be made: {error.strerror}") from None
        fingerprint = fingerprint_of(images, given if true is None else true)
        info = {
            "format": FORMAT_VERSION,
            "name": folder.name,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "status": "running",
            "error": None,
            "recipe": recipe,
            "dataset": {
                "name": dataset_name,
                "fingerprint": fingerprint,
                "n_samples": len(given),
                "n_classes": n_classes,
                "class_names": names or [str(c) for c in range(n_classes)],
            },
            "noise": noise,
            "n_epochs": n_epochs,
            "last_epoch": 0,
            "seed": seed,
            "weighting": settings.as_dict(),
            "absent": dict(absent or {}),
            "outputs": {"keep": outputs, "every": outputs_every},
            "threshold_samples": None if threshold_samples is None else dict(threshold_samples),
            "config": config or {},
            "device": device,
            "versions": provenance.versions(),
            "commit": provenance.commit(),
        }
        table = {
            "sample_id": pa.array(np.arange(len(given), dtype=np.int32)),
            "given_label": pa.array(given.astype(np.int32)),
            "true_label": pa.nulls(len(given), pa.int32())
            if true is None
            else pa.array(true.astype(np.int32), mask=true < 0),
            "source": pa.nulls(len(given), pa.string())
            if source is None
            else pa.array([str(s) for s in source]),
        }
        layout.write_table(folder / "samples.parquet", pa.table(table))
        if images is not None:
            path_of_images = layout.images_file(folder, fingerprint)
            if not path_of_images.exists():
                layout.write_table(path_of_images, encode_images(images), row_group_size=512)
        layout.write_json(folder / "run.json", info, indent=1)
        return cls(folder, info)

    @classmethod
    def resume(cls, path: str | Path, last_epoch: int | None = None) -> "RunWriter":
        """Return a writer that goes on after `last_epoch` (default: the last whole epoch)."""
        folder = Path(path)
        info = layout.read_info(folder)
        whole = RunReader(folder).last_epoch
        last = whole if last_epoch is None else last_epoch
        if last > whole:
            raise UsageError(f"run {folder.name!r} is logged to epoch {whole}, not to {last}")
        info |= {"status": "running", "error": None, "last_epoch": last}
        info.setdefault("absent", {})
        writer = cls(folder, info, last)
        for epoch in range(last + 1, whole + 1):  # they will be run again: no mix of two runs
            layout.epoch_file(folder, "metrics", epoch).unlink()
            layout.epoch_file(folder, "scores", epoch).unlink(missing_ok=True)
        layout.write_json(folder / "run.json", info, indent=1)
        return writer

    def record(
        self,
        sample_id: Array | Sequence[str],
        logits: Array,
        cosine: Array | None = None,
        loss: Array | None = None,
        weight: Array | None = None,
        *,
        copy: bool = True,
    ) -> None:
        """Keep a batch until the epoch ends; torch or numpy, any device, no wait for it.

        A sample recorded twice in an epoch counts with its last pass; one that is not recorded is
        null in that epoch, and adds nothing to a mean.

        Parameters
        ----------
        sample_id : (B,) int, or list of B str
            Position in `given_label`, or key in `source`.
        logits : (B, C) float
            Raw, from the training pass before the update.
        cosine : (B, C) float, optional
            Eq. 10, in [-1, 1]. Without it distances and HM weight stay null.
        loss : (B,) float, optional
            Unweighted, nat. Default: the cross entropy of `logits`.
        weight : (B,) float, optional
            Factor used on the loss.
        copy : bool
            False where nothing changes the arrays before the epoch ends; that saves a copy.

        Raises
        ------
        UsageError
            If lengths or shapes do not fit, or a key is unknown or not unique.
        """
        batch = {"logits": logits, "cosine": cosine, "loss": loss, "weight": weight}
        ids = self._keys.positions(sample_id)
        self._buffer.put(ids, {k: v for k, v in batch.items() if v is not None}, copy)

    def record_signals(self, sample_id: Array | Sequence[str], **columns: Array) -> None:
        """Keep a batch of which no logits are at hand, only some columns made from them.

        For logs that come from elsewhere: what is not given stays null, and the criteria that
        need it are absent; say why with `absent` of `create`.

        Parameters
        ----------
        sample_id : (B,) int, or list of B str
            As `record`'s.
        **columns : (B,) float or int
            Of `signals.RECORDABLE`, as `schema.SIGNALS` defines them; the same in every batch of
            an epoch. NaN is null.

        Raises
        ------
        UsageError
            As `record`, or if a column is unknown.
        """
        unknown = columns.keys() - set(RECORDABLE)
        if unknown or not columns:
            got = ", ".join(sorted(unknown)) or "none"
            raise UsageError(f"record_signals takes {', '.join(RECORDABLE)}; got {got}")
        self._buffer.put(self._keys.positions(sample_id), columns)

    def end_epoch(
        self, epoch: int, *, after: Callable[[], None] | None = None, **metrics: float | None
    ) -> None:
        """Write the epoch in the background; it becomes visible whole.

        `after` is called there once the epoch is on disk (a checkpoint belongs there: it is then
        never ahead of the log). What goes wrong is raised by the next call.

        Raises
        ------
        UsageError
            If the epoch is not the one after the last, or nothing was recorded.
        OSError
            If an earlier epoch could not be written.
        """
        self.flush()
        if epoch != self.last_epoch + 1:
            raise UsageError(f"epoch {epoch} ends, but {self.last_epoch + 1} is the next one")
        if epoch > self.info["n_epochs"]:
            raise UsageError(f"epoch {epoch} is past n_epochs = {self.info['n_epochs']}")
        recorded = self._buffer.take()
        if recorded is None:
            raise UsageError(f"epoch {epoch} ends, but nothing was recorded in it")
        n_classes = self.info["dataset"]["n_classes"]
        for name, width in recorded.widths.items():
            expected = n_classes if name in ("logits", "cosine") else 0
            if width != expected:
                needed, got = (f"(B, {w})" if w else "(B,)" for w in (expected, width))
                raise UsageError(f"{name} must have shape {needed}, got {got}")
        if "logits" not in recorded.widths:
            for name in set(RECORDABLE) - recorded.widths.keys() - self.info["absent"].keys():
                self.info["absent"][name] = "the loop recorded no such column"
        self.last_epoch = epoch
        if recorded.from_device or len(self._sample_id) > ROW_GROUP:
            make = partial(self._files_of_epoch, epoch, recorded, metrics)
        else:
            # A short epoch of a training on the host: a thread that computes beside it would take
            # a processor and the interpreter from it for three times as long as this takes.
            files = self._files_of_epoch(epoch, recorded, metrics)
            make = partial(dict, files)
        self._pending = self._thread.submit(self._write_epoch, epoch, make, after)

    def log_features(self, epoch: int, features: Array, class_vectors: Array | None = None) -> None:
        """Keep the penultimate features of every sample, (N, D), and the class vectors, (C, D)."""
        values = to_numpy(features).astype(np.float32, copy=False)
        if values.ndim != 2 or len(values) != len(self._given_label):
            raise UsageError(
                f"features must have shape ({len(self._given_label)}, D), got {values.shape}"
            )
        if class_vectors is not None:
            vectors = to_numpy(class_vectors).astype(np.float32, copy=False)
            table = {
                "class_label": pa.array(np.arange(len(vectors), dtype=np.int32)),
                "class_vector": as_lists(vectors),
            }
            layout.write_table(layout.class_vectors_file(self.folder, epoch), pa.table(table))
        table = {"sample_id": pa.array(np.arange(len(values), dtype=np.int32))}
        table["features"] = as_lists(as_half(values))
        layout.write_table(layout.epoch_file(self.folder, "features", epoch), pa.table(table))

    def flush(self) -> None:
        """Wait until every ended epoch is on disk; raise what went wrong there."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def finish(self, status: str = "finished", error: str | None = None) -> None:
        """Write what is pending, say how the run ended, and let go of it."""
        try:
            self.flush()
            self._keep_scores()
        finally:
            self._thread.shutdown()
            self.info |= {"status": status, "error": error}
            try:
                layout.write_json(self.folder / "run.json", self.info, indent=1)
            finally:
                self._unlock()

    def __enter__(self) -> "RunWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object):
        if kind is None:
            self.finish()
        elif issubclass(kind, KeyboardInterrupt):
            self.finish("stopped")
        else:
            self.finish("failed", f"{kind.__name__}: {error}")

    def _files_of_epoch(
        self, epoch: int, rows: RecordedEpoch, metrics: dict[str, float | None]
    ) -> dict[Path, Content]:
        """Return what each of the epoch's files will hold, in the order they must appear."""
        recorded = rows.columns(self._row_of_sample)
        seen = recorded.pop("seen")
        columns = self._signals(epoch, recorded, seen)
        files: dict[Path, Content] = {}
        keep = self.info["outputs"]
        wanted = keep["keep"] != "none" and "logits" in recorded
        if wanted and (epoch % keep["every"] == 0 or epoch == self.info["n_epochs"]):
            there = slice(None) if seen.all() else seen
            outputs = output_arrays(
                epoch,
                self._sample_id[there],
                {name: values[there] for name, values in recorded.items()},
                keep["keep"],
            )
            path = layout.epoch_file(self.folder, "outputs", epoch)
            files[path] = self._encode_outputs(outputs, partial(output_table, outputs))
        signals = signal_arrays(epoch, self._sample_id, self._given_label, columns)
        missed = ~seen
        path = layout.epoch_file(self.folder, "signals", epoch)
        files[path] = self._encode_signals(
            signals,
            partial(signal_table, signals, missed),
            some_null=bool(missed.any()) or has_nulls(signals),
        )
        row = {"epoch": epoch, **self._metrics(columns, seen), **metrics}
        for name, score in self._scores.items():
            criterion = score.criterion
            if not all(column in columns for column in criterion.reads):
                continue  # recorded without logits, and without this
            score.update(epoch, columns)
            if self._groups is not None:
                value = score.value()
                clean, mislabeled = (value[rows] for rows in self._groups)
                row[f"auroc_{name}"] = auroc_of_groups(clean, mislabeled, criterion.higher_means)
        plain = {name: _plain(value) for name, value in row.items()}
        files[layout.epoch_file(self.folder, "metrics", epoch)] = layout.encode_json(plain)
        return files

    def _write_epoch(
        self,
        epoch: int,
        make: Callable[[], dict[Path, Content]],
        after: Callable[[], None] | None,
    ) -> None:
        layout.write_files(make())
        self.info["last_epoch"] = epoch
        if time.monotonic() >= self._next_note:  # epochs may take milliseconds; the files tell too
            layout.write_json(self.folder / "run.json", self.info, indent=1)
            self._next_note = time.monotonic() + NOTE_EVERY
        if after is not None:
            after()

    def _signals(
        self, epoch: int, recorded: dict[str, np.ndarray], seen: np.ndarray
    ) -> dict[str, np.ndarray]:
        columns = signal_columns(recorded, self._given_label, self._settings)
        # As float32, which is how the slices are read back on resume.
        columns["hm_slice"] = columns["hm_slice"].astype(np.float32)
        columns["hm_weight"] = self._running.update(epoch, columns["hm_slice"])
        if seen.all():
            return columns
        return {
            name: np.where(seen, values, np.nan) if values.dtype.kind == "f" else values
            for name, values in columns.items()
        }

    def _metrics(self, columns: dict[str, np.ndarray], seen: np.ndarray) -> dict[str, float]:
        metrics = {}
        if "loss" in columns:
            metrics["train_loss"] = float(columns["loss"][seen].mean(dtype=np.float64))
        if "predicted_label" in columns:
            right = columns["predicted_label"][seen] == self._given_label[seen]
            metrics["train_accuracy"] = float(right.mean())
        return metrics

    def _keep_scores(self) -> None:
        """Keep what the running sums hold already: a page then need not read every epoch again."""
        if not 0 < self.last_epoch == self.info["last_epoch"]:
            return  # no epoch yet, or the last one could not be written
        values = {"sample_id": pa.array(np.arange(len(self._sample_id), dtype=np.int32))}
        nothing = np.full(len(self._sample_id), np.nan)
        for name in MAIN_CRITERIA:
            score = self._scores.get(name)
            in_rows = nothing if score is None else score.value()
            values[name] = pa.array(in_rows[self._row_of_sample])
        table = pa.table(values, metadata={SCORES_VERSION: str(CRITERIA_VERSION)})
        with suppress(OSError):  # a full disk costs only time: they can be computed again
            layout.write_table(layout.epoch_file(self.folder, "scores", self.last_epoch), table)

    def _replay(self, reader: RunReader, last_epoch: int) -> None:
        """Rebuild the running sums from the log, so that a resumed run equals an unbroken one."""
        reads = {column for name in self._scores for column in MAIN_CRITERIA[name].reads}
        epochs = [epoch for epoch in reader.epochs() if epoch <= last_epoch]
        for epoch, columns in reader.iterate(sorted(reads | {"hm_slice"}), epochs):
            self._running.update(epoch, columns["hm_slice"])
            for score in self._scores.values():
                score.update(epoch, columns)


def _labels(
    name: str, labels: Sequence[int] | np.ndarray, n_classes: int, may_be_unknown: bool = False
) -> np.ndarray:
    values = np.asarray(labels)
    if values.ndim != 1 or len(values) == 0 or values.dtype.kind not in "iu":
        raise UsageError(f"{name} must be a non-empty list of whole numbers")
    lowest = -1 if may_be_unknown else 0
    if values.min() < lowest or values.max() >= n_classes:
        raise UsageError(
            f"{name} must lie in 0..{n_classes - 1}, got {values.min()}..{values.max()}"
        )
    return values.astype(np.int64)


def _plain(value: Any) -> Any:
    """Return a JSON value: numpy numbers as Python's, NaN and infinity as null."""
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
