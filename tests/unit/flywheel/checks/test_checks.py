"""Checks of new tasks: each rejects what it is for, and lets the rest pass."""

from __future__ import annotations

import dataclasses
import random

import pytest

from verl_agentic.core import Rejection, Task
from verl_agentic.flywheel.checks import (
    Candidate,
    Checks,
    HarderOrDifferent,
    NearDuplicateIndex,
    NoLeak,
    Novel,
    SolvedByRoutes,
    Unambiguous,
    jaccard,
    shingles,
)
from verl_agentic.flywheel.checks.base import Check
from verl_agentic.synthesis.math.family import MathFamily
from verl_agentic.synthesis.sql.family import SqlFamily

MATH, SQL = MathFamily(), SqlFamily()
TASK = MATH.generate(next(name for name in MATH.structures("train") if name.count("-") == 1), random.Random(0))


def word_problem(text: str, answer: str, **changes: object) -> Task:
    messages = [{"role": "user", "content": text}]
    changed = {"id": "", "messages": messages, "ground_truth": {"answer": answer}, **changes}
    return dataclasses.replace(TASK, **changed)  # type: ignore[arg-type]


def reason(check: Check, task: Task, parent: Task | None = None) -> str:
    rejection = check(Candidate(task, parent))
    return rejection.reason if rejection else ""


@pytest.mark.parametrize(
    ("text", "answer", "leaks"),
    [
        ("Ann has 7 pens. She buys 5 more. How many pens are left?", "12", False),
        ("Ann has 7 pens. She buys 5 more. Ben has 12 cups. How many pens are left?", "12", True),
        ("Ann has 7 pens. She buys 5 more, and then has twelve. How many pens are left?", "12", True),
        ("Ann has 112 pens. She buys 5 more for 1.12 each. How many pens are left?", "12", False),
        ("What is x if x + 1 = \\frac{3}{4}?", "-1/4", False),
        ("Show that it is -1/4.", "-1/4", True),
    ],
)
def test_answers_in_the_question(text: str, answer: str, leaks: bool) -> None:
    assert reason(NoLeak(), word_problem(text, answer)) == ("leaks_answer" if leaks else "")


def test_queries_in_the_question() -> None:
    task = SQL.generate("count-gt", random.Random(0))
    assert reason(NoLeak(), task) == ""
    told = f"Run {task.ground_truth['sql'].lower().replace(' ', '  ')} please."
    leaking = dataclasses.replace(task, id="", messages=[{"role": "user", "content": told}])
    assert reason(NoLeak(), leaking) == "leaks_answer"


def test_people_of_one_pronoun_are_ambiguous() -> None:
    clear = "Ann has 7 pens. Ben has 3 cups. She buys 5 more. How many pens are left?"
    assert reason(Unambiguous(), word_problem(clear, "12")) == ""
    assert reason(Unambiguous(), word_problem(clear.replace("Ben", "Eva"), "12")) == "ambiguous"


def test_ties_are_ambiguous() -> None:
    task = SQL.generate("top-none", random.Random(0))
    assert reason(Unambiguous(), task) == ""
    [table] = [rows for name, rows in task.env_args["rows"].items() if name in task.ground_truth["sql"]][:1]
    same = {**task.env_args["rows"]}
    name = next(name for name, rows in same.items() if rows is table)
    same[name] = [[*row[:2], 5, 5] for row in table]
    tied = dataclasses.replace(task, id="", env_args={**task.env_args, "rows": same})
    assert reason(Unambiguous(), tied) == "ambiguous"


def test_wrong_references_and_unreadable_texts() -> None:
    check = SolvedByRoutes()
    assert reason(check, TASK) == ""
    assert reason(check, dataclasses.replace(TASK, id="", ground_truth={"answer": "1"})) == "routes_disagree"
    free = word_problem("Ann had 7 pens; a kind man brought 5. What has she now?", "12")
    assert reason(check, free) == "unsolved"
    assert reason(SolvedByRoutes(lambda task: None), free) == ""
    assert reason(SolvedByRoutes(lambda task: Rejection("unsolved", "1 of 3 solvers")), free) == "unsolved"
    assert reason(check, dataclasses.replace(TASK, id="", kind="service")) == "unsolved"
    with pytest.raises(ValueError, match="fewer than 2"):
        SolvedByRoutes(routes={"math": ()})


def test_a_query_that_is_right_on_the_shown_rows_alone_is_rejected() -> None:
    task = SQL.generate("count-gt", random.Random(1))
    number = int(task.ground_truth["sql"].rsplit(" ", 1)[1])
    off = {**task.ground_truth, "sql": task.ground_truth["sql"].replace(str(number), str(number - 1))}
    assert reason(SolvedByRoutes(), dataclasses.replace(task, id="", ground_truth=off)) == "routes_disagree"


def test_harder_or_different() -> None:
    check = HarderOrDifferent()
    child = MATH.harder(TASK, random.Random(0))
    assert child is not None
    assert reason(check, child, TASK) == ""
    assert reason(check, TASK) == ""
    assert reason(check, TASK, child) == ""  # another structure
    same = dataclasses.replace(TASK, id="", seed=TASK.seed + 1)
    assert reason(check, same, TASK) == "not_harder"
    shallower = dataclasses.replace(same, depth=TASK.depth - 1)
    assert reason(check, shallower, TASK) == "not_harder"
    retold = word_problem("We give Tom 9 hats. Then 3 more arrive. How many hats remain?", "12")
    assert reason(check, retold, TASK) == ""


def test_near_duplicates_are_found_as_by_comparing_all() -> None:
    rng = random.Random(0)
    structures = MATH.structures("train")
    made = [MATH.generate(structures[number % 12], rng) for number in range(60)]
    tasks = list({task.id: task for task in made}.values())
    sets = [shingles(task) for task in tasks]
    for threshold in (0.3, 0.5, 0.8, 1.0):
        index = NearDuplicateIndex(threshold)
        for task, own in zip(tasks, sets, strict=True):
            every = [jaccard(own, other) for other in sets[: len(index)]]
            nearest = index.nearest(task)
            best = max(every, default=0.0)
            assert (nearest is not None) == (best >= threshold)
            assert nearest is None or nearest[1] == best
            index.add(task)


def test_a_changed_name_is_a_near_duplicate_and_another_kind_is_none() -> None:
    index = NearDuplicateIndex(0.8)
    text = "Ann has 7 boxes of 6 pens. Now she has 3 times as many. She buys 50 more. She sells half."
    task = word_problem(f"{text} How many pens does she have?", "88")
    index.add(task)
    almost = word_problem(f"{text} How many pens does she own?", "88")
    assert reason(Novel(index), almost) == "near_duplicate"
    assert reason(Novel(index), dataclasses.replace(almost, id="", kind="other")) == ""
    assert reason(Novel(index), word_problem(text.replace("pens", "hats").replace("7", "9"), "88")) == ""


def test_the_first_rejection_counts() -> None:
    leaking = word_problem("Ann has 7 pens. Eva has 12 pens. How many pens are left?", "12")
    checks = Checks([NoLeak(), Unambiguous()])
    assert str(checks.examine(Candidate(leaking))).startswith("leaks_answer: ")
    assert checks(leaking) == Rejection("leaks_answer", "the question holds '12'")
    assert checks(TASK) is None
