"""verl's own tools, unchanged, in our sessions."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("verl")

from verl_agentic.core import BrokenTaskError, InfrastructureError, Task, UserInputError
from verl_agentic.integration.loop.verl_tools import VerlToolsEnvironment
from verl_agentic.tool_envs import ToolError, environment_class

pytestmark = pytest.mark.integration

TOOLS = """
from verl.tools.base_tool import BaseTool
from verl.tools.schemas import ToolResponse

log = []


class Counter(BaseTool):
    def __init__(self, config, tool_schema):
        super().__init__(config, tool_schema)
        self.counts = {}

    async def create(self, instance_id=None, **kwargs):
        instance_id, response = await super().create(instance_id)
        self.counts[instance_id] = kwargs["create_kwargs"].get("start", self.config["start"])
        log.append("create")
        return instance_id, response

    async def execute(self, instance_id, parameters, **kwargs):
        if parameters["by"] == 13:
            raise OSError("unlucky")
        if parameters["by"] == 99:
            return ToolResponse(image=["pixels"]), 0.0, {}
        self.counts[instance_id] += parameters["by"]
        question = kwargs["agent_data"].messages[-1]["content"]
        return ToolResponse(text=f"{question} {self.counts[instance_id]}"), 0.5, {}

    async def release(self, instance_id, **kwargs):
        del self.counts[instance_id]
        log.append("release")
"""
CONFIG = """
tools:
  - class_name: verl_counter_tools.Counter
    config: {type: native, start: 10}
    tool_schema:
      type: function
      function:
        name: count
        description: Count on.
        parameters:
          type: object
          properties: {by: {type: integer, description: how far}}
          required: [by]
"""
FUNCTIONS = """
import threading
from verl.tools.function_tool import function_tool

gate = threading.Event()


@function_tool
def shout(text: str) -> str:
    \"\"\"Say it loud.

    Args:
        text: what to say.
    \"\"\"
    return text.upper()


@function_tool("later")
async def wait(text: str) -> tuple:
    \"\"\"Say it later.

    Args:
        text: what to say.
    \"\"\"
    return {"text": text}, 0.25


@function_tool
def stuck() -> str:
    \"\"\"Hang.\"\"\"
    gate.wait(30)
    return ""
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Written once: verl knows function tools by name, for the life of the process."""
    folder = tmp_path_factory.mktemp("verl_tools")
    (folder / "verl_counter_tools.py").write_text(TOOLS)
    (folder / "tools.yaml").write_text(CONFIG)
    (folder / "functions.py").write_text(FUNCTIONS)
    return {"config": str(folder / "tools.yaml"), "functions": str(folder / "functions.py"), "folder": str(folder)}


@pytest.fixture(autouse=True)
def path(files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(files["folder"])


def make_task(**env_args: Any) -> Task:
    return Task("t", [{"role": "user", "content": "How many?"}], [], "verl_tools", env_args, "state", {})


def make(files: dict[str, str], **options: Any) -> VerlToolsEnvironment:
    return VerlToolsEnvironment(config=files["config"], functions=files["functions"], **options)


async def test_both_kinds_of_tools_keep_their_schemas_and_an_instance_lives_as_long_as_the_session(
    files: dict[str, str],
) -> None:
    assert environment_class("verl_tools") is VerlToolsEnvironment
    env, other = make(files), make(files)
    await env.open(make_task(tools_kwargs={"count": {"create_kwargs": {"start": 100}}}), 0)
    await other.open(make_task(tools=["count"]), 0)
    import verl_counter_tools  # type: ignore[import-not-found]

    schemas = {tool["function"]["name"]: tool["function"] for tool in env.tools()}
    assert sorted(schemas) == ["count", "later", "shout", "stuck"]
    assert schemas["count"]["parameters"]["properties"] == {"by": {"type": "integer", "description": "how far"}}
    assert schemas["shout"]["parameters"]["required"] == ["text"]
    assert [tool["function"]["name"] for tool in other.tools()] == ["count"]
    assert await env.call("count", {"by": 1}) == "How many? 101"
    assert await env.call("count", {"by": 2}) == "How many? 103"
    assert await other.call("count", {"by": 1}) == "How many? 11"
    assert await env.call("shout", {"text": "hey"}) == "HEY"
    assert await env.call("later", {"text": "é"}) == '{"text": "é"}'
    assert env.state() == {"tool_rewards": [0.5, 0.5, 0.0, 0.25]}
    await env.close()
    await other.close()
    assert verl_counter_tools.log == ["create", "create", "release", "release"]


async def test_failures_are_ours_unless_the_policy_is_to_see_them(files: dict[str, str]) -> None:
    env = make(files)
    await env.open(make_task(), 0)
    with pytest.raises(InfrastructureError, match="'count' failed: OSError: unlucky"):
        await env.call("count", {"by": 13})
    with pytest.raises(InfrastructureError, match="images or video"):
        await env.call("count", {"by": 99})
    await env.close()
    env = make(files, errors_to_policy=True)
    await env.open(make_task(), 0)
    with pytest.raises(ToolError, match="OSError: unlucky"):
        await env.call("count", {"by": 13})
    await env.close()


async def test_a_hung_function_is_given_up_at_the_deadline(files: dict[str, str]) -> None:
    env = make(files, threads=1)
    await env.open(make_task(), 0)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(env.call("stuck", {}), 0.1)
    assert await env.call("shout", {"text": "on"}) == "ON"
    from verl.tools.function_tool import get_function_tool

    get_function_tool("stuck").fn.__globals__["gate"].set()
    await env.close()


async def test_a_tool_that_cannot_be_created_or_released_is_no_reward(files: dict[str, str]) -> None:
    env = make(files)
    with pytest.raises(InfrastructureError, match=r"count\.create failed: AttributeError"):
        await env.open(make_task(tools_kwargs={"count": {"create_kwargs": []}}), 0)
    await env.close()
    env = make(files)
    await env.open(make_task(), 0)
    env._tools["count"].counts.clear()
    with pytest.raises(InfrastructureError, match=r"count\.release failed: KeyError"):
        await env.close()


@pytest.mark.parametrize(
    ("env_args", "message"),
    [
        ({"tools_kwargs": {"fly": {}}}, r"env_args\.tools_kwargs names 'fly'"),
        ({"tools_kwargs": [1]}, r"env_args\.tools_kwargs must be an object of objects"),
        ({"tools": ["fly"]}, r"env_args\.tools names 'fly'"),
    ],
)
async def test_a_broken_task_is_named(files: dict[str, str], env_args: dict[str, Any], message: str) -> None:
    with pytest.raises(BrokenTaskError, match=message):
        await make(files).open(make_task(**env_args), 0)


def test_options_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserInputError, match="verl_tools needs config"):
        VerlToolsEnvironment()
    with pytest.raises(UserInputError, match=r"verl_tools\.config: no file /nowhere"):
        VerlToolsEnvironment(config="/nowhere")
    bad = tmp_path / "bad.yaml"
    bad.write_text("tools: [{class_name: none.Tool, config: {type: native}}]")
    with pytest.raises(UserInputError, match="tools cannot be loaded"):
        VerlToolsEnvironment(config=str(bad))
