"""What verl's Continuous Token builder appends turn by turn is what the starter was fine-tuned on."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("verl")

from verl.utils.tokenizer.continuous_token_wiring import create_continuous_token_builder

from verl_agentic.core import Message
from verl_agentic.integration.loop.tokens import speaks_chatml
from verl_agentic.starter.batches import encode_dialogue
from verl_agentic.starter.chat_template import render
from verl_agentic.starter.tokenizer import train_tokenizer

pytestmark = pytest.mark.integration

TOOLS: list[dict[str, Any]] = [
    {"type": "function", "function": {"name": "get", "parameters": {"type": "object", "properties": {"id": {}}}}}
]
CALL = '<tool_call>\n{"name": "get", "arguments": {"id": "417"}}\n</tool_call>'
TURNS: list[list[Message]] = [
    [{"role": "system", "content": "Refund delivered orders."}, {"role": "user", "content": "I want a refund."}],
    [{"role": "assistant", "content": "<question>Which order?</question>"}],
    [{"role": "user", "content": "Order 417."}],
    [{"role": "assistant", "content": f"{CALL}\n{CALL}"}],
    [{"role": "tool", "content": '{"status": "lost"}'}, {"role": "tool", "content": "Error: at most 1 tool call"}],
    [{"role": "assistant", "content": "Sorry, that is not allowed."}],
    [{"role": "user", "content": "It's only 3 days old!\nPlease."}],
    [{"role": "assistant", "content": "###TRANSFER_TO_HUMAN"}],
]


def test_incremental_tokens_equal_the_fine_tuning_tokens() -> None:
    whole = [message for turn in TURNS for message in turn]
    text = render(whole, TOOLS)
    tokenizer = train_tokenizer([text] * 3, vocab_size=500, max_tokens=1024)
    expected = encode_dialogue(tokenizer, text)
    builder = create_continuous_token_builder(tokenizer, hf_model_type="qwen3")

    messages: list[dict[str, Any]] = [dict(message) for message in TURNS[0]]
    ids = builder.build_initial_tokens(messages, tools=TOOLS)
    learned = [False] * len(ids)
    for turn in TURNS[1:]:
        if turn[0]["role"] == "assistant":
            said = tokenizer.encode(turn[0]["content"] + "<|im_end|>", add_special_tokens=False)
            merged = builder.merge_assistant_tokens(ids, said)
            learned += [True] * len(said)
            messages.extend(dict(message) for message in turn)
        else:
            longer = [*messages, *(dict(message) for message in turn)]
            merged = builder.merge_context_tokens(messages, longer, ids, tools=TOOLS)
            messages = longer
            learned += [False] * (len(merged.token_ids) - len(learned))
        ids = merged.token_ids

    # Fine-tuning sees one more newline after the last turn; nothing follows it in a rollout.
    assert ids == expected.ids[:-1]
    assert learned == expected.learn[:-1]
    assert tokenizer.decode(ids) == text[:-1]


def test_a_model_of_another_type_that_speaks_chatml_is_told_from_its_template() -> None:
    tokenizer = train_tokenizer([render(TURNS[0], TOOLS)] * 3, vocab_size=500, max_tokens=1024)
    assert speaks_chatml(tokenizer)
    tokenizer.chat_template = "{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}"
    assert not speaks_chatml(tokenizer)
