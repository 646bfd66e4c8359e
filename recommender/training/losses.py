"""The losses, and the shapes of training sets that each can be minimised over."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from recommender.embedding.architecture import dimension
from recommender.errors import UsageError
from recommender.training.options import Loss, TrainingOptions
from recommender.training.training_set import Shape, TrainingSet

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
"""The losses that fit a set of each shape; the first is the shape's default."""

ONE_NEGATIVE = frozenset({Loss.GIST, Loss.TRIPLET})
"""Losses that take one negative per row; sets with more of them keep their default."""

WHOLE_BATCH = frozenset({*_RANKED, Loss.JOINT})
"""Losses that compare all rows of a batch, and can encode it in pieces. Each of the other losses is a sum over its
rows."""

ONE_SIZE = frozenset({Loss.SOFTMAX})
"""Losses that can't take shortened vectors: the classifier of `softmax` has a weight for each component."""

CLASSIFIER_LEARNING_RATE = 1e-2
"""Learning rate of a classifier, which begins at random and is thrown away. At the model's rate it would learn too
slowly.

In 66 steps on the toy catalogue, category P@10 rose from 0.17 to 0.46 with a rate of 0.002, and to 0.65 with 0.01.
"""

PROXY_LEARNING_RATE = 5e-3
"""Learning rate of a category's vector, far above the model's: few batches have products of its category. The vector is
thrown away too."""

_PIECE = 64
"""Rows that `cached-mnrl` encodes at a time. It is the default batch size, so that it needs as much memory as
`mnrl`."""


def loss_of(rows: TrainingSet, preferred: Loss | None) -> Loss:
    """Return the loss that a set is trained with: the preferred one if it fits the rows, otherwise their default.

    So `--loss` decides for the catalogue's sets, which are drawn for it, and for those external sets that it fits.
    """
    fitting = FITTING[rows.shape]
    if preferred not in fitting or (preferred in ONE_NEGATIVE and len(rows.columns) > 3):
        return fitting[0]
    return preferred


def check_losses(sets: Sequence[TrainingSet], options: TrainingOptions, base: Path) -> None:
    """Raise `UsageError` for options that don't fit the losses of these sets, or the base model in this folder."""
    losses = {loss_of(rows, options.loss) for rows in sets}
    if options.loss is not None and options.loss not in losses:
        takes = sorted({loss.value for rows in sets for loss in FITTING[rows.shape]})
        raise UsageError(f"--loss {options.loss} can't learn from this data; it takes {', '.join(takes)}")
    if Loss.BATCH_HARD in losses and options.batch_size < 4:
        raise UsageError(f"the batch size is {options.batch_size}; batch-hard takes 4 or more, of two labels at least")
    if not options.matryoshka:
        return
    sizes, own = options.matryoshka, dimension(base)
    stated = ",".join(map(str, sizes))
    if max(sizes) > own:
        raise UsageError(f"--matryoshka {stated}: the model's vectors have {own} components; give no size above")
    if own not in sizes:
        raise UsageError(f"--matryoshka {stated} leaves the model's own {own} untrained; write {own},{stated}")
    for loss in sorted(losses & ONE_SIZE):
        raise UsageError(
            f"--matryoshka can't go with {loss}, whose classifier takes whole vectors; leave one of them out"
        )


def build_losses(
    sets: Sequence[TrainingSet],
    model: SentenceTransformer,
    options: TrainingOptions,
    piece: int | None = None,
    prompt: str = "",
) -> dict[str, Module]:
    """Make the loss module of each set, by the set's name; `model` is still as it was before training.

    With a `piece`, losses over a whole batch encode `piece` rows at a time, and cache the gradients. `prompt` is what
    the model puts before products. The parameters of a loss, such as the classifier of `softmax`, are trained with the
    model and not saved with it.
    """
    from sentence_transformers.sentence_transformer.losses import MatryoshkaLoss

    chosen = {rows.name: loss_of(rows, options.loss) for rows in sets}
    guide = copy.deepcopy(model).eval().requires_grad_(False) if Loss.GIST in chosen.values() else None
    losses = {
        rows.name: _joint_loss(model, rows, options, piece, prompt)
        if chosen[rows.name] is Loss.JOINT
        else _library_loss(chosen[rows.name], model, rows.classes, guide, piece)
        for rows in sets
    }
    if not options.matryoshka:
        return losses
    return {name: MatryoshkaLoss(model, loss, list(options.matryoshka)) for name, loss in losses.items()}


def learning_rates(sets: Sequence[TrainingSet], options: TrainingOptions) -> dict[str, float]:
    """Return the learning rates of the losses' own parameters, by a pattern of their names."""
    own = {
        Loss.SOFTMAX: (r"\bclassifier\b", CLASSIFIER_LEARNING_RATE),
        Loss.JOINT: (r"\bproxies\b", PROXY_LEARNING_RATE),
    }
    return dict(own[loss] for loss in {loss_of(rows, options.loss) for rows in sets} if loss in own)


def _library_loss(
    loss: Loss, model: SentenceTransformer, classes: int, guide: SentenceTransformer | None, piece: int | None
) -> Module:
    """Make a loss of sentence-transformers; `softmax` needs the number of `classes`, `gist` the `guide`."""
    from sentence_transformers.sentence_transformer import losses

    match loss:
        case Loss.SOFTMAX:
            return losses.SoftmaxLoss(model, model.get_embedding_dimension() or 0, num_labels=classes)
        case Loss.GIST if guide and piece:
            return losses.CachedGISTEmbedLoss(model, guide, mini_batch_size=piece)
        case Loss.GIST if guide:
            return losses.GISTEmbedLoss(model, guide)
        case Loss.MNRL if piece is None:
            return losses.MultipleNegativesRankingLoss(model)
        case Loss.MNRL | Loss.CACHED_MNRL:
            return losses.CachedMultipleNegativesRankingLoss(model, mini_batch_size=piece or _PIECE)
    makers: dict[Loss, Callable[..., Module]] = {
        Loss.TRIPLET: losses.TripletLoss,
        Loss.BATCH_HARD: losses.BatchHardSoftMarginTripletLoss,
        Loss.COSENT: losses.CoSENTLoss,
        Loss.COSINE: losses.CosineSimilarityLoss,
        Loss.CONTRASTIVE: losses.ContrastiveLoss,
    }
    return makers[loss](model)


def _joint_loss(
    model: SentenceTransformer, rows: TrainingSet, options: TrainingOptions, piece: int | None, prompt: str
) -> Module:
    """Make the joint loss; the first vector of each category is the mean of a few of its products' vectors."""
    import torch

    from recommender.training.joint_loss import JointLoss

    if rows.homes.paths:
        paths, texts = rows.homes.paths, [text for members in rows.homes.members for text in members]
        vectors = model.encode(
            texts, prompt=prompt, convert_to_tensor=True, normalize_embeddings=True, show_progress_bar=False
        )
        parts = torch.split(vectors, [len(members) for members in rows.homes.members])
        proxies = torch.stack([part.float().mean(dim=0) for part in parts]).clone()
    else:  # a shop without categories: one that no product is in
        paths, proxies = ((),), torch.zeros(1, model.get_embedding_dimension() or 0, device=model.device)
    return JointLoss(model, paths, proxies, options.weights, piece, summed=bool(options.matryoshka))
