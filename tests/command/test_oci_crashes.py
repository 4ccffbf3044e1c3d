"""Disks that are full, and what can be done with a container whose runtime was killed: remove it, make it again.

test_oci_faults.py kills and fails at every call; here is what it does not look at: the moments before the child can
notice, the states a container is deleted in, the same id afterwards.
"""

import collections
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

import pytest

import leftovers
from conftest import LIVE, needs_root, only_rung

pytestmark = only_rung


def traced(container, expressions, *words, follow=True, log="/dev/null", globals_=()):
    """Starts a command under strace with these -e expressions."""
    output, errors = (tempfile.TemporaryFile(dir=container.work) for _ in range(2))
    options = ["-f"] if follow else []
    for expression in expressions:
        options += ["-e", expression]
    process = subprocess.Popen(["strace", "-qq", "-o", log, *options, *container.command(*words, globals_=globals_)],
                               stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
    process.saved = output, errors
    LIVE[process.pid] = process
    return process


def left_behind(container):
    """What a failed command left, before anybody has called delete."""
    state = container.work / "state"
    found = [str(path) for path in state.iterdir() if not path.name.startswith(".")] if state.exists() else []
    found += [line for line in leftovers.cgroups() if container.id in line]
    found += [line for line in leftovers.mounts() if str(container.work) in line and "tiny" not in line]
    return found + [leftovers.describe(pid) for pid in leftovers.reap(except_for=LIVE)]


def nothing_left(container, when):
    for _ in range(50):
        found = left_behind(container)
        if not found:
            return
        time.sleep(0.05)
    raise AssertionError(f"{when}: left behind: {found}")


def check(container, result, when):
    """Success, or one clear error; in both cases nothing stays of a `run`."""
    lines = [line for line in result.errors.splitlines() if not line.startswith(("hint: ", "rung: warning: "))]
    if result.status != 0:
        assert len(lines) == 1 and lines[0].startswith("rung: "), f"{when}: status {result.status}: {result.errors!r}"
        assert len(lines[0]) > len("rung: ") + 5 and lines[0].isprintable(), f"{when}: {lines}"
    if "warning: state of container" in result.errors:
        # The clean-up was hit as well, and has said so; what it left can be removed.
        assert container.oci("delete", "--force", container.id).status == 0, when
    nothing_left(container, when)


# ---- full disks -----------------------------------------------------------------------------------------------------

@pytest.fixture
def tiny(container):
    """Mounts a tmpfs with so many bytes and inodes; unmounted at the end."""
    mounted = []

    def make(path, size, inodes):
        path.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},nr_inodes={inodes}", "tiny", path], check=True)
        mounted.append(path)
        return path

    yield make
    container.oci("delete", "--force", container.id)
    for path in mounted:
        subprocess.run(["umount", "-l", path], check=True)


@needs_root
@pytest.mark.parametrize("what", ["inodes", "bytes"])
def test_no_room_for_the_state(container, tiny, what):
    """From no room at all to enough: at some size it works, below it fails cleanly."""
    container.process["args"] = ["true"]
    container.write()
    worked = []
    for room in range(1, 16):
        state = container.work / f"tiny{room}"
        tiny(state, 1 << 20 if what == "inodes" else 4096 * room, room if what == "inodes" else 100)
        result = container.oci("run", "--bundle", container.bundle, container.id, globals_=["--root", str(state)])
        worked.append(result.status == 0)
        if result.status != 0:
            assert result.errors.startswith("rung: ") and "No space left" in result.errors, result.errors
        assert os.listdir(state) == [], f"{what} {room}: {result.errors}"
    assert worked[-1] and worked == sorted(worked)


@needs_root
def test_no_room_in_the_root(container, tiny):
    """Mount points that cannot be made."""
    container.config["mounts"] = []
    for number in range(12):
        container.mount(f"/made/{number}/deep", "tmpfs", "tmpfs", ["size=4k"])
    container.process["args"] = ["/busybox", "true"]
    container.linux["maskedPaths"] = container.linux["readonlyPaths"] = []
    worked = []
    for room in (5, 8, 12, 20, 60):
        root = tiny(container.work / f"tinyroot{room}", "4m", room)
        os.symlink("busybox", root / "true")
        (root / "busybox").write_bytes(pathlib.Path("/bin/busybox").read_bytes())
        (root / "busybox").chmod(0o755)
        container.config["root"]["path"] = str(root)
        result = container.run()
        worked.append(result.status == 0)
        check(container, result, f"{room} inodes")
    assert worked[-1] and not worked[0] and worked == sorted(worked)


