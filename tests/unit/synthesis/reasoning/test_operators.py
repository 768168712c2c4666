"""Operators on math and SQL tasks: what they make is right, new, of training's structures, and can be solved."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import random
from pathlib import Path
from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError, Task, UserInputError
from verl_agentic.databases.open import GuardedDatabase
from verl_agentic.reward_fns.registry import judge
from verl_agentic.rollout import play
from verl_agentic.synthesis.base import TaskFamily
from verl_agentic.synthesis.math.family import MathFamily
from verl_agentic.synthesis.math.operators import trained_pairs
from verl_agentic.synthesis.math.solve import calculated, solved
from verl_agentic.synthesis.math.story import read_story
from verl_agentic.synthesis.question import question_of
from verl_agentic.synthesis.reasoning import OPERATORS, Operator, make_operators
from verl_agentic.synthesis.reasoning.persona import Persona
from verl_agentic.synthesis.reasoning.personas import load_personas
from verl_agentic.synthesis.reasoning.routes import ROUTES
from verl_agentic.synthesis.sql.evaluate import evaluate, ties
from verl_agentic.synthesis.sql.family import SqlFamily
from verl_agentic.synthesis.sql.query import Condition, Query

FAMILIES: dict[str, TaskFamily] = {"math": MathFamily(), "sql": SqlFamily()}
TEMPLATES = make_operators(None, load_personas())
CASES = [
    pytest.param(operator, kind, id=f"{kind}-{operator.name}")
    for operator in TEMPLATES
    for kind in FAMILIES
    if operator.kind in ("", kind)
]


@functools.cache
def parents(kind: str) -> tuple[Task, ...]:
    """Training tasks of many structures."""
    family, rng = FAMILIES[kind], random.Random(7)
    structures = family.structures("train")
    chosen = structures[:: max(1, len(structures) // 10)][:10]
    chosen += tuple(name for name in structures if name in ("max-none", "min-none", "max-gt", "min-lt"))
    return tuple(family.generate(structure, rng) for structure in chosen)


def grown(operator: Operator, kind: str) -> list[tuple[Task, Task]]:
    """Parents with what the operator made of them."""
    found = []
    for number, parent in enumerate(parents(kind)):
        child = operator(parent, random.Random(number))
        assert child is None or isinstance(child, Task)
        if child:
            found.append((parent, child))
    return found


@pytest.mark.parametrize(("operator", "kind"), CASES)
@pytest.mark.slow
async def test_what_an_operator_makes_is_solved_in_every_way(operator: Operator, kind: str) -> None:
    pairs = grown(operator, kind)
    assert len(pairs) >= 2
    family = FAMILIES[kind]
    kept_back = {*family.structures("validation"), *family.structures("held_out")}
    for parent, child in pairs:
        assert (child.parent, child.operator, child.generator) == (parent.id, operator.name, "")
        assert child.id != parent.id and child.structure not in kept_back
        assert child.messages[0] == parent.messages[0]
        assert [route(child) for route in ROUTES.get(kind)] == [None, None], child.messages
        dialogue = await play(child, family.expert(child))
        assert (await judge(child, dialogue.trajectory))["acc"] == 1.0, child.messages
        assert all(call.error is None for call in dialogue.trajectory.calls)
        assert Task.from_json(child.to_json()) == child


@pytest.mark.parametrize(("operator", "kind"), CASES)
def test_operators_are_deterministic(operator: Operator, kind: str) -> None:
    parent = parents(kind)[-1]
    assert operator(parent, random.Random(5)) == operator(parent, random.Random(5))


@pytest.mark.parametrize(("operator", "kind"), CASES)
def test_foreign_tasks_are_left_alone(operator: Operator, kind: str) -> None:
    if operator.kind == "":
        return
    odd = dataclasses.replace(parents(kind)[0], id="", messages=[{"role": "user", "content": "Who? " * 3000}])
    assert operator(odd, random.Random(0)) is None


def test_chains_that_are_held_out_are_not_grown() -> None:
    family = FAMILIES["math"]
    for structure in family.structures("held_out")[:5]:
        task = family.generate(structure, random.Random(1))
        for operator in TEMPLATES:
            if operator.kind == "math":
                assert operator(task, random.Random(2)) is None


def test_growing_again_and_again_stays_with_trained_pairs() -> None:
    deepen = next(operator for operator in TEMPLATES if (operator.name, operator.kind) == ("deepen", "math"))
    task, rng = FAMILIES["math"].generate("add", random.Random(0)), random.Random(0)
    depths = []
    while isinstance(child := deepen(task, rng), Task):
        task = child
        depths.append(task.depth)
        assert set(itertools.pairwise(read_story(question_of(task.messages)).chain)) <= trained_pairs()
    assert depths == [2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Ann has X pens. She buys 7 more. She sells half. Now she has 9 pens. What is X?", 11),
        ("Ann has 3 boxes of X pens. Ben sells 9 cups. She keeps 50 percent. Now she has 6 pens. What is X?", 4),
        ("Ann has 30 pens. She makes X equal piles and keeps one. She buys 7 more. Now she has 13 pens. What is X?", 5),
        ("Ann has 40 pens. She keeps X percent. Now she has 10 pens. How much is X?", 25),
        ("Ann has 40 pens. She gives away X. The pile doubles. Now she has 10 pens. How much is X?", 35),
        ("A nurse asks: There are 8 pens on the table of Ann. After a year there are twice as many. She is 9 years old."
         " What is the number of pens in the end?", 16),
    ],
)  # fmt: skip
def test_two_ways_to_the_unknown(text: str, answer: int) -> None:
    story = read_story(question_of([{"role": "user", "content": text}]))
    assert calculated(story) == solved(story) == answer


@pytest.mark.parametrize(
    "text",
    [
        "Ann has X pens. She buys X more. Now she has 9 pens. What is X?",
        "Ann has X pens. She buys 2 more. What is X?",
        "Ann has 3 pens. She buys 2 more. Now she has 5 pens. What is X?",
        "Ann has X pens. Now she has 9 pens. She buys 2 more. What is X?",
        "Ann has X pens. She buys 2 more. Now she has 5 pens. How many pens are left?",
        "Ann has 99999999999 pens. She buys 2 more. How many pens are left?",
        "Ann has 3 pens. She eats 2. How many pens are left?",
        "",
    ],
)
def test_stories_without_one_unknown_are_not_read(text: str) -> None:
    with pytest.raises(ValueError):
        read_story(text)


def test_equations_without_a_root_are_broken() -> None:
    with pytest.raises(BrokenTaskError):
        solved(read_story("Ann has 0 pens. Now she has X times as many. Now she has 5 pens. What is X?"))


def test_wrong_references_are_seen_by_each_route() -> None:
    for kind, wrong in (("math", {"answer": "1000000"}), ("sql", None)):
        for task in parents(kind):
            truth = wrong or {**task.ground_truth, "sql": f"{task.ground_truth['sql']} LIMIT 0".replace("LIMIT 2 ", "")}
            broken = dataclasses.replace(task, id="", ground_truth=truth)
            assert all(route(broken) for route in ROUTES.get(kind)), task.messages


SCHEMA = ["CREATE TABLE dogs(name TEXT, city TEXT, age INTEGER)", "CREATE TABLE cities(city TEXT, land TEXT)"]
ROWS = {
    "dogs": [["a", "Rome", 3], ["b", "Oslo", None], ["c", "Rome", 9], ["d", "Lima", 5]],
    "cities": [["Rome", "I"], ["Oslo", "N"], ["Lima", "P"]],
}


@pytest.mark.parametrize(
    "query",
    [
        Query("count", "dogs"),
        Query("avg", "dogs", "age"),
        Query("sum", "dogs", "age", conditions=(Condition("age", ">", 100),)),
        Query("count", "dogs", conditions=(Condition("age", ">", 100),)),
        Query("max", "dogs", "age", conditions=(Condition("city", "!=", "Rome"),)),
        Query("list", "dogs", "name", conditions=(Condition("age", "<", "average"),)),
        Query("list", "dogs", "name", conditions=(Condition("land", "=", "I"),), join=("cities", "city")),
        Query("top", "dogs", "age", "name", conditions=(Condition("age", ">", 1),), limit=2),
        Query("low", "dogs", "age", "name", conditions=(Condition("age", ">", 1),), limit=1),
    ],
)
def test_python_and_sqlite_agree(query: Query) -> None:
    columns = {"dogs": ["name", "city", "age"], "cities": ["city", "land"]}
    with GuardedDatabase(SCHEMA, ROWS) as database:
        assert evaluate(query, columns, ROWS) == database.query(query.sql()).rows
    assert not ties(query, columns, ROWS)


def test_ties_at_the_limit_are_seen() -> None:
    columns, rows = {"t": ["name", "n"]}, {"t": [["a", 1], ["b", 2], ["c", 2], ["d", 0]]}
    assert ties(Query("top", "t", "n", "name", limit=1), columns, rows)
    assert not ties(Query("low", "t", "n", "name", limit=2), columns, rows)


def test_personas_of_the_package_and_of_the_user(tmp_path: Path) -> None:
    assert len(load_personas()) >= 200
    own = tmp_path / "mine.txt"
    own.write_text("# mine\n\na cat\na dog\na cat\n")
    assert load_personas(str(own)) == ("a cat", "a dog")


@pytest.mark.parametrize("line", ["a cat: meow", "agent 007", "x" * 200, "<b>", "a\x00cat"])
def test_personas_that_cannot_stand_before_a_question(tmp_path: Path, line: str) -> None:
    own = tmp_path / "mine.txt"
    own.write_text(f"a dog\n{line}\n")
    with pytest.raises(UserInputError, match="line 2"):
        load_personas(str(own))


def test_missing_and_empty_persona_files(tmp_path: Path) -> None:
    with pytest.raises(UserInputError, match="cannot be read"):
        load_personas(str(tmp_path / "none.txt"))
    (tmp_path / "empty.txt").write_text("# nobody\n")
    with pytest.raises(UserInputError, match="no persona"):
        load_personas(str(tmp_path / "empty.txt"))


def test_operators_by_name() -> None:
    assert {operator.kind for operator in make_operators(["deepen"], ["x"])} == {"math", "sql"}
    assert {operator.name for operator in TEMPLATES} == set(OPERATORS) - {"self_instruct", "llm_persona"}
    with pytest.raises(UserInputError, match="known: deepen"):
        make_operators(["deeper"], ["x"])
    with pytest.raises(UserInputError, match="add llm=openai"):
        make_operators(["self_instruct"], ["x"])


def test_an_operator_may_be_registered_and_gets_what_its_constructor_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OPERATORS, "_known", {**OPERATORS._known})

    @OPERATORS.register("echoed")
    class Echoed(Persona):
        def __init__(self, personas: tuple[str, ...], model: Any) -> None:
            super().__init__(personas)
            self.model = model

    assert "echoed" not in [operator.name for operator in make_operators(None, ["a gardener"])]
    with pytest.raises(UserInputError, match="'echoed' needs a language model"):
        make_operators(["echoed"], ["a gardener"])
    (made,) = make_operators(["echoed"], ["a gardener"], "model")  # type: ignore[arg-type]
    assert isinstance(made, Echoed) and made.model == "model" and made._personas == ("a gardener",)
    with pytest.raises(UserInputError, match=r"operators: unknown operator 'deepn' \(did you mean 'deepen'\?\)"):
        make_operators(["deepn"], ["a gardener"])
