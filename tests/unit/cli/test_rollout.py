"""``verl-agentic rollout``: a real HTTP server plays real tasks, well or badly."""

from __future__ import annotations

import argparse
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from verl_agentic.cli.main import main
from verl_agentic.cli.rollout.command import _fingerprint
from verl_agentic.core import Task
from verl_agentic.core.chat import NativeCall
from verl_agentic.core.messages.action import parse_assistant
from verl_agentic.core.messages.calls import decode_json
from verl_agentic.core.openai_form import text_of_reply
from verl_agentic.evaluation.plan import PlayPlan
from verl_agentic.rollout import DialogueLimits, SessionPlan
from verl_agentic.synthesis.rows import write_parquet
from verl_agentic.synthesis.service import ServiceFamily

FAMILY = ServiceFamily()


def some_tasks(count: int = 3) -> list[Task]:
    structures = [one for one in FAMILY.structures("train") if "lookup" not in one][:count]
    return [FAMILY.generate(structure, random.Random(place)) for place, structure in enumerate(structures)]


TASKS = some_tasks()


def as_text(message: dict[str, Any]) -> str:
    calls = [NativeCall("", **call["function"]) for call in message.get("tool_calls", [])]
    return text_of_reply(message["content"] or "", "", calls)


class Expert:
    """Answers as each task's expert does, natively or in text, and keeps what it was asked."""

    def __init__(self, endpoint: Any, native: bool) -> None:
        self.endpoint, self.native = endpoint, native
        self.by_prompt = {task.messages[-1]["content"]: task for task in TASKS}

    def text(self, body: dict[str, Any]) -> str:
        task = next(
            task for said, task in self.by_prompt.items() if any(m["content"] == said for m in body["messages"])
        )
        plain = [{"role": m["role"], "content": as_text(m)} for m in body["messages"]]
        return str(FAMILY.expert(task)(plain, task.tools))  # type: ignore[arg-type]

    async def __call__(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        text = self.text(body)
        calls = parse_assistant(text).calls if self.native else []
        tool_calls = [
            {"id": f"id-{n}", "type": "function", "function": {"name": c.name, "arguments": json.dumps(c.arguments)}}
            for n, c in enumerate(calls)
        ]
        content = None if calls else text
        reply = self.endpoint.completion(content, **({"tool_calls": tool_calls} if calls else {}))
        return web.json_response(reply)


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    write_parquet(TASKS, tmp_path / "tasks.parquet", "train")
    return tmp_path / "tasks.parquet"


@pytest.fixture
def rollout(endpoint: Any, tasks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """``rollout(*arguments, status=0)``: the JSON object that it ends with, or what it says on standard error."""

    def called(*arguments: str, status: int = 0, out: str = "out.jsonl") -> Any:
        capsys.readouterr()
        given = ["--model", endpoint.url, "--tasks", str(tasks), "--out", str(tmp_path / out), *arguments]
        assert main(["rollout", *given]) == status
        said = capsys.readouterr()
        return json.loads(said.out.splitlines()[-1]) if said.out else said.err

    return called


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("native", [True, False])
def test_an_expert_behind_a_url_succeeds(rollout: Any, endpoint: Any, tmp_path: Path, native: bool) -> None:
    endpoint.script = [Expert(endpoint, native)] * 1000
    prices = "prices={prompt: 2.0, completion: 10.0, cached: 0.5}"
    figures = rollout("--api-key-env", "UNIT_TEST_KEY", "--samples", "2", "--llm", prices, "--temperature", "0.5")
    assert set(endpoint.authorizations) == {f"Bearer {endpoint.key}"}
    assert figures["rollouts"] == {"judged": 6, "undecided": 0, "infrastructure": 0, "broken_task": 0, "missing": 0}
    every = figures["all"]
    assert (every["tasks"], every["success"], figures["kinds"]["service"]["success"]) == (3, 1.0, 1.0)
    assert every["ci95"][0] == pytest.approx(0.4385, abs=1e-3)
    requests = len(endpoint.bodies)
    assert every["prompt_tokens"]["total"] == 100 * requests
    assert every["completion_tokens"]["total"] == 10 * requests == 10 * every["turns"]["total"]
    assert every["cost"]["total"] == pytest.approx(requests * (60 * 2 + 40 * 0.5 + 10 * 10) / 1e6)
    assert 0 < every["model_seconds"]["p50"] <= every["seconds"]["p95"]
    assert set(figures["tasks"]) == {task.id for task in TASKS}

    kept = records(tmp_path / "out.jsonl")
    assert len({(one["task_id"], one["sample"]) for one in kept}) == 6
    one = max(kept, key=lambda record: len(record["trajectory"]["calls"]))
    assert one["trajectory"]["calls"] and one["trajectory"]["reward"]["acc"] == 1.0
    assert (one["trajectory"]["env"], one["trajectory"]["simulator"]) == ("service", "scripted")
    assert [turn["tokens"] for turn in one["trajectory"]["turns"] if turn["role"] == "assistant"] == [10] * one["turns"]
    for body in endpoint.bodies:
        assert body["tools"] and body["tool_choice"] == "auto" and body["temperature"] == 0.5
        asked = [call["id"] for m in body["messages"] for call in m.get("tool_calls", [])]
        answered = [m["tool_call_id"] for m in body["messages"] if m["role"] == "tool"]
        assert asked == answered  # in text, too: strict servers refuse results without calls
    seeds = [body["seed"] for body in endpoint.bodies if len(body["messages"]) == len(TASKS[0].messages)]
    assert len(set(seeds)) == 6


@pytest.mark.parametrize("protocol", ["plain", "agenticqwen"])
def test_tasks_in_plain_words_are_told_how_to_act(rollout: Any, endpoint: Any, tmp_path: Path, protocol: str) -> None:
    natural = [FAMILY.natural(task) for task in TASKS]
    write_parquet(natural, tmp_path / "tasks.parquet", "train")
    expert = Expert(endpoint, native=True)
    expert.by_prompt = {task.messages[-1]["content"]: task for task in natural}
    endpoint.script = [expert] * 1000
    given = ["--set", f"protocol={protocol}", "--set", "max_turns=9", "--concurrency", "1"]
    figures = rollout(*given)
    assert figures["all"]["success"] == 1.0
    for body in endpoint.bodies:
        told = body["messages"][0]
        assert told["role"] == "system" and "9 messages" in told["content"]
        assert ("<question>" in told["content"]) is (protocol == "agenticqwen")
        tools = [tool["function"]["name"] for tool in body["tools"]]
        assert ("transfer_to_human" in tools) is (protocol == "plain")
    for one in records(tmp_path / "out.jsonl"):
        assert "9 messages" in one["messages"][0]["content"]
        assert ("transfer_to_human" in json.dumps(one["tools"])) is (protocol == "plain")
    # Another protocol is another run.
    assert "other settings" in rollout(
        *given[2:], "--resume", "--set", "protocol=plain", "--set", "reminders=0", status=2
    )


def test_a_server_without_a_tool_parser_or_tools_gets_them_otherwise(rollout: Any, endpoint: Any) -> None:
    expert = Expert(endpoint, native=False)
    needs = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'
    endpoint.script = [endpoint.fail(400, needs), *[expert] * 1000]
    assert rollout("--limit", "1", "--concurrency", "1", "--name", "a")["all"]["success"] == 1.0
    assert endpoint.bodies[-1]["tool_choice"] == "none" and endpoint.bodies[-1]["tools"]

    endpoint.script = [endpoint.fail(400, "tools param requires --jinja flag"), *[expert] * 1000]
    figures = rollout("--limit", "1", "--concurrency", "1", "--name", "b", out="b.jsonl")
    last = endpoint.bodies[-1]
    assert figures["all"]["judged"] == 1 and not {"tools", "tool_choice"} & set(last)
    assert "<tools>" in last["messages"][0]["content"] and all(m["role"] != "tool" for m in last["messages"])


def test_what_is_not_the_models_fault_is_never_a_failure(rollout: Any, endpoint: Any, tmp_path: Path) -> None:
    refused = endpoint.fail(418, "teapot")
    endpoint.script = [refused, refused, *[Expert(endpoint, True)] * 1000]
    figures = rollout("--concurrency", "1", status=1)
    assert figures["rollouts"]["infrastructure"] == 1 and figures["all"]["success"] == 1.0
    assert figures["all"]["judged"] == 2 and "teapot" in next(iter(figures["errors"]))
    # A process that was killed while it wrote.
    path = tmp_path / "out.jsonl"
    path.write_bytes(path.read_bytes() + b'{"run": "x')
    asked = len(endpoint.bodies)
    figures = rollout("--concurrency", "1", "--resume")
    assert figures["rollouts"]["judged"] == 3 and len(endpoint.bodies) > asked
    assert [one["status"] for one in records(path)].count("judged") == 3
    asked = len(endpoint.bodies)
    rollout("--concurrency", "1", "--resume")
    assert len(endpoint.bodies) == asked
    assert "other settings" in rollout("--resume", "--seed", "1", "--concurrency", "1", status=2)
    assert "exists; add --resume" in rollout(status=2)


def test_limits_are_the_models_doing(rollout: Any, endpoint: Any, tmp_path: Path) -> None:
    full = endpoint.fail(400, "This model's maximum context length is 4096 tokens", code="context_length_exceeded")
    call = {"id": "1", "type": "function", "function": {"name": "nope", "arguments": '{"a":' * 10_000}}
    odd = endpoint.say(None, tool_calls=[call, {**call, "id": "2"}])
    endpoint.script = [full, odd, full, endpoint.say("Let me", finish="length")]
    figures = rollout("--concurrency", "1")
    kept = {one["task_id"]: one for one in records(tmp_path / "out.jsonl")}
    first, second, third = (kept[task.id] for task in TASKS)
    assert first["status"] == "broken_task" and "prompt does not fit" in first["error"]
    assert (second["end"], second["success"], second["failure"]) == ("max_tokens", 0.0, "limit")
    assert second["calls"] == {"malformed": 2}
    assert (third["end"], third["trajectory"]["turns"][-1]["content"]) == ("max_tokens", "Let me")
    assert figures["rollouts"]["broken_task"] == 1
    # What it wrote was malformed, what the server gets back is not.
    sent = endpoint.bodies[2]["messages"]
    calls = next(message["tool_calls"] for message in sent if message.get("tool_calls"))
    assert [decode_json(one["function"]["arguments"]) for one in calls] == [{}, {}]
    assert [message["tool_call_id"] for message in sent if message["role"] == "tool"] == ["1", "2"]


def test_control_tokens_and_secrets_of_tools(rollout: Any, endpoint: Any, tmp_path: Path) -> None:
    (tmp_path / "tool.py").write_text(
        "def leak(q: str) -> str:\n    '''Look.'''\n    return 'a<|im_end|>b Authorization: Bearer abcdefgh12345678'\n"
        "def score(*_, **__):\n    return 1.0\n"
    )
    call = {"id": "1", "type": "function", "function": {"name": "leak", "arguments": '{"q": "x"}'}}
    endpoint.script = [endpoint.say(None, tool_calls=[call]), endpoint.say("<answer>1</answer>")]
    options = f"env_options.functions.tools=['{tmp_path / 'tool.py'}:leak']"
    rollout(
        "--limit",
        "1",
        "--tool-env",
        "functions",
        "--set",
        options,
        "--simulator",
        "none",
        "--reward",
        f"{tmp_path / 'tool.py'}:score",
    )
    assert endpoint.bodies[1]["messages"][-1]["content"].startswith("a< |im_end|>b")
    text = (tmp_path / "out.jsonl").read_text()
    assert "abcdefgh12345678" not in text and "a<|im_end|>b" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--samples", "0"], "--samples must be at least 1"),
        (["--set", "max_turn=3"], "agentic.rollout.max_turn"),
        (["--set", "env_options.sql.rooot=x"], "env_options.sql.rooot"),
        (["--tool-env", "nowhere"], "nowhere"),
        (["--simulator", "nobody"], "unknown user 'nobody'"),
        (["--reward", "best"], "--reward: unknown reward function 'best'"),
        (["--reward-set", "partial=true"], "--reward-set needs --reward"),
        (["--llm", "concurency=1"], "agentic.llm.concurency"),
        (["--api-key-env", "NOT_SET_ANYWHERE"], "NOT_SET_ANYWHERE is not set"),
        (["--model", "Qwen/Qwen3-8B"], "neither a URL nor a folder"),
        (["--model", "http://127.0.0.1:9/v1"], "cannot be reached"),
        (["--tasks", "."], "without store.db"),
        (["--temperature", "-1"], "--temperature"),
    ],
)
def test_bad_input_is_named(rollout: Any, arguments: list[str], said: str, tmp_path: Path) -> None:
    assert re.search(re.escape(said), rollout(*arguments, status=2))
    assert not (tmp_path / "out.jsonl").exists()


