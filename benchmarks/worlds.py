"""What cannot pass in the library of domains: policies that take a short cut, and experts with one flaw.

``python -m benchmarks.worlds [--tasks 40] [--grown 60]``; the last line is one JSON object. Short cuts play tasks of
every domain, drawn as training draws them; a domain in which one of them passes often teaches it. Experts with a flaw
play tasks as they are and grown by one operator: how much fewer they solve is what the operator asks for. The figures
are success rates, not speeds; the peer of every operator is the same request as it is.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from rich.progress import track

from benchmarks.harness import machine, report
from verl_agentic.core import BrokenTaskError, Message, RejectedError, Task
from verl_agentic.core.messages.speech import TRANSFER
from verl_agentic.domains import domain_folders
from verl_agentic.rollout import Policy
from verl_agentic.synthesis.domains.catalog import DESK_OPERATORS
from verl_agentic.synthesis.domains.check import score
from verl_agentic.synthesis.domains.disturbances import PlantedOrder
from verl_agentic.synthesis.domains.family import DomainFamily
from verl_agentic.synthesis.domains.plan import ALL_DONE, REFUSE, calls_policy, plan_policy, says

TRIES = 40


def always(text: str) -> Callable[[Task], Policy]:
    """Says one thing in every task."""
    return lambda task: says(text)


def with_plan(task: Task, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Policy:
    """The expert with a plan that is changed."""
    return plan_policy(replace(task, meta={**task.meta, "plan": change([*task.meta["plan"]])}))


def looks_then(text: str) -> Callable[[Task], Policy]:
    """Asks and reads like the expert up to the first change, and ends in one way whatever it has read."""

    def policy(task: Task) -> Policy:
        writes = {change["call"]["name"] for change in task.ground_truth["preconditions"]}
        plan = task.meta["plan"]
        steps = []
        for step in plan:
            if "confirm" in step or "end" in step or step.get("call") in writes:
                break
            steps.append(step)
        before = with_plan(task, lambda _: steps) if steps else None

        def act(messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> str:
            made = sum(message["role"] == "assistant" for message in messages)
            return before(messages, tools) if before and made < len(steps) else text  # type: ignore[return-value]

        return act

    return policy


SHORTCUTS: dict[str, Callable[[Task], Policy]] = {
    "refuse at once": always(REFUSE),
    "transfer at once": always(TRANSFER),
    "say that all is done": always(ALL_DONE),
    "ask for ever": always("Could you please tell me more about it?"),
    "do as told without looking": calls_policy,
    "look, then refuse": looks_then(REFUSE),
    "look, then transfer": looks_then(TRANSFER),
}


def never_asks(task: Task) -> Policy:
    """Acts on the first message: what it was not told, it does not know."""
    facts = [fact for request in (task.user, *task.user.get("next", ())) for fact in request["facts"]]  # type: ignore[union-attr,misc]
    unknown = {fact["value"] for fact in facts if not fact["known"]}

    def change(plan: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {**step, "arguments": {key: "?" if value in unknown else value for key, value in step["arguments"].items()}}
            if "call" in step
            else step
            for step in plan
            if "ask" not in step
        ]

    return with_plan(task, change)


def takes_no_for_yes(task: Task) -> Policy:
    """Makes the change, whatever the user says to it."""

    def change(plan: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if plan[-1].get("end") != "decline":
            return plan
        made = [step.get("call") for step in plan]
        rest = [one for one in task.meta["hack_path"] if one["name"] not in made]
        return [*plan[:-1], *({"call": one["name"], "arguments": one["arguments"]} for one in rest), plan[-1]]

    return with_plan(task, change)


def looks_nothing_up(task: Task) -> Policy:
    """Uses numbers that it was told or shown, and makes no call to find one."""
    known = {one["name"] for one in task.meta["normal_path"]}
    expert = with_plan(task, lambda plan: [step for step in plan if "call" not in step or step["call"] in known])

    def act(messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> str:
        text = expert(messages, tools)
        assert isinstance(text, str)
        seen = " ".join(message["content"] for message in messages[1:])
        for number in task.user["expects"] if task.user else ():
            if f'"{number}"' in text and number not in seen:
                text = text.replace(number, "?")
        return text

    return act


def takes_the_first(task: Task) -> Policy:
    """Takes the first record of a list for the one that is meant."""
    expert = plan_policy(task)

    def act(messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> str:
        text = expert(messages, tools)
        assert isinstance(text, str)
        for message in messages:
            if message["role"] == "tool":
                for wrong, right in _others(message["content"], text):
                    return text.replace(right, wrong)
        return text

    return act


def _others(reply: str, text: str) -> list[tuple[str, str]]:
    """For a number in ``text`` that a list of a reply holds, the first number of that list."""
    try:
        waiting = [json.loads(reply)]
    except ValueError:
        return []
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += [value for value in one.values() if isinstance(value, dict | list)]
        elif isinstance(one, list) and len(one) > 1 and all(isinstance(row, dict) for row in one):
            key = next(iter(one[0]), "")
            numbers = [str(row.get(key)) for row in one]
            found = next((number for number in numbers if f'"{number}"' in text), None)
            if found is not None and found != numbers[0] and len(found) > 3:
                return [(numbers[0], found)]
    return []


def gives_up(task: Task) -> Policy:
    """Hands over at the first error of a tool."""
    return _until(task, lambda messages: any(one.startswith("Error") for one in _said(messages, "tool")))


def obeys_records(task: Task) -> Policy:
    """Does as a record tells it."""
    orders = PlantedOrder.ORDERS
    return _until(task, lambda messages: any(order in one for one in _said(messages, "tool") for order in orders))


def gives_way(task: Task) -> Policy:
    """Hands over once the user has insisted three times."""
    return _until(task, lambda messages: sum(REFUSE in one for one in _said(messages, "assistant")) >= 3)


def serves_once(task: Task) -> Policy:
    """Takes the first request for the only one."""
    plan = task.meta["plan"]
    first = next(place for place, step in enumerate(plan) if "end" in step)
    return with_plan(task, lambda steps: steps[: first + 1])


def keeps_to_the_first_word(task: Task) -> Policy:
    """Takes what was first agreed on for what is wanted: the step behind a confirmation is the confirmed one."""
    plan = task.meta["plan"]
    places = [place for place, step in enumerate(plan) if "confirm" in step]
    return with_plan(task, lambda steps: [*steps[: places[0] + 1], *steps[places[-1] + 1 :]] if places else steps)


def _said(messages: Sequence[Message], role: str) -> list[str]:
    return [message["content"] for message in messages if message["role"] == role]


def _until(task: Task, holds: Callable[[Sequence[Message]], bool]) -> Policy:
    """The expert, who hands over from where something holds."""
    expert = plan_policy(task)

    def act(messages: Sequence[Message], tools: Sequence[dict[str, Any]]) -> str:
        return TRANSFER if holds(messages) else expert(messages, tools)  # type: ignore[return-value]

    return act


FLAWS: dict[str, tuple[str, Callable[[Task], Policy]]] = {
    "missing": ("never asks", never_asks),
    "declining": ("takes a no for a yes", takes_no_for_yes),
    "mistaken": ("gives up at an error", gives_up),
    "outage": ("gives up at an error", gives_up),
    "planted_order": ("obeys records", obeys_records),
    "adversary": ("gives way when pressed", gives_way),
    "second": ("serves one request", serves_once),
    "again": ("serves one request", serves_once),
    "forgotten": ("looks nothing up", looks_nothing_up),
    "lookalikes": ("takes the first record", takes_the_first),
    "changed_mind": ("keeps to the first word", keeps_to_the_first_word),
}
"""By operator, the flaw that it is meant to show. Those that are not here make reading harder, not acting."""


def shortcuts(tasks: int) -> dict[str, dict[str, float]]:
    """Success of each short cut by domain."""
    found: dict[str, dict[str, float]] = {}
    for name in track(list(domain_folders()), description="short cuts", transient=True):
        family = DomainFamily((name,))
        structures = [one for split in ("train", "validation", "held_out") for one in family.structures(split)]
        rng = random.Random(name)
        drawn = []
        while len(drawn) < tasks:
            try:
                drawn.append(family.generate(rng.choice(structures), rng))
            except BrokenTaskError:
                continue
        found[name] = {
            cut: sum(score(task, policy(task))[0] for task in drawn) / tasks for cut, policy in SHORTCUTS.items()
        }
    return found


def flaws(wanted: int) -> dict[str, dict[str, Any]]:
    """Success of experts with a flaw on tasks as they are, and grown by the operator that is meant to show it."""
    family = DomainFamily()
    structures = family.structures("train")
    found: dict[str, dict[str, Any]] = {}
    for operator, (flaw, policy) in track(FLAWS.items(), description="flaws", transient=True):
        rng = random.Random(operator)
        results: dict[str, list[float]] = defaultdict(list)
        for _ in range(wanted * TRIES):
            if len(results["grown"]) == wanted:
                break
            try:
                task = family.generate(rng.choice(structures), rng)
                growths = family.growths(task, [DESK_OPERATORS.get(operator).name])
                grown = growths[0].grow(rng)
            except (BrokenTaskError, RejectedError, IndexError):
                continue
            if score(grown, plan_policy(grown))[0] < 1:
                continue
            results["as it is"].append(score(task, policy(task))[0])
            results["grown"].append(score(grown, policy(grown))[0])
        found[operator] = {
            "flaw": flaw,
            "tasks": len(results["grown"]),
            **{key: round(sum(values) / max(1, len(values)), 3) for key, values in results.items()},
        }
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tasks", type=int, default=40, help="of every domain, for the short cuts")
    parser.add_argument("--grown", type=int, default=60, help="by every operator, for the flaws")
    arguments = parser.parse_args()
    by_domain = shortcuts(arguments.tasks)
    worst: dict[str, dict[str, Any]] = {}
    for cut in SHORTCUTS:
        rates = {name: rates[cut] for name, rates in by_domain.items()}
        highest = max(rates, key=lambda name: rates[name])
        mean = sum(rates.values()) / len(rates)
        worst[cut] = {"library": round(mean, 3), "highest": round(rates[highest], 3), "domain": highest}
        print(f"{cut:30} {mean:6.1%} over the library, {rates[highest]:6.1%} in {highest}")
    by_operator = flaws(arguments.grown)
    for operator, result in by_operator.items():
        print(f"{operator:15} {result['flaw']:25} {result['as it is']:6.1%} -> {result['grown']:6.1%}")
    before = sum(one["as it is"] for one in by_operator.values()) / len(by_operator)
    after = sum(one["grown"] for one in by_operator.values()) / len(by_operator)
    report(
        "worlds",
        "success of experts with one flaw on tasks grown by the operator that shows it; the peer is the same "
        "requests as they are",
        "success rate",
        round(after, 3),
        round(before, 3),
        {"shortcuts": worst, "flaws": by_operator, "machine": machine()},
    )


if __name__ == "__main__":
    main()
