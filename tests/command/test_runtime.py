"""--runtime: the same containers with walls that crun or runc build, from `run` to `rm`, as root and as an ordinary
user. What is asked for and what is seen afterwards do not differ; only whose work it was does."""

import contextlib
import os
import pathlib
import shutil
import signal

import pytest
from conftest import ROOT, needs_root, only_rung, wait_until
from living import rung  # noqa: F401
from terminals import terminal  # noqa: F401

pytestmark = only_rung

TRAP = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done"


@pytest.fixture(params=["crun", "runc"])
def other(request):
    """The words that choose another runtime."""
    if not shutil.which(request.param, path=os.environ["PATH"] + ":/usr/sbin"):
        pytest.skip(f"{request.param} is not installed")
    return ["--runtime", request.param]


def tampered(rung, text):
    """A runtime of the test's own."""
    path = rung.work / "runtime"
    path.write_text(text)
    path.chmod(0o755)
    return ["--runtime", str(path)]


# ---- run


def test_run(rung, other):
    result = rung("run", "--rm", other, rung.tree, "sh", "-c", "echo out; echo err >&2; exit 5")
    assert (result.status, result.output, result.errors) == (5, "out\n", "err\n")
    assert rung("run", "--rm", "-i", other, rung.tree, "cat", data=b"piped").output == "piped"
    assert not rung.left()


def test_run_terminal(rung, other, terminal):
    seat = terminal("run", "--rm", "-it", other, rung.tree, "sh", "-c", "stty size; read a; echo got $a; exit 3",
                    size=(33, 77))
    seat.wait_for("33 77")
    seat.type("word\r")
    seat.wait_for("got word")
    assert seat.end() == 3 and seat.modes_are_back()


@pytest.mark.parametrize("command, status", [(["no-such-program"], 127), (["/no/such/program"], 127),
                                             (["/etc/passwd"], 126)])
def test_what_cannot_be_run(rung, other, command, status):
    result = rung("run", "--rm", other, rung.tree, command)
    assert result.status == status and other[1] in result.errors
    assert not rung.left()


def test_the_walls_are_those_of_the_plan(rung, other):
    script = "grep -E '^(Seccomp|NoNewPrivs|CapEff):' /proc/self/status; id -u; hostname; echo $COLOUR; pwd; ls /proc/1/fd"
    words = ["--user", "1000", "--cap-drop", "all", "--security-opt", "no-new-privileges", "--hostname", "there", "-e",
             "COLOUR=red", "-w", "/tmp"]
    ours = rung.output("run", "--rm", words, rung.tree, "sh", "-c", script)
    theirs = rung.output("run", "--rm", words, other, rung.tree, "sh", "-c", script)
    assert ours == theirs and "Seccomp:\t2" in ours


def test_files(rung, other):
    (rung.work / "host").mkdir()
    (rung.work / "host/file").write_text("from the host\n")
    script = "cat /host/file; touch /host/x 2>/dev/null || echo read-only; touch /scratch/x && echo scratch; touch /x"
    before = pathlib.Path("/proc/self/mountinfo").read_text()
    result = rung("run", "--rm", other, "-v", f"{rung.work}/host:/host:ro", "--tmpfs", "/scratch", "--read-only", rung.tree,
                  "sh", "-c", script)
    assert result.output == "from the host\nread-only\nscratch\n" and result.status == 1
    assert pathlib.Path("/proc/self/mountinfo").read_text() == before


def test_a_volume_starts_with_the_images_files(rung, other):
    image = rung.image()
    listed = rung.output("run", "--rm", image, "ls", "/etc")
    assert set(listed.split()) <= set(rung.output("run", "--rm", other, "-v", "data:/etc", image, "ls", "/etc").split())
    rung("volume", "rm", "data", check=0)


def test_the_layer_is_the_containers(rung, other):
    image = rung.image()
    rung("create", "--name", "a", other, image, "sh", "-c", "echo x >> /mark; cat /mark", check=0)
    assert rung.output("start", "-a", "a") == "x" and rung.output("start", "-a", "a") == "x\nx"
    assert "A /mark" in rung.output("diff", "a")
    rung("commit", "-q", "a", "marked:1", check=0)
    assert rung.output("run", "--rm", "marked:1", "cat", "/mark") == "x\nx"


@needs_root
def test_ids_of_its_own(rung, other):
    image = rung.image()
    script = "touch /mine; stat -c %u /mine /bin/busybox; cat /proc/self/uid_map"
    output = rung.output("run", "--rm", other, "--uidmap", "0:200000:65536", image, "sh", "-c", script)
    assert output.split() == ["0", "0", "0", "200000", "65536"]


@pytest.mark.skipif(ROOT, reason="an ordinary user's")
def test_keeps_the_users_id(rung, other):
    output = rung.output("run", "--rm", other, "--userns", "keep-id", "-v", f"{rung.work}:/here", rung.tree, "sh", "-c",
                         "id -u; touch /here/mine")
    assert output == str(os.getuid()) and (rung.work / "mine").stat().st_uid == os.getuid()


# ---- a life


def test_a_life(rung, other):
    rung("create", "--name", "a", other, rung.tree, "sh", "-c", TRAP, check=0)
    assert rung.output("inspect", "--format", "{{.OCIRuntime}}", "a") == other[1] and rung.status("a") == "created"
    rung("start", "a", check=0)
    assert rung.status("a") == "running" and "a" in rung.output("ps", "--format", "{{.Names}}")
    wait_until(lambda: rung.output("logs", "a") == "ready", "it is ready")
    assert "sh -c trap" in rung.output("top", "a")
    rung("stop", "a", check=0)
    assert rung.status("a") == "exited" and rung.exit_code("a") == 7
    rung("start", "a", check=0)
    rung("kill", "a", check=0)
    assert rung.exit_code("a") == 137
    rung("rm", "a", check=0)
    assert not rung.left()


