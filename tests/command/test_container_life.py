"""From `create` to `rm`: names, states, signals, statuses of the process, restart policies, and what is true after a crash."""

import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

import pytest

from conftest import LIVE, ROOT, needs_root, only_rung, wait_until
from living import rung  # noqa: F401

pytestmark = only_rung


# ---- create, start, stop


def test_a_life(rung):
    identity = rung.output("create", "--name", "a", rung.tree, "sleep", "1000")
    assert re.fullmatch("[0-9a-f]{64}", identity) and rung.status("a") == "created"
    assert rung("start", "a").output == "a\n" and rung.status("a") == "running"
    assert rung("start", "a").status == 0, "a second start has nothing to do"
    os.kill(rung.pid("a"), 0)
    assert rung("stop", "-t", "0", identity[:12]).output == identity[:12] + "\n"
    assert rung.status("a") == "exited" and rung.exit_code("a") == 137
    assert rung("start", "a").status == 0 and rung.status("a") == "running"
    assert rung("rm", "a").status == 2 and rung.status("a") == "running"
    assert rung("rm", "-f", "a").output == "a\n"
    assert rung("inspect", "a").status == 125 and not rung.left()


def test_run_is_seen_and_keeps_its_status(rung):
    assert rung("run", "--name", "a", rung.tree, "sh", "-c", "exit 7").status == 7
    assert rung.status("a") == "exited" and rung.exit_code("a") == 7
    assert rung("start", "-a", "a").status == 7
    rung("rm", "a", check=0)


def test_changes_last_until_rm(rung):
    rung("create", "--name", "a", rung.tree, "sh", "-c", "echo x >> /mark; cat /mark", check=0)
    assert rung.output("start", "-a", "a") == "x" and rung.output("start", "-a", "a") == "x\nx"
    rung("rm", "a", check=0)
    assert not (rung.rootfs / "mark").exists()


@pytest.mark.parametrize("command, status", [(["no-such-program"], 127), (["/etc/passwd"], 126), (["/etc"], 126)])
def test_what_cannot_be_run(rung, command, status):
    assert rung("run", "--name", "a", rung.tree, command).status == status
    assert rung("run", "--rm", "--name", "b", rung.tree, command).status == status
    assert not rung.exists("b")
    rung("rm", "-f", "a", check=0)


def test_signals_end_it(rung):
    assert rung("run", "--rm", "--init", rung.tree, "sh", "-c", "kill -TERM $$").status == 143


def test_stop_sends_the_signal_that_was_asked_for(rung):
    script = "trap 'exit 3' USR1; trap 'exit 4' TERM; touch /up; while :; do sleep 0.05; done"
    for options, status in ((["--stop-signal", "USR1"], 3), ([], 4)):
        rung.start("--name", "a", options, rung.tree, "sh", "-c", script)
        wait_until(lambda: rung("exec", "a", "test", "-e", "/up").status == 0, "the trap is set")
        rung("stop", "a", check=0)
        assert rung.exit_code("a") == status
        rung("rm", "a", check=0)


def test_stop_kills_what_does_not_end(rung):
    rung.start("--name", "a", "--stop-timeout", "1", rung.tree, "sleep", "1000")
    rung("stop", "a", check=0)  # pid 1 has no handler: the kernel keeps SIGTERM from it
    assert rung.exit_code("a") == 137
    assert rung("stop", "a").status == 0


def test_stop_several_at_once(rung):
    names = [f"c{n}" for n in range(5)]
    for name in names:
        rung.start("--name", name, rung.tree, "sleep", "1000")
    assert rung("stop", "-t", "1", "-a").output.count("\n") == 5
    assert {rung.status(name) for name in names} == {"exited"}
    assert rung("rm", "-a").output.count("\n") == 5


def test_restart(rung):
    rung.start("--name", "a", rung.tree, "sleep", "1000")
    first = rung.pid("a")
    assert rung("restart", "-t", "0", "a").output == "a\n"
    assert rung.status("a") == "running" and rung.pid("a") != first


