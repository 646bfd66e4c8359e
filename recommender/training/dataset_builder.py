"""Everything that a run trains on: sets drawn from the catalogue, and sets of external data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recommender.errors import BadInput
from recommender.evaluation.text_suite import NO_SUITE, NO_TEXTS, HeldOutTexts, TextSuite
from recommender.training.catalogue_sets import CatalogueSets, SetName, TextFunctions
from recommender.training.data.formats import DataColumns, find_columns
from recommender.training.data.holdout import hold_out, plain, texts_to_hold_out, without_texts
from recommender.training.data.sets import read_sets
from recommender.training.data.source import DataReading, KnownProducts
from recommender.training.data.supplied import read_texts_to_measure
from recommender.training.data.tables import open_table
from recommender.training.losses import loss_of
from recommender.training.options import DataFormat, Loss, TrainingOptions
from recommender.training.splits import Split
from recommender.training.training_set import IN_BATCH, Shape, TrainingSet
from recommender.types import Product, Progress, silent

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

    def describe(self) -> str:
        """Say in one line what was read and what was left out."""
        trained = ", ".join(dict.fromkeys(self.losses.values()))
        read = f"{self.name}: {self.rows:,} rows of {self.format} make {self.examples:,} examples for {trained}"
        return f"{read}; {self.note}" if self.note else read


@dataclass(frozen=True, slots=True)
class ExternalData:
    """The sets of one source, the report on it, and the part of it that validates and judges without a catalogue."""

    report: DataReport
    sets: tuple[TrainingSet, ...]
    validation: HeldOutTexts = NO_TEXTS
    judging: HeldOutTexts = NO_TEXTS


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of a source."""

    reading: DataReading
    parts: DataColumns
    sha256: str
    sets: tuple[TrainingSet, ...]


def read_data(
    options: TrainingOptions,
    known: KnownProducts,
    progress: Progress = silent,
    *,
    hold_out_rows: bool = False,
    asked: HeldOutTexts = NO_TEXTS,
) -> list[ExternalData]:
    """Read every source of the options, for as many passes as are drawn; a share is held out if asked for.

    No row is trained on that shows a text which is held out of any source, or the first text of a row of `asked`. These
    are the formats, and the losses that they are trained with unless `options.loss` fits them (see `losses.FITTING`):
    triplets, pairs, query-pos-neg, queries and sessions `mnrl`; scored `cosent`, or `contrastive` if all scores are 0
    or 1; labelled `batch-hard`; nli `softmax`. Raises `BadInput` for a source that can't be read, or has no row that
    can be used, and the errors of `load_hub_data`.
    """
    found = [_read(options, known, number, source.name, progress) for number, source in enumerate(options.data)]
    held = texts_to_hold_out(rows for each in found for rows in each.sets) if hold_out_rows else frozenset()
    first = [text for text, *_ in (*asked.triplets, *asked.pairs)] + [text for text, *_ in asked.scored]
    barred = frozenset(map(plain, first))
    return [_divide(each, held, barred, options, progress) for each in found]


def _read(options: TrainingOptions, known: KnownProducts, number: int, source: str, progress: Progress) -> _Read:
    progress("reading data", 0, None, source)
    with open_table(source) as table:
        parts = find_columns(table, options.data[number].format)
        reading = DataReading(table, known, options, number, progress)
        sets = read_sets(reading, parts)
        if not any(len(rows) for rows in sets):
            why = reading.counts.describe() or "there are none"
            raise BadInput(
                f"{reading.name}: not one of {reading.counts.rows:,} rows of {parts.format} can be trained on: {why}"
            )
        return _Read(reading, parts, table.sha256, sets)


