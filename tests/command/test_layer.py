"""Layers unpacked by rung-layer: formats, metadata, whiteouts, digests, interrupted work."""

import gzip
import hashlib
import itertools
import os
import pathlib
import shutil
import signal
import subprocess
import tarfile

import pytest
from conftest import LIVE, ROOT, needs_root
from layers import (OVERLAY, Failure, archive, compress, directory, facts, find_program, hardlink, have_zstd, layer, member,  # noqa: F401
                    symlink, wait_for)

LONG = "/".join(["directory-" + "x" * 60] * 5) + "/file"


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def rich_members(form):
    """A member of each kind that this format can say."""
    members = [
        directory(".", 0o755), directory("etc", 0o2750, uid=10, gid=20, mtime=1600000001),
        member("etc/passwd", b"root:x:0:0\n", mode=0o640, uid=1000, gid=1001),
        member("etc/empty", b"", mode=0o600), member("bin/sudo", b"\x7fELF", mode=0o4755),
        directory("tmp", 0o1777), symlink("etc/link", "../bin/sudo"), symlink("dangling", "/nowhere/at/all"),
        hardlink("bin/sudoedit", "bin/sudo", mode=0o4755), member("bin/run", b"#!/bin/sh\n" * 60000, mode=0o755),
        member("pipe", type=tarfile.FIFOTYPE, mode=0o622), member("made/on/the/way", b"x"),
        member("old", b"past", mtime=0), member(" blank\n'\"", b"name"),
    ]
    if form != tarfile.USTAR_FORMAT:
        members += [member(LONG, b"long"), symlink("long-link", "t" * 300), hardlink("hard-long", LONG),
                    member("caf\udce9", b"latin"), member("größe", b"utf-8"), member("far", b"", uid=60000, gid=65000)]
    if form == tarfile.PAX_FORMAT:
        members += [member("nano", b"time", mtime=1700000000.25, pax_headers={"comment": "x"}),
                    member("attributes", b"has", pax_headers={"SCHILY.xattr.user.name": "value",
                                                              "SCHILY.xattr.user.empty": ""})]
    return members


def reference(layer, data, *words):
    """GNU tar's idea of the same archive, as root of the same ids."""
    tree = layer.new_tree()
    source = layer.work / "trees/reference.tar"
    source.write_bytes(data)
    layer.shell("tar --extract --delay-directory-restore --preserve-permissions --same-owner --numeric-owner "
                f"--xattrs '--xattrs-include=*' {' '.join(words)} --file {source}", tree)
    return layer.scan(tree)


def same(ours, theirs, ignore=()):
    """Two trees, but for what is made on the way (its time is the present)."""
    assert sorted(ours) == sorted(theirs)
    for name in set(ours) - set(ignore):
        a, b = facts(ours[name]), facts(theirs[name])
        if name in ("made", "made/on", "made/on/the", "bin") or LONG.startswith(name + "/"):
            a, b = a._replace(modified=0), b._replace(modified=0)
        assert a == b, name


# ---- formats ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_as_gnu_tar(layer, form):  # noqa: F811
    data = archive(rich_members(form), form)
    report = layer.unpack(data)
    assert report["diffID"] == report["digest"] == sha256(data)
    assert report["size"] == report["unpackedSize"] == len(data)
    assert report["entries"] == len(rich_members(form))
    ours = layer.scan()
    same(ours, reference(layer, data))
    assert ours["bin/sudo"].inode == ours["bin/sudoedit"].inode
    assert ours["etc/passwd"].uid == 1000 and ours["etc/passwd"].gid == 1001
    if form == tarfile.PAX_FORMAT:
        assert ours["attributes"].attributes == {"user.name": b"value", "user.empty": b""}
        assert ours["nano"].modified == 1700000000250000000


@pytest.mark.parametrize("form", ["v7", "oldgnu", "gnu", "ustar", "posix", "posix --xattrs --acls"])
def test_real_tree(layer, form):  # noqa: F811
    """What GNU tar makes of a part of this machine."""
    data = subprocess.run(f"cd /usr/share && tar --create --format={form} --sort=name perl/5* doc/base-files",
                          shell=True, stdout=subprocess.PIPE, check=True).stdout
    layer.unpack(data)
    ours, theirs = layer.scan(), reference(layer, data)
    assert len(ours) > 50
    same(ours, theirs, ignore=[".", "doc", "perl"])


