"""A disk that is full, or that nobody may write to, at each step of each command.

The store lies on a small file system of its own: ext4 in a file where this is root and there are loop devices, a tmpfs
otherwise, for an ordinary user in a user namespace. A file fills it up to a few KiB, more of them from try to try, until
the command succeeds. Each try before must tell one error with its reason, and leave nothing behind.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from conftest import LIVE, ROOT, wait_until
from living import rung as living_rung  # noqa: F401 (a fixture)
from registry_server import Registry
from registry_server import layer as registry_layer

SIZE_KIB = 24 << 10
STEPS_KIB = (0, 4, 8, 12, 20, 32, 64, 128, 256, 512, 1024, 2048, 4096)
# What a command may leave on its way: locks, what its like will use, and blobs that the next try goes on with.
KEPT = re.compile(r"images/(lock|index\.(lock|spare|json)|garbage)|images/ingest/[0-9a-f]{64}|events\.log|filler|lost\+found"
                  r"|(pods|volumes|names|secrets(/names)?|containers|snapshots|shifted)(/lock)?$")
FULL = r"No space left on device|Disk quota exceeded"


def enter(holder):
    return ["nsenter", "-t", str(holder.pid), "-U", "-m", "--preserve-credentials"]


class Disk:
    """A small file system on `path`; `prefix` are the words in front of a command that shall see it."""

    def __init__(self, work, path):
        self.path, self.prefix, self.holder, self.image = path, [], None, work / "disk.img"
        path.mkdir()
        if ROOT:
            self.mount_as_root()
        else:
            self.mount_as_user()
        self.seen = f"/proc/{self.holder.pid}/root{path}" if self.holder else str(path)
        self.filler = os.path.join(self.seen, "filler")

    def mount_as_root(self):
        with open(self.image, "wb") as file:
            file.truncate(SIZE_KIB << 10)
        made = subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-J", "size=1", self.image], check=False, capture_output=True)
        if made.returncode == 0 and subprocess.run(["mount", "-o", "loop", self.image, self.path], check=False,
                                                   capture_output=True).returncode == 0:
            return
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_KIB}k", "tmpfs", self.path], check=True)

    def mount_as_user(self):
        script = f"mount -t tmpfs -o size={SIZE_KIB}k,mode=755 tmpfs {self.path} && echo ready && exec sleep 1000"
        self.holder = subprocess.Popen(["unshare", "-rm", "sh", "-c", script], stdout=subprocess.PIPE, text=True)
        LIVE[self.holder.pid] = self.holder
        if self.holder.stdout.readline() != "ready\n":
            LIVE.pop(self.holder.pid)
            self.holder.wait()
            pytest.skip("an ordinary user cannot mount a tmpfs here")
        self.prefix = enter(self.holder)

    def leave(self, free_kib):
        """Fills the disk until no more than this is free."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.filler)
        with open(self.filler, "wb", buffering=0) as file:
            for piece in (1 << 20, 1 << 16, 1 << 12):
                while self.free_kib() - free_kib >= piece >> 10:
                    try:
                        if file.write(b"\xff" * piece) < piece:
                            break
                    except OSError:
                        break
            os.fsync(file.fileno())

    def free_kib(self):
        about = os.statvfs(self.seen)
        return about.f_bavail * about.f_frsize >> 10

    def free(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.filler)

    def read_only(self, on):
        words = ["mount", "-o", f"remount,bind,{'ro' if on else 'rw'}", str(self.path)]
        for _ in range(50):  # it may be busy for a moment
            done = subprocess.run([*self.prefix, *words], check=False, capture_output=True, text=True)
            if done.returncode == 0:
                return
            time.sleep(0.1)
        raise AssertionError(done.stderr)

    def files(self):
        found = set()
        for top, directories, names in os.walk(self.seen):
            for name in directories + names:
                relative = os.path.relpath(os.path.join(top, name), self.seen)
                if not KEPT.match(relative):
                    found.add(relative)
        return found

    def close(self):
        if self.holder:
            self.holder.kill()
            self.holder.wait()
            LIVE.pop(self.holder.pid, None)
            return
        for _ in range(50):
            if subprocess.run(["umount", self.path], check=False, capture_output=True).returncode == 0:
                break
            time.sleep(0.1)
        else:
            subprocess.run(["umount", "-l", self.path], check=True)
        with contextlib.suppress(FileNotFoundError):
            self.image.unlink()


@pytest.fixture
def disk(work):
    one = Disk(work, work / "data")
    yield one
    one.free()
    one.close()


