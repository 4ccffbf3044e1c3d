"""Docker 20.10 of Debian: dockerd with its own containerd, our runtime as `--default-runtime rung`."""

import itertools
import json
import os
import re

import pytest

from busybox_image import NAME
from common import (  # noqa: F401 (cases that are collected here)
    LISTENER, test_a_program_that_is_missing_or_not_executable, test_exec_on_a_terminal, test_logs_follow_to_the_end,
    test_signals_and_stop, test_stop_ends_the_deaf, test_terminal, test_the_client_forwards_signals)
from stage import wait_until

pytestmark = pytest.mark.usefixtures("nothing_remains")

DOCKER = "/usr/bin/docker"  # a docker of another origin may be first in PATH


class Docker:
    """One dockerd with private state in a stage; the default bridge and iptables rules live in the stage's network."""

    def __init__(self, stage, runtime):
        self.stage = stage
        self.runtime = runtime
        self.numbers = itertools.count(1)
        self.daemon = stage.start(
            "dockerd", "--data-root", f"{stage.work}/store/docker", "--exec-root", "/run/docker",
            "--add-runtime", f"rung={stage.runtime}", "--default-runtime", "rung", log="dockerd")
        wait_until(lambda: stage.run(DOCKER, "version", status=None).status == 0, "dockerd answers", 40)
        self("load", "-i", f"{stage.work}/busybox.tar")
        for network in ("bridge", "host"):  # leaves directories, rules and a mount that dockerd keeps from now on
            self("run", "--rm", "--network", network, NAME, "true")

    def __call__(self, *words, **options):
        return self.stage.run(DOCKER, *words, **options)

    def terminal(self, *words):
        return self.stage.terminal(DOCKER, *words)

    def start(self, *words, log):
        return self.stage.start(DOCKER, *words, log=log)

    def run(self, *words, options=(), **more):
        return self("run", "--rm", *options, NAME, *words, **more)

    def background(self, *words, options=()):
        """Start a container in the background; return its name and the process id of its first process in the stage."""
        name = f"box{next(self.numbers)}"
        self("run", "-d", "--name", name, *options, NAME, *words)
        return name, self.inspect(name)["State"]["Pid"]

    def inspect(self, name):
        return json.loads(self("inspect", name).output)[0]

    def wait(self, name):
        return int(self("wait", name).output)

    def logs(self, name):
        return self("logs", name).output

    def remove(self, name):
        self("rm", "-f", "-v", name)

    def reset(self):
        for name in self("ps", "-aq").output.split():
            self("rm", "-f", "-v", name, status=None)


@pytest.fixture(scope="module")
def client(new_stage, runtime):
    docker = Docker(new_stage("docker", "docker", "dockerd", "containerd"), runtime)
    assert json.loads(docker("info", "--format", "{{json .DefaultRuntime}}").output) == "rung"
    return docker


def test_run_gives_output_input_and_exit_status(client):
    result = client.run("sh", "-c", "echo out; echo err >&2; cat; exit 7", options=("-i",), stdin="typed\n", status=7)
    assert result.output == "out\ntyped\n"
    assert result.errors == "err\n"


def test_what_the_client_asked_for_is_what_the_process_sees(client):
    client.stage.write(f"{client.stage.work}/home/hello", "hello\n")
    result = client.run(
        "sh", "-c", "id; pwd; echo $COLOUR; hostname; cat /data/hello; ulimit -n; cat /proc/sys/net/ipv4/ip_default_ttl;"
        "df -k /scratch | tail -n 1 | awk '{print $2}'; df -k /dev/shm | tail -n 1 | awk '{print $2}'; touch /x",
        options=("-u", "guest", "-w", "/var", "-e", "COLOUR=green", "-h", "mars", "--read-only", "--ulimit", "nofile=99:100",
                 "-v", f"{client.stage.work}/home:/data:ro", "--tmpfs", "/scratch:size=1m", "--shm-size", "2m",
                 "--sysctl", "net.ipv4.ip_default_ttl=99", "--group-add", "7777"), status=1)
    lines = result.output.splitlines()
    assert re.match(r"uid=1234\(guest\) gid=1234\(guest\) groups=.*\b7777\b", lines[0])
    assert lines[1:] == ["/var", "green", "mars", "hello", "99", "99", "1024", "2048"]
    assert "Read-only file system" in result.errors


