"""What `run` and `create` understand, flag by flag: each is given to a real container of an image, which says what it sees.

The same tests run as root and as an ordinary user; what only one of them can do says so.
"""

import json
import os
import re
import subprocess

import pytest
from conftest import ROOT, needs_root
from living import rung  # noqa: F401 (a fixture)

needs_user = pytest.mark.skipif(ROOT, reason="is for ordinary users")
CHANGES = ("ENV FROM_IMAGE=yes", "CMD [\"sh\", \"-c\", \"echo image command\"]", "LABEL kind=image colour=blue",
           "WORKDIR /made/by/image", "EXPOSE 80", "STOPSIGNAL SIGINT", "USER 33:44")


@pytest.fixture
def box(rung):  # noqa: F811
    """run(options..., command=WORDS) in an image without wishes of its own."""
    rung.image("tiny:1")

    def run(*options, command=("true",), check=0):
        words = ["sh", "-c", command] if isinstance(command, str) else list(command)
        return rung("run", "--rm", *options, "tiny:1", *words, check=check).output.rstrip("\n")

    run.rung = rung
    return run


def subordinate_ids():
    try:
        with open("/etc/subuid", encoding="utf-8") as file:
            return any(line.split(":")[0] in (os.environ.get("USER", ""), str(os.getuid())) or
                       line.startswith(subprocess.getoutput("id -un") + ":") for line in file)
    except FileNotFoundError:
        return False


needs_ids = pytest.mark.skipif(not ROOT and not subordinate_ids(), reason="this user has no line in /etc/subuid")


# ---- the image's wishes and the person's ----------------------------------------------------------------------------

@needs_ids
def test_configuration_of_the_image(rung):  # noqa: F811
    image = rung.image("made:1", *CHANGES)
    assert rung.output("run", "--rm", image) == "image command"
    assert rung.output("run", "--rm", image, "sh", "-c", "id -u; id -g; pwd; echo $FROM_IMAGE").split() == [
        "33", "44", "/made/by/image", "yes"]
    assert rung.output("run", "--rm", "-u", "5", "-w", "/else/where", "-e", "FROM_IMAGE=no", image, "sh", "-c",
                       "id -u; pwd; echo $FROM_IMAGE").split() == ["5", "/else/where", "no"]
    rung("create", "--name", "one", "--label", "colour=red", "--label", "bare", "--expose", "9000-9001/udp", "-p",
         "8080:81", image, check=0)
    config = json.loads(rung.output("inspect", "-f", "{{json .Config}}", "one"))
    assert config["Labels"] == {"kind": "image", "colour": "red", "bare": ""}
    assert set(config["ExposedPorts"]) == {"80/tcp", "81/tcp", "9000/udp", "9001/udp"}
    assert config["StopSignal"] == "SIGINT" and config["Cmd"] == ["sh", "-c", "echo image command"]


@pytest.mark.parametrize("options, words, output", [
    ([], [], "entry image"),
    ([], ["mine"], "entry mine"),
    (["--entrypoint", "/bin/echo"], [], ""),
    (["--entrypoint", "/bin/echo"], ["mine"], "mine"),
    (["--entrypoint", '["/bin/echo", "a", "b"]'], ["mine"], "a b mine"),
    (["--entrypoint", ""], ["echo", "bare"], "bare"),
])
def test_entrypoint(rung, options, words, output):  # noqa: F811
    image = rung.image("entry:1", 'ENTRYPOINT ["echo", "entry"]', 'CMD ["image"]')
    assert rung.output("run", "--rm", *options, image, *words) == output


def test_no_command_at_all(box):
    box.rung.refused("run", "tiny:1", saying="no command")


# ---- environment -------------------------------------------------------------------------------------------------------

def test_environment(box, monkeypatch):
    box.rung.environment.update(OURS="1", OURS_TOO="2", http_proxy="http://proxy:1", HTTPS_PROXY="")
    variables = box("-e", "OURS*", "-e", "NOT_THERE", "-e", "EMPTY=", "--env-merge", "PATH=/extra:${PATH}",
                    command="env")
    seen = dict(line.split("=", 1) for line in variables.splitlines())
    assert seen["OURS"] == "1" and seen["OURS_TOO"] == "2" and seen["EMPTY"] == "" and "NOT_THERE" not in seen
    assert seen["PATH"].startswith("/extra:/usr/local/sbin") and seen["http_proxy"] == "http://proxy:1"
    assert seen["container"] == "rung" and len(seen["HOSTNAME"]) == 12 and seen["HOME"] == "/root"
    assert "http_proxy" not in box("--http-proxy=false", command="env")
    assert "container" not in box("--unsetenv", "container", command="env")
    assert "PATH" not in box("--unsetenv-all", "--entrypoint", "/bin/env", command=["/bin/env"])
    assert "OURS=1" in box("--env-host", command="env")


