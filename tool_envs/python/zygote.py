"""The process that interpreters of model-written code are forked from: imports done, one thread, nothing secret.

Run as ``python -m verl_agentic.tool_envs.python.zygote FD``. The control socket (``SOCK_SEQPACKET``) brings the
settings, takes one report, and then brings a channel and a seed for each interpreter that is wanted. When it closes,
all of them end. An interpreter first sends a descriptor of its process, then whether it is ready.
"""

from __future__ import annotations

import dataclasses
import gc
import importlib
import json
import os
import socket
import sys

from verl_agentic.isolation.child import fork_each, mapped_bytes
from verl_agentic.isolation.frames import encode
from verl_agentic.tool_envs.python.confine import Budget, Confinement, confine, find_escapes, in_child, leave_world
from verl_agentic.tool_envs.python.session import serve

MAX_SETTINGS_BYTES = 1 << 17
MAX_REQUEST_BYTES = 64
# What needs shared libraries of the system, which interpreters do not see, or much time to import.
_STANDARD = (
    "array", "ast", "asyncio", "bisect", "bz2", "calendar", "cmath", "collections", "contextlib", "copy", "csv",
    "ctypes", "dataclasses", "datetime", "decimal", "difflib", "enum", "fractions", "functools", "hashlib", "heapq",
    "inspect", "io", "itertools", "json", "lzma", "math", "numbers", "operator", "pprint", "random", "re", "secrets",
    "sqlite3", "statistics", "string", "struct", "tempfile", "textwrap", "time", "typing", "unicodedata", "uuid",
    "zlib", "zoneinfo",
)  # fmt: skip
_TIME_ZONES = "/usr/share/zoneinfo"
_LIBRARY = os.path.dirname(os.__file__)
_HIDDEN = [os.path.join(_LIBRARY, name) for name in ("site-packages", "dist-packages")]
_CHANNEL = 3


def main(control: socket.socket) -> None:
    """Load packages, leave the world, and fork interpreters until the control socket closes."""
    settings = json.loads(control.recv(MAX_SETTINGS_BYTES))
    os.environ.pop("PYTHONPATH", None)
    sys.path[:] = settings["path"]
    try:
        shown = _load(settings["packages"])
        for name in [name for name in sys.modules if name.partition(".")[0] == "verl_agentic"]:
            del sys.modules[name]  # interpreters do not see what runs them, and find no other part of it
        gc.collect()
        gc.freeze()
        mapped = mapped_bytes()
        layers = leave_world(shown, _HIDDEN)
        budget = Budget(mapped + settings["memory"], settings["scratch"], settings["cpu"])
        layers.escapes = _escapes(layers, budget, shown)
    except Exception as error:
        control.send(json.dumps({"error": f"{type(error).__name__}: {error}"[:500]}).encode())
        return
    control.send(json.dumps(dataclasses.asdict(layers)).encode())

    def interpret(request: bytes, channel: int) -> None:
        os.dup2(channel, _CHANNEL)
        os.closerange(_CHANNEL + 1, 1 << 20)
        with socket.socket(fileno=os.dup(_CHANNEL)) as link:
            process = os.pidfd_open(os.getpid())
            socket.send_fds(link, [b"p"], [process])
            os.close(process)
        try:
            confine(layers, budget, shown, _HIDDEN)
        except OSError as error:
            os.write(_CHANNEL, encode({"error": str(error)}))
            return
        os.write(_CHANNEL, encode({"ready": True}))
        wanted = json.loads(request)
        serve(_CHANNEL, wanted["max_chars"], wanted["seed"])

    fork_each(control, interpret, MAX_REQUEST_BYTES)


def _escapes(layers: Confinement, budget: Budget, shown: list[str]) -> list[str]:
    def attempt() -> None:
        confine(layers, budget, shown, _HIDDEN)
        if escapes := find_escapes():
            raise RuntimeError("\n".join(escapes))

    return in_child(attempt).splitlines()


def _load(packages: list[str]) -> list[str]:
    """Import packages; what to show of the file system: the standard library, and what the imports brought in."""
    for name in _STANDARD:
        try:
            importlib.import_module(name)
        except ImportError:
            continue  # Python was built without it
    before = set(sys.modules)
    for name in packages:
        importlib.import_module(name)
    if "numpy" in sys.modules:
        importlib.import_module("numpy.random")  # which every interpreter seeds
    if len(os.listdir("/proc/self/task")) > 1:
        raise RuntimeError(f"importing {', '.join(packages)} starts threads, which interpreters cannot have")
    brought = {name.partition(".")[0] for name in (set(sys.modules) - before).union(packages)}
    places = {place for name in brought for place in _places(name)}
    # Third-party modules are found by what is loaded of them; their folder holds others, which are not to be seen.
    sys.path[:] = [entry for entry in sys.path if entry.startswith(_LIBRARY) and entry not in _HIDDEN]
    extra = [_TIME_ZONES] if os.path.isdir(_TIME_ZONES) else []
    return [_LIBRARY, *extra, *sorted(places)]


def _places(name: str) -> set[str]:
    """Files and folders of a top-level module, with its wheel's libraries; none for the standard library."""
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    paths = [os.path.abspath(path) for path in getattr(module, "__path__", [file] if file else [])]
    outside = {path for path in paths if not path.startswith(_LIBRARY + os.sep) or path.startswith(tuple(_HIDDEN))}
    return outside | {f"{path}.libs" for path in outside if os.path.isdir(f"{path}.libs")}


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
