"""Pods: containers that share namespaces, and the one that holds them."""

import json
import re

import pytest
from conftest import ROOT, only_rung
from living import rung  # noqa: F401

pytestmark = only_rung


def test_pods_are_listed_newest_first_with_their_age(rung):
    first = rung.output("pod", "create", "--name", "first")
    second = rung.output("pod", "create", "--name", "second")
    lines = rung.output("pod", "ps", "--noheading").splitlines()
    assert [line.split()[1] for line in lines] == ["second", "first"]
    assert all(re.search(r" ago ", line) for line in lines), lines
    assert rung("pod", "rm", "first", "second", check=0).output.split() == [first, second]
    assert rung("pod", "exists", "first").status == 1


def test_containers_share_what_the_pod_shares(rung):
    rung("pod", "create", "--name", "web", check=0)
    rung.start("--pod", "web", "--name", "one", rung.tree, "sleep", "1000")
    rung.start("--pod", "web", "--name", "two", rung.tree, "sleep", "1000")
    script = "readlink /proc/self/ns/net /proc/self/ns/ipc /proc/self/ns/uts; hostname"
    assert rung.output("exec", "one", "sh", "-c", script) == rung.output("exec", "two", "sh", "-c", script)
    assert rung.output("exec", "one", "hostname") == "web"
    assert rung.output("pod", "ps", "--format", "{{.Status}}") == "Running"
    rung.refused("pod", "rm", "web", saying="running")
    rung("pod", "stop", "-t", "0", "web", check=0)
    assert rung.output("pod", "ps", "--format", "{{.Status}}") == "Exited"
    rung("pod", "rm", "web", check=0)
    assert rung.output("ps", "-aq") == ""


def test_members_are_found_by_their_pod(rung):
    identity = rung.output("pod", "create", "--name", "web")
    one = rung.output("create", "--pod", "web", "--name", "one", rung.tree, "true")
    rung("create", "--name", "other", rung.tree, "true", check=0)
    assert rung.output("ps", "-a", "--filter", "name=one", "--format", "{{.PodName}} {{.Pod}}") == f"web {identity[:12]}"
    assert "web" in rung.output("ps", "-ap", "--filter", "name=one")
    for pod in ("web", identity, identity[:9]):
        found = rung.output("ps", "-aq", "--no-trunc", "--filter", f"pod={pod}").splitlines()
        assert len(found) == 2 and one in found


def test_what_holds_the_namespaces_goes_with_the_pod_alone(rung):
    rung("pod", "create", "--name", "web", check=0)
    infra = rung.output("ps", "-aq", "--filter", "pod=web")
    for words in ([infra], ["-f", infra], ["--depend", "-f", infra], ["-a"]):
        result = rung("rm", *words)
        assert result.status != 0 and "holds the namespaces of pod" in result.errors, words
    assert rung.output("ps", "-aq") == infra
    rung("rm", "-fa", check=0)
    assert rung.output("ps", "-aq") == "" and rung.output("pod", "ps", "-q") == ""


def test_members_share_names(rung):
    rung("pod", "create", "--name", "web", "--share", "net,uts", check=0)
    rung.start("--pod", "web", "--name", "one", rung.tree, "sleep", "1000")
    rung.start("--pod", "web", "--name", "two", rung.tree, "sleep", "1000")
    rung("exec", "one", "sh", "-c", "echo 10.1.2.3 peer >> /etc/hosts", check=0)
    assert "10.1.2.3 peer" in rung.output("exec", "two", "cat", "/etc/hosts")
    rung("pod", "create", "--name", "named", "--share", "uts", check=0)
    assert rung.output("run", "--rm", "--pod", "named", rung.tree, "sh", "-c", "hostname; cat /etc/hostname") == "named\nnamed"


def test_events(rung):
    rung("pod", "create", "--name", "web", check=0)
    frozen = ["pause", "unpause"] if ROOT else []  # an ordinary user may have no cgroup for it
    for verb in ("start", *frozen, "kill", "restart", "stop", "rm"):
        rung("pod", verb, "web", check=0)
    lines = rung.output("events", "--since", "1h", "--until", "0s", "--filter", "type=pod", "--format", "json").splitlines()
    assert [json.loads(line).get("Status", json.loads(line).get("Action")) for line in lines] == [
        "create", "start", *frozen, "kill", "restart", "stop", "remove"]


@pytest.mark.parametrize("with_infra", [True, False])
def test_a_creation_that_was_killed_is_swept(rung, with_infra):
    """Without config.json a pod is not there; the next one takes away what it has left."""
    torso = rung.output("pod", "create", "--name", "half")
    (rung.data / "pods" / torso / "config.json").unlink()
    if not with_infra:
        rung("rm", "-fa")
        (rung.data / "pods" / torso).mkdir(exist_ok=True)
    assert rung("pod", "exists", "half").status == 1
    rung("pod", "create", "--name", "half", check=0)
    assert rung.output("ps", "-aq").count("\n") == 0 and not (rung.data / "pods" / torso).exists()


@pytest.mark.parametrize("words, saying", [
    (["create", "--name", "a/b"], "not valid"), (["create", "--share", "moon"], "moon"), (["rm", "no-such"], "no such pod"),
    (["start"], "pod"), (["inspect", "no-such"], "no such pod")])
def test_mistakes(rung, words, saying):
    result = rung("pod", *words)
    assert result.status in (1, 125) and saying in result.errors, result
    assert not (rung.data / "pods").exists() or [path.name for path in (rung.data / "pods").iterdir()] in ([], ["lock"])
