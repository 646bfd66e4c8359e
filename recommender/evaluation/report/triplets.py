"""The triplets that a model still has wrong: a product of the next category nearer than one of the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recommender.embedding.encoder import Vectors
from recommender.evaluation.cached_encoder import Recording
from recommender.evaluation.report.data import Model, TripletChange, WrongTriplet, WrongTriplets
from recommender.evaluation.report.examples import item
from recommender.evaluation.triplets import HeldOutTriplets, held_out_triplets

SHOWN = 12
"""Triplets on the page."""

Cosines = NDArray[np.float64]
"""Of each anchor to its positive and to its negative: [t, 2]."""


def wrong_triplets(recording: Recording, models: Sequence[Model]) -> WrongTriplets | None:
    """Find the triplets that the last of `models` has wrong, the hardest (negative nearest beyond positive) first.

    They are the triplets of the suite's accuracy, one an anchor. None when the catalogue has none.
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
    hardest = [int(at) for at in np.argsort(-excess, kind="stable")[:SHOWN] if excess[at] >= 0]
    return WrongTriplets(
        model=models[-1],
        total=len(triplets),
        wrong=int(wrong.sum()),
        hardest=tuple(_example(recording, triplets, at, after, before) for at in hardest),
        change=change,
    )


def _cosines(vectors: Vectors, triplets: HeldOutTriplets) -> Cosines:
    anchors = vectors[triplets.anchor]
    near, far = ((anchors * vectors[rows]).sum(axis=1) for rows in (triplets.positive, triplets.negative))
    return np.stack([near, far], axis=1).astype(np.float64)


def _example(
    recording: Recording, triplets: HeldOutTriplets, at: int, cosines: Cosines, before: Cosines | None
) -> WrongTriplet:
    rows = (triplets.anchor[at], triplets.positive[at], triplets.negative[at])
    anchor, positive, negative = (item(recording.product(int(row))) for row in rows)
    return WrongTriplet(
        anchor=anchor,
        positive=positive,
        negative=negative,
        positive_cosine=float(cosines[at, 0]),
        negative_cosine=float(cosines[at, 1]),
        before=None if before is None else (float(before[at, 0]), float(before[at, 1])),
    )
