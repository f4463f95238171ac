#!/usr/bin/env python3
"""Checks that every public item of the library (`resound`, its macros) has an example that its doc tests compile.

Reads the documentation as JSON, which rustdoc writes only with its unstable options; `RUSTC_BOOTSTRAP=1` lets the
stable toolchain have them. Cargo runs this very script as its rustdoc, so that the variable is set for nothing but
that: build scripts look at it, and all dependencies would be built again. The figures of `rustdoc --show-coverage`
would not do: they leave out what a private module defines and a public one exports.

The format differs from one Rust to the next, mostly in what is not read here. This was written for format 57 and says
so if it does not find what is surely there.

Wanted are functions, methods, structs, enums, traits and macros; not fields, variants, constants and modules, and
not what a trait's own documentation shows already (implementations). Run from the root of the repository.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

# What is read, and an item of each by which one sees that it was read right.
PACKAGES = {"resound": "Broadcaster::send", "resound-macros": "Broadcast"}
# Set when cargo runs this script.
AS_RUSTDOC = "RESOUND_EXAMPLES_AS_RUSTDOC"
WANTED = {"function", "struct", "enum", "union", "trait", "macro", "proc_macro"}
# Words after ``` with which a block is still one that the doc tests compile.
COMPILED = {"", "rust", "no_run", "should_panic"}


def main() -> int:
    items = {}
    for package, known in PACKAGES.items():
        crate = json.loads(documentation(package).read_text())
        found = public(crate)
        if not any(name == known for _, _, name in found):
            found_in = f"format {crate['format_version']} of rustdoc's JSON"
            print(f"{known} of {package} was not found in {found_in}: has the format changed?", file=sys.stderr)
            return 1
        items |= found
    missing = sorted(place for place, item in items.items() if not has_example(item["docs"] or ""))
    for file, line, name in missing:
        print(f"{file}:{line}: {name} has no example that is compiled", file=sys.stderr)
    print(f"{len(items)} public items, {len(missing)} without an example")
    return 1 if missing else 0


def documentation(package: str) -> Path:
    options = "-Z unstable-options --output-format json".split()
    command = ["cargo", "rustdoc", "--locked", "--quiet", "-p", package, "--all-features", "--", *options]
    as_rustdoc = {"RUSTDOC": str(Path(__file__).resolve()), AS_RUSTDOC: "1"}
    subprocess.run(command, check=True, env=os.environ | as_rustdoc)
    command = "cargo metadata --format-version 1 --no-deps --locked --offline".split()
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return Path(metadata["target_directory"], "doc", package.replace("-", "_") + ".json")


def public(crate: dict) -> dict[tuple[str, int, str], dict]:
    """What a user can name, by file, line and name."""
    found, seen, waiting = {}, set(), [(crate["root"], "")]
    while waiting:
        key, owner = waiting.pop()
        item = crate["index"].get(str(key))
        if key in seen or item is None or item["crate_id"] != 0:
            continue
        seen.add(key)
        kind, inner = next(iter(item["inner"].items()))
        name = owner + (item["name"] or "")
        if kind in WANTED:
            found[item["span"]["filename"], item["span"]["begin"][0], name] = item
        inside = owner if kind in ("module", "use", "impl") else f"{name}::"
        waiting += [(child, inside) for child in children(kind, inner)]
    return found


def children(kind: str, inner: dict) -> list[int]:
    if kind in ("module", "trait"):
        return inner["items"]
    if kind == "use":
        return [inner["id"]] if inner["id"] is not None else []
    if kind in ("struct", "enum", "union"):
        return inner["impls"]
    if kind == "impl" and inner["trait"] is None:
        return inner["items"]
    return []


def has_example(docs: str) -> bool:
    """Whether a block in this documentation is compiled.

    >>> has_example("It adds.\\n\\n```\\nassert_eq!(1 + 1, 2);\\n```")
    True
    >>> has_example("```rust,no_run\\nloop {}\\n```")
    True
    >>> has_example("```text\\nnothing\\n```")
    False
    >>> has_example("```rust,ignore\\nnothing\\n```")
    False
    >>> has_example("```text\\nnothing\\n```\\n\\n```\\nsomething\\n```")
    True
    """
    openings = re.findall(r"^ *```(.*)$", docs, re.MULTILINE)[::2]
    return any(set(re.split(r"[ ,]+", words.strip())) <= COMPILED for words in openings)


if __name__ == "__main__":
    if AS_RUSTDOC in os.environ:
        os.execvpe("rustdoc", ["rustdoc", *sys.argv[1:]], os.environ | {"RUSTC_BOOTSTRAP": "1"})
    sys.exit(main())
