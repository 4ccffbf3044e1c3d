"""`rung cp`: both ways, running and stopped; the rules of names; links that want out; owners."""

import io
import os
import subprocess
import tarfile

import pytest

from conftest import ROOT, needs_root, only_rung
from living import rung  # noqa: F401

pytestmark = only_rung


@pytest.fixture(params=["stopped", "running"])
def box(rung, request):
    (rung.work / "vol").mkdir()
    words = ["--name", "c", "-v", f"{rung.work}/vol:/vol", rung.tree]
    if request.param == "running":
        rung.start(*words, "sleep", "1000")
    else:
        rung("run", *words, "true", check=0)
    tree = rung.work / "dir"
    (tree / "sub").mkdir(parents=True)
    (tree / "in").write_text("in")
    (tree / "sub/deep").write_text("deep")
    (rung.work / "file").write_text("file")
    return rung


def members(rung, path):
    data = subprocess.run(rung.words("cp", f"c:{path}", "-"), stdout=subprocess.PIPE, check=True, timeout=60).stdout
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {member.name: member for member in tar}


def names(rung, path):
    return set(members(rung, path)) - {"."}


def copy(rung, *words):
    rung("cp", *words, check=0)


def test_a_file(box):
    copy(box, "file", "c:/tmp")
    copy(box, "file", "c:/tmp/")
    copy(box, "file", "c:tmp/renamed")
    assert names(box, "/tmp") == {"tmp", "tmp/file", "tmp/renamed"}
    copy(box, "c:/tmp/renamed", ".")
    copy(box, "c:/tmp/file", "back")
    assert (box.work / "renamed").read_text() == (box.work / "back").read_text() == "file"
    (box.work / "back").write_text("other")
    copy(box, "back", "c:/tmp/file")
    copy(box, "c:/tmp/file", "file")
    assert (box.work / "file").read_text() == "other"


def test_a_directory(box):
    copy(box, "dir", "c:/tmp")
    copy(box, "dir", "c:/new")
    copy(box, "dir/.", "c:/home")
    assert names(box, "/tmp/dir") == {"dir", "dir/in", "dir/sub", "dir/sub/deep"}
    assert names(box, "/new") == {"new", "new/in", "new/sub", "new/sub/deep"}
    assert names(box, "/home/.") == {"in", "sub", "sub/deep"}
    copy(box, "c:/new", "out")
    copy(box, "c:/new/.", "out2")
    for name in ("out", "out2"):
        assert (box.work / name / "sub/deep").read_text() == "deep"


@pytest.mark.parametrize("words, saying", [
    (("file", "c:/none/x"), "no such directory"), (("file", "c:/none/"), "no such directory"),
    (("dir", "c:/etc/passwd"), "a directory cannot be copied to a file"), (("c:/none", "."), "No such file"),
    (("none", "c:/"), "No such file"), (("file/.", "c:/tmp"), "[Nn]ot a directory"), (("-", "c:/etc/passwd"), "directories only"),
    (("x:/etc", "."), "no such container"), (("file", "other"), "neither side is a container"), (("file", "c:"), "path must stand"),
])
def test_what_cannot_be(box, words, saying):
    box.refused("cp", *words, saying=saying)


def test_tar_in_and_out(box):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        tar.add(box.work / "dir", "x")
    box("cp", "-", "c:/tmp", data=data.getvalue(), check=0)
    assert names(box, "/tmp/x") == {"x", "x/in", "x/sub", "x/sub/deep"}


def test_volumes(box):
    copy(box, "file", "c:/vol/here")
    assert (box.work / "vol/here").read_text() == "file"
    copy(box, "c:/vol/here", "back")
    assert (box.work / "back").read_text() == "file"
    assert not (box.rootfs / "vol").exists() or not list((box.rootfs / "vol").iterdir())


def test_within_and_between(box):
    copy(box, "file", "c:/tmp/a")
    copy(box, "c:/tmp/a", "c:/tmp/b")
    box("create", "--name", "d", box.tree, "true", check=0)
    copy(box, "c:/tmp/b", "d:/tmp/c")
    copy(box, "d:/tmp/c", "back")
    assert (box.work / "back").read_text() == "file"


def test_links_are_copied_or_followed(box):
    (box.work / "link").symlink_to("file")
    copy(box, "link", "c:/tmp")
    assert members(box, "/tmp/link")["link"].issym()
    copy(box, "-L", "link", "c:/tmp/followed")
    assert members(box, "/tmp/followed")["followed"].size == 4


def test_links_stay_inside(rung):
    """Inside, "/" is the container's; what a link of it leads to on the host is neither read nor written."""
    secret = rung.work / "secret"
    secret.write_text("secret")
    script = f"ln -s {secret} /tmp/leak; ln -s {rung.work} /tmp/way; ln -s ../../../../../..{rung.work} /tmp/up; sleep 1000"
    rung.start("--name", "c", rung.tree, "sh", "-c", script)
    from conftest import wait_until
    wait_until(lambda: "tmp/up" in names(rung, "/tmp"), "the links are made")
    (rung.work / "file").write_text("file")
    for path in ("/tmp/leak", "/tmp/way/secret", "/tmp/up/secret"):
        rung.refused("cp", "-L", f"c:{path}", "out", saying="No such file")
    assert not (rung.work / "out").exists()
    for path in ("/tmp/way/planted", "/tmp/up/planted"):
        rung.refused("cp", "file", f"c:{path}", saying="no such directory")
    assert not (rung.work / "planted").exists()
    rung("cp", "file", "c:/tmp/leak")
    assert secret.read_text() == "secret"
    copy(rung, "c:/tmp/leak", "copied")
    assert os.path.islink(rung.work / "copied"), "the link itself, as it is"


def test_owners(box):
    box.output("exec", "c", "true") if box.status("c") == "running" else None
    copy(box, "file", "c:/tmp")
    assert (members(box, "/tmp/file")["file"].uid, members(box, "/tmp/file")["file"].gid) == (0, 0)


@needs_root
def test_owners_are_kept(box):
    os.chown(box.work / "file", 1234, 4321)
    copy(box, "-a", "file", "c:/tmp/kept")
    copy(box, "file", "c:/tmp/mine")
    kept, mine = members(box, "/tmp/kept")["kept"], members(box, "/tmp/mine")["mine"]
    assert (kept.uid, kept.gid, mine.uid, mine.gid) == (1234, 4321, 0, 0)
    copy(box, "-a", "c:/tmp/kept", "kept")
    copy(box, "c:/tmp/kept", "mine")
    assert (box.work / "kept").stat().st_uid == 1234 and (box.work / "mine").stat().st_uid == os.geteuid()


def test_special_names(box):
    odd = "a b\n\u00fc:x"
    (box.work / odd).write_text("odd")
    copy(box, f"./{odd}", "c:/tmp")
    assert f"tmp/{odd}" in names(box, "/tmp")


@pytest.mark.skipif(ROOT, reason="for an ordinary user")
def test_files_of_other_ids(rung):
    from conftest import subordinate
    if not subordinate("uid"):
        pytest.skip("no subordinate ids")
    rung("run", "--name", "c", rung.tree, "sh", "-c", "mkdir -m 700 /tmp/d; echo x >/tmp/d/f; chown -R 5:5 /tmp/d", check=0)
    copy(rung, "c:/tmp/d", "out")
    assert (rung.work / "out/f").read_text() == "x\n"
    assert members(rung, "/tmp/d")["d/f"].uid == 5
