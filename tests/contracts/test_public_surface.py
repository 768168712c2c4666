"""What users' code, files, recipes and databases rely on. Whoever changes a line here breaks somebody's run."""

from __future__ import annotations

import hashlib
import importlib
import json
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from verl_agentic.core import Task

ROOT = Path(__file__).resolve().parents[2]

# Names that may be imported from a package; what is not here may move.
PATHS: dict[str, tuple[str, ...]] = {
    "verl_agentic": ("__version__",),
    "verl_agentic.core": (
        "BrokenTaskError",
        "End",
        "FailureKind",
        "InfrastructureError",
        "Message",
        "Outcome",
        "Task",
        "ToolCall",
        "Trajectory",
        "Turn",
        "UserInputError",
    ),
    "verl_agentic.contracts": (
        "ContractError",
        "check_chat_model",
        "check_environment",
        "check_family",
        "check_hook",
        "check_operator",
        "check_reward",
        "check_tree_operator",
        "check_user",
    ),
    "verl_agentic.core.chat": ("ChatModel", "ChatReply", "ChatRequest", "ChatUsage", "make_chat_model"),
    "verl_agentic.tool_envs": (
        "Environment",
        "NoUser",
        "ToolError",
        "User",
        "UserReply",
        "environment_class",
        "make_environment",
        "register_environment",
    ),
    "verl_agentic.rollout": (
        "AssistantAction",
        "DeadlineError",
        "Dialogue",
        "DialogueLimits",
        "Policy",
        "parse_assistant",
        "play",
    ),
    "verl_agentic.reward_fns.math": ("acompute_score", "answers_equal", "compute_score"),
    "verl_agentic.reward_fns.sql": ("compute_score",),
    "verl_agentic.reward_fns.state": ("compute_score",),
    "verl_agentic.reward_fns.calls": ("compute_score",),
    "verl_agentic.reward_fns.rubric": ("compute_score",),
    "verl_agentic.reward_fns.mixed": ("compute_score",),
    "verl_agentic.reward_fns.compose": ("compute_score",),
    "verl_agentic.synthesis.base": ("Split", "TaskFamily"),
    "verl_agentic.synthesis.rows": ("read_tasks", "to_row", "write_jsonl", "write_parquet"),
    "verl_agentic.synthesis.reasoning": (
        "OPERATORS",
        "Operator",
        "RejectedError",
        "UnreadableTaskError",
        "make_operators",
        "register_routes",
    ),
    "verl_agentic.synthesis.trees": ("TreeFamily", "check_tree", "compile_task", "read_tree"),
    "verl_agentic.synthesis.trees.operators": ("OPERATORS", "TreeOperator", "operator_named"),
    "verl_agentic.flywheel": (
        "ExpertVerifier",
        "FlywheelHook",
        "FrontierHook",
        "HookBudget",
        "ReasoningHook",
        "RoundInput",
        "RoundResult",
        "TaskResult",
        "TreesHook",
        "draw_epoch",
        "make_hooks",
        "register_hook",
        "run_round",
    ),
    "verl_agentic.store": ("Store", "TaskStatus", "store_url"),
    "verl_agentic.llm": ("LLMSettings", "chat_model", "read_llm_settings"),
    "verl_agentic.report": ("build_report", "write_report"),
    "verl_agentic.starter": ("StarterSettings", "ensure_starter"),
    "verl_agentic.cli.main": ("main",),
}
# Named in recipes, so that they need not be importable without verl.
IN_RECIPES = {
    "verl_agentic.integration.dataset": "PoolDataset",
    "verl_agentic.integration.run_callback": "AgenticRun",
}


@pytest.mark.parametrize(("module", "names"), list(PATHS.items()), ids=list(PATHS))
def test_import_paths(module: str, names: tuple[str, ...]) -> None:
    found = importlib.import_module(module)
    assert [name for name in names if not hasattr(found, name)] == []


def test_recipes_name_what_is_there() -> None:
    texts = "".join(path.read_text() for path in [*ROOT.glob("recipes/*.yaml"), *ROOT.glob("conf/**/*.yaml")])
    for module, name in IN_RECIPES.items():
        assert name in texts and (module in texts or module.replace(".", "/") in texts)
        assert importlib.util.find_spec(module) is not None


