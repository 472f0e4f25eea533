"""Masking rules of the Collector: the second line behind the redaction in each process.

The first line validates check digits and context; RE2, which the Collector uses, can do neither.
So this table keeps to forms that are secret on sight. A match here means that something reached
the Collector unredacted: a program without this distribution, or a gap in the first line. It is
masked, counted (`redaction.masked.count`) and alerted on.

Every rule brings specimens of what it must mask and near misses that it must leave alone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of secret: a pattern in RE2 syntax, with its proof."""

    kind: str
    pattern: str
    specimens: tuple[str, ...]
    near_misses: tuple[str, ...] = ()


_IBAN_COUNTRIES = (
    "AD|AE|AL|AT|AZ|BA|BE|BG|BH|BR|BY|CH|CR|CY|CZ|DE|DK|DO|EE|EG|ES|FI|FO|FR|GB|GE|GI|GL|GR|GT|"
    "HR|HU|IE|IL|IQ|IS|IT|JO|KW|KZ|LB|LC|LI|LT|LU|LV|MC|MD|ME|MK|MR|MT|MU|NL|NO|PK|PL|PS|PT|QA|"
    "RO|RS|SA|SC|SE|SI|SK|SM|TL|TN|TR|UA|VA|VG|XK"
)

# RE2 has no look-behind. Where a digit run must not continue a decimal fraction (a float printed
# with 16 digits looks like a card), the rule consumes the character before it instead.
_ALONE = r"(?:^|[^\w.+-])"

