"""Counts of the package layout: folders, imports between them, cycles.

    python tools/imports.py [--edges] [--check]

A room is a folder with modules. Imports inside functions and under `TYPE_CHECKING` do not count for
cycles at run time, but they do for the reader, so both figures are printed. `--check` ends with 1
where a limit of the layout is broken.
"""

from __future__ import annotations

import argparse
import ast
import sys
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parent.parent
PACKAGE_PARENTS = (ROOT, ROOT / "processors", ROOT / "exporters")
PREFIX = "otel_"
MOST_FOLDERS, MOST_FILES, LONGEST_CHAIN, LONGEST_MODULE = 14, 8, 12, 250

LONG_MODULES: Final[Mapping[str, str]] = {
    # Tables: one row a fact, read from top to bottom.
    "otel_distro.settings.variables": "table of environment variables",
    "otel_pricing.model.instrumentations": "table of instrumentations",
    "otel_pricing.model.usage_objects": "table of the spellings of counts, and one pass over it",
    "otel_pricing.reading.dialects.names": "table of attribute names",
    "otel_redaction.detectors.countries": "one short check rule for each country",
    "otel_redaction.detectors.providers": "table of the key formats of providers",
    "otel_redaction.people.labelled": "table of labels",
    "otel_wire.endpoints": "table of paths, and the look-up in it",
    # One class with one state, whose methods change it together.
    "otel_budget.budget_accounts": "all accounts under one transaction",
    "otel_cost_ledger.write.writer": "the one writer: queue, retries and shutdown share a lock",
    "otel_distro.export.export_queue": "the queue: producers, worker and flushes share counters",
    "otel_distro.pipeline.accounting.settlement": "calls between arrival and confirmation",
    "otel_distro.pipeline.input_limits.values": "one recursion over values of any type",
    "otel_pricing.billing.window": "calls whose duplicates may still arrive, and their indexes",
    "otel_redaction.values": "one recursion over nested values",
    "otel_redaction.shield": "the one guard that fails closed, and its caches",
    "otel_wire.exchange": "one request from its first byte to its record",
    "otel_wire.json_skimmer": "a parser's states",
    "otel_wire.observer": "all requests that are under way",
    "otel_wire.response_facts": "facts of a response, gathered from its objects",
    # Whole interfaces of the SDK or of a client, one method after the other.
    "otel_redaction.log_view": "the interface of a log record",
    "otel_redaction.started_span": "the interface of a span",
    "otel_wire.clients.aiohttp": "the interface of a response's body",
    # One reader of one format, whose rules refer to each other.
    "otel_redaction.detectors.assignments": "values given to secret-sounding names",
    "otel_redaction.detectors.credentials": "credentials with a form of their own",
    "otel_redaction.detectors.numbers": "runs of digits, and what each can be",
    "otel_redaction.detectors.paired": "names and values that stand apart",
    "otel_redaction.detectors.secret_values": "one decision on one value",
    "otel_redaction.people.persons": "names in prose: one left-to-right pass",
    "otel_wire.answers": "responses by content type",
    "otel_wire.media": "media by content type",
    "otel_wire.requests": "requests by endpoint",
    "otel_distro.ui.charts": "one drawing, in parts that share its axes",
}
"""Modules above `LONGEST_MODULE` lines, and why each is one."""

Edges = dict[str, set[str]]


def modules() -> dict[str, Path]:
    """Return every shipped module by its dotted name."""
    found = {}
    for parent in PACKAGE_PARENTS:
        for package in sorted(parent.glob(f"{PREFIX}*")):
            for path in sorted(package.rglob("*.py")):
                parts = path.relative_to(parent).with_suffix("").parts
                name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
                found[name] = path
    return found


@lru_cache(maxsize=1)
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imported(path: Path, *, at_load_only: bool) -> tuple[str, ...]:
    """Return the dotted names that the module at *path* imports."""
    return tuple(_imported(path, at_load_only=at_load_only))


