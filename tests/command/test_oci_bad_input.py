"""Input that no engine sends, or only a broken or hostile one: one clear error, and nothing left behind."""

import json
import os
import resource
import signal

import pytest

import leftovers
from conftest import NAME, OURS, Result, lacking, only_rung


def refused(container, text, name="config.json"):
    (container.bundle / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    for command in ("run", "create"):
        result = container.oci(command, "--bundle", container.bundle, container.id)
        assert result.status != 0, f"{command} took it"
        check_error(result)
        nothing_left(container)
    return result.errors


def nothing_left(container):
    """Before anybody has called delete: no state, no cgroup, no process."""
    state = container.work / "state"
    left = [str(path) for path in state.rglob(f"*{container.id}*")] if state.exists() else []
    left += [line for line in leftovers.cgroups() if container.id in line]
    left += [leftovers.describe(pid) for pid in leftovers.reap()]
    assert not left, f"left behind: {left}"


def check_error(result: Result):
    lines = [line for line in result.errors.splitlines() if not line.startswith("hint:")]
    assert lines, "failed without a word"
    if OURS:
        assert len(lines) == 1, f"more than one error: {result.errors}"
        assert len(lines[0]) < 600 and lines[0].isprintable(), lines[0]
        assert result.status in (1, 255), f"died of a signal: {result.status}"  # 255: exec, as runc has it


@pytest.mark.parametrize("text", [
    "", " ", "{", "[]", "null", "7", '"text"', "{]", '{"a":}', "{'a': 1}", "{}", '{"ociVersion": "1.0.2"',
    b"\xff\xfe\x00", b"{\"ociVersion\": \"\xff\"}", '{"ociVersion":"1.0.2"} trailing', "[" * 100000, "{\"a\":" * 50000,
    '{"ociVersion":"1.0.2","process":' + "[" * 2000 + "]" * 2000 + "}"], ids=lambda text: repr(text[:20]))
def test_malformed_json(container, text):
    if not OURS and isinstance(text, str) and "trailing" in text:
        pytest.skip(f"{NAME} reads the first value only")
    refused(container, text)


def test_no_configuration(container):
    result = container.oci("run", "--bundle", container.bundle, container.id)
    check_error(result)
    assert result.status != 0 and "config.json" in result.errors


def test_no_bundle(container):
    result = container.oci("run", "--bundle", container.work / "missing", container.id)
    assert result.status != 0
    check_error(result)


def test_bundle_that_is_a_file(container):
    (container.work / "file").write_text("")
    result = container.oci("run", "--bundle", container.work / "file", container.id)
    assert result.status != 0
    check_error(result)


@only_rung
@pytest.mark.parametrize("name", ["config.json"])
def test_configuration_that_never_ends(container, name):
    os.symlink("/dev/zero", container.bundle / name)
    result = container.oci("run", "--bundle", container.bundle, container.id)
    assert result.status != 0
    check_error(result)


@only_rung
def test_configuration_that_is_a_pipe(container):
    """Opening a pipe nobody writes to must not hang for ever."""
    os.mkfifo(container.bundle / "config.json")
    result = container.oci("run", "--bundle", container.bundle, container.id, timeout_s=10)
    assert result.status != 0
    check_error(result)


def put(config, path, value):
    """put(config, "process.user.uid", 7); None removes."""
    *folders, last = path.split(".")
    for name in folders:
        config = config[int(name)] if isinstance(config, list) else config.setdefault(name, {})
    if value is None:
        config.pop(last, None)
    elif isinstance(config, list):
        config[int(last)] = value
    else:
        config[last] = value


# Of each row ours refuses all; what runc and crun take is none of this test's business.
WRONG = [
    ("ociVersion", None), ("ociVersion", 1), ("ociVersion", ""), ("ociVersion", "banana"), ("ociVersion", "2.0.0"),
    ("root", None), ("root", 1), ("root", {}), ("root.path", 7), ("root.path", None), ("root.readonly", "yes"),
    ("process", 1), ("process", []), ("process.args", "true"), ("process.args", [1]), ("process.args", None),
    ("process.cwd", None), ("process.cwd", ""), ("process.cwd", 7), ("process.env", "A=b"), ("process.env", [1]),
    ("process.env", ["NOEQUALS"]), ("process.env", ["=x"]), ("process.user", 7), ("process.user.uid", "0"),
    ("process.user.uid", -1), ("process.user.uid", 4294967296), ("process.user.uid", 1.5),
    ("process.user.uid", 18446744073709551616), ("process.user.gid", -1), ("process.user.additionalGids", 5),
    ("process.user.additionalGids", [-1]), ("process.user.umask", "022"), ("process.user.umask", 4096),
    ("process.terminal", "no"), ("process.noNewPrivileges", "yes"), ("process.oomScoreAdj", 5000),
    ("process.oomScoreAdj", "1"), ("process.capabilities", ["CAP_KILL"]), ("process.capabilities.bounding", "CAP_KILL"),
    ("process.capabilities.effective", [5]), ("process.rlimits", {}), ("process.rlimits", [{}]),
    ("process.rlimits", [{"type": "RLIMIT_NOFILE"}]), ("process.rlimits", [{"type": 5, "soft": 1, "hard": 1}]),
    ("process.rlimits", [{"type": "RLIMIT_NOFILE", "soft": -1, "hard": 5}]), ("process.apparmorProfile", 5),
    ("hostname", 5), ("hostname", []), ("domainname", 5), ("annotations", []), ("annotations", {"a": 1}),
    ("mounts", {}), ("mounts", [5]), ("mounts.0.destination", None), ("mounts.0.options", {}),
    ("mounts.0.options", [5]), ("mounts.0.type", 5), ("mounts.0.source", 5), ("hooks", []), ("hooks.prestart", {}),
    ("hooks.prestart", [{"path": 5}]), ("linux", []), ("linux", 7), ("linux.namespaces", {}),
    ("linux.namespaces", [{}]), ("linux.namespaces", [{"type": "pid", "path": 5}]),
    ("linux.namespaces", [{"type": "mount"}, {"type": "pid", "path": "relative"}]), ("linux.uidMappings", {}),
    ("linux.uidMappings", [{"containerID": "0", "hostID": 0, "size": 1}]), ("linux.sysctl", []),
    ("linux.sysctl", {"net.core.somaxconn": 5}), ("linux.devices", {}), ("linux.devices", [5]),
    ("linux.cgroupsPath", 5), ("linux.resources", []), ("linux.resources.memory", []),
    ("linux.resources.memory", {"limit": "1G"}), ("linux.resources.cpu", {"shares": -1}),
    ("linux.resources.cpu", {"quota": "50%"}), ("linux.resources.pids", {"limit": 1.5}),
    ("linux.resources.devices", {}), ("linux.resources.blockIO", {"weight": "x"}), ("linux.resources.unified", []),
    ("linux.seccomp", []), ("linux.seccomp", {}), ("linux.seccomp", {"defaultAction": "ALLOW"}),
    ("linux.rootfsPropagation", 5), ("linux.rootfsPropagation", "banana"), ("linux.maskedPaths", "x"),
    ("linux.maskedPaths", [5]), ("linux.readonlyPaths", {}), ("linux.maskedPaths", ["relative"]),
    ("linux.mountLabel", 5), ("linux.intelRdt", []), ("linux.intelRdt", {"closID": 5}), ("linux.personality", 5),
    ("linux.personality", {"domain": 5}), ("linux.timeOffsets", []), ("linux.timeOffsets", {"banana": {"secs": 1}}),
    ("linux.netDevices", []), ("linux.memoryPolicy", {"mode": "banana"}),
]


@only_rung
@pytest.mark.parametrize("path,value", WRONG, ids=[f"{path}={json.dumps(value)[:40]}" for path, value in WRONG])
def test_wrong_values(container, path, value):
    put(container.config, path, value)
    errors = refused(container, json.dumps(container.config))
    # The error leads to the place: its last word at least.
    assert path.split(".")[-1] in errors or path.split(".")[-2 if "." in path else 0] in errors, errors


@pytest.mark.parametrize("path", ["unknown", "process.unknown", "linux.unknown", "linux.resources.unknown",
                                  "root.unknown"])
def test_unknown_fields_are_no_error(container, path):
    """The specification wants it so: a newer engine may send more."""
    put(container.config, path, {"x": [1]})
    container.run("true", check=0)


@pytest.mark.parametrize("version", ["1.0.0", "1.0.2-dev", "1.1.0", "1.2.1", "1.3.0", "1.99.0", "1.3.0+meta"])
def test_any_minor_version_is_taken(container, version):
    if NAME == "crun" and version > "1.2":
        pytest.skip("crun refuses it")
    container.config["ociVersion"] = version
    container.run("true", check=0)


@lacking("crun", "runc")
@pytest.mark.parametrize("path,other", [("ociVersion", '"1.0.1"'), ("root", '{"path":"/etc"}')])
def test_a_key_given_twice(container, path, other):
    """Two readers of the same file must not see two different configurations: the last one counts, or it is refused."""
    text = json.dumps(container.config)
    (container.bundle / "config.json").write_text(f'{{"{path}": {other}, {text[1:]}', encoding="utf-8")
    result = container.oci("run", "--bundle", container.bundle, container.id)
    assert result.status == 0 or path in result.errors


@pytest.mark.parametrize("size", [100, 1000])
def test_long_lists_are_taken(container, size):
    container.process["env"] += [f"V{number}=x" for number in range(size)]
    container.config["annotations"] = {f"a{number}": "x" * 50 for number in range(size)}
    container.linux["maskedPaths"] += [f"/no/such/path/{number}" for number in range(size)]
    container.run("true", check=0)


def test_arguments_too_long_for_the_kernel(container):
    container.process["args"] = ["true", "x" * (200 << 10)]
    result = container.run()
    assert result.status != 0
    assert "too long" in result.errors or not OURS


@only_rung
@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"args":5}', '{"args":[]}', '{"args":["true"],"cwd":"x"}'])
def test_wrong_exec_process(container, text):
    container.start()
    path = container.work / "process.json"
    path.write_text(text, encoding="utf-8")
    result = container.oci("exec", "--process", path, container.id)
    assert result.status != 0
    check_error(result)
    assert container.status() == "running"


