"""Each check passes what this package ships, and names what is wrong with what does not keep to the contract."""

from __future__ import annotations

import dataclasses
import json
import random
import time
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from verl_agentic.contracts import (
    ContractError,
    check_chat_model,
    check_environment,
    check_family,
    check_hook,
    check_operator,
    check_reward,
    check_tree_operator,
    check_user,
)
from verl_agentic.core import Message, Task
from verl_agentic.core.chat import ChatReply, make_chat_model
from verl_agentic.flywheel import FrontierHook, RoundInput, RoundResult
from verl_agentic.reward_fns.math import compute_score
from verl_agentic.rollout import Policy
from verl_agentic.synthesis.base import Split
from verl_agentic.synthesis.families import load_families
from verl_agentic.synthesis.math.family import MathFamily
from verl_agentic.synthesis.reasoning import Operator, make_operators
from verl_agentic.synthesis.trees.operators import OPERATORS, TreeOperator
from verl_agentic.tool_envs import Environment, NoUser, User, UserReply
from verl_agentic.tool_envs.calculator import CalculatorEnvironment
from verl_agentic.tool_envs.users.scripted import ScriptedUser


def a_task(kind: str = "math", structure: str = "add-sub") -> Task:
    [family] = load_families([kind])
    return family.generate(structure or family.structures("train")[0], random.Random(0))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["math", "sql", "service", "tree"])
def test_built_in_families_keep_theirs(name: str) -> None:
    [family] = load_families([name])
    assert check_family(family, structures=4) >= 4


class Twice(MathFamily):
    def structures(self, split: Split) -> tuple[str, ...]:
        return super().structures("train")


class Random(MathFamily):
    def generate(self, structure: str, rng: random.Random) -> Task:
        return super().generate(structure, random.Random())


class Wrong(MathFamily):
    def generate(self, structure: str, rng: random.Random) -> Task:
        return dataclasses.replace(super().generate(structure, rng), ground_truth={"answer": "-1"}, id="")


class Misnamed(MathFamily):
    kind: ClassVar[str] = "maths"


class Clever(MathFamily):
    def careless(self, task: Task) -> Policy:
        return self.expert(task)


class Unmarked(MathFamily):
    def natural(self, task: Task) -> Task:
        asked: Message = {"role": "system", "content": "Please solve this."}
        return dataclasses.replace(task, messages=[asked, *task.messages[1:]], id="")


class Unsteady(MathFamily):
    def natural(self, task: Task) -> Task:
        more: Message = {"role": "system", "content": f"{task.messages[0]['content']} Please."}
        return dataclasses.replace(super().natural(task), messages=[more, *task.messages[1:]], id="")


class Easier(MathFamily):
    def natural(self, task: Task) -> Task:
        return dataclasses.replace(super().natural(task), ground_truth={"answer": "-1"}, id="")


class Orphaned(MathFamily):
    def harder(self, task: Task, rng: random.Random) -> Task | None:
        found = super().harder(task, rng)
        return found and dataclasses.replace(found, parent=None)


@pytest.mark.parametrize(
    ("family", "problem"),
    [
        (Twice, "stands in train and in validation"),
        (Random, "gives two tasks for one seed"),
        (Wrong, "its expert gets 0"),
        (Misnamed, "is of kind 'math', not 'maths'"),
        (Clever, "the careless policy gets the full reward"),
        (Unmarked, 'is not marked; give it meta\\["register"\\] = "natural"'),
        (Unsteady, "is another when it is told again"),
        (Easier, "in plain words: its expert gets 0"),
        (Orphaned, "must name its parent"),
    ],
)
def test_a_family_that_does_not(family: type[MathFamily], problem: str) -> None:
    with pytest.raises(ContractError, match=problem):
        check_family(family(), structures=2)


@pytest.mark.parametrize("name", ["deepen", "enlarge", "distract", "reverse", "rephrase"])
def test_built_in_operators_keep_theirs(name: str) -> None:
    [operator] = [one for one in make_operators([name], ()) if one.kind == "math"]
    assert check_operator(operator, [a_task()])


class Same(Operator):
    name = "same"
    kind = "math"

    def __call__(self, task: Task, rng: random.Random) -> Task | None:
        return self.grow(task, task.messages[-1]["content"])


class Told(Same):
    name = "told"

    def __call__(self, task: Task, rng: random.Random) -> Task | None:
        return self.grow(task, f"{task.messages[-1]['content']} It is {task.ground_truth['answer']}.")


