"""Runs programs of many clients and frameworks against a provider with its own account.

    python tests/wire/run.py [--stacked] [--sampler always_off] [--json] [PROGRAM ...]

For each program it prints the calls of the provider, the calls of the ledger, and whether they
agree: the same number of calls, and the same cost to the nano-dollar where the responses contain
it; a call of unknown cost has to be in the ledger as unpriced, partial or estimated. The
environment needs this distribution and the libraries that the programs import; a program without
its library is skipped. `--stacked` requires instrumentation packages in the environment, and
prints the active ones.
"""

# pyright: reportArgumentType=false, reportOptionalMemberAccess=false

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from support.charging_provider import ChargingProvider  # noqa: E402 - after the path is set

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from support.charging_provider import Served

PROGRAMS = HERE / "programs"
BIN = Path(sys.executable).parent
TIMEOUT_S = 300
NOT_EXACT = frozenset({"unpriced", "partial", "estimated"})
"""Statuses of calls whose cost is not exact."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Calls of one program at the provider and in the ledger."""

    program: str
    about: str
    versions: str
    served: int
    served_nano_usd: int
    unknown: int
    """Requests whose cost is not in the provider's responses."""
    calls: int = 0
    nano_usd: int = 0
    not_exact: int = 0
    """Calls that the ledger has as unpriced, partial or estimated."""
    matches: bool = False
    """Whether each cost in the provider's responses is in the ledger; see `matches`."""
    evidence: str = ""
    """Evidence of the calls in the ledger."""
    problem: str = ""
    skipped: bool = False

    @property
    def right(self) -> bool:
        """Whether the ledger equals the provider's account."""
        if self.problem or self.calls != self.served:
            return False
        return self.matches and self.not_exact >= self.unknown


def matches(charges: Sequence[int], ledger: Sequence[dict[str, Any]]) -> bool:
    """Return whether the ledger's calls equal the provider's, as far as its responses allow.

    Each exact cost is one of the *charges*, in nano-US-dollars. Charges for streams that the client
    abandoned are within the bounds of calls that are not exact.
    """
    left = sorted(charges, reverse=True)
    bounds: list[float] = []
    for call in ledger:
        cost, bound = call["cost_nano_usd"], call["exposure_nano_usd"]
        if call["cost_status"] in NOT_EXACT:
            bounds.append(float("inf") if bound is None else max(bound, cost or 0))
        elif cost in left:
            left.remove(cost)
        elif cost:
            return False
    bounds.sort(reverse=True)
    return len(left) <= len(bounds) and all(
        charge <= bound for charge, bound in zip(left, bounds, strict=False)
    )


