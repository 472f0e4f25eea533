"""Names of persons in prose, by vocabulary, title or introducing phrase."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from otel_redaction.patterns.lazy_pattern import lazy_pattern
from otel_redaction.patterns.match import Match
from otel_redaction.patterns.words import words
from otel_redaction.people.further_names import listed_beside, repeated_parts
from otel_redaction.people.lower_case_names import find_in_lower_case
from otel_redaction.people.name_form import SHORTEST_GIVEN, SHORTEST_SINGLE, WORD, is_inside
from otel_redaction.people.vocabulary import (
    NOT_NAMES,
    PARTICLES,
    Beside,
    folded,
    names,
    words_too,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_redaction.people.word_starts import Lowered

_PARTICLE = (
    r"(?:van|von|der|den|de|del|della|di|da|do|dos|das|du|la|le|ter|ten|bin|ibn|al|el|af|zu|av|y|e)"
)
# Up to six adjacent capitalised words, with particles between them.
_RUN = lazy_pattern(rf"({WORD}\.?(?:[ \t]{{1,2}}(?:{_PARTICLE}[ \t]){{0,2}}{WORD}\.?){{0,5}})")
_TOKEN = lazy_pattern(rf"{WORD}|{_PARTICLE}")
_TITLES = words(
    "mr mrs ms miss mx dr prof professor sir dame lord lady rev reverend fr father sister brother hon "
    "judge justice capt captain col colonel sgt lt gen major officer nurse doctor madam herr frau "
    "hr fru monsieur madame mme mlle m se\u00f1or se\u00f1ora senor senora sr sra srta don do\u00f1a signor signora "
    "sig dott dottor ing lic pan pani gospodin gospo\u0111a mag dipl uncle aunt president senator"
)
# Phrases that introduce any name. Each is tried only where one of its stems occurs.
_CUE_STEMS = (
    *(
        b"name",
        b"call me",
        b"hei",
        b"m'appelle",
        b"llamo",
        b"nombre es",
        b"chiamo",
        b"nome",
        b"chamo",
    ),
    *(
        b"jeg heter",
        b"jag heter",
        b"naam is",
        b"nazywam",
        b"attn",
        b"cardholder",
        b"account holder",
    ),
)
_CUE = lazy_pattern(
    r"(?:name(?:\?|'s| is|:| on (?:the )?(?:card|account)(?: is|:)?|[\"']\s{0,2}[:=]|[ ]?=)|call me|"
    r"hei(?:\u00dfe|ss|sse)|m'appelle|llamo|nombre es|chiamo|nome \u00e9|chamo|jeg heter|jag heter|naam is|"
    r"nazywam si\u0119|attn:?|cardholder:?|account holder:?)[ \t\"']{0,4}",
    re.IGNORECASE,
)
_NAME_OF = lazy_pattern(
    r"(?:my|full|real|first|last|given|maiden|middle|sur|family|customer|patient|contact|your|his|her|the|\A|\n|^)[ _]?\Z|[\"'{,][ ]?\Z",
    re.IGNORECASE,
)


def _introduced(text: str, lower: Lowered) -> frozenset[int]:
    """Return the starts of names after an introduction: `my name is`, `"full_name": "`."""
    ends = set()
    for place in lower.places(_CUE_STEMS):
        cue = _CUE.match(text, place)
        if cue is None:
            continue
        if lower.data.startswith(b"name", place) and not _NAME_OF.search(
            text[max(0, place - 10) : place]
        ):
            continue
        ends.add(cue.end())
    return frozenset(ends)


# `Gijsbrecht: "Who are you?"`, `says Iwase`, `Iwase said`, `Mr. X`: actions of people only.
_SPEECH_AFTER = lazy_pattern(
    r"'s (?:daughter|son|wife|husband|mother|father|brother|sister|mom|dad|friend|house|birthday|address|"
    r"kid|boss|account|phone|killers?)\b|[ ](?:said|says(?! that)|told (?:me|us|him|her)|asked (?:me|us|him|her|for|if|about)|replied|"
    r"shouted|explained to|flew to|lives (?:in|at|on)|was born|is a (?:very )?(?:\d|sympathetic|nice|kind|great guy|good friend)|"
    r"is (?:my|his|her|our) |had given (?:him|her|[A-Z]\w{1,20})|called me|emailed me|spent a|began writing|grew up|passed away)\b|:[ ]?[\"\u201c][A-Z]"
)
# Endings of family names only; a long word with such an ending needs no context.
_FAMILY_ENDING = lazy_pattern(
    r"\w{3,}(?:[klnrstzhvmdp]ova?|[yilr]eva?|sk[iya]|skaya|ck[ia]|wicz|vi[c\u0107]|sson|sd[o\u00f3]ttir|enko|chuk|shvili|idze|adze|"
    r"o[g\u011f]lu|opoulos|akis|escu|eanu|[iy\u00e4a]nen|yan|jee|qvist|gaard|strom|str\u00f6m|[a-z]mann)",
    re.IGNORECASE,
)
_SHORTEST_WITH_ENDING = 7
_GREETINGS = words("hi hello dear hey greetings bonjour hola hallo ciao caro cara lieber liebe")
_GREETING = lazy_pattern(r"\b(?:hi|hello|dear|hey)(?: there,?)? \Z", re.IGNORECASE)
_BESIDE_ENDING = lazy_pattern(
    r"\w{3,}(?:berg|stein|feld|bach|baum|sson|[ds]son|sen|mann|witz|ski|off)"
)
_IN_PLACE = lazy_pattern(
    r"\b(?:in|at|from|near|to|of|around|across|via|outside|the)[ ]\Z", re.IGNORECASE
)
_SURELY_PLACE = lazy_pattern(r"\b(?:in|at|near|around|across|via|outside|the)[ ]\Z", re.IGNORECASE)
_REACH = 40
_NOT_PERSONS_AFTER = lazy_pattern(
    r"[ \t]{0,2}(?:Inc|LLC|Ltd|GmbH|Corp|Co\b|PLC|AG\b|S\.?A\.?\b|Group|Holdings|Street|St\b|Ave|Avenue|Road|Rd\b|"
    r"Lane|Drive|Blvd|Boulevard|Square|Park|Bridge|Airport|Hospital|University|College|School|Institute|"
    r"Museum|Stadium|River|Lake|Mountain|Island|County|City|Hotel|Bank|Center|Centre|Station|Award|Prize|"
    r"Theorem|Model|API|SDK|Studio|Cloud|Server|Engine|Desktop|Code|Scale|Foundation|Act\b|Conjecture|"
    r"Theory|Method|Chain|Chains|Model|Models|Decision|Inequality|Space|Number|Series|Matrix|Function|Algorithm|Distribution|Process|Filter|Transform|Equation|Test\b|Pro\b|Max\b|Mini\b)"
    r"|[ \t]{0,2}v?\d|[\w(\[{@=]|[.:/\\_-][\w/\\]"
)
_INITIAL_LENGTH = 1
_MOST_WORDS = 5
_LIKE_HEADING = 3


def find_persons(text: str, lower: Lowered) -> list[Match]:
    """Return the names of persons in *text*, in any order."""
    found = list(_found(text, lower))
    found += repeated_parts(text, found)
    return found + listed_beside(text, found)


_LINE_START = lazy_pattern(r"(?:\A|\n)[^\w\n]{0,8}\Z")
_NUMBER_SOON = lazy_pattern(r"\r?\n(?:[^\n]{0,60}\n){0,2}?[^\w\n]{0,8}\d")


def _is_card(text: str, start: int, end: int, tokens: list[tuple[str, int, int]]) -> bool:
    """Return whether two words alone on a line are a name, if an address follows."""
    if _LINE_START.search(text[max(0, start - 10) : start]) is None:
        return False
    parts = [folded(token[0]) for token in tokens]
    if any(part in NOT_NAMES and part not in words_too() for part in parts):
        return False
    return _NUMBER_SOON.match(text, end) is not None


def _is_plain_word(word: str, known: _Names) -> bool:
    """Return whether a single capitalised word is no name, by a fast check."""
    if " " in word or "-" in word:
        return False
    low = folded(word.rstrip("."))
    if low in words_too():
        return False
    return low in NOT_NAMES or (low not in known.given and low not in known.beside)


def _may_be_speaker(text: str, end: int) -> bool:
    """Return whether the following text may identify an unknown word as a name."""
    return text[end : end + 1] in {"'", "\u2019", ":"} or text[end : end + 2] in _SPEAKING


_SPEAKING = frozenset(
    (" s", " t", " a", " r", " e", " f", " l", " w", " i", " h", " c", " b", " g", " p")
)


def _found(text: str, lower: Lowered) -> Iterator[Match]:
    given, family, census = names()
    beside = Beside(family, census)
    known = _Names(given, family, beside, _introduced(text, lower))
    yield from find_in_lower_case(text, lower, given, beside)
    for run in _RUN.finditer(text):
        start, end = run.span()
        if is_inside(text, start) or (
            start not in known.introduced
            and _is_plain_word(run.group(), known)
            and not _may_be_speaker(text, end)
        ):
            continue
        tokens = [
            (token.group(), run.start() + token.start(), run.start() + token.end())
            for token in _TOKEN.finditer(run.group())
        ]
        if 2 <= len(tokens) <= 3 and text[run.end() : run.end() + 1] in {
            "\n",
            "\r",
        }:
            if _is_card(text, run.start(), run.end(), tokens):
                yield Match(run.start(), run.end(), "person")
                continue
        if _NOT_PERSONS_AFTER.match(text, run.end()):
            tokens = _without_last(text, tokens, run.end())
        yield from _in_run(text, tokens, known)


class _Names(NamedTuple):
    """The vocabularies."""

    given: frozenset[str]
    family: frozenset[str]
    beside: Beside
    """Family names that count next to a given name, including those of `family`."""
    introduced: frozenset[int]
    """Starts of introduced names in the current text."""


def _without_last(
    text: str, tokens: list[tuple[str, int, int]], end: int
) -> list[tuple[str, int, int]]:
    """Return *tokens* without a word that continues as code; empty before `Street`."""
    following = text[end : end + 3].strip()[:1]
    if following and (following.isdigit() or following in "([{@=./:\\_-" or following == "v"):
        return tokens[:-1] if len(tokens) > 1 or following != ":" else tokens
    return []


def _in_run(text: str, tokens: list[tuple[str, int, int]], known: _Names) -> Iterator[Match]:
    index = 0
    while index < len(tokens):
        word, start, _ = tokens[index]
        low = folded(word)
        if low in _TITLES and index + 1 < len(tokens) and _titled(text, tokens[index]):
            last = _last_of(tokens, index + 1, known, sure=True)
            if last > index:
                yield Match(start, tokens[last][2], "person")
                index = last + 1
                continue
        last = _name_from(text, tokens, index, known)
        if last < 0:
            index += 1
            continue
        yield Match(start, tokens[last][2], "person")
        index = last + 1


def _titled(text: str, token: tuple[str, int, int]) -> bool:
    """Return whether the word is used as a title: `Mr.`, `Dr `; `father` alone is not."""
    return text[token[2] : token[2] + 1] in {".", " "}


def _last_of(
    tokens: list[tuple[str, int, int]],
    first: int,
    known_names: _Names,
    *,
    sure: bool,
) -> int:
    """Return the index of the last word of the name that begins at *first*."""
    last = first - 1
    for index in range(first, min(len(tokens), first + _MOST_WORDS)):
        low = folded(tokens[index][0])
        if low in PARTICLES and tokens[index][0].islower():
            continue
        initial = len(low) == _INITIAL_LENGTH
        known = low in words_too() or any(
            part in known_names.given or part in known_names.beside for part in low.split("-")
        )
        if index > first and not initial and not known and low in NOT_NAMES:
            break
        if index == first and not sure and not known:
            break
        if index > first + 2 and not known:
            break
        last = index
    return last


def _name_from(
    text: str,
    tokens: list[tuple[str, int, int]],
    index: int,
    known: _Names,
) -> int:
    """Return the index of the last word of the name from *index*, or -1 if there is none."""
    word, start, end = tokens[index]
    low = folded(word)
    ambiguous = low in words_too()
    if low in NOT_NAMES and not ambiguous:
        return -1
    parts = low.split("-") if "-" in low else (low,)
    is_given = any(part in known.given for part in parts)
    is_family = any(part in known.family for part in parts)
    is_beside = is_family or any(part in known.beside for part in parts)
    if word[1:] != word[1:].lower() and "-" not in word and not _MAC.match(word):
        # An acronym or a product, unless the whole text is in capitals.
        if not word.isupper() or not is_given or not _is_shouted(tokens):
            return -1
    lead = text[max(0, start - _REACH) : start]
    if not is_given and not is_beside and not ambiguous:
        if start in known.introduced:
            return _last_of(tokens, index, known, sure=True)
        return _unknown_name(text, tokens, index, known.given, known.beside)
    following = tokens[index + 1] if index + 1 < len(tokens) else None
    if following is not None:
        last = _last_of(tokens, index, known, sure=True)
        if last > index and _is_full_name(tokens, index, last, known):
            return last
    if start in known.introduced:
        return index
    if len(tokens) <= 2 and _SPEECH_AFTER.match(text, end):
        return index
    if ambiguous or (len(word) < SHORTEST_GIVEN):
        return -1
    if text[end : end + 1] == "'" or text[end : end + 2] == "\u2019s":
        return index if is_given or is_family else -1
    if index and folded(tokens[index - 1][0]) not in _STARTERS:
        return -1
    place = _SURELY_PLACE if is_given else _IN_PLACE
    if _in_title(tokens) or place.search(lead) or not _in_sentence(text, start, end):
        return -1
    if is_given:
        return index if len(word) >= SHORTEST_GIVEN else -1
    if is_family and len(word) >= SHORTEST_SINGLE and _AMONG_WORDS.search(lead):
        return index
    if is_beside and len(word) >= _SHORTEST_WITH_ENDING and _BESIDE_ENDING.fullmatch(low):
        return index
    return -1


_STARTERS = (
    words(
        "the and but when while if then so as because since why how what where who although though after "
        "before hi hello dear hey thanks thank yes no ok okay please with for from to by our my his her "
        "their your this that it or also did does is was will can could should would have has had let "
        "meet ask tell call remember"
    )
    | _TITLES
)
# A single name inside a sentence: `Enrico shouted at Gary`, `Why is Rebecca so impulsive?`.
_AMONG_WORDS = lazy_pattern(r"(?:[a-z\u00df-\u00ff]{2,} |, )\Z")
_AFTER_WORD = lazy_pattern(r"[?!.,;:]{0,2}(?:\s|\Z|['\u2019\"])|\Z")
_BEFORE_WORD = lazy_pattern(r"(?:\A|[a-z\u00df-\u00ff,;:?!.\"'\u201c(] ?|\n[ \t>\"]{0,4})\Z")
_MARKED_UP = lazy_pattern(r"(?:^|\n)[ \t]{0,8}(?:[-*+#|]|\d{1,3}\.)[ \t]{1,4}\Z")
_FOLLOWED_BY_VERB = lazy_pattern(
    r"[ ](?:is|was|has|had|will|can|lives?|said|says|went|and|who)\b|[,:!?]|'s\b|\u2019s\b"
)


def _in_sentence(text: str, start: int, end: int) -> bool:
    """Return whether the word from *start* is inside a sentence."""
    lead = text[max(0, start - 24) : start]
    if _MARKED_UP.search(lead) or _AFTER_WORD.match(text, end) is None:
        return False
    if not lead or lead[-1] == "\n":
        return _FOLLOWED_BY_VERB.match(text, end) is not None
    return _BEFORE_WORD.search(lead) is not None


def _unknown_name(
    text: str,
    tokens: list[tuple[str, int, int]],
    index: int,
    given: frozenset[str],
    family: Beside,
) -> int:
    """Return the last word of an unknown name, by its context; -1 if it is none."""
    word, start, end = tokens[index]
    if word.isupper() or len(word) < SHORTEST_SINGLE or any(map(str.isdigit, word)):
        return -1
    if index + 1 < len(tokens):
        low = folded(tokens[index + 1][0])
        if low in given and index + 2 < len(tokens):
            return -1  # `Producer James Sparks`: the name begins with the next word
        if len(low) > 1 and low in family and low not in words_too():
            return index + 1
        if len(low) == 1 and index + 2 < len(tokens):
            point = text[tokens[index + 1][2] : tokens[index + 1][2] + 1] == "."
            last = folded(tokens[index + 2][0])
            if last in family or (point and last not in NOT_NAMES and len(last) > 1):
                return index + 2
        end = tokens[-1][2]
    if len(tokens) > 3 or word[1:] != word[1:].lower():
        return -1
    lead = text[max(0, start - 10) : start]
    if len(tokens) - index == 1 and index == 1 and folded(tokens[0][0]) in _GREETINGS:
        return index if text[end : end + 1] in {",", "!", "."} else -1
    if len(tokens) == 1:
        if _GREETING.search(lead) and text[end : end + 1] in {",", "!", "."}:
            return index
        ending = len(word) >= _SHORTEST_WITH_ENDING and _FAMILY_ENDING.fullmatch(word)
        if ending and not _IN_PLACE.search(lead):
            return index
    elif _is_foreign_pair(tokens, index) and not _IN_PLACE.search(lead):
        return len(tokens) - 1
    if _SPEECH_AFTER.match(text, end):
        return len(tokens) - 1 if folded(tokens[-1][0]) not in NOT_NAMES else -1
    return -1


def _is_foreign_pair(tokens: list[tuple[str, int, int]], index: int) -> bool:
    """Return whether unknown words are a name, by their letters or ending."""
    rest = [token[0] for token in tokens[index:] if not token[0].islower()]
    if len(rest) < 2 or any(folded(word) in NOT_NAMES or word.isupper() for word in rest):
        return False
    last = rest[-1]
    return _FAMILY_ENDING.fullmatch(last) is not None or (
        len(last) >= SHORTEST_SINGLE and any(not word.isascii() for word in rest)
    )


_MAC = lazy_pattern(r"(?:Mc|Mac|De|Di|Da|La|Le|Van|Von|Fitz|O['\u2019])[A-Z][a-z]+\Z")


def _is_shouted(tokens: list[tuple[str, int, int]]) -> bool:
    return len(tokens) > 1 and all(token[0].isupper() for token in tokens)


def _in_title(tokens: list[tuple[str, int, int]]) -> bool:
    """Return whether the word is in a heading or a product's name: `The Great Escape`."""
    return len(tokens) >= _LIKE_HEADING


