"""Attributes of spans equal those of the SDK, for every way of setting them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.attributes import BoundedAttributes

from otel_distro.pipeline.input_limits.attributes import TolerantAttributes

attributes = st.dictionaries(st.text("abcdef", min_size=1, max_size=1), st.integers(0, 9))


@given(
    first=attributes,
    then=st.lists(attributes, max_size=4),
    most=st.one_of(st.none(), st.integers(0, 5)),
)
def test_kept_and_dropped_values_are_those_of_the_sdk(
    first: dict[str, int], then: list[dict[str, int]], most: int | None
) -> None:
    """Values, their order, and the number of dropped ones."""
    kept = []
    for kind in (BoundedAttributes, TolerantAttributes):
        bounded = kind(most, first, immutable=False)
        for more in then:
            bounded._set_items(more)
        kept.append((list(bounded.items()), bounded.dropped))

    assert kept[0] == kept[1]
