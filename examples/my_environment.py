"""A tool environment of one's own: a till that each trajectory has to itself. Run it to check it."""

from verl_agentic.core import BrokenTaskError, Task
from verl_agentic.tool_envs import Environment, ToolError

PAY = {
    "type": "function",
    "function": {
        "name": "pay",
        "description": "Pay out.",
        "parameters": {"type": "object", "properties": {"cents": {"type": "integer"}}, "required": ["cents"]},
    },
}


class Till(Environment):
    """``env_args``: ``{"cents": 100}``.

    Args:
        user: the simulated user; the run hands it over.
        limit: cents of one payment; an option, set under ``agentic.rollout.env_options``.
    """

    def __init__(self, user=None, *, limit=500):
        super().__init__(user)
        self._limit = limit

    async def open(self, task, seed):
        await super().open(task, seed)
        self._cents = task.env_args.get("cents")
        if not isinstance(self._cents, int):
            raise BrokenTaskError("env_args.cents must be a whole number")  # the task is taken out of the pool

    def tools(self):
        return [PAY]

    async def call(self, name, arguments):
        if arguments["cents"] > min(self._cents, self._limit):
            raise ToolError(f"at most {min(self._cents, self._limit)} cents")  # goes back to the policy
        self._cents -= arguments["cents"]  # what else is raised is our failure, never the policy's
        return f"paid; {self._cents} cents are left"

    def state(self):
        return {"cents": self._cents}  # what the reward reads


if __name__ == "__main__":
    from verl_agentic.contracts import check_environment

    task = Task("till", [{"role": "user", "content": "Pay."}], [], "my_environment:Till", {"cents": 100}, "math", "1")
    for call in check_environment(Till, task, [("pay", {"cents": 30}), ("pay", {"cents": 80})]):
        print(f"pay {call.arguments['cents']}: {call.result}")
    print("contract kept")
