"""What a worker writes to, while generations change places under it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from support.installation import install, settings_of
from support.toy_catalogue import toy_catalogue

from recommender.application.composition import Application
from recommender.application.write_targets import WriteTargets
from recommender.errors import Unavailable
from recommender.index.embedded.engine import EmbeddedEngine, EmbeddedIndex
from recommender.index.leases import IndexPool
from recommender.ingestion.targets import Target, UnopenedTarget
from recommender.settings import Settings


class _Switching(EmbeddedEngine):
    """An engine before whose first opening another process goes live with a new generation, and drops the old."""

    def __init__(self, settings: Settings, replaces: bool) -> None:
        super().__init__(settings.index_dir)
        self._settings = settings
        self._replaces = replaces
        self._opened = False

    def open(self, name: str) -> EmbeddedIndex:
        if not self._opened:
            self._opened = True
            with Application(self._settings) as other:
                old = other.generations.require_live()
                if self._replaces:
                    new = other.generations.start(old.model_id, old.fingerprint, old.dimension)
                    other.create_index(new)
                    other.generations.ready(new)
                    other.generations.switch(new)
                other.drop_index(old)
        return super().open(name)


@pytest.fixture
def settings(tmp_path: Path, tiny_model: Path) -> Settings:
    settings = settings_of(tmp_path / "home")
    install(settings, tiny_model, toy_catalogue(1))
    return settings


@contextmanager
def _targets(application: Application, engine: EmbeddedEngine) -> Iterator[WriteTargets]:
    with closing(IndexPool(lambda: engine, "here")) as indexes:
        targets = WriteTargets(lambda: engine, application.generations, indexes, application.target)
        yield targets
        targets.release()


def test_a_live_generation_that_is_removed_before_it_is_opened_gives_way_to_the_one_in_its_place(
    settings: Settings,
) -> None:
    with Application(settings) as application:
        old = application.generations.require_live()
        with _targets(application, _Switching(settings, replaces=True)) as targets:
            names = [target.name for target in targets.open()]
        live = application.generations.require_live().name
    assert live in names
    assert live != old.name


def test_a_live_generation_that_is_gone_and_has_no_other_in_its_place_is_said_so(settings: Settings) -> None:
    with (
        Application(settings) as application,
        _targets(application, _Switching(settings, replaces=False)) as targets,
        pytest.raises(Unavailable, match="index rebuild"),
    ):
        targets.open()


@pytest.mark.parametrize("is_live", [True, False])
def test_a_generation_that_the_engine_does_not_list_takes_no_change_and_passes_for_none_that_did(
    settings: Settings, is_live: bool
) -> None:
    class Hiding(EmbeddedEngine):
        """An engine that lists nothing of one generation, as a server whose volume is not mounted."""

        def names(self) -> list[str]:
            return sorted({*super().names()} - {hidden.name})

    with Application(settings) as application:
        live = application.generations.require_live()
        other = application.generations.start(live.model_id, live.fingerprint, live.dimension)
        application.create_index(other).close()
        hidden = live if is_live else other
        with _targets(application, Hiding(settings.index_dir)) as targets:
            if is_live:
                with pytest.raises(Unavailable, match=f"{live.name}.*index rebuild"):
                    targets.open()
            else:
                assert [(type(target), target.name) for target in targets.open()] == [
                    (Target, live.name),
                    (UnopenedTarget, other.name),
                ]
