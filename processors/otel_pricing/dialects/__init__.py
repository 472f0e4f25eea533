"""How instrumentations write a model call: one file each, tried in this order."""

from otel_pricing.dialects.anthropic_sdk import ANTHROPIC_SDK
from otel_pricing.dialects.bedrock import BEDROCK
from otel_pricing.dialects.coding_agents import CLAUDE_CODE, CODEX, GEMINI_CLI
from otel_pricing.dialects.langfuse import LANGFUSE
from otel_pricing.dialects.litellm import LITELLM
from otel_pricing.dialects.logfire import LOGFIRE
from otel_pricing.dialects.mlflow import MLFLOW
from otel_pricing.dialects.openinference import OPENINFERENCE
from otel_pricing.dialects.openllmetry import OPENLLMETRY
from otel_pricing.dialects.otel_genai import OTEL_GENAI
from otel_pricing.dialects.raw_usage import RAW_USAGE
from otel_pricing.dialects.reading import Dialect
from otel_pricing.dialects.vercel_ai import VERCEL_AI

DIALECTS: tuple[Dialect, ...] = (
    OPENINFERENCE,
    LANGFUSE,
    MLFLOW,
    LITELLM,
    VERCEL_AI,
    CLAUDE_CODE,
    CODEX,
    GEMINI_CLI,
    LOGFIRE,
    RAW_USAGE,
    ANTHROPIC_SDK,
    OPENLLMETRY,
    BEDROCK,
    # Last, because every span may speak it.
    OTEL_GENAI,
)

__all__ = ["DIALECTS", "Dialect"]