@pytest.mark.parametrize("form", ["gnu", "posix --sparse-version=0.0", "posix --sparse-version=0.1",
                                  "posix --sparse-version=1.0"])
def test_sparse(layer, form):  # noqa: F811
    source = layer.work / "trees/source"
    source.mkdir()
    with open(source / "sparse", "wb") as file:
        for offset in range(0, 40):
            file.seek(offset * 200000 + 7)
            file.write(b"piece %d" % offset)
        file.truncate(9 << 20)
    with open(source / "hole", "wb") as file:
        file.truncate(5 << 20)
    (source / "after").write_bytes(b"after")
    data = subprocess.run(f"tar --create --sparse --format={form} --directory {source} sparse hole after", shell=True,
                          stdout=subprocess.PIPE, check=True).stdout
    assert len(data) < 2 << 20
    layer.unpack(data)
    found = layer.scan()
    for name in ("sparse", "hole", "after"):
        assert found[name].content == (source / name).read_bytes(), name
    layer.shell("test $(stat -c %b sparse) -lt 8000; test $(stat -c %b hole) -lt 100")


def test_members_override(layer):  # noqa: F811
    """The last of several members of one name counts, also of another kind."""
    layer.unpack(archive([
        member("a", b"first"), member("a", b"second", mode=0o600), directory("b"), member("b/below", b"gone"),
        member("b", b"a file now"), member("c", b"file"), directory("c", 0o700), member("c/new", b"x"),
        symlink("d", "a"), member("d", b"no longer a link"), directory("e"), symlink("e", "c"), hardlink("f", "a"),
        member("f", b"its own now")]))
    found = layer.scan()
    assert sorted(found) == [".", "a", "b", "c", "c/new", "d", "e", "f"]
    assert found["a"].content == b"second" and found["a"].mode == 0o600
    assert found["b"].content == b"a file now" and found["d"].content == b"no longer a link"
    assert found["e"].link == b"c" and found["f"].content == b"its own now"


def test_link_before_target(layer):  # noqa: F811
    layer.unpack(archive([hardlink("z", "y"), hardlink("y", "x"), member("x", b"content")]))
    found = layer.scan()
    assert found["x"].inode == found["y"].inode == found["z"].inode


def test_through_links_of_the_layer(layer):  # noqa: F811
    """As in a chroot: a link to a directory is followed inside the tree, also where nothing is there yet."""
    layer.unpack(archive([directory("usr/lib"), symlink("lib", "usr/lib"), member("lib/libc", b"c"),
                          symlink("run", "/var/run"), member("run/pid", b"1"),
                          symlink("out", "../../../../etc"), member("out/file", b"inside")]))
    found = layer.scan()
    assert found["usr/lib/libc"].content == b"c" and found["lib"].kind == "link"
    assert found["var/run/pid"].content == b"1" and found["etc/file"].content == b"inside"


def test_capabilities_and_acls(layer):  # noqa: F811
    # VFS_CAP_REVISION_2 with CAP_NET_RAW; an ACL "user::rw-,user:1000:r--,group::r--,mask::r--,other::---"
    capability = bytes.fromhex("0100000200200000000000000000000000000000")
    acl = bytes.fromhex("02000000" "01000600ffffffff" "02000400e8030000" "04000400ffffffff" "10000400ffffffff"
                        "20000000ffffffff")
    data = (pax(record(b"SCHILY.xattr.security.capability", capability), *member("ping", b"x", mode=0o755, uid=5)) +
            pax(record(b"SCHILY.xattr.system.posix_acl_access", acl), *member("file", b"y", mode=0o640)) + bytes(1024))
    report = layer.unpack(data)
    found = layer.scan()
    assert report["skipped"] == 0, report
    assert found["ping"].attributes["security.capability"] == capability and found["ping"].uid == 5
    assert found["file"].attributes["system.posix_acl_access"] == acl


