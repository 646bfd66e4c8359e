"""`backup` and `restore`: an installation as one file, and back."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.backup import Part
from recommender.cli.command import CommandRun, Output, command
from recommender.cli.remote_fallback import request_index_copy
from recommender.service.service_file import running_service

if TYPE_CHECKING:
    pass


@command
def backup(
    run: CommandRun,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; gzipped when it ends in .gz or .tgz.")],
    without_index: Annotated[
        bool, typer.Option("--without-index", help="Leave the index out; `index rebuild` makes it again.")
    ] = False,
    wait: Annotated[
        float, typer.Option("--wait", help="Seconds to wait for an index that another process holds.", min=0)
    ] = 120.0,
) -> Output:
    """Copy catalogue, models and live index into one file while everything runs."""
    from recommender.backup.create import backup as back_up

    application = run.open()
    # A worker releases the index after a while; a service never does, and makes a copy of it.
    service = None if application.settings.qdrant_url else running_service(application.settings.home)
    request_copy = None if service is None else partial(request_index_copy, service)
    done = back_up(
        application,
        file,
        with_index=not without_index,
        patience=wait,
        progress=run.progress,
        request_copy=request_copy,
    )
    document = {
        "file": done.file,
        "bytes": done.size,
        "seconds": round(done.seconds, 2),
        "left_out": list(done.left_out),
        **asdict(done.contents),
    }
    index = done.contents.index
    counts = f"{done.contents.products:,} products, {len(done.contents.models)} models"
    points = f"{index.points:,} points" if index else "no index"
    return Output(
        document,
        f"{done.file}: {counts}, {points}; {done.size / 1e6:,.1f} MB in {done.seconds:.1f} s",
        [f"the model {name} is left out: its folder is gone" for name in done.left_out],
    )


@command
def restore(
    run: CommandRun,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `recommender backup` has written.")],
    force: Annotated[
        bool, typer.Option("--force", help="Replace the catalogue that is here; it is kept aside.")
    ] = False,
    part: Annotated[list[Part] | None, typer.Option("--part", help="Only this. Repeatable.")] = None,
) -> Output:
    """Bring back what a backup holds; everything is checked before anything changes."""
    from recommender.backup.restore import EVERYTHING
    from recommender.backup.restore import restore as bring_back
    from recommender.settings import load_settings

    parts = frozenset(part) if part else EVERYTHING
    done = bring_back(load_settings(), file, parts=parts, force=force, progress=run.progress)
    document = {
        "created_at": done.contents.created_at,
        "version": done.contents.version,
        "parts": [part.value for part in done.parts],
        "products": done.products,
        "models": list(done.models),
        "points": done.points,
        "differing": done.differing,
        "queued": done.queued,
        "kept": done.kept,
    }
    counts = {"catalogue": f"{done.products:,} products", "models": f"{len(done.models)} models"}
    counts["index"] = f"{done.points:,} points"
    named = ", ".join(counts[part.value] for part in done.parts)
    lines = [f"restored from {file}, made {done.contents.created_at}: {named}"]
    if done.kept is not None:
        lines.append(f"what was here before is in {done.kept}")
    if done.differing and done.queued:
        lines.append(f"{done.differing:,} changes wait for the index: run `recommender worker --once`")
    elif done.differing:
        lines.append(f"{done.differing:,} products differ from the catalogue: run `recommender index verify --repair`")
    if done.contents.index is None and done.contents.models and "index" in done.parts:
        lines.append("the backup holds no index: `recommender index rebuild` makes one")
    return Output(document, "\n".join(lines))
