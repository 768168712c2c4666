"""Runs one command so that nothing of it is left behind: ``python -I -S guard.py PARENT_PID COMMAND...``.

A process between a client and its server, of the standard library only. The server inherits all three pipes. When it
ends, when the guard is told to (SIGTERM), or when the parent dies (also by SIGKILL), every descendant is killed, those
in sessions and process groups of their own included: ``npx`` and the like start the real server as a child. Linux only.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_TOLD = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
_GRACE_SECONDS = 0.5


def main(parent: int, command: list[str]) -> int:
    """Run ``command`` to its end, or ours, and return its exit status (128 + signal where one killed it)."""
    prctl = ctypes.CDLL(None).prctl
    signal.pthread_sigmask(signal.SIG_BLOCK, {*_TOLD, signal.SIGCHLD})
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the kernel was told
        return 0
    server = os.fork()
    if server == 0:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        try:
            os.execvp(command[0], command)
        except OSError as error:
            print(f"cannot run {command[0]}: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(127)
    os.close(0)
    os.close(1)
    status = _wait(server)
    if status is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(server, signal.SIGTERM)
        status = _wait(server, _GRACE_SECONDS)
    _kill_descendants()
    return 0 if status is None else os.waitstatus_to_exitcode(status) % 256


def _wait(server: int, seconds: float | None = None) -> int | None:
    """The server's wait status, or ``None`` when told to stop or out of time. Reaps whoever else ends."""
    deadline = None if seconds is None else time.monotonic() + seconds
    while True:
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                if ended[0] == server:
                    return ended[1]
        if deadline is None:
            if signal.sigwait({*_TOLD, signal.SIGCHLD}) != signal.SIGCHLD:
                return None
        elif not signal.sigtimedwait({signal.SIGCHLD}, max(0.0, deadline - time.monotonic())):
            return None


def _kill_descendants() -> None:
    """Kill children until none is left: those that they leave behind become ours."""
    while children := _children():
        for child in children:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGKILL)
        for child in children:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)


def _children() -> list[int]:
    mine = os.getpid()
    children = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as stat:
                # The command's name, in parentheses, may hold anything.
                if int(stat.read().rpartition(")")[2].split()[1]) == mine:
                    children.append(int(entry))
    return children


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
