"""A storm: two users create, run, exec, pull, commit and remove side by side while clients, monitors, helpers and containers
are killed at random; afterwards the stores are whole, nothing is left, and no result was lost.

RUNG_STORM_SECONDS is its length (default 40), RUNG_STORM_SEED its order. As an ordinary user only that user takes part.

What is told apart: a command that was killed may fail in any way. A container whose processes nobody killed ("calm")
must have run to its end, with its exit code and its whole log.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "clients")]
import busybox_image  # noqa: E402 (its path is set just above)
import leftovers  # noqa: E402

RUNG = os.path.abspath(os.environ.get("RUNG", HERE.parent.parent / "build/rung"))
SECONDS = float(os.environ.get("RUNG_STORM_SECONDS", "40"))
SEED = int(os.environ.get("RUNG_STORM_SEED", str(time.time_ns() % 1000000)))
IMAGE = busybox_image.NAME
WORKERS = 4  # each side
CALM_EXIT = 7
KILLED = 128 + signal.SIGKILL
FEW_S = 60


class Side:
    """One user's rung: his store, his state, his words."""

    def __init__(self, work, user):
        self.user = user
        self.work = work / (user.pw_name if user else "self")
        self.work.mkdir()
        self.store, self.state = self.work / "store", self.work / "state"
        self.prefix = []
        if user:
            os.chown(self.work, user.pw_uid, user.pw_gid)
            self.prefix = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--init-groups",
                           "--inh-caps=-all", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", f"HOME={self.work}",
                           f"XDG_RUNTIME_DIR={self.work}"]
        self.words = [*self.prefix, RUNG, "--root", str(self.store), "--state", str(self.state)]
        self.calm = {}  # name → the line its log must end with

    def popen(self, *words):
        return subprocess.Popen([*self.words, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, errors="replace")

    def __call__(self, *words, timeout=FEW_S):
        """(status, output, errors); a hang is the failure that no storm excuses."""
        process = self.popen(*words)
        try:
            output, errors = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            stuck = f"{' '.join(words)} hangs: {stacks()}"
            process.kill()
            process.communicate()
            raise AssertionError(stuck) from None
        return process.returncode, output, errors

    def must(self, *words, **more):
        status, output, errors = self(*words, **more)
        assert status == 0, f"{words}: status {status}\n{errors}{output}"
        return output


def stacks():
    """Where our processes wait, for the report of a hang."""
    found = []
    for pid in descendants():
        with contextlib.suppress(OSError):
            found.append(f"{pid} {leftovers.describe(pid)[-90:]}: "
                         f"{pathlib.Path(f'/proc/{pid}/wchan').read_text(encoding='ascii')}")
    return "\n".join(found)


def descendants():
    found, todo = [], [*leftovers.children()]
    while todo:
        pid = todo.pop()
        found.append(pid)
        with contextlib.suppress(OSError):
            todo += map(int, pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split())
    return found


def kind_of(pid):
    what = leftovers.describe(pid)
    for word, kind in (("rung-monitor", "monitor"), ("rung-layer", "helper"), ("rung-fetch", "helper"), (RUNG, "client")):
        if word in what:
            return kind
    return "container"


# ---- what workers do --------------------------------------------------------------------------------------------------

class Storm:
    def __init__(self, sides, registry):
        self.sides, self.registry = sides, registry
        self.until = time.monotonic() + SECONDS
        self.failures, self.counts = [], {}
        self.spared = {registry.process.pid}
        self.lock = threading.Lock()

    def count(self, what):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + 1

    def over(self):
        return time.monotonic() > self.until or self.failures

    def work(self, side, number):
        order = random.Random(f"{SEED} {side.user} {number}")
        deeds = [self.run_once, self.run_calm, self.life, self.look, self.pull, self.run_once, self.commit,
                 self.volume, self.pod, self.rename, self.restart, self.two_at_once]
        turn = 0
        while not self.over():
            turn += 1
            deed = order.choice(deeds)
            try:
                deed(side, f"{number}-{turn}", order)
                self.count(deed.__name__)
            except AssertionError as error:
                self.failures.append(f"{deed.__name__}: {error}")
            except Exception as error:  # pylint: disable=broad-except; a worker's end must be seen
                self.failures.append(f"{deed.__name__}: {type(error).__name__}: {error}")

    def run_once(self, side, name, order):
        status, output, errors = side("run", "--rm", "--network", "none", IMAGE, "sh", "-c", f"echo {name}; exit 3")
        if status == 3:
            assert output == f"{name}\n", f"the output of {name} is {output!r}\n{errors}"

    def run_calm(self, side, name, order):
        """A container that is spared; only clients that look at it are not."""
        name = f"calm-{name}"
        line = hashlib.sha256(name.encode()).hexdigest()
        status, _, errors = side("run", "-d", "--name", name, "--network", "none", "-e", "SPARED=yes", IMAGE, "sh", "-c",
                                 f"echo begin; sleep {order.uniform(0, 0.5):.2f}; echo {line}; exit {CALM_EXIT}")
        if status == 0:
            side.calm[name] = line
        elif status > 0:
            raise AssertionError(f"run -d of {name}: status {status}: {errors}")

    def life(self, side, name, order):
        name = f"life-{name}"
        side("create", "--name", name, "--network", "none", IMAGE, "sh", "-c", "trap 'exit 0' TERM; echo up; sleep 30 & wait")
        side("start", name)
        side("exec", name, "true")
        if order.random() < 0.5:
            side("stop", "-t", "1", name)
        side("logs", name)
        side("rm", "-f", "-t", "0", name)

    def look(self, side, name, order):
        for words in (["ps", "-a"], ["images"], ["volume", "ls"], ["ps", "-a", "--format", "json"]):
            status, output, errors = side(*words)
            assert status in (0, -signal.SIGKILL, KILLED), f"{words}: status {status}: {errors}"
            if status == 0 and words[-1] == "json":
                for line in output.splitlines():
                    json.loads(line)

    def pull(self, side, name, order):
        word = f"{self.registry.host}/storm:{order.randrange(3)}"
        side("rmi", "-f", word)
        side("pull", "-q", "--tls-verify=false", word)

    def commit(self, side, name, order):
        made = f"commit-{name}"
        side("run", "--name", made, "--network", "none", IMAGE, "sh", "-c", "echo x > /new")
        side("commit", "-q", made, f"localhost/storm:{name}")
        side("rm", "-f", made)
        side("rmi", "-f", f"localhost/storm:{name}")

    def volume(self, side, name, order):
        """What was written into a volume is in it as long as nobody removes it."""
        name = f"volume-{name}"
        if side("volume", "create", name)[0] != 0:
            side("volume", "rm", name)
            return
        written = side("run", "--rm", "--network", "none", "-v", f"{name}:/v", "-v", "/scratch", IMAGE,
                       "sh", "-c", f"echo {name} >/v/file")[0]
        status, output, errors = side("run", "--rm", "--network", "none", "-v", f"{name}:/v", IMAGE, "cat", "/v/file")
        if written == 0 and status == 0:
            assert output == f"{name}\n", f"{name} holds {output!r}\n{errors}"
        side("volume", "rm", "-f", name)

    def pod(self, side, name, order):
        name = f"pod-{name}"
        side("pod", "create", "--name", name)
        side("run", "-d", "--pod", name, "--name", f"in-{name}", IMAGE, "sleep", "30")
        if order.random() < 0.5:
            side("pod", "stop", "-t", "0", name)
        side("pod", "rm", "-f", "-t", "0", name)

    def rename(self, side, name, order):
        """It always has exactly one of the two names."""
        names = [f"{kind}-{name}" for kind in ("old", "new")]
        if side("create", "--name", names[0], "--network", "none", IMAGE, "true")[0] == 0:
            side("rename", *names)
            found = [side("container", "exists", one)[0] for one in names]
            if all(status in (0, 1) for status in found):
                assert sorted(found) == [0, 1], f"{names} exist: {found}"
        for one in names:
            side("rm", "-f", one)

    def restart(self, side, name, order):
        """Whom a person stopped, no policy starts again."""
        name = f"restart-{name}"
        side("run", "-d", "--name", name, "--network", "none", "--restart", "always", IMAGE, "sh", "-c", "sleep 0.1; exit 1")
        time.sleep(order.uniform(0, 0.5))
        if side("stop", "-t", "0", name)[0] == 0:
            status, output, errors = side("inspect", "--format", "{{.State.Status}}", name)
            assert status != 0 or output.strip() in ("exited", "created"), f"{name}: {output}{errors}"
        side("rm", "-f", "-t", "0", name)

    def two_at_once(self, side, name, order):
        """Two commands on one container: each does its work or says why not, and neither waits for ever."""
        name = f"two-{name}"
        side("run", "-d", "--name", name, "--network", "none", IMAGE, "sleep", "30")
        deeds = [["stop", "-t", "0"], ["rm", "-f", "-t", "0"], ["restart", "-t", "0"], ["kill"], ["start"], ["pause"], ["unpause"],
                 ["exec"], ["commit", "-q"]]
        pair = [threading.Thread(target=self.one_of_two, args=(side, name, order.choice(deeds))) for _ in range(2)]
        for thread in pair:
            thread.start()
        for thread in pair:
            thread.join()
        side("rm", "-f", "-t", "0", name)

    def one_of_two(self, side, name, words):
        try:
            side(*words, name, *(["true"] if words == ["exec"] else []))
        except AssertionError as error:
            self.failures.append(str(error))

    # ---- what kills --------------------------------------------------------------------------------------------------

    def is_spared(self, pid):
        """The registry, and all that belongs to a calm container: its processes, its monitor, the command that starts it."""
        if pid in self.spared:
            return True
        try:
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return True
        if b"SPARED=yes" in environment or b"SPARED=yes" in words:
            return True
        for word in words:
            for side in self.sides:
                config = side.store / "containers" / os.fsdecode(word) / "config.json"
                if len(word) == 64 and b"calm-" in (config.read_bytes() if config.exists() else b"calm-"):
                    return True
        # A monitor tells its container's id in a path; what cannot be told is spared.
        text = b" ".join(words)
        if b"rung-monitor" in text or b"__" in text:
            return b"calm-" in self.config_of(text)
        return not text or text.startswith((b"/usr/bin/python3", b"setpriv", b"env"))

    def config_of(self, text):
        for side in self.sides:
            containers = side.store / "containers"
            for name in os.listdir(containers) if containers.is_dir() else ():
                if os.fsencode(name) in text:
                    with contextlib.suppress(OSError):
                        return (containers / name / "config.json").read_bytes()
        return b"calm-"

    def kill(self):
        order = random.Random(f"{SEED} kill")
        while not self.over():
            time.sleep(order.uniform(0.01, 0.1))
            kinds = {}
            for pid in descendants():
                if not self.is_spared(pid):
                    kinds.setdefault(kind_of(pid), []).append(pid)
            if kinds:
                kind = order.choice(sorted(kinds))
                with contextlib.suppress(ProcessLookupError):
                    os.kill(order.choice(kinds[kind]), signal.SIGKILL)
                    self.count(f"killed {kind}")

    def rage(self):
        threads = [threading.Thread(target=self.work, args=(side, number)) for side in self.sides
                   for number in range(WORKERS)]
        threads.append(threading.Thread(target=self.kill))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


# ---- the stage ----------------------------------------------------------------------------------------------------------

class Registry:
    def __init__(self, work):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{probe.getsockname()[1]}"
        (work / "registry").mkdir()
        config = work / "registry.yml"
        config.write_text(f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {work}/registry}}}}\n"
                          f"http: {{addr: {self.host}}}\n", encoding="utf-8")
        self.process = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        for _ in range(100):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://{self.host}/v2/", timeout=1).close()
                return
            time.sleep(0.05)
        self.stop()
        raise RuntimeError("docker-registry did not start")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def make_user():
    name = f"rung-storm-{os.getpid()}"
    subprocess.run(["useradd", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/bin/sh", name], check=True)
    with open("/etc/subuid", encoding="utf-8") as file:
        if f"{name}:" not in file.read():
            subprocess.run(["usermod", "--add-subuids", "20000000-20065535", "--add-subgids", "20000000-20065535", name],
                           check=True)
    return pwd.getpwnam(name)


@pytest.fixture
def stage():
    if not shutil.which("docker-registry"):
        pytest.skip("docker-registry is not installed")
    leftovers.adopt()
    before = leftovers.snapshot()
    user = make_user() if os.geteuid() == 0 else None
    work = pathlib.Path(tempfile.mkdtemp(prefix="rung-storm-"))
    os.chmod(work, 0o755)
    registry = None
    try:
        busybox_image.build(str(work / "busybox.tar"))
        os.chmod(work / "busybox.tar", 0o644)
        registry = Registry(work)
        sides = [Side(work, None)] + ([Side(work, user)] if user else [])
        for side in sides:
            side.must("load", "-q", "-i", str(work / "busybox.tar"))
        for tag in range(3):
            sides[0].must("tag", IMAGE, f"{registry.host}/storm:{tag}")
            sides[0].must("push", "-q", "--tls-verify=false", f"{registry.host}/storm:{tag}")
        yield sides, registry
        registry.stop()
        for side in sides:
            side.must("rm", "-f", "-a", "-t", "0")
        left = leftovers.reap()
        assert not left, [leftovers.describe(pid) for pid in left]
    finally:
        if registry:
            registry.stop()
        for pid in leftovers.children():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        subprocess.run(["rm", "-rf", str(work)], check=False)
        if user:
            subprocess.run(["userdel", user.pw_name], check=False)
    mess = leftovers.since(before, re.compile(rf"{work}|rung-storm-|[0-9a-f]{{64}}"))
    assert not mess, mess


def test_nothing_is_lost_in_a_storm(stage):
    sides, registry = stage
    storm = Storm(sides, registry)
    print(f"seed {SEED}, {SECONDS:.0f} s")
    storm.rage()
    print(" ".join(f"{what}: {count};" for what, count in sorted(storm.counts.items())))
    assert not storm.failures, f"seed {SEED}\n" + "\n".join(storm.failures)
    assert sum(count for what, count in storm.counts.items() if what.startswith("killed")) > SECONDS / 2
    for side in sides:
        check_calm(side)
        side.must("pod", "rm", "-f", "-a", "-t", "0")
        names = side.must("ps", "-a", "-q").split()
        if names:
            side.must("rm", "-f", "-t", "0", *names)
        assert side.must("ps", "-a", "-q") == ""
        side.must("volume", "prune", "-a", "-f")
        side.must("system", "check")
        place = side.store
        left = [path.name for folder in ("containers", "names", "volumes") for path in (place / folder).glob("*")]
        assert not left, f"left of {side.user}: {left}"
        # What is there can be used.
        assert side.must("run", "--rm", "--network", "none", IMAGE, "echo", "well") == "well\n"


def check_calm(side):
    """The calm ones are all there, ended by themselves, and with their whole log."""
    assert side.calm, "no calm container was started"
    for name, line in side.calm.items():
        code = side.must("wait", name).strip()
        assert code == str(CALM_EXIT), f"{name}: exit code {code}"
        assert side.must("logs", name) == f"begin\n{line}\n", f"the log of {name}"
