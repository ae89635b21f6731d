"""Fig. 3: the angles of chosen samples to the given, nearest other and next class vector."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dashboard.drawing.clouds import fans
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.maps import check_features
from dashboard.figures.selection import chosen_samples, one_class, sample_title
from hmw_core.errors import UsageError
from hmw_core.log.reader import Features, RunReader
from hmw_core.samples.groups import HARD_BY

VECTORS = ("given", "nearest", "next")


def prepare(
    run: RunReader,
    given_label: int | None = None,
    sample_ids: Sequence[int] | None = None,
    epoch: int | None = None,
    hard_by: str = HARD_BY,
) -> pd.DataFrame:
    """Return, by sample, its angles to three class vectors.

    A sample and three class vectors span four dimensions, so no picture has all six of their
    angles. The figure has the three that the paper compares, each at its true size, and leaves
    those between two class vectors out.

    Parameters
    ----------
    run : RunReader
    given_label : int, optional
        The class the samples are chosen from. Default: that of `telling_class`.
    sample_ids : sequence of int, optional
        These samples instead.
    epoch : int, optional
        An epoch whose features are logged. Default: the last of them.
    hard_by : str
        The criterion that says which clean sample is hard.

    Returns
    -------
    DataFrame
        `panel`, `role`, `sample_id`, `kind` (`given`, `nearest`, `next`: the class vectors of the
        given label and, among the others, of the smallest two angles), `class_name`, `angle`
        (degrees between the sample and that class vector, in [0, 180]), `n_dimensions`, `epoch`.

    Raises
    ------
    CannotShow
        If the run has no features or class vectors of that epoch, or none with a direction.

    Notes
    -----
    Source: HMW (AAAI-24), Fig. 3 and Eq. 10.
    """
    check_features(run, epoch)
    given_label = one_class(run, given_label, sample_ids)
    chosen = chosen_samples(run, given_label, sample_ids, None, hard_by)
    try:
        logged = run.features(epoch, sample_id=chosen["sample_id"].tolist())
    except UsageError as error:  # the file is damaged
        raise CannotShow(str(error)) from None
    directions = _class_directions(run, logged)
    given = run.samples()["given_label"]
    row_of = pd.Series(np.arange(len(logged.sample_id)), index=logged.sample_id)
    parts = []
    for sample in chosen.itertuples():
        feature = logged.features[row_of[sample.sample_id]].astype(float)
        length = np.linalg.norm(feature)
        if not (np.isfinite(length) and length > 0):
            raise CannotShow(
                f"sample {sample.sample_id} of run {run.name!r} has no angles: its features after "
                f"epoch {logged.epoch} are zero or not finite"
            )
        part = _angles(feature / length, directions, int(given[sample.sample_id]))
        part["class_name"] = part.pop("class_label").map(dict(enumerate(run.class_names)))
        title = sample_title(sample.role, sample.sample_id, sample.given_name, sample.true_name)
        parts.append(part.assign(panel=title, role=sample.role, sample_id=sample.sample_id))
    table = pd.concat(parts, ignore_index=True)
    return table.assign(n_dimensions=directions.shape[1], epoch=logged.epoch)


def _class_directions(run: RunReader, logged: Features) -> np.ndarray:
    """Return the class vectors at length 1, (C, D)."""
    if logged.class_vectors is None:
        raise CannotShow(f"run {run.name!r} has no class vectors of epoch {logged.epoch}")
    vectors = logged.class_vectors.astype(float)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise CannotShow(
            f"class vectors of run {run.name!r}, epoch {logged.epoch}, are zero or not finite"
        )
    return vectors / lengths


def _angles(feature: np.ndarray, directions: np.ndarray, given: int) -> pd.DataFrame:
    """Return a row per class vector, for unit vectors of shape (D,) and (C, D)."""
    cosine = np.clip(directions @ feature, -1.0, 1.0)
    others = [label for label in np.argsort(-cosine, kind="stable") if label != given]
    labels = [given, *others[:2]]  # two classes have no next one
    angle = np.degrees(np.arccos(cosine[labels]))
    return pd.DataFrame({"kind": VECTORS[: len(labels)], "class_label": labels, "angle": angle})


FIGURE = FigureSpec(
    title="Angles to the class vectors",
    paper="Fig. 3",
    look_for=(
        "The sample points to 0°. An easy one lies near its given class vector, a mislabeled one "
        "nearer another. By the paper, one about as near the nearest other as the next is hard "
        "rather than mislabeled. Angles to the sample are exact; two class vectors drawn close "
        "together need not be close to each other, and lengths mean nothing."
    ),
    prepare=prepare,
    drawing=fans,
)
