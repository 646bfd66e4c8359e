"""The triplets that a model still has wrong: a product of the next category nearer than one of the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recommender.embedding.encoder import Vectors
from recommender.evaluation.report.data import Model, TripletChange, WrongTriplet, WrongTriplets
from recommender.evaluation.report.examples import item
from recommender.evaluation.report.recording import Recording
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
    before = _cosines(recording.vectors(models[0].name), triplets) if len(models) > 1 else None
    return WrongTriplets(
        model=models[-1],
        total=len(triplets),
        wrong=int(_wrong(after).sum()),
        hardest=tuple(_shown(recording, triplets, at, after, before) for at in _hardest(after)),
        change=None if before is None else _change(_wrong(before), _wrong(after)),
    )


def _cosines(vectors: Vectors, triplets: HeldOutTriplets) -> Cosines:
    anchors = vectors[triplets.anchor]
    near, far = ((anchors * vectors[rows]).sum(axis=1) for rows in (triplets.positive, triplets.negative))
    return np.stack([near, far], axis=1).astype(np.float64)


def _wrong(cosines: Cosines) -> NDArray[np.bool_]:
    return np.asarray(cosines[:, 0] <= cosines[:, 1])


def _change(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> TripletChange:
    return TripletChange(int(before.sum()), int((before & ~after).sum()), int((after & ~before).sum()))


def _hardest(cosines: Cosines) -> list[int]:
    excess = cosines[:, 1] - cosines[:, 0]
    return [int(at) for at in np.argsort(-excess, kind="stable")[:SHOWN] if excess[at] >= 0]


def _shown(
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
