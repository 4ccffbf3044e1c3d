"""kill -9 of everything that takes part in a container's life: the command, the starter, the monitor, `__ended`.

Whatever was killed, the next command sees what is true, names are free again or their owner is there, and `rm -fa`
leaves nothing.
"""

import os
import pathlib
import random
import shutil
import signal
import subprocess
import threading
import time

import pytest

import leftovers
from conftest import LIVE, only_rung, wait_until
from living import rung  # noqa: F401

pytestmark = only_rung

needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="no strace")
COMMANDS = {
    "create": ["create", "--name", "x", "TREE", "sleep", "1000"],
    "run -d": ["run", "-d", "--name", "x", "TREE", "sleep", "3"],
    "run": ["run", "--rm", "--name", "x", "TREE", "true"],
    "start": ["start", "x"],
    "stop": ["stop", "-t", "0", "x"],
    "rm -f": ["rm", "-f", "x"],
    "rename": ["rename", "x", "y"],
}


def killed_at(rung, call, words):
    """Each process that comes to its call number `call` dies there, also those that the command starts."""
    flat = []
    for word in words:
        flat += rung.tree if word == "TREE" else [word]
    subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject=all:signal=KILL:when={call}",
                    *rung.words(*flat)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   cwd=rung.work, timeout=60, check=False)


def consistent(rung, when):
    result = rung("ps", "-a", "--format", "{{.ID}} {{.Names}} {{.State}}")
    assert result.status == 0, f"{when}: {result}"
    for line in result.output.splitlines():
        identity, name, state = line.split()
        assert state in ("created", "running", "exited"), f"{when}: {line}"
        if state == "running":
            os.kill(rung.pid(identity), 0)
        assert rung("container", "exists", name).status == 0, f"{when}: {line}"
    return result.output


@needs_strace
@pytest.mark.parametrize("what", COMMANDS)
def test_killed_at_any_call(rung, what):
    chance = random.Random(what)
    for call in sorted(chance.sample(range(30, 420), 7)):
        when = f"{what} killed at call {call}"
        if what in ("start", "rename"):
            rung("create", "--name", "x", rung.tree, "sleep", "3", check=0)
        elif what in ("stop", "rm -f"):
            rung.start("--name", "x", rung.tree, "sleep", "1000")
        killed_at(rung, call, COMMANDS[what])
        consistent(rung, when)
        # The names are usable, whatever became of their owners.
        for name in ("x", "y"):
            again = rung("run", "--replace", "--name", name, "-d", rung.tree, "sleep", "1000")
            assert again.status == 0, f"{when}: {again}"
        assert rung("rm", "-fa").status == 0, when
        consistent(rung, when)


@needs_strace
def test_killed_monitors(rung):
    """The monitor and `__ended` die at their calls; the status is known, or it is that of a kill."""
    for call in random.Random(1).sample(range(10, 300), 12):
        identity = rung.output("create", "--name", "x", rung.tree, "sh", "-c", "sleep 0.2; exit 5")
        killed_at(rung, call, ["start", "x"])
        wait_until(lambda: rung.status("x") in ("exited", "created"), f"call {call}")
        if rung.status("x") == "exited":
            assert rung.exit_code("x") in (5, 137), call
        assert rung("rm", "x").status == 0, call
        assert not (rung.state / "containers" / identity).exists(), call


def test_storm(rung):
    """Some make, start and remove, others kill what they find; at the end everything can be removed."""
    stop = threading.Event()
    problems = []

    def work(number):
        chance = random.Random(number)
        while not stop.is_set():
            name = f"n{chance.randrange(4)}"
            words = chance.choice([
                ["run", "-d", "--replace", "--name", name, *rung.tree, "sleep", "1000"],
                ["run", "--rm", *rung.tree, "true"],
                ["create", "--name", name, *rung.tree, "sleep", "1000"],
                ["start", name], ["stop", "-t", "0", name], ["rm", "-f", name], ["kill", name],
                ["ps", "-a"], ["restart", "-t", "0", name]])
            done = subprocess.run(rung.words(*words), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  cwd=rung.work, timeout=90, check=False)
            if done.returncode not in (0, 1, 2, 125, 137, -9) or "Sanitizer" in done.stderr:
                problems.append((words, done))

    def kill():
        chance = random.Random(99)
        while not stop.is_set():
            time.sleep(chance.random() / 10)
            victims = [pid for pid in os.listdir("/proc") if pid.isdigit() and is_ours(pid)]
            if victims:
                try:
                    os.kill(int(chance.choice(victims)), signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def is_ours(pid):
        try:
            line = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False
        return str(rung.work).encode() in line and (b"rung" in line.split(b"\0")[0])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)] + [threading.Thread(target=kill)]
    for thread in threads:
        thread.start()
    time.sleep(8)
    stop.set()
    for thread in threads:
        thread.join()
    leftovers.reap(except_for=LIVE)
    assert not problems, problems[:3]
    wait_until(lambda: rung("rm", "-fa").status == 0 and rung.output("ps", "-aq") == "", "all can be removed")
