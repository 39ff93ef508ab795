#!/usr/bin/env python3
"""Runs the commands of a page of docs/ and checks what they print.

usage: run_tutorial.py PAGE --digits=FOLDER --tools=FOLDER --include=FOLDER --library=FOLDER --compiler=CC --scratch=FOLDER

Blocks marked ```sh run one after the other in one empty folder; each has to end well. The lines of a ```text block behind
one have to be printed in this order; "..." stands for anything.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys


def blocks(page):
    """(commands, expected lines) in order."""
    found = []
    with open(page, encoding="utf-8") as f:
        for kind, body in re.findall(r"^```(\w+)\n(.*?)^```$", f.read(), re.MULTILINE | re.DOTALL):
            if kind == "sh":
                found.append((body, []))
            elif kind == "text" and found:
                found[-1][1].extend(line for line in body.splitlines() if line.strip())
    return found


def matches(pattern, line):
    parts = [re.escape(" ".join(part.split())) for part in pattern.split("...")]
    return re.fullmatch(".*".join(parts), " ".join(line.split())) is not None


def missing(expected, text):
    """The first expected line that is not printed where it should be."""
    lines = iter(text.splitlines())
    for pattern in expected:
        if not any(matches(pattern, line) for line in lines):
            return pattern
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page")
    for option in ("digits", "tools", "include", "library", "compiler", "scratch"):
        parser.add_argument("--" + option, required=True)
    arguments = parser.parse_args()
    shutil.rmtree(arguments.scratch, ignore_errors=True)
    os.makedirs(arguments.scratch)
    # As after an installation: tools on the path, header and library where the C compiler looks.
    programs = os.path.join(arguments.scratch, ".programs")
    os.makedirs(programs)
    os.symlink(arguments.compiler, os.path.join(programs, "cc"))
    environment = dict(os.environ, DIGITS=arguments.digits, C_INCLUDE_PATH=arguments.include,
                       LIBRARY_PATH=arguments.library,
                       PATH=os.pathsep.join([arguments.tools, programs, os.environ["PATH"]]))
    passed = failed = 0
    for commands, expected in blocks(arguments.page):
        process = subprocess.run(["bash", "-eu", "-o", "pipefail", "-c", commands], cwd=arguments.scratch, env=environment,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        absent = missing(expected, process.stdout)
        if process.returncode == 0 and absent is None:
            passed += 1
            continue
        failed += 1
        why = f"exit code {process.returncode}" if process.returncode else f"not printed: {absent}"
        print(f"failed: {why}\n{commands}\n{process.stdout}")
        break  # what follows builds on it
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
