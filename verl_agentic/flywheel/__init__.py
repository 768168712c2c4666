"""The data flywheel: which tasks an epoch trains on, and how the pool grows between epochs."""

from verl_agentic.core.outcome import ErrorKind
from verl_agentic.flywheel.agreement import AgreementVerifier
from verl_agentic.flywheel.budget import BudgetedHook, HookBudget, HookUse
from verl_agentic.flywheel.curriculum import CurriculumSettings, Shares, draw_epoch
from verl_agentic.flywheel.file_import import import_tasks
from verl_agentic.flywheel.hook import FlywheelHook, RoundInput, RoundResult, TaskResult
from verl_agentic.flywheel.hooks.frontier import FrontierHook
from verl_agentic.flywheel.hooks.reasoning import ReasoningHook
from verl_agentic.flywheel.hooks.trees import TreesHook
from verl_agentic.flywheel.protect import Protected, protected_splits
from verl_agentic.flywheel.registry import make_hooks, register_hook
from verl_agentic.flywheel.round import run_round
from verl_agentic.flywheel.verify import ExpertVerifier, Scorer, Verifier, WrittenVerifier, verify
from verl_agentic.rollout.diagnosis import Diagnosis, diagnose

__all__ = [
    "AgreementVerifier",
    "BudgetedHook",
    "CurriculumSettings",
    "Diagnosis",
    "ErrorKind",
    "ExpertVerifier",
    "FlywheelHook",
    "FrontierHook",
    "HookBudget",
    "HookUse",
    "Protected",
    "ReasoningHook",
    "RoundInput",
    "RoundResult",
    "Scorer",
    "Shares",
    "TaskResult",
    "TreesHook",
    "Verifier",
    "WrittenVerifier",
    "diagnose",
    "draw_epoch",
    "import_tasks",
    "make_hooks",
    "protected_splits",
    "register_hook",
    "run_round",
    "verify",
]
