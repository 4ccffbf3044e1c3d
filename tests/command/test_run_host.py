"""`rung run @host`: the running system copy-on-write. No write may reach it, whoever runs."""

import os
import pathlib
import pwd
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT, needs_root
from running import run  # noqa: F401 (a fixture)

needs_user = pytest.mark.skipif(ROOT, reason="is about ordinary users")
MARK = f"rung-test-mark-{os.getpid()}"
HOME = pwd.getpwuid(os.geteuid()).pw_dir


def own(path):
    return os.path.isdir(path) and os.stat(path).st_uid == os.geteuid()


@needs_root
@pytest.mark.parametrize("directory", ["/", "/etc", "/usr/bin", "/tmp", "/root", "/var/tmp", "/home"])
def test_root_changes_everything_and_nothing(run, directory):
    path = pathlib.Path(directory) / MARK
    run.host(f"echo x > {path} && cat {path}", check=0)
    assert not path.exists()


@needs_root
def test_root_deletes_everything_and_nothing(run):
    before = sorted(os.listdir("/etc"))
    assert run.host("rm -rf /etc/*; ls /etc | wc -l", check=0).output == "0\n"
    assert sorted(os.listdir("/etc")) == before


@needs_root
def test_other_file_systems_are_caught_too(run):
    """In a mount namespace of the test's, with a tmpfs, a bind mount and a file mounted over a file."""
    (run.work / "mounted").mkdir()
    (run.work / "bound").mkdir()
    (run.work / "file").write_text("outside\n")
    (run.work / "over").write_text("below\n")
    (run.work / "a b").mkdir()
    script = ('cd "$1" && mount -t tmpfs none mounted && mount --bind bound bound && mount --bind file over && '
              'mount -t tmpfs none "a b" && "$2" run @host sh -c \'echo x > mounted/x; echo x > bound/x; echo x > over; '
              'echo x > "a b/x"; ls mounted bound "a b"; cat over\'; echo status $?; ls mounted bound "a b"; cat file')
    done = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", run.work, run.words("", "x", 0)[0]], text=True,
                          capture_output=True, check=False)
    inner, _, outer = done.stdout.partition("status 0\n")
    assert sorted(inner.split()) == sorted(["mounted:", "x", "bound:", "x", "a", "b:", "x", "outside"]), done
    assert sorted(outer.split()) == sorted(["mounted:", "bound:", "a", "b:", "outside"]), done


def test_places_of_its_own(run):
    shown = run.host("ls /run | wc -l; ls /dev/pts; ls /proc | grep -c '^[0-9]'; ls -A /dev/shm", check=0).output.split()
    assert shown[0] == "0" and int(shown[-1]) <= 5 and os.path.exists("/proc/1")
    result = run.host("echo x > /sys/kernel/uevent_helper || echo x > /proc/sys/kernel/hostname")
    assert result.status != 0


def test_layers_are_not_shown(run):
    assert run.host(f"ls -A {run.layers} 2>/dev/null | wc -l", check=0).output == "0\n"


def test_working_directory_is_ours(run):
    (run.work / "here").mkdir()
    (run.work / "here/old").write_text("old\n")
    run.directory = str(run.work / "here")
    result = run.host("pwd; cat old; echo new > new; rm old; ls", check=0)
    assert result.output.split() == [run.directory, "old", "new"]
    assert os.listdir(run.directory) == ["old"]


def test_working_directory_is_gone(run):
    gone = run.work / "gone"
    gone.mkdir()
    words = run.words("", "pwd", True)
    done = subprocess.run(["sh", "-c", 'cd "$1" && rmdir "$1" && shift && exec "$@"', "sh", gone, *words], text=True,
                          capture_output=True, env=run.environment, check=False)
    assert done.returncode == 0 and done.stdout == "/\n", done


def test_a_name_keeps_changes_of_the_host(run):
    name = run.name()
    (run.work / "here").mkdir()
    run.directory = str(run.work / "here")
    run.host("echo kept > note", ["--name", name], check=0)
    assert os.listdir(run.directory) == []
    assert run.host("cat note", ["--name", name, "--rm"], check=0).output == "kept\n"


def test_environment_finds_its_way_without_secrets(run):
    run.environment.update(SECRET="secret", LANG="C.UTF-8")
    shown = run.host(["env"], check=0).output.splitlines()
    assert f"PATH={run.environment['PATH']}" in shown and "LANG=C.UTF-8" in shown
    assert not any(line.startswith("SECRET") for line in shown)


# ---- ordinary users


