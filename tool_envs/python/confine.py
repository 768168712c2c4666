"""Confinement of interpreters of model-written code: layers, each as far as the system has it, and a proof.

=============  ==========================================================================================
namespaces     a file system of Python's own folders, no network, no other process, scratch in memory
Landlock       the same files, by path; without namespaces nothing can be written
seccomp        a list of allowed system calls: no process, thread, network or signal to others
limits         memory, file size, open files, processor time, no core dump; no capability
=============  ==========================================================================================

Whether they hold is not concluded from their presence: a child that is confined as an interpreter will be tries what
it must not be able to do.
"""

from __future__ import annotations

import functools
import os
import platform
import resource
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from verl_agentic.isolation import kernel
from verl_agentic.tool_envs.python import landlock, namespaces
from verl_agentic.tool_envs.python.seccomp import allow_calls

_MAX_OPEN_FILES = 64
# What an interpreter must not read, where it exists.
_SECRETS = ("/etc/passwd", "/etc/hostname", "/proc/self/environ", "/proc/1/environ", "/root/.bashrc")


@dataclass
class Confinement:
    """What confines interpreters here.

    Attributes:
        namespaces: why there are none, empty if there are.
        landlock: version of Landlock, 0 for none.
        seccomp: why there is none, empty if there is.
        escapes: what a confined process could do and should not.
    """

    namespaces: str
    landlock: int
    seccomp: str
    escapes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ProcessBudget:
    """Limits of one interpreter: address space, scratch folder (bytes), processor time (seconds)."""

    memory: int
    scratch: int
    cpu: int


def leave_world(shown: list[str], hidden: list[str]) -> Confinement:
    """Take this process, which comes back as a child of itself, to where only ``shown`` is left of the world.

    Where namespaces are not to be had it stays where it is.
    """
    # Rather an interpreter than the trainer, when memory runs out.
    Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    why_not = in_child(lambda: _leave(shown, hidden))
    if not why_not:
        namespaces.enter()
        if child := os.fork():
            os.closerange(3, 1 << 20)  # the control socket closes when the child ends, not later
            os.waitpid(child, 0)
            os._exit(0)
        kernel.die_with_parent()
        namespaces.show_only(shown, hidden)
    return Confinement(why_not, landlock.abi(), in_child(_filter_calls))


def confine(layers: Confinement, budget: ProcessBudget, shown: list[str], hidden: list[str]) -> None:
    """Confine this process for good.

    Raises:
        OSError: a layer that the system has does not hold.
    """
    in_namespaces = not layers.namespaces
    scratch = budget.scratch if in_namespaces else 0
    kernel.no_new_privileges()
    for limit, value in (
        (resource.RLIMIT_AS, budget.memory),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, budget.cpu),
        (resource.RLIMIT_FSIZE, scratch),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(limit, (value, value))
    if in_namespaces:
        namespaces.own_scratch(scratch)
    if layers.landlock:
        readable = ["/"] if in_namespaces else [path for entry in shown for path in _without(entry, hidden)]
        landlock.restrict_files(readable, [namespaces.SCRATCH] if in_namespaces else [])
    resource.setrlimit(resource.RLIMIT_NOFILE, (_MAX_OPEN_FILES, _MAX_OPEN_FILES))
    kernel.drop_capabilities(platform.machine())
    if not layers.seccomp:
        allow_calls(os.getpid())


def find_escapes() -> list[str]:
    """What this confined process can do and should not."""
    attempts: dict[str, Callable[[], object]] = {
        "open a socket": socket.socket,
        "start a process": _start_process,
        "signal its parent": lambda: os.kill(os.getppid() or 1, signal.SIGCONT),
        "signal every process": lambda: os.kill(-1, signal.SIGCONT),
        "write to /tmp": lambda: os.open("/tmp", os.O_TMPFILE | os.O_WRONLY),
        **{f"read {path}": functools.partial(os.open, path, os.O_RDONLY) for path in _SECRETS},
    }
    escapes = []
    for what, attempt in attempts.items():
        try:
            attempt()
        except OSError:
            continue
        escapes.append(what)
    return escapes


def in_child(action: Callable[[], object]) -> str:
    """Do something in a child; why it failed, empty if it did not."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        message = b"failed"
        try:
            os.close(reader)
            action()
            message = b""
        except BaseException as error:
            message = (str(error) or type(error).__name__).encode("utf-8", "replace")[:500]
        finally:
            os.write(writer, message)
            os._exit(bool(message))
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read().decode("utf-8", "replace")
    _pid, status = os.waitpid(child, 0)
    return said or ("killed" if status else "")


def _leave(shown: list[str], hidden: list[str]) -> None:
    namespaces.enter()
    namespaces.show_only(shown, hidden)
    if os.fork() == 0:  # the first child is the one that a new namespace for processes begins with
        namespaces.own_scratch(1 << 20)
        os._exit(0)
    if os.wait()[1]:
        raise OSError("a file system in memory cannot be mounted")


def _filter_calls() -> None:
    kernel.no_new_privileges()
    allow_calls(os.getpid())


def _start_process() -> None:
    if os.fork() == 0:
        os._exit(0)


def _without(path: str, hidden: list[str]) -> list[str]:
    """``path``, or what is in it but for what is hidden: Landlock grants whole folders."""
    if not any(folder.startswith(path + os.sep) for folder in hidden):
        return [path]
    return [entry.path for entry in os.scandir(path) if entry.path not in hidden]
