"""Classification of a value by its name: secret, measurement, or neither.

Names are judged by whole segments, so `x-api-key` and `userPassword` are secret
while `gen_ai.usage.input_tokens`, `monkey` and `tokenizer` are not.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

from otel_redaction.patterns.lazy_pattern import lazy_pattern
from otel_redaction.patterns.match import MASK
from otel_redaction.patterns.words import words

_SEGMENT = lazy_pattern(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_a-zA-Z]+")

_PASSWORDS = words(
    "password passwords passwd psk passphrase passcode passwort kennwort pwd pswd psw pw passw "
    "passwrd contraseña contrasena contrasenya senha motdepasse userpassword dbpassword "
    "masterpassword "
    "rootpassword pgpassword mypassword userpwd userpass dbpass dbpwd wachtwoord lösenord losenord "
    "hasło haslo heslo salasana jelszó jelszo parola şifre sifre adgangskode passord keypass "
    "storepass пароль парол кодпаролю 密码 密碼 パスワード 비밀번호 암호 패스워드 비번 סיסמה "
    "पासवर्ड รหัสผ่าน κωδικός"
)
_SECRETS = words(
    "secret secrets secreta secreto clientsecret appsecret sharedsecret secretkey consumersecret"
)
_API_KEYS = words(
    "apikey apikeys apisecret accesskey secretaccesskey privatekey authkey appkey accountkey "
    "sharedaccesskey masterkey encryptionkey signingkey apitoken licensekey storagekey"
)
_TOKENS = words(
    "token accesstoken refreshtoken authtoken idtoken sessiontoken bearer bearertoken jwt "
    "authorization proxyauthorization credential credentials creds sessionid sessid phpsessid "
    "jsessionid aspsessionid asp.net_sessionid sastoken oauthtoken usertoken bottoken auth xauth"
)
_CODES = words("otp totp cvv cvv2 cvc cvc2")
_COOKIES = frozenset({"cookie", "cookies", "setcookie"})
# `key` is secret only after a word for its purpose.
# Names that identify the digits in their value.
_LABELS = words(
    "phone telephone tel mobile cell fax msisdn ssn social card cc pan iban account acct routing "
    "aba passport licence license dob birth birthday birthdate born nhs nino aadhaar cpf pesel bsn "
    "tin ein itin mrn latitude longitude lat lon lng cvv cvc otp"
)
# Attribute names use `pan` or `msisdn`; sentences do not.
_SENTENCE_WORDS = {"pan": "card", "msisdn": "phone", "birthdate": "birth"}
_ID_WORDS = words("id number no nr num identifier")
_ID_OWNERS = words("tax national citizen identity personal taxpayer fiscal insurance")
_KEY_OWNERS = words(
    "api access secret private master account encryption signing signature service shared storage "
    "consumer auth subscription license app application client admin webhook deploy ssh rsa hmac "
    "aes crypto decrypt encrypt jwt session security developer dev prod live personal vault "
    # The issuer is sufficient as well: `HEROKU_KEY`.
    "aws azure openai anthropic gemini google gcp github gitlab stripe twilio sendgrid mailgun "
    "mailchimp datadog dd newrelic sentry slack discord telegram dropbox algolia cloudflare linear "
    "notion snyk sonar okta auth0 pinecone cohere huggingface hf mistral groq heroku maps "
    "recaptcha pagerduty posthog mixpanel amplitude segment intercom hubspot salesforce "
    "shopify paypal plaid "
    "supabase firebase"
)
# Last segments of names that are about a secret, not the secret itself.
_ABOUT = words(
    "id ids name names url uri urls endpoint path paths file files filename dir type types kind "
    "length len size count counts version format field fields header headers prefix suffix expiry "
    "expires expiration exp ttl age policy enabled disabled required valid validity alg algorithm "
    "hint label store manager provider source ref reference arn status error errors usage limit "
    "limits index idx location variable var param parameter regex pattern rotation created updated "
    "at days hours minutes seconds ms in tokens budget cost price rate ratio details mode scope "
    "scopes method audience issuer reset resets strength min max vault list map table column "
    "iterations rounds callback handler factory service class interface schema tag alias "
    "description title text "
    "placeholder message tokens_per_second position logprobs bytes route routes spend region team "
    "timeout latency duration throughput tpm rpm request requests"
)
# Words anywhere in the name of a harmless token or key.
_HARMLESS = words(
    "public pub csrf xsrf page next continuation pagination sync cursor stop eos bos pad unk cls "
    "sep max min num total count usage cached reasoning prompt completion input output audio text "
    "jsonwebtoken image budget special primary foreign partition sort idempotency cache "
    "object bucket time first per latency throughput logprob logprobs"
)


def segments(name: str) -> list[str]:
    """Return the lower-case words of *name*, split at punctuation and camel case."""
    return [word.lower() for word in _SEGMENT.findall(name)]


@lru_cache(maxsize=8192)
def secret_kind(name: str) -> str | None:
    """Return the kind of secret that a value named *name* is, or None."""
    parts = segments(name)
    if not parts or parts[-1] in _ABOUT:
        return None
    joined = "".join(parts)
    for kind, names in (
        ("password", _PASSWORDS),
        ("cookie", _COOKIES),
        ("api_key", _API_KEYS),
        ("secret", _SECRETS),
        ("token", _TOKENS),
    ):
        if joined in names:
            return kind
    return _by_segment(parts)


@lru_cache(maxsize=8192)
def label(name: str) -> str:
    """Return the words of *name* that identify the digits in its value; mostly none."""
    parts = segments(MASK.sub(" ", name) if "[" in name else name)
    if not parts:
        return ""
    if parts[-1] in _ID_WORDS and not _ID_OWNERS.isdisjoint(parts[-3:]):
        return "national id number: "
    if parts[-1] == "key" and loose_kind(name) is not None:
        return f"{name}: "
    if parts[-1] in _ABOUT or _LABELS.isdisjoint(parts):
        return ""
    return " ".join(_SENTENCE_WORDS.get(part, part) for part in parts[-4:]) + ": "


def _by_segment(parts: list[str]) -> str | None:
    found = set(parts)
    if found & _PASSWORDS or (parts[-1] == "pass" and len(parts) > 1):
        return "password"
    if found & _HARMLESS:
        return None
    if found & _COOKIES:
        return "cookie"
    if found & _API_KEYS or _owns_key(parts):
        return "api_key"
    if found & _SECRETS:
        return "secret"
    if parts[-1] == "userpwd":
        return "password"
    if found & _TOKENS or parts[-1].endswith(("token", "apikey", "secret")):
        return "token"
    return "password" if parts[-1] in _CODES else None


@lru_cache(maxsize=8192)
def loose_kind(name: str) -> str | None:
    """Return the kind of a value by its name and format: `pass`, `acme_key`; else None."""
    parts = segments(name)
    if not parts or parts[-1] in _ABOUT:
        return None
    last = parts[-1]
    if last in {"pass", "passe"}:
        return "password"
    if not _HARMLESS.isdisjoint(parts) or not _KEY_OBJECTS.isdisjoint(parts):
        return None
    if last in {"key", "keys"} or last.endswith("key"):
        return "api_key"
    return "token" if last in {"session", "sessionid", "sess", "pat"} else None


_KEY_OBJECTS = words(
    "primary foreign partition sort cache idempotency object row index routing bucket group range "
    "hash dedup lock unique composite trace span request build commit file image content project "
    "event job task thread map dict registry metric label tag attribute config field column "
    "translation locale i18n message monkey turkey donkey hockey jockey whiskey keyboard hotkey "
    "keyword public"
)


def _owns_key(parts: list[str]) -> bool:
    return any(
        word in {"key", "keys"} and before in _KEY_OWNERS for before, word in pairwise(parts)
    )
