"""The engine's shard of one generation: its log makes writes durable, and a better copy can replace it under queries.

Every call into the engine keeps all other threads of the process from running, so none of them may take long: writes
come in small batches, and what takes seconds is done by another process, on a copy.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import qdrant_edge as edge

from recommender.batching import batches
from recommender.errors import Unavailable
from recommender.fsync import sync
from recommender.index.embedded.readers import Replaceable
from recommender.index.embedded.shard_storage import copy_shard, copy_shard_to, place, sweep, switch, sync_shard

FLUSH_AFTER = 20_000
"""Points written before the engine writes all down by itself, which stops every thread for 20 to 400 ms: until then
they are durable in its log, and after a crash it takes them from there at the next opening, in a second or two."""

CARRIED_AT_ONCE = 64
"""Points that are carried over to a copy in one write: 3 ms, in which no query runs."""

FEW = 200
"""Points left to carry over while no other writes go on: 30 ms."""

_ROUNDS = 20
"""Of carrying over while writes go on, before they have to wait: each takes a fraction of what the last one took."""


_log = logging.getLogger(__name__)


class Shard:
    """An open shard. Readers may run beside one writer, from any thread, also while another shard takes its place."""

    def __init__(
        self, folder: Path, load: Callable[[Path], edge.EdgeShard], warm: Callable[[edge.EdgeShard], None]
    ) -> None:
        self._folder = folder
        self._load = load
        self._warm = warm
        self._answers = False
        sweep(folder)
        self._open = Replaceable(load(place(folder)))
        self._writing = threading.RLock()
        self._unflushed = 0
        self._one_copy = threading.Lock()
        self._meanwhile: set[UUID] | None = None
        """Points written since the copy was made; None while there is none."""
        self.closing = False
        """Told to whoever works on a copy, which `close` waits for."""

    def warm_up(self) -> None:
        """Get ready to answer queries, as what takes its place will be: else the first hundred take 20 to 50 ms."""
        self._answers = True
        with self._open.using() as shard:
            self._warm(shard)

    def query(self, request: edge.QueryRequest) -> list[edge.ScoredPoint]:
        """Answer a query."""
        with self._open.using() as shard:
            return shard.query(request)

    def retrieve(self, ids: Sequence[UUID], with_payload: bool, with_vector: list[str] | bool) -> list[edge.Record]:
        """Return the points that there are."""
        with self._open.using() as shard:
            return shard.retrieve(list(ids), with_payload=with_payload, with_vector=with_vector)

    def scroll(self, request: edge.ScrollRequest) -> tuple[list[edge.Record], edge.PointId | None]:
        """Return some points, and where the next ones begin."""
        with self._open.using() as shard:
            return shard.scroll(request)

    def count(self, request: edge.CountRequest) -> int:
        """Count points."""
        with self._open.using() as shard:
            return shard.count(request)

    def facet(self, request: edge.FacetRequest) -> edge.FacetResponse:
        """Count the values of a field."""
        with self._open.using() as shard:
            return shard.facet(request)

    def info(self) -> edge.ShardInfo:
        """Return what the engine says of itself: its fields, above all."""
        with self._open.using() as shard:
            return shard.info()

    def update(self, operation: edge.UpdateOperation, ids: Sequence[UUID]) -> None:
        """Write; `ids` are the points that it is about."""
        with self._writing, self._open.using() as shard:
            if self._meanwhile is not None:
                self._meanwhile.update(ids)  # before the write, of which a part may stay when it fails
            self._unflushed += len(ids)
            shard.update(operation)

    def sync(self) -> None:
        """Return when everything that was written is durable.

        It is once the engine's log is on the disk. That we do ourselves: other threads run meanwhile.
        """
        with self._writing:
            if self._unflushed >= FLUSH_AFTER:
                self._flush()
                return
            with self._open.using():
                _sync_log(place(self._folder))

    def _flush(self) -> None:
        with self._open.using() as shard:
            sync_shard(place(self._folder))  # what is on the disk already, the engine is done with at once
            shard.flush()
        self._unflushed = 0

    def optimize(self) -> None:
        """Build graphs here and now; no thread of this process runs meanwhile."""
        with self._writing, self._open.using() as shard:
            shard.optimize()

    def copy_to(self, folder: Path) -> None:
        """Copy it as it is now to a folder that is not there yet; writes wait meanwhile, queries do not."""
        with self._writing:
            copy_shard_to(self._folder, folder)

    @contextmanager
    def copied(self) -> Iterator[Copy]:
        """Give a copy, which can be worked on and put in the place of this one; it is gone afterwards if it was not.

        Writes wait until it is made. Raises `Unavailable` when one is made already, or the disk has no room.
        """
        if not self._one_copy.acquire(blocking=False):
            raise Unavailable(f"the graphs of {self._folder.name} are being built already; wait until they are")
        try:
            yield Copy(self, self._copy())
        finally:
            self._meanwhile = None
            try:
                sweep(self._folder)
            finally:
                self._one_copy.release()

    def _copy(self) -> Path:
        # Nothing is flushed for it: what is in the log alone, whoever opens the copy makes of the log.
        with self._writing:
            _require_room(self._folder)
            copy = copy_shard(self._folder)
            self._meanwhile = set()
        return copy

    def adopt(self, copy: Path, stopped: Callable[[], bool]) -> int | None:
        """Put a copy of this shard in its place; return how many points were written since it was made.

        What was written meanwhile is carried over first; None once `stopped` says so. Queries go on all the while;
        writes wait for the end of it.
        """
        sync_shard(copy)
        new = self._load(copy)
        try:
            if self._answers:
                self._warm(new)
            carried = self._take_over(new, copy, stopped)
        except BaseException:
            new.close()
            raise
        if carried is None:
            new.close()
        return carried

    def _take_over(self, new: edge.EdgeShard, copy: Path, stopped: Callable[[], bool]) -> int | None:
        carried = 0
        for _ in range(_ROUNDS):
            if stopped():
                return None
            if len(self._meanwhile or ()) <= FEW:
                break
            carried += self._carry_over(new)
        with self._writing:
            carried += self._carry_over(new)
            _sync_log(copy)
            replaced = place(self._folder)
            self._switch(copy)
            old = self._open.replace(new)
            self._unflushed, self._meanwhile = carried, None
        if old is not None:
            _discard(old, replaced)
        return carried

    def _switch(self, copy: Path) -> None:
        try:
            switch(self._folder, copy)
        except OSError:
            if place(self._folder) != copy:  # else whoever opens it next takes the copy, and so must we
                raise

    def _carry_over(self, new: edge.EdgeShard) -> int:
        with self._writing:
            ids, self._meanwhile = list(self._meanwhile or ()), set()
        for some in batches(ids, CARRIED_AT_ONCE):
            records = self.retrieve(some, with_payload=True, with_vector=True)
            gone = set(some) - {uuid_of(record.id) for record in records}
            if records:
                points = [edge.Point(record.id, record.vector or {}, record.payload) for record in records]
                new.update(edge.UpdateOperation.upsert_points(points))
            if gone:
                new.update(edge.UpdateOperation.delete_points(list(gone)))
        return len(ids)

    def close(self) -> None:
        """Write everything down and let go of it; closing twice is no error. Work on a copy is given up first."""
        self.closing = True
        with self._one_copy, self._writing:
            shard = self._open.replace(None)
            if shard is not None:
                shard.close()


class Copy:
    """A copy of a shard: a folder that nobody else knows."""

    def __init__(self, shard: Shard, path: Path) -> None:
        self._shard = shard
        self.path = path

    def adopt(self, stopped: Callable[[], bool]) -> int | None:
        """Put it in the place of what it was copied from; return the points written since, None if stopped."""
        return self._shard.adopt(self.path, stopped)


def _discard(old: edge.EdgeShard, place: Path) -> None:
    try:
        sync_shard(place)  # to close it flushes it, for nothing: so there is less to stop all threads for
        old.close()
    except Exception as error:  # noqa: BLE001 - the engine raises nothing else; what took its place is at work
        _log.warning("%s, which was replaced, was not closed in good order: %s", place, error)


def _sync_log(shard: Path) -> None:
    log = shard / "wal"
    for path in log.iterdir():
        if path.is_file():
            sync(path)
    sync(log)


def _require_room(folder: Path) -> None:
    # A copy, and what is built of it before the old files go: twice the size, and something for everybody else.
    size = sum(path.stat().st_size for path in place(folder).rglob("*") if path.is_file())
    free = shutil.disk_usage(folder).free
    if free < 3 * size:
        raise Unavailable(
            f"the graphs of {folder.name} are built on a copy, for which the disk has {free >> 20} MiB; "
            f"make {3 * size >> 20} MiB free"
        )


def uuid_of(identity: edge.PointId) -> UUID:
    """Return the id of a point, which the engine gives in either form."""
    return identity if isinstance(identity, UUID) else UUID(str(identity))