def test_registered_names() -> None:
    """Tasks, recipes and command lines name these."""
    from verl_agentic.flywheel.registry import HOOKS as hooks
    from verl_agentic.reward_fns.registry import REWARDS as rewards
    from verl_agentic.synthesis.families import FAMILIES as families
    from verl_agentic.synthesis.reasoning import OPERATORS as reasoning
    from verl_agentic.synthesis.trees.operators import OPERATORS as trees
    from verl_agentic.tool_envs.registry import ENVIRONMENTS as environments
    from verl_agentic.tool_envs.users.registry import USERS as users

    assert set(environments) >= {
        "calculator", "combined", "functions", "mcp", "mock", "python", "replay", "search", "service", "sql",
        "verl_tools", "world",
    }  # fmt: skip
    assert set(users) >= {"llm", "none", "scripted"}
    assert set(hooks) >= {"frontier", "reasoning", "trees"}
    assert set(families) >= {"math", "reasoning_gym", "service", "sql", "tree"}
    assert set(rewards) >= {"calls", "compose", "math", "mixed", "rubric", "sql", "state"}
    assert set(reasoning) >= {
        "deepen", "distract", "enlarge", "llm_persona", "nest", "persona", "rephrase", "reverse", "self_instruct",
    }  # fmt: skip
    assert set(trees) >= {
        "adversary", "confirmation", "dependency", "escalation", "failure", "hidden", "missing", "mixed",
    }  # fmt: skip


def test_recipes_and_groups() -> None:
    groups: dict[str, set[str]] = {
        "data": {"agenticqwen", "builtin", "files"},
        "flywheel": {"frontier", "none", "reasoning", "trees"},
        "llm": {"none", "openai", "vllm"},
        "model": {"hub", "qwen3-1.7b", "qwen3-30b-a3b", "qwen3-8b", "smollm2", "starter"},
        "profile": {"cpu", "cpu-lm", "gpu1", "h100x8", "h100x8x2"},
        "reward_fn": {"calls", "compose", "custom", "math", "mixed", "rubric", "sql", "state"},
        "simulator": {"llm", "none", "scripted"},
        "stage": {"agentic", "mixed", "paper", "reasoning"},
        "tasks": {"auto", "micro", "natural"},
        "tool_env": {
            "auto", "calculator", "functions", "mcp", "mock", "python", "replay", "search", "service", "sql",
            "verl_tools", "world",
        },
    }  # fmt: skip
    for group, options in groups.items():
        assert options <= {path.stem for path in (ROOT / "conf" / group).glob("*.yaml")}, group
    assert {"agenticqwen"} <= {path.stem for path in (ROOT / "recipes").glob("*.yaml")}


def test_commands() -> None:
    from verl_agentic.cli.main import _COMMANDS

    assert set(_COMMANDS) >= {
        "doctor", "pool", "replay", "report", "rollout", "score", "starter", "tasks", "trajectories", "tree",
    }  # fmt: skip


def test_entry_points() -> None:
    points = {(point.group, point.name): point.value for point in distribution("verl-agentic").entry_points}
    assert points["console_scripts", "verl-agentic"] == "verl_agentic.cli.main:main"
    assert points["verl.plugins", "verl_agentic"] == "verl_agentic.integration.plugin"


