"""Docker Swarm of two nodes: two stages joined by a veth pair, a VXLAN overlay between them, rung as default runtime.

The cluster's load balancer (virtual addresses, ingress mesh) needs IP_VS, which many kernels leave out: services here use
`--endpoint-mode dnsrr`, where names resolve to all task addresses, and published ports use mode=host.
"""

import contextlib
import json
import subprocess

import pytest

from busybox_image import NAME
from leftovers import inventory
from stage import wait_until

DOCKER = "/usr/bin/docker"
ADDRESSES = {"alpha": "10.99.0.1", "beta": "10.99.0.2"}
# Serves the name of its container over HTTP; ends at once on TERM.
SERVER = "trap 'exit 0' TERM; hostname >/tmp/index.html; httpd -f -p 80 -h /tmp & while :; do sleep 0.1; done"


def connect(first, second):
    """Lay a cable between two stages and make either end the default route: docker asks for one to know its own address."""
    subprocess.run(["nsenter", "-t", str(first.init_pid), "-n", "ip", "link", "add", "eth0", "type", "veth",
                    "peer", "name", "eth0", "netns", str(second.init_pid)], check=True)
    for stage in (first, second):
        stage.run("ip", "address", "add", f"{ADDRESSES[stage.node]}/24", "dev", "eth0")
        stage.run("ip", "link", "set", "eth0", "up")
        stage.run("ip", "route", "add", "default", "via", ADDRESSES[stage.node])


class Swarm:
    """The manager alpha and the worker beta, and one attachable overlay network called web."""

    def __init__(self, stages):
        self.stages = stages
        self.stage = stages[0]
        self.by_name = {stage.node: stage for stage in stages}
        connect(*stages)
        for stage in stages:
            stage.start("dockerd", "--data-root", f"{stage.work}/store/docker", "--exec-root", "/run/docker",
                        "--add-runtime", f"rung={stage.runtime}", "--default-runtime", "rung", log="dockerd")
        for stage in stages:
            wait_until(lambda: stage.run(DOCKER, "version", status=None).status == 0, "dockerd answers", 40)
            stage.run(DOCKER, "load", "-i", f"{stage.work}/busybox.tar")
        self("swarm", "init", "--advertise-addr", ADDRESSES["alpha"], "--listen-addr", f"{ADDRESSES['alpha']}:2377")
        token = self("swarm", "join-token", "-q", "worker").output.strip()
        self("swarm", "join", "--token", token, "--advertise-addr", ADDRESSES["beta"], f"{ADDRESSES['alpha']}:2377", node="beta")
        wait_until(lambda: all("ingress_sbox" in " ".join(stage.inventory()) for stage in stages), "the ingress network is there")
        for node in ADDRESSES:  # directories and a mount that stay from now on
            self("run", "--rm", NAME, "true", node=node)
            self("run", "--rm", "--network", "host", NAME, "true", node=node)
        self.before = inventory(self)
        self("network", "create", "-d", "overlay", "--attachable", "web")

    def __call__(self, *words, node="alpha", **options):
        return self.by_name[node].run(DOCKER, *words, **options)

    def service(self, name, count, options):
        """Create a service on the overlay and wait until count tasks run."""
        self("service", "create", "-d", "--name", name, "--network", "web", "--endpoint-mode", "dnsrr", "--no-resolve-image",
             "--restart-delay", "200ms", "--stop-grace-period", "1s", *options, NAME, "sh", "-c", SERVER)
        self.tasks(name, count)

    def tasks(self, name, count):
        """Wait until exactly count tasks run; return them as [(node, container id)]."""
        def running():
            rows = self("service", "ps", name, "--no-trunc", "--format", "{{.ID}} {{.DesiredState}} {{.CurrentState}}").output
            live = [row.split()[0] for row in rows.splitlines() if row.split()[1:3] == ["Running", "Running"]]
            return live if len(live) == count else None
        found = []
        try:
            tasks = wait_until(running, f"{count} tasks of {name} run", 40)
        except AssertionError as error:
            raise AssertionError(self("service", "ps", name, "--no-trunc").output) from error
        for task in tasks:
            described = json.loads(self("inspect", "--type", "task", task).output)[0]
            node = json.loads(self("node", "inspect", described["NodeID"]).output)[0]["Description"]["Hostname"]
            found.append((node, described["Status"]["ContainerStatus"]["ContainerID"]))
        return found

    def inspect(self, node, container):
        return json.loads(self("inspect", container, node=node).output)[0]

    def address(self, node, container):
        return self.inspect(node, container)["NetworkSettings"]["Networks"]["web"]["IPAddress"]


