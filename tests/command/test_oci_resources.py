"""linux.resources and the commands about them: limits as the cgroup files show them, update, events, pause, resume.

What only cgroup v2 or systemd can do is tested in tests/vm; here the machine's own cgroups are used, by root.
"""

import json
import os
import pathlib
import subprocess

import pytest

from conftest import NAME, OURS, lacking, needs_root, only_rung, wait_until

pytestmark = needs_root


def controllers():
    found = set()
    with open("/proc/self/cgroup", encoding="ascii") as file:
        for line in file:
            found |= set(line.split(":")[1].split(","))
    v2 = next((path for path in ("/sys/fs/cgroup/cgroup.controllers", "/sys/fs/cgroup/unified/cgroup.controllers")
               if os.path.exists(path)), None)
    if v2:
        with open(v2, encoding="ascii") as file:
            found |= set(file.read().split())
    return found


def needs(controller):
    return pytest.mark.skipif(controller not in controllers(), reason=f"no {controller} controller here")


def resources(container, **limits):
    container.linux["resources"] = {"devices": [{"allow": False, "access": "rwm"}], **limits}


@needs("memory")
def test_memory_limit(container):
    resources(container, memory={"limit": 64 << 20, "reservation": 32 << 20})
    container.start()
    assert container.cgroup_file("memory/memory.limit_in_bytes", "memory.max") == str(64 << 20)
    assert container.cgroup_file("memory/memory.soft_limit_in_bytes", "memory.low") == str(32 << 20)


@needs("memory")
def test_memory_limit_kills_and_is_named(container):
    resources(container, memory={"limit": 16 << 20})
    result = container.shell("a=x; while :; do a=$a$a; done", check=None)
    assert result.status == 137


@needs("pids")
def test_pids_limit(container):
    resources(container, pids={"limit": 7})
    container.start()
    assert container.cgroup_file("pids/pids.max", "pids.max") == "7"
    output = container.exec("sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do sleep 1000 <&- >&- 2>&- & done; echo done").errors
    assert "fork" in output.lower() or "resource" in output.lower()


@needs("pids")
@pytest.mark.parametrize("limit", [-1, 0])
def test_pids_unlimited(container, limit):
    if NAME == "crun":
        pytest.skip("crun writes the number as it is")
    resources(container, pids={"limit": limit})
    container.start()
    assert container.cgroup_file("pids/pids.max", "pids.max") == "max"


@needs("cpu")
def test_cpu(container):
    resources(container, cpu={"shares": 512, "quota": 50000, "period": 100000})
    container.start()
    groups = container.cgroups()
    if "cpu" in groups:
        assert container.cgroup_file("cpu/cpu.shares", "cpu.weight") == "512"
        if (groups["cpu"] / "cpu.cfs_quota_us").exists():
            assert container.cgroup_file("cpu/cpu.cfs_quota_us", "") == "50000"
    else:
        assert container.cgroup_file("", "cpu.max") == "50000 100000"


@needs("cpuset")
def test_cpuset(container):
    resources(container, cpu={"cpus": "0", "mems": "0"})
    container.start()
    assert container.cgroup_file("cpuset/cpuset.cpus", "cpuset.cpus") == "0"
    assert "Cpus_allowed_list:\t0\n" in container.exec("cat", "/proc/self/status", check=0).output


@needs("devices")
def test_devices_are_denied_by_default(container):
    resources(container)
    container.capabilities("CAP_MKNOD")
    output = container.shell("mknod /dev/kmsg2 c 1 11 2>/dev/null; ( : > /dev/kmsg2 ) 2>&1; echo x > /dev/null && "
                             "echo fine", check=None).output
    assert "fine" in output
    assert "not permitted" in output or "nonexistent" in output


@needs("devices")
def test_devices_allowed(container):
    resources(container, devices=[{"allow": False, "access": "rwm"},
                                  {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "wm"}])
    container.capabilities("CAP_MKNOD")
    output = container.shell("mknod /dev/kmsg2 c 1 11 && : > /dev/kmsg2 && echo opened; cat /dev/kmsg2 2>&1; true").output
    assert "opened" in output and "not permitted" in output


@only_rung
@needs("devices")
def test_devices_that_the_cgroup_above_denies(container):
    """As inside of another container: the story says where the rule has to come from."""
    above = pathlib.Path(f"/sys/fs/cgroup/devices/rung-test-{os.getpid()}-denied")
    if not above.parent.is_dir() or os.geteuid() != 0:
        pytest.skip("a device rule from above is set by root in cgroup v1")
    above.mkdir()
    try:
        (above / "devices.deny").write_text("a", encoding="ascii")
        container.linux["cgroupsPath"] = f"/{above.name}/child"
        resources(container, devices=[{"allow": True, "type": "c", "major": 10, "minor": 200, "access": "rwm"}])
        assert "outer" in container.fails("true", saying="device rules.*10:200")
    finally:
        subprocess.run(["find", "/sys/fs/cgroup", "-depth", "-type", "d", "-name", above.name, "-exec", "rmdir", "{}",
                        ";"], check=False)


