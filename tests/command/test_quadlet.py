"""`rung quadlet` and `rung generate systemd`: files that start containers with the machine."""

import json
import os
import re
import shlex
import shutil
import subprocess

import pytest

from conftest import only_rung
from living import rung  # noqa: F401

pytestmark = only_rung

WEB = """\
# what it is
[Unit]
Description=My web
[Container]
Image=base.image
ContainerName=web
Exec=httpd -f "-h" '/a b'
Environment=A=1 "B=two words"
Volume=data.volume:/data
Volume=/srv:/srv:ro
PublishPort=8080:80
ReadOnly=yes
RunInit=no
Label=x=y \\
  # between
  z=1
User=1000
Group=5
NoNewPrivileges=true
PodmanArgs=--cpus 2
[Service]
Restart=always
[Install]
WantedBy=multi-user.target default.target
"""


@pytest.fixture
def files(rung):
    place = rung.work / "quadlets"
    place.mkdir()

    def write(**contents):
        for name, text in contents.items():
            (place / name.replace("_", ".")).write_text(text)
        return place
    return write


def section(text, name):
    """[(key, value)] of a section."""
    inside, found = False, []
    for line in text.splitlines():
        if line.startswith("["):
            inside = line == f"[{name}]"
        elif inside and "=" in line:
            found.append(tuple(line.split("=", 1)))
    return found


def test_services(rung, files):
    place = files(web_container=WEB, data_volume="[Volume]\nVolumeName=mine\nLabel=a=b\nType=tmpfs\nDevice=tmpfs\n",
                  base_image="[Image]\nImage=docker.io/library/busybox:1\n", job_pod="[Pod]\nPublishPort=80\n")
    rung("quadlet", "-o", "out", place, check=0)
    out = rung.work / "out"
    assert {path.name for path in out.iterdir()} == {
        "web.service", "data-volume.service", "base-image.service", "job-pod.service", "multi-user.target.wants",
        "default.target.wants"}
    assert os.readlink(out / "default.target.wants/web.service") == "../web.service"
    web = (out / "web.service").read_text()
    service = dict(section(web, "Service"))
    assert shlex.split(service["ExecStart"])[3:] == [
        "run", "--rm", "--replace", "--name=web", "--env=A=1", "--env=B=two words", "--volume=systemd-data:/data",
        "--volume=/srv:/srv:ro", "--publish=8080:80", "--read-only", "--init=false", "--label=x=y", "--label=z=1", "--cpus", "2",
        "--user=1000:5", "--security-opt=no-new-privileges", "docker.io/library/busybox:1", "httpd", "-f", "-h", "/a b"]
    assert service["Restart"] == "always" and service["Type"] == "exec"
    unit = section(web, "Unit")
    assert ("Description", "My web") in unit and ("Requires", "data-volume.service base-image.service") in unit
    volume = dict(section((out / "data-volume.service").read_text(), "Service"))
    assert shlex.split(volume["ExecStart"])[3:] == [
        "volume", "create", "--ignore", "--label=a=b", "--opt=device=tmpfs", "--opt=type=tmpfs", "mine"]
    image = dict(section((out / "base-image.service").read_text(), "Service"))
    assert image["ExecStart"].endswith(" pull --quiet docker.io/library/busybox:1") and image["Type"] == "oneshot"


@pytest.mark.parametrize("text, mistakes", [
    ("[Container]\nImage=x\nImagee=y\n", [r"a\.container:3: \[Container\] has no key \"Imagee\""]),
    ("[Container]\nImage=x\n\nReadOnly=perhaps\n", [r"a\.container:4: ReadOnly=perhaps: neither yes nor no"]),
    ("[Container]\nExec=true\n", [r"a\.container: \[Container\] needs Image="]),
    ("[Container]\nImage=x\nnonsense\n", [r"a\.container:3: \"nonsense\" is not KEY=VALUE"]),
    ("Image=x\n", [r"a\.container:1: a \[Section\] must stand first"]),
    ("[Container\nImage=x\n", [r"a\.container:1: a section ends with"]),
    ("[Container]\nImage=x\n[Conatiner]\nA=b\n", [r"a\.container:4: a \.container file has no section \[Conatiner\]"]),
    ("[Container]\nImage=x\nExec=sh -c \"echo\n", [r"a\.container:3: Exec: a quote is not closed"]),
    ("[Container]\nImage=x\nNetwork=n.network\nGroup=5\n", [r"a\.container:3: .*not known yet", "Group= needs User="]),
    ("[Container]\nImage=x\n[Service]\nExecStart=/bin/true\n", [r"a\.container:4: ExecStart= is made from \[Container\]"]),
    ("[Container]\nImage=none.image\n", [r"read .*none\.image: No such file"]),
])
def test_mistakes_have_lines(rung, files, text, mistakes):
    place = files(a_container=text, good_volume="[Volume]\n")
    result = rung("quadlet", "-o", "out", place)
    assert result.status == 125
    for mistake in mistakes:
        assert re.search(mistake, result.errors), result.errors
    assert [path.name for path in (rung.work / "out").iterdir()] == ["good-volume.service"], "one mistake stops one file"


