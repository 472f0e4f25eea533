"""Models of the ledger that no price list knows, with aliases that would give them a price."""

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
"""Shorter names of models, such as `o3`, occur in other words."""


@dataclass(frozen=True, slots=True)
class UnknownPrice:
    """A model without a price, and what it may stand for."""

    found: UnpricedModel
    proposed_model: str
    """Model with a price; empty where nothing suggests one."""
    proposed_provider: str
    """Provider of it, as spans write it; empty for the provider of the calls."""
    why: str
    """What suggests it; empty without a proposal."""
    is_priced_now: bool
    """Whether it has had a price since, so that `ledger reprice` fills it in."""

    @property
    def alias(self) -> str:
        """The `[[alias]]` table for a price file; the model is left to fill in if unknown."""
        lines = ["[[alias]]", f"pattern = {_toml(self.found.model)}"]
        if self.proposed_provider:
            lines.append(f"provider = {_toml(self.proposed_provider)}")
        model = _toml(self.proposed_model) if self.proposed_model else '"?"  # what it stands for'
        return "\n".join([*lines, f"model = {model}"])


def unknown_prices(
    models: Sequence[UnpricedModel], answered: Mapping[tuple[str, str], str], book: PriceBook
) -> list[UnknownPrice]:
    """Return what is known of each of *models*.

    *answered*: (provider, model asked for) -> model that answered another call by that name.
    """
    return [_unknown_price(found, answered, book) for found in models]


def _unknown_price(
    found: UnpricedModel, answered: Mapping[tuple[str, str], str], book: PriceBook
) -> UnknownPrice:
    names = dict.fromkeys((found.model, found.request_model))
    is_priced = any(book.find(found.provider, n, at_ns=found.last_ns) for n in names if n)
    learned = next(
        (answered[found.provider, n] for n in names if (found.provider, n) in answered), ""
    )
    if learned:
        return UnknownPrice(found, learned, "", "answered other calls by this name", is_priced)
    for name in names:
        maker, model = _named_inside(name)
        if not model:
            continue
        sold = book.find(found.provider, model, at_ns=found.last_ns) is not None
        return UnknownPrice(found, model, "" if sold else maker, "its name is in it", is_priced)
    return UnknownPrice(found, "", "", "", is_priced)


def _named_inside(name: str) -> tuple[str, str]:
    """Return the maker and the listed model whose name is the longest inside *name*."""
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
    # A basic string of TOML escapes what one of JSON does.
    return json.dumps(text, ensure_ascii=False)
