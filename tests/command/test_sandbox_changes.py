"""`rung sandbox diff`, `discard`, `snapshot`, `restore`, `recover`: looking at caught writes, and deciding about them."""

import json
import os
import stat
import subprocess

import pytest
from conftest import only_rung
from sandboxes import sandbox  # noqa: F401

pytestmark = only_rung


def open_up(top):
    """Overlays leave directories that not even their owner may enter, which stops cp and rm of an ordinary user."""
    subprocess.run(["find", top, "-type", "d", "!", "-perm", "-700", "-exec", "chmod", "u+rwx", "{}", ";"], check=True)


@pytest.fixture
def box(sandbox):
    """A sandbox with a home that programs may read, and whose changes are caught under the name t."""
    home = sandbox.home
    for name, text in {"docs/a": "one\n", "docs/b": "two\n", "gone/x": "x", "gone/deep/y": "yy", "top": "t\n",
                       "old/1": "1", "old/2": "2", "lines": "l1\nl2\nl3\n"}.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    sandbox.upper = sandbox.data / "sandbox/t/trees/0/upper"
    yield sandbox
    open_up(sandbox.work)


def inside(box, script, check=0):
    """Caught where the home lies on a file system that can be an overlay's upper layer; else nothing can be tested."""
    result = box.shell(f"cd && {script}", "--name", "t", "--allow", "home:ro")
    if result.status and "Read-only" in result.errors:
        pytest.skip("writes to this file system cannot be caught")
    assert result.status == check, result
    return result


def changes(box, *words):
    rows = box.output("diff", "--format", "json", "t", *words)
    found = {}
    for line in rows.splitlines():
        row = json.loads(line)
        found[os.path.relpath(row["Path"], box.home)] = row
    return found


def kinds(box, *words):
    return {path: row["Change"] for path, row in changes(box, *words).items()}


SCRIPT = ("echo more >>docs/a; rm docs/b; rm -r gone; mkdir -p new/dir; echo n >new/dir/f; chmod 600 top; "
          "rm -r old; mkdir old; echo 3 >old/3; printf 'l1\\nL2\\nl3\\n' >lines; ln -s /etc/passwd link; mkfifo pipe")
EXPECTED = {"docs/a": "changed", "docs/b": "deleted", "gone": "deleted", "new": "added", "new/dir": "added",
            "new/dir/f": "added", "top": "permissions", "old/3": "added", "old/1": "deleted", "old/2": "deleted",
            "lines": "changed", "link": "added", "pipe": "added"}


# ---- diff ------------------------------------------------------------------------------------------------------------


def test_every_kind_of_change(box):
    inside(box, SCRIPT)
    assert (box.home / "docs/a").read_text() == "one\n" and (box.home / "gone/deep/y").exists()
    found = changes(box)
    assert {path: row["Change"] for path, row in found.items()} == EXPECTED
    assert not any(row["Conflict"] or row["Refused"] for row in found.values())
    assert found["docs/a"]["Size"] == 9 and found["docs/a"]["SizeBefore"] == 4
    assert found["gone"]["SizeBefore"] == 3 and found["gone"]["TypeBefore"] == "directory"
    assert found["top"]["Mode"] == "0600" and found["top"]["ModeBefore"] == "0644"
    assert found["link"]["Type"] == "link" and found["pipe"]["Type"] == "fifo"


def test_as_a_tree(box):
    inside(box, SCRIPT)
    lines = box.output("diff", "t").splitlines()
    assert lines[0].strip() == str(box.home)
    assert "    docs/" in lines and any(line.startswith("C     a ") and "4B → 9B" in line for line in lines)
    assert any(line.startswith("D   gone/ ") and "3B in 4 names" in line for line in lines)
    assert any(line.startswith("P   top ") and "0644 → 0600" in line for line in lines)
    assert lines[-1].startswith("6 added, 2 changed, 1 with other permissions, 4 deleted; ")
    flat = box.output("diff", "--stat", "t").splitlines()
    assert any(line.startswith(f"C {box.home}/docs/a ") for line in flat) and len(flat) == len(EXPECTED) + 1
    assert "\033" not in box.output("diff", "t")


def test_lines(box):
    inside(box, SCRIPT + "; printf 'a\\0b' >binary")
    text = box.output("diff", "-u", "t")
    assert f"--- a{box.home}/lines\n+++ b{box.home}/lines\n@@ -1,3 +1,3 @@\n l1\n-l2\n+L2\n l3\n" in text
    assert f"--- /dev/null\n+++ b{box.home}/new/dir/f\n" in text and "root:" not in text
    assert f"Binary file {box.home}/binary: 3B, was not there" in text
    assert "docs/a" not in box.output("diff", "-u", "t", "lines")


def test_paths_and_patterns(box):
    inside(box, SCRIPT)
    assert set(kinds(box, "docs")) == {"docs/a", "docs/b"}
    assert set(kinds(box, f"{box.home}/new")) == {"new", "new/dir", "new/dir/f"}
    assert set(kinds(box, "l*")) == {"lines", "link"}
    box.refused("diff", "t", "nowhere", saying="no change at .*/nowhere")
    assert box("diff", "-q", "t").status == 1 and box("diff", "-q", "t", "nowhere").status == 0


def test_what_is_no_change(box):
    inside(box, "cat lines >x && cat x >lines && rm x; touch top; chmod 644 docs/a; mkdir d && rmdir d")
    assert kinds(box) == {} and box.output("diff", "t") == "no changes"


