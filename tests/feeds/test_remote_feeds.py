from __future__ import annotations

import gzip
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from support.feed_server import Answer, FeedServer, running_feed_server

from recommender.errors import BadFeed, RecommenderError, Refused, Unavailable, UsageError
from recommender.feeds.download import MAX_REDIRECTIONS, DownloadRules, next_hop, parse_address
from recommender.feeds.formats import open_feed
from recommender.feeds.products import product_of
from recommender.feeds.sources import expand, fetch_all

FEED = b"sku,title\na,A\nb,B\n"
OPEN = DownloadRules(allow_private=True)


@pytest.fixture(scope="module")
def server() -> Iterator[FeedServer]:
    with running_feed_server() as shop:
        yield shop


@pytest.fixture
def shop(server: FeedServer) -> FeedServer:
    server.answers.clear()
    server.asked.clear()
    return server


def _skus(address: str, rules: DownloadRules = OPEN) -> list[str]:
    with fetch_all([address], rules) as (source,), open_feed(source) as feed:
        assert "secret" not in feed.name
        return [product_of(row).sku for row in feed.rows()]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(FEED),
        Answer(gzip.compress(FEED)),
        Answer(gzip.compress(FEED), headers={"Content-Encoding": "gzip"}),
        Answer(b"12\r\n" + FEED + b"\r\n0\r\n\r\n", headers={"Transfer-Encoding": "chunked"}),
    ],
)
def test_a_feed_is_fetched_plain_gzipped_and_in_chunks(shop: FeedServer, answer: Answer) -> None:
    shop.answers["/feed"] = answer
    assert _skus(shop.url("/feed?key=secret")) == ["a", "b"]
    assert shop.asked[0][0] == "/feed?key=secret"


@pytest.mark.parametrize(
    ("encoding", "title", "charset"),
    [
        ("koi8_r", "Сумка", "koi8-r"),
        ("cp1255", "כובע לילדים", '"windows-1255"'),
        ("cp874", "หมวกเด็ก", "TIS-620"),
        ("cp1252", "Nõi £5", "iso-8859-1"),
        ("cp1252", "Größe", "utf-8"),
        ("cp1252", "Größe", "utf-16"),
        ("cp1252", "Größe", "no-such"),
        ("utf-8", "Größe", "iso-8859-1"),
    ],
)
def test_the_charset_that_a_server_states_is_used_if_it_fits(
    shop: FeedServer, encoding: str, title: str, charset: str
) -> None:
    content = f"sku;title\na;{title}\n".encode(encoding)
    shop.answers["/feed"] = Answer(content, headers={"Content-Type": f"text/csv; charset={charset}"})
    with fetch_all([shop.url("/feed")], OPEN) as (source,), open_feed(source) as feed:
        assert [product_of(row).title for row in feed.rows()] == [title]


def test_what_was_fetched_goes_again_and_is_fetched_once(shop: FeedServer) -> None:
    shop.answers["/feed.csv"] = Answer(FEED)
    with fetch_all([shop.url("/feed.csv"), "-"], OPEN) as (source, untouched):
        with open_feed(source), open_feed(source):
            path: Path = source.path  # type: ignore[union-attr]
            assert path.read_bytes() == FEED
        assert untouched == "-"
    assert not path.exists()
    assert len(shop.asked) == 1


def test_addresses_of_this_machine_and_of_private_networks_are_refused(shop: FeedServer) -> None:
    for host in ("127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "0.0.0.0"):
        with pytest.raises(Refused, match=r"not of the open internet; --allow-private allows it"):
            _skus(shop.url("/feed.csv", host), DownloadRules())
    with pytest.raises(Refused, match=r"127\.0\.0\.1"), open_feed(shop.url("/feed.csv")):
        pass
    assert shop.asked == []


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.5", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "fe80::1", "fc00::1",
        "::ffff:10.0.0.5", "2002:0a00:0005::1", "64:ff9b::a00:5", "2001:0:4136:e378:8000:63bf:f5ff:fffa",
        "::10.0.0.5", "::ffff:0:10.0.0.5", "64:ff9b:1::a00:5", "fec0::1", "5f00::1", "3fff::1", "192.0.0.192",
        "192.88.99.1",
    ],
)  # fmt: skip
def test_one_private_address_of_a_name_is_enough_to_refuse_it(address: str) -> None:
    rules = DownloadRules(resolve=lambda host, port: ["93.184.215.14", address])
    with pytest.raises(Refused, match=f"shop.example is {address}"):
        _skus("https://shop.example/feed.csv", rules)


def test_the_connection_goes_to_the_address_that_was_checked(shop: FeedServer) -> None:
    shop.answers["/feed.csv"] = Answer(FEED)
    asked: list[str] = []

    def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)  # a second question could be answered otherwise
        return ["127.0.0.2", "127.0.0.1"]  # at the first of them nobody listens

    assert _skus(shop.url("/feed.csv", "shop.example"), DownloadRules(allow_private=True, resolve=resolve)) == [
        "a",
        "b",
    ]
    assert asked == ["shop.example"]
    assert shop.asked[0][1]["host"] == f"shop.example:{shop.port}"


