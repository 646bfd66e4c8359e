"""Generations as the database knows them: which exist, which is live, and which went live before it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from uuid import uuid4

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from recommender.batching import batches
from recommender.database.engine import Database
from recommender.database.tables import GenerationRow, LiveRow, MissedRow, ModelRow, now
from recommender.errors import NoLiveModel, NotFound, Refused
from recommender.index.generation import NO_LEXICON, NOTHING_INDEXED, Generation, GenerationState, Lexicon

_LIVE = 1
"""Id of the only row, which says what is live."""

_SKUS_A_STATEMENT = 500

Requeue = Callable[[Session, Sequence[str]], None]
"""Queues SKUs for the index again, in the transaction of the session."""


class Generations:
    """The life of generations: building, ready, live, kept, retired. Each step is one transaction.

    `requeue` gets the SKUs that a generation missed when it goes live; without it, nothing is queued. `switched` is
    called after each switch and each rollback by this process.
    """

    def __init__(
        self,
        database: Database,
        requeue: Requeue = lambda _session, _skus: None,
        switched: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._requeue = requeue
        self._switched = switched

    def start(
        self,
        model_id: int,
        fingerprint: str,
        dimension: int,
        lexicon: Lexicon = NO_LEXICON,
        runtime: str = "",
    ) -> Generation:
        """Record a new generation of a model, in state building, under a name that none had before it.

        Raises `NotFound` when no model has this id.
        """
        with self._database.writing() as session:
            if session.get(ModelRow, model_id) is None:
                raise NotFound(f"no model has the id {model_id}; register it first")
            row = GenerationRow(
                name=uuid4().hex,
                model_id=model_id,
                fingerprint=fingerprint,
                dimension=dimension,
                language=lexicon.language,
                words=lexicon.words,
                catalogue_size=lexicon.catalogue_size,
                runtime=runtime,
            )
            session.add(row)
            session.flush()
            # The number is for people. The rest keeps the collections of two installations on one server apart.
            row.name = f"g{row.id:04d}-{uuid4().hex[:8]}"
            session.flush()
            return self._read(session, row.id)

    def words(self, generation: Generation) -> str:
        """Return the words at which the compounds of a generation are split, as they are stored."""
        with self._database.reading() as session:
            return session.scalar(select(GenerationRow.words).where(GenerationRow.id == generation.id)) or ""

    def confirm_language(self, generation: Generation, catalogue_size: int) -> None:
        """Record that the language of a generation fits a catalogue that has grown to `catalogue_size` products."""
        with self._database.writing() as session:
            _lock_row(session, generation).catalogue_size = catalogue_size

    def live(self) -> Generation | None:
        """Return the generation that answers queries; None before the first one has gone live."""
        with self._database.reading() as session:
            live = session.get(LiveRow, _LIVE)
            return self._read(session, live.generation_id) if live else None

    def live_id(self) -> int | None:
        """Return the id of the generation that answers queries, by the cheapest statement."""
        with self._database.reading() as session:
            return session.scalar(select(LiveRow.generation_id).where(LiveRow.id == _LIVE))

    def previous(self) -> Generation | None:
        """Return the generation that `rollback` would return to; None if there is none."""
        with self._database.reading() as session:
            live = session.get(LiveRow, _LIVE)
            if live is None or live.previous_generation_id is None:
                return None
            return self._read(session, live.previous_generation_id)

    def followers(self) -> Sequence[Generation]:
        """Return the generations that every change must reach: the live one, those being built, and the kept ones.

        The kept ones were live and are not retired, so that a rollback is a switch and nothing more.
        """
        listed = [one for one in self.list() if one.live or one.state is not GenerationState.RETIRED]
        return sorted(listed, key=lambda one: (not one.live, one.state is not GenerationState.BUILDING))

    def note_missed(self, name: str, skus: Sequence[str]) -> bool:
        """Record changes that a generation did not take; they are queued again in the transaction that makes it live.

        Returns False, and records nothing, for the live generation: the caller must not treat these changes as applied.
        A generation that is retired, or unknown, needs no record.
        """
        with self._database.writing() as session:
            live = session.get(LiveRow, _LIVE, with_for_update=True)  # no switch until this is recorded
            row = session.scalar(select(GenerationRow).where(GenerationRow.name == name))
            if row is None or row.state == GenerationState.RETIRED:
                return True
            if live is not None and live.generation_id == row.id:
                return False
            for chunk in batches(sorted(set(skus)), _SKUS_A_STATEMENT):
                statement = select(MissedRow.sku).where(MissedRow.generation_id == row.id, MissedRow.sku.in_(chunk))
                known = set(session.scalars(statement))
                session.add_all(MissedRow(generation_id=row.id, sku=sku) for sku in chunk if sku not in known)
        return True

    def missing_skus(self, generation: Generation) -> frozenset[str]:
        """Return the SKUs of the changes that a generation missed."""
        with self._database.reading() as session:
            return frozenset(session.scalars(select(MissedRow.sku).where(MissedRow.generation_id == generation.id)))

    def require_live(self) -> Generation:
        """Return the generation that answers queries. Raises `NoLiveModel` before the first one went live."""
        live = self.live()
        if live is None:
            raise NoLiveModel(NOTHING_INDEXED)
        return live

    def list(self) -> Sequence[Generation]:
        """Return all generations, oldest first."""
        with self._database.reading() as session:
            return _select(session)

    def ready(self, generation: Generation) -> None:
        """Record that a generation holds the whole catalogue. A second call does nothing.

        Raises `Refused` for a retired one.
        """
        with self._database.writing() as session:
            row = _lock_row(session, generation)
            if row.state == GenerationState.RETIRED:
                raise Refused(f"generation {row.name!r} is retired; run `recommender index rebuild`")
            if row.state == GenerationState.BUILDING:
                row.state, row.ready_at = GenerationState.READY, now()

    def switch(self, generation: Generation, first: bool = False) -> None:
        """Make a generation the live one, and remember the one before it, in one transaction.

        Raises `Refused` unless it is ready. With `first` it is empty, and also refused when another one is live: that
        may hold products already. Switching to the live one changes nothing.
        """
        taken = f"generation {generation.name!r} did not go live: another one did at the same time; try again"
        try:
            with self._database.writing() as session:
                live = session.get(LiveRow, _LIVE, with_for_update=True)
                row = _lock_row(session, generation)
                if row.state != GenerationState.READY:
                    raise Refused(f"generation {row.name!r} is {row.state}, expected ready; let its build finish first")
                if live is None:
                    session.add(LiveRow(generation_id=row.id))
                elif live.generation_id != row.id:
                    if first:
                        raise Refused(taken)
                    # A rebuild is not a step to go back from: after promote and rebuild, a rollback must undo the
                    # promotion.
                    keep_previous = live.previous_generation_id is not None and _has_live_model(session, live, row)
                    _set_live(session, live, row.id, keep_previous)
                self._requeue_missed(session, row.id)
        except IntegrityError as error:  # PostgreSQL can't lock a row that is not there: two first switches meet here
            raise Refused(taken) from error
        self._switched()

    def rollback(self) -> Generation:
        """Swap the live and the previous generation, in one transaction; return the one now live.

        A second rollback undoes the first. Raises `NoLiveModel` when nothing is live, and `NotFound` when nothing was
        live before it.
        """
        with self._database.writing() as session:
            live = session.get(LiveRow, _LIVE, with_for_update=True)
            if live is None:
                raise NoLiveModel("nothing is live yet, so there is nothing to go back from; ingest a feed first")
            if live.previous_generation_id is None:
                raise NotFound("there is no previous generation to go back to; promote another model first")
            _set_live(session, live, live.previous_generation_id)
            self._requeue_missed(session, live.generation_id)
            session.flush()
            now_live = self._read(session, live.generation_id)
        self._switched()
        return now_live

    def retire(self, generation: Generation) -> None:
        """Take a generation out of use, so that its points can be dropped. A second call does nothing.

        Raises `Refused` for the live one and for the one that `rollback` needs.
        """
        with self._database.writing() as session:
            live = session.get(LiveRow, _LIVE, with_for_update=True)
            row = _lock_row(session, generation)
            if live is not None and row.id == live.generation_id:
                raise Refused(f"generation {row.name!r} is live; promote another model before it is retired")
            if live is not None and row.id == live.previous_generation_id:
                raise Refused(
                    f"generation {row.name!r} is what a rollback returns to; promote twice before it is retired"
                )
            _retire(session, row)

    def retire_beyond(self, keep: int, lost: Collection[str] = ()) -> None:
        """Retire the generations that were live before, except for the last `keep`; 0 leaves no way back.

        `lost` are the names of those whose points are gone: there is no going back to them.
        """
        with self._database.writing() as session:
            live = session.get(LiveRow, _LIVE, with_for_update=True)
            if live is None:
                return
            ready = select(GenerationRow).where(GenerationRow.state == GenerationState.READY).with_for_update()
            rows = [row for row in session.scalars(ready) if row.id != live.generation_id]
            rows.sort(key=lambda row: (row.id == live.previous_generation_id, row.live_until or row.created_at))
            kept = [
                row
                for row in rows
                if row.name not in lost
                and (row.id == live.previous_generation_id or not _has_live_model(session, live, row))
            ]
            kept = kept[-keep:] if keep else []
            for row in (row for row in rows if row not in kept):
                if row.id == live.previous_generation_id:
                    live.previous_generation_id = None
                _retire(session, row)

    def _requeue_missed(self, session: Session, identity: int) -> None:
        rows = delete(MissedRow).where(MissedRow.generation_id == identity).returning(MissedRow.sku)
        self._requeue(session, sorted(session.scalars(rows)))

    def _read(self, session: Session, identity: int) -> Generation:
        return next(generation for generation in _select(session) if generation.id == identity)


def _select(session: Session) -> list[Generation]:
    live = session.get(LiveRow, _LIVE)
    statement = select(GenerationRow, ModelRow.name).join(ModelRow).order_by(GenerationRow.id)
    return [
        Generation(
            id=row.id,
            name=row.name,
            model_name=model_name,
            model_id=row.model_id,
            fingerprint=row.fingerprint,
            dimension=row.dimension,
            language=row.language,
            catalogue_size=row.catalogue_size,
            runtime=row.runtime,
            state=GenerationState(row.state),
            live=live is not None and live.generation_id == row.id,
            created_at=row.created_at,
            ready_at=row.ready_at,
            live_until=row.live_until,
        )
        for row, model_name in session.execute(statement)
    ]


def _lock_row(session: Session, generation: Generation) -> GenerationRow:
    # The row is locked, so that on PostgreSQL a switch to a generation and its retirement can't both succeed.
    row = session.get(GenerationRow, generation.id, with_for_update=True)
    if row is None:
        raise NotFound(f"no generation {generation.name!r}; see `recommender index status`")
    return row


def _has_live_model(session: Session, live: LiveRow, row: GenerationRow) -> bool:
    current = session.get(GenerationRow, live.generation_id)
    return current is not None and current.model_id == row.model_id


def _set_live(session: Session, live: LiveRow, to: int, keep_previous: bool = False) -> None:
    left = session.get(GenerationRow, live.generation_id)
    if left is not None:
        left.live_until = now()
    if not keep_previous:
        live.previous_generation_id = live.generation_id
    live.generation_id, live.switched_at = to, now()


def _retire(session: Session, row: GenerationRow) -> None:
    row.state = GenerationState.RETIRED
    session.execute(delete(MissedRow).where(MissedRow.generation_id == row.id))
