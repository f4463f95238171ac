#!/usr/bin/env python3
"""Checks the licence and the origin of every dependency against `deny.toml`, without a network.

Looks at the crates that are built on this machine's platform, tests included, and at the npm packages that the
tests use. Run from the root of the repository, after the crates have been fetched.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

# Packages of 2011 to 2015 that name their licence in a file or in the old form `licenses`, which the lockfile of npm
# does not carry over. Read in the packages themselves.
NAMED_ELSEWHERE = {
    "base64-arraybuffer 0.1.4": "MIT",
    "component-bind 1.0.0": "MIT",
    "component-inherit 0.0.3": "MIT",
    "indexof 0.0.1": "MIT",
    "to-array 0.1.4": "MIT",
    "xmlhttprequest-ssl 1.6.3": "MIT",
    "xmlhttprequest-ssl 2.1.2": "MIT",
}

# Programs that tests run, unmodified, and that are in nothing that is built here.
TOOLS = {"axe-core": "MPL-2.0"}


def main() -> int:
    allowed = set(tomllib.loads(Path("deny.toml").read_text())["licenses"]["allow"])
    packages = crates() + npm_packages()
    complaints = [complaint for package in packages if (complaint := check(package, allowed))]
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    print(f"{len(packages)} dependencies, {len(complaints)} not allowed")
    return 1 if complaints else 0


def check(package: dict, allowed: set[str]) -> str | None:
    name = f"{package['name']} {package['version']}"
    if package["origin"] not in ("registry", "workspace"):
        return f"{name}: comes from {package['origin']}, not from the registry"
    if not package["licence"]:
        return f"{name}: names no licence"
    if package["licence"] == TOOLS.get(package["name"]):
        return None
    if not permits(package["licence"], allowed):
        return f"{name}: its licence {package['licence']} is not in deny.toml"
    return None


def crates() -> list[dict]:
    host = re.search(r"host: (\S+)", run("rustc", "-vV")).group(1)
    command = "cargo metadata --format-version 1 --locked --offline --filter-platform".split()
    return [
        {
            "name": package["name"],
            "version": package["version"],
            "licence": package["license"],
            "origin": (package["source"] or "workspace").split("+")[0],
        }
        for package in json.loads(run(*command, host))["packages"]
    ]


def npm_packages() -> list[dict]:
    lock = json.loads(Path("e2e/package-lock.json").read_text())
    return [
        {
            "name": (name := path.rpartition("node_modules/")[2]),
            "version": package["version"],
            "licence": package.get("license") or NAMED_ELSEWHERE.get(f"{name} {package['version']}"),
            "origin": package.get("resolved", "registry"),
        }
        for path, package in lock["packages"].items()
        if path
    ]


def permits(expression: str, allowed: set[str]) -> bool:
    """Whether the allowed licences are enough for an SPDX expression.

    >>> permits("MIT OR GPL-3.0", {"MIT"})
    True
    >>> permits("MIT AND GPL-3.0", {"MIT"})
    False
    >>> permits("(MIT OR Apache-2.0) AND Unicode-3.0", {"Apache-2.0", "Unicode-3.0"})
    True
    >>> permits("Apache-2.0 WITH LLVM-exception", {"Apache-2.0"})
    False
    >>> permits("Apache-2.0 WITH LLVM-exception", {"Apache-2.0 WITH LLVM-exception"})
    True
    >>> permits("GPL-3.0/MIT", {"MIT"})
    True
    >>> permits("MPL-2.0", {"MIT"})
    False
    """
    words = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))
    value = either(words, allowed)
    assert not words, f"cannot read the licence {expression!r}"
    return value


def either(words: list[str], allowed: set[str]) -> bool:
    value = both(words, allowed)
    while words and words[0] == "OR":
        words.pop(0)
        value = both(words, allowed) or value
    return value


def both(words: list[str], allowed: set[str]) -> bool:
    value = one(words, allowed)
    while words and words[0] == "AND":
        words.pop(0)
        value = one(words, allowed) and value
    return value


def one(words: list[str], allowed: set[str]) -> bool:
    word = words.pop(0)
    if word == "(":
        value = either(words, allowed)
        assert words.pop(0) == ")"
        return value
    if words and words[0] == "WITH":
        word = " ".join([word, words.pop(0), words.pop(0)])
    return word in allowed


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())
