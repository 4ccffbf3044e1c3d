"""`rung sandbox apply`: all of it or nothing, whatever happens meanwhile; hostile trees; undo."""

import os
import pathlib
import shutil
import stat
import subprocess
import tempfile

import pytest
from conftest import ROOT, only_rung
from sandboxes import sandbox  # noqa: F401
from test_sandbox_changes import EXPECTED, SCRIPT, box, changes, inside, kinds, open_up  # noqa: F401

pytestmark = only_rung
needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="no strace")


def tree(top):
    """All that counts of a tree: types, modes, content, targets."""
    found = {}
    for path in sorted(pathlib.Path(top).rglob("*")):
        about = path.lstat()
        what = (os.readlink(path) if path.is_symlink() else path.read_bytes() if stat.S_ISREG(about.st_mode) else "")
        found[str(path.relative_to(top))] = (stat.S_IFMT(about.st_mode), stat.S_IMODE(about.st_mode), what)
    return found


def expected_tree(box):
    """What the home is like when SCRIPT has run in it."""
    copy = box.work / "expected"
    shutil.copytree(box.home, copy, symlinks=True)
    subprocess.run(["sh", "-c", SCRIPT], cwd=copy, check=True)
    found = tree(copy)
    shutil.rmtree(copy)
    return found


def no_leftovers(box):
    assert not list(box.home.rglob(".rung-tmp-*"))
    left = {path.name for path in (box.data / "sandbox/t").iterdir()}
    assert left <= {"lock", "trees.json", "trees.lock", "trees", "undo", "sandbox.json"}, left


# ---- what it does ----------------------------------------------------------------------------------------------------


def test_everything(box):
    expected = expected_tree(box)
    inside(box, SCRIPT)
    before = tree(box.home)
    assert "would be applied: 6 added" in box.output("apply", "--dry-run", "t") and tree(box.home) == before
    assert box.output("apply", "t") == "applied: 6 added, 2 changed, 1 with other permissions, 4 deleted"
    assert tree(box.home) == expected
    assert kinds(box) == {} and not any(box.upper.iterdir())
    no_leftovers(box)
    assert box.output("apply", "t") == "applied: no changes"
    # And the sandbox goes on from there.
    inside(box, "echo again >>docs/a")
    box("apply", "t", check=0)
    assert (box.home / "docs/a").read_text() == "one\nmore\nagain\n"


def test_undo(box):
    inside(box, SCRIPT)
    before = tree(box.home)
    box("apply", "t", check=0)
    box("apply", "--undo", "t", check=0)
    assert tree(box.home) == before and kinds(box) == EXPECTED
    box.refused("apply", "--undo", "t", saying="there is no apply that could be undone")
    # Undone is as if never done: no conflicts.
    box("apply", "t", check=0)
    assert kinds(box) == {}
    (box.home / "lines").write_text("mine")
    box.refused("apply", "--undo", "t", saying="lines has changed since it was applied")
    assert (box.home / "lines").read_text() == "mine"


def test_some(box):
    inside(box, SCRIPT)
    box("apply", "t", "docs/a", "old/1", "l*", "new/dir/f", check=0)
    home = box.home
    assert (home / "docs/a").read_text() == "one\nmore\n" and (home / "docs/b").exists() and (home / "old/2").exists()
    assert not (home / "old/1").exists() and not (home / "old/3").exists() and os.readlink(home / "link") == "/etc/passwd"
    rest = {path: kind for path, kind in EXPECTED.items()
            if path not in ("docs/a", "old/1", "lines", "link", "new", "new/dir", "new/dir/f")}
    assert kinds(box) == rest
    assert inside(box, "ls old; cat docs/a").output == "3\none\nmore\n"
    box("apply", "t", check=0)
    assert kinds(box) == {} and sorted(os.listdir(home / "old")) == ["3"]


def test_other_types(box):
    inside(box, "rm top && mkdir top && echo i >top/i; rm -r docs && echo f >docs; rm lines && ln -s top lines")
    before = tree(box.home)
    box("apply", "t", check=0)
    home = box.home
    assert (home / "top/i").read_text() == "i\n" and (home / "docs").read_text() == "f\n" and os.readlink(home / "lines") == "top"
    box("apply", "--undo", "t", check=0)
    assert tree(home) == before