def _divide(
    found: _Read, held: frozenset[str], barred: frozenset[str], options: TrainingOptions, progress: Progress
) -> ExternalData:
    reading, counts = found.reading, found.reading.counts
    notes = [f"left out: {counts.describe()}"] if counts.describe() else []
    sets = tuple(without_texts(rows, barred) for rows in found.sets)
    if asked := sum(map(len, found.sets)) - sum(map(len, sets)):
        notes.append(f"{asked:,} left out, which show what --eval asks about")
    if not any(map(len, sets)):
        raise BadInput(f"{reading.name}: no row is left to train on: {notes[-1]}; give other data to --eval")
    validation = judging = NO_TEXTS
    if held:
        before = sum(map(len, sets))
        parts = [hold_out(rows, held) for rows in sets]
        sets = tuple(rows for rows, _, _ in parts)
        validation = sum((part for _, part, _ in parts), NO_TEXTS)
        judging = sum((part for _, _, part in parts), NO_TEXTS)
        notes.append(f"{before - sum(map(len, sets)):,} held out to measure on")
    usable = tuple(rows for rows in sets if len(rows) > int(rows.shape in IN_BATCH))
    if not usable:
        if not any(map(len, sets)):
            raise BadInput(f"{reading.name}: {notes[-1]}, and none is left to train on; give more rows")
        raise BadInput(f"{reading.name}: one row alone can't be trained on, since others are its negatives; give more")
    if any(len(rows) for rows in sets if rows not in usable):
        notes.append("one row left out, which has no other of its kind")
    for rows in usable:
        labels = Counter(target for _, target in rows.examples()) if rows.shape is Shape.LABELLED else None
        if labels is not None and sum(count > 1 for count in labels.values()) < 2:
            raise BadInput(f"{reading.name}: fewer than two labels have two texts; give more texts of each label")
        if found.parts.format not in _DRAWN_BY_PASS:
            rows.repeat(options.epochs_to_draw)
    report = DataReport(
        name=reading.name,
        format=found.parts.format,
        losses={rows.name: loss_of(rows, options.loss).value for rows in usable},
        rows=counts.rows,
        examples=sum(len(rows) // options.epochs_to_draw for rows in usable),
        bad=counts.bad,
        unknown_skus=counts.unknown,
        held_out=counts.held_out,
        unused=counts.unused,
        sha256=found.sha256,
        note="; ".join(notes),
    )
    progress("reading data", counts.rows, counts.rows, report.describe())
    return ExternalData(report, usable, validation, judging)


_BY_TURNS = (SetName.CATEGORY, SetName.FIELDS, SetName.QUERIES)

SETS_OF: Mapping[Loss, tuple[SetName, ...]] = {
    Loss.JOINT: (SetName.PRODUCTS,),
    Loss.MNRL: _BY_TURNS,
    Loss.CACHED_MNRL: _BY_TURNS,
    Loss.GIST: _BY_TURNS,
    Loss.TRIPLET: (SetName.CATEGORY,),
    Loss.BATCH_HARD: (SetName.LEAVES,),
    Loss.COSENT: (SetName.SCORED,),
    Loss.COSINE: (SetName.SCORED,),
    Loss.SOFTMAX: (SetName.CLASSES,),
    Loss.CONTRASTIVE: (SetName.CONTRASTIVE,),
}
"""The sets of the catalogue that each loss is minimised over."""


WITHOUT_CATEGORIES = (SetName.PRODUCTS, SetName.FIELDS, SetName.QUERIES)
"""Sets that a shop of one category has too."""


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The sets of a run, what became of each source of external data, and the texts that validate and judge."""

    sets: tuple[TrainingSet, ...]
    reports: tuple[DataReport, ...]
    validation: TextSuite = NO_SUITE
    judging: TextSuite = NO_SUITE


def build_training_data(
    products: Sequence[Product],
    split: Split,
    options: TrainingOptions,
    texts: TextFunctions,
    progress: Progress = silent,
) -> TrainingData:
    """Draw the sets of the options' loss from the training products, and read the external data.

    Without products a share of the data is held out. Raises `BadInput` for a catalogue without categories to learn from
    and for data that can't be used.
    """
    known = KnownProducts(products, split, texts)
    supplied = read_texts_to_measure(options, products, texts)
    external = read_data(options, known, progress, hold_out_rows=not products, asked=supplied)
    drawn: list[TrainingSet] = []
    if not options.data_only:
        catalogue = CatalogueSets(products, split.train, texts, options.seed)
        names = SETS_OF[options.catalogue_loss]
        if not catalogue.has_triplets:
            names = tuple(name for name in names if name in WITHOUT_CATEGORIES)
            if not names:
                raise BadInput(f"--loss {options.loss} learns from categories, which this shop lacks; leave --loss out")
        drawn = [catalogue.draw(name, options.epochs_to_draw) for name in names]
        if len(names) > 1:  # a catalogue without descriptions has no pairs of fields
            drawn = [rows for rows in drawn if len(rows) > 1]
    return TrainingData(
        sets=(*drawn, *(rows for data in external for rows in data.sets)),
        reports=tuple(data.report for data in external),
        validation=TextSuite(sum((data.validation for data in external), NO_TEXTS), supplied),
        judging=TextSuite(sum((data.judging for data in external), NO_TEXTS), supplied),
    )
