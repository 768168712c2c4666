"""Several environments in one session."""

from __future__ import annotations

from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError, InfrastructureError, Task, UserInputError
from verl_agentic.tool_envs import Environment, User, UserReply, make_environment, register_environment
from verl_agentic.tool_envs.combined import CombinedEnvironment
from verl_agentic.tool_envs.registry import check_options


def tool(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "description": "", "parameters": {"type": "object"}}}


class Box(Environment):
    """Offers the tools that its options name, or the task's; remembers everything."""

    made: list[Box]

    def __init__(self, user: User | None = None, *, names: tuple[str, ...] = (), close_error: str = "") -> None:
        super().__init__(user)
        self.names = names
        self.close_error = close_error
        self.called: list[str] = []
        self.closed = 0
        Box.made.append(self)

    async def open(self, task: Task, seed: int) -> None:
        await super().open(task, seed)
        if "broken" in task.env_args:
            raise BrokenTaskError("no such box")

    def tools(self) -> list[dict[str, Any]]:
        return [tool(name) for name in self.names] or super().tools()

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        self.called.append(name)
        return f"{name} {self.task.env_args.get('label', '')}"

    def state(self) -> dict[str, Any]:
        return {"called": self.called}

    async def close(self) -> None:
        self.closed += 1
        if self.close_error:
            raise OSError(self.close_error)


class TalkingBox(Box):
    """Has a user's side of its own."""

    async def reply(self, message: str) -> UserReply | None:
        return UserReply(f"box heard {message}")


class Echo(User):
    opened = 0

    def open(self, task: Task, seed: int) -> None:
        self.opened += 1

    def reply(self, message: str) -> UserReply | None:
        return UserReply(f"user heard {message}")


register_environment("test_box")(Box)
register_environment("test_talking_box")(TalkingBox)


@pytest.fixture(autouse=True)
def fresh() -> None:
    Box.made = []


def make_task(parts: Any = None, tools: tuple[str, ...] = ()) -> Task:
    env_args = {} if parts is None else {"parts": parts}
    schemas = [tool(name) for name in tools]
    return Task("t", [{"role": "user", "content": "Hi."}], schemas, "combined", env_args, "state", {})


def box(*names: str, **options: Any) -> dict[str, Any]:
    return {"env": "test_box", "options": {"names": names, **options}}


async def test_calls_go_to_the_part_that_has_the_tool() -> None:
    env = CombinedEnvironment(parts={"a": box("x", "y"), "b": box("z")})
    await env.open(make_task({"b": {"env_args": {"label": "L"}}, "c": {"env": "test_box"}}, tools=("own",)), 0)
    assert [schema["function"]["name"] for schema in env.tools()] == ["x", "y", "z", "own"]
    assert await env.call("z", {}) == "z L"
    assert await env.call("own", {}) == "own "
    assert env.state() == {"a": {"called": []}, "b": {"called": ["z"]}, "c": {"called": ["own"]}}
    await env.close()
    assert [one.closed for one in Box.made] == [1, 1, 1]


async def test_a_part_may_be_given_tools_of_its_own() -> None:
    env = CombinedEnvironment()
    parts = {"a": {"env": "test_box", "tools": [tool("p")]}, "b": {"env": "test_box", "tools": [tool("q")]}}
    await env.open(make_task(parts, tools=("shared",)), 0)
    assert await env.call("q", {}) == "q "
    assert env.state()["b"] == {"called": ["q"]}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"c": {"env": "test_box", "tools": [tool("x")]}}, "parts 'a' and 'c' both have a tool 'x'"),
        ({"a": {"env": "test_talking_box"}}, r"env_args\.parts\.a\.env is 'test_talking_box', but it is configured"),
        ({"c": {}}, r"env_args\.parts\.c needs an 'env'"),
        ({"c": {"env": "nowhere"}}, r"env_args\.parts\.c: unknown environment 'nowhere'"),
        ({"c": {"env": "test_box", "seed": 1}}, r"env_args\.parts\.c must be an object with keys"),
        ({"c": {"env": "test_box", "env_args": []}}, r"env_args\.parts\.c: 'env_args' must be an object"),
        ([1], r"env_args\.parts must be an object"),
        ({"c": {"env": "test_box", "env_args": {"broken": 1}}}, "part 'c': no such box"),
        ({"c": {"env": "test_talking_box"}, "d": {"env": "test_talking_box"}}, "'c' and 'd' both have a user's side"),
    ],
)
async def test_a_broken_task_is_named(parts: Any, message: str) -> None:
    env = CombinedEnvironment(parts={"a": box("x")})
    with pytest.raises(BrokenTaskError, match=message):
        await env.open(make_task(parts), 0)
    await env.close()


