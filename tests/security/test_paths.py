"""An image lays out its tree so that the runtime, on its way to a path in it, arrives on the host."""

import os
import subprocess

import pytest

from attack import refused_or_inside, ways_to, without_mount
from conftest import needs_root, only_rung


def replace(path, target):
    """Puts a symbolic link where a directory of the image was."""
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    path.symlink_to(target)


# ---- masks ----------------------------------------------------------------------------------------------------------

def fake_null(container, kind):
    """A volume on /dev whose "null" is something else; nothing in it is made by the runtime."""
    device = container.work / "device"
    device.mkdir(exist_ok=True)
    without_mount(container, "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")
    container.bind(device, "/dev", "rbind")
    (container.rootfs / "etc/open").write_text("open\n")
    if kind == "file":
        (device / "null").write_text("fake null\n")
    elif kind == "link to a file":
        (device / "null").symlink_to("/etc/open")
    elif kind == "link to proc":
        (device / "null").symlink_to("/proc/sys/kernel/core_pattern")
    elif kind == "directory":
        (device / "null").mkdir()


@pytest.mark.parametrize("kind", ["file", "link to a file", "link to proc", "directory", "missing"])
def test_mask_through_a_fake_null_device(container, kind):
    """CVE-2025-31133. Fails on runc 1.1.5 and crun 1.8.1 for "file" and "link to a file"."""
    fake_null(container, kind)
    (container.rootfs / "etc/masked").write_text("masked\n")
    container.linux["maskedPaths"] = ["/etc/masked"]
    result = container.run("sh", "-c", "stat -c '%F %t:%T' /etc/masked; cat /etc/masked; echo gone > /etc/masked")
    refused_or_inside(container, result)
    if result.status == 0:
        assert result.output == "character special file 1:3\n"
    assert (container.rootfs / "etc/open").read_text() == "open\n"


def test_mask_when_null_is_mounted_over(container):
    """The configuration itself puts another file on /dev/null. Fails on runc 1.1.5 and crun 1.8.1."""
    fake = container.work / "fake"
    fake.write_text("fake null\n")
    container.bind(fake, "/dev/null")
    (container.rootfs / "etc/masked").write_text("masked\n")
    container.linux["maskedPaths"] = ["/etc/masked"]
    result = container.run("sh", "-c", "stat -c '%F %t:%T' /etc/masked; cat /etc/masked")
    refused_or_inside(container, result)
    if result.status == 0:
        assert result.output == "character special file 1:3\n"


@pytest.mark.parametrize("masked", ["/link/masked", "/etc/../link/../etc/masked", "/etc/./masked", "/deep"])
def test_masks_and_read_only_paths_follow_links_inside_only(container, victim, masked):
    (container.rootfs / "link").symlink_to("/etc")
    (container.rootfs / "deep").symlink_to("link/masked")
    (container.rootfs / "etc/masked").write_text("masked\n")
    container.linux["maskedPaths"] = [masked]
    assert container.shell("cat /etc/masked").output == ""


@pytest.mark.parametrize("which", [0, 1])
def test_masks_do_not_reach_the_host(container, victim, which):
    """A mask on the host's file would be seen by the next container only if it propagated; a link must not lead out."""
    (container.rootfs / "escape").symlink_to(ways_to(victim)[which])
    container.linux["maskedPaths"] += ["/escape/secret", "/escape"]
    container.linux["readonlyPaths"] += ["/escape/secret", "/escape"]
    container.run("true", check=0)
    assert (victim / "secret").read_text() == "secret of the host\n"


# ---- directories of the image that are links ---------------------------------------------------------------------------

@pytest.mark.parametrize("mounted", [True, False], ids=["tmpfs", "image"])
@pytest.mark.parametrize("which", [0, 1])
def test_dev_is_a_link_to_the_host(container, victim, which, mounted):
    """CVE-2026-41579, CVE-2026-47766: device nodes and links made where the image points. Fails on both peers."""
    if not mounted:
        without_mount(container, "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")
    replace(container.rootfs / "dev", ways_to(victim)[which])
    refused_or_inside(container, container.run("true"))


@pytest.mark.parametrize("name", ["proc", "sys"])
@pytest.mark.parametrize("target", ["/tmp/own", "/", "self-made", "{victim}"])
def test_proc_and_sys_must_be_real_directories(container, victim, name, target):
    """CVE-2019-19921, CVE-2023-27561: later hardening would write through the link."""
    (container.rootfs / "tmp/own").mkdir()
    replace(container.rootfs / name, target.format(victim=victim))
    result = container.run("true")
    assert result.status != 0, "a linked /proc was accepted"
    refused_or_inside(container, result)


