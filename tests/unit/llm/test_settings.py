"""Configuration of an endpoint: what is wrong is named, with the mend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from verl_agentic.core import UserInputError
from verl_agentic.core.chat import make_chat_model
from verl_agentic.llm import read_llm_settings

GOOD: dict[str, Any] = {"base_url": "http://127.0.0.1:1/v1/", "model": "m"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": None}, "llm.model is not set"),
        ({"base_url": ""}, "llm.base_url is not set"),
        ({"base_url": "127.0.0.1:8000"}, "is not an API's URL"),
        ({"base_url": "ftp://host/v1"}, "is not an API's URL"),
        ({"modle": "m"}, r"llm\.modle is unknown; did you mean model\? known keys: base_url"),
        ({"concurrency": 0}, "concurrency must be a whole number of at least 1, or null, got 0"),
        ({"concurrency": "many"}, "concurrency must be a whole number of at least 1, or null, got 'many'"),
        ({"max_tokens": None}, "max_tokens must be a whole number of at least 1, got None"),
        ({"concurrency": True}, "concurrency must be a whole number"),
        ({"request_seconds": float("nan")}, "request_seconds must be a number of at least 0.01, got nan"),
        ({"prices": {"input": 1}}, "prices.input is unknown"),
        ({"prices": {"prompt": -1}}, "agentic.llm.prices.prompt must be a number of at least 0, got -1"),
        ({"budget": {"usd": 1}}, "budget.usd needs agentic.llm.prices"),
        (
            {"budget": {"tokens": 1.5}},
            "agentic.llm.budget.tokens must be a whole number of at least 0, or null, got 1.5",
        ),
    ],
)
def test_bad_settings(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserInputError, match=message):
        read_llm_settings({**GOOD, **change})


def test_a_password_in_the_url_is_refused_unseen() -> None:
    with pytest.raises(UserInputError, match="api_key_env") as error:
        read_llm_settings({**GOOD, "base_url": "https://me:hunter2@host/v1"})
    assert "hunter2" not in str(error.value)


def test_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read_llm_settings({**GOOD, "api_key_env": "UNIT_TEST_KEY"})
    monkeypatch.delenv("UNIT_TEST_KEY", raising=False)
    with pytest.raises(UserInputError, match="UNIT_TEST_KEY is not set; export it"):
        settings.api_key()
    monkeypatch.setenv("UNIT_TEST_KEY", "k\u00e9y-\u2028")
    with pytest.raises(UserInputError, match="holds characters") as error:
        settings.api_key()
    assert "k\u00e9y" not in str(error.value)
    monkeypatch.setenv("UNIT_TEST_KEY", " key-1\n")
    assert settings.api_key() == "key-1"


def test_the_cache_moves_with_its_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VERL_AGENTIC_CACHE", str(tmp_path))
    assert read_llm_settings(GOOD).cache_path == tmp_path / "llm" / "replies.db"
    assert read_llm_settings({**GOOD, "cache": None}).cache_path is None
    assert read_llm_settings(GOOD).base_url == "http://127.0.0.1:1/v1"


def test_the_client_is_named_in_the_configuration() -> None:
    with pytest.raises(UserInputError, match=r"agentic\.llm is not set; add llm=openai"):
        make_chat_model(None)
    with pytest.raises(UserInputError, match=r"agentic\.llm\.client"):
        make_chat_model({"client": "no.such:thing"})
    assert make_chat_model({"client": "builtins:dict", "a": {"b": 1}}) == {"a": {"b": 1}}
