"""The system calls that an interpreter of model-written code may make: an allow-list as a seccomp filter.

What is left is memory, files, clocks, and sockets connected to nothing but each other. There are no processes, no
threads, no network, no other process's signals, no memory or files outside what resource limits count. Numbers from
the kernel's syscall tables; the filter from seccomp(2) and bpf(4).
"""

from __future__ import annotations

import ctypes
import platform
import struct
from collections.abc import Sequence

from verl_agentic.isolation.kernel import prctl

_PR_SET_SECCOMP = 22
_MODE_FILTER = 2
_KILL_PROCESS = 0x80000000
_REFUSE = 0x00050000  # SECCOMP_RET_ERRNO, or-ed with the error number
_ALLOW = 0x7FFF0000
_LOAD, _JUMP_EQUAL, _RETURN = 0x20, 0x15, 0x06
_EPERM, _ENOSYS = 1, 38
# struct seccomp_data: int nr; u32 arch; u64 instruction_pointer; u64 args[6]
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16

_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# Number on x86_64, number on aarch64 (-1: no such call there). Frequent ones first: the filter is a list.
_FREE: dict[str, tuple[int, int]] = {
    "read": (0, 63), "write": (1, 64), "futex": (202, 98), "mmap": (9, 222), "munmap": (11, 215), "brk": (12, 214),
    "lseek": (8, 62), "newfstatat": (262, 79), "fstat": (5, 80), "openat": (257, 56), "close": (3, 57),
    "clock_gettime": (228, 113), "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "open": (2, -1), "stat": (4, -1), "lstat": (6, -1), "poll": (7, -1), "mprotect": (10, 226), "mremap": (25, 216),
    "madvise": (28, 233), "msync": (26, 227), "pread64": (17, 67), "pwrite64": (18, 68), "readv": (19, 65),
    "writev": (20, 66), "preadv": (295, 69), "pwritev": (296, 70), "access": (21, -1), "pipe": (22, -1),
    "pipe2": (293, 59), "select": (23, -1), "pselect6": (270, 72), "ppoll": (271, 73), "sched_yield": (24, 124),
    "dup": (32, 23), "dup2": (33, -1), "dup3": (292, 24), "pause": (34, -1), "nanosleep": (35, 101),
    "clock_nanosleep": (230, 115), "clock_getres": (229, 114), "gettimeofday": (96, 169), "time": (201, -1),
    "times": (100, 153), "getitimer": (36, 102), "setitimer": (38, 103), "alarm": (37, -1), "getpid": (39, 172),
    "getppid": (110, 173), "gettid": (186, 178), "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176),
    "getegid": (108, 177), "getgroups": (115, 158), "getresuid": (118, 148), "getresgid": (120, 150),
    "getpgrp": (111, -1), "getpgid": (121, 155), "getsid": (124, 156), "exit": (60, 93), "exit_group": (231, 94),
    "uname": (63, 160), "flock": (73, 32), "fsync": (74, 82), "fdatasync": (75, 83), "truncate": (76, 45),
    "ftruncate": (77, 46), "fallocate": (285, 47), "fadvise64": (221, 223), "getdents": (78, -1),
    "getdents64": (217, 61), "getcwd": (79, 17), "chdir": (80, 49), "fchdir": (81, 50), "rename": (82, -1),
    "renameat": (264, 38), "renameat2": (316, 276), "mkdir": (83, -1), "mkdirat": (258, 34), "rmdir": (84, -1),
    "creat": (85, -1), "link": (86, -1), "linkat": (265, 37), "unlink": (87, -1), "unlinkat": (263, 35),
    "symlink": (88, -1), "symlinkat": (266, 36), "readlink": (89, -1), "readlinkat": (267, 78), "chmod": (90, -1),
    "fchmod": (91, 52), "fchmodat": (268, 53), "umask": (95, 166), "utime": (132, -1), "utimes": (235, -1),
    "utimensat": (280, 88), "statfs": (137, 43), "fstatfs": (138, 44), "statx": (332, 291), "faccessat": (269, 48),
    "faccessat2": (439, 439), "copy_file_range": (326, 285), "sendfile": (40, 71), "close_range": (436, 436),
    "getrlimit": (97, 163), "getrusage": (98, 165), "sysinfo": (99, 179), "getrandom": (318, 278),
    "getcpu": (309, 168), "sched_getaffinity": (204, 123), "sigaltstack": (131, 132), "rt_sigpending": (127, 136),
    "rt_sigtimedwait": (128, 137), "rt_sigsuspend": (130, 133), "arch_prctl": (158, -1),
    "set_tid_address": (218, 96), "set_robust_list": (273, 99), "rseq": (334, 293), "restart_syscall": (219, 128),
    "epoll_create1": (291, 20), "epoll_ctl": (233, 21), "epoll_wait": (232, -1), "epoll_pwait": (281, 22),
    "epoll_pwait2": (441, 441), "eventfd2": (290, 19), "getsockname": (51, 204), "getpeername": (52, 205),
    "getsockopt": (55, 209), "shutdown": (48, 210), "recvfrom": (45, 207),
}  # fmt: skip