@pytest.fixture
def rung(disk, living_rung):  # noqa: F811
    """The `rung` of living.py with its store on the small disk, and an image and its archive."""
    one, words = living_rung, living_rung.words
    one.words = lambda *more: [*disk.prefix, *words(*more)]
    # By nobody in particular: a user namespace of one id knows no other.
    one.archive = one.work / "root.tar"
    subprocess.run(["tar", "--owner=0", "--group=0", "-C", one.rootfs, "-cf", one.archive, "."], check=True)
    one("import", one.archive, "tiny:1", check=0)
    one("save", "-o", one.work / "tiny.tar", "tiny:1", check=0)
    yield one
    with contextlib.suppress(AssertionError):
        disk.read_only(False)
    disk.free()


def fails_clean(disk, rung, words, before, status, kept):
    """One try that may fail: then with one error that says why and where, and without a trace."""
    result = rung(*words)
    if result.status == 0:
        return True
    said = f"{words} with {disk.free_kib()} KiB: {result}"
    assert result.status == status, said
    errors = [line for line in result.errors.splitlines() if line.startswith("rung: ") and "warning" not in line]
    assert len(errors) == 1 and re.search(FULL, errors[0]), said
    assert str(rung.data) in result.errors, said
    rung("ps", "-a", check=0)
    rung("images", check=0)
    left = {name for name in disk.files() - before if not (kept and re.match(kept, name))}
    assert not left, f"{said}\nleft: {sorted(left)}"
    return False


def squeeze(disk, rung, *words, status=125, undo=(), kept=None):
    """Runs the command with ever more room, until it works. How often it failed."""
    disk.free()
    before = disk.files()
    for failures, free_kib in enumerate(STEPS_KIB):
        disk.leave(free_kib)
        if fails_clean(disk, rung, words, before, status, kept):
            break
    else:
        disk.free()
        rung(*words, check=0)
    disk.free()
    rung("system", "check", check=0)
    for words in undo:
        rung(*words, check=0)
    rung("system", "check", check=0)
    return failures


# ---- what makes something -----------------------------------------------------------------------------------------------

def test_load_and_import(disk, rung):
    rung("rmi", "-f", "tiny:1", check=0)
    archive = rung.work / "tiny.tar"
    assert squeeze(disk, rung, "load", "-q", "-i", archive, undo=[["rmi", "tiny:1"]]) > 2
    assert squeeze(disk, rung, "import", "-q", rung.archive, "other:1", undo=[["rmi", "other:1"]]) > 2
    assert squeeze(disk, rung, "load", "-q", "-i", archive) > 2
    assert squeeze(disk, rung, "tag", "tiny:1", "tiny:2", undo=[["rmi", "tiny:2"]]) >= 0


def test_pull(disk, rung):
    if not ROOT:
        pytest.skip("the registry is not seen from the namespace of the disk")
    with Registry() as registry:
        registry.add_image("app", "1", [registry_layer({"etc/motd": b"hello"}, 600000), registry_layer({"b": b"c"}, 300000)])
        name = f"{registry.host}/app:1"
        # The next try goes on with the blobs that are whole; prune takes those of images that never came.
        more = r"images/blobs/sha256/|snapshots/[0-9a-f]{64}"
        assert squeeze(disk, rung, "pull", "-q", "--tls-verify=false", name, undo=[["rmi", name]], kept=more) > 2
        before = disk.files()
        disk.leave(64)
        assert rung("pull", "-q", "--tls-verify=false", name).status == 125
        disk.free()
        rung("image", "prune", "-f", check=0)
        assert disk.files() == before


def test_containers(disk, rung):
    assert squeeze(disk, rung, "create", "--name", "c", "tiny:1", "true", undo=[["rm", "c"]]) > 0
    assert squeeze(disk, rung, "create", "--name", "c", "-v", "/data", "tiny:1", "true", undo=[["rm", "-v", "c"]]) > 0
    assert squeeze(disk, rung, "run", "--rm", "tiny:1", "true") > 0


