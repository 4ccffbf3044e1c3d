"""The same command lines to Debian's Podman and Docker and to rung under their names: status and standard output must be the same.

Each line of same_lines.py runs in both, in the same order, against the same image, each with a store of its own on one stage. What
errors say is each program's own affair and not compared; ids differ and become ID, ages become AGO. Where an answer is to differ the
line says why, and the test asks that it still does, so that the list does not grow stale.
"""

import concurrent.futures
import os
import re
import shlex

import pytest

import same_lines
from busybox_image import NAME
from podman_client import Podman

pytestmark = pytest.mark.usefixtures("nothing_remains")


def read(text):
    """[(words, why they may differ or None)]"""
    lines = [line.strip().partition("  #! ") for line in text.strip().split("\n")]
    return [(shlex.split(words.replace("IMG", NAME)), why or None) for words, _, why in lines]


def tame(text, words=()):
    if words[:1] in (["rm"], ["images"]):  # in no order
        text = "\n".join(sorted(text.split("\n")))
    text = re.sub(r" {2,}", " ", text)  # how wide columns are
    text = re.sub(r"\b[0-9a-f]{64}\b|\b[0-9a-f]{25}\b|\b[0-9a-f]{12}\b", "ID", text)
    text = re.sub(r"(Less than a second|About an? \w+|\d+ \w+) ago", "AGO", text)
    return re.sub(r"Up (Less than a second|About an? \w+|\d+ \w+)", "Up SINCE", text).rstrip()


class Both:
    """rung under `name` on the stage of a client; answers of both, and what is wrong with them."""

    def __init__(self, client, runtime, name, user=None, environment=None):
        self.client, self.name, self.stage = client, name, client.stage
        self.as_user = {"user": user, "environment": environment or {}}
        where = f"{self.stage.work}/engine"
        self.stage.run("install", "-d", "-m", "0755", f"{where}-bin")
        self.stage.run("install", "-d", *(["-o", user] if user else []), where, f"{where}-state")
        os.symlink(runtime.real, self.stage.path(f"{where}-bin/{name}"))
        self.program = [f"{where}-bin/{name}", "--root", where, "--runroot", f"{where}-state"]
        self.ours("load", "-i", f"{self.stage.work}/busybox.tar", status=0)
        self.findings = []

    def ours(self, *words, status=None):
        return self.stage.run(*self.program, *words, status=status, **self.as_user)

    def ask(self, words, why):
        quiet = ("--log-level", "error") if self.name == "podman" else ()
        with concurrent.futures.ThreadPoolExecutor() as pool:  # their stores have nothing in common
            mine = pool.submit(self.ours, *words)
            theirs = self.client(*quiet, *words, status=None)
            ours = mine.result()
        answers = [(answer.status, tame(answer.output, words)) for answer in (ours, theirs)]
        line = f"$ {self.name} {shlex.join(words)}"
        if (answers[0] == answers[1]) == (why is None):
            return
        if why:
            self.findings.append(f"{line}\n  no difference any more")
        else:
            self.findings.append(f"{line}\n  ours:   {answers[0]} {ours.errors.strip()[:200]!r}\n"
                                 f"  theirs: {answers[1]} {theirs.errors.strip()[:200]!r}")

    def compare(self, setup, *lines):
        try:
            for words, _ in read(setup):
                self.ours(*words)
                self.client(*words, status=None)
            for words, why in [line for text in lines for line in (read(text) if isinstance(text, str) else text)]:
                self.ask(words, why)
        finally:
            self.ours("system", "reset", "-f")
            self.client.reset()
        assert not self.findings, f"{len(self.findings)} answers are not as they should be:\n" + "\n".join(self.findings)


INSPECTED = [(["inspect", "--format", one, "ran", "live", "fresh", "labelled"], None) for one in same_lines.PODMAN_INSPECT]


@pytest.fixture(scope="module")
def client(new_stage, runtime):
    if not runtime.ours:
        pytest.skip("compares rung's engine, whatever the runtime")
    return Podman(new_stage("same", "podman", "conmon"), runtime)


def test_podman(client, runtime):
    Both(client, runtime, "podman").compare(same_lines.PODMAN_SETUP, same_lines.PODMAN_FLAGS, same_lines.PODMAN_LISTS, INSPECTED,
                                            same_lines.PODMAN_TEMPLATES, same_lines.PODMAN_DEEDS)
