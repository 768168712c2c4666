"""``python -m benchmarks.agent_loop``: what an agent loop itself costs, with an engine and tools that take no time.

Ours against verl's ``ToolAgentLoop`` on the same questions with the same calculator, each made and run as verl's worker
does it: Qwen3's real tokenizer and template, groups of trajectories per question, hundreds in flight in one process.
Both must produce the same tokens. Rounds alternate, and the median of the ratios of neighbouring rounds is reported, so
that whatever else the machine does falls on both.

A third design, one Ray actor for each tool call, runs in our loop, on fewer trajectories.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import logging
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from transformers import AutoTokenizer
from verl.tools.function_tool import FunctionTool
from verl.tools.schemas import OpenAIFunctionToolSchema

from benchmarks.harness import machine, report
from benchmarks.loops import AGENTIC, VERL, ScriptedEngine, configuration, make_loop
from benchmarks.qwen3 import tokenizer_folder
from verl_agentic.core import Message, Task
from verl_agentic.tool_envs import register_environment
from verl_agentic.tool_envs.calculator import CALCULATOR_TOOLS, CalculatorEnvironment, evaluate

SAMPLING = {"temperature": 1.0, "top_p": 1.0, "logprobs": True}


@dataclass(frozen=True)
class Question:
    """One question, and what the policy says to it: two calls, then the answer."""

    text: str
    said: tuple[str, ...]

    @property
    def messages(self) -> list[Message]:
        return [{"role": "system", "content": "Use the calculator."}, {"role": "user", "content": self.text}]

    def task(self, env: str = "calculator") -> Task:
        return Task("math", self.messages, CALCULATOR_TOOLS, env, {}, "math", self.said[-1])


def make_question(rng: random.Random) -> Question:
    a, b, c = (rng.randint(10, 99) for _ in range(3))

    def call(expression: str) -> str:
        arguments = f'{{"expression": "{expression}"}}'
        return f'<tool_call>\n{{"name": "calc", "arguments": {arguments}}}\n</tool_call>'

    return Question(
        f"A shop sells {a} boxes of {b} pens and {c} single pens. How many pens is that?",
        (
            f"I multiply the boxes first.\n{call(f'{a}*{b}')}",
            f"Now the single pens.\n{call(f'{a * b}+{c}')}",
            f"The shop sells {a * b + c} pens. <answer>{a * b + c}</answer>",
        ),
    )


async def calc(expression: str) -> str:
    """Evaluate arithmetic."""
    return str(evaluate(expression))


@register_environment("calculator_in_ray_actors")
class ActorPerCall(CalculatorEnvironment):
    """A Ray actor for each call, which ends with it."""

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        import ray

        @ray.remote(num_cpus=0)
        class Tool:
            def execute(self, expression: str) -> str:
                return str(evaluate(expression))

        actor = Tool.remote()
        try:
            return str(await actor.execute.remote(arguments["expression"]))
        finally:
            ray.kill(actor)


class Bench:
    """The loops, on one tokenizer and configuration."""

    def __init__(self) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder())
        self.config = configuration(
            "data.max_prompt_length=4096",
            "data.max_response_length=4096",
            "actor_rollout_ref.rollout.max_model_len=8192",
        )
        schema = OpenAIFunctionToolSchema.model_validate(CALCULATOR_TOOLS[0])
        self.tool = FunctionTool(name="calc", fn=calc, tool_schema=schema, is_async=True)

    def ours(self, question: Question, env: str = "calculator") -> Callable[[], Awaitable[Any]]:
        # Not Task.to_json, which sorts keys: both loops are to show the same tools, letter by letter.
        task = json.dumps(dataclasses.asdict(question.task(env)))
        engine = ScriptedEngine(self.tokenizer, question.said)

        def run() -> Awaitable[Any]:
            loop = make_loop(AGENTIC, self.config, self.tokenizer, engine, [self.tool])
            made: Awaitable[Any] = loop.run(SAMPLING, extra_info={"task": task}, global_steps=1, session_id=0)
            return made

        return run

    def verl(self, question: Question) -> Callable[[], Awaitable[Any]]:
        engine = ScriptedEngine(self.tokenizer, question.said)

        def run() -> Awaitable[Any]:
            loop = make_loop(VERL, self.config, self.tokenizer, engine, [self.tool])
            made: Awaitable[Any] = loop.run(SAMPLING, raw_prompt=question.messages)
            return made

        return run


@dataclass(frozen=True)
class Times:
    """Seconds of one round: wall, processor, and processor without what it took Hydra to make the loops."""

    wall: float
    cpu: float
    cpu_running: float


def timed(runs: list[Callable[[], Awaitable[Any]]]) -> tuple[Times, list[Any]]:
    """Run all at once."""

    async def every() -> tuple[float, list[Any]]:
        made = [run() for run in runs]
        return time.process_time(), list(await asyncio.gather(*made))

    wall, cpu = time.perf_counter(), time.process_time()
    running, results = asyncio.run(every())
    end = time.process_time()
    return Times(time.perf_counter() - wall, end - cpu, end - running), results


def per_actor(bench: Bench, questions: list[Question]) -> float:
    """Trajectories per second where each call has a Ray actor of its own."""
    import ray

    ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        timed([bench.ours(questions[0], "calculator_in_ray_actors")])
        times, _ = timed([bench.ours(question, "calculator_in_ray_actors") for question in questions])
    finally:
        ray.shutdown()
    return len(questions) / times.wall


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=32)
    parser.add_argument("--group", type=int, default=8, help="trajectories per question")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--actor-trajectories", type=int, default=8, help="0: leave that design out")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    bench = Bench()
    rng = random.Random(0)
    for _ in range(2):
        first = [make_question(rng) for _ in range(options.questions * 2)]
        timed([bench.ours(question) for question in first])
        timed([bench.verl(question) for question in first])
    rows = []
    for number in range(options.rounds):
        # New questions each round, so that nobody has seen them before.
        questions = [make_question(rng) for _ in range(options.questions)]
        group = [question for question in questions for _ in range(options.group)]
        designs = [[bench.ours(question) for question in group], [bench.verl(question) for question in group]]
        order = (0, 1) if number % 2 == 0 else (1, 0)
        measured = {design: timed(designs[design]) for design in order}
        for mine, theirs in zip(measured[0][1], measured[1][1], strict=True):
            assert mine.prompt_ids + mine.response_ids == theirs.prompt_ids + theirs.response_ids
            assert mine.response_mask == theirs.response_mask and mine.response_logprobs == theirs.response_logprobs
        rows.append((measured[0][0], measured[1][0]))
        rates = [f"{len(group) / times.wall:.0f}/s" for times in rows[-1]]
        print(f"round {number}: ours {rates[0]}, verl {rates[1]}", flush=True)
    count = options.questions * options.group
    ours = count / statistics.median(mine.wall for mine, _ in rows)
    ratios = sorted(theirs.wall / mine.wall for mine, theirs in rows)
    ratio = statistics.median(ratios)
    details: dict[str, Any] = {
        "trajectories_per_round": count,
        "rounds": options.rounds,
        "turns": 3,
        "same_tokens": True,
        "ratio_range": [round(ratios[0], 2), round(ratios[-1], 2)],
        "cpu_ratio": round(statistics.median(theirs.cpu / mine.cpu for mine, theirs in rows), 2),
        "cpu_ratio_once_made": round(
            statistics.median(theirs.cpu_running / mine.cpu_running for mine, theirs in rows), 2
        ),
    }
    if options.actor_trajectories:
        rate = per_actor(bench, [make_question(rng) for _ in range(options.actor_trajectories)])
        details["ray_actor_per_call"] = {"trajectories_per_second": round(rate, 2), "ratio": round(ours / rate, 1)}
    details |= machine("verl", "transformers", "ray")
    report(
        "agent_loop",
        "trajectories through the agent loop, engine and tools taking no time; peer: verl's ToolAgentLoop",
        "trajectories/s",
        round(ours, 1),
        round(ours / ratio, 1),
        details,
    )


if __name__ == "__main__":
    main()
