"""The OpenAPI document against the service that it tells of: schemathesis makes up the requests, right and wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from service.conftest import Service, listening, serving, settings_of

from recommender.application.composition import Application
from recommender.service.access import Access
from recommender.service.api_keys import ApiKeys
from recommender.types import Scope

HERE = Path(__file__).parent
EXAMPLES = 6
"""Requests drawn at random for each operation, beside some thousand that are worked out from the document."""


def test_the_service_does_what_its_document_says(home: Path, tmp_path: Path) -> None:
    application = Application(settings_of(home))
    key = ApiKeys(application.database).create("contract", Scope.WRITE)
    access = Access(ApiKeys(application.database).active, loopback=False)
    with serving(application, access=access) as opened, listening(opened.app) as url:
        done = subprocess.run(
            [
                *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"),
                *("--config-file", HERE / "schemathesis.toml", "run", f"{url}/openapi.json"),
                *("--header", f"Authorization: Bearer {key}", "--seed", "1", "--no-shrink", "--continue-on-failure"),
                *("--max-examples", str(EXAMPLES)),
            ],
            cwd=tmp_path,
            env=os.environ | {"SCHEMATHESIS_HOOKS": "contract_hooks", "PYTHONPATH": str(HERE)},
            capture_output=True,
            text=True,
            timeout=1200,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr
    assert "No issues found" in done.stdout


def test_every_operation_tells_of_itself_and_of_every_error_with_an_example(service: Service) -> None:
    found = service.get("/openapi.json")
    assert len(found["paths"]) > 10
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            told = f"{method} {path}"
            assert operation["summary"], told
            assert operation["tags"], told
            assert {"400", "401", "403", "500", "503", "504"} <= operation["responses"].keys(), told
            for status, response in operation["responses"].items():
                if status >= "400":
                    assert "example" in response["content"]["application/problem+json"], told
