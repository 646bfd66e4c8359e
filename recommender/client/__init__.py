"""The client of the HTTP service, for a shop's backend: the methods and types of `Recommender`, over the network.

Needs httpx and pydantic: neither a database nor an index nor a model is imported.
"""

from recommender.errors import MissingExtra

try:
    from recommender.client.client import AsyncClient, Client
except ModuleNotFoundError as error:
    if error.name != "httpx":
        raise
    raise MissingExtra("client", "recommender.client") from error

__all__ = ["AsyncClient", "Client"]
