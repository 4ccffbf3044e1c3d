"""containerd 1.6 of Debian, driven by `ctr run --runc-binary RUNTIME`: the shim io.containerd.runc.v2 calls the runtime."""

import itertools
import re

import pytest

from busybox_image import NAME
from common import LISTENER
from stage import wait_until

pytestmark = pytest.mark.usefixtures("nothing_remains")


class Ctr:
    """One containerd with private root, state and socket; `run` makes containers that `reset` can clear away."""

    def __init__(self, stage):
        self.stage = stage
        self.names = (f"box{number}" for number in itertools.count(1))
        stage.write("/etc/containerd/config.toml", f"""
            version = 2
            root = "{stage.work}/store/containerd"
            state = "/run/containerd/state"
            disabled_plugins = ["io.containerd.grpc.v1.cri"]
        """)
        self.daemon = stage.start("containerd", "-c", "/etc/containerd/config.toml", log="containerd")
        wait_until(lambda: stage.run("ctr", "version", status=None).status == 0, "containerd answers")
        self("image", "import", f"{stage.work}/busybox.tar")
        self.run("true", name="warm-up")  # directories that containerd keeps from now on

    def __call__(self, *words, **options):
        return self.stage.run("ctr", *words, **options)

    def command(self, *words, name, options=("--rm",)):
        return ["ctr", "run", *options, "--runc-binary", self.stage.runtime, NAME, name, *words]

    def run(self, *words, name=None, options=("--rm",), **more):
        return self.stage.run(*self.command(*words, name=name or next(self.names), options=options), **more)

    def background(self, *words, options=()):
        """Start a container in the background; return its name and the process id of its first process in the stage."""
        name = next(self.names)
        log = f"{self.stage.work}/out/{name}"
        self.run(*words, name=name, options=("-d", "--log-uri", f"file://{log}", *options))
        pid = int(re.search(rf"^{name}\s+(\d+)\s+RUNNING", self("task", "ls").output, re.M).group(1))
        return name, pid

    def output(self, name):
        return self.stage.read(f"{self.stage.work}/out/{name}")

    def status(self, name):
        found = re.search(rf"^{name}\s+\d+\s+(\w+)", self("task", "ls").output, re.M)
        return found and found.group(1)

    def remove(self, name, exit_status=None):
        """Wait for the end of a container, check its exit status and remove it."""
        wait_until(lambda: self.status(name) == "STOPPED", f"{name} stops")
        told = re.search(r"exit with non-zero exit code (\d+)", self("task", "delete", name).errors)
        assert exit_status in (None, int(told.group(1)) if told else 0)
        self("container", "rm", name)

    def reset(self):
        for name in self("container", "ls", "-q").output.split():
            self("task", "kill", "-s", "KILL", "-a", name, status=None)
            self("task", "delete", "-f", name, status=None)
            self("container", "rm", name, status=None)


@pytest.fixture(scope="module")
def client(new_stage):
    return Ctr(new_stage("ctr", "ctr", "containerd", "containerd-shim-runc-v2"))


def test_run_gives_output_input_and_exit_status(client):
    result = client.run("sh", "-c", "echo out; echo err >&2; head -n 1; exit 7", stdin="typed\n", status=7)
    assert result.output == "out\ntyped\n"
    assert "err\n" in result.errors


def test_what_the_client_asked_for_is_what_the_process_sees(client):
    result = client.run(
        "sh", "-c", "id -u; pwd; echo $COLOUR $FROM_IMAGE; hostname; touch /x 2>&1; cat /data/hello; echo >/data/hello",
        options=("--rm", "--read-only", "--env", "COLOUR=green", "--cwd", "/var",
                 "--mount", f"type=bind,src={client.stage.work}/home,dst=/data,options=rbind:ro"), status=1)
    lines = result.output.splitlines()
    assert lines[:3] == ["0", "/var", "green yes"]
    assert "Read-only file system" in lines[4]


def test_namespaces_are_new(client):
    own = client.stage.run("sh", "-c", "for ns in mnt pid net ipc uts; do readlink /proc/self/ns/$ns; done").output.split()
    box = client.run("sh", "-c", "for ns in mnt pid net ipc uts; do readlink /proc/self/ns/$ns; done").output.split()
    assert len(box) == 5 and not set(own) & set(box)
    assert client.run("sh", "-c", "echo $$; ls /sys/class/net").output.split() == ["1", "lo"]


