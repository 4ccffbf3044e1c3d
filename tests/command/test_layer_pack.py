"""Trees packed by rung-layer, plain archives in and out, and archives of images taken apart."""

import gzip
import hashlib
import io
import json
import subprocess
import tarfile

import pytest
from conftest import ROOT, needs_root
from layers import (OVERLAY, Failure, archive, compress, directory, facts, hardlink, have_zstd, layer, member,  # noqa: F401
                    symlink)
from test_layer import rich_members, same

COMPRESSIONS = ["none", "gzip", pytest.param("zstd", marks=have_zstd)]


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def names(data):
    with tarfile.open(fileobj=io.BytesIO(data), errors="surrogateescape", encoding="utf-8") as tar:
        return [info.name for info in tar]


def rich_tree(layer):
    layer.unpack(archive(rich_members(tarfile.PAX_FORMAT)))


# ---- pack ----------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_there_and_back(layer, compression):
    rich_tree(layer)
    report, data = layer.written("pack", "--compression", compression)
    assert report["digest"] == sha256(data) and report["size"] == len(data)
    back = layer.new_tree()
    unpacked = layer.unpack(data, "--digest", report["digest"], "--diff-id", report["diffID"], tree=back)
    for key in ("unpackedSize", "contentSize", "entries"):
        assert unpacked[key] == report[key]
    # Whole seconds are kept, as all engines do; "nano" has a fraction.
    ours, theirs = layer.scan(), layer.scan(back)
    for found in (ours, theirs):
        for name in found:
            found[name] = found[name]._replace(modified=found[name].modified // 10**9)
    same(ours, theirs)
    assert theirs["bin/sudo"].inode == theirs["bin/sudoedit"].inode


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_same_tree_same_bytes(layer, compression):
    """Neither the order in which files were made nor the number of threads is in the bytes."""
    other = layer.new_tree()
    members = rich_members(tarfile.PAX_FORMAT)
    links = [one for one in members if one[0].type == tarfile.LNKTYPE]
    plain = [one for one in members if one[0].type != tarfile.LNKTYPE]
    layer.unpack(archive(plain + links))
    layer.unpack(archive([*reversed(plain), *links]), tree=other)
    for tree in (layer.tree, other):  # directories made on the way have the time of their making
        layer.shell("find . -type d -exec touch -d @1700000000 {} +", tree)
    first = layer.written("pack", "--compression", compression)
    assert first == layer.written("pack", "--compression", compression, tree=other)
    alone = ["taskset", "--cpu-list", "0"]
    with open(layer.work / "output", "w+b") as file:
        process = layer.popen("pack", "--compression", compression, tree=layer.tree, output=file)
        subprocess.run([*alone, "--pid", str(process.pid)], stdout=subprocess.DEVNULL, check=False)
        assert layer.end(process)[-1]["digest"] == first[0]["digest"]


def test_as_gnu_tar_reads_it(layer):
    rich_tree(layer)
    _, data = layer.written("pack")
    theirs = layer.new_tree()
    (layer.work / "trees/packed.tar").write_bytes(data)
    layer.shell(f"tar --extract --delay-directory-restore --preserve-permissions --same-owner --numeric-owner --xattrs "
                f"'--xattrs-include=*' --file {layer.work}/trees/packed.tar", theirs)
    back = layer.new_tree()
    layer.unpack(data, tree=back)
    same(layer.scan(back), layer.scan(theirs))


def test_order_and_names(layer):
    layer.unpack(archive({"b/2": b"", "b/1": b"", "a": b"", "b.c": b"", "caf\udce9": b""}))
    assert names(layer.written("pack")[1]) == [".", "a", "b", "b/1", "b/2", "b.c", "caf\udce9"]


def test_large_and_odd_values(layer):
    layer.shell("truncate -s 9000000000 big; touch -d @-5 past; touch -d @9999999999 future; rm big; touch name")
    if ROOT:
        layer.shell("chown 3000000:4000000 name")
    _, data = layer.written("pack")
    back = layer.new_tree()
    layer.unpack(data, tree=back)
    found = layer.scan(back)
    assert found["past"].modified == -5 * 10**9 and found["future"].modified == 9999999999 * 10**9
    assert not ROOT or (found["name"].uid, found["name"].gid) == (3000000, 4000000)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_many_blocks(layer, compression):
    """More than any queue holds, what compresses well and what does not at all."""
    layer.shell("head -c 9000000 /dev/urandom > noise; yes | head -c 9000000 > words; head -c 5000000 /dev/zero > zeros")
    report, data = layer.written("pack", "--compression", compression)
    if compression == "gzip":
        assert sha256(gzip.decompress(data)) == report["diffID"]
        assert len(data) < 9_400_000
    back = layer.new_tree()
    layer.unpack(data, "--diff-id", report["diffID"], tree=back)
    layer.shell(f"for f in noise words zeros; do cmp $f {back}/$f; done")


def test_whiteouts(layer):
    """An overlay's upper directory, as the kernel leaves it."""
    layer.shell("mkdir etc opaque; mknod etc/gone c 0 0; mknod gone c 0 0; touch opaque/new etc/.wh-file")
    layer.attribute("opaque", OVERLAY + "opaque", "y")
    layer.attribute("etc", OVERLAY + "origin", "x")
    layer.attribute(".", OVERLAY + "impure", "y")
    layer.attribute("etc", "user.kept", "yes")
    _, data = layer.written("pack", "--overlay", OVERLAY)
    assert names(data) == [".", "etc", "etc/.wh-file", "etc/.wh.gone", ".wh.gone", "opaque", "opaque/.wh..wh..opq",
                           "opaque/new"]
    back = layer.new_tree()
    layer.unpack(data, tree=back)
    found = layer.scan(back)
    assert found["etc/gone"].device == found["gone"].device == (0, 0)
    assert found["opaque"].attributes == {OVERLAY + "opaque": b"y"}
    assert found["etc"].attributes == {"user.kept": b"yes"} and found["."].attributes == {}
    assert layer.written("pack", "--overlay", OVERLAY, tree=back)[1] == data


@pytest.mark.parametrize("note", ["redirect", "metacopy"])
def test_overlay_that_is_no_layer(layer, note):
    layer.shell("mkdir moved")
    layer.attribute("moved", OVERLAY + note, "/elsewhere")
    with pytest.raises(Failure, match=f"moved: the overlay was mounted with {note}"):
        layer.written("pack", "--overlay", OVERLAY)


@needs_root
def test_upper_of_the_kernel(layer):
    """Changes made through a real overlay, packed, unpacked beside its lower directory: the same view."""
    layer.shell("mkdir lower upper work merged second view; cd lower; mkdir -p a/b c d; touch a/b/1 a/b/2 c/x d/y; "
                "ln d/y d/z; ln -s x c/l")
    tree = layer.tree
    script = """
        mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged
        cd merged; rm a/b/1; rm -r c; mkdir c; echo new > c/new; echo more >> d/y; mv a/b/2 moved; rm d/z; ln d/y hard
        chmod 700 d; mkdir e; mknod e/fifo p; cd ..
        find merged -printf '%P %y %m %s %n %l\\n' | sort > expected
        umount merged
        """
    subprocess.run(["unshare", "--mount", "sh", "-euc", script], cwd=tree, check=True)
    _, data = layer.written("pack", "--overlay", OVERLAY, tree=tree / "upper")
    layer.unpack(data, tree=tree / "second")
    subprocess.run(["unshare", "--mount", "sh", "-euc",
                    "mount -t overlay overlay -o lowerdir=second:lower view; "
                    "find view -printf '%P %y %m %s %n %l\\n' | sort > found"], cwd=tree, check=True)

    def view(name):
        lines = (tree / name).read_text(encoding="utf-8").splitlines()
        return [" ".join(line.split(" ")[:3]) if " d " in line else line for line in lines]
    assert view("found") == view("expected")


def test_latest_time(layer):
    layer.unpack(archive([member("old", b"", mtime=1000), member("new", b"", mtime=2000000000), directory("d")]))
    _, data = layer.written("pack", "--latest-time", 1600000000)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert {info.name: info.mtime for info in tar} == {".": 1600000000, "d": 1600000000, "new": 1600000000,
                                                          "old": 1000}


def test_exclude(layer):
    layer.unpack(archive({"proc/x": b"", "a/b/c": b"", "a/d": b"", "ab": b""}))
    assert names(layer.written("pack", "--exclude", "proc", "--exclude", "/a/b")[1]) == [".", "a", "a/d", "ab"]


def test_socket_is_noted(layer):
    layer.shell("/usr/bin/python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"s\")'; touch after")
    report, data = layer.written("pack")
    assert names(data) == [".", "after"] and report["skipped"] == 1 and "socket" in report["note"]


def test_full_disk(layer):
    layer.shell("head -c 3000000 /dev/urandom > noise")
    with open("/dev/full", "wb") as full, pytest.raises(Failure, match="No space left"):
        layer.run("pack", tree=layer.tree, output=full)


# ---- encode, decode -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_encode(layer, compression):
    plain = b"some text " * 100000
    report, data = layer.written("encode", "--compression", compression, tree=layer.tree, input=plain)
    assert report["diffID"] == sha256(plain) and report["digest"] == sha256(data)
    assert layer.written("decode", input=data)[1] == plain


# ---- archive, extract: cp, export, import --------------------------------------------------------------------------------------

@pytest.fixture
def root(layer):
    layer.unpack(archive([directory("etc"), member("etc/hosts", b"hosts"), symlink("etc/link", "hosts"),
                          symlink("etc/absolute", "/usr/share/doc"), directory("usr/share/doc"),
                          member("usr/share/doc/readme", b"read"), symlink("escape", "../../../etc/hosts"),
                          symlink("dangling", "nothing"), symlink("loop", "loop")]))
    return layer


@pytest.mark.parametrize("words, members", [
    (["--path", "etc/hosts"], ["hosts"]),
    (["--path", "/etc/hosts"], ["hosts"]),
    (["--path", "etc/hosts", "--name", "renamed"], ["renamed"]),
    (["--path", "etc"], ["etc", "etc/absolute", "etc/hosts", "etc/link"]),
    (["--path", "etc", "--name", "other"], ["other", "other/absolute", "other/hosts", "other/link"]),
    (["--path", "etc/."], [".", "absolute", "hosts", "link"]),
    (["--path", "etc/absolute/"], [".", "readme"]),
    (["--path", "etc/absolute/readme"], ["readme"]),
    (["--path", "etc/link"], ["link"]),
    (["--path", "etc/link", "--follow"], ["link"]),
    (["--path", "etc/absolute", "--follow"], ["absolute", "absolute/readme"]),
    (["--path", "escape", "--follow"], ["escape"]),
])
def test_archive(root, words, members):
    _, data = root.written("archive", *words)
    assert names(data) == members
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for info in tar:
            if info.name in ("link", "escape"):
                assert info.isfile() == ("--follow" in words)


@pytest.mark.parametrize("words, told", [
    (["--path", "missing"], "missing: No such file"), (["--path", "dangling", "--follow"], "No such file"),
    (["--path", "loop", "--follow"], "symbolic links"), (["--path", "etc/hosts/x"], "Not a directory"),
])
def test_archive_of_nothing(root, words, told):
    with pytest.raises(Failure, match=told):
        root.written("archive", *words)


@pytest.mark.parametrize("words, found", [
    ([], "new/file"), (["--directory", "etc"], "etc/new/file"), (["--directory", "made/now"], "made/now/new/file"),
    (["--directory", "etc/absolute"], "usr/share/doc/new/file"), (["--directory", "../../etc"], "etc/new/file"),
    (["--strip", "1"], "file"), (["--strip", "1", "--directory", "etc"], "etc/file"),
])
def test_extract(root, words, found):
    before = set(root.scan())
    root.extract(archive([directory("new"), member("new/file", b"new", uid=7, gid=8)]), *words)
    after = root.scan()
    assert after[found].content == b"new" and (after[found].uid, after[found].gid) == (7, 8)
    assert before <= set(after)


def test_extract_owner(root):
    root.extract(archive([directory("d", uid=5), member("d/file", b"new", uid=7, gid=8)]), "--owner", "33:34")
    after = root.scan()
    assert {(after[name].uid, after[name].gid) for name in ("d", "d/file")} == {(33, 34)}


def test_extract_keeps_kinds(root):
    for data, told in ((archive({"etc": b"file"}), "is a directory here"),
                       (archive([directory("etc/hosts")]), "is no directory here")):
        with pytest.raises(Failure, match=told):
            root.extract(data, "--keep-kinds")
    assert root.scan()["etc/hosts"].content == b"hosts"
    root.extract(archive({"etc/hosts": b"other"}), "--keep-kinds")
    root.extract(archive({"etc": b"file"}))
    assert root.scan()["etc"].content == b"file"


def test_export_and_import(root):
    _, data = root.written("archive", "--compression", "gzip")
    other = root.new_tree()
    root.extract(data, tree=other)
    same(root.scan(), root.scan(other), ignore=[".", "usr", "usr/share"])  # made on the way


# ---- split ------------------------------------------------------------------------------------------------------------------------

def split(layer, data):
    members, trees = layer.new_tree(), layer.new_tree()
    lines = layer.end(layer.popen("split", "--overlay", OVERLAY, input=data, members=members, trees=trees))
    return {line["member"]: line for line in lines[:-1]}, members, trees


@pytest.mark.parametrize("outer", COMPRESSIONS)
def test_split(layer, outer):
    first = archive([directory("etc"), member("etc/a", b"a", uid=11), member("etc/.wh.b")])
    second = archive({"big": b"x" * 3_000_000})
    files = {"blobs/sha256/1": gzip.compress(first), "abc/layer.tar": second, "abc/VERSION": b"1.0",
             "empty/layer.tar": bytes(1024), "config.json": json.dumps({"a": 1}).encode()}
    data = archive([directory("abc"), *(member("./" + name, content) for name, content in files.items()),
                    symlink("def/layer.tar", "../abc/layer.tar"), hardlink("ghi/layer.tar", "abc/layer.tar"),
                    member("manifest.json", b"[]")])
    found, members, trees = split(layer, compress(data, outer))
    assert sorted(found) == sorted([*files, "def/layer.tar", "ghi/layer.tar", "manifest.json"])
    for name, content in files.items():
        assert found[name]["digest"] == sha256(content) and found[name]["size"] == len(content)
        assert (members / found[name]["file"]).read_bytes() == content
    assert found["blobs/sha256/1"]["diffID"] == sha256(first) and found["abc/layer.tar"]["diffID"] == sha256(second)
    assert found["def/layer.tar"]["link"] == found["ghi/layer.tar"]["link"] == "abc/layer.tar"
    assert {name for name in found if "tree" in found[name]} == {"blobs/sha256/1", "abc/layer.tar", "empty/layer.tar"}
    tree = layer.scan(trees / found["blobs/sha256/1"]["tree"])
    assert tree["etc/a"].uid == 11 and tree["etc/b"].device == (0, 0)
    assert layer.scan(trees / found["abc/layer.tar"]["tree"])["big"].content == b"x" * 3_000_000


def test_split_cut_off(layer):
    data = archive({"a/layer.tar": archive({"x": b"x" * 5000}), "manifest.json": b"[]"})
    with pytest.raises(Failure, match="ends within"):
        split(layer, data[:3000])


def test_facts_are_compared(layer):
    """The comparison itself: a tree with another mode is not the same."""
    layer.unpack(archive({"a": b""}))
    other = layer.new_tree()
    layer.unpack(archive([member("a", b"", mode=0o600)]), tree=other)
    assert facts(layer.scan()["a"]) != facts(layer.scan(other)["a"])
