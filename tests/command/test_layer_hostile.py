"""Archives that mean harm: what lies outside of the tree stays as it is, and the story says what was wrong."""

import gzip
import itertools
import random
import tarfile

import pytest
from conftest import ROOT
from layers import (OVERLAY, Failure, archive, compress, directory, hardlink, have_zstd, layer, member,  # noqa: F401
                    symlink)
from test_layer import pax, record

DEEP = "/".join(["d"] * 1500)

# What must be refused: (members, what the story says)
REFUSED = {
    "parent": ([member("../escaped", b"x")], "leads out of the tree"),
    "parent-late": ([member("a/../../escaped", b"x")], "leads out of the tree"),
    "parent-many": ([member("../" * 50 + "tmp/rung-escaped", b"x")], "leads out of the tree"),
    "parent-directory": ([directory("..")], "leads out of the tree"),
    "hardlink-out": ([hardlink("passwd", "../../../../etc/passwd")], "leads out of the tree"),
    "hardlink-absolute": ([hardlink("passwd", "/etc/passwd")], "not there"),
    "hardlink-through-link": ([symlink("out", "/"), hardlink("a", "out/etc/passwd")], "not there"),
    "hardlink-through-parents": ([symlink("out", "../../.."), hardlink("a", "out/outside/secret")], "not there"),
    "hardlink-missing": ([hardlink("a", "b")], "not there"),
    "hardlink-circle": ([hardlink("a", "b"), hardlink("b", "a")], "not there"),
    "hardlink-to-directory": ([directory("d"), hardlink("h", "d")], "link h to d"),
    "name-too-long": ([member("x" * 256, b"")], "256 bytes"),
    "path-too-long": ([member("/".join(["x" * 200] * 30), b"")], "more than 4095"),
    "below-a-file": ([member("a", b"file"), member("a/b", b"x")], "a: Not a directory|a: File exists"),
    "whiteout-of-itself": ([member(".wh.")], "leads out of the tree"),
    "whiteout-of-parent": ([member("d/.wh...")], "leads out of the tree"),
    "root-is-a-file": ([member(".", b"x")], "leads out of the tree"),
    "unknown-kind": ([member("a", b"x", type=b"q")], "unknown kind"),
    "multi-volume": ([member("a", b"x", type=b"M")], "unknown kind"),
    "link-loop": ([symlink("a", "b"), symlink("b", "a"), member("a/x", b"x")], "a: "),
}

# What is harmless once it is inside: (members, {name: kind})
CONTAINED = {
    "absolute": ([member("/etc/passwd", b"mine")], {"etc": "directory", "etc/passwd": "file"}),
    "absolute-parent": ([member("/../../etc/passwd", b"mine")], {"etc": "directory", "etc/passwd": "file"}),
    "dots": ([member("./a//./b/../c", b"x")], {"a": "directory", "a/c": "file"}),
    "link-out": ([symlink("out", "/"), member("out/tmp", b"x")], {"out": "link", "tmp": "file"}),
    "link-parents": ([symlink("out", "../../../../../outside"), member("out/secret", b"evil")],
                     {"out": "link", "outside": "directory", "outside/secret": "file"}),
    "link-chain": ([symlink("a", "b"), symlink("b", "../c"), member("a/x", b"x")],
                   {"a": "link", "b": "link", "c": "directory", "c/x": "file"}),
    "file-over-link": ([symlink("a", "../outside/secret"), member("a", b"x")], {"a": "file"}),
    "directory-over-link": ([symlink("a", "../outside"), directory("a"), member("a/x", b"x")],
                            {"a": "directory", "a/x": "file"}),
    "directory-becomes-link": ([directory("a"), member("a/x", b"x"), symlink("a", "../outside"), member("a/y", b"y")],
                               {"a": "link", "outside": "directory", "outside/y": "file"}),
    "fifo-then-file": ([member("a", type=tarfile.FIFOTYPE), member("a", b"x")], {"a": "file"}),
    "hardlink-to-itself": ([member("a", b"x"), hardlink("a", "a")], {"a": "file"}),
    "hardlink-to-link": ([symlink("s", "/etc/passwd"), hardlink("h", "s")], {"s": "link", "h": "link"}),
    "proc-link": ([symlink("p", "/proc/self/root"), member("p/x", b"x")],
                  {"p": "link", "proc": "directory", "proc/self": "directory", "proc/self/root": "directory",
                   "proc/self/root/x": "file"}),
    "control-characters": ([member("a\n\x1b[2Jb", b"x")], {"a\n\x1b[2Jb": "file"}),
    "whiteout-link": ([symlink("d", "../outside"), member("d/.wh.secret")],
                      {"d": "link", "outside": "directory", "outside/secret": "character"}),
}