def test_environment_files(box):
    (box.rung.work / "env").write_text("# comment\n\nA=1\nB=from file\r\nOURS\n")
    (box.rung.work / "labels").write_text("x=1\ny\n")
    box.rung.environment["OURS"] = "taken"
    assert box("--env-file", "env", "-e", "A=2", "--label-file", "labels", command='echo "$A $B $OURS"') == (
        "2 from file taken")
    box.rung.refused("run", "--env-file", "nowhere", "tiny:1", "true", saying="nowhere: No such file")


# ---- who ----------------------------------------------------------------------------------------------------------------

@needs_ids
def test_users(box):
    assert box("-u", "77:88", command="id -u; id -g; whoami; cat /etc/group | grep 88").split("\n")[:3] == ["77", "88", "77"]
    assert box("-u", "77", "--passwd=false", command="grep -c 77 /etc/passwd || true") in ("0", "")
    assert box("-u", "77", "--passwd-entry", "me:*:$UID:$GID:x:$HOME:/bin/sh", command="whoami") == "me"
    assert box("--group-add", "55", "--group-add", "66", command="id -G").split()[-2:] == ["55", "66"]
    assert box("--umask", "077", command="umask") == "0077"
    box.rung.refused("run", "-u", "nobody-here", "tiny:1", "true", saying="there is no user")


@needs_user
@needs_ids
def test_keep_id(box):
    uid = os.getuid()
    subprocess.run(["tar", "-C", box.rung.rootfs, "--owner=0", "--group=0", "-cf", box.rung.work / "roots.tar", "."], check=True)
    box.rung("import", "roots.tar", "tiny:1", check=0)
    seen = box("--userns", "keep-id", command="id -u; stat -c %u / /bin/sh; touch /root/x 2>&1 || echo locked")
    assert seen.split("\n")[0] == str(uid) and seen.split("\n")[1:3] == ["0", "0"] and seen.endswith("locked")
    assert box("--userns", "keep-id:uid=5,gid=6", command="id -u; id -g").split() == ["5", "6"]
    (box.rung.work / "mine").mkdir()
    box("--userns", "keep-id", "-v", f"{box.rung.work}/mine:/mine", command="touch /mine/x")
    assert (box.rung.work / "mine/x").stat().st_uid == uid
    box.rung.refused("run", "--userns", "nomap", "tiny:1", "true", saying="your own id")


@needs_root
def test_user_namespace_of_root(box):
    seen = box("--uidmap", "0:100000:65536", command="cat /proc/self/uid_map; stat -c %u / /bin/sh /etc/hosts; touch /x")
    assert seen.split() == ["0", "100000", "65536", "0", "0", "0"]
    assert box("--uidmap", "0:100000:1000", "--gidmap", "0:200000:1000", "-v", "filled:/etc", command="stat -c %u:%g /etc") == "0:0"
    box.rung.refused("run", "--userns", "keep-id", "tiny:1", "true", saying="root is root")
    box.rung.refused("run", "--userns", "auto", "--uidmap", "0:1:1", "tiny:1", "true", saying="exclude")


@needs_ids
def test_automatic_ids_differ(box):
    if ROOT and "containers:" not in open("/etc/subuid", encoding="utf-8").read():
        box.rung.refused("run", "--userns", "auto", "tiny:1", "true", saying="no 65536 ids are left")
        pytest.skip("root has no line for containers in /etc/subuid")
    first = box.rung.start("--name", "a", "--userns", "auto", "tiny:1", "sleep", "100")
    other = box("--userns", "auto", command="cat /proc/self/uid_map").split()[1]
    assert other != box.rung.output("exec", first, "cat", "/proc/self/uid_map").split()[1]


# ---- namespaces -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("option, kind", [("--pid", "pid"), ("--ipc", "ipc"), ("--uts", "uts"), ("--network", "net"),
                                          ("--cgroupns", "cgroup")])
def test_namespaces(box, option, kind):
    ours = os.readlink(f"/proc/self/ns/{kind}")
    look = f"readlink /proc/self/ns/{kind}"
    name = os.uname().nodename
    assert box(option, "host", command=look) == ours
    assert os.uname().nodename == name
    assert box(option, "private", command=look) != ours
    name = box.rung.start("--name", "peer", "tiny:1", "sleep", "100")
    theirs = os.readlink(f"/proc/{box.rung.pid(name)}/ns/{kind}")
    assert box(option, "container:peer", command=look) == theirs
    if ROOT:
        assert box(option, f"ns:/proc/{box.rung.pid(name)}/ns/{kind}", command=look) == theirs
    box.rung.refused("run", option, "nonsense", "tiny:1", "true", saying=r"nonsense")
    box.rung.refused("run", option, "container:nobody", "tiny:1", "true", saying="nobody")