def test_proc_below_a_linked_parent(container, victim):
    """The link is not the last component."""
    (container.rootfs / "real").mkdir()
    (container.rootfs / "via").symlink_to("real")
    container.mount("/via/proc", "proc", "proc")
    refused_or_inside(container, container.run("true"))


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("name", ["pts", "shm", "mqueue", "console", "null", "ptmx", "fd"])
def test_entries_of_dev_are_links_to_the_host(container, victim, name, which):
    """CVE-2025-52565: what is mounted or made below /dev."""
    (container.rootfs / "dev" / name).symlink_to(f"{ways_to(victim)[which]}/{name}")
    without_mount(container, "/dev")
    refused_or_inside(container, container.run("true"))
    assert (victim / "secret").stat().st_dev == victim.stat().st_dev


@needs_root
def test_device_path_with_dots(container, victim):
    """Climbed out of the root: mkdirat() and mknodat() on the host's directories (found in ours, 2026)."""
    path = "/dev" + "/.." * 40 + str(victim)
    container.linux["devices"] = [{"path": f"{path}/node", "type": "p"}, {"path": f"{path}/new/node", "type": "p"}]
    refused_or_inside(container, container.run("true"))


@needs_root
@pytest.mark.parametrize("which", [0, 1])
def test_device_below_a_link(container, victim, which):
    (container.rootfs / "escape").symlink_to(ways_to(victim)[which])
    container.linux["devices"] = [{"path": "/escape/node", "type": "c", "major": 1, "minor": 3}]
    refused_or_inside(container, container.run("true"))


@needs_root
def test_device_that_is_a_file_of_the_image(container):
    """What stands in the image under a device's name is neither used nor followed."""
    (container.rootfs / "etc/kept").write_text("kept\n")
    without_mount(container, "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")
    (container.rootfs / "dev/null").symlink_to("/etc/kept")
    os.mkfifo(container.rootfs / "dev/zero")
    (container.rootfs / "dev/full").write_text("file\n")
    output = container.shell("stat -c %t:%T /dev/null /dev/zero /dev/full; echo x > /dev/null; cat /etc/kept").output
    assert output == "1:3\n1:5\n1:7\nkept\n"


# ---- mount destinations ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("below", ["", "/new", "/new/deep"])
@pytest.mark.parametrize("kind", ["tmpfs", "bind", "file"])
def test_mount_destination_through_a_link(container, victim, which, below, kind):
    """CVE-2021-30465, and CVE-2024-45310: no directory or file may be made on the host."""
    (container.rootfs / "mnt/escape").symlink_to(ways_to(victim)[which])
    given = container.work / "given"
    given.mkdir()
    (given / "file").write_text("given\n")
    destination = f"/mnt/escape{below}"
    if kind == "tmpfs":
        container.mount(destination, "tmpfs", "tmpfs", ["size=64k"])
    else:
        container.bind(given / "file" if kind == "file" else given, destination)
    refused_or_inside(container, container.run("true"))


@pytest.mark.parametrize("destination", ["/../../../..{victim}/new", "../../../../..{victim}/new", "/mnt/../../../..{victim}",
                                         "/proc/self/root{victim}/new", "/proc/1/cwd/new", "/proc/self/fd/3/new"])
def test_mount_destination_with_dots_and_magic_links(container, victim, destination):
    """RESOLVE_IN_ROOT stops ".." at the root; magic links of procfs are never followed."""
    container.mount(destination.format(victim=victim), "tmpfs", "tmpfs", ["size=64k"])
    refused_or_inside(container, container.run("true"))


@pytest.mark.parametrize("destination", ["/proc/self/attr", "/proc/sys", "/proc/1", "/mnt/link", "/proc/sys/kernel/core_pattern",
                                         "/proc/../proc/sys", "/proc/self/exe"])
def test_mount_inside_proc_is_refused(container, destination):
    """What later writes to /proc must not be redirected (CVE-2019-16884). Fails on crun 1.8.1. "/mnt/link" leads to /proc."""
    (container.rootfs / "mnt/link").symlink_to("/proc")
    given = container.work / "given"
    given.mkdir()
    if destination.endswith(("core_pattern", "exe")):
        given = given / "file"
        given.write_text("planted\n")
    container.bind(given, destination)
    container.fails("true", saying="/proc|magic|symbolic|Not a directory")


