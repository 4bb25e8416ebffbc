"""How a program of PostgreSQL is started: as whom, and never longer than the program that asked for it."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from pathlib import Path

__all__ = ["can_run", "launcher", "namespaces_work"]

# A process of its own rather than a preexec_fn, which may deadlock in a program with threads. It becomes
# PostgreSQL by exec, so the child stays direct. The watch comes last: the kernel drops it when the uid changes.
_LAUNCHER = """\
import ctypes, os, sys
identity, parent, program, *arguments = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
if identity == "namespace":
    if libc.unshare(0x10000000):
        sys.exit("user namespaces are refused: " + os.strerror(ctypes.get_errno()))
elif identity:
    uid, gid = map(int, identity.split(":"))
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
if hasattr(libc, "prctl"):
    libc.prctl(1, ctypes.c_ulong(2), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))
if os.getppid() != int(parent):
    sys.exit("the process that asked for PostgreSQL has ended")
try:
    os.execv(program, [program, *arguments])
except OSError as error:
    sys.exit(f"cannot run {program}: {error.strerror}")
"""


def launcher(identity: str, program: Path, *arguments: str) -> list[str]:
    """The command that runs a program as somebody and ends it with us.

    Args:
        identity: "" for ourselves, "namespace" for root without a name, or "uid:gid".
        program: The absolute path of the program.
        arguments: What the program is given.
    """
    # -I and -S: nothing from the environment or site-packages runs before the exec.
    python = [sys.executable, "-I", "-S", "-c", _LAUNCHER]
    return [*python, identity, str(os.getpid()), str(program), *arguments]


def can_run(identity: str, program: Path) -> bool:
    """Whether ``identity`` may run the program and every library it loads, tried with ``--version``."""
    command = launcher(identity, program, "--version")
    done = subprocess.run(command, cwd="/", capture_output=True, check=False)  # noqa: S603
    return done.returncode == 0


@functools.cache
def namespaces_work(postgres: Path) -> bool:
    """Whether root may enter a user namespace here and run this file in it."""
    return can_run("namespace", postgres)
