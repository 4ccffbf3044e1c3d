"""The command line as a person or a script meets it: help, errors, exit statuses, names, terminals, and what a start
costs. No privileges are needed."""

import os
import pathlib
import pty
import re
import shutil
import subprocess

import pytest

RUNG = os.environ.get("RUNG", str(pathlib.Path(__file__).resolve().parents[2] / "build/rung"))


def rung(*words, program=RUNG, env=None, **options):
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "NO_COLOR")}
    return subprocess.run([program, *words], capture_output=True, text=True, timeout=30, check=False,
                          stdin=subprocess.DEVNULL, env={**environment, **(env or {})}, **options)


def verbs(words=()):
    """All verbs, asked from the program itself: (), ("run",), ("oci",), ("oci", "create"), …"""
    yield words
    for line in rung("__complete", *words, "").stdout.splitlines():
        name, tab, _ = line.partition("\t")
        inner = (*words, name)
        # A candidate is a verb when its help names it.
        if tab and rung(*inner, "--help").stdout.startswith(f"Usage: rung {' '.join(inner)}"):
            yield from verbs(inner)


def test_overview():
    done = rung()
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.startswith("Usage: rung ")
    assert done.stdout == rung("--help").stdout == rung("help").stdout


def test_every_verb_explains_itself():
    seen, wide = 0, []
    for words in verbs():
        done = rung(*words, "--help")
        assert done.returncode == 0 and done.stderr == "", words
        assert done.stdout == rung("help", *words).stdout, words
        wide += [(*words, line) for line in done.stdout.splitlines() if len(line) > 80]
        seen += 1
    assert seen >= 15 and not wide


def test_help_follows_the_terminal():
    wide, narrow = (rung("oci", "exec", "--help", env={"COLUMNS": columns}).stdout for columns in ("100", "60"))
    assert len(narrow.splitlines()) > len(wide.splitlines())
    assert max(map(len, narrow.splitlines())) <= 60


@pytest.mark.parametrize("words,status,story,hint", [
    (("versoin",), 125, 'rung: unknown command "versoin"', "did you mean 'rung version'?"),
    (("--vresion",), 125, "rung: unknown option --vresion", "did you mean --version?"),
    (("--versio",), 125, "rung: unknown option --versio", "did you mean --version?"),
    (("version", "x"), 125, 'rung: unexpected argument "x"', "usage: rung version"),
    (("completion", "tcsh"), 125, 'rung: no completion for "tcsh"', "bash|zsh|fish"),
    (("help", "xyzzy"), 125, 'rung: unknown command "xyzzy"', "rung --help"),
    (("oci", "craete"), 1, 'rung: unknown command "craete"', "did you mean 'rung oci create'?"),
    (("oci", "state"), 1, "rung: CONTAINER is missing", "usage: rung oci state"),
    (("oci", "--log-format=xml", "list"), 1, 'rung: --log-format: "xml" is none of its words', "one of text, json"),
])
def test_wrong_words(words, status, story, hint):
    done = rung(*words)
    first, second = done.stderr.splitlines()
    assert done.returncode == status and done.stdout == ""
    assert first == story
    assert second.startswith("hint: ") and hint in second


@pytest.mark.parametrize("name", ["rung-oci", "crun", "runc"])
def test_other_names(tmp_path, name):
    program = tmp_path / name
    program.symlink_to(RUNG)
    assert rung("--help", program=program).stdout.startswith(f"Usage: {name} ")
    assert "rung version" in rung("--version", program=program).stdout
    done = rung("--root", str(tmp_path), "state", "nobody", program=program)
    assert done.returncode == 1 and done.stderr.startswith(f"{name}: ")
    assert "create\t" in rung("__complete", "cr", program=program).stdout


def test_full_disk_is_a_failure():
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([RUNG, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=30)
    assert done.returncode == 125
    assert done.stderr == "rung: write to standard output: No space left on device\n"


def on_terminal(*words, **variables):
    """What a program prints on a terminal."""
    ours, theirs = pty.openpty()
    environment = {"PATH": "/usr/bin:/bin", "TERM": "xterm", **variables}
    child = subprocess.Popen([RUNG, *words], stdout=theirs, stdin=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    output = b""
    try:
        while chunk := os.read(ours, 65536):
            output += chunk
    except OSError:
        pass  # the other side is closed
    os.close(ours)
    assert child.wait(timeout=30) == 0
    return output.decode()


def test_colours():
    assert "\x1b[1mUsage:\x1b[0m" in on_terminal("--help")
    for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in on_terminal("--help", **variables)
    assert "\x1b" not in rung("--help").stdout
    assert "\x1b[1m" in on_terminal("--help", NO_COLOR="")


def test_start_opens_nothing(tmp_path):
    """What every start pays: a static program that reads no file, no locale, no name service."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    if b"libasan" in pathlib.Path(RUNG).read_bytes():
        pytest.skip("a sanitizer opens files of its own")
    trace = tmp_path / "trace"
    traced = subprocess.run(["strace", "-o", trace, RUNG, "--version"], capture_output=True, text=True, check=False,
                            timeout=30)
    if traced.returncode != 0 and "ptrace" in traced.stderr:
        pytest.skip(f"strace may not trace here: {traced.stderr.strip()}")
    calls = re.findall(r"^(\w+)\(", trace.read_text(), re.MULTILINE)
    assert "execve" in calls and {"write", "writev"} & set(calls)
    assert not {"open", "openat", "openat2", "socket", "clone", "clone3"} & set(calls)
    assert len(calls) <= 20, calls
