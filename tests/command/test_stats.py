"""`rung stats` and `rung top`: what containers use, and what runs in them."""

import json
import os
import re
import subprocess

import pytest

from conftest import LIVE, only_rung, wait_until
from living import rung  # noqa: F401
from test_ps import as_name

pytestmark = only_rung


def test_one_reading(rung):
    rung.start("--name", "busy", rung.tree, "sh", "-c", "while :; do :; done")
    rung.start("--name", "idle", rung.tree, "sleep", "1000")
    # the shares are those of a tenth of a second, so that only a clear difference is asked for
    def differs():
        line = dict(one.split() for one in
                    rung.output("stats", "--no-stream", "--format", "{{.Name}} {{.CPUPerc}}").splitlines())
        return float(line["busy"][:-1]) > 5 > float(line["idle"][:-1])
    wait_until(differs, "the busy one is seen to be busy")
    row = json.loads(rung.output("stats", "--no-stream", "--format", "json", "idle"))
    assert set(row) == {"BlockIO", "CPUPerc", "Container", "ID", "MemPerc", "MemUsage", "Name", "NetIO", "PIDs"}
    assert row["PIDs"] == "1" and row["NetIO"] == "0B / 0B"
    assert re.fullmatch(r"[\d.]+[KM]iB / [\d.]+GiB", row["MemUsage"]) and not row["MemUsage"].startswith("0B")


def test_the_table_and_who_is_in_it(rung):
    rung.start("--name", "a", rung.tree, "sleep", "1000")
    rung("create", "--name", "b", rung.tree, "true", check=0)
    heading, *rows = rung.output("stats", "--no-stream").splitlines()
    assert re.split(r" {2,}", heading) == ["CONTAINER ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET I/O",
                                           "BLOCK I/O", "PIDS"]
    assert len(rows) == 1 and " a " in rows[0]
    assert len(rung.output("stats", "--no-stream", "-a").splitlines()) == 3
    assert "--" in rung.output("stats", "--no-stream", "b").splitlines()[1]
    rung.refused("stats", "--no-stream", "nobody", saying="no such container")


def test_podmans_json(rung):
    rung.start("--name", "a", rung.tree, "sleep", "1000")
    row, = json.loads(as_name(rung, "podman")("stats", "--no-stream", "--format", "json").stdout)
    assert row["name"] == "a" and row["pids"] == "1" and row["mem_usage"].count("B") == 2


def test_a_stream(rung):
    rung.start("--name", "a", rung.tree, "sleep", "1000")
    with subprocess.Popen(rung.words("stats", "--no-reset", "--format", "{{.Name}}"), stdout=subprocess.PIPE, text=True) as one:
        LIVE[one.pid] = one
        try:
            assert [one.stdout.readline() for _ in range(2)] == ["a\n", "a\n"]
        finally:
            one.kill()
            LIVE.pop(one.pid, None)


def test_top(rung):
    rung.start("--name", "a", rung.tree, "sh", "-c", "sleep 1001 & exec sleep 1000")
    wait_until(lambda: "sh -c" not in (shown := rung.output("top", "a")) and "sleep 1001" in shown, "both run")
    heading, *rows = [re.split(r" {2,}", line) for line in rung.output("top", "a").splitlines()]
    assert heading == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    assert {row[7] for row in rows} == {"sleep 1000", "sleep 1001"}
    assert {int(row[1]) for row in rows} >= {rung.pid("a")} and all(os.path.exists(f"/proc/{row[1]}") for row in rows)


def test_columns_as_the_container_counts(rung):
    rung.start("--name", "a", "-u", "1000", rung.tree, "sleep", "1000")
    lines = rung.output("top", "a", "pid,ppid", "user", "%C", "args", "hpid", "seccomp", "state").splitlines()
    assert re.split(r" {2,}", lines[0]) == ["PID", "PPID", "USER", "%CPU", "COMMAND", "HPID", "SECCOMP", "STATE"]
    row = re.split(r" {2,}", lines[1])
    assert row[:3] == ["1", "0", "guest"] and row[4:7] == ["sleep 1000", str(rung.pid("a")), "filter"]
    assert "none" in rung.output("top", "a", "capeff")
    podman = as_name(rung, "podman")("top", "a").stdout.splitlines()
    assert podman[0].split() == ["USER", "PID", "PPID", "%CPU", "ELAPSED", "TTY", "TIME", "COMMAND"]


def test_ps_options(rung):
    if not os.access("/bin/ps", os.X_OK):
        pytest.skip("procps is not installed")
    rung.start("--name", "a", rung.tree, "sleep", "1000")
    lines = rung.output("top", "a", "-eo", "pid,comm").splitlines()
    assert lines[0].split() == ["PID", "COMMAND"] and lines[1].split() == [str(rung.pid("a")), "sleep"]
    rung.refused("top", "a", "-eo", "comm", saying="no column PID")


def test_only_while_it_runs(rung):
    rung("create", "--name", "a", rung.tree, "true", check=0)
    rung.refused("top", "a", saying="does not run")
