"""The default loss: categories, fields and synthetic queries, learned from one batch. Imports torch."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.losses.gradcache import CachedLossMixin
from torch import Tensor, nn
from torch.nn import functional

from recommender.embedding.token_batches import TOKENS_PER_RUN, token_batches
from recommender.embedding.words import fold
from recommender.evaluation.triplets import Path
from recommender.training.devices import has_processes
from recommender.training.options import JointWeights
from recommender.training.training_set import VIEWS, Label

SCALE = 20.0
"""Inverse temperature of the pairs' softmax over cosines: the default of `MultipleNegativesRankingLoss`."""

CATEGORY_TEMPERATURE = 0.06
"""Temperature of the softmax over categories, and of the one over the other products of a batch."""

NEAR_CATEGORY = 0.2
"""Share of the category target that goes to other categories, graded by the depth of their common ancestor."""

_LEAST_TARGET = 0.05
"""A product has no neighbour in its batch to be drawn to if its similarities to all the others have a smaller sum."""

QUERY, TEXT, TITLE, DESCRIPTION = range(len(VIEWS))

ROWS = "rows"
"""The feature of a view that says which products of the batch have it."""

ANSWERS = "answers"
"""The feature of the queries that says which products of the batch answer them."""

_WORD = re.compile(r"[^\W_]+")

Features = dict[str, Tensor]


