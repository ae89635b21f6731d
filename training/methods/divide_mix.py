"""DivideMix: two networks that part the data for each other and learn semi-supervised."""

from training.methods.split_by_loss import SplitByLoss


class DivideMix(SplitByLoss):
    """DivideMix: samples of small loss are labelled, all others unlabelled, split by the peer.

    After a warm-up with cross entropy, two Gaussians are fitted to each network's losses of the
    evaluation pass; the posterior of the lower one says how far a given label is believed. Each
    network is then trained by MixMatch on the split that its peer's posterior makes. The pass that
    ends an epoch is logged, and parts the data of the next one. A network without a labelled
    sample takes an epoch of cross entropy on all; without an unlabelled one it mixes the labelled.
    A weighting multiplies the loss of the mixed labelled pictures.

    Source: Li et al. (ICLR 2020), and the released code at d9d3058.
    """
