"""A simulated user of one's own: follows the script of a task, in a hurry, with typing errors. Run it to check it."""

import random
import re

from verl_agentic.core import Task, UserInputError
from verl_agentic.tool_envs import User, UserReply
from verl_agentic.tool_envs.users.registry import make_user


class HurriedUser(User):
    """Says what the scripted user says, with two letters of some words swapped; numbers and codes stay as they are.

    Args:
        errors: share of the words, 0 to 1; an option, set under ``agentic.rollout.simulator_options``.
    """

    def __init__(self, errors=0.2):
        if not 0 <= errors <= 1:
            raise UserInputError(f"agentic.rollout.simulator_options.errors must lie between 0 and 1, got {errors!r}")
        self._errors = errors
        self._script = make_user("scripted")

    def open(self, task, seed):
        self._script.open(task, seed)
        self._rng = random.Random(f"{task.id}/{seed}")  # the same session again says the same again
        self._typos = 0

    def reply(self, message):
        reply = self._script.reply(message)
        return reply and UserReply(re.sub(r"\b[a-z]{4,}\b", self._typed, reply.content), reply.stop)

    def counts(self):
        return {**self._script.counts(), "typos": self._typos}  # agentic/user/typos in the metrics

    def _typed(self, word):
        text = word[0]
        if self._rng.random() >= self._errors:
            return text
        self._typos += 1
        place = self._rng.randrange(1, len(text) - 2)
        return text[:place] + text[place + 1] + text[place] + text[place + 2 :]


if __name__ == "__main__":
    from verl_agentic.contracts import check_user

    script = {
        "facts": [{"ask": ["number", "order"], "say": "The number of my order is 417."}],
        "confirm": "Yes, please.",
    }
    asked = {"role": "user", "content": "I want my money back."}
    task = Task("service", [asked], [], "service", {}, "state", {"expected": {}}, script)
    for reply in check_user(lambda: HurriedUser(errors=0.9), task):
        print(f"user: {reply.content}")
    print("contract kept")
