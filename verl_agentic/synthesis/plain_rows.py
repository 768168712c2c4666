"""Tasks of data that was made for verl alone: rows without a task of ours, as they stand.

Such a row has ``data_source``, a prompt of messages and ``reward_model.ground_truth``. What ``extra_info`` may add is
ours: ``env``, ``env_args``, ``tools`` and ``reward``. A row that names no environment is played in ``none``, without
tools and user, unless the run names one (``tool_env=``); a row that names no reward is judged by the run's
(``reward_fn=``), or by verl's own for its data source. Its answer is read from its last message as from any text, since
its prompt asks for it in its own way. Its id follows from its content, whatever ``index`` says.
"""

from __future__ import annotations

import datetime
import decimal
import json
import math
from collections.abc import Mapping, Sized
from typing import Any

from verl_agentic.core import Task, UserInputError
from verl_agentic.core.plain_row import PlainRow

PROMPT_KEY = "prompt"
"""verl's own default of ``data.prompt_key``."""

NO_ENV = "none"
_MEDIA = ("images", "videos", "audios")


def plain_task(row: Mapping[str, Any], where: str, prompt_key: str = PROMPT_KEY) -> Task:
    """The task of a plain row, of which :func:`verl_agentic.core.plain_row.origin` gives back the rest.

    Args:
        row: plain data, or numpy's as pandas and verl's batches hold it.
        where: file and row, for messages.
        prompt_key: its column of messages (``data.prompt_key``).

    Raises:
        UserInputError: naming row, field and mend.
    """
    source = row.get("data_source")
    if not isinstance(source, str) or not source:
        raise UserInputError(f"{where}: field 'data_source' is missing or not text; give the kind of the task")
    _check_text_only(row, where)
    reward_model = _field(row, "reward_model", where)
    truth = reward_model.get("ground_truth")
    if truth is None or (isinstance(truth, float) and math.isnan(truth)):
        raise UserInputError(f"{where}: field 'reward_model.ground_truth' is missing; give the reference answer")
    extra_info = _field(row, "extra_info", where)
    extra_info.pop("task", None)
    ability = row.get("ability")
    rest = PlainRow(ability if isinstance(ability, str) else source, reward_model, extra_info)
    data = {
        "kind": source,
        "messages": _messages(row, where, prompt_key),
        "tools": _json_field(extra_info, "tools", [], where),
        "env": _name(extra_info, "env", "an environment, e.g. 'calculator'", where) or NO_ENV,
        "env_args": _env_args(extra_info, where),
        "reward": _name(extra_info, "reward", "a reward function, e.g. 'math'", where) or "",
        "ground_truth": _decoded(truth),
        "meta": rest.meta(),
    }
    try:
        return Task.from_dict(data)
    except UserInputError as error:
        mend = (
            f"{prompt_key} must be a list of messages, extra_info.tools a JSON list, extra_info.env_args a JSON object"
        )
        raise UserInputError(f"{where}: {error}; {mend}") from error


def _check_text_only(row: Mapping[str, Any], where: str) -> None:
    for name in _MEDIA:
        value = row.get(name)
        if isinstance(value, Sized) and len(value):
            raise UserInputError(
                f"{where}: field {name!r} holds {name}; agentic rollouts are text only, leave such rows out"
            )


def _field(row: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
    """A struct of the row as an object of JSON data of its own, empty where there is none."""
    value = row.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise UserInputError(f"{where}: field {name!r} must be a struct, got {type(value).__name__}")
    return {str(key): _json_data(item, f"{where}: field '{name}.{key}'") for key, item in value.items()}


def _messages(row: Mapping[str, Any], where: str, prompt_key: str) -> list[dict[str, Any]]:
    """The messages, without the further keys that other rows of a parquet file have."""
    if row.get(prompt_key) is None:
        columns = ", ".join(sorted(row)) or "none"
        raise UserInputError(
            f"{where}: field {prompt_key!r} is missing; its messages are in the column that data.prompt_key names (in "
            f"commands: --prompt-key), and there are {columns}"
        )
    value = _json_data(row[prompt_key], f"{where}: field {prompt_key!r}")
    if not isinstance(value, list):
        raise UserInputError(
            f"{where}: field {prompt_key!r} must be a list of messages, each with role and content, got "
            f"{type(value).__name__}"
        )
    for position, message in enumerate(value):
        if isinstance(message, dict) and message.get("tool_calls"):
            raise UserInputError(
                f"{where}: field '{prompt_key}[{position}]' has tool_calls; write earlier calls into its content"
            )
    keep = ("role", "content")
    return [
        {key: message[key] for key in keep if message.get(key) is not None} if isinstance(message, dict) else message
        for message in value
    ]


def _name(extra_info: Mapping[str, Any], name: str, what: str, where: str) -> str | None:
    value = extra_info.get(name)
    if value is not None and not isinstance(value, str):
        raise UserInputError(f"{where}: field 'extra_info.{name}' is not text; name {what}, or leave it out")
    return value


def _env_args(extra_info: Mapping[str, Any], where: str) -> Any:
    args = _json_field(extra_info, "env_args", {}, where)
    # What verl's own tool loop hands to its tools; other rows' tools are there as nulls.
    kwargs = extra_info.get("tools_kwargs")
    if isinstance(args, dict) and "tools_kwargs" not in args and isinstance(kwargs, dict):
        given = {tool: value for tool, value in kwargs.items() if value is not None}
        return {**args, "tools_kwargs": given} if given else args
    return args


def _json_field(extra_info: Mapping[str, Any], name: str, default: Any, where: str) -> Any:
    value = extra_info.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise UserInputError(
            f"{where}: field 'extra_info.{name}' is not JSON: {error}; write it as JSON text"
        ) from error


def _decoded(ground_truth: Any) -> Any:
    """A ground truth written as a JSON object or list, decoded; any other text is the answer itself."""
    if not (isinstance(ground_truth, str) and ground_truth.lstrip()[:1] in ("{", "[")):
        return ground_truth
    try:
        return json.loads(ground_truth)
    except ValueError:
        return ground_truth


def _json_data(value: Any, where: str) -> Any:
    """Plain data of whatever a parquet cell or a batch holds.

    Raises:
        UserInputError: it holds bytes or an object, which no JSON can.
    """
    if hasattr(value, "tolist"):  # numpy's arrays and numbers
        value = value.tolist()
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, Mapping):
        return {str(key): _json_data(item, where) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_data(item, where) for item in value]
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    raise UserInputError(
        f"{where} holds {type(value).__name__}, which is no text, number, list or object; leave it out"
    )
