"""The interpreter and SandboxFusion."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

from outside_case import Case
from server_play import call, case, dialogue, equal, holds, own

# G24: output through a stream of an earlier cell


def streams() -> Iterator[Case]:
    yield case(
        "G24",
        "py-logging-second-cell",
        cells,
        "import logging; logging.basicConfig(level=logging.INFO); logging.info('first')",
        "logging.info('second')",
        "INFO:root:second",
    )
    yield case(
        "G24",
        "py-print-default-file",
        cells,
        "import functools, sys; p = functools.partial(print, file=sys.stdout); p('one')",
        "p('two')",
        "two",
    )
    yield case(
        "G24",
        "py-logging-handler",
        cells,
        "import logging, sys\nl = logging.getLogger('x')\n"
        "l.addHandler(logging.StreamHandler(sys.stdout))\nl.warning('one')",
        "l.warning('two')",
        "two",
    )
    yield case(
        "G24",
        "py-from-sys-import-stdout",
        cells,
        "from sys import stdout; print('one', file=stdout)",
        "print('two', file=stdout)",
        "two",
    )
    yield case(
        "G24",
        "py-default-argument-stdout",
        cells,
        "import sys\ndef say(x, out=sys.stdout):\n    print(x, file=out)\nsay('one')",
        "say('two')",
        "two",
    )
    yield own("G24", "stderr-by-name", cells, "from sys import stderr", "stderr.write('two\\n'); None", "two")
    yield own("G24", "a-bound-write", cells, "import sys; w = sys.stdout.write", "n = w('two')", "two")
    yield own(
        "G24",
        "print-to-a-list",
        cells,
        "import sys; outs = [sys.stdout, sys.stderr]",
        "for o in outs: print('x', file=o)",
        "x\nx",
    )
    yield own(
        "G24",
        "stdout-replaced-and-not-put-back",
        cells,
        "import io, sys; sys.stdout = io.StringIO()",
        "print('two')",
        "two",
    )
    yield own("G24", "stdout-closed", cells, "import sys; sys.stdout.close()", "print('two')", "two")
    yield own(
        "G24",
        "redirected",
        cells,
        "import contextlib, io",
        "b = io.StringIO()\nwith contextlib.redirect_stdout(b): print('no')\nprint('yes')",
        "yes",
    )
    yield own("G24", "what-was-said-is-not-said-again", cells, "print('one')", "print('two')", "two")
    yield own("G24", "each-cell-has-its-own-limit", cells, "print('a' * 100000)", "print('two')", "two")
    yield own("G24", "the-limit-holds-for-old-streams", limit_holds)


async def cells(first: str, second: str, expected: str) -> None:
    async with dialogue("python", {"packages": []}) as opened:
        await opened.said(call("python", code=first))
        equal(await opened.said(call("python", code=second)), expected)


async def limit_holds() -> None:
    async with dialogue("python", {"packages": [], "max_chars": 100}) as opened:
        await opened.said(call("python", code="from sys import stdout"))
        said = await opened.said(call("python", code="print('b' * 100000, file=stdout)"))
        equal(said, "b" * 100 + "\n... [99901 more characters]")


# G25: SandboxFusion


def fusion() -> Iterator[Case]:
    yield case("G25", "fusion-rc-137", fusion_says, {"return_code": 137}, "killed")
    yield case("G25", "fusion-rc-139", fusion_says, {"return_code": -11}, "crashed")
    yield case("G25", "fusion-rc-1-silent", fusion_says, {"return_code": 1}, "status 1")
    yield case("G25", "fusion-no-memory-limit--1", no_memory_limit, -1, sure=False)
    yield case("G25", "fusion-no-memory-limit-None", no_memory_limit, None, sure=False)
    yield own("G25", "killed-by-signal", fusion_says, {"return_code": -9}, "killed")
    yield own("G25", "crashed-by-status", fusion_says, {"return_code": 139}, "crashed")
    yield own(
        "G25", "killed-after-a-warning", fusion_says, {"return_code": -9, "stderr": "warned"}, "warned\n", "killed"
    )
    yield own("G25", "another-status", fusion_says, {"return_code": 42}, "status 42")
    yield own("G25", "killed-after-output", fusion_says, {"return_code": 137, "stdout": "half\n"}, "half\n", "killed")
    yield own("G25", "fine-and-silent", fusion_says, {"return_code": 0}, "(no output)")
    yield own("G25", "no-status", fusion_says, {}, "(no output)")
    yield own("G25", "traceback-is-enough", fusion_is, {"return_code": 1, "stderr": "ValueError: x"}, "ValueError: x")
    yield own("G25", "fine-with-output", fusion_is, {"return_code": 0, "stdout": "4\n"}, "4")
    yield own("G25", "memory-limit-is-sent", memory_limit_is_sent)
    yield own("G25", "memory-limit-needed-here", memory_limit_needed_here, None)
    yield own("G25", "memory-limit-of-zero", memory_limit_needed_here, 0)


@contextlib.asynccontextmanager
async def service(result: dict[str, Any], **options: Any) -> AsyncIterator[tuple[Any, list[dict[str, Any]]]]:
    from aiohttp import web

    asked: list[dict[str, Any]] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(await request.json())
        run = {"status": "Finished", "stdout": "", "stderr": "", **result}
        return web.json_response({"status": "Success", "run_result": run})

    app = web.Application()
    app.router.add_post("/run_code", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with dialogue("python", {"url": url, **options}) as opened:
            yield opened, asked
    finally:
        await runner.cleanup()


async def fusion_says(result: dict[str, Any], *parts: str) -> None:
    async with service(result) as (opened, _):
        holds(await opened.said(call("python", code="x")), *parts)


async def fusion_is(result: dict[str, Any], expected: str) -> None:
    async with service(result) as (opened, _):
        equal(await opened.said(call("python", code="x")), expected)


async def no_memory_limit(given: Any) -> None:
    async with service({"stdout": "4"}, memory_mb=given) as (opened, asked):
        equal(await opened.said(call("python", code="x")), "4")
        assert asked[0].get("memory_limit_MB", -1) == -1, f"sent {asked[0]}"


async def memory_limit_is_sent() -> None:
    async with service({"stdout": "4"}, memory_mb=256) as (opened, asked):
        await opened.said(call("python", code="x"))
        equal(asked[0].get("memory_limit_MB"), 256)


async def memory_limit_needed_here(given: Any) -> None:
    from verl_agentic.core import UserInputError
    from verl_agentic.tool_envs import make_environment

    try:
        make_environment("python", None, {"python": {"memory_mb": given}})
    except UserInputError as error:
        holds(str(error), "env_options.python.memory_mb")
        return
    raise AssertionError("accepted")


# G28: what the interpreter can import


def packages() -> Iterator[Case]:
    yield case("G28", "py-numpy-default", imports, {}, "import numpy; int(numpy.arange(4).sum())", "6")
    yield own("G28", "sympy-default", imports, {}, "import sympy; sympy.sqrt(8)", "2*sqrt(2)")
    yield own("G28", "other-options-keep-it", imports, {"seconds": 9.0}, "import numpy; numpy.__name__", "'numpy'")
    yield own("G28", "none-where-none-are-wanted", imports, {"packages": []}, "import numpy", "ModuleNotFoundError")
    yield own("G28", "others-stay-hidden", imports, {}, "import jsonschema", "ModuleNotFoundError")


async def imports(options: dict[str, Any], code: str, expected: str) -> None:
    async with dialogue("python", options) as opened:
        holds(await opened.said(call("python", code=code)), expected)


def cases() -> Iterator[Case]:
    yield from streams()
    yield from fusion()
    yield from packages()
