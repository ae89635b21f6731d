"""Fig. 3: the angles of chosen samples to the given, nearest other and next class vector."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dashboard.drawing.clouds import globes
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.maps import check_features
from dashboard.figures.selection import chosen_samples, sample_title
from hmw_core.errors import UsageError
from hmw_core.log.reader import Features, RunReader

VECTORS = ("given", "nearest", "next")


def prepare(
    run: RunReader,
    given_label: int | None = None,
    sample_ids: Sequence[int] | None = None,
    epoch: int | None = None,
) -> pd.DataFrame:
    """Return, by sample, the place of three class vectors and of itself on a sphere.

    The three class vectors span a space of three dimensions in which they have their true mutual
    angles. A sample has as many dimensions as the features: it is projected into that space and
    brought to length 1, so its `angle` to a class vector is the true one, and not that of the
    picture; `share` says how much of its length lies in the space.

    Parameters
    ----------
    run : RunReader
    given_label : int, optional
        The class the samples are chosen from. Default: all.
    sample_ids : sequence of int, optional
        These samples instead.
    epoch : int, optional
        An epoch whose features are logged. Default: the last of them.

    Returns
    -------
    DataFrame
        `panel`, `role`, `sample_id`, `kind` (`given`, `nearest`, `next`, `sample`), `class_name`,
        `angle` (degrees between the sample and that class vector), `x`, `y`, `z` (length 1),
        `share` (of the sample's length, in [0, 1]), `n_dimensions`, `epoch`.

    Raises
    ------
    CannotShow
        If the run has no features or class vectors of that epoch, or none with a direction.

    Notes
    -----
    Source: HMW (AAAI-24), Fig. 3 and Eq. 10.
    """
    check_features(run, epoch)
    chosen = chosen_samples(run, given_label, sample_ids)
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
        part = _on_sphere(feature / length, directions, int(given[sample.sample_id]))
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


def _on_sphere(feature: np.ndarray, directions: np.ndarray, given: int) -> pd.DataFrame:
    """Return a row per class vector, and one of the sample, for unit vectors (D,) and (C, D)."""
    cosine = np.clip(directions @ feature, -1.0, 1.0)
    others = [label for label in np.argsort(-cosine, kind="stable") if label != given]
    labels = [given, *others[:2]]  # two classes have no next one
    basis, corner = np.linalg.qr(directions[labels].T)
    basis = basis * np.where(np.diag(corner) < 0, -1.0, 1.0)  # each vector leans to its own axis
    inside = np.vstack([directions[labels], feature]) @ basis  # (kinds, 2 or 3)
    share = float(np.linalg.norm(inside[-1]))
    inside[-1] /= max(share, 1e-12)
    places = np.zeros((len(inside), 3))
    places[:, [2, 0, 1][: inside.shape[1]]] = inside  # the given class vector points up
    return pd.DataFrame(places, columns=["x", "y", "z"]).assign(
        kind=[*VECTORS[: len(labels)], "sample"],
        class_label=[*labels, given],
        angle=[*np.degrees(np.arccos(cosine[labels])), np.nan],
        share=share,
    )


FIGURE = FigureSpec(
    title="Angles to the class vectors",
    paper="Fig. 3",
    look_for=(
        "An easy sample lies at the given class vector, a mislabeled one nearer another. By the "
        "paper, one about as near the nearest other as the next is hard rather than mislabeled."
    ),
    prepare=prepare,
    drawing=globes,
)
