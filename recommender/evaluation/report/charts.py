"""The positions in the charts of the page, whose marks `templates/charts.html` draws."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from recommender.evaluation.report.data import Interval, MetricTable, Model, TrainingCurves
from recommender.evaluation.report.words import measure

Points = Sequence[tuple[float, float]]

PLOT_WIDTHS = (480.0, 240.0)
"""Pixels of a plot in a table without a reference, and with one; with more there is room for `LEAST_WIDTH`."""

LEAST_WIDTH = 118.0
CURVE_WIDTH, CURVE_HEIGHT = 500.0, 250.0
MAP_SIZE = 480.0

_MARGIN = 8.0
_SMOOTHED = 0.1
"""A smoothed loss is the mean of this share of the points, half of them on either side."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Values from `low` to `high`, drawn from pixel `start` to pixel `end`."""

    low: float
    high: float
    start: float
    end: float

    @property
    def width(self) -> float:
        """Pixels of a picture that has the same margin on both sides."""
        return self.start + self.end

    def at(self, value: float) -> float:
        """Return the pixel of a value; values outside are drawn at the edge."""
        share = (min(max(value, self.low), self.high) - self.low) / ((self.high - self.low) or 1)
        return self.start + share * (self.end - self.start)

    def ticks(self, about: int = 5) -> list[float]:
        """Return round values along the axis, at most about as many as asked for."""
        step = round_step((self.high - self.low) / max(1, about))
        first = math.ceil(self.low / step - 1e-9)
        return [round(tick * step, 10) for tick in range(first, math.floor(self.high / step + 1e-9) + 1)]


@dataclass(frozen=True, slots=True)
class Plane:
    """Two axes at a right angle."""

    x: Axis
    y: Axis

    def path(self, points: Points) -> str:
        """Return points as a polyline has them."""
        return " ".join(f"{self.x.at(x):.1f},{self.y.at(y):.1f}" for x, y in points)


def round_step(size: float) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that is not below `size`."""
    if size <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(size))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= size * (1 - 1e-9))


def nice_bounds(low: float, high: float, about: int = 5) -> tuple[float, float]:
    """Return the nearest round values outside of a range."""
    step = round_step((high - low) / about)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def value_axis(table: MetricTable) -> Axis:
    """Return the axis that has all values of a table."""
    intervals = [each.value for row in table.rows for each in row.models]
    low, high = nice_bounds(min(i.low for i in intervals), max(i.high for i in intervals))
    return Axis(low, high, _MARGIN, plot_width(table) - _MARGIN)


def plot_width(table: MetricTable) -> float:
    """Return how wide the plots of a table may be, so that together they fill the page."""
    return dict(enumerate(PLOT_WIDTHS)).get(len(table.references), LEAST_WIDTH)


def difference_axis(differences: Iterable[Interval | None], width: float = PLOT_WIDTHS[1]) -> Axis:
    """Return an axis with 0 in the middle that has all differences."""
    bounds = [abs(bound) for each in differences if each is not None for bound in (each.low, each.high)]
    reach = nice_bounds(0, max([*bounds, 0.01]), 3)[1]
    return Axis(-reach, reach, _MARGIN, width - _MARGIN)


def curve_plane(points: Points, steps: float, low: float | None = None) -> Plane:
    """Return the plane of a curve over `steps` steps; its values begin at `low`, or at the lowest one."""
    values = [value for _, value in points]
    low, high = min(values) if low is None else low, max(values)
    bounds = nice_bounds(low, high if high > low else high + 1e-9)
    return Plane(Axis(0, steps, 44, CURVE_WIDTH - 12), Axis(*bounds, CURVE_HEIGHT - 34, 10))


def map_plane(positions: Points) -> Plane:
    """Return the plane that has all positions, the first axis to the right and the second one upwards."""
    xs, ys = zip(*positions, strict=True)
    return Plane(Axis(min(xs), max(xs), 10, MAP_SIZE - 10), Axis(min(ys), max(ys), MAP_SIZE - 10, 10))


def validation_measures(curves: TrainingCurves) -> list[str]:
    """Return the measures of the evaluations that have a meaning of their own, which a weighted gain has not."""
    names = dict.fromkeys(name for _, values in curves.evaluations for name in values)
    return [name for name in names if measure(name).meaning]


def validation_curves(curves: TrainingCurves, names: Sequence[str]) -> list[Points]:
    """Return the (step, value) of each of these measures."""
    return [[(float(step), values[name]) for step, values in curves.evaluations if name in values] for name in names]


def series(models: Sequence[Model], others: Iterable[Model] = ()) -> dict[Model, str]:
    """Give each model the class of its colour: grey for the first, the accent for the last, and others in turns."""
    between = dict.fromkeys((*models[1:-1], *others))
    classes = {model: f"series-{at % 4 + 2}" for at, model in enumerate(between)}
    return classes | {models[0]: "series-0"} | {models[-1]: "series-1"}


def smooth(points: Points) -> Points:
    """Return the mean of each value and of those near it."""
    reach = max(1, round(len(points) * _SMOOTHED / 2))
    smoothed = []
    for at, (step, _) in enumerate(points):
        near = [value for _, value in points[max(0, at - reach) : at + reach + 1]]
        smoothed.append((step, sum(near) / len(near)))
    return smoothed
