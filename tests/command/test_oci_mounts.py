"""mounts, root, masked and read-only paths, devices: seen from inside the container and from the host."""

import os
import stat
import subprocess

import pytest

from conftest import NAME, OURS, ROOT, lacking, needs_root, only_rung


def options_of(container, path):
    """Mount options of the last mount on path, as a set."""
    line = container.shell(f"grep ' {path} ' /proc/self/mountinfo | tail -n 1").output
    fields = line.split()
    assert fields, f"{path} is no mount"
    return set(fields[5].split(",")) | set(fields[fields.index("-") + 3].split(","))


def host_directory(container, name="given"):
    path = container.work / name
    path.mkdir()
    (path / "file").write_text("from the host\n")
    return path


# ---- the root -------------------------------------------------------------------------------------------------------

def test_nothing_of_the_host_is_left(container):
    result = container.shell("cat /proc/self/mountinfo; ls -a /")
    assert str(container.work) not in "".join(line.split(" - ")[0].split()[4] for line in
                                              result.output.splitlines() if " - " in line)
    assert ".." in result.output and "rootfs" not in result.output.split()


def test_root_is_writable_by_default(container):
    container.shell("echo x > /etc/new")
    assert (container.rootfs / "etc/new").read_text() == "x\n"


def test_read_only_root(container):
    container.config["root"]["readonly"] = True
    output = container.shell("touch /etc/new 2>&1; mkdir /x 2>&1; touch /dev/shm/x && echo fine; true").output
    assert output.count("Read-only file system") == 2 and "fine" in output


def test_absolute_root_path(container):
    container.config["root"]["path"] = str(container.rootfs)
    container.run("true", check=0)


@lacking("runc")
def test_root_that_is_a_link(container):
    os.rename(container.rootfs, container.bundle / "real")
    container.rootfs.symlink_to("real")
    result = container.run("true")
    assert result.status == 0 or "link" in result.errors


@pytest.mark.parametrize("root", ["missing", "config.json", ""])
def test_wrong_root_is_refused(container, root):
    container.config["root"]["path"] = root
    container.fails("true")


@needs_root
@pytest.mark.parametrize("word", ["private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable",
                                  "runbindable"])
def test_root_propagation(container, word):
    if NAME == "runc" and "shared" in word or "unbindable" in word and not OURS:
        pytest.skip(f"{NAME} cannot")
    container.linux["rootfsPropagation"] = word
    fields = container.shell("grep ' / / \\| / ' /proc/self/mountinfo | head -n 1").output.split(" - ")[0]
    if "shared" in word:
        assert "shared:" in fields
    elif "private" in word:
        assert "shared:" not in fields and "master:" not in fields


# ---- binds ----------------------------------------------------------------------------------------------------------

def test_bind_directory_and_file(container):
    given = host_directory(container)
    container.bind(given, "/mnt")
    container.bind(given / "file", "/etc/file")
    assert container.shell("cat /mnt/file /etc/file").output == "from the host\n" * 2
    assert not (container.rootfs / "mnt/file").exists()


def test_bind_target_is_made(container):
    given = host_directory(container)
    container.bind(given, "/var/new/deep")
    container.bind(given / "file", "/var/other/file")
    assert container.shell("cat /var/new/deep/file /var/other/file").output == "from the host\n" * 2


def test_bind_source_relative_to_the_bundle(container):
    (container.bundle / "beside").mkdir()
    (container.bundle / "beside/x").write_text("beside\n")
    container.bind("beside", "/mnt")
    assert container.shell("cat /mnt/x").output == "beside\n"


def test_bind_source_missing(container):
    container.bind(container.work / "missing", "/mnt")
    assert "missing" in container.fails("true")


def test_bind_read_only(container):
    container.bind(host_directory(container), "/mnt", "bind", "ro")
    assert "Read-only" in container.shell("touch /mnt/x 2>&1; true").output


@pytest.mark.parametrize("words", [["nosuid"], ["nodev"], ["noexec"], ["nosuid", "nodev", "noexec", "ro"]])
def test_bind_flags(container, words):
    container.bind(host_directory(container), "/mnt", "bind", *words)
    assert set(words) <= options_of(container, "/mnt")


@pytest.mark.parametrize("word,seen", [("noatime", "noatime"), ("relatime", "relatime"), ("strictatime", None),
                                       ("nodiratime", "nodiratime")])
