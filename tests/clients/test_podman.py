"""Podman 4.3 of Debian as root, `podman --runtime RUNTIME`: conmon calls create, start and exec; podman the rest."""

import json
import re

import pytest

from busybox_image import NAME
from common import (  # noqa: F401 (cases that are collected here)
    LISTENER, test_a_program_that_is_missing_or_not_executable, test_exec_on_a_terminal, test_logs_follow_to_the_end,
    test_signals_and_stop, test_stop_ends_the_deaf, test_terminal, test_the_client_forwards_signals)
from podman_client import PLAIN_SHELL, Podman
from stage import wait_until

pytestmark = pytest.mark.usefixtures("nothing_remains")


@pytest.fixture(scope="module")
def client(new_stage, runtime):
    return Podman(new_stage("podman", "podman", "conmon"), runtime)


def test_the_runtime_is_ours(client):
    info = json.loads(client("info", "--format", "json").output)["host"]["ociRuntime"]
    assert info["path"] == client.stage.runtime
    assert "version" in info["version"]
    name, _ = client.background("sleep", "1000")
    assert client.inspect(name)["OCIRuntime"] == client.stage.runtime
    client.remove(name)


def test_run_gives_output_input_and_exit_status(client):
    result = client.run("sh", "-c", "echo out; echo err >&2; cat; exit 7", options=("-i",), stdin="typed\n", status=7)
    assert result.output == "out\ntyped\n"
    assert "err\n" in result.errors


def test_what_the_client_asked_for_is_what_the_process_sees(client):
    client.stage.write(f"{client.stage.work}/home/hello", "hello\n")
    result = client.run(
        "sh", "-c", "id; pwd; echo $COLOUR; hostname; cat /data/hello; ulimit -n; umask; cat /proc/sys/net/ipv4/ip_default_ttl;"
        "df -k /scratch | tail -n 1 | awk '{print $2}'; df -k /dev/shm | tail -n 1 | awk '{print $2}'; touch /x",
        options=("-u", "guest", "-w", "/var", "-e", "COLOUR=green", "-h", "mars", "--read-only", "--ulimit", "nofile=99:100",
                 "-v", f"{client.stage.work}/home:/data:ro", "--tmpfs", "/scratch:size=1m", "--shm-size", "2m",
                 "--sysctl", "net.ipv4.ip_default_ttl=99", "--group-add", "7777", "--umask", "0027", *client.spare), status=1)
    lines = result.output.splitlines()
    assert re.match(r"uid=1234\(guest\) gid=1234\(guest\) groups=.*\b7777\b", lines[0])
    assert lines[1:] == ["/var", "green", "mars", "hello", "99", "0027", "99", "1024", "2048"]
    assert "Read-only file system" in result.errors


def test_terminal_detach_and_attach(client):
    name, _ = client.background("sh", "-c", PLAIN_SHELL, options=("-it",))
    with client.terminal("attach", name) as terminal:
        terminal.expect_raw()
        terminal.type("echo here$((1))\n")
        terminal.expect("here1")
        terminal.type("\x10")  # ctrl-p ctrl-q, which clients know only as two reads
        client.stage.run("sleep", "0.3")
        terminal.type("\x11")
        terminal.wait()
    assert client.inspect(name)["State"]["Running"]
    with client.terminal("attach", name) as terminal:
        terminal.expect_raw()
        terminal.type("echo again$((1)); exit 4\n")
        terminal.expect("again1")
        terminal.wait()
    assert client.wait(name) == 4
    client.remove(name)


