"""Word problems for language models: what the calculator does, and what is wanted."""

from __future__ import annotations

from verl_agentic.core import Task
from verl_agentic.synthesis.plain_words import in_plain_words, wording_rng

# Without numbers, in digits or in words: they must not give an answer away.
SYSTEMS = (
    "You solve short word problems from everyday life. Read the story carefully, follow step by step how many things"
    " there are, and find the number that the question asks for. Some sentences may have nothing to do with it; words"
    " such as twice as many compare with what the same person had just before, and a number that is not told may be"
    " written as X. Calculate with the tool calc instead of in your head: it takes an arithmetic expression of"
    " numbers, the signs + - * / and parentheses, and returns its exact value. The final answer is a whole number,"
    " written in digits and without a unit.",
    "The user tells you a story about somebody who has, gets and gives away things, with a question at the end. Work"
    " out the answer. The tool calc evaluates arithmetic: give it an expression made of numbers, + - * / and"
    " parentheses, and it returns the exact result. Use it for every calculation. Not every sentence of the story"
    " matters. Where something doubles or there are so many times as many, it is what that person had until then that"
    " is multiplied, and X stands for a number that is unknown. What is wanted is a single whole number in digits,"
    " with no unit and no sentence around it.",
    "Your task is a word problem. Go through it sentence by sentence, keep track of how many things there are, and"
    " leave out whatever does not change the result. A comparison such as twice as many is with what the same person"
    " had before it, never with somebody else's things, and a letter X stands for an unknown number. For the"
    " arithmetic you have a calculator, the tool calc. Its argument is an expression with numbers, plus, minus, times"
    " (*), divided by (/) and parentheses, and its reply is the exact value. Answer with the number that is asked"
    " for: a whole number, nothing but its digits.",
    "You help with arithmetic that is hidden in short stories. First find out which numbers matter and what happens"
    " to them in which order; a story may hold details that are of no use, such as what others have, may call an"
    " unknown number X, and means by so many times as many a multiple of what its main person had up to there. Then"
    " compute with the tool calc, which takes an expression such as numbers joined by + - * / with parentheses, and"
    " gives back its exact value; do not rely on mental arithmetic. The answer is the whole number that the last"
    " sentence asks for, in digits, without the name of the things.",
)


def natural_problem(task: Task) -> Task:
    """The same story behind a system message in plain words."""
    return in_plain_words(task, wording_rng(task).choice(SYSTEMS))
