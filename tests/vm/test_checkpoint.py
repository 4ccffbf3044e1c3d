"""checkpoint and restore by criu: in a machine, for criu 3.17 does not understand kernels much newer than itself.

The witness is a shell that counts in its memory and appends each number to a file of a bind mount: the file holds
1, 2, 3 ... without a gap or a new start exactly if the program goes on where it was.
"""

import json
import re

import pytest

import oci
from test_cgroup2 import parent_cgroup, wait_for  # noqa: F401, the fixture is for these tests too

COUNT = "i=0; while [ ! -e /data/stop ]; do i=$((i+1)); echo $i >>/data/log; sleep 0.1; done; exit 7"
ROOTFS = "/srv/counter"
BASE = "/run/counter"


@pytest.fixture(autouse=True)
def directories(vm):
    """A root that may be written to, and places for data and images."""
    if vm.run("command -v criu").status != 0:
        pytest.skip("the machine has no criu")
    vm.check(f"mkdir {BASE} && cp -a {oci.ROOTFS} {ROOTFS} && mkdir {BASE}/data {BASE}/other {BASE}/work")
    yield
    vm.check(f"rm -rf {BASE} {ROOTFS}")


def counter(name, data="data", script=COUNT):
    spec = oci.config(oci.shell(script), f"/vm/{name}", {"pids": {"limit": 50}})
    spec["root"] = {"path": ROOTFS}
    spec["mounts"][3:3] = [
        {"destination": "/data", "type": "bind", "source": f"{BASE}/{data}", "options": ["rbind", "rw"]},
        {"destination": "/etc/hostname", "type": "bind", "source": "/etc/hostname", "options": ["bind", "ro"]},
        {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
         "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
        {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]},
        {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
    ]
    spec["linux"]["maskedPaths"] = ["/proc/kcore", "/proc/keys", "/proc/acpi", "/sys/firmware"]
    spec["linux"]["readonlyPaths"] = ["/proc/sys", "/proc/bus"]
    return spec


def log(vm, data="data"):
    return [int(line) for line in vm.check(f"cat {BASE}/{data}/log").split()]


def wait_for_number(vm, number, data="data"):
    wait_for(vm, f"[ \"$(tail -n 1 {BASE}/{data}/log)\" -ge {number} ] 2>/dev/null")


def begin(container):
    """Its streams are /dev/null: runc cannot write down files of the host's."""
    words = f"{container.words('create', '--bundle', container.bundle)} </dev/null >/dev/null 2>&1"
    result = container.with_bundle(words, container.words("start"))
    assert result.status == 0, result


def start(runtime, vm, name="count", **keywords):
    container = runtime.container(name, counter(name, **keywords))
    begin(container)
    wait_for_number(vm, 3)
    return container


def checkpoint(container, *options, images="images"):
    result = container.verb("checkpoint", "--image-path", f"{BASE}/{images}", "--work-path", f"{BASE}/work", *options)
    assert result.status == 0, result


def restore(container, *options, images="images"):
    """In the background."""
    words = container.words("restore", "--detach", "--bundle", container.bundle, "--image-path", f"{BASE}/{images}",
                            "--work-path", f"{BASE}/work", *options)
    return container.with_bundle(words + " </dev/null >/dev/null")


def restored(container, *options, **keywords):
    result = restore(container, *options, **keywords)
    assert result.status == 0, result
    assert container.state()["status"] == "running"


def is_gone(runtime, vm, container):
    assert runtime.command("state", container.name).status != 0
    assert container.name not in runtime.command("list", "-q").out
    assert vm.run(f"test -e {container.path}").status != 0


# ---- a program goes on --------------------------------------------------------------------------

def test_it_goes_on_where_it_was(runtime, vm, program):
    container = start(runtime, vm)
    mounts = "while read -r a b c d where how rest; do echo $where $how; done </proc/self/mountinfo"
    before = sorted(container.exec(mounts).out.split("\n"))
    names = vm.check(f"ls -A {ROOTFS} {ROOTFS}/dev")
    checkpoint(container)
    last = log(vm)[-1]
    is_gone(runtime, vm, container)
    assert vm.check(f"sleep 0.5; tail -n 1 {BASE}/data/log").strip() == str(last)

    restored(container)
    wait_for_number(vm, last + 5)
    numbers = log(vm)
    assert numbers == list(range(1, len(numbers) + 1))
    assert container.read("cgroup.procs", "pids.max")["pids.max"] == "50"
    assert str(container.state()["pid"]) in container.read("cgroup.procs").split()
    if program.foreign is None:  # runc's covers of masked files lose nosuid
        assert sorted(container.exec(mounts).out.split("\n")) == before
    assert container.exec("cat /proc/self/cgroup").out.strip() == "0::/"
    assert container.exec("cat /proc/kcore | head -c 1").out == ""
    assert vm.check(f"ls -A {ROOTFS} {ROOTFS}/dev") == names
    assert runtime.command("kill", container.name, "KILL").status == 0
    wait_for(vm, f"! [ -d /proc/{container.state()['pid']} ] || {container.words('state')} | grep -q stopped")
    assert container.delete().status == 0
    is_gone(runtime, vm, container)


@pytest.mark.lacks(crun="has no checkpoint", runc="puts the second one into the first one's cgroup")
def test_leave_running_and_a_second_one(runtime, vm):
    """Images of one container become another: other id, other cgroup, other source of the bind."""
    first = start(runtime, vm)
    checkpoint(first, "--leave-running")
    last = log(vm)[-1]
    assert first.state()["status"] == "running"
    wait_for_number(vm, last + 3)
    second = runtime.container("second", counter("second", data="other"))
    restored(second)
    wait_for_number(vm, last + 1, data="other")
    assert log(vm, "other")[0] <= last + 1
    assert log(vm, "other")[0] > 3
    assert second.read("cgroup.procs") and first.state()["status"] == "running"
    assert vm.run(f"grep -qx {second.state()['pid']} {second.cgroup()}/cgroup.procs").status == 0
    assert first.state()["pid"] != second.state()["pid"]


def test_in_the_foreground(runtime, vm):
    """The exit status is the program's, and nothing is left."""
    container = start(runtime, vm)
    checkpoint(container)
    vm.check(f"touch {BASE}/data/stop")
    result = container.verb("restore", "--bundle", container.bundle, "--image-path", f"{BASE}/images", timeout_seconds=90)
    assert result.status == 7, result
    is_gone(runtime, vm, container)


def test_twice(runtime, vm):
    container = start(runtime, vm)
    for images in ("first", "second"):
        checkpoint(container, images=images)
        last = log(vm)[-1]
        restored(container, images=images)
        wait_for_number(vm, last + 2)
    numbers = log(vm)
    assert numbers == list(range(1, len(numbers) + 1))


def test_pre_dump_is_a_parent(runtime, vm):
    container = start(runtime, vm)
    checkpoint(container, "--pre-dump", images="images/before")
    assert container.state()["status"] == "running"
    checkpoint(container, "--parent-path", "../before", images="images/after")
    last = log(vm)[-1]
    assert vm.run(f"readlink {BASE}/images/after/parent").out.strip() == "../before"
    restored(container, images="images/after")
    wait_for_number(vm, last + 2)
    numbers = log(vm)
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_paused_container(runtime, vm):
    container = start(runtime, vm)
    assert container.verb("pause").status == 0
    checkpoint(container)
    last = log(vm)[-1]
    restored(container)
    wait_for_number(vm, last + 2)


def test_in_a_scope_of_systemd(systemd, vm):
    spec = counter("scope")
    spec["linux"]["cgroupsPath"] = "system.slice:rung:counter"
    container = systemd.container("scope", spec)
    begin(container)
    wait_for_number(vm, 3)
    checkpoint(container)
    last = log(vm)[-1]
    restored(container)
    wait_for_number(vm, last + 2)
    container.path = None
    assert "rung-counter.scope" in container.real_cgroup()
    assert container.delete("--force").status == 0
    assert vm.run("systemctl is-active rung-counter.scope").status != 0


@pytest.mark.lacks(crun="has no checkpoint", runc="starts criu without the terminal's other end in the foreground")
def test_a_terminal(runtime, vm):
    """Its other end is with the caller, who gets it again."""
    spec = counter("terminal", script=COUNT.replace(">>/data/log", "| tee -a /data/log"))
    spec["process"]["terminal"] = True
    container = runtime.container("terminal", spec)
    assert container.with_bundle("true").status == 0
    vm.check(f"{container.words('run', '--bundle', container.bundle)} </dev/null >{BASE}/out 2>&1 & sleep 0.1")
    wait_for_number(vm, 3)
    checkpoint(container)
    last = log(vm)[-1]
    words = container.words("restore", "--bundle", container.bundle, "--image-path", f"{BASE}/images")
    vm.check(f"{words} </dev/null >{BASE}/out2 2>&1 & sleep 0.1")
    wait_for(vm, f"grep -q {last + 2} {BASE}/out2")
    assert container.exec("tty; test -c /dev/console && echo console").out.split()[-1] == "console"
    vm.check(f"touch {BASE}/data/stop")
    wait_for(vm, f"! {container.words('state')} >/dev/null 2>&1")
    assert "1" not in vm.check(f"cat {BASE}/out2").split()


# ---- what comes from outside --------------------------------------------------------------------

@pytest.mark.lacks(crun="has no checkpoint", runc="needs iptables")
def test_a_network_namespace_by_path(runtime, vm):
    pid = vm.check("unshare --net sleep 1000 >/dev/null 2>&1 & echo $!").strip()
    try:
        spec = counter("joined")
        spec["linux"]["namespaces"].append({"type": "network", "path": f"/proc/{pid}/ns/net"})
        container = runtime.container("joined", spec)
        begin(container)
        wait_for_number(vm, 3)
        checkpoint(container)
        last = log(vm)[-1]
        restored(container)
        wait_for_number(vm, last + 2)
        same = f"readlink /proc/{pid}/ns/net /proc/{container.state()['pid']}/ns/net"
        assert len(set(vm.check(same).split())) == 1
    finally:
        vm.check(f"kill {pid}")


@pytest.mark.lacks(crun="has no checkpoint", runc="cannot write down a file of the host's")
def test_streams_that_are_files_of_the_host(runtime, vm):
    container = runtime.container("streams", counter("streams", script=COUNT.replace(">>/data/log", "| tee -a /data/log")))
    result = container.with_bundle(f"{container.words('run', '--detach', '--bundle', container.bundle)} </dev/null >{BASE}/out")
    assert result.status == 0, result
    wait_for_number(vm, 3)
    checkpoint(container)
    last = log(vm)[-1]
    words = container.words("restore", "--detach", "--bundle", container.bundle, "--image-path", f"{BASE}/images")
    vm.check(f"{words} </dev/null >{BASE}/out2")
    wait_for(vm, f"grep -qx {last + 2} {BASE}/out2")
    assert vm.run(f"grep -qx {last + 2} {BASE}/out").status != 0


@pytest.mark.lacks(crun="has no checkpoint", runc="lets criu remount the host's hierarchy")
def test_the_hosts_hierarchy_keeps_its_options(runtime, vm):
    """A plain mount of cgroup2 by criu would take nsdelegate from all containers."""
    options = "sed -n 's/^[^ ]* \\/sys\\/fs\\/cgroup cgroup2 //p' /proc/mounts"
    vm.check("mount -o remount,nsdelegate,memory_recursiveprot /sys/fs/cgroup")
    before = vm.check(options)
    assert "nsdelegate" in before
    container = start(runtime, vm)
    checkpoint(container)
    assert vm.check(options) == before
    restored(container)
    assert vm.check(options) == before


@pytest.mark.lacks(crun="has no checkpoint", runc="knows no devices that are binds")
def test_a_user_namespace(runtime, vm):
    spec = counter("user")
    spec["linux"]["namespaces"].append({"type": "user"})
    spec["linux"]["uidMappings"] = spec["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    vm.check(f"chown -hR 100000:100000 {ROOTFS} {BASE}/data")
    container = runtime.container("user", spec)
    begin(container)
    result = container.verb("checkpoint", "--image-path", f"{BASE}/images")
    assert result.status != 0 and "/sys" in result.err, result
    assert container.delete("--force").status == 0
    container.deleted = False
    vm.check(f"rm {BASE}/data/log")

    container.spec["mounts"] = [mount for mount in spec["mounts"] if not mount["destination"].startswith("/sys")]
    begin(container)
    wait_for_number(vm, 3)
    checkpoint(container)
    last = log(vm)[-1]
    result = restore(container)
    assert result.status != 0 and "chmod o+x" in result.err, result
    vm.check(f"chmod o+x {BASE}/images")
    restored(container)
    wait_for_number(vm, last + 2)
    assert container.exec("cat /proc/self/uid_map").out.split() == ["0", "100000", "65536"]
    assert vm.check(f"stat -c %u /proc/{container.state()['pid']}").strip() == "100000"


# ---- hooks and failures -------------------------------------------------------------------------

def hook(word, status=0):
    return {"path": "/bin/sh", "args": ["sh", "-c", f"echo {word} $(grep -o '\"status\":\"[a-z]*\"') >>{BASE}/hooks; exit {status}"]}


@pytest.mark.lacks(crun="has no checkpoint", runc="runs no poststart at restore")
def test_hooks(runtime, vm):
    container = start(runtime, vm)
    checkpoint(container)
    container.spec["hooks"] = {
        "prestart": [hook("prestart")], "createRuntime": [hook("createRuntime")],
        "createContainer": [hook("createContainer")], "startContainer": [hook("startContainer")],
        "poststart": [hook("poststart")], "poststop": [hook("poststop")]}
    restored(container)
    assert container.delete("--force").status == 0
    assert vm.check(f"cat {BASE}/hooks").splitlines() == [
        'prestart "status":"creating"', 'createRuntime "status":"creating"',
        'poststart "status":"running"', 'poststop "status":"stopped"']


@pytest.mark.lacks(crun="has no checkpoint", runc="goes on after a hook that failed")
def test_a_failing_hook_undoes_all(runtime, vm):
    container = start(runtime, vm)
    checkpoint(container)
    before = log(vm)
    container.spec["hooks"] = {"createRuntime": [hook("createRuntime", 3)]}
    result = restore(container)
    assert result.status != 0 and "createRuntime" in result.err, result
    is_gone(runtime, vm, container)
    assert log(vm) == before


@pytest.mark.lacks(crun="has no checkpoint", runc="names the log alone")
def test_bad_images_leave_nothing(runtime, vm):
    container = start(runtime, vm)
    checkpoint(container)
    before = log(vm)
    vm.check(f"for image in {BASE}/images/mountpoints-*.img; do echo rubbish >$image; done")
    result = restore(container)
    assert result.status != 0, result
    assert "criu: " in result.err and f"{BASE}/work/restore.log" in result.err, result
    is_gone(runtime, vm, container)
    assert log(vm) == before


def test_images_that_are_not_there(runtime, vm):
    container = runtime.container("absent", counter("absent"))
    result = restore(container, images="nowhere")
    assert result.status != 0 and "nowhere" in result.err, result
    is_gone(runtime, vm, container)


@pytest.mark.lacks(crun="has no checkpoint", runc="names the log alone")
def test_what_cannot_be_written_down_goes_on(runtime, vm):
    """A process that `exec` brought in is nobody's child in the container: no image could bring it back."""
    container = start(runtime, vm)
    assert runtime.command("exec", "--detach", container.name, "sleep", "1000").status == 0
    result = container.verb("checkpoint", "--image-path", f"{BASE}/images")
    assert result.status != 0, result
    assert "no descendant" in result.err, result
    assert container.state()["status"] == "running"
    last = log(vm)[-1]
    wait_for_number(vm, last + 2)


@pytest.mark.lacks(crun="has no checkpoint", runc="knows no Landlock")
def test_walls_that_would_be_lost(runtime, vm):
    spec = counter("landlock")
    spec["annotations"] = {"org.rung.landlock": json.dumps({"bestEffort": True, "paths": [{"path": "/", "access": ["all"]}]})}
    container = runtime.container("landlock", spec).start()
    result = container.verb("checkpoint", "--image-path", f"{BASE}/images")
    assert result.status != 0 and "Landlock" in result.err, result
    assert container.state()["status"] == "running"


def test_features_tell(runtime, vm):
    assert json.loads(runtime.command("features").out)["annotations"]["org.opencontainers.runc.checkpoint.enabled"] == "true"
