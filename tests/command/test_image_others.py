"""Images that buildah, podman and skopeo wrote, and all that can be known of their files; and back to them.

One image of three layers holds what file trees can hold (attributes, capabilities, devices, holes, hard links, names of
any bytes) and how layers change each other (whiteouts, directories made anew, other kinds in the same place). Each form
in which buildah can write it is loaded, mounted, and compared file by file with what buildah shows; then the other way.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import stat
import struct
import subprocess

import pytest

from conftest import needs_root
from storing import store  # noqa: F401

BUILDAH = shutil.which("buildah")
pytestmark = [needs_root, pytest.mark.skipif(not BUILDAH, reason="no buildah")]
NAME = "localhost/nasty:1"
TIME_NS = 1_600_000_000_000_000_000
CAPABILITY = struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0)  # cap_net_bind_service+ep


# ---- a tree with everything in it --------------------------------------------------------------------------------

def write(path, data=b"x", mode=0o644):
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, mode)


def first_layer(top):
    top = os.fsencode(top)
    for name in (b"dir", b"gone", b"anew", b"anew/sub", b"becomes-file", b"sticky", b"\xff\xfe latin \xe9"):
        os.mkdir(top + b"/" + name)
    os.chmod(top + b"/sticky", 0o1777)
    write(top + b"/dir/file", b"contents")
    write(top + b"/setuid", b"s", 0o6755)
    write(top + b"/empty", b"")
    write(top + b"/" + b"n" * 255)
    write(top + b"/\xff\xfe latin \xe9/\x01\n\t\"\\ \xc3\xa4")
    deep = top
    for _ in range(12):
        deep += b"/" + b"d" * 90
        os.mkdir(deep)
    write(deep + b"/at the end")
    os.symlink("/nowhere", top + b"/dangling")
    os.symlink("t" * 300, top + b"/long-target")
    os.symlink(b"\xff\xfe", top + b"/\xe9")
    os.link(top + b"/dir/file", top + b"/sticky/same file")
    os.link(top + b"/setuid", top + b"/dir/setuid too")
    os.mkfifo(top + b"/fifo", 0o600)
    os.mknod(top + b"/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(top + b"/disk", stat.S_IFBLK | 0o660, os.makedev(259, 1234))
    with open(top + b"/holes", "wb") as file:
        for place in (1 << 20, 5 << 20):
            file.seek(place)
            file.write(b"data")
        file.truncate(8 << 20)
    write(top + b"/able", b"p", 0o755)
    os.chown(top + b"/dir/file", 1234, 2_000_000)
    os.lchown(top + b"/dangling", 7, 8)
    os.setxattr(top + b"/able", "security.capability", CAPABILITY)
    os.setxattr(top + b"/dir/file", "user.note", b"\x00binary = \xff\n")
    os.setxattr(top + b"/dir", "user.of directory", b"1")
    for name in (b"gone/a", b"anew/old", b"anew/sub/old", b"becomes-file/in", b"becomes-directory", b"to-chmod", b"to-go"):
        write(top + b"/" + name)


def second_layer(top):
    shutil.rmtree(top / "gone")
    shutil.rmtree(top / "anew")
    (top / "anew").mkdir(0o750)
    write(top / "anew/new")
    shutil.rmtree(top / "becomes-file")
    write(top / "becomes-file")
    os.unlink(top / "becomes-directory")
    (top / "becomes-directory").mkdir()
    write(top / "becomes-directory/in")
    os.unlink(top / "to-go")
    os.chmod(top / "to-chmod", 0o600)
    os.link(top / "empty", top / "empty too")


def third_layer(top):
    (top / "gone").mkdir()
    write(top / "gone/again")
    os.unlink(top / "anew/new")
    write(top / "to-go", b"back")
    os.unlink(top / "setuid")


def settle_times(top):
    """Times that a tar can tell: whole seconds."""
    for base, directories, files in os.walk(os.fsencode(top), topdown=False):
        for name in [*directories, *files]:
            path = os.path.join(base, name)
            if os.lstat(path).st_mtime_ns % 1_000_000_000:
                os.utime(path, ns=(TIME_NS, TIME_NS), follow_symlinks=False)


# ---- what can be known of a tree ---------------------------------------------------------------------------------

def contents(path, status, links, name):
    if stat.S_ISLNK(status.st_mode):
        return os.readlink(path)
    if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
        return status.st_rdev
    if not stat.S_ISREG(status.st_mode):
        return None
    with open(path, "rb") as file:
        data = hashlib.sha256(file.read()).hexdigest()
    return data, status.st_size, links.setdefault((status.st_dev, status.st_ino), name)


def attributes(path):
    return {name: os.getxattr(path, name, follow_symlinks=False) for name in os.listxattr(path, follow_symlinks=False)
            if ".overlay." not in name}


def look(top):
    """{name: all that is known}; two trees are the same when these are."""
    top, links, seen = os.fsencode(top), {}, {}
    for base, directories, files in os.walk(top):
        directories.sort()
        for name in sorted([*directories, *files]):
            path = os.path.join(base, name)
            status = os.lstat(path)
            seen[path[len(top):]] = (oct(status.st_mode), status.st_uid, status.st_gid, status.st_mtime_ns // 10**9,
                                     contents(path, status, links, path[len(top):]), attributes(path))
    return seen


def same(found, wanted):
    assert found.keys() == wanted.keys()
    for name, facts in wanted.items():
        assert found[name] == facts, name


# ---- who writes and reads it -------------------------------------------------------------------------------------

class Others:
    def __init__(self, work):
        self.work = work
        self.places = ["--root", work / "other", "--runroot", work / "other-run", "--storage-driver", "overlay"]

    def buildah(self, *words, check=True):
        done = subprocess.run([BUILDAH, *self.places, *words], check=False, capture_output=True, text=True)
        assert not check or done.returncode == 0, f"buildah {words}: {done.stderr}"
        return done.stdout.strip()

    def build(self):
        box = self.buildah("from", "scratch")
        for step in (first_layer, second_layer, third_layer):
            top = pathlib.Path(self.buildah("mount", box))
            step(top)
            settle_times(top)
            self.buildah("umount", box)
            self.buildah("commit", "-q", "--format", "docker", box, NAME)
            self.buildah("rm", box)
            box = self.buildah("from", "--pull-never", NAME)

    @contextlib.contextmanager
    def mounted(self, name):
        box = self.buildah("from", "--pull-never", name)
        try:
            yield self.buildah("mount", box)
        finally:
            self.buildah("rm", box)

    def end(self):
        self.buildah("rm", "-a", check=False)
        self.buildah("rmi", "-a", "-f", check=False)
        subprocess.run(["umount", "--recursive", "--lazy", self.work / "other/overlay"], check=False, capture_output=True)


@pytest.fixture(name="others", scope="module")
def make_others(tmp_path_factory):
    others = Others(tmp_path_factory.mktemp("others"))
    try:
        others.build()
        with others.mounted(NAME) as top:
            others.wanted = look(top)
        yield others
    finally:
        others.end()


@contextlib.contextmanager
def mounted(store, name):
    top = store("image", "mount", name).output.strip()
    try:
        yield top
    finally:
        store("image", "unmount", name)


def check(store, others):
    with mounted(store, NAME) as top:
        same(look(top), others.wanted)
        assert os.stat(os.path.join(top, "holes")).st_blocks < 2000, "the holes of a sparse file were filled"
    store.whole()


def test_the_image_holds_what_it_should(others):
    names = others.wanted
    assert b"/gone/again" in names and b"/gone/a" not in names and b"/anew/old" not in names and b"/setuid" not in names
    assert names[b"/able"][5] == {"security.capability": CAPABILITY}
    assert names[b"/dir/setuid too"][0] == "0o106755"


FORMS = {
    "docker-archive": ("docker-archive:{}:" + NAME, []),
    "oci-archive": ("oci-archive:{}:" + NAME, []),
    "oci, gzip": ("oci:{}:" + NAME, ["--compression-format", "gzip", "--format", "oci"]),
    "oci, zstd": ("oci:{}:" + NAME, ["--compression-format", "zstd", "--format", "oci"]),
    "oci, zstd:chunked": ("oci:{}:" + NAME, ["--compression-format", "zstd:chunked", "--format", "oci"]),
    "docker schema 2 in a layout": ("oci-archive:{}:" + NAME, ["--format", "v2s2"]),
}


@pytest.mark.parametrize("form", FORMS)
def test_all_of_what_buildah_wrote_is_read(store, others, form, work):
    target, words = FORMS[form]
    out = work / "out"
    done = subprocess.run([BUILDAH, *others.places, "push", "-q", *words, NAME, target.format(out)], capture_output=True,
                          text=True, check=False)
    if done.returncode != 0 and re.search("unsupported|not supported|unknown|conversion|cannot", done.stderr):
        pytest.skip(f"this buildah does not write it: {done.stderr.strip()[-100:]}")
    assert done.returncode == 0, done.stderr
    store("load", "-i", out)
    check(store, others)


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_buildah_reads_all_of_what_was_saved(store, others, form, work):
    others.buildah("push", "-q", "--format", "oci", NAME, f"oci-archive:{work / 'in'}:{NAME}")
    store("load", "-i", work / "in")
    store("save", "--format", form, "-o", work / "out", NAME)
    if form == "oci-archive":
        told = [subprocess.run(["skopeo", "inspect", "--raw", f"oci-archive:{work / name}"], check=True,
                               capture_output=True).stdout for name in ("in", "out")]
        assert told[0] == told[1]
    image = others.buildah("pull", "-q", f"{form}:{work / 'out'}")
    assert f"sha256:{image}" == store.inspect(NAME)["Id"]
    with others.mounted(image) as top:
        same(look(top), others.wanted)


def test_a_commit_keeps_all_of_it(store, others, work):
    """Squashed by rung into one layer, which buildah reads."""
    others.buildah("push", "-q", NAME, f"docker-archive:{work / 'in'}:{NAME}")
    store("load", "-i", work / "in")
    store("create", "--name", "one", NAME, "x")
    try:
        store("commit", "-q", "--squash", "one", "localhost/squashed:1")
    finally:
        store("rm", "-f", "one")
    assert len(json.loads(store("image", "inspect", "localhost/squashed:1").output)[0]["RootFS"]["Layers"]) == 1
    store("save", "-o", work / "out", "localhost/squashed:1")
    image = others.buildah("pull", "-q", f"docker-archive:{work / 'out'}")
    with others.mounted(image) as top:
        same(look(top), others.wanted)