def test_directories_that_may_not_be_written_to(box):
    inside(box, "mkdir shut && echo f >shut/f && mkdir shut/inner && chmod 555 shut/inner shut; chmod 700 docs; touch -d @5 shut")
    box("apply", "t", check=0)
    shut = (box.home / "shut").stat()
    assert stat.S_IMODE(shut.st_mode) == 0o555 and shut.st_mtime == 5 and stat.S_IMODE((box.home / "docs").stat().st_mode) == 0o700
    assert kinds(box) == {}
    box("apply", "--undo", "t", check=0)
    assert kinds(box) == {"shut": "added", "shut/f": "added", "shut/inner": "added", "docs": "permissions"}
    assert stat.S_IMODE((box.upper / "shut").stat().st_mode) == 0o555
    box("apply", "t", "shut/f", check=0)
    assert kinds(box) == {"shut/inner": "added", "docs": "permissions"}
    box("discard", "-f", "t", check=0)


# ---- conflicts -------------------------------------------------------------------------------------------------------


CONFLICTS = {
    "content": ("lines", lambda home: (home / "lines").write_text("mine\n"), "the original has changed since"),
    "replaced": ("lines", lambda home: ((home / "n").write_text("l1\nl2\nl3\n"), (home / "n").rename(home / "lines")), "changed since"),
    "metadata": ("top", lambda home: (home / "top").chmod(0o640), "changed since"),
    "deleted": ("docs/a", lambda home: (home / "docs/a").unlink(), "deleted since"),
    "appeared": ("link", lambda home: (home / "link").write_text("mine"), "did not exist before"),
    "in a deletion": ("gone", lambda home: (home / "gone/deep/z").write_text("z"), "something in it"),
    "of a deletion": ("docs/b", lambda home: (home / "docs/b").write_text("mine"), "changed since"),
    "time set back": ("lines", lambda home: ((home / "lines").write_text("l1\nl2\nlX\n"), os.utime(home / "lines", (1, 1))), "changed since"),
}


@pytest.mark.parametrize("what", CONFLICTS)
def test_conflicts(box, what):
    path, change, saying = CONFLICTS[what]
    inside(box, SCRIPT)
    change(box.home)
    before = tree(box.home)
    assert saying in changes(box)[path]["Conflict"]
    result = box.refused("apply", "t", saying="nothing was applied: 1 originals have changed")
    assert f"conflict: {box.home}/{path}: " in result.errors
    assert tree(box.home) == before
    box("apply", "--ours", "t", check=0)
    assert set(kinds(box)) == {path} and (box.home / "old/3").exists()
    box("apply", "--force", "t", check=0)
    assert kinds(box) == {}
    if what not in ("deleted", "appeared"):
        box("apply", "--undo", "t", check=0)
        assert tree(box.home).get(path) == before.get(path)


def test_conflict_with_an_earlier_run(box):
    """A second run that saves again does not hide that the original changed after the first."""
    inside(box, "echo first >tmp && mv tmp lines")
    (box.home / "lines").write_text("mine\n")
    inside(box, "echo second >tmp && mv tmp lines")
    assert changes(box)["lines"]["Conflict"]
    box.refused("apply", "t", saying="nothing was applied")
    assert (box.home / "lines").read_text() == "mine\n"


def test_conflict_in_a_run_that_was_killed(box):
    inside(box, "true")
    process = box.start("--name", "t", "--allow", "home:ro", script="cd; echo first >tmp; mv tmp lines; echo x >>top; echo ready; exec sleep 1000")
    (box.home / "lines").write_text("mine\n")
    process.kill()
    box.ended(process)
    found = changes(box)
    assert found["lines"]["Conflict"] and not found["top"]["Conflict"]


# ---- hostile trees ---------------------------------------------------------------------------------------------------


def test_links_lead_nowhere(box):
    """The program makes a link of a directory that the person has; the person has a link where it has a directory."""
    outside = box.work / "outside"
    outside.mkdir()
    (outside / "victim").write_text("mine")
    inside(box, f"rm -r docs && ln -s {outside} docs; mkdir d && echo evil >d/victim")
    (box.home / "d").symlink_to(outside)
    box.refused("apply", "t", saying="nothing was applied")
    box("apply", "--force", "t")
    assert (outside / "victim").read_text() == "mine" and sorted(os.listdir(outside)) == ["victim"]
    assert os.readlink(box.home / "docs") == str(outside)


