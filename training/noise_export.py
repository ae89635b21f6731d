"""Noise as a file: the labels of a run, or those that a training would draw."""

import numpy as np

from hmw_core.errors import UsageError
from hmw_core.log.images import fingerprint_of
from hmw_core.log.reader import RunReader
from hmw_core.review.noise_file import write_noise
from training import devices
from training.config import RunConfig
from training.data.prepare import load_data
from training.teacher import posteriors


def export_noise(config: RunConfig, file: str) -> str:
    """Write the labels of the run that `config` names, or that it would draw; say what was written.

    Raises
    ------
    UsageError
        If there is no such run, the true labels are not known, or the file cannot be written.
    """
    if config.run is not None:
        run = RunReader(config.folder)
        samples, seed = run.samples(), (run.info.get("config") or {}).get("data_seed")
        given = samples["given_label"].to_numpy(np.int64)
        true = samples["true_label"].fillna(-1).to_numpy(np.int64)
        noise, class_names = run.info.get("noise") or {}, list(run.class_names)
        source = samples["source"].tolist()
        fingerprint = run.info["dataset"]["fingerprint"]
        seed = run.info.get("seed") if seed is None else seed
    else:
        devices.use_threads(config.threads)
        data = load_data(config, teacher=posteriors)
        given, noise, class_names = data.given_label, data.noise, list(data.class_names)
        true = np.full(len(given), -1) if data.true_label is None else data.true_label
        source, fingerprint = list(data.source), fingerprint_of(data.images, given)
        seed = config.seed if config.data_seed is None else config.data_seed
    if (true < 0).all():
        raise UsageError("the true labels are not known, so there is no noise to write")
    sha256 = write_noise(
        file,
        given_label=given,
        true_label=true,
        class_names=class_names,
        source=source,
        fingerprint=fingerprint,
        noise=noise.get("name"),
        noise_rate=noise.get("rate"),
        data_seed=seed,
        run=config.run,
    )
    wrong = (given != true)[true >= 0].mean()
    return f"{file}: {len(given):,} labels, {wrong:.1%} of them wrong; SHA-256 {sha256}"