def test_cgroup_path(container):
    container.linux["cgroupsPath"] = f"/rung-test-{os.getpid()}-parent/child"
    container.start()
    assert any(str(path).endswith(f"/rung-test-{os.getpid()}-parent/child") for path in container.cgroups().values())
    container.delete("--force")
    subprocess.run(["find", "/sys/fs/cgroup", "-depth", "-type", "d", "-name", f"rung-test-{os.getpid()}-parent",
                    "-exec", "rmdir", "{}", ";"], check=False)


@only_rung
@pytest.mark.parametrize("path", ["/../escape", "/a/../../b", "../b", "/a\nb", "/" + "x" * 5000])
def test_cgroup_path_out_of_the_tree(container, path):
    container.linux["cgroupsPath"] = path
    container.fails("true", saying="cgroup")


def test_cgroup_namespace_hides_the_path(container):
    output = container.shell("cat /proc/self/cgroup").output
    if NAME != "runc":
        assert container.id not in output


def test_cgroups_are_gone_after_delete(container):
    container.start("sh", "-c", "sleep 1000 & sleep 1000")
    groups = [path for path in container.cgroups().values() if container.id in str(path)]
    assert groups
    container.delete("--force")
    assert not [path for path in groups if path.exists()]


def test_cgroup_with_children_is_removed(container):
    container.start()
    for path in container.cgroups().values():
        if container.id in str(path):
            (path / "child").mkdir()
    groups = list(container.cgroups().values())
    container.delete("--force")
    assert not [path for path in groups if container.id in str(path) and path.exists()]


# ---- update ---------------------------------------------------------------------------------------------------------

@needs("memory")
def test_update_by_options(container):
    resources(container, memory={"limit": 64 << 20})
    container.start()
    container.oci("update", "--memory", str(32 << 20), "--pids-limit", "9", container.id, check=0)
    assert container.cgroup_file("memory/memory.limit_in_bytes", "memory.max") == str(32 << 20)
    assert container.cgroup_file("pids/pids.max", "pids.max") == "9"


