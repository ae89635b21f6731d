"""Log a training loop of your own: three lines, numbered below. Writes data/runs/mine."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch.nn import functional as F

from hmw_core import RunWriter
from hmw_core.objective.weighting.hmw import cosine_to_classes

digits = load_digits()
rng = np.random.default_rng(0)
is_redrawn = rng.random(len(digits.target)) < 0.4
given_label = np.where(is_redrawn, rng.integers(0, 10, len(digits.target)), digits.target)

torch.manual_seed(0)
pixels = torch.tensor(digits.data / 16, dtype=torch.float32)
labels = torch.from_numpy(given_label)
hidden = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.ReLU())
last = torch.nn.Linear(128, 10)
optimizer = torch.optim.SGD([*hidden.parameters(), *last.parameters()], lr=0.1, momentum=0.9)

with RunWriter.create(  # 1: what is trained on
    "data/runs/mine",
    given_label=given_label,
    true_label=digits.target,  # leave it out where it is unknown
    n_classes=10,
    n_epochs=10,
    images=(digits.images * 15.9).astype(np.uint8),
) as log:
    for epoch in range(1, 11):
        for sample_id in torch.randperm(len(pixels)).split(128):
            features = hidden(pixels[sample_id])
            logits = last(features)
            loss = F.cross_entropy(logits, labels[sample_id], reduction="none")
            optimizer.zero_grad()
            loss.mean().backward()
            cosine = cosine_to_classes(features, last.weight)
            log.record(sample_id, logits, cosine=cosine, loss=loss)  # 2: every batch
            optimizer.step()
        log.end_epoch(epoch)  # 3: the epoch is on disk, and on the page
    log.log_features(epoch, hidden(pixels), last.weight)  # for the maps; optional
