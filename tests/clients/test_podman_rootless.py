"""Podman 4.3 as an ordinary user: conmon and the runtime run in a user namespace that podman made with newuidmap.

On cgroup v1 an ordinary user owns no cgroup, so podman itself refuses limits, pause and stats there; they are not asked for.
"""

import os
import re

import pytest

from busybox_image import NAME
from common import (  # noqa: F401 (cases that are collected here)
    test_signals_and_stop, test_stop_ends_the_deaf, test_terminal)
from podman_client import PLAIN_SHELL, Podman
from stage import wait_until

pytestmark = pytest.mark.usefixtures("nothing_remains")


def add_user(stage, name, identity, ranges):
    """Make a user known in this stage only, with a runtime directory and a store; return the environment of a login."""
    stage.run("useradd", "--create-home", "--uid", str(identity), "--shell", "/bin/sh", name)
    line = f"{name}:{identity * 100000}:65536\n" if ranges else ""
    stage.write("/etc/subuid", line)
    stage.write("/etc/subgid", line)
    for directory in (f"/run/user/{identity}", f"{stage.work}/rootless/{name}"):
        stage.run("install", "-d", "-m", "0700", "-o", name, "-g", name, directory)
    stage.run("chmod", "0755", f"{stage.work}/rootless")
    stage.write(f"/home/{name}/.config/containers/storage.conf", f"""
        [storage]
        driver = "overlay"
        runroot = "/run/user/{identity}/containers"
        graphroot = "{stage.work}/rootless/{name}/storage"
    """)
    stage.run("chown", "-R", f"{name}:{name}", f"/home/{name}")
    return {"HOME": f"/home/{name}", "USER": name, "LOGNAME": name, "XDG_RUNTIME_DIR": f"/run/user/{identity}"}


@pytest.fixture(scope="module")
def client(new_stage, runtime):
    stage = new_stage("rootless", "podman", "conmon", "newuidmap", "useradd")
    real = os.path.realpath(runtime.real)
    if stage.run("test", "-x", real, status=None, user="nobody").status != 0:
        pytest.skip(f"{real} is out of reach for ordinary users")
    return Podman(stage, runtime, "mole", add_user(stage, "mole", 4100, ranges=True))


def test_run_gives_output_input_and_exit_status(client):
    result = client.run("sh", "-c", "echo out; echo err >&2; cat; exit 7", options=("-i",), stdin="typed\n", status=7)
    assert result.output == "out\ntyped\n"
    assert "err\n" in result.errors
    assert "no-such-program" in client.run("no-such-program", status=127).errors
    client.run("/etc/passwd", status=126)


def test_ids_are_mapped(client):
    assert client.run("cat", "/proc/self/uid_map").output.split() == ["0", "4100", "1", "1", "410000000", "65536"]
    assert client.run("sh", "-c", "id -u; id -g", options=("-u", "guest")).output.split() == ["1234", "1234"]
    kept = client.run("sh", "-c", "id -u; touch /home/x; stat -c %u /home/x", options=("--userns", "keep-id", "-u", "4100", "-v", "/home/mole:/home"))
    assert kept.output.split() == ["4100", "4100"]
    assert client.stage.run("stat", "-c", "%U", "/home/mole/x").output == "mole\n"


def test_exec(client):
    name, _ = client.background("sleep", "1000")
    result = client("exec", "-i", "-u", "guest", "-w", "/tmp", name, "sh", "-c", "id -u; pwd; cat; exit 6", stdin="typed\n", status=6)
    assert result.output == "1234\n/tmp\ntyped\n"
    with client.terminal("exec", "-it", name, "sh", "-c", PLAIN_SHELL) as terminal:
        terminal.expect("ready")
        terminal.expect_raw()
        terminal.type("test -t 0 && echo terminal$((1)); exit 3\n")
        terminal.expect("terminal1")
        assert terminal.wait() == 3
    client.remove(name)


def test_ps_and_top(client):
    name, _ = client.background("sh", "-c", "sleep 1001 & exec sleep 1002")
    assert re.search(rf"\bUp\b.*\b{name}$", client("ps").output, re.M)
    top = client("top", name, "args").output
    assert "sleep 1001" in top and "sleep 1002" in top
    client.remove(name)


def test_network_of_slirp4netns(client):
    """The host's loopback is at 10.0.2.2; only that the interface is there and configured is asked, no name and no internet."""
    if not os.path.exists("/dev/net/tun"):
        pytest.skip("no /dev/net/tun")
    result = client.run("sh", "-c", "until ip address show tap0 | grep -q 10.0.2.100; do sleep 0.1; done; ls /sys/class/net",
                        options=("--network", "slirp4netns"))
    assert result.output.split() == ["lo", "tap0"]


def test_pod(client):
    client("pod", "create", "--name", "peas", "--infra-image", NAME, "--infra-command", "sleep 1001", "--hostname", "podhost", "--share", "net,ipc,uts,pid")
    seen = client("run", "--rm", "--pod", "peas", NAME, "sh", "-c", "hostname; ps").output
    assert seen.startswith("podhost\n") and "sleep 1001" in seen
    client("pod", "rm", "-f", "-t", "0", "peas")


def test_what_the_client_asked_for_is_what_the_process_sees(client):
    result = client.run(
        "sh", "-c", "df -k /scratch | tail -n 1 | awk '{print $2}'; cat /proc/sys/net/ipv4/ip_default_ttl; hostname; touch /x",
        options=("--read-only", "--tmpfs", "/scratch:size=1m", "--sysctl", "net.ipv4.ip_default_ttl=99", "-h", "mars"), status=1)
    assert result.output.split() == ["1024", "99", "mars"]
    assert "Read-only file system" in result.errors


def test_confinement(client):
    status = client.run("cat", "/proc/self/status").output
    assert "CapEff:\t00000000800405fb" in status and "Seccomp:\t2" in status
    client.run("sh", "-c", "mount -t tmpfs none /tmp", status=1)
    client.run("sh", "-c", "mount -t tmpfs none /tmp && ls /dev/null", options=("--privileged",))


def test_build(client):
    directory = "/home/mole/context"
    client.stage.write(f"{directory}/Dockerfile", f"FROM {NAME}\nRUN echo built >/tmp/result\nUSER guest\nRUN test $(id -u) = 1234\nCMD cat /tmp/result\n")
    client("build", "-t", "localhost/built", directory)
    assert client("run", "--rm", "localhost/built").output == "built\n"
    client("rmi", "localhost/built")


def test_user_without_ranges(client, runtime):
    """A user whom /etc/subuid does not know has one id, which becomes root."""
    environment = add_user(client.stage, "lone", 4200, ranges=False)
    lone = Podman(client.stage, runtime, "lone", environment)
    assert lone.run("cat", "/proc/self/uid_map").output.split() == ["0", "4200", "1"]
    name, _ = lone.background("sleep", "1000")
    lone("exec", name, "sh", "-c", "exit 4", status=4)
    lone.remove(name)
    client.stage.run("pkill", "-KILL", "-u", "lone", status=None)  # podman's pause process; pids of this stage only
    client.stage.run("rm", "-rf", "/run/user/4200", f"{client.stage.work}/rootless/lone")
