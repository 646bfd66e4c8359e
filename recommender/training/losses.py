"""The losses, and the training sets that each is minimised over."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recommender.errors import UsageError
from recommender.models.shape import dimension
from recommender.training.options import Loss, TrainingOptions
from recommender.training.training_sets import Shape, TrainingSet, TrainingSets

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch.nn import Module

_RANKED = (Loss.MNRL, Loss.CACHED_MNRL, Loss.GIST)

FITTING: Mapping[Shape, tuple[Loss, ...]] = {
    Shape.TRIPLETS: (*_RANKED, Loss.TRIPLET),
    Shape.PAIRS: _RANKED,
    Shape.SCORED: (Loss.COSENT, Loss.COSINE),
    Shape.BINARY: (Loss.CONTRASTIVE, Loss.COSENT, Loss.COSINE),
    Shape.CLASSES: (Loss.SOFTMAX,),
    Shape.LABELLED: (Loss.BATCH_HARD,),
    Shape.VIEWS: (Loss.JOINT,),
}
"""The losses that a set of each shape can be trained with; the first is the shape's default."""

ONE_NEGATIVE = frozenset({Loss.GIST, Loss.TRIPLET})
"""Losses that take one negative a row; sets with more of them keep their default."""

WHOLE_BATCH = frozenset({*_RANKED, Loss.JOINT})
"""Losses that compare all rows of a batch, and can encode it in pieces; the others are sums over its rows."""

OF_ONE_SIZE = frozenset({Loss.SOFTMAX})
"""Losses that can't look at cut vectors: the classifier of `softmax` has a weight for each component."""

CLASSIFIER_LEARNING_RATE = 1e-2
"""A classifier begins at random and is thrown away: at the model's own rate it would learn nothing in time.

On the toy catalogue, 66 steps: category P@10 from 0.17 to 0.46 at 0.002, to 0.65 at 0.01.
"""

PROXY_LEARNING_RATE = 5e-3
"""A category's vector sees few of the batches, so it takes larger steps than the model; they are thrown away too."""

_PIECE = 64
"""Rows that `cached-mnrl` encodes at a time: what a batch is by default, so memory stays as it is with `mnrl`."""


def recipe_sets(loss: Loss, sets: TrainingSets, passes: int) -> list[TrainingSet]:
    """Draw the training sets that a loss is minimised over, leaving out those that the catalogue has no rows for."""
    makers: dict[Loss, Callable[[int], TrainingSet]] = {
        Loss.JOINT: sets.views,
        Loss.TRIPLET: sets.category,
        Loss.BATCH_HARD: sets.leaves,
        Loss.COSENT: sets.scored,
        Loss.COSINE: sets.scored,
        Loss.SOFTMAX: sets.classes,
        Loss.CONTRASTIVE: sets.contrastive,
    }
    if loss in makers:
        return [makers[loss](passes)]
    drawn = [sets.category(passes), sets.fields(passes), sets.queries(passes)]
    return [rows for rows in drawn if len(rows) > 1]


def loss_of(rows: TrainingSet, asked: Loss) -> Loss:
    """Return the loss that a set is trained with: the one asked for if it fits the set's rows, else their default.

    So `--loss` rules the catalogue's sets, which are drawn for it, and those external sets that it can take.
    """
    fitting = FITTING[rows.shape]
    fits = asked in fitting and not (asked in ONE_NEGATIVE and len(rows.columns) > 3)
    return asked if fits else fitting[0]


def check_losses(sets: Sequence[TrainingSet], options: TrainingOptions, base: Path) -> None:
    """Raise `UsageError` for options that the losses of these sets, or the base model in this folder, can't go with."""
    losses = {loss_of(rows, options.loss) for rows in sets}
    if Loss.BATCH_HARD in losses and options.batch_size < 4:
        raise UsageError(f"the batch size is {options.batch_size}; batch-hard takes 4 or more, of two labels at least")
    if options.matryoshka:
        _check_sizes(options.matryoshka, dimension(base))
        for loss in sorted(losses & OF_ONE_SIZE):
            raise UsageError(
                f"--matryoshka can't go with {loss}, whose classifier takes whole vectors; leave one of them out"
            )


def _check_sizes(sizes: Sequence[int], own: int) -> None:
    stated = ",".join(map(str, sizes))
    if max(sizes) > own:
        raise UsageError(f"--matryoshka {stated}: the model's vectors have {own} components; give no size above")
    if own not in sizes:
        raise UsageError(f"--matryoshka {stated} leaves the model's own {own} untrained; write {own},{stated}")


