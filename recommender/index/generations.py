"""Generations as the database knows them: which exist, which is live, and which went live before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from recommender.database.engine import Database
from recommender.database.tables import GenerationRow, LiveRow, ModelRow, now
from recommender.errors import NoLiveModel, NotFound, Refused

_LIVE = 1
"""Id of the one row that says what is live."""


class GenerationState(StrEnum):
    """How far a generation is."""

    BUILDING = "building"
    READY = "ready"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Generation:
    """A set of points made by one model. `fingerprint` is that model's; `live` when queries are answered from it."""

    id: int
    name: str
    model_name: str
    model_id: int
    fingerprint: str
    dimension: int
    state: GenerationState
    live: bool
    created_at: datetime
    ready_at: datetime | None


class Generations:
    """The life of generations: building, ready, live, previous, retired. Each step is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(self, model_id: int, fingerprint: str, dimension: int) -> Generation:
        """Record a new generation of a model, in state building, under a name that none had before it.

        Raises `NotFound` when no model has this id.
        """
        with self._database.writing() as session:
            if session.get(ModelRow, model_id) is None:
                raise NotFound(f"no model has the id {model_id}; register it first")
            row = GenerationRow(name=uuid4().hex, model_id=model_id, fingerprint=fingerprint, dimension=dimension)
            session.add(row)
            session.flush()
            # Numbered for people; the rest keeps two installations on one server out of each other's collections.
            row.name = f"g{row.id:04d}-{uuid4().hex[:8]}"
            session.flush()
            return self._read(session, row.id)

    def live(self) -> Generation | None:
        """Return the generation that answers queries; None before the first one went live."""
        with self._database.reading() as session:
            live = session.get(LiveRow, _LIVE)
            return self._read(session, live.generation_id) if live else None

    def previous(self) -> Generation | None:
        """Return the generation that `rollback` would return to; None when there is none."""
        with self._database.reading() as session:
            live = session.get(LiveRow, _LIVE)
            if live is None or live.previous_generation_id is None:
                return None
            return self._read(session, live.previous_generation_id)

    def followers(self) -> Sequence[Generation]:
        """Return the generations that every change must reach: the live one first, then those being built.

        The previous one is not among them: it would double the encoding of every text, and a rollback brings it up to
        date before it goes live again.
        """
        listed = self.list()
        return [one for one in listed if one.live] + [one for one in listed if one.state is GenerationState.BUILDING]

    def require_live(self) -> Generation:
        """Return the generation that answers queries. Raises `NoLiveModel` before the first one went live."""
        live = self.live()
        if live is None:
            raise NoLiveModel("nothing is indexed yet; run `recommender ingest FEED` first")
        return live

    def list(self) -> Sequence[Generation]:
        """Return all generations, oldest first."""
        with self._database.reading() as session:
            return _select(session)

    def ready(self, generation: Generation) -> None:
        """Record that a generation holds the whole catalogue. Doing so twice is no error.

        Raises `Refused` for a retired one.
        """
        with self._database.writing() as session:
            row = _locked(session, generation)
            if row.state == GenerationState.RETIRED:
                raise Refused(f"generation {row.name!r} is retired; run `recommender index rebuild`")
            if row.state == GenerationState.BUILDING:
                row.state, row.ready_at = GenerationState.READY, now()

    def switch(self, generation: Generation) -> None:
        """Make a generation the live one, and remember the one before it, in one transaction.

        Raises `Refused` unless it is ready. Switching to the live one changes nothing.
        """
        with self._database.writing() as session:
            live = session.get(LiveRow, _LIVE, with_for_update=True)
            row = _locked(session, generation)
            if row.state != GenerationState.READY:
                raise Refused(f"generation {row.name!r} is {row.state}, expected ready; let its build finish first")
            if live is None:
                session.add(LiveRow(generation_id=row.id))
            elif live.generation_id != row.id:
                _point(live, to=row.id, keep_previous=_same_model_as_live(session, live, row))

    def rollback(self) -> Generation:
        """Let the live and the previous generation change places, in one transaction; return the one now live.

        A second rollback undoes the first. Raises `NoLiveModel` when nothing is live, and `NotFound` when nothing was
        live before it.
        """
        with self._database.writing() as session:
            live = session.get(LiveRow, _LIVE, with_for_update=True)
            if live is None:
                raise NoLiveModel("nothing is live yet, so there is nothing to go back from; ingest a feed first")
            if live.previous_generation_id is None:
                raise NotFound("there is no previous generation to go back to; promote another model first")
            _point(live, to=live.previous_generation_id)
            session.flush()
            return self._read(session, live.generation_id)

    def retire(self, generation: Generation) -> None:
        """Take a generation out of use, so that its points can be dropped. Doing so twice is no error.

        Raises `Refused` for the live one and for the one that `rollback` needs.
        """
        with self._database.writing() as session:
            row = _locked(session, generation)
            live = session.get(LiveRow, _LIVE)
            if live is not None and row.id == live.generation_id:
                raise Refused(f"generation {row.name!r} is live; promote another model before it is retired")
            if live is not None and row.id == live.previous_generation_id:
                raise Refused(
                    f"generation {row.name!r} is what a rollback returns to; promote twice before it is retired"
                )
            row.state = GenerationState.RETIRED

    def _read(self, session: Session, identity: int) -> Generation:
        return next(generation for generation in _select(session) if generation.id == identity)


def _select(session: Session) -> list[Generation]:
    live = session.get(LiveRow, _LIVE)
    statement = select(GenerationRow, ModelRow.name).join(ModelRow).order_by(GenerationRow.id)
    return [
        _generation(row, model_name, live is not None and live.generation_id == row.id)
        for row, model_name in session.execute(statement)
    ]


def _generation(row: GenerationRow, model_name: str, live: bool) -> Generation:
    return Generation(
        id=row.id,
        name=row.name,
        model_name=model_name,
        model_id=row.model_id,
        fingerprint=row.fingerprint,
        dimension=row.dimension,
        state=GenerationState(row.state),
        live=live,
        created_at=row.created_at,
        ready_at=row.ready_at,
    )


def _locked(session: Session, generation: Generation) -> GenerationRow:
    # The row is locked, so that on PostgreSQL a switch to a generation and its retirement can't both succeed.
    row = session.get(GenerationRow, generation.id, with_for_update=True)
    if row is None:
        raise NotFound(f"no generation {generation.name!r}; see `recommender index status`")
    return row


def _same_model_as_live(session: Session, live: LiveRow, row: GenerationRow) -> bool:
    # A rebuild is no step to go back from: after promote and rebuild, a rollback must still undo the promotion.
    current = session.get(GenerationRow, live.generation_id)
    return live.previous_generation_id is not None and current is not None and current.model_id == row.model_id


def _point(live: LiveRow, to: int, keep_previous: bool = False) -> None:
    if not keep_previous:
        live.previous_generation_id = live.generation_id
    live.generation_id, live.switched_at = to, now()