@needs_user
def test_a_user_is_himself(run):
    result = run.host("id -u; id -g; id -un; whoami", check=0)
    name = pwd.getpwuid(os.geteuid()).pw_name
    assert result.output.split() == [str(os.geteuid()), str(os.getegid()), name, name]


@needs_user
@pytest.mark.skipif(not own(HOME), reason="this user has no home")
@pytest.mark.parametrize("home", ["usual", "unset", "missing", "empty"])
def test_home_of_a_user_is_caught(run, home):
    values = {"usual": HOME, "missing": "/no/such/home", "empty": ""}
    run.environment.pop("HOME", None)
    if home in values:
        run.environment["HOME"] = values[home]
    assert run.host(f"echo x > $HOME/{MARK}; cat ~/{MARK}; echo $HOME", check=0).output.split() == ["x", HOME]
    assert not os.path.exists(f"{HOME}/{MARK}")


@needs_user
def test_system_is_read_only_for_a_user(run):
    assert "ead-only" in run.host(f"echo x > /etc/{MARK}").errors
    assert "ead-only" in run.host(f"echo x > /{MARK}").errors


@needs_user
def test_tmp_of_a_user_is_private(run):
    # A home in /tmp, as the check's temporary user has it, is caught and shown like any other.
    def top(path):
        return {path.relative_to("/tmp").parts[0]} if path.is_relative_to("/tmp") else set()

    shown = sorted(top(pathlib.Path(os.environ.get("HOME", "/"))))
    run.directory = "/"
    assert run.host(f"ls -A /tmp /var/tmp; touch /tmp/{MARK} /var/tmp/{MARK}", check=0).output.split() == [
        "/tmp:", *shown, "/var/tmp:"]
    run.directory = "/tmp"
    assert run.host(f"pwd; ls -A; touch {MARK}", check=0).output.split() == ["/tmp", *shown]
    run.directory = str(run.work)
    assert set(run.host(f"ls /tmp; touch /tmp/{MARK} {MARK}", check=0).output.split()) == {*shown, *top(run.work)}
    assert not os.path.exists(f"/tmp/{MARK}") and not (run.work / MARK).exists()


@needs_user
def test_directory_of_somebody_else(run):
    run.directory = "/etc"
    result = run.host(f"pwd; touch {MARK}")
    assert result.output == "/etc\n" and result.status != 0


# ---- real programs


def needs(*programs):
    missing = [program for program in programs if not shutil.which(program)]
    return pytest.mark.skipif(bool(missing), reason=f"no {' '.join(missing)}")


@needs("gcc")
def test_compiler(run):
    run.directory = str(run.work)
    (run.work / "a.c").write_text('#include <stdio.h>\nint main(void) { puts("hello"); return 3; }\n')
    result = run.host("gcc -O2 -o a a.c && ./a")
    assert result.status == 3 and result.output == "hello\n" and not (run.work / "a").exists()


@needs("git")
def test_git(run):
    run.directory = str(run.work)
    script = ("git init -q repo && cd repo && echo a > a && git add a && "
              "git -c user.name=n -c user.email=e commit -qm m && git log --format=%s")
    assert run.host(script, check=0).output == "m\n"
    assert not (run.work / "repo").exists()


def test_python_and_many_files(run):
    run.directory = str(run.work)
    script = ("import os, subprocess\nos.mkdir('many')\n"
              "for n in range(10000): open(f'many/{n}', 'w').write(str(n))\n"
              "subprocess.run(['tar', 'cf', 'all.tar', 'many'], check=True)\n"
              "out = subprocess.run(['tar', 'tf', 'all.tar'], capture_output=True).stdout\nprint(len(out.split()))")
    python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
    assert run.host([python, "-c", script], check=0).output == "10001\n"
    assert not (run.work / "many").exists()


@needs_root
@needs("dpkg", "dpkg-deb")
def test_package_manager(run):
    run.directory = str(run.work)
    package = run.work / "package"
    (package / "DEBIAN").mkdir(parents=True)
    (package / "usr/share").mkdir(parents=True)
    (package / "usr/share" / MARK).write_text("installed\n")
    (package / "DEBIAN/control").write_text(
        "Package: rung-test-package\nVersion: 1\nArchitecture: all\nMaintainer: n <n@example.org>\nDescription: test\n")
    script = (f"dpkg-deb -b package p.deb >/dev/null && dpkg -i p.deb >/dev/null && cat /usr/share/{MARK} && "
              "dpkg -r rung-test-package >/dev/null && dpkg -s rung-test-package 2>&1 | grep -c installed")
    result = run.host(script)
    assert result.output.startswith("installed\n"), result
    assert not os.path.exists(f"/usr/share/{MARK}") and not (run.work / "p.deb").exists()
