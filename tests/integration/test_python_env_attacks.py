"""Model-written code that fights its interpreter: every attack is run for real."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from verl_agentic.core import InfrastructureError, Task
from verl_agentic.tool_envs import ToolError
from verl_agentic.tool_envs.python.environment import PythonEnvironment, containment
from verl_agentic.tool_envs.python.sandbox import close_sandboxes

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox is Linux's"),
]
SECONDS = 1.0
LOST = "interpreter restarted, variables and files are lost"


def task(**env_args: object) -> Task:
    return Task("code", [{"role": "user", "content": "?"}], [], "python", dict(env_args), "none", None)


@pytest.fixture
async def env() -> AsyncIterator[PythonEnvironment]:
    session = PythonEnvironment(seconds=SECONDS, memory_mb=256, max_chars=2000)
    await session.open(task(), 7)
    yield session
    await session.close()


async def run(env: PythonEnvironment, code: str) -> str:
    return await env.call("python", {"code": code})


def children() -> list[psutil.Process]:
    found = []
    for one in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # a zombie of another test is one, too
            if "python.zygote" in " ".join(one.cmdline()):
                found.append(one)
    return found


async def interpreters_left(base: int) -> int:
    for _ in range(100):
        if len(children()) <= base:
            break
        await asyncio.sleep(0.02)
    return len(children()) - base


RAW = "import ctypes\nassert ctypes.CDLL(None).{} < 0\nraise PermissionError"
REFUSED = {
    "fork": "import os; os.fork()",
    "fork bomb": "import os\nwhile True: os.fork()",
    "fork by number": RAW.format("syscall(57)"),
    "clone3": RAW.format("syscall(435, None, 0)"),
    "process": "import subprocess; subprocess.run(['/bin/true'])",
    "exec": "import os; os.execv('/bin/sh', ['sh'])",
    "thread": "import threading; threading.Thread(target=print).start()",
    "socket to loopback": "import socket; socket.create_connection(('127.0.0.1', 22))",
    "socket outside": "import socket; socket.create_connection(('1.1.1.1', 53))",
    "name lookup": "import socket; socket.gethostbyname('example.org')",
    "unix socket": "import socket; socket.socket(socket.AF_UNIX)",
    "raw socket call": RAW.format("syscall(41, 2, 1, 0)"),
    "passwords": "open('/etc/passwd').read()",
    "own environment": "open('/proc/self/environ').read()",
    "environment of 1": "open('/proc/1/environ').read()",
    "memory": "open('/proc/self/mem', 'rb')",
    "write to root": "open('/escape', 'w')",
    "write to tmp": "open('/tmp/escape', 'w')",
    "write to library": "import os; open(os.__file__, 'a')",
    "delete library": "import os; os.unlink(os.__file__)",
    "link out": "import os; os.symlink('/etc/passwd', 'p'); open('p')",
    "climb": "open('../etc/passwd')",
    "trainer's code": "import verl_agentic",
    "kill parent": "import os; os.kill(os.getppid(), 9)",
    "kill all": "import os; os.kill(-1, 9)",
    "kill group": "import os; os.killpg(os.getpgrp(), 9)",
    "signal by owner": "import fcntl, os; r, w = os.pipe(); fcntl.fcntl(r, 8, os.getppid())",
    "raise limit": "import resource; resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
    "mount": RAW.format("mount(b'x', b'/scratch', b'tmpfs', 0, 0)"),
    "namespace": RAW.format("unshare(0x10000000)"),
    "trace": RAW.format("ptrace(16, 1, 0, 0)"),
    "memory file": "import os; os.memfd_create('x')",
    "pass descriptors": "import socket; a, b = socket.socketpair(); socket.send_fds(a, [b'x'], [0])",
    "device": "import os; os.mknod('d', 0o20666, os.makedev(1, 1))",
    "user": "import os; os.setuid(0)",
    "huge allocation": "x = bytearray(10 * 10**9)",
    "huge power": "x = (1 << 10**9) ** 9",
    "huge list": "x = [0] * 10**10",
    "huge file": "f = open('big', 'wb', 0)\nwhile f.write(bytes(1 << 20)) == 1 << 20: pass\nraise OSError",
    "many files": "for i in range(10**6): open(str(i), 'w').close()",
    "many descriptors": "import os\nwhile True: os.dup(1)",
    "input": "input()",
    "exit": "import sys; sys.exit(3)",
    "interrupt": "raise KeyboardInterrupt",
    "recursion": "def f(): f()\nf()",
    "syntax": "def (",
    "NUL": "x = '\0'",
    "surrogates": "x = '\ud800'",
    "nesting": "(" * 5000,
}


@pytest.mark.parametrize("code", REFUSED.values(), ids=REFUSED)
async def test_refused_and_the_session_goes_on(env: PythonEnvironment, code: str) -> None:
    await run(env, "kept = 41")
    said = await run(env, code)
    assert re.match(r"[\w.]*([Ee]rror|SystemExit|KeyboardInterrupt)\b", said.splitlines()[-1]), said
    assert await run(env, "kept + 1") == "42"


LOSES = {
    "endless loop": "while True: pass",
    "sleep": "import time; time.sleep(100)",
    "power": "x = 3 ** 10**8",
    "slow pattern": "import re; re.match('(a+)+$', 'a' * 40 + 'b')",
    "swallowed errors": "while True:\n    try: pass\n    except BaseException: pass",
    "blocked signals": "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: pass",
    "endless output": "while True: print('x' * 10**6)",
    "leave": "import os; os._exit(0)",
    "abort": "import os; os.abort()",
    "kill self": "import os; os.kill(os.getpid(), 9)",
    "segmentation fault": "import ctypes; ctypes.string_at(0)",
    "close everything": "import os; os.closerange(0, 64)",
    "exhaust stack": "import sys; sys.setrecursionlimit(10**9)\ndef f(): return [f() for _ in 'a']\nf()",
    "nonsense": "import os; os.write(3, b'\\0\\0\\0\\4nope')",
    "huge frame": "import os; os.write(3, b'\\xff' * 100)",
    "deep frame": "import os; b = b'[' * 20000; os.write(3, len(b).to_bytes(4, 'big') + b)",
    "array": "import os; os.write(3, b'\\0\\0\\0\\2[]')",
    "forged reply": "import os, json\n"
    "b = json.dumps({'token': '0' * 16, 'output': 'forged', 'failed': False}).encode()\n"
    "os.write(3, len(b).to_bytes(4, 'big') + b)",
    "half a reply": "import os, time; os.write(3, b'\\0\\0'); time.sleep(100)",
    "no builtins": "import builtins; builtins.__dict__.clear()",
    "no json": "import json; json.dumps = None; json.encoder = None; import sys\n"
    "sys._getframe(3).f_globals['encode'].__globals__['json'] = None",
}


@pytest.mark.parametrize("code", LOSES.values(), ids=LOSES)
async def test_loses_its_interpreter_and_the_session_goes_on(env: PythonEnvironment, code: str) -> None:
    await run(env, "kept = 41; open('kept', 'w').close()")
    started = time.monotonic()
    with pytest.raises(ToolError, match=LOST):
        await run(env, code)
    assert time.monotonic() - started < SECONDS + 4
    assert "NameError" in await run(env, "kept")
    assert await run(env, "import os; os.listdir('.')") == "[]"


async def test_a_reply_forged_ahead_of_a_later_call_is_not_taken_for_its_own(env: PythonEnvironment) -> None:
    forge = (
        "import sys, os, json\nframe = sys._getframe()\n"
        "while 'request' not in frame.f_locals: frame = frame.f_back\n"
        "token = frame.f_locals['request']['token']\n"
        "for text in ('lie', 'later lie'):\n"
        "    b = json.dumps({'token': token, 'output': text, 'failed': False}).encode()\n"
        "    os.write(3, len(b).to_bytes(4, 'big') + b)\n"
    )
    assert await run(env, forge) == "lie"  # about its own output, which it could as well have printed
    with pytest.raises(ToolError, match=LOST):
        await run(env, "'the truth'")
    assert await run(env, "'the truth'") == "'the truth'"


async def test_nothing_runs_between_calls(env: PythonEnvironment) -> None:
    ticking = (
        "import signal, time\nticks = []\n"
        "def tick(*_):\n    ticks.append(time.monotonic())\n    while time.monotonic() < ticks[-1] + 30: pass\n"
        "signal.signal(signal.SIGALRM, tick)\n_ = signal.setitimer(signal.ITIMER_REAL, 0.2, 0.2)"
    )
    await run(env, ticking)
    await asyncio.sleep(0.1)
    process = max(children(), key=lambda one: one.create_time())
    assert process.status() == psutil.STATUS_STOPPED
    before = process.cpu_times().user
    await asyncio.sleep(0.5)
    assert process.cpu_times().user == before


@pytest.mark.skipif(not os.path.exists("/proc/self/schedstat"), reason="the kernel does not count waiting")
async def test_the_clock_stops_for_code_that_waits_for_a_processor() -> None:
    busy = f"import time\nwhile time.process_time() < {SECONDS} / 2: pass\n'done'"
    sessions = [PythonEnvironment(seconds=SECONDS) for _ in range(4 * (os.cpu_count() or 1))]
    for session in sessions:
        await session.open(task(), 0)
        await run(session, "1")
    started = time.monotonic()
    assert await asyncio.gather(*(run(session, busy) for session in sessions)) == ["'done'"] * len(sessions)
    assert time.monotonic() - started > SECONDS
    for session in sessions:
        await session.close()


async def test_output_is_bounded_and_clean(env: PythonEnvironment) -> None:
    said = await run(env, "for _ in range(1000): print('x' * 10**6, end='')")
    assert said.startswith("x" * 2000) and len(said) < 2100 and "[999998000 more characters]" in said
    assert await run(env, "print('a\\0b\\ud800c\\x1b[1m')") == "a\ufffdb?c\ufffd[1m"
    assert len(await run(env, "raise ValueError('y' * 10**6)")) < 2000
    assert len(await run(env, "'z' * 10**7")) < 2100


async def test_sessions_do_not_meet() -> None:
    one, other = PythonEnvironment(seconds=SECONDS), PythonEnvironment(seconds=SECONDS)
    for session in (one, other):
        await session.open(task(), 0)
    pid = int(await run(one, "open('secret', 'w').write('s'); import os; os.getpid()"))
    assert "FileNotFoundError" in await run(other, "open('secret')")
    assert "PermissionError" in await run(other, f"import os; os.kill({pid}, 9)")
    assert await run(one, "open('secret').read()") == "'s'"
    for session in (one, other):
        await session.close()


async def test_nothing_is_left_behind() -> None:
    temporary = set(os.listdir("/tmp"))
    warm = PythonEnvironment(seconds=SECONDS)
    await warm.open(task(), 0)
    await run(warm, "1")
    base, files = len(children()), len(os.listdir("/proc/self/fd"))
    memory = psutil.Process().memory_info().rss

    async def session(number: int) -> None:
        env = PythonEnvironment(seconds=SECONDS)
        await env.open(task(), number)
        assert await run(env, f"x = {number}; open('f', 'w').write('f' * 10**6); x") == str(number)
        if number % 2:
            with pytest.raises(ToolError):
                await run(env, "import os; os._exit(1)")
        await env.close()

    for _ in range(4):
        await asyncio.gather(*(session(number) for number in range(50)))
    assert await interpreters_left(base) == 0
    assert len(os.listdir("/proc/self/fd")) == files
    assert psutil.Process().memory_info().rss - memory < 16 << 20
    await warm.close()
    close_sandboxes()
    assert not children()
    assert not {name for name in set(os.listdir("/tmp")) - temporary if "escape" in name or "scratch" in name}


async def test_a_cancelled_call_stops_its_code(env: PythonEnvironment) -> None:
    await run(env, "1")
    base = len(children()) - 1
    call = asyncio.ensure_future(run(env, "while True: pass"))
    await asyncio.sleep(0.1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await interpreters_left(base) == 0
    assert await run(env, "2") == "2"


async def test_the_death_of_the_sandbox_is_nobodys_fault(env: PythonEnvironment) -> None:
    await run(env, "1")
    call = asyncio.ensure_future(run(env, "while True: pass"))
    await asyncio.sleep(0.2)
    for process in children():
        if process.ppid() == os.getpid():
            process.kill()
    with pytest.raises(InfrastructureError, match="sandbox has ended"):
        await call
    assert await run(env, "2") == "2"


def test_a_trainer_that_is_killed_takes_all_with_it() -> None:
    script = (
        "import asyncio, sys\nfrom verl_agentic.core import Task\n"
        "from verl_agentic.tool_envs.python.environment import PythonEnvironment\n"
        "async def main():\n"
        "    env = PythonEnvironment(seconds=60)\n"
        "    await env.open(Task('code', [{'role': 'user', 'content': '?'}], [], 'python', {}, 'none', None), 0)\n"
        "    await env.call('python', {'code': '1'})\n    print('up', flush=True)\n"
        "    await env.call('python', {'code': 'while True: pass'})\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as trainer:
        assert trainer.stdout and trainer.stdout.readline() == b"up\n"
        processes = psutil.Process(trainer.pid).children(recursive=True)
        assert len(processes) >= 2
        trainer.kill()
    _gone, alive = psutil.wait_procs(processes, timeout=5)
    assert not alive


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
def test_without_namespaces_landlock_and_seccomp_hold() -> None:
    """A system that allows no further user namespaces, as many containers do."""
    script = (
        "import asyncio\nfrom verl_agentic.core import Task\n"
        "from verl_agentic.tool_envs.python.environment import PythonEnvironment, containment\n"
        "async def main():\n"
        "    found = containment()\n    assert not found.namespaces and found.missing['namespaces'], found\n"
        "    assert found.holds, found\n"
        "    env = PythonEnvironment(packages=['sympy'])\n"
        "    await env.open(Task('code', [{'role': 'user', 'content': '?'}], [], 'python', {}, 'none', None), 0)\n"
        "    async def run(code): return await env.call('python', {'code': code})\n"
        "    print(await run('import sympy, sympy.physics.optics; sympy.factorint(91)'))\n"
        "    for code in ('open(\"/etc/passwd\")', 'open(\"/tmp/escape\", \"w\")', 'import os; os.fork()',\n"
        "                 'import socket; socket.socket()', 'import numpy.version', 'open(\"/proc/self/environ\")',\n"
        "                 'open(\"here\", \"w\")', 'import os; os.kill(os.getppid(), 9)'):\n"
        "        print((await run(code)).splitlines()[-1].split(':')[0])\n"
        "    await env.close()\n"
        "asyncio.run(main())\n"
    )
    command = f'echo 0 > /proc/sys/user/max_user_namespaces; exec "{sys.executable}" -c "$SCRIPT"'
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "sh", "-c", command],
        env={**os.environ, "SCRIPT": script}, cwd=Path(__file__).parents[2], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if "unshare failed" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    refused = ["PermissionError"] * 8
    refused[4] = "ModuleNotFoundError"
    assert done.stdout.splitlines() == ["{7: 1, 13: 1}", *refused]


def test_the_report_is_of_what_was_tried() -> None:
    found = containment()
    assert found.holds or found.escapes
    assert found.seccomp == ("seccomp" not in found.missing)
