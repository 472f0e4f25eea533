"""The locks in `requirements` and the oldest versions of CI agree with pyproject.toml."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
REPORT = ROOT / ".ci/audit_report.py"
LOCKS = ("runtime", "development")
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)")


def declared(*extras: str) -> list[Requirement]:
    """Requirements of pyproject.toml, with nested extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"]]
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    found = [Requirement(line) for line in lines]
    inner = {extra for each in found if each.name == "otel-distro" for extra in each.extras}
    if inner - set(extras):
        return declared(*extras, *sorted(inner - set(extras)))
    return [each for each in found if each.name != "otel-distro"]


def pinned(name: str) -> dict[str, Version]:
    lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
    matches = [match for line in lines if (match := _PIN.match(line))]
    return {canonicalize_name(match[1]): Version(match[2]) for match in matches}


@pytest.mark.parametrize(("lock", "extras"), [("runtime", ()), ("development", ("lint",))])
def test_what_a_lock_pins_is_within_the_declared_ranges(lock: str, extras: tuple[str, ...]) -> None:
    """After a change of a range: requirements/renew.sh."""
    pins = pinned(lock)

    for each in declared(*extras):
        version = pins.get(canonicalize_name(each.name))
        assert version is None or each.specifier.contains(version, prereleases=True), each


def test_the_lock_of_the_wheel_has_everything_that_is_declared() -> None:
    """After a new dependency: requirements/renew.sh, which also updates the developers' lock."""
    pins = pinned("runtime")

    assert not [each for each in declared() if canonicalize_name(each.name) not in pins]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place_and_hashes_everything(lock: str) -> None:
    """It works with any index, and takes nothing else from it."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    entries = re.split(r"\n(?=[A-Za-z0-9])", text)[1:]

    assert entries
    assert all("--hash=sha256:" in entry for entry in entries)
    assert not re.search(r"://|--(extra-)?index|--find-links", text)


def test_the_oldest_versions_are_the_declared_minimums() -> None:
    """An untested minimum is a guess."""
    oldest = pinned("oldest")
    found = declared("config", "content", "ui")
    required: dict[str, Requirement] = {canonicalize_name(each.name): each for each in found}

    assert oldest.keys() == required.keys()
    for name, version in oldest.items():
        lowest = [spec.version for spec in required[name].specifier if spec.operator == ">="]
        assert [Version(each) for each in lowest] == [version], name


AUDITED = {"name": "given", "version": "1", "vulns": []}
FLAWED = {"name": "given", "version": "1", "vulns": [{"id": "ABC-1", "fix_versions": ["2"]}]}
UNKNOWN = {"name": "other", "skip_reason": "not found"}


@pytest.mark.skipif(not REPORT.exists(), reason="a source package has no .ci folder")
@pytest.mark.parametrize(
    ("packages", "code", "problem"),
    [
        ([AUDITED, UNKNOWN], 0, "0 known vulnerabilities in 1 packages; 1 not looked up"),
        ([FLAWED], 1, "given 1: ABC-1, fixed in 2"),
        ([UNKNOWN], 0, "!! SKIPPED: vulnerabilities were NOT looked up"),
        (None, 0, "!! SKIPPED: vulnerabilities were NOT looked up"),
    ],
    ids=["well", "flawed", "nothing known", "no answer"],
)
def test_only_a_known_vulnerability_fails_the_audit(
    tmp_path: Path, packages: list[object] | None, code: int, problem: str
) -> None:
    """A failing service is reported, never counted as no findings."""
    audit = tmp_path / "audit.json"
    if packages is not None:
        audit.write_text(json.dumps({"dependencies": packages}))
    done = subprocess.run(
        [sys.executable, REPORT, tmp_path / "none", audit, "", ""], capture_output=True, text=True
    )

    assert done.returncode == code
    assert problem in done.stdout
