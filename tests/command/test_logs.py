"""Logs: what a container wrote is there again, byte for byte, in order, through rotations, restarts and full disks."""

import json
import os
import re
import signal
import subprocess
import time

import pytest
from conftest import LIVE, needs_root, only_rung, wait_until
from living import rung  # noqa: F401

pytestmark = only_rung

K8S = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (stdout|stderr) [FP] "


def logged(rung, *words, options=(), name="a", script=None):
    """Runs a script to its end in the background of `run -d`."""
    identity = rung.start("--name", name, *options, rung.tree, *(("sh", "-c", script) if script else words))
    rung("wait", name, check=0)
    return identity


def log_file(rung, identity, suffix=""):
    return rung.data / "containers" / identity / f"ctr.log{suffix}"


def raw_logs(rung, *words):
    process = rung.popen("logs", *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    output, errors = process.communicate(timeout=60)
    LIVE.pop(process.pid)
    assert process.returncode == 0, errors
    return output, errors


# ---- what is kept


def test_each_stream_to_its_own(rung):
    identity = logged(rung, script="echo out; echo err >&2; printf end")
    result = rung("logs", "a", check=0)
    assert result.output == "out\nend" and result.errors == "err\n"
    lines = log_file(rung, identity).read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3 and all(re.match(K8S, line) for line in lines)


@pytest.mark.parametrize("driver", ["k8s-file", "json-file"])
def test_long_and_unfinished_lines(rung, driver):
    logged(rung, options=["--log-driver", driver],
           script="head -c 200000 /dev/zero | tr '\\0' x; echo; echo short; printf 'no end'")
    assert rung("logs", "a", check=0).output == "x" * 200000 + "\nshort\nno end"


def test_bytes_are_kept(rung):
    every = bytes(range(256)) * 50 + b"\n\n\r\n\0\n" + b"\xff" * 40000
    (rung.rootfs / "every").write_bytes(every)
    logged(rung, "cat", "/every")
    assert raw_logs(rung, "a")[0] == every


def test_json_file_is_json(rung):
    identity = logged(rung, options=["--log-driver", "json-file"],
                      script=r"""printf 'a"\\\t\001<>&\303\244\377z\n'; echo e >&2""")
    lines = [json.loads(line) for line in log_file(rung, identity).read_text(encoding="utf-8").splitlines()]
    assert sorted(line["stream"] for line in lines) == ["stderr", "stdout"]
    [text] = [line["log"] for line in lines if line["stream"] == "stdout"]
    assert text == 'a"\\\t\x01<>&\u00e4\ufffdz\n'
    assert raw_logs(rung, "a")[0].decode() == text


def test_a_burst_is_kept_whole(rung):
    logged(rung, "seq", "1", "300000")
    assert raw_logs(rung, "a")[0] == b"".join(b"%d\n" % n for n in range(1, 300001))


def test_drivers_that_keep_nothing(rung):
    identity = logged(rung, "echo", "x", options=["--log-driver", "none"])
    assert not log_file(rung, identity).exists()
    rung.refused("logs", "a", saying="none keeps nothing")
    rung.refused("create", "--log-driver", "syslog", rung.tree, "true", saying="log driver")
    rung.refused("create", "--log-opt", "max-size=much", rung.tree, "true", saying="max-size")
    rung.refused("logs", "nobody", saying="no such container|no container")


def test_another_path(rung):
    place = rung.work / "elsewhere.log"
    logged(rung, "echo", "x", options=["--log-opt", f"path={place}"])
    assert "stdout F x" in place.read_text(encoding="utf-8") and rung.output("logs", "a") == "x"


def test_a_path_that_cannot_be_written_is_told(rung):
    rung.refused("run", "-d", "--log-opt", "path=/proc/none/log", rung.tree, "true", saying="/proc/none/log")


# ---- rotation


def test_rotation(rung):
    identity = logged(rung, "seq", "1", "3000", options=["--log-opt", "max-size=20k", "--log-opt", "max-file=3"])
    sizes = [log_file(rung, identity, suffix).stat().st_size for suffix in ("", ".1", ".2")]
    assert all(0 < size <= 20 * 1024 for size in sizes) and not log_file(rung, identity, ".3").exists()
    lines = [int(line) for line in rung.output("logs", "a").splitlines()]
    assert lines[-1] == 3000 and lines == list(range(lines[0], 3001)) and len(lines) > 800
    assert rung.output("logs", "--tail", "700", "a").splitlines() == [str(n) for n in range(2301, 3001)]


def test_one_file_starts_again(rung):
    identity = logged(rung, "seq", "1", "3000", options=["--log-opt", "max-size=20k"])
    assert log_file(rung, identity).stat().st_size <= 20 * 1024 and not log_file(rung, identity, ".1").exists()
    assert rung.output("logs", "a").splitlines()[-1] == "3000"


def test_following_through_rotation(rung):
    rung.start("--name", "a", "--log-opt", "max-size=16k", "--log-opt", "max-file=4", rung.tree, "sh", "-c",
               "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); [ $((i % 100)) = 0 ] && sleep 0.02; done")
    output, _ = raw_logs(rung, "-f", "a")
    assert output.decode().splitlines() == [f"line {n}" for n in range(2000)]


# ---- which lines


def test_tail(rung):
    logged(rung, script="for i in 1 2 3 4 5; do echo $i; done; printf 6")
    for count, expected in (("0", ""), ("1", "6"), ("3", "4\n5\n6"), ("99", "1\n2\n3\n4\n5\n6"), ("all", "1\n2\n3\n4\n5\n6"),
                            ("-1", "1\n2\n3\n4\n5\n6")):
        assert rung("logs", f"--tail={count}", "a", check=0).output == expected, count
    rung.refused("logs", "--tail", "few", "a", saying="few")


def test_times(rung):
    logged(rung, script="echo one; sleep 0.3; echo two")
    first, second = rung.output("logs", "-t", "a").splitlines()
    pattern = r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (.*)"
    moment, text = re.fullmatch(pattern, second).groups()
    assert text == "two" and re.fullmatch(pattern, first)[2] == "one"
    assert rung.output("logs", "--since", moment, "a") == "two"
    assert rung.output("logs", "--until", re.fullmatch(pattern, first)[1], "a") == "one"
    assert rung.output("logs", "--since", "1h", "a") == "one\ntwo"
    assert rung.output("logs", "--until", "1h", "a") == ""
    assert rung.output("logs", "--since", str(int(time.time()) - 3600), "a") == "one\ntwo"
    assert rung.output("logs", "--since", "2001-01-01", "--until", "2001-01-02", "a") == ""
    rung.refused("logs", "--since", "soon", "a", saying="soon")


def test_several_containers(rung):
    ids = [logged(rung, "echo", name, name=name) for name in ("a", "b")]
    assert rung.output("logs", "a", "b").splitlines() == [f"{ids[0][:12]} a", f"{ids[1][:12]} b"]
    assert rung.output("logs", "--names", "a", "b").splitlines() == ["a a", "b b"]
    assert rung.output("logs", "-l") == "b"


# ---- following


def follow(rung, *words):
    process = rung.popen("logs", "-f", *words, stdout=subprocess.PIPE)
    return process


def test_following_ends_with_the_container(rung):
    (rung.rootfs / "go").unlink(missing_ok=True)
    rung.start("--name", "a", "-i", rung.tree, "sh", "-c", "echo first; while :; do [ -e /go ] && break; sleep 0.05; done; printf last")
    process = follow(rung, "a")
    assert process.stdout.readline() == b"first\n"
    rung("exec", "a", "touch", "/go", check=0)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0 and output == b"last"
    LIVE.pop(process.pid)


def test_following_through_restarts(rung):
    rung.start("--name", "a", "--restart", "on-failure:2", rung.tree, "sh", "-c", "echo again; sleep 0.2; exit 1")
    output, _ = raw_logs(rung, "-f", "a")
    assert output == b"again\n" * 3


def test_following_what_was_not_started(rung):
    rung("create", "--name", "a", rung.tree, "echo", "hello", check=0)
    process = follow(rung, "a")
    time.sleep(0.2)
    rung("start", "a", check=0)
    assert process.communicate(timeout=30)[0] == b"hello\n"
    LIVE.pop(process.pid)


def test_following_a_container_that_removes_itself(rung):
    rung.start("--rm", "--name", "a", rung.tree, "sh", "-c", "echo one; sleep 1; echo two")
    assert raw_logs(rung, "-f", "a")[0] == b"one\ntwo\n"


def test_following_ends_when_all_is_killed(rung):
    identity = rung.start("--name", "a", rung.tree, "sh", "-c", "echo one; sleep 1000")
    process = follow(rung, "a")
    assert process.stdout.readline() == b"one\n"
    os.kill(rung.record(identity)["monitorPid"], signal.SIGKILL)
    assert process.communicate(timeout=30)[0] == b"" and process.returncode == 0
    LIVE.pop(process.pid)


def test_a_restart_begins_a_new_line(rung):
    rung("create", "--name", "a", rung.tree, "printf", "no end", check=0)
    for _ in range(2):
        rung("start", "a", check=0)
        rung("wait", "a", check=0)
    assert rung("logs", "a", check=0).output == "no end\nno end"


# ---- trouble


@needs_root
def test_a_full_disk(rung):
    disk = rung.work / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], check=True)
    try:
        rung.start("--name", "a", "--log-opt", f"path={disk}/log", rung.tree, "sh", "-c",
                   "seq 1 20000; while [ ! -e /go ]; do sleep 0.05; done; echo after; exit 3")
        wait_until(lambda: (disk / "log").stat().st_size > 50000, "the disk is full")
        wait_until(lambda: "No space left" in rung("logs", "a", check=0).errors, "the loss is told")
        whole = (disk / "log").read_text(encoding="utf-8")
        assert whole.endswith("\n") and all(re.match(K8S, line) for line in whole.splitlines())
        subprocess.run(["mount", "-o", "remount,size=1m", disk], check=True)
        rung("exec", "a", "touch", "/go", check=0)
        assert rung.output("wait", "a") == "3"
        result = rung("logs", "a", check=0)  # the last lines may have fitted again
        assert result.output.endswith("after\n")
        assert re.search(r"rung: \d+ bytes of output were not kept: No space left", result.errors)
    finally:
        rung("rm", "-f", "a")
        subprocess.run(["umount", "-l", disk], check=True)


