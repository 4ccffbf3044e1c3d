"""Drives rung-layer the way rung does: by words and descriptors.

    def test_plain(layer):
        layer.unpack(archive({"a": b"text"}))
        assert layer.scan()["a"].content == b"text"

For an ordinary user the program joins a user namespace with his subordinate ids, and the tests look at the result from
inside of it.
"""

import collections
import gzip
import io
import json
import os
import pathlib
import pickle
import shutil
import subprocess
import sys
import tarfile
import time

import pytest
from conftest import LIVE, ROOT, RUNTIME, subordinate

BESIDE = pathlib.Path(RUNTIME[0]).parent
OVERLAY = "trusted.overlay." if ROOT else "user.overlay."
TIMEOUT_S = 60

Entry = collections.namedtuple("Entry", "kind mode uid gid size modified link device inode links content attributes")

# Run inside the namespace, so it may import nothing of ours.
SCAN = r"""
import os, pickle, stat, sys
kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link", stat.S_IFCHR: "character",
         stat.S_IFBLK: "block", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket"}
found = {}
top = os.fsencode(sys.argv[1])
def look(path, name):
    about = os.lstat(path)
    kind = kinds[stat.S_IFMT(about.st_mode)]
    attributes = {}
    for attribute in os.listxattr(path, follow_symlinks=False):
        attributes[attribute] = os.getxattr(path, attribute, follow_symlinks=False)
    content = open(path, "rb").read() if kind == "file" and about.st_size < 1 << 24 else None
    found[name] = (kind, stat.S_IMODE(about.st_mode), about.st_uid, about.st_gid, about.st_size, about.st_mtime_ns,
                   os.readlink(path) if kind == "link" else None,
                   (os.major(about.st_rdev), os.minor(about.st_rdev)) if kind in ("character", "block") else None,
                   about.st_ino, about.st_nlink, content, attributes)
    if kind == "directory":
        for child in os.listdir(path):
            look(path + b"/" + child, name + b"/" + child if name != b"." else child)
look(top, b".")
sys.stdout.buffer.write(pickle.dumps(found))
"""


def find_program():
    for place in ("src/programs/layer/rung-layer", "rung-layer"):
        if os.access(BESIDE / place, os.X_OK):
            return str(BESIDE / place)
    return None


def member(name, content=b"", **fields):
    """(TarInfo, content) with times and owners that no test has to name."""
    info = tarfile.TarInfo(name)
    info.mtime, info.mode = 1700000000, 0o644
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def directory(name, mode=0o755, **fields):
    return member(name, type=tarfile.DIRTYPE, mode=mode, **fields)


def symlink(name, target):
    return member(name, type=tarfile.SYMTYPE, linkname=target)


def hardlink(name, target, **fields):
    return member(name, type=tarfile.LNKTYPE, linkname=target, **fields)


def archive(members, form=tarfile.PAX_FORMAT):
    """A tar of (TarInfo, content) pairs, or of {name: content}."""
    if isinstance(members, dict):
        members = [member(name, content) for name, content in members.items()]
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=form, errors="surrogateescape", encoding="utf-8") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return output.getvalue()


def compress(data, how):
    if how == "gzip":
        return gzip.compress(data, 6)
    if how == "zstd":
        return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


class Failure(Exception):
    def __init__(self, report):
        super().__init__(report.get("error"))
        self.number, self.text = report["errno"], report["error"]