def test_exec(client):
    name, _ = client.background("sleep", "1000", options=("-e", "COLOUR=green"))
    result = client("exec", "-i", "-w", "/tmp", "-e", "SHAPE=round", name, "sh", "-c", "pwd; echo $COLOUR $SHAPE; cat; echo err >&2; exit 6",
                    stdin="typed\n", status=6)
    assert result.output == "/tmp\ngreen round\ntyped\n"
    assert "err\n" in result.errors
    assert client("exec", "-u", "guest", name, "sh", "-c", "id -u; id -G").output.split() == ["1234", "1234", "4321"]
    missing = client("exec", name, "no-such-program", status=127)
    assert "no-such-program" in missing.errors
    client("exec", "-d", name, "touch", "/tmp/mark")
    wait_until(lambda: client("exec", name, "test", "-e", "/tmp/mark", status=None).status == 0, "detached exec ran")
    assert "00000000a80425fb" > re.search(r"CapEff:\s(\w+)", client("exec", name, "cat", "/proc/self/status").output).group(1) > "0"
    assert "Seccomp:\t2" in client("exec", name, "cat", "/proc/self/status").output
    client.remove(name)


def test_restart(client):
    name, _ = client.background("sleep", "1000")
    client("restart", "-t", "0", name)
    assert client.inspect(name)["State"]["Running"]
    client.remove(name)


def test_create_then_start(client):
    """`init` stops between the runtime's create and start: state must say created, and rm must clear it away."""
    client("create", "--name", "early", NAME, "sh", "-c", "exit 4")
    client("init", "early")
    assert client.inspect("early")["State"]["Status"] in ("created", "initialized")
    client("start", "-a", "early", status=4)
    client("init", "early")
    client.remove("early")


def test_limits_are_in_the_cgroup_and_update_changes_them(client):
    name, pid = client.background("sleep", "1000", options=("-m", "48m", "--memory-swap", "48m", "--pids-limit", "50", "--cpus", "0.5", "--cpu-shares", "512"))
    limits = client.stage.limits(pid)
    assert limits.pop("shares") in (512, 20)
    assert limits == {"memory": 48 << 20, "pids": 50, "cpus": 0.5}
    client("update", "-m", "64m", "--memory-swap", "64m", "--cpus", "1.5", name)
    limits = client.stage.limits(pid)
    limits.pop("shares")
    assert limits == {"memory": 64 << 20, "pids": 50, "cpus": 1.5}
    client.remove(name)


def test_limits_hold(client):
    name, _ = client.background("sh", "-c", "dd if=/dev/zero of=/dev/null bs=64M count=1", options=("-m", "16m", "--memory-swap", "16m"))
    assert client.wait(name) == 137
    client.remove(name)
    result = client.run("sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do sleep 1 & done; wait", options=("--pids-limit", "5"), status=None)
    assert "fork" in result.errors


def test_a_limit_above_what_this_machine_allows_is_lowered(client):
    """Without CAP_SYS_RESOURCE nobody can raise a hard limit. Other runtimes then start nothing at all."""
    if not client.runtime.ours:
        pytest.skip("known to fail with runc and crun where CAP_SYS_RESOURCE is missing")
    hard = int(client.stage.run("sh", "-c", "ulimit -Hn").output)
    if int(re.search(r"CapEff:\s(\w+)", client.stage.read("/proc/1/status")).group(1), 16) >> 24 & 1:
        hard = hard * 2
    assert int(client.run("sh", "-c", "ulimit -Hn", options=("--ulimit", f"nofile={hard * 2}:{hard * 2}")).output) == hard


def test_pause_and_unpause(client):
    name, pid = client.background("sh", "-c", LISTENER)
    wait_until(lambda: client.stage.size(pid, "tmp/beat"), "container works")
    client("pause", name)
    assert client.inspect(name)["State"]["Status"] == "paused"
    frozen = client.stage.size(pid, "tmp/beat")
    client.stage.run("sleep", "0.4")
    assert client.stage.size(pid, "tmp/beat") == frozen
    client("unpause", name)
    wait_until(lambda: client.stage.size(pid, "tmp/beat") > frozen, "container works again")
    client("pause", name)
    client.remove(name)  # kills the paused


def test_ps_top_and_stats(client):
    name, pid = client.background("sh", "-c", "sleep 1001 & exec sleep 1002", options=("-m", "48m"))
    assert re.search(rf"\bUp\b.*\b{name}$", client("ps").output, re.M)
    top = client("top", name, "hpid", "args").output
    assert re.search(rf"^{pid}\s+sleep 1002", top, re.M) and "sleep 1001" in top
    used, pids = client("stats", "--no-stream", "--format", "{{.MemUsage}};{{.PIDS}}", name).output.strip().split(";")
    assert used.endswith("/ 50.33MB") and not used.startswith("0B") and pids == "2"
    client.remove(name)


