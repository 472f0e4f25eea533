"""Contents of the wheel: our packages and nothing else, the same from the sdist."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("build", reason="the packaging tests need `pip install -e '.[lint]'`")

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "otel_distro",
    "otel_host",
    "otel_redaction",
    "otel_pricing",
    "otel_wire",
    "otel_budget",
    "otel_cost_ledger",
    "otel_trace_store",
}


def build(kind: str, source: Path, out: Path) -> Path:
    subprocess.run(
        [sys.executable, "-m", "build", f"--{kind}", "--no-isolation", "--outdir", out, source],
        check=True,
        capture_output=True,
    )
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", PROJECT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", PROJECT, tmp_path_factory.mktemp("sdist"))


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_installs_our_packages_and_no_others(wheel: Path) -> None:
    """Without folders named processors or exporters, without tests."""
    top_level = {name.split("/")[0] for name in names(wheel)}

    assert {name for name in top_level if not name.endswith(".dist-info")} == PACKAGES


def test_every_package_says_that_it_is_typed(wheel: Path) -> None:
    """PEP 561."""
    assert {f"{package}/py.typed" for package in PACKAGES} <= names(wheel)


def test_the_wheel_offers_its_entry_points(wheel: Path) -> None:
    """For the agent, the SDK and the shell."""
    with zipfile.ZipFile(wheel) as archive:
        (file,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
        offered = archive.read(file).decode()

    for line in (
        "otel_distro = otel_distro.distro:OtelDistro",
        "otel_distro = otel_distro.distro:OtelDistroConfigurator",
        "otel_distro = otel_distro.settings.environment_variables",
        "sqlite = otel_cost_ledger.exporter:SqliteCostExporter",
        "otel-distro = otel_distro.__main__:main",
    ):
        assert line in offered


def test_the_wheel_carries_its_licence(wheel: Path) -> None:
    """Apache-2.0."""
    assert any(name.endswith("licenses/LICENSE") for name in names(wheel))


def test_the_wheel_carries_the_stack(wheel: Path) -> None:
    """`otel-distro stack config` extracts the files."""
    bundle = "otel_distro/stack/bundle/"
    carried = {name.removeprefix(bundle) for name in names(wheel) if name.startswith(bundle)}
    configuration = PROJECT / "collector-config"

    assert carried == {"docker-compose.yml", ".env.example"} | {
        str(path.relative_to(PROJECT)) for path in configuration.rglob("*") if path.is_file()
    }


def test_the_sdist_builds_the_same_wheel(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    """Packages built from source have the same files."""
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    rebuilt = build("wheel", source, tmp_path / "out")

    assert names(rebuilt) == names(wheel)


@pytest.mark.slow
def test_an_editable_install_is_a_plain_path_file(tmp_path: Path) -> None:
    """So that checkers and editors find the sources."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--no-deps", "--editable", PROJECT],
        check=True,
        capture_output=True,
    )
    (path_file,) = (tmp_path / "venv").rglob("_otel_distro.pth")

    assert set(path_file.read_text().split()) == {
        str(PROJECT),
        str(PROJECT / "processors"),
        str(PROJECT / "exporters"),
    }
