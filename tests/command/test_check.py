"""`rung system check`: every way in which a store can be spoilt is seen, told, and mended or honestly put aside."""

import json
import os
import re
import signal

import pytest

from living import rung  # noqa: F401 (a fixture)


def check(rung, *words, status):
    result = rung("system", "check", *words)
    assert result.status == status, result
    return result.output


def spoilt(rung, saying, repaired=True):
    """The check sees it; --repair mends it (or says that it cannot), and then the store is whole."""
    found = check(rung, status=1)
    assert re.search(saying, found), found
    mended = check(rung, "--repair", status=0 if repaired else 1)
    assert re.search(saying, mended), mended
    if repaired:
        assert re.search("^repaired: ", mended, re.M), mended
        assert check(rung, status=0).endswith(": whole\n")
    return mended


def blobs(rung):
    """{what it is: path} of the one image's blobs."""
    directory = rung.data / "images/blobs/sha256"
    index = json.loads((rung.data / "images/index.json").read_text())
    manifest = directory / index["manifests"][0]["digest"][7:]
    content = json.loads(manifest.read_text())
    return {"manifest": manifest, "config": directory / content["config"]["digest"][7:],
            "layer": directory / content["layers"][0]["digest"][7:]}


def flip(path, at=20):
    os.chmod(path, 0o644)
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))


