"""What extensions of one's own must keep to, as checks that a test calls or a shell runs.

Each plays the real thing: tasks are solved by their expert, sessions are opened, rounds are run on a database of their
own. A check that passes returns what it made, and one that does not raises :class:`ContractError`.
"""

from verl_agentic.contracts.base import ContractError
from verl_agentic.contracts.operators import check_operator, check_tree_operator
from verl_agentic.contracts.rewards import check_reward
from verl_agentic.contracts.rounds import check_chat_model, check_hook
from verl_agentic.contracts.sessions import check_environment, check_user
from verl_agentic.contracts.tasks import check_family

__all__ = [
    "ContractError",
    "check_chat_model",
    "check_environment",
    "check_family",
    "check_hook",
    "check_operator",
    "check_reward",
    "check_tree_operator",
    "check_user",
]
