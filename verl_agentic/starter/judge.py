"""The default judge of a finished dialogue: the reward function that the task names."""

from __future__ import annotations

from verl_agentic.core import BrokenTaskError, Task, Trajectory, UserInputError
from verl_agentic.reward_fns.registry import reward_function


def success(task: Task, trajectory: Trajectory) -> float:
    """1.0 when the task's own reward function calls the trajectory a success, else 0.0."""
    said = "".join(turn.content for turn in trajectory.turns if turn.role == "assistant")
    try:
        judge = reward_function(task.reward)
    except UserInputError as error:
        raise BrokenTaskError(f"task names a reward that cannot be had: {error}") from error
    result = judge(task.kind, said, task.ground_truth, extra_info={"trajectory": trajectory.to_json()})
    return float(result["acc"])
