"""The child's side of a :class:`~verl_agentic.isolation.pool.WorkerPool`: a fork server and its workers.

Run as ``python -m verl_agentic.isolation.child TARGET PARENT_PID MEMORY_BYTES MAX_MESSAGE_BYTES`` with a Unix socket
as its standard input. The server imports the function once, says so, and forks a worker for each socket it is sent;
it never sees a request itself. Workers speak in frames: a 4-byte big-endian length and as much JSON. A worker sends its
process id when it is ready, and for each request an empty frame when it begins, from which the clock runs, and then a
reply: a result, an error, or that it ran out of memory. Linux only.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from verl_agentic.isolation import kernel
from verl_agentic.isolation.frames import HEADER, encode, framed

MAX_ERROR_CHARS = 500
OUT_OF_MEMORY = b'{"exceeded": "memory"}'


def load(target: str) -> Callable[[Any], Any]:
    """The function named by ``package.module:function``.

    Raises:
        ImportError: there is no such module.
        AttributeError: the module has no such function.
        TypeError: it is not callable.
    """
    module, _, name = target.partition(":")
    function = getattr(importlib.import_module(module), name)
    if not callable(function):
        raise TypeError(f"{target} is not callable")
    return function  # type: ignore[no-any-return]


def confine(memory_bytes: int) -> None:
    """Allow ``memory_bytes`` of address space beyond what is mapped now; no core dump, no byte written to a file."""
    most = mapped_bytes() + memory_bytes
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    kernel.no_new_privileges()


def mapped_bytes() -> int:
    """Address space of this process."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when ``parent`` ends, also where it is too busy to see its socket close."""
    kernel.die_with_parent()
    if os.getppid() not in (parent, 0):  # it ended before the kernel was told; 0: it is in another namespace
        os._exit(0)


def fork_each(control: socket.socket, work: Callable[[bytes, int], None], request_bytes: int = 1) -> None:
    """Fork a process for each socket that comes over ``control``, until it closes.

    Args:
        control: brings a request of at most ``request_bytes`` with each socket.
        work: what the process does with a request and the descriptor of its socket; ends with it.
        request_bytes: length of the longest request.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # dead children leave nothing behind
    server = os.getpid()
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, request_bytes, 1)
        if not request:
            return
        for descriptor in descriptors:
            with contextlib.suppress(OSError):  # no room for a process: its socket closes, which says so
                if os.fork() == 0:
                    try:
                        die_with_parent(server)
                        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                        work(request, descriptor)
                    finally:
                        os._exit(1)
            os.close(descriptor)


def serve(function: Callable[[Any], Any], requests: BinaryIO, replies: BinaryIO, max_message: int) -> None:
    """Answer requests until their socket closes. Out of memory ends the process: its heap is not worth trusting."""
    while len(header := requests.read(HEADER.size)) == HEADER.size:
        body = requests.read(HEADER.unpack(header)[0])
        _send(replies, framed(b""))
        try:
            reply = encode({"result": function(json.loads(body))})
            if len(reply) > max_message + HEADER.size:
                reply = encode({"error": f"result is longer than {max_message} bytes"})
        except MemoryError:
            try:
                _send(replies, framed(OUT_OF_MEMORY))
            finally:
                os._exit(1)
        except BaseException as error:
            reply = encode({"error": f"{type(error).__name__}: {error}"[:MAX_ERROR_CHARS]})
        _send(replies, reply)


def _send(stream: BinaryIO, frame: bytes) -> None:
    stream.write(frame)
    stream.flush()


def main(target: str, parent: str, memory_bytes: str, max_message: str) -> None:
    """Import ``target`` and fork workers for it until the parent closes the control socket."""
    die_with_parent(int(parent))
    control = socket.socket(fileno=os.dup(0))
    # What the function reads or prints must reach nobody.
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    function = load(target)
    gc.collect()
    gc.freeze()
    with control.makefile("wb") as stream:
        _send(stream, encode({"result": os.getpid()}))
    os.dup2(nowhere, 2)  # the parent reads errors of the start only

    def work(_: bytes, descriptor: int) -> None:
        os.setsid()
        control.close()
        confine(int(memory_bytes))
        requests = socket.socket(fileno=descriptor)
        with requests.makefile("rb") as reader, requests.makefile("wb") as writer:
            _send(writer, encode({"result": os.getpid()}))
            serve(function, reader, writer, int(max_message))

    fork_each(control, work)


if __name__ == "__main__":
    main(*sys.argv[1:])
