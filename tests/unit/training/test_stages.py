"""Stages in order: what they say, what their epochs draw, and that a run that goes on is in the same stage."""

from __future__ import annotations

from collections import Counter
from importlib import util
from pathlib import Path
from typing import Any, ClassVar

import pytest
from omegaconf import OmegaConf

from verl_agentic.core import FailureKind, Outcome, UserInputError
from verl_agentic.flywheel import CurriculumSettings, RoundInput, RoundResult, register_hook
from verl_agentic.integration.hydra.resolvers import made_path, resolve_starter, total_epochs
from verl_agentic.integration.prepare import check_stages, generate_splits
from verl_agentic.store import Store, TaskStatus, store_url
from verl_agentic.training.epochs import EpochPlanner
from verl_agentic.training.settings import AgenticSettings, read_settings
from verl_agentic.training.stages import USER_CONF_ENV, read_plan

SEQUENCE = [
    {"stage": "reasoning", "epochs": 2, "flywheel": [{"name": "stages-test-notes", "who": "reasoning"}]},
    {"stage": "agentic", "epochs": 1, "flywheel": "none"},
    {"stage": "mixed", "epochs": 2, "shares": {"new": 1.0, "frontier": 0.0}},
]
STEPS, BATCH = 2, 6


class Notes:
    """Notes the kinds it is shown, and does nothing."""

    seen: ClassVar[list[tuple[str, int, set[str], set[str]]]] = []

    def __init__(self, families: dict[str, Any], who: str) -> None:
        self._who = who
        self._families = set(families)

    def __call__(self, round: RoundInput) -> RoundResult:
        self.seen.append((self._who, round.epoch, {one.task.kind for one in round.results}, self._families))
        return RoundResult()


register_hook("stages-test-notes")(Notes)


def read(stages: Any, **more: Any) -> AgenticSettings:
    sizes = {"initial_tasks": 36, "epoch_size": STEPS * BATCH, "held_out_tasks": 9, "validation_tasks": 0}
    flywheel = {"hooks": [{"name": "stages-test-notes", "who": "mixed"}]}
    return read_settings(
        OmegaConf.create({"agentic": {"stages": stages, "curriculum": sizes, "flywheel": flywheel, **more}})
    )


def test_an_epoch_s_stage_follows_from_its_number() -> None:
    settings = read(SEQUENCE)
    plan = settings.plan()
    assert [plan.index(epoch) for epoch in range(7)] == [0, 0, 1, 2, 2, 2, 2]
    assert [stage.kinds for stage in plan.stages] == [("math", "sql"), ("service",), ("math", "sql", "service")]
    assert settings.kinds == ["math", "sql", "service"]
    assert [len(stage.hooks) for stage in plan.stages] == [1, 0, 1]
    assert [plan.at(epoch).curriculum.shares.new for epoch in (0, 9)] == [0.1, 1.0]
    assert plan.at(9).curriculum.shares.failed == 0.1
    assert total_epochs(OmegaConf.create(SEQUENCE), 9) == 5


def test_a_run_of_one_stage_is_described_by_the_other_keys() -> None:
    settings = read([], stage="reasoning", kinds=["math", "sql"])
    [stage] = settings.plan().stages
    assert (stage.name, stage.kinds, stage.curriculum.only) == ("reasoning", ("math", "sql"), None)
    assert [settings.plan().index(epoch) for epoch in (0, 5)] == [0, 0]
    assert total_epochs(OmegaConf.create([]), 9) == total_epochs(None, 9) == 9


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("reasoning", r"agentic.stages\[1\] must be a mapping"),
        ({"stage": "mixed"}, r"agentic.stages\[1\].epochs must be a whole number of at least 1, got None"),
        ({"stage": "mixed", "epochs": 0}, r"agentic.stages\[1\].epochs must be a whole number"),
        ({"epochs": 1}, r"agentic.stages\[1\].stage must be a name"),
        ({"stage": "mixt", "epochs": 1}, r"agentic.stages\[1\].stage: unknown stage 'mixt'; known: agentic, mixed"),
        ({"stage": "paper", "epochs": 1}, r"agentic.stages\[1\].stage: unknown stage 'paper'"),
        ({"stage": "own", "epochs": 1, "kinds": ["chess"]}, r"agentic.stages\[1\].kinds: unknown family 'chess'"),
        ({"stage": "own", "epochs": 1, "kinds": "math"}, r"agentic.stages\[1\].kinds must be a list"),
        ({"stage": "mixed", "epoch": 1, "epochs": 1}, r"agentic.stages\[1\].epoch is unknown; did you mean epochs\?"),
        ({"stage": "mixed", "epochs": 1, "flywheel": "trees_"}, r"agentic.stages\[1\].flywheel: unknown flywheel"),
        ({"stage": "mixed", "epochs": 1, "flywheel": 3}, r"agentic.stages\[1\].flywheel must be a name or a list"),
        ({"stage": "mixed", "epochs": 1, "shares": {"old": 1}}, r"agentic.stages\[1\].shares.old is unknown"),
        ({"stage": "mixed", "epochs": 1, "shares": {"new": -1}}, r"^agentic.stages\[1\].shares.new must be"),
    ],
)
def test_a_bad_stage_is_one_message_that_names_the_key(entry: Any, said: str) -> None:
    with pytest.raises(UserInputError, match=said):
        read([SEQUENCE[0], entry])


