"""Feeds at an http(s) address: downloaded into a temporary file, within limits, and never from a private network.

A name is resolved once, every address that it has is checked, and the connection goes to one that was checked: a name
server that answers differently the second time (DNS rebinding) is never asked a second time. Each hop of a redirection
is checked alike. Proxies of the environment are not used, since they would resolve the name themselves.
"""

from __future__ import annotations

import re
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast
from urllib.parse import unquote, urljoin

from recommender.errors import BadFeed, Refused, Unavailable, UsageError

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse
    from urllib3.util import Url

LARGEST_DOWNLOAD = 4 << 30
"""Bytes that are downloaded of one feed unless told otherwise: 4 GiB, some ten million products."""

MAX_REDIRECTIONS = 5

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
"""Seconds to wait for the next bytes; a shop that makes its feed on request may take a while."""

TOTAL_SECONDS = 3600.0
"""Seconds for a whole feed; a slower one is of no use."""

_CHUNK = 1 << 16
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_CHARSET = re.compile(r"""charset=["']?([\w.:-]{1,40})""", re.IGNORECASE)
_MOVED = frozenset({301, 302, 303, 307, 308})
_TRANSLATED = ip_network("64:ff9b::/96")
"""IPv6 addresses that stand for an IPv4 address in their last 32 bits (RFC 6052)."""
_PUBLIC_IPV6 = ip_network("2000::/3")
"""All addresses that are assigned (RFC 4291); Python 3.11 takes more for public, such as `::127.0.0.1` and
`fec0::1`."""
_MORE_PRIVATE = (ip_network("192.0.0.0/24"), ip_network("192.88.99.0/24"), ip_network("3fff::/20"))
"""Addresses that Python takes for public, but are not."""


def resolve_host(host: str, port: int) -> list[str]:
    """Return the addresses of a name. Raises `OSError` or `UnicodeError` for one that has none."""
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@dataclass(frozen=True, slots=True)
class DownloadRules:
    """How many bytes of one feed are downloaded, whether private addresses are allowed, and who resolves names."""

    largest: int = LARGEST_DOWNLOAD
    allow_private: bool = False
    resolve: Callable[[str, int], Sequence[str]] = resolve_host


STRICT = DownloadRules()


class Downloaded(str):
    """A feed that has been downloaded: its address, without secrets, the `path` of its content, and its `charset`.

    The charset is the one that the server states; empty if it states none.
    """

    __slots__ = ("charset", "path")
    path: Path
    charset: str


def is_address(source: str) -> bool:
    """Tell `scheme://...` from a path."""
    return _ADDRESS.match(source) is not None


@contextmanager
def download(address: str, rules: DownloadRules = STRICT) -> Iterator[Downloaded]:
    """Download a feed into a temporary file, which is removed when the context ends. Gzip is not unpacked.

    Raises `UsageError` for text that is not an address, `Refused` for one in a private network, `BadFeed` for a feed
    that does not exist, ends early or is too large, and `Unavailable` for a server that does not answer.
    """
    from urllib3 import exceptions

    url = parse_address(address)
    name = _printable(url)
    with tempfile.NamedTemporaryFile(prefix="recommender-feed-") as file:
        fetched = Downloaded(name)
        fetched.path = Path(file.name)
        deadline = time.monotonic() + TOTAL_SECONDS
        try:
            with closing(_answer(url, rules)) as answer:
                stated = _CHARSET.search(answer.headers.get("Content-Type", ""))
                fetched.charset = stated[1] if stated else ""
                _save(name, answer, rules.largest, deadline, cast(BinaryIO, file))
        except exceptions.SSLError as error:
            raise Unavailable(f"{name}: no safe connection can be made: {_words(error)}; check the address") from error
        except (exceptions.NewConnectionError, exceptions.TimeoutError) as error:
            raise Unavailable(f"{name}: the server does not answer ({_words(error)}); try again later") from error
        except exceptions.ProtocolError as error:
            raise BadFeed(f"{name}: the download ended early ({_words(error)}); try again") from error
        except exceptions.HTTPError as error:
            raise Unavailable(f"{name}: can't be fetched ({_words(error)}); try again later") from error
        except OSError as error:
            raise BadFeed(f"{name}: can't be kept in {tempfile.gettempdir()}: {error.strerror or error}") from error
        file.flush()
        yield fetched


def _answer(url: Url, rules: DownloadRules) -> BaseHTTPResponse:
    """Follow redirections to the answer that has the feed."""
    start = url
    for _ in range(MAX_REDIRECTIONS + 1):
        answer = _ask(url, rules)
        if answer.status not in _MOVED:
            name = _printable(start)
            if answer.status != 200:
                status, said = answer.status, f"{name}: the server says {answer.status} {answer.reason or ''}".rstrip()
                answer.close()
                if status == 429 or status >= 500:
                    raise Unavailable(f"{said}; try again later")
                raise BadFeed(
                    f"{said}; check the address" + (", and its name and password" if status in (401, 403) else "")
                )
            packed = answer.headers.get("Content-Encoding", "identity").strip().casefold()
            if packed not in ("", "identity", "gzip", "x-gzip"):
                answer.close()
                raise BadFeed(f"{name}: is packed with {packed[:40]!r}, which was not asked for; expected gzip or none")
            return answer
        answer.close()
        url = next_hop(start, url, answer.headers.get("Location", ""))
    raise BadFeed(
        f"{_printable(start)}: redirects more than {MAX_REDIRECTIONS} times; give the address that has the feed"
    )


