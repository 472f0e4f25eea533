"""API keys in published formats of providers, looked up by their first two characters."""

from __future__ import annotations

import re
from functools import lru_cache

from otel_redaction.patterns.lazy_pattern import lazy_pattern

# The first two characters of a key, then its pattern. `<w>` is a letter, digit,
# underscore or dash; `<a>` a letter or digit; `<h>` a hexadecimal digit.
_TABLE = r"""
A3,AB,AC,AK,AS (?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])
AC,SK       (?:SK|AC)<h>{32}(?![A-Za-z0-9])
gh          gh[pousr]_<a>{20,255}
vc          vc[apkir]_<a>{20,60}
A3          A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}
AB          ABSK[A-Za-z0-9+/]{80,280}={0,2}
ac          access-(?:sandbox|development|production)-<h>{8}-<h>{4}-<h>{4}-<h>{4}-<h>{12}
AI          AIza<w>{35}
AK          AKCp<a>{60,80}
AP          API-[A-Z0-9]{26}(?![A-Za-z0-9])
ap,hf       (?:hf|api_org)_[A-Za-z]{30,60}(?![A-Za-z0-9_])
ap,mo,sd    (?:api|sdk|mob)-<h>{8}-<h>{4}-4<h>{3}-[89ab]<h>{3}-<h>{12}
AQ          AQVN<w>{35,38}
AT          ATATT3<w>{40,250}=?<h>{0,10}
AT          ATBB<a>{20,40}
AT          AT[BC]TT3?[\w=-]{20,250}
bk          bk(?:ua|aj|at|ct)_<h>{40}
CC          CCIPAT_<a>{20,30}_<h>{40}
CF          CFPAT-<w>{40,50}
CL          CLOJARS_<a>{60}
cm          cmVmd<a>{50,70}
co          co_<a>{30,60}
da          dapi<h>{32}(?:-\d)?(?![A-Za-z0-9])
dc          dckr_(?:pat|oat)_<w>{20,60}
dd          dd(?:a|p)_<a>{30,60}
dn          dnkey-[\w=-]{26}-[\w=-]{52}
do          do[opr]_v1_<h>{40,80}
dp          dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9.]{30,80}
dt          dt0[a-z]\d\d\.<a>{20,30}\.<a>{50,80}
du          duffel_(?:test|live)_[\w=-]{40,50}
EA          EAAA<w>{56,64}
EA          EAA[MC]<a>{30,300}
EZ          EZ[AT]K<a>{54}
fi          fig[dou]r?_<w>{30,60}
fi          fio-u-[\w=-]{60,70}
FL          FLW(?:PUB|SEC)K(?:_TEST)?-<a>{12,48}-X
fm          fm[12][ar]?_[A-Za-z0-9+/]{80,800}={0,3}
fo          fo1_<w>{40,60}
fw          fw_<a>{20,40}
gi          github_pat_\w{22,255}
gl          gl(?:pat|dt|ft|rt|rtr|cbt|ptt|soat|imt|agent|ffct|oas|wt)-[\w.=-]{16,300}
gl          gl(?:sa|c)_[A-Za-z0-9+/_=]{20,400}
GO          GOCSPX-<w>{20,40}
GR          GR1348941<w>{20,50}
gs          gsk_<a>{30,80}
gt          gta_<h>{40}
hf          hf_<a>{30,60}(?![A-Za-z0-9_])
HR          HRKU-AA<w>{40,80}
hv          hv[sbr]\.<w>{20,300}
ic          ico-<a>{32}(?![A-Za-z0-9])
li          lin_(?:api|oauth)_<a>{30,80}
li,te       (?:live|test)_(?:pub_<h>{31}|<h>{35})(?![A-Za-z0-9])
ls          lsv2_(?:pt|sk)_<h>{32}_<h>{10}
LT          LTAI<a>{12,24}(?![A-Za-z0-9])
na          napi_<a>{50,80}
nf          nfp_<a>{36,60}
np          npm_<a>{30,60}
NR          NR(?:JS|II|RA|AL)-<w>{15,40}
NR          NRAK-<a>{20,40}
nt,se       (?:ntn|secret)_<a>{36,60}(?![A-Za-z0-9])
nv          nvapi-<w>{40,100}
op          ops_eyJ[A-Za-z0-9+/]{100,1500}={0,3}
p8          p8e-<h>{32}
pa          pat-(?:na|eu)\d-<h>{8}-<h>{4}-<h>{4}-<h>{4}-<h>{12}
pa          pat<a>{14}\.<h>{64}
pa,sa       (?:pat|sat)\.<w>{20,24}\.<a>{20,28}\.<a>{18,24}
pc          pcsk_<w>{30,120}
pk,rk,sk    [srp]k_(?:live|test|prod)_<a>{10,110}
pk,sk       [ps]k\.<a>{40,100}\.<a>{20,30}
pk,sk       [ps]k\.eyJ<w>{20,200}\.<w>{16,40}
PM          PMAK-<h>{24}-<h>{34}
pn          pn[ub]_<a>{36}
pp          pplx-<a>{32,64}
ps          pscale_(?:tkn|oauth|pw)_[\w.=-]{30,70}
pu          (?:pub)?key-<h>{32}
pu          pul-<h>{40}
py          pypi-<w>{40,300}
r8          r8_<a>{30,50}
rd          rdme_<a>{60,80}
re          re_<a>{8}_<a>{20,30}
rn          rnd_<a>{20,50}
ro          rootly_<h>{64}
ru          rubygems_<h>{40,60}
s-          s-s4t2(?:ud|af)-<h>{64}
sb          sb[ps]_<h>{40}
sb          sb_(?:secret|publishable)_<w>{20,60}
SG          SG\.<w>{16,32}\.<w>{16,64}
sg          sgp_(?:(?:<h>{16}|local)_)?<h>{40}(?![A-Za-z0-9])
sh          sha256~<w>{43}
sh          shippo_(?:live|test)_<h>{40}
sh          shp(?:at|ca|pa|ss|ua)_<h>{32}
sk          sk-(?:proj|svcacct|admin|None)-<w>{16,200}
sk          sk-ant-<w>{16,140}
sk          sk-lf-<h>{8}-<h>{4}-<h>{4}-<h>{4}-<h>{12}
sk          sk-or-v1-<h>{32,80}
sk          sk_(?!live|test|prod)[^\s"'`<>]{28,32}
sk          sk_<h>{48}
sl          sl\.(?:u\.)?<w>{60,800}
sl          slk_<h>{64}
sm          sm_(?:aat|pat|sat)_<a>{16}(?![A-Za-z0-9])
sn          sntrys_eyJ[A-Za-z0-9+/=_-]{20,400}|sntryu_<h>{64}
sq          sq0(?:atp|csp|idp)-<w>{20,50}
sq          sq[uap]_<h>{40}
t1          t1\.[A-Za-z0-9_.=-]{60,200}
tf          tfp_[\w.=-]{40,80}
tk          tk-us-<w>{48}
tv          tvly-(?:dev-|prod-)?<a>{20,50}
v1          v1\.0-<h>{24}-<h>{146}
wh          whsec_[A-Za-z0-9+/=]{20,90}
xa          xai-<a>{40,120}
xa          xapp-\d-[A-Za-z0-9-]{16,200}
xk          xkeysib-<h>{64}-<a>{16}
xo          xox[abcdeoprs](?:\.xox[bp])?-(?=[A-Za-z-]{0,40}\d)[A-Za-z0-9%-]{20,400}
cs          csk-<a>{40,60}
pa          pa-<w>{40,50}
ji          jina_<w>{50,80}
fc          fc-<h>{32}
ll          llx-<w>{40,60}
tg          tgp_v\d_<w>{36,60}
AQ          AQ\.<w>{40,80}
py          pylf_v\d_[a-z]{2,8}_<a>{36,60}
wa          wandb_v\d_<a>{60,100}
e2          e2b_<h>{40}
bt          bt-st-<w>{40,60}
ph          ph[xcs]_<a>{40,60}
se          sess-<w>{36,60}
ek          ek_<h>{32,64}
be          bedrock-api-key-[A-Za-z0-9+/=]{40,2000}
ak,as       a[ks]-<a>{22,40}(?![A-Za-z0-9-])
cf          cf(?:ut|k|at|pat|o)_<w>{36,60}
ap          apify_api_<w>{30,50}
ak          ak_(?:live|test)_<a>{20,60}
pu,su       (?:pub|sub)-c-<h>{8}-<h>{4}-<h>{4}-<h>{4}-<h>{12}
sg          sgp_<h>{16}_(?:local_)?<h>{40,80}
sh          shltm_<w>{30,60}
ts          tskey-[a-z]{3,8}-<a>{8,20}-<a>{4,40}
VF          VF\.DM\.<h>{20,30}\.<a>{12,30}
tk          tkn\.v1_[A-Za-z0-9+/=_-]{40,120}
BB          BBDC-[A-Za-z0-9+/@]{40,60}
co          cosmo_<h>{32}
IG          IG[QA][A-Za-z0-9_]{60,300}
sk          sk_(?:<h>{48}|<a>{40,60})
lf,pk,sk    (?:lf_)?[ps]k-lf-<h>{8}-<h>{4}-<h>{4}-<h>{4}-<h>{12}
ls          ls__<h>{32}
rp          rpa_[A-Z0-9]{36,60}
cp          cpk_<w>{30,100}
tv          tvly-<w>{20,60}
ya          ya29\.<w>{20,400}
YC          YCA?<w>{38}(?![A-Za-z0-9])
sk          sk-<w>{16,200}
"""

