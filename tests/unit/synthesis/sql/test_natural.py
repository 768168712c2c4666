"""Questions over databases in plain words: what is asked stays, however it is told, and can be read back."""

from __future__ import annotations

import dataclasses
import itertools
import random
from random import Random

import pytest

from verl_agentic.core import BrokenTaskError, Message, Task
from verl_agentic.flywheel.checks import Candidate, NoLeak
from verl_agentic.reward_fns.registry import judge
from verl_agentic.rollout import play
from verl_agentic.synthesis.base import SPLITS
from verl_agentic.synthesis.question import question_of
from verl_agentic.synthesis.reasoning.persona import Persona
from verl_agentic.synthesis.reasoning.routes import by_tables, by_text
from verl_agentic.synthesis.sql.family import SqlFamily, read_task
from verl_agentic.synthesis.sql.natural import SYSTEMS, read_told, tell_plainly
from verl_agentic.synthesis.sql.operators import (
    DeepenSql,
    DistractSql,
    EnlargeSql,
    NestSql,
    RephraseSql,
    ReverseSql,
    SqlOperator,
)
from verl_agentic.synthesis.sql.query import AVERAGE, Query, SqlCondition
from verl_agentic.synthesis.sql.world import DOMAINS

FAMILY = SqlFamily()
OPERATORS = (DeepenSql(), DistractSql(), EnlargeSql(), NestSql(), RephraseSql(), ReverseSql())


def tasks() -> list[tuple[Task, Task]]:
    """Tasks of each split in both registers."""
    structures = [name for split in SPLITS for name in FAMILY.structures(split)[::4]]
    micro = [FAMILY.generate(name, Random(name)) for name in structures]
    return [(task, FAMILY.natural(task)) for task in micro]


async def test_world_and_truth_stay_and_the_expert_still_solves_it() -> None:
    for micro, natural in tasks():
        assert natural.register == "natural" and natural.id != micro.id
        for name in ("kind", "tools", "env", "env_args", "reward", "ground_truth", "structure", "depth", "seed"):
            assert getattr(natural, name) == getattr(micro, name)
        assert read_task(natural) == read_task(micro)
        assert by_text(natural) is None and by_tables(natural) is None
        assert FAMILY.natural(natural) == natural and NoLeak()(Candidate(natural)) is None
        assert (await judge(natural, (await play(natural, FAMILY.expert(natural))).trajectory))["acc"] == 1.0


async def test_a_query_of_everything_still_fails() -> None:
    task = FAMILY.natural(FAMILY.generate("list-eq", Random(0)))
    hasty = f"<answer>SELECT * FROM {read_task(task)[0].table}</answer>"
    assert (await judge(task, (await play(task, lambda messages, tools: hasty)).trajectory))["acc"] == 0.0


def test_every_question_of_every_domain_is_read_back() -> None:
    told: set[str] = set()
    for domain, head, anew, seed in itertools.product(
        DOMAINS, ("count", "list", "max", "min", "avg", "sum", "top", "low"), (False, True), range(6)
    ):
        first, second = (name for name, _, _ in domain.numbers)
        column, shown = ("", "") if head == "count" else (first, domain.name if head in ("top", "low") else "")
        column = domain.name if head == "list" else column
        word, join = domain.categories[0], None
        conditions = [
            SqlCondition(second, ">", 7),
            SqlCondition(second, "<", AVERAGE),
            SqlCondition(first, "=", 12),
            SqlCondition(domain.category, "!=", word),
            SqlCondition(domain.category, "=", word),
        ][seed % 3 : 2 + seed]
        if domain.link and seed > 2:
            conditions.append(SqlCondition(domain.link.column, "=", domain.link.values[0]))
            join = (domain.link.table, domain.category)
        limit = 3 if head in ("top", "low") else 0
        query = Query(head, domain.table, column, shown, tuple(conditions), limit, join)
        schema = "\n".join(one.replace("CREATE TABLE ", "").replace(" TEXT", "") for one in domain.schema())
        text = tell_plainly(query, Random(seed), anew)
        assert read_told(text, schema.replace(" INTEGER", "")) == query, text
        assert ": " not in text and text[-1] in ".?"
        told.add(text)
    assert len(told) > 300


def test_what_is_in_another_table_is_said_to_be_of_something_else() -> None:
    condition = SqlCondition("color", "=", "red")
    text = tell_plainly(Query("list", "workers", "name", "", (condition,), 0, ("teams", "team")), Random(0))
    assert "every worker whose team has the color red" in text
    assert "starting with the highest" in tell_plainly(Query("top", "cars", "speed", "name", (), 3), Random(1))


def test_prompts_come_in_four_wordings_and_say_what_there_is() -> None:
    assert len(SYSTEMS) >= 4
    seen = {natural.messages[0]["content"].replace(_topic(natural), "{topic}") for _, natural in tasks()}
    assert seen == set(SYSTEMS)
    for text in SYSTEMS:
        assert all(word in text for word in ("SQLite", "schema", "query", "SELECT")) and 60 <= len(text.split()) <= 140


def _topic(task: Task) -> str:
    return " and ".join(task.env_args["rows"])


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda one: one.name)
async def test_what_is_grown_of_it_is_told_in_plain_words(operator: SqlOperator) -> None:
    grown = 0
    for structure, seed in itertools.product(("max-gt", "list-eq", "count-none", "top-none", "min-none"), range(3)):
        parent = FAMILY.natural(FAMILY.generate(structure, Random(seed)))
        child = operator(parent, Random(seed))
        if child is None:
            continue
        assert child.register == "natural" and child.parent == parent.id and FAMILY.natural(child) == child
        assert by_text(child) is None and by_tables(child) is None, child.messages
        assert (await judge(child, (await play(child, FAMILY.expert(child))).trajectory))["acc"] == 1.0
        grown += 1
    assert grown


def test_a_task_that_is_told_anew_has_other_words() -> None:
    parent = FAMILY.natural(FAMILY.generate("count-none", Random(0)))
    child = RephraseSql()(parent, Random(0))
    assert child is not None
    assert question_of(child.messages).startswith(("Tell us", "We need"))
    assert question_of(parent.messages).startswith(("How many", "Count all"))


async def test_a_persona_may_ask_it() -> None:
    parent = FAMILY.natural(FAMILY.generate("top-gt", Random(0)))
    child = Persona(["a nurse"])(parent, random.Random(0))
    assert child is not None and child.register == "natural"
    assert "urse" in child.messages[1]["content"] and FAMILY.natural(child) == child
    assert (await judge(child, (await play(child, FAMILY.expert(child))).trajectory))["acc"] == 1.0


def test_a_question_of_somebody_else_is_broken() -> None:
    asked: Message = {"role": "user", "content": "What is the weather like?"}
    with pytest.raises(BrokenTaskError, match="none of the sql family"):
        FAMILY.natural(dataclasses.replace(FAMILY.generate("count-none", Random(0)), messages=[asked]))