class Layer:
    def __init__(self, work):
        self.work = work
        self.outside = work / "outside"
        self.outside.mkdir()
        (self.outside / "secret").write_text("untouched")
        self.count = 0
        self.holder, self.namespace = None, None
        if not ROOT:
            self.hold_namespace()
        self.tree = self.new_tree()

    def hold_namespace(self):
        """A process in a user namespace with this user's ranges."""
        self.holder = subprocess.Popen(["unshare", "--user", "--map-root-user", "--map-auto", "sh", "-c",
                                        "echo ready; exec sleep 1000"], stdout=subprocess.PIPE)
        LIVE[self.holder.pid] = self.holder
        assert self.holder.stdout.readline() == b"ready\n"
        self.namespace = os.open(f"/proc/{self.holder.pid}/ns/user", os.O_RDONLY)

    def inside(self):
        if ROOT:
            return []
        return ["nsenter", "--user", "--setuid", "0", "--setgid", "0", "--target", str(self.holder.pid)]

    def close(self):
        subprocess.run([*self.inside(), "rm", "-rf", "--one-file-system", self.work / "trees"], check=True)
        if self.holder:
            os.close(self.namespace)
            self.holder.kill()
            self.holder.wait()
            self.holder.stdout.close()
            del LIVE[self.holder.pid]

    def new_tree(self):
        self.count += 1
        path = self.work / "trees" / str(self.count)
        path.mkdir(parents=True)
        return path

    def popen(self, verb, *words, **descriptors):
        """Starts it. Values are file objects, descriptors, bytes (given as a file) or paths of directories."""
        opened, line = [], [find_program(), verb, *map(str, words)]
        reading, writing = os.pipe()
        if self.namespace is not None:
            descriptors["user_namespace"] = self.namespace
        for name, value in {**descriptors, "report": writing}.items():
            if isinstance(value, bytes):
                file = open(self.work / f"input-{name}", "w+b")
                file.write(value)
                file.flush()
                file.seek(0)
                opened.append(file)
                value = file.fileno()
            elif isinstance(value, (str, pathlib.Path)):
                value = os.open(value, os.O_RDONLY | os.O_DIRECTORY)
                opened.append(value)
            elif not isinstance(value, int):
                value = value.fileno()
            line += ["--" + name.replace("_", "-"), str(value)]
        numbers = [int(line[i + 1]) for i, word in enumerate(line)
                   if word.startswith("--") and word[2:].replace("-", "_") in {*descriptors, "report"}]
        process = subprocess.Popen(line, pass_fds=numbers, stdin=subprocess.DEVNULL)
        LIVE[process.pid] = process
        os.close(writing)
        for file in opened:
            if isinstance(file, int):
                os.close(file)
            else:
                file.close()
        process.report = os.fdopen(reading, "rb")
        return process

    @staticmethod
    def end(process):
        """The lines of its report; a Failure if the last one tells of an error."""
        lines = [json.loads(line) for line in process.report.read().splitlines()]
        process.report.close()
        status = process.wait(TIMEOUT_S)
        del LIVE[process.pid]
        assert lines, f"exit status {status} without a report"
        assert status == (1 if "error" in lines[-1] else 0)
        if "error" in lines[-1]:
            raise Failure(lines[-1])
        return lines

    def run(self, verb, *words, **descriptors):
        return self.end(self.popen(verb, *words, **descriptors))[-1]

    def unpack(self, data, *words, tree=None, **descriptors):
        return self.run("unpack", "--overlay", OVERLAY, *words, input=data, tree=tree or self.tree, **descriptors)

    def extract(self, data, *words, tree=None):
        return self.run("extract", *words, input=data, tree=tree or self.tree)

    def written(self, verb, *words, tree=None, **more):
        """(report, bytes) of a verb that writes."""
        with open(self.work / "output", "w+b") as file:
            report = self.run(verb, *words, tree=tree or self.tree, output=file, **more)
            file.seek(0)
            return report, file.read()

    def scan(self, tree=None):
        """{name: Entry} of a tree, "." is the tree itself; names are text with surrogates."""
        done = subprocess.run([*self.inside(), sys.executable, "-I", "-c", SCAN, tree or self.tree],
                              stdout=subprocess.PIPE, check=True)
        return {os.fsdecode(name): Entry(*fields) for name, fields in pickle.loads(done.stdout).items()}

    def shell(self, script, tree=None):
        """A script in the tree, as its root."""
        subprocess.run([*self.inside(), "sh", "-euc", script], cwd=tree or self.tree, check=True)

    def attribute(self, name, attribute, value):
        script = "import os, sys; os.setxattr(sys.argv[1], sys.argv[2], sys.argv[3].encode())"
        subprocess.run([*self.inside(), sys.executable, "-I", "-c", script, self.tree / name, attribute, value],
                       check=True)

    def check_outside(self):
        """Nothing but what the test made lies beside the trees."""
        assert (self.outside / "secret").read_text() == "untouched"
        assert os.listdir(self.outside) == ["secret"]
        assert {path.name for path in self.work.iterdir()} <= {"outside", "trees", "output", "input-input"}


@pytest.fixture
def layer(work):
    if not find_program():
        pytest.skip("rung-layer is not built")
    if not ROOT and not subordinate("uid"):
        pytest.skip("this user has no subordinate ids")
    one = Layer(work)
    yield one
    one.close()


def facts(entry, attributes=True):
    """What two unpackers must agree on: all but inode numbers, sizes of directories, and what is not said of links."""
    entry = entry._replace(inode=0, attributes={} if not attributes else
                           {name: value for name, value in entry.attributes.items() if name != "security.selinux"})
    if entry.kind == "directory":
        entry = entry._replace(size=0, links=0)
    if entry.kind == "link":
        entry = entry._replace(mode=0)
    return entry


def wait_for(condition, what):
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


have_zstd = pytest.mark.skipif(not shutil.which("zstd"), reason="needs zstd")