def test_terminal_detach_and_attach(client):
    name, _ = client.background("sh", "-c", 'while read -r line; do eval "$line"; done', options=("-it",))
    with client.terminal("attach", name) as terminal:
        terminal.expect_raw()
        terminal.type("echo here$((1))\n")
        terminal.expect("here1")
        terminal.type("\x10")  # ctrl-p ctrl-q, which clients know only as two reads
        client.stage.run("sleep", "0.3")
        terminal.type("\x11")
        terminal.wait()
    assert client.inspect(name)["State"]["Running"]
    with client.terminal("attach", name) as terminal:
        terminal.expect_raw()
        terminal.type("echo again$((1)); exit 4\n")
        terminal.expect("again1")
        assert terminal.wait() == 4
    client.remove(name)


def test_images_go_to_rung_and_back(client, runtime):
    """Two images of docker's, one on the other, in one archive of docker's; then rung's archive of them."""
    if not runtime.ours:
        pytest.skip("only rung keeps images")
    top = f"{client.stage.work}/store"
    rung = [runtime.real, "--root", f"{top}/rung", "--state", f"{top}/rung-state"]
    steps = ["mkdir -p /anew/old /gone; echo 1 >/anew/file; echo 2 >/gone/file; echo 3 >/kept; ln /kept /anew/kept",
             "rm -r /anew /gone; mkdir /anew; echo 4 >/anew/new; chmod 600 /kept"]
    base, names = NAME, ["made:1", "made:2"]
    for step, name in zip(steps, names):
        client("run", "--name", "maker", base, "sh", "-c", step)
        client("commit", "--change", f"LABEL step={name}", "maker", name)
        client("rm", "maker")
        base = name
    try:
        client("save", "-o", f"{top}/from-docker.tar", *names)
        client.stage.run(*rung, "load", "-i", f"{top}/from-docker.tar")
        ids = [client.inspect(name)["Id"] for name in names]
        assert [json.loads(client.stage.run(*rung, "image", "inspect", name).output)[0]["Id"] for name in names] == ids
        listing = ["sh", "-c", "find / -xdev -path /proc -prune -o -type f -exec stat -c '%n %a %s %u %Y' {} + | grep -v -e /etc/ -e /.dockerenv | sort"]
        seen = [client.stage.run(*rung, "run", "--rm", "--network", "none", name, *listing).output for name in names]
        assert seen == [client("run", "--rm", "--network", "none", name, *listing).output for name in names]
        assert "/anew/new" in seen[1] and "/gone" not in seen[1] and "/anew/file" not in seen[1]
        client.stage.run(*rung, "save", "-o", f"{top}/from-rung.tar", *names)
        client("rmi", "-f", *names)
        client("load", "-i", f"{top}/from-rung.tar")
        assert [client.inspect(name)["Id"] for name in names] == ids
    finally:
        client("rmi", "-f", *names, status=None)
        client.stage.run(*rung, "rmi", "-a", "-f", status=None)
        client.stage.run("rm", "-rf", f"{top}/rung", f"{top}/rung-state", status=None)


def test_exec(client):
    name, _ = client.background("sleep", "1000", options=("-e", "COLOUR=green"))
    result = client("exec", "-i", "-w", "/tmp", "-e", "SHAPE=round", name, "sh", "-c", "pwd; echo $COLOUR $SHAPE; cat; echo err >&2; exit 6",
                    stdin="typed\n", status=6)
    assert (result.output, result.errors) == ("/tmp\ngreen round\ntyped\n", "err\n")
    assert client("exec", "-u", "guest", name, "sh", "-c", "id -u; id -G").output.split() == ["1234", "1234", "4321"]
    missing = client("exec", name, "no-such-program", status=None)
    assert missing.status in (126, 127) and "no-such-program" in missing.output + missing.errors
    client("exec", "-d", name, "touch", "/tmp/mark")
    wait_until(lambda: client("exec", name, "test", "-e", "/tmp/mark", status=None).status == 0, "detached exec ran")
    client.remove(name)


