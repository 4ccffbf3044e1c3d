"""More flags of `run`, `exec`, `stop`: words that cannot mean anything, and what each of the others does to a real container."""

import json
import os
import socket
import subprocess
import sys

import pytest
from conftest import ROOT, needs_root
from living import rung  # noqa: F401 (a fixture)
from test_flags import box, needs_ids  # noqa: F401 (box is a fixture)


@pytest.mark.parametrize("options, saying", [
    ("--stop-signal NONSENSE", "no such signal"), ("--attach nonsense", "stdin, stdout, stderr"),
    ("--cgroups nonsense", "enabled, disabled"), ("--cgroups en", "enabled, disabled"), ("--sdnotify nonsense", "container, conmon"),
    ("--seccomp-policy nonsense", "default, image"), ("--no-healthcheck --health-cmd true", "exclude"),
    ("-p 99999:80", "1 to 65535"), ("-p 80:", "1 to 65535"), ("-p 1.2.3:80:80", "not an address"), ("-p 80-90:80-81", "11 ports"),
    ("-p 80/xtp", "tcp"), ("--network none --network host", "cannot be combined"), ("--link other", "addresses of its own"),
    ("--link-local-ip 169.254.1.1", "addresses of its own"), ("--storage-opt size=1g", "no limits of their own"),
    ("--requires nobody-here", "nobody-here"), ("--preserve-fds 1", "descriptor 3 is not open"), ("--preserve-fd 9", "not open"),
    ("--preserve-fd 2", "not a number from 3"), ("--platform a/b/c/d", "platform"), ("--pull never --arch nonsense", "is here for"),
    ("--health-cmd true --health-startup-cmd true", "not there yet"), ("--health-log-destination /tmp", "known is local"),
    ("--decryption-key x", "not decrypted"), ("--pull never --os plan9", "not for plan9/"),
])
def test_refused(box, options, saying):  # noqa: F811
    box.rung.refused("run", *options.split(), "tiny:1", "true", saying=saying)
    assert box.rung.output("ps", "-aq") == ""


def test_words_that_are_fine(box):  # noqa: F811
    box.rung("create", "--name", "a", "-p", "[::1]:8000-8010:80", "-p", "127.0.0.1::81", "-p", "53:53/udp", "-p", "9000-9001:90-91",
             "--stop-signal", "rtmin+3", "-a", "STDOUT", "--sdnotify", "ignore", "--cgroups", "no-conmon", "tiny:1", "true", check=0)
    assert box.rung.output("run", "--rm", "--name", "", "tiny:1", "echo", "named by chance") == "named by chance"


@needs_ids
def test_the_own_group_is_a_further_group(box):  # noqa: F811
    """CVE-2022-2989: a file that denies a group must stay denied to who leaves it."""
    assert box("-u", "1000:7", command="grep Groups /proc/self/status").split()[1:] == ["7"]
    assert box("-u", "guest", command="grep Groups /proc/self/status").split()[1:] == ["1000", "2000"]
    assert box(command="grep Groups /proc/self/status").split()[1:] == []
    name = box.rung.start("tiny:1", "sleep", "100")
    assert box.rung.output("exec", "-u", "5:6", name, "grep", "Groups", "/proc/self/status").split()[1:] == ["6"]


@needs_ids
def test_added_capabilities_reach_an_ordinary_user(box):  # noqa: F811
    look = "grep -E 'Cap(Eff|Amb)' /proc/self/status"
    assert box("-u", "5", "--cap-add", "net_bind_service,net_admin", command=look).split()[1::2] == ["0" * 12 + "1400"] * 2
    assert box("-u", "5", command=look).split()[1::2] == ["0" * 16] * 2
    assert box("--cap-add", "net_admin", command=look).split()[3] == "0" * 16


def test_read_only_names(box):  # noqa: F811
    assert box("--read-only", command="echo >> /etc/hosts 2>/dev/null || echo locked") == "locked"
    assert box(command="echo >> /etc/hosts && echo open") == "open"


def test_names_are_seen_in_what_covers_etc(box):  # noqa: F811
    assert box("--tmpfs", "/etc", "-h", "mars", command="cat /etc/hostname; ls /etc").split() == ["mars", "hostname", "hosts"]
    (box.rung.work / "etc").mkdir()
    (box.rung.work / "etc/mine").touch()
    assert box("-v", "./etc:/etc", command="ls /etc") == "mine"
    assert sorted(os.listdir(box.rung.work / "etc")) == ["mine"], "nothing is made in a directory of the host"
    box.rung("secret", "create", "word", "-", data=b"hush", check=0)
    assert box("--tmpfs", "/run", "--secret", "word", command="cat /run/secrets/word") == "hush"


