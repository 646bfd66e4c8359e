"""The files of `deploy/`, the images and the compose file, against the program that they run and watch."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import typer
import yaml
from service.conftest import Service

from recommender.cli.app import app

TOP = Path(__file__).parents[2]


def _pods() -> Iterator[dict[str, Any]]:
    """Yield the specification of each pod of the manifests."""
    for document in yaml.safe_load_all((TOP / "deploy/kubernetes.yaml").read_text()):
        spec = document["spec"].get("jobTemplate", document)["spec"]
        if "template" in spec:
            yield spec["template"]["spec"]


def _commands() -> Iterator[list[str]]:
    """Yield each command line of `recommender` in the compose file, the images, the manifests and the unit."""
    for line in (TOP / "Dockerfile").read_text().splitlines():
        if line.startswith("CMD "):
            yield json.loads(line.removeprefix("CMD "))
    for service in yaml.safe_load((TOP / "docker-compose.yml").read_text())["services"].values():
        if "command" in service:
            yield service["command"]
    yield from (container["args"] for pod in _pods() for container in pod["containers"])
    unit = (TOP / "deploy/recommender.service").read_text()
    yield re.findall(r"^ExecStart=\S*/(recommender .*)$", unit, re.MULTILINE)[0].split()


def test_every_command_of_the_deployment_is_one_of_ours_with_its_options() -> None:
    commands = list(_commands())
    assert len(commands) >= 8
    for program, *arguments in commands:
        assert program == "recommender"
        group = typer.main.get_command(app)
        assert isinstance(group, click.Group) or hasattr(group, "get_command")
        with group.make_context("recommender", arguments, allow_extra_args=True) as context:
            name, *rest = arguments
            command = group.get_command(context, name)
            command.make_context(name, rest, parent=context)  # raises for an option that does not exist


def test_alerts_and_dashboard_read_figures_that_the_service_has(service: Service) -> None:
    service.get("/v1/search", q="something")
    text = service.client.get("/metrics").text
    known = set(re.findall(r"^([a-z_]+)[ {]", text, re.MULTILINE))
    alerts = yaml.safe_load((TOP / "deploy/alerts.yaml").read_text())
    rules = [rule for group in alerts["groups"] for rule in group["rules"]]
    panels = json.loads((TOP / "deploy/dashboard.json").read_text())["panels"]
    texts = [rule["expr"] for rule in rules] + [target["expr"] for panel in panels for target in panel["targets"]]
    named = {name for each in texts for name in re.findall(r"\b(?:recommender|process)_[a-z_]+", each)}
    assert named
    assert named <= known
    page = (TOP / "docs/operations.md").read_text()
    assert [rule["alert"] for rule in rules if f"`{rule['alert']}`" not in page] == []


def test_what_trains_has_no_runtime_that_what_serves_lacks() -> None:
    served, trained = (
        set(extras.split(",")) for extras in re.findall(r"\.whl\)\[(.*)\]", (TOP / "Dockerfile").read_text())
    )
    assert trained - served == {"train", "offline", "parquet"}, "none of which encodes an index"
    assert served <= trained


def test_every_pod_is_admitted_where_the_standard_is_restricted() -> None:
    """As https://kubernetes.io/docs/concepts/security/pod-security-standards/ has it."""
    pods = list(_pods())
    assert len(pods) == 3
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_the_compose_file_has_a_profile_for_each_way_to_run() -> None:
    compose = yaml.safe_load((TOP / "docker-compose.yml").read_text())
    by_profile: dict[str, set[str]] = {}
    for name, service in compose["services"].items():
        for profile in service["profiles"]:
            by_profile.setdefault(profile, set()).add(name)
    assert by_profile == {
        "embedded": {"service-embedded"},
        "full": {"service", "worker", "qdrant", "postgres"},
        "qdrant": {"qdrant"},
    }


def test_a_password_of_the_compose_file_is_no_part_of_a_url() -> None:
    services = yaml.safe_load((TOP / "docker-compose.yml").read_text())["services"].values()
    values = [str(value) for service in services for value in service.get("environment", {}).values()]
    assert [value for value in values if "PASSWORD" in value]
    assert [value for value in values if "://" in value and "${" in value] == []


def _has_compose() -> bool:
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not _has_compose(), reason="needs docker compose")
def test_docker_reads_the_compose_file() -> None:
    for profile in ("embedded", "full", "qdrant"):
        subprocess.run(
            ["docker", "compose", "--profile", profile, "config", "--quiet"], cwd=TOP, check=True, timeout=60
        )


LINTERS = {
    "promtool": ("check", "rules", "deploy/alerts.yaml"),
    "hadolint": ("Dockerfile",),
    "kubeconform": ("-strict", "deploy/kubernetes.yaml"),
    "systemd-analyze": ("verify", "--man=no", "deploy/recommender.service"),
}


@pytest.mark.parametrize("linter", LINTERS)
def test_what_checks_such_files_finds_nothing(linter: str) -> None:
    if shutil.which(linter) is None:
        pytest.skip(f"there is no {linter}")
    done = subprocess.run([linter, *LINTERS[linter]], cwd=TOP, capture_output=True, text=True, check=False)
    told = [line for line in (done.stdout + done.stderr).splitlines() if "is not executable" not in line]
    assert done.returncode == 0 or not told, told  # the program that the unit names is not installed here
