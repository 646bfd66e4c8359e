"""The default loss: categories, fields and synthetic queries, learned from one batch. Imports torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.losses.gradcache import CachedLossMixin
from torch import Tensor, nn
from torch.nn import functional

from recommender.evaluation.triplets import Path
from recommender.training.devices import has_processes
from recommender.training.options import JointWeights
from recommender.training.training_set import VIEWS, Label

SCALE = 20.0
"""Inverse temperature of the pairs' softmax over cosines: the default of `MultipleNegativesRankingLoss`."""

CATEGORY_TEMPERATURE = 0.06
"""Of the softmax over categories, and over the other products of a batch."""

NEAR_CATEGORY = 0.2
"""Share of the category target that goes to other categories, by how deep their common ancestor lies."""

_LEAST_TARGET = 0.05
"""A product whose similarities to all others of its batch sum to less has no neighbour there to be drawn to."""

QUERY, TEXT, TITLE, DESCRIPTION = range(len(VIEWS))

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
        self._weights = weights
        self.mini_batch_size = mini_batch_size or 0
        self.uses_gradient_cache = mini_batch_size is not None
        self._summed = summed
        # What the batches of the present pass were made by: a resumed run must make the same ones.
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
        """Return the loss of a batch; its parts by name when gradients are not cached."""
        columns = [dict(column) for column in sentence_features]
        described = columns[DESCRIPTION]
        tokens = torch.where(described["attention_mask"] > 0, described["input_ids"], -1)
        same_text = (tokens[:, None] == tokens[None]).all(dim=-1)  # whether descriptions i and j are equal: [b, b]
        masks = labels, _answers(columns[QUERY], columns[TEXT]), same_text
        if self.uses_gradient_cache:
            return self.forward_cached(columns, masks)  # type: ignore[arg-type]  # the labels of this loss are three tensors
        fields, queries = labels[:, Label.FIELDS] > 0, labels[:, Label.QUERY] > 0
        present = [queries, torch.ones_like(fields), fields, fields]
        views = [self._embed(column, rows) for column, rows in zip(columns, present, strict=True)]
        parts = self._parts(views, *masks)
        return _sum(parts) if self._summed else parts

    def calculate_loss(self, reps: list[list[Tensor]], labels: Any = None, *, with_backward: bool = False) -> Tensor:
        """Return the loss from embeddings by view and mini-batch; see `CachedLossMixin`."""
        loss = _sum(self._parts([torch.cat(column) for column in reps], *labels))
        for rep in (rep for column in reps for rep in column):
            loss = loss + rep.sum() * 0  # the cache needs a gradient for each, even a zero one
        if with_backward:
            loss.backward()  # type: ignore[no-untyped-call]
            loss = loss.detach()
        return loss

    def _embed(self, column: Features, rows: Tensor) -> Tensor:
        """Encode the rows that are present, without the padding that only the others needed; zeros for the rest."""
        if not rows.any():
            return self.proxies.new_zeros(len(rows), 1)
        length = int(column["attention_mask"][rows].any(dim=0).nonzero().max()) + 1
        features = {
            name: value[rows][:, :length] if isinstance(value, Tensor) and value.ndim == 2 else value
            for name, value in column.items()
        }
        vectors: Tensor = self.model(features)["sentence_embedding"]
        return vectors.new_zeros(len(rows), vectors.shape[1]).index_copy(0, rows.nonzero().squeeze(1), vectors)

    def _parts(self, views: list[Tensor], labels: Tensor, answers: Tensor, same_text: Tensor) -> dict[str, Tensor]:
        # In float32, whatever the encoder computes in: bf16 has three digits, and the softmax is sharp.
        with torch.autocast(labels.device.type, enabled=False):
            query, text, title, description = (functional.normalize(view.float(), dim=-1) for view in views)
            return {
                "category": self._weights.category * self._category(text, labels),
                "neighbours": self._weights.neighbours * self._neighbours(text, labels),
                "fields": self._weights.fields * _fields(title, description, labels, same_text),
                "queries": self._weights.queries * _queries(query, text, labels, answers),
            }

    def _category(self, text: Tensor, labels: Tensor) -> Tensor:
        rows = labels[:, Label.HOME] >= 0
        if not rows.any():
            return (text.sum() + self.proxies.sum()) * 0
        homes = labels[rows, Label.HOME]
        logits = text[rows] @ functional.normalize(self.proxies[:, : text.shape[1]], dim=-1).T / CATEGORY_TEMPERATURE
        # The share of each category in the target of each row: [rows, categories], rows sum to 1.
        gains = self._gains(homes, torch.arange(len(self.proxies), device=homes.device)).scatter(1, homes[:, None], 0)
        total = gains.sum(dim=1, keepdim=True)
        targets = NEAR_CATEGORY * gains / total.clamp(min=1e-9)
        targets = targets.scatter(1, homes[:, None], torch.where(total > 0, 1 - NEAR_CATEGORY, 1.0))
        return -(targets * logits.log_softmax(dim=-1)).sum(dim=1).mean()

    def _neighbours(self, text: Tensor, labels: Tensor) -> Tensor:
        rows = labels[:, Label.HOME] >= 0
        homes, family = labels[rows, Label.HOME], labels[rows, Label.FAMILY]
        same = homes[:, None] == homes[None]
        kin = family[:, None] == family[None]  # itself, and variants, which are too easy to find
        weight = torch.where(same, 1.0, NEAR_CATEGORY * self._gains(homes, homes)).masked_fill(kin, 0)
        total = weight.sum(dim=1)
        near = total > _LEAST_TARGET
        if not near.any():
            return text.sum() * 0
        # A large negative number in place of minus infinity, which a weight of zero would turn into NaN.
        cosines = (text[rows] @ text[rows].T / CATEGORY_TEMPERATURE).masked_fill(kin, -1e4)
        losses = -(weight * cosines.log_softmax(dim=-1)).sum(dim=1)[near] / total[near]
        return losses.mean()

    def _gains(self, homes: Tensor, others: Tensor) -> Tensor:
        """Return ((2^(3 d) - 1) / 7)^2, d = depth of the common ancestor over the longer path: [homes, others]."""
        paths: Tensor = self._paths  # type: ignore[assignment]
        one, other = paths[homes][:, None], paths[others][None]
        depth = ((one == other) & (one >= 0)).cumprod(dim=-1).sum(dim=-1)
        longer = torch.maximum((one >= 0).sum(dim=-1), (other >= 0).sum(dim=-1))
        return ((torch.exp2(3 * depth / longer) - 1) / 7).square()


