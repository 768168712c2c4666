"""``python -m benchmarks.flywheel_vs_static``: what the flywheels add to static data, trajectory for trajectory.

The micro policy is trained by the real ``main_ppo`` on the CPU, from one starter per seed, in four arms that differ in
the flywheel's hooks alone: ``static`` (none), ``reasoning``, ``agentic`` (behavior trees) and ``both``. All arms draw
their epochs alike, from the same initial pool of shallow tasks, and sample the same number of trajectories. What is
measured is success on a *hard* held-out set, deeper structures that are never generated in training (``held_out`` of
the families), and on an *easy* one, fresh tasks of the structures that the pool began with.

The starter is sure of shallow tasks and careless in deeper ones: more than half of its deeper demonstrations leave out
the last calculation, or act without looking or asking. RL of so small a policy mends what it does wrong at times, and
hardly teaches it what it never does. With ``--careless 0 --smoothing 0.02`` its faults are slips of all tokens alike
instead; those shallow tasks mend as well, and the flywheels then add little.

Every run has its folder below ``--out`` and is skipped when it is finished, so that a benchmark that was stopped goes
on. Written there: ``results.json``, ``curves.svg`` and ``table.md``. The last line of the output is one JSON object:
``ours`` is the hard success of ``both``, ``peer`` that of ``static``.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.harness import machine, report
from verl_agentic.core import Task
from verl_agentic.starter import StarterSettings, ensure_starter
from verl_agentic.store import Store, store_url
from verl_agentic.synthesis.balance import depth_of, shallow_structures, take_turns
from verl_agentic.synthesis.base import Split, TaskFamily
from verl_agentic.synthesis.families import load_families
from verl_agentic.synthesis.rows import write_parquet
from verl_agentic.synthesis.trees.expert import tree_of
from verl_agentic.synthesis.trees.shape import path_shape

KINDS = ("math", "tree")
# The files' names tell the dataset which split they hold.
SETS: Mapping[str, Split] = {"easy": "validation", "hard": "held_out"}
REASONING = {"name": "reasoning", "share": 1.0, "operators": ["deepen", "distract"]}
TREES = {"name": "trees", "share": 1.0}
# Takes out what is mastered, as every recipe with a flywheel does.
FRONTIER = {"name": "frontier"}
ARMS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "static": (),
    "reasoning": (REASONING, FRONTIER),
    "agentic": (TREES, FRONTIER),
    # Each makes half, as each alone makes all.
    "both": ({**REASONING, "share": 0.5}, TREES, FRONTIER),
}
# Two-sided 95 % quantiles of Student's t, by degrees of freedom.
T95 = {1: 12.71, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}

Success = dict[str, dict[int, dict[str, float]]]  # by set, step and kind ("mean" is over kinds)


def draw_tasks(family: TaskFamily, structures: Sequence[str], count: int, seed: str) -> list[Task]:
    """``count`` different tasks, structures taking turns within the branches of a policy."""
    rng, structure_of = random.Random(seed), take_turns(structures, family.branch)
    tasks: dict[str, Task] = {}
    for turn in range(20 * count):
        task = family.generate(structure_of(turn), rng)
        tasks.setdefault(task.id, task)
        if len(tasks) == count:
            return list(tasks.values())
    raise ValueError(f"{family.kind}: no {count} different tasks of {len(structures)} structures")


def write_data(folder: Path, seed: int, options: argparse.Namespace) -> None:
    """The initial pool and the two held-out sets of a seed."""
    splits: dict[Split, list[Task]] = {"train": [], "validation": [], "held_out": []}
    for family in load_families(KINDS):
        shallow = list(shallow_structures(family, "train", options.depth))
        deep = [name for name in family.structures("held_out") if depth_of(family, name) > options.depth]
        stream = f"{seed}/{family.kind}"
        splits["train"] += draw_tasks(family, shallow, options.pool // len(KINDS), f"{stream}/train")
        splits["validation"] += draw_tasks(family, shallow, options.easy // len(KINDS), f"{stream}/easy")
        splits["held_out"] += draw_tasks(family, deep, options.hard // len(KINDS), f"{stream}/hard")
    trained = {task.id for task in splits["train"]}
    splits["validation"] = [task for task in splits["validation"] if task.id not in trained]
    folder.mkdir(parents=True, exist_ok=True)
    for split, tasks in splits.items():
        write_parquet(tasks, folder / f"{split}.parquet", split)


def starter_settings(seed: int, options: argparse.Namespace) -> StarterSettings:
    """The policy that all arms of a seed begin with: sure of shallow tasks, careless in many of the deeper ones."""
    return StarterSettings(
        families=KINDS,
        emphasis=(),
        max_depth=options.shown_depth,
        careless=options.careless,
        label_smoothing=options.smoothing,
        seed=seed,
        # Trained to the end, by arithmetic that does not depend on the number of cores.
        target=0.9,
        threads=1,
    )


def train(arm: str, seed: int, run_dir: Path, data: Path, model: Path, options: argparse.Namespace) -> None:
    """One run of main_ppo, which goes on where it was stopped."""
    hooks = json.dumps(list(ARMS[arm])).replace('"', "")
    epoch_size = options.steps_per_epoch * options.batch
    overrides = [
        "+recipe=agenticqwen",
        "profile=cpu",
        f"model={model}",
        "tasks=micro",
        "data=files",
        f"data.train_files=[{data / 'train.parquet'}]",
        f"data.val_files=[{data / 'validation.parquet'},{data / 'held_out.parquet'}]",
        f"data.train_batch_size={options.batch}",
        f"agentic.kinds=[{','.join(KINDS)}]",
        f"agentic.seed={seed}",
        f"agentic.run_dir={run_dir}",
        f"agentic.flywheel.hooks={hooks}",
        f"agentic.curriculum.epoch_size={epoch_size}",
        f"agentic.curriculum.new_tasks={epoch_size // 2}",
        f"trainer.total_epochs={options.epochs}",
        f"trainer.test_freq={options.steps_per_epoch * options.epochs // 2}",
        f"trainer.save_freq={options.steps_per_epoch}",
        *options.override,
    ]
    run_dir.mkdir(parents=True, exist_ok=True)
    with (run_dir / "log.txt").open("ab") as log:
        command = [sys.executable, "-m", "verl.trainer.main_ppo", *overrides]
        done = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise SystemExit(f"{arm}, seed {seed}: main_ppo ended with status {done.returncode}; see {run_dir}/log.txt")


def path_of(task: Task) -> str:
    """Shape of the path that a tree task takes, whatever else its tree holds."""
    return path_shape(tree_of(task), task.meta["leaf"])


def trained_paths(run_dir: Path) -> set[str]:
    """Paths of the tree tasks in a run's pool."""
    with Store(store_url(run_dir), create=False) as store:
        return {path_of(task) for task in store.tasks(split="train", kind="tree")}