class JointLoss(CachedLossMixin, nn.Module):
    """Four objectives over the views of the products of one batch, each text encoded once.

    - category: softmax over one learned vector a category, the proxy (Movshovitz-Attias et al. 2017, "No Fuss Distance
      Metric Learning using Proxies", in the normalised form of Zhai and Wu 2019), towards a target that gives near
      categories a share, graded by the depth of the common ancestor. All categories are negatives at every step, and
      products of one category are never pushed apart.
    - neighbours: among the products of the batch, softmax of each one's cosines to the others towards those of its own
      category, and by the same grades a little towards those of near ones (Khosla et al. 2020, "Supervised
      Contrastive Learning"). The proxies alone learn the categories of the training products; this learns to compare
      products.
    - fields: InfoNCE (van den Oord et al. 2018, arXiv:1807.03748) between title and description, both ways, so that the
      products of a category stay apart.
    - queries: InfoNCE from a synthetic query to the product's text. Products that answer the query too are masked.

    With a `mini_batch_size`, gradients are cached (Gao et al. 2021, "Scaling Deep Contrastive Learning Batch Size under
    Memory Limited Setup"): the same loss over the whole batch, in less memory and more time.
    """

    def __init__(
        self,
        model: SentenceTransformer,
        paths: Sequence[Path],
        proxies: Tensor,
        weights: JointWeights,
        mini_batch_size: int | None = None,
        summed: bool = False,
    ) -> None:
        """Learn the categories `paths`, whose proxies begin as `proxies` [len(paths), d].

        `summed` returns the sum of the parts, which a loss around this one needs.
        """
        super().__init__()
        self.model = model
        self.proxies = nn.Parameter(proxies)
        numbers: dict[str, int] = {}
        depth = max(map(len, paths), default=1)
        rows = [[numbers.setdefault(name, len(numbers)) for name in path] for path in paths]
        padded = torch.tensor([row + [-1] * (depth - len(row)) for row in rows], dtype=torch.int32)
        # The names along each path as numbers, -1 beyond its end: [paths, depth].
        self.register_buffer("_paths", padded.reshape(len(paths), depth), persistent=False)
        self.weights = weights
        self.mini_batch_size = mini_batch_size or 0
        self.uses_gradient_cache = mini_batch_size is not None
        self.tokens_at_once: int | None = TOKENS_PER_RUN
        self._summed = summed
        # The proxies by which the batches of this pass were made: a resumed run must make the same ones.
        self.register_buffer("drawn_by", torch.zeros_like(proxies))
        self.register_buffer("drawn_pass", torch.tensor(-1))
        # The trainer distributes the model over processes, but not the proxies.
        self.proxies.register_hook(_mean_over_processes)  # type: ignore[no-untyped-call]

    def centroids(self, number: int) -> NDArray[np.float32]:
        """Return the proxies as they are when pass `number` begins: unit vectors [categories, d]."""
        drawn_by, drawn_pass = self.get_buffer("drawn_by"), self.get_buffer("drawn_pass")
        if number > int(drawn_pass):
            drawn_by.copy_(functional.normalize(self.proxies.detach().float(), dim=-1))
            drawn_pass.fill_(number)
        centroids: NDArray[np.float32] = drawn_by.cpu().numpy().copy()
        return centroids

    def forward(self, sentence_features: Iterable[Features], labels: Tensor) -> Tensor | dict[str, Tensor]:
        """Return the loss of a batch that `present_views` made; if gradients are not cached, its parts by name.

        Nothing here asks the device for a value: the device would have to finish its work first, several times a step.
        What a product lacks is masked.
        """
        columns = [dict(column) for column in sentence_features]
        rows = [column.pop(ROWS) for column in columns]
        described = columns[DESCRIPTION]
        tokens = torch.where(described["attention_mask"] > 0, described["input_ids"], -1)
        same_text = torch.zeros(len(labels), len(labels), dtype=torch.bool, device=labels.device)
        # Whether product j answers query i: [b, b].
        answers = same_text.index_copy(0, rows[QUERY], columns[QUERY].pop(ANSWERS))
        # Whether descriptions i and j are equal: [b, b].
        same_text[rows[DESCRIPTION][:, None], rows[DESCRIPTION]] = (tokens[:, None] == tokens[None]).all(dim=-1)
        masks = labels, rows, answers, same_text
        if self.uses_gradient_cache:
            return self.forward_cached(columns, masks)  # type: ignore[arg-type]  # the labels of this loss are these four
        parts = self._parts([self._embed(column) for column in columns], *masks)
        return sum_parts(parts) if self._summed else parts

    def calculate_loss(self, reps: list[list[Tensor]], labels: Any = None, *, with_backward: bool = False) -> Tensor:
        """Return the loss from embeddings by view and mini-batch; see `CachedLossMixin`."""
        loss = sum_parts(self._parts([torch.cat(column) for column in reps], *labels))
        for rep in (rep for column in reps for rep in column):
            loss = loss + rep.sum() * 0  # the cache needs a gradient for each part, even if it is zero
        if with_backward:
            loss.backward()  # type: ignore[no-untyped-call]
            loss = loss.detach()
        return loss

    def _embed(self, column: Features) -> Tensor:
        """Return the embeddings of a view [n, d]: on a CPU, texts of similar length go through the model together.

        Not in several processes: each call of the model is one of all of them, and they would make different numbers.
        """
        mask = column["attention_mask"]
        if self.tokens_at_once is None or mask.device.type != "cpu" or has_processes():
            embeddings: Tensor = self.model(column)["sentence_embedding"]
            return embeddings
        lengths = mask.sum(dim=1).tolist()
        pieces = list(token_batches(lengths, self.tokens_at_once))
        found = [self.model(_cut(column, rows, lengths[rows[0]]))["sentence_embedding"] for rows in pieces]
        return torch.cat(found)[torch.tensor([row for rows in pieces for row in rows]).argsort()]

    def _parts(
        self, vectors: list[Tensor], labels: Tensor, rows: list[Tensor], answers: Tensor, same_text: Tensor
    ) -> dict[str, Tensor]:
        # This is in float32, whatever the encoder computes in: bf16 has three digits, and the softmax is sharp.
        with torch.autocast(labels.device.type, enabled=False):
            query, text, title, description = (
                found.new_zeros(len(labels), found.shape[1], dtype=torch.float32).index_copy(
                    0, present, functional.normalize(found.float(), dim=-1)
                )
                for found, present in zip(vectors, rows, strict=True)
            )
            family = labels[:, Label.FAMILY]
            kin = family[:, None] == family[None]
            described, asked = labels[:, Label.FIELDS] > 0, labels[:, Label.QUERY] > 0
            clash = kin | same_text | _lacking(described)
            scores = title @ description.T * SCALE
            fields = (_own_pairs(scores, clash, described) + _own_pairs(scores.T, clash, described)) / 2
            leaf = labels[:, Label.LEAF_NAME]
            named = (leaf[:, None] == leaf[None]) | _share_others(labels)
            alike = torch.where(labels[:, Label.NAMES_LEAF, None] > 0, named, answers)
            queries = _own_pairs(query @ text.T * SCALE, kin | alike | _lacking(asked), asked)
            return {
                "category": self.weights.category * self._category(text, labels),
                "neighbours": self.weights.neighbours * self._neighbours(text, labels),
                "fields": self.weights.fields * fields,
                "queries": self.weights.queries * queries,
            }

    def _category(self, text: Tensor, labels: Tensor) -> Tensor:
        homes = labels[:, Label.HOME].clamp(min=0)
        logits = text @ functional.normalize(self.proxies[:, : text.shape[1]], dim=-1).T / CATEGORY_TEMPERATURE
        # The share of each category in the target of each row: [rows, categories], rows sum to 1.
        gains = self._gains(homes, torch.arange(len(self.proxies), device=homes.device)).scatter(1, homes[:, None], 0)
        others = labels[:, Label.OTHERS :]  # its other categories are neither its target nor negatives of it
        learned = (others >= 0) & (others < len(self.proxies))
        hidden = torch.zeros_like(logits).scatter_add(1, others.where(learned, 0), learned.to(logits.dtype)) > 0
        hidden = hidden.scatter(1, homes[:, None], False)
        gains, logits = gains.masked_fill(hidden, 0), logits.masked_fill(hidden, -1e4)
        total = gains.sum(dim=1, keepdim=True)
        targets = NEAR_CATEGORY * gains / total.clamp(min=1e-9)
        targets = targets.scatter(1, homes[:, None], torch.where(total > 0, 1 - NEAR_CATEGORY, 1.0))
        return _mean(-(targets * logits.log_softmax(dim=-1)).sum(dim=1), labels[:, Label.HOME] >= 0)

    def _neighbours(self, text: Tensor, labels: Tensor) -> Tensor:
        homes, family = labels[:, Label.HOME].clamp(min=0), labels[:, Label.FAMILY]
        same = homes[:, None] == homes[None]
        # Masked are the product itself, variants (too easy to find), and products with another common category or with
        # none.
        kin = (family[:, None] == family[None]) | (_share_others(labels) & ~same) | _lacking(labels[:, Label.HOME] >= 0)
        weight = torch.where(same, 1.0, NEAR_CATEGORY * self._gains(homes, homes)).masked_fill(kin, 0)
        total = weight.sum(dim=1)
        # A large negative number in place of minus infinity, which a weight of zero would turn into NaN.
        cosines = (text @ text.T / CATEGORY_TEMPERATURE).masked_fill(kin, -1e4)
        losses = -(weight * cosines.log_softmax(dim=-1)).sum(dim=1) / total.clamp(min=_LEAST_TARGET)
        return _mean(losses, total > _LEAST_TARGET)

    def _gains(self, homes: Tensor, others: Tensor) -> Tensor:
        """Return ((2^(3 d) - 1) / 7)^2, d = depth of the common ancestor over the longer path: [homes, others]."""
        paths: Tensor = self._paths  # type: ignore[assignment]
        one, other = paths[homes][:, None], paths[others][None]
        depth = ((one == other) & (one >= 0)).cumprod(dim=-1).sum(dim=-1)
        longer = torch.maximum((one >= 0).sum(dim=-1), (other >= 0).sum(dim=-1))
        return ((torch.exp2(3 * depth / longer) - 1) / 7).square()


