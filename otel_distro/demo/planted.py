"""The fake secrets that the demo plants in its prompts."""

EMAIL = "ada.lovelace@example.com"
API_KEY = "sk-proj-" + "Rk7wQ2mZ9xLpT4vB8nYc3JhD6sFgA1eU5oKi0bXy"