_GENERATIONS = frozenset({"II", "III", "IV", "Jr", "Sr"})
"""Suffixes of a person's name shared with a parent."""


def _is_full_name(
    tokens: list[tuple[str, int, int]],
    first: int,
    last: int,
    known: _Names,
) -> bool:
    """Return whether the words from *first* to *last* are a given name and further names."""
    low = folded(tokens[first][0])
    if last > first + 1 and tokens[last][0].rstrip(".") in _GENERATIONS:
        return _is_full_name(tokens, first, last - 1, known)
    if any(token[0].isupper() and len(token[0]) > 1 for token in tokens[first + 1 : last + 1]):
        if not tokens[first][0].isupper():
            return False
    rest = [folded(token[0]) for token in tokens[first + 1 : last + 1] if not token[0].islower()]
    rest_known = [
        word
        for word in rest
        if word in known.beside or word in known.given or word in words_too() or "-" in word
    ]
    starts = any(part in known.given for part in low.split("-"))
    certain = [word for word in (low, *rest_known) if word not in words_too()]
    if starts or low in words_too():
        return bool(rest_known and certain and (starts or rest_known[-1] in certain)) or (
            starts and low not in words_too() and rest[-1] not in NOT_NAMES
        )
    return bool(rest_known) and any(word in known.given for word in rest)
