"""The registered models: a row each in the database, a folder each on the disk, and one of them live."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from recommender.database.engine import Database
from recommender.database.tables import GenerationRow, LiveRow, ModelRow
from recommender.errors import BadInput, NotFound, Refused, UnknownModel, UsageError
from recommender.files import replace_file, sync
from recommender.models import staging
from recommender.models.checksums import checksums, is_whole
from recommender.models.fingerprint import fingerprint
from recommender.models.manifest import (
    CARD,
    HELD_OUT,
    GateResult,
    Manifest,
    SearchCalibration,
    read_manifest,
    write_manifest,
)
from recommender.models.model_card import model_card

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MAX_NAME = 100
_OUTSIDE_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def is_model_name(name: object) -> bool:
    """Tell whether a text can name a model, and so a folder among the models."""
    return isinstance(name, str) and len(name) <= _MAX_NAME and bool(_NAME.fullmatch(name))


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A model that can be served. `metrics` are those on the held-out products; the manifest has every suite."""

    id: int
    name: str
    base: str
    fingerprint: str
    dimension: int
    folder: Path
    metrics: Mapping[str, float]
    verdict: str
    gate: GateResult
    created_at: datetime
    live: bool


class Registry:
    """The models under `models_dir`, each in a folder of its own name."""

    def __init__(self, database: Database, models_dir: Path) -> None:
        self._database = database
        self._models_dir = models_dir

    def register(self, folder: Path, manifest: Manifest, *, copy: bool = False) -> RegisteredModel:
        """Register a finished model folder under the name in its manifest, and return the registered model.

        The folder is moved, or copied if `copy` is set. After a crash it is registered completely or not at all. If a
        model of the same fingerprint is registered, it is returned unchanged and the folder stays where it was; if
        files of it are damaged, those of the folder replace them. Raises `UsageError` for a name that is in use or not
        a folder name, and `BadInput` when the folder is not the one that the manifest was made for.
        """
        _require_name(manifest.name)
        if fingerprint(folder) != manifest.fingerprint:
            raise BadInput(f"{folder} is not the model of its manifest: its files changed; make the manifest again")
        known = self.find(manifest.fingerprint)
        if known is not None and is_whole(known.folder):
            return known
        self._models_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        staging.remove_leftovers(self._models_dir, registered={model.name for model in self.list()})
        staged = staging.stage(folder, self._models_dir, copy=copy)
        if known is not None:
            # File by file, each in one step: after a crash the model is still damaged, and the next try repairs it.
            with suppress(BadInput):  # what was measured since is kept, if it can be read
                manifest = dataclasses.replace(read_manifest(known.folder), export=manifest.export)
            staging.make_durable(staged)
            files = checksums(staged)
            for name in files:
                (known.folder / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                (staged / name).replace(known.folder / name)
                sync((known.folder / name).parent)
            for name in checksums(known.folder).keys() - files.keys():
                (known.folder / name).unlink()
            write_manifest(known.folder, dataclasses.replace(manifest, name=known.name, files=files))
            shutil.rmtree(staged)
            if not copy:
                shutil.rmtree(folder, ignore_errors=True)
            return known
        try:
            write_manifest(staged, dataclasses.replace(manifest, files=checksums(staged)))
            staging.make_durable(staged)
            model = self._put_in_place(staged, manifest)
        except BaseException:
            staging.unstage(staged, folder)
            raise
        staging.finish(model.folder)
        if not copy and folder.exists():
            shutil.rmtree(folder)
        return model

    def _put_in_place(self, staged: Path, manifest: Manifest) -> RegisteredModel:
        # The row is written first and committed last. While it is uncommitted no other process can take the name, and
        # when others can see the row, its folder is in place.
        target = self._models_dir / manifest.name
        try:
            with self._database.writing() as session:
                row = ModelRow(
                    name=manifest.name,
                    base=manifest.base,
                    fingerprint=manifest.fingerprint,
                    dimension=manifest.dimension,
                    metrics=dict(manifest.metrics.get(HELD_OUT, {})),
                    verdict=manifest.verdict,
                    # The manifest may have been written by hand, or by a newer version.
                    gate=GateResult(manifest.gate) if manifest.gate in list(GateResult) else GateResult.NOT_ASKED,
                    created_at=manifest.created_at,
                )
                session.add(row)
                session.flush()
                staging.put_in_place(staged, target)
                return self._model(row, live=False)
        except IntegrityError as error:
            raise UsageError(f"a model is named {manifest.name!r} already; choose another name") from error

    def get(self, name: str) -> RegisteredModel:
        """Return a model by its name. Raises `UnknownModel`, with the names that exist."""
        with self._database.reading() as session:
            row = session.scalar(select(ModelRow).where(ModelRow.name == name))
            if row is None:
                raise UnknownModel(name, list(session.scalars(select(ModelRow.name).order_by(ModelRow.id))))
            return self._model(row, row.id == _live_id(session))

    def by_id(self, model_id: int) -> RegisteredModel:
        """Return a model by its id. Raises `NotFound`."""
        with self._database.reading() as session:
            row = session.get(ModelRow, model_id)
            if row is None:
                raise NotFound(f"no model has the id {model_id}; `recommender models list` shows those there are")
            return self._model(row, row.id == _live_id(session))

    def find(self, fingerprint: str) -> RegisteredModel | None:
        """Return the model with this fingerprint; None when it is not registered."""
        with self._database.reading() as session:
            same = select(ModelRow).where(ModelRow.fingerprint == fingerprint).order_by(ModelRow.id)
            row = session.scalars(same).first()
            return None if row is None else self._model(row, row.id == _live_id(session))

    def live(self) -> RegisteredModel | None:
        """Return the model of the live generation; None while nothing is live."""
        with self._database.reading() as session:
            model_id = _live_id(session)
            row = None if model_id is None else session.get(ModelRow, model_id)
            return None if row is None else self._model(row, live=True)

    def list(self) -> Sequence[RegisteredModel]:
        """Return every model, in the order they were registered."""
        with self._database.reading() as session:
            live = _live_id(session)
            rows = session.scalars(select(ModelRow).order_by(ModelRow.id))
            return [self._model(row, row.id == live) for row in rows]

    def record(
        self,
        name: str,
        *,
        metrics: Mapping[str, float] | None = None,
        suite: str = HELD_OUT,
        verdict: str | None = None,
        gate: GateResult | None = None,
        search: SearchCalibration | None = None,
    ) -> None:
        """Record the metrics of a model in a suite, what the gate said, or how it searches: in row, manifest and card.

        The row has only the held-out suite. Raises `UnknownModel`.
        """
        folder = self.get(name).folder
        with self._database.writing() as session:
            row = session.scalars(select(ModelRow).where(ModelRow.name == name).with_for_update()).one()
            manifest = read_manifest(folder)
            if metrics is not None:
                manifest = dataclasses.replace(manifest, metrics={**manifest.metrics, suite: dict(metrics)})
            if verdict is not None:
                manifest = dataclasses.replace(manifest, verdict=verdict)
            if gate is not None:
                manifest = dataclasses.replace(manifest, gate=gate.value)
            if search is not None:
                manifest = dataclasses.replace(manifest, search=search)
            row.metrics, row.verdict = dict(manifest.metrics.get(HELD_OUT, {})), manifest.verdict
            row.gate = manifest.gate
            write_manifest(folder, manifest)
        replace_file(folder / CARD, model_card(manifest).encode())

    def kind(self, name: str) -> str:
        """Return whether a model is a base or a tuned one; empty if its folder is gone. Raises `UnknownModel`."""
        try:
            return self.manifest(name).kind
        except BadInput:
            return ""

    def remove(self, name: str) -> None:
        """Remove a model, and the rows of its retired generations. After a crash it exists completely or not at all.

        Raises `UnknownModel`, and `Refused` while a generation of it is live, kept for a rollback, or being built.
        """
        model = self.get(name)
        staging.mark(model.folder)
        with self._database.writing() as session:
            of_model = select(GenerationRow).where(GenerationRow.model_id == model.id)
            used = [row.name for row in session.scalars(of_model) if row.state != "retired"]
            if not used:
                session.execute(delete(GenerationRow).where(GenerationRow.model_id == model.id))
                session.execute(delete(ModelRow).where(ModelRow.id == model.id))
        if used:
            staging.finish(model.folder)
            raise Refused(
                f"{name} {'is live' if model.live else 'made a generation that is kept'} ({used[-1]}); promote another "
                "model first, and --keep 0 keeps none for a rollback"
            )
        shutil.rmtree(model.folder, ignore_errors=True)

    def manifest(self, name: str) -> Manifest:
        """Return the manifest of a model. Raises `UnknownModel`."""
        return read_manifest(self.get(name).folder)

    def require_free(self, name: str) -> None:
        """Raise `UsageError` for a name that is in use, or not a folder name: better before a training than after."""
        _require_name(name)
        if (self._models_dir / name).exists() or any(model.name == name for model in self.list()):
            raise UsageError(f"a model is named {name!r} already; choose another --name, or remove that model first")

    def free_name(self, stem: str) -> str:
        """Return a name that no model and no folder has: the stem made a folder name, then `STEM-2`, `STEM-3`, ..."""
        stem = _OUTSIDE_NAME.sub("-", stem).strip("-._")[: _MAX_NAME - 8] or "model"
        used = {model.name for model in self.list()}
        names = (stem if number == 1 else f"{stem}-{number}" for number in count(1))
        return next(name for name in names if name not in used and not (self._models_dir / name).exists())

    def _model(self, row: ModelRow, live: bool) -> RegisteredModel:
        return RegisteredModel(
            id=row.id,
            name=row.name,
            base=row.base,
            fingerprint=row.fingerprint,
            dimension=row.dimension,
            folder=self._models_dir / row.name,
            metrics=dict(row.metrics),
            verdict=row.verdict,
            gate=GateResult(row.gate),
            created_at=row.created_at,
            live=live,
        )


def _require_name(name: str) -> None:
    if not is_model_name(name):
        raise UsageError(
            f"{name!r} can't name a model: use at most {_MAX_NAME} letters, digits, '.', '_' and '-', "
            "beginning with a letter or digit"
        )


def _live_id(session: Session) -> int | None:
    return session.scalar(select(GenerationRow.model_id).join(LiveRow, LiveRow.generation_id == GenerationRow.id))