def _fields(title: Tensor, description: Tensor, labels: Tensor, same_text: Tensor) -> Tensor:
    rows = labels[:, Label.FIELDS] > 0
    if rows.sum() < 2:
        return (title.sum() + description.sum()) * 0
    family = labels[rows, Label.FAMILY]
    clash = (family[:, None] == family[None]) | same_text[rows][:, rows]
    scores = _without_false_negatives(title[rows] @ description[rows].T * SCALE, clash)
    target = torch.arange(len(scores), device=scores.device)
    return (functional.cross_entropy(scores, target) + functional.cross_entropy(scores.T, target)) / 2


def _queries(query: Tensor, text: Tensor, labels: Tensor, answers: Tensor) -> Tensor:
    rows = labels[:, Label.QUERY] > 0
    if rows.sum() < 2:
        return (query.sum() + text.sum()) * 0
    leaf, family, names = labels[rows, Label.LEAF_NAME], labels[rows, Label.FAMILY], labels[rows, Label.NAMES_LEAF] > 0
    clash = (family[:, None] == family[None]) | torch.where(
        names[:, None], leaf[:, None] == leaf[None], answers[rows][:, rows]
    )
    scores = _without_false_negatives(query[rows] @ text[rows].T * SCALE, clash)
    return functional.cross_entropy(scores, torch.arange(len(scores), device=scores.device))


def _without_false_negatives(scores: Tensor, clash: Tensor) -> Tensor:
    """Take the clashing pairs out of the softmax; the diagonal, the positives, stays."""
    own = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    return scores.masked_fill(clash & ~own, -torch.inf)


def _answers(query: Features, text: Features) -> Tensor:
    """Return whether text j holds every token of query i: [b, b]. The markers that all texts share match too."""
    tokens, present = query["input_ids"], query["attention_mask"] > 0
    words = torch.where(text["attention_mask"] > 0, text["input_ids"], -1)
    matches = (tokens[:, :, None, None] == words[None, None]).any(dim=-1)
    return (matches | ~present[:, :, None]).all(dim=1)


def _sum(parts: dict[str, Tensor]) -> Tensor:
    return torch.stack(list(parts.values())).sum()


def _mean_over_processes(gradient: Tensor) -> Tensor:
    if has_processes():
        torch.distributed.all_reduce(gradient)
        gradient = gradient / torch.distributed.get_world_size()
    return gradient
