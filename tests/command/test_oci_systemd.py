"""--systemd-cgroup against Debian's dbus-daemon and a stand-in for systemd (fake_systemd.py): what is asked for, where
the container lives, and that nothing is left. tests/vm does it with systemd itself."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

from conftest import needs_root, only_rung, wait_until

pytestmark = [needs_root, only_rung]

PYTHON = "/usr/bin/python3"  # Debian's: it has dbus and gi
LACKING = None
if not shutil.which("dbus-daemon"):
    LACKING = "no dbus-daemon"
elif subprocess.run([PYTHON, "-c", "import dbus, gi"], capture_output=True, check=False).returncode:
    LACKING = "no python3-dbus or python3-gi"

CONFIG = """<busconfig><type>system</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="true"/>
<allow receive_sender="*" eavesdrop="true"/></policy></busconfig>"""


class Systemd:
    def __init__(self, work):
        self.calls_file = work / "calls"
        self.slice = f"rungtest{os.getpid()}"

    def calls(self, name):
        lines = self.calls_file.read_text(encoding="utf-8").splitlines() if self.calls_file.exists() else []
        return [call for call in map(json.loads, lines) if call["call"] == name]

    def groups(self):
        return list(pathlib.Path("/sys/fs/cgroup").glob(f"**/{self.slice}*"))


@pytest.fixture
def systemd(container, work, monkeypatch):
    if LACKING:
        pytest.skip(LACKING)
    (work / "bus.conf").write_text(CONFIG.format(path=work / "bus"), encoding="utf-8")
    daemon = subprocess.Popen(["dbus-daemon", "--nofork", "--nopidfile", f"--config-file={work / 'bus.conf'}"])
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={work / 'bus'}")
    wait_until((work / "bus").exists, "dbus-daemon listens")
    one = Systemd(work)
    manager = subprocess.Popen([PYTHON, pathlib.Path(__file__).with_name("fake_systemd.py"), one.calls_file])
    wait_until(lambda: one.calls("ready"), "the stand-in has its name")
    container.linux["cgroupsPath"] = f"{one.slice}-sub.slice:pod:{container.id}"
    yield one
    container.oci("delete", "--force", container.id, globals_=["--systemd-cgroup"])
    for process in (manager, daemon):
        process.kill()
        process.wait()
    for path in sorted(one.groups(), key=lambda path: -len(str(path))):
        path.rmdir()


def start(container, **limits):
    container.linux["resources"] = {"devices": [{"allow": False, "access": "rwm"}], **limits}
    container.create("sleep", "1000", globals_=["--systemd-cgroup"])
    container.oci("start", container.id, check=0)


def test_scope(container, systemd):
    start(container, pids={"limit": 55}, cpu={"shares": 1024})
    unit = f"pod-{container.id}.scope"
    call, = systemd.calls("StartTransientUnit")
    assert (call["name"], call["mode"]) == (unit, "fail")
    given = call["properties"]
    assert given["Slice"] == f"{systemd.slice}-sub.slice"
    assert given["PIDs"] == [container.pid()]
    assert given["Delegate"] is True and given["DefaultDependencies"] is False
    assert given["TasksMax"] == 55
    assert given.get("CPUWeight") == 100 or given.get("CPUShares") == 1024
    v2 = container.cgroups()[""]
    assert str(v2).endswith(f"/{systemd.slice}.slice/{systemd.slice}-sub.slice/{unit}")
    assert container.cgroup_file("pids/pids.max", "pids.max") == "55"


def test_nothing_is_left(container, systemd):
    start(container)
    container.delete("--force")
    assert systemd.calls("StopUnit")
    left = [path for path in systemd.groups() if path.name.endswith(".scope")]
    assert not left


def test_annotations_become_properties(container, systemd):
    container.config["annotations"] = {"org.systemd.property.TimeoutStopSec": "uint64 2",
                                       "org.systemd.property.Wants": "['a.service', 'b.service']",
                                       "org.systemd.property.CollectMode": "'inactive'",
                                       "org.systemd.property.SendSIGHUP": "true"}
    start(container)
    given = systemd.calls("StartTransientUnit")[0]["properties"]
    assert given["TimeoutStopUSec"] == 2000000
    assert given["Wants"] == ["a.service", "b.service"]
    assert given["CollectMode"] == "inactive"
    assert given["SendSIGHUP"] is True


def test_bad_annotation(container, systemd):
    container.config["annotations"] = {"org.systemd.property.Nice": "very"}
    container.write()
    result = container.oci("run", "--bundle", container.bundle, container.id, globals_=["--systemd-cgroup"])
    assert result.status != 0
    assert "org.systemd.property.Nice" in result.errors
    assert not systemd.calls("StartTransientUnit")


def test_update(container, systemd):
    start(container)
    container.oci("update", "--pids-limit", "77", container.id, check=0)
    call, = systemd.calls("SetUnitProperties")
    assert call["name"] == f"pod-{container.id}.scope" and call["runtime"] is True
    assert call["properties"] == {"TasksMax": 77}
    assert container.cgroup_file("pids/pids.max", "pids.max") == "77"


def test_exec_and_kill(container, systemd):
    start(container)
    assert container.exec("echo", "inside", check=0).output == "inside\n"
    container.oci("kill", container.id, "KILL", check=0)
    container.wait_stopped()


@pytest.mark.parametrize("path", ["/a/b", "one:two", "a.slice:b:c:d", "../x.slice:a:b", "a--b.slice:c:d"])
def test_paths_that_are_none(container, systemd, path):
    container.linux["cgroupsPath"] = path
    container.write()
    result = container.oci("run", "--bundle", container.bundle, container.id, globals_=["--systemd-cgroup"])
    assert result.status != 0
    assert not systemd.calls("StartTransientUnit")


def test_nobody_answers(container, work, monkeypatch):
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={work}/nothing")
    if os.path.exists("/run/systemd/private"):
        pytest.skip("systemd runs here")
    container.linux["cgroupsPath"] = "a.slice:b:c"
    container.write()
    result = container.oci("run", "--bundle", container.bundle, container.id, globals_=["--systemd-cgroup"])
    assert result.status != 0
    assert "D-Bus" in result.errors
