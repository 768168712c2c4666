"""The expert: keeps to the business policy, going only by what the dialogue shows."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from verl_agentic.core import Message, Task
from verl_agentic.core.messages.speech import TRANSFER
from verl_agentic.rollout import Policy, parse_assistant
from verl_agentic.synthesis.service.build import CONFIRM_CLAUSE, YES
from verl_agentic.synthesis.service.domain import Domain, Intent, Value, Verdict
from verl_agentic.synthesis.service.natural import CONFIRM_FIRST
from verl_agentic.synthesis.service.structure import find_domain, find_intent

CONFIRM = "<question>Confirm?</question>"
REFUSE = "Sorry, that is not allowed."
DONE = "<answer>done</answer>"
KEPT = "<answer>kept</answer>"

# Keys have three digits; nothing else that a user says does.
_KEY = re.compile(r"\b\d{3}\b")
_AMOUNT = re.compile(r"\b\d\b")


def expert_policy(task: Task) -> Policy:
    """A policy that knows the business (its tools, and the rules with their bounds), not the case."""
    domain = find_domain(task.meta["domain"])
    intent = find_intent(domain, task.meta["intent"])
    bounds: dict[str, Value] = task.meta["bounds"]

    def act(messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> str:
        return _next(domain, intent, bounds, messages)

    return act


def _next(domain: Domain, intent: Intent, bounds: dict[str, Value], messages: Sequence[Message]) -> str:
    said = " ".join(message["content"] for message in messages if message["role"] == "user")
    keys = _KEY.findall(said)
    results = _results(messages)
    if keys and (domain.lookup.name, keys[-1]) not in results:
        return tool_call(domain.lookup.name, {"id": keys[-1]})
    if not keys or results[domain.lookup.name, keys[-1]].startswith("Error"):
        return f"<question>Which {domain.noun}?</question>"
    key = keys[-1]
    record = json.loads(results[domain.lookup.name, key])
    verdict = judge(intent, bounds, record)
    # What has just been read is weighed in words, rule by rule, before anything is decided on it.
    weighed = f"{weigh(intent, bounds, record)} " if messages[-1]["role"] == "tool" else ""
    if verdict is not None:
        return weighed + (REFUSE if verdict == "deny" else TRANSFER)
    if (intent.name, key) in results:
        return DONE
    policy = messages[0]["content"]
    if policy.endswith(CONFIRM_CLAUSE) or CONFIRM_FIRST in policy:
        if not any(message["content"].endswith(CONFIRM) for message in messages):
            return weighed + CONFIRM
        if messages[-1]["content"] != YES:
            return KEPT
    arguments: dict[str, Any] = {"id": key}
    if intent.amount and (amount := _AMOUNT.search(said)):
        arguments[intent.amount] = int(amount.group())
    return weighed + tool_call(intent.name, arguments)


def judge(intent: Intent, bounds: dict[str, Value], record: dict[str, Value]) -> Verdict | None:
    """What the policy says about a record: the first rule that fails decides; ``None`` when it is allowed."""
    for rule in intent.rules:
        if not rule.holds(record[rule.field], bounds[rule.field]):
            return rule.otherwise
    return None


def weigh(intent: Intent, bounds: dict[str, Value], record: dict[str, Value]) -> str:
    """The rules against a record in words, up to the first that fails: ``paid is paid, 12 is under 30.``"""
    said = []
    for rule in intent.rules:
        said.append(rule.compare(record[rule.field], bounds[rule.field]))
        if not rule.holds(record[rule.field], bounds[rule.field]):
            break
    return f"{', '.join(said)}."


def tool_call(name: str, arguments: dict[str, Any]) -> str:
    """One assistant message with one tool call, in Hermes form."""
    call = json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False)
    return f"<tool_call>{call}</tool_call>"


def _results(messages: Sequence[Message]) -> dict[tuple[str, str], str]:
    """The last result of each tool for each record, by the tool's name and the record's key."""
    results: dict[tuple[str, str], str] = {}
    called: list[tuple[str, str]] = []
    for message in messages:
        if message["role"] == "assistant":
            called = [(call.name, str(call.arguments.get("id"))) for call in parse_assistant(message["content"]).calls]
        elif message["role"] == "tool" and called:
            results[called.pop(0)] = message["content"]
    return results