@only_rung
def test_state_file_of_somebody_else(container):
    """A state directory that holds rubbish must not stop `list`, nor crash anything."""
    container.start()
    state = container.work / "state"
    (state / "rubbish").mkdir(exist_ok=True)
    for path in list(state.rglob("*")):
        if path.is_file() and container.id in str(path):
            (state / "rubbish" / path.name).write_bytes(b"\0\xff{" * 100)
    result = container.oci("list")
    assert result.status < 128 and container.id in result.output
    result = container.oci("state", "rubbish")
    assert 0 < result.status < 128


# ---- a machine that has run out of something ------------------------------------------------------------------------

@only_rung
@pytest.mark.parametrize("limit", list(range(3, 40)))
def test_too_few_descriptors(container, limit):
    """EMFILE at every step: with enough it works, with less there is one error; never a leftover, never a hang."""
    container.write()
    result = container.oci("run", "--bundle", container.bundle, container.id,
                           preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
    if result.status != 0:
        assert result.errors.strip()
        nothing_left(container)


@only_rung
@pytest.mark.parametrize("limit", [0, 1, 100, 400, 1000])
def test_no_room_for_files(container, limit):
    """EFBIG stands for ENOSPC: a record that cannot be written wholly is an error, and no container exists."""
    container.write()

    def lower():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    result = container.oci("create", "--bundle", container.bundle, container.id, preexec_fn=lower)
    if result.status != 0:
        # The error itself had no room either.
        nothing_left(container)
