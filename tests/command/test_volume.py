"""`rung volume`, and volumes in containers: made on the fly, filled from the image, shared, kept, pruned."""

import io
import json
import subprocess
import tarfile

import pytest
from conftest import ROOT, needs_root
from living import rung  # noqa: F401 (a fixture)


@pytest.fixture
def tiny(rung):  # noqa: F811
    rung.image("tiny:1", "VOLUME /made")
    return rung


def names(box):
    return box.output("volume", "ls", "-q").split()


def test_create_and_show(rung):  # noqa: F811
    assert rung.output("volume", "create", "--label", "a=1", "--label", "b", "data") == "data"
    assert rung.output("volume", "ls") == "DRIVER   VOLUME NAME\nlocal    data"
    volume, = json.loads(rung.output("volume", "inspect", "data"))
    assert volume["Labels"] == {"a": "1", "b": ""} and volume["Options"] == {} and volume["Scope"] == "local"
    assert volume["Mountpoint"] == f"{rung.data}/volumes/data/data"
    assert rung.output("volume", "inspect", "-f", "{{.Name}} {{.Driver}}", "dat") == "data local"
    assert rung.output("volume", "ls", "--format", "{{.Name}}:{{.Labels}}") == "data:a=1,b="
    assert rung.output("volume", "create", "data") == "data"  # as in Docker
    assert len(rung.output("volume", "create")) == 64
    assert rung("volume", "exists", "data").status == 0 and rung("volume", "exists", "dat").status == 1
    rung.refused("volume", "create", "a/b", saying="cannot be a volume's name")
    rung.refused("volume", "create", "--driver", "moon", "x", saying="no volume driver")
    rung.refused("volume", "create", "--opt", "nonsense=1", "x", saying="is not known")
    assert rung("volume", "inspect", "nobody").output.strip() == "[]"


def test_filters(rung):  # noqa: F811
    rung.image("tiny:1")
    for name, label in ("one", "k=1"), ("two", "k=2"), ("three", "other"):
        rung("volume", "create", "--label", label, name, check=0)
    rung("create", "-v", "one:/x", "tiny:1", "true", check=0)

    def found(*filters):
        return set(rung.output("volume", "ls", "-q", *(word for f in filters for word in ("-f", f))).split())

    assert found("label=k") == {"one", "two"} and found("label=k=2") == {"two"} and found("name=o") == {"one", "two"}
    assert found("dangling=true") == {"two", "three"} and found("dangling=false") == {"one"}
    assert found("name=one", "name=three") == {"one", "three"} and found("label!=k") == {"three"} and found("driver=moon") == set()
    rung.refused("volume", "ls", "-f", "nonsense=1", saying="is not known")


def test_remove(tiny):
    tiny("create", "--name", "user", "-v", "used:/x", "tiny:1", "true", check=0)
    tiny("volume", "create", "free", check=0)
    assert tiny.refused("volume", "rm", "used", status=2, saying="is used by container").output == ""
    result = tiny.refused("volume", "rm", "free", "nobody", status=1, saying="no such volume: nobody")
    assert result.output == "free\n"
    assert tiny("volume", "rm", "-f", "nobody").status == 0
    assert tiny.output("volume", "rm", "-f", "used") == "used" and tiny.output("ps", "-aq") == ""


def test_prune(tiny):
    tiny("run", "-v", "named:/x", "tiny:1", "true", check=0)
    tiny("volume", "create", "idle", check=0)
    identity = tiny.output("ps", "-aq")
    assert len(names(tiny)) == 3
    assert tiny("volume", "prune", data=b"n\n").status == 0 and len(names(tiny)) == 3
    assert tiny.output("volume", "prune", "-f") == ""
    assert tiny.output("volume", "prune", "-fa", "--dry-run") == "idle" == tiny.output("volume", "prune", "-fa")
    tiny("rm", identity, check=0)  # without -v the nameless one stays
    anonymous, = set(names(tiny)) - {"named"}
    assert tiny.output("volume", "prune", "-f") == anonymous
    assert names(tiny) == ["named"]


def test_volumes_keep_and_share(tiny):
    tiny("run", "--rm", "-v", "kept:/x", "tiny:1", "sh", "-c", "echo kept > /x/file", check=0)
    assert tiny.output("run", "--rm", "--mount", "source=kept,target=/y,ro", "tiny:1", "sh", "-c",
                       "cat /y/file; touch /y/new 2>/dev/null || echo locked").split() == ["kept", "locked"]
    tiny("create", "--name", "lender", "-v", "kept:/x", "tiny:1", "true", check=0)
    assert tiny.output("run", "--rm", "--volumes-from", "lender:ro", "tiny:1", "sh", "-c",
                       "cat /x/file; touch /x/new 2>/dev/null || echo locked; grep -q ' /made ' /proc/mounts && echo made").split() == [
                           "kept", "locked", "made"]
    assert tiny.output("run", "--rm", "-v", "kept:/x:O", "tiny:1", "sh", "-c", "rm /x/file; ls /x") == ""
    assert tiny.output("run", "--rm", "-v", "kept:/x", "tiny:1", "cat", "/x/file") == "kept"
    tiny.refused("run", "--volumes-from", "nobody", "tiny:1", "true", saying="nobody")


def test_anonymous_volumes_go_with_rm(tiny):
    tiny("run", "--rm", "-v", "/one", "tiny:1", "true", check=0)
    assert names(tiny) == []
    tiny.refused("run", "--name", "x", "-v", "/one", "--ulimit", "nonsense=1", "tiny:1", "true", saying="no limit")
    tiny.refused("create", "--name", "x", "-v", "/one", "--ulimit", "nonsense=1", "tiny:1", "true", saying="no limit")
    assert tiny.output("ps", "-aq") == "" and names(tiny) == []
    assert tiny.output("run", "--rm", "--image-volume", "ignore", "tiny:1", "sh", "-c", "grep -q ' /made ' /proc/mounts || echo none") == "none"
    assert "tmpfs" in tiny.output("run", "--rm", "--image-volume", "tmpfs", "tiny:1", "grep", " /made ", "/proc/mounts")


