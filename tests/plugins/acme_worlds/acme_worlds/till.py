"""A till: an environment with options, a state and a seed. Named ``acme_worlds.till:TillEnvironment`` in tasks."""

from __future__ import annotations

from typing import Any

from verl_agentic.core import BrokenTaskError, Task
from verl_agentic.tool_envs import Environment, ToolError, User

SCAN = {
    "type": "function",
    "function": {
        "name": "scan",
        "description": "Scan an article.",
        "parameters": {"type": "object", "properties": {"article": {"type": "string"}}, "required": ["article"]},
    },
}


class TillEnvironment(Environment):
    """``env_args``: ``{"prices": {article: cents}}``."""

    def __init__(self, user: User | None = None, *, currency: str = "EUR") -> None:
        super().__init__(user)
        self._currency = currency
        self._prices: dict[str, int] = {}
        self._total = 0

    async def open(self, task: Task, seed: int) -> None:
        await super().open(task, seed)
        if not isinstance(task.env_args.get("prices"), dict):
            raise BrokenTaskError("env_args.prices must be an object")
        self._prices = task.env_args["prices"]

    def tools(self) -> list[dict[str, Any]]:
        return [SCAN]

    async def call(self, name: str, arguments: dict[str, Any]) -> str:
        if arguments["article"] not in self._prices:
            raise ToolError(f"no article {arguments['article']!r}")
        self._total += self._prices[arguments["article"]]
        return f"{self._total / 100:.2f} {self._currency}"

    def state(self) -> dict[str, Any]:
        return {"total": self._total}