# Calls that depend on one argument: its position, its width in bytes, and the values that are allowed.
_TERMINAL = (0x5401, 0x541B, 0x5421, 0x5450, 0x5451)  # TCGETS, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX
_LOCKS_AND_FLAGS = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1032)  # not F_SETOWN, which sends signals elsewhere


def allow_calls(own_pid: int) -> None:
    """Refuse every system call of this process but those of the allow-list, for good.

    Args:
        own_pid: the only process that signals may be sent to.

    Raises:
        OSError: the kernel or the machine does not do this.
    """
    program = filter_program(platform.machine(), own_pid)
    array = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: unsigned short len, aligned pointer to the instructions
    fprog = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(array)))
    prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(fprog))


def filter_program(machine: str, own_pid: int) -> bytes:
    """The filter for a machine as instructions of eight bytes.

    Raises:
        OSError: there is no table for the machine.
    """
    if machine not in _AUDIT or struct.calcsize("P") != 8:
        raise OSError(f"no system call table for {machine}")
    column = list(_AUDIT).index(machine)
    program = [
        _instruction(_LOAD, _ARCHITECTURE),
        _instruction(_JUMP_EQUAL, _AUDIT[machine], 1, 0),
        _instruction(_RETURN, _KILL_PROCESS),  # a call through another architecture's table
        _instruction(_LOAD, _NUMBER),
    ]
    for numbers in _FREE.values():
        if numbers[column] >= 0:
            program += _on(numbers[column], [_instruction(_RETURN, _ALLOW)])
    for numbers, position, words, values in _conditional(own_pid):
        program += _on(numbers[column], _if_argument(position, words, values))
    # The C library then falls back to what it did before this call existed.
    program += _on(435, [_instruction(_RETURN, _REFUSE | _ENOSYS)])  # clone3
    program.append(_instruction(_RETURN, _REFUSE | _EPERM))
    return b"".join(program)


def _conditional(own_pid: int) -> list[tuple[tuple[int, int], int, int, Sequence[int]]]:
    return [
        ((16, 29), 1, 1, _TERMINAL),  # ioctl
        ((72, 25), 1, 1, _LOCKS_AND_FLAGS),  # fcntl
        ((62, 129), 0, 1, (own_pid,)),  # kill
        ((234, 131), 0, 1, (own_pid,)),  # tgkill
        ((302, 261), 2, 2, (0,)),  # prlimit64 without new limits
        ((53, 199), 0, 1, (1,)),  # socketpair of AF_UNIX, which event loops wake themselves with
        ((44, 206), 4, 2, (0,)),  # sendto without an address
    ]


def _if_argument(position: int, words: int, values: Sequence[int]) -> list[bytes]:
    """Allow one of the values; both halves of a pointer count, only the lower one of an int."""
    low = _ARGUMENTS + 8 * position
    block: list[bytes] = []
    if words == 2:
        refuse = _instruction(_RETURN, _REFUSE | _EPERM)
        block += [_instruction(_LOAD, low + 4), _instruction(_JUMP_EQUAL, 0, 1, 0), refuse]
    block.append(_instruction(_LOAD, low))
    for value in values:
        block += [_instruction(_JUMP_EQUAL, value, 0, 1), _instruction(_RETURN, _ALLOW)]
    return [*block, _instruction(_RETURN, _REFUSE | _EPERM)]


def _on(number: int, block: list[bytes]) -> list[bytes]:
    """Run ``block``, which ends in returns, for one system call."""
    return [_instruction(_JUMP_EQUAL, number, 0, len(block)), *block]


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)
