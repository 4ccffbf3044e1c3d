"""What is left when something fails half-way: a system call in the middle of create, or rung itself by kill -9.

strace tampers with the n-th system call of the runtime's own process (never the container's). Each failure must be told
once and leave nothing behind; after each kill -9, `delete --force` must remove all that there is.
"""

import itertools
import os
import re
import shutil
import subprocess

import pytest

import leftovers
from conftest import LIVE, only_rung, wait_until

STRACE = shutil.which("strace", path="/usr/bin:/bin")
pytestmark = [only_rung, pytest.mark.skipif(not STRACE, reason="strace is not installed")]
# Beyond this many injections something is wrong with the test itself.
MOST = 400


def can_trace():
    return STRACE and subprocess.run([STRACE, "-o", os.devnull, "true"], capture_output=True, check=False).returncode == 0


def tampered(container, injection, *words, follow=False):
    """Runs the runtime under strace, with follow its children too; returns (status, errors, did it happen).

    when=N counts for each process by itself. A followed command must end: strace waits for all it follows.
    """
    log, told = container.work / "strace.log", container.work / "errors"
    call = injection.partition(":")[0]
    with told.open("wb") as file:
        done = subprocess.run([STRACE, *(["-f"] if follow else []), "-q", "-o", log, "-e", f"trace={call}", "-e",
                               "signal=none", "-e", f"inject={injection}", *container.command(*words)],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=file, timeout=60, check=False)
    text = log.read_text(encoding="utf-8", errors="replace")
    errors = told.read_text(encoding="utf-8", errors="replace")
    # A call that a signal was injected into has no result.
    return done.returncode, errors, "INJECTED" in text or re.search(r"= \?$", text, re.MULTILINE) is not None


def left_of(container):
    state = container.work / "state"
    left = [str(path) for path in state.rglob(f"*{container.id}*")] if state.exists() else []
    return left + [line for line in leftovers.cgroups() if container.id in line]


def no_process():
    return not leftovers.reap(except_for=LIVE)


@pytest.fixture(autouse=True)
def tracing():
    if not can_trace():
        pytest.skip("this machine does not allow ptrace")


CALLS = [("openat", "EMFILE"), ("openat", "ENOSPC"), ("openat2", "EMFILE"), ("mkdir", "ENOSPC"), ("mkdirat", "ENOSPC"),
         ("write", "ENOSPC"), ("writev", "ENOSPC"), ("clone3", "EAGAIN"), ("clone", "EAGAIN"), ("fork", "EAGAIN"),
         ("vfork", "EAGAIN"), ("socketpair", "EMFILE"), ("pipe2", "EMFILE"), ("rename", "ENOSPC"),
         ("renameat", "ENOSPC"), ("renameat2", "ENOSPC"), ("fsync", "EIO"), ("ftruncate", "ENOSPC"),
         ("open_tree", "EMFILE"), ("fsopen", "EMFILE"), ("fsmount", "ENOMEM"), ("mmap", "ENOMEM"), ("dup", "EMFILE"),
         ("fcntl", "EMFILE"), ("memfd_create", "EMFILE"), ("flock", "EINTR"), ("sendmsg", "EPIPE"), ("recvmsg", "ECONNRESET"),
         ("pidfd_open", "EMFILE"), ("mount", "ENOMEM")]
# Made by the container's first process alone.
CHILD_CALLS = [("move_mount", "ENOMEM"), ("mount_setattr", "ENOMEM"), ("pivot_root", "ENOMEM"), ("mknodat", "ENOSPC"),
               ("symlinkat", "ENOSPC"), ("sethostname", "EPERM"), ("capset", "EPERM"), ("umount2", "EBUSY"),
               ("setsid", "EPERM"), ("execveat", "ENOMEM")]


