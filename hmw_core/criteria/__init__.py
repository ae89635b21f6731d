"""Per-sample scores that rank training samples by suspicion, one family a file.

Contract, so that no file repeats it: a criterion is a `Criterion` that names the columns it
reads, gives one value a sample and epoch, and says how the epochs are drawn together and what a
high score means. Order here is order in menus. A training computes those of `MAIN_CRITERIA` epoch
by epoch; the others are computed from its log when somebody asks.
"""

from hmw_core.criteria.cleanlab_scores import (
    CONFIDENCE_WEIGHTED_ENTROPY,
    CONFIDENT_LEARNING,
    MEAN_CONFIDENT_LEARNING,
    NORMALIZED_MARGIN,
    SELF_CONFIDENCE,
)
from hmw_core.criteria.criterion import Criterion
from hmw_core.criteria.dynamics import (
    CONFIDENCE,
    CORRECTNESS,
    EL2N,
    FIRST_LEARNED,
    FORGETTING,
    PREDICTION_FLIPS,
    VARIABILITY,
)
from hmw_core.criteria.ensemble import ensemble_of
from hmw_core.criteria.hyperspherical import (
    HM_WEIGHT,
    HYPERSPHERICAL_AUM,
    HYPERSPHERICAL_IAM,
    HYPERSPHERICAL_TKUM,
    hm_weight_of,
    hyperspherical_iam_of,
    hyperspherical_tkum_of,
)
from hmw_core.criteria.logit_margins import (
    AUM,
    AUM_ANNEALED,
    AUM_OF_PROBABILITIES,
    IAM,
    IAM_NO_ANNEALING,
    TKUM,
    iam_of,
    tkum_of,
)
from hmw_core.criteria.loss import (
    EMA_LOSS,
    GMM_LOSS,
    JENSEN_SHANNON,
    LAST_LOSS,
    MEAN_GCE,
    MEAN_LOSS,
)
from hmw_core.criteria.neighbour_scores import NEIGHBOUR_DISAGREEMENT, NEIGHBOUR_VOTE

# Counts up whenever a criterion's numbers change: scores kept by an older version are not used.
CRITERIA_VERSION = 2
OTHER_K = (3, 5)

MAIN_CRITERIA: dict[str, Criterion] = {
    "last_loss": LAST_LOSS,
    "mean_loss": MEAN_LOSS,
    "aum": AUM,
    "tkum": TKUM,
    "iam": IAM,
    "iam_no_annealing": IAM_NO_ANNEALING,
    "hyperspherical_aum": HYPERSPHERICAL_AUM,
    "hyperspherical_tkum": HYPERSPHERICAL_TKUM,
    "hm_weight": HM_WEIGHT,
    "confidence": CONFIDENCE,
}

CRITERIA: dict[str, Criterion] = {
    **MAIN_CRITERIA,
    "ema_loss": EMA_LOSS,
    "gmm_loss": GMM_LOSS,
    "jensen_shannon": JENSEN_SHANNON,
    "mean_gce": MEAN_GCE,
    "aum_of_probabilities": AUM_OF_PROBABILITIES,
    "aum_annealed": AUM_ANNEALED,
    "hyperspherical_iam": HYPERSPHERICAL_IAM,
    "correctness": CORRECTNESS,
    "variability": VARIABILITY,
    "forgetting": FORGETTING,
    "first_learned": FIRST_LEARNED,
    "prediction_flips": PREDICTION_FLIPS,
    "el2n": EL2N,
    "self_confidence": SELF_CONFIDENCE,
    "normalized_margin": NORMALIZED_MARGIN,
    "confidence_weighted_entropy": CONFIDENCE_WEIGHTED_ENTROPY,
    "confident_learning": CONFIDENT_LEARNING,
    "mean_confident_learning": MEAN_CONFIDENT_LEARNING,
    "neighbour_disagreement": NEIGHBOUR_DISAGREEMENT,
    "neighbour_vote": NEIGHBOUR_VOTE,
    "ensemble": ensemble_of(
        MAIN_CRITERIA,
        source="mean rank of all of the main criteria that a run has, TKUM among them although it "
        "is weak; none chosen, none weighted",
    ),
}

# The same with another k of Eq. 6, or other scales of Eq. 12: no entries of a menu, but a choice of
# k beside it (`k_forms`), and names that old links, commands and files of labels may hold.
VARIANTS: dict[str, Criterion] = {
    **{f"tkum_k{k}": tkum_of(k) for k in OTHER_K},
    **{f"iam_k{k}": iam_of(k) for k in OTHER_K},
    **{f"hyperspherical_iam_k{k}": hyperspherical_iam_of(k) for k in OTHER_K},
    **{f"hyperspherical_tkum_k{k}": hyperspherical_tkum_of(k) for k in OTHER_K},
    **{f"hm_weight_k{k}": hm_weight_of(100.0, 100.0, k) for k in OTHER_K},
    "hm_weight_scale_10": hm_weight_of(10.0, 10.0, 1),
}
NAMED: dict[str, Criterion] = CRITERIA | VARIANTS  # every name that is understood