def read_success(run_dir: Path, trained: Set[str] = frozenset()) -> Success:
    """Success by set, step and kind.

    By kind and depth, too, as ``kind@depth``; and as ``tree@unseen`` of trees on paths that are not ``trained``: a new
    branch in a tree makes all its leaves new structures, but those before the branch are reached as ever.
    """
    found: Success = {}
    with Store(store_url(run_dir), create=False) as store:
        for name, split in SETS.items():
            tasks = {task.id: task for task in store.tasks(split=split)}
            unseen = {
                task.id for task in tasks.values() if trained and task.kind == "tree" and path_of(task) not in trained
            }
            found[name] = {}
            for step in store.evaluation_steps(split):
                by_kind: dict[str, list[float]] = {}
                for one in store.evaluations(split, step):
                    by_kind.setdefault(one.kind, []).append(one.acc)
                    by_kind.setdefault(f"{one.kind}@{tasks[one.task_id].depth}", []).append(one.acc)
                    if one.task_id in unseen:
                        by_kind.setdefault("tree@unseen", []).append(one.acc)
                means = {kind: statistics.fmean(values) for kind, values in sorted(by_kind.items())}
                found[name][step] = {**means, "mean": statistics.fmean(means[kind] for kind in KINDS if kind in means)}
    return found


