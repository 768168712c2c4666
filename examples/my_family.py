"""A task family of one's own: what a clock shows some minutes later, or earlier. Run it to check it."""

import dataclasses
import json
import random
import re

from verl_agentic.core import Task
from verl_agentic.synthesis.base import TaskFamily
from verl_agentic.synthesis.question import question_of
from verl_agentic.tool_envs.calculator import CALCULATOR_TOOLS

SAID = {"on": "Then {} minutes pass.", "back": "Go back {} minutes."}
TRAIN = ("on", "back", "on-on", "back-back", "on-on-on")
SPLITS = {"train": TRAIN, "validation": ("back-on",), "held_out": ("on-back",)}  # other compositions, not other numbers


def read(text):
    """The start in minutes, then those of each step, below 0 for a step back."""
    hours, minutes = map(int, re.search(r"(\d+):(\d\d)", text).groups())
    return [60 * hours + minutes, *(int(on or f"-{back}") for on, back in re.findall(r"Then (\d+)|back (\d+)", text))]


def clock(minutes):
    return f"{minutes // 60}:{minutes % 60:02}"


class ClockFamily(TaskFamily):
    kind = "clock"

    def structures(self, split):
        return SPLITS[split]

    def generate(self, structure, rng):
        said = [SAID[name].format(rng.randrange(5, 56)) for name in structure.split("-")]
        text = " ".join([f"It is {clock(rng.randrange(500, 900))}.", *said, "What time is it?"])
        asked, answer = {"role": "user", "content": text}, {"answer": clock(sum(read(text)))}
        task = Task(self.kind, [asked], CALCULATOR_TOOLS, "calculator", {}, reward="math", ground_truth=answer)
        return dataclasses.replace(task, structure=structure, depth=len(said))

    def harder(self, task, rng):
        longer = next((name for name in TRAIN if name.startswith(f"{task.structure}-")), None)
        return longer and dataclasses.replace(self.generate(longer, rng), parent=task.id, operator="longer")

    def expert(self, task):
        def solve(messages, tools):
            if messages[-1]["role"] == "tool":
                return f"<answer>{clock(int(messages[-1]['content']))}</answer>"
            call = {"name": "calc", "arguments": {"expression": "+".join(map(str, read(question_of(messages))))}}
            return f"<tool_call>{json.dumps(call)}</tool_call>"

        return solve


if __name__ == "__main__":
    from verl_agentic.contracts import check_family

    print(f"contract kept: the expert solved {check_family(ClockFamily())} tasks, e.g.")
    print(ClockFamily().generate("on-on", random.Random(7)).messages[0]["content"])