RULES: tuple[Rule, ...] = (
    Rule(
        "private_key",
        r"-----BEGIN[ A-Z0-9]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"[A-Za-z0-9+/=:,.()\s\\]*(?:-----END[ A-Z0-9]{0,40}PRIVATE KEY(?: BLOCK)?-----)?",
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIEow"
            + "A1b2" * 20
            + "\n-----END RSA PRIVATE KEY-----",
        ),
        ("-----BEGIN CERTIFICATE-----", "-----BEGIN PUBLIC KEY-----"),
    ),
    Rule(
        "jwt",
        r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dBjftJeZ4CVPmB92K27uhbUJU1p1r",),
        ("eyJust.a.word",),
    ),
    Rule(
        "url_credentials",
        r"://[^\s/?#\"'<>@:]{0,128}:[^\s/?#\"'<>@]{1,256}@",
        ("postgres://app:hunter2secret@db.internal/orders",),
        ("http://localhost:4318/v1/traces", "https://example.com/@handle"),
    ),
    Rule(
        "query_secret",
        r"(?i)[?&;](?:sig|signature|x-amz-(?:signature|credential|security-token)|"
        r"x-goog-(?:signature|credential)|api[_-]?key|key|token|access_token|id_token|"
        r"refresh_token|client_secret|secret|password|pwd)=[^&#\s\"'<>\[*]{6,}",
        (
            "https://api.example.com/v1?api_key=9f8e7d6c5b4a",
            "https://blob.example.net/f?sv=1&sig=Zm9vYmFyYmF6cXV4MTIz",
        ),
        ("/search?q=monkey&sort=asc", "/v1?api_key=[API_KEY]"),
    ),
    Rule(
        "bearer_token",
        r"(?i)\bbearer[ :]{1,4}[A-Za-z0-9._~+/=-]{20,}",
        ("Authorization: Bearer 0a1b2c3d4e5f60718293a4b5c6d7",),
        ("bearer of bad news", "Bearer [TOKEN]"),
    ),
    Rule(
        "assignment",
        r"(?i)\b(?:[a-z0-9]{1,20}[_.-]){0,3}(?:password|passwd|pwd|passphrase|secret|api[_-]?key|"
        r"access[_-]?key|secret[_-]?key|private[_-]?key|auth[_-]?token|access[_-]?token|"
        r"refresh[_-]?token)[\"']?(?:\s?=\s?|\s?:\s?[\"'])[\"']?[^\s\"',;&<>(){}\[\]*]{6,}",
        ("password=hunter2secret", '{"api_key": "9f8e7d6c5b4a3210"}', "DB_PASSWORD = s3cr3tpass"),
        (
            "password=[PASSWORD]",
            "password: required by law",
            "monkey=bananas",
            "max_tokens=1000000",
        ),
    ),
    Rule(
        "openai_key",
        r"\bsk-(?:proj|svcacct|admin|None|ant|or-v1|lf)-[A-Za-z0-9_-]{16,}|\bsk-[A-Za-z0-9]{32,}",
        (
            "sk-proj-" + "Ab3dEf9h" * 5,
            "sk-ant-api03-" + "x9Y8z7W6" * 4,
            "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",
        ),
        ("sk-learn-contrib-package", "sk-proj-short"),
    ),
    Rule(
        "cloud_key",
        r"\b(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b|\bAIza[A-Za-z0-9_-]{35}"
        r"|\bGOCSPX-[A-Za-z0-9_-]{20,}|\bya29\.[A-Za-z0-9_-]{20,}",
        ("AKIAIOSFODNN7EXAMPLE", "AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY"),
        ("AKIA", "AIzawa"),
    ),
    Rule(
        "forge_key",
        r"\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{22,}|\bgl(?:pat|rt|dt|ptt|cbt)-[\w.-]{16,}"
        r"|\bnpm_[A-Za-z0-9]{30,}|\bpypi-[A-Za-z0-9_-]{40,}|\bhf_[A-Za-z0-9]{30,}",
        ("ghp_" + "A1b2C3d4" * 5, "glpat-" + "A1b2C3d4" * 3, "hf_" + "A1b2C3d4" * 4),
        ("ghp_short", "npm_config_registry"),
    ),
    Rule(
        "service_key",
        r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bxapp-\d-[A-Za-z0-9-]{16,}"
        r"|hooks\.slack\.com/(?:services|workflows|triggers)/[\w/+-]{20,}"
        r"|\b[srp]k_(?:live|test)_[A-Za-z0-9]{10,}|\bwhsec_[A-Za-z0-9+/=]{20,}"
        r"|\bSG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}|\bgsk_[A-Za-z0-9]{30,}"
        r"|\bxai-[A-Za-z0-9]{40,}|\bpplx-[A-Za-z0-9]{32,}|\bnvapi-[A-Za-z0-9_-]{40,}"
        r"|\blsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}|\bhv[sbr]\.[A-Za-z0-9_-]{20,}"
        r"|\bdop_v1_[0-9a-f]{40,}|\bdapi[0-9a-f]{32}\b",
        ("xoxb-123456789012-abcdefABCDEF", "sk_live_" + "A1b2C3d4" * 3, "hvs." + "A1b2C3d4" * 4),
        ("xbox-controller", "sk_learn", "SG.short"),
    ),
    Rule(
        "email",
        r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}\b",
        ("ada.lovelace@example.com", "write to a+b@mail.example.co.uk today"),
        ("[EMAIL]", "user@localhost", "@decorator", "a @ b.c"),
    ),
    Rule(
        "card",
        _ALONE
        + r"(?:(?:4\d{3}|5[1-5]\d{2}|222[1-9]|22[3-9]\d|2[3-6]\d{2}|27[01]\d|2720|6011|65\d{2}|"
        r"64[4-9]\d)(?:[ -]?\d{4}){3}|3[47]\d{2}[ -]?\d{6}[ -]?\d{5})\b",
        ("4111 1111 1111 1111", "card 5555555555554444", "3782-822463-10005"),
        ("0.4111111111111111", "1700000000000000000", "4111-1111", "x4111111111111111"),
    ),
    Rule(
        "iban",
        r"\b(?:" + _IBAN_COUNTRIES + r")\d{2}(?:[ -]?[A-Z0-9]{4}){3,7}(?:[ -]?[A-Z0-9]{1,3})?\b",
        ("DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819"),
        ("DE89", "ED89 3704 0044 0532 0130 00"),
    ),
    Rule(
        "us_ssn",
        _ALONE + r"[0-8]\d{2}-\d{2}-\d{4}\b",
        ("ssn 078-05-1120",),
        ("2026-11-22", "v1-078-05-1120", "978-05-1120"),
    ),
    Rule(
        "phone",
        _ALONE[:-1] + r")\+[1-9]\d{0,2}(?:[ .-]?\(?\d{2,4}\)?){2,5}\b",
        ("+49 30 1234567", "call +1 (415) 555-2671 now", "+442071838750"),
        ("+00:00", "1+2345", "a+1234567890"),
    ),
)

# The whole value goes where the key's last words name a secret. Anchored at the end, because
# `password.policy` and `gen_ai.usage.input_tokens` are not secrets, and never a bare `token`.
SECRET_KEYS: tuple[str, ...] = (
    r"(?i)(?:^|[._/-])(?:proxy[._-])?authorization$",
    r"(?i)(?:^|[._/-])(?:set[._-])?cookie$",
    r"(?i)(?:^|[._/-])(?:x[._-])?(?:api|access|secret|private|auth)[._-]?key$",
    r"(?i)(?:^|[._/-])(?:db[._-]?|user[._-]?)?(?:password|passwd|passphrase|pwd)$",
    r"(?i)(?:^|[._/-])(?:client|app|shared)?[._-]?secret$",
    r"(?i)(?:^|[._/-])(?:access|refresh|id|auth|session|bearer|security)[._-]?token$",
)

HARMLESS_KEYS: tuple[str, ...] = (
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cost.amount",
    "gen_ai.request.max_tokens",
    "gen_ai.token.type",
    "llm.token_count.total",
    "otel_distro.cost.status",
    "password.policy",
    "http.request.header.x-request-id",
    "tokenizer",
    "session.id",
    "monkey",
)
"""Names that a careless pattern would treat as secrets; none may match."""
