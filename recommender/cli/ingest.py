"""`ingest` and `worker`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.cli.models import export_reason, say_export
from recommender.cli.options import Json
from recommender.cli.output import print_json, say
from recommender.cli.progress import ProgressBar
from recommender.errors import IndexHeld, UsageError

if TYPE_CHECKING:
    from recommender.bootstrap.application import Application
    from recommender.catalogue.importer import ImportSummary
    from recommender.ingestion.worker import DrainSummary


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(ingest)
    app.command()(worker)


def ingest(
    feeds: Annotated[list[Path], typer.Argument(help="Feed files: CSV, TSV, JSON Lines (plain or .gz), Parquet.")],
    feed_format: Annotated[str, typer.Option("--format", help="auto, csv, tsv, jsonl or parquet.")] = "auto",
    mapping: Annotated[
        list[str] | None, typer.Option("--map", help="field=column, such as title=name; may be given several times.")
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option(help="Write rejected rows with their reasons to this CSV file.")
    ] = None,
    queue_only: Annotated[bool, typer.Option("--queue-only", help="Leave the index to `recommender worker`.")] = False,
    as_json: Json = False,
) -> None:
    """Read feeds into the catalogue and bring the index up to date."""
    from recommender.bootstrap import ingest as jobs
    from recommender.bootstrap.application import open_application
    from recommender.catalogue.feeds import feed_format_of

    columns = _mapping(mapping or [])
    with open_application() as application, ProgressBar() as progress:
        known = {model.name for model in application.registry.list()}
        imports = jobs.take_in(
            application,
            feeds,
            feed_format=feed_format_of(feed_format),
            mapping=columns,
            rejects=rejects,
            progress=progress,
        )
        if not as_json:
            for summary in imports:
                say(_import_line(summary))
        try:
            drained = None if queue_only else jobs.drain(application, progress)
        except Exception as error:
            # What was read is committed; whoever asked for JSON learns of it beside the error that ends the process.
            if as_json:
                print_json(_json(imports, None) | {"error": str(error)})
            raise
        reasons = _export_reasons(application, known)
        waiting = jobs.waiting(application)
    if as_json:
        print_json(_json(imports, drained) | {"waiting": waiting})
        return
    say(_index_line(drained, waiting, queue_only))
    for name, reason in reasons.items():
        say_export(name, reason)


def _export_reasons(application: Application, known: set[str]) -> dict[str, str]:
    """Return why models that were registered meanwhile have no measured ONNX export, by name."""
    new = [model.name for model in application.registry.list() if model.name not in known]
    return {name: export_reason(application, name) for name in new}


def _mapping(pairs: list[str]) -> dict[str, str]:
    columns: dict[str, str] = {}
    for pair in pairs:
        field, equals, column = pair.partition("=")
        if not (equals and field.strip() and column.strip()):
            raise UsageError(f"--map {pair!r} is not field=column; write for example --map title=name")
        columns[field.strip()] = column.strip()
    return columns


def _import_line(summary: ImportSummary) -> str:
    counts = f"{summary.created:,} created, {summary.updated:,} updated, {summary.unchanged:,} unchanged"
    line = f"{summary.source}: {counts}, {summary.rejected:,} rejected in {summary.seconds:.1f} s"
    if summary.ignored_columns:
        line += f" (columns not used: {', '.join(summary.ignored_columns)})"
    return line


def _index_line(drained: DrainSummary | None, waiting: int, queue_only: bool) -> str:
    if drained is None:
        why = "as asked" if queue_only else "another process holds the index; the next drain takes them in"
        return f"index: {waiting:,} changes queued, {why}"
    return _drain_line(drained)


def _drain_line(drained: DrainSummary) -> str:
    counts = drained.counts
    line = f"index: {counts.encoded:,} encoded, {counts.payloads:,} payload updates, {counts.deleted:,} deleted"
    failed = f", {drained.failed:,} failed (see `recommender queue failed`)" if drained.failed else ""
    return f"{line}{failed} in {drained.seconds:.1f} s"


def _json(imports: tuple[ImportSummary, ...], drained: DrainSummary | None) -> dict[str, object]:
    return {
        "imports": [
            {
                "source": summary.source,
                "created": summary.created,
                "updated": summary.updated,
                "unchanged": summary.unchanged,
                "rejected": summary.rejected,
                "ignored_columns": list(summary.ignored_columns),
                "seconds": round(summary.seconds, 3),
            }
            for summary in imports
        ],
        "index": None if drained is None else _drain_json(drained),
    }


def _drain_json(drained: DrainSummary) -> dict[str, object]:
    return {
        "applied": drained.applied,
        "failed": drained.failed,
        "encoded": drained.counts.encoded,
        "payloads": drained.counts.payloads,
        "deleted": drained.counts.deleted,
        "seconds": round(drained.seconds, 3),
    }


def worker(
    once: Annotated[bool, typer.Option("--once", help="Drain what waits and exit.")] = False,
    poll: Annotated[float, typer.Option(help="Seconds between two looks at an empty outbox.", min=0.05)] = 1.0,
    as_json: Json = False,
) -> None:
    """Take queued catalogue changes into the index, until told to stop (SIGTERM, Ctrl-C)."""
    from recommender.bootstrap import ingest as jobs
    from recommender.bootstrap.application import open_application
    from recommender.ingestion.loop import run_until_stopped

    if as_json and not once:
        raise UsageError("--json is for --once: a worker that goes on has no last document to print")
    with open_application() as application, ProgressBar(enabled=once) as progress:
        if not once:
            run_until_stopped(lambda stopped: jobs.drain_and_release(application, stopped), poll, say)
            return
        drained = jobs.drain(application, progress)
    if drained is None:
        raise IndexHeld("another process holds the index; try again when it is done")
    if as_json:
        print_json(_drain_json(drained))
    else:
        say(_drain_line(drained))