def test_mode_of_what_is_copied_up(box):  # noqa: F811
    assert box("--mount", "type=tmpfs,dst=/etc,tmpcopyup,tmpfs-mode=700", command="stat -c %a /etc; ls /etc/passwd").split() == [
        "700", "/etc/passwd"]
    assert box("--mount", "type=tmpfs,dst=/etc,tmpcopyup", command="stat -c %a /etc") == "755"


def test_systemd_is_told_its_id(box):  # noqa: F811
    seen = box("--systemd", "always", "--cidfile", "id", command="echo $container_uuid")
    assert len(seen) == 32 and set(seen) <= set("0123456789abcdef")
    assert "container_uuid" not in box(command="env")


def test_requires(box):  # noqa: F811
    first = box.rung.output("create", "--name", "first", "tiny:1", "sleep", "100")
    box.rung("run", "--name", "second", "--requires", "first", "tiny:1", "true", check=0)
    assert box.rung.status("first") == "running"
    box.rung.refused("rm", "-f", "first", saying="dependent", status=2)
    box.rung.start("--name", "third", "--requires", "first", "tiny:1", "sleep", "100")
    assert len(box.rung.output("rm", "-fa").split()) == 3
    assert box.rung.output("ps", "-aq") == "", "all are all, whoever needs whom"


def test_rmi(box):  # noqa: F811
    box.rung("tag", "tiny:1", "other:1", check=0)
    box.rung("run", "--rmi", "other:1", "true", check=0)
    assert box.rung.output("images", "--format", "{{.Repository}}:{{.Tag}}").split() == ["tiny:1"]
    box.rung.start("--name", "user", "tiny:1", "sleep", "100")
    box.rung("run", "--rmi", "tiny:1", "true", check=0)
    assert box.rung("image", "exists", "tiny:1").status == 0, "others use it"
    box.rung("rm", "-f", "-t", "0", "user", check=0)
    assert box.rung("run", "--rmi", "tiny:1", "sh", "-c", "exit 3").status == 3
    assert box.rung("image", "exists", "tiny:1").status == 1 and box.rung.output("ps", "-aq") == ""


def test_platform(box):  # noqa: F811
    machine = box.rung.output("image", "inspect", "-f", "{{.Os}}/{{.Architecture}}", "tiny:1")
    assert box("--platform", machine, command="echo here") == "here"
    assert box("--os", "linux", command="echo here") == "here"
    box.rung("tag", "tiny:1", "127.0.0.1:9/tiny:1", check=0)
    result = box.rung("run", "--rm", "--platform", "linux/s390x", "--retry", "0", "127.0.0.1:9/tiny:1", "true")
    assert result.status == 125 and "127.0.0.1:9" in result.errors, "the registry is asked for the other one"


