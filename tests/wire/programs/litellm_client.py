"""litellm: completion, a stream, asynchronous, Anthropic."""

import asyncio, os
import litellm

litellm.telemetry = False
base = os.environ["PROVIDER_URL"]
messages = [{"role": "user", "content": "hi"}]
request = {
    "model": "openai/gpt-4o",
    "messages": messages,
    "api_base": base + "/v1",
    "api_key": "none",
}
litellm.completion(**request)
for _ in litellm.completion(**request, stream=True, stream_options={"include_usage": True}):
    pass
asyncio.run(litellm.acompletion(**request))
litellm.completion(
    model="anthropic/claude-sonnet-4-5", messages=messages, api_base=base, api_key="none"
)
