"""What the user does in the world, run by the environment in its name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError, Task
from verl_agentic.rollout import play
from verl_agentic.tool_envs import Environment, ToolError, register_environment
from verl_agentic.tool_envs.users.base import UserCall, UserReply
from verl_agentic.tool_envs.users.scripted import ScriptedUser

SCRIPT: dict[str, Any] = {
    "hearing": "natural",
    "actions": [
        {"name": "restart", "ask": [["restart"], ["router"]], "call": {"name": "restart"}, "say": "I did. {result}"},
        {
            "name": "light",
            "ask": [["light"], ["colour"]],
            "call": {"name": "light", "arguments": {"which": 2}},
            "say": "The light is {colour}.",
        },
    ],
}


@register_environment("home_router")
class Home(Environment):
    """A router that only the user can touch."""

    restarted = 0

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        return "line fine"

    async def user_call(self, name: str, arguments: dict[str, Any]) -> str:
        if name == "restart" and self.restarted:
            raise ToolError("it is still starting")
        if name == "restart":
            self.restarted += 1
            return "It is on again."
        return json.dumps({"colour": "green", **arguments})


def task(script: dict[str, Any]) -> Task:
    tools = [{"type": "function", "function": {"name": "test", "parameters": {"type": "object", "properties": {}}}}]
    return Task("t", [{"role": "user", "content": "No internet."}], tools, "home_router", {}, "state", {}, script)


async def test_the_reply_tells_what_came_of_it_and_the_policy_did_not_call_it() -> None:
    said = iter(
        [
            '<tool_call>{"name": "test", "arguments": {}}</tool_call>',
            "Please restart the router, then tell me what colour the light is.",
            "Restart the router again, please.",
            "All done!",
        ]
    )
    dialogue = await play(task(SCRIPT), lambda *_: next(said), user=ScriptedUser())
    heard = [turn.content for turn in dialogue.trajectory.turns if turn.role == "user"]
    assert heard == [
        "I did. It is on again. The light is green.",
        "That does not work: it is still starting",
        "Thanks.",
    ]
    assert [call.name for call in dialogue.trajectory.calls] == ["test"]
    assert dialogue.trajectory.user["actions"] == 3


async def test_an_environment_without_a_home_says_so() -> None:
    class Plain(Home):
        user_call = Environment.user_call

    env = Plain(ScriptedUser())
    await env.open(task(SCRIPT), 0)
    with pytest.raises(BrokenTaskError, match="the user is to do 'restart', but nothing here runs what users do"):
        await env.reply("Please restart the router.")


@pytest.mark.parametrize(
    ("say", "result", "told"),
    [
        ("It says {result}.", "E-42", "It says E-42."),
        ("It says {result}.", '{"result": 3, "x": 1}', "It says 3."),
        ("It says {result}.", '{"x": 1}', 'It says {"x": 1}.'),
        ("{on} and {n}", '{"on": true, "n": 2.5}', "yes and 2.5"),
        ("Done. {result}", "ok", "Done."),
    ],
)
def test_gaps_are_filled_from_the_result(say: str, result: str, told: str) -> None:
    assert UserCall("x", {}, say).told(result) == told


def test_a_gap_that_nothing_fills_is_the_tasks_fault() -> None:
    with pytest.raises(BrokenTaskError, match=r"\{colour\} of 'x', whose result has no such field; fields: state"):
        UserCall("x", {}, "It is {colour}.").told('{"state": 1}')


def test_a_reply_is_never_empty_after_a_call() -> None:
    assert UserReply("", calls=(UserCall("x", {}),)).filled([""]) == UserReply("Done.")