def test_host_network_is_joined(client):
    own = client.stage.run("readlink", "/proc/self/ns/net").output
    assert client.run("readlink", "/proc/self/ns/net", options=("--rm", "--net-host")).output == own


def test_terminal(client):
    with client.stage.terminal(*client.command("sh", name=next(client.names), options=("--rm", "-t"))) as terminal:
        terminal.expect("# ")
        terminal.type("tty\n")
        terminal.expect("/dev/(pts/0|console)\r+\n")
        terminal.resize(33, 77)
        terminal.type("until [ \"$(stty size)\" = '33 77' ]; do sleep 0.05; done; echo resized$((1))\n")
        terminal.expect("resized1")
        terminal.type("sh -c 'echo sleeping$((2)); exec sleep 100'\n")
        terminal.expect("sleeping2")
        terminal.type("\x03")
        terminal.expect("# ")  # the signal also throws away what was typed before it arrived
        terminal.type("echo back$((3)); exit 5\n")
        terminal.expect("back3")
        assert terminal.wait() == 5


def test_exec(client):
    name, _ = client.background("sleep", "1000")
    result = client("task", "exec", "--exec-id", "one", "--cwd", "/tmp", name, "sh", "-c", "pwd; ps | wc -l; head -n 1; exit 6",
                    stdin="typed\n", status=6)
    assert result.output.splitlines()[0] == "/tmp"
    assert result.output.splitlines()[-1] == "typed"
    assert client("task", "exec", "--exec-id", "two", "--user", "1234", name, "id", "-u").output == "1234\n"
    missing = client("task", "exec", "--exec-id", "three", name, "no-such-program", status=None)
    assert missing.status != 0 and "no-such-program" in missing.errors
    client("task", "kill", "-s", "KILL", name)
    client.remove(name)


def test_exec_on_a_terminal(client):
    name, _ = client.background("sleep", "1000")
    with client.stage.terminal("ctr", "task", "exec", "-t", "--exec-id", "one", name, "sh") as terminal:
        terminal.expect("# ")
        terminal.type("test -t 0 && echo $((6*7))\n")
        terminal.expect("42")
        terminal.type("exit 3\n")
        assert terminal.wait() == 3
    client("task", "kill", "-s", "KILL", name)
    client.remove(name)


def test_signals_reach_the_process(client):
    name, pid = client.background("sh", "-c", LISTENER)
    wait_until(lambda: "ready" in client.output(name), "container is ready")
    client("task", "kill", "-s", "USR1", name)
    wait_until(lambda: "heard USR1" in client.output(name), "USR1 arrives")
    assert client.status(name) == "RUNNING"
    client("task", "kill", name)
    client.remove(name, exit_status=9)
    assert "bye" in client.output(name)


def test_kill_all_ends_every_process(client):
    name, pid = client.background("sh", "-c", "trap '' TERM; sleep 1001 & sleep 1002 & wait; wait")
    assert len(client("task", "ps", name).output.splitlines()) == 4
    client("task", "kill", "-a", "-s", "KILL", name)
    client.remove(name, exit_status=137)


def test_limits_are_in_the_cgroup(client):
    name, pid = client.background("sleep", "1000", options=("--memory-limit", str(48 << 20), "--cpus", "0.5", "--cpu-shares", "512"))
    limits = client.stage.limits(pid)
    assert (limits["memory"], limits["cpus"]) == (48 << 20, 0.5)
    assert limits["shares"] in (512, 20)  # the latter is what v2 makes of it
    metrics = client("task", "metrics", name).output
    assert re.search(r"memory.(usage_in_bytes|usage)\s+[1-9]", metrics), metrics
    client("task", "kill", "-s", "KILL", name)
    client.remove(name)


def test_memory_limit_kills(client):
    client.run("sh", "-c", "dd if=/dev/zero of=/dev/null bs=64M count=1", options=("--rm", "--memory-limit", str(16 << 20)), status=137)


