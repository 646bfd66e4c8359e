"""A linear layer after the trained model, learned from vectors that are computed once. Imports torch.

A step of the whole model costs seconds on a processor, and sees 64 products. A step here takes a fraction of a second,
since nothing is encoded again, and sees 256: in a tenth of the time the layer sees more products than the model did.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense
from torch import Tensor, nn
from torch.nn import functional

from recommender.batching import batches
from recommender.training.joint_loss import QUERY, ROWS, Features, JointLoss
from recommender.training.pace import learning_rate_factor
from recommender.training.training_set import VIEWS

SHARE = 0.2
"""Share of a budget that is kept for the layer, most of it for encoding."""

MOST_PRODUCTS = 8_192
"""Products that the layer learns from. More only take longer to encode."""

_PASSES = 12
_MOST_STEPS = 250
_BATCH = 256
_LEARNING_RATE = 1e-3
_PROXY_LEARNING_RATE = 3e-3
_DROPOUT = 0.1
_WARMUP = 0.1
_ENCODED_AT_ONCE = 512

VECTORS = "vectors"
"""The feature of a view that has the vectors of its texts."""


class LinearHead(nn.Module):
    """Stands for the model in a loss: it maps vectors that are known. It begins as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.change = nn.Parameter(torch.zeros(width, width))

    def forward(self, features: Features) -> Features:
        """Return the embeddings of a view."""
        vectors = features[VECTORS]
        return {"sentence_embedding": vectors + functional.dropout(vectors, _DROPOUT, self.training) @ self.change}

    def layer(self) -> Dense:
        """Return the layer as a module of sentence-transformers."""
        width = len(self.change)
        weight = torch.eye(width) + self.change.detach().cpu().T
        return Dense(width, width, bias=False, activation_function=nn.Identity(), init_weight=weight)


def learn_head(
    model: SentenceTransformer,
    loss: JointLoss,
    rows: Dataset,
    batch_of: Callable[[list[dict[str, Any]]], tuple[list[Features], Tensor | None]],
    prompts: tuple[str, str],
    seconds: float | None,
) -> Dense:
    """Return a linear layer for the model's vectors that lowers `loss` over `rows`, the views of products.

    `batch_of` makes the features of some rows, as in training. `prompts` go before queries and before other texts. Of
    `seconds`, encoding takes at most half, by leaving products out. The loss goes on from its categories, and is of no
    use afterwards.
    """
    started = time.monotonic()
    chance = np.random.default_rng(0)
    drawn: list[dict[str, Any]] = []
    known: dict[tuple[str, str], Tensor] = {}
    prompt_of = {view: prompts[0] if view == VIEWS[QUERY] else prompts[1] for view in VIEWS}
    for numbers in batches(chance.permutation(len(rows))[:MOST_PRODUCTS].tolist(), _ENCODED_AT_ONCE):
        some = list(rows.select(numbers))
        for view, prompt in prompt_of.items():
            texts = list({row[view] for row in some if (prompt, row[view]) not in known})
            if texts:
                found = model.encode(texts, prompt=prompt, convert_to_tensor=True, show_progress_bar=False).float()
                known |= {(prompt, text): vector for text, vector in zip(texts, found, strict=True)}
        drawn += some
        if seconds is not None and time.monotonic() - started > seconds / 2:
            break
    head = LinearHead(model.get_embedding_dimension() or 0).to(model.device)
    loss.model, loss.uses_gradient_cache = head, False
    optimiser = torch.optim.AdamW(
        [
            {"params": head.parameters(), "lr": _LEARNING_RATE},
            {"params": [loss.proxies], "lr": _PROXY_LEARNING_RATE},
        ],
        weight_decay=0.0,
    )
    steps = min(_MOST_STEPS, math.ceil(_PASSES * len(drawn) / _BATCH))
    pace = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: learning_rate_factor(step / steps, _WARMUP))
    for _ in range(steps):
        chosen = [drawn[at] for at in chance.permutation(len(drawn))[:_BATCH].tolist()]
        features, labels = batch_of(chosen)
        for (view, prompt), column in zip(prompt_of.items(), features, strict=True):
            column[VECTORS] = torch.stack([known[prompt, chosen[at][view]] for at in column[ROWS].tolist()])
        parts: dict[str, Tensor] = loss(features, labels)
        optimiser.zero_grad()
        torch.stack([*parts.values()]).sum().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        pace.step()
    return head.layer()