def trajectories(run_dir: Path) -> int:
    with Store(store_url(run_dir), create=False) as store:
        return sum(len(store.outcomes(epoch)) for epoch in store.outcome_epochs())


def interval(values: Sequence[float]) -> list[float] | None:
    """95 % t-interval of the mean over seeds; ``None`` of a single one."""
    if len(values) < 2:
        return None
    spread = T95.get(len(values) - 1, 1.96) * statistics.stdev(values) / math.sqrt(len(values))
    mean = statistics.fmean(values)
    return [round(mean - spread, 4), round(mean + spread, 4)]


def summarize(runs: Mapping[tuple[str, int], Success]) -> dict[str, Any]:
    """Per arm: success before and after by set, and what it gains over ``static``, paired by seed."""
    summary: dict[str, Any] = {}
    for arm in ARMS:
        seeds = sorted(seed for other, seed in runs if other == arm)
        if not seeds:
            continue
        entry: dict[str, Any] = {"seeds": seeds}
        for name in SETS:
            curves = [runs[arm, seed][name] for seed in seeds]
            steps = sorted(set.intersection(*(set(curve) for curve in curves)))
            entry[name] = {
                "curve": {step: round(statistics.fmean(curve[step]["mean"] for curve in curves), 4) for step in steps},
                "after": [round(curve[steps[-1]]["mean"], 4) for curve in curves],
                "after_by_kind": {
                    kind: round(statistics.fmean(curve[steps[-1]][kind] for curve in curves), 4)
                    for kind in curves[0][steps[-1]]
                },
            }
            paired = [seed for seed in seeds if ("static", seed) in runs]
            gains = [
                runs[arm, seed][name][steps[-1]]["mean"] - runs["static", seed][name][steps[-1]]["mean"]
                for seed in paired
            ]
            if gains and arm != "static":
                entry[name]["gain"] = round(statistics.fmean(gains), 4)
                entry[name]["gain_by_seed"] = [round(gain, 4) for gain in gains]
                entry[name]["gain_ci95"] = interval(gains)
        summary[arm] = entry
    return summary


def half_way(summary: Mapping[str, Any]) -> dict[str, float] | None:
    """Hard success of ``both`` with half the trajectories, beside that of ``static`` with all of them."""
    if not {"both", "static"} <= summary.keys():
        return None
    curve, static = summary["both"]["hard"]["curve"], summary["static"]["hard"]["curve"]
    steps = sorted(curve)
    middle = min(steps, key=lambda step: abs(step - steps[-1] / 2))
    return {"both_at_half": curve[middle], "static_at_end": static[max(static)]}


def table(summary: Mapping[str, Any]) -> str:
    """The ablation as a Markdown table."""
    lines = [
        "| arm | easy before | easy after | hard before | hard after | gain on hard (95 %) |",
        "|---|---|---|---|---|---|",
    ]
    for arm, entry in summary.items():
        cells = []
        for name in SETS:
            curve = entry[name]["curve"]
            cells += [f"{curve[min(curve)]:.3f}", f"{curve[max(curve)]:.3f}"]
        gain, bounds = entry["hard"].get("gain"), entry["hard"].get("gain_ci95")
        shown = "" if gain is None else f"{gain:+.3f}" + (f" ({bounds[0]:+.3f} to {bounds[1]:+.3f})" if bounds else "")
        lines.append(f"| {arm} | {' | '.join(cells)} | {shown} |")
    return "\n".join(lines)