def test_init_reaps_and_forwards(client):
    if client("run", "--rm", "--init", NAME, "true", status=None).status != 0:
        pytest.skip("docker-init (package tini) is not installed")
    name, _ = client.background("sh", "-c", LISTENER, options=("--init",))
    wait_until(lambda: "ready" in client.logs(name), "container is ready")
    assert "docker-init" in client("exec", name, "cat", "/proc/1/cmdline").output
    client("stop", name)
    assert client.inspect(name)["State"]["ExitCode"] == 9
    client.remove(name)


def test_limits_are_in_the_cgroup_and_update_changes_them(client):
    name, pid = client.background("sleep", "1000", options=("-m", "48m", "--memory-swap", "48m", "--pids-limit", "50", "--cpus", "0.5", "--cpu-shares", "512"))
    limits = client.stage.limits(pid)
    assert limits.pop("shares") in (512, 20)
    assert limits == {"memory": 48 << 20, "pids": 50, "cpus": 0.5}
    client("update", "-m", "64m", "--memory-swap", "64m", "--pids-limit", "60", "--cpus", "1.5", name)
    limits = client.stage.limits(pid)
    limits.pop("shares")
    assert limits == {"memory": 64 << 20, "pids": 60, "cpus": 1.5}
    client.remove(name)


def test_limits_hold(client):
    name, _ = client.background("sh", "-c", "dd if=/dev/zero of=/dev/null bs=64M count=1", options=("-m", "16m", "--memory-swap", "16m"))
    assert client.wait(name) == 137
    assert client.inspect(name)["State"]["OOMKilled"] is True
    client.remove(name)
    result = client.run("sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do sleep 1 & done; wait", options=("--pids-limit", "5"), status=None)
    assert "fork" in result.errors


def test_cpuset(client):
    assert client.run("grep", "Cpus_allowed_list", "/proc/self/status", options=("--cpuset-cpus", "0")).output.split()[1] == "0"


def test_pause_and_unpause(client):
    name, pid = client.background("sh", "-c", LISTENER)
    wait_until(lambda: client.stage.size(pid, "tmp/beat"), "container works")
    client("pause", name)
    assert client.inspect(name)["State"]["Status"] == "paused"
    frozen = client.stage.size(pid, "tmp/beat")
    client.stage.run("sleep", "0.4")
    assert client.stage.size(pid, "tmp/beat") == frozen
    assert client("exec", name, "true", status=None).status != 0
    client("unpause", name)
    wait_until(lambda: client.stage.size(pid, "tmp/beat") > frozen, "container works again")
    client("pause", name)
    client.remove(name)  # kills the paused


def test_ps_top_and_stats(client):
    name, pid = client.background("sh", "-c", "sleep 1001 & exec sleep 1002", options=("-m", "48m"))
    assert re.search(rf"\bUp\b.*\b{name}$", client("ps").output, re.M)
    top = client("top", name, "-o", "pid,args").output
    assert re.search(rf"^\s*{pid}\s+sleep 1002$", top, re.M) and "sleep 1001" in top
    plain, _ = client.background("sleep", "1003")  # without limits it must be counted all the same
    stats = client("stats", "--no-stream", "--format", "{{.MemUsage}};{{.PIDs}}", name, plain).output.splitlines()
    assert re.fullmatch(r"[1-9][\d.]*\w+ / 48MiB;2", stats[0]), stats
    assert re.fullmatch(r"[1-9][\d.]*\w+ / \S+;1", stats[1]), stats
    client.remove(plain)
    client.remove(name)


