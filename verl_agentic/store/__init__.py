"""The run's memory: tasks, outcomes, rounds, draws, evaluations, metrics. One database, one writer."""

from verl_agentic.store.candidates import Candidates, Cell, Progress
from verl_agentic.store.engine import STORE_FILE, store_url
from verl_agentic.store.pool_query import PoolFilter
from verl_agentic.store.records import (
    Evaluation,
    Failure,
    Group,
    PoolEntry,
    QuarantinedTask,
    RoundRecord,
    StatusChange,
    TaskStatus,
)
from verl_agentic.store.store import Store
from verl_agentic.store.yields import FRESH, Yield, total_yields

__all__ = [
    "FRESH",
    "STORE_FILE",
    "Candidates",
    "Cell",
    "Evaluation",
    "Failure",
    "Group",
    "PoolEntry",
    "PoolFilter",
    "Progress",
    "QuarantinedTask",
    "RoundRecord",
    "StatusChange",
    "Store",
    "TaskStatus",
    "Yield",
    "store_url",
    "total_yields",
]
