"""Per-sample scores that rank training samples by suspicion; what belongs together shares a file.

Contract, so that no file repeats it: a criterion is a `Criterion` that names the columns it
reads, gives one value a sample and epoch, and says how the epochs are drawn together and what a
high score means. Order here is order in menus. A training computes those of `MAIN_CRITERIA` epoch
by epoch; the others are computed from its log when somebody asks.
"""

from hmw_core.criteria.aum import AUM
from hmw_core.criteria.aum_annealed import AUM_ANNEALED
from hmw_core.criteria.aum_of_probabilities import AUM_OF_PROBABILITIES
from hmw_core.criteria.cartography import CORRECTNESS, VARIABILITY
from hmw_core.criteria.cleanlab_scores import (
    CONFIDENCE_WEIGHTED_ENTROPY,
    CONFIDENT_LEARNING,
    MEAN_CONFIDENT_LEARNING,
    NORMALIZED_MARGIN,
    SELF_CONFIDENCE,
)
from hmw_core.criteria.confidence import CONFIDENCE
from hmw_core.criteria.criterion import Criterion
from hmw_core.criteria.el2n import EL2N
from hmw_core.criteria.ema_loss import EMA_LOSS
from hmw_core.criteria.ensemble import ensemble_of
from hmw_core.criteria.forgetting import FIRST_LEARNED, FORGETTING, PREDICTION_FLIPS
from hmw_core.criteria.gmm_loss import GMM_LOSS
from hmw_core.criteria.hm_weight import HM_WEIGHT
from hmw_core.criteria.hyperspherical_aum import HYPERSPHERICAL_AUM
from hmw_core.criteria.hyperspherical_iam import HYPERSPHERICAL_IAM
from hmw_core.criteria.hyperspherical_tkum import HYPERSPHERICAL_TKUM
from hmw_core.criteria.iam import IAM
from hmw_core.criteria.iam_no_annealing import IAM_NO_ANNEALING
from hmw_core.criteria.jensen_shannon import JENSEN_SHANNON
from hmw_core.criteria.last_loss import LAST_LOSS
from hmw_core.criteria.mean_gce import MEAN_GCE
from hmw_core.criteria.mean_loss import MEAN_LOSS
from hmw_core.criteria.neighbour_scores import NEIGHBOUR_DISAGREEMENT, NEIGHBOUR_VOTE
from hmw_core.criteria.other_k import (
    hm_weight_of,
    hyperspherical_iam_of,
    hyperspherical_tkum_of,
    iam_of,
    tkum_of,
)
from hmw_core.criteria.tkum import TKUM

# Counts up whenever a criterion's numbers change: scores kept by an older version are not used.
CRITERIA_VERSION = 1

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
    "tkum_k3": tkum_of(3),
    "tkum_k5": tkum_of(5),
    "iam_k3": iam_of(3),
    "iam_k5": iam_of(5),
    "hyperspherical_iam": HYPERSPHERICAL_IAM,
    "hyperspherical_iam_k3": hyperspherical_iam_of(3),
    "hyperspherical_iam_k5": hyperspherical_iam_of(5),
    "hyperspherical_tkum_k3": hyperspherical_tkum_of(3),
    "hyperspherical_tkum_k5": hyperspherical_tkum_of(5),
    "hm_weight_k3": hm_weight_of(100.0, 100.0, 3),
    "hm_weight_k5": hm_weight_of(100.0, 100.0, 5),
    "hm_weight_scale_10": hm_weight_of(10.0, 10.0, 1),
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
