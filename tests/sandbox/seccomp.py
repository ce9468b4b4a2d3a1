"""Refuses this process and its children a system call, as the kernel of a sandbox does: a seccomp filter (x86_64)."""

import ctypes
import errno
import platform
import struct

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
CALLS = {"vfork": 58, "clone": 56, "memfd_create": 319, "socketpair": 53, "prctl": 157, "prlimit64": 302}
AVAILABLE = platform.machine() == "x86_64"


def refuse(*names: str) -> None:
    """From now on these calls fail with EPERM.

    Raises:
        OSError: the kernel takes no filter.
    """
    program = [(LOAD, 0, 0, 0)]  # the number of the call
    for name in names:
        program += [(JUMP_IF_EQUAL, 0, 1, CALLS[name]), (RETURN, 0, 0, ERRNO | errno.EPERM)]
    program.append((RETURN, 0, 0, ALLOW))
    steps = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    head = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(steps)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, head, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")