def _ask(url: Url, rules: DownloadRules) -> BaseHTTPResponse:
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

    port = url.port or (443 if url.scheme == "https" else 80)
    host = (url.host or "").strip("[]")
    name = _printable(url)
    # Every address is checked, not only the first: the connection goes to any of them.
    try:
        addresses = rules.resolve(host, port)
    except (OSError, UnicodeError) as error:
        raise Unavailable(f"{name}: the name {host!r} can't be resolved ({error}); check the address") from error
    private = next((address for address in addresses if not _is_public(address)), "")
    if private and not rules.allow_private:
        which = private if private == host else f"{host} is {private}, which"
        raise Refused(f"{name}: {which} is not of the open internet; --allow-private allows it")
    *others, last = list(dict.fromkeys(addresses))
    for address in others:
        try:
            return _ask_at(address, url, host, port)
        except (NewConnectionError, ConnectTimeoutError):
            continue  # an IPv6 address may be out of reach while an IPv4 one is not
    return _ask_at(last, url, host, port)


def _ask_at(address: str, url: Url, host: str, port: int) -> BaseHTTPResponse:
    from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout
    from urllib3.util import make_headers

    waits = Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
    # urllib3 connects to the address, and checks the certificate for the name.
    pool = (
        HTTPSConnectionPool(address, port, timeout=waits, server_hostname=host, assert_hostname=host)
        if url.scheme == "https"
        else HTTPConnectionPool(address, port, timeout=waits)
    )
    headers = make_headers(user_agent="recommender", basic_auth=unquote(url.auth) if url.auth else None)
    headers |= {"Host": url.netloc or "", "Accept-Encoding": "gzip"}
    with closing(pool):
        return pool.urlopen(
            "GET", url.request_uri, headers=headers, retries=False, redirect=False, preload_content=False
        )


def _is_public(text: str) -> bool:
    address = ip_address(text)
    inner: list[IPv4Address] = []
    if isinstance(address, IPv6Address):  # it may lead to an IPv4 address
        teredo = address.teredo[1] if address.teredo else None
        translated = IPv4Address(int(address) & 0xFFFFFFFF) if address in _TRANSLATED else None
        inner = [found for found in (address.ipv4_mapped, address.sixtofour, teredo, translated) if found]
        if address not in _PUBLIC_IPV6 and not inner:
            return False
    return all(
        one.is_global and not one.is_multicast and not any(one in network for network in _MORE_PRIVATE)
        for one in (address, *inner)
    )


def next_hop(start: Url, url: Url, location: str) -> Url:
    """Return where `url` redirects to; `start` is the address that was given.

    A password is sent along only to the same server. Raises `Refused` if the redirect leaves encryption, `BadFeed` if
    it has no target.
    """
    name = _printable(start)
    if not location:
        raise BadFeed(f"{name}: redirects without saying where to; give the address that has the feed")
    target = parse_address(urljoin(url.url, location))
    if (url.scheme, target.scheme) == ("https", "http"):
        raise Refused(
            f"{name}: redirects from https to http ({_printable(target)}), where anyone could change the feed"
        )
    same_server = (target.scheme, target.host, target.port) == (url.scheme, url.host, url.port)
    return target._replace(auth=target.auth or (url.auth if same_server else None))


def _save(name: str, answer: BaseHTTPResponse, largest: int, deadline: float, file: BinaryIO) -> None:
    """Save the bytes as they come. Whether a gzipped feed is cut off shows when it is unpacked."""
    announced = answer.headers.get("Content-Length", "")
    size = int(announced) if announced.isdigit() else 0
    while size <= largest and time.monotonic() < deadline:
        chunk = answer.read1(_CHUNK, decode_content=False)
        if not chunk:
            return
        file.write(chunk)
        size = max(size, file.tell())
    if size > largest:
        raise BadFeed(
            f"{name}: is larger than {largest / (1 << 30):.4g} GiB; raise RECOMMENDER_MAX_DOWNLOAD_GIB, or fetch it"
            " yourself and give the file"
        )
    raise Unavailable(f"{name}: took more than {TOTAL_SECONDS / 60:.0f} minutes; fetch it yourself and give the file")


def parse_address(address: str) -> Url:
    """Split an address into its parts. Raises `UsageError` for one that is not http or https."""
    from urllib3.exceptions import LocationParseError
    from urllib3.util import parse_url

    try:
        url = parse_url(address)
    except LocationParseError:
        raise UsageError("the address of the feed can't be read; expected https://HOST/PATH") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise UsageError(f"{_printable(url)}: is no http or https address; expected https://HOST/PATH, or a file")
    return url


def _printable(url: Url) -> str:
    """Return the address for messages and records, without a password or a key in its query."""
    return url._replace(auth=None, query=None, fragment=None).url


def _words(error: Exception) -> str:
    text = str(error.args[0]) if error.args else ""
    return " ".join(text.rpartition(": ")[2].split())[:200] or type(error).__name__