def test_pause(rung):
    rung.start("--name", "a", rung.tree, "sleep", "1000")
    if rung("pause", "a").status != 0:
        pytest.skip("no control group that freezes")
    assert rung.status("a") == "paused"
    rung.refused("pause", "a", saying="is not running")
    assert rung("rm", "a").status == 2
    assert rung("unpause", "a").status == 0 and rung.status("a") == "running"
    rung.refused("unpause", "a", saying="is not paused")
    rung("pause", "a", check=0)
    assert rung("stop", "-t", "0", "a").status == 0 and rung.status("a") == "exited"
    rung("start", "a", check=0)
    rung("pause", "a", check=0)
    rung("rm", "-f", "a", check=0)


def test_init_waits_for_start(rung):
    rung("create", "--name", "a", rung.tree, "sh", "-c", "echo ran > /mark; sleep 1000", check=0)
    assert rung("init", "a").status == 0
    assert rung.record(next((rung.data / "containers").iterdir()).name)["status"] == "initialized"
    mark = next((rung.data / "containers").iterdir()) / "layer/upper/mark"
    assert not mark.exists()
    rung.refused("init", "a", saying="already")
    rung("start", "a", check=0)
    wait_until(mark.exists, "the program runs")
    assert rung.status("a") == "running"
    rung("rm", "-f", "a", check=0)
    rung("create", "--name", "b", rung.tree, "true", check=0)
    rung("init", "b", check=0)
    assert rung("stop", "b").status == 0 and rung.status("b") == "exited"


def test_kill(rung):
    rung.start("--name", "a", rung.tree, "sh", "-c", "trap 'echo got >> /mark' HUP; touch /up; while :; do sleep 0.05; done")
    wait_until(lambda: rung("exec", "a", "test", "-e", "/up").status == 0, "the trap is set")
    assert rung("kill", "-s", "HUP", "a").output == "a\n"
    wait_until(lambda: rung("exec", "a", "cat", "/mark").output == "got\n", "the signal arrives")
    rung.refused("kill", "-s", "NOPE", "a", saying="invalid signal")
    assert rung("kill", "a").status == 0 and rung.exit_code("a") == 137
    rung.refused("kill", "a", saying="container state improper")


# ---- wait


def test_wait(rung):
    rung.start("--name", "a", rung.tree, "sh", "-c", "sleep 0.3; exit 5")
    assert rung("wait", "a", "a").output == "5\n"
    rung.refused("wait", "nobody", saying="no such container")


def test_wait_for_one_that_removes_itself(rung):
    rung.start("--name", "a", "--rm", rung.tree, "sh", "-c", "sleep 0.3; exit 6")
    assert rung("wait", "a").output == "6\n"
    assert not rung.left()


def test_wait_for_conditions(rung):
    rung("create", "--name", "a", rung.tree, "sleep", "1000", check=0)
    waiting = rung.popen("wait", "--condition", "running", "a", stdout=subprocess.PIPE)
    removed = rung.popen("wait", "--condition", "removed", "a", stdout=subprocess.PIPE)
    rung("start", "a", check=0)
    assert waiting.communicate(timeout=20)[0] == b"0\n"
    rung("rm", "-f", "a", check=0)
    assert removed.communicate(timeout=20)[0] == b"137\n"
    LIVE.clear()


# ---- names


def test_names(rung):
    rung("create", "--name", "a", rung.tree, "true", check=0)
    rung.refused("create", "--name", "a", rung.tree, "true", saying="already in use")
    before = rung.output("inspect", "--format", "{{.Id}}", "a")
    after = rung.output("create", "--name", "a", "--replace", rung.tree, "true")
    assert before != after and rung("container", "exists", before).status == 1
    rung("rename", "a", "b", check=0)
    assert not rung.exists("a") and rung.output("inspect", "--format", "{{.Id}}", "b") == after
    rung("create", "--name", "a", rung.tree, "true", check=0)
    rung.refused("rename", "a", "b", saying="already in use")
    rung("rename", "a", "a", check=0)
    for name in ("a b", "../x", ".x", "a/b", "-x", "x" * 300):
        rung.refused("create", f"--name={name}", rung.tree, "true", saying="not valid")


