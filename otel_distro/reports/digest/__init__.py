"""Reviews of a day, a week or a month: how it went, against the time before, and what to change."""
