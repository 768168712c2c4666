"""The fork server and its workers as their parent sees them: started, asked, killed."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any

from verl_agentic.core import InfrastructureError
from verl_agentic.isolation.child import MAX_ERROR_CHARS, OUT_OF_MEMORY
from verl_agentic.isolation.frames import HEADER, framed

# Secrets of the parent stay out of a process that evaluates model-written text.
_ENVIRONMENT = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ", "VIRTUAL_ENV")


class WorkerPoolError(Exception):
    """What a call to a worker pool may end in."""


class WorkerTimeoutError(WorkerPoolError):
    """The function took longer than its call allowed; its process is dead."""


class WorkerCrashedError(WorkerPoolError):
    """The process died under the function: out of memory, a segmentation fault, a broken reply."""


class WorkerMemoryError(WorkerCrashedError):
    """The function wanted more memory than its process may have, and the process ended."""


class WorkerError(WorkerPoolError):
    """The function raised; the message is its exception's."""


class WorkerStartError(WorkerPoolError, InfrastructureError):
    """No worker could be started, or the pool is closed. Says nothing about the call."""


class _Channel:
    """Frames over a socket, with deadlines; what comes in is not trusted."""

    def __init__(self, end: socket.socket, max_message: int) -> None:
        self.socket = end
        self._max_message = max_message
        end.setblocking(False)

    def send(self, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        while view:
            if not self._poll(select.POLLOUT, deadline):
                raise WorkerCrashedError("worker does not read")
            try:
                view = view[self.socket.send(view) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise WorkerCrashedError("worker died") from error

    def receive(self, deadline: float) -> bytes:
        (length,) = HEADER.unpack(self._read(HEADER.size, deadline))
        if length > self._max_message:
            raise WorkerCrashedError("worker sent a broken reply")
        return self._read(length, deadline)

    def result(self, deadline: float) -> Any:
        """The result in a reply.

        Raises:
            WorkerTimeoutError, WorkerCrashedError: there was none.
            WorkerError: it holds an error.
        """
        try:
            received = self.receive(deadline)
            if received == OUT_OF_MEMORY:
                raise WorkerMemoryError("worker ran out of memory")
            reply = json.loads(received)
            if "error" in reply:
                raise WorkerError(str(reply["error"]))
            return reply["result"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise WorkerCrashedError("worker sent a broken reply") from error

    def _read(self, size: int, deadline: float) -> bytes:
        data = bytearray()
        while len(data) < size:
            if not self._poll(select.POLLIN, deadline):
                raise WorkerTimeoutError("out of time")
            try:
                piece = self.socket.recv(min(size - len(data), 1 << 16))
            except BlockingIOError:
                continue
            except OSError as error:
                raise WorkerCrashedError("worker died") from error
            if not piece:
                raise WorkerCrashedError("worker died")
            data += piece
        return bytes(data)

    def _poll(self, event: int, deadline: float) -> bool:
        """Whether the socket is ready, or closed, before the deadline; looks once even if that is over."""
        return ready(self.socket.fileno(), event, max(0.0, deadline - time.monotonic()))


class WorkerProcess:
    """A forked process that serves the function. Not thread-safe but for :meth:`kill`."""

    def __init__(self, channel: _Channel, pid: int) -> None:
        self._channel = channel
        self.pid = pid
        self._handle = os.pidfd_open(pid)  # ours for good, while a process id may be given to another
        self._lock = threading.Lock()
        self.calls = 0

    def call(self, body: bytes, seconds: float, grace: float) -> Any:
        """Have the function called with a JSON payload.

        Args:
            body: the payload as JSON.
            seconds: how long the function may take, from when it begins.
            grace: how long the process may take to begin.

        Raises:
            WorkerStartError: the process did not begin.
            WorkerTimeoutError: the function took longer.
            WorkerMemoryError: the function wanted more memory than it may have.
            WorkerCrashedError: the process died or replied nonsense.
            WorkerError: the function raised.
        """
        self.calls += 1
        try:
            self._channel.send(framed(body), time.monotonic() + grace)
            self._channel.receive(time.monotonic() + grace)
        except WorkerPoolError as error:
            raise WorkerStartError(f"worker does not take calls ({error})") from error
        return self._channel.result(time.monotonic() + seconds)

    def kill(self) -> None:
        """Kill the process, and its group with what it started, without waiting for its end."""
        with self._lock:
            if self._handle < 0 or ready(self._handle):  # a process handle is, once the process has ended
                return
            with contextlib.suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def release(self) -> None:
        """Close what this process holds of the worker; alive, it ends by itself."""
        with self._lock:
            self._channel.socket.close()
            if self._handle >= 0:
                os.close(self._handle)
                self._handle = -1


class ForkServer:
    """The process that has imported the function. Close it, or let it go: it ends with its control socket."""

    def __init__(self, target: str, memory_bytes: int, max_message: int, seconds: float) -> None:
        """Start the process and wait for its imports.

        Raises:
            WorkerStartError: they failed or took longer than ``seconds``, or the system refuses another process.
        """
        self._max_message = max_message
        self._seconds = seconds
        ours, theirs = socket.socketpair()
        self._control = _Channel(ours, max_message)
        arguments = [target, str(os.getpid()), str(memory_bytes), str(max_message)]
        self._popen: subprocess.Popen[bytes] | None = None
        started = threading.Event()
        threading.Thread(target=self._keep, args=(arguments, theirs, started), name="fork-server", daemon=True).start()
        started.wait()
        try:
            self._control.result(time.monotonic() + seconds)
        except WorkerPoolError as error:
            said = self._last_words()
            self.close()
            raise WorkerStartError(f"worker did not start ({error}): {said[-MAX_ERROR_CHARS:]}") from error

    def _keep(self, arguments: list[str], theirs: socket.socket, started: threading.Event) -> None:
        """Start the process and stay: the kernel takes the end of the thread that started it for the parent's."""
        try:
            popen = subprocess.Popen(
                [sys.executable, "-m", "verl_agentic.isolation.child", *arguments],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=_environment(),
                start_new_session=True,  # no Ctrl-C of ours
            )
            self._popen = popen
        except OSError:
            return
        finally:
            theirs.close()
            started.set()
        del self  # so that nobody but its users keeps it
        popen.wait()

    def alive(self) -> bool:
        return self._popen is not None and self._popen.returncode is None

    def fork(self) -> WorkerProcess:
        """A new worker, ready for calls.

        Raises:
            WorkerStartError: the server is dead or too slow.
        """
        ours, theirs = socket.socketpair()
        channel = _Channel(ours, self._max_message)
        try:
            with theirs:
                socket.send_fds(self._control.socket, [b"f"], [theirs.fileno()])
            return WorkerProcess(channel, int(channel.result(time.monotonic() + self._seconds)))
        except (OSError, ValueError, WorkerPoolError) as error:
            ours.close()
            raise WorkerStartError(f"no worker was forked: {error}") from error

    def close(self) -> None:
        """Kill the server, and with it all of its workers."""
        self._control.socket.close()
        if self._popen is not None and self._popen.returncode is None:
            self._popen.kill()

    def disown(self) -> None:
        """Forget the process in a forked child, whose parent it belongs to."""
        self._control.socket.close()
        if self._popen is not None:
            self._popen.returncode = 0

    def _last_words(self) -> str:
        if self._popen is None or self._popen.stderr is None:
            return ""
        self._popen.kill()
        with self._popen.stderr as stream:
            return stream.read().decode("utf-8", "replace").strip()


def ready(descriptor: int, event: int = select.POLLIN, seconds: float = 0.0) -> bool:
    """Whether there is an event, or the other end is closed, within that time; ``event`` 0 is for the latter only."""
    poll = select.poll()  # unlike select(), knows descriptors beyond 1023, of which trainers have many
    poll.register(descriptor, event)
    return bool(poll.poll(seconds * 1000))


def search_path() -> list[str]:
    """Where this process finds modules, wherever that was extended (Ray's runtime environments, notebooks)."""
    return [entry or os.getcwd() for entry in sys.path]


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in _ENVIRONMENT}
    path = os.pathsep.join(search_path())
    return {**kept, "PYTHONPATH": path, "PYTHONSAFEPATH": "1", "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}