# ---- kill -9 ----------------------------------------------------------------------------------------------------------------------------------

def points(container, *words):
    """Runs a command to its end; its system calls in order, as strace counts them: (name, how many of that name)."""
    with tempfile.NamedTemporaryFile("r", dir=container.work) as log:
        container.result(traced(container, ["trace=all"], *words, follow=False, log=log.name))
        names = [line.split("(")[0] for line in log if re.match(r"[a-z_0-9]+\(", line)]
    seen = collections.Counter()
    found = []
    for name in names:
        seen[name] += 1
        # The first call is the execve of the runtime itself.
        if name not in ("execve", "exit_group"):
            found.append((name, seen[name]))
    return found


def killed_at(container, point, *words):
    """Runs a command and kills it, alone, at this system call; False when it never came there."""
    name, number = point
    process = traced(container, [f"trace={name}", f"inject={name}:signal=KILL:when={number}"], *words, follow=False)
    status = container.result(process).status
    return status == -signal.SIGKILL


def removed_wholly(container, when, again):
    result = container.delete("--force", check=None)
    assert result.status == 0, f"{when}: {result.errors}"
    nothing_left(container, when)
    if again:
        container.create()
        assert container.status() == "created", when
        container.delete("--force")
        nothing_left(container, f"{when}, made again")


def test_made_again_after_a_kill(container):
    container.process["args"] = ["sleep", "1000"]
    container.write()
    create = ["create", "--bundle", container.bundle, container.id]
    every = points(container, *create)
    container.delete("--force")
    killed = 0
    for index, point in enumerate(every):
        if index % 7 == 0:
            killed += killed_at(container, point, *create)
            removed_wholly(container, f"create killed at {point}", True)
    assert killed > 15


def test_killed_while_starting(container):
    container.process["args"] = ["sleep", "1000"]
    container.write()
    container.oci("create", "--bundle", container.bundle, container.id, check=0)
    every = points(container, "start", container.id)
    container.delete("--force")
    killed = 0
    for point in every[::2]:
        container.oci("create", "--bundle", container.bundle, container.id, check=0)
        killed += killed_at(container, point, "start", container.id)
        status = container.status()
        assert status in ("created", "running"), f"start killed at {point}: {status}"
        if status == "created":
            started = container.oci("start", container.id)
            assert started.status == 0 or container.status() == "running", f"start killed at {point}: {started.errors}"
        removed_wholly(container, f"start killed at {point}", False)
    assert killed > 10


@pytest.mark.parametrize("state", ["running", "created", "stopped"])
def test_killed_while_deleting(container, state):
    container.process["args"] = ["true" if state == "stopped" else "sleep", "1000"]
    container.write()
    delete = ["delete", "--force", container.id]

    def make():
        container.oci("create", "--bundle", container.bundle, container.id, check=0)
        if state != "created":
            container.oci("start", container.id, check=0)
        if state == "stopped":
            container.wait_stopped()

    make()
    killed = 0
    for index, point in enumerate(points(container, *delete)):
        if index % 3 == 0:
            make()
            killed += killed_at(container, point, *delete)
            removed_wholly(container, f"delete of a {state} container killed at {point}", index % 9 == 0)
    assert killed > 10


def test_killed_while_running(container):
    """`run` stays with its container; killed, it leaves one that can be removed."""
    container.process["args"] = ["sleep", "1000"]
    container.write()
    for delay_ms in range(0, 60, 4):
        process = container.spawn("run", "--bundle", container.bundle, container.id)
        time.sleep(delay_ms / 1000)
        process.kill()
        container.result(process)
        removed_wholly(container, f"run killed after {delay_ms} ms", False)


def test_killed_before_the_child_can_notice(container):
    """A SIGKILL between the birth of the child and its PR_SET_PDEATHSIG (found in ours: it waited for ever).

    In no cgroup, so that nothing but itself can end it. Fails without child_begin() closing the starter's end.
    """
    container.process["args"] = ["sleep", "1000"]
    container.write()
    # The starter dies as it gives its first order, while the child has not yet asked to die with it.
    process = traced(container, ["trace=prctl,sendto", "inject=prctl:delay_enter=1000000:when=1",
                                 "inject=sendto:signal=KILL:when=1"],
                     "create", "--bundle", container.bundle, container.id, globals_=["--cgroup-manager=disabled"])
    container.result(process, 10)  # strace ends with the last process it follows
    removed_wholly(container, "killed early", True)