def test_restart_policy(client):
    name, _ = client.background("sh", "-c", "echo once; exit 3", options=("--restart", "on-failure:2"))
    wait_until(lambda: client.inspect(name)["RestartCount"] == 2 and not client.inspect(name)["State"]["Running"], "two restarts")
    assert client.logs(name) == "once\n" * 3
    client.remove(name)


def test_health_check_runs_by_exec(client):
    name, _ = client.background("sleep", "1000", options=("--health-cmd", "test -e /tmp/well", "--health-interval", "300ms", "--health-retries", "2"))

    def health():
        return client.inspect(name)["State"]["Health"]["Status"]

    wait_until(lambda: health() == "unhealthy", "unhealthy")
    client("exec", name, "touch", "/tmp/well")
    wait_until(lambda: health() == "healthy", "healthy")
    client.remove(name)


def test_containers_meet_on_the_bridge(client):
    server, _ = client.background("sh", "-c", "echo from the server >/tmp/index.html; httpd -f -p 80 -h /tmp")
    address = client.inspect(server)["NetworkSettings"]["IPAddress"]
    assert address
    fetch = ("wget", "-q", "-O", "-", f"http://{address}/")
    wait_until(lambda: client.run(*fetch, status=None).output == "from the server\n", "the server answers")
    assert client.run("wget", "-q", "-O", "-", "http://127.0.0.1/", options=("--network", f"container:{server}")).output == "from the server\n"
    assert client.run("ls", "/sys/class/net", options=("--network", "none")).output.split() == ["lo"]
    client.remove(server)


def test_namespaces_of_another_container_and_of_the_host(client):
    name, _ = client.background("sleep", "1001", options=("--ipc", "shareable"))
    assert "sleep 1001" in client.run("ps", options=("--pid", f"container:{name}")).output
    ipc = client("exec", name, "readlink", "/proc/self/ns/ipc").output
    assert client.run("readlink", "/proc/self/ns/ipc", options=("--ipc", f"container:{name}")).output == ipc
    client.remove(name)
    show = ("sh", "-c", "for ns in pid net ipc uts cgroup; do readlink /proc/self/ns/$ns; done")
    own = client.stage.run(*show).output
    shared = [word for name in ("pid", "network", "ipc", "uts", "cgroupns") for word in (f"--{name}", "host")]
    assert client.run(*show, options=shared).output == own
    assert not set(client.run(*show, options=("--cgroupns", "private")).output.split()) & set(own.split())


def test_confinement(client):
    """The default profile: 14 capabilities, a seccomp filter, masked and read-only places in /proc and /sys."""
    words = client.run("grep", "-E", "CapEff|Seccomp:|NoNewPrivs", "/proc/self/status").output.split()
    assert (words[1], words[5]) == ("00000000a80425fb", "2")
    client.run("unshare", "-r", "true", status=1)
    client.run("sh", "-c", "mount -t tmpfs none /tmp", status=1)
    client.run("sh", "-c", "echo 1 >/proc/sys/kernel/hostname", status=1)
    assert client.run("sh", "-c", "cat /proc/keys | wc -c; ls /sys/firmware | wc -l").output.split() == ["0", "0"]
    none = client.run("grep", "-E", "CapEff|Seccomp:|NoNewPrivs", "/proc/self/status",
                      options=("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--security-opt", "seccomp=unconfined")).output.split()
    assert (none[1], none[3], none[5]) == ("0000000000000000", "1", "0")


def test_seccomp_profile_of_the_user(client):
    path = f"{client.stage.work}/profile.json"
    client.stage.write(path, json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]}))
    result = client.run("mkdir", "/tmp/x", options=("--security-opt", f"seccomp={path}"), status=1)
    assert "Function not implemented" in result.errors


def test_privileged(client):
    held = int(re.search(r"CapBnd:\s+(\w+)", client.stage.read("/proc/1/status")).group(1), 16)
    known = (1 << 38) - 1  # what docker 20.10 knows by name, up to CAP_AUDIT_READ
    if held & known != known and not client.runtime.ours:
        pytest.skip("dockerd asks for capabilities that this machine withholds even from root; other runtimes stop there")
    result = client.run("sh", "-c", "grep CapEff /proc/self/status; mount -t tmpfs none /tmp && ls /dev | wc -l", options=("--privileged",))
    effective = int(result.output.split()[1], 16)
    assert effective & known == held & known and not effective & ~held
    assert int(result.output.split()[2]) > 15


