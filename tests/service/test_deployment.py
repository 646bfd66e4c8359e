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
from service.conftest import Service, serving, settings_of

from recommender.application.composition import Application
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


NAMES = re.compile(r"\b(?:recommender|process)_[a-z_]+")


def _rules() -> list[dict[str, Any]]:
    alerts = yaml.safe_load((TOP / "deploy/alerts.yaml").read_text())
    return [rule for group in alerts["groups"] for rule in group["rules"]]


def _figures(service: Service) -> set[str]:
    service.get("/v1/search", q="something")
    return set(re.findall(r"^([a-z_]+)[ {]", service.client.get("/metrics").text, re.MULTILINE))


def test_alerts_and_dashboard_read_figures_that_the_service_has(service: Service) -> None:
    panels = json.loads((TOP / "deploy/dashboard.json").read_text())["panels"]
    texts = [rule["expr"] for rule in _rules()] + [target["expr"] for panel in panels for target in panel["targets"]]
    named = {name for each in texts for name in NAMES.findall(each)}
    assert named
    assert named <= _figures(service)
    of_workers = [each for each in texts if "process_" in each]  # with one series for each
    assert of_workers
    assert [each for each in of_workers if " by (instance) " not in each] == []
    page = (TOP / "docs/operations.md").read_text()
    assert [rule["alert"] for rule in _rules() if f"`{rule['alert']}`" not in page] == []


def test_all_alerts_but_that_of_the_worker_inside_can_fire_where_the_worker_runs_apart(home: Path) -> None:
    with serving(Application(settings_of(home)), follow=False) as apart:
        known = _figures(apart)
    mute = [rule["alert"] for rule in _rules() if not known.issuperset(NAMES.findall(rule["expr"]))]
    assert mute == ["RecommenderWorkerDown"]
    pages = [rule["expr"] for rule in _rules() if rule["labels"]["severity"] == "page"]
    assert any("recommender_queue_oldest_seconds" in expression for expression in pages)


def test_prometheus_scrapes_the_job_that_the_alerts_name() -> None:
    scraped = yaml.safe_load((TOP / "deploy/prometheus.yaml").read_text())
    assert scraped["rule_files"] == ["alerts.yaml"]
    named = {job for rule in _rules() for job in re.findall(r'job="(.*?)"', rule["expr"])}
    assert named == {each["job_name"] for each in scraped["scrape_configs"]}


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


LINTERS = [
    ("promtool", "check", "rules", "deploy/alerts.yaml"),
    ("promtool", "check", "config", "--syntax-only", "deploy/prometheus.yaml"),
    ("hadolint", "Dockerfile"),
    ("kubeconform", "-strict", "deploy/kubernetes.yaml"),
    ("systemd-analyze", "verify", "--man=no", "deploy/recommender.service"),
]


@pytest.mark.parametrize("linter", LINTERS, ids=" ".join)
def test_what_checks_such_files_finds_nothing(linter: tuple[str, ...]) -> None:
    if shutil.which(linter[0]) is None:
        pytest.skip(f"there is no {linter[0]}")
    done = subprocess.run(linter, cwd=TOP, capture_output=True, text=True, check=False)
    told = [line for line in (done.stdout + done.stderr).splitlines() if "is not executable" not in line]
    assert done.returncode == 0 or not told, told  # the program that the unit names is not installed here