def test_shared_memory(box):
    assert box("--shm-size", "1m", command="df -k /dev/shm | tail -1").split()[1] == "1024"
    box.rung.start("--name", "writer", "--ipc", "shareable", "tiny:1", "sh", "-c", "echo there > /dev/shm/object; sleep 100")
    assert box("--ipc", "container:writer", command="sleep 0.2; cat /dev/shm/object") == "there"
    assert box("--ipc", "none", command="grep -q ' /dev/shm ' /proc/mounts || echo none") == "none"


def test_names(box):
    seen = box("-h", "web.example", "--domainname", "example", "--add-host", "a:10.1.2.3", "--add-host", "b;c:fd00::1", "--dns",
               "9.9.9.9", "--dns-search", "x.example", "--dns-option", "ndots:3",
               command="hostname; cat /etc/hostname /proc/sys/kernel/domainname /etc/hosts /etc/resolv.conf")
    assert seen.split("\n")[:3] == ["web.example", "web.example", "example"]
    assert "127.0.0.1\tlocalhost web.example\n" in seen and "10.1.2.3\ta\n" in seen and "fd00::1\tb c\n" in seen
    assert seen.endswith("nameserver 9.9.9.9\nsearch x.example\noptions ndots:3")
    assert "localhost" not in box("--no-hosts", command="cat /etc/hosts 2>/dev/null || true")
    (box.rung.work / "base").write_text("1.1.1.1 base")
    assert box("--hosts-file", "base", command="cat /etc/hosts") == "1.1.1.1 base"
    for words, saying in ((["--add-host", "a"], "NAME:ADDRESS"), (["--add-host", "a:b"], "not an address"), (["--dns", "x y"], "not an address")):
        box.rung.refused("run", *words, "tiny:1", "true", saying=saying)


def test_time_zone(box):
    zone = box("--tz", "local", command="date +%Z")
    assert zone
    if os.path.exists("/usr/share/zoneinfo/Asia/Tokyo"):
        assert box("--tz", "Asia/Tokyo", command="date +%Z") == "JST"
    box.rung.refused("run", "--tz", "No/Where", "tiny:1", "true", saying="No/Where")


# ---- files ---------------------------------------------------------------------------------------------------------------

def test_read_only(box):
    seen = box("--read-only", command="for d in / /root /tmp /run /var/tmp; do touch $d/x 2>/dev/null && echo $d; done; true")
    assert seen.split() == ["/tmp", "/run", "/var/tmp"]
    assert box("--read-only", "--read-only-tmpfs=false", command="touch /tmp/x 2>/dev/null || echo locked") == "locked"


def test_binds(box):
    work = box.rung.work
    (work / "dir/sub").mkdir(parents=True)
    (work / "dir/file").write_text("host")
    assert box("-v", "./dir:/d", command="cat /d/file; echo container > /d/file") == "host"
    assert (work / "dir/file").read_text() == "container\n"
    for option in ("-v", "./dir:/d:ro"), ("--mount", f"type=bind,src={work}/dir,dst=/d,ro"), (
            "--mount", f"type=bind,source={work}/dir,target=/d,readonly=true,bind-propagation=rprivate,consistency=cached"):
        assert box(*option, command="touch /d/x 2>/dev/null || echo locked") == "locked", option
    assert box("--mount", f"type=glob,src={work}/dir/*,dst=/g", command="ls /g").split() == ["file", "sub"]
    assert box("-v", "./dir:/d:O", command="echo mine > /d/file; cat /d/file") == "mine"
    assert (work / "dir/file").read_text() == "container\n"
    if subordinate_ids() or ROOT:
        assert box("-u", "5:6", "-v", "./dir:/d:U", command="stat -c %u:%g /d /d/file").split() == ["5:6", "5:6"]
        box("-v", "./dir:/d:U")
    box.rung.refused("run", "-v", "/not/there:/d", "tiny:1", "true", saying="No such file")
    box.rung.refused("run", "-v", "./dir:/d:nonsense", "tiny:1", "true", saying="unknown option")
    box.rung.refused("run", "-v", "./dir:/d", "--tmpfs", "/d", "tiny:1", "true", saying="two mounts")


