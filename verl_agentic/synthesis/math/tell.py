"""A word problem in words: about whom, about what, and with how much that is of no use."""

from __future__ import annotations

import random

from verl_agentic.synthesis.math.problem import (
    BOX_STARTS,
    EXTRAS,
    NAMES,
    OBJECTS,
    OPERATIONS,
    QUESTIONS,
    STARTS,
    Problem,
)
from verl_agentic.synthesis.math.story import (
    FACTS,
    OTHER_BOX_STARTS,
    OTHER_QUESTIONS,
    OTHER_SENTENCES,
    OTHER_STARTS,
    RESULTS,
    UNKNOWN,
    UNKNOWN_QUESTIONS,
)


def tell_story(
    problem: Problem, rng: random.Random, *, unknown: int | None = None, distractors: int = 0, anew: bool = False
) -> str:
    """``problem`` in English.

    Args:
        problem: the problem.
        rng: chooses people, things and words.
        unknown: what is asked for, as :attr:`Story.unknown`; the result is told then.
        distractors: sentences of no use.
        anew: take the further ways to say things, which generated tasks never have.
    """
    they = rng.choice(("She", "He"))
    things, other_things = rng.sample(OBJECTS, 2)
    words = {
        "name": rng.choice(NAMES[they]),
        "They": they,
        "they": they.lower(),
        "they_": "her" if they == "She" else "him",
        "things": things,
    }
    numbers: list[int | str] = [problem.start, *(operand for _, operand in problem.steps)]
    if unknown is not None:
        numbers[unknown] = UNKNOWN
    steps = list(zip([name for name, _ in problem.steps], numbers[1:], strict=True))
    if steps and steps[0][0] == "boxes":
        opening = rng.choice(OTHER_BOX_STARTS if anew else BOX_STARTS).format(**words, a=numbers[0], n=steps.pop(0)[1])
    else:
        opening = rng.choice(OTHER_STARTS if anew else STARTS).format(**words, a=numbers[0])
    later = []
    for name, operand in steps:
        said = OTHER_SENTENCES[name] if anew else OPERATIONS[name].sentences
        later.append(rng.choice(said).format(**words, n=operand))
    # Somebody of the other pronoun, so that "she" and "he" stay unambiguous.
    strangers = NAMES["He" if they == "She" else "She"]
    for number in range(distractors):
        about = {**words, "things": other_things}
        if number == 0:
            about["name"] = rng.choice(strangers)
        sentence = rng.choice(FACTS if number else EXTRAS).format(**about, a=rng.randint(3, 99))
        later.insert(rng.randint(0, len(later)), sentence)
    if unknown is None:
        question = rng.choice(OTHER_QUESTIONS if anew else QUESTIONS).format(**words)
    else:
        later.append(rng.choice(RESULTS).format(**words, a=problem.answer()))
        question = rng.choice(UNKNOWN_QUESTIONS)
    return " ".join([opening, *later, question])
