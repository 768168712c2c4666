"""Which initial state a world has, and the templates that sessions share."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from verl_agentic.core import BrokenTaskError, UserInputError
from verl_agentic.core.named import Registry
from verl_agentic.core.world_data import WorldData
from verl_agentic.isolation.shared_cache import SharedCache, content_key
from verl_agentic.tool_envs.task_files import file_key, file_under
from verl_agentic.tool_envs.world.template import Template

ROOT_OPTION = "agentic.rollout.env_options.world.root"
CACHE_BYTES = 256 << 20
MAX_FILE_BYTES = 64 << 20

WorldSource = Callable[[str, int], WorldData]
"""Makes the world of a domain in one edition; raises UserInputError where there is none."""
WORLD_SOURCES: Registry[WorldSource] = Registry("source of worlds", {})
DOMAINS = "verl_agentic.domains.worlds:world_of"
"""The source of every domain that has none of its own."""

_TEMPLATES: SharedCache[Template] = SharedCache(CACHE_BYTES, lambda template: template.bytes)


def register_world_source(domain: str) -> Callable[[WorldSource], WorldSource]:
    """Decorator that makes a function the source of the worlds of ``domain``, in this process."""
    return WORLD_SOURCES.register(domain)


def find_template(env_args: dict[str, Any], root: str | None) -> Template:
    """The initial state that ``env_args`` describe: from the cache, else built now.

    Raises:
        BrokenTaskError: they do not describe one; the message names the field.
        InfrastructureError: the file cannot be read.
        UserInputError: there is a file, but no folder ``root``.
    """
    foreign_keys = typed(env_args, "foreign_keys", bool, False)
    if "source" in env_args:
        if both := next((key for key in ("schema", "rows", "file") if key in env_args), None):
            raise BrokenTaskError(f"env_args has both a source and {both!r}; keep one of them")
        domain, edition, digest = named = _named(env_args["source"])
        return _TEMPLATES.get((named, foreign_keys), lambda: _shared(domain, edition, digest, foreign_keys))
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


def is_at_hand(env_args: dict[str, Any]) -> bool:
    """Whether the world of a source is there already, so that opening a session makes nothing."""
    try:
        return (_named(env_args["source"]), env_args.get("foreign_keys", False)) in _TEMPLATES
    except BrokenTaskError:
        return True  # is refused at once


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


def _named(source: Any) -> tuple[str, int, str]:
    """Domain, edition and digest."""
    if isinstance(source, dict) and source.keys() == {"domain", "edition", "digest"}:
        domain, edition, digest = source["domain"], source["edition"], source["digest"]
        if isinstance(domain, str) and isinstance(digest, str) and type(edition) is int:
            return domain, edition, digest
    raise BrokenTaskError("env_args.source must be {'domain': text, 'edition': whole number, 'digest': text}")


def _shared(domain: str, edition: int, digest: str, foreign_keys: bool) -> Template:
    own = domain in WORLD_SOURCES or ":" in domain
    try:
        data = WORLD_SOURCES.get(domain if own else DOMAINS)(domain, edition)
    except UserInputError as error:
        raise BrokenTaskError(f"env_args.source: {error}") from error
    if data.digest != digest:
        raise BrokenTaskError(
            f"env_args.source: domain {domain!r} has changed since the task was made (edition {edition} is now "
            f"{data.digest}, the task was made with {digest[:64]}); make the task anew"
        )
    return Template(list(data.schema), dict(data.rows), data=data, foreign_keys=foreign_keys)
