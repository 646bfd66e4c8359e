"""What breaks under a running service: nothing is acknowledged that is not kept, and clients try again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from service.conftest import serving, settings_of

from recommender.application.composition import Application
from recommender.errors import Unavailable
from recommender.jobs.rebuild import rebuild, start_generation
from recommender.jobs.verify import verify_live

BOOT = {"title": "A boot"}


@pytest.mark.parametrize("replaced", [False, True])
def test_a_service_whose_database_file_is_gone_takes_no_writes_and_says_that_it_is_not_ready(
    home: Path, replaced: bool
) -> None:
    with serving(Application(settings_of(home))) as service:
        assert service.client.put("/v1/products/before", json=BOOT).status_code == 201
        (home / "catalogue.db").rename(home / "aside.db")
        if replaced:
            shutil.copy(home / "aside.db", home / "catalogue.db")
        for reply in (
            service.client.put("/v1/products/lost", json=BOOT),
            service.client.post("/v1/products:batch", json={"upsert": [BOOT | {"sku": "lost"}]}),
            service.client.delete("/v1/products/before"),
            service.client.get("/readyz"),
        ):
            assert (reply.status_code, "retry-after" in reply.headers) == (503, True), reply.text
            assert "removed or replaced" in reply.json()["detail"]
        assert service.client.get("/livez").status_code == 200
        assert service.client.get("/v1/similar", params={"sku": "a/b 1"}).status_code == 200, "queries go on"
        (home / "aside.db").replace(home / "catalogue.db")
        assert service.client.put("/v1/products/after", json=BOOT).status_code == 201
        assert service.client.get("/readyz").status_code == 200


def test_a_damaged_database_asks_for_the_write_again(home: Path) -> None:
    with Application(settings_of(home)) as application:
        size = (home / "catalogue.db").stat().st_size
    with serving(application := Application(settings_of(home)), follow=False) as service:
        with (home / "catalogue.db").open("r+b") as file:
            file.seek(4096)
            file.write(os.urandom(size - 4096))
        application.database.engine.dispose()  # what a connection keeps in memory is whole
        reply = service.client.put("/v1/products/new", json=BOOT)
        assert (reply.status_code, "retry-after" in reply.headers) == (503, True), reply.text
        assert "recommender restore" in reply.json()["detail"]


def test_a_rebuild_gets_past_a_cut_off_build_that_was_damaged_too(home: Path) -> None:
    with Application(settings_of(home)) as application:
        live = application.generations.require_live()
        broken = {live.name, start_generation(application, application.registry.by_id(live.model_id)).name}
    for name in broken:
        for path in (home / "index" / name).rglob("is_null/status.dat"):
            path.write_bytes(b"")  # the engine panics over it
    with Application(settings_of(home)) as application:
        with pytest.raises(Unavailable, match="recommender index rebuild"):
            application.index(live)
        made = rebuild(application)
        assert made.name not in broken
        assert verify_live(application, deep=True).clean
        assert application.index(made).count() == application.catalogue.count()


def test_a_path_that_is_no_utf8_names_no_product(home: Path) -> None:
    with serving(Application(settings_of(home)), follow=False) as service:
        for method in ("PUT", "GET", "DELETE"):
            reply = service.client.request(method, "/v1/products/caf%E9", json=BOOT if method == "PUT" else None)
            assert (reply.status_code, "UTF-8" in reply.json()["detail"]) == (400, True), method
        assert service.client.put("/v1/products/caf%C3%A9%EF%BF%BD", json=BOOT).status_code == 201
        for sku in ("%2E", "%2E%2E"):
            assert service.client.put(f"/v1/products/{sku}", json=BOOT).status_code == 201, sku
            assert service.client.get(f"/v1/products/{sku}").json()["sku"] == sku.replace("%2E", ".")
