"""A linear layer after the trained model, learned from vectors that are computed once. Imports torch.

A step of the whole model costs seconds on a processor, and sees 64 products. A step here takes a fraction of a second,
since nothing is encoded again, and sees 512: in a tenth of the time the layer sees more products than the model did.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense
from torch import Tensor, nn
from torch.nn import functional

from recommender.batching import batches
from recommender.training.joint_loss import QUERY, ROWS, Features, JointLoss, sum_parts
from recommender.training.pace import learning_rate_factor
from recommender.training.training_set import VIEWS

SHARE = 0.2
"""Share of a budget that is kept for the layer, most of it for encoding."""

MOST_PRODUCTS = 8_192
"""Products that the layer learns from. More only take longer to encode."""

_PASSES = 24
_MOST_STEPS = 250
_BATCH = 512
_LEARNING_RATE = 5e-4
_PAIRS_WEIGH = 2.0
"""Weight of fields and queries, as a multiple of the run's own: after a whole run it is these that still gain."""
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


@dataclass(frozen=True, slots=True)
class KnownViews:
    """Views of products, and the vector of each text with the prompt that goes before it."""

    rows: Sequence[dict[str, Any]]
    vectors: Mapping[tuple[str, str], Tensor]
    prompts: Mapping[str, str]

    def of(self, rows: Sequence[dict[str, Any]], view: str) -> Tensor:
        """Return the vectors of one view of some rows: [n, d]."""
        return torch.stack([self.vectors[self.prompts[view], row[view]] for row in rows])


def encode_views(
    model: SentenceTransformer, rows: Dataset, prompts: tuple[str, str], deadline: float | None
) -> KnownViews:
    """Encode the views of rows drawn at random, as many as there is time for until `deadline` (`time.monotonic`).

    `prompts` go before queries and before other texts.
    """
    prompt_of = {view: prompts[0] if view == VIEWS[QUERY] else prompts[1] for view in VIEWS}
    drawn: list[dict[str, Any]] = []
    known: dict[tuple[str, str], Tensor] = {}
    order = np.random.default_rng(0).permutation(len(rows))[:MOST_PRODUCTS].tolist()
    for numbers in batches(order, _ENCODED_AT_ONCE):
        some = list(rows.select(numbers))
        for view, prompt in prompt_of.items():
            texts = list({row[view] for row in some if (prompt, row[view]) not in known})
            if texts:
                found = model.encode(texts, prompt=prompt, convert_to_tensor=True, show_progress_bar=False).float()
                known |= {(prompt, text): vector for text, vector in zip(texts, found, strict=True)}
        drawn += some
        if deadline is not None and time.monotonic() > deadline:
            break
    return KnownViews(drawn, known, prompt_of)


def learn_head(
    width: int,
    loss: JointLoss,
    views: KnownViews,
    batch_of: Callable[[list[dict[str, Any]]], tuple[list[Features], Tensor | None]],
    seconds: float | None,
) -> Dense:
    """Return a linear layer for vectors of `width` components that lowers `loss` over views of products.

    `batch_of` makes the features of some rows, as in training. The loss goes on from its categories, and is of no use
    afterwards. With `seconds`, the learning rate falls in time.
    """
    head = LinearHead(width).to(loss.proxies.device)
    loss.model, loss.uses_gradient_cache, loss.tokens_at_once = head, False, None
    fields, queries = _PAIRS_WEIGH * loss.weights.fields, _PAIRS_WEIGH * loss.weights.queries
    loss.weights = replace(loss.weights, fields=fields, queries=queries)
    proxies = {"params": [loss.proxies], "lr": _PROXY_LEARNING_RATE}
    optimiser = torch.optim.AdamW([{"params": head.parameters(), "lr": _LEARNING_RATE}, proxies], weight_decay=0.0)
    steps = min(_MOST_STEPS, math.ceil(_PASSES * len(views.rows) / _BATCH))
    begun = time.monotonic()

    def progress(step: int) -> float:
        timed = 0.0 if seconds is None else (time.monotonic() - begun) / max(seconds, 0.1)
        return min(1.0, max(step / steps, timed))

    pace = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: learning_rate_factor(progress(step), _WARMUP))
    chance = np.random.default_rng(1)
    for step in range(steps):
        if progress(step) >= 1:
            break
        chosen = [views.rows[at] for at in chance.permutation(len(views.rows))[:_BATCH].tolist()]
        features, labels = batch_of(chosen)
        for view, column in zip(VIEWS, features, strict=True):
            column[VECTORS] = views.of([chosen[at] for at in column[ROWS].tolist()], view)
        parts: dict[str, Tensor] = loss(features, labels)
        optimiser.zero_grad()
        sum_parts(parts).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        pace.step()
    return head.layer()