_CLASSES = {"<w>": "[A-Za-z0-9_-]", "<a>": "[A-Za-z0-9]", "<h>": "[0-9a-fA-F]"}


def _patterns() -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for line in _TABLE.split("\n")[1:-1]:
        starts, pattern = line.split(maxsplit=1)
        for shorthand, characters in _CLASSES.items():
            pattern = pattern.replace(shorthand, characters)
        for start in starts.split(","):
            found.setdefault(start, []).append(pattern)
    return {start: "|".join(patterns) for start, patterns in found.items()}


_PATTERNS = _patterns()


@lru_cache(maxsize=len(_PATTERNS))
def _compiled(start: str) -> re.Pattern[str]:
    # Compiled on first use: all of them together would take every process 30 ms.
    return re.compile(_PATTERNS[start])


UNMISTAKABLE = lazy_pattern(
    r"gh[pousr]_|github_pat_|gl(?:pat|dt|rt|cbt|ptt)-|sk-(?:proj|svcacct|admin|ant|or-v1|lf)-"
    r"|[srp]k_(?:live|test)_|xox[abeoprs]-|xapp-\d|A(?:KIA|SIA)[A-Z0-9]{16}(?![A-Za-z0-9])|AIza"
    r"|(?<![A-Za-z0-9])hf_[A-Za-z]{34}(?![A-Za-z])|npm_[A-Za-z0-9]{30}|pypi-AgE|dop_v1_"
    r"|shp(?:at|ca|pa|ss)_|GOCSPX-|ATATT3|lin_api_|nvapi-|r8_[A-Za-z0-9]{37}|gsk_[A-Za-z0-9]{40}|pcsk_|tvly-|whsec_|xkeysib-|ya29\."
)
"""Prefixes that identify a key also inside a word: `app.ghp_...`, `logger-AKIA...`."""