@pytest.mark.parametrize("members, told", REFUSED.values(), ids=REFUSED)
def test_refused(layer, members, told):  # noqa: F811
    with pytest.raises(Failure, match=told) as failure:
        layer.unpack(archive(members))
    assert "\x1b" not in failure.value.text and "\n" not in failure.value.text
    layer.check_outside()


@pytest.mark.parametrize("members, view", CONTAINED.values(), ids=CONTAINED)
def test_contained(layer, members, view):  # noqa: F811
    layer.unpack(archive(members))
    found = layer.scan()
    assert {name: entry.kind for name, entry in found.items() if name != "."} == view
    layer.check_outside()


@pytest.mark.parametrize("members", [value[0] for value in CONTAINED.values()], ids=CONTAINED)
def test_contained_in_a_directory(layer, members):  # noqa: F811
    """The same, unpacked by `cp` into a directory of a tree that has links of its own."""
    layer.shell("mkdir sub; ln -s /sub here; ln -s ../../../outside there")
    layer.extract(archive(members), "--directory", "here/new")
    layer.extract(archive(members), "--directory", "there/new")
    layer.check_outside()


def test_deep(layer):  # noqa: F811
    layer.unpack(archive([directory(DEEP), member(DEEP + "/file", b"deep")]))
    layer.check_outside()


def test_overlay_attributes(layer):  # noqa: F811
    """An attribute that leads overlayfs into other layers does not get in."""
    data = b"".join(pax(record(b"SCHILY.xattr." + name, value), *directory(f"d{i}"))
                    for i, (name, value) in enumerate([(b"trusted.overlay.redirect", b"/other"),
                                                       (b"user.overlay.redirect", b"/other"),
                                                       (b"user.overlay.opaque", b"y"),
                                                       (b"trusted.overlay.metacopy", b"")]))
    report = layer.unpack(data + bytes(1024))
    assert report["skipped"] == 4 and "overlay" in report["note"]
    assert all(not entry.attributes for entry in layer.scan().values())


# ---- bombs ------------------------------------------------------------------------------------------------------------------

def test_many_members(layer):  # noqa: F811
    data = archive({f"{i}": b"" for i in range(100)})
    assert layer.unpack(data, "--entries-max", 100)["entries"] == 100
    with pytest.raises(Failure, match="more than 99 members") as failure:
        layer.unpack(data, "--entries-max", 99)
    assert failure.value.number == 27  # EFBIG


@pytest.mark.parametrize("how", ["gzip", pytest.param("zstd", marks=have_zstd)])
def test_large_files(layer, how):  # noqa: F811
    data = compress(archive({"zeros": bytes(50 << 20)}), how)
    assert len(data) < 100000
    with pytest.raises(Failure, match="more than 1000000 bytes") as failure:
        layer.unpack(data, "--bytes-max", 1000000)
    assert failure.value.number == 27
    assert list(layer.scan()) == ["."]  # it was refused before anything was written


def test_large_header(layer):  # noqa: F811
    data = pax(record(b"comment", b"x" * (5 << 20)), *member("a", b""))
    with pytest.raises(Failure, match="more than 4 MiB"):
        layer.unpack(data)


def test_size_that_is_not_there(layer):  # noqa: F811
    info, _ = member("a", b"")
    info.size = 7 << 30
    with pytest.raises(Failure, match="ends within a member"):
        layer.unpack(info.tobuf(tarfile.USTAR_FORMAT) + bytes(1000 * 512))


# ---- damage --------------------------------------------------------------------------------------------------------------------

GOOD = archive([directory("d"), member("d/file", b"content" * 1000), symlink("d/link", "file"),
                member("d/" + "long" * 40, b"x"), hardlink("d/hard", "d/file")])


