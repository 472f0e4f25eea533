"""Provider keys: a random key of each published form is found without a name."""

from __future__ import annotations

import random
import string

import pytest

from otel_redaction import find

_ALPHANUMERIC = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"
_UPPER = string.ascii_uppercase + string.digits

# Issuer, text before the random part, its alphabet and length, and text after it.
_FORMS = (
    ("openai", "sk-proj-", _ALPHANUMERIC, 48, ""),
    ("openai-old", "sk-", _ALPHANUMERIC, 48, ""),
    ("anthropic", "sk-ant-api03-", _ALPHANUMERIC, 93, "AA"),
    ("openrouter", "sk-or-v1-", _HEX, 64, ""),
    ("stripe", "sk_live_", _ALPHANUMERIC, 24, ""),
    ("stripe-restricted", "rk_test_", _ALPHANUMERIC, 24, ""),
    ("github", "ghp_", _ALPHANUMERIC, 36, ""),
    ("github-server", "ghs_", _ALPHANUMERIC, 36, ""),
    ("github-fine", "github_pat_", _ALPHANUMERIC, 82, ""),
    ("gitlab", "glpat-", _ALPHANUMERIC, 20, ""),
    ("aws", "AKIA", _UPPER, 16, ""),
    ("aws-session", "ASIA", _UPPER, 16, ""),
    ("google", "AIza", _ALPHANUMERIC, 35, ""),
    ("google-oauth", "ya29.", _ALPHANUMERIC, 60, ""),
    ("slack-bot", "xoxb-263594206564-2343594206574-", _ALPHANUMERIC, 24, ""),
    ("sendgrid", "SG.ngeVfQFYQlKU0ufo8x5d1A.", _ALPHANUMERIC, 43, ""),
    ("twilio", "SK", _HEX, 32, ""),
    ("npm", "npm_", _ALPHANUMERIC, 36, ""),
    ("pypi", "pypi-AgEIcHlwaS5vcmc", _ALPHANUMERIC, 80, ""),
    ("docker", "dckr_pat_", _ALPHANUMERIC, 27, ""),
    ("huggingface", "hf_", _ALPHANUMERIC, 34, ""),
    ("groq", "gsk_", _ALPHANUMERIC, 52, ""),
    ("replicate", "r8_", _ALPHANUMERIC, 37, ""),
    ("perplexity", "pplx-", _ALPHANUMERIC, 48, ""),
    ("digitalocean", "dop_v1_", _HEX, 64, ""),
    ("databricks", "dapi", _HEX, 32, ""),
    ("doppler", "dp.pt.", _ALPHANUMERIC, 43, ""),
    ("grafana", "glsa_", _ALPHANUMERIC, 41, ""),
    ("linear", "lin_api_", _ALPHANUMERIC, 40, ""),
    ("notion", "ntn_", _ALPHANUMERIC, 46, ""),
    ("shopify", "shpat_", _HEX, 32, ""),
    ("vault", "hvs.", _ALPHANUMERIC, 96, ""),
    ("terraform", "aB3dE6gH9jK2mN.atlasv1.", _ALPHANUMERIC, 67, ""),
    ("mailchimp", "", _HEX, 32, "-us12"),
    ("telegram", "123456789:", _ALPHANUMERIC, 35, ""),
    ("sendinblue", "xkeysib-", _HEX, 64, "-aB3dE6gH9jK2mN4p"),
    ("square", "sq0atp-", _ALPHANUMERIC, 22, ""),
    ("vercel", "vcp_", _ALPHANUMERIC, 56, ""),
    ("supabase", "sbp_", _HEX, 40, ""),
    (
        "dynatrace",
        "dt0c01.",
        _UPPER,
        24,
        ".G3DK5LIWCR7PNAUZ4EQHSVXB2TMJ6FYO" + "9WQ8B3NXK5M7ZC2LRVTAHJ4PDGSYE6UF",
    ),
    ("langsmith", "lsv2_pt_", _HEX, 32, "_0123456789"),
)


@pytest.mark.parametrize(
    ("issuer", "before", "alphabet", "length", "after"), _FORMS, ids=[form[0] for form in _FORMS]
)
def test_a_key_is_found_by_its_form(
    issuer: str, before: str, alphabet: str, length: int, after: str
) -> None:
    """The whole key is redacted, with any random part and surroundings."""
    source = random.Random(issuer)

    for surroundings in ("{}", "use {} now", '{{"k":"{}"}}', "curl https://x.example/ -H 'X: {}'"):
        key = before + "".join(source.choices(alphabet, k=length)) + after
        text = surroundings.format(key)
        first = text.index(key)

        assert any(
            match.start <= first and match.end >= first + len(key) for match in find(text)
        ), text
