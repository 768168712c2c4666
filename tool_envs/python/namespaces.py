"""Namespaces: a machine without network, processes or files for interpreters of model-written code.

The file system is a new one in memory that shows, read-only, the folders Python needs, and nothing else; each
interpreter gets a scratch folder in memory of its own, which goes with its last process.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from verl_agentic.isolation.kernel import detach, mount, syscall, unshare

SCRATCH = "/scratch"

_NEW_MOUNTS, _NEW_UTS, _NEW_IPC, _NEW_USER, _NEW_PIDS, _NEW_NET = (
    0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
_READ_ONLY, _NO_SUID, _NO_DEVICES, _NO_EXEC = 1, 2, 4, 8
_REMOUNT, _RECURSIVE, _PRIVATE = 32, 16384, 1 << 18
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_AT_RECURSIVE, _AT_EMPTY_PATH = 0x8000, 0x1000
_AT_FDCWD = -100
_INSIDE = 1000


def enter() -> None:
    """Leave the system's namespaces. Processes forked from here on have their own pids.

    Raises:
        OSError: the system does not allow it (``user.max_user_namespaces``, AppArmor, a container's seccomp profile).
    """
    user, group = os.geteuid(), os.getegid()
    unshare(_NEW_USER | _NEW_MOUNTS | _NEW_UTS | _NEW_IPC | _NEW_PIDS | _NEW_NET)
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{_INSIDE} {user} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{_INSIDE} {group} 1", encoding="ascii")


def show_only(paths: Sequence[str], hidden: Sequence[str]) -> None:
    """Replace the file system by one in which only ``paths`` exist, read-only, and :data:`SCRATCH`, empty.

    Args:
        paths: folders and files; one may lie in another.
        hidden: folders in ``paths`` whose content stays out, but for other ``paths`` in them.

    Raises:
        OSError: the system does not allow it, or has no such path.
    """
    mount("none", "/", None, _RECURSIVE | _PRIVATE)
    with ExitStack() as stack:
        trees = {path: _copy(path) for path in sorted({os.path.abspath(path) for path in paths}, key=len)}
        for tree in trees.values():
            stack.callback(os.close, tree)
        root = next(path for path in ("/tmp", "/var/tmp", "/run", "/mnt") if os.path.isdir(path))
        mount("tmpfs", root, "tmpfs", _NO_SUID | _NO_DEVICES, "size=1m,mode=755")
        covers = []
        for path, tree in trees.items():
            target = root + path
            _make(target, os.path.isdir(f"/proc/self/fd/{tree}"))
            syscall(_MOVE_MOUNT, tree, b"", _AT_FDCWD, target.encode(), 4, what=f"move mount {path}")
            _protect(tree)
            inside = {os.path.abspath(cover) for cover in hidden if cover.startswith(path + os.sep)}
            for cover in sorted(inside):
                if os.path.isdir(root + cover):
                    mount("tmpfs", root + cover, "tmpfs", _NO_SUID | _NO_DEVICES, "size=1m,mode=755")
                    covers.append(root + cover)
    for cover in covers:
        mount("none", cover, None, _REMOUNT | _READ_ONLY | _NO_SUID | _NO_DEVICES)
    os.mkdir(root + SCRATCH)
    os.chdir(root)
    syscall(_PIVOT_ROOT[platform.machine()], b".", b".", what="pivot_root")
    detach(".")
    os.chdir("/")
    mount("none", "/", None, _REMOUNT | _READ_ONLY | _NO_SUID | _NO_DEVICES)


def own_scratch(size: int) -> None:
    """Give this process a scratch folder in memory of ``size`` bytes, and make it the working folder.

    Raises:
        OSError: the system does not allow it.
    """
    unshare(_NEW_MOUNTS)
    options = f"size={size},nr_inodes=4096,mode=755"
    mount("tmpfs", SCRATCH, "tmpfs", _NO_SUID | _NO_DEVICES | _NO_EXEC, options)
    os.chdir(SCRATCH)


def _copy(path: str) -> int:
    """A detached copy of the mounts at and below a path, which stays when the path is hidden."""
    flags = 1 | os.O_CLOEXEC | _AT_RECURSIVE
    return syscall(_OPEN_TREE, _AT_FDCWD, path.encode(), flags, what=f"open_tree {path}")


def _protect(tree: int) -> None:
    # struct mount_attr: attr_set, attr_clr, propagation, userns_fd
    attributes = ctypes.create_string_buffer(struct.pack("QQQQ", _READ_ONLY | _NO_SUID | _NO_DEVICES, 0, 0, 0), 32)
    flags = _AT_EMPTY_PATH | _AT_RECURSIVE
    syscall(_MOUNT_SETATTR, tree, b"", flags, attributes, 32, what="mount_setattr")


def _make(path: str, folder: bool) -> None:
    if os.path.exists(path):
        return
    os.makedirs(path if folder else os.path.dirname(path), exist_ok=True)
    if not folder:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
