"""RunWriter: the three-line logger, and the only thing that writes a run folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from hmw_core.errors import UsageError
from hmw_core.log import layout, run_json
from hmw_core.log.blank_pictures import blank_pictures
from hmw_core.log.images import as_images
from hmw_core.log.layout import Content
from hmw_core.log.lock import FolderLock
from hmw_core.log.reader import RunReader
from hmw_core.log.schema import MethodColumn, MethodMetric, RunWarning
from hmw_core.log.tables import as_half, as_lists
from hmw_core.margins import HMSettings
from hmw_core.recording.arrays import Array, to_numpy
from hmw_core.recording.collector import RecordedEpoch
from hmw_core.recording.network_log import NetworkLog
from hmw_core.recording.new_run import (
    checked_labels,
    checked_names,
    empty_classes,
    kept_outputs,
    make_new_run,
    method_part,
    whole_number,
)
from hmw_core.recording.sample_keys import SampleKeys
from hmw_core.recording.signals import RECORDABLE

NON_FINITE = "Some losses or margins are no finite numbers"
NOTE_EVERY = 1.0  # s between two notes of the last epoch in run.json


class RunWriter:
    """Log every sample of every epoch; see `create`, `record`, `end_epoch` and `finish`."""

    def __init__(
        self, folder: Path, lock: FolderLock, info: dict[str, Any], last_epoch: int = 0
    ) -> None:
        self.folder = folder
        self.info = info
        self._lock = lock
        networks = range(1, info.get("networks", 1) + 1)
        readers = [RunReader(folder, network) for network in networks]
        self._networks = [NetworkLog(reader) for reader in readers]
        self._keys = SampleKeys(readers[0].samples()["source"])
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="run-writer")
        self._pending: Future[None] | None = None
        self.last_epoch = last_epoch
        self._next_note = 0.0
        for reader, network in zip(readers, self._networks, strict=True):
            network.replay(reader, [epoch for epoch in reader.epochs() if epoch <= last_epoch])

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
        images: Any | None = None,
        source: Sequence[str] | None = None,
        test_images: Any | None = None,
        test_label: Sequence[int] | np.ndarray | None = None,
        config: dict[str, Any] | None = None,
        recipe: str | None = None,
        dataset_name: str | None = None,
        noise: dict[str, Any] | None = None,
        seed: int | None = None,
        device: str | None = None,
        outputs: str = "auto",
        outputs_every: int = 1,
        alpha: float = 100.0,
        beta: float = 100.0,
        k: int = 1,
        annealing_start: int = 1,
        absent: Mapping[str, str] | None = None,
        threshold_samples: Mapping[str, Any] | None = None,
        networks: int = 1,
        pass_name: str = "training",
        method_state: Sequence[MethodColumn] = (),
        method_metrics: Sequence[MethodMetric] = (),
        method_arguments: Mapping[str, Any] | None = None,
        validation: Mapping[str, Any] | None = None,
        warnings: Sequence[RunWarning] = (),
    ) -> RunWriter:
        """Make the run folder and return its writer.

        Parameters
        ----------
        path : path
            The run folder, which must not exist. Its name is the run's name.
        given_label : sequence of N ints
            Label trained on, 0..n_classes-1; position is the `sample_id`. A class without a sample
            becomes a warning of the run.
        true_label : sequence of N ints, optional
            Label before noise; a negative one is unknown.
        class_names : sequence of str, optional
            One a class, no two the same. Default: the classes' numbers.
        images : array (N, H, W), (N, H, W, C) or (N, C, H, W), or N encoded pictures, optional
            Kept once per data set, beside the runs, as `log.decoding` reads them: uint8, uint16
            (counts to 65535), bool or floats in 0..1; C is 1 to 4, the last of 2 or 4 is alpha.
        source : sequence of N str, optional
            Path or key of each sample in its data set; where they are unique, `record` takes them
            in place of numbers.
        test_images, test_label : as `images` and `true_label`, of M test samples, optional
            Kept once per data set too, to find pictures that are in both splits; both or neither.
        outputs : {"auto", "full", "topk", "none"}
            Whether all logits and cosines are kept, the ten largest logits, or neither. `auto`
            keeps all where an epoch's logits take at most 200 MB, else the ten largest.
        outputs_every : int
            Keep them every so many epochs (and at the last one).
        alpha, beta, k, annealing_start
            Of the HM weight that is logged, see `margins.HMSettings`.
        absent : mapping of str to str, optional
            What this log will not hold, and why: columns of `schema.SIGNALS`, `logits`, `images`,
            `features`. Pages give the reason, and no criterion is computed from such a column.
        threshold_samples : mapping, optional
            `n`, `share` and `seed` of samples that are trained on in a class of their own and never
            recorded; see `threshold_margins.write_margins`.
        networks : int
            How many networks are logged, 1 or more.
        pass_name : {"training", "evaluation"}
            The pass that is recorded, the same in every epoch.
        method_state : sequence of MethodColumn
            What `record` will be told in `state`.
        method_metrics : sequence of MethodMetric
            What `end_epoch` will be told of the method.
        method_arguments : mapping, optional
            Its arguments as they were used, defaults worked out.
        validation : mapping, optional
            `n`, `share` and `labels` of samples that are held out of the training, and so are
            never recorded in a training pass.
        warnings : sequence of RunWarning
            What a reader must know of these data; `warn` adds more.

        Raises
        ------
        UsageError
            If the folder exists, or an argument does not fit the others.
        """
        n_classes = whole_number("n_classes", n_classes, at_least=2)
        n_epochs = whole_number("n_epochs", n_epochs, at_least=1)
        names = checked_names(class_names, n_classes)
        given = checked_labels("given_label", given_label, n_classes)
        if images is not None:
            images = as_images(images)
        true = None
        if true_label is not None:
            true = checked_labels("true_label", true_label, n_classes, may_be_unknown=True)
        lengths = {"true_label": true, "images": images, "source": source}
        for what, values in lengths.items():
            if values is not None and len(values) != len(given):
                raise UsageError(f"{len(given)} given labels but {len(values)} in {what}")
        test = None
        if test_images is not None and test_label is not None:
            test = as_images(test_images), checked_labels("test_label", test_label, n_classes)
            if len(test[0]) != len(test[1]):
                raise UsageError(f"{len(test[0])} test images but {len(test[1])} test labels")
        elif test_images is not None or test_label is not None:
            raise UsageError("test_images and test_label go together; one of them is missing")
        settings = HMSettings(float(alpha), float(beta), k, annealing_start)
        settings.check(n_classes)
        folder = Path(path).absolute()  # the caller may change the working folder
        dataset = {
            "name": dataset_name,
            "n_classes": n_classes,
            "class_names": names,
        }
        said_at_first = (*empty_classes(given, names), *warnings, *blank_pictures(images))
        info = {
            "recipe": recipe,
            "noise": noise,
            "n_epochs": n_epochs,
            "seed": seed,
            "weighting": asdict(settings),
            "absent": dict(absent or {}),
            "outputs": kept_outputs(outputs, outputs_every, len(given), n_classes),
            "threshold_samples": None if threshold_samples is None else dict(threshold_samples),
            **method_part(networks, pass_name, method_state, method_metrics),
            "method_arguments": dict(method_arguments or {}),
            "validation": None if validation is None else dict(validation),
            "config": config or {},
            "device": device,
            "warnings": [asdict(said) for said in said_at_first],
        }
        return cls(folder, *make_new_run(folder, given, true, images, source, dataset, info, test))

    @classmethod
    def resume(cls, path: str | Path, last_epoch: int | None = None) -> RunWriter:
        """Return a writer that continues after `last_epoch` (default: the last whole epoch).

        Raises
        ------
        UsageError
            If it is no run, is being written, or is logged to fewer epochs.
        OSError
            If it cannot be written.
        """
        folder = Path(path).absolute()
        RunReader(folder)  # which says why it is no run
        lock = FolderLock(folder)
        info = layout.read_info(folder)
        whole = RunReader(folder).last_epoch
        last = whole if last_epoch is None else last_epoch
        if last > whole:
            raise UsageError(f"run {folder.name!r} is logged to epoch {whole}, not to {last}")
        info |= {"status": "running", "error": None, "last_epoch": last}
        info.setdefault("absent", {})
        writer = cls(folder, lock, info, last)
        for network in reversed(writer._networks):  # the first network's make an epoch count
            for epoch in range(last + 1, whole + 1):  # they will be run again: no mix of two runs
                layout.epoch_file(network.folder, "metrics", epoch).unlink(missing_ok=True)
            for epoch in layout.logged_epochs(network.folder, "scores"):  # of where it ended
                layout.epoch_file(network.folder, "scores", epoch).unlink(missing_ok=True)
        layout.write_json(folder / "run.json", info, indent=1)
        return writer

    def record(
        self,
        sample_id: Array,
        logits: Array | None = None,
        cosine: Array | None = None,
        loss: Array | None = None,
        weight: Array | None = None,
        *,
        network: int = 1,
        state: Mapping[str, Array] | None = None,
        copy: bool = True,
    ) -> None:
        """Keep a batch until the epoch ends; torch or numpy, any device, no wait for it.

        A sample recorded twice in an epoch counts with its last pass; one that is not recorded is
        null in that epoch, and adds nothing to a mean.

        Parameters
        ----------
        sample_id : (B,) or (B, 1) int, or B keys
            Position in `given_label`, or key in `source`; see `sample_keys`.
        logits : (B, C) float
            Raw, of the run's pass. Left out, only `state` is recorded.
        cosine : (B, C) float, optional
            Eq. 10, in [-1, 1]. Without it distances and HM weight stay null.
        loss : (B,) float, optional
            Unweighted, nat. Default: the cross entropy of `logits`.
        weight : (B,) float, optional
            Factor used on the loss.
        network : int
            Whose results these are, 1 to the run's number of networks.
        state : mapping of str to (B,), optional
            Columns of the method, as `create` was told of in `method_state`.
        copy : bool
            False where nothing changes the arrays before the epoch ends; that saves a copy.

        Raises
        ------
        UsageError
            If lengths, shapes, types or names do not fit, or an id is none of this run.
        """
        ids = self._keys.positions(sample_id)
        log = self._network(network)
        if state:
            known = [column.name for column in log.method_columns]
            unknown = [name for name in state if name not in known]
            if unknown:
                raise UsageError(
                    f"record: unknown state {unknown[0]!r}; "
                    f"this run keeps {', '.join(known) or 'none'}"
                )
            log.collector.put_state(ids, state)
        batch = {"logits": logits, "cosine": cosine, "loss": loss, "weight": weight}
        if logits is not None:
            given = {name: values for name, values in batch.items() if values is not None}
            log.collector.put(ids, given, self._keep(), copy)
        elif not state:
            raise UsageError("record needs logits, state, or both; got neither")

    def record_signals(self, sample_id: Array, **columns: Array) -> None:
        """Keep a batch of which no logits are at hand, only some columns made from them.

        For logs that come from elsewhere: what is not given stays null, and the criteria that
        need it are absent; say why with `absent` of `create`.

        Parameters
        ----------
        sample_id
            As `record`'s.
        **columns : (B,) float or int
            Of `signals.RECORDABLE`, as `schema.SIGNALS` defines them; the same in every batch of
            an epoch. NaN is null. `probabilities` (B, C) go to the outputs.

        Raises
        ------
        UsageError
            As `record`, or if a column is unknown.
        """
        unknown = columns.keys() - {*RECORDABLE, "probabilities"}
        if unknown or not columns:
            got = ", ".join(sorted(unknown)) or "none"
            raise UsageError(f"record_signals takes {', '.join(RECORDABLE)}; got {got}")
        self._networks[0].collector.put(self._keys.positions(sample_id), columns, "none")

    def end_epoch(
        self, epoch: int, *, after: Callable[[], None] | None = None, **metrics: float | str | None
    ) -> None:
        """Write the epoch in the background; it becomes visible whole.

        `after` is called there once the epoch is on disk (a checkpoint belongs there: it is then
        never ahead of the log). What goes wrong is raised by the next call.

        Raises
        ------
        UsageError
            If the epoch is not the one after the last, or nothing was recorded; also, once the
            epoch is logged without them, if ids that came on a device are out of range.
        OSError
            If an earlier epoch could not be written.
        """
        self.flush()
        if epoch != self.last_epoch + 1:
            raise UsageError(f"epoch {epoch} ends, but {self.last_epoch + 1} is the next one")
        if epoch > self.info["n_epochs"]:
            raise UsageError(f"epoch {epoch} is past n_epochs = {self.info['n_epochs']}")
        recorded = []
        for number, network in enumerate(self._networks, start=1):
            rows = network.collector.take()
            if rows is None or not len(rows.sample_id):
                whose = "" if number == 1 else f" of network {number}"
                raise UsageError(f"epoch {epoch} ends, but nothing{whose} was recorded in it")
            recorded.append(rows)
        first = recorded[0].parts.keys()
        if "hm_slice" not in first:  # no logits: an imported log, of some columns only
            for name in set(RECORDABLE) - first - self.info["absent"].keys():
                self.info["absent"][name] = "the loop recorded no such column"
        self.last_epoch = epoch
        self._pending = self._thread.submit(self._write_epoch, epoch, recorded, metrics, after)
        for rows in recorded:
            if rows.refusal is not None:
                raise UsageError(f"{rows.refusal}; epoch {epoch} is logged without such rows")

    def log_features(
        self,
        epoch: int,
        features: Array,
        class_vectors: Array | None = None,
        *,
        network: int = 1,
    ) -> None:
        """Keep the penultimate features of every sample, (N, D), and the class vectors, (C, D)."""
        self._check_folder()
        folder = self._network(network).folder
        n_samples = self.info["dataset"]["n_samples"]
        values = to_numpy(features).astype(np.float32, copy=False)
        if values.ndim != 2 or len(values) != n_samples:
            raise UsageError(f"features must have shape ({n_samples}, D), got {values.shape}")
        if class_vectors is not None:
            vectors = to_numpy(class_vectors).astype(np.float32, copy=False)
            table = {
                "class_label": pa.array(np.arange(len(vectors), dtype=np.int32)),
                "class_vector": as_lists(vectors),
            }
            layout.write_table(layout.class_vectors_file(folder, epoch), pa.table(table))
        table = {"sample_id": pa.array(np.arange(len(values), dtype=np.int32))}
        table["features"] = as_lists(as_half(values))
        layout.write_table(layout.epoch_file(folder, "features", epoch), pa.table(table))

    def note_facts(self, facts: Mapping[str, Any]) -> None:
        """Keep what the method has found out so far: `method_facts` of `run.json`.

        Raises
        ------
        UsageError
            If they are not what `run_json` accepts.
        """
        if facts == (self.info.get("method_facts") or {}):
            return
        changed = self.info | {"method_facts": dict(facts)}
        try:
            run_json.check(changed)
        except ValueError as error:
            raise UsageError(f"what the method found out cannot be kept: {error}") from None
        self.info["method_facts"] = dict(facts)
        self._next_note = 0.0

    def warn(self, text: str, sample_id: Sequence[int] = ()) -> None:
        """Add a `RunWarning`, which the run's pages show; a text that is there already is not."""
        if text not in self.warnings():
            warning = RunWarning(text, tuple(int(i) for i in sample_id))
            known = self.info.get("warnings", [])
            self.info["warnings"] = [*known, asdict(warning)]  # the thread may be writing the old
            self._next_note = 0.0

    def warnings(self) -> list[str]:
        """Return the sentences of the run's warnings."""
        return [entry["text"] for entry in self.info.get("warnings", [])]

    def flush(self) -> None:
        """Wait until every ended epoch is on disk; raise what went wrong there."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def finish(self, status: str = "finished", error: str | None = None) -> None:
        """Write what is pending, say how the run ended, and let go of it.

        Raises
        ------
        OSError
            If it could not be written, or the folder was deleted or renamed; `run.json`, where
            it still lies, then says that the run failed.
        """
        if not self._lock.free.alive:
            return  # it has ended already, and said how
        try:
            self.flush()
            if status != "failed":
                self._check_folder()
            is_here = self._lock.where() == self.folder
            if is_here and 0 < self.last_epoch == self.info["last_epoch"]:  # it could be written
                for network in self._networks:
                    with suppress(OSError):  # a full disk costs time: they are computed again
                        layout.write_files(network.scores_file(self.last_epoch))
        except BaseException as problem:
            if status != "failed":
                status, error = "failed", str(problem) or type(problem).__name__
            raise
        finally:
            self._thread.shutdown()
            self.info |= {"status": status, "error": error}
            try:
                folder = self._lock.where()
                if folder is not None:
                    layout.write_json(folder / "run.json", self.info, indent=1)
            finally:
                self._lock.free()

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object):
        if kind is None:
            self.finish()
        elif issubclass(kind, KeyboardInterrupt):
            self.finish("stopped")
        else:
            self.finish("failed", f"{kind.__name__}: {error}")

    def _check_folder(self) -> None:
        """Refuse to write on where the folder is no longer this run's."""
        folder = self._lock.where()
        if folder is None:
            raise OSError(
                f"the run folder {self.folder} was deleted or moved away, or its file .lock was"
            )
        if folder != self.folder:
            raise OSError(f"the run folder {self.folder} was renamed to {folder}")
        last = self.info["last_epoch"]
        for network in self._networks:
            for kind in ("signals", "metrics") if last else ():  # without which no epoch counts
                file = layout.epoch_file(network.folder, kind, last)
                if not file.exists():
                    raise OSError(f"{file} was deleted, and what follows is nothing without it")

    def _network(self, number: int) -> NetworkLog:
        if not 1 <= number <= len(self._networks):
            raise UsageError(
                f"network {number} is recorded, but the run logs {len(self._networks)}"
            )
        return self._networks[number - 1]

    def _keep(self) -> str:
        """Return what the epoch being recorded keeps of its outputs."""
        outputs, epoch = self.info["outputs"], self.last_epoch + 1
        is_due = epoch % outputs["every"] == 0 or epoch == self.info["n_epochs"]
        return outputs["keep"] if is_due else "none"

    def _write_epoch(
        self,
        epoch: int,
        recorded: Sequence[RecordedEpoch],
        metrics: dict[str, float | str | None],
        after: Callable[[], None] | None,
    ) -> None:
        self._check_folder()
        files: dict[Path, Content] = {}
        # The first network comes last: its metrics are the last file, and make the epoch count.
        for network, rows in reversed(list(zip(self._networks, recorded, strict=True))):
            files |= network.files_of_epoch(epoch, rows, metrics)
            self._warn_of_non_finite(epoch, network.non_finite_id)
        layout.write_files(files)
        self.info["last_epoch"] = epoch
        if time.monotonic() >= self._next_note:  # epochs may take milliseconds; the files tell too
            layout.write_json(self.folder / "run.json", self.info, indent=1)
            self._next_note = time.monotonic() + NOTE_EVERY
        if after is not None:
            after()

    def _warn_of_non_finite(self, epoch: int, sample_id: np.ndarray) -> None:
        """Say it once a run, of the first epoch; the metrics count on."""
        if len(sample_id) and not any(text.startswith(NON_FINITE) for text in self.warnings()):
            n_samples = self.info["dataset"]["n_samples"]
            self.warn(
                f"{NON_FINITE}, first in epoch {epoch}, of {len(sample_id):,} of {n_samples:,} "
                "samples: an overflow, for example, or a given class that is masked. The log keeps "
                "such values, and every mean, score and rank leaves them out; the metric "
                "n_non_finite counts the samples of each epoch.",
                np.sort(sample_id)[:12].tolist(),
            )
