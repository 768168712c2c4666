"""The model of ``verl-agentic rollout``: behind a URL, or in a folder."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from verl_agentic.cli.settings_given import read_settings_given
from verl_agentic.core import UserInputError
from verl_agentic.core.chat import DEFAULT_CLIENT, make_chat_model
from verl_agentic.evaluation.endpoint import EndpointPolicy
from verl_agentic.evaluation.model import ServedModel

_ARGUMENTS = {
    "base_url": "--model",
    "model": "--name",
    "api_key_env": "--api-key-env",
    "temperature": "--temperature",
    "max_tokens": "--max-tokens",
}
_WHERE = re.compile(r"agentic\.llm at (?=https?://)")
_KEY = re.compile(r"agentic\.llm\.(\w+)")


def served_model(arguments: argparse.Namespace, parallel_calls: bool) -> ServedModel:
    """The model that was asked for.

    Args:
        arguments: of the command.
        parallel_calls: whether a message may have several tool calls.

    Raises:
        UserInputError: naming the argument.
    """
    if arguments.model.startswith(("http://", "https://")):
        return _at_url(arguments, parallel_calls)
    for name in ("name", "api_key_env", "llm"):
        if getattr(arguments, name):
            raise UserInputError(f"--{name.replace('_', '-')} is for a --model behind a URL, not for a folder")
    folder = Path(arguments.model).expanduser()
    if not (folder / "config.json").is_file():
        raise UserInputError(
            f"--model {arguments.model}: is neither a URL nor a folder with a config.json; download it, "
            "or serve it (vllm serve NAME) and give the URL"
        )
    from verl_agentic.starter.local_model import LocalModel

    return LocalModel(folder, 1.0 if arguments.temperature is None else arguments.temperature)


def _at_url(arguments: argparse.Namespace, parallel_calls: bool) -> ServedModel:
    try:
        import openai  # noqa: F401
    except ImportError as error:
        raise UserInputError("--model URL needs the package openai; pip install 'verl-agentic[llm]'") from error
    from verl_agentic.llm import read_llm_settings
    from verl_agentic.llm.endpoint import shared_endpoint
    from verl_agentic.llm.served import served_models

    given = read_settings_given("--llm", arguments.llm, "request_seconds=120")
    client = given.pop("client", DEFAULT_CLIENT)
    config = {
        "base_url": arguments.model,
        "model": arguments.name,
        "api_key_env": arguments.api_key_env,
        "temperature": arguments.temperature,
        "max_tokens": arguments.max_tokens,
        "request_seconds": 300.0,
        "budget_seconds": 600.0,
        "cache": None,
        **given,
    }
    try:
        if not config["model"]:
            names = served_models(read_llm_settings({**config, "model": "any"}))
            if len(names) != 1:
                listed = f"it serves {', '.join(names[:10])}" if names else "it does not list its models"
                raise UserInputError(f"--name is missing: {arguments.model}: {listed}; give --name NAME")
            config["model"] = names[0]
        settings = read_llm_settings(config)
        if settings.concurrency is None:
            # Waiting for a slot of ours must not count as the server's latency.
            shared_endpoint(settings.base_url, None, arguments.concurrency)
        model = make_chat_model({**config, "client": client})
    except UserInputError as error:
        raise UserInputError(as_typed(str(error))) from error
    priced = bool(settings.prices.prompt or settings.prices.completion)
    return EndpointPolicy(model, settings.model, settings.temperature, priced, parallel_calls, as_typed)


def as_typed(message: str) -> str:
    """A message about the policy's ``agentic.llm`` that names the arguments of the command instead of its keys."""
    message = message.replace("set agentic.llm.api_key_env=null", "leave --api-key-env out")
    message = _KEY.sub(lambda found: _ARGUMENTS.get(found[1], found[0]), _WHERE.sub("--model ", message))
    return f"{message} (a key that --llm gives)" if _KEY.search(message) else message
