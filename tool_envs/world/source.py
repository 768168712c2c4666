"""Which initial state a world has, and the templates that sessions share."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from verl_agentic.core import BrokenTaskError
from verl_agentic.isolation.shared_cache import SharedCache, content_key
from verl_agentic.tool_envs.task_files import file_key, file_under
from verl_agentic.tool_envs.world.template import Template

ROOT_OPTION = "agentic.rollout.env_options.world.root"
CACHE_BYTES = 256 << 20
MAX_FILE_BYTES = 64 << 20

_TEMPLATES: SharedCache[Template] = SharedCache(CACHE_BYTES, lambda template: template.bytes)


def find_template(env_args: dict[str, Any], root: str | None) -> Template:
    """The initial state that ``env_args`` describe: from the cache, else built now.

    Raises:
        BrokenTaskError: they do not describe one; the message names the field.
        InfrastructureError: the file cannot be read.
        UserInputError: there is a file, but no folder ``root``.
    """
    foreign_keys = typed(env_args, "foreign_keys", bool, False)
    if "file" in env_args:
        if "schema" in env_args or "rows" in env_args:
            raise BrokenTaskError("env_args has both a file and a schema or rows; give one of them")
        path = file_under(root, env_args["file"], ROOT_OPTION)
        if path.stat().st_size > MAX_FILE_BYTES:
            raise BrokenTaskError(f"env_args.file={env_args['file']!r} is larger than {MAX_FILE_BYTES >> 20} MiB")
        key: Hashable = (file_key(path), foreign_keys)
        return _TEMPLATES.get(key, lambda: Template([], {}, path=path, foreign_keys=foreign_keys))
    schema, rows = typed(env_args, "schema", list), typed(env_args, "rows", dict)
    key = (content_key([schema, rows]), foreign_keys)
    return _TEMPLATES.get(key, lambda: Template(schema, rows, foreign_keys=foreign_keys))


def forget_templates() -> None:
    """Drop the templates that no session holds, e.g. when tasks were played that will not be played here again."""
    _TEMPLATES.clear()


def typed(env_args: dict[str, Any], key: str, expected: type, default: Any = None) -> Any:
    """A field of ``env_args``.

    Raises:
        BrokenTaskError: it is not of the type, or missing without a default.
    """
    value = env_args.get(key, default)
    if not isinstance(value, expected):
        raise BrokenTaskError(f"env_args.{key} must be {expected.__name__}, got {type(value).__name__}")
    return value
