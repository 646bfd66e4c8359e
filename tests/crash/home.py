"""The home that all kills happen in: after each it is brought in order as an operator would, and checked."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crash.checks import backed_up, check, check_tidy
from crash.goods import FIRST, Goods
from crash.ledger import Change, Ledger, State, held_by
from crash.processes import Nursery

from recommender.application.composition import Application
from recommender.jobs.rebuild import start_generation
from recommender.models.manifest import Manifest
from recommender.settings import Settings

MODELS = ("one", "two")


@dataclass(slots=True, repr=False)
class Home:
    """An installation, the processes that work in it, and what it must hold."""

    folder: Path
    settings: Settings
    nursery: Nursery
    draw: random.Random
    goods: Goods
    ledger: Ledger
    backup: Path = field(init=False)
    backup_state: State = field(init=False)
    command_s: float = 0.0
    """How long a command takes, about, as a process of its own."""
    made: int = 0
    tries: int = 0
    """How often the process to kill has ended by itself before."""

    def new_path(self, name: str) -> Path:
        """Return a path that was not there before."""
        self.made += 1
        return self.folder / f"{self.made:04}-{name}"

    def opened(self) -> Application:
        """Open the installation, as a process of its own would."""
        return Application(self.settings)

    def other_model(self) -> str:
        """Return the name of the model that is not live."""
        with self.opened() as application:
            return next(model.name for model in application.registry.list() if not model.live)

    def has_previous(self) -> bool:
        """Tell whether there is a generation to go back to."""
        with self.opened() as application:
            return application.generations.previous() is not None

    def finish(self, **job: Any) -> None:
        """Do something to its end, and check."""
        self.nursery.run(**job).require_success()
        self.ledger.acknowledge_all()
        self.recover()

    def back_up(self) -> None:
        """Make the backup that restores bring back."""
        file = self.new_path("backup.tar")
        self.nursery.run(action="backup", file=str(file)).require_success()
        self.keep_backup(file)

    def keep_backup(self, file: Path) -> None:
        """Take a backup for restores, once it is seen to be whole and of a state that there was."""
        state = backed_up(file)
        assert self.ledger.has_held(state), f"{file} holds a state that the catalogue never had"
        if hasattr(self, "backup"):
            self.backup.unlink()
        self.backup, self.backup_state = file, state

    def recover(self, *, thorough: bool = False) -> None:
        """Do what comes next after a kill, each in a fresh process: a query, a drain; then look at everything."""
        hits = self.nursery.command("similar", self.draw.choice(FIRST), "-k", "3", "--json").require_success()
        assert hits.out.count('"sku"') >= 3, hits.out
        drained = self.nursery.command("worker", "--once", "--json").require_success()
        assert '"failed": 0' in drained.out, drained.out
        if thorough:
            self.nursery.command("index", "verify", "--json").require_success()
        with self.opened() as application:
            self.ledger.settle(held_by(application.catalogue))
            check(application, self.ledger.state)
        for replaced in self.settings.home.glob("replaced-*"):
            shutil.rmtree(replaced)

    def leave(self) -> None:
        """Promote undisturbed at the end: nothing of all that was cut off is left over."""
        self.finish(action="promote", model=self.other_model())
        with self.opened() as application:
            check_tidy(application)


def install(home: Home, model_folders: dict[str, Path]) -> None:
    """Register two models, make a generation of the first live, and take in the first products."""
    with home.opened() as application:
        for name, folder in model_folders.items():
            manifest = Manifest.create(folder, name=name, base="org/base", kind="base")
            application.registry.register(folder, manifest, copy=True)
        generation = start_generation(application, application.registry.get(MODELS[0]))
        application.generations.ready(generation)
        application.generations.switch(generation)
        first = Change(products=tuple(home.goods.product(sku) for sku in FIRST))
        application.catalogue.upsert(first.products)
    home.ledger.offer([first])
    home.ledger.acknowledge_all()
    home.nursery.command("worker", "--once").require_success()
    home.recover(thorough=True)
    home.back_up()
