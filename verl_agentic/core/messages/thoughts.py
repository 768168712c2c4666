"""Reading what models write."""

from __future__ import annotations

import re

_TAG = re.compile(
    r"<(/?)((?:seed:)?(?:think|thinking|thoughts?|reasoning|reflection|scratchpad))\s*>|\[(/?)(THINK)\]", re.IGNORECASE
)


def without_thoughts(text: str) -> str:
    """``text`` without what is thought in it, in linear time whatever it holds.

    A thought runs from ``<think>`` to ``</think>``, in any case and by its other names (``<thinking>``, ``<reasoning>``
    and the like), or to the end where it is never closed; an opening tag inside of it is content. Where the chat
    template opened it in the prompt, or where thoughts are nested, a closing tag has no opening one: then all before it
    is thought.
    """
    kept: list[str] = []
    inside = ""
    position = 0
    for tag in _TAG.finditer(text):
        name, closing = (tag[2] or tag[4]).lower(), bool(tag[1] or tag[3])
        if inside:
            if not closing or name != inside:
                continue
            inside = ""
        elif closing:
            kept.clear()
        else:
            kept.append(text[position : tag.start()])
            inside = name
        position = tag.end()
    return "".join(kept) if inside else "".join([*kept, text[position:]])
