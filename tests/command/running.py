"""The `run` fixture: `rung run` as a person types it, in a small tree of this test's own.

    def test_status(run):
        assert run("exit 3").status == 3

Afterwards nothing may be left: no process, mount, cgroup, record, and no layer but those of other people's runs, which
hold a lock on theirs.
"""

import fcntl
import os
import pathlib
import re
import shlex
import signal
import subprocess

import leftovers
import pytest
from conftest import LIVE, OURS, ROOT, RUNTIME, TIMEOUT_S, Result, finish, make_rootfs, no_processes, wait_until

RUNG = RUNTIME[0]


def ownerless(path):
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(fd)


class Runner:
    def __init__(self, work, busybox_tree):
        self.work, self.rootfs = work, work / "root"
        make_rootfs(self.rootfs, busybox_tree)
        self.environment = dict(os.environ, XDG_DATA_HOME=str(work / "data"), XDG_RUNTIME_DIR=str(work / "run"))
        self.directory = str(work)
        self.layers = pathlib.Path("/var/lib/rung/containers") if ROOT else work / "data/rung/containers"
        self.records = pathlib.Path("/run/rung/containers") if ROOT else work / "run/rung/containers"
        self.named = pathlib.Path("/var/lib/rung/names") if ROOT else work / "data/rung/names"
        self.names = 0

    def name(self):
        self.names += 1
        return f"rung-test-{os.getpid()}-{self.work.name}-{self.names}"

    def words(self, options, command, host):
        root = ["@host"] if host else ["--rootfs", str(self.rootfs)]
        words = ["sh", "-c", command] if isinstance(command, str) else list(command)
        options = shlex.split(options) if isinstance(options, str) else list(options)
        return [RUNG, "run", *(options + root if host else root + options), *words]

    def popen(self, command, options=(), host=False, **more):
        more.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(self.words(options, command, host), cwd=self.directory, env=self.environment, **more)
        LIVE[process.pid] = process
        return process

    def start(self, command, options=(), host=False, **more):
        """A command that says "ready" when it has begun; its output goes on in process.stdout."""
        process = self.popen(command, options, host, stdout=subprocess.PIPE, **more)
        assert process.stdout.readline() == b"ready\n"
        return process

    def end(self, process):
        return finish(process, TIMEOUT_S, process.args)

    def __call__(self, command, options=(), check=None, host=False, data=None, binary=False):
        more = {"stdin": subprocess.PIPE} if data is not None else {}
        process = self.popen(command, options, host, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
        try:
            output, errors = process.communicate(data, TIMEOUT_S * 2)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        finally:
            LIVE.pop(process.pid, None)
        result = Result(process.returncode, output if binary else output.decode(errors="replace"),
                        errors.decode(errors="replace"))
        if check is not None:
            assert result.status == check, f"{process.args}: status {result.status}\n{result.errors}{result.output}"
        return result

    def output(self, command, options=(), **more):
        return self(command, options, check=0, **more).output.strip()

    def host(self, command, options=(), **more):
        return self(command, options, host=True, **more)

    def refused(self, options, saying, command="true"):
        """A mistake of the person's: status 125, one story, nothing made."""
        result = self(command, options)
        assert result.status == 125, result
        assert re.search(saying, result.errors), result.errors
        assert len(re.findall(r"^rung: ", result.errors, re.M)) == 1, result.errors
        return result

    def left(self):
        names = os.listdir(self.layers) if self.layers.is_dir() else []
        mine = [name for name in names if ownerless(self.layers / name)]
        records = os.listdir(self.records) if self.records.is_dir() else []
        ours = [name for name in (os.listdir(self.named) if self.named.is_dir() else [])
                if name.startswith(f"rung-test-{os.getpid()}-")]
        return {f"layer {name}" for name in mine} | {f"record {name}" for name in records if name in mine} | {
            f"name {name}" for name in ours}


@pytest.fixture
def run(work, busybox_tree):
    if not OURS:
        pytest.skip("rung run is rung's alone")
    before = leftovers.snapshot()
    runner = Runner(work, busybox_tree)
    layers_before = runner.left()
    yield runner
    for process in list(LIVE.values()):
        process.send_signal(signal.SIGKILL)
        process.wait()
        LIVE.pop(process.pid, None)
    wait_until(no_processes, "all processes end", 10)
    left = runner.left() - layers_before
    for line in left:
        kind, _, name = line.partition(" ")
        place = {"layer": runner.layers, "record": runner.records, "name": runner.named}[kind]
        subprocess.run(["rm", "-rf", place / name], check=True)
    mess = leftovers.since(before, re.compile(rf"{re.escape(str(work))}|rung-test-{os.getpid()}-"), 3)
    assert not left and not mess, f"left behind: {left} {mess}"
