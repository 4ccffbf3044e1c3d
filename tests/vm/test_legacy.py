"""The same kernel booted with cgroup v1: systemd mounts each controller apart, and an empty v2 hierarchy beside them."""

import json
import re

import pytest

import conftest
import oci

MEMORY = 64 << 20


@pytest.fixture(scope="module")
def vm(program, request):
    """A machine of its own; the other one, if it runs, is left alone."""
    vm = conftest.boot(program, "systemd.unified_cgroup_hierarchy=0")
    yield vm
    vm.stop()


@pytest.fixture(scope="module")
def known(vm):
    return set(vm.check(oci.INVENTORY).splitlines())


def limited(path, script=None, **resources):
    return oci.config(oci.shell(script) if script else None, path, resources)


def v1(controller, path, name):
    return f"/sys/fs/cgroup/{controller}{path}/{name}"


LIMITS = {"memory": {"limit": MEMORY}, "pids": {"limit": 77},
          "cpu": {"quota": 30000, "period": 60000, "shares": 512, "cpus": "1", "mems": "0"}}


def check_limits(vm, path):
    files = {"memory/memory.limit_in_bytes": str(MEMORY), "pids/pids.max": "77", "cpu/cpu.cfs_quota_us": "30000",
             "cpu/cpu.cfs_period_us": "60000", "cpu/cpu.shares": "512", "cpuset/cpuset.cpus": "1"}
    names = [v1(*name.split("/")[:1], path, name.split("/")[1]) for name in files]
    assert vm.check("cat " + " ".join(names)).split() == list(files.values())


def test_the_machine_is_hybrid(vm):
    assert "cgroup2" in vm.check("grep /sys/fs/cgroup/unified /proc/mounts")
    assert vm.check("cat /sys/fs/cgroup/unified/cgroup.controllers").strip() == ""


def test_limits_land_in_files(runtime, vm):
    container = runtime.container("limits", limited("/limits", **LIMITS)).start()
    check_limits(vm, "/limits")
    assert container.delete("--force").status == 0
    assert vm.check("find /sys/fs/cgroup -type d -name limits") == ""


def test_systemd_scope(systemd, vm):
    container = systemd.container("scope", limited("machine.slice:rung:scope", **LIMITS)).start()
    check_limits(vm, "/machine.slice/rung-scope.scope")
    assert container.delete("--force").status == 0
    assert vm.check("find /sys/fs/cgroup -type d -name rung-scope.scope") == ""
    assert "rung-scope" not in vm.check("systemctl list-units --all --plain --no-legend 'rung-*'")


def test_memory_hog_is_killed(runtime, vm):
    result = runtime.container("hog", limited("/hog", "exec tail /dev/zero", memory={"limit": 16 << 20})).run()
    assert result.status == 137, result


def test_pids_limit_stops_fork(runtime, vm):
    script = "i=0; while [ $i -lt 20 ]; do sleep 30 & i=$((i+1)); done; echo started all"
    result = runtime.container("pids", limited("/pids", script, pids={"limit": 6})).run()
    assert "started all" not in result.out and re.search(r"fork|unavailable", result.err), result


def test_devices(runtime, vm):
    rules = [{"allow": False, "access": "rwm"}, {"allow": True, "type": "b", "major": 254, "minor": 16, "access": "rm"}]
    script = """
        mknod /dev/d1 b 254 0; mknod /dev/d2 b 254 16
        for d in d1 d2; do (exec 9</dev/$d) 2>/dev/null && echo $d; done; true"""
    result = runtime.container("devices", limited("/devices", script, devices=rules)).run()
    assert result.out.split() == ["d2"], result


def test_pause_update_exec(runtime, vm):
    container = runtime.container("verbs", limited("/verbs", **LIMITS)).start()
    assert container.verb("pause").status == 0
    assert container.state()["status"] == "paused"
    # Since Linux 5.2 the v2 hierarchy beside the v1 ones can freeze as well, without any controller.
    frozen = f"cat {v1('freezer', '/verbs', 'freezer.state')} {v1('unified', '/verbs', 'cgroup.events')}"
    assert re.search("FROZEN|frozen 1", vm.run(frozen).out)
    assert container.verb("resume").status == 0
    resources = {"memory": {"limit": MEMORY * 2}, "pids": {"limit": 60}}
    result = container.verb("update", "--resources", "-", stdin=json.dumps(resources))
    assert result.status == 0, result
    assert vm.check(f"cat {v1('memory', '/verbs', 'memory.limit_in_bytes')} {v1('pids', '/verbs', 'pids.max')}").split() == [
        str(MEMORY * 2), "60"]
    result = container.exec("sleep 777 >/dev/null 2>&1 & true")
    assert result.status == 0, result
    pid = vm.check("pgrep -f '^sleep 777'").strip()
    lines = vm.check(f"cat /proc/{pid}/cgroup").splitlines()
    for controller in LIMITS:
        assert any(controller in line.split(":")[1].split(",") and line.endswith(":/verbs") for line in lines), lines


def test_force_delete_kills_every_process(runtime, vm):
    spec = limited("/force", "setsid sleep 4711 & sleep 4711", pids={"limit": 40})
    spec["linux"]["namespaces"] = [entry for entry in spec["linux"]["namespaces"] if entry["type"] != "pid"]
    container = runtime.container("force", spec).start()
    vm.check("until [ \"$(pgrep -c -f '^sleep 4711')\" = 2 ]; do sleep 0.1; done")
    assert container.delete("--force").status == 0
    assert vm.run("pgrep -f '^sleep 4711'").status != 0
    assert vm.check("find /sys/fs/cgroup -type d -name force") == ""
