"""A stage: namespaces, an own cgroup and private directories in which a real container client runs as on a machine of its own.

In: a name. Out: commands run inside it (`run`, `start`, `Terminal`), its files (`path`), and an account of what exists in it
(`inventory`), by which a test proves that a container left no process, mount, cgroup, network namespace or state behind.
The host sees one temporary directory and one cgroup per hierarchy, and both go with the stage.

What can go wrong: the machine may refuse (not root, no overlayfs): then `Stage` raises `Unavailable`, and tests skip.
"""

import collections
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PATH = "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
PREFIX = "rung-clients-"


class Unavailable(Exception):
    """This machine cannot hold a stage; the message says why."""


Result = collections.namedtuple("Result", "status output errors")


def wait_until(condition, what, timeout_s=20):
    """Poll condition until it returns something true; the time-out only ends a hang, it measures nothing."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s} s in vain: {what}")
        time.sleep(0.05)


class Command:
    """A command that runs in a stage."""

    def __init__(self, stage, argv, stdin, stdout, stderr, user=None, environment=None, terminal=False, directory="/"):
        self.argv = argv
        self.status = None
        self._buffer = b""
        self._reply, theirs = socket.socketpair()
        request = {
            "argv": [str(word) for word in argv], "user": user, "terminal": terminal, "directory": directory,
            "environment": {**stage.environment, **(environment or {})},
        }
        with theirs:
            socket.send_fds(stage.control, [json.dumps(request).encode()], [stdin, stdout, stderr, theirs.fileno()])
        self.pid = int(self._line(None).split()[1])

    def _line(self, timeout_s):
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while b"\n" not in self._buffer:
            left = None if deadline is None else max(0, deadline - time.monotonic())
            if not select.select([self._reply], [], [], left)[0]:
                return None
            piece = self._reply.recv(256)
            if not piece:
                raise AssertionError(f"the stage ended under {self.argv}")
            self._buffer += piece
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line.decode()

    def wait(self, timeout_s=60):
        """Return the exit status as a shell counts it (128 + signal); kill and fail after timeout_s."""
        if self.status is None:
            line = self._line(timeout_s)
            if line is None:
                self.kill()
                raise AssertionError(f"still runs after {timeout_s} s, killed: {' '.join(map(str, self.argv))}")
            self.status = int(line.split()[1])
            self._reply.close()
        return self.status

    def running(self):
        if self.status is None and select.select([self._reply], [], [], 0)[0]:
            self.wait()
        return self.status is None

    def kill(self):
        """End the command and its process group at once."""
        if self.status is None:
            self._reply.shutdown(socket.SHUT_RDWR)
            self._reply.close()
            self.status = 137


class Terminal:
    """A command on a pseudo-terminal of its own, as a person would use it."""

    def __init__(self, stage, argv, **options):
        self.master, slave = pty.openpty()
        self.text = ""
        try:
            self.command = Command(stage, argv, slave, slave, slave, terminal=True, **options)
        finally:
            os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.command.kill()
        os.close(self.master)

    def resize(self, rows, columns):
        """Change the window's size; the kernel tells the client by SIGWINCH."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def expect_raw(self):
        """Wait until the client took over the terminal; what is typed before would be handled by the wrong side."""
        wait_until(lambda: not termios.tcgetattr(self.master)[3] & termios.ICANON, "the client makes the terminal raw")

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, pattern, timeout_s=20):
        """Read until pattern appears; forget what came before its end and return the match."""
        deadline = time.monotonic() + timeout_s
        while True:
            match = re.search(pattern, self.text)
            if match:
                self.text = self.text[match.end():]
                return match
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.master], [], [], left)[0]:
                raise AssertionError(f"no {pattern!r} on the terminal, but {self.text!r}")
            try:
                piece = os.read(self.master, 4096)
            except OSError:  # EIO: every holder of the other side has gone
                piece = b""
            if not piece:
                raise AssertionError(f"terminal closed before {pattern!r}, it said {self.text!r}")
            self.text += piece.decode(errors="replace")

    def wait(self, timeout_s=30):
        """Drain the terminal until the command ended; return its exit status."""
        deadline = time.monotonic() + timeout_s
        while self.command.running():
            if time.monotonic() > deadline:
                raise AssertionError(f"still runs: {self.command.argv}, terminal said {self.text!r}")
            if select.select([self.master], [], [], 0.05)[0]:
                with contextlib.suppress(OSError):
                    self.text += os.read(self.master, 4096).decode(errors="replace")
        return self.command.status


