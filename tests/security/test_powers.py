"""More than the configuration grants: capabilities, system calls, names and numbers that mean something else."""

import json
import os
import pathlib

import pytest

from attack import refused_or_inside, without_mount
from conftest import OURS, ROOT, lacking, needs_root, only_rung


def status_of(text, name):
    return next(line.split()[1] for line in text.splitlines() if line.startswith(f"{name}:"))


# ---- capabilities and filters ---------------------------------------------------------------------------------------------------

def test_inheritable_set_is_empty(container):
    """CVE-2022-29162: an inheritable capability comes back through a file capability."""
    assert int(status_of(container.run("cat", "/proc/self/status", check=0).output, "CapInh"), 16) == 0
    container.start()
    for options in ([], ["--cap", "CAP_CHOWN"]):
        output = container.exec("cat", "/proc/self/status", options=options, check=0).output
        assert int(status_of(output, "CapInh"), 16) == 0, options
        assert int(status_of(output, "CapAmb"), 16) == 0, options


def deny_mkdir(container):
    container.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}


@pytest.mark.parametrize("locked", [True, False])
def test_filter_and_no_new_privileges_hold_in_exec(container, locked):
    """exec takes the same road as run."""
    if not ROOT and not locked:
        pytest.skip("an ordinary user's container may load a filter either way, but not by this road")
    deny_mkdir(container)
    container.process["noNewPrivileges"] = locked
    assert "Operation not permitted" in container.run("sh", "-c", "mkdir /tmp/x 2>&1; true").output
    container.start()
    result = container.exec("sh", "-c", "mkdir /tmp/x 2>&1; cat /proc/self/status", check=0)
    assert "Operation not permitted" in result.output
    assert status_of(result.output, "Seccomp") == "2"
    assert status_of(result.output, "NoNewPrivs") == str(int(locked))


def test_filter_holds_for_a_process_from_a_file(container):
    """An engine's own process object says nothing of seccomp: it is the container's."""
    deny_mkdir(container)
    container.start()
    process = dict(container.process, args=["sh", "-c", "mkdir /tmp/x 2>&1; cat /proc/self/status"])
    path = container.work / "process.json"
    path.write_text(json.dumps(process))
    result = container.oci("exec", "--process", path, container.id, check=0)
    assert "Operation not permitted" in result.output and status_of(result.output, "Seccomp") == "2"
    assert int(status_of(result.output, "CapEff"), 16) == int(status_of(result.output, "CapBnd"), 16)


def test_huge_filter_is_refused(container):
    """Its length is 16 bits in the kernel's structure: 65536 instructions too many would be a short filter."""
    calls = ["read", "write", "close", "fstat", "lseek", "ioctl", "pread64", "pwrite64", "access", "dup", "dup2", "getpid"]
    container.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
        {"names": calls, "action": "SCMP_ACT_ALLOW", "args": [
            {"index": 0, "value": (1 << 40) + number, "op": "SCMP_CMP_EQ"},
            {"index": 1, "value": (1 << 41) + number, "op": "SCMP_CMP_EQ"}]} for number in range(1200)]}
    container.fails("true", saying="instructions")


@only_rung
def test_labels_that_cannot_be_set_are_errors(container):
    """A wall that cannot be built is never silently left out."""
    if pathlib.Path("/sys/module/apparmor").exists() or pathlib.Path("/sys/fs/selinux/enforce").exists():
        pytest.skip("this machine has AppArmor or SELinux; tests/vm tries them")
    container.process["apparmorProfile"] = "some-profile"
    container.fails("true", saying="AppArmor")
    del container.process["apparmorProfile"]
    container.process["selinuxLabel"] = "system_u:system_r:container_t:s0"
    container.fails("true", saying="SELinux")


# ---- procfs ----------------------------------------------------------------------------------------------------------------------

def real_proc(container):
    """The image's /proc is a plain directory with planted files; the kernel's is elsewhere."""
    without_mount(container, "/proc")
    container.linux["maskedPaths"] = container.linux["readonlyPaths"] = []
    container.mount("/mnt", "proc", "proc")
    for name in ("self/attr/exec", "self/attr/apparmor/exec", "self/oom_score_adj", "self/uid_map", "self/status",
                 "1/oom_score_adj", "sys/net/ipv4/ip_default_ttl", "thread-self/attr/exec"):
        path = container.rootfs / "proc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("planted\n")


def planted_untouched(container):
    for path in (container.rootfs / "proc").rglob("*"):
        if path.is_file():
            assert path.read_text() == "planted\n", f"written: {path}"