def test_restart_policy(rung, other):
    rung("run", "-d", "--name", "a", "--restart", "on-failure:2", other, rung.tree, "sh", "-c", "echo once; exit 1", check=0)
    wait_until(lambda: rung.output("inspect", "--format", "{{.RestartCount}} {{.State.Status}}", "a") == "2 exited",
               "it was started again twice", 20)
    assert rung.output("logs", "a").split() == ["once"] * 3


def test_initialized_waits(rung, other):
    rung("create", "--name", "a", other, rung.tree, "sh", "-c", "echo ran; sleep 100", check=0)
    rung("init", "a", check=0)
    assert rung.status("a") == "created" and rung.pid("a") > 0 and rung.output("logs", "a") == ""
    rung("start", "a", check=0)
    wait_until(lambda: rung.output("logs", "a") == "ran", "it runs")


def test_exec(rung, other, terminal):
    rung.start("--name", "a", other, "-e", "COLOUR=red", rung.tree, "sleep", "1000")
    result = rung("exec", "a", "sh", "-c", "echo $COLOUR; echo err >&2; exit 9")
    assert (result.status, result.output, result.errors) == (9, "red\n", "err\n")
    assert rung("exec", "-i", "a", "cat", data=b"piped").output == "piped"
    assert rung.output("exec", "-u", "1000", "-w", "/tmp", "a", "sh", "-c", "id -u; pwd") == "1000\n/tmp"
    assert rung("exec", "a", "no-such-program").status == 127
    rung("exec", "-d", "a", "sh", "-c", "echo done > /tmp/mark", check=0)
    wait_until(lambda: rung("exec", "a", "cat", "/tmp/mark").output == "done\n", "what was left alone has run")
    seat = terminal("exec", "-it", "a", "sh", "-c", "tty; exit 4")
    seat.wait_for("/dev/pts/")
    assert seat.end() == 4


def test_health(rung, other):
    rung.start("--name", "a", other, "--health-cmd", "test -e /tmp/well", "--health-interval", "100ms", "--health-retries",
               "1", rung.tree, "sleep", "1000")
    health = ("inspect", "--format", "{{.State.Health.Status}}", "a")
    wait_until(lambda: rung.output(*health) == "unhealthy", "it is not well", 20)
    rung("exec", "a", "touch", "/tmp/well", check=0)
    wait_until(lambda: rung.output(*health) == "healthy", "it is well", 20)


@needs_root
def test_pause(rung, other):
    rung.start("--name", "a", other, rung.tree, "sh", "-c", TRAP)
    rung("pause", "a", check=0)
    assert rung.status("a") == "paused" and rung("exec", "a", "true").status == 255
    rung("unpause", "a", check=0)
    assert rung("exec", "a", "true").status == 0
    rung("pause", "a", check=0)
    rung("rm", "-f", "-t", "0", "a", check=0)


@needs_root
def test_limits(rung, other):
    rung.start("--name", "a", other, "--memory", "64m", "--pids-limit", "50", rung.tree, "sleep", "1000")
    limit = ("stats", "--no-stream", "--format", "{{.MemUsage}}", "a")
    assert rung.output(*limit).endswith("/ 64MiB")
    rung("update", "--memory", "96m", "a", check=0)
    assert rung.output(*limit).endswith("/ 96MiB")
    rung("stop", "-t", "0", "a", check=0)
    rung("start", "a", check=0)
    assert rung.output(*limit).endswith("/ 96MiB"), "limits last over a start"


@needs_root
def test_out_of_memory_is_named(rung, other):
    rung("run", "--name", "a", other, "--memory", "8m", rung.tree, "sh", "-c", "exec tail -c 100m /dev/zero")
    assert rung.output("inspect", "--format", "{{.State.OOMKilled}}", "a") == "true"


# ---- what goes wrong


def test_unknown_runtimes(rung):
    rung.refused("create", "--runtime", "no-such-runtime", rung.tree, "true", saying="no-such-runtime: there is no such")
    rung.refused("run", "--rm", "--runtime", "/etc/passwd", rung.tree, "true", saying="/etc/passwd: there is no such")
    assert not rung.left()


def test_our_own_name_is_ours(rung):
    assert rung("run", "--rm", "--runtime", "rung", rung.tree, "sh", "-c", "exit 3").status == 3


def test_a_runtime_that_fails(rung):
    words = tampered(rung, "#!/bin/sh\nexit 3\n")
    rung.refused("run", "--rm", words, rung.tree, "true", saying=r"runtime create: it failed \(status 3\)")
    assert not rung.left()


def test_what_a_runtime_says_is_told(rung):
    words = tampered(rung, '#!/bin/sh\nwhile [ "$1" != --log ]; do shift; done\n'
                           'echo \'{"level":"error","msg":"the moon is full","time":"2024-01-01T00:00:00Z"}\' > "$2"\nexit 1\n')
    rung.refused("run", "--rm", words, rung.tree, "true", saying="runtime create: the moon is full")


def test_a_killed_monitor_leaves_what_rm_finds(rung, other):
    identity = rung.start("--name", "a", other, rung.tree, "sleep", "1000")
    pid, monitor = rung.pid("a"), rung.record(identity)["monitorPid"]
    os.kill(monitor, signal.SIGKILL)
    rung("rm", "-f", "-t", "0", "a", check=0)
    with contextlib.suppress(OSError):  # gone, or waiting for a first process that reaps
        assert pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    assert not rung.left()