def try_all(container, call, fault, follow, *words):
    """Injects at the first, second, ... call until there are no more; each time nothing may stay."""
    for number in range(1, MOST):
        status, errors, happened = tampered(container, f"{call}:{fault}:when={number}", *words, container.id,
                                            follow=follow)
        where = f"{call} number {number}: {fault}"
        if status == 0:
            container.oci("delete", "--force", container.id, check=0)
        else:
            # Without memory the C library cannot even start the program, let alone say so.
            assert errors.strip() or call == "mmap", f"{where}: failed without a word ({status})"
            assert 0 < status < 128 or call == "mmap", f"{where}: died of a signal ({status}): {errors}"
        if follow and left_of(container):
            # The call that failed belonged to the removal itself; then it has to be possible later.
            container.oci("delete", "--force", container.id, check=0)
        wait_until(no_process, f"{where}: processes end", 10)
        left = left_of(container)
        assert not left, f"{where}: left behind {left}: {errors}"
        if not happened:
            if number == 1:
                pytest.skip(f"no such call is made: {call}")
            return
    raise AssertionError(f"more than {MOST} calls of {call}")


@pytest.mark.parametrize("call,error", CALLS, ids=[f"{call}-{error}" for call, error in CALLS])
def test_a_failing_call_of_the_starter(container, call, error):
    """Each time the call is made during create: it works all the same, or one error is told and nothing stays."""
    container.write()
    try_all(container, call, f"error={error}", False, "create", "--bundle", container.bundle)


@pytest.mark.parametrize("call,error", CALLS + CHILD_CALLS, ids=[f"{call}-{error}" for call, error in
                                                                 CALLS + CHILD_CALLS])
def test_a_failing_call_anywhere(container, call, error):
    """The same for all processes of `run`, so for the container's first one on its way too."""
    container.write()
    try_all(container, call, f"error={error}", True, "run", "--bundle", container.bundle)


@pytest.mark.parametrize("call", [call for call, _ in CHILD_CALLS])
def test_the_first_process_is_killed_on_its_way(container, call):
    """By the out-of-memory killer, say: the starter tells, and cleans up."""
    container.write()
    try_all(container, call, "signal=KILL", True, "run", "--bundle", container.bundle)


def points(container, *words):
    """The system calls that a command makes, in order, by name: where it can be killed."""
    log = container.work / "points.log"
    subprocess.run([STRACE, "-qq", "-o", log, "-e", "signal=none", *container.command(*words)],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60,
                   check=False)
    counts, found = {}, []
    for name in re.findall(r"^(\w+)\(", log.read_text(encoding="utf-8", errors="replace"), re.MULTILINE):
        counts[name] = counts.get(name, 0) + 1
        found.append((name, counts[name]))
    # Nothing that lasts changes in these, so being killed in them is as being killed in the next one.
    dull = {"execve", "mmap", "munmap", "mprotect", "brk", "read", "pread64", "lseek", "fstat", "newfstatat", "close",
            "rt_sigaction", "rt_sigprocmask", "arch_prctl", "set_tid_address", "prlimit64", "getrandom", "exit_group",
            "geteuid", "getuid", "getpid", "readlink", "access", "readv", "poll", "statx", "fcntl", "getcwd", "ioctl"}
    return [point for point in found if point[0] not in dull]


def removed_wholly(container, where):
    wait_until(lambda: no_process() or alive(container), f"{where}: processes end or belong to a container", 10)
    container.oci("delete", "--force", container.id, check=0)
    wait_until(no_process, f"{where}: processes end after delete", 10)
    left = left_of(container)
    assert not left, f"{where}: left after delete --force: {left}"
    assert container.oci("state", container.id).status != 0


def alive(container):
    """The processes that are left are those of a container that `state` knows."""
    return container.oci("state", container.id).status == 0


@pytest.mark.parametrize("command", ["create", "start", "delete", "run"])
def test_killed_at_any_point(container, command):
    container.process["args"] = ["sleep", "1000"] if command != "run" else ["true"]
    container.write()
    words = {"create": ["create", "--bundle", container.bundle, container.id],
             "run": ["run", "--bundle", container.bundle, container.id],
             "start": ["start", container.id], "delete": ["delete", "--force", container.id]}[command]

    def prepare():
        if command in ("start", "delete"):
            container.oci("create", "--bundle", container.bundle, container.id, check=0)

    prepare()
    found = points(container, *words)
    removed_wholly(container, f"{command}, untouched")
    assert found
    hits = 0
    for name, number in itertools.islice(found, MOST):
        prepare()
        hits += tampered(container, f"{name}:signal=KILL:when={number}", *words)[2]
        removed_wholly(container, f"{command} killed at {name} number {number}")
    # The number of polls and the like may differ from run to run; most points must have been hit.
    assert hits > len(found) / 2, f"only {hits} of {len(found)} points were hit"
