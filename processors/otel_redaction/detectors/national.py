"""National identity, tax and health numbers, by label and checksum or by a distinct format."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from otel_redaction.detectors import countries as c
from otel_redaction.detectors.context import vocabulary
from otel_redaction.patterns.lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_redaction.detectors.context import Context

_LABELLED: tuple[tuple[frozenset[bytes], Callable[[str], bool]], ...] = (
    (vocabulary("nhs"), c.nhs),
    (vocabulary("tfn"), c.tfn),
    (vocabulary("abn"), c.abn),
    (vocabulary("acn"), c.acn),
    (vocabulary("medicare"), c.medicare),
    (vocabulary("sin nas insurance"), c.sin),
    (vocabulary("cpf"), c.cpf),
    (vocabulary("cnpj"), c.cnpj),
    (vocabulary("cns sus"), c.cns),
    (vocabulary("aadhaar aadhar uidai"), c.aadhaar),
    (
        vocabulary(
            "steuer idnr steueridentifikationsnummer identifikationsnummer steuernummer st steuerid tin"
        ),
        c.any_of((c.steuer_id, c.lengths(13))),
    ),
    (vocabulary("oib"), c.oib),
    (vocabulary("pesel"), c.pesel),
    (vocabulary("nip"), c.nip),
    (vocabulary("regon"), c.regon),
    (vocabulary("bsn burgerservicenummer sofinummer sofi"), c.bsn),
    (vocabulary("nir sécurité securite sécu secu insee"), c.any_of((c.nir, c.lengths(13)))),
    (vocabulary("ahv avs avs-nr oasi"), c.ahv),
    (vocabulary("personnummer samordningsnummer personal identity"), c.personnummer),
    (vocabulary("rrn resident jumin"), c.any_of((c.rrn, c.resident_id))),
    (vocabulary("cpr personnummer"), c.cpr),
    (
        vocabulary(
            "rijksregisternummer rijksregister national registre insz niss nationalregister"
        ),
        c.rijksregister,
    ),
    (vocabulary("npi provider"), c.npi),
    (vocabulary("itin"), c.itin),
    (vocabulary("ein fein tin tax taxid"), c.nine),
    (vocabulary("african rsa id"), c.za),
    (vocabulary("cuit cuil cdi"), c.cuit),
    (vocabulary("svnr sozialversicherungsnummer sv-nummer versicherungsnummer"), c.svnr),
    (vocabulary("egn егн"), c.egn),
    (vocabulary("rodné rodne číslo cislo rč rc birth"), c.rodne_cislo),
    (vocabulary("isikukood asmens kodas"), c.isikukood),
    (vocabulary("amka"), c.amka),
    (vocabulary("afm"), c.afm),
    (vocabulary("taj"), c.taj),
    (vocabulary("adóazonosító adoazonosito"), c.adoazonosito),
    (vocabulary("nik ktp"), c.nik),
    (vocabulary("teudat zehut zehut"), c.teudat_zehut),
    (vocabulary("kennitala"), c.kennitala),
    (vocabulary("mynumber kojin bango"), c.my_number),
    (vocabulary("personas kods"), c.personas_kods),
    (vocabulary("mykad nric ic"), c.mykad),
    (vocabulary("fødselsnummer fodselsnummer fnr fødselsnr d-nummer"), c.fodselsnummer),
    (vocabulary("ird"), c.ird),
    (vocabulary("ruc"), c.any_of((c.ruc_pe, c.lengths(13)))),
    (vocabulary("dni documento identidad"), c.eight),
    (vocabulary("cnic nicop"), c.cnic),
    (vocabulary("nif contribuinte nipc niss utente"), c.nif_pt),
    (vocabulary("cnp"), c.cnp),
    (vocabulary("jmbg emso emšo embg"), c.jmbg),
    (vocabulary("inn"), c.inn),
    (vocabulary("snils"), c.snils),
    (vocabulary("thai"), c.thai),
    (vocabulary("kimlik tckn tc tcno"), c.kimlik),
    (vocabulary("rnokpp ipn"), c.rnokpp),
    (vocabulary("cédula cedula cc nuip"), c.any_of((c.cedula_uy, c.cedula_ec, c.cedula_do))),
    (vocabulary("nit"), c.nit_co),
    (vocabulary("rut run"), c.rut),
    (vocabulary("utr"), c.ten),
    (vocabulary("cccd cmnd"), c.lengths(9, 12)),
    (vocabulary("philsys philhealth sss umid"), c.lengths(10, 12, 16)),
    (vocabulary("iqama"), c.lengths(10)),
    (vocabulary("emirates"), c.lengths(15)),
    (vocabulary("curp rfc"), c.any_length),
    (
        vocabulary(
            "passport passports reisepass pasaporte passeport passaporto passaporte passnummer paszport "
            "paspoort driver drivers driving licence license licencia führerschein führerscheinnummer "
            "permis nin taxpayer tin mrn patient ausweis personalausweis ausweisnummer taxid lanr bsnr "
            "kvnr versichertennummer handelsregister brn frn arc imss nss issste"
        ),
        c.any_length,
    ),
)
_CHECKS: dict[bytes, list[Callable[[str], bool]]] = {}
"""The checks of each label; a few of the last six words have one."""
for _words, _check in _LABELLED:
    for _word in _words:
        _CHECKS.setdefault(_word, []).append(_check)
# `tax_id`, `national_id`, `id number`: labels of two words.
_TOGETHER = lazy_pattern(
    r"\b(?:tax|national|citizen|identity|identification|personal|insurance|taxpayer|fiscal|"
    r"government|state|resident|voter|member|subscriber|health)[ _.-]?"
    r"(?:id|identity|identification|insurance|card|identifier|code)?"
    r"[ _.-]?(?:id|number|no|nr|num|card|code|#)\W{0,4}(?:number|no|nr|is|was)?\W{0,4}\Z"
)
# Labels in other scripts, whose words the ASCII scan cannot distinguish.
_ELSEWHERE: tuple[tuple[str, Callable[[str], bool]], ...] = (
    (r"身份证|身份證|居民身份|公民身份", c.resident_id),
    (r"身分證|統一編號", c.taiwan),
    (r"주민등록|외국인등록", c.rrn),
    (r"사업자등록", c.ten),
    (r"여권|护照|護照|パスポート", c.any_length),
    (r"マイナンバー|個人番号", c.my_number),
    (r"תעודת זהות|ת\.?ז\.?|מספר זהות", c.teudat_zehut),
    (r"ІПН|РНОКПП|ідентифікаційний", c.rnokpp),
    (r"ИНН", c.inn),
    (r"СНИЛС", c.snils),
    (r"паспорт\w*", c.lengths(9, 10)),
    (r"ЕГН", c.egn),
    (r"ЈМБГ|ЕМБГ", c.jmbg),
    (r"ΑΜΚΑ", c.amka),
    (r"ΑΦΜ", c.afm),
    (r"เลขประจำตัว\w*|บัตรประชาชน", c.thai),
    (r"आधार", c.aadhaar),
    (r"الرقم القومي|رقم الهوية|الهوية الوطنية|رقم الإقامة|الرقم الوطني", c.lengths(9, 10, 14)),
    (r"کد ملی|شماره ملی", c.ten),
    (r"căn cước|cmnd|cccd", c.lengths(9, 12)),
    (r"kimlik|nüfus", c.kimlik),
    (r"rodné číslo|rodného čísla", c.rodne_cislo),
    (r"fødselsnummer|fødselsnr", c.fodselsnummer),
    (r"personnummer", c.any_of((c.personnummer, c.cpr))),
    (r"henkilötunnus|hetu", c.hetu),
    (r"cédula|identificación|número de identidad", c.any_length),
    (r"sécurité sociale|sécu", c.nir),
)
_REACH_ELSEWHERE = 28

# Formats of digits and separators that are hardly ambiguous; these need no label.
_FORMS: dict[str, Callable[[str], bool]] = {
    "000.000.000-00": c.cpf,
    "00.000.000/0000-00": c.cnpj,
    "000000-0000000": c.rrn,
    "000.0000.0000.00": c.ahv,
    "00.00.00-000.00": c.rijksregister,
    "0 00 00 00 000 000 00": c.nir,
    "0 00 00 00 000 000": c.lengths(13),
    "0000 0000 0000": c.aadhaar,
    "00 000 000 000": c.abn,
    "000 000 000": c.sin,
    "000-000000": c.itin,
    "00000-0000": c.itin,
    "00-00000000-0": c.cuit,
    "000-000-000 00": c.snils,
    "0-0000-00000-00-0": c.thai,
    "000-00-00000": c.nip,
    "00000-0000000-0": c.cnic,
}
_TABULAR = frozenset({"000 000 000", "0000 0000 0000", "00 000 000 000"})
_DATES = frozenset({"00.00.0000", "0000-00-00", "00/00/0000", "00-00-0000", "0000/00/00"})


def is_national_id(digits: str, shape: str, context: Context) -> bool:
    """Return whether *digits*, written as *shape*, are an id by format or by label and checksum."""
    form = _FORMS.get(shape)
    if form is not None and form(digits) and not (shape in _TABULAR and context.in_a_row):
        return True
    words = context.words
    if shape in _DATES or not words:
        return False
    recent = words[-6:]
    if not _CHECKS.keys().isdisjoint(recent) and any(
        check(digits) for word in recent for check in _CHECKS.get(word, ())
    ):
        return True
    return is_labelled_elsewhere(digits, recent, context)


def is_labelled_elsewhere(value: str, recent: list[bytes], context: Context) -> bool:
    """Return whether a label of two words or in another script identifies *value* as an id."""
    if recent[-1] in _NUMBER_WORDS and _TOGETHER.search(context.lead):
        return 6 <= len(value) <= 18
    if context.is_ascii:
        return False
    lead = context.lead[-_REACH_ELSEWHERE:]
    return any(label.search(lead) and _passes(check, value) for label, check in _elsewhere())


def _passes(check: Callable[[str], bool], value: str) -> bool:
    """Return whether *value*, which may have letters, passes a check of digits."""
    try:
        return check(value)
    except (ValueError, IndexError):
        return False


_NUMBER_WORDS = vocabulary("id number no nr num card code is was identity insurance identification")


@cache
def _elsewhere() -> list[tuple[re.Pattern[str], Callable[[str], bool]]]:
    return [(re.compile(label, re.IGNORECASE), check) for label, check in _ELSEWHERE]
