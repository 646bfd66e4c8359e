"""Settings: the environment (`RECOMMENDER_*`), then `recommender.toml`, then defaults that need no set-up at all."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AliasChoices, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from recommender.errors import BadInput
from recommender.query.answer import SearchLogging
from recommender.types import EncoderChoice, LogFormat, Quantization

if TYPE_CHECKING:
    from sqlalchemy import URL

_log = logging.getLogger(__name__)

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"

PREFIX = "RECOMMENDER_"
FILE = "recommender.toml"

_SECRET = ("database_url", "qdrant_api_key", "hf_token", "shopify_secret", "woocommerce_secret")
"""Settings whose value no message shows."""

_CLIENTS = ("RECOMMENDER_URL", "RECOMMENDER_API_KEY", "RECOMMENDER_KEY")
"""What clients of the service read: `recommender mcp`, and the examples."""

_KUBERNETES = re.compile(r"_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_[A-Z]+(_\w+)?)?)$")
"""Ends of the names of variables that Kubernetes sets in each container for a Service, which may be named `recommender`
(https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables)."""


class Settings(BaseSettings):
    """What an installation can set. Names in the environment carry the prefix `RECOMMENDER_`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", populate_by_name=True)

    home: Path = Field(
        default=Path(".recommender"),
        description="Folder that holds the catalogue, the models, the index and the reports.",
    )
    database_url: str = Field(
        default="",
        validation_alias=AliasChoices("database_url", "RECOMMENDER_DATABASE_URL", "DATABASE_URL"),
        description="SQLAlchemy URL of the catalogue; empty: SQLite in `home`.",
    )
    qdrant_url: str = Field(
        default="",
        validation_alias=AliasChoices("qdrant_url", "RECOMMENDER_QDRANT_URL", "QDRANT_URL"),
        description="Address of a Qdrant server; empty: the embedded engine in `home`.",
    )
    qdrant_api_key: str = Field(
        default="",
        validation_alias=AliasChoices("qdrant_api_key", "RECOMMENDER_QDRANT_API_KEY", "QDRANT_API_KEY"),
        description="Key of the Qdrant server.",
    )
    hf_token: str = Field(
        default="",
        validation_alias=AliasChoices("hf_token", "RECOMMENDER_HF_TOKEN", "HF_TOKEN"),
        description="Token of the Hugging Face Hub, for private models and `models push`; empty: the one that "
        "`hf auth login` saved.",
    )
    model: str = Field(default=DEFAULT_MODEL, description="Base model of the first generation and of fine-tuning.")
    encoder: EncoderChoice = Field(
        default=EncoderChoice.AUTO,
        description="What runs a model. `auto`: products are encoded by torch on a GPU, else by the fastest runtime "
        "that was near enough to full precision when the model was registered; queries by ONNX Runtime, or by torch if "
        "there is no export. After a change an index keeps its runtime until `recommender index rebuild`.",
    )
    threads: int = Field(default=0, ge=0, description="Threads of an encoder; 0: one for each core.")
    language: str = Field(
        default="auto",
        description="Language of the words in lexical search: its stemmer, stop words and compounds. `auto`: told from "
        "the catalogue at the first ingest. `none`: neutral, for several languages. After a change run "
        "`recommender index rebuild`.",
    )
    words_weight: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Weight of words against meaning in searches, from 0 to 1; empty: what was measured for the shop.",
    )
    text_attributes: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Attributes that are part of a product's text, as `colour,size` or a list. After a change run "
        "`recommender index rebuild`.",
    )
    popularity_attribute: str = Field(
        default="popularity",
        description="Attribute that holds a product's popularity as a number, such as its sales. After a change it "
        "applies to products that change, and to all products after `recommender index rebuild`.",
    )
    group_variants: bool = Field(
        default=False,
        description="Whether products without a group whose titles differ in colour, size or pack alone are grouped "
        "after each import, as `recommender groups propose --apply` does.",
    )
    keep_generations: int = Field(
        default=1, ge=0, description="Earlier live generations that are kept up to date for a rollback; 0: none."
    )
    keep_searches: SearchLogging = Field(
        default=SearchLogging.OFF,
        description="Which search texts are kept for `recommender searches`: `off`, `weak` (those without a good "
        "answer) or `all`. Texts, counts and dates alone are kept, and nothing of who searched.",
    )
    keep_searches_days: int = Field(
        default=30, ge=1, le=3650, description="Days after its last search for which the text of a search is kept."
    )
    max_download_gib: float = Field(
        default=4, gt=0, allow_inf_nan=False, description="Largest feed that is downloaded, in GiB."
    )
    collection_prefix: str = Field(
        default="recommender", description="Prefix of the names of this installation's collections on a Qdrant server."
    )
    qdrant_shards: int = Field(
        default=0,
        ge=0,
        description="Shards of a collection on a Qdrant server; 0: the server's own choice. This and the next four "
        "hold for collections made from then on: run `recommender index rebuild`.",
    )
    qdrant_replicas: int = Field(
        default=1, ge=1, description="Copies of each shard on a cluster; with 2, one node may be down."
    )
    qdrant_write_consistency: int = Field(
        default=1, ge=1, description="Copies that must take a write before it counts as done."
    )
    qdrant_on_disk: bool = Field(
        default=False,
        description="Whether the server maps full vectors, field indexes and word lists from the disk.",
    )
    qdrant_quantization: Quantization = Field(
        default=Quantization.NONE,
        description="How the server keeps vectors in memory: `none`, `int8` (a quarter) or `binary` (a 32nd); answers "
        "are rescored with the full vectors.",
    )
    compact_from: int = Field(
        default=200_000,
        ge=1,
        description="Products from which on the embedded index keeps 4 bits of each number of a vector in memory, and "
        "scores what is near again by the full vectors on the disk; a million products then need less than 1 GiB.",
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Host names, beside localhost, under which a service without keys answers: `a,b`.",
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Origins whose pages may call the service from a browser: `https://shop.example` or a list; `*`: "
        "any. Give such pages a key that may read.",
    )
    max_body_mib: float = Field(
        default=16,
        gt=0,
        le=1024,
        allow_inf_nan=False,
        description="Largest request body that the service accepts, in MiB.",
    )
    max_batch: int = Field(default=1000, ge=1, description="Most products in one batch that is sent to the service.")
    max_waiting: int = Field(
        default=256,
        ge=1,
        description="Requests of one kind that may wait in the service; further ones are answered 503.",
    )
    rate_limit: str = Field(
        default="",
        pattern=r"^$|^[1-9][0-9]*/(second|minute|hour)$",
        description="Requests that each key, or each address without one, may send to a process of the service: "
        "`100/second`, `600/minute`; further ones are answered 429. Empty: any number.",
    )
    log_format: LogFormat = Field(
        default=LogFormat.AUTO,
        description="Form of the service's log on stderr: `json`, `text`, or `auto`: text on a terminal, else JSON.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="What the service logs; from `warning` on without the requests that were answered."
    )
    log_searches: bool = Field(default=False, description="Whether the service logs what people search for.")
    shopify_secret: str = Field(
        default="", description="Secret of Shopify's webhooks, for `POST /v1/hooks/shopify`; empty: they are refused."
    )
    woocommerce_secret: str = Field(
        default="",
        description="Secret of WooCommerce's webhooks, for `POST /v1/hooks/woocommerce`; empty: they are refused.",
    )
    mcp: bool = Field(
        default=False,
        description="Whether the service answers agents at /mcp by the Model Context Protocol (the extra `mcp`).",
    )
    tracing: bool = Field(
        default=False,
        description="Whether the service sends traces by OpenTelemetry (the extra `tracing`) to where "
        "OTEL_EXPORTER_OTLP_ENDPOINT says.",
    )
    request_timeout_s: float = Field(
        default=10, gt=0, allow_inf_nan=False, description="Seconds after which the service answers a request with 504."
    )

    @field_validator("home", "words_weight", mode="before")
    @classmethod
    def _empty_is_default(cls, value: Any, info: ValidationInfo) -> Any:
        return cls.model_fields[str(info.field_name)].default if value == "" else value

    @field_validator("home")
    @classmethod
    def _expand(cls, home: Path) -> Path:
        try:
            return home.expanduser()  # neither systemd nor compose does it
        except RuntimeError as error:
            raise ValueError("~ names no folder here; write the whole path") from error

    @field_validator("text_attributes", "allowed_hosts", "cors_origins", mode="before")
    @classmethod
    def _as_list(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if value.lstrip().startswith("["):
            return json.loads(value)
        return tuple(name.strip() for name in value.split(",") if name.strip())

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over the environment, the environment over the file."""
        file, content = Path(FILE), {}
        if file.is_file():
            import tomllib

            content = tomllib.loads(file.read_bytes().decode("utf-8-sig"))  # Windows editors write a byte order mark
        return init_settings, env_settings, InitSettingsSource(settings_cls, content)

    @property
    def resolved_database_url(self) -> str | URL:
        """The database to open: the one that was set, else `catalogue.db` in `home`."""
        if self.database_url:
            return self.database_url
        from sqlalchemy import URL  # here: reading only the settings needs no SQLAlchemy

        # Not as text: a `?` or `%` in the path would have a meaning there.
        return URL.create("sqlite", database=str(self.home / "catalogue.db"))

    @property
    def models_dir(self) -> Path:
        """Folder of the model folders."""
        return self.home / "models"

    @property
    def index_dir(self) -> Path:
        """Folder of the embedded engine's generations."""
        return self.home / "index"


def load_settings(**overrides: object) -> Settings:
    """Read the settings.

    A variable that looks like a setting and is none is logged once. Raises `BadInput`, naming the first setting that
    does not fit and where it was made, or the file that can't be read.
    """
    if unknown := unknown_variables():
        _warn(unknown)
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        raise BadInput(_describe_first(error, overrides)) from error
    except (OSError, ValueError) as error:  # the file is read and parsed before the values are checked
        raise BadInput(f"{Path(FILE).resolve()} can't be read ({error}); it must be TOML in UTF-8") from error


def unknown_variables() -> str:
    """Return which variables have our prefix and are no settings, with what may be meant, as a message; empty if none.

    They are no error: another program, or a newer version, may know them.
    """
    told = []
    for variable in sorted(os.environ):
        name = variable.upper().removeprefix(PREFIX).lower()
        if not variable.upper().startswith(PREFIX) or name in Settings.model_fields:
            continue
        if variable not in _CLIENTS and not _KUBERNETES.search(variable):
            meant = "".join(f"; did you mean {PREFIX}{near.upper()}?" for near in _nearest(name))
            told.append(f"{variable} is no setting{meant}")
    return "; ".join(told)


@cache
def _warn(unknown: str) -> None:
    _log.warning(unknown)


def _nearest(name: str) -> list[str]:
    """Return the setting that may be meant by a name, or nothing."""
    from difflib import get_close_matches

    return get_close_matches(name, Settings.model_fields, 1)


def _describe_first(error: ValidationError, arguments: Mapping[str, object]) -> str:
    """Return what is wrong with the first setting that does not fit, and where it was made."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"]) or "settings"
    setting = name.split(".")[0]
    origin = "an argument"
    if setting not in arguments:
        variable = f"{PREFIX}{setting}".upper()
        origin = next((f"the variable {known}" for known in os.environ if known.upper() == variable), FILE)
    if first["type"] == "extra_forbidden":
        near = _nearest(name)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(Settings.model_fields)}"
        return f"{origin} sets {name!r}, which is no setting; {hint}"
    secret = any(part in name.lower() for part in _SECRET)
    got = "" if secret else f" (got {first.get('input')!r})"
    return f"setting {name!r} of {origin}: {first['msg']}{got}"
