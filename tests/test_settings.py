from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from docs.settings_page import PAGE, settings_page
from recommender.errors import BadInput
from recommender.settings import Settings, load_settings, unknown_variables


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own to start in, and an environment that sets nothing."""
    for name in list(os.environ):
        if name.startswith(("RECOMMENDER_", "DATABASE_", "QDRANT_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("colour,size", ("colour", "size")),
        (" colour , size, ", ("colour", "size")),
        ('["colour", "size, long"]', ("colour", "size, long")),
        ("colour", ("colour",)),
        ("", ()),
    ],
)
def test_text_attributes_are_a_list_with_commas_or_json(
    text: str, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECOMMENDER_TEXT_ATTRIBUTES", text)
    assert load_settings().text_attributes == names


def test_text_attributes_may_stand_in_the_file(folder: Path) -> None:
    (folder / "recommender.toml").write_text('text_attributes = ["colour"]\n')
    assert load_settings().text_attributes == ("colour",)


@pytest.mark.parametrize("content", [b"threads = [", b"threads 4", b'home = "\xff"'])
def test_a_file_that_cannot_be_read_is_named(content: bytes, folder: Path) -> None:
    (folder / "recommender.toml").write_bytes(content)
    with pytest.raises(BadInput, match=r"recommender\.toml") as caught:
        load_settings()
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RECOMMENDER_THREADS", "many"),
        ("RECOMMENDER_ENCODER", "abacus"),
        ("RECOMMENDER_TEXT_ATTRIBUTES", '["colour"'),
        ("RECOMMENDER_TEXT_ATTRIBUTES", "[1]"),
    ],
)
def test_a_variable_that_does_not_fit_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadInput, match=f"the variable {name}"):
        load_settings()


@pytest.mark.parametrize(
    "name", ["HOME", "WORDS_WEIGHT", "THREADS", "MCP", "ENCODER", "KEEP_SEARCHES", "LANGUAGE", "TEXT_ATTRIBUTES"]
)
def test_an_empty_variable_counts_as_not_set(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"RECOMMENDER_{name}", "")
    assert load_settings() == Settings.model_construct()


def test_a_file_with_empty_values_and_a_byte_order_mark_is_read(folder: Path) -> None:
    (folder / "recommender.toml").write_text('home = ""\nwords_weight = ""\nthreads = 2\n', encoding="utf-8-sig")
    assert load_settings() == Settings.model_construct(threads=2)


def test_a_home_below_the_users_own_folder_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("RECOMMENDER_HOME", "~/shop")
    assert load_settings().home == folder / "shop"
    with pytest.raises(BadInput, match="the whole path"):
        load_settings(home="~nobody-of-this-name/shop")


@pytest.mark.parametrize(
    ("variable", "told"),
    [
        ("RECOMMENDER_LANGAUGE", "RECOMMENDER_LANGAUGE is no setting; did you mean RECOMMENDER_LANGUAGE?"),
        ("RECOMMENDER_ZYX", "RECOMMENDER_ZYX is no setting"),
        ("RECOMMENDER_LANGUAGE", ""),
        ("recommender_language", ""),
        ("RECOMMENDER_API_KEY", ""),
        ("RECOMMENDER_SERVICE_PORT_HTTP", ""),
        ("RECOMMENDER_PORT_8000_TCP_ADDR", ""),
    ],
)
def test_a_variable_that_is_no_setting_is_warned_of_with_the_one_that_was_meant(
    variable: str, told: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(variable, "de")
    with caplog.at_level(logging.WARNING):
        load_settings()
    assert unknown_variables() == told
    assert caplog.messages == ([told] if told else [])


def test_a_line_of_the_file_that_does_not_fit_is_named(folder: Path) -> None:
    (folder / "recommender.toml").write_text("colour = 1\n")
    with pytest.raises(BadInput, match=r"recommender\.toml sets 'colour', which is no setting; there are home, "):
        load_settings()


@pytest.mark.parametrize("name", ["qdrant_api_key", "hf_token"])
def test_a_secret_is_never_shown(folder: Path, name: str) -> None:
    (folder / "recommender.toml").write_text(f'{name} = ["hidden"]\n')
    with pytest.raises(BadInput, match=name) as caught:
        load_settings()
    assert "hidden" not in str(caught.value)


def test_the_catalogue_lies_in_the_home_whatever_its_name(folder: Path) -> None:
    url = load_settings(home=folder / "a?b").resolved_database_url
    assert not isinstance(url, str)
    assert url.database == str(folder / "a?b" / "catalogue.db")


def test_a_database_that_is_set_is_the_one_to_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://localhost/shop")
    assert load_settings().resolved_database_url == "postgresql://localhost/shop"


@pytest.mark.parametrize("variable", ["HF_TOKEN", "RECOMMENDER_HF_TOKEN"])
def test_the_token_of_the_hub_is_read_from_its_own_variable_or_ours(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv(variable, "hf_secret")
    assert load_settings().hf_token == "hf_secret"


def test_a_misspelt_setting_is_told_with_the_one_that_was_meant(folder: Path) -> None:
    with pytest.raises(BadInput, match=r"an argument sets 'thread', .*did you mean 'threads'\?"):
        load_settings(thread=2)
    with pytest.raises(BadInput, match=r"'threads' of an argument: .*'abc'"):
        load_settings(threads="abc")
    (folder / "recommender.toml").write_text("lanugage = 'german'\n")
    with pytest.raises(BadInput, match=r"recommender\.toml sets 'lanugage', .*did you mean 'language'\?"):
        load_settings()


def test_the_page_of_settings_is_made_from_the_settings() -> None:
    assert PAGE.read_text(encoding="utf-8") == settings_page(), "run `python docs/settings_page.py`"


def test_every_setting_is_described() -> None:
    undescribed = [name for name, field in Settings.model_fields.items() if not field.description]
    assert not undescribed
