"""Completion in real shells: bash and zsh get a terminal and a Tab key, fish is asked by its own `complete -C`.

Two kinds of program stand behind the scripts: rung itself, whose answers come from its option tables, and a stand-in
whose answers are fixed, so that every kind of answer is tried in every shell (a file name with a blank, a value behind
"=", a description with a colon). After Tab and Enter the stand-in prints the words that the shell gave to it.
"""

import os
import pathlib
import shutil
import subprocess

import pexpect
import pytest

RUNG = os.environ.get("RUNG", str(pathlib.Path(__file__).resolve().parents[2] / "build/rung"))
SHELLS = ("bash", "zsh", "fish")

STAND_IN = r"""#!/bin/sh
if [ "$1" != __complete ]; then
    printf '<%s>' "$@"
    echo
    exit
fi
for last; do :; done
case $last in
--con*) printf -- '--container\tits name: or id\n' ;;
--mode=f*) printf -- '--mode=fast\n' ;;
we*) printf 'web:1\ta container\n' ;;
--file=*|note*) echo :files ;;
fold*) echo :directories ;;
ls_of_*) echo :commands ;;
esac
"""


@pytest.fixture(name="folder")
def make_folder(tmp_path):
    """A directory with a stand-in called rung, files to complete, and a command."""
    (tmp_path / "bin").mkdir()
    for name, text in (("rung", STAND_IN), ("ls_of_mine", "#!/bin/sh\n")):
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "notes one").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folded").touch()
    return tmp_path


def script(shell):
    return subprocess.run([RUNG, "completion", shell], check=True, capture_output=True, text=True, timeout=20).stdout


def environment(folder, shell):
    return {"PATH": f"{folder}/bin:/usr/bin:/bin", "HOME": str(folder), "TERM": "dumb", "SHELL": shell,
            "LC_ALL": "C.UTF-8"}


def press_tab(shell, folder, typed):
    """What the program printed when typed, Tab and Enter were sent to an interactive shell."""
    (folder / "script").write_text(script(shell))
    options = {"bash": ["--norc", "--noprofile", "-i"], "zsh": ["-f", "-i"]}[shell]
    child = pexpect.spawn(shutil.which(shell), options, env=environment(folder, shell), cwd=str(folder),
                          encoding="utf-8", timeout=30, dimensions=(50, 200))
    try:
        # The words are split so that their echo is not taken for the answer.
        if shell == "zsh":
            child.sendline("unsetopt zle_bracketed_paste; autoload -U compinit; compinit -D -u")
        child.sendline(f"PS1='> '; . {folder}/script; echo re''ady")
        child.expect("ready\r\n")
        child.send(f"{typed}\t")
        child.sendline("; echo do''ne")
        child.expect("done\r\n")
        return child.before
    finally:
        child.close(force=True)


def fish_offers(folder, typed):
    (folder / "script").write_text(script("fish"))
    done = subprocess.run(["fish", "--no-config", "-c", f"source {folder}/script; complete -C '{typed}'"],
                          env=environment(folder, "fish"), cwd=folder, check=True, capture_output=True, text=True,
                          timeout=30)
    return done.stdout


@pytest.fixture(autouse=True)
def skip_without(request):
    shell = request.node.callspec.params.get("shell", "fish") if hasattr(request.node, "callspec") else "fish"
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")


# what is typed; the words that the stand-in must get after Tab; what fish must offer
CASES = [
    ("rung --con", "<--container>", "--container\tits name: or id"),
    ("rung --mode=f", "<--mode=fast>", "--mode=fast"),
    ("rung stop we", "<stop><web:1>", "web:1\ta container"),
    ("rung note", "<notes one>", "notes one"),
    ("rung --file=note", "<--file=notes one>", "--file=notes one"),
    ("rung fold", "<folder>", "folder/"),
    ("rung ls_of_", "<ls_of_mine>", "ls_of_mine"),
    ("rung nothing_fits", "<nothing_fits>", None),
]


@pytest.mark.parametrize("shell", ("bash", "zsh"))
@pytest.mark.parametrize("typed,words,_", CASES)
def test_tab(shell, folder, typed, words, _):
    # The slash behind a directory goes in zsh when the word ends there, in bash it stays.
    assert f"{words}\r\n" in press_tab(shell, folder, typed).replace("/>", ">")


@pytest.mark.parametrize("typed,_,offer", CASES)
def test_fish(folder, typed, _, offer):
    offers = fish_offers(folder, typed).splitlines()
    if offer is None:
        assert not offers
    else:
        assert any(line == offer or line.split("\t")[0] == offer for line in offers), offers
        if "\t" in offer:
            assert offer in offers


@pytest.mark.parametrize("shell", ("bash", "zsh"))
@pytest.mark.parametrize("typed,printed", [
    ("rung versi", "rung version "),
    ("rung --versi", "rung version "),
    ("rung completion fi", "# Completion of rung for fish."),
])
def test_tab_of_rung(shell, folder, typed, printed):
    (folder / "bin/rung").unlink()
    (folder / "bin/rung").symlink_to(RUNG)
    assert printed in press_tab(shell, folder, typed)


def test_fish_of_rung(folder):
    (folder / "bin/rung").unlink()
    (folder / "bin/rung").symlink_to(RUNG)
    assert "version\tshow the version" in fish_offers(folder, "rung versi").splitlines()
    assert "--version\tshow the version" in fish_offers(folder, "rung --versi").splitlines()


@pytest.mark.parametrize("shell", SHELLS)
def test_script_has_no_syntax_error(shell, folder):
    (folder / "script").write_text(script(shell))
    subprocess.run([shell, "-n", folder / "script"], check=True, timeout=30)