async def test_what_opened_is_closed_where_a_later_part_does_not_open() -> None:
    env = CombinedEnvironment(parts={"a": box("x"), "b": box("y"), "c": box("z")})
    with pytest.raises(BrokenTaskError):
        await env.open(make_task({"b": {"env_args": {"broken": 1}}}), 0)
    await env.close()
    assert [one.closed for one in Box.made] == [1, 1, 0]


async def test_all_are_closed_though_some_fail() -> None:
    env = CombinedEnvironment(parts={"a": box("x", close_error="gone"), "b": box("y")})
    await env.open(make_task(), 0)
    with pytest.raises(InfrastructureError, match="part 'a': OSError: gone"):
        await env.close()
    assert [one.closed for one in Box.made] == [1, 1]


async def test_the_users_side_is_that_of_the_part_that_has_one() -> None:
    user = Echo()
    env = CombinedEnvironment(user, parts={"a": box("x")})
    await env.open(make_task(), 0)
    assert await env.reply("hello") == UserReply("user heard hello")
    assert user.opened == 1
    user = Echo()
    env = CombinedEnvironment(
        user, parts={"a": box("x"), "b": {"env": "test_talking_box", "options": {"names": ["y"]}}}
    )
    await env.open(make_task(), 0)
    assert await env.reply("hello") == UserReply("box heard hello")
    assert user.opened == 1


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"a": "nowhere"}, "unknown environment 'nowhere'"),
        ({"a": {"options": {}}}, r"combined\.parts\.a must be an environment's name, or an object"),
        ({"a": {"env": "test_box", "options": {"wrong": 1}}}, r"combined\.parts\.a\.options\.wrong: .* no such option"),
    ],
)
def test_options_that_cannot_be_used_are_named(parts: Any, message: str) -> None:
    with pytest.raises(UserInputError, match=message):
        CombinedEnvironment(parts=parts)


async def test_a_session_without_parts_is_a_broken_task() -> None:
    with pytest.raises(BrokenTaskError, match="no parts"):
        await CombinedEnvironment().open(make_task(), 0)


async def test_parts_have_the_options_of_their_environments() -> None:
    options = {
        "test_box": {"names": ("x",), "close_error": "gone"},
        "combined": {"parts": {"a": "test_box", "b": box("y")}},
    }
    env = make_environment("combined", None, options)
    await env.open(make_task({"a": {}}), 0)
    assert [schema["function"]["name"] for schema in env.tools()] == ["x", "y"]
    with pytest.raises(InfrastructureError, match=r"part 'a': OSError: gone; part 'b': OSError: gone"):
        await env.close()
    # A part that the task adds has them, too.
    del options["combined"]
    env = make_environment("combined", None, options)
    await env.open(make_task({"c": {"env": "test_box"}}), 0)
    assert [schema["function"]["name"] for schema in env.tools()] == ["x"]


async def test_a_combined_part_does_not_hold_itself() -> None:
    env = make_environment("combined", None, {"combined": {"parts": {"a": box("x"), "b": "combined"}}})
    inner = {"parts": {"c": {"env": "test_box"}}}
    await env.open(make_task({"b": {"env_args": inner}}, tools=("own",)), 0)
    assert [schema["function"]["name"] for schema in env.tools()] == ["x", "own"]


def test_options_of_a_parts_environment_are_checked_before_anything_starts() -> None:
    with pytest.raises(UserInputError, match=r"env_options\.test_box\.wrong: "):
        check_options({"combined": {"parts": {"a": "test_box"}}, "test_box": {"wrong": 1}})
    with pytest.raises(UserInputError, match=r"combined\.env_options: .* no such option; its options are parts$"):
        check_options({"combined": {"env_options": {}}})


@register_environment("home_box")
class Home(Box):
    """Has something that only its user can do."""

    async def user_call(self, name: str, arguments: dict[str, Any]) -> str:
        return f"{name} {arguments}"


async def test_what_the_user_does_is_run_by_the_part_that_can() -> None:
    parts = {"one": {"env": "test_box", "tools": [tool("a")]}, "two": {"env": "home_box", "tools": [tool("b")]}}
    env = CombinedEnvironment()
    await env.open(make_task(parts), 0)
    assert await env.user_call("light", {"n": 1}) == "light {'n': 1}"
    await env.close()
    alone = CombinedEnvironment()
    await alone.open(make_task({"one": parts["one"]}), 0)
    with pytest.raises(BrokenTaskError, match="nothing here runs what users do"):
        await alone.user_call("light", {})