@pytest.mark.parametrize("what", ["manifest", "config", "layer"])
@pytest.mark.parametrize("how", ["flip", "delete", "truncate"])
def test_blobs(rung, what, how):
    rung.image()
    path = blobs(rung)[what]
    if how == "flip":
        flip(path)
    elif how == "delete":
        path.unlink()
    else:
        os.truncate(path, path.stat().st_size // 2)
    spoilt(rung, "broken image: .*tiny:1")
    assert rung.output("images", "-q") == ""
    assert rung("run", "--rm", "tiny:1", "true").status == 125
    rung.image()
    rung("run", "--rm", "tiny:1", "true", check=0)


def test_a_container_keeps_running_while_its_image_is_mended(rung):
    rung.image()
    rung.start("--name", "c", "tiny:1", "sleep", "1000")
    flip(blobs(rung)["layer"])
    spoilt(rung, "broken image")
    assert rung.output("exec", "c", "echo", "well") == "well"
    rung("rm", "-f", "c", check=0)


@pytest.mark.parametrize("text", ["", "{", '{"manifests":[{"digest":"no","size":1}]}', "\0\0\0\0", "[]"])
def test_the_list_of_images(rung, text):
    rung.image()
    identity = rung.output("images", "-q", "--no-trunc")
    (rung.data / "images/index.json").write_text(text)
    refused = rung("images")
    assert refused.status == 125 and "system check --repair" in refused.errors, refused
    spoilt(rung, "damaged list: index.json")
    assert rung.output("images", "-aq", "--no-trunc") == identity
    rung("run", "--rm", identity, "true", check=0)


def test_a_snapshot_that_is_gone_is_made_again(rung):
    rung.image()
    for path in list((rung.data / "snapshots").iterdir()):
        path.rename(path.with_name(f".{path.name}.gone"))  # an ordinary user may not delete what subordinate ids own
    assert "is not unpacked" in check(rung, status=0)
    rung("run", "--rm", "tiny:1", "true", check=0)


@pytest.mark.parametrize("text", [None, "", "{", '{"status":"no such"}', "[]"])
def test_a_state_that_is_lost(rung, text):
    identity = rung.start("--name", "c", rung.tree, "sh", "-c", "echo x >/made; exit 3")
    rung("wait", "c", check=0)
    path = rung.data / "containers" / identity / "state.json"
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    assert rung.status("c") == "exited"  # its files are there, so it is
    rung("ps", "-a", check=0)
    spoilt(rung, "lost state") if text is None or text in ("", "{") else check(rung, status=0)
    assert rung.status("c") == "exited" and "lost" in rung.output("inspect", "--format", "{{.State.Error}}", "c")
    rung("start", "-a", "c")
    assert rung.exit_code("c") == 3


def test_a_state_that_is_lost_while_it_runs(rung):
    identity = rung.start("--name", "c", rung.tree, "sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.05; done")
    pid = rung.pid("c")
    (rung.data / "containers" / identity / "state.json").write_text("")
    assert rung.status("c") == "running" and rung.pid("c") == pid
    spoilt(rung, "lost state")
    rung("exec", "c", "true", check=0)
    rung("stop", "c", check=0)
    assert rung.exit_code("c") == 5


@pytest.mark.parametrize("file", ["config.json", "request.json"])
@pytest.mark.parametrize("text", ["", "{", "[1]", '{"id":5}'])
def test_a_container_that_cannot_be_read_is_put_aside_with_its_files(rung, file, text):
    identity = rung.start("--name", "c", rung.tree, "sh", "-c", "echo kept >/made")
    other = rung.output("create", "--name", "other", rung.tree, "true")
    rung("wait", "c", check=0)
    (rung.data / "containers" / identity / file).write_text(text)
    assert other[:12] in rung.output("ps", "-aq")  # one bad document spoils no list
    mended = spoilt(rung, f"damaged document: containers/{identity}")
    assert f"{rung.data}/damaged/{identity}" in mended
    assert (rung.data / "damaged" / identity / "layer/upper/made").read_text() == "kept\n"
    assert rung.output("ps", "-aq") == other[:12]
    rung("create", "--name", "c", rung.tree, "true", check=0)  # the name is free


def test_names(rung):
    identity = rung.output("create", "--name", "c", rung.tree, "true")
    names = rung.data / "names"
    (names / "c").unlink()
    (names / "gone").symlink_to("0" * 64)
    (names / "other").symlink_to(identity)
    (names / "odd").symlink_to("/etc/passwd")
    found = check(rung, status=1)
    for word in ("lost name", "stale name: names/gone", "stale name: names/other", "stale name: names/odd"):
        assert word in found, found
    spoilt(rung, "stale name")
    assert sorted(path.name for path in names.iterdir()) == ["c"]
    assert rung.output("inspect", "--format", "{{.Id}}", "c") == identity


def test_foreign_files_are_told_and_left_alone(rung):
    rung.output("create", "--name", "c", rung.tree, "true")
    rung("volume", "create", "v", check=0)
    strangers = [rung.data / place / "README" for place in ("containers", "names", "volumes")]
    for path in strangers:
        path.write_text("mine")
    found = check(rung, "--repair", status=0)
    assert rung.output("volume", "ls", "-q") == "v"
    for path in strangers:
        assert f"note: {path.relative_to(rung.data)}: is nothing of rung's" in found
        assert path.read_text() == "mine"
        path.unlink()
    assert len(rung.output("ps", "-aq").split()) == 1


def test_volumes_pods_secrets(rung):
    (rung.work / "word").write_text("hidden")
    rung("volume", "create", "v", check=0)
    (rung.data / "volumes/v/data/file").write_text("kept")
    rung("secret", "create", "s", rung.work / "word", check=0)
    pod = rung.output("pod", "create", "--name", "p", "--infra=false")
    (rung.data / "volumes/v/config.json").write_text("")
    for path in (rung.data / "secrets").glob("*.json"):
        path.write_text("{")
    (rung.data / "pods" / pod / "config.json").write_text("")
    found = check(rung, status=1)
    for word in ("volumes/v", "secrets/", f"pods/{pod}"):
        assert f"damaged document: {word}" in found, found
    spoilt(rung, "damaged document")
    assert (rung.data / "volumes/v/data/file").read_text() == "kept"
    assert rung.output("volume", "ls", "-q") == "v"
    rung("secret", "create", "s", rung.work / "word", check=0)
    rung("pod", "create", "--name", "p", "--infra=false", check=0)


def test_what_killed_commands_leave_is_swept(rung):
    rung("volume", "create", "v", check=0)
    old = rung.data / "volumes/.old-1234"
    old.mkdir()
    (old / "big").write_text("x")
    half = rung.data / "containers" / ("a" * 64)
    half.mkdir(parents=True)
    os.utime(half, (1, 1))
    gone = rung.data / "containers" / ("." + "b" * 64)
    (gone / "layer").mkdir(parents=True)
    rung("volume", "create", "w", check=0)
    rung("ps", "-a", check=0)
    assert not old.exists() and not half.exists() and not gone.exists()
    check(rung, status=0)


def test_a_killed_removal_takes_no_data_along(rung):
    """An anonymous volume outlives its container unless -v was said; a remover that died said nothing."""
    identity = rung.output("create", "--name", "c", "-v", "/data", rung.tree, "true")
    volume = rung.output("volume", "ls", "-q")
    state = rung.data / "containers" / identity / "state.json"
    state.write_text(json.dumps({"status": "removing", "exitCode": 0}))
    rung("ps", "-a", check=0)
    assert rung.output("ps", "-aq") == ""
    assert rung.output("volume", "ls", "-q") == volume
    rung("volume", "rm", volume, check=0)


def test_the_end_is_told_as_it_was_when_nobody_dealt_with_it(rung):
    """The monitor notes status and time first; who comes later takes both from the note."""
    identity = rung.start("--name", "c", rung.tree, "sleep", "1000")
    directory = rung.data / "containers" / identity
    monitor = rung.record(identity)["monitorPid"]
    assert (directory / "exit").read_text().strip() == ""  # the room is taken when it starts
    (directory / "exit").write_text("9 2020-02-03T04:05:06.000000007Z\n")
    os.kill(monitor, signal.SIGKILL)
    rung.wait_for("c", "exited")
    assert rung.exit_code("c") == 9
    assert rung.record(identity)["finishedAt"] == "2020-02-03T04:05:06.000000007Z"