def test_each_hop_of_a_redirection_is_checked(shop: FeedServer) -> None:
    shop.answers["/moved"] = Answer(status=302, headers={"Location": "http://inside.example/feed.csv"})
    inside = {"inside.example": "10.0.0.5", "shop.example": "127.0.0.1"}
    rules = DownloadRules(allow_private=False, resolve=lambda host, port: [inside[host]])
    with pytest.raises(Refused, match=r"127\.0\.0\.1"):
        _skus(shop.url("/moved", "shop.example"), rules)
    shop.answers["/moved"] = Answer(status=301, headers={"Location": "/there"})
    shop.answers["/there"] = Answer(status=307, headers={"Location": "feed.csv"})
    shop.answers["/feed.csv"] = Answer(FEED)
    assert _skus(shop.url("/moved")) == ["a", "b"]


def test_a_password_is_sent_to_its_own_server_only_and_never_shown(shop: FeedServer) -> None:
    shop.answers["/feed.csv"] = Answer(FEED)
    shop.answers["/here"] = Answer(status=302, headers={"Location": "/feed.csv"})
    shop.answers["/away"] = Answer(status=302, headers={"Location": shop.url("/feed.csv", "localhost")})
    for path in ("/here", "/away"):
        _skus(shop.url(path, "user:secret@127.0.0.1"))
    assert ["authorization" in headers for _, headers in shop.asked] == [True, True, True, False]
    with pytest.raises(BadFeed) as caught:
        _skus(shop.url("/none?token=secret", "user:secret@127.0.0.1"))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (Answer(FEED, headers={"Content-Length": "1000"}), BadFeed, "the download ended early"),
        (Answer(gzip.compress(FEED)[:-9], headers={"Content-Encoding": "gzip"}), BadFeed, "the gzip file is cut off"),
        (Answer(b"x" * 2000), BadFeed, "is larger than .* GiB; raise RECOMMENDER_MAX_DOWNLOAD_GIB"),
        (Answer(b"x" * 2000, headers={"Content-Length": "9" * 15}), BadFeed, "is larger than"),
        (Answer(b""), BadFeed, "is empty"),
        (Answer(status=404), BadFeed, "the server says 404 Not Found; check the address"),
        (Answer(status=401), BadFeed, "401 Unauthorized; check the address, and its name and password"),
        (Answer(status=503), Unavailable, "the server says 503 Service Unavailable; try again later"),
        (Answer(FEED, headers={"Content-Encoding": "br"}), BadFeed, "is packed with 'br'"),
        (Answer(b"<!DOCTYPE html><html><body>Log in</body></html>"), BadFeed, "is a web page, not a feed"),
        (Answer(status=302, headers={"Location": "/feed"}), BadFeed, f"redirects more than {MAX_REDIRECTIONS} times"),
        (Answer(status=302), BadFeed, "redirects without saying where to"),
        (Answer(status=302, headers={"Location": "file:///etc/passwd"}), UsageError, "is no http or https address"),
    ],
)
def test_what_can_not_be_fetched_is_one_clear_line(
    shop: FeedServer, answer: Answer, error: type[RecommenderError], message: str
) -> None:
    shop.answers["/feed"] = answer
    with pytest.raises(error, match=message) as caught:
        _skus(shop.url("/feed"), DownloadRules(largest=1000, allow_private=True))
    assert "\n" not in str(caught.value)


def test_an_address_that_nobody_answers_is_one_clear_line(shop: FeedServer) -> None:
    with pytest.raises(Unavailable, match=r"the server does not answer .*refused"):
        _skus("http://127.0.0.1:9/feed.csv")  # the discard port, which no one serves
    with pytest.raises(Unavailable, match=r"'no-such-name\.invalid' can't be resolved"):
        _skus("https://no-such-name.invalid/feed.csv")
    for address in ("ftp://shop.example/feed.csv", "https://", "http://[::1/feed"):
        with pytest.raises(UsageError, match="expected https://HOST/PATH"):
            _skus(address)


def test_a_redirection_never_leaves_encryption() -> None:
    secure = parse_address("https://shop.example/a")
    assert next_hop(secure, secure, "b").url == "https://shop.example/b"
    with pytest.raises(Refused, match="redirects from https to http"):
        next_hop(secure, secure, "http://shop.example/a")


def test_a_pattern_gives_its_files_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("b.csv", "a.csv", "c.txt", "odd[1].csv", "deep/d.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(FEED)
    monkeypatch.chdir(tmp_path)
    assert expand(["*.csv", "c.txt"]) == ["a.csv", "b.csv", "odd[1].csv", "c.txt"]
    assert expand(["odd[1].csv", "-", "https://x.example/*"]) == ["odd[1].csv", "-", "https://x.example/*"]
    assert expand([f"{tmp_path}{os.sep}**/d.*"]) == [str(tmp_path / "deep" / "d.csv")]
    with pytest.raises(BadFeed, match=r"\*\.tsv: no file matches this pattern"):
        expand(["*.tsv"])
