"""`rung ps`: which containers there are; filters, orders, formats, and the manners of Docker and Podman."""

import json
import os
import re

import pytest

from conftest import only_rung
from living import rung  # noqa: F401

pytestmark = only_rung


def names(rung, *words):
    return rung.output("ps", "--format", "{{.Names}}", *words).split()


@pytest.fixture
def three(rung):
    """One that runs, one that failed, one that was only created, in this order."""
    rung.start("--name", "web", "-l", "role=front", "-l", "com.example.my-tier=1", rung.tree, "sleep", "1000")
    assert rung("run", "--name", "failed", "-l", "role=back", rung.tree, "sh", "-c", "exit 3").status == 3
    rung("create", "--name", "fresh", "--restart", "always", "-v", f"{rung.work}:/data", rung.tree, "true", check=0)
    return rung


def as_name(rung, name):
    """The same program under another name."""
    link = rung.work / name
    if not link.exists():
        link.symlink_to(os.path.realpath(rung.words()[0]))

    def call(*words):
        words = [str(link), *rung.words()[1:], *words]
        import subprocess
        return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    return call


def test_what_runs_and_what_does_not(three):
    assert names(three) == ["web"]
    assert names(three, "-a") == ["fresh", "failed", "web"], "the newest first"
    assert names(three, "-n", "2") == ["fresh", "failed"] and names(three, "-l") == ["fresh"]


def test_the_table(three):
    lines = three.output("ps", "-a").splitlines()
    assert re.split(r" {2,}", lines[0]) == ["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"]
    assert re.search(r'^[0-9a-f]{12} .*"sleep 1000" .*Up .* web$', lines[3])
    assert "Exited (3)" in lines[2] and "Created" in lines[1]
    assert len(three.output("ps", "-a", "--noheading").splitlines()) == 3


@pytest.mark.parametrize("filters, expected", [
    (["status=running"], {"web"}), (["status=exited"], {"failed"}), (["status=created"], {"fresh"}),
    (["status=exited", "status=created"], {"failed", "fresh"}), (["exited=3"], {"failed"}), (["exited=0"], set()),
    (["name=^fa"], {"failed"}), (["name=^/web$"], {"web"}), (["name=e"], {"web", "failed", "fresh"}),
    (["label=role"], {"web", "failed"}), (["label=role=back"], {"failed"}),
    (["label=role", "label=com.example.my-tier"], {"web"}), (["label!=role"], {"fresh"}),
    (["before=fresh"], {"web", "failed"}), (["since=web"], {"failed", "fresh"}), (["before=failed", "label=role"], {"web"}),
    (["restart-policy=always"], {"fresh"}), (["volume=/data"], {"fresh"}), (["command=^sl"], {"web"}),
    (["until=1h"], set()), (["until=-1h"], {"web", "failed", "fresh"}), (["health=none"], {"web", "failed", "fresh"}),
    (["isolation=container"], {"web", "failed", "fresh"}), (["isolation=vm"], set()),
])
def test_filters(three, filters, expected):
    words = [word for one in filters for word in ("-f", one)]
    assert set(names(three, "-a", *words)) == expected


def test_wrong_filters_and_formats(three):
    three.refused("ps", "-f", "colour=red", saying="there is no such filter")
    three.refused("ps", "-f", "status=flying", saying="no such status")
    three.refused("ps", "-f", "name=(", saying="name")
    three.refused("ps", "-f", "nonsense", saying="KEY=VALUE")
    three.refused("ps", "-f", "before=nobody", saying="no such container")
    three.refused("ps", "--format", "{{.Nmaes}}", saying=r"no field \.Nmaes(.|\n)*did you mean \.Names")


def test_ids(three):
    short = three.output("ps", "-aq").split()
    long = three.output("ps", "-aq", "--no-trunc").split()
    assert [len(one) for one in short] == [12] * 3 and [one[:12] for one in long] == short
    assert names(three, "-a", "-f", f"id={short[0]}") == ["fresh"]


