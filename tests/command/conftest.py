"""Fixtures that drive a built OCI runtime the way an engine does: by its command line and nothing else.

The runtime is `$RUNG oci` (default build/rung), or any other named by $RUNG_OCI: each test must be green with Debian's
runc or crun where those know the feature, which proves that the test asks for what the specification says.

    def test_hostname(container):
        container.config["hostname"] = "somewhere"
        assert container.shell("hostname").output == "somewhere\n"

`container` is a bundle with a busybox root tree and a configuration that may be changed before it is used; at the end
of the test it is deleted by force, and then nothing may be left: no process, mount, cgroup or state file.
"""

import collections
import copy
import json
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import leftovers  # noqa: E402 (its path is set just above)

ROOT = os.geteuid() == 0
BUSYBOX = "/bin/busybox"
APPLETS = """[ ash awk base64 basename cat chgrp chmod chown chrt cp cut date dd df dirname dmesg dnsdomainname echo env
    expr false find free grep groups head hostname id ifconfig ionice ip kill killall ln ls md5sum mkdir mkfifo mknod
    mktemp more mount mountpoint mv nc nice nproc od pidof ping printenv printf ps pwd readlink realpath reset rm rmdir
    sed seq setsid sh sleep sort stat stty su sync tail tee test timeout top touch tr true tty umount uname uniq usleep
    wc which whoami xargs yes taskset sysctl""".split()
CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
TIMEOUT_S = 30

Result = collections.namedtuple("Result", "status output errors")


def runtime_words():
    foreign = os.environ.get("RUNG_OCI")
    if not foreign:
        return [os.path.abspath(os.environ.get("RUNG", HERE.parent.parent / "build/rung")), "oci"]
    path = shutil.which(foreign) or foreign
    if os.path.basename(path) == "crun" and ROOT and os.path.exists("/sys/fs/cgroup/unified/cgroup.controllers"):
        # Debian's crun refuses a host with both kinds of cgroups; show it the v1 controllers alone.
        return [str(HERE / "v1-view"), path]
    return [path]


RUNTIME = runtime_words()
NAME = os.path.basename(os.environ.get("RUNG_OCI", "rung"))
OURS = "RUNG_OCI" not in os.environ

needs_root = pytest.mark.skipif(not ROOT, reason="needs root")
only_rung = pytest.mark.skipif(not OURS, reason=f"{NAME} does not know this")


def lacking(*names):
    """Marks a test of something that these runtimes (in Debian 12's versions) do not have, or do wrong."""
    return pytest.mark.skipif(NAME in names, reason=f"{NAME} does not know this, or has it wrong")


def pytest_configure(config):
    program = next(word for word in RUNTIME if not word.endswith("v1-view"))
    if not os.access(program, os.X_OK):
        pytest.exit(f"no runtime at {program}: build it, or set RUNG or RUNG_OCI", 3)
    if not os.access(BUSYBOX, os.X_OK):
        pytest.exit(f"no {BUSYBOX}: install busybox-static", 3)
    leftovers.adopt()
    os.umask(0o022)
    config.addinivalue_line("markers", "mess: the test is expected to leave something to its caller")


