"""Makes the disks, the kernel and the initramfs of the test machine.

What goes in: Debian packages, by apt's own configuration of this host. What comes out: a directory of the cache with
kernel, initramfs and root.ext4. It is made once; its name is a hash of everything it is made from (this file, the
package list, guest/), so an edit makes a new one and two checkouts do not disturb each other.
Nothing here needs root, loop devices or mounts on the host: mmdebstrap and mke2fs run in a user namespace when the
caller is an ordinary user (with ranges in /etc/subuid). Device nodes are left out, the guest has devtmpfs.
"""

import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SUITE = "bookworm"
PACKAGES = """
    usr-is-merged systemd systemd-sysv dbus dbus-user-session libpam-systemd kmod procps
    uidmap apparmor busybox-static python3-minimal crun runc criu
""".split()
# In the order in which they are loaded (each after what it needs): virtio over PCI, the disks, the port of the agent.
BOOT_MODULES = """
    virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk virtio_console
""".split()
KEEP_SECONDS = 14 * 24 * 3600
LEFT_OUT = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*"]


def missing_tools():
    """Names of the programs this needs and the host lacks, each with its Debian package."""
    needed = {"mmdebstrap": "mmdebstrap", "mke2fs": "e2fsprogs", "dpkg-deb": "dpkg", "apt-get": "apt"}
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return [f"{tool} (package {package})" for tool, package in needed.items() if not shutil.which(tool, path=path)]


def cache_directory():
    if "RUNG_TEST_CACHE" in os.environ:
        return pathlib.Path(os.environ["RUNG_TEST_CACHE"])
    if os.geteuid() == 0:
        return pathlib.Path("/var/cache/rung-tests")
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "rung-tests"


def execute(*command, **options):
    """Runs a step of the recipe; its output is shown only when it fails."""
    environment = dict(os.environ, LC_ALL="C.UTF-8", PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env=environment, check=False, **options)
    output = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed ({done.returncode}):\n{output[-4000:]}")
    return output


def kernel_tree(directory):
    """Unpacks the newest cloud kernel of the archive; returns the tree and the kernel's release name."""
    depends = execute("apt-cache", "show", "--no-all-versions", "linux-image-cloud-amd64")
    package = re.search(r"^Depends: (linux-image-\S+)", depends, re.MULTILINE).group(1)
    execute("apt-get", "download", package, cwd=directory)
    tree = directory / "kernel"
    execute("dpkg-deb", "--extract", next(directory.glob("linux-image-*.deb")), tree)
    return tree, package.removeprefix("linux-image-")


def cpio_entry(name, mode, content=b"", device=(0, 0)):
    """One member of a "newc" archive (Documentation/driver-api/early-userspace/buffer-format.rst)."""
    name = name.encode() + b"\0"
    fields = [0, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(name), 0]
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + name
    return head + b"\0" * (-len(head) % 4) + content + b"\0" * (-len(content) % 4)


def initramfs(tree, release, busybox):
    """The archive with which the kernel starts: busybox, guest/init and the modules that reach the disks."""
    modules = {}
    for path in (tree / "lib/modules" / release).rglob("*.ko"):
        modules[path.stem] = path
    parts = [cpio_entry(name, stat.S_IFDIR | 0o755) for name in ("bin", "dev", "modules", "proc", "root", "sys")]
    parts.append(cpio_entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1)))
    parts.append(cpio_entry("bin/busybox", stat.S_IFREG | 0o755, busybox.read_bytes()))
    parts.append(cpio_entry("bin/sh", stat.S_IFLNK | 0o777, b"busybox"))
    parts.append(cpio_entry("bin/poweroff", stat.S_IFLNK | 0o777, b"busybox"))
    parts.append(cpio_entry("init", stat.S_IFREG | 0o755, (HERE / "guest/init").read_bytes()))
    for name in BOOT_MODULES:
        parts.append(cpio_entry(f"modules/{name}.ko", stat.S_IFREG | 0o644, modules[name].read_bytes()))
    order = "".join(f"{name}\n" for name in BOOT_MODULES)
    parts.append(cpio_entry("modules/order", stat.S_IFREG | 0o644, order.encode()))
    parts.append(cpio_entry("TRAILER!!!", 0))
    return b"".join(parts)


def ext4_from_directory(directory, image, label, slack_mb):
    """A file system with a copy of the directory; written without mounting anything."""
    used = sum(path.lstat().st_blocks * 512 for path in pathlib.Path(directory).rglob("*"))
    size_mb = used * 11 // 10 // 2**20 + slack_mb
    execute("mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-E", "lazy_itable_init=1,root_owner=0:0", "-m", "0",
            "-L", label, "-d", directory, image, f"{size_mb}M")


def build(directory):
    tree, release = kernel_tree(directory)
    archive = directory / "root.tar"
    options = [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
    hooks = [
        "mkdir -p \"$1/usr/lib/modules\"",
        f"copy-in {tree}/lib/modules/{release} /usr/lib/modules",
        f"copy-in {HERE}/guest/setup.sh /run",
        f"chroot \"$1\" sh /run/setup.sh {release} && rm \"$1/run/setup.sh\"",
        f"copy-out /bin/busybox {directory}",
    ]
    execute("mmdebstrap", "--variant=essential", "--format=tar", "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
            *options, *(f"--customize-hook={hook}" for hook in hooks), "--include=" + ",".join(PACKAGES), SUITE, archive)
    # A second copy of this file unpacks the archive where uid 0 exists: here for root, else in a user namespace.
    inside = [] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--map-auto"]
    execute(*inside, "/usr/bin/python3", __file__, archive, directory / "root.ext4")
    shutil.copy(tree / f"boot/vmlinuz-{release}", directory / "kernel.bz")
    (directory / "initramfs").write_bytes(initramfs(tree, release, directory / "busybox"))
    shutil.rmtree(tree)
    for name in ("root.tar", "busybox", *(path.name for path in directory.glob("*.deb"))):
        (directory / name).unlink()
    (directory / "kernel.bz").rename(directory / "kernel")


def ensure():
    """Path of the finished directory; makes it when it is not there. Other sessions wait, they do not build a second."""
    recipe = hashlib.sha256(pathlib.Path(__file__).read_bytes())
    for name in ("init", "setup.sh"):
        recipe.update((HERE / "guest" / name).read_bytes())
    cache = cache_directory()
    cache.mkdir(parents=True, exist_ok=True)
    finished = cache / f"vm-{recipe.hexdigest()[:16]}"
    with open(cache / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if finished.exists():
            os.utime(finished)
        else:
            for old in cache.glob("vm-*"):
                if old.stat().st_mtime < time.time() - KEEP_SECONDS:
                    shutil.rmtree(old)
            with tempfile.TemporaryDirectory(dir=cache, prefix="making-") as scratch:
                work = pathlib.Path(scratch) / "vm"
                work.mkdir()
                build(work)
                work.rename(finished)
    return finished


def unpack_and_format(archive, image):
    with tempfile.TemporaryDirectory(dir=pathlib.Path(image).parent) as scratch:
        execute("tar", "--extract", "--file", archive, "--directory", scratch, "--xattrs", "--xattrs-include=*",
                "--numeric-owner", "--exclude=./dev/*")
        ext4_from_directory(scratch, image, "rung-root", 96)


if __name__ == "__main__":
    import sys
    unpack_and_format(sys.argv[1], sys.argv[2])
