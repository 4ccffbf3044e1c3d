"""cgroup v2 with every controller, as root, without systemd: limits land in the files and bite."""

import json
import re

import pytest

import oci

MEMORY = 64 << 20
DENY_ALL = {"allow": False, "access": "rwm"}


def in_cgroup(name, script=None, **resources):
    """A config whose cgroup is /vm/NAME."""
    return oci.config(oci.shell(script) if script else None, f"/vm/{name}", resources)


@pytest.fixture(autouse=True, scope="module")
def parent_cgroup(vm, known):
    """Ours, with no controller enabled: the runtime makes the last directory alone and enables what it needs."""
    vm.check("mkdir /sys/fs/cgroup/vm")
    known.add("/sys/fs/cgroup/vm")
    yield
    vm.check("rmdir /sys/fs/cgroup/vm")


def wait_for(vm, condition, seconds=20):
    """Waits in the guest until the shell condition holds."""
    result = vm.run(f"i=0; until {condition}; do i=$((i+1)); [ $i -lt {seconds * 10} ] || exit 1; sleep 0.1; done",
                    timeout_seconds=seconds * 4)
    assert result.status == 0, f"never came true: {condition}"


# ---- limits -------------------------------------------------------------------------------------

def test_limits_land_in_files(runtime, vm):
    resources = {
        "memory": {"limit": MEMORY, "reservation": MEMORY // 2, "swap": MEMORY + (16 << 20)},
        "pids": {"limit": 77},
        "cpu": {"quota": 30000, "period": 60000, "shares": 512, "cpus": "1", "mems": "0"},
        "blockIO": {
            "throttleReadBpsDevice": [{"major": 254, "minor": 0, "rate": 1048576}],
            "throttleWriteIOPSDevice": [{"major": 254, "minor": 0, "rate": 120}],
        },
        "hugepageLimits": [{"pageSize": "2MB", "limit": 4 << 20}],
    }
    container = runtime.container("limits", in_cgroup("limits", **resources)).start()
    assert container.real_cgroup() == "/sys/fs/cgroup/vm/limits"
    expected = {
        "memory.max": str(MEMORY), "memory.low": str(MEMORY // 2), "memory.swap.max": str(16 << 20),
        "pids.max": "77", "cpu.max": "30000 60000", "cpuset.cpus": "1", "cpuset.mems": "0",
        "hugetlb.2MB.max": str(4 << 20),
    }
    assert container.read(*expected) == expected
    # Both conversions of shares are in use: the linear one, and the one that maps 1024 to 100 (crun 1.23, runc 1.4).
    assert container.read("cpu.weight") in ("20", "59")
    assert container.read("cpuset.cpus.effective") == "1"
    assert set(container.read("io.max").split()) == {"254:0", "rbps=1048576", "wbps=max", "riops=max", "wiops=120"}


@pytest.mark.lacks(crun="knows no idle and no burst", runc="knows no idle and no burst")
def test_cpu_idle_and_burst(runtime, vm):
    container = runtime.container("burst", in_cgroup("burst", cpu={"quota": 50000, "period": 100000, "burst": 20000})).start()
    assert container.read("cpu.max.burst") == "20000"
    idle = runtime.container("idle", in_cgroup("idle", cpu={"idle": 1})).start()
    assert idle.read("cpu.idle") == "1"


def test_unlimited_values(runtime, vm):
    resources = {"memory": {"limit": -1, "swap": -1}, "pids": {"limit": -1}, "cpu": {"quota": -1, "period": 100000}}
    container = runtime.container("unlimited", in_cgroup("unlimited", **resources)).start()
    expected = {"memory.max": "max", "memory.swap.max": "max", "pids.max": "max", "cpu.max": "max 100000"}
    assert container.read(*expected) == expected


def test_unified_keys_land(runtime, vm):
    unified = {"memory.high": str(MEMORY), "memory.min": "1048576", "pids.max": "55", "io.max": "254:0 rbps=2097152",
               "cpu.weight": "321", "cpuset.cpus": "0"}
    container = runtime.container("unified", in_cgroup("unified", unified=unified)).start()
    files = container.read(*unified)
    assert "rbps=2097152" in files.pop("io.max")
    assert files == {name: value for name, value in unified.items() if name != "io.max"}


@pytest.mark.lacks(crun="leaves the cgroup behind", runc="leaves the cgroup behind")
@pytest.mark.parametrize("key", ["memory.nosuchfile", "nosuchcontroller.max"])
def test_unknown_unified_key_is_refused(runtime, vm, key):
    result = runtime.container("unknown", in_cgroup("unknown", unified={key: "1"})).create()
    assert result.status != 0
    assert key.split(".")[0] in result.err, result


@pytest.mark.lacks(crun="leaves the cgroup behind", runc="leaves the cgroup behind")
def test_unified_key_cannot_leave_the_cgroup(runtime, vm):
    before = vm.check("cat /sys/fs/cgroup/user.slice/pids.max")
    result = runtime.container("escape", in_cgroup("escape", unified={"../../user.slice/pids.max": "9"})).create()
    assert result.status != 0
    assert vm.check("cat /sys/fs/cgroup/user.slice/pids.max") == before


@pytest.mark.lacks(crun="leaves the cgroup behind", runc="leaves the cgroup behind")
def test_bad_value_is_named(runtime, vm):
    result = runtime.container("badcpus", in_cgroup("badcpus", cpu={"cpus": "4711"})).create()
    assert result.status != 0
    assert "cpuset.cpus" in result.err, result


def test_memory_hog_is_killed(runtime, vm):
    # tail keeps the line in memory until it sees its end.
    spec = in_cgroup("hog", "exec tail /dev/zero", memory={"limit": 16 << 20, "swap": 16 << 20})
    result = runtime.container("hog", spec).run()
    assert result.status == 137, result


@pytest.mark.lacks(crun="has no word for it", runc="has no word for it")
def test_memory_hog_is_named_by_run(runtime, vm):
    spec = in_cgroup("hog", "exec tail /dev/zero", memory={"limit": 16 << 20, "swap": 16 << 20})
    result = runtime.container("hog", spec).run()
    assert result.status == 137, result
    assert re.search(r"out of memory|OOM|memory limit", result.err), result


@pytest.mark.lacks(crun="has no events")
def test_memory_hog_in_events(runtime, vm, program):
    spec = in_cgroup("oom", memory={"limit": 24 << 20, "swap": 24 << 20})
    container = runtime.container("oom", spec).start()
    # events runs beside the commands that follow and ends with the container.
    vm.check(f"{program.path} --root {runtime.base}/state events oom >/run/events.out 2>/run/events.err & echo $! >/run/events.pid")
    wait_for(vm, "[ -s /run/events.pid ] && grep -q inotify /proc/$(cat /run/events.pid)/fdinfo/*"
             " || ls -l /proc/$(cat /run/events.pid)/fd | grep -q memory.events")
    result = container.exec("tail /dev/zero")
    assert result.status == 137, result
    wait_for(vm, """grep -q '"type": *"oom"' /run/events.out""")
    container.delete("--force")
    wait_for(vm, "! [ -d /proc/$(cat /run/events.pid) ]")
    for line in vm.check("grep oom /run/events.out").splitlines():
        assert json.loads(line)["id"] == "oom"


def test_pids_limit_stops_fork(runtime, vm):
    script = "i=0; while [ $i -lt 20 ]; do sleep 30 & i=$((i+1)); done; echo started all"
    result = runtime.container("pids", in_cgroup("pids", script, pids={"limit": 6})).run()
    assert "started all" not in result.out
    assert re.search(r"can't fork|Resource temporarily unavailable", result.err), result


def test_cpu_quota_throttles(runtime, vm):
    spec = in_cgroup("quota", "while :; do :; done", cpu={"quota": 5000, "period": 100000})
    container = runtime.container("quota", spec).start()
    wait_for(vm, "grep -q 'nr_throttled [1-9]' /sys/fs/cgroup/vm/quota/cpu.stat")
    assert container.read("cpu.max") == "5000 100000"


def test_cpuset_binds_processes(runtime, vm):
    result = runtime.container("cpuset", in_cgroup("cpuset", "grep Cpus_allowed_list /proc/self/status", cpu={"cpus": "1"})).run()
    assert result.status == 0, result
    assert result.out.split() == ["Cpus_allowed_list:", "1"]


@pytest.mark.lacks(crun="reads the wrong file or none", runc="reads the wrong file or none")
def test_check_before_update(runtime, vm):
    script = "head -c 20m /dev/zero >/tmp/file; touch /tmp/done; sleep 1000"
    spec = in_cgroup("check", script, memory={"limit": MEMORY, "checkBeforeUpdate": True})
    container = runtime.container("check", spec).start()
    assert container.exec("until [ -e /tmp/done ]; do sleep 0.1; done").status == 0
    update = json.dumps({"memory": {"limit": 4 << 20, "checkBeforeUpdate": True}})
    result = runtime.command("update", "--resources", "-", "check", stdin=update)
    assert result.status != 0, result
    assert container.read("memory.max") == str(MEMORY)
    assert container.state()["status"] == "running"


# ---- update -------------------------------------------------------------------------------------

def test_update_changes_what_it_names(runtime, vm):
    container = runtime.container("update", in_cgroup("update", memory={"limit": MEMORY}, pids={"limit": 50},
                                                      cpu={"quota": 30000, "period": 60000})).start()
    result = container.verb("update", "--memory", str(MEMORY * 2), "--pids-limit", "60")
    assert result.status == 0, result
    expected = {"memory.max": str(MEMORY * 2), "pids.max": "60", "cpu.max": "30000 60000"}
    assert container.read(*expected) == expected


@pytest.mark.parametrize("source", ["file", "stdin"])
def test_update_from_resources(runtime, vm, source):
    container = runtime.container("resources", in_cgroup("resources", memory={"limit": MEMORY}, pids={"limit": 50})).start()
    resources = json.dumps({"pids": {"limit": 33}, "cpu": {"quota": 20000, "period": 100000},
                            "unified": {"memory.high": "12582912"}})
    name = "-"
    if source == "file":
        name = f"{runtime.base}/resources.json"
        vm.check(f"cat >{name}", stdin=resources)
    result = container.verb("update", "--resources", name, stdin=resources)
    assert result.status == 0, result
    expected = {"pids.max": "33", "cpu.max": "20000 100000", "memory.max": str(MEMORY), "memory.high": "12582912"}
    assert container.read(*expected) == expected


def test_update_keeps_device_rules(runtime, vm):
    rules = [DENY_ALL, {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rwm"}]
    spec = in_cgroup("devices", pids={"limit": 50}, devices=rules)
    container = runtime.container("devices", spec).start()
    assert container.verb("update", "--pids-limit", "51").status == 0
    result = container.exec("mknod /dev/disk b 254 0; head -c1 /dev/disk >/dev/null && echo read")
    assert "read" not in result.out, result


# ---- devices ------------------------------------------------------------------------------------

def device_report(runtime, name, rules):
    """For each device: whether mknod, reading and writing work under the rules."""
    script = """
        try() {
            mknod /dev/$1 $2 $3 $4 2>/dev/null && m=m || m=-
            (exec 9</dev/$1) 2>/dev/null && r=r || r=-
            (exec 9>>/dev/$1) 2>/dev/null && w=w || w=-
            echo $1 $r$w$m
        }
        try disk b 254 0; try disk2 b 254 16; try kmsg2 c 1 11; try mem c 1 1; try null2 c 1 3"""
    spec = in_cgroup(name, script, devices=rules)
    # Opening these needs capabilities of its own; without them a refusal would prove nothing.
    for group in spec["process"]["capabilities"].values():
        group.extend(["CAP_SYS_RAWIO", "CAP_SYSLOG", "CAP_SYS_ADMIN"])
    result = runtime.container(name, spec).run()
    assert result.status == 0, result
    return dict(line.split() for line in result.out.splitlines())


def test_devices_denied(runtime, vm):
    report = device_report(runtime, "denied", [DENY_ALL])
    # Making a node is harmless while it cannot be opened: crun and runc allow mknod of any device, whatever the rules.
    assert {name: what[:2] for name, what in report.items() if name != "null2"} == {
        "disk": "--", "disk2": "--", "kmsg2": "--", "mem": "--"}


@pytest.mark.lacks(runc="refuses exceptions to a wildcard")
def test_devices_allowed(runtime, vm):
    report = device_report(runtime, "allowed", [
        DENY_ALL,
        {"allow": True, "type": "b", "major": 254, "minor": 0, "access": "rm"},
        {"allow": True, "type": "c", "major": 1, "access": "rwm"},
        {"allow": False, "type": "c", "major": 1, "minor": 1, "access": "rw"},
    ])
    assert report["disk"] == "r-m"
    assert report["disk2"].startswith("--")
    assert report["null2"] == "rwm"
    assert report["mem"] == "--m"


@pytest.mark.lacks(runc="refuses exceptions to a wildcard")
def test_devices_later_rule_wins(runtime, vm):
    report = device_report(runtime, "order", [
        {"allow": True, "access": "rwm"},
        {"allow": False, "type": "b", "access": "rw"},
        {"allow": True, "type": "b", "major": 254, "minor": 16, "access": "r"},
    ])
    assert report["disk"] == "--m"
    assert report["disk2"] == "r-m"
    assert report["null2"] == "rwm"


def test_devices_hold_for_exec(runtime, vm):
    rules = [DENY_ALL, {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rwm"}]
    container = runtime.container("exec", in_cgroup("exec", devices=rules)).start()
    result = container.exec("mknod /dev/disk b 254 0; head -c1 /dev/disk && echo read;"
                            " mknod /dev/null2 c 1 3 && echo x >/dev/null2 && echo wrote")
    assert "read" not in result.out and "wrote" in result.out, result


# ---- where processes are ------------------------------------------------------------------------

def test_cgroup_namespace_and_mount(runtime, vm):
    script = "cat /proc/self/cgroup; cat /sys/fs/cgroup/pids.max; mkdir /sys/fs/cgroup/x 2>/dev/null && echo writable"
    result = runtime.container("view", in_cgroup("view", script, pids={"limit": 44})).run()
    assert result.status == 0 or "writable" not in result.out, result
    assert result.out.split() == ["0::/", "44"], result


def test_writable_mount_is_a_subtree(runtime, vm):
    spec = in_cgroup("subtree", """
        mkdir /sys/fs/cgroup/leaf && echo 0 >/sys/fs/cgroup/leaf/cgroup.procs && cat /proc/self/cgroup""")
    spec["mounts"][-1]["options"].remove("ro")
    result = runtime.container("subtree", spec).run()
    assert result.out.split() == ["0::/leaf"], result
    assert vm.run("test -e /sys/fs/cgroup/vm/subtree").status != 0


def test_exec_joins_the_cgroup(runtime, vm):
    container = runtime.container("join", in_cgroup("join", pids={"limit": 40})).start()
    result = container.exec("sleep 777 >/dev/null 2>&1 & echo ok")
    assert result.status == 0, result
    pid = vm.check("pgrep -f '^sleep 777'").strip()
    assert vm.check(f"cat /proc/{pid}/cgroup").strip() == "0::/vm/join"


def test_exec_when_the_container_made_cgroups_of_its_own(runtime, vm):
    """As systemd in a container does: the container's own cgroup has controllers enabled, so it may hold no process."""
    script = """
        cd /sys/fs/cgroup && mkdir init.scope && echo 1 >init.scope/cgroup.procs && echo +pids >cgroup.subtree_control &&
        touch /tmp/done; exec sleep 1000"""
    spec = in_cgroup("inner", script)
    spec["mounts"][-1]["options"].remove("ro")
    container = runtime.container("inner", spec).start()
    wait_for(vm, "grep -q pids /sys/fs/cgroup/vm/inner/cgroup.subtree_control")
    result = container.exec("cat /proc/self/cgroup")
    assert result.status == 0, result
    assert result.out.startswith("0::/"), result
    assert container.delete("--force").status == 0
    assert vm.run("test -e /sys/fs/cgroup/vm/inner").status != 0


@pytest.mark.lacks(crun="writes its pid to cgroup.procs", runc="writes its pid to cgroup.procs")
def test_born_in_the_cgroup(runtime, vm):
    """CLONE_INTO_CGROUP: the kernel reports no move into the container's cgroup (a move waits for RCU)."""
    trace = "/run/vm-trace"
    vm.check(f"mkdir -p {trace} && mount -t tracefs tracefs {trace} && echo 1 >{trace}/events/cgroup/cgroup_attach_task/enable")
    try:
        result = runtime.container("born", in_cgroup("born", "cat /proc/self/cgroup", pids={"limit": 40})).run()
        assert result.status == 0, result
        moves = vm.check(f"cat {trace}/trace")
    finally:
        vm.check(f"echo 0 >{trace}/events/enable; umount {trace}; rmdir {trace}")
    assert "dst_path=/vm/born" not in moves, moves


def test_default_path_is_removed(runtime, vm):
    container = runtime.container("default", oci.config(resources={"pids": {"limit": 20}})).start()
    cgroup = container.cgroup()
    assert "default" in cgroup and container.read("pids.max") == "20"
    assert container.delete("--force").status == 0
    assert vm.run(f"test -e {cgroup}").status != 0


@pytest.mark.parametrize("path", ["/vm/../../../escaped", "../escaped", "/../escaped"])
def test_path_cannot_leave_the_hierarchy(runtime, vm, path):
    container = runtime.container("dots", oci.config(cgroups_path=path))
    if container.create().status == 0:
        assert "/.." not in container.real_cgroup()
    assert vm.run("test -e /sys/fs/escaped || test -e /sys/escaped || test -e /escaped").status != 0


def test_failed_create_leaves_no_cgroup(runtime, vm):
    spec = in_cgroup("failed", pids={"limit": 20}, devices=[DENY_ALL])
    spec["mounts"].append({"destination": "/tmp/x", "type": "bind", "source": "/no/such/source", "options": ["bind"]})
    assert runtime.container("failed", spec).create().status != 0
    assert vm.run("test -e /sys/fs/cgroup/vm/failed").status != 0


# ---- pause, kill, delete ------------------------------------------------------------------------

COUNT = "trap 'exit 0' TERM; i=0; while :; do i=$((i+1)); echo $i >/tmp/count; sleep 0.05; done"


def test_pause_stops_and_resume_continues(runtime, vm):
    container = runtime.container("pause", in_cgroup("pause", COUNT)).start()
    count = f"cat /proc/{container.state()['pid']}/root/tmp/count"
    wait_for(vm, f"[ \"$({count})\" -gt 0 ] 2>/dev/null")
    assert container.verb("pause").status == 0
    assert container.state()["status"] == "paused"
    assert "frozen 1" in container.read("cgroup.events")
    first = vm.check(count)
    assert vm.check(f"sleep 0.5; {count}") == first
    assert container.verb("resume").status == 0
    assert container.state()["status"] == "running"
    wait_for(vm, f"[ \"$({count})\" -gt {int(first)} ]")


def test_paused_container_is_deleted_by_force(runtime, vm):
    container = runtime.container("paused", in_cgroup("paused")).start()
    assert container.verb("pause").status == 0
    assert container.delete("--force").status == 0
    assert vm.run("test -e /sys/fs/cgroup/vm/paused").status != 0


def test_kill_reaches_a_paused_container_after_resume(runtime, vm):
    container = runtime.container("killpaused", in_cgroup("killpaused")).start()
    pid = container.state()["pid"]
    assert container.verb("pause").status == 0
    runtime.command("kill", "killpaused", "KILL")
    container.verb("resume")
    wait_for(vm, f"! [ -d /proc/{pid} ]")
    assert container.state()["status"] == "stopped"


@pytest.mark.lacks(runc="leaves child cgroups and their processes")
def test_force_delete_kills_every_process(runtime, vm):
    """The pid namespace is the host's, so only the cgroup knows the processes; one forks on, one sits in a child cgroup."""
    script = """
        mkdir /sys/fs/cgroup/child && (echo 0 >/sys/fs/cgroup/child/cgroup.procs; exec sleep 4711) &
        (while :; do sleep 0.01 & wait; done) & setsid sleep 4711 & sleep 4711"""
    spec = in_cgroup("force", script)
    spec["linux"]["namespaces"] = [entry for entry in spec["linux"]["namespaces"] if entry["type"] != "pid"]
    spec["mounts"][-1]["options"].remove("ro")
    container = runtime.container("force", spec).start()
    wait_for(vm, "[ \"$(pgrep -c -f '^sleep 4711')\" = 3 ]")
    assert container.delete("--force").status == 0
    assert vm.run("pgrep -f '^sleep 4711'").status != 0
    assert vm.run("test -e /sys/fs/cgroup/vm/force").status != 0


def test_delete_after_exit(runtime, vm):
    container = runtime.container("exited", in_cgroup("exited", "exit 3", pids={"limit": 20}))
    container.start()
    wait_for(vm, f"{runtime.program} --root {runtime.base}/state state exited | grep -q stopped")
    result = container.delete()
    assert result.status == 0, result
    assert vm.run("test -e /sys/fs/cgroup/vm/exited").status != 0


# ---- reports ------------------------------------------------------------------------------------

@pytest.mark.lacks(crun="has no events")
def test_stats(runtime, vm):
    container = runtime.container("stats", in_cgroup("stats", memory={"limit": MEMORY}, pids={"limit": 40})).start()
    result = container.verb("events", "--stats")
    assert result.status == 0, result
    event = json.loads(result.out)
    assert event["id"] == "stats" and event["type"] == "stats"
    data = event["data"]
    assert data["pids"]["limit"] == 40 and 1 <= data["pids"]["current"] <= 40
    assert data["memory"]["usage"]["limit"] == MEMORY and data["memory"]["usage"]["usage"] > 0
    assert data["cpu"]["usage"]["total"] > 0


def test_ps_lists_the_cgroup(runtime, vm):
    container = runtime.container("ps", in_cgroup("ps", "sleep 4712 & sleep 4713")).start()
    wait_for(vm, "pgrep -f '^sleep 4713'")
    result = container.verb("ps", "--format", "json")
    assert result.status == 0, result
    assert sorted(json.loads(result.out)) == sorted(int(pid) for pid in container.read("cgroup.procs").split())
    table = container.verb("ps")
    assert table.status == 0 and "PID" in table.out, table
    for pid in json.loads(result.out):
        assert re.search(rf"\b{pid}\b", table.out), table