def test_names_that_steer_terminals(box):
    inside(box, r"touch $(printf 'a\033[31mb')")
    assert "\033" not in box.output("diff", "t") and "a?[31mb" in box.output("diff", "t")


def test_other_types(box):
    inside(box, "rm top && mkdir top && echo i >top/i; rm -r docs && echo f >docs; rm lines && ln -s top lines")
    found = changes(box)
    assert {path: (row["TypeBefore"], row["Type"]) for path, row in found.items()} == {
        "top": ("file", "directory"), "top/i": ("", "file"), "docs": ("directory", "file"), "lines": ("file", "link")}


def test_no_such_sandbox(box):
    box.refused("diff", "nobody", saying="no such sandbox: nobody")
    box.refused("apply", "../t", saying="cannot be a sandbox's name")


# ---- discard ---------------------------------------------------------------------------------------------------------


def test_discard_all(box):
    inside(box, SCRIPT)
    assert "discarded: 6 added" in box.output("discard", "--force", "t")
    assert kinds(box) == {} and not any(box.upper.iterdir())
    assert inside(box, "cat docs/a old/2").output == "one\n2"


def test_discard_some(box):
    inside(box, SCRIPT)
    box("discard", "-f", "t", "docs", "old/1", "new/dir", "top", check=0)
    rest = {path: kind for path, kind in EXPECTED.items()
            if path not in ("docs/a", "docs/b", "old/1", "new/dir", "new/dir/f", "top")}
    assert kinds(box) == rest
    # What the sandbox shows is the host's again there, and its own elsewhere.
    seen = inside(box, "cat docs/b; ls old; cat old/1; cat old/3; ls new; stat -c %a top; ls gone 2>/dev/null; true")
    assert seen.output == "two\n1\n3\n13\n644\n"


def test_discard_asks(box):
    inside(box, SCRIPT)
    assert box("discard", "t").status == 1
    assert kinds(box) == EXPECTED


# ---- snapshots -------------------------------------------------------------------------------------------------------


def test_snapshots(box):
    inside(box, SCRIPT + "; dd if=/dev/zero of=sparse bs=1 seek=1M count=1 2>/dev/null; chmod 6755 sparse; touch -d @77 sparse")
    before = box.output("diff", "t")
    box("snapshot", "t", "one", check=0)
    box.refused("snapshot", "t", "one", saying="there is a snapshot one already")
    box.refused("snapshot", "t", "../x", saying="cannot be a snapshot's name")
    inside(box, "rm -r new sparse; echo other >docs/b; echo again >gone")
    assert kinds(box) != EXPECTED
    box("snapshot", "t", "two", check=0)
    assert [line.split()[0] for line in box.output("snapshot", "t").splitlines()] == ["NAME", "one", "two"]
    box("restore", "t", "one", check=0)
    assert box.output("diff", "t") == before
    about = (box.upper / "sparse").stat()
    assert stat.S_IMODE(about.st_mode) == 0o6755 and about.st_mtime == 77 and about.st_blocks < 100
    assert inside(box, "ls old gone 2>/dev/null; cat new/dir/f").output == "old:\n3\nn\n"
    box("snapshot", "--rm", "t", "one", check=0)
    box.refused("restore", "t", "one", saying="no such snapshot: one")
    assert {path.name for path in (box.data / "sandbox/t").iterdir()} <= {
        "lock", "trees.json", "trees.lock", "trees", "snapshots", "sandbox.json"}


# ---- recover ---------------------------------------------------------------------------------------------------------


def test_recover_in_place(box):
    inside(box, SCRIPT)
    box("recover", "t", "new/dir/f", "old/3", check=0)
    assert (box.home / "new/dir/f").read_text() == "n\n" and (box.home / "old/3").read_text() == "3\n"
    assert (box.home / "docs/b").exists() and (box.home / "old/1").exists()
    gone = ("new", "new/dir", "new/dir/f", "old/3")
    assert kinds(box) == {path: kind for path, kind in EXPECTED.items() if path not in gone}
    # The sandbox sees the same as before.
    assert inside(box, "ls old; cat new/dir/f old/3").output == "3\nn\n3\n"


def test_recover_elsewhere(box):
    inside(box, SCRIPT)
    target = box.work / "target"
    target.mkdir()
    box("recover", "--to", target, "t", "new", "link", "lines", check=0)
    assert (target / "dir").exists() is False and (target / "new/dir/f").read_text() == "n\n"
    assert os.readlink(target / "link") == "/etc/passwd" and (target / "lines").read_text() == "l1\nL2\nl3\n"
    assert kinds(box) == EXPECTED
    box.refused("recover", "--to", target, "t", "docs/b", saying="no change at .*/docs/b")


# ---- while a program runs --------------------------------------------------------------------------------------------


def test_looking_is_possible_while_it_runs(box):
    inside(box, "true")
    process = box.start("--name", "t", "--allow", "home:ro", script="cd; echo now >there; echo ready; exec sleep 1000")
    assert kinds(box) == {"there": "added"}
    for verb in (("apply", "t"), ("discard", "-f", "t"), ("snapshot", "t", "s"), ("recover", "t", "there")):
        box.refused(*verb, saying="a program is running in this sandbox")
    box("kill", "t", check=0)
    box.ended(process)
    box("apply", "t", check=0)
    assert (box.home / "there").read_text() == "now\n"