def test_names_nobody_gave(rung):
    ids = [rung.output("create", rung.tree, "true") for _ in range(10)]
    names = {rung.output("inspect", "--format", "{{.Name}}", one).lstrip("/") for one in ids}
    assert len(names) == 10 and all(re.fullmatch("[a-z]+_[a-z]+[0-9]*", name) for name in names)


def test_beginnings_of_ids(rung):
    ids = [rung.output("create", rung.tree, "true") for _ in range(17)]
    first = {one[0] for one in ids if sum(other[0] == one[0] for other in ids) > 1}
    assert first
    rung.refused("inspect", first.pop(), saying="more than one")
    for one in ids:
        length = next(n for n in range(1, 65) if sum(other.startswith(one[:n]) for other in ids) == 1)
        assert rung.output("inspect", "--format", "{{.Id}}", one[:length]) == one


@pytest.mark.parametrize("verb", ["start", "stop", "kill", "pause", "unpause", "restart", "wait", "init"])
def test_nobody(rung, verb):
    rung.refused(verb, "nobody", saying="no such container")
    rung.refused(verb, saying="")


def test_rm_statuses(rung):
    assert rung("rm", "nobody").status == 1
    assert rung("rm", "-f", "nobody").status == 0 and rung("rm", "-i", "nobody").status == 0
    rung.start("--name", "a", rung.tree, "sleep", "1000")
    assert rung("rm", "a", "nobody").status == 2
    assert rung("rm", "-f", "a", "nobody").status == 0


def test_id_files(rung):
    cid, pid = rung.work / "cid", rung.work / "pid"
    identity = rung.start("--cidfile", cid, "--pidfile", pid, "--name", "a", rung.tree, "sleep", "1000")
    assert cid.read_text() == identity and int(pid.read_text()) == rung.pid("a")
    rung.refused("create", "--cidfile", cid, rung.tree, "true", saying="exists")
    rung("stop", "-t", "0", "--cidfile", cid, check=0)
    rung("rm", "--cidfile", cid, check=0)
    assert not cid.exists() and not pid.exists()


def test_filters(rung):
    rung("create", "--name", "one", "--label", "kind=x", rung.tree, "true", check=0)
    rung("create", "--name", "two", rung.tree, "true", check=0)
    rung("rm", "--filter", "label=kind=x", check=0)
    assert not rung.exists("one") and rung.exists("two")
    rung.start("--name", "three", rung.tree, "sleep", "1000")
    rung("container", "prune", "-f", check=0)
    assert not rung.exists("two") and rung.status("three") == "running"


# ---- images


def test_an_image(rung):
    image = rung.image("tiny:1", 'CMD ["sh", "-c", "echo from $KIND; exit 2"]', "ENV KIND=image", "WORKDIR /tmp")
    result = rung("run", "--name", "a", image)
    assert (result.status, result.output) == (2, "from image\n"), result
    assert rung("run", "--rm", image, "pwd").output == "/tmp\n"
    assert rung.start(image, "sleep", "1000")
    assert rung("start", "-a", "a").output == "from image\n"