def _share_others(labels: Tensor) -> Tensor:
    """Return whether products i and j share a category that is not the first one of both: [b, b]."""
    others = labels[:, Label.OTHERS :]
    known = torch.cat([labels[:, Label.HOME, None], others], dim=1)
    alike = (known[:, None, :, None] == others[None, :, None, :]) & (others >= 0)[None, :, None, :]
    shared = alike.any(dim=-1).any(dim=-1)
    return shared | shared.T


def _own_pairs(scores: Tensor, clash: Tensor, rows: Tensor) -> Tensor:
    """Return the cross-entropy of the diagonal (the positives), without the pairs that clash: the mean over `rows`."""
    own = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    losses = -scores.masked_fill(clash & ~own, -torch.inf).log_softmax(dim=-1).diagonal()
    return _mean(losses, rows)


def _lacking(rows: Tensor) -> Tensor:
    """Return which pairs have a row that is not among `rows`: [b, b]."""
    return ~(rows[:, None] & rows[None])


def _mean(values: Tensor, rows: Tensor) -> Tensor:
    """Return the mean over some rows; 0 if there are none."""
    return torch.where(rows, values, 0.0).sum() / rows.sum().clamp(min=1)


def present_views(columns: Sequence[Features], labels: Tensor, answers: Tensor) -> list[Features]:
    """Remove from each view the products that lack it, and padding that only they needed; `ROWS` says which remain.

    `answers` says which product has all words of which query, as `find_answers` does. This happens when a batch is
    made, in the memory of the CPU. A view that no product has keeps one row, which the loss masks.
    """
    fields, queries = labels[:, Label.FIELDS] > 0, labels[:, Label.QUERY] > 0
    views = []
    for column, present in zip(columns, (queries, torch.ones_like(fields), fields, fields), strict=True):
        rows = present.nonzero().squeeze(1) if present.any() else torch.zeros(1, dtype=torch.long)
        length = max(1, int(column["attention_mask"][rows].sum(dim=1).max()))
        views.append(_cut(column, rows, length) | {ROWS: rows})
    views[QUERY][ANSWERS] = answers[views[QUERY][ROWS]]
    return views


