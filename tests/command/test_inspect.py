"""`rung inspect`: members where Docker's and Podman's clients look for them."""

import json
import os

from conftest import ROOT, only_rung
from living import rung  # noqa: F401
from test_ps import as_name

pytestmark = only_rung
LIMIT = ["-m", "64m"] if ROOT else []  # which an ordinary user may set where cgroups are delegated


def inspect(rung, *words):
    return json.loads(rung.output("inspect", *words))


def test_a_running_container(rung):
    identity = rung.start("--name", "web", "-l", "a=b", "-e", "X=y", LIMIT, "--restart", "on-failure:3",
                          "-v", f"{rung.work}:/data:ro", "-p", "8080:80", "--cap-add", "SYS_TIME", "-w", "/tmp",
                          "-h", "host1", "--stop-signal", "SIGINT", rung.tree, "sleep", "1000")
    one, = inspect(rung, "web")
    assert one["Id"] == identity and one["Name"] == "/web" and one["Path"] == "sleep" and one["Args"] == ["1000"]
    state = one["State"]
    assert (state["Status"], state["Running"], state["Paused"], state["ExitCode"]) == ("running", True, False, 0)
    assert os.path.exists(f"/proc/{state['Pid']}") and state["StartedAt"] > one["Created"]
    assert state["FinishedAt"] == "0001-01-01T00:00:00Z" and "Health" not in state
    config = one["Config"]
    assert config["Labels"] == {"a": "b"} and "X=y" in config["Env"] and config["Cmd"] == ["sleep", "1000"]
    assert (config["WorkingDir"], config["Hostname"], config["StopSignal"]) == ("/tmp", "host1", "SIGINT")
    host = one["HostConfig"]
    assert not LIMIT or (host["Memory"] == 64 << 20 and host["MemorySwap"] == 128 << 20)
    assert host["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}
    assert host["PortBindings"] == {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}
    mount, = one["Mounts"]
    assert (mount["Type"], mount["Destination"], mount["RW"]) == ("bind", "/data", False)
    assert "CAP_SYS_TIME" in one["EffectiveCaps"] and one["GraphDriver"]["Name"] == "overlay"
    assert os.path.isdir(one["GraphDriver"]["Data"]["UpperDir"])
    assert one["NetworkSettings"]["Ports"] == host["PortBindings"]


def test_states(rung):
    rung("run", "--name", "a", rung.tree, "sh", "-c", "exit 5")
    state = inspect(rung, "a")[0]["State"]
    assert (state["Status"], state["Running"], state["ExitCode"], state["Pid"]) == ("exited", False, 5, 0)
    assert state["FinishedAt"] > state["StartedAt"]


def test_formats(rung):
    rung("create", "--name", "a", "-l", "x=1", rung.tree, "sleep", "5", check=0)
    assert rung.output("inspect", "-f", "{{.State.Status}} {{json .Config.Labels}}", "a") == 'created {"x":"1"}'
    assert rung.output("inspect", "-f", "{{range .Config.Cmd}}<{{.}}>{{end}}", "a") == "<sleep><5>"
    assert json.loads(rung.output("inspect", "-f", "json", "a"))[0]["Name"] == "/a"
    rung.refused("inspect", "-f", "{{.Nmae}}", "a", saying="no field")


def test_several_and_missing(rung):
    rung("create", "--name", "a", rung.tree, "true", check=0)
    result = rung("inspect", "a", "nobody")
    assert result.status == 125 and [one["Name"] for one in json.loads(result.output)] == ["/a"]
    assert "no such object: nobody" in result.errors
    assert rung.refused("inspect", "--type", "image", "a", saying="no such image").output == "[]\n"
    rung.refused("inspect", "--type", "planet", "a", saying="no such type")
    rung.refused("inspect", saying="name what to inspect")


def test_images_too_and_containers_first(rung):
    rung.image("thing:latest")
    assert inspect(rung, "thing")[0]["RepoTags"] == ["thing:latest"]
    rung("create", "--name", "thing", rung.tree, "true", check=0)
    assert inspect(rung, "thing")[0]["Name"] == "/thing"
    assert "RepoTags" in inspect(rung, "--type", "image", "thing")[0]
    assert rung("container", "inspect", "thing").status == 0


def test_sizes(rung):
    rung("run", "--name", "a", rung.tree, "dd", "if=/dev/zero", "of=/file", "bs=1000", "count=5", check=0)
    assert inspect(rung, "-s", "a")[0]["SizeRw"] == 5000 and "SizeRw" not in inspect(rung, "a")[0]


def test_podmans_shape(rung):
    rung.image("base:1")
    rung("create", "--name", "a", "--entrypoint", "sh", "--stop-signal", "TERM", "base:1", "-c", "true", check=0)
    one, = json.loads(as_name(rung, "podman")("inspect", "a").stdout)
    assert one["Config"]["Cmd"] == ["-c", "true"] and not one["Image"].startswith("sha256:")
    assert one["Name"] == "a" and one["Config"]["StopSignal"] == 15 and one["Config"]["Entrypoint"] == "sh"
    assert one["HostConfig"]["CapAdd"] == [] and one["State"]["Health"]["Status"] == ""


def test_info_and_version(rung):
    rung("create", rung.tree, "true", check=0)
    assert rung.output("info", "-f", "{{.Containers}} {{.ContainersStopped}} {{.host.cgroupManager}} {{.Host.CgroupManager}}") \
        == "1 1 cgroupfs cgroupfs"
    info = json.loads(rung.output("info", "-f", "json"))
    assert info["NCPU"] == os.cpu_count() and info["store"]["graphRoot"] == str(rung.data) == info["DockerRootDir"]
    assert "Containers: 1" in rung.output("info")
    version = json.loads(rung.output("version", "-f", "json"))
    assert version["Client"]["Version"] == version["Server"]["Version"]
    assert rung.output("version").startswith("rung version " + version["Client"]["Version"])
