"""Chat models besides the policy: judges, simulated users, writers of tasks."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from typing import Any

from verl_agentic.core.chat import ChatModel
from verl_agentic.llm.endpoint import forget_endpoints
from verl_agentic.llm.model import EndpointModel
from verl_agentic.llm.settings import LLMSettings, read_llm_settings

__all__ = ["EndpointModel", "LLMSettings", "chat_model", "read_llm_settings"]

_models: dict[str, EndpointModel] = {}
_inherited: list[object] = []
_lock = threading.Lock()


def chat_model(config: Mapping[str, Any]) -> ChatModel:
    """The process's model for a configuration (see :class:`LLMSettings`); equal configurations share one.

    Raises:
        UserInputError: naming the key that is wrong, and the mend.
    """
    settings = read_llm_settings(config)
    name = json.dumps(config, sort_keys=True)
    with _lock:
        if name not in _models:
            _models[name] = EndpointModel(settings)
        return _models[name]


def _forget() -> None:
    """A forked child must neither use its parent's connections nor close them."""
    global _lock, _models
    _inherited.append(_models)
    _lock, _models = threading.Lock(), {}
    forget_endpoints()


os.register_at_fork(after_in_child=_forget)