def _imported(path: Path, *, at_load_only: bool) -> Iterator[str]:
    stack: list[ast.AST] = [_tree(path)]
    while stack:
        node = stack.pop()
        if at_load_only and (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
            continue
        if at_load_only and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        stack.extend(ast.iter_child_nodes(node))


def room_of(name: str, known: Mapping[str, Path]) -> str:
    """Return the package folder of the module *name*."""
    return name if known[name].name == "__init__.py" else name.rpartition(".")[0]


def edges(known: Mapping[str, Path], *, at_load_only: bool) -> Edges:
    """Return which rooms import from which others."""
    found: Edges = {room_of(name, known): set() for name in known}
    for name, path in known.items():
        here = room_of(name, known)
        for target in imported(path, at_load_only=at_load_only):
            if target in known and (there := room_of(target, known)) != here:
                # `from package import module` names both; the package alone is not meant.
                if target == there and any(
                    other.startswith(f"{target}.") for other in imported(path, at_load_only=False)
                ):
                    continue
                found[here].add(there)
    return found


def cycles(graph: Edges) -> list[list[str]]:
    """Return the groups of rooms that import each other, by Tarjan's algorithm."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[str]] = []

    def visit(room: str) -> None:
        index[room] = low[room] = len(index)
        stack.append(room)
        for other in sorted(graph[room]):
            if other not in index:
                visit(other)
                low[room] = min(low[room], low[other])
            elif other in stack:
                low[room] = min(low[room], index[other])
        if low[room] == index[room]:
            group: list[str] = []
            while stack and (not group or group[-1] != room):
                group.append(stack.pop())
            if len(group) > 1:
                groups.append(sorted(group))

    for room in sorted(graph):
        if room not in index:
            visit(room)
    return groups


def longest_chain(graph: Edges) -> list[str]:
    """Return the longest chain of rooms, each importing the next; cycles are cut."""
    best: dict[str, list[str]] = {}

    def chain(room: str, above: frozenset[str]) -> list[str]:
        if room not in best:
            below = [chain(r, above | {room}) for r in graph[room] if r not in above | {room}]
            best[room] = [room, *max(below, key=len, default=[])]
        return best[room]

    return max((chain(room, frozenset()) for room in graph), key=len)


def long_modules(known: Mapping[str, Path]) -> dict[str, int]:
    """Return the modules above `LONGEST_MODULE` lines with their lengths, the longest first."""
    sizes = {name: _lines(path) for name, path in known.items()}
    return {
        name: size
        for name, size in sorted(sizes.items(), key=lambda item: -item[1])
        if size > LONGEST_MODULE
    }


def main() -> int:
    """Print the figures; return 1 where `--check` finds a limit broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edges", action="store_true", help="list the imports between rooms")
    parser.add_argument("--check", action="store_true", help="fail where a limit is broken")
    options = parser.parse_args()
    known = modules()
    at_load, all_of_them = edges(known, at_load_only=True), edges(known, at_load_only=False)
    top = ROOT / "otel_distro"
    folders = [p for p in top.iterdir() if (p / "__init__.py").exists()]
    files = list(top.glob("*.py"))
    long = long_modules(known)
    unargued = {name: size for name, size in long.items() if name not in LONG_MODULES}
    chain = longest_chain(at_load)
    print(f"lines               {sum(map(_lines, known.values()))} in {len(known)} modules")
    print(f"top of otel_distro  {len(folders)} folders, {len(files)} files")
    print(f"rooms               {len(at_load)}, {sum(map(len, at_load.values()))} imports at load,")
    print(f"                    {sum(map(len, all_of_them.values()))} with those in functions")
    print(f"longest chain       {len(chain)}: {' > '.join(chain)}")
    print(f"cycles at load      {cycles(at_load)}")
    print(f"cycles of any kind  {cycles(all_of_them)}")
    print(f"modules above {LONGEST_MODULE}   {len(long)}, without a reason: {unargued or 'none'}")
    if options.edges:
        for room, others in sorted(all_of_them.items()):
            print(f"{room}: {' '.join(sorted(others))}")
    broken = (
        len(folders) > MOST_FOLDERS
        or len(files) > MOST_FILES
        or len(chain) > LONGEST_CHAIN
        or bool(cycles(at_load))
        or bool(unargued)
    )
    return int(options.check and broken)


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


if __name__ == "__main__":
    sys.exit(main())
