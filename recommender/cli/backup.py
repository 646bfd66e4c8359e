"""`backup` and `restore`: an installation as one file, and back."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.backup import Part
from recommender.cli.options import Json
from recommender.cli.output import print_json, say
from recommender.cli.progress import ProgressBar
from recommender.cli.remote_fallback import copied_index
from recommender.service.service_file import running_service

if TYPE_CHECKING:
    from recommender.application.composition import Application
    from recommender.backup.create import Backup
    from recommender.backup.restore import RestoreResult
    from recommender.types import Progress


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(backup)
    app.command()(restore)


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; gzipped when it ends in .gz or .tgz.")],
    without_index: Annotated[
        bool, typer.Option("--without-index", help="Leave the index out; `index rebuild` makes it again.")
    ] = False,
    wait: Annotated[
        float, typer.Option("--wait", help="Seconds to wait for an index that another process holds.", min=0)
    ] = 120.0,
    as_json: Json = False,
) -> None:
    """Copy catalogue, models and live index into one file while everything runs."""
    from recommender.application.composition import open_application

    with open_application() as application, ProgressBar() as progress:
        done = _backed_up(application, file, not without_index, wait, progress)
    if as_json:
        print_json(_backup_json(done))
        return
    index = done.contents.index
    points = f"{index.points:,} points" if index else "no index"
    say(
        f"{done.file}: {done.contents.products:,} products, {len(done.contents.models)} models, {points}; "
        f"{done.size / 1e6:,.1f} MB in {done.seconds:.1f} s"
    )
    for name in done.left_out:
        say(f"the model {name} is left out: its folder is gone")


def _backed_up(application: Application, file: Path, with_index: bool, wait: float, progress: Progress) -> Backup:
    from recommender.backup.create import backup as back_up

    # A worker releases the index after a while; a service never does, and makes a copy of it.
    service = None if application.settings.qdrant_url else running_service(application.settings.home)
    request_copy = None if service is None else partial(copied_index, service)
    return back_up(
        application, file, with_index=with_index, patience=wait, progress=progress, request_copy=request_copy
    )


def _backup_json(done: Backup) -> dict[str, Any]:
    return {
        "file": done.file,
        "bytes": done.size,
        "seconds": round(done.seconds, 2),
        "left_out": list(done.left_out),
        **asdict(done.contents),
    }


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `recommender backup` has written.")],
    force: Annotated[
        bool, typer.Option("--force", help="Replace the catalogue that is here; it is kept aside.")
    ] = False,
    part: Annotated[
        list[Part] | None,
        typer.Option("--part", help="Only this; may be given several times."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Bring back what a backup holds; everything is checked before anything changes."""
    from recommender.backup.restore import EVERYTHING
    from recommender.backup.restore import restore as bring_back
    from recommender.settings import load_settings

    parts = frozenset(part) if part else EVERYTHING
    with ProgressBar() as progress:
        done = bring_back(load_settings(), file, parts=parts, force=force, progress=progress)
    if as_json:
        print_json(_restored_json(done))
    else:
        _print_restored(file, done)


def _restored_json(done: RestoreResult) -> dict[str, Any]:
    return {
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


def _print_restored(file: Path, done: RestoreResult) -> None:
    counts = {"catalogue": f"{done.products:,} products", "models": f"{len(done.models)} models"}
    counts["index"] = f"{done.points:,} points"
    parts = ", ".join(counts[part.value] for part in done.parts)
    say(f"restored from {file}, made {done.contents.created_at}: {parts}")
    if done.kept is not None:
        say(f"what was here before is in {done.kept}")
    if done.differing and done.queued:
        say(f"{done.differing:,} changes wait for the index: `recommender worker --once` takes them in")
    elif done.differing:
        say(f"{done.differing:,} products differ from the catalogue: `recommender index verify --repair` sees to them")
    if done.contents.index is None and done.contents.models and "index" in done.parts:
        say("the backup holds no index: `recommender index rebuild` makes one")
