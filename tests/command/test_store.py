"""The store when things go wrong: killed commands, a full disk, a read-only disk, damage, several commands at once."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import threading

import pytest

from conftest import LIVE, needs_root, wait_until
from storing import digest, docker_archive, layer, make_store, oci_members, pack, store  # noqa: F401

STRACE = shutil.which("strace", path="/usr/bin:/bin")
MOST = 400


def can_trace():
    return bool(STRACE) and subprocess.run([STRACE, "-o", os.devnull, "true"], capture_output=True,
                                           check=False).returncode == 0


needs_strace = pytest.mark.skipif(not can_trace(), reason="no strace, or it may not trace")


def tampered(store, injection, *words, data=None):
    """Runs rung (not what it starts) with the n-th system call failing or killed; returns (status, errors, happened)."""
    log = store.work / "strace.log"
    call = injection.partition(":")[0]
    done = subprocess.run([STRACE, "-q", "-o", log, "-e", f"trace={call}", "-e", "signal=none", "-e",
                           f"inject={injection}", *store.words(*words)], input=data, stdin=None if data is not None else
                          subprocess.DEVNULL, capture_output=True, timeout=60, check=False, env=store.environment)
    text = log.read_text(encoding="utf-8", errors="replace")
    happened = "INJECTED" in text or re.search(r"= \?$|\+\+\+ killed", text, re.MULTILINE) is not None
    return done.returncode, done.stderr.decode(errors="replace"), happened


def sound(store, ids):
    """The store is whole, and shows just these images; nothing that cannot be collected lies about."""
    store.whole()
    assert store.ids() in ids, store.ids()
    store("image", "prune", "--force")
    store.whole()
    assert not store.leftovers()


ARCHIVE = docker_archive([([layer({"a": "1"}), layer({"b": "2", "c/": None})], ["new:1"], {})])
STEPS = [("renameat", 1), ("fdatasync", 1), ("fsync", 1), ("openat", 4), ("mkdirat", 1), ("flock", 1), ("unlinkat", 1),
         ("fchmod", 1), ("write", 3)]


@needs_strace
@pytest.mark.parametrize("call, stride", STEPS)
def test_a_killed_load_leaves_all_or_nothing(store, call, stride):
    old = store.load_image({"z": "old"}, "new:1")
    blobs = store.blobs()
    for number in range(1, MOST, stride):
        status, _, happened = tampered(store, f"{call}:signal=SIGKILL:when={number}", "load", data=ARCHIVE)
        if not happened:
            assert status == 0
            break
        store.whole()
        assert old in store.ids(), f"{call} number {number} lost the old image"
    assert len(store.ids()) == 2
    store("rmi", "new:1")
    store("image", "prune", "--force", "--all")
    assert store.blobs() == set() and store.snapshots() == set()
    assert blobs


@needs_strace
@pytest.mark.parametrize("call, fault", [("renameat", "ENOSPC"), ("fdatasync", "EIO"), ("fsync", "EIO"), ("mkdirat", "ENOSPC"),
                                         ("write", "ENOSPC"), ("openat", "EMFILE"), ("flock", "EINTR")])
def test_a_failing_call_is_told_once_and_leaves_nothing(store, call, fault):
    old = store.load_image({"z": "old"}, "new:1")
    stride = 3 if call == "openat" else 1
    for number in range(1, MOST, stride):
        status, errors, happened = tampered(store, f"{call}:error={fault}:when={number}", "load", data=ARCHIVE)
        if not happened:
            assert status == 0, errors
            break
        if status != 0:
            assert len(re.findall(r"^rung: (?!warning)", errors, re.M)) == 1, f"{call} {number}: {errors}"
        assert old in store.ids()
        store.whole()
        assert not store.leftovers(), f"{call} number {number}: {errors}"
    store.whole()


@needs_strace
@pytest.mark.parametrize("words", [("rmi", "-f", "b:1"), ("tag", "a:1", "b:1"), ("untag", "a:1"), ("image", "prune", "-af"),
                                   ("system", "check", "--repair")])
@pytest.mark.parametrize("call", ["renameat", "unlinkat", "fsync", "write"])
def test_killed_changes_keep_the_list(store, words, call):
    for number in range(1, MOST):
        one = store.load_image({"x": "1"}, "a:1")
        two = store.load_image({"x": "2"}, "b:1")
        _, _, happened = tampered(store, f"{call}:signal=SIGKILL:when={number}", *words)
        store.whole()
        assert store.ids() <= {one, two}
        if words[0] in ("tag", "untag"):
            assert store.ids() == {one, two}
        if not happened:
            break
    store("rmi", "--all", "--force")
    store("image", "prune", "--force")
    assert store.blobs() == set() and store.snapshots() == set()


def test_killed_loads_at_any_moment(store):
    """From outside, by time: whatever rung-layer is doing then."""
    data = docker_archive([([layer({f"f{n}": os.urandom(200000)}) for n in range(6)], ["big:1"], {})])
    for delay_ms in range(0, 120, 8):
        process = store.popen("load", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        timer = threading.Timer(delay_ms / 1000, process.kill)
        timer.start()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(data)
            process.stdin.close()
        process.wait()
        timer.cancel()
        LIVE.pop(process.pid, None)
        store.whole()
    store.load(data)
    assert store.names() == {"big:1"}
    store("image", "prune", "--force")
    assert not store.leftovers()
    store.whole()


# ---- places that are full or read-only ---------------------------------------------------------

@contextlib.contextmanager
def small_disk(path, kilobytes):
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k,mode=755", "rung-test", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", path], check=True)


def make_read_only(path):
    """The kernel lets go of removed files a moment after their last closing."""
    wait_until(lambda: subprocess.run(["mount", "-o", "remount,ro", path], capture_output=True, check=False).returncode == 0,
               "remount read-only")


@needs_root
def test_a_full_disk_is_told_and_loses_nothing(work):
    store = make_store(work)
    contents = {"f": os.urandom(300000)}
    with small_disk(work / "data", 1600):
        old = store.load_image({"a": "1"}, "old:1")
        for kilobytes in range(1500, 0, -100):
            filler = store.root / "filler"
            filler.write_bytes(b"x" * 1024 * kilobytes)
            result = store("load", data=docker_archive([([layer(contents)], ["new:1"], {})]), check=None)
            if result.status != 0:
                assert re.search("No space left", result.errors), result.errors
                assert not store.leftovers()
                assert store.ids() == {old}
                store.whole()
            filler.unlink()
            store.whole()
            if result.status == 0:
                break
        assert result.status == 0, "never enough room"
        assert store.names() == {"old:1", "new:1"}
        # What takes space can be removed with none left at all.
        with contextlib.suppress(OSError):
            (store.root / "filler").write_bytes(b"x" * (1 << 21))
        store("rmi", "new:1", check=None)
        (store.root / "filler").unlink()
        store("rmi", "--all", "--force", check=None)
        assert store.ids() == set() and store.blobs() == set()


@needs_root
def test_a_read_only_store_can_be_read(work):
    store = make_store(work)
    with small_disk(work / "data", 4000):
        image = store.load_image({"a": "1"}, "old:1")
        make_read_only(work / "data")
        assert store.ids() == {image}
        assert store.inspect("old:1")["Id"] == image
        assert store("save", "old:1", binary=True).output
        store.whole()
        for words in (["load"], ["tag", "old:1", "x"], ["rmi", "old:1"], ["import"], ["image", "prune", "-f"]):
            result = store(*words, data=docker_archive([([layer({"b": "1"})], ["n:1"], {})]), check=None)
            assert result.status != 0 and re.search("[Rr]ead-only", result.errors), (words, result)
        assert store.ids() == {image}


@needs_root
def test_no_store_on_a_read_only_disk_is_an_empty_one(work):
    store = make_store(work)
    with small_disk(work / "ro", 100):
        make_read_only(work / "ro")
        store.root = work / "ro/data"
        assert store("images", "-q").output == ""
        store.refused("tag", "a", "b", saying="no such image|[Rr]ead-only")
        store.refused("load", data=b"x", saying="[Rr]ead-only")


# ---- damage ---------------------------------------------------------------------------------------

def test_damage_is_found_and_repaired(store):
    good = store.load_image({"a": "1"}, "good:1")
    store.load_image({"a": "2"}, "bad:1")
    blob = store.root / "images/blobs/sha256" / digest(layer({"a": "2"}))[7:]
    data = bytearray(blob.read_bytes())
    data[600] ^= 1
    blob.chmod(0o644)
    blob.write_bytes(data)
    result = store("system", "check", check=1)
    assert "damaged blob" in result.output and "broken image: docker.io/library/bad:1" in result.output
    assert "good" not in result.output
    store("system", "check", "--repair")
    assert store.ids() == {good}
    store.whole()
    store.load_image({"a": "2"}, "bad:1")
    store.whole()


@pytest.mark.parametrize("kind", ["manifest", "config"])
def test_a_damaged_document_does_not_hide_other_images(store, kind):
    good = store.load_image({"a": "1"}, "good:1")
    bad = store.load_image({"a": "2"}, "bad:1")
    shown = store.inspect("bad:1")
    blob = store.root / "images/blobs/sha256" / (shown["Digest"] if kind == "manifest" else bad)[7:]
    blob.chmod(0o644)
    blob.write_text("{}")
    assert good in store.ids()
    store.refused("image", "inspect", "bad:1", saying="damaged", status=1)
    store("image", "prune", "--force", check=None)
    assert store.inspect("good:1")["Id"] == good
    store("system", "check", check=1)
    store("system", "check", "--repair")
    assert store.ids() == {good}
    assert store.names() == {"good:1"}


def test_a_lost_list_is_made_again(store):
    image = store.load_image({"a": "1"}, "good:1")
    (store.root / "images/index.json").write_text("{\"manifests\": [")
    store.refused("images", saying="system check --repair")
    assert "damaged list" in store("system", "check", check=1).output
    store("system", "check", "--repair")
    assert store.ids() == {image} and store.names() == {"<none>:<none>"}


def test_a_missing_snapshot_is_no_fault(store):
    image = store.load_image({"a": "1"}, "a:1")
    snapshot = store.root / "snapshots" / digest(layer({"a": "1"}))[7:]
    subprocess.run(["rm", "-rf", snapshot], check=True)
    assert "not unpacked" in store.whole()
    assert store.ids() == {image}


def test_a_layer_unpacked_before_the_power_went_is_not_trusted(store):
    store.load_image({"a": "1"}, "a:1")
    name = digest(layer({"a": "1"}))[7:]
    (store.root / "snapshots" / name / "boot").write_text("00000000-0000-0000-0000-000000000000 5\n")
    assert "doubtful layer" in store("system", "check", check=1).output
    store("system", "check", "--repair")
    assert store.snapshots() == set()
    assert "not unpacked" in store.whole()


def test_layouts_of_other_programs_are_read_as_they_are(store):
    """index.json without rung's notes, blobs written by skopeo: this is its own layout."""
    blobs, manifest = oci_members([layer({"a": "1"})], "docker.io/library/foreign:1")
    for name, data in blobs.items():
        path = store.root / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    shown = store.inspect("foreign:1")
    assert shown["Digest"] == manifest
    store("tag", "foreign:1", "mine:1")
    assert store.names() == {"foreign:1", "mine:1"}
    store.whole()
    store("rmi", shown["Id"], "--force")
    assert store.blobs() == set()