@pytest.mark.slow
def test_importing_the_public_packages_needs_neither_verl_nor_torch() -> None:
    import subprocess

    modules = [module for module in PATHS if "starter" not in module]
    program = (
        "import importlib, json, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "print(json.dumps([name for name in ('verl', 'torch', 'ray', 'vllm') if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert json.loads(done.stdout.splitlines()[-1]) == []


FIELDS = (
    "kind", "messages", "tools", "env", "env_args", "reward", "ground_truth", "user", "structure", "depth", "seed",
    "parent", "operator", "generator", "meta", "id",
)  # fmt: skip


def a_task() -> Task:
    asked: Any = {"role": "user", "content": "How much is 40 + 2?"}
    return Task("math", [asked], [], "calculator", {}, "math", {"answer": "42"}, id="math-1")


def test_the_fields_of_a_task() -> None:
    """Files and stores hold tasks as JSON with these names."""
    assert tuple(json.loads(a_task().to_json())) == FIELDS
    assert Task.from_json(a_task().to_json()) == a_task()


def test_the_form_of_a_row() -> None:
    from verl_agentic.synthesis.rows import to_row

    row = to_row(a_task(), 3, "held_out")
    assert {**row, "extra_info": {**row["extra_info"], "task": ...}} == {
        "data_source": "held_out/math",
        "prompt": [{"role": "user", "content": "How much is 40 + 2?"}],
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": '{"answer": "42"}'},
        "agent_name": "agentic",
        "extra_info": {"index": 3, "split": "held_out", "task": ...},
    }


def test_the_ids_of_tasks_follow_from_their_content() -> None:
    """Outcomes of earlier runs are found by them."""
    asked: Any = {"role": "user", "content": "How much is 40 + 2?"}
    task = Task("math", [asked], [], "calculator", {}, "math", {"answer": "42"})
    assert task.id == "math-059af48c3340e7f0"


TABLES = {
    "tasks": (
        "id", "split", "kind", "structure", "depth", "json", "parent", "operator", "round", "status", "reason",
        "created", "generator", "seed", "content_hash", "draw_key", "last_success", "last_step", "last_epoch",
        "packed",
    ),
    "task_parts": ("hash", "data", "round"),
    "status_changes": ("number", "epoch", "task_id", "old_status", "old_reason", "status", "reason"),
    "outcomes": (
        "number", "epoch", "step", "task_id", "uid", "session", "reward", "acc", "failure", "turns", "trajectory",
        "policy_version", "packed",
    ),
    "rounds": ("epoch", "status", "counts", "created"),
    "draws": ("epoch", "task_ids"),
    "evaluations": (
        "number", "split", "step", "task_id", "kind", "session", "acc", "reward", "failure", "trajectory",
        "packed",
    ),
    "metrics": ("step", "values"),
    "failures": ("number", "step", "kind", "message", "task_id"),
    "info": ("key", "value"),
    "lease": (
        "name", "owner", "host", "machine", "pid", "process_started", "heartbeat", "stale_seconds",
    ),
}  # fmt: skip


def test_the_tables_of_a_store(tmp_path: Path) -> None:
    """A change needs a migration, and a store of the release before as its test."""
    from sqlalchemy import create_engine, inspect

    from verl_agentic.store import Store, store_url

    with Store(store_url(tmp_path)):
        pass
    inspector = inspect(create_engine(store_url(tmp_path)))
    found = {name: tuple(c["name"] for c in inspector.get_columns(name)) for name in inspector.get_table_names()}
    found.pop("alembic_version")
    assert found == TABLES


def test_the_deal_of_tree_structures() -> None:
    """What an earlier run trained on must not be held out now. Further trees and operators add names, and move none."""
    from verl_agentic.synthesis.trees import TreeFamily
    from verl_agentic.synthesis.trees.catalog import dealt

    pinned = {
        "flights/hidden:change.seats/changed": "held_out",
        "flights/missing:reason/deny-fare": "held_out",
        "flights/missing:reason/human": "validation",
        "refunds/adversary:deny-status/deny-status": "validation",
        "refunds/hidden:refund.price/deny-price": "validation",
        "refunds/mixed:refunded.cancel/refunded": "held_out",
    }
    family = TreeFamily()
    for name, split in pinned.items():
        assert dealt(name) == split
        assert name in family.structures(split)  # type: ignore[arg-type]
    names = [f"{split} {name}" for split in ("held_out", "validation") for name in family.structures(split)]
    digest = hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()
    assert digest == "20d13df3d1e120bf756714132eea42a118a9daa88223b4c4f0a7664b6d0aa706"


def test_a_further_operator_deals_no_structure_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    from verl_agentic.synthesis.trees import catalog as catalogs

    operators = list(catalogs.OPERATORS.items())
    before = catalogs.catalog(catalogs.seed_trees())
    monkeypatch.setattr(catalogs, "OPERATORS", dict([operators[-1], *operators[1:-1]]))
    after = catalogs.catalog(catalogs.seed_trees())
    split_of = {name: split for split, entries in before.items() for name in entries}
    kept = {name: split for split, entries in after.items() for name in entries}
    assert kept and all(split_of.get(name, split) == split for name, split in kept.items())
