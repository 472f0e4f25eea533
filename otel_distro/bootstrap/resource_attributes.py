"""Resource attributes that name this distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_distro.base.attributes import DISTRO_NAME

if TYPE_CHECKING:
    from opentelemetry.configuration.models import OpenTelemetryConfiguration


def distro_attributes() -> dict[str, str]:
    """Return the name and the version of this distribution."""
    from importlib.metadata import version

    return {
        "telemetry.distro.name": DISTRO_NAME,
        "telemetry.distro.version": version("otel-distro"),
    }


def name_the_distro(config: OpenTelemetryConfiguration) -> None:
    """Add the resource attributes of the environment to a declarative file's resource.

    Without an instance id, the metrics of two processes of one service are one series, and each
    overwrites the other's.
    """
    from opentelemetry.configuration.models import AttributeNameValue
    from opentelemetry.configuration.models import Resource as ConfiguredResource
    from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, Resource

    if config.resource is None:
        config.resource = ConfiguredResource()
    attributes = list(config.resource.attributes or ())
    named = {attribute.name for attribute in attributes}
    instance = str(Resource.create().attributes.get(SERVICE_INSTANCE_ID, ""))
    distro = {**distro_attributes(), SERVICE_INSTANCE_ID: instance}
    attributes += [
        AttributeNameValue(n, value) for n, value in distro.items() if value and n not in named
    ]
    config.resource.attributes = attributes