def build_losses(
    sets: Sequence[TrainingSet], model: SentenceTransformer, options: TrainingOptions, piece: int | None = None
) -> dict[str, Module]:
    """Make the loss module of each set, by the set's name; `model` is still as it was before training.

    With a `piece`, losses over a whole batch encode so many of its rows at a time, and cache the gradients.

    What a module has of its own, the classifier of `softmax`, is trained with the model and not saved with it.
    """
    losses = {rows.name: loss_of(rows, options.loss) for rows in sets}
    guide = _guide(model) if Loss.GIST in losses.values() else None
    built = {
        rows.name: _joint(model, rows, options, piece)
        if losses[rows.name] is Loss.JOINT
        else build_loss(losses[rows.name], model, rows.classes, guide, piece)
        for rows in sets
    }
    if not options.matryoshka:
        return built
    return {name: _at_sizes(loss, model, options.matryoshka) for name, loss in built.items()}


def build_loss(
    loss: Loss,
    model: SentenceTransformer,
    classes: int = 0,
    guide: SentenceTransformer | None = None,
    piece: int | None = None,
) -> Module:
    """Make a loss module; `softmax` needs the number of `classes`, `gist` a `guide` (default: the model as it is)."""
    from sentence_transformers.sentence_transformer import losses

    if loss is Loss.SOFTMAX:
        return losses.SoftmaxLoss(model, model.get_embedding_dimension() or 0, num_labels=classes)
    if loss is Loss.GIST:
        return _gist(model, guide or _guide(model), piece)
    makers: dict[Loss, tuple[Callable[..., Module], dict[str, Any]]] = {
        Loss.MNRL: (losses.MultipleNegativesRankingLoss, {}),
        Loss.CACHED_MNRL: (losses.CachedMultipleNegativesRankingLoss, {"mini_batch_size": piece or _PIECE}),
        Loss.TRIPLET: (losses.TripletLoss, {}),
        Loss.BATCH_HARD: (losses.BatchHardSoftMarginTripletLoss, {}),
        Loss.COSENT: (losses.CoSENTLoss, {}),
        Loss.COSINE: (losses.CosineSimilarityLoss, {}),
        Loss.CONTRASTIVE: (losses.ContrastiveLoss, {}),
    }
    make, settings = makers[Loss.CACHED_MNRL if loss is Loss.MNRL and piece else loss]
    return make(model, **settings)


def learning_rates(sets: Sequence[TrainingSet], options: TrainingOptions) -> dict[str, float]:
    """Return the learning rates of a loss's own parameters, by a pattern of their names."""
    own = {
        Loss.SOFTMAX: (r"\bclassifier\b", CLASSIFIER_LEARNING_RATE),
        Loss.JOINT: (r"\bproxies\b", PROXY_LEARNING_RATE),
    }
    return dict(own[loss] for loss in {loss_of(rows, options.loss) for rows in sets} if loss in own)


def _gist(model: SentenceTransformer, guide: SentenceTransformer, piece: int | None) -> Module:
    from sentence_transformers.sentence_transformer import losses

    if piece:
        return losses.CachedGISTEmbedLoss(model, guide, mini_batch_size=piece)
    return losses.GISTEmbedLoss(model, guide)


def _joint(model: SentenceTransformer, rows: TrainingSet, options: TrainingOptions, piece: int | None) -> Module:
    """Make the joint loss; the first vector of each category is the mean of a few of its products'."""
    import torch

    from recommender.training.joint_loss import JointLoss

    texts = [text for members in rows.homes.members for text in members]
    vectors = model.encode(texts, convert_to_tensor=True, normalize_embeddings=True, show_progress_bar=False)
    parts = torch.split(vectors, [len(members) for members in rows.homes.members])
    proxies = torch.stack([part.mean(dim=0) for part in parts]).clone()
    return JointLoss(model, rows.homes.paths, proxies, options.weights, piece, summed=bool(options.matryoshka))


def _guide(model: SentenceTransformer) -> SentenceTransformer:
    return copy.deepcopy(model).eval().requires_grad_(False)


def _at_sizes(loss: Module, model: SentenceTransformer, sizes: Sequence[int]) -> Module:
    from sentence_transformers.sentence_transformer.losses import MatryoshkaLoss

    return MatryoshkaLoss(model, loss, list(sizes))
