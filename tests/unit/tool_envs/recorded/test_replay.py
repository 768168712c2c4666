"""The replay environment and what it takes for two calls to be the same."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError, InfrastructureError, Task
from verl_agentic.core.canonical import only_reads, same_value
from verl_agentic.tool_envs import ToolError, make_environment
from verl_agentic.tool_envs.recorded.replay import NO_OUTPUT


def tool(name: str, properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties, "required": required}
    return {"type": "function", "function": {"name": name, "description": name, "parameters": parameters}}


TEXT = {"type": "string"}
TOOLS = [
    tool("get_shelf", {"shelf_id": TEXT}, ["shelf_id"]),
    tool("find_books", {"title": TEXT, "branch": TEXT, "max_results": {"type": "integer"}}, []),
    tool("add_book", {"shelf_id": TEXT, "copies": {"type": "integer"}, "note": TEXT, "force": TEXT}, ["shelf_id"]),
    tool("remove_shelf", {"shelf_id": TEXT}, ["shelf_id"]),
]


def recorded(name: str, output: Any, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments, "output": output}


NORMAL = [
    recorded("get_shelf", {"books": 2}, shelf_id="S-1"),
    recorded("add_book", "added", shelf_id="S-1", copies=3, note="Bought at the fair."),
    recorded("get_shelf", {"books": 5}, shelf_id="S-1"),
    recorded("find_books", ["Emma"], title="Emma", branch="North", max_results=5),
]
HACK = [recorded("get_shelf", {"books": 99}, shelf_id="S-1"), recorded("remove_shelf", None, shelf_id="S-1")]


def make_task(normal: Any = None, hack: Any = None) -> Task:
    return Task(
        kind="shelf",
        messages=[{"role": "user", "content": "Sort the shelf."}],
        tools=TOOLS,
        env="replay",
        env_args={"normal": NORMAL if normal is None else normal, "hack": HACK if hack is None else hack},
        reward="calls",
        ground_truth={"required": [], "forbidden": []},
    )


def answers(calls: list[tuple[str, dict[str, Any]]], task: Task | None = None) -> tuple[list[str], dict[str, Any]]:
    """What each call is answered in one session ("refused" for a ToolError), and the final state."""

    async def session() -> tuple[list[str], dict[str, Any]]:
        env = make_environment("replay")
        await env.open(task or make_task(), seed=0)
        results = []
        for name, arguments in calls:
            try:
                results.append(await env.call(name, arguments))
            except ToolError as error:
                assert "S-1" not in str(error) and "Emma" not in str(error)
                results.append("refused")
        await env.close()
        return results, env.state()

    return asyncio.run(session())


def test_exact_call_and_missing_output() -> None:
    results, state = answers([("get_shelf", {"shelf_id": "S-1"}), ("remove_shelf", {"shelf_id": "S-1"})])
    assert results == ['{"books": 2}', NO_OUTPUT]
    assert [call["recorded"] for call in state["calls"]] == ["normal", "hack"]


def test_normal_output_wins_over_the_hack_path() -> None:
    assert answers([("get_shelf", {"shelf_id": "S-1"})])[0] == ['{"books": 2}']


def test_same_call_gets_same_answer_until_the_world_changed() -> None:
    read = ("get_shelf", {"shelf_id": "S-1"})
    write = ("add_book", {"shelf_id": "S-1", "copies": 3, "note": "x"})
    assert answers([read, read, write, read, read])[0] == [
        '{"books": 2}',
        '{"books": 2}',
        "added",
        '{"books": 5}',
        '{"books": 5}',
    ]
    assert answers([write, read])[0] == ["added", '{"books": 5}']


def test_a_call_recorded_twice_in_a_row_is_answered_in_order() -> None:
    task = make_task([recorded("get_shelf", "first", shelf_id="S"), recorded("get_shelf", "second", shelf_id="S")], [])
    call = ("get_shelf", {"shelf_id": "S"})
    assert answers([call, call, call], task)[0] == ["first", "second", "second"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"copies": 3, "shelf_id": "S-1", "note": "Bought at the fair."},
        {"copies": "3", "shelf_id": " s-1 ", "note": "bought  at the FAIR."},
        {"copies": 3.0, "shelf_id": "#S-1", "note": "Quite another note."},
        {"copies": 3, "shelf_id": "S-1"},
    ],
)
def test_calls_that_mean_the_recorded_one(arguments: dict[str, Any]) -> None:
    assert answers([("add_book", arguments)])[0] == ["added"]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("add_book", {"copies": 4, "shelf_id": "S-1", "note": "Bought at the fair."}),
        ("add_book", {"copies": 3, "shelf_id": "S-2", "note": "Bought at the fair."}),
        ("add_book", {"shelf_id": "S-1", "note": "Bought at the fair."}),
        ("add_book", {"copies": 3, "shelf_id": "S-1", "note": "x", "force": "yes"}),
        ("get_shelf", {"shelf_id": "S-10"}),
        ("find_books", {"max_results": 5}),
        ("find_books", {"title": "Persuasion", "branch": "North"}),
    ],
)
def test_other_calls_have_no_record(name: str, arguments: dict[str, Any]) -> None:
    results, state = answers([(name, arguments)])
    assert results == ["refused"]
    assert state == {"calls": [{"name": name, "arguments": arguments, "recorded": None}]}


@pytest.mark.parametrize(
    "arguments", [{"title": "emma"}, {"title": "Emma", "max_results": 50}, {"branch": "North branch", "title": "Emma"}]
)
def test_reads_may_leave_out_optional_arguments(arguments: dict[str, Any]) -> None:
    assert answers([("find_books", arguments)])[0] == ['["Emma"]']


def test_two_recordings_that_differ_in_prose_alone_stay_apart() -> None:
    notes = [recorded("add_book", word, shelf_id="S", note=f"The {word} note.") for word in ("one", "two")]
    task = make_task(notes, [])
    calls = [("add_book", {"shelf_id": "S", "note": note}) for note in ("the two note.", "A third note.")]
    assert answers(calls, task)[0] == ["two", "refused"]


def test_sessions_do_not_share_state() -> None:
    task = make_task()
    write = ("add_book", {"shelf_id": "S-1", "copies": 3})
    assert answers([write], task)[1]["calls"] != []
    assert answers([("get_shelf", {"shelf_id": "S-1"})], task)[0] == ['{"books": 2}']


@pytest.mark.parametrize(
    ("normal", "message"),
    [
        ("x", "list 'normal'"),
        ([{"arguments": {}}], r"normal\[0\] has no 'name'"),
        ([{"name": "get_shelf", "arguments": 1, "output": 1}], r"normal\[0\] needs an object"),
        ([recorded("fly", 1)], "'fly'"),
    ],
)
def test_broken_recordings(normal: Any, message: str) -> None:
    with pytest.raises(BrokenTaskError, match=message):
        answers([], make_task(normal))


def test_canonical_values() -> None:
    assert same_value({"b": 1, "a": "X  y"}, {"a": "x_Y", "b": "1.0", "c": None})
    assert same_value('["B", "a"]', ["A", "b"])
    assert same_value("2024-05-01 08:30", "2024-05-01T08:30:00")
    assert same_value(True, "true") and not same_value(True, 1)
    assert not same_value("007", "7")
    assert not same_value([1, 2], [2, 1])
    assert not same_value("S-1", "S-2")


HOSTILE = {
    "huge": 10**5000,
    "infinite": float("inf"),
    "open brackets": "[" * 10_000,
    "nested": "[" * 60 + "]" * 60,
    "digits": "9" * 5000,
    "overflow": "[1e999]",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_values_are_harmless(name: str) -> None:
    value = HOSTILE[name]
    assert same_value(value, value) and not same_value(value, "S-1")
    assert answers([("get_shelf", {"shelf_id": value})])[0] == ["refused"]


def test_reading_tools_go_by_their_verb() -> None:
    assert only_reads("get_order") and only_reads("getOrder") and only_reads("search")
    assert not only_reads("update_order") and not only_reads("gettysburg_visit")


def answers_with(llm: dict[str, Any], calls: list[tuple[str, dict[str, Any]]]) -> tuple[list[str], dict[str, Any]]:
    """As :func:`answers`, in a session whose unrecorded calls a model answers."""

    async def session() -> tuple[list[str], dict[str, Any]]:
        env = make_environment("replay", options={"replay": {"llm": llm}})
        await env.open(make_task(), seed=0)
        results = []
        for name, arguments in calls:
            try:
                results.append(await env.call(name, arguments))
            except ToolError as error:
                results.append(f"Error: {error}")
        await env.close()
        return results, env.state()

    return asyncio.run(session())


def test_a_model_answers_what_was_not_recorded(endpoint: Any, llm: dict[str, Any]) -> None:
    other = ("get_shelf", {"shelf_id": "S-2"})
    write = ("add_book", {"shelf_id": "S-1", "copies": 3})
    replies = [(True, "empty"), (True, "still empty"), (False, "no such shelf")]
    endpoint.script = [endpoint.say(json.dumps({"ok": ok, "output": output})) for ok, output in replies]
    made = [other, other, ("get_shelf", {"shelf_id": "S-1"}), write, other, ("remove_shelf", {"shelf_id": "S-9"})]
    results, state = answers_with(llm, made)
    assert results == ["empty", "empty", '{"books": 2}', "added", "still empty", "Error: no such shelf"]
    assert [call["recorded"] for call in state["calls"]] == [None, None, "normal", "normal", None, None]
    assert [call.get("simulated", False) for call in state["calls"]] == [True, True, False, False, True, True]
    system, question = (message["content"] for message in endpoint.bodies[1]["messages"])
    assert '"output": "[\\"Emma\\"]"' in system and "99" not in system  # what breaks the policy stays unknown
    assert '"output": "added"' in question and '"output": "empty"' in question


def test_recorded_calls_need_no_model(endpoint: Any, llm: dict[str, Any]) -> None:
    assert answers_with(llm, [("get_shelf", {"shelf_id": "S-1"})])[0] == ['{"books": 2}']
    assert endpoint.bodies == []


def test_a_model_that_fails_is_not_the_policys_fault(endpoint: Any, llm: dict[str, Any]) -> None:
    endpoint.script = [endpoint.fail(400)]
    with pytest.raises(InfrastructureError):
        answers_with(llm, [("get_shelf", {"shelf_id": "S-2"})])