@pytest.fixture(scope="module")
def client(new_stage):
    stages = [new_stage(node, "docker", "dockerd", "containerd", "ip", "nsenter") for node in ADDRESSES]
    probe = stages[0].run("ip", "link", "add", "probe", "type", "vxlan", "id", "1", "dstport", "4789", "dev", "lo", status=None)
    if probe.status != 0:
        pytest.skip(f"this kernel has no VXLAN: {probe.errors}")
    stages[0].run("ip", "link", "delete", "probe")
    swarm = Swarm(stages)
    # Two services live through the module, because a swarm takes six seconds to take one down.
    swarm.service("echo", 4, ("--replicas", "4", "--env", "COLOUR=red"))
    return swarm


def test_replicas_on_both_nodes_meet_over_the_overlay(client):
    tasks = client.tasks("echo", 4)
    assert sorted(node for node, _ in tasks) == ["alpha", "alpha", "beta", "beta"]
    addresses = {container: client.address(node, container) for node, container in tasks}
    assert len(set(addresses.values())) == 4
    for node, container in tasks:
        assert client.inspect(node, container)["HostConfig"]["Runtime"] == "rung"
        for other, address in addresses.items():
            fetch = ("exec", container, "wget", "-q", "-O", "-", f"http://{address}/")
            wait_until(lambda: client(*fetch, node=node, status=None).output.strip() == other[:12], f"{container} reaches {other}")
    looked_up = client("run", "--rm", "--network", "web", NAME, "nslookup", "echo", node="beta").output
    assert all(address in looked_up for address in addresses.values())


def test_a_killed_task_is_replaced(client):
    before = client.tasks("echo", 4)
    node, victim = before[0]
    client.by_name[node].run("kill", "-KILL", client.inspect(node, victim)["State"]["Pid"])
    wait_until(lambda: before[0] not in client.tasks("echo", 4), "a new task")
    assert set(before[1:]) < set(client.tasks("echo", 4))


def test_scale(client):
    client("service", "scale", "-d", "echo=6")
    assert {node for node, _ in client.tasks("echo", 6)} == {"alpha", "beta"}
    client("service", "scale", "-d", "echo=2")
    client.tasks("echo", 2)


def test_drain_moves_tasks(client):
    client("node", "update", "--availability", "drain", "beta")
    wait_until(lambda: [node for node, _ in client.tasks("echo", 2)] == ["alpha", "alpha"], "all on alpha")
    wait_until(lambda: not client("ps", "-q", node="beta").output, "beta is empty")
    client("node", "update", "--availability", "active", "beta")


def test_rolling_update(client):
    old = client.tasks("echo", 2)
    client("service", "update", "-d", "--update-delay", "0s", "--update-parallelism", "2", "--update-order", "start-first",
           "--update-monitor", "100ms", "--env-add", "COLOUR=green", "echo")

    def all_green():
        state = json.loads(client("service", "inspect", "echo").output)[0].get("UpdateStatus", {}).get("State")
        return state == "completed" and client.tasks("echo", 2)

    new = wait_until(all_green, "the update completes", 40)
    assert not set(old) & set(new)
    for node, container in new:
        assert client("exec", container, "sh", "-c", "echo $COLOUR", node=node).output == "green\n"


def test_limits_secrets_configs_and_ports(client):
    client("secret", "create", "key", "-", stdin="open sesame")
    client("config", "create", "tune", "-", stdin="la la la")
    client.service("everywhere", 2, (
        "--mode", "global", "--limit-memory", "48m", "--limit-cpu", "0.5", "--limit-pids", "50", "--secret", "key",
        "--config", "source=tune,target=/etc/tune", "--cap-drop", "NET_RAW", "--read-only", "--mount", "type=tmpfs,dst=/tmp",
        "--publish", "mode=host,target=80,published=8080"))
    tasks = client.tasks("everywhere", 2)
    assert sorted(node for node, _ in tasks) == ["alpha", "beta"]
    for node, container in tasks:
        limits = client.by_name[node].limits(client.inspect(node, container)["State"]["Pid"])
        assert (limits["memory"], limits["pids"], limits["cpus"]) == (48 << 20, 50, 0.5)
        seen = client("exec", container, "sh", "-c", "cat /run/secrets/key /etc/tune; grep CapBnd /proc/1/status", node=node).output
        assert seen.startswith("open sesamela la la") and seen.split()[-1] == "00000000a80405fb"
        other = client.by_name["beta" if node == "alpha" else "alpha"]
        fetch = ("/bin/busybox", "wget", "-q", "-O", "-", f"http://{ADDRESSES[node]}:8080/")
        wait_until(lambda: other.run(*fetch, status=None).output.strip() == container[:12], f"port of {node}")


def test_nothing_remains_when_the_services_are_gone(client):
    """Stays last."""
    client("service", "rm", *client("service", "ls", "-q").output.split())
    for node in ADDRESSES:
        wait_until(lambda: not client("ps", "-aq", node=node).output, f"containers leave {node}", 40)
    with contextlib.suppress(AssertionError):
        wait_until(lambda: inventory(client) <= client.before, "clean-up", 10)
    assert not inventory(client) - client.before