def find_answers(queries: Sequence[str], texts: Sequence[str]) -> Tensor:
    """Return whether all words of each query are in each text: [queries, texts].

    Words and not tokens are compared: a tokenizer that works on bytes makes other tokens of the first word of a text.
    """
    rows_of: dict[str, set[int]] = defaultdict(set)
    for row, text in enumerate(texts):
        for word in _WORD.findall(fold(text)):
            rows_of[word].add(row)
    answers = torch.zeros(len(queries), len(texts), dtype=torch.bool)
    for row, query in enumerate(queries):
        held = (rows_of.get(word, set()) for word in _WORD.findall(fold(query)))
        answers[row, list(set(range(len(texts))).intersection(*held))] = True
    return answers


def _cut(column: Features, rows: Tensor | list[int], length: int) -> Features:
    """Return some rows of a view, without the columns of padding beyond `length`: before the texts, or after them."""
    ends_alike = bool(column["attention_mask"][rows, -1].all())  # padded on the left, or not at all
    kept = slice(-length, None) if ends_alike else slice(length)
    return {
        name: value[rows, kept] if isinstance(value, Tensor) and value.ndim == 2 else value
        for name, value in column.items()
    }


def sum_parts(parts: dict[str, Tensor]) -> Tensor:
    """Return the loss from its parts."""
    return torch.stack(list(parts.values())).sum()


def _mean_over_processes(gradient: Tensor) -> Tensor:
    if has_processes():
        torch.distributed.all_reduce(gradient)
        gradient = gradient / torch.distributed.get_world_size()
    return gradient