def plot(summary: Mapping[str, Any], path: Path, per_step: int) -> None:
    """Success over trajectories, one line an arm, hard and easy side by side."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(SETS), figsize=(9, 3.4), sharey=True)
    for axes, name in zip(panels, SETS, strict=True):
        for arm, entry in summary.items():
            curve = entry[name]["curve"]
            axes.plot([step * per_step for step in curve], list(curve.values()), marker="o", label=arm)
        axes.set_title(f"{name} held-out set")
        axes.set_xlabel("trajectories")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("success, mean over kinds and seeds")
    panels[-1].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)


def main() -> None:
    """Train what is missing, compare, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path("outputs/flywheel_vs_static"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--steps-per-epoch", type=int, default=5)
    parser.add_argument("--batch", type=int, default=16, help="tasks per step")
    parser.add_argument("--samples", type=int, default=8, help="trajectories per task")
    parser.add_argument("--pool", type=int, default=400, help="tasks that the pool begins with")
    parser.add_argument("--depth", type=int, default=1, help="deepest structure of the initial pool")
    parser.add_argument("--shown-depth", type=int, default=3, help="deepest structure of the starter's demonstrations")
    parser.add_argument("--careless", type=float, default=0.6, help="share of careless ones among the deeper of them")
    parser.add_argument("--smoothing", type=float, default=0.0, help="label smoothing of the starter")
    parser.add_argument("--easy", type=int, default=96, help="tasks of the easy set, tried once each")
    parser.add_argument("--hard", type=int, default=256, help="tasks of the hard set, tried once each")
    parser.add_argument("--parallel", type=int, default=1, help="runs at a time; each takes two cores and up to 9 GiB")
    parser.add_argument("--override", nargs="*", default=[], help="further overrides of the recipe")
    options = parser.parse_args()
    options.override = [
        f"actor_rollout_ref.rollout.n={options.samples}",
        # Twice the tasks say more than two samples of each.
        "actor_rollout_ref.rollout.val_kwargs.n=1",
        *options.override,
    ]
    out: Path = options.out.absolute()
    runs: dict[tuple[str, int], Success] = {}
    counts: dict[str, int] = {}
    jobs = [(arm, seed) for seed in options.seeds for arm in options.arms]
    for seed in options.seeds:
        if not (out / f"data-seed{seed}" / "held_out.parquet").exists():
            write_data(out / f"data-seed{seed}", seed, options)

    def finish(job: tuple[str, int]) -> None:
        arm, seed = job
        run_dir, started = out / f"{arm}-seed{seed}", time.monotonic()
        if not (run_dir / "report.json").exists():
            model = ensure_starter(starter_settings(seed, options))
            train(arm, seed, run_dir, out / f"data-seed{seed}", model, options)
        success = read_success(run_dir)
        counts[f"{arm}-seed{seed}"] = trajectories(run_dir)
        last = {name: round(curve[max(curve)]["mean"], 3) for name, curve in success.items()}
        print(f"{arm}, seed {seed}: {last} in {time.monotonic() - started:.0f} s", flush=True)

    with ThreadPoolExecutor(options.parallel) as pool:
        for _ in pool.map(finish, jobs):
            pass
    for seed in options.seeds:
        paths = set[str]().union(*(trained_paths(out / f"{arm}-seed{seed}") for arm in options.arms))
        for arm in options.arms:
            runs[arm, seed] = read_success(out / f"{arm}-seed{seed}", paths)
    summary = summarize(runs)
    details = {"arms": summary, "half_the_trajectories": half_way(summary), "trajectories": counts}
    (out / "results.json").write_text(json.dumps(details, indent=2) + "\n", encoding="utf-8")
    (out / "table.md").write_text(table(summary) + "\n", encoding="utf-8")
    plot(summary, out / "curves.svg", options.batch * options.samples)
    print(table(summary))

    def hard(arm: str) -> float | None:
        return round(statistics.fmean(summary[arm]["hard"]["after"]), 4) if arm in summary else None

    report(
        "flywheel_vs_static",
        "success on harder held-out structures after equally many trajectories; the peer trains on static data",
        "share of trajectories",
        hard("both") or 0.0,
        hard("static"),
        {**details, "machine": machine("verl", "torch")},
    )


if __name__ == "__main__":
    main()