def test_a_link_planted_afterwards(box):
    outside = box.work / "outside"
    outside.mkdir()
    inside(box, "echo evil >docs/new")
    shutil.rmtree(box.home / "docs")
    (box.home / "docs").symlink_to(outside)
    box("apply", "--force", "t")
    assert list(outside.iterdir()) == []


def test_powers_are_taken_off(box):
    inside(box, "cp /bin/true tool; chmod 6755 tool; cp tool kept; chmod 4755 kept; chmod 2755 docs")
    box("apply", "t", "tool", check=0)
    assert stat.S_IMODE((box.home / "tool").stat().st_mode) == 0o755
    box("apply", "--setuid", "t", "kept", check=0)
    assert stat.S_IMODE((box.home / "kept").stat().st_mode) == 0o4755
    assert set(kinds(box)) == {"docs"}
    box("apply", "--undo", "t", check=0)
    assert not (box.home / "kept").exists()


def test_sockets_and_devices_stay(box):
    inside(box, "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"sock\")'; echo f >f")
    if ROOT:
        os.mknod(box.upper / "device", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    result = box("apply", "t", check=0)
    assert f"not applied: {box.home}/sock: a socket" in result.errors and (box.home / "f").exists()
    assert not (box.home / "sock").exists() and not (box.home / "device").exists()
    assert not ROOT or "device: a device" in result.errors


def test_a_name_for_two_files(box):
    inside(box, "echo f >one; ln one two")
    box("apply", "t", "one", check=0)
    assert (box.home / "one").stat().st_ino != (box.upper / "two").stat().st_ino


# ---- killed at any call ----------------------------------------------------------------------------------------------


# What only looks changes nothing: to be killed there is to be killed before the next call that does something.
DOING = ("flock", "mkdir", "mkdirat", "mknodat", "unlink", "unlinkat", "rename", "renameat", "renameat2", "fsync", "syncfs", "write",
         "fchmod", "chmod", "fchownat", "setxattr", "lsetxattr", "lremovexattr", "fremovexattr", "utimensat", "symlinkat",
         "ftruncate", "copy_file_range", "pwrite64")


def killed(box, name, number, *words):
    """The command, killed when it comes to the call of this name for the nth time."""
    subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={number}",
                    *box.words(*words)], env=box.environment, cwd=box.home, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, check=False)


def calls_of(box, *words):
    """(name, which one of that name, the line) of each call that does something, from the lock on."""
    log = box.work / "calls"
    subprocess.run(["strace", "-f", "-qq", "-o", log, *box.words(*words)], env=box.environment, cwd=box.home,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True, timeout=60)
    counts, found, locked = {}, [], False
    for line in log.read_text(encoding="latin-1").splitlines():
        name = line.split(None, 1)[1].split("(")[0]
        counts[name] = counts.get(name, 0) + 1
        locked = locked or name == "flock"
        if locked and (name in DOING or (name == "openat" and "O_CREAT" in line)):
            found.append((name, counts[name], line))
    return found


SMALL = ("echo more >>docs/a; rm docs/b; rm -r gone; mkdir -p new/dir; echo n >new/dir/f; chmod 600 top; echo tool >s; chmod 4755 s; "
         "rm -r old; mkdir old; echo 3 >old/3; chmod 700 docs; rm lines; mkdir lines; echo i >lines/i")
PARTS = 4


@needs_strace
@pytest.mark.parametrize("part", range(PARTS))
def test_killed_at_any_call(box, part):
    """Whichever call it was: nothing was applied, or all of it by the time of the next command."""
    inside(box, SMALL)
    start, keep = box.work / "start", box.work / "keep"
    open_up(box.data)
    for copy, name in ((start, box.home), (keep, box.data)):
        subprocess.run(["cp", "-a", name, copy], check=True)
    before = tree(box.home)
    # A copy has other inodes, so every original counts as changed: hence by force.
    calls = calls_of(box, "apply", "-f", "t")
    after = tree(box.home)
    assert before != after and len(calls) > 40
    outcomes = set()
    for name, number, line in calls[part::PARTS]:
        for copy, place in ((start, box.home), (keep, box.data)):
            subprocess.run(["rm", "-rf", place], check=True)
            subprocess.run(["cp", "-a", copy, place], check=True)
        killed(box, name, number, "apply", "-f", "t")
        rest = box("diff", "-q", "t")
        assert rest.status in (0, 1) and not rest.errors, f"killed at {line}: {rest}"
        now = tree(box.home)
        assert now == (before if rest.status else after), f"killed at {line}"
        no_leftovers(box)
        outcomes.add(rest.status)
        if rest.status:
            box("apply", "-f", "t", check=0)
            assert tree(box.home) == after, f"killed at {line}"
    assert outcomes == {0, 1}


