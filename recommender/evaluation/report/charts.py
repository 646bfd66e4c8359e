"""The charts of the page: intervals, curves, maps and strips."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from markupsafe import Markup

from recommender.evaluation.report.data import (
    Interval,
    MapView,
    MetricTable,
    Model,
    Neighbour,
    ProductMap,
    TrainingCurves,
)
from recommender.evaluation.report.glossary import measure
from recommender.evaluation.report.svg import Axis, dot, element, line, nice_bounds, picture, words
from recommender.evaluation.report.words import count, number, signed

Points = Sequence[tuple[float, float]]

PLOT_WIDTH = 118.0
_PLOT_HEIGHT = 20.0
_MARGIN = 8.0
_CURVE_WIDTH, _CURVE_HEIGHT = 500.0, 250.0
_MAP_SIZE = 480.0
_SMOOTHED = 0.1
"""Share of the points that a smoothed loss is the mean of, to either side together."""


def value_axis(table: MetricTable) -> Axis:
    """Return the axis on which all values of a table lie."""
    intervals = [each.value for row in table.rows for each in row.models]
    low, high = nice_bounds(min(i.low for i in intervals), max(i.high for i in intervals))
    return Axis(low, high, _MARGIN, PLOT_WIDTH - _MARGIN)


def difference_axis(differences: Iterable[Interval | None]) -> Axis:
    """Return an axis with 0 in the middle on which all differences lie."""
    bounds = [abs(bound) for each in differences if each is not None for bound in (each.low, each.high)]
    reach = max([*bounds, 0.01])
    return Axis(-nice_bounds(0, reach, 3)[1], nice_bounds(0, reach, 3)[1], _MARGIN, PLOT_WIDTH - _MARGIN)


def interval_plot(value: Interval, axis: Axis, class_: str) -> Markup:
    """Draw a mean as a dot and its interval as a whisker."""
    label = f"{number(value.mean)}, 95% interval {number(value.low)} to {number(value.high)}"
    return _whisker(value, axis, class_, label, axis.ticks(3))


def difference_plot(value: Interval, axis: Axis, class_: str) -> Markup:
    """Draw a difference as a dot and its interval as a whisker, beside a line at 0."""
    label = f"{signed(value.mean)}, 95% interval {signed(value.low)} to {signed(value.high)}"
    return _whisker(value, axis, class_, label, [0.0])


def scale(axis: Axis, sign: bool = False) -> Markup:
    """Draw the values under the plots of a column."""
    ticks = [axis.low, 0.0, axis.high] if sign else axis.ticks(3)
    marks = [words(axis.at(tick), 12, _short(tick, sign)) for tick in ticks]
    return picture(PLOT_WIDTH, 16, *marks, label=f"scale from {_short(axis.low)} to {_short(axis.high)}")


def loss_chart(curves: TrainingCurves) -> Markup:
    """Draw the loss of each logged step, and its mean over a window that moves along."""
    losses = [(float(step), loss) for step, loss in curves.losses]
    top = max(loss for _, loss in losses)
    x = Axis(0, max(step for step, _ in losses), 44, _CURVE_WIDTH - 12)
    y = Axis(0, nice_bounds(0, top)[1], _CURVE_HEIGHT - 34, 10)
    marks = [dot(x.at(step), y.at(loss), 1.6, "raw") for step, loss in losses]
    return picture(
        _CURVE_WIDTH,
        _CURVE_HEIGHT,
        *_grid(x, y, "step"),
        *marks,
        _path(_smooth(losses), x, y, "curve c0"),
        label=f"training loss over {count(curves.steps)} steps, {losses[0][1]:.3f} to {losses[-1][1]:.3f}",
        class_="plot wide",
    )


def validation_chart(curves: TrainingCurves, names: Sequence[str]) -> Markup:
    """Draw the measures of each evaluation during the training, and the step that was kept."""
    lines = [[(float(step), values[name]) for step, values in curves.evaluations if name in values] for name in names]
    values = [value for points in lines for _, value in points]
    x = Axis(0, max(curves.steps, 1), 44, _CURVE_WIDTH - 12)
    y = Axis(*nice_bounds(min(values), max(values) + 1e-9), _CURVE_HEIGHT - 34, 10)
    drawn = []
    for at, points in enumerate(lines):
        drawn.append(_path(points, x, y, f"curve c{at}"))
        drawn += [dot(x.at(step), y.at(value), 3.2, f"at c{at}") for step, value in points]
    best = x.at(curves.best_step)
    return picture(
        _CURVE_WIDTH,
        _CURVE_HEIGHT,
        *_grid(x, y, "step"),
        line(best, y.start, best, y.end, "kept"),
        *drawn,
        label=f"measures at {len(curves.evaluations)} evaluations; step {curves.best_step} was kept",
        class_="plot wide",
    )


def validation_measures(curves: TrainingCurves) -> list[str]:
    """Return the measures of the evaluations that have a meaning of their own, as a weighted gain has not."""
    names = dict.fromkeys(name for _, values in curves.evaluations for name in values)
    return [name for name in names if measure(name).meaning]


def map_chart(product_map: ProductMap, view: MapView) -> Markup:
    """Draw each product as a dot in the colour of its department; the rest lies beneath, grey.

    The dots of every view stand in the same order, so that the n-th of one is the n-th of another.
    """
    xs, ys = zip(*view.positions, strict=True)
    x, y = Axis(min(xs), max(xs), 10, _MAP_SIZE - 10), Axis(min(ys), max(ys), _MAP_SIZE - 10, 10)
    groups = []
    for department in (-1, *range(len(product_map.departments))):
        dots = [
            dot(x.at(place[0]), y.at(place[1]), 3, "", element("title", f"{point.item.title}\n{point.item.category}"))
            for point, place in zip(product_map.points, view.positions, strict=True)
            if point.department == department
        ]
        groups.append(element("g", *dots, class_=f"d{department}" if department >= 0 else "rest"))
    label = f"map of {count(len(product_map.points))} products by {view.model.label}"
    return picture(_MAP_SIZE, _MAP_SIZE, *groups, label=label, class_="plot map")


def strip(neighbours: Sequence[Neighbour]) -> Markup:
    """Draw a square a neighbour, filled where it is of the product's own leaf."""
    size, gap = 9.0, 2.0
    squares = [
        element(
            "rect",
            x=at * (size + gap) + 0.5,
            y=0.5,
            width=size - 1,
            height=size - 1,
            rx=1.5,
            class_="own" if neighbour.same_leaf else "other",
        )
        for at, neighbour in enumerate(neighbours)
    ]
    own = sum(neighbour.same_leaf for neighbour in neighbours)
    return picture(
        10 * (size + gap) - gap,
        size,
        *squares,
        label=f"{own} of {len(neighbours)} in the same category",
        class_="strip",
    )


