"""Reviews of a day, a week or a month, compared with the period before, with suggestions."""