def test_a_new_volume_is_filled_from_the_image(rung):  # noqa: F811
    (rung.rootfs / "data/deep").mkdir(parents=True)
    (rung.rootfs / "data/deep/file").write_text("of the image")
    (rung.rootfs / "data/link").symlink_to("deep/file")
    (rung.rootfs / "data").chmod(0o750)
    rung.image("full:1")
    look = "cat /data/deep/file; readlink /data/link; stat -c %a /data"
    assert rung.output("run", "--rm", "-v", "v:/data", "full:1", "sh", "-c", look) == "of the imagedeep/file\n750"
    rung("run", "--rm", "-v", "v:/data", "full:1", "rm", "-r", "/data/deep", check=0)
    assert rung.output("run", "--rm", "-v", "v:/data", "full:1", "ls", "/data") == "link"  # only a new one
    assert rung.output("run", "--rm", "-v", "w:/data:nocopy", "full:1", "ls", "/data") == ""
    assert rung.output("run", "--rm", "--mount", "source=x,target=/data,volume-nocopy", "full:1", "ls", "/data") == ""


def test_two_containers_fill_one_volume(rung):  # noqa: F811
    (rung.rootfs / "data").mkdir()
    for number in range(50):
        (rung.rootfs / f"data/{number}").write_text("x" * 1000)
    rung.image("full:1")
    processes = [rung.popen("run", "--rm", "-v", "shared:/data", "full:1", "sh", "-c", "ls /data | wc -l", stdout=subprocess.PIPE)
                 for _ in range(4)]
    results = [(process.communicate(timeout=60)[0].strip(), process.returncode) for process in processes]
    assert all(status == 0 for _, status in results), results
    assert any(lines == b"50" for lines, _ in results), results
    assert rung.output("run", "--rm", "-v", "shared:/data", "full:1", "sh", "-c", "cat /data/* | wc -c") == "50000"


def test_subpath(tiny):
    tiny("run", "--rm", "-v", "v:/x", "tiny:1", "sh", "-c", "mkdir -p /x/a/b; echo deep > /x/a/b/f; ln -s /etc /x/evil", check=0)
    mount = "type=volume,source=v,target=/y,volume-subpath="
    assert tiny.output("run", "--rm", "--mount", mount + "a/b", "tiny:1", "cat", "/y/f") == "deep"
    tiny.refused("run", "--mount", mount + "../..", "tiny:1", "true", saying="must lead downwards")
    tiny.refused("run", "--mount", mount + "evil", "tiny:1", "true", saying="No such file")  # its own /etc, which is not there


def test_options(tiny):
    tiny("volume", "create", "--opt", "type=tmpfs", "--opt", "o=size=1m,mode=700", "memory", check=0)
    seen = tiny.output("run", "--rm", "-v", "memory:/m", "tiny:1", "sh", "-c", "df -k /m | tail -1; stat -c %a /m")
    assert seen.split()[1] == "1024" and seen.endswith("700")
    (tiny.work / "there").mkdir()
    tiny("volume", "create", "--opt", f"device={tiny.work}/there", "--opt", "o=bind", "bound", check=0)
    tiny("run", "--rm", "-v", "bound:/b", "tiny:1", "touch", "/b/x", check=0)
    assert (tiny.work / "there/x").exists()
    if not ROOT:
        tiny("volume", "create", "--opt", "type=ext4", "--opt", "device=/dev/sda", "disk", check=0)
        tiny.refused("run", "-v", "disk:/d", "tiny:1", "true", saying="only root can mount")


@needs_root
def test_owner(tiny):
    tiny("volume", "create", "--uid", "5", "--gid", "6", "owned", check=0)
    assert tiny.output("run", "--rm", "-v", "owned:/o:nocopy", "tiny:1", "stat", "-c", "%u:%g", "/o") == "5:6"


def test_export_and_import(tiny):
    tiny("run", "--rm", "-v", "v:/x", "tiny:1", "sh", "-c", "mkdir /x/d; echo one > /x/d/f; ln -s d/f /x/l", check=0)
    tiny("volume", "export", "-o", "out.tar", "v", check=0)
    with tarfile.open(tiny.work / "out.tar") as tar:
        assert {name.strip("./") for name in tar.getnames()} - {""} == {"d", "d/f", "l"}
    tiny("volume", "create", "w", check=0)
    tiny("volume", "import", "w", "out.tar", check=0)
    assert tiny.output("run", "--rm", "-v", "w:/x", "tiny:1", "cat", "/x/l") == "one"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        info = tarfile.TarInfo("more")
        info.size = 4
        tar.addfile(info, io.BytesIO(b"more"))
        evil = tarfile.TarInfo("../outside")
        tar.addfile(evil)
    tiny("volume", "import", "w", "-", data=buffer.getvalue())
    assert not (tiny.data / "volumes/w/outside").exists()
    tiny.refused("volume", "import", "nobody", "out.tar", saying="no such volume")


def test_a_killed_create_leaves_no_half_volume(rung):  # noqa: F811
    """A volume has its name only when it is whole: what is without one is none."""
    (rung.data / "volumes/.new-1234/data").mkdir(parents=True)
    (rung.data / "volumes/broken").mkdir()
    assert rung.output("volume", "ls", "-q") == ""
    assert rung.output("volume", "create", "whole") == "whole"
    assert names(rung) == ["whole"]
