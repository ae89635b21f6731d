"""The embeddings of past batches, the oldest replaced first."""

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Past(NamedTuple):
    """Entries of a queue, in no order."""

    embedding: Tensor
    """(K, P), no gradient."""
    label: Tensor
    """(K,), int64."""
    sample_id: Tensor
    """(K,), int64."""


class EmbeddingQueue(nn.Module):
    """The last embeddings, each with a label and its sample, as keys beside those of the batch.

    Parameters
    ----------
    length : int
        Entries kept, >= 1.
    n_features : int
        P, of an embedding.
    device

    Source: Wang et al. (CVPR 2020), cross-batch memory.
    """

    embedding: Tensor
    label: Tensor
    sample_id: Tensor
    n_seen: Tensor
    """(), int64, on the CPU, where it is read in every step."""

    def __init__(self, length: int, n_features: int, device: torch.device) -> None:
        super().__init__()
        self.length = length
        self.register_buffer("embedding", torch.zeros(length, n_features, device=device))
        for name in ("label", "sample_id"):
            self.register_buffer(name, torch.full((length,), -1, device=device))
        self.register_buffer("n_seen", torch.zeros((), dtype=torch.int64))

    def past(self) -> Past:
        """Return the entries that are there; fewer than `length` in the beginning, even none."""
        n = min(int(self.n_seen), self.length)
        return Past(self.embedding[:n], self.label[:n], self.sample_id[:n])

    @torch.no_grad()
    def put(self, embedding: Tensor, label: Tensor, sample_id: Tensor) -> None:
        """Add entries (B, P), (B,), (B,) in place of the oldest; of more than fit, the last."""
        n_new = len(embedding)
        kept = torch.arange(max(n_new - self.length, 0), n_new, device=embedding.device)
        slot = (int(self.n_seen) + kept) % self.length
        self.embedding[slot] = embedding[kept].float()
        self.label[slot] = label[kept]
        self.sample_id[slot] = sample_id[kept]
        self.n_seen += n_new