@needs("memory")
@pytest.mark.parametrize("way", ["file", "input"])
def test_update_by_resources(container, way):
    container.start()
    text = json.dumps({"memory": {"limit": 48 << 20}, "pids": {"limit": 11}})
    if way == "file":
        (container.work / "new.json").write_text(text, encoding="utf-8")
        container.oci("update", "--resources", container.work / "new.json", container.id, check=0)
    else:
        with (container.work / "new.json").open("w+", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            file.seek(0)
            container.oci("update", "--resources", "-", container.id, check=0, stdin=file)
    assert container.cgroup_file("memory/memory.limit_in_bytes", "memory.max") == str(48 << 20)
    assert container.cgroup_file("pids/pids.max", "pids.max") == "11"


@needs("cpu")
def test_update_cpu(container):
    resources(container, cpu={"shares": 512})
    container.start()
    container.oci("update", "--cpu-share", "256", container.id, check=0)
    if "cpu" in container.cgroups():
        assert container.cgroup_file("cpu/cpu.shares", "") == "256"


@pytest.mark.parametrize("text", ["{", "[]", '{"memory":5}', '{"memory":{"limit":"5"}}', '{"pids":{"limit":1e30}}'])
def test_wrong_update_changes_nothing(container, text):
    if not OURS and text == "[]":
        pytest.skip(f"{NAME} takes it")
    if NAME == "crun":
        pytest.skip("crun takes most of these")
    container.start()
    (container.work / "new.json").write_text(text, encoding="utf-8")
    result = container.oci("update", "--resources", container.work / "new.json", container.id)
    assert result.status != 0 and result.errors
    assert container.status() == "running"


def test_update_of_nobody(container):
    result = container.oci("update", "--pids-limit", "5", "nobody")
    assert result.status != 0 and result.errors


# ---- pause, resume --------------------------------------------------------------------------------------------------

def test_pause_and_resume(container):
    container.start("sh", "-c", "while :; do echo tick; sleep 0.02; done")
    wait_until(container.output, "the program writes")
    container.oci("pause", container.id, check=0)
    assert container.status() == "paused"
    before = container.output()
    subprocess.run(["sleep", "0.3"], check=True)
    assert container.output() == before
    container.oci("resume", container.id, check=0)
    assert container.status() == "running"
    wait_until(lambda: container.output() != before, "the program goes on")


def test_pause_twice_and_resume_twice(container):
    container.start()
    container.oci("pause", container.id, check=0)
    container.oci("pause", container.id)
    assert container.status() == "paused"
    container.oci("resume", container.id, check=0)
    assert container.oci("resume", container.id).status != 0 or NAME in ("crun", "rung")
    assert container.status() == "running"


def only_v1(container):
    """Shows the container's commands a machine without v2."""
    freezer = pathlib.Path("/sys/fs/cgroup/freezer/tasks")
    if os.geteuid() != 0 or not freezer.exists() or not os.path.exists("/sys/fs/cgroup/unified/cgroup.procs"):
        pytest.skip("the view of cgroup v1 alone is made by root from a machine with both")
    container.view = [str(pathlib.Path(__file__).with_name("v1-view"))]


@only_rung
def test_the_first_pause_joins_the_freezer(container):
    """Where only cgroup v1 is: its freezer is for those who are paused."""
    only_v1(container)
    container.start("sh", "-c", "sleep 1000 & while :; do sleep 0.02; done")
    own = container.cgroups()["memory"].name
    assert container.cgroups()["freezer"].name != own
    container.oci("pause", container.id, check=0)
    assert container.status() == "paused"
    freezer = container.cgroups()["freezer"]
    assert freezer.name == own and (freezer / "freezer.state").read_text(encoding="ascii") == "FROZEN\n"
    everybody = (container.cgroups()["memory"] / "cgroup.procs").read_text(encoding="ascii").split()
    assert len(everybody) >= 2
    assert sorted((freezer / "cgroup.procs").read_text(encoding="ascii").split()) == sorted(everybody)
    container.oci("resume", container.id, check=0)
    assert container.status() == "running"
    container.oci("pause", container.id, check=0)
    container.delete("--force")
    assert not freezer.exists()


@only_rung
def test_who_shares_pids_is_in_the_freezer_from_the_start(container):
    """Killing its first process does not end the others; who is frozen cannot fork away."""
    only_v1(container)
    container.drop_namespace("pid")
    container.start("sh", "-c", "sleep 1000 & sleep 1000")
    assert container.cgroups()["freezer"].name == container.cgroups()["memory"].name
    container.delete("--force")


def test_kill_and_delete_of_a_paused_container(container):
    container.start()
    container.oci("pause", container.id, check=0)
    container.delete("--force")
    assert container.oci("state", container.id).status != 0


def test_exec_in_a_paused_container_is_refused(container):
    container.start()
    container.oci("pause", container.id, check=0)
    result = container.exec("true", timeout_s=20)
    container.oci("resume", container.id, check=0)
    assert result.status != 0 and "paused" in result.errors


# ---- events ---------------------------------------------------------------------------------------------------------

@lacking("crun")
def test_events_stats(container):
    resources(container, memory={"limit": 64 << 20}, pids={"limit": 50})
    container.start()
    event = json.loads(container.oci("events", "--stats", container.id, check=0).output)
    assert event["type"] == "stats" and event["id"] == container.id
    data = event["data"]
    assert data["pids"]["current"] >= 1
    if "pids" in controllers():
        assert data["pids"]["limit"] == 50
    assert data["memory"]["usage"]["limit"] == 64 << 20
    assert data["memory"]["usage"]["usage"] > 0
    assert data["cpu"]["usage"]["total"] > 0


@lacking("crun")
def test_events_at_intervals(container):
    container.start()
    process = container.spawn("events", "--interval", "100ms" if NAME == "runc" else "1s", container.id)
    wait_until(lambda: os.pread(process.saved[0].fileno(), 1 << 20, 0).count(b'"stats"') >= 2, "two events")
    container.oci("kill", container.id, "KILL", check=0)
    if not OURS:
        process.kill()
    assert container.result(process).status == 0 or not OURS


@lacking("crun")
@needs("memory")
def test_events_tell_of_an_oom_kill(container):
    resources(container, memory={"limit": 32 << 20})
    container.start()
    process = container.spawn("events", "--interval", "100s", container.id)
    wait_until(lambda: os.listdir(f"/proc/{process.pid}/fd"), "events is there")
    subprocess.run(["sleep", "0.5"], check=True)
    container.exec("sh", "-c", "a=x; while :; do a=$a$a; done")
    wait_until(lambda: b'"oom"' in os.pread(process.saved[0].fileno(), 1 << 20, 0), "the oom event")
    process.kill()
    container.result(process)


# ---- what cannot be honoured ----------------------------------------------------------------------------------------

@only_rung
@pytest.mark.parametrize("limits", [{"memory": {"limit": -5}}, {"cpu": {"cpus": "banana"}}, {"cpu": {"cpus": "999"}},
                                    {"hugepageLimits": [{"pageSize": "3KB", "limit": 1}]},
                                    {"unified": {"../escape": "1"}}, {"unified": {"a/b": "1"}},
                                    {"devices": [{"allow": True, "type": "q", "access": "r"}]},
                                    {"devices": [{"allow": True, "type": "c", "access": "xyz"}]},
                                    {"pids": {"limit": "many"}}])
def test_wrong_limits_are_refused(container, limits):
    resources(container, **limits)
    container.fails("true")


@only_rung
def test_a_limit_without_its_controller_is_an_error(container):
    if "hugetlb" in controllers():
        pytest.skip("this machine has the hugetlb controller")
    resources(container, hugepageLimits=[{"pageSize": "2MB", "limit": 4 << 20}])
    container.fails("true", saying="hugetlb|hugepage")
