"""Examples: products with their neighbours before and after, and the triplets that a model still has wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.embedding.encoder import Vectors
from recommender.embedding.product_text import title_text
from recommender.evaluation.cached_encoder import Recording
from recommender.evaluation.held_out import K
from recommender.evaluation.neighbours import NOTHING, Indexes, top_k
from recommender.evaluation.report.data import (
    Change,
    Example,
    Examples,
    Mark,
    Model,
    Neighbour,
    ShownProduct,
    TripletChange,
    WrongTriplet,
    WrongTriplets,
)
from recommender.evaluation.triplets import HeldOutTriplets, held_out_triplets
from recommender.types import Product, category_path

SHOWN = {Change.GAIN: 4, Change.SAME: 3, Change.LOSS: 3}
"""Ten examples. The losses are there so that a reader sees what the change costs, not only its best side."""

MAX_TITLE = 160
"""Longest title, in characters: some feeds put a whole description there."""


def examples(recording: Recording, models: Sequence[Model], seed: int) -> Examples | None:
    """Compare the neighbours of held-out products by the first and the last of `models`, or show those of one.

    The neighbours come from the whole corpus, without the product itself and its variants. What counts is how many are
    of the product's own leaf. The largest gains and losses are of different leaves if there are enough; products
    without a change are drawn by chance. None when no held-out product has others of its leaf.
    """
    if not recording.asked:
        return None
    asked, held = recording.asked, recording.held
    found = []
    for model in (models[0], models[-1]):
        vectors = recording.vectors(model.name)
        top = top_k(vectors[asked], vectors, K, [held.groups[row] for row in asked])
        alike = held.gains.leaf[top] == held.gains.leaf[asked][:, None]
        found.append(_Found(top, (alike & (top != NOTHING)).sum(axis=1), vectors))
    before, after = found
    change = after.own - before.own
    order = np.random.default_rng(seed).permutation(len(change))
    leaves = [recording.product(row).category for row in recording.asked]
    chosen: list[tuple[Change, int]] = []
    if len(models) > 1:
        # `order` breaks ties, so that no place in the catalogue is preferred.
        best = order[np.argsort(-change[order], kind="stable")]
        candidates = {
            Change.GAIN: best[change[best] > 0],
            Change.SAME: order[change[order] == 0],
            Change.LOSS: best[::-1][change[best[::-1]] < 0],
        }
        for kind, rows in candidates.items():
            chosen += ((kind, row) for row in _apart(rows.tolist(), leaves, SHOWN[kind]))
    else:
        # From the most of its own leaf to the fewest, in even steps.
        count = sum(SHOWN.values())
        various = np.array(_apart(order.tolist(), leaves, max(count, len(set(leaves)))), dtype=np.int64)
        best = various[np.argsort(-after.own[various], kind="stable")]
        places = np.linspace(0, len(best) - 1, min(len(best), count))
        chosen = [(Change.SINGLE, int(best[round(place)])) for place in places]
    return Examples(
        models=(models[0], models[-1]) if len(models) > 1 else (models[-1],),
        examples=tuple(
            Example(
                item=item(recording.product(recording.asked[at])),
                change=kind,
                before=tuple(_list_products(recording, at, before, after.top[at], Mark.LOST)),
                after=tuple(_list_products(recording, at, after, before.top[at], Mark.GAINED)),
            )
            for kind, at in chosen
        ),
        gained=int((change > 0).sum()),
        same=int((change == 0).sum()),
        lost=int((change < 0).sum()),
    )


def item(product: Product) -> ShownProduct:
    """Return a product as the page names it, a very long title cut."""
    title = title_text(product)
    shown = title if len(title) <= MAX_TITLE else f"{title[:MAX_TITLE].rstrip()}..."
    return ShownProduct(shown, category_path(product.category))


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """What a model finds for each product: rows of the corpus [q, K], and how many are of its leaf [q]."""

    top: Indexes
    own: Indexes
    vectors: Vectors


def _list_products(recording: Recording, at: int, found: _Found, others: Indexes, mark: Mark) -> Iterator[Neighbour]:
    query = recording.asked[at]
    for row in found.top[at]:
        if row != NOTHING:
            yield Neighbour(
                item=item(recording.product(row)),
                cosine=float(found.vectors[query] @ found.vectors[row]),
                same_leaf=recording.product(row).category == recording.product(query).category,
                mark=Mark.KEPT if row in others else mark,
            )


def _apart(rows: Sequence[int], leaves: Sequence[tuple[str, ...]], count: int) -> list[int]:
    """Take the first `count` rows, of different leaves as long as there are any."""
    first: dict[tuple[str, ...], int] = {}
    for row in rows:
        first.setdefault(leaves[row], row)
    taken = list(first.values())[:count]
    rest = [row for row in rows if row not in taken]
    return taken + rest[: count - len(taken)]


SHOWN_TRIPLETS = 12
"""Triplets on the page."""

Cosines = NDArray[np.float64]
"""Similarities of each anchor to its positive and to its negative: [t, 2]."""


def wrong_triplets(recording: Recording, models: Sequence[Model]) -> WrongTriplets | None:
    """Find the triplets that the last of `models` has wrong, the hardest (negative nearest beyond positive) first.

    They are the triplets of the suite's accuracy, one for each anchor. None when the catalogue has none.
    """
    triplets = held_out_triplets(recording.held.corpus, recording.held.seen, recording.held.groups)
    if not len(triplets):
        return None
    after = _cosines(recording.vectors(models[-1].name), triplets)
    wrong = after[:, 0] <= after[:, 1]
    before = _cosines(recording.vectors(models[0].name), triplets) if len(models) > 1 else None
    change = None
    if before is not None:
        wrong_before = before[:, 0] <= before[:, 1]
        change = TripletChange(
            int(wrong_before.sum()), int((wrong_before & ~wrong).sum()), int((wrong & ~wrong_before).sum())
        )
    excess = after[:, 1] - after[:, 0]
    hardest = []
    for at in map(int, np.argsort(-excess, kind="stable")[:SHOWN_TRIPLETS]):
        if excess[at] >= 0:
            rows = (triplets.anchor[at], triplets.positive[at], triplets.negative[at])
            anchor, positive, negative = (item(recording.product(int(row))) for row in rows)
            hardest.append(
                WrongTriplet(
                    anchor=anchor,
                    positive=positive,
                    negative=negative,
                    positive_cosine=float(after[at, 0]),
                    negative_cosine=float(after[at, 1]),
                    before=None if before is None else (float(before[at, 0]), float(before[at, 1])),
                )
            )
    return WrongTriplets(
        model=models[-1],
        total=len(triplets),
        wrong=int(wrong.sum()),
        hardest=tuple(hardest),
        change=change,
    )


def _cosines(vectors: Vectors, triplets: HeldOutTriplets) -> Cosines:
    anchors = vectors[triplets.anchor]
    near, far = ((anchors * vectors[rows]).sum(axis=1) for rows in (triplets.positive, triplets.negative))
    return np.stack([near, far], axis=1).astype(np.float64)
