"""Buildah 1.28 of Debian: `buildah run --runtime RUNTIME` and `buildah build --runtime RUNTIME` (isolation oci).

Buildah has no exec, pause, update, ps or logs; it creates, starts, kills and deletes one container per command.
"""

import itertools
import re

import pytest

from busybox_image import NAME
from stage import wait_until

pytestmark = pytest.mark.usefixtures("nothing_remains")

LIMITS = ("--memory", "48m", "--memory-swap", "48m", "--cpu-quota", "50000", "--cpu-period", "100000", "--cpu-shares", "512")


class Buildah:
    """Working containers named work0, work1 … on a private store."""

    def __init__(self, stage, runtime):
        self.stage = stage
        self.runtime = runtime
        self.numbers = itertools.count()
        stage.write("/etc/containers/storage.conf", f"""
            [storage]
            driver = "overlay"
            runroot = "/run/containers/storage"
            graphroot = "{stage.work}/store/containers"
        """)
        limits = "" if runtime.ours else 'default_ulimits = ["nofile=1024:2048", "nproc=1024:2048"]'
        stage.write("/etc/containers/containers.conf", f'[containers]\n{limits}\n[engine]\ncgroup_manager = "cgroupfs"\n')
        self("pull", f"docker-archive:{stage.work}/busybox.tar")
        self.remove(self.new())

    def __call__(self, *words, **options):
        return self.stage.run("buildah", *words, **options)

    def new(self, *options):
        name = f"work{next(self.numbers)}"
        self("from", "--name", name, "--pull-never", *options, NAME)
        return name

    def command(self, name, *words, options=()):
        return ["buildah", "run", "--isolation", "oci", "--network", "none", "--runtime", self.stage.runtime, *options, name, "--", *words]

    def run(self, name, *words, options=(), **more):
        return self.stage.run(*self.command(name, *words, options=options), **more)

    def remove(self, name):
        self("rm", name)

    def reset(self):
        self("rm", "-a", status=None)


@pytest.fixture(scope="module")
def client(new_stage, runtime):
    return Buildah(new_stage("buildah", "buildah"), runtime)


@pytest.fixture
def work(client):
    name = client.new()
    yield name
    client.remove(name)


def test_run_gives_output_input_and_exit_status(client, work):
    result = client.run(work, "sh", "-c", "echo out; echo err >&2; cat; exit 7", stdin="typed\n", status=7)
    assert result.output == "out\ntyped\n"
    assert "err\n" in result.errors
    missing = client.run(work, "no-such-program", status=None)
    assert missing.status != 0 and "no-such-program" in missing.errors


def test_what_the_client_asked_for_is_what_the_process_sees(client, work):
    client.stage.write(f"{client.stage.work}/home/hello", "hello\n")
    result = client.run(work, "sh", "-c", "id -u; id -g; pwd; echo $COLOUR $FROM_IMAGE; hostname; cat /data/hello; touch /data/x",
                        options=("--user", "guest", "--workingdir", "/var", "--env", "COLOUR=green", "--hostname", "mars",
                                 "--volume", f"{client.stage.work}/home:/data:ro"), status=1)
    assert result.output.splitlines() == ["1234", "1234", "/var", "green yes", "mars", "hello"]
    assert "Read-only file system" in result.errors


def test_terminal(client, work):
    with client.stage.terminal(*client.command(work, "sh", options=("--terminal",))) as terminal:
        terminal.expect("# ")
        terminal.type("tty\n")
        terminal.expect("/dev/(pts/0|console)\r+\n")
        terminal.type("sh -c 'echo sleeping$((2)); exec sleep 100'\n")
        terminal.expect("sleeping2")
        terminal.type("\x03")
        terminal.expect("# ")  # the signal also throws away what was typed before it arrived
        terminal.type("echo back$((3)); exit 5\n")
        terminal.expect("back3")
        assert terminal.wait() == 5


def test_an_interrupted_client_ends_the_container(client, work):
    command = client.stage.start(*client.command(work, "sh", "-c", "echo ready; sleep 1001 & sleep 1002; wait"), log="interrupted")
    wait_until(lambda: "ready" in client.stage.log("interrupted"), "container runs")
    client.stage.run("kill", "-INT", command.pid)
    assert command.wait() != 0


def test_limits_are_in_the_cgroup(client):
    name = client.new(*LIMITS)
    command = client.stage.start(*client.command(name, "sleep", "1001"), log="limited")

    def sleeper():
        return [pid for pid, line in client.stage.processes().items() if line in ("sleep 1001", "/bin/sleep 1001")]

    pid, = wait_until(sleeper, "container runs")
    limits = client.stage.limits(pid)
    assert limits.pop("shares") in (512, 20)
    assert (limits["memory"], limits["cpus"]) == (48 << 20, 0.5)
    client.stage.run("kill", "-KILL", pid)
    assert command.wait() != 0
    assert "exited on killed" in client.stage.log("limited")
    client.remove(name)


def test_memory_limit_kills(client):
    name = client.new("--memory", "16m", "--memory-swap", "16m")
    result = client.run(name, "sh", "-c", "exec dd if=/dev/zero of=/dev/null bs=64M count=1", status=None)
    assert "exited on killed" in result.errors
    client.remove(name)


def test_namespaces(client, work):
    show = ("sh", "-c", "for ns in pid ipc uts net; do readlink /proc/self/ns/$ns; done")
    own = client.stage.run(*show).output
    assert not set(client.run(work, *show).output.split()) & set(own.split())
    shared = ("--pid", "host", "--ipc", "host", "--uts", "host", "--network", "host")
    assert client.run(work, *show, options=shared).output == own


def test_confinement(client, work):
    status = client.run(work, "cat", "/proc/self/status").output
    assert re.search(r"CapEff:\s+00000000800405fb", status) and re.search(r"Seccomp:\s+2", status)
    bare = client.run(work, "cat", "/proc/self/status", options=("--cap-drop", "all")).output
    assert re.search(r"CapEff:\s+0000000000000000", bare)
    client.run(work, "sh", "-c", "mount -t tmpfs none /tmp", status=1)


def test_build(client):
    client.stage.write(f"{client.stage.work}/context/Dockerfile", f"""
        FROM {NAME}
        COPY Dockerfile /tmp/copy
        RUN test -s /tmp/copy && echo built >/tmp/result
        RUN --mount=type=tmpfs,target=/scratch echo x >/scratch/x && grep -q ' /scratch tmpfs' /proc/mounts
        USER guest
        RUN test $(id -u) = 1234
        CMD cat /tmp/result
    """)
    build = ("build", "--isolation", "oci", "--network", "none", "--runtime", client.stage.runtime)
    client(*build, "-t", "localhost/built", f"{client.stage.work}/context")
    name = f"work{next(client.numbers)}"
    client("from", "--name", name, "--pull-never", "localhost/built")
    assert client.run(name, "cat", "/tmp/result").output == "built\n"
    client.remove(name)
    client("rmi", "localhost/built")
    client.stage.write(f"{client.stage.work}/context/Dockerfile", f"FROM {NAME}\nRUN exit 5\n")
    failed = client(*build, f"{client.stage.work}/context", status=None)
    assert failed.status != 0 and "exit status 5" in failed.errors


def test_user_namespace(client):
    name = client.new("--userns-uid-map", "0:300000:65536", "--userns-gid-map", "0:300000:65536")
    result = client.run(name, "sh", "-c", "id -u; cat /proc/self/uid_map; touch /root/x && stat -c %u /root/x")
    assert result.output.split() == ["0", "0", "300000", "65536", "0"]
    client.remove(name)
