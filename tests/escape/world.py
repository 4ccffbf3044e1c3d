"""The world that is attacked: files with a secret, a bystander beside them, and a careless starter.

    with World(program) as world:
        verdict = world.attack("tcp", WITHOUT)

Each attempt gets a world of its own, so that what one spoils is no other's loss. What the attempt says of itself is not
believed: whatever changed outside counts as an escape too.
"""

import fcntl
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import tempfile
import termios

HERE = pathlib.Path(__file__).resolve().parent
ROOT = os.geteuid() == 0
SECRET = "secret of the host"
TIMEOUT_S = 60
# An exit by SIGSYS: a filter that kills instead of refusing.
KILLED_BY_FILTER = {128 + 31, -31}


class Attempt:
    def __init__(self, name, needs, what):
        self.name, self.needs, self.what = name, needs.split(), what

    def __repr__(self):
        return self.name


def read_attempts():
    text = (HERE / "attempts.h").read_text(encoding="utf-8")
    found = re.findall(r'^ATTEMPT\((\w+),\s*"([^"]*)",\s*((?:"[^"]*"\s*)+)\)$', text, re.MULTILINE)
    assert len(found) == len(re.findall(r"^ATTEMPT\(", text, re.MULTILINE)), "a line of attempts.h is not understood"
    return {name: Attempt(name, needs, "".join(re.findall(r'"([^"]*)"', what))) for name, needs, what in found}


ATTEMPTS = read_attempts()


class Verdict:
    """How it ended: "escaped", "held" or "impossible", and why."""

    def __init__(self, word, reason):
        self.word, self.reason = word, reason

    def __repr__(self):
        return f"{self.word}: {self.reason}"


def build(directory):
    """The attacker, static: it runs wherever it is shown."""
    program = pathlib.Path(directory) / "escape"
    subprocess.run(["cc", "-std=gnu2x", "-D_GNU_SOURCE", "-O1", "-static", "-o", program, *sorted(HERE.glob("*.c"))], check=True)
    pathlib.Path(directory).chmod(0o755)
    return program


def without_wall(world, attempt):
    """The command as it is; but mounts stay in a namespace that goes with it, and some need a PID 1 of their own."""
    words = [str(world.program)]
    if "pid1" in attempt.needs:
        words = ["sh", "-c", '"$@"; exit $?', "sh", *words]
        users = [] if ROOT else ["--user", "--map-root-user"]
        return ["unshare", *users, "--pid", "--fork", "--mount-proc", *words]
    return ["unshare", "--mount", "--propagation", "private", *words] if ROOT else words