def test_a_container_that_cannot_start_stays_and_starts_later(disk, rung):
    rung("create", "--name", "c", "tiny:1", "sh", "-c", "echo out; sleep 1000", check=0)
    for free_kib in STEPS_KIB:
        disk.leave(free_kib)
        result = rung("start", "c")
        if result.status == 0:
            break
        assert result.status in (125, 1) and re.search(FULL, result.errors), result
        assert rung.status("c") in ("created", "exited")
        assert not list((rung.state / "containers").glob("*")) if (rung.state / "containers").exists() else True
    disk.free()
    rung("start", "c", check=0)
    assert rung.status("c") == "running"
    disk.leave(0)
    # Looking and ending are possible whatever the disk says.
    assert "running" in rung.output("ps", "--format", "{{.State}}")
    rung("exec", "c", "true", check=0)
    rung("logs", "c", check=0)
    rung("kill", "c", check=0)
    assert rung.status("c") == "exited" and rung.exit_code("c") == 128 + signal.SIGKILL
    disk.free()
    assert rung.status("c") == "exited" and rung.exit_code("c") == 128 + signal.SIGKILL


def test_run_in_the_background(disk, rung):
    disk.free()
    before = disk.files()
    for free_kib in STEPS_KIB:
        disk.leave(free_kib)
        result = rung("run", "-d", "--name", "c", "tiny:1", "sleep", "1000")
        if result.status == 0:
            break
        assert result.status == 125 and re.search(FULL, result.errors), result
        # Docker's way: what was created stays, and is seen. On a full disk it can be removed.
        rung("rm", "-f", "c")
        left = disk.files() - before
        assert not left, sorted(left)
    disk.leave(0)
    rung("rm", "-f", "-t", "0", "c", check=0)
    disk.free()
    assert disk.files() - before == set()
    rung("system", "check", check=0)


def test_exit_code_and_log_survive_a_disk_that_fills_up(disk, rung):
    rung("run", "-d", "--name", "c", "tiny:1", "sh", "-c", "trap 'echo end; exit 7' USR1; echo begin; while :; do sleep 0.1; done",
         check=0)
    wait_until(lambda: "begin" in rung("logs", "c").output, "it has begun")
    disk.leave(0)
    rung("kill", "-s", "USR1", "c", check=0)
    code = rung.output("wait", "c")
    assert code == "7"
    assert rung.status("c") == "exited" and rung.exit_code("c") == 7
    finished = rung.output("inspect", "--format", "{{.State.FinishedAt}}", "c")
    disk.free()
    assert rung.exit_code("c") == 7
    assert rung.output("inspect", "--format", "{{.State.FinishedAt}}", "c") == finished
    assert rung.output("logs", "c").startswith("begin")


def test_a_restart_policy_ends_when_a_person_stops_it_on_a_full_disk(disk, rung):
    rung("run", "-d", "--name", "c", "--restart", "always", "tiny:1", "sleep", "1000", check=0)
    disk.leave(0)
    rung("stop", "-t", "0", "c", check=0)
    disk.free()
    time.sleep(0.5)
    assert rung.status("c") == "exited"


def test_changes_of_containers(disk, rung):
    rung("create", "--name", "c", "tiny:1", "true", check=0)
    squeeze(disk, rung, "rename", "c", "d", undo=[["rename", "d", "c"]])
    assert rung.output("ps", "-a", "--format", "{{.Names}}") == "c"
    squeeze(disk, rung, "update", "--memory", "64m", "c")
    # What a layer came to is garbage when the rest fails: the next command that removes an image takes it along.
    before = disk.files()
    squeeze(disk, rung, "commit", "-q", "c", "made:1", undo=[["rmi", "made:1"]], kept=r"images/blobs/sha256/")
    assert disk.files() == before
    with open(rung.work / "big", "wb") as file:
        file.write(os.urandom(1 << 20))
    disk.leave(64)
    refused = rung("cp", rung.work / "big", "c:/big")
    assert refused.status == 125 or refused.status == 1
    assert re.search(FULL, refused.errors), refused
    disk.free()
    rung("cp", rung.work / "big", "c:/big", check=0)
    rung("cp", "c:/big", rung.work / "back", check=0)
    assert (rung.work / "back").read_bytes() == (rung.work / "big").read_bytes()


def test_volumes_secrets_pods(disk, rung):
    assert squeeze(disk, rung, "volume", "create", "v", undo=[["volume", "rm", "v"]]) > 0
    (rung.work / "word").write_text("hidden")
    squeeze(disk, rung, "secret", "create", "s", rung.work / "word", undo=[["secret", "rm", "s"]])
    assert squeeze(disk, rung, "pod", "create", "--name", "p", undo=[["pod", "rm", "p"]]) > 0
    (rung.work / "files").mkdir()
    (rung.work / "files/big").write_bytes(os.urandom(1 << 20))
    subprocess.run(["tar", "--owner=0", "--group=0", "-C", rung.work / "files", "-cf", rung.work / "files.tar", "big"], check=True)
    rung("volume", "create", "v", check=0)
    disk.leave(64)
    rung.refused("volume", "import", "v", rung.work / "files.tar", saying=FULL)
    disk.free()
    rung("volume", "import", "v", rung.work / "files.tar", check=0)


