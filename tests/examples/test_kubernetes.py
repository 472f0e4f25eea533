"""The files for Kubernetes are valid for the API and the operator, and their settings work.

No cluster was used. The fields of `Instrumentation` are those of the operator's definition of
that resource (`opentelemetry.io/v1alpha1`), as far as an example needs them.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import opentelemetry.instrumentation.auto_instrumentation as launcher
import pytest
import yaml

from otel_distro.demo.provider import FakeProvider
from otel_distro.settings import load
from support.otlp_sink import OtlpSink, attributes_of
from support.process import clean_environment, run

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "kubernetes"
_SPEC = {
    "defaults", "env", "exporter", "imagePullPolicy", "propagators", "python", "resource",
    "sampler",
}  # fmt: skip
_PYTHON = {"env", "image", "resourceRequirements", "volumeClaimTemplate", "volumeLimitSize"}
_SAMPLERS = {
    "always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off",
    "parentbased_traceidratio",
}  # fmt: skip
_REFERENCE = re.compile(r"\$\((\w+)\)")


def manifests() -> list[dict[str, Any]]:
    return [
        document
        for path in sorted(FOLDER.glob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    ]


def of_kind(kind: str) -> dict[str, Any]:
    (found,) = (document for document in manifests() if document["kind"] == kind)
    return found


def injected() -> list[dict[str, Any]]:
    """Return the variables that programs get."""
    env: list[dict[str, Any]] = of_kind("Instrumentation")["spec"]["python"]["env"]
    return env


def test_each_manifest_has_kind_and_version() -> None:
    """As the API demands of every object."""
    assert {(document["apiVersion"], document["kind"]) for document in manifests()} == {
        ("opentelemetry.io/v1alpha1", "Instrumentation"),
        ("v1", "Secret"),
        ("apps/v1", "Deployment"),
    }
    assert all(
        re.fullmatch(r"[a-z0-9-]+", manifest["metadata"]["name"]) for manifest in manifests()
    )


def test_the_instrumentation_has_only_fields_that_the_operator_knows() -> None:
    """Others would be dropped silently."""
    spec = of_kind("Instrumentation")["spec"]

    assert set(spec) <= _SPEC
    assert set(spec["python"]) <= _PYTHON
    assert spec["sampler"]["type"] in _SAMPLERS
    assert set(spec["propagators"]) <= {"tracecontext", "baggage", "b3", "b3multi", "xray", "none"}
    for variable in injected():
        assert isinstance(variable.get("value", ""), str), variable
        assert ("value" in variable) != ("valueFrom" in variable), variable


def test_a_variable_is_defined_before_another_one_refers_to_it() -> None:
    """Kubernetes does not expand a reference to a later one."""
    defined: set[str] = set()
    for variable in injected():
        assert set(_REFERENCE.findall(variable.get("value", ""))) <= defined, variable
        defined.add(variable["name"])


def test_the_secret_has_every_referenced_key() -> None:
    """A pod with a missing key does not start."""
    secret = of_kind("Secret")
    referenced = [
        variable["valueFrom"]["secretKeyRef"]
        for variable in injected()
        if "secretKeyRef" in variable.get("valueFrom", {})
    ]

    assert {(each["name"], each["key"]) for each in referenced} == {
        (secret["metadata"]["name"], key) for key in secret["stringData"]
    }


def test_the_pod_requests_the_injection_and_can_write_its_state_folder() -> None:
    """The selector, the annotation and the mount of the state folder fit."""
    deployment = of_kind("Deployment")["spec"]
    template = deployment["template"]
    (container,) = template["spec"]["containers"]
    (mount,) = container["volumeMounts"]
    (volume,) = template["spec"]["volumes"]
    (state_dir,) = (each for each in injected() if each["name"] == "OTEL_DISTRO_STATE_DIR")

    assert deployment["selector"]["matchLabels"] == template["metadata"]["labels"]
    assert template["metadata"]["annotations"] == {
        "instrumentation.opentelemetry.io/inject-python": "true"
    }
    assert mount["mountPath"] == state_dir["value"]
    assert mount["name"] == volume["name"]


def test_the_image_has_what_the_operator_copies_from_it() -> None:
    """In that folder, copied by `cp` of the image; with the packages for the settings."""
    recipe = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    requirements = (FOLDER / "requirements.txt").read_text(encoding="utf-8").splitlines()

    assert "--target /autoinstrumentation" in recipe
    assert "COPY --from=build /autoinstrumentation /autoinstrumentation" in recipe
    assert "otel-distro[postgres]" in requirements  # for the store of the budgets


def settings(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a program, with the secret's values and paths of this test."""
    secret = of_kind("Secret")["stringData"]
    values = {
        each["name"]: each.get("value")
        or secret.get(each["valueFrom"].get("secretKeyRef", {}).get("key"), "127.0.0.1")
        for each in injected()
    }
    return {**values, "OTEL_DISTRO_STATE_DIR": str(tmp_path / "state")}


def test_every_setting_is_accepted(tmp_path: Path) -> None:
    """No problem is reported."""
    loaded = load(settings(tmp_path))

    assert loaded.problems == ()
    assert loaded.settings.budget_store is not None
    assert loaded.settings.budget_store.parameters["host"] == "postgres.internal"
    assert loaded.settings.ledger is None


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as running:
        yield running


@pytest.mark.slow
@pytest.mark.process
def test_a_program_on_the_path_that_the_operator_sets_is_priced(
    tmp_path: Path, sink: OtlpSink, provider: FakeProvider
) -> None:
    """The operator puts the launcher's folder first on the path, and starts no command of ours."""
    openai = pytest.importorskip("openai")
    program = f"""
import openai
client = openai.OpenAI(base_url={provider.url + "/v1"!r}, api_key="k")
client.chat.completions.create(
    model="gpt-4o", max_tokens=300, messages=[{{"role": "user", "content": "hi"}}]
)
"""
    folder = Path(launcher.__file__).parent
    result = settings(tmp_path)
    del result["OTEL_DISTRO_BUDGET_STORE"]  # no such host here
    environ = clean_environment(
        tmp_path,
        **{
            **result,
            "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
            "OTEL_SERVICE_NAME": "shop",
            "PYTHONPATH": f"{folder}:{Path(openai.__file__).parents[1]}",
        },
    )

    done = run([sys.executable, "-c", program], environ, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    (call,) = (span for span in sink.spans() if span.name.startswith("chat "))
    assert attributes_of(call)["otel_distro.cost.nano_usd"] > 0
