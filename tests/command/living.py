"""The `rung` fixture: containers that live longer than a command, with places of the test's own.

    def test_stop(rung):
        rung("run", "-d", "--name", "web", rung.tree, "sleep", "100")
        assert rung("stop", "-t", "0", "web").output == "web\n"

`rung.tree` is the words for a small tree as a root, `rung.image()` loads an image of the same. Afterwards everything is
removed by `rm -fa`, and nothing may be left: no process, mount, cgroup, record, name or file.
"""

import os
import pathlib
import re
import shutil
import subprocess
import time

import leftovers
import pytest
from conftest import LIVE, OURS, RUNTIME, Result, make_rootfs, no_processes, wait_until

PROGRAM = RUNTIME[0]
TIMEOUT_S = 60


class Rung:
    def __init__(self, work, busybox_tree):
        self.work, self.data, self.state = work, work / "data", work / "state"
        self.rootfs = work / "root"
        make_rootfs(self.rootfs, busybox_tree)
        self.tree = ["--rootfs", str(self.rootfs)]
        self.environment = dict(os.environ)

    def words(self, *words):
        flat = []
        for word in words:
            flat += [str(part) for part in word] if isinstance(word, (list, tuple)) else [str(word)]
        return [PROGRAM, "--root", str(self.data), "--state", str(self.state), *flat]

    def popen(self, *words, **more):
        more.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(self.words(*words), cwd=self.work, env=self.environment, **more)
        LIVE[process.pid] = process
        return process

    def __call__(self, *words, check=None, data=None, timeout_s=TIMEOUT_S):
        more = {"stdin": subprocess.PIPE} if data is not None else {}
        process = self.popen(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
        try:
            output, errors = process.communicate(data, timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        finally:
            LIVE.pop(process.pid, None)
        result = Result(process.returncode, output.decode(errors="replace"), errors.decode(errors="replace"))
        if check is not None:
            assert result.status == check, f"{words}: status {result.status}\n{result.errors}{result.output}"
        return result

    def output(self, *words, **more):
        return self(*words, check=0, **more).output.strip()

    def refused(self, *words, saying, status=125):
        result = self(*words)
        assert result.status == status and re.search(saying, result.errors), result
        return result

    def start(self, *words):
        """Creates and starts one in the background; returns its id."""
        return self.output("run", "-d", *words)

    def status(self, name):
        return self.output("inspect", "--format", "{{.State.Status}}", name)

    def exists(self, name):
        """By its whole name: `container exists` would take the first digits of another one's id for it."""
        return self.output("ps", "-aq", "--filter", f"name=^{name}$") != ""

    def exit_code(self, name):
        return int(self.output("inspect", "--format", "{{.State.ExitCode}}", name))

    def pid(self, name):
        return int(self.output("inspect", "--format", "{{.State.Pid}}", name))

    def wait_for(self, name, status):
        wait_until(lambda: self.status(name) == status, f"{name} is {status}")

    def record(self, identity, file="state.json"):
        import json
        return json.loads((self.data / "containers" / identity / file).read_text(encoding="utf-8"))

    def image(self, name="tiny:1", *options):
        """An image of the tree."""
        archive = self.work / "tree.tar"
        subprocess.run(["tar", "-C", self.rootfs, "-cf", archive, "."], check=True)
        changes = [word for option in options for word in ("-c", option)]
        self("import", *changes, archive, name, check=0)
        archive.unlink()
        return name

    def left(self):
        """What is there of containers, besides the directories that hold them."""
        found = []
        for place in (self.data / "containers", self.data / "names", self.state / "containers", self.state / "run"):
            if place.is_dir():
                found += [str(path) for path in place.iterdir()]
        return found

    def everything_ends(self):
        for pid, process in list(LIVE.items()):
            process.kill()
            process.wait()
            LIVE.pop(pid, None)
        self("rm", "-fa")
        deadline = time.monotonic() + 20
        while self.left() and time.monotonic() < deadline:
            time.sleep(0.1)
            self("ps", "-a")
        wait_until(no_processes, "all processes end", 20)


@pytest.fixture
def rung(work, busybox_tree):
    if not OURS:
        pytest.skip("rung's own")
    before = leftovers.snapshot()
    one = Rung(work, busybox_tree)
    yield one
    one.everything_ends()
    left = one.left()
    mess = leftovers.since(before, re.compile(re.escape(str(work))), 3)
    one("system", "reset", "-f")  # also what belongs to subordinate ids
    shutil.rmtree(one.data, ignore_errors=True)
    assert not left and not mess, f"left behind: {left} {mess}"