def test_access_time_flags(container, word, seen):
    container.mount("/mnt", "tmpfs", "tmpfs", [word])
    options = options_of(container, "/mnt")
    assert seen in options if seen else not {"noatime", "relatime"} & options


@needs_root
def test_bind_with_rw_keeps_writable(container):
    container.bind(host_directory(container), "/mnt", "bind", "rw")
    container.shell("echo new > /mnt/x")
    assert (container.work / "given/x").read_text() == "new\n"


def nested(container):
    """A directory with another mount inside, both in a namespace that ends with the test's command."""
    given = host_directory(container)
    (given / "inner").mkdir()
    return given


@needs_root
@pytest.mark.parametrize("word,inside", [("bind", ""), ("rbind", "nested\n")])
def test_bind_recursive(container, word, inside):
    given = nested(container)
    subprocess.run(["mount", "-t", "tmpfs", "inner", given / "inner"], check=True)
    try:
        (given / "inner/x").write_text("nested\n")
        container.bind(given, "/mnt", word)
        assert container.shell("cat /mnt/inner/x 2>/dev/null; true").output == inside
    finally:
        subprocess.run(["umount", given / "inner"], check=True)


@needs_root
@lacking("crun")
@pytest.mark.parametrize("words,outer,inner", [(["rbind", "ro"], True, False), (["rbind", "rro"], True, True)])
def test_recursive_read_only(container, words, outer, inner):
    given = nested(container)
    subprocess.run(["mount", "-t", "tmpfs", "inner", given / "inner"], check=True)
    try:
        container.bind(given, "/mnt", *words)
        output = container.shell("touch /mnt/x 2>/dev/null || echo outer; touch /mnt/inner/x 2>/dev/null || echo inner;"
                                 " true").output
        assert ("outer" in output, "inner" in output) == (outer, inner)
    finally:
        subprocess.run(["umount", given / "inner"], check=True)


@needs_root
@pytest.mark.parametrize("word,field", [("rprivate", None), ("rslave", "master:"), ("rshared", "shared:"),
                                        ("private", None), ("slave", "master:"), ("shared", "shared:")])
@lacking("crun")
def test_bind_propagation(container, word, field):
    given = host_directory(container)
    subprocess.run(["mount", "--bind", given, given], check=True)
    subprocess.run(["mount", "--make-shared", given], check=True)
    try:
        container.bind(given, "/mnt", "rbind", word)
        optional = container.shell("grep ' /mnt ' /proc/self/mountinfo").output.split(" - ")[0].split()[6:]
        if field:
            assert any(entry.startswith(field) for entry in optional), optional
        else:
            assert not optional
    finally:
        subprocess.run(["umount", given], check=True)


# ---- file systems ---------------------------------------------------------------------------------------------------

@lacking("runc")
def test_tmpfs_with_data(container):
    container.mount("/mnt", "tmpfs", "tmpfs", ["nosuid", "mode=1770", "size=1024k"])
    assert container.shell("stat -c %a /mnt; df -k /mnt | tail -n 1 | awk '{print $2}'").output == "1770\n1024\n"


def test_tmpcopyup(container):
    (container.rootfs / "var/kept").write_text("kept\n")
    (container.rootfs / "var/sub").mkdir(mode=0o750)
    (container.rootfs / "var/link").symlink_to("kept")
    container.mount("/var", "tmpfs", "tmpfs", ["tmpcopyup"])
    output = container.shell("cat /var/kept; readlink /var/link; stat -c %a /var/sub; echo x > /var/new").output
    assert output == "kept\nkept\n750\n"
    assert not (container.rootfs / "var/new").exists()


def test_usual_mounts(container):
    output = container.shell("mount | awk '{print $3, $5}'").output.splitlines()
    for line in ("/proc proc", "/dev tmpfs", "/dev/pts devpts", "/dev/shm tmpfs", "/dev/mqueue mqueue", "/sys sysfs"):
        assert line in output


def test_relative_destination(container):
    if NAME == "runc":
        pytest.skip("runc 1.1 warns and takes it")
    container.mount("mnt", "tmpfs", "tmpfs", [])
    assert "/mnt" in container.shell("mount").output


@lacking("crun")
def test_remount(container):
    container.mount("/dev/shm", "bind", "", ["remount", "bind", "ro", "nosuid", "nodev", "noexec"])
    assert "Read-only" in container.shell("touch /dev/shm/x 2>&1; true").output


def test_read_only_tmpfs(container):
    container.mount("/mnt", "tmpfs", "tmpfs", ["ro"])
    assert "Read-only" in container.shell("touch /mnt/x 2>&1; true").output


