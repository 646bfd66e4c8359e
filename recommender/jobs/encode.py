"""Writes vectors of texts, and the points of the live index, into files for work in a notebook."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np

from recommender.application.composition import Application
from recommender.batching import batches
from recommender.embedding.encoder import Role, Vectors
from recommender.errors import BadInput, MissingExtra, NoLiveModel, UsageError
from recommender.feeds.columns import enumerate_names
from recommender.files import replace_file
from recommender.jobs.models import prepare_base, select_models
from recommender.models.registry import RegisteredModel
from recommender.training.data.tables import RejectedRow, open_table, read_text
from recommender.types import Progress, silent

TEXT_COLUMNS = ("text", "sentence", "query", "title")
"""Columns that are encoded if none is named, the first that a table has; otherwise the only column of the table."""

BATCH = 1024
"""Texts between two reports of progress, and points in memory at a time."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A file of vectors: how many, of what size, and by which model."""

    path: Path
    rows: int
    dimension: int
    model: str


def encode_texts(
    application: Application,
    texts: Iterable[str],
    model: str = "",
    role: Role = Role.DOCUMENT,
    progress: Progress = silent,
) -> Vectors:
    """Return the vectors of texts by a registered model, by default the live one, else the base: float32 [n, d].

    Raises `UsageError` for a single text or anything else that is not a series of texts, and `UnknownModel`.
    """
    given = None if isinstance(texts, str) or not isinstance(texts, Iterable) else list(texts)
    if given is None or not all(isinstance(text, str) for text in given):
        raise UsageError("the texts to encode are a list of texts, even for one; give ['red shoes']")
    encoder = application.serving_encoder(_model(application, model))
    found = [np.empty((0, encoder.dimension), dtype=np.float32)]
    for start in range(0, len(given), BATCH):
        progress("encoding", start, len(given))
        found.append(encoder.encode(given[start : start + BATCH], role))
    progress("encoding", len(given), len(given))
    return np.concatenate(found)


def encode_file(
    application: Application,
    source: Path | str,
    out: Path,
    *,
    model: str = "",
    column: str = "",
    role: Role = Role.DOCUMENT,
    progress: Progress = silent,
) -> Encoded:
    """Encode a column of a table of any format, in the order of its rows, into a `.npy` or a `.parquet` file.

    A Parquet file has the texts beside the vectors. Row i of the file is row i of the table: a row without a text is
    not left out, but raises `BadInput`.
    """
    require_format(out, (".npy", ".parquet"))
    texts = []
    with open_table(source) as table:
        names = [column] if column else [name for name in TEXT_COLUMNS if name in table.columns] or table.columns
        if names[0] not in table.columns or (not column and len(names) > 1 and names is table.columns):
            found = enumerate_names(table.columns)
            raise BadInput(f"{table.name}: which column is encoded? It has {found}; name one with --column")
        if not column and len(names[0].split()) > 2:  # no header, but a list of texts
            raise BadInput(
                f"{table.name}: the first line, {names[0]!r}, reads like a text, and names the column; put a line "
                "`text` above it, or give the name with --column"
            )
        for row in table.rows():
            try:
                if row.problem:
                    raise RejectedRow(row.problem)
                texts.append(read_text(row.cells, names[0], "text"))
            except RejectedRow as error:
                raise BadInput(f"{table.name} {table.unit} {row.number}: {error}") from error
    vectors = encode_texts(application, texts, model, role, progress)
    _write(out, {"text": texts}, vectors)
    return Encoded(out, len(vectors), vectors.shape[1], _model(application, model).name)


def export_index(application: Application, out: Path, progress: Progress = silent) -> Encoded:
    """Write the SKU, the vector and the payload (JSON) of every point of the live generation into a Parquet file."""
    require_format(out, (".parquet",))
    live = application.generations.require_live()
    skus: list[str] = []
    payloads: list[str] = []
    parts = [np.empty((0, live.dimension), dtype=np.float32)]
    for points in batches(application.index(live).scroll(with_vectors=True), BATCH):
        dense = [(point.payload, point.dense) for point in points if point.dense is not None]
        skus += [str(payload["sku"]) for payload, _ in dense]
        payloads += [json.dumps(payload, ensure_ascii=False, sort_keys=True, default=str) for payload, _ in dense]
        parts.append(np.stack([vector for _, vector in dense]) if dense else parts[0])
        progress("exporting", len(skus), None)
    vectors = np.concatenate(parts).astype(np.float32, copy=False)
    _write(out, {"sku": skus, "payload": payloads}, vectors)
    return Encoded(out, len(vectors), vectors.shape[1], live.model_name)


def require_format(out: Path, endings: Sequence[str]) -> None:
    """Raise `UsageError` for a file of another kind, and `BadInput` if its folder does not exist."""
    if out.suffix.casefold() not in endings:
        raise UsageError(f"{out.name!r} does not end in {' or '.join(endings)}; name the file so")
    if not out.parent.is_dir():
        raise BadInput(f"there is no folder {out.parent}; make it, or name a file elsewhere")


def _model(application: Application, name: str) -> RegisteredModel:
    try:
        return select_models(application, [name] if name else [])[0]
    except NoLiveModel:
        return prepare_base(application)


def _write(out: Path, columns: dict[str, list[str]], vectors: Vectors) -> None:
    file = BytesIO()
    if out.suffix.casefold() == ".npy":
        np.save(file, vectors, allow_pickle=False)
    else:
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ImportError as error:
            raise MissingExtra("parquet", "writing Parquet") from error
        lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
        parquet.write_table(pa.table({**columns, "vector": lists}), file)
    try:
        replace_file(out, file.getvalue(), readable=True)
    except OSError as error:
        raise BadInput(f"{out}: can't be written ({error.strerror or error}); name a file elsewhere") from error
