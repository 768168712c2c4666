"""The starter's chat template: ChatML as Qwen3 renders it, with a tools block that is one short line per tool.

A full JSON schema of a tool is some hundred tokens; a micro model's whole dialogue is not much longer. So a tool is
shown as ``name(argument, argument)``. The template never looks ahead nor back except to group adjacent tool messages,
so that the rendering of a dialogue is a prefix of its continuation's (the tool messages that answer one assistant
message are appended together).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from verl_agentic.core import Message

_TOOLS = """\
{%- macro tools_block() -%}
{{- '<tools>\\n' }}
{%- for tool in tools %}
    {%- set function = tool.function if tool.function is defined else tool %}
    {%- set properties = (function.parameters or {}).get('properties') or {} %}
    {{- function.name + '(' + (properties | list | join(', ')) + ')\\n' }}
{%- endfor %}
{{- '</tools>' }}
{%- endmacro -%}
"""

# Hermes form: what models pretrained on Qwen's or Hermes' format expect.
_HERMES_TOOLS = """\
{%- macro tools_block() -%}
{{- '# Tools\\n\\nYou may call one or more functions to assist with the user query.\\n\\n' }}
{{- 'You are provided with function signatures within <tools></tools> XML tags:\\n<tools>' }}
{%- for tool in tools %}
    {{- '\\n' }}{{- tool | tojson }}
{%- endfor %}
{{- '\\n</tools>\\n\\nFor each function call, return a json object with function name and arguments within ' }}
{{- '<tool_call></tool_call> XML tags:\\n<tool_call>\\n{"name": <function-name>, "arguments": ' }}
{{- '<args-json-object>}\\n</tool_call>' }}
{%- endmacro -%}
"""

_DIALOGUE = """\
{%- macro text(content) -%}
    {%- if content is string %}
        {{- content }}
    {%- elif content %}
        {%- for part in content %}
            {{- part.text if part.text is defined else '' }}
        {%- endfor %}
    {%- endif %}
{%- endmacro -%}
{%- set first = messages[0] if messages else none %}
{%- set has_system = first is not none and first.role == 'system' %}
{%- if has_system or tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if has_system %}
        {{- text(first.content) }}
        {%- if tools %}
            {{- '\\n\\n' }}
        {%- endif %}
    {%- endif %}
    {%- if tools %}
        {{- tools_block() }}
    {%- endif %}
    {{- '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == 'tool' %}
        {%- if loop.first or messages[loop.index0 - 1].role != 'tool' %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' }}{{- text(message.content) }}{{- '\\n</tool_response>' }}
        {%- if loop.last or messages[loop.index0 + 1].role != 'tool' %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- elif not (loop.first and has_system) %}
        {{- '<|im_start|>' + message.role + '\\n' }}{{- text(message.content) }}
        {%- for tool_call in (message.tool_calls or [] if message.tool_calls is defined else []) %}
            {%- set call = tool_call.function if tool_call.function is defined else tool_call %}
            {%- if not loop.first or message.content %}
                {{- '\\n' }}
            {%- endif %}
            {{- '<tool_call>\\n{"name": "' + call.name + '", "arguments": ' }}
            {{- call.arguments if call.arguments is string else call.arguments | tojson }}
            {{- '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""

CHAT_TEMPLATE = _TOOLS + _DIALOGUE
"""Jinja source with compact tools, for the starter."""

HERMES_CHAT_TEMPLATE = _HERMES_TOOLS + _DIALOGUE
"""Jinja source with tools as JSON schemas, for pretrained models whose own template has none."""


def render(messages: Sequence[Message], tools: Sequence[dict[str, Any]], add_generation_prompt: bool = False) -> str:
    """Text of a dialogue under :data:`CHAT_TEMPLATE`, as a tokenizer that carries it would render it."""
    from transformers.utils.chat_template_utils import render_jinja_template

    # Typed as lists of plain dictionaries, and as returning more than it does.
    conversations: list[Any] = [list(messages)]
    rendered: Any = render_jinja_template(
        conversations=conversations,
        tools=list(tools) or None,
        chat_template=CHAT_TEMPLATE,
        add_generation_prompt=add_generation_prompt,
    )
    return str(rendered[0][0])
