"""Errors raised by the distribution.

OtelDistroError
└── SettingsError      one or more settings cannot be used
"""

from __future__ import annotations

from dataclasses import dataclass


class OtelDistroError(Exception):
    """Base class of all errors of this distribution."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One invalid setting, described for its user."""

    name: str
    """The variable or key as the user wrote it."""
    message: str
    """The fault and the allowed values; never a secret."""
    withholds: bool = True
    """Whether content must be withheld: true if protection may have been intended."""

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


class SettingsError(OtelDistroError):
    """Invalid settings, all in one error."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        noun = "setting" if len(problems) == 1 else "settings"
        lines = [f"{len(problems)} {noun} cannot be used", *(f"  {p}" for p in problems)]
        super().__init__("\n".join(lines))
