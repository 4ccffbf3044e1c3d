"""The `sandbox` fixture: `rung sandbox` as a person types it, with a home directory of the test's own.

    def test_home_is_empty(sandbox):
        assert sandbox("ls", sandbox.home).output == ""

Afterwards nothing may be left: no process, mount, record or file outside of the test's directory.
"""

import os
import re
import subprocess

import leftovers
import pytest
from conftest import LIVE, OURS, RUNTIME, Result, no_processes, wait_until

PROGRAM = RUNTIME[0]
TIMEOUT_S = 60


class Sandbox:
    def __init__(self, work):
        self.work, self.home = work, work / "home"
        self.home.mkdir()
        self.data, self.state = work / "data", work / "state"
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "TERM", "ASAN_OPTIONS", "UBSAN_OPTIONS")}
        self.environment = {**kept, "HOME": str(self.home), "LANG": "C.UTF-8"}

    def words(self, *words):
        return [PROGRAM, "--root", str(self.data), "--state", str(self.state), "sandbox", *map(str, words)]

    def popen(self, *words, **more):
        more.setdefault("stdin", subprocess.DEVNULL)
        more.setdefault("cwd", self.home)
        process = subprocess.Popen(self.words(*words), env=self.environment, **more)
        LIVE[process.pid] = process
        return process

    def __call__(self, *words, check=None, data=None, timeout_s=TIMEOUT_S, **more):
        if data is not None:
            more["stdin"] = subprocess.PIPE
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

    def shell(self, script, *options, **more):
        return self(*options, "--", "sh", "-c", script, **more)

    def refused(self, *words, saying, status=125):
        result = self(*words)
        assert result.status == status and re.search(saying, result.errors), result
        return result

    def start(self, *words, script="echo ready; exec sleep 1000"):
        """One that stays; it has begun when this returns."""
        process = self.popen(*words, "--", "sh", "-c", script, stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"ready\n"
        return process

    def ended(self, process, timeout_s=TIMEOUT_S):
        try:
            return process.wait(timeout_s)
        finally:
            LIVE.pop(process.pid, None)
            if process.stdout:
                process.stdout.close()

    def ids(self):
        return self.output("list", "-q").split()


@pytest.fixture
def sandbox(work):
    if not OURS:
        pytest.skip("rung's own")
    before = leftovers.snapshot()
    one = Sandbox(work)
    yield one
    for pid, process in list(LIVE.items()):
        process.kill()
        process.wait()
        LIVE.pop(pid, None)
    wait_until(no_processes, "all processes end", 20)
    mess = leftovers.since(before, re.compile(re.escape(str(work))), 3)
    assert not mess, mess