class Moody(Same):
    name = "moody"

    def __call__(self, task: Task, rng: random.Random) -> Task | None:
        return self.grow(task, f"{random.random()}")


class Idle(Same):
    name = "idle"

    def __call__(self, task: Task, rng: random.Random) -> Task | None:
        return None


class NeverChosen(Idle):
    name = "never_chosen"
    remedies = frozenset()
    hardens = False


class Unverified(Same):
    kind = "service"


@pytest.mark.parametrize(
    ("operator", "task", "problem"),
    [
        (Same, "math", "gives the parent itself"),
        (Told, "math", "leaks_answer"),
        (Moody, "math", "makes two tasks of one seed"),
        (Idle, "math", "made nothing"),
        (NeverChosen, "math", "it is never chosen"),
        (Unverified, "math", "none of the tasks is of its kind 'service'"),
        (Unverified, "service", "verl_agentic.synthesis.reasoning.register_routes"),
    ],
)
def test_an_operator_that_does_not(operator: type[Operator], task: str, problem: str) -> None:
    with pytest.raises(ContractError, match=problem):
        check_operator(operator(), [a_task(task, "add-sub" if task == "math" else "")])


@pytest.mark.slow
@pytest.mark.parametrize("name", list(OPERATORS))
def test_built_in_tree_operators_keep_theirs(name: str) -> None:
    assert check_tree_operator(OPERATORS.get(name))


class Nothing(TreeOperator):
    name = "nothing"

    def sites(self, tree: Any) -> tuple[str, ...]:
        return ("root",)

    def change(self, tree: Any, site: str) -> Any:
        return tree


class Nowhere(Nothing):
    def sites(self, tree: Any) -> tuple[str, ...]:
        return ()


class Taken(Nothing):
    name = "hidden"


class Cut(Nothing):
    def change(self, tree: Any, site: str) -> Any:
        return dataclasses.replace(tree, nodes={})


@pytest.mark.parametrize(
    ("operator", "problem"),
    [
        (Nothing, "changes no node"),
        (Nowhere, "applies nowhere"),
        (Taken, "the name of a built-in operator"),
        (Cut, "gives no fit tree"),
    ],
)
def test_a_tree_operator_that_does_not(operator: type[TreeOperator], problem: str) -> None:
    with pytest.raises(ContractError, match=problem):
        check_tree_operator(operator())


def test_a_built_in_environment_keeps_its() -> None:
    [call, refused] = check_environment(
        CalculatorEnvironment, a_task(), [("calc", {"expression": "6*7"}), ("calc", {"expression": "6/0"})]
    )
    assert (call.result, refused.error) == ("42", "rejected")


class Shared(CalculatorEnvironment):
    seen: ClassVar[list[str]] = []

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        self.seen.append(arguments["expression"])
        return "ok"

    def state(self) -> dict[str, Any]:
        return {"seen": list(self.seen)}


class Drawn(CalculatorEnvironment):
    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        return f"{random.random()}"


class Clocked(CalculatorEnvironment):
    def state(self) -> dict[str, Any]:
        return {"at": time.perf_counter_ns()}


class Tuples(CalculatorEnvironment):
    def state(self) -> dict[str, Any]:
        return {"pair": (1, 2)}


class Failing(CalculatorEnvironment):
    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        raise KeyError(name)


@pytest.mark.parametrize(
    ("env", "problem"),
    [
        (Shared, "end as|shows in another"),
        (Drawn, "give other results"),
        (Clocked, "end as"),
        (Tuples, "comes back from JSON as another"),
        (Failing, "KeyError"),
    ],
)
def test_an_environment_that_does_not(env: type[Environment], problem: str) -> None:
    with pytest.raises(ContractError, match=problem):
        check_environment(env, a_task(), [("calc", {"expression": "6*7"})])


def test_a_call_must_fit_the_schema() -> None:
    with pytest.raises(ContractError, match="is not executed"):
        check_environment(CalculatorEnvironment, a_task(), [("calc", {"number": 6})])


SCRIPT = {"facts": [{"ask": ["number"], "say": "It is 417."}], "confirm": "Yes."}


def test_built_in_users_keep_theirs() -> None:
    task = dataclasses.replace(a_task(), user=SCRIPT)
    assert "It is 417." in [reply.content for reply in check_user(ScriptedUser, task)]
    assert check_user(NoUser, task) == []


class Told417(User):
    def open(self, task: Task, seed: int) -> None:
        self.said = getattr(self, "said", 0)

    def reply(self, message: str) -> UserReply | None:
        self.said += 1
        return UserReply(f"{self.said}", stop=self.said % 3 == 2)


