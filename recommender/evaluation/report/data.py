"""What a report shows, as plain values: everything that the page reads. It leaves out parts that are None, or empty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Outcome(StrEnum):
    """What became of the model that the report is about."""

    LIVE = "live"
    PASSED = "passed"
    REFUSED = "refused"
    FORCED = "forced"
    MEASURED = "measured"


class Mark(StrEnum):
    """What became of a neighbour from one model to the next."""

    KEPT = "kept"
    GAINED = "gained"
    LOST = "lost"


class Change(StrEnum):
    """Why a product is among the examples. `single` where there is one model, so that nothing changed."""

    GAIN = "gain"
    SAME = "same"
    LOSS = "loss"
    SINGLE = "single"


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and the ends of its 95% interval; of a difference too."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Model:
    """A model as the report names it: `base`, `live`, `tuned` or none, its name, and what ran it."""

    name: str
    role: str = ""
    encoder: str = ""

    @property
    def label(self) -> str:
        """What is written before a row of it."""
        return self.role or self.name


@dataclass(frozen=True, slots=True)
class Headline:
    """What happened, in a few facts. `seconds` is the time of the training, or of the measuring without one."""

    outcome: Outcome
    models: tuple[Model, ...]
    created_at: datetime
    reason: str = ""
    products: int = 0
    leaves: int = 0
    queries: int = 0
    seconds: float = 0.0
    device: str = ""


@dataclass(frozen=True, slots=True)
class MeasuredModel:
    """One model's value of one measure, and its paired difference to each reference (None to itself)."""

    model: Model
    value: Interval
    differences: tuple[Interval | None, ...]


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One measure of every model that has it. `queries` of each model, or 0 when they differ."""

    name: str
    queries: int
    models: tuple[MeasuredModel, ...]


@dataclass(frozen=True, slots=True)
class MetricTable:
    """Measures of the same models, against the same references."""

    references: tuple[Model, ...]
    rows: tuple[MetricRow, ...]


@dataclass(frozen=True, slots=True)
class CatalogueRow:
    """A measure of the catalogue as a whole, which has no interval, by each model in turn; None if not measured."""

    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class GateLine:
    """One line of the gate: a measure against a reference, and whether it was passed.

    `rule` is what the line must show, in words. A passed line that is one of many alike is `folded` away on the page.
    """

    name: str
    against: str
    reference: float
    tuned: float
    difference: Interval
    passed: bool
    rule: str = ""
    folded: bool = False


@dataclass(frozen=True, slots=True)
class TrainingCurves:
    """(step, mean loss) and (step, metrics) of a run; the model of `best_step` is the one that was kept.

    `data` says what became of training data from outside, one sentence for each source.
    """

    steps: int
    epochs: float
    losses: tuple[tuple[int, float], ...]
    evaluations: tuple[tuple[int, Mapping[str, float]], ...]
    best_step: int
    data: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShownProduct:
    """A product as the page names it."""

    title: str
    category: str = ""


@dataclass(frozen=True, slots=True)
class MapPoint:
    """A product of the map. `department` is an index into the map's departments, -1 for one of the rest."""

    item: ShownProduct
    department: int


@dataclass(frozen=True, slots=True)
class MapView:
    """One model's picture of the products: their positions, without a unit, and the purity of its k-means clusters."""

    model: Model
    positions: tuple[tuple[float, float], ...]
    purity: float


@dataclass(frozen=True, slots=True)
class ProductMap:
    """The same products as several models see them. `departments` are the largest with their sizes.

    `clusters` is the k of k-means: the number of all departments. `largest_share` is the purity of one cluster alone.
    """

    points: tuple[MapPoint, ...]
    departments: tuple[tuple[str, int], ...]
    views: tuple[MapView, ...]
    clusters: int
    largest_share: float
    held_out: int


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A product near another one: how near, whether of the same leaf, and whether the other model has it too."""

    item: ShownProduct
    cosine: float
    same_leaf: bool
    mark: Mark


@dataclass(frozen=True, slots=True)
class Example:
    """One held-out product and its neighbours by each model, nearest first; the same ones twice for one model."""

    item: ShownProduct
    change: Change
    before: tuple[Neighbour, ...]
    after: tuple[Neighbour, ...]


@dataclass(frozen=True, slots=True)
class Examples:
    """Examples, and how many held-out products gained neighbours of their own leaf, kept as many, and lost some."""

    models: tuple[Model, ...]
    examples: tuple[Example, ...]
    gained: int
    same: int
    lost: int


@dataclass(frozen=True, slots=True)
class WrongTriplet:
    """A triplet whose negative is nearer to the anchor than its positive. `before` is (positive, negative)."""

    anchor: ShownProduct
    positive: ShownProduct
    negative: ShownProduct
    positive_cosine: float
    negative_cosine: float
    before: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class TripletChange:
    """How many triplets the first model had wrong, how many of those are right now, and how many are newly wrong."""

    wrong_before: int
    mended: int
    broken: int


@dataclass(frozen=True, slots=True)
class WrongTriplets:
    """The hardest of the triplets that a model has wrong, among `total`; `change` is None if there is one model."""

    model: Model
    total: int
    wrong: int
    hardest: tuple[WrongTriplet, ...]
    change: TripletChange | None = None


@dataclass(frozen=True, slots=True)
class SliceRow:
    """One measure on a part of the queries: `kind` such as department, its `name`, before, after, the difference."""

    kind: str
    name: str
    queries: int
    before: Interval | None
    after: Interval
    difference: Interval | None


@dataclass(frozen=True, slots=True)
class Slices:
    """The worst slices by one measure, the worst first, of `total`."""

    metric: str
    model: Model
    rows: tuple[SliceRow, ...]
    total: int
    reference: Model | None = None


@dataclass(frozen=True, slots=True)
class Method:
    """How it was measured and trained; what is empty is left out. `split` and `corpus` count products."""

    seed: int | None = None
    split: Mapping[str, int] = field(default_factory=dict)
    hyper_parameters: Mapping[str, str] = field(default_factory=dict)
    training_sets: Mapping[str, str] = field(default_factory=dict)
    libraries: Mapping[str, str] = field(default_factory=dict)
    corpus: int = 0


@dataclass(frozen=True, slots=True)
class ReportData:
    """The whole report."""

    headline: Headline
    metrics: tuple[MetricTable, ...] = ()
    catalogue: tuple[CatalogueRow, ...] = ()
    gate: tuple[GateLine, ...] = ()
    training: TrainingCurves | None = None
    product_map: ProductMap | None = None
    examples: Examples | None = None
    slices: Slices | None = None
    triplets: WrongTriplets | None = None
    method: Method = field(default_factory=Method)