@pytest.mark.skipif(util.find_spec("torch") is None, reason="the starter needs torch; pip install 'verl-agentic[cpu]'")
def test_the_starter_is_shown_the_trees_of_a_run_that_has_them() -> None:
    usual = resolve_starter(0, None, None)
    assert usual == resolve_starter(0, ["math"], []) == made_path("starter", 0, ["math", "sql", "service"])
    with_trees = made_path("starter", 0, ["tree"])
    assert with_trees != usual
    stages = OmegaConf.create([*SEQUENCE, {"stage": "agentic", "epochs": 1, "kinds": ["service", "tree"]}])
    assert resolve_starter(0, None, stages) == resolve_starter(0, ["math", "tree"], None) == with_trees
    with pytest.raises(UserInputError, match=r"agentic.stages\[0\].epochs"):
        resolve_starter(0, None, OmegaConf.create([{"stage": "reasoning"}]))


def test_a_stage_without_anything_to_draw_is_refused() -> None:
    curriculum = {"kinds": {"service": 0}}
    with pytest.raises(UserInputError, match=r"agentic.stages\[1\]: agentic.curriculum.kinds leaves none"):
        read_settings(OmegaConf.create({"agentic": {"stages": SEQUENCE, "curriculum": curriculum}}))
    with pytest.raises(UserInputError, match=r"agentic.stages\[1\]: the pool holds no task of its kinds \(service\)"):
        check_stages(read(SEQUENCE), {"math", "sql"})
    check_stages(read([], kinds=["math"]), {"poems"})


def fill(store: Store, settings: AgenticSettings) -> None:
    for split, tasks in generate_splits(settings).items():
        store.add_tasks(tasks, split=split)


def train(store: Store, planner: EpochPlanner, epoch: int) -> None:
    """An epoch in which every second sample is right."""
    for number in range(STEPS):
        step = epoch * STEPS + number
        store.record_outcomes(
            [
                Outcome(task_id, session, step + 1, epoch, session / 1, float(session), FailureKind.NONE, 1)
                for task_id in dict.fromkeys(planner.step_tasks(step))
                for session in range(2)
            ],
            "u",
        )
    planner.end_epoch(epoch + 1)


def kinds(store: Store, planner: EpochPlanner, epoch: int) -> Counter[str]:
    tasks = store.tasks_by_id(drawn := planner.epoch_tasks(epoch))
    return Counter(tasks[task_id].kind for task_id in drawn)


@pytest.mark.slow
def test_epochs_draw_and_follow_up_by_stage_also_in_a_run_that_goes_on(tmp_path: Path) -> None:
    settings = read(SEQUENCE)
    with Store(store_url(tmp_path)) as store:
        fill(store, settings)
        # All kinds of all stages are there from the start, and evaluated.
        assert Counter(one.kind for one in store.pool()) == {"math": 12, "sql": 12, "service": 12}
        assert {one.kind for one in store.pool("held_out")} == {"math", "sql", "service"}
        Notes.seen.clear()
        planner = EpochPlanner(store, settings, STEPS, BATCH)
        for epoch in range(5):
            train(store, planner, epoch)
        assert [set(kinds(store, planner, epoch)) for epoch in range(5)] == [
            {"math", "sql"},
            {"math", "sql"},
            {"service"},
            {"math", "sql", "service"},
            {"math", "sql", "service"},
        ]
        # The hooks of the stage whose results they are, and nobody's after the agentic stage.
        assert [(who, epoch) for who, epoch, *_ in Notes.seen] == [
            ("reasoning", 1),
            ("reasoning", 2),
            ("mixed", 4),
            ("mixed", 5),
        ]
        assert Notes.seen[0][2:] == ({"math", "sql"}, {"math", "sql"})
        assert planner.metrics(2)["agentic/stage"] == 2 and planner.metrics(4)["agentic/flywheel/round"] == 5
        draws = [store.draw(epoch) for epoch in range(6)]
        # Killed in the agentic stage, and gone on at its beginning.
        resumed = EpochPlanner(store, settings, STEPS, BATCH)
        resumed.rewind(2 * STEPS)
        assert store.draw(2) is None
        for epoch in range(2, 5):
            train(store, resumed, epoch)
        assert [store.draw(epoch) for epoch in range(5)] == draws[:5]
        assert {one.status for one in store.pool()} == {TaskStatus.ACTIVE}


def test_groups_of_the_users_own_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stage").mkdir()
    (tmp_path / "flywheel").mkdir()
    (tmp_path / "stage" / "sums.yaml").write_text("# @package _global_\nagentic:\n  kinds: [math]\n")
    hooks = "# @package _global_\nagentic:\n  flywheel:\n    hooks: [{name: frontier, groups: 2}]\n"
    (tmp_path / "flywheel" / "slow.yaml").write_text(hooks)
    (tmp_path / "flywheel" / "empty.yaml").write_text("defaults: [frontier]\n")
    entry = {"stage": "sums", "epochs": 2, "flywheel": "slow"}
    with pytest.raises(UserInputError, match="unknown stage 'sums'"):
        read_plan([entry], "", [], [], CurriculumSettings())
    monkeypatch.setenv(USER_CONF_ENV, str(tmp_path))
    (stage,) = read_plan([entry], "", [], [], CurriculumSettings()).stages
    assert (stage.kinds, stage.hooks) == (("math",), ({"name": "frontier", "groups": 2},))
    with pytest.raises(UserInputError, match=r"unknown flywheel 'fast'; known: .*reasoning, slow, trees"):
        read_plan([{**entry, "flywheel": "fast"}], "", [], [], CurriculumSettings())
    with pytest.raises(UserInputError, match=r"empty.yaml: sets nothing below 'agentic'"):
        read_plan([{**entry, "flywheel": "empty"}], "", [], [], CurriculumSettings())
