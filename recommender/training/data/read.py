"""External training data, read into training sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from recommender.errors import BadInput
from recommender.hub_datasets import PREFIX
from recommender.training.data.behaviour import query_sets, session_sets
from recommender.training.data.columns import Parts, find_parts
from recommender.training.data.hub import hub_table
from recommender.training.data.known import KnownProducts
from recommender.training.data.source import Reading
from recommender.training.data.tables import Table, open_table
from recommender.training.data.texts import class_sets, label_sets, pair_sets, ranked_sets, scored_sets
from recommender.training.losses import ONE_NEGATIVE, loss_of
from recommender.training.options import DataFormat, DataSource, TrainingOptions
from recommender.training.training_sets import IN_BATCH, Shape, TrainingSet
from recommender.types import Progress, silent

_DRAWN_BY_PASS = frozenset({DataFormat.QUERIES, DataFormat.SESSIONS})
"""Formats whose rows differ from pass to pass."""


@dataclass(frozen=True, slots=True)
class DataReport:
    """What became of a source: its rows, and how many of them (or SKUs in them) were left out, and why.

    `examples` are the rows of a pass that were made of it, `losses` what they are trained with, by set. `sha256` is
    that of the file, or of the rows of a data set of the Hub.
    """

    name: str
    format: DataFormat
    losses: Mapping[str, str]
    rows: int
    examples: int
    bad: int
    unknown_skus: int
    held_out: int
    unused: int
    sha256: str
    note: str

    def words(self) -> str:
        """Say in one line what was read and what was left out."""
        trained = ", ".join(dict.fromkeys(self.losses.values()))
        read = f"{self.name}: {self.rows:,} rows of {self.format} make {self.examples:,} examples for {trained}"
        return f"{read}; {self.note}" if self.note else read


@dataclass(frozen=True, slots=True)
class ExternalData:
    """The sets of one source, and what is to be said of it."""

    report: DataReport
    sets: tuple[TrainingSet, ...]


def read_data(options: TrainingOptions, known: KnownProducts, progress: Progress = silent) -> list[ExternalData]:
    """Read every source of the options, for as many passes as are drawn.

    The shapes, and the losses that they are trained with unless `options.loss` fits them (see `losses.FITTING`):
    triplets, pairs, query-pos-neg, queries and sessions `mnrl`; scored `cosent`, or `contrastive` when the scores are 0
    and 1 alone; labelled `batch-hard`; nli `softmax`. Raises `BadInput` for a source that can't be read, or of which no
    row can be used, and what `hub_table` raises.
    """
    return [_read(number, source, options, known, progress) for number, source in enumerate(options.data)]


def _read(
    number: int, source: DataSource, options: TrainingOptions, known: KnownProducts, progress: Progress
) -> ExternalData:
    progress("reading data", 0, None, source.name)
    with _opened(source.name) as table:
        parts = find_parts(table, source.format)
        reading = Reading(table, known, options.drawn_epochs, options.seed, number, progress)
        sets = tuple(_builder(parts, options)(reading, parts))
    _require_usable(reading, parts, sets)
    if parts.format not in _DRAWN_BY_PASS:
        for rows in sets:
            rows.repeat(options.drawn_epochs)
    report = _report(reading, parts, sets, options)
    progress("reading data", reading.tally.rows, reading.tally.rows, report.words())
    return ExternalData(report, sets)


@contextmanager
def _opened(name: str) -> Iterator[Table]:
    if name.startswith(PREFIX):
        yield hub_table(name)
        return
    with open_table(name) as table:
        yield table


def _builder(parts: Parts, options: TrainingOptions) -> Callable[[Reading, Parts], list[TrainingSet]]:
    ranked = partial(ranked_sets, most=1) if options.loss in ONE_NEGATIVE else ranked_sets
    builders: dict[DataFormat, Callable[[Reading, Parts], list[TrainingSet]]] = {
        DataFormat.TRIPLETS: ranked,
        DataFormat.QUERY_POS_NEG: ranked,
        DataFormat.PAIRS: pair_sets,
        DataFormat.SCORED: scored_sets,
        DataFormat.NLI: class_sets,
        DataFormat.LABELLED: label_sets,
        DataFormat.QUERIES: query_sets,
        DataFormat.SESSIONS: session_sets,
    }
    return builders[parts.format]


def _require_usable(reading: Reading, parts: Parts, sets: Sequence[TrainingSet]) -> None:
    tally = reading.tally
    if not any(len(rows) for rows in sets):
        why = tally.words() or "there are none"
        raise BadInput(f"{reading.name}: not one of {tally.rows:,} rows of {parts.format} can be trained on: {why}")
    for rows in sets:
        if rows.shape in IN_BATCH and len(rows) < 2:
            raise BadInput(
                f"{reading.name}: one row alone can't be trained on, since others are its negatives; give more"
            )
        if rows.shape is Shape.LABELLED and not _has_groups(rows):
            raise BadInput(f"{reading.name}: fewer than two labels have two texts; give more texts of each label")


def _has_groups(rows: TrainingSet) -> bool:
    counts = Counter(target for _, target in rows.examples())
    return sum(count > 1 for count in counts.values()) > 1


def _report(reading: Reading, parts: Parts, sets: Sequence[TrainingSet], options: TrainingOptions) -> DataReport:
    tally = reading.tally
    return DataReport(
        name=reading.name,
        format=parts.format,
        losses={rows.name: loss_of(rows, options.loss).value for rows in sets},
        rows=tally.rows,
        examples=sum(len(rows) // options.drawn_epochs for rows in sets),
        bad=tally.bad,
        unknown_skus=tally.unknown,
        held_out=tally.held_out,
        unused=tally.unused,
        sha256=reading.table.sha256,
        note=tally.words() and f"left out: {tally.words()}",
    )