@pytest.mark.parametrize("how", ["none", "gzip", pytest.param("zstd", marks=have_zstd)])
def test_cut_off(layer, how):  # noqa: F811
    """Wherever it ends early, that is an error; only the end's own zeros may be missing."""
    data = compress(GOOD, how)
    for length in random.Random(7).sample(range(1, len(data)), 25):
        try:
            layer.unpack(data[:length], tree=layer.new_tree())
        except Failure as failure:
            assert failure.number == 74, failure.text
        else:
            assert how == "none" and (length % 512 == 0 or length > len(GOOD.rstrip(b"\0")))
    layer.check_outside()


@pytest.mark.parametrize("how", ["none", "gzip", pytest.param("zstd", marks=have_zstd)])
def test_flipped(layer, how):  # noqa: F811
    """Damaged bytes are found or harmless; nothing else happens."""
    data = compress(GOOD, how)
    chance = random.Random(11)
    for _ in range(25):
        broken = bytearray(data)
        for _ in range(chance.randrange(1, 4)):
            broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
        try:
            layer.unpack(bytes(broken), tree=layer.new_tree())
        except Failure as failure:
            assert failure.number in (74, 75, 93, 36), failure.text  # EBADMSG, EOVERFLOW, EPROTONOSUPPORT, ENAMETOOLONG
        else:
            assert how == "none"
    layer.check_outside()


def test_garbage_after_gzip(layer):  # noqa: F811
    with pytest.raises(Failure, match="garbage after a gzip member"):
        layer.unpack(gzip.compress(GOOD) + b"garbage")


@pytest.mark.parametrize("records", [
    b"5 a=b\n", b"99 path=x\n", b"0 path=x\n", b"path=x\n", b"9999999999999999999999 path=x\n", b"10 path=x\0\0",
    b"12 path=a\0b\n", b"11 uid=-12\n", b"9 size=\n9 uid=z\n", b"14 mtime=never\n", b"20 SCHILY.xattr.=xxx\n",
    b"25 GNU.sparse.map=5,x,1\n\n", b"27 GNU.sparse.major=-11111\n",
])
def test_bad_pax_records(layer, records):  # noqa: F811
    with pytest.raises(Failure, match="pax header"):
        layer.unpack(pax(records, *member("a", b"x")) + bytes(1024))


@pytest.mark.parametrize("pieces", ["10,5,0,5", "0,99999", "9223372036854775807,1", "0,1,0,1"])
def test_bad_sparse_maps(layer, pieces):  # noqa: F811
    records = (record(b"GNU.sparse.map", pieces.encode()) + record(b"GNU.sparse.size", b"100") +
               record(b"GNU.sparse.numblocks", b"1"))
    with pytest.raises(Failure, match="sparse file"):
        layer.unpack(pax(records, *member("a", b"0123456789")) + bytes(1024))


# ---- split ----------------------------------------------------------------------------------------------------------------------

def test_hostile_images(layer):  # noqa: F811
    """An archive of images whose members lead out, and one with a layer that does."""
    evil = archive([member("../../escaped", b"x")])
    with pytest.raises(Failure, match="leads out"):
        layer.run("split", input=archive([member("../outside/x", b"x")]), members=layer.new_tree(),
                  trees=layer.new_tree())
    lines = layer.end(layer.popen("split", "--overlay", OVERLAY, input=archive({"layer.tar": evil, "b": b"{}"}),
                                  members=layer.new_tree(), trees=layer.new_tree()))
    # The layer is kept as a file, but there is no tree of it.
    assert [line.get("tree") for line in lines[:-1]] == [None, None]
    layer.check_outside()


def test_owner_of_escape_is_nobody(layer):  # noqa: F811
    """Every pair of hostile members in one archive: they may help each other."""
    parts = [value[0] for value in CONTAINED.values()]
    for one, other in itertools.islice(itertools.combinations(parts, 2), 0, None, 5):
        try:
            layer.unpack(archive(one + other), tree=layer.new_tree())
        except Failure as failure:
            assert failure.number, failure.text
    layer.check_outside()
    assert ROOT or layer.namespace is not None