def test_seccomp_profile_of_the_image(rung):  # noqa: F811
    profile = {"defaultAction": "SCMP_ACT_ALLOW",
               "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}
    rung.image("strict:1", "LABEL io.containers.seccomp.profile='" + json.dumps(profile) + "'")
    make = ["sh", "-c", "mkdir /x 2>&1 || true"]
    assert "No space" in rung.output("run", "--rm", "--seccomp-policy", "image", "strict:1", *make)
    assert rung.output("run", "--rm", "strict:1", *make) == ""


@needs_root
def test_without_control_groups(box):  # noqa: F811
    name = box.rung.start("--cgroups", "disabled", "tiny:1", "sleep", "100")
    with open(f"/proc/{box.rung.pid(name)}/cgroup", encoding="ascii") as file:
        assert name not in file.read()
    box.rung.refused("run", "--cgroups", "disabled", "-m", "64m", "tiny:1", "true", saying="cgroup")


def program_with_descriptor(box, number, words):  # noqa: F811
    read, write = os.pipe()
    os.write(write, b"through\n")
    os.close(write)
    os.dup2(read, number)
    if read != number:
        os.close(read)
    try:
        result = subprocess.run(box.rung.words(*words), cwd=box.rung.work, pass_fds=[number], stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, timeout=60, check=False)
    finally:
        os.close(number)
    assert result.returncode == 0, result
    return result.stdout


@pytest.mark.skipif(sys.version_info < (3, 4), reason="descriptors are inherited")
def test_preserved_descriptors(box):  # noqa: F811
    free = next(fd for fd in range(40, 99) if not os.path.exists(f"/proc/self/fd/{fd}"))
    look = f"cat <&{free}; ls /proc/self/fd | tr '\\n' ' '"
    seen = program_with_descriptor(box, free, ["run", "--rm", "--preserve-fd", free, "tiny:1", "sh", "-c", look]).split()
    assert seen[0] == "through" and set(seen[1:]) <= {"0", "1", "2", "3", str(free)}
    name = box.rung.start("tiny:1", "sleep", "100")
    seen = program_with_descriptor(box, free, ["exec", "--preserve-fd", free, name, "sh", "-c", look]).split()
    assert seen[0] == "through" and set(seen[1:]) <= {"0", "1", "2", "3", str(free)}
    box.rung.refused("exec", "--preserve-fds", "2", name, "true", saying="descriptor 3 is not open")


def test_exec_by_cidfile(box):  # noqa: F811
    box.rung.start("--cidfile", "id", "-h", "mars", "tiny:1", "sleep", "100")
    assert box.rung.output("exec", "--cidfile", "id", "hostname") == "mars"
    box.rung.refused("exec", "--cidfile", "none", "hostname", saying="none: No such file")


@pytest.mark.parametrize("verb", ["stop", "restart"])
def test_stop_with_another_signal(box, verb):  # noqa: F811
    name = box.rung.start("tiny:1", "sh", "-c", "trap 'exit 7' USR1; trap '' TERM; echo ready; while :; do sleep 0.05; done")
    while "ready" not in box.rung.output("logs", name):
        pass
    box.rung(verb, "--signal", "USR1", name, check=0)
    if verb == "stop":
        assert box.rung.exit_code(name) == 7
    else:
        assert box.rung.status(name) == "running"
    box.rung.refused(verb, "--signal", "NONSENSE", name, saying="invalid signal")


@needs_root
def test_privileged_says_what_it_lacks(box):  # noqa: F811
    """A capability that rung does not have is named in words."""
    with open("/proc/self/status", encoding="ascii") as file:
        have = next(int(line.split()[1], 16) for line in file if line.startswith("CapPrm"))
    errors = box.rung("run", "--rm", "--privileged", "tiny:1", "true", check=0).errors
    if have >> 24 & 1:
        assert "lacks" not in errors or "CAP_SYS_RESOURCE" not in errors
    else:
        assert "CAP_SYS_RESOURCE" in errors and "0x" not in errors
    assert ROOT


def test_update_of_wishes(box):  # noqa: F811
    """What --env, --unsetenv, --ulimit and --health-* of `update` change is found by the next start."""
    box.rung("create", "--name", "one", "-e", "A=1", "-e", "B=2", "--ulimit", "nofile=99", "--ulimit", "core=0", "tiny:1", "sh", "-c",
             "echo $A $B $C $(ulimit -n)", check=0)
    assert box.rung.output("start", "-a", "one") == "1 2 99"
    box.rung("update", "-e", "A=new", "-e", "C=3", "--unsetenv", "B", "--ulimit", "nofile=88:90", "one", check=0)
    assert box.rung.output("start", "-a", "one") == "new 3 88"
    box.rung("update", "--health-cmd", "test -e /tmp", "--health-retries", "7", "one", check=0)
    box.rung("update", "--health-timeout", "9s", "--health-on-failure", "kill", "one", check=0)
    health = json.loads(box.rung.output("inspect", "-f", "{{json .Config.Healthcheck}}", "one"))
    assert (health["Test"], health["Retries"], health["Timeout"]) == (["CMD-SHELL", "test -e /tmp"], 7, 9000000000)
    box.rung("update", "--no-healthcheck", "one", check=0)
    assert box.rung.output("inspect", "-f", "{{json .Config.Healthcheck}}", "one") in ("null", "<no value>")
    for words, saying in ((["--ulimit", "nonsense=1"], "there is no limit"), (["--health-on-failure", "x", "--health-cmd", "y"], "known are"),
                          (["-e", "=x"], "name is missing"), ([], "say what to change")):
        box.rung.refused("update", *words, "one", saying=saying)


def test_health_of_a_running_one(box):  # noqa: F811
    name = box.rung.start("--health-cmd", "false", "--health-interval", "1h", "tiny:1", "sleep", "100")
    assert box.rung("healthcheck", "run", name).status == 1
    box.rung("update", "--health-cmd", "true", name, check=0)
    assert box.rung("healthcheck", "run", name).status == 0


def test_systemd_hears_that_the_monitor_is_ready(box):  # noqa: F811
    path = str(box.rung.work / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(path)
        heard.settimeout(30)
        box.rung.environment["NOTIFY_SOCKET"] = path
        name = box.rung.start("--sdnotify", "conmon", "--conmon-pidfile", "monitor", "tiny:1", "sleep", "100")
        monitor = (box.rung.work / "monitor").read_text(encoding="ascii").strip()
        assert heard.recv(100).decode() == f"MAINPID={monitor}\nREADY=1"
        box.rung("rm", "-f", "-t", "0", name, check=0)
        box.rung("run", "--rm", "--sdnotify", "ignore", "tiny:1", "true", check=0)
        heard.setblocking(False)
        with pytest.raises(BlockingIOError):
            heard.recv(100)