def test_pause_and_resume(client):
    name, pid = client.background("sh", "-c", LISTENER)
    wait_until(lambda: client.stage.size(pid, "tmp/beat"), "container works")
    client("task", "pause", name)
    assert client.status(name) == "PAUSED"
    frozen = client.stage.size(pid, "tmp/beat")
    client.stage.run("sleep", "0.4")
    assert client.stage.size(pid, "tmp/beat") == frozen
    client("task", "resume", name)
    assert client.status(name) == "RUNNING"
    wait_until(lambda: client.stage.size(pid, "tmp/beat") > frozen, "container works again")
    client("task", "kill", name)
    client.remove(name, exit_status=9)


def test_ps_lists_processes_of_container_and_exec(client):
    name, pid = client.background("sh", "-c", "sleep 1001 & exec sleep 1002")
    client.stage.start("ctr", "task", "exec", "--exec-id", "one", name, "sleep", "1003", log="ctr-exec")

    def sleepers():
        return {number for number, line in client.stage.processes().items() if re.fullmatch(r"sleep 100\d", line)}

    wait_until(lambda: len(sleepers()) == 3, "exec runs")
    inside = sleepers()
    assert {int(line.split()[0]) for line in client("task", "ps", name).output.splitlines()[1:]} == inside
    client("task", "kill", "-a", "-s", "KILL", name)
    client.remove(name)


def test_user_namespace(client):
    result = client.run("sh", "-c", "id -u; cat /proc/self/uid_map; touch /root/x && stat -c %u /root/x",
                        options=("--rm", "--uidmap", "0:300000:65536", "--gidmap", "0:300000:65536"))
    assert result.output.split() == ["0", "0", "300000", "65536", "0"]


def test_capabilities_and_seccomp(client):
    plain = client.run("grep", "-E", "CapEff|Seccomp:|NoNewPrivs", "/proc/self/status").output.split()
    hard = client.run("grep", "-E", "CapEff|Seccomp:|NoNewPrivs", "/proc/self/status",
                      options=("--rm", "--seccomp", "--cap-drop", "CAP_NET_RAW", "--cap-drop", "CAP_MKNOD")).output.split()
    assert plain[plain.index("Seccomp:") + 1] == "0" and hard[hard.index("Seccomp:") + 1] == "2"
    assert plain[plain.index("NoNewPrivs:") + 1] == "1"
    dropped = int(plain[plain.index("CapEff:") + 1], 16) - int(hard[hard.index("CapEff:") + 1], 16)
    assert dropped == 1 << 13 | 1 << 27
    client.run("unshare", "-r", "true", options=("--rm", "--seccomp"), status=1)


def test_privileged(client):
    result = client.run("sh", "-c", "grep CapEff /proc/self/status; mount -t tmpfs none /tmp && ls /dev | wc -l",
                        options=("--rm", "--privileged", "--allow-new-privs"))
    held, devices = result.output.split()[1:]
    own = re.search(r"CapEff:\s+(\w+)", client.stage.read("/proc/1/status")).group(1)
    assert int(held, 16) == int(own, 16)
    assert int(devices) > 10


def test_a_program_that_is_missing_is_one_clear_error(client):
    name = next(client.names)
    result = client.run("no-such-program", name=name, status=None)
    assert result.status != 0
    assert "no-such-program" in result.errors
    client("container", "rm", name, status=None)


def test_a_killed_shim_is_cleaned_up_after(client):
    """containerd then starts a new shim, which calls `delete --force`: the runtime must undo everything on its own."""
    name, pid = client.background("sh", "-c", "sleep 1001 & sleep 1002; wait")
    shim = [number for number, line in client.stage.processes().items() if "containerd-shim" in line and f"-id {name} " in line + " "]
    assert len(shim) == 1
    client.stage.run("kill", "-KILL", *shim)
    wait_until(lambda: client.status(name) != "RUNNING", "containerd notices")
    client("task", "delete", "-f", name, status=None)
    client("container", "rm", name)
    client.stage.run("find", "/run/containerd/s", "-type", "s", "-delete")  # the killed shim could not remove its socket


def test_the_daemon_had_nothing_to_complain_about(client):
    """Stays last: an error that a shim only logs (a failed second delete, unreadable answers) would be missed above."""
    errors = [line for line in client.stage.log("containerd").splitlines()
              if "level=error" in line and "copy shim log" not in line]  # that one is about the shim we killed
    assert not errors, "\n".join(errors)