def test_acls_in_words(layer):  # noqa: F811
    """As GNU tar and bsdtar write them."""
    data = (pax(record(b"SCHILY.acl.access", b"user::rw-,user:7:r--,user:joe:rwx:9,group::r-x,mask::rwx,other::---\n") +
                record(b"SCHILY.acl.default", b"user::rwx,group::r-x,other::r-x"), *directory("d")) +
            pax(record(b"SCHILY.acl.access", b"user::rw-,user:joe:r--,group::r--,other::---"), *member("names", b"")) +
            bytes(1024))
    report = layer.unpack(data)
    assert report["skipped"] == 1 and "names: attribute SCHILY.acl.access" in report["note"]
    found = layer.scan()["d"].attributes
    assert found["system.posix_acl_access"] == bytes.fromhex(
        "02000000" "01000600ffffffff" "0200040007000000" "0200070009000000" "04000500ffffffff" "10000700ffffffff"
        "20000000ffffffff")
    assert found["system.posix_acl_default"] == bytes.fromhex(
        "02000000" "01000700ffffffff" "04000500ffffffff" "20000500ffffffff")


def record(key, value):
    rest = len(key) + len(value) + 3
    length = next(n for n in range(rest, rest + 20) if n == rest + len(str(n)))
    return b"%d %s=%s\n" % (length, key, value)


def pax(records, info, content):
    """A member behind a pax header of just these records."""
    header = tarfile.TarInfo("PaxHeaders/x")
    header.type, header.size = tarfile.XHDTYPE, len(records)
    pad = lambda data: data + bytes(-len(data) % 512)  # noqa: E731
    return (header.tobuf(tarfile.USTAR_FORMAT) + pad(records) + info.tobuf(tarfile.USTAR_FORMAT) + pad(content))


