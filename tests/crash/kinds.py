"""The kinds of kills: what a process is doing when it is killed, and where in it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crash.goods import departures, taken_in, write_feed
from crash.home import Home
from crash.ledger import Change
from crash.processes import Child

from recommender.database.restore_journal import is_cut_off
from recommender.errors import IndexHeld

ANYWHERE = ""
"""No stage: the process is killed a random time after it has begun."""

DONE = "done"
"""After it has told of the result."""

Stages = Mapping[str, int]
"""Where to kill: stages, and how many times a job comes to each, about."""

BUILDING: Stages = {"create": 2, "encode": 5, "write": 5, "flush": 5, "optimize": 1, "ready": 1}
SWITCHING: Stages = {"ready": 1, "switch": 1, "retire": 1, "drop": 1, DONE: 1}
COMPLETING: Stages = {"roll on": 1, "step of it": 7}

PAUSES_S = (0.0, 0.005, 0.03)
"""How long a process stays at its stage, before and after; without a pause the kill falls into the step itself."""

BEYOND_S = 0.02
"""How long after the stage it may be killed: the steps take a few milliseconds each."""

LONGEST_S = 0.6
"""Of a job that is killed anywhere."""


@dataclass(frozen=True, slots=True)
class Blow:
    """What was done to a process. `killed` is False when it had ended before."""

    where: str
    killed: bool
    child: Child | None = None


def strike(home: Home, stages: Stages, excuse: str = "", **job: Any) -> Blow:
    """Begin a job and kill it, a random moment after it has come to one of the stages for the nth time.

    It may end by itself before that: well, or with the error that is its `excuse`.
    """
    draw = home.draw
    stage, most = draw.choice(list(stages.items()))
    nth = draw.randint(1, most) if home.tries < 2 else 1  # what ended twice before it was killed has less to do
    pause = draw.choice(PAUSES_S)
    longest = LONGEST_S if stage == ANYWHERE else 2 * pause + BEYOND_S
    delay, flush_every = draw.uniform(0, longest), draw.choice((0.0, 1.0))
    child = home.nursery.start(stage=stage, nth=nth, pause=pause, small_steps=True, flush_every=flush_every, **job)
    if stage != ANYWHERE:
        home.nursery.wait_for(lambda: bool(child.reached or child.done or child.ended))
    return finish_off(home, child, f"{stage or 'anywhere'} {nth}", delay, excuse)


def finish_off(home: Home, child: Child, where: str, delay: float, excuse: str = "") -> Blow:
    """Kill a process after a while, and take note of what it has acknowledged."""
    home.nursery.wait_for(lambda: child.ended, patience=delay)
    killed = home.nursery.kill(child)
    if not killed and not (excuse and excuse in child.said):
        child.require_success()
    home.ledger.acknowledge(child.acknowledged)
    return Blow(f"{where} + {1000 * delay:.0f} ms", killed, child)


def changed(home: Home, count: int, before: int) -> dict[str, Any]:
    """Draw changes for a job to make, `before` of them before its work and the rest beside it."""
    changes = home.goods.changes(home.ledger.state, count)
    home.ledger.offer(changes)
    return {"changes": [change.as_json() for change in changes], "before": before}


def during_changes(home: Home) -> list[Blow]:
    """Kill what changes products through the Python API."""
    return [recovered(home, strike(home, {"import": 30, "deactivate": 8}, action="nothing", **changed(home, 60, 60)))]


def recovered(home: Home, blow: Blow, **more: Any) -> Blow:
    """Bring the home in order after a kill, and check it."""
    home.recover(**more)
    return blow


def during_a_feed(home: Home) -> list[Blow]:
    """Kill `ingest`, of which nothing is acknowledged before it ends."""
    rows = home.goods.feed(home.ledger.state, 150)
    return [_feed(home, rows, taken_in(rows), {"import": 6, "claim": 6, ANYWHERE: 1}, ())]


def during_a_full_feed(home: Home) -> list[Blow]:
    """Kill `ingest --full`, and then let it do the rest."""
    state = home.ledger.state
    rows = home.goods.full_feed(state)
    blow = _feed(
        home, rows, taken_in(rows) + departures(rows, state), {"deactivate": 12, "import": 5}, ("--full", "--force")
    )
    again = write_feed(home.new_path("full.csv"), rows)
    home.ledger.offer(taken_in(rows) + departures(rows, home.ledger.state))
    home.finish(command=["ingest", str(again), "--full", "--force"], small_steps=True)
    left = {sku for sku, (_, active) in home.ledger.state.items() if active}
    assert left == {product.sku for product in rows}
    return [blow]


def _feed(home: Home, rows: Any, changes: Sequence[Change], stages: Stages, options: Sequence[str]) -> Blow:
    feed = write_feed(home.new_path("feed.csv"), rows)
    home.ledger.offer(changes)
    blow = strike(home, stages, command=["ingest", str(feed), *options])
    if not blow.killed:
        home.ledger.acknowledge_all()
    return recovered(home, blow)


def during_a_drain(*stages: str) -> Callable[[Home], list[Blow]]:
    """Kill what carries changes into the index while more of them come."""

    def kill(home: Home) -> list[Blow]:
        return [recovered(home, strike(home, dict.fromkeys(stages, 3), action="drain", **changed(home, 50, 20)))]

    return kill


def during_a_rebuild(home: Home) -> list[Blow]:
    """Kill what builds a generation anew while products change."""
    return [_switched(home, strike(home, BUILDING, action="rebuild", **changed(home, 40, 0)))]


def during_a_promotion(home: Home) -> list[Blow]:
    """Kill what builds a generation of another model while products change."""
    return [_switched(home, strike(home, BUILDING, **_promotion(home), **changed(home, 40, 0)))]


def _promotion(home: Home) -> dict[str, Any]:
    return {"action": "promote", "model": home.other_model()}


def during_a_switch(home: Home) -> list[Blow]:
    """Kill what puts another generation live, and removes the one before."""
    job = home.draw.choice(({"action": "rebuild"}, _promotion(home)))
    return [_switched(home, strike(home, SWITCHING, **job, **changed(home, 20, 0)))]


def _switched(home: Home, blow: Blow) -> Blow:
    """Check that a switch which was acknowledged stands."""
    recovered(home, blow)
    if blow.child is not None and blow.child.done:
        with home.opened() as application:
            assert application.generations.require_live().name == blow.child.done
    return blow


def during_a_rollback(home: Home) -> list[Blow]:
    """Kill what goes back to the generation before."""
    if not home.has_previous():
        home.finish(**_promotion(home))
    return [_switched(home, strike(home, {"rollback": 1, DONE: 1}, action="rollback", **changed(home, 20, 5)))]


def during_a_watch(home: Home) -> list[Blow]:
    """Kill what takes in the feeds of a folder, and then let it take in the rest."""
    folder = home.folder / "feeds"
    folder.mkdir(exist_ok=True)
    feeds = _appear(home, folder)
    blow = strike(home, {"import": 6, ANYWHERE: 1}, action="watch", folder=str(folder))
    taken = _count_taken(folder, feeds)
    home.ledger.acknowledge(sum(len(changes) for changes in list(feeds.values())[:taken]))
    recovered(home, blow)
    home.ledger.offer([change for changes in list(feeds.values())[taken:] for change in changes])
    home.finish(action="watch", folder=str(folder), small_steps=True)
    assert _count_taken(folder, feeds) == len(feeds)
    return [blow]


def _appear(home: Home, folder: Path) -> dict[str, list[Change]]:
    feeds: dict[str, list[Change]] = {}
    state = home.ledger.state
    for number in range(3):
        rows = home.goods.feed(state, 40)
        name = home.new_path("watched.csv").name
        write_feed(folder / name, rows, modified=1_000_000 + number)
        feeds[name] = taken_in(rows)
        for change in feeds[name]:
            state = change.after(state)
    home.ledger.offer([change for changes in feeds.values() for change in changes])
    return feeds


def _count_taken(folder: Path, feeds: Mapping[str, object]) -> int:
    """Return how many feeds, in their order, have been moved away; each is in exactly one place."""
    taken = [(folder / "done" / name).exists() for name in feeds]
    assert [(folder / name).exists() for name in feeds] == [not moved for moved in taken], list(feeds)
    assert not any((folder / "failed").glob("*")) if (folder / "failed").exists() else True
    assert taken == sorted(taken, reverse=True)
    return sum(taken)


def during_a_backup(home: Home) -> list[Blow]:
    """Kill what makes a backup while products change: under its name there is a whole one, or none."""
    file = home.new_path(f"backup.{home.draw.choice(('tar', 'tgz'))}")
    blow = strike(
        home, {"pack": 2, "named": 1, DONE: 1, ANYWHERE: 1}, action="backup", file=str(file), **changed(home, 40, 0)
    )
    assert file.exists() or blow.child is None or not blow.child.done
    if file.exists():
        home.keep_backup(file)
    return [recovered(home, blow)]


def during_a_restore(home: Home) -> list[Blow]:
    """Kill a restore, and sometimes also what completes it: there is the old state, or the new one."""
    home.ledger.offer([Change(restored=home.backup_state)])
    blows = [strike(home, {"unpack": 2, "journal": 2, **COMPLETING, DONE: 1}, action="restore", file=str(home.backup))]
    if blows[0].child is not None and blows[0].child.done:
        home.ledger.acknowledge_all()
    while is_cut_off(home.settings.home) and home.draw.random() < 0.7:
        blows.append(strike(home, {"step of it": 4}, action="nothing"))
    recovered(home, blows[0])
    return blows


def during_a_promotion_beside_a_worker(home: Home) -> list[Blow]:
    """Kill what puts a generation live, and the worker that has followed changes all the while."""
    worker = home.nursery.start(action="follow", small_steps=True, **changed(home, 40, 0))
    home.nursery.wait_for(lambda: worker.acknowledged > 0 or worker.ended)
    job = home.draw.choice(({"action": "rebuild"}, _promotion(home)))
    # What it takes up again where a killed one stopped, the worker may hold: it does so as long as changes come.
    builder = strike(home, {**BUILDING, **SWITCHING}, excuse=IndexHeld.__name__, **job)
    other = finish_off(home, worker, "the worker beside it", home.draw.uniform(0, 0.05))
    return [_switched(home, builder), other]


def during_a_graph_build(home: Home) -> list[Blow]:
    """Kill what serves while graphs are built on a copy, which takes the place of the index in the end."""
    stages = {"copy": 2, "whole": 4, "take over": 2, "sweep": 4, "write": 3, ANYWHERE: 1}
    return [recovered(home, strike(home, stages, action="serve", **changed(home, 40, 5)))]


def during_a_command(home: Home) -> list[Blow]:
    """Kill a command as it is typed, at any moment of its process."""
    arguments, changes = home.draw.choice(COMMANDS)(home)
    home.ledger.offer(changes)
    delay = home.draw.uniform(0.4, 1.1) * home.command_s
    began = time.monotonic()
    code = run_command(home, arguments, kill_after=delay)
    if code == -signal.SIGKILL:
        home.command_s *= 1.05
    else:
        assert code == 0, f"{arguments} ended with {code}"
        home.ledger.acknowledge_all()
        home.command_s = time.monotonic() - began  # the machine has more time for us than it had
    where = f"{' '.join(arguments[:2])} + {1000 * delay:.0f} ms"
    return [recovered(home, Blow(where, code == -signal.SIGKILL), thorough=True)]


def run_command(home: Home, arguments: Sequence[str], kill_after: float = 600.0) -> int:
    """Run the command line as a process of its own, kill it after so many seconds, and return how it ended."""
    command = [sys.executable, "-c", "from recommender.cli.app import main; main()", *arguments]
    with home.new_path("command.log").open("wb") as log:
        process = subprocess.Popen(command, env=dict(home.nursery.environment), stdout=log, stderr=log, cwd=home.folder)
        try:
            return process.wait(kill_after)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


def measure_command(home: Home) -> None:
    """Find out how long a command takes, to kill others on the way."""
    began = time.monotonic()
    assert run_command(home, ["worker", "--once"]) == 0
    home.command_s = time.monotonic() - began


def _ingest(home: Home) -> tuple[list[str], list[Change]]:
    rows = home.goods.feed(home.ledger.state, 200)
    return ["ingest", str(write_feed(home.new_path("feed.csv"), rows))], [Change(products=tuple(rows))]


def _ingest_full(home: Home) -> tuple[list[str], list[Change]]:
    state = home.ledger.state
    rows = home.goods.full_feed(state)
    gone = tuple(sku for change in departures(rows, state) for sku in change.gone)
    file = write_feed(home.new_path("full.csv"), rows)
    return ["ingest", "--full", "--force", str(file)], [Change(products=tuple(rows)), Change(gone=gone)]


def _drain(home: Home) -> tuple[list[str], list[Change]]:
    (change,) = home.goods.changes(home.ledger.state, 1)
    home.ledger.offer([change])
    job = {"action": "nothing", "changes": [change.as_json()], "before": 1}
    home.ledger.acknowledge(home.nursery.run(**job).require_success().acknowledged)
    return ["worker", "--once"], []


def _rebuild(_home: Home) -> tuple[list[str], list[Change]]:
    return ["index", "rebuild"], []


def _promote(home: Home) -> tuple[list[str], list[Change]]:
    return ["models", "promote", home.other_model()], []


COMMANDS = (_ingest, _ingest_full, _drain, _rebuild, _promote)

KINDS: Mapping[str, Callable[[Home], list[Blow]]] = {
    "changes": during_changes,
    "feed": during_a_feed,
    "full feed": during_a_full_feed,
    "claim": during_a_drain("claim"),
    "encode": during_a_drain("encode"),
    "write": during_a_drain("write"),
    "acknowledge": during_a_drain("flush", "acknowledge"),
    "rebuild": during_a_rebuild,
    "promotion": during_a_promotion,
    "switch": during_a_switch,
    "rollback": during_a_rollback,
    "watch": during_a_watch,
    "backup": during_a_backup,
    "restore": during_a_restore,
    "beside a worker": during_a_promotion_beside_a_worker,
    "graphs": during_a_graph_build,
    "command": during_a_command,
}
