"""`rung pull` against a registry that is well, and one that is not."""

import gzip
import json
import os
import pathlib
import signal
import sys
import threading

import pytest
from conftest import ROOT, wait_until
from registry_client import debian_registry, registry, rung, tool  # noqa: F401 (fixtures)
from registry_server import (OCI_INDEX, Registry, body, digest_of, drop_after, hold, image, layer, redirect, status)

MOTD = {"etc/motd": b"hello\n"}


def test_an_image_is_in_the_store(rung, registry):
    tar = layer(MOTD)
    digest = registry.add_image("team/app", "1", [tar])
    done = rung("pull", f"{registry.host}/team/app:1", check=True)
    config = json.loads(registry.manifests["team/app", "1"][1])["config"]["digest"]
    assert done.output == config.split(":")[1] + "\n"
    assert "Trying to pull" in done.errors and "Copying blob" in done.errors
    assert rung.names() == {f"{registry.host}/team/app:1": digest}
    assert (rung.tree(digest_of(tar)) / "etc/motd").read_bytes() == MOTD["etc/motd"]
    for name in rung.blobs():
        data = (rung.data / "images/blobs/sha256" / name[7:]).read_bytes()
        assert digest_of(data) == name
    assert not rung.parts()


def test_what_is_there_is_not_fetched_again(rung, registry):
    registry.add_image("app", "1", [layer(MOTD)])
    first = rung.pull(f"{registry.host}/app:1")
    registry.requests.clear()
    assert rung.pull(f"{registry.host}/app:1") == first
    assert not registry.asked("GET", "/blobs/")


def test_policies(rung, registry):
    name = f"{registry.host}/app:1"
    assert rung("pull", "-q", "--policy=never", name).status == 125
    assert not registry.requests
    registry.add_image("app", "1", [layer(MOTD)])
    first = rung.pull("--policy=missing", name)
    registry.add_image("app", "1", [layer({"other": b"x"})])
    registry.requests.clear()
    assert rung.pull("--policy=missing", name) == first
    assert not registry.requests
    second = rung.pull("--policy=newer", name)
    assert second != first
    registry.fault("/manifests/", status(404), times=9)
    assert rung.pull("--policy=newer", name) == second
    assert rung("pull", "-q", name).status == 125
    assert "not a valid pull policy" in rung("pull", "--policy=often", name).errors


def test_several_images_and_all_tags(rung, registry):
    for tag in ("1", "2", "3", "4", "5"):
        registry.add_image("app", tag, [layer({"tag": tag.encode()})])
    rung.pull(f"{registry.host}/app:1", f"{registry.host}/app:2")
    assert len(rung.names()) == 2
    rung.pull("--all-tags", f"{registry.host}/app")
    assert len(rung.names()) == 5
    assert "--all-tags" in rung("pull", "-a", f"{registry.host}/app:1").errors
    registry.fault("/tags/list", body(b'{"name":"app","tags":null}', "application/json"))
    done = rung("pull", "-a", f"{registry.host}/app")
    assert done.status == 125 and "has no tags" in done.errors


def test_by_digest(rung, registry):
    digest = registry.add_image("app", "1", [layer(MOTD)])
    rung.pull(f"{registry.host}/app@{digest}")
    assert rung.names() == {f"{registry.host}/app@{digest}": digest}
    wrong = "sha256:" + "0" * 64
    registry.manifests["app", wrong] = registry.manifests["app", "1"]
    done = rung("pull", f"{registry.host}/app@{wrong}")
    assert done.status == 125 and "its digest is" in done.errors


def test_platforms(rung, registry):
    entries = []
    for architecture, variant in (("amd64", None), ("arm64", "v8"), ("arm", "v7"), ("s390x", None)):
        tar = layer({"arch": architecture.encode()})
        manifest, blobs = image([tar], architecture=architecture)
        for data in blobs.values():
            registry.add_blob("app", data)
        digest = registry.add_manifest("app", architecture, manifest)
        platform = {"os": "linux", "architecture": architecture, **({"variant": variant} if variant else {})}
        entries.append({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest,
                        "size": len(manifest), "platform": platform})
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
    registry.add_manifest("app", "all", index, OCI_INDEX)
    name = f"{registry.host}/app:all"
    for options, architecture in ((["--platform=linux/arm64"], "arm64"), (["--arch=s390x"], "s390x"),
                                  (["--platform", "linux/arm/v7"], "arm"), (["--platform=linux/arm64/v8"], "arm64")):
        rung.pull(*options, name)
        assert rung.names()[name] == digest_of(registry.manifests["app", architecture][1])
    rung.pull(name)
    own = os.uname().machine.replace("x86_64", "amd64").replace("aarch64", "arm64")
    assert rung.names()[name] == digest_of(registry.manifests["app", own][1])
    done = rung("pull", "--platform=linux/riscv64", name)
    assert done.status == 125 and "no image found in manifest list for architecture riscv64" in done.errors
    assert rung("pull", "--platform=a/b/c/d", name).status == 125