@only_rung
def test_writes_do_not_go_to_a_planted_proc(container):
    """CVE-2019-16884, CVE-2025-52881: the runtime's writes to /proc are swallowed or redirected by the image."""
    real_proc(container)
    container.process["oomScoreAdj"] = 321
    container.linux["sysctl"] = {"net.ipv4.ip_default_ttl": "77"}
    output = container.run("cat", "/mnt/self/oom_score_adj", "/mnt/sys/net/ipv4/ip_default_ttl", check=0).output
    assert output == "321\n77\n"
    container.start()
    process = dict(container.process, args=["cat", "/mnt/self/oom_score_adj"], oomScoreAdj=322)
    (container.work / "process.json").write_text(json.dumps(process))
    assert container.oci("exec", "--process", container.work / "process.json", container.id, check=0).output == "322\n"
    planted_untouched(container)


@only_rung
def test_sysctl_does_not_go_to_a_bind_that_calls_itself_proc(container):
    """{"type": "proc", "options": ["bind"]} is a bind; its files are not the kernel's."""
    planted = container.work / "planted"
    (planted / "sys/net/ipv4").mkdir(parents=True)
    (planted / "sys/net/ipv4/ip_default_ttl").write_text("planted\n")
    container.config["mounts"].insert(0, {"destination": "/mnt", "type": "proc", "source": str(planted), "options": ["bind"]})
    container.linux["sysctl"] = {"net.ipv4.ip_default_ttl": "77"}
    output = container.run("cat", "/proc/sys/net/ipv4/ip_default_ttl", check=0).output
    assert output == "77\n" and (planted / "sys/net/ipv4/ip_default_ttl").read_text() == "planted\n"


@pytest.mark.parametrize("name", ["kernel.core_pattern", "kernel/core_pattern", "net/../kernel/core_pattern", "vm.overcommit_memory",
                                  "net.ipv4.../../kernel/core_pattern", "net.ipv4", "", ".", "fs.mqueue/../../kernel/core_pattern"])
def test_sysctl_of_the_host_is_refused(container, name):
    before = pathlib.Path("/proc/sys/kernel/core_pattern").read_text()
    container.linux["sysctl"] = {name: "|/evil"}
    container.fails("true")
    assert pathlib.Path("/proc/sys/kernel/core_pattern").read_text() == before


# ---- cgroups -----------------------------------------------------------------------------------------------------------------------

@needs_root
@pytest.mark.parametrize("path", ["../rung-test-escape", "/../rung-test-escape", "/a/../../rung-test-escape", "rung-test/..", "/rung-test/.",
                                  "/rung-test//x", "/rung\ntest", "/rung\x1btest", "/" + "x" * 300, "/x" * 3000])
@only_rung
def test_cgroups_path_stays_below(container, path):
    container.linux["cgroupsPath"] = path
    container.fails("true", saying="cgroup|component")


@needs_root
@only_rung
@pytest.mark.parametrize("path", ["..", "../..", "a/../../..", "/..", "x/../../y"])
def test_cgroup_of_exec_stays_below(container, path):
    """crun's sub-cgroup escapes, fixed in 1.27 to 1.29."""
    container.start()
    result = container.exec("true", options=["--cgroup", path])
    assert result.status != 0 and result.errors.strip()


@needs_root
def test_cgroups_are_read_only_without_a_namespace(container):
    """CVE-2023-25809: rw, a container could write into the groups above its own."""
    container.drop_namespace("cgroup")
    container.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime"])
    container.capabilities("CAP_DAC_OVERRIDE", "CAP_CHOWN")
    script = "for f in $(find /sys/fs/cgroup -name cgroup.procs); do (echo 0 > $f) 2>/dev/null && echo wrote $f; done; " \
             "for d in /sys/fs/cgroup /sys/fs/cgroup/*; do mkdir $d/rung-test-x 2>/dev/null && echo made $d; done; true"
    assert container.shell(script).output == ""


# ---- namespaces ----------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind, path", [("network", "/proc/self/ns/uts"), ("pid", "/proc/self/ns/mnt"), ("ipc", "/etc/passwd"),
                                        ("uts", "/proc/self/ns"), ("network", "fifo"), ("mount", "/dev/zero"), ("user", "/proc/self/ns/net"),
                                        ("ipc", "/proc/self/ns/missing"), ("uts", "/dev/tty")])
def test_namespace_path_of_another_kind(container, kind, path):
    """A wrong file must be refused before it is used, and must not hold the runtime (a FIFO did, in ours)."""
    if path == "fifo":
        path = container.work / "fifo"
        os.mkfifo(path)
    container.namespace(kind, path)
    container.fails("true")


# ---- names and numbers -----------------------------------------------------------------------------------------------------------------

