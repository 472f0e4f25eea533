"""DSPy: a prediction, requested twice; the second answer comes from its cache."""

import os

base = os.environ["PROVIDER_URL"]
import dspy

dspy.configure(lm=dspy.LM("openai/gpt-4o", api_base=base + "/v1", api_key="none"))
lm = dspy.settings.lm
lm("hi")
lm("hi")
