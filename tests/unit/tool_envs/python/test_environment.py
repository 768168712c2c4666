import asyncio
import platform
import sys
import textwrap
from collections.abc import AsyncIterator
from typing import Any

import pytest

from verl_agentic.core import BrokenTaskError, Task, UserInputError
from verl_agentic.isolation.frames import BrokenFrameError, decode
from verl_agentic.tool_envs import ToolError, make_environment
from verl_agentic.tool_envs.python.environment import PACKAGES, PythonEnvironment
from verl_agentic.tool_envs.python.process import clean
from verl_agentic.tool_envs.python.sandbox import Containment, Limits, Sandbox, shared_sandbox
from verl_agentic.tool_envs.python.seccomp import filter_program

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox is Linux's")


def task(**env_args: Any) -> Task:
    return Task("code", [{"role": "user", "content": "?"}], [], "python", env_args, "none", None)


@pytest.fixture
async def env() -> AsyncIterator[PythonEnvironment]:
    session = make_environment("python")
    assert isinstance(session, PythonEnvironment)
    await session.open(task(), 3)
    yield session
    await session.close()


async def run(env: PythonEnvironment, code: str) -> str:
    return await env.call("python", {"code": code})


async def test_a_session_is_a_repl(env: PythonEnvironment) -> None:
    assert await run(env, "x = 6") == "(no output)"
    assert await run(env, "def f(n):\n    return n * x\nf(7)") == "42"
    assert await run(env, "print('a')\nimport sys\nprint('b', file=sys.stderr)\n'c'") == "a\nb\n'c'"
    assert await run(env, "None") == "(no output)"
    assert await run(env, "from dataclasses import dataclass\n@dataclass\nclass A:\n    n: int\nA(1)") == "A(n=1)"
    assert await run(env, "import asyncio\nasync def g():\n    return 1\nasyncio.run(g())") == "1"
    assert await run(env, "open('f', 'w').write('abc'); open('f').read()") == "'abc'"
    assert await run(env, "__name__") == "'__main__'"


async def test_output_belongs_to_the_cell_that_prints_it(env: PythonEnvironment) -> None:
    keeping = """
    import functools, logging, sys
    from sys import stdout
    logging.basicConfig(level=logging.INFO)
    say = functools.partial(print, file=sys.stderr)
    stdout.close()
    """
    assert await run(env, textwrap.dedent(keeping) + "print('one')") == "one"
    printing = "logging.info('two'); say('three'); print('four', file=stdout); print('five')"
    for _ in range(2):
        assert await run(env, printing) == "INFO:root:two\nthree\nfour\nfive"
    assert (await run(env, "say('x' * 5000)")).endswith("x\n... [1001 more characters]")
    assert await run(env, "say('y')") == "y"


async def test_tracebacks_are_short_and_name_lines(env: PythonEnvironment) -> None:
    await run(env, "def f(n):\n    return 1 / n")
    said = await run(env, "print('before')\nf(0)")
    assert said.splitlines()[:2] == ["before", "Traceback (most recent call last):"]
    assert 'File "<cell 2>", line 2' in said and 'File "<cell 1>", line 2, in f\n    return 1 / n' in said
    assert said.endswith("ZeroDivisionError: division by zero") and "python_session" not in said
    assert (await run(env, "x = = 1")).endswith("SyntaxError: invalid syntax")
    assert len(await run(env, "def g(): g()\ng()")) < 1600


async def test_random_numbers_follow_the_seed() -> None:
    said = []
    for seed in (1, 1, 2):
        session = PythonEnvironment()
        await session.open(task(), seed)
        said.append(await run(session, "import random; random.random(), hash('x')"))
        await session.close()
    assert said[0] == said[1] != said[2]


async def test_a_task_brings_code_and_files() -> None:
    session = PythonEnvironment()
    await session.open(task(setup="base = 40", files={"data/n.txt": "2"}), 0)
    for _ in range(2):
        assert await run(session, "base + int(open('data/n.txt').read())") == "42"
        with pytest.raises(ToolError, match="restarted"):
            await run(session, "import os; os._exit(0)")
    await session.close()


@pytest.mark.parametrize(
    ("env_args", "message"),
    [
        ({"setup": 3}, "'setup' must be code"),
        ({"files": []}, "'files' must be texts"),
        ({"files": {"/etc/x": ""}}, "relative path"),
        ({"files": {"../x": ""}}, "relative path"),
        ({"files": {"x": 1}}, "must be texts"),
        ({"setup": "1 / 0"}, "(?s)setup fails.*ZeroDivisionError"),
        ({"setup": "import os; os._exit(0)"}, "setup end the interpreter"),
    ],
)
async def test_a_broken_task_is_named(env_args: dict[str, Any], message: str) -> None:
    session = PythonEnvironment()
    with pytest.raises(BrokenTaskError, match=message):
        await session.open(task(**env_args), 0)
        await run(session, "1")
    await session.close()


