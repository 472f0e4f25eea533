"""Garbage collection is paused only while the distribution is set up."""

from __future__ import annotations

import gc

import pytest

from otel_distro.base.garbage_collection import paused_garbage_collection


def test_it_is_on_again_afterwards_also_after_an_error() -> None:
    """Otherwise the app's memory would grow."""
    with pytest.raises(ValueError, match="no"), paused_garbage_collection():
        assert not gc.isenabled()
        raise ValueError("no")

    assert gc.isenabled()


def test_it_stays_off_where_the_app_switched_it_off() -> None:
    """As in programs that fork many children."""
    gc.disable()
    try:
        with paused_garbage_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
