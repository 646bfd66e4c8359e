"""The address that the service listens on: taken before anything is opened, so that one in use is told at once."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from ipaddress import ip_address

from recommender.errors import Unavailable, UsageError


@dataclass(frozen=True, slots=True)
class Listening:
    """A bound socket and what it is called."""

    socket: socket.socket
    host: str
    port: int
    loopback: bool

    @property
    def url(self) -> str:
        """The address to ask from this machine."""
        name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"http://[{name}]:{self.port}" if ":" in name else f"http://{name}:{self.port}"


def listen(host: str, port: int) -> Listening:
    """Bind an address; port 0 takes a free one.

    Raises `UsageError` for a host that is none of this machine's, and `Unavailable` for a port in use.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        raise _no_host(host, error) from error
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(2048)
    except OSError as error:
        bound.close()
        raise _refused(host, port, error) from error
    bound.setblocking(False)
    return Listening(bound, str(address[0]), bound.getsockname()[1], ip_address(address[0]).is_loopback)


def _refused(host: str, port: int, error: OSError) -> Exception:
    if error.errno == errno.EADDRINUSE:
        return Unavailable(f"port {port} of {host} is in use; stop what listens there, or choose another with --port")
    if error.errno == errno.EACCES:
        return Unavailable(f"port {port} needs more rights than this process has; choose one above 1023 with --port")
    return _no_host(host, error)


def _no_host(host: str, error: OSError) -> UsageError:
    return UsageError(f"--host {host!r} can't be listened on ({error.strerror}); give an address of this machine")