def test_a_layer_twice_and_many_layers(rung, registry):
    tars = [layer({f"file{number}": b"x" * number}) for number in range(20)]
    registry.add_image("app", "1", tars + tars[:3])
    rung.pull(f"{registry.host}/app:1")
    for digest in registry.layers("app", "1"):
        assert len(registry.asked("GET", f"/blobs/{digest}")) == 1


# ---- a network that fails -------------------------------------------------------------------------------


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_download_goes_on(rung, registry, ranges):
    registry.ranges = ranges
    tar = layer(MOTD, size=3_000_000)
    registry.add_image("app", "1", [tar])
    digest = registry.layers("app", "1")[0]
    registry.fault(f"/blobs/{digest}", drop_after(1_000_000), times=2)
    rung.pull(f"{registry.host}/app:1")
    asked = registry.asked("GET", f"/blobs/{digest}")
    assert len(asked) == 3
    assert asked[1]["Range"].startswith("bytes=") and asked[1]["Range"] != "bytes=0-"
    assert (rung.tree(digest_of(tar)) / "etc/motd").exists()


@pytest.mark.parametrize("fault", [status(500), status(503), status(429, Retry_After="1"), drop_after(0)])
def test_what_passes_is_tried_again(rung, registry, fault):
    registry.add_image("app", "1", [layer(MOTD)])
    registry.fault("/v2/", fault, times=2)
    rung.pull(f"{registry.host}/app:1")


def test_what_stays_ends(rung, registry):
    registry.add_image("app", "1", [layer(MOTD)])
    registry.fault("/manifests/", status(500), times=99)
    done = rung("pull", "--retry=1", f"{registry.host}/app:1")
    assert done.status == 125 and "status 500" in done.errors
    assert len(registry.asked("GET", "/manifests/")) == 2