def test_tmpfs(box):
    seen = box("--tmpfs", "/t:size=1m,mode=750,noexec", command="stat -c %a /t; df -k /t | tail -1; grep ' /t ' /proc/mounts")
    assert seen.split()[0] == "750" and "noexec" in seen and "nosuid,nodev" in seen and " 1024 " in seen
    assert box("--tmpfs", "/t", command="stat -c %a /t") == "1777"
    assert box("--mount", "type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=700", command="stat -c %a /t") == "700"
    assert box("--mount", "type=tmpfs,dst=/etc,tmpcopyup", command="ls /etc | grep -c passwd") == "1"
    assert "devpts" in box("--mount", "type=devpts,destination=/pts", command="grep ' /pts ' /proc/mounts")


@pytest.mark.parametrize("words, saying", [
    ("type=bind,dst=/x", "what to mount is missing"),
    ("type=bind,src=/tmp", "where to mount it is missing"),
    ("type=nonsense,dst=/x", "unknown type"),
    ("type=tmpfs,dst=relative", "not an absolute path"),
    ("type=tmpfs,dst=/", "nothing can be mounted on /"),
    ("type=bind,src=/tmp,dst=/x,what=ever", "unknown option"),
    ("type=bind,src=/tmp,dst=/x,ro=perhaps", "not a value"),
    ('type=tmpfs,"dst=/x', "quote is not closed"),
    ("type=volume,dst=/x,volume-opt=a=b", "make the volume first"),
])
def test_mount_words_that_are_refused(box, words, saying):
    box.rung.refused("run", "--mount", words, "tiny:1", "true", saying=saying)


def test_image_as_a_mount(box):
    seen = box("--mount", "type=image,src=tiny:1,dst=/img", command="ls /img/bin/sh; touch /img/x 2>/dev/null || echo locked")
    assert seen.split() == ["/img/bin/sh", "locked"]
    assert box("--mount", "type=image,src=tiny:1,dst=/img,rw=true", command="touch /img/x && echo open") == "open"


def test_devices(box):
    assert box("--device", "/dev/null:/dev/nothing", command="test -c /dev/nothing && echo there") == "there"
    box.rung.refused("run", "--device", "/dev/not-there", "tiny:1", "true", saying="No such file")
    box.rung.refused("run", "--device", "/etc/passwd", "tiny:1", "true", saying="not a device")
    box.rung.refused("run", "--device", "nobody.example/none=1", "tiny:1", "true", saying="no CDI file knows")
    box.rung.refused("run", "--gpus", "all", "tiny:1", "true", saying="nvidia.com/gpu=all")
    box.rung.refused("run", "--device-cgroup-rule", "x", "tiny:1", "true", saying="TYPE MAJOR:MINOR")


@needs_root
def test_device_rules(box):
    make = "mknod /f c 1 7 && (echo x > /f) 2>&1 | grep -c 'No space' || echo refused"
    assert box("--cap-add", "mknod", "--device-cgroup-rule", "c 1:7 rwm", command=make) == "1"
    assert int(box("--privileged", command="ls /dev | wc -l")) > int(box(command="ls /dev | wc -l"))


# ---- limits, powers ------------------------------------------------------------------------------------------------------

def test_limits_of_the_program(box):
    assert box("--ulimit", "nofile=100:200", command="ulimit -n; ulimit -Hn").split() == ["100", "200"]
    assert box("--ulimit", "host", command="ulimit -n")
    assert box("--oom-score-adj", "700", command="cat /proc/self/oom_score_adj") == "700"
    assert box("--personality", "LINUX32", command="uname -m") in ("i686", "armv8l")
    assert box("--init", command="tr '\\0' ' ' < /proc/1/cmdline").startswith("/dev/rung-init -- sh")
    assert box("--cap-drop", "all", "--cap-add", "chown,kill", command="grep CapEff /proc/self/status").split()[1].endswith("21")
    assert box("--sysctl", "net.ipv4.ip_unprivileged_port_start=7", command="cat /proc/sys/net/ipv4/ip_unprivileged_port_start") == "7"


def test_isolation_sandbox(box):
    status = box("--isolation", "sandbox", command="cat /proc/self/status; wc -l < /proc/net/dev").splitlines()
    assert "CapEff:\t0000000000000000" in status and "CapBnd:\t0000000000000000" in status and "NoNewPrivs:\t1" in status
    assert status[-1] == "3"  # two lines of heading, and lo
    assert box("--isolation", "sandbox", "--cap-add", "chown", command="grep CapEff /proc/self/status").split()[1].endswith("01")


