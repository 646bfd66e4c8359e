"""What is at work when the power goes: a service that takes changes in, registers models, rebuilds and promotes."""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from crash.goods import FEED_BATCH, VOCABULARY, Goods
from crash.ledger import held_by
from crash.slowed import take_small_steps
from crash.word_model import build_word_model

from recommender.application.composition import Application
from recommender.errors import Refused
from recommender.jobs.background_worker import BackgroundWorker
from recommender.jobs.models import remove_model
from recommender.jobs.promote import promote
from recommender.jobs.rebuild import rebuild
from recommender.models.manifest import Manifest
from recommender.settings import load_settings

STEPS = {"change": 30, "optimise": 3, "register": 3, "remove": 2, "rebuild": 1, "promote": 2, "wait": 6}
"""What is done, and how often of all the times."""


def tell(**message: Any) -> None:
    """Say in one write what is about to be done, or is acknowledged."""
    os.write(1, json.dumps(message).encode() + b"\n")


def work(draw: random.Random) -> None:
    """Do one thing after the other until the power goes."""
    with Application(load_settings()) as application:
        goods, state, made = Goods(draw), held_by(application.catalogue), 0
        application.hold_live()
        BackgroundWorker(application, 0.02).start()
        tell(ready=True)
        while True:
            step = draw.choices(list(STEPS), list(STEPS.values()))[0]
            others = [model for model in application.registry.list() if not model.live]
            if step == "change":
                (change,) = goods.changes(state, 1)
                state = change.after(state)
                tell(offered=change.as_json())
                if change.products:
                    application.catalogue.upsert(change.products)
                else:
                    application.catalogue.deactivate(change.gone)
                tell(acknowledged="change")
            elif step == "register":
                made += 1
                with tempfile.TemporaryDirectory() as folder:
                    model = build_word_model(Path(folder) / "model", VOCABULARY, draw.randrange(1 << 30))
                    manifest = Manifest.create(model, name=f"m{made}", base="org/base", kind="base")
                    tell(registering=f"m{made}")
                    application.registry.register(model, manifest, copy=True)
                tell(acknowledged="register")
            elif step == "remove" and others:
                name = draw.choice(others).name
                tell(removing=name)
                try:
                    remove_model(application, name)
                    tell(acknowledged="remove")
                except Refused:
                    tell(acknowledged="refused")
            elif step == "rebuild":
                tell(switching=True)
                tell(live=rebuild(application).name)
            elif step == "promote" and others:
                tell(switching=True)
                tell(live=promote(application, draw.choice(others)).name)
            elif step == "optimise":
                application.index(application.generations.require_live()).optimize()
            else:
                time.sleep(draw.random() / 20)


if __name__ == "__main__":
    take_small_steps(FEED_BATCH, 0.05)
    work(random.Random(int(sys.argv[1])))
