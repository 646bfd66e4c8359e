"""The live model as queries see it: its generation, the open index of that generation, and its encoder."""

from __future__ import annotations

import logging
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple, Protocol, TypeVar

from recommender.embedding.bm25 import LexicalEncoder
from recommender.embedding.encoder import Encoder
from recommender.errors import IndexHeld, NotFound, RecommenderError, Unavailable, UnknownSku
from recommender.index.generation import Generation, GenerationState
from recommender.index.leases import IndexPool
from recommender.index.protocol import VectorIndex
from recommender.models.manifest import SearchCalibration

FRESH_S = 0.2
"""How long the live pair is used before the database is asked again. A switch by another process is seen within this
time, and one by this process at once."""

TIDY_EVERY_S = 10.0
"""How often a process that holds the live model looks for indexes that it may close."""

Result = TypeVar("Result")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LiveModel:
    """What one query works with from start to end, whatever goes live meanwhile. `encoder` loads on its first call.

    `tokens` are the words that the model's tokenizer keeps whole, since it has met them often.
    """

    generation: str
    model: str
    index: VectorIndex
    encoder: Callable[[], Encoder]
    lexical: Callable[[], LexicalEncoder]
    calibration: Callable[[], SearchCalibration] = SearchCalibration
    tokens: Callable[[], frozenset[str]] = frozenset


class GenerationReader(Protocol):
    """Tells which generations there are, and which one is live."""

    @abstractmethod
    def live_id(self) -> int | None:
        """Return the id of the generation that answers queries."""

    @abstractmethod
    def require_live(self) -> Generation:
        """Return the generation that answers queries. Raises `NoLiveModel` before the first one went live."""

    @abstractmethod
    def list(self) -> Sequence[Generation]:
        """Return all generations, oldest first."""


class ModelProvider(Protocol):
    """Gives queries their model, with the index that it made."""

    @abstractmethod
    def attempts(self, model: str = "") -> Iterator[AbstractContextManager[LiveModel]]:
        """Yield the model with this name, or the live one for an empty name, to be used in a `with`.

        If a second one is yielded, it is for a second attempt: the first `with` swallowed its error.
        """

    def ask(self, question: Callable[[LiveModel], Result], model: str = "") -> Result:
        """Return what `question` makes of a model, in as many attempts as there are."""
        for attempt in self.attempts(model):
            with attempt as live:
                return question(live)
        raise RuntimeError("the last attempt neither returned nor raised")


@dataclass(frozen=True, slots=True)
class FixedModel(ModelProvider):
    """One model for every query, whatever it names: its index is never switched."""

    live: LiveModel

    def attempts(self, model: str = "") -> Iterator[AbstractContextManager[LiveModel]]:  # noqa: ARG002 - there is one
        """Yield the model once."""
        yield nullcontext(self.live)


class _Served(NamedTuple):
    """A generation that answers queries, and its encoders, which are kept once they are loaded."""

    generation: Generation
    encoder: Callable[[], Encoder]
    lexical: Callable[[], LexicalEncoder]
    calibration: Callable[[], SearchCalibration]
    tokens: Callable[[], frozenset[str]]