@pytest.mark.parametrize(
    "options",
    [
        {"seconds": 0},
        {"seconds": "10"},
        {"memory_mb": -1},
        {"memory_mb": True},
        {"max_chars": 1.5},
        {"packages": "numpy"},
        {"packages": [1]},
        {"url": "localhost:8080"},
    ],
)
def test_wrong_options_are_named(options: dict[str, Any]) -> None:
    key = rf"agentic\.rollout\.env_options\.python\.{next(iter(options))}"
    with pytest.raises(UserInputError, match=rf"{key}(\[0\] must be | must be |=)"):
        PythonEnvironment(**options)


async def test_a_package_that_is_missing_is_named() -> None:
    with pytest.raises(UserInputError, match=r"no_such_package.*env_options\.python\.packages"):
        await PythonEnvironment(packages=["no_such_package"]).open(task(), 0)


@pytest.mark.parametrize("options", [{}, {"packages": None}, {"seconds": 9.0}])
async def test_numpy_and_sympy_are_there_wherever_the_session_is_made(options: dict[str, Any]) -> None:
    session = make_environment("python", None, {"python": options})
    assert isinstance(session, PythonEnvironment)
    await session.open(task(), 0)
    assert await run(session, "import numpy, sympy\nint(numpy.ones(3).sum()), sympy.sqrt(8)") == "(3, 2*sqrt(2))"
    assert (await run(session, "import yaml")).endswith("ModuleNotFoundError: No module named 'yaml'")
    await session.close()


async def test_packages_can_be_used_and_others_not_seen() -> None:
    session = PythonEnvironment(packages=["sympy"])
    await session.open(task(), 0)
    assert await run(session, "import sympy.physics.units, mpmath; sympy.factorint(91)") == "{7: 1, 13: 1}"
    assert "ModuleNotFoundError" in await run(session, "import jsonschema")
    await session.close()


async def test_where_containment_does_not_hold_nothing_runs_unless_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    weak = Containment(False, 0, False, {"seccomp": "no system call table for riscv64"}, ("open a socket",))
    limits = Limits(packages=PACKAGES, memory=300 << 20, cpu=640)
    await asyncio.to_thread(shared_sandbox(limits).start)
    monkeypatch.setattr(shared_sandbox(limits), "_containment", weak)
    with pytest.raises(UserInputError, match=r"could open a socket \(no seccomp: .*riscv64\).*allow_weak=true"):
        await PythonEnvironment(memory_mb=300).open(task(), 0)
    session = PythonEnvironment(memory_mb=300, allow_weak=True)
    await session.open(task(), 0)
    assert await run(session, "1") == "1"
    await session.close()


def test_a_sandbox_starts_once_and_ends() -> None:
    sandbox = Sandbox(Limits())
    assert sandbox.containment is None and not sandbox.running
    assert sandbox.start() is sandbox.start()
    assert sandbox.running
    sandbox.close()
    assert not sandbox.running and sandbox.containment is None


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_is_within_the_kernels_limits(machine: str) -> None:
    program = filter_program(machine, 1)
    assert len(program) % 8 == 0 and len(program) // 8 <= 4096
    assert program != filter_program(machine, 2)


def test_machines_without_a_table_have_no_filter() -> None:
    with pytest.raises(OSError, match="riscv64"):
        filter_program("riscv64", 1)
    assert platform.machine() in ("x86_64", "aarch64")


@pytest.mark.parametrize("body", [b"", b"nope", b"[]", b"1", b"\xff", b"[" * 100_000, b'{"a"'])
def test_frames_from_the_other_side_are_hostile(body: bytes) -> None:
    with pytest.raises(BrokenFrameError):
        decode(body)


def test_texts_are_fit_for_tokenizers() -> None:
    assert clean("a\0b\ud800c\x1b\x7f\té\n🦦") == "a\ufffdb?c\ufffd\ufffd\té\n🦦"


@pytest.mark.parametrize(("name", "arguments"), [("bash", {"code": "1"}), ("python", {}), ("python", {"code": 1})])
async def test_wrong_calls_are_refused(env: PythonEnvironment, name: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(ToolError, match="use python with code"):
        await env.call(name, arguments)
    with pytest.raises(ToolError, match="longer than"):
        await run(env, "1" * 50_001)
