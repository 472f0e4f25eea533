"""requests: chat, Anthropic messages and Gemini."""

import os, requests

base = os.environ["PROVIDER_URL"]
messages = [{"role": "user", "content": "hi"}]
requests.post(f"{base}/v1/chat/completions", json={"model": "gpt-4o", "messages": messages})
requests.post(
    f"{base}/v1/messages",
    json={"model": "claude-sonnet-4-5", "max_tokens": 100, "messages": messages},
)
requests.post(
    f"{base}/v1beta/models/gemini-2.5-flash:generateContent",
    json={"contents": [{"parts": [{"text": "hi"}]}]},
)
streamed = {
    "model": "gpt-4o",
    "messages": messages,
    "stream": True,
    "stream_options": {"include_usage": True},
}
for _ in requests.post(f"{base}/v1/chat/completions", json=streamed, stream=True).iter_lines():
    pass
