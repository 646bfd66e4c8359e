"""The record of imports, and what it says of one whose process was killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from sqlalchemy import update

from recommender.catalogue.import_runs import ImportStopped, close_interrupted, last_run, record_run
from recommender.catalogue.importer import ImportSummary
from recommender.catalogue.lease_owner import process_of, this_host
from recommender.database.engine import Database
from recommender.database.tables import ImportRunRow

KILLED = """
import os, signal, sys
from recommender.catalogue.lease_owner import process_of, this_host
from recommender.catalogue.import_runs import record_run
from recommender.database.engine import Database
with Database(sys.argv[1]) as database, record_run(database, "killed.csv"):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_run_whose_process_was_killed_is_shown_as_interrupted_and_closed_by_the_next(
    database: Database, ingest: Callable[..., ImportSummary]
) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    assert subprocess.run([sys.executable, "-c", KILLED, url], check=False).returncode == -9
    shown = last_run(database)
    with database.reading() as session:
        stored = session.query(ImportRunRow).one().status
    assert shown is not None
    assert (stored, shown.status) == ("running", "interrupted")
    assert "run it again" in shown.error
    ingest("sku,title\na,A\n")
    with database.reading() as session:
        runs = session.query(ImportRunRow).order_by(ImportRunRow.id).all()
    assert [(run.source.rpartition("/")[2], run.status) for run in runs] == [
        ("killed.csv", "interrupted"),
        ("feed.csv", "done"),
    ]


def test_a_run_that_goes_on_here_or_on_another_host_is_running(database: Database) -> None:
    with record_run(database, "here.csv"):
        assert close_interrupted(database) == 0
        shown = last_run(database)
        assert shown is not None and (shown.status, shown.error) == ("running", "")
        assert process_of(shown.holder, this_host()) == os.getpid()
        with database.writing() as session:
            session.execute(update(ImportRunRow).values(holder="elsewhere-1-abc"))
        assert close_interrupted(database, alive=lambda process: False) == 0
    shown = last_run(database)
    assert shown is not None and (shown.status, shown.holder, shown.error) == ("done", "", "")


def test_a_run_of_a_source_that_is_no_text_for_a_database_is_recorded(database: Database) -> None:
    with record_run(database, "a\x00b\udcff.csv"):
        pass
    shown = last_run(database)
    assert shown is not None and shown.source == "a\ufffdb?.csv"


@pytest.mark.parametrize("end", [KeyboardInterrupt(), SystemExit(143), ImportStopped()])
def test_a_run_that_the_operator_ended_is_interrupted(end: BaseException, database: Database) -> None:
    with pytest.raises(type(end)), record_run(database, "feed.csv"):
        raise end
    shown = last_run(database)
    assert shown is not None
    assert (shown.status, "by the operator" in shown.error) == ("interrupted", True)


def test_a_run_that_is_told_to_stop_says_so(ingest: Callable[..., ImportSummary], database: Database) -> None:
    answers = iter([False, True])
    with pytest.raises(ImportStopped):
        ingest("sku,title\na,A\nb,B\n", batch=1, stopped=lambda: next(answers))
    shown = last_run(database)
    assert shown is not None
    assert (shown.status, shown.created) == ("interrupted", 1)
