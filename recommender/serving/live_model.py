"""The live pair as queries see it: one generation, its open index, and the encoder of the model that made it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol, TypeVar

from recommender.embedding.encoder import Encoder
from recommender.errors import IndexHeld, NotFound, RecommenderError, Unavailable, UnknownSku
from recommender.index.generations import Generation, Generations, GenerationState
from recommender.index.pool import Pin
from recommender.index.protocol import VectorIndex

FRESH_S = 0.2
"""How long what is live counts as known: a switch in another process shows that soon, one in this process at once."""

TIDY_EVERY_S = 10.0
"""Between two looks for what may be closed in a process that holds the live pair."""

Result = TypeVar("Result")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LivePair:
    """What one query works with from start to end, whatever goes live meanwhile. `encoder` loads on its first call."""

    generation: str
    model: str
    index: VectorIndex
    encoder: Callable[[], Encoder]


class Pairs(Protocol):
    """Where queries get their pair from."""

    def ask(self, question: Callable[[LivePair], Result], model: str = "") -> Result:
        """Return what `question` makes of the pair of a model: of the live one for the empty name."""
        ...


@dataclass(frozen=True, slots=True)
class OnePair:
    """One pair for every query, whatever model it names: an index that nobody switches."""

    pair: LivePair

    def ask(self, question: Callable[[LivePair], Result], model: str = "") -> Result:  # noqa: ARG002 - there is one
        """Return what `question` makes of the pair."""
        return question(self.pair)


class LivePairs:
    """Follows which generation is live, and keeps what queries use open while they do. Thread-safe.

    `pin` opens the index of a generation, `open_encoder` loads its model, both once in this process. `left` is told of
    a generation that is live no longer. In a process that holds the live pair `warm` gets an index ready before it
    answers, and `tidy` is called now and then.
    """

    def __init__(
        self,
        generations: Generations,
        pin: Callable[[Generation], Pin],
        open_encoder: Callable[[Generation], Encoder],
        left: Callable[[Generation], None] = lambda _generation: None,
        tidy: Callable[[], None] = lambda: None,
        warm: Callable[[VectorIndex], None] = lambda _index: None,
    ) -> None:
        self._generations = generations
        self._pin = pin
        self._open_encoder = open_encoder
        self._left = left
        self._tidy = tidy
        self._warm = warm
        self._current: _Served | None = None
        self._until = 0.0
        self._looking = threading.Lock()
        self._others: dict[str, tuple[_Served, float]] = {}
        self._kept: Pin | None = None
        self._follower: threading.Thread | None = None
        self._stopped = threading.Event()
        self._failure: Unavailable | None = None

    @contextmanager
    def using(self, model: str = "") -> Iterator[LivePair]:
        """Give the live pair, or that of the newest ready generation made by `model`; none is closed meanwhile.

        It costs a few microseconds. Raises `NoLiveModel` before anything was indexed, and `NotFound`, naming those
        that answer, for a model that has no such generation.
        """
        served, pin = self._pinned(model)
        try:
            yield served.pair(pin.index)
        finally:
            pin.release()

    def ask(self, question: Callable[[LivePair], Result], model: str = "") -> Result:
        """Return what `question` makes of the pair; it is asked once more when its generation was dropped meanwhile."""
        with self.using(model) as pair:
            try:
                return question(pair)
            except UnknownSku:
                raise
            except (NotFound, Unavailable):
                self._forget(model)
                with self.using(model) as fresh:
                    if fresh.generation == pair.generation:
                        raise
                    return question(fresh)

    def answering(self) -> list[str]:
        """Return the names of the models that can be asked, the live one first."""
        return list(dict.fromkeys(one.model_name for one in self._ready()))

    def refresh(self) -> None:
        """Turn to what is live now, for whoever has just switched in this process; before it returns, if it can."""
        if self._current is not None or self._follower is not None:
            self._failure = None
            with suppress(Unavailable):  # whoever asks is told
                self._look(wait=True)

    def hold(self) -> None:
        """Keep the live pair open, its encoder loaded, and follow switches by a thread: no query waits for one.

        Raises `IndexHeld` when another process has the index. Anything else that is away is tried again and again.
        Doing so twice is no error.
        """
        if self._follower is not None:
            return
        self._follower = threading.Thread(target=self._follow, name="live-pair", daemon=True)
        self._current = None
        try:
            self._look(wait=True)
        except IndexHeld:
            self._follower = None
            raise
        except Unavailable as error:
            _log.warning("no generation answers queries yet: %s", error)
        self._follower.start()

    def close(self) -> None:
        """Follow switches no longer, and keep nothing open."""
        self._stopped.set()
        if self._follower is not None and self._follower.is_alive():
            self._follower.join()
        self._current, kept, self._kept = None, self._kept, None
        self._others.clear()
        if kept is not None:
            kept.release()

    def _follow(self) -> None:
        tidied = time.monotonic()
        while not self._stopped.wait(FRESH_S):
            try:
                self._look(wait=True)
            except Unavailable:
                pass  # nothing to answer from yet; whoever asks is told why
            except Exception:  # noqa: BLE001 - a thread has no caller, and must go on following
                _log.exception("what is live could not be looked up; it is tried again")
            if time.monotonic() - tidied > TIDY_EVERY_S:
                self._tidy_up()
                tidied = time.monotonic()

    def _tidy_up(self) -> None:
        now = time.monotonic()
        for model, (_, until) in list(self._others.items()):  # which queries add to meanwhile
            if until < now:
                self._others.pop(model, None)
        try:
            self._tidy()
        except RecommenderError:
            pass  # the database is away; later, then
        except Exception:  # noqa: BLE001 - the thread must go on following, whatever could not be closed
            _log.exception("what nobody needs could not be closed; it is tried again")

    def _pinned(self, model: str) -> tuple[_Served, Pin]:
        served = self._served(model)
        try:
            return served, self._pin(served.generation)
        except Unavailable:
            self._forget(model)
            fresh = self._served(model)
            if fresh.generation.id == served.generation.id:
                raise
            return fresh, self._pin(fresh.generation)

    def _served(self, model: str) -> _Served:
        current = self._current
        if current is None or (self._follower is None and time.monotonic() >= self._until):
            current = self._look()
        return current if model in ("", current.generation.model_name) else self._other(model)

    def _forget(self, model: str) -> None:
        """Have the database asked again before the next answer."""
        self._others.pop(model, None)
        self._until = 0.0
        self._look()

    def _look(self, wait: bool = False) -> _Served:
        """Ask the database what is live, and turn to that; while somebody else asks, what was live is good enough.

        So it is when the database is away, or the new one can't be opened: queries go on.
        """
        before = self._current
        if not self._looking.acquire(blocking=wait or before is None):
            return before or self._look(wait=True)
        before = before and self._current
        try:
            if before is None and self._current is not None:
                return self._current  # somebody else opened it while this one waited
            if before is None and self._failure and self._follower and time.monotonic() < self._until:
                raise self._failure  # or all who wait here would wait for the same, one after the other
            return self._looked(before)
        finally:
            self._looking.release()

    def _looked(self, before: _Served | None) -> _Served:
        try:
            live = self._generations.live_id()
            if before is None or before.generation.id != live:
                before = self._turned_to(self._generations.require_live())
            self._failure = None
        except Unavailable as error:
            known, self._failure = self._failure, error
            if before is None:
                raise
            if known is None:
                _log.warning("queries stay with generation %s: %s", before.generation.name, error)
        finally:
            self._until = time.monotonic() + FRESH_S  # not for who is only told: many who ask would put it off for good
        return before

    def _turned_to(self, live: Generation) -> _Served:
        served, before, kept = _Served(live, self._open_encoder), self._current, self._kept
        if self._follower is not None:
            self._kept = self._warmed(live)
            served.warm_up()
        self._current = served
        if kept is not None:
            kept.release()
        if before is not None:
            with suppress(Unavailable):  # the database went away: `tidy` sees to it later
                self._left(before.generation)
        return served

    def _warmed(self, live: Generation) -> Pin:
        pin = self._pin(live)
        try:
            self._warm(pin.index)
        except BaseException:
            pin.release()
            raise
        return pin

    def _other(self, model: str) -> _Served:
        known, until = self._others.get(model, (None, 0.0))
        if known is not None and time.monotonic() < until:
            return known
        found = next((one for one in self._ready() if one.model_name == model), None)
        if found is None:
            names = ", ".join(self.answering()) or "none yet"
            raise NotFound(f"no generation of the model {model!r} answers queries; these do: {names}")
        served = known if known and known.generation.id == found.id else _Served(found, self._open_encoder)
        self._others[model] = served, time.monotonic() + FRESH_S
        return served

    def _ready(self) -> list[Generation]:
        """Return the generations that can be asked, the live one first, then the newest."""
        ready = [one for one in self._generations.list() if one.live or one.state is GenerationState.READY]
        return sorted(ready, key=lambda one: (not one.live, -one.id))


class _Served:
    """A generation that queries are answered from, and its encoder once that is loaded."""

    __slots__ = ("_encoder", "_open_encoder", "generation")

    def __init__(self, generation: Generation, open_encoder: Callable[[Generation], Encoder]) -> None:
        self.generation = generation
        self._open_encoder = open_encoder
        self._encoder: Encoder | None = None

    def encoder(self) -> Encoder:
        """Return the encoder; kept here, so that a query which began before a switch does not load it anew."""
        if self._encoder is None:
            self._encoder = self._open_encoder(self.generation)
        return self._encoder

    def warm_up(self) -> None:
        """Load the encoder now. One that can't be loaded fails the queries that need it, no others."""
        try:
            self.encoder()
        except RecommenderError as error:
            _log.warning("generation %s answers without its model: %s", self.generation.name, error)

    def pair(self, index: VectorIndex) -> LivePair:
        """Return it as one query sees it."""
        return LivePair(self.generation.name, self.generation.model_name, index, self.encoder)
