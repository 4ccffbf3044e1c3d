"""What a test run could leave behind, as a set of lines: taken before and after, the difference is the mess.

Mounts, cgroups, named network namespaces, users, and state directories are the machine's; processes are only those
that fell to the caller (who calls `adopt()` first, so that every orphan of the run becomes its child).
"""

import contextlib
import ctypes
import os
import re
import time

PR_SET_CHILD_SUBREAPER = 36
STATE_DIRECTORIES = ["/run/crun", "/run/runc", "/run/netns"]
# Here the rooms stay, and what they say of their past; what tests put into them has to go.
RUNG_DIRECTORIES = ["/run/rung", "/var/lib/rung", "/var/lib/rung/images/blobs"]
RUNG_KEEPS = {"events.log", "events.log.1", "lock", "oci-layout", "index.json", "index.lock", "index.spare", "blobs", "ingest"}


def adopt():
    """Orphans of descendants become children of this process instead of init's."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children():
    """Pids of this process's children, adopted ones and ended ones among them."""
    found = []
    for task in os.listdir("/proc/self/task"):
        # A thread of the test may end between the two lines; its children are then another's.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            with open(f"/proc/self/task/{task}/children", encoding="ascii") as file:
                found += [int(word) for word in file.read().split()]
    return found


def describe(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace").strip()[:120]
    except OSError:
        return "?"


def reap(except_for=()):
    """Collects orphans that have ended, but not those whose status somebody waits for; returns what still runs."""
    running = []
    for pid in children():
        if pid not in except_for:
            try:
                if os.waitpid(pid, os.WNOHANG)[0] == 0:
                    running.append(pid)
            except ChildProcessError:
                pass
    return running


def mounts():
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            fields = line.split()
            yield f"mount {fields[4]} ({fields[fields.index('-') + 1]})"


def cgroups():
    for top, directories, _ in os.walk("/sys/fs/cgroup"):
        for name in directories:
            yield f"cgroup {top}/{name}"


def state():
    for directory in STATE_DIRECTORIES:
        with contextlib.suppress(FileNotFoundError, PermissionError):  # another user's is none of our business
            yield from [f"state {directory}/{name}" for name in os.listdir(directory)]
    for top in RUNG_DIRECTORIES:
        for room, rooms, files in os.walk(top):
            depth = room.count("/") - top.count("/")
            yield from [f"state {room}/{name}" for name in [*files, *(rooms if depth else [])] if name not in RUNG_KEEPS]
            if depth:
                rooms.clear()


def users():
    with open("/etc/passwd", encoding="utf-8", errors="replace") as file:
        # Those that tests make have such names; on a shared machine others come and go.
        yield from [f"user {line.split(':')[0]}" for line in file if line.startswith("rung-")]


def snapshot():
    return {*mounts(), *cgroups(), *state(), *users()}


def since(before, own=re.compile(""), patience_s=5):
    """Lines that are new since `before` and match `own`, after giving the kernel time to finish."""
    deadline = time.monotonic() + patience_s
    while True:
        new = sorted(line for line in snapshot() - before if own.search(line))
        if not new or time.monotonic() > deadline:
            return new
        time.sleep(0.1)
