"""Long texts of the store, compressed: a trajectory, the JSON of a task, a part of it."""

from __future__ import annotations

import zlib
from typing import Any

from verl_agentic.core import InfrastructureError

LONG = 2048
"""Characters from which on a text is compressed: below, the database's own overhead outweighs what is saved."""

# The first byte of what is stored. Another compression gets another letter, and these go on to be read.
_PLAIN, _ZLIB = b"p", b"z"
# With 6 a store of long tasks is 5 % smaller, and filling it takes a third more time.
_LEVEL = 3


def pack(text: str) -> bytes:
    """A text in the fewest bytes; :func:`unpack` is its inverse."""
    plain = text.encode()
    small = zlib.compress(plain, _LEVEL)
    return _ZLIB + small if len(small) < len(plain) else _PLAIN + plain


def unpack(data: bytes) -> str:
    """What was packed.

    Raises:
        InfrastructureError: it is damaged.
    """
    form, content = data[:1], data[1:]
    try:
        if form == _ZLIB:
            return zlib.decompress(content).decode()
        if form == _PLAIN:
            return content.decode()
    except (zlib.error, UnicodeDecodeError) as error:
        raise InfrastructureError(f"a text of the store is damaged ({error}); restore the store from a copy") from error
    raise InfrastructureError(f"a text of the store has form {form!r}; read it with the release that wrote it")


def text_columns(name: str, text: str) -> dict[str, Any]:
    """A text as its two columns: a short one as it is in ``name``, a long one in ``packed``."""
    if len(text) <= LONG:
        return {name: text, "packed": None}
    return {name: "", "packed": pack(text)}


def text_of(plain: str, packed: bytes | None) -> str:
    """The text of two such columns."""
    return plain if packed is None else unpack(packed)
