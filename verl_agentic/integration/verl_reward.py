"""verl's own rewards, by data source: the reward ``verl``, which also judges rows that name none."""

from __future__ import annotations

import functools
from typing import Any

from verl.utils.reward_score import default_compute_score

from verl_agentic.core import UserInputError
from verl_agentic.reward_fns.common import read_submission


def compute_score(
    data_source: str, solution_str: str, ground_truth: Any, extra_info: dict[str, Any] | None = None, **kwargs: Any
) -> Any:
    """verl's verdict on the last message: what tools said before it is no answer of the policy's.

    Args:
        data_source: one that verl knows, e.g. ``openai/gsm8k``.
        solution_str: response text; read only without a trajectory.
        ground_truth: as the data source has it.
        extra_info: may hold ``trajectory`` as JSON.
        kwargs: accepted for verl, unused.

    Returns:
        A number or an object with a number ``score``, as verl's function for the data source gives it.

    Raises:
        UserInputError: verl has no reward for the data source, or it lacks a package.
        InfrastructureError: the trajectory cannot be read.
    """
    check_source(data_source)
    trajectory = read_submission(solution_str, extra_info).trajectory
    if trajectory is not None:
        said = [turn.content for turn in trajectory.turns if turn.role == "assistant"]
        solution_str = said[-1] if said else ""
    return default_compute_score(data_source, solution_str, ground_truth, extra_info)


@functools.lru_cache(maxsize=256)
def check_source(data_source: str) -> None:
    """Find out whether verl has a reward for a data source, without judging anything.

    Raises:
        UserInputError: it has none, or the one it has lacks a package.
    """
    try:
        # verl says so first; what it then makes of no answer at all is of no interest.
        default_compute_score(data_source, None, None)
    except NotImplementedError as error:
        raise UserInputError(f"verl has no reward for the data source {data_source!r}") from error
    except ModuleNotFoundError as error:
        raise UserInputError(
            f"verl's reward for the data source {data_source!r} lacks the module {error.name!r}; install it"
        ) from error
    except Exception:
        return