class LiveModels(ModelProvider):
    """Follows which generation is live, and keeps the index open while a query uses it. Thread-safe.

    `open_encoder` loads the model of a generation, once in this process. `calibrate` tells how searches with it are
    scored, and `read_tokens` which words it knows. `warm` prepares an index before it answers, in a process that holds
    the live model. `tidy` closes what nobody needs any more; it is called after a switch and every `TIDY_EVERY_S`.
    """

    def __init__(
        self,
        generations: GenerationReader,
        indexes: IndexPool,
        open_encoder: Callable[[Generation], Encoder],
        tidy: Callable[[], None] = lambda: None,
        warm: Callable[[VectorIndex], None] = lambda _index: None,
        open_lexical: Callable[[Generation], LexicalEncoder] = lambda generation: LexicalEncoder(generation.language),
        calibrate: Callable[[Generation], SearchCalibration] = lambda _generation: SearchCalibration(),
        read_tokens: Callable[[Generation], frozenset[str]] = lambda _generation: frozenset(),
    ) -> None:
        self._generations = generations
        self._indexes = indexes
        self._open_encoder = open_encoder
        self._open_lexical = open_lexical
        self._calibrate = calibrate
        self._read_tokens = read_tokens
        self._tidy = tidy
        self._warm = warm
        self._current: _Served | None = None
        self._until = 0.0
        self._refreshing = threading.Lock()
        self._failure: Unavailable | None = None
        self._others: dict[str, tuple[_Served, float]] = {}
        self._kept = ExitStack()
        self._follower: threading.Thread | None = None
        self._stopped = threading.Event()

    @contextmanager
    def lease(self, model: str = "") -> Iterator[LiveModel]:
        """Lend the live model, or the newest ready generation made by `model`. Its index stays open meanwhile.

        This takes a few microseconds. Raises `NoLiveModel` before anything was indexed, and `NotFound` for a model that
        has no such generation; the message names the models that answer.
        """
        served = self._find(model)
        with ExitStack() as leases:
            try:
                index = leases.enter_context(self._indexes.lease(served.generation.name))
            except Unavailable as error:
                served = self._find_another(model, served.generation.name, error)
                index = leases.enter_context(self._indexes.lease(served.generation.name))
            generation = served.generation
            yield LiveModel(
                generation.name,
                generation.model_name,
                index,
                served.encoder,
                served.lexical,
                served.calibration,
                served.tokens,
            )

    def attempts(self, model: str = "") -> Iterator[AbstractContextManager[LiveModel]]:
        """Yield the model, and once more if its generation was dropped meanwhile and another has taken its place."""
        yield self._first_attempt(model)
        yield self.lease(model)

    @contextmanager
    def _first_attempt(self, model: str) -> Iterator[LiveModel]:
        with self.lease(model) as live:
            try:
                yield live
            except UnknownSku:
                raise
            except (NotFound, Unavailable) as error:
                self._find_another(model, live.generation, error)

    def names(self) -> list[str]:
        """Return the names of the models that can be asked, the live one first."""
        return list(dict.fromkeys(ready.model_name for ready in self._ready()))

    def refresh(self) -> None:
        """Serve what is live now, after a switch by this process. If that can be opened, it is served on return."""
        if self._current is not None or self._follower is not None:
            self._failure = None
            with suppress(Unavailable):  # the next query is told
                self._refresh(wait=True)

    def hold(self) -> None:
        """Keep the live index open and its encoder loaded, and follow switches in a thread: no query waits for one.

        Raises `IndexHeld` when another process has the index. Any other failure is tried again and again. A second call
        does nothing.
        """
        if self._follower is not None:
            return
        self._follower = threading.Thread(target=self._follow, name="live-model", daemon=True)
        self._current = None
        try:
            self._refresh(wait=True)
        except IndexHeld:
            self._follower = None
            raise
        except Unavailable as error:
            _log.warning("no generation answers queries yet: %s", error)
        self._follower.start()

    def close(self) -> None:
        """Stop following switches, and close everything."""
        self._stopped.set()
        if self._follower is not None and self._follower.is_alive():
            self._follower.join()
        self._current = None
        self._others.clear()
        self._kept.close()

    def _follow(self) -> None:
        tidied = time.monotonic()
        while not self._stopped.wait(FRESH_S):
            try:
                self._refresh(wait=True)
            except Unavailable:
                pass  # there is nothing to answer from yet; each query is told why
            except Exception:  # noqa: BLE001 - a thread has no caller, and must keep following
                _log.exception("the live generation could not be looked up; trying again")
            if time.monotonic() - tidied > TIDY_EVERY_S:
                for model, (_, until) in list(self._others.items()):  # a copy: queries add to it meanwhile
                    if until < time.monotonic():
                        self._others.pop(model, None)
                self._tidy_up()
                tidied = time.monotonic()

    def _tidy_up(self) -> None:
        try:
            self._tidy()
        except RecommenderError:
            pass  # the database is away; it is tried again later
        except Exception:  # noqa: BLE001 - the switch is done, and the thread must keep following
            _log.exception("unused indexes could not be closed; trying again")

    def _find(self, model: str) -> _Served:
        current = self._current
        if current is None or (self._follower is None and time.monotonic() >= self._until):
            current = self._refresh()
        if model in ("", current.generation.model_name):
            return current
        known, until = self._others.get(model, (None, 0.0))
        if known is not None and time.monotonic() < until:
            return known
        ready = next((ready for ready in self._ready() if ready.model_name == model), None)
        if ready is None:
            answering = ", ".join(self.names()) or "none yet"
            raise NotFound(f"no generation of the model {model!r} answers queries; these do: {answering}")
        served = self._serve(ready)
        self._others[model] = served, time.monotonic() + FRESH_S
        return served

    def _find_another(self, model: str, failed: str, error: RecommenderError) -> _Served:
        """Ask the database again which generation answers; raise the error of the failed one if it is the same."""
        self._others.pop(model, None)
        self._until = 0.0
        self._refresh()
        served = self._find(model)
        if served.generation.name == failed:
            raise error
        return served

    def _refresh(self, wait: bool = False) -> _Served:
        """Ask the database what is live, and serve that. While another thread asks, return the pair that is known.

        The known pair also stays while the database is away, or while the new index can't be opened: queries continue.
        """
        before = self._current
        if not self._refreshing.acquire(blocking=wait or before is None) and before is not None:
            return before
        try:
            current = self._current
            if before is None:
                if current is not None:
                    return current  # another thread opened it while this one waited
                if self._failure and self._follower and time.monotonic() < self._until:
                    raise self._failure  # otherwise all waiting queries would ask in turn
            try:
                if current is None or current.generation.id != self._generations.live_id():
                    current = self._activate(self._generations.require_live())
                self._failure = None
            except Unavailable as error:
                known, self._failure = self._failure, error
                if current is None:
                    raise
                if known is None:
                    _log.warning("queries stay with generation %s: %s", current.generation.name, error)
            finally:
                self._until = time.monotonic() + FRESH_S
            return current
        finally:
            self._refreshing.release()

    def _activate(self, live: Generation) -> _Served:
        served, before = self._serve(live), self._current
        with ExitStack() as kept:
            if self._follower is not None:
                self._warm(kept.enter_context(self._indexes.lease(live.name)))
                try:
                    served.encoder()
                except RecommenderError as error:  # only queries that need the encoder fail
                    _log.warning("generation %s answers without its model: %s", live.name, error)
            self._current, self._kept, earlier = served, kept.pop_all(), self._kept
        earlier.close()
        if before is not None:
            self._tidy_up()
        return served

    def _serve(self, generation: Generation) -> _Served:
        # The encoders are kept with the generation, so a query that began before a switch does not load them again.
        encoder, lexical = partial(self._open_encoder, generation), partial(self._open_lexical, generation)
        calibration, tokens = partial(self._calibrate, generation), partial(self._read_tokens, generation)
        return _Served(generation, cache(encoder), cache(lexical), cache(calibration), cache(tokens))

    def _ready(self) -> list[Generation]:
        """Return the generations that can be asked, the live one first, then the newest."""
        ready = [one for one in self._generations.list() if one.live or one.state is GenerationState.READY]
        return sorted(ready, key=lambda one: (not one.live, -one.id))
