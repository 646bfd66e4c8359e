"""What the killed processes do: a job each, in a fork of the one that has imported everything."""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from crash.goods import FEED_BATCH
from crash.ledger import Change, change_of
from crash.slowed import Linger, slow, slow_steps, take_small_steps

from recommender.application.composition import Application
from recommender.backup.create import backup
from recommender.backup.restore import restore
from recommender.cli.app import main
from recommender.jobs.background_worker import BackgroundWorker
from recommender.jobs.ingest import FeedWatch, drain, drain_and_release
from recommender.jobs.promote import promote, roll_back
from recommender.jobs.rebuild import rebuild
from recommender.settings import load_settings

LAZY = (
    "recommender.embedding.onnx_encoder",
    "recommender.serving.queries",
    "recommender.catalogue.product_statements",
    "rich.table",
)
"""What commands import only when they need it."""

PACE_S = 0.005
"""Between two changes that are made beside other work."""

POLL_S = 0.06
"""Between two drains of a worker: less than by default, and enough for others, who try each 0.05 s, to get in."""

LAST_S = 0.02
"""How long a process stays after its work, to be killed there."""

_REPORTS = os.dup(1)
"""Where the process that watches listens; stdout and stderr are each process's own."""

Job = dict[str, Any]


def tell(**message: Any) -> None:
    """Report in one write, so that nothing that was told is lost or mixed up when the process is killed."""
    os.write(_REPORTS, json.dumps(message).encode() + b"\n")


def serve() -> None:
    """Fork a process for each job that comes in, and tell when one has ended."""
    for name in LAZY:
        import_module(name)
    gc.freeze()  # what is there by now is shared with every fork, rather than copied by its first collection
    signal.signal(signal.SIGCHLD, _reap)
    for line in sys.stdin:
        if os.fork() == 0:
            _child(json.loads(line))


def _reap(*_: object) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        tell(ended=pid, status=os.waitstatus_to_exitcode(status))


def _child(job: Job) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    tell(job=job["job"], pid=os.getpid())
    _redirect(Path(job["output"]))
    code = 1
    try:
        code = _ended(_command if "command" in job else _work, job)
    except BaseException:  # noqa: BLE001 - whatever it is, this process ends here, and is not the one it came from
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _redirect(output: Path) -> None:
    for suffix, stream in ((".out", 1), (".err", 2)):
        os.dup2(os.open(output.with_suffix(suffix), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


def _ended(run: Callable[[Job, Linger], None], job: Job) -> int:
    def reached(stage: str) -> None:
        tell(job=job["job"], reached=stage)

    linger = Linger(job.get("stage", ""), job.get("nth", 1), job.get("pause", 0.0), reached)
    if job.get("small_steps"):
        take_small_steps(FEED_BATCH, job.get("flush_every", 0.0))
    slow_steps(linger)
    try:
        run(job, linger)
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def _command(job: Job, _linger: Linger) -> None:
    sys.argv = ["recommender", *job["command"]]
    main()


def _work(job: Job, linger: Linger) -> None:
    """Make changes, then do something while others are made, and tell of each when it is acknowledged."""
    changes = [change_of(document) for document in job.get("changes", ())]
    before = job.get("before", 0)
    if job["action"] == "restore":
        _done(job, str(restore(load_settings(), Path(job["file"]), force=True).products))
        return
    with Application(load_settings()) as application:
        slow(application, linger)
        _apply(application, job, changes, 0, before)
        with _made_beside(lambda stopped: _apply(application, job, changes, before, len(changes), stopped)):
            done = ACTIONS[job["action"]](application, job)
        _done(job, done)


def _done(job: Job, result: str) -> None:
    tell(job=job["job"], done=result)
    time.sleep(2 * job.get("pause", 0.0) + LAST_S)


def _never() -> bool:
    return False


def _apply(
    application: Application,
    job: Job,
    changes: Sequence[Change],
    first: int,
    last: int,
    stopped: Callable[[], bool] = _never,
) -> None:
    for number in range(first, last):
        if stopped():
            return
        if changes[number].products:
            application.catalogue.upsert(changes[number].products)
        else:
            application.catalogue.deactivate(changes[number].gone)
        tell(job=job["job"], acknowledged=number + 1)
        time.sleep(PACE_S if first else 0)


@contextmanager
def _made_beside(make: Callable[[Callable[[], bool]], None]) -> Iterator[None]:
    stopped = threading.Event()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            make(stopped.is_set)
        except BaseException as error:  # noqa: BLE001 - raised again by the main thread
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
    if failed:
        raise failed[0]


def _drain(application: Application, _job: Job) -> str:
    drained = drain(application)
    assert drained is not None and not drained.failed, drained
    return "drained"


def _follow(application: Application, _job: Job) -> str:
    """Drain for ever, as a worker does."""
    while True:
        drain_and_release(application, _never)
        time.sleep(POLL_S)


def _rebuild(application: Application, _job: Job) -> str:
    return rebuild(application).name


def _promote(application: Application, job: Job) -> str:
    return promote(application, application.registry.get(job["model"])).name


def _roll_back(application: Application, _job: Job) -> str:
    return roll_back(application).name


def _watch(application: Application, job: Job) -> str:
    reports = list(FeedWatch(application, Path(job["folder"]), settled_s=0.01).take_present())
    assert not any(report.error for report in reports), reports
    return _drain(application, job)


def _back_up(application: Application, job: Job) -> str:
    return str(backup(application, Path(job["file"])).file)


def _serve(application: Application, _job: Job) -> str:
    """Answer queries and take in changes while graphs are built, as a service does."""
    application.hold_live()
    worker = BackgroundWorker(application, POLL_S)
    worker.start()
    with application.live_models.lease() as live:
        for _ in range(2):
            live.index.optimize_apart()  # type: ignore[attr-defined] # of the embedded engine alone
            assert live.index.count()
    assert worker.stop()
    return "served"


def _nothing(_application: Application, _job: Job) -> str:
    return "nothing"


ACTIONS: dict[str, Callable[[Application, Job], str]] = {
    "nothing": _nothing,
    "drain": _drain,
    "follow": _follow,
    "rebuild": _rebuild,
    "promote": _promote,
    "rollback": _roll_back,
    "watch": _watch,
    "backup": _back_up,
    "serve": _serve,
}


if __name__ == "__main__":
    serve()
