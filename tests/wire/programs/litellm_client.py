"""litellm: completion, a stream, asynchronous, Anthropic."""

import asyncio, os
import litellm

litellm.telemetry = False
base = os.environ["PROVIDER_URL"]
messages = [{"role": "user", "content": "hi"}]
asked = {
    "model": "openai/gpt-4o",
    "messages": messages,
    "api_base": base + "/v1",
    "api_key": "none",
}
litellm.completion(**asked)
for _ in litellm.completion(**asked, stream=True, stream_options={"include_usage": True}):
    pass
asyncio.run(litellm.acompletion(**asked))
litellm.completion(
    model="anthropic/claude-sonnet-4-5", messages=messages, api_base=base, api_key="none"
)
