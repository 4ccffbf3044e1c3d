"""`rung run` where Debian 12 runs it: cgroup v2 alone, systemd, users with what it delegates to them. Root's containers
have cgroups of their own; an ordinary user's are scopes of his systemd, without a word said about it."""

import time

import pytest

MEMORY = 64 << 20
ROOTFS = "--rootfs /srv/busybox"
SCOPES = "/sys/fs/cgroup/user.slice/user-{uid}.slice/user@{uid}.service/user.slice"


class Engine:
    def __init__(self, vm, user):
        self.vm, self.user = vm, user

    def __call__(self, words):
        return self.vm.run(f"/run/oci/rung {words}", user=self.user)

    def ok(self, words):
        result = self(words)
        assert result.status == 0, result
        return result.out.strip()

    def start(self, words, script="sleep 1000"):
        return self.ok(f"run -d {words} {ROOTFS} sh -c '{script}'")

    def cgroup(self, name):
        """Where its first process is, as the host sees it."""
        pid = self.ok(f"inspect --format '{{{{.State.Pid}}}}' {name}")
        return "/sys/fs/cgroup" + self.vm.check(f"cat /proc/{pid}/cgroup").strip().partition("::")[2]

    def read(self, name, *files):
        directory = self.cgroup(name)
        return [self.vm.check(f"cat {directory}/{file}").strip() for file in files]


@pytest.fixture(scope="module", autouse=True)
def programs(vm, program):
    if program.foreign:
        pytest.skip("rung's own")
    vm.check("ln -sf /input/rung /run/oci/rung")
    vm.check("loginctl enable-linger alice && systemctl start user@1000.service")
    yield
    vm.check("loginctl disable-linger alice; systemctl stop user@1000.service; rm /run/oci/rung")


@pytest.fixture(params=["root", "alice"])
def engine(vm, request):
    engine = Engine(vm, None if request.param == "root" else request.param)
    yield engine
    engine("rm -fa -t 0")
    assert engine.ok("ps -aq") == ""
    engine("system reset -f")
    assert "rung-" not in vm.check("find /sys/fs/cgroup -name '*rung-*' ! -name rung-agent.service")
    vm.check("rm -rf /run/rung /var/lib/rung /run/user/1000/rung /home/alice/.local/share/rung")


def test_limits(engine):
    engine.start(f"--name a --memory {MEMORY} --pids-limit 33 --cpus 0.3")
    assert engine.read("a", "memory.max", "pids.max", "cpu.max") == [str(MEMORY), "33", "30000 100000"]
    assert engine.ok("stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' a").endswith("/ 64MiB 1")
    engine.ok("update --memory 96m --pids-limit 44 a")
    assert engine.read("a", "memory.max", "pids.max") == [str(96 << 20), "44"]
    directory = engine.cgroup("a")
    engine.ok("rm -f -t 0 a")
    assert engine.vm.run(f"test -e {directory}").status != 0


def test_a_users_container_is_a_scope(engine):
    identity = engine.start("--name a")
    expected = f"/sys/fs/cgroup/rung-{identity}"
    if engine.user:
        expected = f"{SCOPES.format(uid=1000)}/rung-{identity}.scope"
    assert engine.cgroup("a") == expected


def test_pause(engine):
    engine.start("--name a", "while :; do sleep 0.1; done")
    engine.ok("pause a")
    assert engine.read("a", "cgroup.events")[0].splitlines()[1] == "frozen 1"
    assert engine.ok("ps --format '{{.Status}}'").endswith("(Paused)")
    engine.ok("unpause a")
    assert engine.ok("exec a echo thawed") == "thawed"
    engine.ok("stop -t 0 a")


def test_exec_is_in_the_same_cgroup(engine):
    engine.start("--name a")
    engine.ok("exec -d a sleep 77")
    pids = engine.read("a", "cgroup.procs")[0].split()
    assert len(pids) == 2 and "sleep 77" in engine.ok("top a")


def test_out_of_memory_is_named(engine):
    result = engine(f"run --name a --memory 16m --memory-swap 16m {ROOTFS} sh -c 'exec tail /dev/zero'")
    assert result.status == 137 and engine.ok("inspect --format '{{.State.OOMKilled}}' a") == "true"


def test_restart_policy_starts_it_in_a_new_cgroup(engine):
    engine.start("--name a --restart on-failure:1 --memory 32m", "sleep 1; exit 3")
    look = "inspect --format '{{.RestartCount}} {{.State.ExitCode}} {{.State.Status}}' a"
    for _ in range(100):
        seen = engine.ok(look)
        if seen == "1 3 exited":
            break
        time.sleep(0.1)
    assert seen == "1 3 exited"


@pytest.mark.parametrize("manager", ["cgroupfs", "systemd"])
def test_the_manager_that_was_asked_for(engine, manager):
    if engine.user and manager == "cgroupfs":
        result = engine(f"run --rm --cgroup-manager cgroupfs --memory 64m {ROOTFS} true")
        assert result.status == 125 and "may be written by this user" in result.err
        return
    identity = engine.start(f"--name a --cgroup-manager {manager} --memory 64m")
    last = engine.cgroup("a").rsplit("/", 1)[1]
    assert last == f"rung-{identity}" + (".scope" if manager == "systemd" else "")
    assert engine.read("a", "memory.max") == [str(MEMORY)]


def test_parents(engine):
    slice_ = "rungtest.slice"
    identity = engine.start(f"--name a --cgroup-parent {slice_} --memory 64m")
    assert engine.cgroup("a").endswith(f"/{slice_}/rung-{identity}.scope")
    engine.ok("rm -f -t 0 a")
    if not engine.user:
        identity = engine.start("--name a --cgroup-parent /mine --memory 64m")
        assert engine.cgroup("a") == f"/sys/fs/cgroup/mine/rung-{identity}"
        engine.ok("rm -f -t 0 a")
        engine.vm.check("rmdir /sys/fs/cgroup/mine")  # whose it is, is not for rung to say


def test_without_cgroups(engine):
    engine.start("--name a --cgroups=disabled")
    assert "rung-" not in engine.cgroup("a").replace("rung-agent", "")
    result = engine(f"run --rm --cgroups=disabled --memory 64m {ROOTFS} true")
    assert result.status == 125 and "memory" in result.err


def test_another_runtime(engine):
    """Debian's crun makes the same container, in a cgroup of the same name."""
    if engine.vm.run("test -x /usr/bin/crun").status != 0:
        pytest.skip("crun is not in the image of the machine")
    identity = engine.start("--name a --runtime crun --memory 64m --pids-limit 33")
    assert f"rung-{identity}" in engine.cgroup("a") and engine.read("a", "memory.max", "pids.max") == [str(MEMORY), "33"]
    engine.ok("pause a")
    engine.ok("unpause a")
    assert engine.ok("exec a echo in") == "in"
    engine.ok("rm -f -t 0 a")
