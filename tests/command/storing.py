"""The `store` fixture: rung with a store of the test's own, and archives of images made by hand.

    def test_names(store):
        store.load(archive(layers=[{"a": "1"}], names=["web:1"]))
        assert store.names() == {"web:1"}

Afterwards nothing may be left of it: no mount and no process; the store itself goes with the test.
"""

import gzip
import hashlib
import io
import json
import os
import re
import subprocess
import tarfile

import pytest

import leftovers
from conftest import LIVE, OURS, ROOT, RUNTIME, Result, no_processes, wait_until

RUNG = RUNTIME[0]
CREATED = "2024-01-02T03:04:05Z"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layer(files):
    """A plain tar; files is {name: text}, "dir/": None, and {name: -> target} as a tuple."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, what in files.items():
            info = tarfile.TarInfo(name.rstrip("/"))
            info.mode = 0o755
            if what is None:
                info.type = tarfile.DIRTYPE
            elif isinstance(what, tuple):
                info.type, info.linkname = tarfile.SYMTYPE, what[0]
            else:
                data = what if isinstance(what, bytes) else what.encode()
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
                continue
            tar.addfile(info)
    return buffer.getvalue()


def configuration(layers, created=CREATED, **config):
    return json.dumps({
        "architecture": "amd64" if os.uname().machine == "x86_64" else "arm64", "os": "linux", "created": created,
        "config": config, "rootfs": {"type": "layers", "diff_ids": [digest(one) for one in layers]},
        "history": [{"created": created, "created_by": f"step {n}"} for n, _ in enumerate(layers)],
    }).encode()


def pack(members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def docker_archive(images):
    """images: a list of (layers, names, options of the configuration)."""
    members, manifest = {}, []
    for layers, names, options in images:
        config = configuration(layers, **options)
        config_name = digest(config)[7:] + ".json"
        members[config_name] = config
        for one in layers:
            members[digest(one)[7:] + "/layer.tar"] = one
        manifest.append({"Config": config_name, "RepoTags": names or None,
                         "Layers": [digest(one)[7:] + "/layer.tar" for one in layers]})
    members["manifest.json"] = json.dumps(manifest).encode()
    return pack(members)


def oci_members(layers, name=None, **options):
    """An OCI layout with gzip layers, as {name: bytes}; also the manifest's digest."""
    blobs = {}

    def blob(media_type, data):
        blobs[f"blobs/sha256/{digest(data)[7:]}"] = data
        return {"mediaType": media_type, "digest": digest(data), "size": len(data)}

    kind = "application/vnd.oci.image"
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": f"{kind}.manifest.v1+json",
        "config": blob(f"{kind}.config.v1+json", configuration(layers, **options)),
        "layers": [blob(f"{kind}.layer.v1.tar+gzip", gzip.compress(one, 6, mtime=0)) for one in layers]}).encode()
    entry = blob(f"{kind}.manifest.v1+json", manifest)
    if name:
        entry["annotations"] = {"org.opencontainers.image.ref.name": name}
    blobs["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
    blobs["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
    return blobs, digest(manifest)


class Store:
    def __init__(self, work):
        self.work, self.root, self.state = work, work / "data", work / "state"
        self.environment = dict(os.environ, XDG_DATA_HOME=str(work / "xdg"), XDG_RUNTIME_DIR=str(work / "xdg-run"),
                                HOME=str(work))

    def words(self, *words):
        return [RUNG, "--root", str(self.root), "--state", str(self.state), *map(str, words)]

    def popen(self, *words, program=None, **more):
        command = self.words(*words)
        if program:
            more["executable"], command[0] = RUNG, program
        more.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(command, env=self.environment, **more)
        LIVE[process.pid] = process
        return process

    def __call__(self, *words, check=0, data=None, program=None, binary=False):
        process = self.popen(*words, program=program, stdin=subprocess.PIPE if data is not None else subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            output, errors = process.communicate(data, 120)
        finally:
            if process.poll() is None:
                process.kill()
            LIVE.pop(process.pid, None)
        result = Result(process.returncode, output if binary else output.decode(errors="replace"),
                        errors.decode(errors="replace"))
        if check is not None:
            assert result.status == check, f"{words}: status {result.status}\n{result.errors}{result.output}"
        return result

    def podman(self, *words, **more):
        return self(*words, program="podman", **more)

    def load(self, data, **more):
        return self("load", data=data, **more)

    def load_image(self, files, *names, **options):
        """An image of one layer; returns its id."""
        layers = [layer(files)]
        self.load(docker_archive([(layers, list(names), options)]))
        return digest(configuration(layers, **options))

    def names(self):
        return set(self("images", "--format", "{{.Repository}}:{{.Tag}}").output.split())

    def ids(self):
        return set(self("images", "-q", "--no-trunc").output.split())

    def inspect(self, name):
        return json.loads(self("image", "inspect", name).output)[0]

    def blobs(self):
        return set(os.listdir(self.root / "images/blobs/sha256"))

    def snapshots(self):
        path = self.root / "snapshots"
        return set(os.listdir(path)) if path.exists() else set()

    def index(self):
        return json.loads((self.root / "images/index.json").read_text(encoding="utf-8"))["manifests"]

    def whole(self):
        """What system check says of it; not to be whole is a failure."""
        return self("system", "check").output

    def leftovers(self):
        """What a finished command must not leave."""
        parts = os.listdir(self.root / "images/ingest") if (self.root / "images/ingest").exists() else []
        return [name for name in parts if name.startswith(".")] + [
            name for name in self.snapshots() if name.startswith(".")]

    def refused(self, *words, saying, status=125, **more):
        result = self(*words, check=None, **more)
        assert result.status == status, result
        assert re.search(saying, result.errors), result.errors
        return result

    def wipe(self):
        """Also what belongs to subordinate ids: rung itself removes it."""
        if self.root.exists():
            os.chmod(self.root, 0o700)
            self("image", "unmount", "--all", check=None)
            self("system", "check", "--repair", check=None)
            self("rmi", "--all", "--force", check=None)
            self("image", "prune", "--all", "--force", check=None)


def make_store(work):
    if not OURS:
        pytest.skip("only rung keeps images so")
    return Store(work)


@pytest.fixture
def store(work):
    before = leftovers.snapshot()
    one = make_store(work)
    yield one
    for process in list(LIVE.values()):
        process.kill()
        process.wait()
        LIVE.pop(process.pid, None)
    one.wipe()
    wait_until(no_processes, "all processes end", 10)
    mess = leftovers.since(before, re.compile(re.escape(str(work))), 3)
    assert not mess, f"left behind: {mess}"


__all__ = ["CREATED", "ROOT", "Store", "configuration", "digest", "docker_archive", "layer", "oci_members", "pack", "store"]