@pytest.mark.parametrize("options, saying", [
    ("--ulimit nofile", "NAME=SOFT"), ("--ulimit nonsense=1", "there is no limit"), ("--umask 9", "octal"),
    ("--personality VAX", "LINUX32"), ("--sysctl a", "NAME=VALUE"), ("--oom-score-adj 2000", "-1000 to 1000"),
    ("--cap-add nonsense", "no capability"), ("--security-opt nonsense", "is not known"), ("--memory-swap 1m", "needs --memory"),
    ("--cpus 1 --cpu-quota 1000", "choose"), ("--blkio-weight 5", "10 to 1000"), ("--memory-swappiness 101", "0 to 100"),
    ("--device-read-bps /dev/null:1m", "not a block device"), ("--cgroup-conf x", "NAME=VALUE"), ("--hostname a/b", "cannot be"),
    ("--isolation moon", "is not there yet"), ("--network nowhere", "no such network"), ("--network none -p 80", "nobody can reach"),
    ("--health-cmd= --health-interval 1s", "command is missing"), ("--systemd perhaps", "known are"), ("--expose x", "PORT"),
    ("--rm --restart always", "exclude"), ("--annotation x", "NAME=VALUE"), ("--secret none", "no such secret"),
])
def test_refused(box, options, saying):
    box.rung.refused("run", *options.split(), "tiny:1", "true", saying=saying)
    assert box.rung.output("ps", "-aq") == ""


@needs_root
def test_control_groups(box):
    name = box.rung.start("-m", "64m", "--memory-reservation", "32m", "--cpus", "0.5", "--pids-limit", "30", "--cpu-shares", "100",
                          "--cpuset-cpus", "0", "tiny:1", "sleep", "100")
    config = json.loads(box.rung.output("inspect", "-f", "{{json .HostConfig}}", name))
    assert config["Memory"] == 64 << 20 and config["PidsLimit"] == 30 and config["NanoCpus"] == 500000000
    groups = open(f"/proc/{box.rung.pid(name)}/cgroup", encoding="utf-8").read()
    path = re.search(r"^\d+:memory:(.*)$", groups, re.M)
    if path:
        with open(f"/sys/fs/cgroup/memory{path[1]}/memory.limit_in_bytes", encoding="ascii") as file:
            assert int(file.read()) == 64 << 20


def test_security_options(box):
    path = next(path for path in ("/proc/kcore", "/proc/keys", "/proc/timer_list") if os.path.exists(path))
    assert box("--security-opt", "mask=/etc/passwd", command="wc -c < /etc/passwd") == "0"
    assert f" {path} " in box(command="cat /proc/mounts")
    assert f" {path} " not in box("--security-opt", f"unmask={path}", command="cat /proc/mounts")
    assert f" {path} " not in box("--security-opt", "unmask=/proc/*", command="cat /proc/mounts")
    assert f" {path} " not in box("--security-opt", "systempaths=unconfined", command="cat /proc/mounts")
    assert box("--security-opt", "no-new-privileges", command="grep NoNewPrivs /proc/self/status").split()[1] == "1"
    assert box("--security-opt", "seccomp=unconfined", command="grep Seccomp: /proc/self/status").split()[1] == "0"
    assert "hidepid" in box("--security-opt", "proc-opts=hidepid=invisible", command="grep ' /proc ' /proc/mounts")


def test_systemd_surroundings(box):
    seen = box("--systemd", "always", command="for d in /run /run/lock /tmp; do grep -q \" $d \" /proc/mounts && echo $d; done")
    assert seen.split() == ["/run", "/run/lock", "/tmp"]
    box.rung("create", "--name", "s", "--systemd", "always", "tiny:1", "true", check=0)
    assert box.rung.output("inspect", "-f", "{{.Config.StopSignal}}", "s") == "SIGRTMIN+3"


# ---- JSON ----------------------------------------------------------------------------------------------------------------

def test_a_restart_makes_the_same_plan(box):
    """Everything that was asked for is in request.json, so a second start sees what the first saw."""
    box.rung.environment["FLEETING"] = "first"
    box.rung("create", "--name", "again", "-e", "FLEETING", "-e", "QUOTE=\"'\\ü", "--tmpfs", "/t:size=1m", "-v", "/anonymous", "--ulimit",
             "nofile=99", "-h", "again", "tiny:1", "sh", "-c", 'echo "$FLEETING $QUOTE $(hostname) $(ulimit -n)"; grep -c " /t \\| /anonymous " /proc/mounts',
             check=0)
    box.rung.environment["FLEETING"] = "second"
    first = box.rung.output("start", "-a", "again")
    assert first == "first \"'\\ü again 99\n2"
    assert box.rung.output("start", "-a", "again") == first
