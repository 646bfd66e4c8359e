"""Settings: the environment (`RECOMMENDER_*`), then `recommender.toml`, then defaults that need no set-up at all."""

from __future__ import annotations

from pathlib import Path

from pydantic import AliasChoices, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from recommender.errors import BadInput
from recommender.types import EncoderChoice

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"


class Settings(BaseSettings):
    """What an installation can set. Names in the environment carry the prefix `RECOMMENDER_`."""

    model_config = SettingsConfigDict(
        env_prefix="RECOMMENDER_", toml_file="recommender.toml", extra="forbid", populate_by_name=True
    )

    home: Path = Field(default=Path(".recommender"), description="Folder of catalogue, models, index and reports.")
    database_url: str = Field(
        default="",
        validation_alias=AliasChoices("database_url", "RECOMMENDER_DATABASE_URL", "DATABASE_URL"),
        description="SQLAlchemy URL; empty: SQLite in `home`.",
    )
    qdrant_url: str = Field(
        default="",
        validation_alias=AliasChoices("qdrant_url", "RECOMMENDER_QDRANT_URL", "QDRANT_URL"),
        description="Qdrant server; empty: the embedded engine in `home`.",
    )
    qdrant_api_key: str = Field(
        default="", validation_alias=AliasChoices("qdrant_api_key", "RECOMMENDER_QDRANT_API_KEY", "QDRANT_API_KEY")
    )
    model: str = Field(default=DEFAULT_MODEL, description="Base model of the first generation and of fine-tuning.")
    encoder: EncoderChoice = EncoderChoice.AUTO
    threads: int = Field(default=0, ge=0, description="Threads of the encoders; 0: one for each core.")
    language: str = Field(default="english", description="Stemmer and stop words of the lexical part.")
    text_attributes: tuple[str, ...] = Field(default=(), description="Attributes that are part of a product's text.")
    collection_prefix: str = Field(
        default="recommender", description="Start of the names of our collections on a server."
    )

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
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def resolved_database_url(self) -> str:
        """The database to open: the one that was set, else `catalogue.db` in `home`."""
        return self.database_url or f"sqlite:///{self.home / 'catalogue.db'}"

    @property
    def models_dir(self) -> Path:
        """Where model folders lie."""
        return self.home / "models"

    @property
    def index_dir(self) -> Path:
        """Where the embedded engine keeps its generations."""
        return self.home / "index"

    @property
    def runs_dir(self) -> Path:
        """Where training runs keep checkpoints and reports."""
        return self.home / "runs"


def load_settings(**overrides: object) -> Settings:
    """Read the settings.

    Raises `BadInput` that names the first setting which does not fit, and what would.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise BadInput(f"setting {name!r}: {first['msg']} (got {first.get('input')!r})") from error