def published_key_end(text: str, start: int) -> int:
    """Return where a form of the list above that begins at *start* ends, or 0."""
    lead = text[start : start + 2]
    key = _compiled(lead).match(text, start) if lead in _PATTERNS else None
    return key.end() if key else 0


def provider_key_end(text: str, start: int) -> int:
    """Return the end of the provider's key that begins at *start*, or 0 without one."""
    end = published_key_end(text, start)
    if not end or (_inside_a_word(text, start) and UNMISTAKABLE.match(text, start) is None):
        return 0
    body = text[start + (end - start) // 3 : end]  # the prefix is the same for all keys
    if not looks_random(body):
        return 0
    rest = _REST.match(text, end)  # a longer key than published is matched completely
    return rest.end() if rest else end


_REST = lazy_pattern(r"[A-Za-z0-9]{1,4096}")


def _inside_a_word(text: str, start: int) -> bool:
    """Return whether *start* is in the middle of base64 or of a file name."""
    lead = text[max(0, start - 2) : start]
    return lead.endswith("+") or (lead.endswith(".") and lead[:1].isalnum())


_PLACEHOLDERS = ("xxxxx", "your", "_here", "***", "...")
_REPEATS = 10


_DIGITS = frozenset("0123456789")


def is_placeholder(value: str) -> bool:
    """Return whether *value* is a placeholder for a key."""
    lower = value.lower()
    for placeholder in _PLACEHOLDERS:
        if placeholder in lower:
            return True
    # A character repeated ten times is at one of every ten places.
    return any(
        character * _REPEATS in value and (character.isalnum() or character == "_")
        for character in value[_REPEATS - 1 :: _REPEATS]
    )


def looks_random(value: str) -> bool:
    """Return whether *value* may be generated: varied, and not letters of one case only.

    Placeholders such as `ghp_xxxxxxxxxxxx` or `my-secret-key` fail.
    """
    distinct = len(set(value))
    if distinct < 7 or distinct * 4 < min(len(value), 40) or is_placeholder(value):
        return False
    if not _DIGITS.isdisjoint(value):
        return True
    body = value[value.rfind("_") + 1 :]
    # Without a digit, only cases mixed inside one long word can be random:
    # CamelCase identifiers have few capitals and they start dictionary words.
    capitals = sum(character.isupper() for character in body)
    return len(body) >= 20 and capitals * 4 >= len(body) and capitals * 4 <= 3 * len(body)
