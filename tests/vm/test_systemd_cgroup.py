"""The systemd driver as root: each container is a scope that systemd knows, with its limits as properties."""

import json

import pytest

import oci

MEMORY = 64 << 20


def in_scope(name, script=None, parent="machine.slice", **resources):
    return oci.config(oci.shell(script) if script else None, f"{parent}:rung:{name}", resources)


def show(vm, unit, *properties, options=""):
    """Properties of a unit, as systemctl show prints them."""
    lines = vm.check(f"systemctl {options} show {' '.join('-p ' + name for name in properties)} {unit}").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def scope(container):
    """crun puts processes into a child of the scope; both forms are fine."""
    return container.cgroup().removesuffix("/container")


@pytest.mark.lacks(crun="does not tell systemd")
def test_scope_with_limits(systemd, vm):
    container = systemd.container("limits", in_scope(
        "limits", memory={"limit": MEMORY, "reservation": MEMORY // 2}, pids={"limit": 77},
        cpu={"quota": 30000, "period": 100000, "shares": 512, "cpus": "1"})).start()
    assert scope(container) == "/sys/fs/cgroup/machine.slice/rung-limits.scope"
    properties = show(vm, "rung-limits.scope", "ActiveState", "Delegate", "Slice", "MemoryMax", "MemoryLow", "TasksMax",
                      "CPUQuotaPerSecUSec", "AllowedCPUs")
    assert properties == {"ActiveState": "active", "Delegate": "yes", "Slice": "machine.slice", "MemoryMax": str(MEMORY),
                          "MemoryLow": str(MEMORY // 2), "TasksMax": "77", "CPUQuotaPerSecUSec": "300ms", "AllowedCPUs": "1"}
    files = container.read("memory.max", "memory.low", "pids.max", "cpu.max", "cpuset.cpus", "cpu.weight")
    assert files.pop("cpu.weight") in ("20", "59")
    assert files == {"memory.max": str(MEMORY), "memory.low": str(MEMORY // 2), "pids.max": "77",
                     "cpu.max": "30000 100000", "cpuset.cpus": "1"}


def test_limits_bite(systemd, vm):
    result = systemd.container("hog", in_scope("hog", "exec tail /dev/zero", memory={"limit": 16 << 20, "swap": 16 << 20})).run()
    assert result.status == 137, result


def test_unit_is_gone_after_delete(systemd, vm):
    container = systemd.container("gone", in_scope("gone")).start()
    assert show(vm, "rung-gone.scope", "ActiveState") == {"ActiveState": "active"}
    assert container.delete("--force").status == 0
    assert vm.run("systemctl is-active rung-gone.scope; test -e /sys/fs/cgroup/machine.slice/rung-gone.scope").status != 0
    assert show(vm, "rung-gone.scope", "LoadState", "ActiveState") == {"LoadState": "not-found", "ActiveState": "inactive"}


def test_name_can_be_used_again(systemd, vm):
    for _ in range(3):
        container = systemd.container("again", in_scope("again", "exit 7", pids={"limit": 20}))
        result = container.run()
        assert result.status == 7, result
        container.deleted = True


def test_failed_unit_does_not_stay(systemd, vm):
    """A scope whose process was killed for its memory is "failed" for systemd, and then blocks the name until reset."""
    container = systemd.container("failed", in_scope("failed", "exec tail /dev/zero", memory={"limit": 16 << 20, "swap": 16 << 20}))
    assert container.run().status == 137
    assert "rung-failed" not in vm.check("systemctl list-units --all --plain --no-legend 'rung-*'")
    assert systemd.container("failed", in_scope("failed", "exit 5")).run().status == 5


def test_failed_create_leaves_no_unit(systemd, vm):
    spec = in_scope("broken", pids={"limit": 20})
    spec["process"]["args"] = ["/no/such/program"]
    assert systemd.container("broken", spec).run().status != 0
    assert "rung-broken" not in vm.check("systemctl list-units --all --plain --no-legend 'rung-*'")


@pytest.mark.lacks(crun="does not tell systemd")
def test_update_reaches_systemd(systemd, vm):
    container = systemd.container("update", in_scope("update", memory={"limit": MEMORY}, pids={"limit": 50},
                                                     cpu={"quota": 30000, "period": 100000})).start()
    resources = {"memory": {"limit": MEMORY * 2}, "pids": {"limit": 60}, "cpu": {"quota": 50000, "period": 100000}}
    result = container.verb("update", "--resources", "-", stdin=json.dumps(resources))
    assert result.status == 0, result
    expected = {"memory.max": str(MEMORY * 2), "pids.max": "60", "cpu.max": "50000 100000"}
    assert container.read(*expected) == expected
    assert show(vm, "rung-update.scope", "MemoryMax", "TasksMax", "CPUQuotaPerSecUSec") == {
        "MemoryMax": str(MEMORY * 2), "TasksMax": "60", "CPUQuotaPerSecUSec": "500ms"}
    vm.check("systemctl daemon-reload")
    assert container.read(*expected) == expected


def test_devices_survive_daemon_reload(systemd, vm):
    """systemd attaches its own device program again when it reloads; runc issue 4568 lost GPUs that way."""
    rules = [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rwm"},
             {"allow": True, "type": "b", "major": 254, "minor": 16, "access": "rm"}]
    container = systemd.container("reload", in_scope("reload", devices=rules)).start()
    probe = """
        mknod /dev/disk b 254 0; mknod /dev/input b 254 16; mknod /dev/null2 c 1 3
        for name in disk input null2; do (exec 9</dev/$name) 2>/dev/null && echo $name; done
        rm /dev/disk /dev/input /dev/null2; true"""
    before = container.exec(probe)
    assert before.out.split() == ["input", "null2"], before
    vm.check("systemctl daemon-reload")
    after = container.exec(probe)
    assert after.out.split() == ["input", "null2"], after


def test_unified_keys_land(systemd, vm):
    unified = {"memory.high": str(MEMORY), "pids.max": "55", "cpu.weight": "321", "cpuset.cpus": "0"}
    container = systemd.container("unified", in_scope("unified", unified=unified)).start()
    assert container.read(*unified) == unified


def test_nested_slice(systemd, vm):
    container = systemd.container("nested", in_scope("nested", parent="vm-test-a.slice", pids={"limit": 20})).start()
    assert scope(container) == "/sys/fs/cgroup/vm.slice/vm-test.slice/vm-test-a.slice/rung-nested.scope"
    assert show(vm, "rung-nested.scope", "Slice") == {"Slice": "vm-test-a.slice"}


def test_default_path(systemd, vm):
    container = systemd.container("default", oci.config(resources={"pids": {"limit": 20}})).start()
    path = scope(container)
    assert path.startswith("/sys/fs/cgroup/system.slice/") and path.endswith("-default.scope"), path
    assert container.read("pids.max") == "20"
    assert container.delete("--force").status == 0
    assert vm.run(f"test -e {path}").status != 0


@pytest.mark.lacks(crun="takes every string")
@pytest.mark.parametrize("path", ["/not/of/this/form", "a:b", "no-slice:rung:x"])
def test_bad_path_is_refused(systemd, vm, path):
    result = systemd.container("badpath", oci.config(cgroups_path=path)).create()
    assert result.status != 0 and result.err.strip(), result


def test_name_cannot_leave_the_slice(systemd, vm):
    container = systemd.container("dots", oci.config(cgroups_path="machine.slice:rung:../../dots"))
    if container.create().status == 0:
        assert container.real_cgroup().startswith("/sys/fs/cgroup/machine.slice/rung-")


def test_properties_from_annotations(systemd, vm):
    spec = in_scope("annotations")
    spec["annotations"] = {"org.systemd.property.TimeoutStopUSec": "uint64 123000000",
                           "org.systemd.property.CollectMode": "'inactive-or-failed'"}
    systemd.container("annotations", spec).start()
    assert show(vm, "rung-annotations.scope", "TimeoutStopUSec", "CollectMode") == {
        "TimeoutStopUSec": "2min 3s", "CollectMode": "inactive-or-failed"}


def test_pause_exec_kill(systemd, vm):
    container = systemd.container("verbs", in_scope("verbs", pids={"limit": 40})).start()
    assert container.verb("pause").status == 0
    assert container.state()["status"] == "paused"
    assert "frozen 1" in container.read("cgroup.events")
    assert container.verb("resume").status == 0
    assert container.exec("cat /proc/self/cgroup").out.startswith("0::/")
    ps = container.verb("ps", "--format", "json")
    assert container.state()["pid"] in json.loads(ps.out), ps
    assert systemd.command("kill", "verbs", "KILL").status == 0
    vm.check(f"until {systemd.program} --root {systemd.base}/state state verbs | grep -q stopped; do sleep 0.1; done")
    assert container.delete().status == 0


def test_without_systemd_it_says_so(systemd, vm):
    """With its sockets hidden there is no systemd to ask."""
    container = systemd.container("nobus", in_scope("nobus"))
    hide = "mount -t tmpfs none /run/dbus && mount -t tmpfs none /run/systemd && "
    result = container.with_bundle(f"unshare -m sh -c '{hide}{container.words('create', '--bundle', container.bundle)}'")
    assert result.status != 0
    assert any(word in result.err.lower() for word in ("systemd", "d-bus", "dbus", "bus")), result
