"""The chat templates and the tokenizer that carries them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")

from verl_agentic.core import Message
from verl_agentic.starter.chat_template import CHAT_TEMPLATE, HERMES_CHAT_TEMPLATE, render
from verl_agentic.starter.tokenizer import MARKUP_TOKENS, train_tokenizer

CALC: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "calc",
        "description": "Compute.",
        "parameters": {"type": "object", "properties": {"expression": {"type": "string"}}},
    },
}
MOVE: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "move",
        "parameters": {"type": "object", "properties": {"id": {"type": "string"}, "day": {"type": "integer"}}},
    },
}
BARE: dict[str, Any] = {"type": "function", "function": {"name": "schema", "description": "Tables."}}
CALL = '<tool_call>\n{"name": "calc", "arguments": {"expression": "7*6"}}\n</tool_call>'
DIALOGUE: list[Message] = [
    {"role": "system", "content": "Solve with calc."},
    {"role": "user", "content": "Ann has 7 boxes of 6 pens. How many pens?"},
    {"role": "assistant", "content": CALL},
    {"role": "tool", "content": "42"},
    {"role": "assistant", "content": "<question>Shall I go on?</question>"},
    {"role": "user", "content": "Yes, it's\n\nfine."},
    {"role": "assistant", "content": "<answer>42</answer>"},
]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return train_tokenizer([render(DIALOGUE, [CALC, MOVE])] * 3, vocab_size=600, max_tokens=1024)


def test_renders_chatml_with_one_line_per_tool() -> None:
    assert render(DIALOGUE[:4], [CALC, MOVE, BARE], add_generation_prompt=True) == (
        "<|im_start|>system\nSolve with calc.\n\n"
        "<tools>\ncalc(expression)\nmove(id, day)\nschema()\n</tools><|im_end|>\n"
        "<|im_start|>user\nAnn has 7 boxes of 6 pens. How many pens?<|im_end|>\n"
        f"<|im_start|>assistant\n{CALL}<|im_end|>\n"
        "<|im_start|>user\n<tool_response>\n42\n</tool_response><|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_tools_without_a_system_message_get_one() -> None:
    assert render(DIALOGUE[1:2], [CALC]).startswith(
        "<|im_start|>system\n<tools>\ncalc(expression)\n</tools><|im_end|>\n"
    )


def test_no_system_message_is_invented() -> None:
    assert render(DIALOGUE[1:2], []).startswith("<|im_start|>user\nAnn")


def test_adjacent_tool_messages_share_one_user_block() -> None:
    both: list[Message] = [{"role": "tool", "content": "1"}, {"role": "tool", "content": "2"}]
    assert render([*DIALOGUE[:3], *both], []).endswith(
        "<|im_start|>user\n<tool_response>\n1\n</tool_response>\n<tool_response>\n2\n</tool_response><|im_end|>\n"
    )


def test_structured_tool_calls_render_as_hermes(tokenizer: Any) -> None:
    call = {"type": "function", "function": {"name": "calc", "arguments": {"expression": "7*6"}}}
    structured = [*DIALOGUE[:2], {"role": "assistant", "content": "", "tool_calls": [call]}, *DIALOGUE[3:]]
    assert tokenizer.apply_chat_template(structured, tools=[CALC], tokenize=False) == render(DIALOGUE, [CALC])


def test_every_prefix_renders_to_a_prefix(tokenizer: Any) -> None:
    whole = render(DIALOGUE, [CALC])
    ids = tokenizer.encode(whole, add_special_tokens=False)
    for length in range(1, len(DIALOGUE)):
        generating = DIALOGUE[length]["role"] == "assistant"
        part = render(DIALOGUE[:length], [CALC], add_generation_prompt=generating)
        assert whole.startswith(part)
        part_ids = tokenizer.encode(part, add_special_tokens=False)
        assert ids[: len(part_ids)] == part_ids


def test_tokenizer_renders_as_render_does(tokenizer: Any) -> None:
    rendered = tokenizer.apply_chat_template(DIALOGUE, tools=[CALC, MOVE], tokenize=False)
    assert rendered == render(DIALOGUE, [CALC, MOVE])


def test_hermes_template_shows_schemas(tokenizer: Any) -> None:
    text = tokenizer.apply_chat_template(DIALOGUE, tools=[CALC], tokenize=False, chat_template=HERMES_CHAT_TEMPLATE)
    block = text.partition("<tools>\n")[2].partition("\n</tools>")[0]
    assert json.loads(block) == CALC
    assert text.endswith(render(DIALOGUE[1:], []))


def test_any_text_survives_the_tokenizer(tokenizer: Any, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    rng = random.Random(7)
    planes = [(0, 0x7F), (0x80, 0x7FF), (0x800, 0xD7FF), (0x1F300, 0x1FAFF), (0xFFF0, 0xFFFF)]
    texts = [
        "",
        "e\u0301 \u00e9",
        " 12  345\r\n\t",
        "<tool_call>{}</tool_call> <|im_end|>",
        "\u0130'S don't",
        'a"}]}, "b": "',
    ] + ["".join(chr(rng.randint(*rng.choice(planes))) for _ in range(rng.randint(1, 40))) for _ in range(300)]
    for text in texts:
        ids = tokenizer.encode(text, add_special_tokens=False)
        assert tokenizer.decode(ids) == text
        assert loaded.encode(text, add_special_tokens=False) == ids
        assert loaded.decode(ids) == text
    assert loaded.chat_template == CHAT_TEMPLATE


def test_digits_and_newlines_stand_alone_and_json_is_short(tokenizer: Any) -> None:
    assert tokenizer.tokenize("417") == ["4", "1", "7"]
    assert len(tokenizer.encode("\n", add_special_tokens=False)) == 1
    assert len(tokenizer.encode("a\n\n\nb", add_special_tokens=False)) == 5
    opening = tokenizer.tokenize('{"name": "calc", "arguments": {"expression": "')
    assert [tokenizer.convert_tokens_to_string([token]) for token in opening] == [
        '{"name": "',
        "calc",
        '", "arguments": ',
        '{"expression": "',
    ]


def test_markup_survives_and_control_tokens_do_not(tokenizer: Any) -> None:
    ids = tokenizer.encode("".join(MARKUP_TOKENS) + "<|im_end|>", add_special_tokens=False)
    assert len(ids) == len(MARKUP_TOKENS) + 1
    assert tokenizer.decode(ids, skip_special_tokens=True) == "".join(MARKUP_TOKENS)
    assert (tokenizer.eos_token, tokenizer.pad_token) == ("<|im_end|>", "<|endoftext|>")
