"""What the integration tests share."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import util
from pathlib import Path
from typing import Any

import pytest

SECONDS = 300


@pytest.fixture(scope="session")
def verl_installed() -> None:
    """Skips tests of verl where there is none."""
    if util.find_spec("verl") is None:
        pytest.skip("verl is not installed; pip install 'verl-agentic[cpu]'")


@pytest.fixture
def compose(verl_installed: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """``compose(*overrides)``: the configuration that ``main_ppo +recipe=agenticqwen`` gets from Hydra."""
    monkeypatch.delenv("VERL_AGENTIC_PROFILE", raising=False)
    monkeypatch.delenv("VERL_AGENTIC_AGENTICQWEN_DATA", raising=False)
    # The plugin comes with verl, and Hydra asks for search paths when it is initialised.
    __import__("verl")
    from hydra import compose as hydra_compose
    from hydra import initialize_config_module

    def composed(*overrides: str, recipe: str = "agenticqwen") -> Any:
        with initialize_config_module("verl.trainer.config", version_base=None):
            return hydra_compose("ppo_trainer", [f"+recipe={recipe}", *overrides])

    yield composed


@pytest.fixture
def main_ppo(verl_installed: None, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """``main_ppo(*arguments, seconds=300, **environment)``: verl's own program, run in ``tmp_path``."""

    def started(*arguments: str, seconds: float = SECONDS, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "verl.trainer.main_ppo", *arguments]
        return subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    return started


@pytest.fixture(scope="session")
def in_fresh_process(verl_installed: None) -> Callable[..., Any]:
    """``in_fresh_process(function, **environment)``: what a function of a test module returns there, through JSON."""

    def called(function: Callable[[], Any], **environment: str) -> Any:
        program = (
            f"import json, runpy\nmodule = runpy.run_path({inspect.getfile(function)!r})\n"
            f"print('\\n' + json.dumps(module[{function.__name__!r}]()))"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return json.loads(done.stdout.splitlines()[-1])

    return called


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen3 folder in Hugging Face form, with a tokenizer and no weights."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen3Config

    folder = tmp_path_factory.mktemp("tiny-qwen3")
    words = {word: index for index, word in enumerate(["<|endoftext|>", "<|im_start|>", "<|im_end|>", "hello"])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<|endoftext|>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template="{% for m in messages %}<|im_start|>{{ m.role }} {{ m.content }}<|im_end|>{% endfor %}",
    ).save_pretrained(folder)
    Qwen3Config(
        vocab_size=len(words),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        architectures=["Qwen3ForCausalLM"],
    ).save_pretrained(folder)
    return folder