def test_devices(client):
    assert client.run("head", "-c", "1", "/dev/zero").output == "\0"
    client.run("sh", "-c", "mknod /tmp/zero c 1 5 && head -c 1 /tmp/zero >/dev/null")
    # 10:229 is /dev/fuse: not in the default list, so the device cgroup has to refuse it unless it was given.
    if not os.path.exists("/dev/fuse"):
        pytest.skip("no /dev/fuse to give")
    open_fuse = "mknod /tmp/fuse c 10 229; exec 3<>/tmp/fuse"
    assert "not permitted" in client.run("sh", "-c", open_fuse, status=1).errors
    client.run("sh", "-c", open_fuse, options=("--device", "/dev/fuse"))


def test_volumes_and_copies(client):
    """A named volume keeps data between containers; `cp` and `diff` look into one."""
    client.run("sh", "-c", "echo kept >/data/file", options=("-v", "rung-data:/data"))
    assert client.run("cat", "/data/file", options=("-v", "rung-data:/data")).output == "kept\n"
    client("volume", "rm", "rung-data")
    name, _ = client.background("sh", "-c", "echo new >/tmp/new; sleep 1000")
    wait_until(lambda: "A /tmp/new" in client("diff", name).output, "the file is there")
    client("cp", f"{name}:/tmp/new", f"{client.stage.work}/new")
    assert client.stage.read(f"{client.stage.work}/new") == "new\n"
    client.remove(name)


def test_build(client):
    client.stage.write(f"{client.stage.work}/context/Dockerfile", f"""
        FROM {NAME}
        COPY Dockerfile /tmp/copy
        RUN test -s /tmp/copy && echo built >/tmp/result
        USER guest
        RUN test $(id -u) = 1234
        CMD cat /tmp/result
    """)
    client("build", "-t", "localhost/built", f"{client.stage.work}/context", environment={"DOCKER_BUILDKIT": "0"})
    assert client("run", "--rm", "localhost/built").output == "built\n"
    client.stage.write(f"{client.stage.work}/context/Dockerfile", f"FROM {NAME}\nRUN exit 5\n")
    failed = client("build", f"{client.stage.work}/context", environment={"DOCKER_BUILDKIT": "0"}, status=None)
    assert "non-zero code: 5" in failed.errors
    client("rmi", "localhost/built")
    client.reset()


def test_many_at_once(client):
    names = [client.stage.start(DOCKER, "run", "--rm", NAME, "sh", "-c", f"exit {number}", log="many") for number in range(8)]
    assert [command.wait() for command in names] == list(range(8))


def test_a_killed_shim_is_cleaned_up_after(client):
    name, _ = client.background("sh", "-c", "sleep 1001 & sleep 1002; wait")
    identity = client.inspect(name)["Id"]
    shim, = [number for number, line in client.stage.processes().items() if "containerd-shim" in line and identity in line]
    client.stage.run("kill", "-KILL", shim)
    wait_until(lambda: not client.inspect(name)["State"]["Running"], "dockerd notices")
    client.remove(name)
    client.stage.run("find", "/run/containerd/s", "-type", "s", "-delete")  # the killed shim could not remove its socket


def test_the_daemon_had_nothing_to_complain_about(client):
    """Stays last: errors that are only logged (a failed second delete, unreadable answers) would be missed above."""
    provoked = re.compile(
        "copy shim log|stream copy error|no such container|removal .* already in progress"
        "|unpause the container before exec|resuming exited container|Handler for |no-such-program")
    errors = [line for line in client.stage.log("dockerd").splitlines() if "level=error" in line and not provoked.search(line)]
    assert not errors, "\n".join(errors)
