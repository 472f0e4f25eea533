"""Health: conditions, medicines and procedures of a person."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from otel_redaction.patterns.lazy_pattern import lazy_pattern
from otel_redaction.patterns.match import Match

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otel_redaction.people.word_starts import Lowered

# Everyday names, collected by hand; a word with the ending of a class counts as well.
_CONDITIONS = """
diabetes|type [12] diabetes|hypertension|high blood pressure|asthma|copd|emphysema|bronchitis|pneumonia|
tuberculosis|hiv positive|hiv|aids|hepatitis(?: [abc])?|cirrhosis|cancer|(?:breast|lung|prostate|colon|skin|
ovarian|cervical|pancreatic|stomach|liver|brain|bladder|thyroid) cancer|leukemia|leukaemia|lymphoma|melanoma|
tumou?r|depression|major depressive disorder|anxiety(?: disorder)?|bipolar(?: disorder)?|schizophrenia|
ptsd|post-traumatic stress disorder|ocd|adhd|autism|dementia|alzheimer'?s(?: disease)?|parkinson'?s(?: disease)?|
multiple sclerosis|epilepsy|seizures?|stroke|heart attack|heart failure|heart disease|arrhythmia|
atrial fibrillation|angina|coronary artery disease|anemia|anaemia|arthritis|rheumatoid arthritis|
osteoporosis|lupus|fibromyalgia|crohn'?s(?: disease)?|ulcerative colitis|celiac disease|ibs|gerd|
kidney disease|kidney failure|renal failure|kidney stones|gout|psoriasis|eczema|chlamydia|gonorrh?ea|
syphilis|herpes|hpv|covid(?:-19)?|influenza|sepsis|miscarriage|pregnan(?:t|cy)|infertility|endometriosis|
menopause|obesity|anorexia|bulimia|eating disorder|alcoholism|substance abuse|addiction|overdose|
insomnia|sleep apn(?:o)?ea|migraines?|glaucoma|cataracts?|concussion|fracture|appendicitis|hernia|
hypothyroidism|hyperthyroidism|high cholesterol|hyperlipidemia|thrombosis|embolism|down syndrome|
cystic fibrosis|sickle cell(?: disease| anemia)?|hemophilia|muscular dystrophy|als|huntington'?s disease|
sclerosis|gestational diabetes|preeclampsia|allerg(?:y|ic) to [a-z]{3,20}|suicidal(?: thoughts| ideation)?|
self-harm|chest pain|shortness of breath|blood clots?|diabetische?r?|krebs|bluthochdruck|schwanger|
hipertensi\u00f3n|c\u00e1ncer|embarazada|enceinte|diab\u00e8te
"""
_MEDICINES = """
metformin|insulin|ozempic|wegovy|lisinopril|enalapril|ramipril|losartan|valsartan|amlodipine|metoprolol|
atenolol|bisoprolol|propranolol|carvedilol|atorvastatin|simvastatin|rosuvastatin|lipitor|warfarin|eliquis|
apixaban|xarelto|rivaroxaban|clopidogrel|plavix|heparin|aspirin|ibuprofen|naproxen|paracetamol|acetaminophen|
tylenol|tramadol|oxycodone|oxycontin|hydrocodone|morphine|fentanyl|codeine|methadone|suboxone|buprenorphine|
gabapentin|pregabalin|lyrica|sertraline|zoloft|fluoxetine|prozac|citalopram|escitalopram|lexapro|paroxetine|
venlafaxine|effexor|duloxetine|cymbalta|bupropion|wellbutrin|mirtazapine|trazodone|amitriptyline|lithium|
lamotrigine|valproate|quetiapine|seroquel|olanzapine|risperidone|aripiprazole|abilify|haloperidol|clozapine|
alprazolam|xanax|lorazepam|ativan|diazepam|valium|clonazepam|klonopin|zolpidem|ambien|adderall|ritalin|
methylphenidate|vyvanse|levothyroxine|synthroid|prednisone|prednisolone|hydrocortisone|albuterol|salbutamol|
ventolin|symbicort|montelukast|omeprazole|pantoprazole|esomeprazole|amoxicillin|penicillin|azithromycin|
doxycycline|ciprofloxacin|acyclovir|valacyclovir|tenofovir|truvada|descovy|prep|tamoxifen|letrozole|
methotrexate|humira|adalimumab|etanercept|infliximab|rituximab|trastuzumab|pembrolizumab|keytruda|viagra|
sildenafil|cialis|finasteride|testosterone|estradiol|birth control|contraceptive pill|misoprostol|mifepristone|
furosemide|hydrochlorothiazide|spironolactone|digoxin|amiodarone|allopurinol|colchicine|naloxone|naltrexone
"""
_PROCEDURES = """
chemotherapy|radiotherapy|radiation therapy|dialysis|biopsy|colonoscopy|endoscopy|mammogram|mri(?: scan)?|
ct scan|x-?ray|ultrasound|ecg|ekg|blood test|blood transfusion|surgery|bypass surgery|angioplasty|
appendectomy|mastectomy|hysterectomy|c-section|caesarean|abortion|vasectomy|organ transplant|
(?:kidney|liver|heart|bone marrow) transplant|hip replacement|knee replacement|psychotherapy|rehab|detox|
electroconvulsive therapy|ivf|amputation|colostomy|tracheostomy|catheter|pacemaker|stent
"""
# Words that relate a condition to a person. Only the text around them is searched.
_CUES = (
    *(
        b"patient",
        b"diagnos",
        b"suffer",
        b"prescri",
        b"taking ",
        b"takes ",
        b"i have ",
        b"i've ",
        b"i had ",
    ),
    *(
        b"he has ",
        b"she has ",
        b"history of",
        b"symptom",
        b"admitted",
        b"underwent",
        b"undergo",
        b"medication",
    ),
    *(
        b"tested positive",
        b"year-old",
        b"year old",
        b" mg",
        b"complain",
        b"allerg",
        b"treated for",
        b"therapy",
    ),
    *(
        b"surgery",
        b"doctor",
        b"i am ",
        b"i'm ",
        b"my mother",
        b"my father",
        b"my son",
        b"my daughter",
    ),
    *(
        b"my wife",
        b"my husband",
        b"leidet",
        b"sufre",
        b"souffre",
        b"paciente",
        b"died of",
        b"recover",
    ),
    *(
        b"she had ",
        b" he had ",
        b"she is ",
        b" he is ",
        b"our son",
        b"our daughter",
        b"my child",
        b"my partner",
    ),
    *(
        b"my brother",
        b"my sister",
        b"my mum",
        b"my mom",
        b"my dad",
        b"my boss",
        b"my colleague",
        b"hospitali",
    ),
)
_RECORD_CUES = (
    *(
        b"mrn",
        b"medical record",
        b"patient id",
        b"health plan",
        b"health insurance",
        b"member id",
        b"policy n",
    ),
    *(
        b"insurance",
        b"subscriber",
        b"group number",
        b"rx",
        b"icd",
        b"versicherungsnummer",
        b"nhs number",
    ),
)
_WINDOW = 140
_RECORD = lazy_pattern(
    r"(?:mrn|medical record(?: number| no\.?)?|patient id|health (?:plan|insurance) (?:id|number)|member id|"
    r"policy (?:number|no\.?)|insurance (?:id|number|policy)|subscriber id|group number|rx(?: number)?|npi|"
    r"icd-?10(?: code)?|versichertennummer|krankenversicherungsnummer|versicherungsnummer|nhs number)"
    r"(?:[\"']?[ \t]{0,3}(?:is|:|=|#)[ \t#\"']{0,4}|[ ])([A-Z0-9][A-Z0-9.-]{3,20})\b",
    re.IGNORECASE,
)
_HAS_DIGIT = lazy_pattern(r"\d")


def find_health(text: str, lower: Lowered) -> Iterator[Match]:
    """Yield conditions, medicines and procedures near words that relate them to a person."""
    done = 0
    for cue in sorted(lower.places(_CUES)):
        start, end = max(done, cue - _WINDOW), cue + _WINDOW
        if end > start + 8:
            yield from _find_terms(text, lower.data, start, end)
            done = max(done, end - _LONGEST_TERM)
    for place in lower.places(_RECORD_CUES):
        record = _RECORD.match(text, place)
        if record is not None and _HAS_DIGIT.search(record[1]):
            yield Match(*record.span(1), "health")


def _find_terms(text: str, data: bytes, start: int, end: int) -> Iterator[Match]:
    terms, beginnings = _terms()
    done = 0
    for word in _WORD.finditer(data, start, end):
        place = word.start()
        # Three hundred terms are tried only where one may begin, not at each letter.
        if place < done or beginnings.isdisjoint(
            (data[place : place + 3], data[place : place + 2], data[place : place + 1])
        ):
            continue
        found = terms.match(text, place, end)
        if found is not None:
            done = found.end()
            yield Match(*found.span(), "health")


_LONGEST_TERM = 32


_WORD = lazy_pattern(rb"[a-z0-9_]+")
_LITERAL = lazy_pattern(r"(?:[^\W\d_](?!\?)){1,3}")


@cache
def _terms() -> tuple[re.Pattern[str], frozenset[bytes]]:
    """Return the expression of all terms, and their first one to three letters."""
    joined = "|".join(
        part.strip()
        for part in (_CONDITIONS + "|" + _MEDICINES + "|" + _PROCEDURES)
        .replace("\n", "")
        .split("|")
        if part.strip()
    )
    return re.compile(rf"\b(?:{joined})\b", re.IGNORECASE), frozenset(_beginnings(joined))


def _beginnings(alternatives: str) -> Iterator[bytes]:
    """Yield the first letters of each alternative, also inside a term: extra ones are harmless."""
    for part in alternatives.split("|"):
        literal = _LITERAL.match(part.removeprefix("(?:"))
        if literal is not None:
            yield literal.group().encode("ascii", "replace")