@needs_root
def test_devices(layer):  # noqa: F811
    report = layer.unpack(archive([member("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666),
                                   member("loop", type=tarfile.BLKTYPE, devmajor=7, devminor=300)]))
    found = layer.scan()
    assert found["null"].kind == "character" and found["null"].device == (1, 3) and found["null"].mode == 0o666
    assert found["loop"].kind == "block" and found["loop"].device == (7, 300)
    assert report["skipped"] == 0


@pytest.mark.skipif(ROOT, reason="an ordinary user's limits")
def test_devices_are_skipped(layer):  # noqa: F811
    report = layer.unpack(archive([member("null", type=tarfile.CHRTYPE, devmajor=1, devminor=3), member("after", b"x")]))
    assert report["skipped"] == 1 and "null" in report["note"]
    assert sorted(layer.scan()) == [".", "after"]


@pytest.mark.skipif(ROOT, reason="an ordinary user's limits")
def test_foreign_ids(layer):  # noqa: F811
    with pytest.raises(Failure, match="belongs to 4000000:7"):
        layer.unpack(archive([member("a", b"", uid=4000000, gid=7)]))


def test_restrictive_directories(layer):  # noqa: F811
    layer.unpack(archive([directory("locked", 0o500, mtime=1500000000), member("locked/in", b"x", mode=0o400),
                          directory("locked/deeper", 0o000)]))
    found = layer.scan()
    assert found["locked"].mode == 0o500 and found["locked/deeper"].mode == 0
    assert found["locked"].modified == 1500000000 * 10**9


# ---- compression ----------------------------------------------------------------------------------------------------------

def test_zeros_are_holes(layer):  # noqa: F811
    """Go's tar writer, which is Docker's and Podman's, knows no sparse files: it writes what is read from them."""
    holes = bytes(3 << 20) + b"data" + bytes(5 << 20)
    layer.unpack(archive({"before": b"1", "holes": holes, "zeros": bytes(1 << 20), "after": b"2", "small": bytes(5000)}))
    found = layer.scan()
    assert found["holes"].content == holes and found["zeros"].content == bytes(1 << 20)
    assert (found["before"].content, found["after"].content, found["small"].content) == (b"1", b"2", bytes(5000))
    layer.shell("test $(stat -c %b holes) -lt 2100; test $(stat -c %b zeros) -lt 1100")


PLAIN = archive({f"file-{i}": bytes([i]) * i * 900 for i in range(200)})
SKIPPABLE = b"\x50\x2a\x4d\x18\x05\x00\x00\x00hello"
HALF = len(PLAIN) // 2 + 1


@pytest.mark.parametrize("data", [
    pytest.param(PLAIN, id="plain"),
    pytest.param(gzip.compress(PLAIN), id="gzip"),
    pytest.param(gzip.compress(PLAIN, 0), id="stored"),
    pytest.param(gzip.compress(PLAIN[:HALF]) + gzip.compress(PLAIN[HALF:]), id="members"),
    pytest.param(b"".join(gzip.compress(PLAIN[i:i + 997]) for i in range(0, len(PLAIN), 997)), id="many-members"),
    pytest.param(gzip.compress(PLAIN) + bytes(5000), id="padded"),
    pytest.param(gzip.compress(PLAIN) + gzip.compress(b""), id="footer"),
    pytest.param("zstd", id="zstd", marks=have_zstd),
    pytest.param("frames", id="zstd-frames", marks=have_zstd),
])
def test_compressions(layer, data):  # noqa: F811
    if data == "zstd":
        data = compress(PLAIN, "zstd")
    elif data == "frames":
        data = SKIPPABLE + compress(PLAIN[:HALF], "zstd") + SKIPPABLE + compress(PLAIN[HALF:], "zstd") + SKIPPABLE
    report = layer.unpack(data)
    assert (report["digest"], report["diffID"]) == (sha256(data), sha256(PLAIN))
    assert layer.scan()["file-199"].content == bytes([199]) * 199 * 900
    # And without a tree: only hashed.
    assert layer.run("unpack", input=data)["diffID"] == sha256(PLAIN)
    # And plain again.
    assert layer.written("decode", input=data)[1] == PLAIN


@pytest.mark.parametrize("cut", [1, 5, 17, 300, 262143, 262144])
def test_members_on_edges(layer, cut):  # noqa: F811
    """A gzip member's head and tail lie across the blocks that are read."""
    noise = os.urandom(262144 - cut)
    first = gzip.compress(noise, 0)
    data = first[:] + gzip.compress(b"tail " * 1000)
    report, plain = layer.written("decode", input=data)
    assert plain == noise + b"tail " * 1000 and report["diffID"] == sha256(plain)


@pytest.mark.parametrize("data", [b"", bytes(1024), bytes(10240)])
def test_empty(layer, data):  # noqa: F811
    assert layer.unpack(data)["entries"] == 0
    assert list(layer.scan()) == ["."]


@pytest.mark.parametrize("magic, name", [(b"\xfd7zXZ\0", "xz"), (b"BZh91AY", "bzip2")])
def test_foreign_compression(layer, magic, name):  # noqa: F811
    with pytest.raises(Failure, match=f"compressed with {name}"):
        layer.unpack(magic + bytes(5000))


@pytest.mark.parametrize("name", ["BZhello", "BZh91AY"])
def test_a_name_that_begins_like_a_compression(layer, name):  # noqa: F811
    layer.unpack(archive({name: b"plain"}))
    assert layer.scan()[name].content == b"plain"


# ---- whiteouts --------------------------------------------------------------------------------------------------------------

def whiteouts(found):
    """The overlay's own view: {name: what}."""
    view = {}
    for name, entry in found.items():
        if entry.kind == "character" and entry.device == (0, 0):
            view[name] = "gone"
        elif entry.attributes.get(OVERLAY + "opaque") == b"y":
            view[name] = "opaque"
        elif name != ".":
            view[name] = entry.kind
    return view


@pytest.mark.parametrize("members, view", [
    ([member(".wh.gone")], {"gone": "gone"}),
    ([directory("etc"), member("etc/.wh.passwd")], {"etc": "directory", "etc/passwd": "gone"}),
    ([member("etc/.wh.passwd")], {"etc": "directory", "etc/passwd": "gone"}),
    ([directory("etc"), member("etc/.wh..wh..opq"), member("etc/new", b"x")], {"etc": "opaque", "etc/new": "file"}),
    ([member("etc/.wh..wh..opq")], {"etc": "opaque"}),
    ([member(".wh.a"), member("a", b"new")], {"a": "file"}),
    ([member(".wh.a"), directory("a"), member("a/b", b"new")], {"a": "opaque", "a/b": "file"}),
    ([member(".wh.a"), member("a/b", b"new")], {"a": "opaque", "a/b": "file"}),
    ([member(".wh.a"), symlink("a", "b")], {"a": "link"}),
    ([member(".wh..wh.plnk"), directory(".wh..wh.orph"), member("a", b"x")], {"a": "file"}),
    ([member(".wh.caf\udce9")], {"caf\udce9": "gone"}),
])
def test_whiteouts(layer, members, view):  # noqa: F811
    """In any order: a whiteout is about what lies below, never about what the layer itself brings."""
    for order in itertools.permutations(members):
        tree = layer.new_tree()
        layer.unpack(archive(list(order)), tree=tree)
        assert whiteouts(layer.scan(tree)) == view, [info.name for info, _ in order]


def test_whiteouts_are_names_elsewhere(layer):  # noqa: F811
    layer.extract(archive({".wh.a": b"x", "a": b"y"}))
    assert sorted(layer.scan()) == [".", ".wh.a", "a"]


# ---- digests, and work that was interrupted ---------------------------------------------------------------------------------------

def test_verified(layer):  # noqa: F811
    data = gzip.compress(PLAIN)
    layer.unpack(data, "--digest", sha256(data), "--diff-id", sha256(PLAIN), "--size", len(data))
    wrong = sha256(b"something else")
    for words, told in ((["--digest", wrong], "not what was asked for"), (["--diff-id", wrong], "unpacked archive"),
                        (["--size", len(data) - 1], "longer")):
        with pytest.raises(Failure, match=told) as failure:
            layer.unpack(data, *words, tree=layer.new_tree())
        assert failure.value.number == 74  # EBADMSG
    with pytest.raises(Failure, match=f"after {len(data) - 100} of {len(data)} bytes") as failure:
        layer.unpack(data[:-100], "--size", len(data), "--digest", sha256(data), tree=layer.new_tree())
    assert failure.value.number == 32  # EPIPE: fetch the rest


def test_kept_and_resumed(layer):  # noqa: F811
    data = gzip.compress(PLAIN)
    words = ["--size", len(data), "--digest", sha256(data)]
    with open(layer.work / "output", "w+b") as blob:
        with pytest.raises(Failure) as failure:
            layer.unpack(data[:1000], *words, tree=layer.new_tree(), blob=blob)
        assert failure.value.number == 32 and os.fstat(blob.fileno()).st_size == 1000
        with pytest.raises(Failure) as failure:
            layer.unpack(data[1000:1500], *words, tree=layer.new_tree(), blob=blob)
        assert failure.value.number == 32 and os.fstat(blob.fileno()).st_size == 1500
        report = layer.unpack(data[1500:], *words, blob=blob)
        assert report["digest"] == sha256(data)
        blob.seek(0)
        assert blob.read() == data
        # All of it is there: unpacked once more from the file alone.
        tree = layer.new_tree()
        layer.run("unpack", *words, blob=blob, tree=tree)
        assert sorted(layer.scan(tree)) == sorted(layer.scan())


def test_resumed_on_wrong_beginning(layer):  # noqa: F811
    data = gzip.compress(PLAIN)
    with open(layer.work / "output", "w+b") as blob:
        blob.write(b"x" * 1000)
        blob.flush()
        with pytest.raises(Failure, match="not what was asked for"):
            layer.unpack(data[1000:], "--size", len(data), "--digest", sha256(data), blob=blob)


@pytest.mark.parametrize("end", ["killed", "abandoned"])
def test_killed(layer, end):  # noqa: F811
    """Whatever ends it, only the blob file and the tree that it was given hold something."""
    reading, writing = os.pipe()
    with open(layer.work / "output", "w+b") as blob:
        process = layer.popen("unpack", "--overlay", "user.overlay.", input=reading, tree=layer.tree, blob=blob)
        os.close(reading)
        os.write(writing, PLAIN[:300000])
        wait_for(lambda: os.fstat(blob.fileno()).st_size >= 262144, "the program reads")
        if end == "killed":
            process.send_signal(signal.SIGKILL)
        else:
            os.close(writing)
        process.wait(30)
        del LIVE[process.pid]
        if end == "killed":
            os.close(writing)
        process.report.close()
        blob.seek(0)
        kept = blob.read()
        assert PLAIN.startswith(kept)
    layer.check_outside()


def test_ends_with_its_parent(layer):  # noqa: F811
    """A rung that was killed leaves no rung-layer behind."""
    reading, writing = os.pipe()
    script = ("import os, subprocess, sys, time; "
              f"p = subprocess.Popen([{find_program()!r}, 'unpack', '--input', '{reading}'], pass_fds=[{reading}]); "
              "print(p.pid, flush=True); time.sleep(1000)")
    parent = subprocess.Popen(["/usr/bin/python3", "-c", script], pass_fds=[reading], stdout=subprocess.PIPE)
    LIVE[parent.pid] = parent
    child = int(parent.stdout.readline())
    status = pathlib.Path(f"/proc/{child}/status")
    wait_for(lambda: "Seccomp:\t2" in status.read_text(encoding="utf-8"), "the program has locked itself in")
    parent.kill()
    parent.wait()
    parent.stdout.close()
    del LIVE[parent.pid]

    def gone():
        try:
            return "State:\tZ" in status.read_text(encoding="utf-8")
        except (FileNotFoundError, ProcessLookupError):
            return True
    wait_for(gone, "the child ends")
    os.close(writing)
    os.close(reading)


def test_confined(layer):  # noqa: F811
    reading, writing = os.pipe()
    process = layer.popen("unpack", "--overlay", "user.overlay.", input=reading, tree=layer.tree)
    os.close(reading)
    status = pathlib.Path(f"/proc/{process.pid}/status")
    wait_for(lambda: "Seccomp:\t2" in status.read_text(encoding="utf-8"), "a filter of system calls")
    fields = dict(line.split(":\t", 1) for line in status.read_text(encoding="utf-8").splitlines() if ":\t" in line)
    assert fields["NoNewPrivs"] == "1"
    # chown, dac_*, fowner, fsetid, mknod, sys_admin, sys_resource, setfcap: nothing else is left
    assert int(fields["CapPrm"], 16) & ~0x8920001f == 0 and int(fields["CapInh"], 16) == 0
    os.close(writing)
    layer.end(process)


# ---- against others ----------------------------------------------------------------------------------------------------------

@needs_root
@pytest.mark.skipif(not shutil.which("podman"), reason="needs podman")
def test_as_podman(layer):  # noqa: F811
    """The same layer through `podman import`, and the tree that podman shows."""
    members = [entry for entry in rich_members(tarfile.PAX_FORMAT) if entry[0].name != "caf\udce9"]
    data = archive(members)
    source = layer.work / "trees/import.tar"
    source.write_bytes(data)
    podman = ["podman", "--root", layer.work / "trees/podman", "--runroot", layer.work / "trees/podman-run",
              "--storage-driver", "vfs", "--events-backend", "none"]
    subprocess.run([*podman, "import", "--quiet", source, "rung-test"], check=True, stdout=subprocess.DEVNULL)
    mounted = subprocess.run([*podman, "image", "mount", "rung-test"], check=True, stdout=subprocess.PIPE,
                             text=True).stdout.strip()
    try:
        theirs = layer.scan(mounted)
    finally:
        subprocess.run([*podman, "image", "unmount", "rung-test"], check=True, stdout=subprocess.DEVNULL)
    layer.unpack(data)
    ours = layer.scan()
    for name in ("made", "made/on", "made/on/the", "bin", "."):  # made on the way: their own time and mode
        ours.pop(name, None), theirs.pop(name, None)
    ours = {name: entry for name, entry in ours.items() if not LONG.startswith(name + "/")}
    theirs = {name: entry for name, entry in theirs.items() if not LONG.startswith(name + "/")}
    ours["attributes"].attributes.pop("user.empty")  # Go's tar takes an empty record for none
    same(ours, theirs)

