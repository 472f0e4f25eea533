"""Redaction of every part of a record: a planted address and card number never come through."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from fuzz import values as specimens
from fuzz.entry_points.entry_point import EntryPoint, texts, values
from otel_distro.pipeline.measurement_shield import MeasurementShield
from otel_redaction.observers import SilentObserver
from otel_redaction.shield import Shield

ADDRESS, CARD = "planted.person@mailbox.example", "4111 1111 1111 1111"
SIGNALS = ("traces", "logs", "metrics")
_faults: list[BaseException] = []


class _FailureRecorder(SilentObserver):
    """Records failures of redaction, which must not happen, because content is then withheld."""

    def failed(self, signal: str, error: BaseException) -> None:
        """Record the failure."""
        del signal
        _faults.append(error)


_shield = Shield(observer=_FailureRecorder())
_measurements = MeasurementShield(_shield)
_planted = st.sampled_from(
    [f"write to {ADDRESS} soon", f" card {CARD} ", f"{ADDRESS}\n{CARD}", f"<{ADDRESS}>"]
)
_pieces = st.lists(texts | st.sampled_from(specimens.PIECES) | _planted, max_size=4)
_texts = _pieces.map(" ".join)
_nested = st.recursive(
    values | _texts | _planted,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(_texts, inner, max_size=3)
    ),
    max_leaves=8,
)
_inputs = st.fixed_dictionaries(
    {
        "text": _texts,
        "attributes": st.dictionaries(texts | _texts, _nested, max_size=4),
        "body": _nested,
        "labels": st.dictionaries(texts, _texts | st.integers() | st.lists(_texts), max_size=3),
    }
)


def check(given: dict[str, Any]) -> None:
    """Nothing raises, nothing is withheld for a fault, nothing planted is left."""
    _faults.clear()
    for signal in SIGNALS:
        left = (
            _shield.text(given["text"], signal),
            _shield.name(given["text"], signal),
            _shield.attributes(given["attributes"], signal),
            dict(_shield.writable(given["attributes"], signal)),
            _shield.body(given["body"], None, signal),
            _shield.body(given["body"], "event", signal),
        )
        assert not _has_planted(left), left
    labels = _measurements.set_of(given["labels"]).clean
    assert not _has_planted(labels), labels
    assert not _faults, _faults


def _has_planted(value: Any) -> bool:
    if isinstance(value, str):
        return ADDRESS in value or CARD in value
    if isinstance(value, bytes | bytearray):
        return ADDRESS.encode() in value or CARD.encode() in value
    if isinstance(value, dict):
        return any(_has_planted(key) or _has_planted(inner) for key, inner in value.items())
    return isinstance(value, list | tuple) and any(map(_has_planted, value))


ENTRY_POINT = EntryPoint(_inputs, check, few=25)