def share_bar(parts: Mapping[str, int]) -> Markup:
    """Draw how a whole is made up, one piece a class of the style sheet."""
    total, width, start = sum(parts.values()) or 1, 600.0, 0.0
    pieces = []
    for class_, size in parts.items():
        pieces.append(element("rect", x=start, y=0, width=width * size / total, height=10, class_=class_))
        start += width * size / total
    label = ", ".join(f"{count(size)} {class_}" for class_, size in parts.items())
    return picture(width, 10, *pieces, label=label, class_="bar", preserveAspectRatio="none")


def series(models: Sequence[Model], others: Iterable[Model] = ()) -> dict[Model, str]:
    """Give each model the class of its colour: grey for the first, the accent for the last, and others by turns."""
    between = dict.fromkeys((*models[1:-1], *others))
    classes = {model: f"series-{at % 4 + 2}" for at, model in enumerate(between)}
    return classes | {models[0]: "series-0"} | {models[-1]: "series-1"}


def _whisker(value: Interval, axis: Axis, class_: str, label: str, grid: Iterable[float]) -> Markup:
    middle, low, high = _PLOT_HEIGHT / 2, axis.at(value.low), axis.at(value.high)
    return picture(
        PLOT_WIDTH,
        _PLOT_HEIGHT,
        *(line(axis.at(tick), 0, axis.at(tick), _PLOT_HEIGHT, "grid") for tick in grid),
        element(
            "g",
            line(low, middle, high, middle, "whisker"),
            line(low, middle - 3, low, middle + 3, "whisker"),
            line(high, middle - 3, high, middle + 3, "whisker"),
            dot(axis.at(value.mean), middle, 4, "mean"),
            class_=class_,
        ),
        label=label,
    )


def _grid(x: Axis, y: Axis, unit: str) -> Iterator[Markup]:
    for tick in y.ticks(5):
        yield line(x.start, y.at(tick), x.end, y.at(tick), "grid")
        yield words(x.start - 7, y.at(tick) + 4, _short(tick), "end")
    for tick in x.ticks(6):
        yield words(x.at(tick), y.start + 17, f"{tick:,.0f}")
    yield words(x.end, y.start + 31, unit, "end")


def _path(points: Points, x: Axis, y: Axis, class_: str) -> Markup:
    steps = " ".join(f"{x.at(step):.1f},{y.at(value):.1f}" for step, value in points)
    return element("polyline", points=steps, class_=class_)


def _smooth(points: Points) -> list[tuple[float, float]]:
    reach = max(1, round(len(points) * _SMOOTHED / 2))
    smoothed = []
    for at, (step, _) in enumerate(points):
        near = [value for _, value in points[max(0, at - reach) : at + reach + 1]]
        smoothed.append((step, sum(near) / len(near)))
    return smoothed


def _short(value: float, sign: bool = False) -> str:
    text = f"{value:+.10g}" if sign and value else f"{value:.10g}"
    return text.replace("-", "\N{MINUS SIGN}")
