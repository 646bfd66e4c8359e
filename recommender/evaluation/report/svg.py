"""SVG, and the marks that charts are made of. Everything that goes in is escaped; colours come from the style sheet."""

from __future__ import annotations

import math
from dataclasses import dataclass

from markupsafe import Markup


def element(name: str, *children: Markup | str, **attributes: str | float) -> Markup:
    """Return an element; `class_` is `class`, `text_anchor` is `text-anchor`; floats have one decimal at most."""
    written = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _value(value)) for key, value in attributes.items()
    )
    inside = Markup("").join(children)
    if not inside:
        return Markup("<{}{}/>").format(name, written)
    return Markup("<{}{}>{}</{}>").format(name, written, inside, name)


def picture(
    width: float, height: float, *children: Markup | str, label: str, class_: str = "plot", **attributes: str
) -> Markup:
    """Return an SVG of a size in pixels that shrinks with its box; `label` is read to those who can't see it."""
    return element(
        "svg",
        *children,
        viewBox=f"0 0 {_value(width)} {_value(height)}",
        width=width,
        height=height,
        role="img",
        aria_label=label,
        class_=class_,
        **attributes,
    )


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """Return a straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def dot(x: float, y: float, radius: float, class_: str, *children: Markup | str) -> Markup:
    """Return a filled circle."""
    return element("circle", *children, cx=x, cy=y, r=radius, class_=class_)


def words(x: float, y: float, text: str, anchor: str = "middle", class_: str = "tick") -> Markup:
    """Return a piece of text."""
    return element("text", text, x=x, y=y, text_anchor=anchor, class_=class_)


@dataclass(frozen=True, slots=True)
class Axis:
    """Values from `low` to `high` laid on pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return the pixel of a value; what lies outside is put on the edge."""
        share = (min(max(value, self.low), self.high) - self.low) / ((self.high - self.low) or 1)
        return self.start + share * (self.end - self.start)

    def ticks(self, about: int = 5) -> list[float]:
        """Return round values along the axis, at most about as many as asked for."""
        step = round_step((self.high - self.low) / max(1, about))
        first = math.ceil(self.low / step - 1e-9)
        return [round(tick * step, 10) for tick in range(first, math.floor(self.high / step + 1e-9) + 1)]


def round_step(size: float) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that is not below `size`."""
    if size <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(size))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= size * (1 - 1e-9))


def nice_bounds(low: float, high: float, about: int = 5) -> tuple[float, float]:
    """Return the round values next outside of a range."""
    step = round_step((high - low) / about)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def _value(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")