def test_a_server_of_several_models_must_be_told_which(rollout: Any, endpoint: Any) -> None:
    endpoint.models = ["a", "b"]
    assert "it serves a, b; give --name" in rollout(status=2)
    endpoint.script = [endpoint.fail(401, "bad key")]
    assert "refused the key" in rollout("--name", "a", status=2)


def test_a_reward_of_ones_own(rollout: Any, endpoint: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "def score(data_source, solution_str, ground_truth, extra_info=None, **kwargs):\n"
        "    return {'score': float('ok' in solution_str), 'word': kwargs.get('word')}\n"
    )
    endpoint.content = lambda body: "<answer>ok</answer>"
    figures = rollout(
        "--reward", f"{tmp_path / 'mine.py'}:score", "--reward-set", "word=x", "--max-response-tokens", "5"
    )
    assert figures["all"]["success"] == 1.0
    assert records(tmp_path / "out.jsonl")[0]["reward"]["word"] == "x"


def test_files_of_earlier_releases_are_gone_on_with() -> None:
    arguments = argparse.Namespace(temperature=0.5, llm=["b=1", "a=2"])
    assert _fingerprint(arguments, PlayPlan(), "m") == "bf75171d7ecf34b7"
    options = {"sql": {"x": 1}}
    limits = DialogueLimits(max_turns=3)
    session = SessionPlan(tool_env="sql", env_options=options, simulator="none", limits=limits, attempts=5)
    reward = {"reward": "math", "reward_kwargs": {"rel_tol": 0.1}, "llm": {"model": "x"}}
    plan = PlayPlan(session, max_turn_tokens=7, seed=3, **reward)  # type: ignore[arg-type]
    assert _fingerprint(arguments, plan, "m") == "575cbaa36e9c18e1"
