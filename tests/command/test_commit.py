"""What a container changed, and what becomes of it: diff, commit, export, mount; and update."""

import io
import json
import os
import subprocess
import tarfile

import pytest

from conftest import needs_root, only_rung
from living import rung  # noqa: F401

pytestmark = only_rung


@pytest.fixture
def changed(rung):
    rung.image("base:1", "ENV FROM_BASE=yes", "CMD sh", "LABEL kept=1")
    script = "echo new > /new; mkdir /etc/d; echo x > /etc/d/f; rm /bin/yes; echo more >> /etc/passwd; chmod 700 /home"
    rung("run", "--name", "c", "-e", "MINE=1", "-l", "added=2", "-v", "/data", "base:1", "sh", "-c", script, check=0)
    return rung


def inspect(rung, name):
    return json.loads(rung.output("image", "inspect", name))[0]


def test_diff(changed):
    expected = ["C /bin", "D /bin/yes", "C /etc", "A /etc/d", "A /etc/d/f", "C /etc/passwd", "C /home", "A /new"]
    assert changed.output("diff", "c").splitlines() == expected
    as_json = json.loads(changed.output("diff", "--format", "json", "c"))
    assert as_json["deleted"] == ["/bin/yes"] and as_json["added"] == ["/etc/d", "/etc/d/f", "/new"]
    assert "/etc/passwd" in as_json["changed"]
    changed.refused("diff", "nobody", saying="no such container or image")
    changed.refused("diff", "--format", "yaml", "c", saying="only json")


def test_nothing_changed(rung):
    rung.image("base:1")
    rung("run", "--name", "c", "-v", "/a/b/c", "--tmpfs", "/d", "base:1", "true", check=0)
    assert [line for line in rung.output("diff", "c").splitlines() if line.split()[1] not in ("/a", "/a/b", "/d")] == []


def test_commit(changed):
    identity = changed.output("commit", "-m", "a message", "-a", "An Author", "-c", "CMD [\"cat\", \"/new\"]",
                              "-c", "ENV CHANGED=1", "--iidfile", "id", "c", "mine:2")
    assert identity.startswith("sha256:") and (changed.work / "id").read_text() == identity
    image = inspect(changed, "mine:2")
    assert image["Author"] == "An Author" and image["Comment"] == "a message" and len(image["RootFS"]["Layers"]) == 2
    config = image["Config"]
    assert {"FROM_BASE=yes", "MINE=1", "CHANGED=1"} <= set(config["Env"]) and config["Cmd"] == ["cat", "/new"]
    assert config["Labels"] == {"kept": "1", "added": "2"}
    assert not [one for one in config["Env"] if one.startswith(("HOSTNAME=", "container="))]
    assert changed.output("run", "--rm", "mine:2") == "new"
    assert changed.output("run", "--rm", "mine:2", "cat", "/etc/d/f") == "x"
    assert changed("run", "--rm", "mine:2", "ls", "/bin/yes").status != 0
    assert changed.output("run", "--rm", "base:1", "ls", "/bin/yes") == "/bin/yes", "the base stays as it was"


def test_commit_without_a_name_and_with_volumes(changed):
    identity = changed.output("commit", "--include-volumes", "c")
    image = inspect(changed, identity)
    assert not image["RepoTags"] and image["Config"]["Volumes"] == {"/data": {}}
    changed.refused("commit", "-c", "FLY away", "c", saying="FLY")
    changed.refused("commit", "nobody", saying="no such container")


def test_squash_and_trees_without_image(changed):
    changed("commit", "--squash", "c", "flat", check=0)
    assert len(inspect(changed, "flat")["RootFS"]["Layers"]) == 1
    assert changed.output("run", "--rm", "flat", "cat", "/new") == "new"
    assert changed("run", "--rm", "flat", "ls", "/bin/yes").status != 0
    changed("run", "--name", "t", changed.tree, "sh", "-c", "echo tree > /made", check=0)
    changed("commit", "t", "tree", check=0)
    assert changed.output("run", "--rm", "tree", "cat", "/made") == "tree"


def test_commit_while_it_runs(rung):
    rung.image("base:1")
    rung.start("--name", "c", "base:1", "sh", "-c", "echo x > /mark; sleep 1000")
    rung("wait", "--condition", "running", "c")
    from conftest import wait_until
    wait_until(lambda: "/mark" in rung.output("diff", "c"), "it has begun")
    rung("commit", "c", "live", check=0)
    assert rung.status("c") == "running", "let go again"
    assert rung.output("run", "--rm", "live", "cat", "/mark") == "x"


def test_export(changed):
    data = subprocess.run(changed.words("export", "c"), stdout=subprocess.PIPE, check=True, timeout=60).stdout
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        names = {member.name for member in tar}
        assert tar.extractfile("etc/d/f").read() == b"x\n"
    assert {"new", "bin/busybox"} <= names and "bin/yes" not in names and not [one for one in names if one.startswith("proc/")]
    changed("export", "-o", "out.tar", "c", check=0)
    assert (changed.work / "out.tar").read_bytes() == data
    changed("import", "out.tar", "again", check=0)
    assert changed.output("run", "--rm", "again", "cat", "/new") == "new"


@needs_root
def test_mount(changed):
    place = changed.output("mount", "c")
    try:
        assert open(f"{place}/new").read() == "new\n" and not os.path.exists(f"{place}/bin/yes")
        with pytest.raises(OSError):
            open(f"{place}/other", "w")
        assert place in changed.output("mount")
    finally:
        changed("unmount", "c", check=0)
    assert not os.path.exists(place) and changed.output("mount") == ""
    changed.start("--name", "live", "base:1", "sleep", "1000")
    root = changed.output("mount", "live")
    with open(f"{root}/tmp/written", "w") as file:
        file.write("x")
    assert changed.output("exec", "live", "cat", "/tmp/written") == "x"


@needs_root
def test_update(rung):
    rung.start("--name", "c", rung.tree, "sleep", "1000")
    assert rung("update", "-m", "50m", "--pids-limit", "33", "--restart", "on-failure:2", "c", check=0).output == "c\n"
    host = json.loads(rung.output("inspect", "c"))[0]["HostConfig"]
    assert host["Memory"] == 50 << 20 and host["PidsLimit"] == 33
    assert host["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 2}
    assert rung.output("stats", "--no-stream", "--format", "{{.MemUsage}}", "c").endswith("/ 50MiB"), "felt at once"
    rung("stop", "-t", "0", "c", check=0)
    rung("start", "c", check=0)
    assert rung.output("stats", "--no-stream", "--format", "{{.MemUsage}}", "c").endswith("/ 50MiB"), "and after a start"
    rung.refused("update", "c", saying="say what to change")
    rung.refused("update", "--restart", "sometimes", "c", saying="restart policy")