class Endless(Told417):
    def reply(self, message: str) -> UserReply | None:
        return UserReply("Hm.")


class Mute(Told417):
    def reply(self, message: str) -> UserReply | None:
        return UserReply(" ")


class Parrot(Told417):
    def reply(self, message: str) -> UserReply | None:
        return UserReply(message)


class Gone(Told417):
    def reply(self, message: str) -> UserReply | None:
        self.said += 1
        return UserReply("Hm.") if self.said < 3 else None


@pytest.mark.parametrize(
    ("user", "problem"),
    [
        (Told417, "when it is opened again"),
        (Endless, "run out of patience"),
        (Mute, "says nothing"),
        (Parrot, "says '###'"),
        (Gone, "nobody answers, after 2"),
    ],
)
def test_a_user_that_does_not(user: type[User], problem: str) -> None:
    with pytest.raises(ContractError, match=problem):
        check_user(user, a_task())


RIGHT, WRONG = [("<answer>42</answer>", {"answer": "42"})], [("<answer>43</answer>", {"answer": "42"})]


def test_a_built_in_reward_keeps_its() -> None:
    assert [result["score"] for result in check_reward(compute_score, RIGHT, WRONG)] == [1.0, 0.0]


@pytest.mark.parametrize(
    ("score", "problem"),
    [
        (lambda **_: 1.0, "gets acc 1, not 0"),
        (lambda **_: 0.0, "gets acc 0, not 1"),
        (lambda solution_str, **_: float("43" not in solution_str), "is right by this reward"),
        (lambda solution_str, **_: int(solution_str.split(">")[1].split("<")[0]) == 42, "failed"),
        (lambda extra_info=None, **_: float(bool(extra_info)), "without extra_info"),
        (lambda solution_str, **_: {"score": 0.5, "acc": float("42" in solution_str)}, "it would pay to be wrong"),
    ],
)
def test_a_reward_that_does_not(score: Callable[..., Any], problem: str) -> None:
    with pytest.raises(ContractError, match=problem):
        check_reward(score, RIGHT, WRONG)


def math_only() -> list[Any]:
    return load_families(["math"])


def test_a_built_in_hook_keeps_its() -> None:
    families = math_only()
    record = check_hook(lambda: FrontierHook({family.kind: family for family in families}), families)
    assert record.counts["added"] == 4


def fresh(round: RoundInput, structure: str = "add", rng: random.Random | None = None, count: int = 2) -> RoundResult:
    [family] = math_only()
    return RoundResult([family.generate(structure, rng or round.rng) for _ in range(count)])


def unsolvable(round: RoundInput) -> RoundResult:
    return RoundResult([dataclasses.replace(task, reward="sql", id="") for task in fresh(round).new_tasks])


@pytest.mark.parametrize(
    ("hook", "problem"),
    [
        (lambda round: fresh(round, rng=random.Random()), "draw from round.rng alone"),
        (lambda round: fresh(round, count=9), "keep to round.wanted"),
        (fresh, "0 new tasks are wanted, and it makes 2"),
        (lambda round: fresh(round, MathFamily().structures("held_out")[0]), "kept for evaluation"),
        (unsolvable, "must not enter"),
        (lambda round: round.results[7], "failed in round 1 with IndexError"),
    ],
)
def test_a_hook_that_does_not(hook: Callable[[RoundInput], RoundResult], problem: str) -> None:
    with pytest.raises(ContractError, match=problem):
        check_hook(lambda: hook, math_only())


def test_the_built_in_client_keeps_its(endpoint: Any, llm: dict[str, Any]) -> None:
    endpoint.content = lambda body: json.dumps({"city": "Oslo"})
    assert [reply.parsed for reply in check_chat_model(lambda: make_chat_model(llm))] == [None, {"city": "Oslo"}]


class Canned:
    def __init__(self, reply: Any) -> None:
        self._reply = reply

    async def complete(self, request: Any) -> Any:
        return self._reply

    def metrics(self) -> dict[str, float]:
        return {}


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        ("Hello.", "must return a ChatReply"),
        (ChatReply("Hello."), "does not match the request's schema"),
        (ChatReply("Hello.", {"city": "Oslo"}), "without a schema"),
    ],
)
def test_a_client_that_does_not(reply: Any, problem: str) -> None:
    with pytest.raises(ContractError, match=problem):
        check_chat_model(lambda: Canned(reply))
