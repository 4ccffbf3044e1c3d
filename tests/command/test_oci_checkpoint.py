"""checkpoint and restore as far as they need no criu that understands this kernel; tests/vm/test_checkpoint.py has the rest."""

import json

import pytest

from conftest import ROOT, needs_root, only_rung

pytestmark = only_rung
ANNOTATION = "org.opencontainers.runc.checkpoint.enabled"


@pytest.fixture
def broken(container):
    """The option that names a criu which ends at once."""
    path = container.work / "criu"
    path.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    path.chmod(0o755)
    return f"--criu={path}"


def images(container):
    path = container.work / "images"
    path.mkdir()
    (path / "descriptors.json").write_text('["/dev/null","pipe:[1]","pipe:[2]"]', encoding="utf-8")
    return path


def restore(container, path, *options, **more):
    container.write()
    return container.oci("restore", "--bundle", container.bundle, "--image-path", path, "--work-path", container.work,
                         *options, container.id, **more)


def test_features_tell_whether_there_is_a_criu(container, broken):
    def enabled(option):
        return json.loads(container.oci("features", globals_=[option], check=0).output)["annotations"][ANNOTATION]

    assert enabled("--criu=/nowhere/criu") == "false"
    assert enabled(broken) == "true"


@needs_root
def test_criu_is_missing(container):
    container.start()
    result = container.oci("checkpoint", "--image-path", container.work / "images", container.id,
                           globals_=["--criu=/nowhere/criu"])
    assert result.status == 1
    assert "/nowhere/criu" in result.errors and "package criu" in result.errors
    assert container.status() == "running"
    container.delete("--force")
    result = restore(container, images(container), globals_=["--criu=/nowhere/criu"])
    assert result.status == 1 and "package criu" in result.errors
    assert container.oci("state", container.id).status != 0


@needs_root
def test_a_criu_that_fails_changes_nothing(container, broken):
    container.start()
    result = container.oci("checkpoint", "--image-path", container.work / "images", container.id, globals_=[broken])
    assert result.status == 1 and "criu" in result.errors
    assert container.status() == "running"
    container.delete("--force")


@needs_root
def test_a_criu_that_fails_leaves_nothing(container, broken):
    """Also not the cgroup, nor the mount of the root: the fixture looks for them."""
    container.config["process"]["args"] = ["sleep", "1000"]
    result = restore(container, images(container), globals_=[broken])
    assert result.status == 1 and "restore" in result.errors
    assert container.oci("state", container.id).status != 0
    assert not list((container.work / "state").glob("*"))


@needs_root
def test_only_what_runs(container, broken):
    container.create("sleep", "1000")
    result = container.oci("checkpoint", "--image-path", container.work / "images", container.id, globals_=[broken])
    assert result.status == 1 and "it is created" in result.errors
    assert not (container.work / "images").exists()


@needs_root
def test_a_running_id_is_not_taken(container, broken):
    container.start()
    result = restore(container, images(container), globals_=[broken])
    assert result.status == 1 and "already exists" in result.errors
    assert container.status() == "running"


@needs_root
@pytest.mark.parametrize("options, saying", [
    (["--manage-cgroups-mode=ignore"], "cgroup namespace"),
    (["--empty-ns", "ipc"], "only network"),
    (["--lazy-pages"], "not supported"),
    (["--console-socket", "/nowhere"], "no terminal"),
])
def test_what_is_refused(container, broken, options, saying):
    container.namespace("cgroup")
    result = restore(container, images(container), *options, globals_=[broken])
    assert result.status == 1 and saying in result.errors, result.errors
    assert container.oci("state", container.id).status != 0


@needs_root
def test_images_that_are_not_there(container, broken):
    result = restore(container, container.work / "nothing", globals_=[broken])
    assert result.status == 1 and "nothing" in result.errors
    assert container.oci("state", container.id).status != 0


@pytest.mark.skipif(ROOT, reason="needs an ordinary user")
def test_ordinary_users_cannot(container, broken):
    result = restore(container, images(container), globals_=[broken])
    assert result.status == 1 and "root" in result.errors
