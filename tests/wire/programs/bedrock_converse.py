"""boto3: converse and converse_stream of Bedrock."""

import os
import boto3

client = boto3.client(
    "bedrock-runtime",
    endpoint_url=os.environ["PROVIDER_URL"],
    region_name="us-east-1",
    aws_access_key_id="x",
    aws_secret_access_key="y",
)
request = {
    "modelId": "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "messages": [{"role": "user", "content": [{"text": "hi"}]}],
}
client.converse(**request)
for _ in client.converse_stream(**request)["stream"]:
    pass