@needs_root
def test_journald(rung, tmp_path):
    """The native protocol, against a socket in a mount namespace of our own."""
    listener = tmp_path / "listen.py"
    listener.write_text("""
import os, socket, subprocess, sys
os.makedirs("/run/systemd/journal", exist_ok=True)
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind("/run/systemd/journal/socket"); s.settimeout(20)
subprocess.run(sys.argv[2:], check=True, stdout=subprocess.DEVNULL)
with open(sys.argv[1], "wb") as out:
    for _ in range(2): out.write(s.recv(1 << 20) + b"----")
""", encoding="utf-8")
    words = rung.words("run", "-d", "--name", "a", "--log-driver", "journald", "--log-opt", "tag=T", rung.tree, "sh", "-c",
                       "echo 'a line'; echo err >&2")
    script = 'mount --make-rprivate / && mount -t tmpfs none /run/systemd && exec "$@"'
    os.makedirs("/run/systemd", exist_ok=True)
    subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", "/usr/bin/python3", listener, tmp_path / "out", *words],
                   check=True, timeout=60)
    entries = (tmp_path / "out").read_bytes().split(b"----")
    assert any(b"MESSAGE\n\x06\0\0\0\0\0\0\0a line\n" in one and b"PRIORITY=6\n" in one for one in entries), entries
    assert any(b"err\n" in one and b"PRIORITY=3\n" in one for one in entries), entries
    assert all(b"CONTAINER_NAME=a\n" in one and b"CONTAINER_TAG=T\n" in one for one in entries[:2])