# ---- many at once -------------------------------------------------------------------------------------

def test_loads_and_removals_side_by_side(store):
    base = layer({"base": b"b" * 50000})
    failures = []

    def work_on(number):
        data = docker_archive([([base, layer({f"{number}": str(number)})], [f"n{number}:1"], {})])
        for _ in range(4):
            for words, more in ((("load",), {"data": data}), (("tag", f"n{number}:1", f"t{number}"), {}),
                                (("image", "prune", "-f"), {}), (("rmi", f"t{number}", f"n{number}:1"), {})):
                result = store(*words, check=None, **more)
                if result.status != 0:
                    failures.append((words, result))
    threads = [threading.Thread(target=work_on, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]
    store.whole()
    store("image", "prune", "-f")
    assert store.ids() == set() and store.blobs() == set() and store.snapshots() == set()


def test_a_removal_does_not_wait_for_those_who_use_images(store):
    """Somebody holds the shared lock: the name goes at once, the bytes with the next command that may take them."""
    import fcntl
    store.load_image({"a": "1"}, "a:1")
    fd = os.open(store.root / "images/lock", os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_SH)
    store("rmi", "a:1")
    assert store.ids() == set() and store.blobs()
    os.close(fd)
    store.load_image({"b": "1"}, "b:1")
    assert len(store.blobs()) == 3
    store.whole()


def test_what_dead_commands_left_is_swept(store):
    store.load_image({"a": "1"}, "a:1")
    for path in ("snapshots/.scratch.0123456789abcdef/trees/0/tree", "snapshots/." + "0" * 64 + ".ab/tree"):
        (store.root / path).mkdir(parents=True)
        (store.root / path / "file").write_text("x")
    (store.root / "images/ingest/.new-0123").write_text("x")
    (store.root / "images/ingest" / ("1" * 64)).write_text("a part that a pull could go on with")
    store("tag", "a:1", "b:1")
    store("rmi", "b:1")
    store.load_image({"b": "1"})
    store("rmi", "--force", *store.ids())
    assert not store.leftovers()
    assert os.listdir(store.root / "images/ingest") == ["1" * 64]
    store("image", "prune", "--force")
    assert os.listdir(store.root / "images/ingest") == []


# ---- programs of others -------------------------------------------------------------------------------

def tool(name):
    return pytest.mark.skipif(not shutil.which(name), reason=f"no {name}")


@tool("skopeo")
@pytest.mark.parametrize("form", ["docker-archive", "oci-archive", "oci-dir", "docker-dir"])
def test_skopeo_reads_what_was_saved(store, form, work):
    blobs, manifest = oci_members([layer({"a": "1"}), layer({"b": "2"})], "example.org/web:1", Env=["A=1"])
    store.load(pack(blobs))
    out = work / "out"
    store("save", "--format", form, "-o", out, "example.org/web:1")
    transport = {"oci-dir": "oci", "docker-dir": "dir"}.get(form, form)
    source = f"{transport}:{out}" + (":example.org/web:1" if transport == "oci" else "")
    shown = json.loads(subprocess.run(["skopeo", "inspect", source], check=True, capture_output=True).stdout)
    assert shown["Env"] == ["A=1"] and len(shown["Layers"]) == 2
    if form != "docker-archive":
        assert shown["Digest"] == manifest
    subprocess.run(["skopeo", "copy", "-q", source, f"dir:{work / 'copy'}"], check=True, capture_output=True)


@tool("skopeo")
@pytest.mark.parametrize("form", ["docker-archive", "oci-archive", "oci"])
@pytest.mark.parametrize("compressed", [False, True])
def test_what_skopeo_wrote_is_read(store, form, compressed, work):
    layers = [layer({"a": "1"}), layer({"b": "2"})]
    (work / "in.tar").write_bytes(docker_archive([(layers, ["web:1"], {"Cmd": ["x"]})]))
    target = f"{form}:{work / 'mid'}:docker.io/library/web:1"
    words = ["--dest-compress"] if compressed and form == "oci" else []
    subprocess.run(["skopeo", "copy", "-q", *words, f"docker-archive:{work / 'in.tar'}", target], check=True)
    store("load", "-i", work / "mid")
    shown = store.inspect("web:1")
    assert shown["RootFS"]["Layers"] == [digest(one) for one in layers] and shown["Config"]["Cmd"] == ["x"]
    told = subprocess.run(["skopeo", "inspect", "--format", "{{.Digest}}", target if form == "oci" else f"{form}:{work / 'mid'}"],
                          check=True, capture_output=True, text=True).stdout.strip()
    if form != "docker-archive":
        assert shown["Digest"] == told
    store.whole()


@needs_root
@tool("podman")
def test_podman_and_rung_exchange_images(store, work):
    podman = ["podman", "--root", work / "p", "--runroot", work / "pr", "--storage-driver", "vfs", "--events-backend", "file"]

    def run(*words):
        return subprocess.run([*podman, *words], check=True, capture_output=True, text=True).stdout
    try:
        image = store.load_image({"a": "1", "dir/": None, "dir/l": ("../a",)}, "web:1", Env=["A=1"])
        for form in ("docker-archive", "oci-archive"):
            store("save", "--format", form, "-o", work / f"{form}.tar", "web:1")
            run("load", "-q", "-i", work / f"{form}.tar")
            shown = json.loads(run("image", "inspect", "web:1"))[0]
            assert shown["Id"] == image[7:]
            run("save", "-q", "--format", form, "-o", work / f"p-{form}.tar", "web:1")
            run("rmi", "-f", image[7:])
            store("rmi", "-f", image)
            store("load", "-i", work / f"p-{form}.tar")
            assert store.inspect("web:1")["Id"] == image
            assert store.inspect("web:1")["Config"] == {"Env": ["A=1"]}
        store.whole()
    finally:
        subprocess.run([*podman, "system", "reset", "-f"], check=False, capture_output=True)


@needs_root
@tool("buildah")
def test_what_buildah_built_is_read(store, work):
    buildah = ["buildah", "--root", work / "p", "--runroot", work / "pr", "--storage-driver", "vfs"]

    def run(*words):
        return subprocess.run([*buildah, *words], check=True, capture_output=True, text=True).stdout.strip()
    (work / "file").write_text("contents")
    try:
        container = run("from", "scratch")
        run("copy", container, work / "file", "/file")
        run("config", "--cmd", "/file", "--label", "a=b", "--port", "80", "--workingdir", "/w", container)
        for form in ("oci", "docker"):
            run("commit", "-q", "--format", form, container, f"oci-archive:{work}/{form}.tar:built:{form}")
            store("load", "-i", work / f"{form}.tar")
            config = store.inspect(f"built:{form}")["Config"]
            assert config["Cmd"] == ["/file"] and config["WorkingDir"] == "/w" and config["ExposedPorts"] == {"80": {}}
            assert config["Labels"]["a"] == "b"
        store.whole()
    finally:
        subprocess.run([*buildah, "rm", "-a"], check=False, capture_output=True)
        subprocess.run([*buildah, "rmi", "-a", "-f"], check=False, capture_output=True)
        subprocess.run(["umount", "-R", work / "p"], check=False, capture_output=True)


