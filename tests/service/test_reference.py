"""`/docs`: the reference of the API, drawn in a browser from this service alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Route, expect
from service.conftest import listening, serving, settings_of
from support.chromium import chromium, watched

from recommender.application.composition import Application
from recommender.service.access import Access
from recommender.service.api_keys import ApiKeys
from recommender.types import Scope


@pytest.mark.parametrize("prefix", ["", "/rec"])
def test_the_reference_shows_every_operation_to_whoever_has_a_key_and_tries_it(home: Path, prefix: str) -> None:
    application = Application(settings_of(home))
    key = ApiKeys(application.database).create("reader", Scope.READ)
    access = Access(ApiKeys(application.database).list)
    with (
        serving(application, access=access, follow=False) as opened,
        listening(opened.app) as url,
        chromium() as browser,
        watched(browser, url) as (page, watch),
    ):

        def proxy(route: Route) -> None:
            if route.request.url.startswith(f"{url}{prefix}/"):
                route.continue_(url=route.request.url.replace(f"{url}{prefix}", url))
            else:
                route.abort()  # another site's

        watch.expected.append("401")
        page.route("**", proxy)
        page.goto(f"{url}{prefix}/docs")
        page.get_by_label("This service wants a key").fill(key)
        page.get_by_role("button", name="Show the reference").click()
        operations = page.locator(".opblock")
        expect(operations.first).to_be_visible()
        known = sum(map(len, opened.app.openapi()["paths"].values()))
        expect(operations).to_have_count(known)
        page.locator("#operations-operation-status .opblock-summary-control").click()
        page.get_by_role("button", name="Try it out").click()
        page.get_by_role("button", name="Execute").click()
        expect(page.locator(".live-responses-table tbody .response-col_status")).to_contain_text("200")


@pytest.mark.parametrize("status", [403, 429, 503])
def test_the_reference_says_why_it_shows_nothing(home: Path, status: int) -> None:
    with (
        serving(Application(settings_of(home)), follow=False) as opened,
        listening(opened.app) as url,
        chromium() as browser,
        watched(browser, url) as (page, watch),
    ):
        watch.expected.append(str(status))
        page.route("**/openapi.json", lambda route: route.fulfill(status=status, json={"detail": "Not now."}))
        page.goto("/docs")
        expect(page.locator("main")).to_have_text("Not now.")