def test_as_a_generator(rung, files):
    place = files(v_volume="[Volume]\n[Install]\nRequiredBy=x.target\n")
    configuration = rung.work / "config"
    (configuration / "containers").mkdir(parents=True)
    os.rename(place, configuration / "containers/systemd")
    link = rung.work / "rung-user-generator"
    link.symlink_to(os.path.realpath(rung.words()[0]))
    out = rung.work / "normal"
    out.mkdir()
    environment = dict(os.environ, XDG_CONFIG_HOME=str(configuration))
    subprocess.run([link, out, out, out], check=True, env=environment, timeout=60)
    assert (out / "v-volume.service").exists() and (out / "x.target.requires/v-volume.service").is_symlink()


def test_generate_systemd(rung):
    rung("create", "--name", "web", "-e", "A=b c", "--cpus", "1.5", "--read-only", "--restart", "always", "--stop-timeout", "7",
         rung.tree, "sh", "-c", 'echo "$HOME" 100%', check=0)
    unit = rung.output("generate", "systemd", "--new", "--name", "--restart-policy", "always", "--after", "x.service", "web")
    service = dict(section(unit, "Service"))
    words = shlex.split(service["ExecStart"])
    assert words[3:8] == ["run", "--rm", "--replace", "--name", "web"] and words[-3:] == ["sh", "-c", 'echo "$$HOME" 100%%']
    assert {"--env=A=b c", "--cpus=1.5", "--read-only"} <= set(words) and not [one for one in words if one.startswith("--restart")]
    assert service["TimeoutStopSec"] == "67" and service["Restart"] == "always"
    assert ("After", "x.service") in section(unit, "Unit")
    plain = dict(section(rung.output("generate", "systemd", "web"), "Service"))
    assert re.search(r" start --attach [0-9a-f]{64}$", plain["ExecStart"])
    path = json.loads(rung.output("generate", "systemd", "-f", "-n", "--format", "json", "web"))["container-web"]
    assert path == str(rung.work / "container-web.service") and os.path.exists(path)
    rung.refused("generate", "systemd", "--restart-policy", "sometimes", "web", saying="not one of systemd's")
    rung.refused("generate", "systemd", "nobody", saying="no such container")


def test_what_is_generated_makes_the_same_container(rung):
    rung("create", "--name", "web", "-e", "A=b", "-w", "/tmp", rung.tree, "sh", "-c", "echo $A; pwd", check=0)
    unit = rung.output("generate", "systemd", "--new", "--name", "web")
    words = [word.replace("$$", "$") for word in shlex.split(dict(section(unit, "Service"))["ExecStart"])]
    result = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert (result.returncode, result.stdout) == (0, "b\n/tmp\n"), result


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_can_read_them(rung, files):
    place = files(web_container=WEB, data_volume="[Volume]\n", base_image="[Image]\nImage=docker.io/library/busybox:1\n")
    rung("quadlet", "-o", "out", place, check=0)
    result = subprocess.run(["systemd-analyze", "verify", "--man=no", "./web.service"], cwd=rung.work / "out", capture_output=True,
                            text=True, check=False, timeout=60, env=dict(os.environ, SYSTEMD_UNIT_PATH=f"{rung.work}/out:"))
    assert not re.search(r"web\.service:\d+|Unknown", result.stderr), result.stderr
