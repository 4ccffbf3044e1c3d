#!/usr/bin/python3
"""Limits of CONTRIBUTING.md that a program can measure. Prints "file:line: what", exits 1 when there is something.

 - a C or Python file has at most 800 lines, a C function at most 80, no line ends in a blank
 - a C file says whose licence it is under, and opens with a comment that says what it is for
 - no #if inside a function
 - no include cycle
 - no line of `rung … --help` is wider than 80 columns (when a program is built: $RUNG or build/rung)
"""

import os
import pathlib
import re
import subprocess
import sys

TREE = pathlib.Path(__file__).resolve().parent.parent
FILE_LINES, FUNCTION_LINES, HELP_COLUMNS = 800, 80, 80

findings = []
checks = 0


def find(path, line, what):
    findings.append(f"{os.path.relpath(path, TREE)}:{line}: {what}")


def check_file(path, lines):
    if len(lines) > FILE_LINES:
        find(path, FILE_LINES + 1, f"{len(lines)} lines; the ceiling is {FILE_LINES}")
    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            find(path, number, "blank at the end of the line")
            break


def functions(lines):
    """(first line, last line) of each function: with kernel brackets, "{" and "}" stand alone in column one."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            yield start, number
            start = None


def check_c(path, lines):
    if not lines or "SPDX-License-Identifier: Apache-2.0" not in lines[0]:
        find(path, 1, "the first line is not SPDX-License-Identifier: Apache-2.0")
    if path.is_relative_to(TREE / "src") and not any("/*" in line for line in lines[1:30]):
        # A .c file whose header opens with the essay may leave it there.
        header = path.with_suffix(".h")
        if path.suffix == ".h" or not header.exists():
            find(path, 2, "no opening comment that says what this file is for")
    for start, end in functions(lines):
        if end - start + 1 > FUNCTION_LINES:
            find(path, start, f"a function of {end - start + 1} lines; the ceiling is {FUNCTION_LINES}")
        for number in range(start, end):
            if re.match(r"\s*#\s*(if|ifdef|ifndef|elif|else)\b", lines[number]):
                find(path, number + 1, "a preprocessor condition inside a function")


def check_cycles(files):
    """Includes are written as "floor/file.h" in src/."""
    names = {str(path.relative_to(TREE / "src")): path for path in files if path.is_relative_to(TREE / "src")}
    includes = {name: [target for target in re.findall(r'^\s*#\s*include\s+"([^"]+)"',
                                                       path.read_text(encoding="utf-8"), re.MULTILINE)
                       if target in names] for name, path in names.items()}
    done = set()

    def visit(name, trail):
        if name in trail:
            find(names[name], 1, "include cycle: " + " → ".join([*trail[trail.index(name):], name]))
            return
        if name not in done:
            for target in includes[name]:
                visit(target, [*trail, name])
            done.add(name)

    for name in includes:
        visit(name, [])


def help_pages(rung, words=()):
    """Help of a command and of all those it lists under a heading with "ommands"."""
    done = subprocess.run([rung, *words, "--help"], capture_output=True, text=True, timeout=20, check=False,
                          stdin=subprocess.DEVNULL)
    yield words, done.stdout
    if len(words) < 3:
        for block in re.findall(r"^.*[Cc]ommands.*:?\n((?:[ \t]+\S.*\n|\n(?=[ \t]))+)", done.stdout, re.MULTILINE):
            for name in re.findall(r"^ {1,4}([a-z][a-z0-9-]*)(?:\s|,|$)", block, re.MULTILINE):
                if name not in words:
                    yield from help_pages(rung, (*words, name))


def check_help():
    global checks
    rung = os.environ.get("RUNG", str(TREE / "build-check/rung"))
    if not os.access(rung, os.X_OK):
        return
    for words, text in help_pages(rung):
        checks += 1
        if not text.strip():
            findings.append(f"rung {' '.join(words)} --help: prints nothing")
        for line in text.splitlines():
            if len(line.expandtabs()) > HELP_COLUMNS:
                findings.append(f"rung {' '.join(words)} --help: wider than {HELP_COLUMNS} columns: {line.strip()}")
                break


def main():
    global checks
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.c", "*.h", "*.py", "scripts/*"],
                            cwd=TREE, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        names = [TREE / name for name in listed.stdout.splitlines()]
    else:
        names = [path for folder in ("src", "tests", "bench", "scripts") for path in (TREE / folder).rglob("*.[chp]*")]
    files = [path for path in names if path.is_file() and path.suffix in (".c", ".h", ".py", "")]
    for path in files:
        checks += 1
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
        check_file(path, lines)
        if path.suffix in (".c", ".h"):
            check_c(path, lines)
    checks += 1
    check_cycles([path for path in files if path.suffix in (".c", ".h")])
    check_help()
    print("\n".join(findings))
    if "--summary" in sys.argv:
        print(f"{checks} checks, {min(len(findings), checks)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
