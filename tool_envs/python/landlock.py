"""Landlock: which files an interpreter of model-written code may touch (Linux 5.13, without privileges).

Also, where the kernel can: no TCP (6.7), no abstract sockets and no signals to processes outside (6.12).
Numbers from the kernel's ``landlock.h``.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Sequence

from verl_agentic.isolation.kernel import syscall

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_EXECUTE = 1 << 0
_WHAT_FILES_HAVE = (1 << 0) | (1 << 1) | (1 << 2) | (1 << 14)
_NO_DEVICES_OR_SOCKETS = ~((1 << 6) | (1 << 9) | (1 << 10) | (1 << 11) | (1 << 15) | _EXECUTE)


def abi() -> int:
    """Version of the kernel's Landlock, 0 where it has none."""
    try:
        return syscall(_CREATE_RULESET, None, 0, 1, what="landlock")
    except OSError:
        return 0


def restrict_files(readable: Sequence[str], writable: Sequence[str]) -> None:
    """Let this process reach only these files and what is below these folders, for good.

    Raises:
        OSError: the kernel has no Landlock, or there is no such path.
    """
    version = abi()
    handled = _file_rights(version)
    network = 3 if version >= 4 else 0
    scope = 3 if version >= 6 else 0
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    attributes = struct.pack("QQQ", handled, network, scope)[:size]
    ruleset = syscall(
        _CREATE_RULESET, ctypes.create_string_buffer(attributes, size), size, 0, what="landlock_create_ruleset"
    )
    try:
        for path in readable:
            _allow(ruleset, path, (_READ_FILE | _READ_DIR) & handled)
        for path in writable:
            _allow(ruleset, path, handled & _NO_DEVICES_OR_SOCKETS)
        syscall(_RESTRICT_SELF, ruleset, 0, what="landlock_restrict_self")
    finally:
        os.close(ruleset)


def _file_rights(version: int) -> int:
    bits = 13 + (version >= 2) + (version >= 3)
    return ((1 << bits) - 1) | ((1 << 15) if version >= 5 else 0)


def _allow(ruleset: int, path: str, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not os.path.isdir(path):
            rights &= _WHAT_FILES_HAVE
        rule = struct.pack("=Qi", rights, descriptor)
        syscall(_ADD_RULE, ruleset, 1, ctypes.create_string_buffer(rule, len(rule)), 0, what=f"landlock: {path}")
    finally:
        os.close(descriptor)
