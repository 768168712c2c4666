"""A reward function of one's own: an answer must name some things and none of others. Run it to check it."""

import re

from verl_agentic.core import BrokenTaskError, FailureKind, UserInputError
from verl_agentic.reward_fns.common import decided, decode_ground_truth, no_answer, read_submission


def compute_score(data_source, solution_str, ground_truth, extra_info=None, *, partial=False, **kwargs):
    """verl's form. ``ground_truth``: ``{"names": ["Oslo", "Rome"], "never": ["Paris"]}``.

    Args:
        data_source: the task's kind.
        solution_str: the response; the answer is what stands in ``<answer>``.
        ground_truth: see above.
        extra_info: ``trajectory`` holds all of the dialogue and its calls.
        partial: whether the share of names is the score of a wrong answer, a keyword of ``reward_kwargs``.
        kwargs: what verl hands over besides.
    """
    truth = decode_ground_truth(ground_truth)
    if not truth.get("names"):
        raise BrokenTaskError("ground_truth.names is empty")  # the task is taken out; nobody gets a 0 for it
    submission = read_submission(solution_str, extra_info)
    if submission.answer is None:
        return no_answer(submission)
    words = set(re.findall(r"\w+", submission.answer.casefold()))
    if said := [name for name in truth.get("never", []) if name.casefold() in words]:
        return decided(FailureKind.WRONG_ANSWER, f"names {said[0]}")
    missing = [name for name in truth["names"] if name.casefold() not in words]
    if missing:
        share = 1 - len(missing) / len(truth["names"])
        return decided(FailureKind.WRONG_ANSWER, f"does not name {missing[0]}", score=0.5 * share if partial else 0.0)
    return decided(FailureKind.NONE)


def check_kwargs(reward_kwargs):
    """Called before the run starts, where a module has it."""
    if not isinstance(reward_kwargs.get("partial", False), bool):
        raise UserInputError("reward_kwargs.partial must be true or false")


if __name__ == "__main__":
    from verl_agentic.contracts import check_reward

    truth = {"names": ["Oslo", "Rome"], "never": ["Paris"]}
    right = [("<answer>Rome and Oslo.</answer>", truth)]
    wrong = [("<answer>Oslo</answer>", truth), ("<answer>Oslo, Rome, Paris</answer>", truth)]
    for result in check_reward(compute_score, right, wrong, partial=True):
        print(f"score {result['score']:g} {result['reason']}")
    print("contract kept")
