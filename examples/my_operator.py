"""An operator of one's own, and two ways to solve its kind of task. Run it to check it on tasks of my_family.py."""

import re
from datetime import datetime, timedelta
from random import Random

from verl_agentic.flywheel import ErrorKind
from verl_agentic.synthesis.question import question_of
from verl_agentic.synthesis.reasoning import Operator, UnreadableError, register_routes


def told(task):
    """The time at the start, and the minutes of each step as they are written."""
    text = question_of(task.messages)
    start = re.search(r"It is (\d+:\d\d)\.", text)
    if start is None:
        raise UnreadableError("no time is told")  # says nothing about the task: others may read it
    return start[1], re.findall(r"(Then|Go back) (\d+) minutes", text)


def by_minutes(task):
    start, steps = told(task)
    hours, minutes = map(int, start.split(":"))
    total = 60 * hours + minutes + sum(int(n) if way == "Then" else -int(n) for way, n in steps)
    return compared(task, f"{total // 60}:{total % 60:02}")


def by_calendar(task):
    start, steps = told(task)
    passed = sum((timedelta(minutes=int(n)) * (1 if way == "Then" else -1) for way, n in steps), timedelta())
    return compared(task, f"{datetime.strptime(start, '%H:%M') + passed:%-H:%M}")


def compared(task, found):
    return None if found == task.ground_truth["answer"] else f"it comes to {found}"


register_routes("clock", by_minutes, by_calendar)


class Clutter(Operator):
    """One more number, of no use."""

    name = "clutter"
    kind = "clock"
    remedies = frozenset({ErrorKind.WRONG_ANSWER, ErrorKind.ARITHMETIC_SLIP})

    def __call__(self, task, rng):
        text = question_of(task.messages)
        return self.grow(task, text.replace(" What", f" The clock is {rng.randrange(20, 90)} years old. What"))


if __name__ == "__main__":
    from my_family import ClockFamily

    from verl_agentic.contracts import check_operator

    grown = check_operator(Clutter(), [ClockFamily().generate("on-on", Random(7))])
    print(f"contract kept: {len(grown)} tasks, e.g. {grown[0].messages[0]['content']}")
