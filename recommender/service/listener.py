"""The address that the service listens on. It is bound before anything is opened, so that a port in use fails early."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from ipaddress import ip_address

from recommender.errors import Unavailable, UsageError


@dataclass(frozen=True, slots=True)
class Listener:
    """A bound socket and its address."""

    socket: socket.socket
    host: str
    port: int
    loopback: bool

    @property
    def url(self) -> str:
        """The address to ask from this machine."""
        name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"http://[{name}]:{self.port}" if ":" in name else f"http://{name}:{self.port}"


def listen(host: str, port: int) -> Listener:
    """Bind an address; port 0 takes a free one.

    Raises `UsageError` for a host that is not of this machine, and `Unavailable` for a port in use.
    """
    bound: socket.socket | None = None
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(2048)
    except OSError as error:
        if bound is not None:
            bound.close()
        if error.errno == errno.EADDRINUSE:
            raise Unavailable(
                f"port {port} of {host} is in use; stop what listens there, or choose another with --port"
            ) from error
        if error.errno == errno.EACCES:
            raise Unavailable(
                f"port {port} needs more rights than this process has; choose one above 1023 with --port"
            ) from error
        raise UsageError(
            f"--host {host!r} can't be listened on ({error.strerror}); give an address of this machine"
        ) from error
    bound.setblocking(False)
    return Listener(bound, str(address[0]), bound.getsockname()[1], ip_address(address[0]).is_loopback)
