"""Counts public functions whose docstring states units, None and errors, and suppressed checks.

`python -m tools.docstrings` prints the counts; `--list` prints each function with a gap. A
function needs a statement about

* None, where its return type allows None,
* errors, where its body raises an exception,
* units, where a number it takes or returns has no unit in its name.

A function of several needs counts once, and only if all are stated.
"""

from __future__ import annotations

import argparse
import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tools.words import ROOT, group_of, tracked_files

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNIT_NAMES: Final = re.compile(
    r"(timeout|deadline|interval|delay|duration|latency|cost|price|amount|budget|limit|size|age)"
)
_HAS_UNIT: Final = re.compile(
    r"_(s|ms|millis|us|ns|seconds|days|hours|bytes|mb|usd|tokens|calls|chars|items|percent|size)$"
)
_UNITS: Final = re.compile(
    r"\b(seconds?|milliseconds?|ms|ns|nanoseconds?|minutes?|hours?|days?|bytes?|megabytes?|MB|USD|"
    r"dollars?|nano|tokens?|calls?|records?|spans?|rows?|items?|characters?|percent|shares?|units?)\b"
)
_NUMBERS: Final = frozenset({"int", "float", "Decimal"})
_SUPPRESSION: Final = re.compile(r"#\s*(noqa|type: ignore)")


@dataclass(frozen=True, slots=True)
class Function:
    """One public function and the statements that its docstring lacks."""

    path: str
    line: int
    name: str
    needs: tuple[str, ...]
    """Statements it needs: `none`, `errors`, `units`."""
    lacks: tuple[str, ...]
    """Those of *needs* that the docstring does not make."""


def functions_in(path: str) -> Iterator[Function]:
    """Yield the public functions and methods of the file at *path*, relative to the root."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    yield from _functions(path, tree.body)


def _functions(path: str, body: list[ast.stmt]) -> Iterator[Function]:
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _functions(path, node.body)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if not node.name.startswith("_") and text is not None and not _is_command(node):
                needs = tuple(_needs(node))
                lacks = tuple(need for need in needs if not _states(text, need))
                yield Function(path, node.lineno, node.name, needs, lacks)


def _is_command(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    # The docstring of a command is its help text; errors end it with a message and a status.
    return any(re.search(r"\.command\b", ast.unparse(each)) for each in node.decorator_list)


def _needs(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    returned = ast.unparse(node.returns) if node.returns is not None else ""
    if isinstance(node.returns, ast.BinOp) and "None" in returned.split(" | "):
        yield "none"
    if any(_raises(statement) for statement in node.body):
        yield "errors"
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    named = {a.arg: ast.unparse(a.annotation) for a in arguments if a.annotation is not None}
    named[node.name] = returned
    if any(_wants_unit(name, kind) for name, kind in named.items()):
        yield "units"


def _raises(node: ast.AST) -> bool:
    """Return whether *node* raises out of its function; handled and nested raises do not."""
    if isinstance(node, ast.Raise):
        return node.exc is not None
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
        return False
    if isinstance(node, ast.Try) and node.handlers:
        parts: list[ast.AST] = [*node.handlers, *node.orelse, *node.finalbody]
        return any(_raises(part) for part in parts)
    return any(_raises(part) for part in ast.iter_child_nodes(node))


def _wants_unit(name: str, kind: str) -> bool:
    is_number = bool(_NUMBERS & set(re.findall(r"\w+", kind))) and "[" not in kind
    return is_number and bool(_UNIT_NAMES.search(name)) and not _HAS_UNIT.search(name)


def _states(text: str, need: str) -> bool:
    if need == "none":
        return bool(re.search(r"\bNone\b|\bif (any|there)|without|otherwise|\belse\b", text))
    if need == "errors":
        return bool(re.search(r"[Rr]aises?\b|Error\b|[Ee]xceptions?\b", text))
    return bool(_UNITS.search(text))


def suppressions(paths: list[str]) -> dict[str, int]:
    """Return the number of `noqa` and `type: ignore` comments in the files at *paths*."""
    found = {"noqa": 0, "type: ignore": 0}
    for path in paths:
        for match in _SUPPRESSION.finditer((ROOT / path).read_text(encoding="utf-8")):
            found[match[1]] += 1
    return found


def shipped_files() -> list[str]:
    """Return the Python files of the packages, relative to the root."""
    return [p for p in tracked_files() if p.endswith(".py") and group_of(p) == "packages"]


def main() -> None:
    """Print the counts, and with `--list` the functions with a gap."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="*", help="folders or files; all packages without any")
    parser.add_argument("--list", action="store_true", help="print each function with a gap")
    chosen = parser.parse_args()
    paths = [p for p in shipped_files() if not chosen.paths or p.startswith(tuple(chosen.paths))]
    found = [each for path in paths for each in functions_in(path) if each.needs]
    complete = sum(not each.lacks for each in found)
    share = 100 * complete / len(found) if found else 100.0
    if chosen.list:
        for each in found:
            if each.lacks:
                print(f"{each.path}:{each.line}: {each.name}: {', '.join(each.lacks)}")
    print(f"public functions with units, None or errors: {len(found)}, stated: {share:.0f} %")
    for name, count in suppressions(paths).items():
        print(f"{name}: {count}")


if __name__ == "__main__":
    main()
