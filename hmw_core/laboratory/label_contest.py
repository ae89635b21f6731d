"""Whose label is right more often: the training method's own, or the one voted by predictions."""

import pandas as pd

from hmw_core.log.reader import RunReader
from hmw_core.samples.compare import wilson
from hmw_core.samples.method_parts import method_labels
from hmw_core.samples.suggestions import suggest, suggested_label

WRONG, DIFFER = "samples whose given label is wrong", "samples on which the two differ"
METHOD, VOTES = "the method's label", "votes of the epochs"
CONTEST_RULE = (
    "Of samples whose given label is wrong, the votes' answer is the suggestion of the review, "
    "which is never the given label; a sample without an answer counts as wrong. Where the two "
    "differ, it is the class predicted in the most epochs, the given one included. In brackets "
    "are 95 % intervals (Wilson)."
)


def label_contest(run: RunReader, epoch: int | None = None) -> pd.DataFrame:
    """Return how often each of the two is the true label, where that is known.

    Parameters
    ----------
    run : RunReader
        Of a method that comes to labels of its own.
    epoch : int, optional
        Last epoch used. Default: the last one logged.

    Returns
    -------
    DataFrame
        A row per `among` (`WRONG`, `DIFFER`) and `label` (`METHOD`, `VOTES`): `n` samples, `right`
        of them, their `share` in [0, 1] with its 95 % interval `low`, `high`. Empty where no true
        label is known. `CONTEST_RULE` explains it.
    """
    samples = run.samples().set_index("sample_id")
    known = samples[samples["true_label"].notna()]
    columns = ["among", "label", "n", "right", "share", "low", "high"]
    if known.empty or not run.last_epoch:
        return pd.DataFrame(columns=columns)
    own = method_labels(run, epoch)
    wrong = known.index[known["is_mislabeled"].astype(bool)]
    voted = suggest(run, known.index.to_numpy(), epoch, top=1)
    first = voted.set_index("sample_id")["label"].astype("Int64").reindex(known.index)
    differ = known.index[(first != own.loc[known.index]).fillna(False).astype(bool)]
    rows = []
    for among, ids, votes in (
        (WRONG, wrong, suggested_label(run, wrong.to_numpy(), epoch)),
        (DIFFER, differ, first.loc[differ]),
    ):
        true = known.loc[ids, "true_label"].astype("Int64")
        for label, said in ((METHOD, own.loc[ids]), (VOTES, votes)):
            is_right = (said.to_numpy() == true.to_numpy()) if len(ids) else []
            right = int(pd.Series(is_right, dtype="boolean").fillna(False).sum())
            low, high = wilson(right, len(ids))
            share = right / len(ids) if len(ids) else float("nan")
            rows.append((among, label, len(ids), right, share, low, high))
    return pd.DataFrame(rows, columns=columns)
