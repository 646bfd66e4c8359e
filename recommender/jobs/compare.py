"""How alike two products or texts are, under one model or several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recommender.application.composition import Application
from recommender.embedding.encoder import Role
from recommender.errors import UsageError
from recommender.jobs.models import select_models
from recommender.types import Product, common_depth


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: its text as it is encoded, and its product; None for a free text."""

    text: str
    product: Product | None = None


@dataclass(frozen=True, slots=True)
class Similarity:
    """The cosine of the two under one model, from -1 to 1; values of different models can't be compared."""

    model: str
    encoder: str
    cosine: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides, their similarity under each model, and how many levels of the category tree they share.

    `common_depth` is None unless both are products with a category.
    """

    first: Side
    second: Side
    similarities: tuple[Similarity, ...]
    common_depth: int | None = None


def compare(
    application: Application, first: str, second: str, models: Sequence[str] = (), *, as_text: bool = False
) -> Comparison:
    """Compare two SKUs or texts under the named models, by default the live one.

    Anything that is not a SKU of the catalogue is a text; with `as_text`, everything is. A text beside a product is
    encoded as a query; two texts are encoded as documents. Raises `UsageError` for an empty text, `UnknownModel`, and
    `NoLiveModel` when none is named and none is live.
    """
    selected = select_models(application, models)
    sides = _side(application, first, as_text), _side(application, second, as_text)
    products = [side.product for side in sides if side.product is not None]
    similarities = []
    for model in selected:
        encoder = application.encoder(model)
        one, other = (
            encoder.encode([side.text], Role.QUERY if products and side.product is None else Role.DOCUMENT)[0]
            for side in sides
        )
        similarities.append(Similarity(model.name, encoder.name, float(one @ other)))
    categories = [product.category for product in products if product.category]
    depth = common_depth(*categories) if len(categories) == 2 else None
    return Comparison(*sides, similarities=tuple(similarities), common_depth=depth)


def _side(application: Application, given: str, as_text: bool) -> Side:
    stored = None if as_text else application.catalogue.get(given)
    if stored is not None:
        return Side(application.text(stored.product), stored.product)
    if not given.strip():
        raise UsageError("one of the two is empty; give a SKU or a text")
    return Side(given)