def test_restart_policy(client):
    name, _ = client.background("sh", "-c", "echo once; exit 3", options=("--restart", "on-failure:2"))
    wait_until(lambda: client.logs(name) == "once\n" * 3 and not client.inspect(name)["State"]["Running"], "two restarts")
    client.remove(name)


def test_health_check_is_an_exec(client):
    name, _ = client.background("sleep", "1000", options=("--health-cmd", "test -e /tmp/well", "--health-interval", "disable"))
    assert client("healthcheck", "run", name, status=None).status == 1
    client("exec", name, "touch", "/tmp/well")
    client("healthcheck", "run", name)
    client.remove(name)


def test_containers_meet_on_the_bridge(client):
    server, _ = client.background("sh", "-c", "echo from the server >/tmp/index.html; httpd -f -p 80 -h /tmp", options=("--network", "bridge"))
    address = client.inspect(server)["NetworkSettings"]["IPAddress"]
    assert address
    fetch = ("wget", "-q", "-O", "-", f"http://{address}/")
    wait_until(lambda: client.run(*fetch, options=("--network", "bridge"), status=None).output == "from the server\n", "the server answers")
    joined = client.run("wget", "-q", "-O", "-", "http://127.0.0.1/", options=("--network", f"container:{server}"))
    assert joined.output == "from the server\n"
    assert client.run("ls", "/sys/class/net").output.split() == ["lo"]
    client.remove(server)


def test_namespaces_of_another_container_and_of_the_host(client):
    name, _ = client.background("sleep", "1001")
    show = ("sh", "-c", "for ns in pid net ipc uts cgroup; do readlink /proc/self/ns/$ns; done")
    joined = [word for kind in ("pid", "network", "ipc", "uts", "cgroupns") for word in (f"--{kind}", f"container:{name}")]
    assert client.run(*show, options=joined).output == client("exec", name, *show).output
    assert "sleep 1001" in client.run("ps", options=joined).output
    client.remove(name)
    own = client.stage.run(*show).output
    shared = [word for kind in ("pid", "network", "ipc", "uts", "cgroupns") for word in (f"--{kind}", "host")]
    assert client.run(*show, options=shared).output == own
    assert not set(client.run(*show, options=("--cgroupns", "private")).output.split()) & set(own.split())


def test_pod(client):
    """An infra container holds the namespaces; the others join them by path."""
    client("pod", "create", "--name", "peas", "--infra-image", NAME, "--infra-command", "sleep 1001", "--hostname", "podhost", "--share", "net,ipc,uts,pid")
    client("run", "-d", "--pod", "peas", "--name", "server", NAME, "sh", "-c", "echo pod >/tmp/index.html; httpd -f -p 80 -h /tmp")
    fetched = wait_until(lambda: client("run", "--rm", "--pod", "peas", NAME, "wget", "-q", "-O", "-", "http://127.0.0.1/", status=None).output, "the server")
    assert fetched == "pod\n"
    seen = client("run", "--rm", "--pod", "peas", NAME, "sh", "-c", "hostname; ps").output
    assert seen.startswith("podhost\n") and "httpd" in seen and "sleep 1001" in seen
    client("pod", "pause", "peas")
    client("pod", "unpause", "peas")
    client("pod", "rm", "-f", "-t", "0", "peas")


def test_user_namespace(client):
    show = "id -u; cat /proc/self/uid_map; touch /root/x && stat -c %u /root/x; cat /data/hello; touch /data/mine"
    data = f"{client.stage.work}/data"
    client.stage.write(f"{data}/hello", "hello\n")
    client.stage.run("chown", "300000:300000", data)
    result = client.run("sh", "-c", show, options=("--uidmap", "0:300000:65536", "--gidmap", "0:300000:65536", "-v", f"{data}:/data"))
    assert result.output.split() == ["0", "0", "300000", "65536", "0", "hello"]
    assert client.stage.run("stat", "-c", "%u", f"{data}/mine").output == "300000\n"


