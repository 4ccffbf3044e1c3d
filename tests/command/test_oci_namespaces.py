"""Namespaces, new and joined; what belongs to them: names, sysctls, time offsets, ids, network devices."""

import os
import pathlib
import subprocess

import pytest

from conftest import NAME, OURS, ROOT, lacking, needs_root, only_rung, subordinate

PROC_NAMES = {"pid": "pid", "network": "net", "ipc": "ipc", "uts": "uts", "mount": "mnt", "cgroup": "cgroup",
              "user": "user", "time": "time"}


def link(kind, pid="self"):
    return os.readlink(f"/proc/{pid}/ns/{PROC_NAMES[kind]}")


def inside(container, kind):
    return container.shell(f"readlink /proc/self/ns/{PROC_NAMES[kind]}").output.strip()


@pytest.fixture
def holder():
    """A process that keeps namespaces of its own: holder("network", "uts") → pid."""
    running = []

    def make(*kinds):
        words = ["unshare", *(f"--{PROC_NAMES[kind] if kind != 'mount' else 'mount'}" for kind in kinds)]
        process = subprocess.Popen([*words, "sh", "-c", "echo ready; exec sleep 1000"], stdout=subprocess.PIPE)
        running.append(process)
        assert process.stdout.readline() == b"ready\n"
        return process.pid

    yield make
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("kind", ["pid", "network", "ipc", "uts", "mount", "cgroup"])
def test_new_namespace(container, kind):
    assert inside(container, kind) != link(kind)


@pytest.mark.parametrize("kind", ["network", "ipc", "uts", "cgroup"])
def test_shared_namespace(container, kind):
    if not ROOT and kind in ("network", "ipc"):
        pytest.skip("an ordinary user cannot mount sysfs or mqueue of the host")
    container.drop_namespace(kind)
    if kind == "uts":
        del container.config["hostname"]
    if kind == "ipc":
        container.config["mounts"] = [entry for entry in container.config["mounts"] if entry["type"] != "mqueue"]
    assert inside(container, kind) == link(kind)


@needs_root
def test_shared_pid_namespace(container):
    container.drop_namespace("pid")
    assert int(container.shell("echo $$").output) > 1


@needs_root
@pytest.mark.parametrize("kind", ["network", "ipc", "uts"])
def test_joined_namespace(container, holder, kind):
    pid = holder(kind)
    container.namespace(kind, f"/proc/{pid}/ns/{PROC_NAMES[kind]}")
    if kind == "uts":
        del container.config["hostname"]
    assert inside(container, kind) == link(kind, pid)


@needs_root
def test_joined_pid_namespace_of_another_container(container):
    container.start("sleep", "1000")
    other = container.another()
    other.namespace("pid", f"/proc/{container.pid()}/ns/pid")
    output = other.shell("ps | grep 'sleep 1000' | grep -v grep | head -n 1").output
    assert output.split()[0] == "1"


@needs_root
def test_joined_network_and_ipc_of_another_container(container):
    """What a pod is."""
    container.start("sleep", "1000")
    other = container.another()
    pid = container.pid()
    for kind in ("network", "ipc"):
        other.namespace(kind, f"/proc/{pid}/ns/{PROC_NAMES[kind]}")
    output = other.shell("readlink /proc/self/ns/net /proc/self/ns/ipc; "
                         "for n in net ipc; do readlink /proc/self/ns/$n; done").output
    assert link("network", pid) in output and link("ipc", pid) in output


@pytest.mark.parametrize("path", ["/proc/self/ns/uts", "/etc/passwd", "/no/such/path"])
def test_joining_what_is_no_such_namespace(container, path):
    container.namespace("network", path)
    container.fails("true")


@pytest.mark.parametrize("kind", ["nonsense", "", 5])
def test_unknown_namespace(container, kind):
    container.linux["namespaces"].append({"type": kind})
    container.fails("true", saying="namespace")


@lacking("crun")
def test_namespace_given_twice(container):
    container.linux["namespaces"].append({"type": "pid"})
    container.fails("true", saying="pid")


# ---- uts ------------------------------------------------------------------------------------------------------------

