"""Pods: containers that share namespaces, and the one that holds them."""

import re

from living import rung  # noqa: F401


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
