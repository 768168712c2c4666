"""The few Linux calls that Python has no function for. Every failure is an :class:`OSError`."""

from __future__ import annotations

import ctypes
import os
import struct

_PR_SET_PDEATHSIG = 1
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_CAPSET = {"x86_64": 126, "aarch64": 91}
_CAPABILITY_VERSION = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def prctl(option: int, *values: int) -> None:
    """prctl(2)."""
    arguments = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    _checked(_libc.prctl(ctypes.c_int(option), *arguments), f"prctl {option}")


def syscall(number: int, *values: int | bytes | ctypes.Array[ctypes.c_char] | None, what: str) -> int:
    """syscall(2), for calls whose number is the same on every machine (those since Linux 5.2)."""
    arguments = [ctypes.c_long(value) if isinstance(value, int) else value for value in values]
    return _checked(int(_libc.syscall(ctypes.c_long(number), *arguments)), what)


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that forked it ends."""
    prctl(_PR_SET_PDEATHSIG, 9)


def no_new_privileges() -> None:
    """No program that is executed from here on gains privileges; the condition of what follows."""
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


def unshare(flags: int) -> None:
    """unshare(2)."""
    _checked(_libc.unshare(ctypes.c_int(flags)), "unshare")


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """mount(2)."""
    texts = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    _checked(_libc.mount(*texts[:3], ctypes.c_ulong(flags), texts[3]), f"mount on {target}")


def detach(target: str) -> None:
    """umount2(2) with MNT_DETACH."""
    _checked(_libc.umount2(os.fsencode(target), ctypes.c_int(2)), f"unmount {target}")


def drop_capabilities(machine: str) -> None:
    """Give up every capability, for good."""
    for capability in range(64):
        try:
            prctl(_PR_CAPBSET_DROP, capability)
        except OSError:
            break  # the kernel knows no more of them, or we never had any
    header = ctypes.create_string_buffer(struct.pack("II", _CAPABILITY_VERSION, 0))
    nothing = ctypes.create_string_buffer(24)
    syscall(_CAPSET[machine], header, nothing, what="capset")
