"""Everything that a run trains on: sets drawn from the catalogue, and sets of external data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recommender.errors import BadInput
from recommender.evaluation.text_suite import NO_SUITE, NO_TEXTS, HeldOutTexts, TextSuite
from recommender.training.catalogue_sets import CatalogueSets, SetName, TextFunctions
from recommender.training.data.formats import find_columns
from recommender.training.data.holdout import hold_out
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


def read_data(
    options: TrainingOptions, known: KnownProducts, progress: Progress = silent, *, hold_out_rows: bool = False
) -> list[ExternalData]:
    """Read every source of the options, for as many passes as are drawn; a share is held out if asked for.

    These are the formats, and the losses that they are trained with unless `options.loss` fits them (see
    `losses.FITTING`): triplets, pairs, query-pos-neg, queries and sessions `mnrl`; scored `cosent`, or `contrastive` if
    all scores are 0 or 1; labelled `batch-hard`; nli `softmax`. Raises `BadInput` for a source that can't be read, or
    has no row that can be used, and the errors of `load_hub_data`.
    """
    external = []
    for number, source in enumerate(options.data):
        progress("reading data", 0, None, source.name)
        with open_table(source.name) as table:
            parts = find_columns(table, source.format)
            reading = DataReading(table, known, options, number, progress)
            sets = read_sets(reading, parts)
        counts = reading.counts
        if not any(len(rows) for rows in sets):
            why = counts.describe() or "there are none"
            found = f"{counts.rows:,} rows of {parts.format}"
            raise BadInput(f"{reading.name}: not one of {found} can be trained on: {why}")
        validation = judging = NO_TEXTS
        notes = [f"left out: {counts.describe()}"] if counts.describe() else []
        if hold_out_rows:
            before = sum(map(len, sets))
            kept, validation, judging = hold_out(sets, options.seed)
            sets = tuple(rows for rows in kept if len(rows))
            notes.append(f"{before - sum(map(len, sets)):,} held out to measure on")
        usable = tuple(rows for rows in sets if len(rows) > 1 or rows.shape not in IN_BATCH)
        if not usable:
            raise BadInput(
                f"{reading.name}: one row alone can't be trained on, since others are its negatives; give more"
            )
        if len(usable) < len(sets):
            notes.append("one row left out, which has no other of its kind")
        sets = usable
        for rows in sets:
            labels = Counter(target for _, target in rows.examples()) if rows.shape is Shape.LABELLED else None
            if labels is not None and sum(count > 1 for count in labels.values()) < 2:
                raise BadInput(f"{reading.name}: fewer than two labels have two texts; give more texts of each label")
        if parts.format not in _DRAWN_BY_PASS:
            for rows in sets:
                rows.repeat(options.epochs_to_draw)
        report = DataReport(
            name=reading.name,
            format=parts.format,
            losses={rows.name: loss_of(rows, options.loss).value for rows in sets},
            rows=counts.rows,
            examples=sum(len(rows) // options.epochs_to_draw for rows in sets),
            bad=counts.bad,
            unknown_skus=counts.unknown,
            held_out=counts.held_out,
            unused=counts.unused,
            sha256=table.sha256,
            note="; ".join(notes),
        )
        progress("reading data", counts.rows, counts.rows, report.describe())
        external.append(ExternalData(report, sets, validation, judging))
    return external


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
    external = read_data(options, known, progress, hold_out_rows=not products)
    supplied = read_texts_to_measure(options, products, texts)
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
