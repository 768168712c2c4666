"""Tasks of the size of those in natural language: texts that many share, and texts that are one task's own.

The words mean nothing; there are as many of them, and they are as unevenly frequent, as in a policy document, so that
their texts compress as such do (2.2 to 2.6 times). Behavior trees, schemas and calls are JSON of the usual form.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from verl_agentic.core import Task, Trajectory, Turn

DOMAINS = 48
EDITIONS = 32
UNIQUE = 5
"""Every so many-th task has a policy of its own."""
POLICY, TOOLS, TREE, SCRIPT, TRUTH = 5 * 1024, 7 * 1024, 4 * 1024, 1536, 1200

_SYLLABLES = [first + vowel + last for first in "bdfglmnprst" for vowel in "aeiou" for last in ("", "n", "r", "st")]
_SENTENCES = 400


class NaturalTasks:
    """A source of such tasks, always the same ones.

    Args:
        seed: another seed, other texts.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._domains = [_Domain(f"{seed}/{number}") for number in range(DOMAINS)]

    def make(self, start: int, stop: int) -> Iterator[Task]:
        """The tasks of these numbers, about 20 kB each, one by one."""
        for number in range(start, stop):
            rng = random.Random(f"{self._seed}/task/{number}")
            domain = self._domains[number % DOMAINS]
            edition = number // DOMAINS % EDITIONS
            policy = domain.text(rng, POLICY) if number % UNIQUE == 0 else domain.policies[edition]
            yield Task(
                kind=("desk", "shop", "bank")[number % 3],
                messages=[{"role": "system", "content": policy}, {"role": "user", "content": domain.text(rng, 300)}],
                tools=domain.tools[edition],
                env="world",
                env_args={"world": f"{domain.name}-{edition}", "patch": {"orders": [domain.record(rng)]}},
                reward="state",
                ground_truth={"calls": domain.records(rng, TRUTH)},
                user={"kind": "scripted", "script": domain.text(rng, SCRIPT), "patience": rng.randrange(3, 9)},
                structure=f"{domain.name}-{rng.randrange(97)}",
                depth=1 + number // 3 % 6,
                seed=number,
                meta={"tree": domain.tree(rng, TREE), "register": "natural"},
            )

    def trajectory(self, number: int) -> str:
        """The JSON of a dialogue about a task: requests, calls, results and answers, about 8 kB."""
        rng = random.Random(f"{self._seed}/trajectory/{number}")
        domain = self._domains[number % DOMAINS]
        turns = []
        for _ in range(6):
            call, result = domain.record(rng), domain.records(rng, 450)
            turns += [
                Turn("user", domain.text(rng, 150), 40, 0.1),
                Turn("assistant", f"<tool_call>\n{json.dumps(call)}\n</tool_call>", 60, 1.2),
                Turn("tool", json.dumps(result), 150, 0.01),
                Turn("assistant", domain.text(rng, 200), 50, 1.1),
            ]
        return Trajectory(f"desk-{number}", turns=turns).to_json()


class _Domain:
    def __init__(self, name: str) -> None:
        rng = random.Random(name)
        words = ["".join(rng.choices(_SYLLABLES, k=rng.choice((1, 2, 2, 3)))) for _ in range(900)]
        weights = list(accumulate(1 / rank for rank in range(1, len(words) + 1)))
        self.name = words[400]
        self._fields = words[60:120]
        self._sentences = []
        for _ in range(_SENTENCES):
            said = rng.choices(words, cum_weights=weights, k=rng.randrange(8, 22))
            self._sentences.append(" ".join(said).capitalize() + rng.choice((".", ".", ", unless it says otherwise.")))
        self.policies = [self.text(rng, POLICY) for _ in range(EDITIONS)]
        self.tools = [self._tools(rng, TOOLS) for _ in range(EDITIONS)]

    def text(self, rng: random.Random, size: int) -> str:
        """Sentences, numbers among them."""
        said: list[str] = []
        length = 0
        while length < size:
            said.append(f"{rng.choice(self._sentences)} Limit: {rng.randrange(1000)} {rng.choice(self._fields)}.")
            length += len(said[-1]) + 1
        return "\n".join(said)

    def record(self, rng: random.Random) -> dict[str, Any]:
        """A call or a row."""
        fields = rng.sample(self._fields, 5)
        return {"name": f"set_{fields[0]}", "arguments": {one: f"{one[:2]}-{rng.randrange(10**6)}" for one in fields}}

    def records(self, rng: random.Random, size: int) -> list[dict[str, Any]]:
        """About so many characters of them."""
        return [self.record(rng) for _ in range(size // 150)]

    def tree(self, rng: random.Random, size: int) -> dict[str, Any]:
        """A sequence of checks and steps."""
        children = []
        for number in range(size // 260):
            field, other = rng.sample(self._fields, 2)
            check = {"field": field, "op": rng.choice(("==", "<", ">=")), "value": rng.randrange(5000)}
            then = {"call": f"set_{other}", "arguments": {"id": f"$customer.{field}", "reason": other}}
            children.append(
                {
                    "type": "selector",
                    "name": f"{field} {number}",
                    "when": check,
                    "then": then,
                    "say": self._sentences[rng.randrange(_SENTENCES)][:80],
                }
            )
        return {"type": "sequence", "name": self.name, "children": children}

    def _tools(self, rng: random.Random, size: int) -> list[dict[str, Any]]:
        tools = []
        for number in range(size // 570):
            properties = {
                field: {"type": rng.choice(("string", "integer")), "description": rng.choice(self._sentences)[:70]}
                for field in rng.sample(self._fields, 3)
            }
            parameters = {"type": "object", "properties": properties, "required": sorted(properties)}
            described = rng.choice(self._sentences)
            function = {"name": f"set_{self._fields[number]}", "description": described, "parameters": parameters}
            tools.append({"type": "function", "function": function})
        return tools