def wait_until(condition, what, timeout_s=20):
    """Polls; the time-out only ends a hang, no test depends on how long something takes."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s} s in vain: {what}")
        time.sleep(0.02)


def subordinate(kind):
    """(first, count) of this user in /etc/subuid or /etc/subgid, or None."""
    user = pwd.getpwuid(os.geteuid()).pw_name
    try:
        for line in pathlib.Path(f"/etc/sub{kind}").read_text(encoding="utf-8").splitlines():
            name, first, count = line.split(":")
            if name in (user, str(os.geteuid())):
                return int(first), int(count)
    except (OSError, ValueError):
        pass
    return None


@pytest.fixture(scope="session")
def busybox_tree():
    """A root tree that containers get as hard links, so that making one costs nothing."""
    with tempfile.TemporaryDirectory(prefix="rung-test-tree-") as directory:
        shutil.copy(BUSYBOX, f"{directory}/busybox")
        yield pathlib.Path(directory)


def make_rootfs(path, busybox_tree):
    for name in ("bin", "dev", "etc", "home", "mnt", "proc", "root", "run", "sys", "tmp", "var"):
        (path / name).mkdir(parents=True)
    (path / "tmp").chmod(0o1777)
    os.link(busybox_tree / "busybox", path / "bin/busybox")
    for applet in APPLETS:
        (path / "bin" / applet).symlink_to("busybox")
    (path / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nguest:x:1000:1000::/home:/bin/sh\n")
    (path / "etc/group").write_text("root:x:0:\nguest:x:1000:\nextra:x:2000:guest\n")


def default_config():
    """What engines send, less what only root may have."""
    strict = ["nosuid", "noexec", "nodev"]
    config = {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False, "user": {"uid": 0, "gid": 0}, "args": ["true"], "cwd": "/",
            "env": ["PATH=/bin", "TERM=xterm"], "noNewPrivileges": True,
            "capabilities": {name: list(CAPABILITIES) for name in ("bounding", "effective", "permitted")},
        },
        "root": {"path": "rootfs"},
        "hostname": "container",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
             "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
             "options": [*strict, "mode=1777", "size=65536k"]},
            {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": strict},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": [*strict, "ro"]},
        ],
        "linux": {
            "namespaces": [{"type": name} for name in ("pid", "network", "ipc", "uts", "mount", "cgroup")],
            "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    }
    if not ROOT:
        config["linux"]["namespaces"].append({"type": "user"})
        config["linux"]["uidMappings"] = [{"containerID": 0, "hostID": os.geteuid(), "size": 1}]
        config["linux"]["gidMappings"] = [{"containerID": 0, "hostID": os.getegid(), "size": 1}]
    return config


LIVE = {}


def finish(process, timeout_s, words):
    """Waits for a command, and collects orphans meanwhile as an engine's monitor does: a pid namespace only ends when
    its last zombie is gone."""
    deadline = time.monotonic() + timeout_s
    try:
        while True:
            try:
                return process.wait(0.1)
            except subprocess.TimeoutExpired:
                leftovers.reap(except_for=LIVE)
            if time.monotonic() > deadline:
                process.kill()
                process.wait()
                raise AssertionError(f"no end within {timeout_s} s: {' '.join(map(str, words))}")
    finally:
        LIVE.pop(process.pid, None)


class Container:
    """One bundle, one id, one state directory that containers of the same test share."""

    number = 0

    def __init__(self, work, busybox_tree):
        Container.number += 1
        self.id = f"rung-test-{os.getpid()}-{Container.number}"
        self.work = work
        self.bundle = work / self.id
        self.rootfs = self.bundle / "rootfs"
        self.bundle.mkdir()
        make_rootfs(self.rootfs, busybox_tree)
        self.config = default_config()
        self.console = None
        self.view = []  # a program that starts the runtime, to show it another machine

    # -- the configuration --

    @property
    def process(self):
        return self.config["process"]

    @property
    def linux(self):
        return self.config["linux"]

    def namespace(self, kind, path=None):
        """Asks for a namespace, or, with path, to join that one."""
        self.drop_namespace(kind)
        self.linux["namespaces"].append({"type": kind, "path": str(path)} if path else {"type": kind})

    def drop_namespace(self, kind):
        self.linux["namespaces"] = [entry for entry in self.linux["namespaces"] if entry["type"] != kind]

    def mount(self, destination, kind=None, source=None, options=()):
        entry = {"destination": destination, "options": list(options)}
        if kind:
            entry["type"] = kind
        if source is not None:
            entry["source"] = str(source)
        self.config["mounts"].append(entry)

    def bind(self, source, destination, *options):
        self.mount(destination, "bind", source, options or ["bind"])

    def capabilities(self, *names):
        for kind in ("bounding", "effective", "permitted"):
            self.process["capabilities"][kind] = list(names)

    def map_ids(self, host_id=100000, size=65536):
        """A user namespace; the tree must belong to its root."""
        self.namespace("user")
        self.linux["uidMappings"] = [{"containerID": 0, "hostID": host_id, "size": size}]
        self.linux["gidMappings"] = [{"containerID": 0, "hostID": host_id, "size": size}]
        shared = self.rootfs / "bin/busybox"  # a link to everybody's
        shared.rename(self.work / "everybodys")
        shutil.copy2(self.work / "everybodys", shared)
        (self.work / "everybodys").unlink()
        subprocess.run(["chown", "-hR", f"{host_id}:{host_id}", self.rootfs], check=True)
        for path in (self.work, self.bundle):
            path.chmod(0o755)

    def write(self):
        (self.bundle / "config.json").write_text(json.dumps(self.config, indent=1), encoding="utf-8")

    # -- calling the runtime --

    def command(self, *words, globals_=()):
        return [*self.view, *RUNTIME, "--root", str(self.work / "state"), *globals_, *map(str, words)]

    def spawn(self, *words, globals_=(), stdin=subprocess.DEVNULL, **options):
        """Starts the runtime; its output goes to files, since containers keep their descriptors for life."""
        output, errors = (tempfile.TemporaryFile(dir=self.work) for _ in range(2))
        process = subprocess.Popen(self.command(*words, globals_=globals_), stdin=stdin, stdout=output, stderr=errors,
                                   **options)
        process.saved = output, errors
        LIVE[process.pid] = process
        if words[0] in ("create", "run"):
            self.console = output
        return process

    def result(self, process, timeout_s=TIMEOUT_S):
        status = finish(process, timeout_s, process.args)
        texts = []
        for file in process.saved:
            # pread: the container writes at the same file offset, which must not be moved
            texts.append(os.pread(file.fileno(), 1 << 24, 0).decode(errors="replace"))
        return Result(status, *texts)

    def oci(self, *words, check=None, timeout_s=TIMEOUT_S, **options):
        """Runs the runtime to its end. check=0 and the like: that exit status is a must."""
        result = self.result(self.spawn(*words, **options), timeout_s)
        if check is not None:
            assert result.status == check, f"{words}: exit status {result.status}\n{result.errors}{result.output}"
        return result

    def run(self, *args, check=None, options=(), **more):
        """`run` with args as the container's program (or what the configuration says)."""
        if args:
            self.process["args"] = list(args)
        self.write()
        return self.oci("run", "--bundle", self.bundle, *options, self.id, check=check, **more)

    def shell(self, script, check=0, **more):
        return self.run("sh", "-c", script, check=check, **more)

    def fails(self, *words, saying=None):
        """`run` must not work; returns the error. What it says is only looked at in ours."""
        result = self.run(*words)
        assert result.status != 0, f"started all the same: {result.output}"
        assert result.errors.strip(), "failed without a word"
        if saying and OURS:
            assert re.search(saying, result.errors), result.errors
        assert self.oci("state", self.id).status != 0, "failed, but the container exists"
        return result.errors

    def create(self, *args, options=(), **more):
        if args:
            self.process["args"] = list(args)
        self.write()
        return self.oci("create", "--bundle", self.bundle, *options, self.id, check=0, **more)

    def start(self, *args, **more):
        """create and start; the program runs on."""
        self.create(*(args or ("sleep", "1000")), **more)
        self.oci("start", self.id, check=0)

    def output(self):
        """What a started container has written so far."""
        return os.pread(self.console.fileno(), 1 << 24, 0).decode(errors="replace")

    def exec(self, *words, options=(), check=None, **more):
        return self.oci("exec", *options, self.id, *words, check=check, **more)

    def state(self):
        return json.loads(self.oci("state", self.id, check=0).output)

    def status(self):
        return self.state()["status"]

    def pid(self):
        return self.state()["pid"]

    def wait_stopped(self):
        def stopped():
            leftovers.reap(except_for=LIVE)
            return self.status() == "stopped"
        wait_until(stopped, "the container stops")

    def delete(self, *options, check=0):
        return self.oci("delete", *options, self.id, check=check)

    def cgroups(self):
        """{hierarchy: path on the host} of the running container; "" is v2."""
        found = {}
        for line in pathlib.Path(f"/proc/{self.pid()}/cgroup").read_text(encoding="ascii").splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers:
                top = f"/sys/fs/cgroup/{controllers.removeprefix('name=')}"
            else:
                top = "/sys/fs/cgroup/unified" if os.path.isdir("/sys/fs/cgroup/unified") else "/sys/fs/cgroup"
            for controller in controllers.split(","):
                found[controller] = pathlib.Path(top + path)
        return found

    def cgroup_file(self, v1, v2):
        """Reads a limit where this machine keeps it: v1 is "controller/file", v2 a file."""
        controller, _, name = v1.partition("/")
        groups = self.cgroups()
        path = groups[controller] / name if controller in groups else groups[""] / v2
        return path.read_text(encoding="ascii").strip()

    def another(self):
        """A second container beside this one, with the same configuration and another id."""
        other = Container(self.work, self.tree)
        other.config = copy.deepcopy(self.config)
        self.family.append(other)
        other.family, other.tree = self.family, self.tree
        return other