def test_standard_streams_of_an_image(rung):
    image = rung.image()
    data = bytes(range(256)) * 2000
    process = rung.popen("run", "-i", "--rm", image, "cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    output, _ = process.communicate(data, timeout=60)
    LIVE.pop(process.pid, None)
    assert output == data and process.returncode == 0
    result = rung("run", "--rm", image, "sh", "-c", "echo out; echo err >&2; exit 9")
    assert (result.status, result.output, result.errors) == (9, "out\n", "err\n")


# ---- restart policies


def restarts(rung, name):
    return int(rung.output("inspect", "--format", "{{.RestartCount}}", name))


def test_restart_on_failure(rung):
    rung.start("--name", "a", "--restart", "on-failure:2", rung.tree, "sh", "-c", "echo x >> /mark; exit 1")
    rung.wait_for("a", "exited")
    wait_until(lambda: restarts(rung, "a") == 2 and rung.status("a") == "exited", "two restarts")
    rung.start("--name", "b", "--restart", "on-failure", rung.tree, "true")
    rung.wait_for("b", "exited")
    assert restarts(rung, "b") == 0


def test_restart_always(rung):
    rung.start("--name", "a", "--restart", "always", rung.tree, "sh", "-c", "sleep 0.05")
    wait_until(lambda: restarts(rung, "a") >= 3, "it comes again")
    rung("stop", "-t", "0", "a", check=0)
    count = restarts(rung, "a")
    assert rung.status("a") == "exited"
    time.sleep(1)
    assert rung.status("a") == "exited" and restarts(rung, "a") == count
    rung("start", "a", check=0)
    wait_until(lambda: restarts(rung, "a") >= 1, "it comes again after a start")
    rung("rm", "-f", "a", check=0)


def test_a_restart_that_is_waited_for(rung):
    rung.start("--name", "a", "--restart", "always", rung.tree, "false")
    rung.wait_for("a", "restarting")
    wait_until(lambda: restarts(rung, "a") >= 4, "the pause grows")
    rung("rm", "-f", "a", check=0)
    rung.start("--name", "b", "--restart", "always", rung.tree, "false")
    wait_until(lambda: restarts(rung, "b") >= 3, "it comes again")
    rung("stop", "b", check=0)
    assert rung.status("b") == "exited"


@pytest.mark.parametrize("policy", ["sometimes", "on-failure:x", "always:3", "on-failure:-1"])
def test_bad_restart_policies(rung, policy):
    rung.refused("create", "--restart", policy, rung.tree, "true", saying="restart policy")
    assert not rung.left()


def test_rm_and_restart_exclude_each_other(rung):
    rung.refused("create", "--rm", "--restart", "always", rung.tree, "true", saying="exclude")


# ---- peers


def test_sharing_namespaces(rung):
    rung.start("--name", "a", rung.tree, "sleep", "1000")
    rung.start("--name", "b", "--pid", "container:a", rung.tree, "sleep", "1000")
    assert "sleep 1000" in rung.output("run", "--rm", "--name", "c", "--pid", "container:a", rung.tree, "ps")
    result = rung("rm", "-f", "a")
    assert result.status != 0 and "dependent" in result.errors
    rung("rm", "-f", "--depend", "a", check=0)
    assert not rung.left()


# ---- crashes


def monitor_of(rung, name):
    identity = rung.output("inspect", "--format", "{{.Id}}", name)
    return rung.record(identity)["monitorPid"]


def test_killed_monitor(rung):
    identity = rung.start("--name", "a", rung.tree, "sleep", "1000")
    pid = rung.pid("a")
    os.kill(monitor_of(rung, "a"), signal.SIGKILL)
    wait_until(lambda: not pathlib.Path(f"/proc/{pid}/root/bin").exists(), "the container goes along")
    rung.wait_for("a", "exited")  # a moment after it has given back its root
    assert rung.exit_code("a") == 137
    assert not (rung.state / "containers" / identity).exists(), "its record stays"
    rung("start", "a", check=0)
    assert rung.status("a") == "running"


def test_killed_monitor_and_rm(rung):
    rung.start("--name", "a", "--rm", rung.tree, "sleep", "1000")
    os.kill(monitor_of(rung, "a"), signal.SIGKILL)
    wait_until(lambda: not rung.exists("a"), "it removes itself all the same")
    assert not rung.left()


def test_killed_container(rung):
    rung.start("--name", "a", rung.tree, "sleep", "1000")
    os.kill(rung.pid("a"), signal.SIGKILL)
    rung.wait_for("a", "exited")
    assert rung.exit_code("a") == 137


def test_after_a_reboot(rung):
    """What was below the state directory is gone, and the pids belong to others."""
    identity = rung.start("--name", "a", rung.tree, "sleep", "1000")
    rung("kill", "a", check=0)
    state = rung.record(identity)
    state.update(status="running", pid=os.getpid(), pidStart=1, monitorPid=os.getpid(), monitorStart=1)
    (rung.data / "containers" / identity / "state.json").write_text(json.dumps(state))
    subprocess.run(["rm", "-rf", rung.state], check=True)
    assert rung.status("a") == "exited"
    rung("start", "a", check=0)
    assert rung.status("a") == "running"


def test_a_noted_exit_is_not_lost(rung):
    """The monitor was killed after it had noted the status, before the state was written."""
    identity = rung.start("--name", "a", rung.tree, "sleep", "1000")
    rung("kill", "a", check=0)
    state = rung.record(identity)
    state.update(status="running", pid=os.getpid(), pidStart=1, monitorPid=os.getpid(), monitorStart=1)
    directory = rung.data / "containers" / identity
    (directory / "state.json").write_text(json.dumps(state))
    (directory / "exit").write_text("42 2026-01-01T00:00:00Z\n")
    assert rung.exit_code("a") == 42 and not (directory / "exit").exists()


def test_remains_of_creations(rung):
    """A name whose owner never came to be, and half-made directories, are in nobody's way."""
    rung("create", "--name", "x", rung.tree, "true", check=0)
    torso = rung.data / "containers" / ("ab" * 32)
    torso.mkdir()
    (rung.data / "names/a").symlink_to("ab" * 32)
    (rung.data / "names/b").symlink_to("cd" * 32)
    for name in ("a", "b"):
        rung("create", "--name", name, rung.tree, "true", check=0)
    os.utime(torso, (1, 1))
    wait_until(lambda: rung("run", "--rm", rung.tree, "true").status == 0 and not torso.exists(), "it is swept")


def test_killed_rm_goes_on(rung):
    identity = rung.start("--name", "a", rung.tree, "sleep", "1000")
    state = rung.record(identity)
    state["status"] = "removing"
    (rung.data / "containers" / identity / "state.json").write_text(json.dumps(state))
    assert not rung.exists("a")
    assert not rung.left()


# ---- many


def test_names_like_ids(rung):
    """A name of hexadecimal digits is free though the ids of others begin with it."""
    others = [rung.output("create", rung.tree, "true") for _ in range(17)]  # two of 17 begin with the same digit
    digit = next(first for first in "0123456789abcdef" if sum(one[0] == first for one in others) > 1)
    rung.refused("rm", digit, saying="more than one result", status=1)
    rung("run", "--name", digit, rung.tree, "true", check=0)
    rung("rm", digit, check=0)
    assert rung.output("ps", "-aq").count("\n") == len(others) - 1


def test_many_at_once(rung):
    names = [f"c{n}" for n in range(12)]
    processes = [rung.popen("run", "-d", "--name", name, rung.tree, "sleep", "1000", stdout=subprocess.PIPE)
                 for name in names]
    ids = [process.communicate(timeout=60)[0].decode().strip() for process in processes]
    LIVE.clear()
    assert all(process.returncode == 0 for process in processes) and len(set(ids)) == len(names)
    assert rung.output("ps", "-q").count("\n") == len(names) - 1
    both = [rung.popen("rm", "-fa", stdout=subprocess.DEVNULL) for _ in range(3)]
    assert [process.wait(60) for process in both] == [0, 0, 0]
    LIVE.clear()
    assert not rung.left()


def test_one_name_for_one(rung):
    processes = [rung.popen("create", "--name", "a", rung.tree, "true", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                 for _ in range(8)]
    statuses = sorted(process.wait(60) for process in processes)
    LIVE.clear()
    assert statuses == [0] + [125] * 7
    assert len(list((rung.data / "containers").iterdir())) == 1


def test_one_start_for_one(rung):
    rung("create", "--name", "a", rung.tree, "sh", "-c", "echo x >> /mark; sleep 1000", check=0)
    processes = [rung.popen("start", "a", stdout=subprocess.DEVNULL) for _ in range(6)]
    assert [process.wait(60) for process in processes] == [0] * 6
    LIVE.clear()
    assert rung.output("exec", "a", "cat", "/mark") == "x"
