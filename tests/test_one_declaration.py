"""The query language is declared once: a limit changed there holds in every door, and every document says it."""

from __future__ import annotations

import subprocess
import sys

from recommender.query import limits

# The declaration is loaded with one number in it changed, and everything else as it is.
SCRIPT = """
import importlib.abc
import importlib.machinery
import sys
from pathlib import Path

LOW = 37
NAME = "recommender.query.limits"
FILE = Path(sys.argv[1])


class Changed(importlib.abc.SourceLoader):
    def get_filename(self, fullname):
        return str(FILE)

    def get_data(self, path):
        source = FILE.read_text(encoding="utf-8")
        assert source.count("MAX_RESULTS = 1000\\n") == 1
        return source.replace("MAX_RESULTS = 1000\\n", f"MAX_RESULTS = {LOW}\\n").encode()


class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname, path, target=None):
        return importlib.machinery.ModuleSpec(fullname, Changed(), origin=str(FILE)) if fullname == NAME else None


sys.dont_write_bytecode = True
sys.meta_path.insert(0, Finder())

from fastapi import FastAPI
from starlette.testclient import TestClient
from typer.testing import CliRunner

from recommender.cli.app import app as commands
from recommender.client import calls
from recommender.errors import UsageError
from recommender.query import QueryRequest
from recommender.query.serialization import validate
from recommender.service import query_routes
from recommender.service.concurrency import Lanes
from recommender.service.openapi import document_of


def refused(work):
    try:
        work()
    except UsageError as error:
        assert f"k is {LOW + 1}; at most {LOW} is expected" in str(error), error
        return
    raise AssertionError("not refused")


validate(QueryRequest(k=LOW))
refused(lambda: validate(QueryRequest(k=LOW + 1)))

calls.search("boots", LOW)
refused(lambda: calls.search("boots", LOW + 1))

output = CliRunner().invoke(commands, ["search", "boots", "-k", str(LOW + 1)]).output
assert f"less than or equal to {LOW} " in output, output

service = FastAPI()
service.include_router(query_routes.router(None, Lanes.create(1, 0)))
client = TestClient(service)
refused(lambda: client.get(f"/v1/search?q=boots&k={LOW + 1}"))
refused(lambda: client.post("/v1/search", json={"query": "boots", "k": LOW + 1}))

document = document_of(service)()
parameters = {each["name"]: each["schema"] for each in document["paths"]["/v1/search"]["get"]["parameters"]}
assert parameters["k"]["maximum"] == LOW
assert document["components"]["schemas"]["SearchRequest"]["properties"]["k"]["maximum"] == LOW
"""


def test_a_limit_changed_where_it_is_declared_holds_in_python_cli_http_client_and_document() -> None:
    command = [sys.executable, "-c", SCRIPT, str(limits.__file__)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