def test_killed_in_the_middle_goes_on(rung, registry):
    registry.add_image("app", "1", [layer(MOTD, size=4_000_000)])
    digest = registry.layers("app", "1")[0]
    event = threading.Event()
    registry.fault(f"/blobs/{digest}", hold(event))
    process = rung.popen("pull", f"{registry.host}/app:1")
    wait_until(lambda: rung.data.exists() and (rung.data / "images/ingest").exists() and
               any(size > 1_000_000 for size in rung.parts().values()), "half of it has come")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    event.set()
    assert not rung.names()
    rung.pull(f"{registry.host}/app:1")
    first = int(registry.asked("GET", f"/blobs/{digest}")[-1]["Range"].removeprefix("bytes=").rstrip("-"))
    assert first > 1_000_000
    assert not rung.parts()
    assert not [path for path in (rung.data / "snapshots").iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("number, group", [(signal.SIGINT, True), (signal.SIGTERM, False), (signal.SIGHUP, False)])
def test_interrupted_keeps_what_arrived_and_nothing_else(rung, registry, number, group):
    registry.add_image("app", "1", [layer({f"many/{n}": b"x" for n in range(500)}, size=2_000_000)])
    blob = registry.layers("app", "1")[0]
    event = threading.Event()
    registry.fault(f"/blobs/{blob}", hold(event))
    process = rung.popen("pull", f"{registry.host}/app:1", start_new_session=True)
    wait_until(lambda: list(rung.data.glob("snapshots/.*/tree/many/499")), "a half-unpacked tree")
    (os.killpg if group else os.kill)(process.pid, number)
    process.communicate(timeout=20)
    event.set()
    assert process.returncode == -number
    assert list(rung.parts()) == [blob.split(":")[1]] and rung.parts()[blob.split(":")[1]] > 0
    assert not list((rung.data / "snapshots").iterdir()) and not rung.names()
    rung.pull(f"{registry.host}/app:1")
    assert "Range" in registry.asked("GET", f"/blobs/{blob}")[-1]


def test_what_is_ignored_interrupts_nothing(rung, registry):
    """As nohup(1) starts programs."""
    registry.add_image("app", "1", [layer(MOTD, size=2_000_000)])
    event = threading.Event()
    registry.fault(f"/blobs/{registry.layers('app', '1')[0]}", hold(event))
    process = rung.popen("pull", f"{registry.host}/app:1",
                         preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    wait_until(lambda: (rung.data / "images/ingest").exists() and any(rung.parts().values()), "bytes")
    os.kill(process.pid, signal.SIGHUP)
    event.set()
    assert process.wait(30) == 0


def test_two_pulls_share_the_work(rung, registry):
    registry.add_image("app", "1", [layer({f"f{n}": b"x"}, size=300_000) for n in range(6)])
    processes = [rung.popen("pull", "-q", f"{registry.host}/app:1") for _ in range(3)]
    answers = [process.communicate(timeout=60) for process in processes]
    assert all(process.returncode == 0 for process in processes), answers
    assert len({output for output, _ in answers}) == 1
    for digest in registry.layers("app", "1"):
        assert len(registry.asked("GET", f"/blobs/{digest}")) == 1


# ---- a registry that lies --------------------------------------------------------------------------------


def test_wrong_bytes_are_refused(rung, registry):
    registry.add_image("app", "1", [layer(MOTD)])
    digest = registry.layers("app", "1")[0]
    registry.fault(f"/blobs/{digest}", body(b"x" * len(registry.blobs[digest])), times=9)
    done = rung("pull", f"{registry.host}/app:1")
    assert done.status == 125 and digest in done.errors
    assert not rung.names() and digest not in rung.blobs()
    registry.faults.clear()
    rung.pull(f"{registry.host}/app:1")


def test_a_wrong_diff_id_is_refused(rung, registry):
    manifest, blobs = image([layer(MOTD)])
    config_digest = json.loads(manifest)["config"]["digest"]
    config = json.loads(blobs.pop(config_digest))
    config["rootfs"]["diff_ids"] = [digest_of(b"something else")]
    changed = json.dumps(config).encode()
    manifest = json.loads(manifest)
    manifest["config"].update(digest=digest_of(changed), size=len(changed))
    for data in (changed, *blobs.values()):
        registry.add_blob("app", data)
    registry.add_manifest("app", "1", json.dumps(manifest).encode())
    done = rung("pull", f"{registry.host}/app:1")
    assert done.status == 125 and not rung.names()
    assert not [path for path in (rung.data / "snapshots").iterdir()]


def claim(registry, tag, pairs):
    """An image whose author says which blob unpacks to which tree."""
    manifest, blobs = image([layer({"bait": b"b"})])
    manifest = json.loads(manifest)
    config = json.loads(blobs[manifest["config"]["digest"]])
    config["rootfs"]["diff_ids"] = [diff_id for _, diff_id in pairs]
    config = json.dumps(config).encode()
    registry.add_blob("evil", config)
    manifest["config"].update(digest=digest_of(config), size=len(config))
    manifest["layers"] = [{**manifest["layers"][0], "digest": digest_of(data), "size": len(data)} for data, _ in pairs]
    for data, _ in pairs:
        registry.add_blob("evil", data)
    return registry.add_manifest("evil", tag, json.dumps(manifest).encode())


def test_nobody_reads_trees_of_others(rung, registry, tmp_path):
    """Blob and tree are both in the store, but of two images: an image that pairs them would see what is not its own."""
    secret, bait = layer({"secret": b"s"}), layer({"bait": b"b"})
    registry.add_image("app", "1", [secret])
    registry.add_image("evil", "good", [bait])
    rung.pull(f"{registry.host}/app:1")
    rung.pull(f"{registry.host}/evil:good")
    data = gzip.compress(bait, 1, mtime=0)
    claim(registry, "1", [(data, digest_of(secret))])
    claim(registry, "2", [(data, digest_of(bait)), (data, digest_of(secret))])
    for tag in "12":
        done = rung("pull", f"{registry.host}/evil:{tag}")
        assert done.status == 125 and f"{registry.host}/evil:{tag}" not in rung.names(), done
        layout = tmp_path / f"layout{tag}"
        (layout / "blobs/sha256").mkdir(parents=True)
        (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        manifest = registry.manifests["evil", tag][1]
        (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [
            {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest_of(manifest), "size": len(manifest),
             "annotations": {"org.opencontainers.image.ref.name": f"evil:{tag}"}}]}))
        for blob in (manifest, data, registry.blobs[json.loads(manifest)["config"]["digest"]]):
            (layout / "blobs/sha256" / digest_of(blob).split(":")[1]).write_bytes(blob)
        done = rung("load", "-i", layout)
        assert done.status == 125 and not any("evil:" + tag in (name or "") for name in rung.names()), done
    registry.requests.clear()
    registry.add_image("again", "1", [secret, bait])  # what is proven is neither fetched nor hashed again
    rung.pull(f"{registry.host}/again:1")
    assert len(registry.asked("GET", "/blobs/")) == 1


@pytest.mark.parametrize("lacking, status", [(1024, 0), (10240, 0), (512, 125), (2048, 125)])
def test_zeros_at_the_end_may_lack(rung, registry, lacking, status):
    """zstd:chunked layers of Debian 12's skopeo have none, under the digest of the tar with them."""
    tar = layer({"a": b"x"}).rstrip(b"\0") + b"\0" * 511
    assert len(tar) % 512 == 0
    whole = tar + b"\0" * (lacking if lacking != 10240 else 10240 - len(tar) % 10240)
    manifest, blobs = image([whole], plain=True)
    config = next(data for data in blobs.values() if data != whole)
    changed = manifest.replace(digest_of(whole).encode(), digest_of(tar).encode()).replace(
        f'"size": {len(whole)}'.encode(), f'"size": {len(tar)}'.encode())
    for data in (tar, config):
        registry.add_blob("app", data)
    registry.add_manifest("app", "1", changed)
    assert rung("pull", f"{registry.host}/app:1").status == status


def test_a_spoilt_part_file_is_thrown_away(rung, registry):
    registry.add_image("app", "1", [layer(MOTD, size=100_000)])
    digest = registry.layers("app", "1")[0]
    rung("images", check=True)
    (rung.data / "images/ingest").mkdir(parents=True, exist_ok=True)
    (rung.data / "images/ingest" / digest[7:]).write_bytes(b"nonsense" * 1000)
    rung.pull(f"{registry.host}/app:1")
    assert len(registry.asked("GET", f"/blobs/{digest}")) == 2


@pytest.mark.parametrize("document", [b"", b"{", b"[]", b'{"schemaVersion":1,"name":"x"}', b"\xff" * 100,
                                      b'{"schemaVersion":2,"config":{"digest":"../../etc","size":1},"layers":[]}'])
def test_manifests_that_are_none(rung, registry, document):
    registry.add_manifest("app", "1", document)
    done = rung("pull", f"{registry.host}/app:1")
    assert done.status == 125 and "rung: pull" in done.errors and not rung.names()


def test_a_manifest_without_end(rung, registry):
    registry.fault("/manifests/", body(b" " * (5 << 20)), times=9)
    done = rung("pull", f"{registry.host}/app:1")
    assert done.status == 125 and "larger than it may be" in done.errors


def test_a_layer_longer_than_said(rung, registry):
    registry.add_image("app", "1", [layer(MOTD)])
    digest = registry.layers("app", "1")[0]
    registry.fault(f"/blobs/{digest}", body(registry.blobs[digest] + b"x" * 100_000), times=9)
    done = rung("pull", f"{registry.host}/app:1")
    assert done.status == 125 and not rung.names()


def test_an_artifact_is_no_image(rung, registry):
    manifest, blobs = image([layer(MOTD)])
    manifest = json.loads(manifest)
    manifest["config"]["mediaType"] = "application/vnd.cncf.helm.config.v1+json"
    for data in blobs.values():
        registry.add_blob("app", data)
    registry.add_manifest("app", "1", json.dumps(manifest).encode())
    assert "artifact" in rung("pull", f"{registry.host}/app:1").errors


@pytest.mark.parametrize("name", ["", "UPPER", "a//b", "a:b:c", "a@sha256:12", "a-", "a/../b", "a b", "a" * 64 + "/" + "b" * 300,
                                  "0123456789abcdef" * 4])
def test_names_that_are_none(rung, name):
    done = rung("pull", name)
    assert done.status == 125 and "invalid reference" in done.errors


# ---- redirects ---------------------------------------------------------------------------------------------


def test_credentials_stay_at_home(rung):
    with Registry(auth="basic") as registry, Registry() as storage:
        registry.add_image("app", "1", [layer(MOTD)])
        for digest, data in registry.blobs.items():
            storage.add_blob("app", data)
        registry.fault("/blobs/", redirect(storage.url), times=99)
        rung.pull("--creds=joe:se:cret", f"{registry.host}/app:1")
        assert storage.asked("GET", "/blobs/")
        assert not [headers for _, _, headers in storage.requests if "Authorization" in headers]


def test_redirects_end(rung, registry):
    registry.fault("/manifests/", redirect(registry.url), times=99)
    done = rung("pull", f"{registry.host}/app:1")
    assert done.status == 125 and "redirected more than" in done.errors


# ---- a store that is full ----------------------------------------------------------------------------------


@pytest.mark.skipif(not ROOT, reason="needs root to mount")
def test_a_full_disk_loses_nothing(rung, registry):
    tars = [layer({"a": b"a"}, size=200_000), layer({"b": b"b"}, size=6_000_000)]
    registry.add_image("app", "1", tars)
    rung.data.mkdir()
    tool("mount", "-t", "tmpfs", "-o", "size=4m", "rung-test", rung.data)
    try:
        done = rung("pull", f"{registry.host}/app:1")
        assert done.status == 125 and "No space left" in done.errors
        assert "app:1" not in (rung.data / "images/index.json").read_text() if (
            rung.data / "images/index.json").exists() else True
        tool("mount", "-o", "remount,size=64m", rung.data)
        registry.requests.clear()
        rung.pull(f"{registry.host}/app:1")
        large = registry.layers("app", "1")[1]
        assert registry.asked("GET", f"/blobs/{large}")[0].get("Range", "bytes=0-") != "bytes=0-"
    finally:
        tool("umount", rung.data)


# ---- who fetches -------------------------------------------------------------------------------------------


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def test_the_fetcher_is_confined_and_knows_no_secret_by_its_arguments(rung):
    event = threading.Event()
    with Registry(auth="basic") as registry:
        registry.add_image("app", "1", [layer(MOTD, size=1_000_000)])
        registry.fault(f"/blobs/{registry.layers('app', '1')[0]}", hold(event), times=9)
        process = rung.popen("pull", "--creds=joe:se:cret", f"{registry.host}/app:1", env={"SECRET": "do not tell"})
        registry.wait_for("GET", f"/blobs/{registry.layers('app', '1')[0]}")
        names = {}
        for pid in children_of(process.pid):
            with open(f"/proc/{pid}/comm", encoding="ascii") as file:
                names[file.read().strip()] = pid
        fetcher = names["rung-fetch"]
        proc = pathlib.Path(f"/proc/{fetcher}")
        lines = dict(line.split(":\t", 1) for line in (proc / "status").read_text().splitlines() if ":\t" in line)
        command = (proc / "cmdline").read_bytes()
        if ROOT:
            assert b"do not tell" not in (proc / "environ").read_bytes()
        event.set()
        process.communicate(timeout=30)
        assert process.returncode == 0
        assert lines["NoNewPrivs"] == "1" and lines["Seccomp"] == "2"
        assert int(lines["CapEff"], 16) == 0
        if ROOT:
            assert lines["Uid"].split() == ["65534"] * 4
        assert b"cret" not in command


# ---- Debian's registry --------------------------------------------------------------------------------------


def test_what_skopeo_pushed(rung, debian_registry, tmp_path):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "clients"))
    import busybox_image
    busybox_image.build(str(tmp_path / "image.tar"))
    for name, options in (("v2s2", ["--format=v2s2"]), ("oci", ["--format=oci"]),
                          ("zstd", ["--format=oci", "--dest-compress-format=zstd"]),
                          ("chunked", ["--format=oci", "--dest-compress-format=zstd:chunked"])):
        tool("skopeo", "copy", "--dest-tls-verify=false", *options, f"docker-archive:{tmp_path}/image.tar",
             f"docker://{debian_registry.host}/busybox:{name}")
        rung.pull(f"{debian_registry.host}/busybox:{name}")
        told = json.loads(tool("skopeo", "inspect", "--tls-verify=false",
                               f"docker://{debian_registry.host}/busybox:{name}"))
        assert rung.names()[f"{debian_registry.host}/busybox:{name}"] == told["Digest"]
    trees = [path / "tree/bin/busybox" for path in (rung.data / "snapshots").iterdir()]
    assert len(trees) == 1
    assert trees[0].read_bytes() == pathlib.Path("/bin/busybox").read_bytes()
