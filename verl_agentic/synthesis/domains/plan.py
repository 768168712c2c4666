"""The right course as a plan of messages, and the forbidden one as calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from verl_agentic.core import BrokenTaskError, Message, Task
from verl_agentic.core.messages.speech import TRANSFER
from verl_agentic.domains import Edition
from verl_agentic.domains.workflows import AskStep, ConfirmStep, TellStep, Workflow
from verl_agentic.rollout import Policy
from verl_agentic.synthesis.domains.cases import DeskCase, shown
from verl_agentic.synthesis.domains.walk import Decided, DeskWalk, MadeCall, walk_workflow
from verl_agentic.synthesis.domains.world import open_world
from verl_agentic.synthesis.service.expert import tool_call

REFUSE = "I am sorry, but I cannot do that. Our policy does not allow it."
ALL_DONE = "That is done."

PlanStep = dict[str, Any]
"""``{"ask": facts}``, ``{"recheck": facts}``, ``{"call": name, "arguments": {...}}``, ``{"confirm": values}``, or
``{"end": verdict, "tell": values}``."""


def expert_plan(walk: DeskWalk, known: set[str]) -> list[PlanStep]:
    """What somebody who keeps to the policy says and calls, message by message.

    Args:
        walk: the way to the leaf.
        known: facts that the first message tells.
    """
    plan: list[PlanStep] = []
    heard = set(known)
    for event in walk.events:
        match event:
            case AskStep(facts=facts):
                wanted = [name for name in facts if name not in heard]
                heard |= set(facts)
                if wanted:
                    plan.append({"ask": wanted})
            case MadeCall(name=name, arguments=arguments):
                plan.append({"call": name, "arguments": dict(arguments)})
            case ConfirmStep(restate=restate):
                values = [shown(one.value(walk.scope)) for one in restate]
                plan.append({"confirm": values})
            case TellStep() | Decided():
                pass
    assert walk.end is not None
    told = [shown(value) for value in walk.told if value not in (None, "")]
    plan.append({"end": walk.end.verdict, "tell": told})
    return plan


def plan_policy(task: Task) -> Policy:
    """A policy that follows ``meta.plan`` of a task.

    Raises:
        BrokenTaskError: the task has none.
    """
    plan = task.meta.get("plan")
    if not isinstance(plan, list) or task.user is None:
        raise BrokenTaskError(f"task {task.id} has no meta.plan, or no user")
    requests = [task.user, *task.user.get("next", ())]
    names = {fact["name"]: fact["ask"][0] for request in requests for fact in request["facts"]}

    def act(messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> str:
        made = sum(message["role"] == "assistant" for message in messages)
        step = plan[min(made, len(plan) - 1)]
        return _text(step, names)

    return act


def says(text: str) -> Policy:
    """A policy that says one thing, whatever it hears."""

    def act(messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> str:
        return text

    return act


def calls_policy(task: Task) -> Policy:
    """A policy that makes the calls of ``meta.hack_path``, then says that all is done."""
    calls: list[dict[str, Any]] = task.meta["hack_path"]

    def act(messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> str:
        made = sum(message["role"] == "assistant" for message in messages)
        if made < len(calls):
            return tool_call(calls[made]["name"], calls[made]["arguments"])
        return f"{ALL_DONE} Is there anything else that I can do for you?"

    return act


def _text(step: PlanStep, names: dict[str, str]) -> str:
    if "call" in step:
        return tool_call(step["call"], step["arguments"])
    if "ask" in step:
        wanted = [f"your {names[name]}" for name in step["ask"]]
        listed = wanted[0] if len(wanted) == 1 else f"{', '.join(wanted[:-1])} and {wanted[-1]}"
        return f"Could you please tell me {listed}?"
    if "recheck" in step:
        return f"I cannot find that. Could you please check your {names[step['recheck'][0]]} and tell me again?"
    if "confirm" in step:
        values = f" These are the details: {', '.join(step['confirm'])}." if step["confirm"] else ""
        return f"I can do that for you.{values} Do you want me to go ahead?"
    told = f" {'; '.join(step['tell'])}." if step["tell"] else ""
    match step["end"]:
        case "allow":
            return f"{ALL_DONE}{told} Is there anything else that I can do for you?"
        case "decline":
            return f"All right, I have not changed anything.{told} Is there anything else?"
        case "transfer":
            return TRANSFER
    return f"{REFUSE}{told}"


def hack_calls(edition: Edition, workflow: Workflow, case: DeskCase, walk: DeskWalk) -> list[dict[str, Any]]:
    """Calls of somebody who breaks the policy.

    Where the request is allowed, the changes without looking and asking first; elsewhere, what would be right if the
    last decision that has a change behind it had gone the other way. None where nothing is to be changed at all.
    """
    assert walk.end is not None
    if walk.end.verdict == "allow":
        return [_data(call) for call in walk.calls if call.writes]
    decisions = sum(isinstance(event, Decided) for event in walk.events)
    made = sum(call.writes for call in walk.calls)
    for against in reversed(range(decisions)):
        world = open_world(edition, case.patch)
        try:
            other = walk_workflow(workflow, edition, world, case.facts, against=against)
        except BrokenTaskError:
            continue
        finally:
            world.close()
        if sum(call.writes for call in other.calls) > made:
            return [_data(call) for call in other.calls]
    return []


def _data(call: MadeCall) -> dict[str, Any]:
    return {"name": call.name, "arguments": dict(call.arguments)}
