"""`rung exec`: one more program, with what the container's own has."""

import os
import pathlib
import subprocess
import time

import leftovers
import pytest
from conftest import LIVE, needs_root, only_rung, wait_until
from living import rung  # noqa: F401
from terminals import terminal  # noqa: F401

pytestmark = only_rung


def no_orphans():
    leftovers.reap(except_for=LIVE)
    return True


@pytest.fixture
def lived(rung):
    rung.start("--name", "a", "-e", "FROM_RUN=yes", rung.tree, "sleep", "1000")
    return rung


def test_streams_and_status(lived):
    result = lived("exec", "a", "sh", "-c", "echo out; echo err >&2; exit 5")
    assert (result.status, result.output, result.errors) == (5, "out\n", "err\n")


@needs_root
def test_from_a_chroot(rung):
    """A mount namespace has one root, and there setns(2) arrives: it has to be the container's."""
    whole = rung.work / "whole"
    whole.mkdir()

    def inside(*words):
        line = ["unshare", "-m", "sh", "-c", 'mount --rbind / "$0" && exec chroot "$0" "$@"', whole, *rung.words(*words)]
        return subprocess.run([str(word) for word in line], capture_output=True, text=True, timeout=60, check=True).stdout

    (rung.rootfs / "mark").write_text("the container's\n", encoding="utf-8")
    inside("run", "-d", "--name", "a", rung.tree, "sleep", "1000")
    assert inside("exec", "a", "sh", "-c", "cat /mark; echo $$ > /changed") == "the container's\n"
    assert inside("diff", "a") == "A /changed\n" and not os.path.exists("/changed")
    joined = subprocess.run(["nsenter", "-m", "-t", str(rung.pid("a")), "/bin/cat", "/mark"], capture_output=True, text=True,
                            check=True).stdout
    assert joined == "the container's\n"
    mounts = (pathlib.Path("/proc") / str(rung.pid("a")) / "mountinfo").read_text(encoding="utf-8")
    assert str(whole) not in mounts


@pytest.mark.parametrize("command, status", [
    (["no-such"], 127), (["/etc/passwd"], 126), (["sh", "-c", "kill -9 $$"], 137), (["true"], 0)])
def test_exit_status(lived, command, status):
    assert lived("exec", "a", command).status == status


