"""Makes our docstrings into pages: links for their roles, examples, and one place for each name.

A name is shown in the module that defines it; the package that re-exports it lists it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from griffe import Alias, Extension, Module, Object

PAGES = Path(__file__).parent / "api"
ROLE = re.compile(r":(?:class|func|meth|mod|data|attr):`(~?)([\w.]+)`")


class Docstrings(Extension):
    """Rewrites the docstrings of a package when all of it is loaded."""

    def on_package(self, *, pkg: Module, **_: Any) -> None:
        """Take the re-exports out, then rewrite every docstring."""
        for module in [found for found in walk(pkg) if isinstance(found, Module)]:
            exported = [name for name, member in module.members.items() if is_reexport(module, member)]
            for name in exported:
                del module.members[name]
            if exported and module.docstring is not None:
                names = ", ".join(f"`{name}`" for name in sorted(exported))
                module.docstring.value += f"\n\nImport from `{module.path}`: {names}."
        known = {found.path for found in walk(pkg) if has_anchor(found)}
        for found in walk(pkg):
            if found.docstring is not None:
                found.docstring.value = rewritten(found.docstring.value, found, known)


def walk(found: Object) -> Iterator[Object]:
    """The object and everything defined in it."""
    yield found
    for member in found.members.values():
        if not isinstance(member, Alias):
            yield from walk(member)


def is_reexport(module: Module, member: Object | Alias) -> bool:
    """Whether a member is a public name that another module of ours defines."""
    return isinstance(member, Alias) and member.name in (module.exports or ()) and module.path != "selflearn"


def has_anchor(found: Object) -> bool:
    """Whether a page shows the object under a heading of its own."""
    parts = found.path.split(".")
    shown = found.docstring is not None and not any(part.startswith("_") for part in parts)
    return shown and len(parts) > 2 and (PAGES / f"{parts[1]}.md").is_file()


def rewritten(text: str, found: Object, known: set[str]) -> str:
    """Roles become links where we have the target, else the bare name; ``Example:`` becomes Griffe's ``Examples:``."""

    def link(match: re.Match[str]) -> str:
        short, name = match.groups()
        shown = name.rpartition(".")[2] if short else name
        scopes = [found.path, found.module.path, found.module.path.rpartition(".")[0]]
        for path in [name, *(f"{scope}.{name}" for scope in scopes)]:
            if path in known:
                return f"[`{shown}`][{path}]"
        return f"`{shown}`"

    return re.sub(r"(?m)^(\s*)Example:\s*$", r"\1Examples:", ROLE.sub(link, text))
