"""Models of the ledger without a price, with aliases that would price them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otel_pricing.prices.aliases import model_family
from otel_pricing.prices.catalogue import MAKERS
from otel_pricing.prices.price_data import PRICE_DATA

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from otel_cost_ledger.query.unpriced import UnpricedModel
    from otel_pricing import PriceBook

_SHORTEST_NAME = 5
"""Minimum length of a model name; shorter ones, such as `o3`, occur in other words."""


@dataclass(frozen=True, slots=True)
class UnknownPrice:
    """A model without a price, and a proposed alias."""

    found: UnpricedModel
    proposed_model: str
    """Proposed model with a price; empty without a proposal."""
    proposed_provider: str
    """Its provider, as spans write it; empty for the provider of the calls."""
    why: str
    """Reason for the proposal; empty without one."""
    is_priced_now: bool
    """Whether a price exists by now, so that `ledger reprice` fills it in."""

    @property
    def alias(self) -> str:
        """The `[[alias]]` table for a price file; an unknown model is left blank."""
        lines = ["[[alias]]", f"pattern = {_toml(self.found.model)}"]
        if self.proposed_provider:
            lines.append(f"provider = {_toml(self.proposed_provider)}")
        model = _toml(self.proposed_model) if self.proposed_model else '"?"  # what it stands for'
        return "\n".join([*lines, f"model = {model}"])


def unknown_prices(
    models: Sequence[UnpricedModel], answered: Mapping[tuple[str, str], str], book: PriceBook
) -> list[UnknownPrice]:
    """Return the unpriced models among *models* with proposals.

    *answered*: (provider, model asked for) -> model that answered another call by that name.
    """
    return [_unknown_price(model, answered, book) for model in models]


def _unknown_price(
    unpriced: UnpricedModel, answered: Mapping[tuple[str, str], str], book: PriceBook
) -> UnknownPrice:
    names = dict.fromkeys((unpriced.model, unpriced.request_model))
    is_priced = any(book.find(unpriced.provider, n, at_ns=unpriced.last_ns) for n in names if n)
    learned = next(
        (answered[unpriced.provider, n] for n in names if (unpriced.provider, n) in answered), ""
    )
    if learned:
        return UnknownPrice(unpriced, learned, "", "answered other calls by this name", is_priced)
    for name in names:
        maker, model = _named_inside(name)
        if not model:
            continue
        sold = book.find(unpriced.provider, model, at_ns=unpriced.last_ns) is not None
        return UnknownPrice(unpriced, model, "" if sold else maker, "its name is in it", is_priced)
    return UnknownPrice(unpriced, "", "", "", is_priced)


def _named_inside(name: str) -> tuple[str, str]:
    """Return the provider and the listed model with the longest name inside *name*."""
    family = model_family(name)
    found: tuple[str, str] = ("", "")
    for seller in PRICE_DATA.snapshot().providers:
        if seller.id not in MAKERS:
            continue
        for model in seller.models:
            known = model.id
            if len(known) < _SHORTEST_NAME or len(known) <= len(found[1]):
                continue
            if re.search(rf"(?:\A|[^a-z0-9]){re.escape(known)}(?:\Z|[^a-z0-9.])", family):
                found = seller.id, known
    return found


def _toml(text: str) -> str:
    # TOML basic strings have the same escapes as JSON strings.
    return json.dumps(text, ensure_ascii=False)