def test_files_written_to_a_full_disk(disk, rung):
    """save, export: half a file is worse than none."""
    rung("create", "--name", "c", "tiny:1", "true", check=0)
    for words in (["save", "-o"], ["export", "-o"]):
        target = rung.data / "out.tar"
        disk.leave(256)
        result = rung(*words, target, "tiny:1" if words[0] == "save" else "c")
        assert result.status == 125 and re.search(FULL, result.errors), result
        assert not os.path.exists(os.path.join(disk.seen, "out.tar")), words
        disk.free()


# ---- what makes room ---------------------------------------------------------------------------------------------------

def test_room_is_made_on_a_full_disk(disk, rung):
    (rung.work / "word").write_text("hidden")
    rung("tag", "tiny:1", "tiny:2", check=0)
    rung("create", "--name", "stopped", "-v", "named:/n", "-v", "/anonymous", "tiny:1", "true", check=0)
    rung("run", "-d", "--name", "alive", "--restart", "always", "tiny:1", "sleep", "1000", check=0)
    rung("pod", "create", "--name", "p", check=0)
    rung("volume", "create", "v", check=0)
    rung("secret", "create", "s", rung.work / "word", check=0)
    disk.leave(0)
    for words in (["untag", "tiny:2"], ["rm", "-v", "stopped"], ["rm", "-f", "-t", "0", "alive"], ["pod", "rm", "p"],
                  ["volume", "rm", "v"], ["volume", "prune", "-a", "-f"], ["secret", "rm", "s"], ["container", "prune", "-f"],
                  ["image", "prune", "-a", "-f"], ["system", "prune", "-f"]):
        rung(*words, check=0)
        disk.leave(0)
    disk.free()
    rung("system", "check", check=0)
    assert rung.output("ps", "-a", "-q") == "" and rung.output("images", "-q") == ""
    assert rung.output("volume", "ls", "-q") == "" and rung.output("secret", "ls", "-q") == ""
    left = {name for name in disk.files() if not name.startswith(("images/blobs", "images/oci-layout", "images/ingest", "images"))}
    assert not left, left


def test_rmi_on_a_full_disk(disk, rung):
    disk.leave(0)
    rung("rmi", "tiny:1", check=0)
    assert disk.free_kib() > 500


# ---- read-only -----------------------------------------------------------------------------------------------------------

def test_a_store_that_is_read_only(disk, rung):
    rung("create", "--name", "c", "tiny:1", "true", check=0)
    identity = rung.start("--name", "ended", "tiny:1", "sh", "-c", "echo said; exit 3")
    rung("wait", "ended", check=0)
    shutil.rmtree(rung.state, ignore_errors=True)
    disk.read_only(True)
    assert set(rung.output("ps", "-a", "--format", "{{.Names}}").split()) == {"c", "ended"}
    assert rung.output("images", "--format", "{{.Repository}}:{{.Tag}}").endswith("tiny:1")
    assert identity in rung.output("inspect", "ended") and rung.exit_code("ended") == 3
    assert rung.output("logs", "ended") == "said"
    rung("image", "inspect", "tiny:1", check=0)
    rung("history", "tiny:1", check=0)
    rung("save", "-o", rung.work / "again.tar", "tiny:1", check=0)
    rung("export", "-o", rung.work / "export.tar", "c", check=0)
    rung("volume", "ls", check=0)
    rung("secret", "ls", check=0)
    rung("pod", "ps", check=0)
    rung("system", "df", check=0)
    rung("system", "check", check=0)
    rung("info", check=0)
    for words in (["run", "--rm", "tiny:1", "true"], ["create", "tiny:1", "true"], ["start", "c"], ["rm", "c"], ["rmi", "-f", "tiny:1"],
                  ["tag", "tiny:1", "x"], ["load", "-i", rung.work / "tiny.tar"], ["volume", "create", "v"], ["rename", "c", "d"],
                  ["commit", "c", "y"], ["pod", "create"], ["system", "check", "--repair"]):
        result = rung(*words)
        assert result.status in (125, 1), (words, result)
        assert re.search("Read-only file system", result.errors), (words, result)
    disk.read_only(False)
    rung("start", "-a", "c", check=0)
