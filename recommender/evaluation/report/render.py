"""The page: templates, style and script put together into one file that loads nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from recommender.evaluation.report import charts, words
from recommender.evaluation.report.data import (
    Change,
    Interval,
    MeasuredModel,
    ReportData,
)
from recommender.evaluation.report.words import Measure, measure

_PACKAGE = "recommender.evaluation.report"
_FOLDER = "templates"
_FILTERS = ("number", "signed", "percent", "count", "duration", "moment", "plain", "leaf", "px", "short")

TILES = ("category_p10", "description_to_title_mrr10", "title_to_description_mrr10", "unseen_category_p10")
"""Measures that are large at the top, if they were measured; otherwise the first ones are."""


def render(data: ReportData) -> str:
    """Return a whole HTML document; the same data give the same text.

    Every value is escaped. A content security policy names the hashes of the page's own style and script, so that
    nothing else runs or is fetched, whatever a catalogue's texts contain.
    """
    names = [row.name for table in data.metrics for row in table.rows]
    names += [row.name for row in data.catalogue]
    style, script = _resource("style.css"), _resource("script.js")
    first = {
        row.name: row
        for row in (data.metrics[0].rows if data.metrics else ())
        if row.models[-1].model == data.headline.models[-1]
    }
    tiles = []
    for row in [first[name] for name in TILES if name in first] or list(first.values())[:4]:
        last = row.models[-1]
        before = row.models[0] if len(row.models) > 1 else None
        change = last.differences[0] if before and last.differences else None
        tiles.append(_Tile(measure(row.name), last.value, before, change, words.tone(row.name, change)))
    return (
        _environment()
        .get_template("report.html")
        .render(
            data=data,
            style=style,
            script=script,
            policy=(
                f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
                "base-uri 'none'; form-action 'none'"
            ),
            series=charts.series(
                data.headline.models,
                [each.model for table in data.metrics for row in table.rows for each in row.models],
            ),
            tiles=tiles,
            contents=(
                ("measures", "Every measure", data.metrics),
                ("gate", "The gate", data.gate),
                ("neighbours", "Products and their neighbours", data.examples),
                ("map", "The map", data.product_map),
                ("slices", "Parts of the catalogue", data.slices and data.slices.rows),
                ("triplets", "What is still wrong", data.triplets),
                ("training", "The training", data.training and (data.training.losses or data.training.evaluations)),
                ("method", "How it was measured", True),
            ),
            # Every measure that the page names and that has an explanation, each once.
            measures=[found for found in map(measure, dict.fromkeys(names)) if found.meaning],
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(_PACKAGE, _FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {name: getattr(words, name) for name in _FILTERS}
    environment.filters["measure"] = measure
    environment.filters["differences"] = lambda table: [
        change for row in table.rows for each in row.models for change in each.differences
    ]
    environment.globals |= {"zip": zip, "charts": charts, "tone": words.tone, "verdict": words.verdict}
    environment.globals["Change"] = Change
    return environment


def _resource(name: str) -> str:
    return (files(_PACKAGE) / _FOLDER / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@dataclass(frozen=True, slots=True)
class _Tile:
    """A large measure: the value of the model that the report is about, and what it was before."""

    measure: Measure
    value: Interval
    before: MeasuredModel | None
    change: Interval | None
    tone: str