def run_program(path: Path, provider: ChargingProvider, *, sampler: str = "") -> Outcome:
    """Run the program at *path* in an empty home and compare both accounts."""
    provider.account.clear()
    source = path.read_text(encoding="utf-8")
    about = source.split('"""')[1].strip()
    with tempfile.TemporaryDirectory(prefix="otel-distro-wire-") as home:
        environ = _environment(Path(home), provider.url, sampler)
        try:
            done = subprocess.run(
                [str(BIN / "opentelemetry-instrument"), sys.executable, str(path)],
                env=environ,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            late = _outcome(path.stem, about, _versions(source), provider.account.served())
            return _with(late, problem=f"did not end within {TIMEOUT_S} s")
        served = provider.account.served()
        outcome = _outcome(path.stem, about, _versions(source), served)
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["no output"]
            missing = "ModuleNotFoundError" in done.stderr or "ImportError" in done.stderr
            return _with(outcome, problem=lines[-1][:200], skipped=missing and not served)
        try:
            total = _cli_json("costs", environ)["total"]
            ledger = _cli_json("calls", environ, "--limit", "100000")["calls"]
            evidence = _evidence(environ)
        except ValueError as error:
            return _with(outcome, problem=str(error)[-200:])
    return _with(
        outcome,
        calls=total["calls"],
        nano_usd=total["cost_nano_usd"] or 0,
        not_exact=sum(call["cost_status"] in NOT_EXACT for call in ledger),
        matches=matches([s.nano_usd for s in served if s.nano_usd is not None], ledger),
        evidence=evidence,
    )


def _cli_json(command: str, environ: dict[str, str], *options: str) -> dict[str, Any]:
    """Return the output of a command; raises ValueError if it is empty."""
    done = subprocess.run(
        [str(BIN / "otel-distro"), command, "--json", *options],
        env=environ,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise ValueError(f"no {command}: {done.stderr.strip()}") from None
    return found


def _evidence(environ: dict[str, str]) -> str:
    """Return the number of calls by evidence, and the number of instrumentations."""
    from otel_distro.reports.doctor.coverage import recent
    from otel_distro.settings import load

    report = recent(load(environ).settings.ledger)
    providers = report.providers if report is not None else ()
    counts = {
        "wire and span": sum(line.both for line in providers),
        "wire": sum(line.wire_only for line in providers),
        "span": sum(line.span_only for line in providers),
        "cached": sum(line.cached for line in providers),
    }
    text = ", ".join(f"{number} {word}" for word, number in counts.items() if number)
    scopes = {scope for line in providers for scope in line.scopes}
    return f"{text}; {len(scopes)} instrumentations" if len(scopes) > 1 else text


def _with(outcome: Outcome, **changes: Any) -> Outcome:
    return Outcome(**{**asdict(outcome), **changes})


def _outcome(program: str, about: str, versions: str, served: Sequence[Served]) -> Outcome:
    known = [request.nano_usd for request in served if request.nano_usd is not None]
    return Outcome(program, about, versions, len(served), sum(known), len(served) - len(known))


def _environment(home: Path, url: str, sampler: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    environ = {
        **kept,
        "PATH": f"{BIN}{os.pathsep}{kept.get('PATH', '')}",
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "PROVIDER_URL": url,
        "NO_PROXY": "127.0.0.1",
        "OPENAI_API_KEY": "none",
        "OTEL_TRACES_EXPORTER": "none",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_DISTRO_EXIT_TIMEOUT": "30",  # the machine may be busy with other programs
    }
    if sampler:
        environ["OTEL_TRACES_SAMPLER"] = sampler
    return environ


_IMPORT = re.compile(
    r"^\s*(?:from|import) ([a-z_0-9]+)(?:\.[\w.]+)?((?:, [a-z_0-9]+)*)", re.MULTILINE
)
_PACKAGES = {
    "agents": "openai-agents",
    "autogen_ext": "autogen-ext",
    "cerebras": "cerebras-cloud-sdk",
    "google": "google-genai",
    "haystack": "haystack-ai",
    "llama_index": "llama-index-core",
    "pydantic_ai": "pydantic-ai-slim",
    "strands": "strands-agents",
}
"""Import name -> package, where they differ by more than an underscore."""


def _versions(source: str) -> str:
    found: dict[str, str] = {}
    for first, rest in _IMPORT.findall(source):
        for name in (first, *filter(None, rest.split(", "))):
            try:
                package = _PACKAGES.get(name, name)
                found[package] = version(package.replace("_", "-"))
            except PackageNotFoundError:
                continue
    return ", ".join(f"{name} {number}" for name, number in sorted(found.items()))


def outcomes(paths: Sequence[Path], *, sampler: str = "") -> Iterator[Outcome]:
    """Yield the outcome of each program, each with a new provider."""
    for path in paths:
        with ChargingProvider() as provider:
            yield run_program(path, provider, sampler=sampler)


def main() -> int:
    """Print a line per program; return 1 if an account differs."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("programs", nargs="*", type=Path)
    parser.add_argument("--sampler", default="", help="value of OTEL_TRACES_SAMPLER")
    parser.add_argument("--json", action="store_true", help="one JSON document a program")
    options = parser.parse_args()
    paths = options.programs or sorted(PROGRAMS.glob("*.py"))
    right = wrong = skipped = 0
    for outcome in outcomes(paths, sampler=options.sampler):
        if outcome.skipped:
            skipped += 1
        elif outcome.right:
            right += 1
        else:
            wrong += 1
        if options.json:
            print(json.dumps(asdict(outcome) | {"right": outcome.right}), flush=True)
            continue
        word = "skip " if outcome.skipped else "ok   " if outcome.right else "WRONG"
        unknown = f" and {outcome.unknown} unknown" if outcome.unknown else ""
        print(
            f"{word} {outcome.program}: served {outcome.served}, "
            f"{outcome.served_nano_usd} nano-USD{unknown}; ledger {outcome.calls}, "
            f"{outcome.nano_usd} ({outcome.not_exact} not exact; {outcome.evidence}) "
            f"{outcome.problem}",
            flush=True,
        )
    print(f"{right} right, {wrong} wrong, {skipped} skipped", file=sys.stderr)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
