"""The losses, and the training sets that each is minimised over."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from recommender.training.options import Loss
from recommender.training.training_sets import TrainingSet, TrainingSets

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch.nn import Module


def recipe_sets(loss: Loss, sets: TrainingSets, passes: int) -> list[TrainingSet]:
    """Draw the training sets that a loss is minimised over, leaving out those that the catalogue has no rows for."""
    if loss is Loss.TRIPLET:
        return [sets.category(passes)]
    drawn = [sets.category(passes), sets.fields(passes), sets.queries(passes)]
    return [rows for rows in drawn if len(rows) > 1]


def build_loss(loss: Loss, model: SentenceTransformer) -> Module:
    """Make the loss module for one training set."""
    from sentence_transformers.sentence_transformer import losses

    makers: dict[Loss, Callable[[SentenceTransformer], Module]] = {
        Loss.MNRL: losses.MultipleNegativesRankingLoss,
        Loss.TRIPLET: losses.TripletLoss,
    }
    return makers[loss](model)