def test_confinement(client):
    status = client.run("cat", "/proc/self/status").output
    assert "CapEff:\t00000000800405fb" in status and "Seccomp:\t2" in status
    client.run("sh", "-c", "mount -t tmpfs none /tmp", status=1)
    client.run("sh", "-c", "echo 1 >/proc/sys/kernel/hostname", status=1)
    assert client.run("sh", "-c", "cat /proc/keys | wc -c; ls /sys/firmware | wc -l").output.split() == ["0", "0"]
    bare = client.run("cat", "/proc/self/status", options=("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--security-opt", "seccomp=unconfined")).output
    assert "CapEff:\t0000000000000000" in bare and "Seccomp:\t0" in bare and "NoNewPrivs:\t1" in bare
    everything = client.run("sh", "-c", "mount -t tmpfs none /tmp && ls /dev | wc -l", options=("--privileged",)).output
    assert int(everything) > 15


def test_no_cgroups(client):
    """--cgroups=disabled is passed on as `--cgroup-manager disabled`, and only to a runtime named crun."""
    if not client.runtime.ours and not client.stage.runtime.endswith("/crun"):
        pytest.skip("podman asks this of crun alone")
    path = client.runtime.under_name(client.stage, "crun")
    words = ("podman", "--runtime", path, "run", "--rm", "--cgroups", "disabled", "--cgroupns", "host", NAME)
    assert client.stage.run(*words, "cat", "/proc/self/cgroup").output == client.stage.run("cat", "/proc/self/cgroup").output


@pytest.mark.parametrize("name", ["crun", "runc"])
def test_under_the_name_of_another(client, name):
    """podman treats runtimes that it knows by name in its own ways: JSON errors, other options."""
    if not client.runtime.ours:
        pytest.skip("only rung answers to other names")
    podman = ("podman", "--runtime", client.runtime.under_name(client.stage, name))
    client.stage.run(*podman, "run", "-d", "--name", f"as-{name}", NAME, "sh", "-c", LISTENER)
    client.stage.run(*podman, "exec", f"as-{name}", "sh", "-c", "exit 6", status=6)
    missing = client.stage.run(*podman, "exec", f"as-{name}", "no-such-program", status=127)
    assert "no-such-program" in missing.errors
    client.stage.run(*podman, "stop", f"as-{name}")
    assert client.wait(f"as-{name}") == 9
    client.remove(f"as-{name}")


def test_preserved_descriptors(client):
    script = 'exec "$@" 3</etc/hostname'
    words = client.command("run", "--rm", "--preserve-fds", "1", NAME, "sh", "-c", "cat <&3")
    assert client.stage.run("sh", "-c", script, "sh", *words).output == client.stage.read("/etc/hostname")


def test_rootfs_without_an_image(client):
    mount = client("image", "mount", NAME).output.strip()
    assert client("run", "--rm", "--rootfs", f"{mount}:O", "echo", "plain").output == "plain\n"
    client("image", "unmount", NAME)


def test_build(client):
    client.stage.write(f"{client.stage.work}/context/Dockerfile", f"""
        FROM {NAME}
        COPY Dockerfile /tmp/copy
        RUN test -s /tmp/copy && echo built >/tmp/result
        USER guest
        RUN test $(id -u) = 1234
        CMD cat /tmp/result
    """)
    # `podman build` has no --runtime of its own in 4.3 but takes the engine's
    client("build", "-t", "localhost/built", f"{client.stage.work}/context")
    assert client("run", "--rm", "localhost/built").output == "built\n"
    client("rmi", "localhost/built")


def test_many_at_once(client):
    commands = [client.start("run", "--rm", NAME, "sh", "-c", f"exit {number}", log="many") for number in range(6)]
    assert [command.wait() for command in commands] == list(range(6))
