from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.feed_server import Answer, running_feed_server

Command = Callable[..., Any]

SHOPIFY = (
    "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,Status\n"
    "tee,Tee,Size,S,t-s,19.99,active\ntee,,,M,t-m,20.99,\nold,Old tee,Title,Default Title,old,5,archived\n"
)
GOOGLE = (
    '<rss xmlns:g="http://base.google.com/ns/1.0"><channel><item><g:id>cap</g:id><title>Cap</title>'
    "<g:price>5.00 USD</g:price></item></channel></rss>"
)
BOMB = '<!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><rss><channel><item><id>&b;</id></item></channel></rss>'


def test_feeds_of_shop_systems_go_in_by_a_pattern(recommender: Command, tmp_path: Path) -> None:
    (tmp_path / "feed-1.csv").write_text(SHOPIFY, encoding="utf-8")
    (tmp_path / "feed-2.xml").write_text(GOOGLE, encoding="utf-8")
    done = recommender("ingest", f"{tmp_path}/feed-*", "--queue-only", "--json").json
    assert [(Path(run["source"]).name, run["created"], run["rejected"]) for run in done["imports"]] == [
        ("feed-1.csv", 2, 0),
        ("feed-2.xml", 1, 0),
    ]
    (tmp_path / "feed-3.xml").write_text(BOMB, encoding="utf-8")
    refused = recommender("ingest", f"{tmp_path}/feed-*", "--queue-only", code=4)
    assert refused.err.count("\n") == 1
    assert "feed-3.xml: declares a document type" in refused.err


def test_a_feed_of_this_machine_is_fetched_only_when_that_is_allowed(recommender: Command) -> None:
    with running_feed_server() as shop:
        shop.answers["/feed"] = Answer(SHOPIFY.encode())
        refused = recommender("ingest", shop.url("/feed"), "--queue-only", code=6)
        assert "--allow-private" in refused.err
        assert shop.asked == []
        done = recommender("ingest", shop.url("/feed?key=secret"), "--queue-only", "--allow-private")
        assert f"{shop.url('/feed')}: " in done.out
        assert "secret" not in done.out + done.err
        assert len(shop.asked) == 1
