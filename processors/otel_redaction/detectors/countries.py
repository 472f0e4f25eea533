"""Check rules of national identity, tax, health and social security numbers, by country."""

# ruff: noqa: D103 - each function is named for the number that it checks

from __future__ import annotations

from collections.abc import Callable, Sequence

from otel_redaction.patterns.checksums import (
    date_ddmmyy,
    date_yymmdd,
    iso_7064_11_10,
    luhn,
    verhoeff,
    weighted,
)

Check = Callable[[str], bool]


def nhs(digits: str) -> bool:
    return len(digits) == 10 and weighted(digits, (10, 9, 8, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def tfn(digits: str) -> bool:
    return len(digits) == 9 and weighted(digits, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def abn(digits: str) -> bool:
    if len(digits) != 11:
        return False
    first = str(int(digits[0]) - 1) if digits[0] != "0" else "9"
    return weighted(first + digits[1:], (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)) % 89 == 0


def acn(digits: str) -> bool:
    return len(digits) == 9 and -weighted(digits, (8, 7, 6, 5, 4, 3, 2, 1)) % 10 == int(digits[8])


def medicare(digits: str) -> bool:
    check = weighted(digits[:8], (1, 3, 7, 9, 1, 3, 7, 9)) % 10
    return len(digits) in {10, 11} and digits[0] in "23456" and check == int(digits[8])


def sin(digits: str) -> bool:
    return len(digits) == 9 and digits[0] not in "08" and luhn(digits)


def cpf(digits: str) -> bool:
    if len(digits) != 11 or len(set(digits)) == 1:
        return False
    first = weighted(digits[:9], tuple(range(10, 1, -1))) * 10 % 11 % 10
    second = weighted(digits[:10], tuple(range(11, 1, -1))) * 10 % 11 % 10
    return digits[9:] == f"{first}{second}"


def cnpj(digits: str) -> bool:
    if len(digits) != 14 or len(set(digits)) == 1:
        return False
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    first = -weighted(digits[:12], weights[1:]) % 11 % 10
    second = -weighted(digits[:13], weights) % 11 % 10
    return digits[12:] == f"{first}{second}"


def aadhaar(digits: str) -> bool:
    return len(digits) == 12 and digits[0] not in "01" and verhoeff(digits)


def steuer_id(digits: str) -> bool:
    return len(digits) == 11 and digits[0] != "0" and iso_7064_11_10(digits)


def oib(digits: str) -> bool:
    return len(digits) == 11 and iso_7064_11_10(digits)


def pesel(digits: str) -> bool:
    return len(digits) == 11 and weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0


def nip(digits: str) -> bool:
    return len(digits) == 10 and weighted(digits, (6, 5, 7, 2, 3, 4, 5, 6, 7)) % 11 == int(
        digits[9]
    )


def regon(digits: str) -> bool:
    weights = (8, 9, 2, 3, 4, 5, 6, 7)
    return len(digits) == 9 and weighted(digits, weights) % 11 % 10 == int(digits[8])


def bsn(digits: str) -> bool:
    return len(digits) == 9 and weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def nir(digits: str) -> bool:
    if len(digits) != 15 or digits[0] not in "12347":
        return False
    return 97 - int(digits[:13]) % 97 == int(digits[13:])


def ahv(digits: str) -> bool:
    if len(digits) != 13 or not digits.startswith("756"):
        return False
    return weighted(digits, (1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1)) % 10 == 0


def personnummer(digits: str) -> bool:
    return (
        len(digits) in {10, 12}
        and luhn(digits[-10:])
        and (date_yymmdd(digits[-10:-4]) or int(digits[-6:-4]) > 60)
    )


def za(digits: str) -> bool:
    return len(digits) == 13 and date_yymmdd(digits[:6]) and digits[10] in "012" and luhn(digits)


def rrn(digits: str) -> bool:
    return len(digits) == 13 and date_yymmdd(digits[:6]) and digits[6] in "12345678"


def cpr(digits: str) -> bool:
    return len(digits) == 10 and date_ddmmyy(digits[:6])


def rijksregister(digits: str) -> bool:
    if len(digits) != 11:
        return False
    rest = int(digits[9:])
    return rest in {97 - int(digits[:9]) % 97, 97 - int("2" + digits[:9]) % 97}


def npi(digits: str) -> bool:
    return len(digits) == 10 and digits[0] in "12" and luhn("80840" + digits)


def itin(digits: str) -> bool:
    return len(digits) == 9 and digits[0] == "9" and digits[3] in "5789"


def nine(digits: str) -> bool:
    return len(digits) == 9


def cuit(digits: str) -> bool:
    check = -weighted(digits[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return len(digits) == 11 and check % 10 == int(digits[10]) and check != 10


def svnr(digits: str) -> bool:
    check = weighted(digits, (3, 7, 9, 0, 5, 8, 4, 2, 1, 6)) % 11
    return len(digits) == 10 and check == int(digits[3])


def egn(digits: str) -> bool:
    check = weighted(digits[:9], (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10
    return len(digits) == 10 and check == int(digits[9])


def cns(digits: str) -> bool:
    return len(digits) == 15 and weighted(digits, tuple(range(15, 0, -1))) % 11 == 0


def resident_id(value: str) -> bool:
    """Check a Chinese resident's number, whose last place may be X."""
    if len(value) != 18 or not value[:17].isdigit() or value[17] not in "0123456789Xx":
        return False
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return "10X98765432"[weighted(value[:17], weights) % 11] == value[17].upper()


def rodne_cislo(digits: str) -> bool:
    if len(digits) not in {9, 10}:
        return False
    month = int(digits[2:4]) % 50 % 20
    plausible = 1 <= month <= 12 and 1 <= int(digits[4:6]) <= 31
    return plausible and (len(digits) == 9 or int(digits) % 11 in {0, 10})


def isikukood(digits: str) -> bool:
    if len(digits) != 11 or digits[0] not in "123456789":
        return False
    check = weighted(digits[:10], (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    if check == 10:
        check = weighted(digits[:10], (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    return check == int(digits[10])


def amka(digits: str) -> bool:
    return len(digits) == 11 and date_ddmmyy(digits[:6]) and luhn(digits)


def afm(digits: str) -> bool:
    weights = (256, 128, 64, 32, 16, 8, 4, 2)
    return len(digits) == 9 and weighted(digits[:8], weights) % 11 % 10 == int(digits[8])


def taj(digits: str) -> bool:
    return len(digits) == 9 and weighted(digits[:8], (3, 7) * 4) % 10 == int(digits[8])


def adoazonosito(digits: str) -> bool:
    check = weighted(digits[:9], tuple(range(1, 10))) % 11
    return len(digits) == 10 and digits[0] == "8" and check == int(digits[9])


def nik(digits: str) -> bool:
    day = int(digits[6:8]) % 40 if len(digits) == 16 else 0
    return 1 <= day <= 31 and 1 <= int(digits[8:10]) <= 12


def teudat_zehut(digits: str) -> bool:
    return 5 <= len(digits) <= 9 and luhn(digits.zfill(9))


def kennitala(digits: str) -> bool:
    check = -weighted(digits[:8], (3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return len(digits) == 10 and check == int(digits[8])


def my_number(digits: str) -> bool:
    if len(digits) != 12:
        return False
    check = weighted(digits[:11], (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return (0 if check <= 1 else 11 - check) == int(digits[11])


def personas_kods(digits: str) -> bool:
    if len(digits) != 11:
        return False
    check = (1101 - weighted(digits[:10], (1, 6, 3, 7, 9, 10, 5, 8, 4, 2))) % 11
    return digits.startswith("32") or check % 10 == int(digits[10])


def mykad(digits: str) -> bool:
    return len(digits) == 12 and date_yymmdd(digits[:6])


def fodselsnummer(digits: str) -> bool:
    if len(digits) != 11:
        return False
    first = -weighted(digits[:9], (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11
    second = -weighted(digits[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return digits[9:] == f"{first}{second}"


def ird(digits: str) -> bool:
    if len(digits) not in {8, 9}:
        return False
    padded = digits.zfill(9)
    check = -weighted(padded[:8], (3, 2, 7, 6, 5, 4, 3, 2)) % 11
    if check == 10:
        check = -weighted(padded[:8], (7, 4, 3, 2, 5, 2, 7, 6)) % 11
    return check == int(padded[8])


def ruc_pe(digits: str) -> bool:
    check = (11 - weighted(digits[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11) % 10
    return len(digits) == 11 and check == int(digits[10])


def eight(digits: str) -> bool:
    return len(digits) in {7, 8}


def cnic(digits: str) -> bool:
    return len(digits) == 13 and digits[0] != "0"


def nif_pt(digits: str) -> bool:
    check = -weighted(digits[:8], (9, 8, 7, 6, 5, 4, 3, 2)) % 11 % 10
    return len(digits) == 9 and check == int(digits[8])


def cnp(digits: str) -> bool:
    weights = (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)
    check = weighted(digits[:12], weights) % 11
    return len(digits) == 13 and (1 if check == 10 else check) == int(digits[12])


def jmbg(digits: str) -> bool:
    weights = (7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
    check = -weighted(digits[:12], weights) % 11
    return len(digits) == 13 and check % 10 == int(digits[12])


def inn(digits: str) -> bool:
    if len(digits) == 10:
        return weighted(digits[:9], (2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10 == int(digits[9])
    if len(digits) != 12:
        return False
    weights = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
    first = weighted(digits[:10], weights[1:]) % 11 % 10
    second = weighted(digits[:11], weights) % 11 % 10
    return digits[10:] == f"{first}{second}"


def snils(digits: str) -> bool:
    total = weighted(digits[:9], (9, 8, 7, 6, 5, 4, 3, 2, 1)) % 101
    return len(digits) == 11 and total % 100 == int(digits[9:])


def ten(digits: str) -> bool:
    return len(digits) == 10


def thai(digits: str) -> bool:
    check = (11 - weighted(digits[:12], tuple(range(13, 1, -1))) % 11) % 10
    return len(digits) == 13 and digits[0] != "0" and check == int(digits[12])


def kimlik(digits: str) -> bool:
    if len(digits) != 11 or digits[0] == "0":
        return False
    numbers = [int(digit) for digit in digits]
    tenth = (7 * sum(numbers[0:9:2]) - sum(numbers[1:8:2])) % 10
    return tenth == numbers[9] and sum(numbers[:10]) % 10 == numbers[10]


def rnokpp(digits: str) -> bool:
    weights = (-1, 5, 7, 9, 4, 6, 10, 5, 7)
    return len(digits) == 10 and weighted(digits[:9], weights) % 11 % 10 == int(digits[9])


def cedula_uy(digits: str) -> bool:
    padded = digits.zfill(8)
    return len(digits) in {7, 8} and -weighted(padded[:7], (2, 9, 8, 7, 6, 3, 4)) % 10 == int(
        padded[7]
    )


def cedula_ec(digits: str) -> bool:
    return len(digits) == 10 and int(digits[:2]) <= 24 and luhn(digits)


def cedula_do(digits: str) -> bool:
    return len(digits) == 11 and luhn(digits)


def nit_co(digits: str) -> bool:
    return 6 <= len(digits) <= 10


def rut(value: str) -> bool:
    """Check a Chilean number, whose last place may be K."""
    body, last = value[:-1], value[-1:].upper()
    if not 7 <= len(body) <= 8 or not body.isdigit():
        return False
    total = sum(int(digit) * (2 + place % 6) for place, digit in enumerate(reversed(body)))
    return "0123456789K0"[11 - total % 11 if total % 11 else 0] == last


def hetu(value: str) -> bool:
    """Check a Finnish personal identity code, `131052-308T`."""
    digits = value[:6] + value[7:10]
    if len(value) != 11 or not digits.isdigit() or value[6] not in "+-ABCDEFYXWVUabcdefyxwvu":
        return False
    return "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(digits) % 31] == value[10].upper()


def pps(value: str) -> bool:
    """Check an Irish personal public service number, `1234567FA`."""
    if not 8 <= len(value) <= 9 or not value[:7].isdigit() or not value[7:].isalpha():
        return False
    total = weighted(value[:7], (8, 7, 6, 5, 4, 3, 2))
    if len(value) == 9 and value[8].upper() != "W":
        total += (ord(value[8].upper()) - 64) * 9
    return "WABCDEFGHIJKLMNOPQRSTUV"[total % 23] == value[7].upper()


def hkid(value: str) -> bool:
    """Check a Hong Kong identity card number, `A123456(3)`."""
    if len(value) not in {8, 9} or not value[-7:-1].isdigit():
        return False
    letters = value[:-7].upper().rjust(2)
    if not letters.strip().isalpha():
        return False
    numbers = [36 if letter == " " else ord(letter) - 55 for letter in letters]
    numbers += [int(digit) for digit in value[-7:-1]]
    total = sum(number * weight for number, weight in zip(numbers, range(9, 1, -1), strict=True))
    return "0123456789A"[-total % 11] == value[-1].upper()


def taiwan(value: str) -> bool:
    """Check a Taiwanese identity number, `A123456789`."""
    if len(value) != 10 or not value[0].isalpha() or not value[1:].isdigit():
        return False
    code = 10 + "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(value[0].upper())
    total = code // 10 + code % 10 * 9 + weighted(value[1:], (8, 7, 6, 5, 4, 3, 2, 1, 1))
    return total % 10 == 0


def any_length(digits: str) -> bool:
    return 7 <= len(digits) <= 14


def lengths(*allowed: int) -> Check:
    """Return a check of only the number of digits, for countries without another check."""
    return lambda digits: len(digits) in allowed


def any_of(checks: Sequence[Check]) -> Check:
    """Return a check that passes if one of *checks* does."""
    return lambda digits: any(check(digits) for check in checks)