def test_input(lived):
    data = os.urandom(300000)
    process = lived.popen("exec", "-i", "a", "cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.communicate(data, 60)[0] == data
    LIVE.pop(process.pid)
    assert lived("exec", "a", "cat", data=b"unseen").output == "", "without -i nothing of ours is read"


def test_environment(lived):
    lived.environment["OURS"] = "mine"
    (lived.work / "vars").write_text("# comment\nFILE=1\nBOTH=file\n", encoding="utf-8")
    words = ("exec", "-e", "NEW=x y", "-e", "OURS", "-e", "BOTH=word", "--env-file", lived.work / "vars", "a", "env")
    lines = lived.output(*words).splitlines()
    assert {"FROM_RUN=yes", "NEW=x y", "OURS=mine", "FILE=1", "BOTH=word"} <= set(lines)
    assert len([line for line in lines if line.startswith("BOTH=")]) == 1


def test_working_directory(lived):
    assert lived.output("exec", "-w", "/tmp", "a", "pwd") == "/tmp"
    lived.refused("exec", "-w", "tmp", "a", "pwd", saying="absolute")


@needs_root
def test_users_of_the_container(lived):
    show = ("sh", "-c", "echo $(id -u) $(id -g) $(id -G) $HOME")
    assert lived.output("exec", "-u", "guest", "a", *show) == "1000 1000 1000 2000 /home"
    assert lived.output("exec", "-u", "1000:extra", "a", *show) == "1000 2000 2000 /home"
    assert lived.output("exec", "-u", "77:88", "a", *show) == "77 88 88 /"
    lived.refused("exec", "-u", "nobody-here", "a", "id", saying="nobody-here")


def test_capabilities(lived):
    def bounding(*options):
        return int(lived.output("exec", *options, "a", "sed", "-n", "s/CapEff:.//p", "/proc/self/status"), 16)
    own = int(lived.output("exec", "a", "sed", "-n", "s/CapEff:.//p", "/proc/1/status"), 16)
    assert bounding() == own and bounding("--privileged") & own == own != bounding("--privileged")


def test_it_is_in_the_container(lived):
    assert lived.output("exec", "a", "sh", "-c", "readlink /proc/self/ns/pid") == \
        lived.output("exec", "a", "readlink", "/proc/1/ns/pid")
    groups = [line for line in lived.output("exec", "a", "cat", "/proc/self/cgroup").splitlines()]
    assert groups == lived.output("exec", "a", "cat", "/proc/1/cgroup").splitlines()


def test_detached(lived):
    identity = lived.output("exec", "-d", "a", "sh", "-c", "echo run > /ran; exit 3")
    assert len(identity) == 64
    wait_until(lambda: "exec_die" in lived.output("events", "--since", "1m", "--until", "0s"), "it has ended")
    assert lived.output("exec", "a", "cat", "/ran") == "run"
    assert lived("exec", "-d", "a", "no-such").status == 127
    # nobody is left, dead or alive, but the container's own and the ps
    assert len(lived.output("exec", "a", "ps", "-o", "pid").splitlines()) == 3


def test_refusals(lived):
    lived.refused("exec", "nobody", "true", saying="nobody")
    lived.refused("exec", "a", saying="COMMAND")
    lived("stop", "-t", "0", "a", check=0)
    lived.refused("exec", "a", "true", saying="can only create exec sessions on running containers", status=255)


@needs_root
def test_paused(lived):
    lived("pause", "a", check=0)
    lived.refused("exec", "a", "true", saying="paused", status=255)
    lived("unpause", "a", check=0)


def test_latest(lived):
    assert lived.output("exec", "-l", "echo", "x") == "x"


def test_preserved_descriptors(lived):
    read, write = os.pipe()
    process = lived.popen("exec", "--preserve-fds", "1", "a", "sh", "-c", "echo through >&3",
                          preexec_fn=lambda: os.dup2(write, 3), close_fds=False)
    assert process.wait(30) == 0
    assert os.read(read, 100) == b"through\n"
    LIVE.pop(process.pid)
    os.close(read)
    os.close(write)


def test_terminal(lived, terminal):
    seat = terminal("exec", "-it", "a", "sh", size=(33, 77))
    seat.type("stty size\r")
    seat.wait_for("33 77")
    seat.resize(40, 100)
    seat.type("stty size\r")
    seat.wait_for("40 100")
    seat.type("exit 6\r")
    assert seat.end() == 6 and seat.modes_are_back()


def test_detach_keys(lived, terminal):
    seat = terminal("exec", "-it", "--detach-keys", "ctrl-a,d", "a", "sh", "-c", "echo ready; sleep 1; echo late; touch /survived")
    seat.wait_for("ready")
    seat.type("\x01d")
    assert seat.end() == 0 and seat.modes_are_back()
    wait_until(lambda: lived("exec", "a", "test", "-e", "/survived").status == 0, "it goes on")
    wait_until(no_orphans, "the host's process 1, which is us here, has reaped it")
    lived.refused("exec", "-it", "--detach-keys", "ctrl-ab", "a", "sh", saying="ctrl-ab")


def test_keys_of_docker(lived, terminal):
    (lived.work / "config.json").write_text('{"detachKeys": "ctrl-x"}', encoding="utf-8")
    lived.environment["DOCKER_CONFIG"] = str(lived.work)
    seat = terminal("exec", "-it", "a", "sh", "-c", "echo ready; sleep 1; touch /survived")
    seat.wait_for("ready")
    seat.type("\x18")
    assert seat.end() == 0
    wait_until(lambda: lived("exec", "a", "test", "-e", "/survived").status == 0, "it goes on")
    wait_until(no_orphans, "the host's process 1, which is us here, has reaped it")


def test_the_end_of_the_container_is_the_end(lived):
    process = lived.popen("exec", "a", "sleep", "1000")
    time.sleep(0.3)
    lived("kill", "a", check=0)
    assert process.wait(30) == 137
    LIVE.pop(process.pid)