@pytest.mark.parametrize("link, target", [("etc/resolv.conf", "/run/made/by/rung"), ("etc/resolv.conf", "../run/made/by/rung")])
def test_mount_destination_is_a_link_that_leads_nowhere(container, link, target):
    """As in images of distributions with systemd-resolved; what is missing is made inside the root."""
    given = container.work / "given"
    given.write_text("given\n")
    (container.rootfs / link).symlink_to(target)
    container.bind(given, f"/{link}")
    assert container.shell(f"cat /{link} /run/made/by/rung").output == "given\ngiven\n"


def test_mount_destination_is_a_ring_of_links(container):
    (container.rootfs / "mnt/a").symlink_to("b")
    (container.rootfs / "mnt/b").symlink_to("a")
    container.mount("/mnt/a/x", "tmpfs", "tmpfs")
    container.fails("true")


@pytest.mark.parametrize("below", ["inner", "inner/new/deep"])
def test_mount_destination_swapped_in_a_race(container, victim, attacker, below):
    """CVE-2021-30465: somebody who shares a volume exchanges a directory for a link while mounts are made in it."""
    shared = container.work / "shared"
    (shared / "real/inner").mkdir(parents=True)
    (shared / "link").symlink_to(ways_to(victim)[1])
    container.bind(shared, "/shared", "rbind")
    container.mount(f"/shared/real/{below}", "tmpfs", "tmpfs", ["size=64k"])
    swapper = subprocess.Popen([attacker, "swap", shared / "real", shared / "link", "0"])
    outcomes = set()
    try:
        for _ in range(40):
            result = container.run("true")
            refused_or_inside(container, result)
            outcomes.add(result.status == 0)
            assert os.listdir(victim) == ["secret"], "made on the host"
    finally:
        swapper.kill()
        swapper.wait()
    assert outcomes, "no run at all"


# ---- copying up -------------------------------------------------------------------------------------------------------------

@only_rung
@pytest.mark.parametrize("which", [0, 1])
def test_copy_up_does_not_follow_links(container, victim, which):
    """A tmpfs with tmpcopyup must not become a copy of a host directory, nor carry a host file in."""
    way = ways_to(victim)[which]
    (container.rootfs / "var/whole").symlink_to(way)
    (container.rootfs / "data").mkdir()
    (container.rootfs / "data/part").symlink_to(f"{way}/secret")
    (container.rootfs / "data/directory").symlink_to(way)
    container.mount("/data", "tmpfs", "tmpfs", ["tmpcopyup", "size=1m"])
    output = container.shell("readlink /data/part; readlink /data/directory; cat /data/part /data/directory/* 2>&1; true").output
    assert output.splitlines()[:2] == [f"{way}/secret", way]
    assert "secret of the host" not in output
    container.mount("/var/whole", "tmpfs", "tmpfs", ["tmpcopyup", "size=1m"])
    result = container.run("sh", "-c", "cat /var/whole/secret; find / -xdev -name secret")
    assert "secret" not in result.output


# ---- where the runtime reads in the image -----------------------------------------------------------------------------------

@only_rung
@pytest.mark.parametrize("target", ["{victim}/passwd", "/proc/self/exe", "/proc/1/environ", "/dev/zero", "fifo", "/dev/tty"])
def test_passwd_of_the_image_is_read_inside(container, work, target):
    """HOME comes from the image's passwd, which is whatever the image says it is: never a hang, never the host's."""
    host = work / "host"
    host.mkdir()
    (host / "passwd").write_text("root:x:0:0:root:/stolen:/bin/sh\n")
    passwd = container.rootfs / "etc/passwd"
    passwd.unlink()
    if target == "fifo":
        os.mkfifo(passwd)
    else:
        passwd.symlink_to(target.format(victim=host))
    output = container.shell("echo $HOME").output
    assert "stolen" not in output and output.startswith("/")


@pytest.mark.parametrize("cwd", ["/escape", "/escape/new", "/proc/1/root/../..", "/proc/self/cwd"])
@pytest.mark.parametrize("which", [0, 1])
def test_working_directory_through_a_link(container, victim, cwd, which):
    """The directory is made if it is missing, inside the root only."""
    (container.rootfs / "escape").symlink_to(ways_to(victim)[which])
    container.process["cwd"] = cwd
    result = container.run("sh", "-c", "cat secret; pwd -P; ls")
    assert "secret" not in result.output
