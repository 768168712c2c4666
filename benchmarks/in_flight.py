"""``python -m benchmarks.in_flight``: thousands of trajectories at once in one worker, with tools that take their time.

Tools take a second in the median and half a minute at worst (log-normal, cut). Nothing but tools takes time, so a
perfect worker needs as long as its slowest chain of calls. Ours and verl's ``ToolAgentLoop`` play the same
trajectories, each in a process of its own; memory is what the process grows by. Hydra's making of the loops, which is
verl's worker's and the same for both, is told apart from the wall time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks.harness import machine, report, resident_mib

TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "wait",
        "description": "Wait.",
        "parameters": {"type": "object", "properties": {"seconds": {"type": "number"}}, "required": ["seconds"]},
    },
}
CALLS = 2
SIGMA = 1.0
SIDES = ("ours", "verl")


def chains(count: int, median: float, longest: float) -> list[list[float]]:
    """Seconds of each call of each trajectory."""
    rng = random.Random(0)
    draws = [[min(longest, median * rng.lognormvariate(0, SIGMA)) for _ in range(CALLS)] for _ in range(count)]
    draws[0][0] = longest
    return draws


async def wait(seconds: float) -> str:
    """Wait."""
    await asyncio.sleep(seconds)
    return f"waited {seconds} s"


def play(side: str, draws: list[list[float]]) -> dict[str, float]:
    """Play all trajectories in this process; return wall and processor seconds, seconds of making loops, and MiB."""
    from transformers import AutoTokenizer
    from verl.tools.function_tool import FunctionTool
    from verl.tools.schemas import OpenAIFunctionToolSchema

    from benchmarks.loops import AGENTIC, VERL, ScriptedEngine, configuration, make_loop
    from benchmarks.qwen3 import tokenizer_folder
    from verl_agentic.core import Message, Task
    from verl_agentic.tool_envs import Environment, register_environment

    @register_environment("wait")
    class Waiting(Environment):
        async def call(self, name: str, arguments: dict[str, Any]) -> str:
            return await wait(arguments["seconds"])

    logging.disable(logging.WARNING)
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder())
    lengths = ("data.max_prompt_length=4096", "data.max_response_length=4096")
    # Nobody's deadline ends what the slowest tool takes.
    deadlines = ("agentic.rollout.call_seconds=600", "agentic.rollout.trajectory_seconds=3600")
    config = configuration(*lengths, *deadlines, "actor_rollout_ref.rollout.max_model_len=8192")
    schema = OpenAIFunctionToolSchema.model_validate(TOOL)
    tool = FunctionTool(name="wait", fn=wait, tool_schema=schema, is_async=True)

    def make(number: int, seconds: list[float]) -> Callable[[], Awaitable[Any]]:
        said = [f'<tool_call>\n{{"name": "wait", "arguments": {{"seconds": {one}}}}}\n</tool_call>' for one in seconds]
        engine = ScriptedEngine(tokenizer, [*said, "<answer>done</answer>"])
        # A prompt of its own for each: nothing is shared.
        messages: list[Message] = [{"role": "user", "content": f"Wait, as number {number}."}]
        row = {"extra_info": {"task": Task("wait", messages, [TOOL], "wait", {}, "math", "done").to_json()}}

        def run() -> Awaitable[Any]:
            loop = make_loop(AGENTIC if side == "ours" else VERL, config, tokenizer, engine, [tool])
            made: Awaitable[Any] = loop.run({}, raw_prompt=messages, **row)
            return made

        return run

    async def every() -> dict[str, float]:
        runs = [make(number, seconds) for number, seconds in enumerate(draws)]
        await make(-1, [0.0] * CALLS)()
        before, peak = resident_mib(), 0.0
        started = time.perf_counter()
        made = [run() for run in runs]
        making, cpu = time.perf_counter() - started, time.process_time()
        started = time.perf_counter()
        tasks = [asyncio.ensure_future(one) for one in made]
        while not all(task.done() for task in tasks):
            await asyncio.wait(tasks, timeout=1.0)
            peak = max(peak, resident_mib())
        wall = time.perf_counter() - started
        turns = {task.result().num_turns for task in tasks}
        assert turns == {2 * (CALLS + 1)}, turns
        return {"wall_s": wall, "cpu_s": time.process_time() - cpu, "making_s": making, "mib": peak - before}

    return asyncio.run(every())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trajectories", type=int, default=2000)
    parser.add_argument("--median", type=float, default=1.0, help="seconds of a tool")
    parser.add_argument("--longest", type=float, default=30.0, help="seconds of the slowest tool")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    draws = chains(options.trajectories, options.median, options.longest)
    if options.side:
        print(json.dumps(play(options.side, draws)))
        return
    measured: dict[str, dict[str, float]] = {}
    for side in SIDES:
        command = [sys.executable, "-m", "benchmarks.in_flight", "--side", side]
        command += [
            f"--trajectories={options.trajectories}",
            f"--median={options.median}",
            f"--longest={options.longest}",
        ]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        measured[side] = json.loads(done.stdout.splitlines()[-1])
        print(side, measured[side], flush=True)
    slowest = max(map(sum, draws))
    count = options.trajectories
    details: dict[str, Any] = {
        "trajectories": count,
        "slowest_chain_s": round(slowest, 2),
        "over_slowest_chain": {side: round(one["wall_s"] / slowest - 1, 3) for side, one in measured.items()},
        "making_loops_s": {side: round(one["making_s"], 2) for side, one in measured.items()},
        "kib_per_trajectory": {side: round(one["mib"] * 1024 / count, 1) for side, one in measured.items()},
        "cpu_ms_per_trajectory": {side: round(one["cpu_s"] / count * 1e3, 2) for side, one in measured.items()},
        **machine("verl"),
    }
    report(
        "in_flight",
        "wall time of trajectories in flight at once in one worker, tools 1 s median and 30 s worst; less is better",
        "s",
        round(measured["ours"]["wall_s"], 2),
        round(measured["verl"]["wall_s"], 2),
        details,
    )


if __name__ == "__main__":
    main()
