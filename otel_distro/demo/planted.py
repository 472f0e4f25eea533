"""The fake secrets that the demo plants in its prompts."""

EMAIL = "ada.lovelace@example.com"
API_KEY = "sk-proj-" + "D3m0" * 10