def test_unknown_file_system(container):
    container.mount("/mnt", "nonsensefs", "none", [])
    container.fails("true", saying="nonsensefs")


def test_unknown_mount_option(container):
    container.mount("/mnt", "tmpfs", "tmpfs", ["nonsense=1"])
    container.fails("true")


def test_a_later_mount_covers_an_earlier(container):
    container.mount("/mnt", "tmpfs", "tmpfs", ["size=64k"])
    container.mount("/mnt", "tmpfs", "tmpfs", ["size=128k"])
    assert "128" in container.shell("df -k /mnt | tail -n 1").output.split()


def test_mount_through_a_link_stays_inside(container):
    (container.rootfs / "mnt/link").symlink_to("/var")
    container.mount("/mnt/link", "tmpfs", "tmpfs", ["size=64k"])
    assert "64" in container.shell("df -k /var | tail -n 1").output.split()


def test_mount_through_a_link_out_of_the_tree(container):
    (container.rootfs / "mnt/link").symlink_to(f"../../../../../../../../..{container.work}/target")
    container.mount("/mnt/link", "tmpfs", "tmpfs", [])
    container.run("true")
    assert not (container.work / "target").exists()


@needs_root
def test_cgroup_mount(container):
    container.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", "ro"])
    output = container.shell("mount | grep /sys/fs/cgroup; d=/sys/fs/cgroup; [ -d $d/memory ] && d=$d/memory; "
                             "mkdir $d/x 2>&1; true").output
    assert "cgroup" in output and "Read-only" in output
    assert str(container.id) not in output, "the cgroup namespace hides the path"


@needs_root
@lacking("crun", "runc")
@pytest.mark.parametrize("way", ["mappings", "idmap"])
def test_idmapped_bind(container, way):
    container.map_ids(100000)
    given = host_directory(container)
    os.chown(given / "file", 1000, 1000)
    given.chmod(0o755)
    if way == "idmap":
        container.bind(given, "/mnt", "bind", "idmap")
        os.chown(given / "file", 0, 0)
        wanted = "0:0\n"
    else:
        container.bind(given, "/mnt", "bind")
        mapping = [{"containerID": 1000, "hostID": 100007, "size": 1}]
        container.config["mounts"][-1].update(uidMappings=mapping, gidMappings=mapping)
        wanted = "7:7\n"
    assert container.shell("stat -c %u:%g /mnt/file").output == wanted


@only_rung
def test_idmap_without_support_is_an_error(container):
    """Half a mapping is no mapping."""
    container.bind(host_directory(container), "/mnt", "bind")
    container.config["mounts"][-1]["uidMappings"] = [{"containerID": 0, "hostID": 1, "size": 1}]
    container.fails("true", saying="apping")


def test_many_mounts(container):
    for number in range(100):
        container.mount(f"/mnt/{number}", "tmpfs", "tmpfs", ["size=4k"])
    assert container.shell("grep -c ' /mnt/' /proc/self/mountinfo").output == "100\n"


@pytest.mark.parametrize("mount", [{"type": "tmpfs"}, {"destination": 7, "type": "tmpfs"},
                                   {"destination": "", "type": "tmpfs"},
                                   {"destination": "/mnt", "type": "tmpfs", "options": "ro"}])
def test_wrong_mount_is_refused(container, mount):
    if NAME == "crun" or not OURS and mount.get("destination", "") == "":
        pytest.skip(f"{NAME} takes it")
    container.config["mounts"].append(mount)
    container.fails("true", saying="mounts")


# ---- masked, read-only ----------------------------------------------------------------------------------------------

def test_masked_paths(container):
    (container.rootfs / "etc/secret").write_text("secret\n")
    (container.rootfs / "var/hidden").mkdir()
    (container.rootfs / "var/hidden/x").write_text("secret\n")
    container.linux["maskedPaths"] += ["/etc/secret", "/var/hidden", "/no/such/path"]
    output = container.shell("cat /etc/secret; ls /var/hidden; touch /var/hidden/y 2>&1; true").output
    assert "secret" not in output and "Read-only" in output