def test_orders(three):
    assert names(three, "-a", "--sort", "names") == ["failed", "fresh", "web"]
    assert names(three, "-a", "--sort", "created") == ["web", "failed", "fresh"]
    assert names(three, "-a", "--sort", "status") == ["fresh", "failed", "web"]


def test_labels_in_formats(three):
    line = three.output("ps", "--format", 'table {{.Names}}\t{{.Label "com.example.my-tier"}}').splitlines()
    assert [re.split(r" {2,}", one) for one in line] == [["NAMES", "my tier"], ["web", "1"]]
    labels = three.output("ps", "--format", "{{.Labels}}")
    assert set(labels.split(",")) == {"role=front", "com.example.my-tier=1"}


def test_sizes(three):
    three("run", "--name", "big", three.tree, "dd", "if=/dev/zero", "of=/file", "bs=1000", "count=20", check=0)
    assert re.match(r"20kB \(virtual ", three.output("ps", "-a", "--format", "{{.Size}}", "-f", "name=big"))
    assert "SIZE" in three.output("ps", "-as").splitlines()[0]


def test_namespaces(three):
    pid = three.pid("web")
    line = three.output("ps", "--ns", "--noheading").split()
    assert line[1:3] == ["web", str(pid)]
    assert line[3 + 4] == re.search(r"\d+", os.readlink(f"/proc/{pid}/ns/pid"))[0]


def test_json_as_docker(three):
    rows = [json.loads(line) for line in three.output("ps", "-a", "--format", "json").splitlines()]
    assert [row["Names"] for row in rows] == ["fresh", "failed", "web"]
    assert set(rows[0]) == {"Command", "CreatedAt", "ID", "Image", "Labels", "LocalVolumes", "Mounts", "Names", "Networks",
                            "Ports", "RunningFor", "Size", "State", "Status"}
    assert all(isinstance(value, str) for row in rows for value in row.values())


def test_podman_has_its_own_manners(three):
    podman = as_name(three, "podman")
    rows = json.loads(podman("ps", "-a", "--format", "json").stdout)
    assert [row["Names"] for row in rows] == [["web"], ["failed"], ["fresh"]], "the oldest first"
    assert rows[1]["ExitCode"] == 3 and rows[1]["Exited"] is True and rows[0]["Command"] == ["sleep", "1000"]
    assert rows[0]["Labels"]["role"] == "front" and rows[0]["Pid"] == three.pid("web")
    assert re.search(r" sleep 1000 .* Up .* ago ", podman("ps").stdout)
    assert podman("ps", "--format", "{{.Labels}}").stdout == "map[com.example.my-tier:1 role:front]\n"


def test_docker_fails_with_its_own_status(three):
    assert as_name(three, "docker")("ps", "--no-such-option").returncode == 1
    assert as_name(three, "docker")("inspect", "nobody").returncode == 1
    assert as_name(three, "podman")("ps", "--no-such-option").returncode == 125


def test_published_ports(rung):
    rung("create", "--name", "p", "-p", "8080:80", "-p", "127.0.0.1:9000-9001:90-91/udp", rung.tree, "true", check=0)
    assert rung.output("ps", "-a", "--format", "{{.Ports}}") == \
        "0.0.0.0:8080->80/tcp, 127.0.0.1:9000-9001->90-91/udp"
    assert rung.output("port", "p").splitlines() == \
        ["80/tcp -> 0.0.0.0:8080", "90/udp -> 127.0.0.1:9000", "91/udp -> 127.0.0.1:9001"]
    assert rung.output("port", "p", "80") == "0.0.0.0:8080" and rung.output("port", "p", "91/udp") == "127.0.0.1:9001"
    rung.refused("port", "p", "81", saying="not published")
    assert names(rung, "-a", "-f", "publish=80") == ["p"] and names(rung, "-a", "-f", "publish=90") == []