class World:
    def __init__(self, program, display=""):
        """@display: the number of a real X server, if there is one."""
        self.program, self.display = program, display

    def __enter__(self):
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="rung-escape-"))
        for name in ("home/.ssh", "shown", "given", "run"):
            (self.top / name).mkdir(parents=True)
        (self.top / "run").chmod(0o700)
        for name in ("secret", "home/letter", "home/.ssh/id_secret"):
            (self.top / name).write_text(SECRET, encoding="utf-8")
        (self.top / "shown/file").write_text("shown\n", encoding="utf-8")
        shutil.copy(self.program, self.top / "tool")
        self.environment = {**os.environ, "HOME": str(self.top / "home"), "XDG_RUNTIME_DIR": str(self.top / "run"),
                            "RUNG_ESCAPE_TOKEN": SECRET, "SSH_AUTH_SOCK": str(self.top / "run/agent"), "DISPLAY": ":0",
                            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={self.top}/run/bus", "WAYLAND_DISPLAY": "wayland-0"}
        self.environment.pop("XDG_DATA_HOME", None)
        self.bystander = subprocess.Popen([self.program, "bystander", self.top], stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE, env=self.environment)
        line = self.bystander.stdout.readline().decode()
        assert line, "the bystander did not start"
        self.told = dict(word.split("=", 1) for word in line.split())
        self.told.update(top=str(self.top), real_display=self.display)
        self.before = self.state()
        return self

    def __exit__(self, *_):
        self.bystander.stdin.close()
        try:
            self.bystander.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.bystander.kill()
            self.bystander.wait()
        self.bystander.stdout.close()
        subprocess.run(["chmod", "-R", "u+rwx", self.top], check=False)
        shutil.rmtree(self.top)

    def state(self):
        """Everything of the world that nobody inside may change; "given" is theirs, what rung keeps of a run its own."""
        found = {}
        self.bystander.stdin.write(b"?")
        self.bystander.stdin.flush()
        ready, _, _ = select.select([self.bystander.stdout], [], [], TIMEOUT_S)
        found["bystander"] = self.bystander.stdout.readline().decode().strip() if ready else "stopped"
        for path in sorted(self.top.rglob("*")):
            if any(path.is_relative_to(self.top / name) for name in ("given", "home/.local", "run/rung")):
                continue
            about = path.lstat()
            content = path.read_bytes() if path.is_file() and about.st_size < 4096 else b""
            found[str(path.relative_to(self.top))] = (about.st_mode, about.st_size, about.st_mtime_ns if path.is_file() else 0,
                                                      content, os.listxattr(path, follow_symlinks=False))
        return found

    def harm(self):
        """What is not as it was."""
        now = self.state()
        return [f"{name}: {self.before.get(name)} became {now.get(name)}" for name in {*now, *self.before}
                if now.get(name) != self.before.get(name)]

    def words(self, attempt, wall):
        told = [f"{name}={value}" for name, value in self.told.items()]
        options = [word for word in attempt.needs if word in ("terminal", "events")]
        return [str(self.program), "start", *options, f"group={self.told['pid']}", f"udp={self.told['udp']}", f"top={self.top}",
                "--", *wall(self, attempt), "try", attempt.name, *told]

    def attack(self, attempt, wall):
        """Runs the attempt behind the wall: a function that gives the words in front of the program's own, and the program."""
        if "console" in attempt.needs and not os.access("/dev/tty1", os.R_OK | os.W_OK):
            return Verdict("impossible", "there is no console to be had")
        words = self.words(attempt, wall)
        if "terminal" in attempt.needs:
            status, output, errors, typed = self.on_terminal(words)
        else:
            done = self.run(words, attempt)
            status, output, errors, typed = done.returncode, done.stdout, done.stderr, 0
        harm = self.harm()
        if typed:
            harm.append(f"{typed} characters were typed into the terminal")
        found = re.search(r"(ESCAPED|HELD|DONE|IMPOSSIBLE): (.*)", output)
        if not found:
            assert status in KILLED_BY_FILTER, f"no verdict: {status} {output} {errors}"
            return Verdict("held", "killed by the filter")
        word, reason = found[1].lower(), found[2].strip()
        if harm:
            return Verdict("escaped", f"{reason}; {'; '.join(harm)}")
        return Verdict("held", f"{reason}, but nothing came of it outside") if word == "done" else Verdict(word, reason)

    def run(self, words, attempt):
        source = subprocess.DEVNULL
        if "console" in attempt.needs:
            source = os.open("/dev/tty1", os.O_RDWR | os.O_NOCTTY)
        try:
            return subprocess.run(words, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  env=self.environment, timeout=TIMEOUT_S, check=False)
        finally:
            if source >= 0:
                os.close(source)

    def on_terminal(self, words):
        """With a controlling terminal of its own; how many characters wait there afterwards that nobody typed?"""
        master, terminal = pty.openpty()
        try:
            with tempfile.TemporaryFile("w+") as errors:
                process = subprocess.Popen(words, stdin=terminal, stdout=terminal, stderr=errors, env=self.environment)
                output = b""
                while process.poll() is None or select.select([master], [], [], 0)[0]:
                    if select.select([master], [], [], 0.02)[0]:
                        output += os.read(master, 4096)
                errors.seek(0)
                waiting = fcntl.ioctl(terminal, termios.FIONREAD, b"\0\0\0\0")
                return process.returncode, output.decode(), errors.read(), int.from_bytes(waiting, "little")
        finally:
            os.close(master)
            os.close(terminal)