def hierarchies():
    """Mount points of the cgroup hierarchies of this machine."""
    with open("/proc/self/mountinfo") as file:
        for line in file:
            front, back = line.split(" - ", 1)
            if back.split()[0] in ("cgroup", "cgroup2"):
                yield front.split()[4], back.split()[0]


def remove_cgroups(name):
    """Remove the cgroup called name from every hierarchy; leave one that is still busy to the next session."""
    for top, _ in hierarchies():
        for directory, _, _ in os.walk(f"{top}/{name}", topdown=False):
            for _ in range(100):
                try:
                    os.rmdir(directory)
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.02)


def sweep():
    """Remove what a killed earlier session left: cgroups and directories whose owner is gone."""
    places = [(top, remove_cgroups) for top, _ in hierarchies()]
    places.append((tempfile.gettempdir(), lambda name: os.rmdir(f"{tempfile.gettempdir()}/{name}")))
    for top, remove in places:
        with contextlib.suppress(OSError):
            for name in os.listdir(top):
                owner = name.removeprefix(PREFIX).split("-")[0]
                if name.startswith(PREFIX) and owner.isdigit() and not os.path.exists(f"/proc/{owner}"):
                    remove(name)


class Stage:
    """See the head of this file. `node` becomes the hostname."""

    def __init__(self, node, cgroup_view="host"):
        if os.geteuid() != 0:
            raise Unavailable("a stage needs root")
        self.node = node
        self.name = f"{PREFIX}{os.getpid()}-{node}"
        self.work = os.path.join(tempfile.gettempdir(), self.name)
        self.environment = {"PATH": PATH, "HOME": f"{self.work}/home", "LANG": "C.UTF-8", "TERM": "xterm", "TMPDIR": "/tmp"}
        os.mkdir(self.work)
        self.process = None
        self.background = []
        try:
            places = self._make_cgroups()
            self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self.process = subprocess.Popen(
                    ["unshare", "--fork", "--kill-child=KILL", "--pid", "--mount", "--net", "--ipc", "--uts", "--cgroup",
                     sys.executable, f"{HERE}/stage_init.py", str(theirs.fileno()), self.work, node, cgroup_view],
                    pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                    env=self.environment, cwd="/", preexec_fn=lambda: self._enter(places),
                )
            if self.control.recv(16) != b"ready":
                raise Unavailable(f"stage {node}: {self.process.stderr.read().decode()}")
            children = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
            with open(children) as file:
                self.init_pid = int(file.read().split()[0])
        except BaseException:
            self.close()
            raise

    def _make_cgroups(self):
        places = []
        for top, kind in hierarchies():
            place = f"{top}/{self.name}"
            os.mkdir(place)
            for setting in ("cpuset.cpus", "cpuset.mems"):  # v1: a new cpuset is empty and takes nobody in
                if kind == "cgroup" and os.path.exists(f"{place}/{setting}"):
                    with open(f"{top}/{setting}") as source, open(f"{place}/{setting}", "w") as copy:
                        copy.write(source.read())
            places.append(place)
        return places

    @staticmethod
    def _enter(places):
        for place in places:
            with open(f"{place}/cgroup.procs", "w") as file:
                file.write("0")

    def close(self):
        """End every process of the stage and remove its traces on the host."""
        if self.process:
            self.control.close()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process.stderr.close()
        remove_cgroups(self.name)
        shutil.rmtree(self.work, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def path(self, inside):
        """A path by which this process reaches a file of the stage."""
        return f"/proc/{self.init_pid}/root/{inside.lstrip('/')}"

    def read(self, inside):
        with open(self.path(inside)) as file:
            return file.read()

    def write(self, inside, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(inside)), exist_ok=True)
        with open(self.path(inside), "w") as file:
            file.write(text)
        os.chmod(self.path(inside), mode)

    def run(self, *argv, stdin="", timeout_s=60, status=0, **options):
        """Run a command to its end. status: the exit status it must have, None for any."""
        with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            source.write(stdin.encode())
            source.seek(0)
            command = Command(self, argv, source.fileno(), out.fileno(), err.fileno(), **options)
            try:
                command.wait(timeout_s)
            finally:
                out.seek(0)
                err.seek(0)
                result = Result(command.status, out.read().decode(errors="replace"), err.read().decode(errors="replace"))
        assert status is None or result.status == status, (
            f"{' '.join(map(str, argv))}\n  exit status {result.status}, wanted {status}\n"
            f"  stdout: {result.output}\n  stderr: {result.errors}"
        )
        return result

    def start(self, *argv, log, **options):
        """Start a command that stays, its output in the stage's log directory."""
        with open("/dev/null") as nothing, open(self.path(f"{self.work}/log/{log}"), "ab") as file:
            command = Command(self, argv, nothing.fileno(), file.fileno(), file.fileno(), **options)
        self.background.append(command)  # a forgotten Command would end its process
        return command

    def terminal(self, *argv, **options):
        return Terminal(self, argv, **options)

    def log(self, name, lines=None):
        """Text of a log started by `start`, or its last lines."""
        with contextlib.suppress(OSError):
            return "\n".join(self.read(f"{self.work}/log/{name}").splitlines()[-(lines or 0):])
        return ""

    def cgroups_of(self, pid):
        """Host directories of the cgroups that a process of the stage is in: {controller: directory}, "" is the v2 one."""
        tops = {}
        with open("/proc/self/mountinfo") as file:
            for line in file:
                front, back = line.split(" - ", 1)
                kind, _, options = back.split()
                if kind == "cgroup2":
                    tops[""] = front.split()[4]
                elif kind == "cgroup":
                    tops |= {name: front.split()[4] for name in options.split(",")}
        groups = {}
        for line in self.read(f"/proc/{pid}/cgroup").splitlines():
            _, names, path = line.split(":", 2)
            groups |= {name: tops[name] + path for name in names.split(",") if name in tops}
        return groups

    def limits(self, pid):
        """What the cgroups of a process allow it: {memory: bytes, pids: count, cpus: number, shares: weight}; absent if unlimited."""
        groups, found = self.cgroups_of(pid), {}

        def setting(controller, v1_name, v2_name):
            for directory, name in ((groups.get(controller), v1_name), (groups.get(""), v2_name)):
                if directory and os.path.exists(f"{directory}/{name}"):
                    with open(f"{directory}/{name}") as file:
                        return file.read().split()
            raise AssertionError(f"no {v1_name} or {v2_name} in {groups}")

        memory = setting("memory", "memory.limit_in_bytes", "memory.max")[0]
        if memory != "max" and int(memory) < 1 << 60:
            found["memory"] = int(memory)
        pids = setting("pids", "pids.max", "pids.max")[0]
        if pids != "max":
            found["pids"] = int(pids)
        if "cpu" in groups:
            quota, period = setting("cpu", "cpu.cfs_quota_us", "")[0], setting("cpu", "cpu.cfs_period_us", "")[0]
        else:
            quota, period = setting("cpu", "", "cpu.max")
        if quota not in ("max", "-1"):
            found["cpus"] = int(quota) / int(period)
        found["shares"] = int(setting("cpu", "cpu.shares", "cpu.weight")[0])
        return found

    def size(self, pid, name):
        """Size of a file as the process sees it; growth shows that a container lives, no growth that it is frozen."""
        try:
            return os.stat(self.path(f"/proc/{pid}/root/{name}")).st_size
        except FileNotFoundError:
            return 0

    def processes(self):
        """Everything alive in the stage except PID 1 and its handlers: {pid inside: command line}."""
        found = {}
        for name in os.listdir(self.path("/proc")):
            if not name.isdigit() or name == "1":
                continue
            with contextlib.suppress(OSError):
                words = self.read(f"/proc/{name}/cmdline").split("\0")
                if not any(word.endswith("stage_init.py") for word in words):
                    found[int(name)] = " ".join(words).strip() or self.read(f"/proc/{name}/comm").strip()
        return found

    def inventory(self, directories=("/run",)):
        """What exists in the stage: processes, mounts, cgroups, interfaces, and all paths below directories."""
        things = {f"process {pid} {line}" for pid, line in self.processes().items()}
        with open(f"/proc/{self.init_pid}/mountinfo") as file:
            things |= {"mount " + " ".join(line.split(" - ")[0].split()[3:5]) for line in file}
        with open(f"/proc/{self.init_pid}/net/dev") as file:
            things |= {"interface " + line.split(":")[0].strip() for line in file if ":" in line}
        for directory, _, _ in os.walk(self.path("/sys/fs/cgroup")):
            things.add("cgroup " + directory.removeprefix(self.path("/sys/fs/cgroup")))
        for top in directories:
            device = os.stat(self.path(top)).st_dev
            for directory, names, files in os.walk(self.path(top)):
                things |= {"path /" + os.path.join(directory, name).removeprefix(self.path("")) for name in names + files}
                names[:] = [name for name in names if os.lstat(os.path.join(directory, name)).st_dev == device]
        return things