BAD_IDS = ["..", ".", "../x", "a/b", "/", "a/../b", "", "a\nb", "a\x1b[31m", "a b", "a\x7f", "\u00e4", ".hidden", "a" * 2000, "a:b", "a*"]


@pytest.mark.parametrize("command", ["create", "run", "state", "start", "kill", "delete", "exec", "pause"])
@only_rung
def test_bad_ids(container, command):
    container.write()
    outside = sorted(os.listdir(container.work))
    for name in BAD_IDS:
        words = {"create": ["--bundle", container.bundle, name], "run": ["--bundle", container.bundle, name],
                 "kill": [name, "KILL"], "exec": [name, "true"], "delete": ["--force", name]}.get(command, [name])
        result = container.oci(command, *words)
        assert result.status != 0, f"accepted {name!r}"
        lines = result.errors.strip().splitlines()
        assert lines and lines[0].startswith("rung: ") and all(line.startswith("hint: ") for line in lines[1:]), result.errors
        assert not any(ord(c) < 0x20 for c in result.errors.replace("\n", "")), repr(result.errors)
        assert [one for one in sorted(os.listdir(container.work)) if one != "state"] == outside, name


BAD_USERS = ["1000x", "-1", "4294967296", "4294967295", "18446744073709551616", "0x10", " 1", "1 ", "+1", "", ":", "1:", ":1", "1:2:3",
             "1000:5x", "1e3", "\u0661", "root", "0 "]


@only_rung
def test_partial_numbers_are_no_users(container):
    """CVE-2026-30892: `exec -u` ran as the wrong user, root, when the number was not one."""
    container.start()
    for user in BAD_USERS:
        result = container.exec("id", "-u", options=["--user", user])
        assert result.status != 0 and "0" not in result.output, f"{user!r}: {result.output}"


@pytest.mark.parametrize("user", [{"uid": -1, "gid": 0}, {"uid": 4294967295, "gid": 0}, {"uid": 4294967296, "gid": 0}, {"uid": "0", "gid": 0},
                                  {"uid": 1.5, "gid": 0}, {"uid": 0, "gid": -1}, {"uid": 0, "gid": 0, "additionalGids": [4294967296]},
                                  {"uid": 1e3, "gid": 1e300}])
@only_rung
def test_numbers_that_are_no_users_in_the_configuration(container, user):
    container.process["user"] = user
    container.fails("true")


# ---- lengths -----------------------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("change", [
    lambda c: c["linux"].update(netDevices={"x" * 5000: {}}),
    lambda c: c["linux"].update(netDevices={"lo": {"name": "x" * 5000}}),
    lambda c: c["linux"].update(netDevices={"../lo": {}}),
    lambda c: c.update(hostname="h" * 65536),
    lambda c: c.update(domainname="h" * 65536),
    lambda c: c["process"].update(cwd="/" + "x/" * 5000),
    lambda c: c["process"].update(args=["/" + "x" * 70000]),
    lambda c: c["process"].update(args=["true", "x" * (1 << 20)]),
    lambda c: c["process"].update(env=["X=" + "x" * (1 << 20)]),
    lambda c: c["process"].update(args=[]),
    lambda c: c["process"].update(args=[""]),
    lambda c: c["root"].update(path="/" + "x" * 70000),
    lambda c: c["linux"].update(maskedPaths=["/" + "x" * 5000]),
    lambda c: c["linux"].update(cgroupsPath="/" + "x" * 70000),
    lambda c: c["mounts"].append({"destination": "/" + "x" * 70000, "type": "tmpfs", "source": "tmpfs"}),
    lambda c: c["mounts"].append({"destination": "/mnt", "type": "tmpfs", "source": "tmpfs", "options": ["x" * 70000]}),
    lambda c: c["mounts"].append({"destination": "/mnt", "type": "t" * 70000, "source": "tmpfs"}),
    lambda c: c["process"].update(user={"uid": 0, "gid": 0, "additionalGids": list(range(1, 70000))}),
    lambda c: c["linux"].update(uidMappings=[{"containerID": i, "hostID": 100000 + i, "size": 1} for i in range(400)]),
    lambda c: c["linux"].update(sysctl={"net." + "x" * 5000: "1"}),
], ids=range(20))
@only_rung
def test_lengths_beyond_what_the_kernel_takes(container, change):
    """CVE-2021-43784: lengths that wrapped on the way into a netlink message. One clear line, nothing left."""
    change(container.config)
    container.write()
    result = container.oci("run", "--bundle", container.bundle, container.id)
    assert result.status != 0, "started"
    assert "Fault" not in result.errors and result.status < 126 or result.status in (126, 127), result
    assert result.errors.startswith("rung: "), result.errors[:200]
    refused_or_inside(container, result)