def no_processes():
    left = leftovers.reap(except_for=LIVE)
    return not left


@pytest.fixture
def work():
    """A directory with a short name (sockets have short paths) for bundles and states."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="rung-t-"))
    yield path
    subprocess.run(["rm", "-rf", "--one-file-system", path], check=True)


@pytest.fixture
def container(work, busybox_tree):
    before = leftovers.snapshot()
    first = Container(work, busybox_tree)
    family = [first]
    first.family, first.tree = family, busybox_tree
    yield first
    for one in reversed(family):
        one.oci("delete", "--force", one.id)
    try:
        wait_until(no_processes, "the container's processes end", 5)
    except AssertionError:
        left = [f"{pid}: {leftovers.describe(pid)}" for pid in leftovers.reap(except_for=LIVE)]
        for pid in leftovers.reap(except_for=LIVE):
            os.kill(pid, 9)
        wait_until(no_processes, "killed leftovers end")
        raise AssertionError(f"processes left behind: {left}") from None
    mess = leftovers.since(before, re.compile(rf"{re.escape(str(work))}|rung-test-{os.getpid()}-"), 3)
    for line in mess:
        clear_away(line)
    assert not mess, f"left behind: {mess}"
    state = work / "state"
    # "lock" and caches may stay, what names a container may not
    names = [str(path) for path in state.rglob("*") if "rung-test-" in path.name] if state.exists() else []
    assert not names, f"state left behind: {names}"


def clear_away(line):
    """One test's mess must not fail the next."""
    kind, _, rest = line.partition(" ")
    if kind == "mount":
        subprocess.run(["umount", "-l", rest.rpartition(" (")[0]], check=False)
    elif kind == "cgroup" and os.path.isdir(rest):
        subprocess.run(["find", rest, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"], check=False,
                       stderr=subprocess.DEVNULL)