@needs_strace
def test_killed_while_it_is_undone(box):
    inside(box, SMALL)
    before = tree(box.home)
    box("apply", "t", check=0)
    start, keep = box.work / "start", box.work / "keep"
    open_up(box.data)
    for copy, name in ((start, box.home), (keep, box.data)):
        subprocess.run(["cp", "-a", name, copy], check=True)
    after = tree(box.home)
    calls = calls_of(box, "apply", "--undo", "t")
    assert tree(box.home) == before
    for name, number, line in calls[::5]:
        # Moved back and forth, as copies would have other inodes than the journal says.
        if not (box.data / "sandbox/t/undo/journal").exists():
            box("apply", "-f", "t", check=0)
        killed(box, name, number, "apply", "--undo", "t")
        rest = box("diff", "-q", "t")
        assert rest.status in (0, 1) and not rest.errors, f"killed at {line}: {rest}"
        assert tree(box.home) == (before if rest.status else after), f"killed at {line}"


# ---- other file systems ----------------------------------------------------------------------------------------------


@pytest.fixture
def far(box):
    """What is caught lies on another file system than the home, so that nothing can be moved between them."""
    place = pathlib.Path(tempfile.mkdtemp(prefix="rung-test-", dir="/dev/shm"))
    box.data = place / "data"
    box.upper = box.data / "sandbox/t/trees/0/upper"
    if place.stat().st_dev == box.home.stat().st_dev:
        place.rmdir()
        pytest.skip("/dev/shm is no file system of its own")
    yield box
    open_up(place)
    subprocess.run(["rm", "-rf", place], check=True)


def test_another_file_system(far):
    expected = expected_tree(far)
    inside(far, SCRIPT)
    far("apply", "t", check=0)
    assert tree(far.home) == expected and kinds(far) == {} and not any(far.upper.iterdir())
    no_leftovers(far)
    far.refused("apply", "--undo", "t", saying="there is no apply that could be undone")


@needs_strace
@pytest.mark.parametrize("part", range(PARTS))
def test_killed_on_another_file_system(far, part):
    test_killed_at_any_call(far, part)


# ---- full disks ------------------------------------------------------------------------------------------------------


FULL = ("mkdirat", "write", "fsync", "syncfs", "copy_file_range", "symlinkat", "mknodat", "renameat2", "ftruncate", "lsetxattr")


@needs_strace
@pytest.mark.parametrize("call", FULL)
def test_full_disk(far, call):
    """Each call that can find no room finds none, the first time, the second …, until the apply succeeds without."""
    inside(far, SMALL + "; ln -s a sym; mkfifo pipe")
    before, seen = tree(far.home), 0
    for number in range(1, 60):
        done = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}",
                               "-e", f"inject={call}:error=ENOSPC:when={number}", *far.words("apply", "-f", "t")],
                              env=far.environment, cwd=far.home, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, check=False)
        if done.returncode == 0:
            break
        seen += 1
        assert done.returncode == 125 and "No space left on device" in done.stderr, done
        assert done.stderr.startswith("rung: nothing was applied: ") and done.stderr.count("\n") == 1, done.stderr
        assert tree(far.home) == before, f"{call} {number}"
        no_leftovers(far)
    assert kinds(far) == {} and (far.home / "new/dir/f").read_text() == "n\n"
    assert seen or call in ("ftruncate", "lsetxattr", "copy_file_range", "mknodat")


# ---- many ------------------------------------------------------------------------------------------------------------


def test_twenty_thousand(box):
    many = box.home / "many"
    many.mkdir()
    for number in range(10000):
        (many / f"old{number}").touch()
    inside(box, "cd many && rm old* && i=0; while [ $i -lt 10000 ]; do : >new$i; i=$((i+1)); done")
    assert box.output("diff", "t").splitlines()[-1].startswith("10000 added, 10000 deleted")
    assert box.output("apply", "t") == "applied: 10000 added, 10000 deleted"
    names = os.listdir(many)
    assert len(names) == 10000 and all(name.startswith("new") for name in names)
    assert box.output("apply", "--undo", "t").startswith("taken back: 20000")
    assert len(os.listdir(many)) == 10000 and (many / "old9999").exists()