@needs_root
@lacking("crun")
@pytest.mark.parametrize("member", ["maskedPaths", "readonlyPaths"])
def test_a_path_out_of_reach_is_an_error(container, member):
    """What is there and cannot be covered is not passed over: somebody else in the container may reach it."""
    container.map_ids(100000, 65536)
    inner = container.rootfs / "var/inner"
    inner.mkdir(parents=True)
    (inner / "secret").write_text("secret\n")
    os.chown(inner, 4711, 4711)  # nobody's in the container
    os.chmod(inner, 0o700)
    container.linux[member].append("/var/inner/secret")
    container.fails("true", saying="/var/inner/secret")
    container.linux[member][-1] = "/var/nothing/secret"
    container.run("true", check=0)


def test_masked_proc(container):
    assert container.shell("cat /proc/timer_list | wc -c").output == "0\n"


def test_read_only_paths(container):
    container.linux["readonlyPaths"] += ["/etc", "/no/such/path"]
    output = container.shell("touch /etc/x 2>&1; echo 1 > /proc/sys/kernel/domainname; touch /var/x && echo fine").output
    assert "Read-only" in output and "fine" in output
    assert (container.rootfs / "var/x").exists()


@lacking("crun")
def test_read_only_path_keeps_flags(container):
    container.mount("/mnt", "tmpfs", "tmpfs", ["nosuid", "nodev", "noexec"])
    container.linux["readonlyPaths"].append("/mnt")
    assert {"ro", "nosuid", "nodev", "noexec"} <= options_of(container, "/mnt")


# ---- devices --------------------------------------------------------------------------------------------------------

def test_default_devices_work(container):
    output = container.shell("for d in null zero full random urandom tty; do [ -c /dev/$d ] || echo no $d; done;"
                             "head -c 3 /dev/zero | wc -c; echo x > /dev/null; "
                             "for l in fd stdin stdout stderr ptmx; do readlink /dev/$l; done; echo x > /dev/full 2>/dev/null || echo full").output
    assert output.split() == ["3", "/proc/self/fd", "/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2",
                              "pts/ptmx", "full"]


@needs_root
def test_given_devices(container):
    container.linux["devices"] = [
        {"path": "/dev/own-null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o640, "uid": 1000, "gid": 2000},
        {"path": "/dev/sub/zero", "type": "c", "major": 1, "minor": 5, "fileMode": 0o666},
        {"path": "/dev/pipe", "type": "p", "fileMode": 0o600}]
    output = container.shell("stat -c '%F %a %u %g' /dev/own-null; ls -l /dev/sub/zero | cut -c1; "
                             "stat -c '%F %a' /dev/pipe; head -c 2 /dev/sub/zero | wc -c").output.splitlines()
    assert output == ["character special file 640 1000 2000", "c", "fifo 600", "2"]


def test_devices_of_an_ordinary_user_are_the_host_s(container):
    if ROOT:
        pytest.skip("for ordinary users")
    container.linux["devices"] = [{"path": "/dev/own-null", "type": "c", "major": 1, "minor": 3}]
    result = container.run("sh", "-c", "echo x > /dev/null")
    assert result.status == 0 or "own-null" in result.errors


@pytest.mark.parametrize("device", [{"path": "/dev/x", "type": "z", "major": 1, "minor": 3},
                                    {"path": "relative", "type": "c", "major": 1, "minor": 3},
                                    {"type": "c", "major": 1, "minor": 3}])
def test_wrong_device_is_refused(container, device):
    if NAME == "crun" or not OURS and device.get("type") == "c":
        pytest.skip(f"{NAME} takes it")
    container.linux["devices"] = [device]
    container.fails("true", saying="devices")


def test_host_nodes_are_untouched(container):
    container.shell("chmod 600 /dev/null /dev/zero 2>/dev/null; true")
    assert stat.S_IMODE(os.stat("/dev/null").st_mode) == 0o666


# ---- labels ---------------------------------------------------------------------------------------------------------

@only_rung
def test_mount_label_without_selinux_is_an_error(container):
    if os.path.exists("/sys/fs/selinux/enforce"):
        pytest.skip("this host has SELinux")
    container.linux["mountLabel"] = "system_u:object_r:container_file_t:s0"
    container.fails("true", saying="SELinux")


@only_rung
@pytest.mark.parametrize("field", ["apparmorProfile", "selinuxLabel"])
def test_label_without_the_module_is_an_error(container, field):
    with open("/sys/kernel/security/lsm", encoding="ascii") if os.path.exists("/sys/kernel/security/lsm") \
            else open(os.devnull, encoding="ascii") as file:
        modules = file.read()
    if field[:5].lower() in modules:
        pytest.skip("this host has the module")
    container.process[field] = "some_profile"
    container.fails("true")
