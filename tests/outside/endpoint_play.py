"""Plays of scripted endpoints that the cases share."""

from __future__ import annotations

from typing import Any

from scripted_server import ANSWER, Answer, Body, Rolled, Script, fail, rollout, say, strict_problems, turn

ASK = "<question>Which city?</question>"
TEXT_CALL = '<tool_call>\n{"name": "get", "arguments": {"city": "Rome"}}\n</tool_call>'
FUNCTION_CALL = "<function=get>\n<parameter=city>\nRome\n</parameter>\n</function>"


def call_then_answer(first: Answer) -> Script:
    """``first``, then the answer."""
    return lambda body, number: first if turn(body) == 0 else say(ANSWER)


def strictly(*answers: Answer) -> Script:
    """The answers in order of the model's turns, by a server that refuses a transcript that is not strict."""

    def script(body: Body, number: int) -> Answer:
        problems = strict_problems(body)
        return fail(400, f"<400> InvalidParameter: {problems[0]}") if problems else answers[turn(body)]

    return script


def played(name: str, script: Script, *arguments: str, end: str = "answer", **options: Any) -> Rolled:
    """The rollout ended so and with a verdict."""
    calls = options.pop("calls", {})
    success = options.pop("success", 1.0 if end == "answer" else None)
    done = rollout(name, script, *arguments, **options)
    done.ended(end, success, **calls)
    return done
