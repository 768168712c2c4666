"""Where interpreters of model-written code come from: one warm process for each set of limits, forked for every one.

Linux only. The warm process is started once, in well under a second without packages, and shared by all sessions of
this process; an interpreter then costs some milliseconds, and idle ones cost little memory.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import errno
import json
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

from verl_agentic.core import InfrastructureError, UserInputError
from verl_agentic.isolation.process import ready, search_path

_START_SECONDS = 60.0
_SEND_SECONDS = 10.0
_MAX_REPORT = 1 << 16
# One thread each: interpreters have no others, and a process must have one to leave its namespaces.
_ENVIRONMENT = {
    "HOME": "/scratch",
    "LANG": "C.UTF-8",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONSAFEPATH": "1",
    "TMPDIR": "/scratch",
}


@dataclass(frozen=True)
class Limits:
    """What one interpreter may take.

    Attributes:
        packages: packages it may import besides the standard library; they are imported before it starts.
        memory: bytes of address space beyond what the packages take.
        scratch: bytes of files in its scratch folder.
        cpu: seconds of processor time in its whole life.
    """

    packages: tuple[str, ...] = ()
    memory: int = 512 << 20
    scratch: int = 16 << 20
    cpu: int = 600


@dataclass(frozen=True)
class Containment:
    """What confines interpreters on this system.

    Attributes:
        namespaces: whether they have a file system, network and process numbers of their own; without, they have no
            scratch folder and write no file.
        landlock: version of the kernel's Landlock that guards files, 0 for none.
        seccomp: whether system calls are filtered.
        missing: why a layer is missing, by layer.
        escapes: what a confined process could do and should not: it was tried.
    """

    namespaces: bool
    landlock: int
    seccomp: bool
    missing: dict[str, str]
    escapes: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing was possible that should not be."""
        return not self.escapes


class Sandbox:
    """A warm process and its interpreters. Thread-safe; for any number of event loops."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._lock = threading.Lock()
        self._popen: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._containment: Containment | None = None

    @property
    def running(self) -> bool:
        """Whether the warm process lives."""
        control = self._control
        return control is not None and control.fileno() >= 0 and not ready(control.fileno(), 0)

    @property
    def containment(self) -> Containment | None:
        """What confines its interpreters, once started."""
        return self._containment if self.running else None

    def start(self) -> Containment:
        """Start the warm process unless it lives, and wait for it.

        Raises:
            UserInputError: a package cannot be imported, or the system is not Linux.
            InfrastructureError: the process does not start.
        """
        with self._lock:
            if self.running and self._containment:
                return self._containment
            self._stop()
            if not sys.platform.startswith("linux"):
                raise UserInputError("env python runs code on Linux only; set agentic.rollout.env_options.python.url")
            try:
                self._containment = self._launch()
            except OSError as error:
                self._stop()
                raise InfrastructureError(f"the python sandbox did not start: {error}") from error
            except BaseException:
                self._stop()
                raise
            return self._containment

    async def spawn(self, request: dict[str, int]) -> socket.socket:
        """Fork an interpreter; our end of its channel.

        Raises:
            InfrastructureError: the warm process takes no requests.
        """
        ours, theirs = socket.socketpair()
        try:
            ours.setblocking(False)
            deadline = time.monotonic() + _SEND_SECONDS
            while not self._send(json.dumps(request).encode(), theirs):
                if time.monotonic() > deadline:
                    raise InfrastructureError("the python sandbox takes no requests")
                await asyncio.sleep(0.005)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return ours

    def close(self) -> None:
        """End the warm process, and with it every interpreter."""
        with self._lock:
            self._stop()

    def disown(self) -> None:
        """In a forked child: the processes are the parent's."""
        if self._control:
            self._control.close()
        if self._popen:
            self._popen.returncode = 0
        self._lock = threading.Lock()
        self._popen = self._control = self._containment = None

    def _launch(self) -> Containment:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control = ours
        path = search_path()
        with theirs:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", "verl_agentic.tool_envs.python.zygote", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**_ENVIRONMENT, "PYTHONPATH": os.pathsep.join(path)},
                cwd="/",
                start_new_session=True,
            )
        limits = self.limits
        settings = {
            "path": path,
            "packages": limits.packages,
            "memory": limits.memory,
            "scratch": limits.scratch,
            "cpu": limits.cpu,
        }
        ours.settimeout(_START_SECONDS)
        ours.send(json.dumps(settings).encode())
        report = ours.recv(_MAX_REPORT)
        if not report:
            raise InfrastructureError("the python sandbox ended when it started")
        said = json.loads(report)
        if "error" in said:
            raise UserInputError(
                f"the python sandbox cannot be set up ({said['error']}); install what "
                "agentic.rollout.env_options.python.packages names, or take it off the list"
            )
        ours.setblocking(False)
        missing = {name: said[name] for name in ("namespaces", "seccomp") if said[name]}
        if not said["landlock"]:
            missing["landlock"] = "the kernel has none (Linux 5.13, CONFIG_SECURITY_LANDLOCK)"
        return Containment(
            not said["namespaces"], said["landlock"], not said["seccomp"], missing, tuple(said["escapes"])
        )

    def _send(self, request: bytes, channel: socket.socket) -> bool:
        control = self._control
        try:
            if control is None:
                raise InfrastructureError("the python sandbox is not running")
            socket.send_fds(control, [request], [channel.fileno()])
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno == errno.ETOOMANYREFS:  # descriptors on their way count against a limit
                return False
            raise InfrastructureError(f"the python sandbox has ended: {error}") from error
        return True

    def _stop(self) -> None:
        if self._control:
            self._control.close()
        if self._popen:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(5)
            if self._popen.returncode is None:
                self._popen.kill()
                self._popen.wait()
        self._popen = self._control = self._containment = None


_sandboxes: dict[Limits, Sandbox] = {}
_guard = threading.Lock()


def shared_sandbox(limits: Limits) -> Sandbox:
    """The process's sandbox with these limits."""
    with _guard:
        return _sandboxes.setdefault(limits, Sandbox(limits))


def containment() -> Containment:
    """What confines model-written Python here, tried out; takes some tenths of a second.

    Raises:
        UserInputError: the system is not Linux.
        InfrastructureError: the process that would try does not start.
    """
    sandbox = Sandbox(Limits())
    try:
        return sandbox.start()
    finally:
        sandbox.close()


@atexit.register
def close_sandboxes() -> None:
    """End every shared sandbox and its interpreters."""
    for sandbox in list(_sandboxes.values()):
        sandbox.close()


def _disown() -> None:
    global _guard  # noqa: PLW0603
    _guard = threading.Lock()
    for sandbox in _sandboxes.values():
        sandbox.disown()
    _sandboxes.clear()


os.register_at_fork(after_in_child=_disown)
