"""The engine's shard of one generation: its log makes writes durable, and a better copy can replace it during queries.

During a call into the engine no other thread of the process runs, so calls must be short. Writes come in small batches,
and another process does what takes seconds, on a copy.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import qdrant_edge as edge

from recommender.batching import batches
from recommender.errors import RecommenderError, Unavailable, is_panic, one_line
from recommender.index.embedded.lock import index_held
from recommender.index.embedded.schema import is_compact, load_shard, map_vectors
from recommender.index.embedded.storage import (
    copy_shard,
    new_copy_folder,
    shard_folder,
    sweep,
    switch,
    sync_log,
    sync_shard,
)

FLUSH_AFTER = 20_000
"""Points written before the engine flushes by itself, which stops every thread for 20 to 400 ms. Until then they are
durable in its log; after a crash the next opening reads them from there, in a second or two."""

CARRIED_AT_ONCE = 64
"""Points that are copied to a new shard in one write: it takes 3 ms, in which no query runs."""

FIRST_REOPEN_PAUSE_S, LONGEST_REOPEN_PAUSE_S = 1.0, 60.0
"""First pause before a shard is opened again after the engine panicked; it doubles each time."""

FEW = 200
"""So few points are left to copy when writes have to wait: it takes 30 ms."""

_ROUNDS = 20
"""Rounds of copying before writes have to wait: each takes a fraction of the time of the last one."""

_log = logging.getLogger(__name__)


@contextmanager
def engine_errors(name: str) -> Iterator[None]:
    """Raise errors of the engine as `IndexHeld` or `Unavailable`; our own errors pass."""
    try:
        yield
    except RecommenderError:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and not is_panic(error):
            raise
        raise _translate(error, name) from error


def _translate(error: BaseException, name: str) -> RecommenderError:
    # The engine raises plain `Exception`s, which differ only in their text.
    if "WouldBlock" in str(error):
        return index_held(name)
    return Unavailable(f"generation {name!r} can't be used ({one_line(error)}); run `recommender index rebuild`")


class _OpenShard:
    __slots__ = ("compact", "folder", "readers", "shard")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shard = load_shard(folder)
        self.compact = is_compact(folder)
        self.readers = 0

    def warm_up(self) -> None:
        """Read full vectors into memory. A compact shard needs few, and has its vectors of 4 bits in memory already."""
        if not self.compact:
            map_vectors(self.shard, self.folder)


class Shard:
    """An open shard. Readers may run beside one writer, from any thread, also while another shard takes its place.

    The engine's errors are raised as `engine_errors` says. After a panic the shard is not used again: the next reader
    opens it again. If that panics too, nobody tries before a pause, which grows.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._folder = folder
        self._warm = False
        sweep(folder)
        self._replacing = threading.Condition()
        self._open: _OpenShard | None = _OpenShard(shard_folder(folder))
        self._writing = threading.RLock()
        self._unflushed = 0
        self._one_copy = threading.Lock()
        self._meanwhile: set[int] | None = None
        """Points written since the copy was made; None while there is no copy."""
        self._panic = ""
        self._reopening = threading.Lock()
        self._panicked_at = self._reopen_at = 0.0
        self._reopen_pause = FIRST_REOPEN_PAUSE_S
        self.closing = False
        """Set to make those who work on a copy give it up; `close` waits for them."""

    @property
    def compact(self) -> bool:
        """Whether the open shard keeps vectors of 4 bits."""
        return self._open is not None and self._open.compact

    @contextmanager
    def reading(self) -> Iterator[edge.EdgeShard]:
        """Lend the engine's shard, which is not closed meanwhile. Never waits. Raises `Unavailable` after `close`."""
        if self._panic:
            self._reopen()
        with self._replacing:
            opened = self._open
            if opened is None:
                raise Unavailable("this index was closed in this process; open it again")
            opened.readers += 1
        try:
            yield opened.shard
        except RecommenderError:
            raise
        except BaseException as error:
            if is_panic(error):
                self._panic = one_line(error, 200)
                _log.error("the engine panicked over generation %s: %s", self._name, self._panic)
            elif not isinstance(error, Exception):
                raise
            raise _translate(error, self._name) from error
        finally:
            with self._replacing:
                opened.readers -= 1
                if opened is not self._open:
                    self._replacing.notify_all()

    def _reopen(self) -> None:
        """Open the shard again after a panic. Raises `Unavailable` when that fails, or it is too early for it."""
        with self._reopening:
            if not self._panic:
                return
            now = time.monotonic()
            if now < self._reopen_at:
                raise Unavailable(
                    f"generation {self._name!r} can't be used ({self._panic}); it is opened again in a moment, and "
                    "`recommender index rebuild` makes a new one"
                )
            if now - self._panicked_at > LONGEST_REOPEN_PAUSE_S:
                self._reopen_pause = FIRST_REOPEN_PAUSE_S
            self._panicked_at = now
            try:
                with engine_errors(self._name):
                    broken = self._replace(None)
                    with suppress(RecommenderError), engine_errors(self._name):
                        if broken is not None:
                            broken.close()  # this releases the engine's own lock on the files
                    del broken
                    new = _OpenShard(shard_folder(self._folder))
                    if self._warm:
                        new.warm_up()
            finally:
                self._reopen_at = time.monotonic() + self._reopen_pause
                self._reopen_pause = min(2 * self._reopen_pause, LONGEST_REOPEN_PAUSE_S)
            with self._replacing:
                self._open, self._panic = new, ""
            _log.warning("generation %s was opened again", self._name)

    def warm_up(self) -> None:
        """Prepare to answer queries, in this shard and in its replacements.

        Otherwise the first hundred queries would take 20 to 50 ms each.
        """
        self._warm = True
        with self.reading():
            if (opened := self._open) is not None:
                opened.warm_up()

    def update(self, operation: edge.UpdateOperation, ids: Sequence[int]) -> None:
        """Write; `ids` are the points that the operation changes."""
        with self._writing, self.reading() as shard:
            if self._meanwhile is not None:
                self._meanwhile.update(ids)  # before the write: part of it may remain if it fails
            self._unflushed += len(ids)
            shard.update(operation)

    def sync(self) -> None:
        """Return when everything that was written is durable, in the engine's log on the disk.

        We sync the log ourselves, so that other threads run meanwhile.
        """
        with self._writing, self.reading() as shard:
            if self._unflushed < FLUSH_AFTER:
                sync_log(shard_folder(self._folder))
                return
            sync_shard(shard_folder(self._folder))  # then little is left for the engine to write
            shard.flush()
            self._unflushed = 0

    def optimize(self) -> None:
        """Build graphs in this process; no other thread of it runs meanwhile."""
        with self._writing, self.reading() as shard:
            shard.optimize()

    def copy_to(self, folder: Path) -> None:
        """Copy the shard as it is now to a folder that does not exist yet; writes wait meanwhile, queries do not.

        Raises `OSError` when the disk has no room.
        """
        with self._writing:
            copy_shard(self._folder, folder)

    def rebuild(self, build: Callable[[Path], bool], stopped: Callable[[], bool]) -> int | None:
        """Let `build` work on a copy, then replace this shard by it, unless `build` returned False.

        Queries continue throughout. Writes wait for the copy at the start, and at the end for the last points that were
        written meanwhile. Returns how many points were written since the copy was made; None if the build was given up,
        which `stopped` may ask for too. Raises `Unavailable` while another copy is being worked on, or if the disk has
        no room.
        """
        if not self._one_copy.acquire(blocking=False):
            raise Unavailable(f"the graphs of {self._folder.name} are being built already; wait until they are")
        try:
            with engine_errors(self._name):
                with self._writing:
                    # The shard is not flushed first: the process that opens the copy reads the rest from the log.
                    copy = new_copy_folder(self._folder)
                    copy_shard(self._folder, copy)
                    self._meanwhile = set()
                return self._take_over(copy, stopped) if build(copy) else None
        finally:
            self._meanwhile = None
            try:
                sweep(self._folder)
            finally:
                self._one_copy.release()

    def close(self) -> None:
        """Flush and close; a second call does nothing. Work on a copy is given up first."""
        self.closing = True
        with self._one_copy, self._writing, engine_errors(self._name):
            shard = self._replace(None)
            if shard is not None:
                shard.close()

    def _take_over(self, copy: Path, stopped: Callable[[], bool]) -> int | None:
        """Also write to a copy what came meanwhile, and serve the copy; return how many points that were."""
        sync_shard(copy)
        new = _OpenShard(copy)
        adopted = False
        carried = 0
        try:
            if self._warm:
                new.warm_up()
            for _ in range(_ROUNDS):
                if stopped():
                    return None
                if len(self._meanwhile or ()) <= FEW:
                    break
                carried += self._carry_over(new.shard)
            with self._writing:
                carried += self._carry_over(new.shard)
                sync_log(copy)
                replaced = shard_folder(self._folder)
                try:
                    switch(self._folder, copy)
                except OSError:
                    if shard_folder(self._folder) != copy:
                        raise  # otherwise the next process to open it takes the copy, so we must too
                old, adopted = self._replace(new), True
                self._unflushed, self._meanwhile = carried, None
        finally:
            if not adopted:
                new.shard.close()
        if old is not None:
            try:
                sync_shard(replaced)  # closing flushes it, which nobody needs; after this there is little to flush
                old.close()
            except Exception as error:  # noqa: BLE001 - the engine raises nothing else; what took its place is at work
                _log.warning("%s, which was replaced, was not closed cleanly: %s", replaced, error)
        return carried

    def _carry_over(self, new: edge.EdgeShard) -> int:
        with self._writing:
            ids, self._meanwhile = list(self._meanwhile or ()), set()
        for some in batches(ids, CARRIED_AT_ONCE):
            with self.reading() as shard:
                records = shard.retrieve(list(some), with_payload=True, with_vector=True)
            gone = set(some) - {int(record.id) for record in records}
            if records:
                points = [edge.Point(record.id, record.vector or {}, record.payload) for record in records]
                new.update(edge.UpdateOperation.upsert_points(points))
            if gone:
                new.update(edge.UpdateOperation.delete_points(list(gone)))
        return len(ids)

    def _replace(self, new: _OpenShard | None) -> edge.EdgeShard | None:
        """Replace the open shard by another, or by none; return when nobody reads the old one any more."""
        with self._replacing:
            old, self._open = self._open, new
            if old is None:
                return None
            self._replacing.wait_for(lambda: not old.readers)
            return old.shard