def test_hostname(container):
    container.config["hostname"] = "some-where"
    assert container.shell("hostname").output == "some-where\n"


@lacking("runc")
def test_domainname(container):
    container.config["domainname"] = "example.org"
    assert container.shell("cat /proc/sys/kernel/domainname").output == "example.org\n"


def test_hostname_needs_a_namespace(container):
    container.drop_namespace("uts")
    container.fails("true", saying="hostname")


@only_rung
def test_hostname_that_is_too_long(container):
    container.config["hostname"] = "x" * 65
    container.fails("true", saying="host ?name")


# ---- sysctl ---------------------------------------------------------------------------------------------------------

def test_sysctl(container):
    container.linux["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "4096"}
    if not ROOT:
        container.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
        assert container.shell("cat /proc/sys/net/ipv4/ip_forward").output == "1\n"
        return
    output = container.shell("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax").output
    assert output == "1\n4096\n"
    assert pathlib.Path("/proc/sys/kernel/msgmax").read_text(encoding="ascii") != "4096\n"


def test_sysctl_of_the_host_is_refused(container):
    container.linux["sysctl"] = {"kernel.panic": "0"}
    container.fails("true", saying="kernel.panic")


def test_sysctl_of_a_shared_namespace_is_refused(container):
    container.drop_namespace("network")
    container.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    container.fails("true", saying="net.ipv4.ip_forward")


@pytest.mark.parametrize("name", ["net/../kernel/panic", "net.ipv4.no_such_thing", "net...ipv4", "/etc/passwd"])
def test_strange_sysctl_is_refused(container, name):
    container.linux["sysctl"] = {name: "1"}
    container.fails("true")


# ---- time -----------------------------------------------------------------------------------------------------------

@lacking("crun", "runc")
def test_time_offsets(container):
    container.namespace("time")
    container.linux["timeOffsets"] = {"boottime": {"secs": 1000000, "nanosecs": 0}, "monotonic": {"secs": 500}}
    uptime = float(container.shell("cat /proc/uptime").output.split()[0])
    own = float(pathlib.Path("/proc/uptime").read_text(encoding="ascii").split()[0])
    assert -60 < uptime - own - 1000000 < 3600
    assert inside(container, "time") != link("time")


@only_rung
def test_time_offsets_need_a_namespace(container):
    container.linux["timeOffsets"] = {"boottime": {"secs": 1}}
    container.fails("true", saying="time")


@lacking("crun", "runc")
def test_exec_is_in_the_time_namespace(container):
    container.namespace("time")
    container.linux["timeOffsets"] = {"boottime": {"secs": 1000000}}
    container.start()
    assert float(container.exec("cat", "/proc/uptime", check=0).output.split()[0]) >= 1000000


# ---- user -----------------------------------------------------------------------------------------------------------

@needs_root
def test_user_namespace_of_root(container):
    container.map_ids(100000, 65536)
    output = container.shell("id -u; cat /proc/self/uid_map /proc/self/gid_map; stat -c %u /bin; touch /var/mine; "
                             "echo 1 > /proc/sys/kernel/panic 2>/dev/null || echo walled").output.split()
    assert output == ["0", "0", "100000", "65536", "0", "100000", "65536", "0", "walled"]
    assert os.stat(container.rootfs / "var/mine").st_uid == 100000


@needs_root
def test_user_namespace_with_several_ranges(container):
    container.map_ids(100000, 1000)
    container.linux["uidMappings"].append({"containerID": 1000, "hostID": 200000, "size": 1000})
    container.process["user"]["uid"] = 1000
    container.capabilities()
    container.process["args"] = ["sleep", "1000"]
    container.start("sleep", "1000")
    assert os.stat(f"/proc/{container.pid()}").st_uid == 200000


@needs_root
def test_exec_in_a_user_namespace(container):
    container.map_ids()
    container.start()
    output = container.exec("sh", "-c", "id -u; cat /proc/self/uid_map", check=0).output.split()
    assert output == ["0", "0", "100000", "65536"]


@pytest.mark.parametrize("maps", [[], [{"containerID": 0, "hostID": 100000, "size": 0}],
                                  [{"containerID": 0, "hostID": 1, "size": 10}, {"containerID": 5, "hostID": 50,
                                                                                 "size": 10}],
                                  [{"containerID": 0, "hostID": 4294967295, "size": 10}],
                                  [{"containerID": -1, "hostID": 0, "size": 1}]])
def test_wrong_mappings_are_refused(container, maps):
    if NAME == "crun" and not maps:
        pytest.skip("crun makes up a mapping")
    container.namespace("user")
    container.linux["uidMappings"] = maps
    container.linux["gidMappings"] = maps
    container.fails("true")


def test_mappings_without_a_namespace(container):
    container.drop_namespace("user")
    container.linux["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 10}]
    container.linux["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 10}]
    if OURS:
        container.fails("true", saying="user")


@pytest.mark.skipif(ROOT, reason="for ordinary users")
def test_ordinary_user_with_one_id(container):
    output = container.shell("id -u; cat /proc/self/uid_map; touch /var/mine").output.split()
    assert output == ["0", "0", str(os.geteuid()), "1"]
    assert os.stat(container.rootfs / "var/mine").st_uid == os.geteuid()


@pytest.mark.skipif(ROOT or not subordinate("uid") or not subordinate("gid"),
                    reason="for ordinary users with a range in /etc/subuid and /etc/subgid")
def test_ordinary_user_with_a_range(container):
    for kind, own in (("uid", os.geteuid()), ("gid", os.getegid())):
        first, count = subordinate(kind)
        container.linux[f"{kind}Mappings"] = [{"containerID": 0, "hostID": own, "size": 1},
                                              {"containerID": 1, "hostID": first, "size": min(count, 65535)}]
    container.process["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [2000]}
    container.capabilities()
    output = container.shell("id -u; id -G; touch /tmp/mine").output.splitlines()
    assert output == ["1000", "1000 2000"]
    assert os.stat(container.rootfs / "tmp/mine").st_uid == subordinate("uid")[0] + 999
    # What another id made can only be removed from inside.
    container.process["user"] = {"uid": 0, "gid": 0}
    container.capabilities("CAP_DAC_OVERRIDE", "CAP_FOWNER")
    container.shell("rm /tmp/mine")


@pytest.mark.skipif(ROOT, reason="for ordinary users")
def test_ordinary_user_cannot_take_what_is_not_his(container):
    container.linux["uidMappings"] = [{"containerID": 0, "hostID": 0, "size": 1}]
    container.fails("true")


# ---- network --------------------------------------------------------------------------------------------------------

def test_loopback_is_up(container):
    assert "UP" in container.shell("ip link show lo").output.split("<")[1].split(">")[0]


@needs_root
@only_rung
@pytest.mark.parametrize("name", ["", "inside0"])
def test_network_device_moves_in(container, name):
    device = f"rt{os.getpid()}"
    made = subprocess.run(["ip", "link", "add", device, "type", "dummy"], check=False, capture_output=True)
    if made.returncode != 0:
        made = subprocess.run(["ip", "link", "add", device, "type", "veth", "peer", "name", f"{device}p"], check=False,
                              capture_output=True)
    if made.returncode != 0:
        pytest.skip("this kernel makes neither dummy nor veth devices")
    try:
        subprocess.run(["ip", "address", "add", "198.51.100.7/24", "dev", device], check=True)
        container.linux["netDevices"] = {device: {"name": name} if name else {}}
        container.capabilities("CAP_NET_ADMIN")
        output = container.shell("ip address").output
        assert f"{name or device}" in output
        assert "198.51.100.7/24" in output
        assert not os.path.exists(f"/sys/class/net/{device}")
    finally:
        subprocess.run(["ip", "link", "del", device], check=False, capture_output=True)


@needs_root
@only_rung
def test_network_device_that_does_not_exist(container):
    container.linux["netDevices"] = {"nosuchdev0": {}}
    container.fails("true", saying="nosuchdev0")


@only_rung
@pytest.mark.parametrize("devices", [{"a/b": {}}, {"x" * 16: {}}, {"..": {}}, {"eth0": {"name": "a b"}}])
def test_strange_network_device_names(container, devices):
    container.linux["netDevices"] = devices
    container.fails("true", saying="netDevices")
