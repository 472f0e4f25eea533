"""Names of persons, and words that only look like names."""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING
from unicodedata import combining, normalize

from otel_redaction.patterns.lazy_pattern import lazy_pattern
from otel_redaction.patterns.words import words

if TYPE_CHECKING:
    from collections.abc import Iterator

_CODED = lazy_pattern(r"(\d)([^\d]*)")


@cache
def words_too() -> frozenset[str]:
    """Return the names that are also words: they count only next to another name or a cue."""
    return (_table()["w"] | AMBIGUOUS) - _NEVER_WORDS


_NEVER_WORDS = words(
    "david michael robert james john mary maria peter paul thomas anna laura sarah daniel kevin "
    "brian alice eric adam simon alan aaron diana emma julian lucas oliver sophie tim tom sam"
)


@cache
def names() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Return given names, family names, and family names that count only next to a given name.

    They are folded to lower case without accents, and exclude `NOT_NAMES`.
    """
    found = _table()
    return found["g"], found["f"], found["c"]


class Beside:
    """The family names that count next to a given name, without a third copy of them."""

    __slots__ = ("census", "family")

    def __init__(self, family: frozenset[str], census: frozenset[str]) -> None:
        self.family = family
        self.census = census

    def __contains__(self, name: object) -> bool:
        """Return whether *name* is one of them."""
        return name in self.family or name in self.census


@cache
def _table() -> dict[str, frozenset[str]]:
    table = files("otel_redaction.people").joinpath("names.txt").read_text(encoding="utf-8")
    found: dict[str, frozenset[str]] = {}
    for line in table.splitlines():
        if line[:1] in {"g", "f", "c", "w"}:
            found[line[0]] = frozenset(_decoded(line[2:]))
    return found


def _decoded(line: str) -> Iterator[str]:
    name = ""
    for part in _CODED.finditer(line):
        name = name[: int(part[1])] + part[2]
        if name not in NOT_NAMES:
            yield name


@lru_cache(maxsize=8192)
def folded(word: str) -> str:
    """Return *word* in lower case without accents and apostrophes."""
    word = word.lower()
    if not word.isascii():
        word = "".join(c for c in normalize("NFKD", word) if not combining(c))
    return word.replace("'", "").replace("\u2019", "")


# Words of sentences, headings, code and logs that begin with a capital. None of them is a name.
NOT_NAMES = words(
    "the and for are but not you all any can had her was one our out day get has him his how man new "
    "now old see two way who boy did its let put say she too use that with have this will your from "
    "they know want been good much some time very when come here just like long make many more only "
    "over such take than them well were what while where which there their these those then also "
    "about after again before being between both each few further into most other same should "
    "through under until would could must may might shall does done made went gone said says tell told "
    "ask asked need needs let's please thanks thank hello dear hey yes okay yeah sorry welcome "
    "bye regards sincerely best kind cheers yours truly because since although though however therefore "
    "thus hence if else otherwise unless whether either neither nor per via every everyone someone "
    "nobody anyone something anything nothing everything today tomorrow yesterday morning evening "
    "night week month year monday tuesday wednesday thursday friday saturday sunday january february "
    "march april june july august september october november december spring summer autumn winter "
    "north south east west central upper lower street avenue road lane drive court square place park "
    "city town village county state country island lake river mount mountain valley bay beach hill "
    "church school university college institute academy hospital clinic hotel restaurant airport "
    "station bridge tower house home office building room floor suite apartment box "
    "company corporation group limited holdings partners associates industries systems solutions "
    "technologies technology services service software network networks media press news times post "
    "journal magazine book books chapter section page table figure part volume series edition version "
    "issue article report paper note notes list item items name names title date number numbers code "
    "codes key keys value values type types class classes object objects array string text file files "
    "folder path data database server client user users admin root system error errors warning info "
    "debug trace log logs message messages request response query result results status state count "
    "total sum average min max first last next previous start end begin stop open close read write "
    "create update delete insert select join order group by set get post put patch head options "
    "true false null none undefined return function const let var import export class public private "
    "static void main test tests testing build deploy release run running install setup config "
    "configuration settings option options default custom example examples sample demo guide manual "
    "documentation docs readme license copyright changelog usage overview introduction summary "
    "conclusion abstract background method methods discussion references appendix acknowledgements "
    "english french german spanish italian portuguese dutch russian chinese japanese korean arabic "
    "hebrew turkish polish czech swedish norwegian danish finnish greek hungarian romanian bulgarian "
    "ukrainian hindi american british canadian australian european african asian indian irish scottish "
    "king queen prince princess president minister senator governor mayor judge general colonel major "
    "captain sergeant officer doctor nurse professor teacher student engineer manager director chief "
    "executive assistant agent customer patient mother father brother sister son daughter wife husband "
    "uncle aunt cousin friend god lord jesus christ "
    # Products, models, programs, places: names of people too, but hardly ever in these texts.
    "claude gemini alexa siri bard grok llama mistral phoenix jasper jenkins travis maven ruby perl "
    "julia django flask sage celery kafka tesla dell ford bell bosch hilton redis mongo docker swift "
    "kotlin scala java python rust go lua elixir haskell ada pascal basic cobol fortran julia dart "
    "react angular vue svelte ember backbone node deno bun nginx apache tomcat jetty puma unicorn "
    "linux ubuntu debian fedora mint windows android apple google amazon microsoft meta facebook "
    "twitter netflix spotify uber oracle ibm intel nvidia amd cisco adobe salesforce slack zoom "
    "opus sonnet haiku sora dali whisper turbo nano mini flash ultra gpt "
    "paris london berlin madrid rome vienna dublin athens lisbon prague warsaw moscow tokyo beijing "
    "delhi mumbai sydney melbourne toronto montreal boston chicago houston dallas austin denver "
    "seattle phoenix portland orlando miami atlanta detroit cleveland memphis nashville charlotte "
    "jackson lincoln washington virginia georgia carolina dakota florida california texas arizona "
    "nevada montana alabama indiana illinois india china japan korea america england france germany "
    "spain italy portugal israel jordan cuba chad niger kenya chile peru brazil mexico canada "
    "zurich milan turin florence verona siena vienna lyon nice nancy orleans york jersey chelsea "
    "brooklyn bronx kent essex sussex devon surrey lancaster york oxford cambridge bristol chester "
    "kingston hamilton wellington victoria regina edmonton calgary perth darwin hobart odessa "
    "star sun moon rose lily iris daisy violet ivy holly heather jasmine basil ginger olive hazel "
    "amber pearl crystal jade opal diamond gold silver iron steel stone wood field rock sky summer "
    "hope faith grace joy love peace trust honor justice patience prudence mercy constance harmony "
    "melody art will mark bill frank rich rob bob jack drew grant chase chance pat sue dawn eve bond "
    "buck bud cliff dale dean don earl gene guy hunter ken lance major mason max miles nick norm "
    "page parker pierce port ray reed rex rod ross roy rusty sandy sky stormy sterling tanner tab tad "
    "ty victor wade ward wayne young white black brown green gray grey blue red long short small little "
    "strong wise sharp hardy noble swift fair bright day knight bishop abbot pope priest cook baker "
    "butler carter cooper fisher gardener miller porter potter shepherd smith taylor turner walker "
    "weaver wright archer bowman cannon chambers church cross ford forest fox wolf bear bird crane "
    "drake finch hawk martin robin swan hart lamb lane marsh moss mills moore parks pool price ramsey "
    "rich rivers sands shields snow stamps steele summers waters webb wells woods banks bell berry best "
    "bird blank block bolt booth brand bridges brooks burns bush case cash chase clay cole combs cotton "
    "counts cruz days english farmer fields flowers flynn foster fountain freed french frost fuller "
    "gates goes golden good goods grant graves green grove hall hand hands harden head heard hill hogs "
    "holder holiday holland hooks house houses huff hull hunt keys land law lay leads light lightning "
    "link links live local lock love lucky lunch mail masters mean means merchant model money more more "
    "nation news noble oaks order organ pace pack page paid pair pass pay penny person pick pink place "
    "plain play point poor pope post power pride print prior process proud provider pulse purple push "
    "ready real rest rich ring rise road roll root round rule rush salt sat save saw sell server shaw "
    "ship shop side sides sign simple single site size skill slow smart sole song sound source space "
    "speed spell spring stack staff stage stamp stand states stay step still stock store story straw "
    "stream strict style super support surface sweet table tag task team temple term terms terry than "
    "thing think thread three tie till time tip tool top total town track trade train tree true try "
    "turn type union unit value vice view visa voice wait walk wall war ward wash watch water wave way "
    "weather web weeks west wheel while whole wide wild win wind window wine winner wish work world "
    "worth would write yard zero con per son del des les los las una und der die das den dem ein eine "
    "sie ist mit auf von bei aus nach sur par est une son ses aux que qui por para como mas sin sobre "
    "het een niet van voor och att det som inte ikke til ved med eller ist bir ile nel nella dei delle "
    "sono che anche non gli com uma dos das mais quand mais pour dans avec sans chez "
    "mrs mr ms miss sir madam dr prof rev hon capt col sgt lt jr phd md esq "
    "account address email phone card number credit debit bank payment order invoice receipt ticket "
    "agreement contract policy law act title bill amendment court case judge "
    "android ios web api sdk cli gui url uri http https json xml html css sql csv pdf png jpg "
    "ok id ip tcp udp dns tls ssl ssh ftp smtp imap aws gcp azure "
    "sao san santa saint new los las el la le les de da do di du van von der den ter ten "
    "there it that what's who's bot iban ibans ssn dob pin otp cvv vin imei mrn zip usd eur gbp "
    "user system assistant human ai question answer context thought action observation final tool "
    "you i we it he she they male female could weekly entertainment tv attached mac mx reno falcon early macs flake subject regarding attachment "
    "mon tue wed thu fri sat sun feb mar apr jun jul aug sep oct nov dec add fix bump edit drop "
    "may june april august asia india persia chyna kali maya indus ganges "
    "line lines level levels loop loops graph graphs kernel process thread model models agent agents "
    "token tokens prompt prompts tool tools chain chains span spans metric metrics session sessions "
    "cache queue worker workers task tasks job jobs event events stream streams batch batches schema "
    "assert raise except finally yield async await lambda print self cls args kwargs super "
    "stripe square intercom notion linear figma canva asana trello jira confluence datadog sentry "
    "grafana prometheus jaeger tempo loki mimir honeycomb lightstep splunk elastic kibana logstash "
    "terraform ansible puppet chef vagrant packer consul vault nomad helm istio envoy linkerd "
    "cassandra neo hbase hive spark flink beam storm samza presto trino druid pinot clickhouse "
    "langchain llamaindex haystack autogen crew dspy guidance instructor marvin"
)

# Names that are common words as well: they count only next to another name or a cue.
AMBIGUOUS = words(
    "will mark bill frank rich rob jack drew grant chase chance pat sue dawn eve bond buck bud cliff "
    "dale dean don earl gene guy hunter ken lance major mason max miles nick norm page parker pierce "
    "ray reed rex rod ross roy rusty sandy sky sterling tanner victor wade ward wayne young white black "
    "brown green gray grey long short small little strong wise sharp hardy noble swift fair bright day "
    "knight bishop pope cook baker butler carter cooper fisher miller porter potter shepherd smith "
    "taylor turner walker weaver wright archer bowman cannon chambers church cross ford forest fox wolf "
    "bear bird crane drake finch hawk martin robin swan hart lamb lane marsh moss mills moore parks "
    "price ramsey rivers sands shields snow steele summers waters webb wells woods banks bell berry "
    "best bolt booth brand bridges brooks burns bush case cash clay cole combs cotton cruz english "
    "farmer fields flowers flynn foster frost fuller gates golden good graves grove hall hand head "
    "hill holiday holland hooks house huff hull hunt keys king land law light link lock love masters "
    "merchant model money noble oaks pace pack penny person pink plain pride prior rush salt shaw "
    "simple song stamp stock story sweet temple terry town tree union vice voice wall watch weeks west "
    "wild winner wood world worth yard york jackson lincoln washington hamilton jordan austin "
    "paris london florence milan chelsea charlotte victoria virginia georgia carolina dakota sydney "
    "madison israel india asia china kent devon chester lancaster kingston orlando denver dallas "
    "houston phoenix nancy regina savannah brooklyn star sun moon rose lily iris daisy violet ivy holly "
    "heather jasmine basil ginger olive hazel amber pearl crystal jade opal hope faith grace joy mercy "
    "melody harmony art may june april august claude gemini alexa jasper jenkins travis ruby julia "
    "sage tesla dell bosch hilton ada pascal dart opus bob kafka cassandra king queen prince duke "
    "jan abbot brent troy carol angel christian dean general jean pearl pierre"
)

# Particles between the names of one person: `Maria van der Berg`, `Luis de la Cruz`.
PARTICLES = words(
    "van von der den de del della di da do dos das du la le ter ten bin ibn al el y af zu zum av e san"
)
