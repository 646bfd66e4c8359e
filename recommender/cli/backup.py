"""`backup` and `restore`: an installation as one file, and back."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from recommender.backup import KeyChoice, Part
from recommender.cli.command import CommandRun, Output, command
from recommender.cli.remote_fallback import request_index_copy
from recommender.service.service_file import running_service

if TYPE_CHECKING:
    from recommender.backup.restore import RestoreResult


class BackupGroup(TyperGroup):
    """`backup FILE` makes a backup, without a word for it; `backup verify FILE` checks one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take what is not a command for the file of a new backup."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["create", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=BackupGroup, help="`backup FILE` copies an installation into one file; `backup verify FILE` checks one."
)


@app.command()
@command
def create(
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
        [
            f"the model {name} is left out: its folder is gone or damaged; see `recommender doctor --deep`"
            for name in done.left_out
        ],
    )


@app.command()
@command
def verify(
    run: CommandRun,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `recommender backup` has written.")],
    folder: Annotated[
        Path | None, typer.Option("--in", help="Where to unpack it meanwhile; by default among the temporary files.")
    ] = None,
) -> Output:
    """Restore a backup into an empty folder, compare the counts, and remove the folder; exit 1 where they differ."""
    from recommender.backup.verify import verify_backup
    from recommender.settings import load_settings

    found = verify_backup(load_settings(), file, folder, run.progress)
    done, problems = found.restored, list(found.problems)
    document = _restore_json(done) | {"problems": problems, "checks": list(done.contents.checks)}
    summary = f"{file}, made {done.contents.created_at}, can be restored: {_counts(done)}"
    return Output(document, "\n".join([summary, *problems]), exit_code=1 if problems else 0)


@command
def restore(
    run: CommandRun,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `recommender backup` has written.")],
    force: Annotated[
        bool, typer.Option("--force", help="Replace the catalogue that is here; it is kept aside.")
    ] = False,
    part: Annotated[list[Part] | None, typer.Option("--part", help="Only this. Repeatable.")] = None,
    keys: Annotated[
        KeyChoice | None,
        typer.Option(help="API keys that are not known here: keep them valid, or revoke them (asked on a terminal)."),
    ] = None,
) -> Output:
    """Bring back what a backup holds; everything is checked before anything changes."""
    from recommender.backup.restore import EVERYTHING
    from recommender.backup.restore import restore as bring_back
    from recommender.settings import load_settings

    parts = frozenset(part) if part else EVERYTHING
    revoked: list[str] = []

    def keep_keys(names: Sequence[str]) -> bool:
        run.progress.finish()
        question = f"{len(names)} API keys were valid when the backup was made ({', '.join(names[:5])}); keep them?"
        asked = keys is None and sys.stdin.isatty() and not run.as_json
        keep = typer.confirm(question, err=True) if asked else keys is KeyChoice.KEEP
        revoked.extend([] if keep else names)
        return keep

    done = bring_back(load_settings(), file, parts=parts, force=force, progress=run.progress, keep_keys=keep_keys)
    notes = []
    if revoked:
        notes = [
            f"{len(revoked)} API keys of the backup came back revoked ({', '.join(revoked[:5])}): they may have been "
            "revoked since; --keys keep restores them as valid, `recommender keys create` makes new ones"
        ]
    lines = [f"restored from {file}, made {done.contents.created_at}: {_counts(done)}"]
    if done.kept is not None:
        lines.append(f"what was here before is in {done.kept}")
    if done.differing and done.queued:
        lines.append(f"{done.differing:,} changes wait for the index: run `recommender worker --once`")
    elif done.differing:
        lines.append(f"{done.differing:,} products differ from the catalogue: run `recommender index verify --repair`")
    if done.contents.index is None and done.contents.models and "index" in done.parts:
        lines.append("the backup holds no index: `recommender index rebuild` makes one")
    return Output(_restore_json(done) | {"revoked_keys": revoked}, "\n".join(lines), notes)


def _restore_json(done: RestoreResult) -> dict[str, Any]:
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


def _counts(done: RestoreResult) -> str:
    counts = {"catalogue": f"{done.products:,} products", "models": f"{len(done.models)} models"}
    counts["index"] = f"{done.points:,} points"
    return ", ".join(counts[part.value] for part in done.parts)
