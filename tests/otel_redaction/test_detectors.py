"""Positives and near misses of each detector, with the reason.

Every secret here is made up. Some are put together from parts so that secret
scanners do not mistake this table for a leak.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from otel_redaction import KINDS, find, mask, redact


class Positive(NamedTuple):
    """A text and the part of it that must be found."""

    text: str
    hidden: str


class Negative(NamedTuple):
    """A text in which the kind must not be found, with the reason for confusion."""

    text: str
    why: str


_JWT = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
    "eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvIn0."
    "dBjftJeZ4CVPmB92K27uhbUJU1p1r_wW1gFWFOEjXk0"
)
_PEM = (
    "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEpQIBAAKCAQEAn6/O8li+SX4m98LLYt/PKSzEmQ++ZBD7Loh9P13f"
    "\n-----END RSA PRIVATE KEY-----"
)
_GITHUB = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
_STRIPE = "sk_" + "live_4eC39HqLyjWDarjtT1zdp7dc"

POSITIVES: dict[str, tuple[Positive, ...]] = {
    "private_key": (
        Positive(
            "PuTTY-User-Key-File-2: ssh-rsa\nPrivate-Lines: 1\nAAABAQCmXy9a7b6c5d4e3f2a1b0c9d8",
            "AAABAQCmXy9a7b6c5d4e3f2a1b0c9d8",
        ),
        Positive(
            "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nP2/56wAAAi4AAAA3aWYtbW9kbntzaWdue3JzYS1w",
            "P2/56wAAAi4AAAA3aWYtbW9kbntzaWdue3JzYS1w",
        ),
        Positive(f"key = '''{_PEM}'''", _PEM),
        Positive(_PEM[:90], _PEM[:90]),
    ),
    "jwt": (
        Positive(f"Authorization: Bearer {_JWT}", _JWT),
        Positive(f'{{"id_token":"{_JWT}"}}', _JWT),
    ),
    "api_key": (
        Positive(
            "2afd3ce5a1832882e326b506d1412e0b is the api2cart key",
            "2afd3ce5a1832882e326b506d1412e0b",
        ),
        Positive(
            "see 2afd3ce5a1832882e326b506d1412e0b  # api2cart", "2afd3ce5a1832882e326b506d1412e0b"
        ),
        Positive(f"git clone https://{_GITHUB}@github.com/o/r", _GITHUB),
        Positive(f"stripe.api_key = '{_STRIPE}'", _STRIPE),
        Positive(
            "use sk-proj-Ab3dEf6hIj9kLmN0pQrStUv1Wx please", "sk-proj-Ab3dEf6hIj9kLmN0pQrStUv1Wx"
        ),
        Positive(f"cache.user.{_GITHUB}", _GITHUB),
        Positive(f"logger-v2_{_GITHUB}.log", _GITHUB),
        Positive("the api key is ErsEz5jhy0I9lO7F3vlfFrGY", "ErsEz5jhy0I9lO7F3vlfFrGY"),
        Positive("access key wSLQcWtxJTQr1FqXSTs98vPlL2aE", "wSLQcWtxJTQr1FqXSTs98vPlL2aE"),
        Positive("AWS_ACCESS_KEY_ID=AKIA" + "Z7QK3MNP5RSTUVW2", "AKIA" + "Z7QK3MNP5RSTUVW2"),
        Positive("xoxb-" + "263594206564-FGqddMF8t08v8N7Oq4i57vs1", "FGqddMF8t08v8N7Oq4i57vs1"),
        Positive(
            "bot123456789:AAF" + "x9_kQ2mZ7vB4nC8dE1fG3hJ5kL6pR0sT",
            "AAFx9_kQ2mZ7vB4nC8dE1fG3hJ5kL6pR0sT",
        ),
        Positive('apiKey: "6fe4476ee5a1832882e326b506d14126"', "6fe4476ee5a1832882e326b506d14126"),
        Positive(
            "api2cart key is 2afd3ce5a1832882e326b506d1412e0b", "2afd3ce5a1832882e326b506d1412e0b"
        ),
        Positive(
            "nicereply 71b4567890abcdef12345c7890ab2def12345678",
            "71b4567890abcdef12345c7890ab2def12345678",
        ),
        Positive(
            "refiner-123e4567-e89b-42d3-a456-426614174abc", "123e4567-e89b-42d3-a456-426614174abc"
        ),
        Positive("mixpanel 'M7UXRQ2DBF5rEJ1qlJTgJvwGqUJ7D8TQ'", "M7UXRQ2DBF5rEJ1qlJTgJvwGqUJ7D8TQ"),
        Positive("uclassify_key=ABC193DEF456", "ABC193DEF456"),
        Positive("see ai" + "o_geTG28Wg44tmob6n5zg2nzwmm2tQ", "aio_geTG28Wg44tmob6n5zg2nzwmm2tQ"),
        Positive(
            "$aact_" + "prod_000Mzk1ODYtNzQ3NDU4OTQ1OTQ1", "$aact_prod_000Mzk1ODYtNzQ3NDU4OTQ1OTQ1"
        ),
    ),
    "password": (
        Positive("jdbc:oracle:thin:scott/t1gerlily@//db:1521/x", "t1gerlily"),
        Positive(
            "PASSWORD=git&202503251200&R2xlVEmqi+OW130dxWIDhfw1K6XKw/gxc5P9te3cwWBtnK2XkZq5k+VUAd==",
            "git&202503251200&R2xlVEmqi+OW130dxWIDhfw1K6XKw/gxc5P9te3cwWBtnK2XkZq5k+VUAd",
        ),
        Positive("sqlplus scott/t1gerlily@ORCL", "t1gerlily"),
        Positive("smbclient //srv/share -U bob%br1ndle99", "br1ndle99"),
        Positive("ldapsearch -D cn=admin -w br1ndle99 -b dc=x", "br1ndle99"),
        Positive("htpasswd -b .htpasswd bob br1ndle99", "br1ndle99"),
        Positive("echo br1ndle99 | docker login -u bob --password-stdin", "br1ndle99"),
        Positive("snmp-server community s3cr3tC0mm RO", "s3cr3tC0mm"),
        Positive("$password ||= 'Zx9!kdPq22'", "Zx9!kdPq22"),
        Positive("<password><![CDATA[Zug-Zwang77]]></password>", "Zug-Zwang77"),
        Positive("hasło do wifi: kapusta22", "kapusta22"),
        Positive(
            'PSCredential("bob", (ConvertTo-SecureString "Kiwi.2297" -AsPlainText))', "Kiwi.2297"
        ),
        Positive(
            "bob:500:aad3b435b51404eeaad3b435b51404ee:8846f7eaee8fb117ad06bdd830b7586c:::",
            "8846f7eaee8fb117ad06bdd830b7586c",
        ),
        Positive('{"name":"password","type":"text","value":"kiwi2296"}', "kiwi2296"),
        Positive("Please use ana_b and 7%IT(9i2*6 for access.", "7%IT(9i2*6"),
        Positive('password = "m{{h}o)p${e]nob(ody[f>-_$#on}}"', "m{{h}o)p${e]nob(ody[f>-_$#on}}"),
        Positive("DB_PASSWORD=m{{h}o)p${e]nob(ody[f>-_$#on}}", "m{{h}o)p${e]nob(ody[f>-_$#on}}"),
        Positive('password = "values with quotes and spaces"', "values with quotes and spaces"),
        Positive('new NetworkCredential("me", "vzihlrquknriq");', "vzihlrquknriq"),
        Positive("get(url, auth=('user', 'Kiwi.2298'))", "Kiwi.2298"),
        Positive('set_password("Kiwi!2291")', "Kiwi!2291"),
        Positive('<AppPassword id="new">Kiwi.2299</AppPassword>', "Kiwi.2299"),
        Positive("<password>$B7ae68d9f8ccfc898ee2555a</password>", "$B7ae68d9f8ccfc898ee2555a"),
        Positive("username admin password 7 0822455D0A16", "0822455D0A16"),
        Positive("net use Z: \\\\srv\\share Passw0rd /user:bob", "Passw0rd"),
        Positive("psexec -u admin -p S3cr3tPw! cmd", "S3cr3tPw!"),
        Positive('psk="MyWifiKey1"', "MyWifiKey1"),
        Positive("Ldap password               ----   H7IKC85R#@4", "H7IKC85R#@4"),
        Positive('password for the user "pyne-user" is "pyne1"', "pyne1"),
        Positive("hash {MD5}rL0Y20zC+Fzt72VPzMSk2A== ok", "{MD5}rL0Y20zC+Fzt72VPzMSk2A=="),
        Positive("x {CRYPT}aMFc9dVQKfGzE0mvEz1 y", "{CRYPT}aMFc9dVQKfGzE0mvEz1"),
        Positive("z {PBKDF2_SHA256}ab12cd34ef56ab12cd34", "{PBKDF2_SHA256}ab12cd34ef56ab12cd34"),
        Positive(
            "bcrypt$rounds12$c0ffeec0ffee$a1b2c3d4e5f6a7b8c9d0 end",
            "bcrypt$rounds12$c0ffeec0ffee$a1b2c3d4e5f6a7b8c9d0",
        ),
        Positive("user: joe\npass: secretpw\n", "secretpw"),
        Positive("password=hunter2!", "hunter2!"),
        Positive("DB_PASSWORD=changeme", "changeme"),
        Positive("pass: bob123", "bob123"),
        Positive("the password for the vpn is Tr0ub4dor&3", "Tr0ub4dor&3"),
        Positive("my password is sunshine.", "sunshine"),
        Positive("Passwort lautet Gr7+Nebel2", "Gr7+Nebel2"),
        Positive("пароль: зима2020", "зима2020"),
        Positive("- name: DB_PASSWORD\n  value: Kiwi.2294\n", "Kiwi.2294"),
        Positive("user,password,role\nana,Kiwi.2291,admin\n", "Kiwi.2291"),
        Positive("INSERT INTO users (mail, password) VALUES ('a', 'Kiwi.2296')", "Kiwi.2296"),
        Positive("CREATE USER ana IDENTIFIED BY 'Kiwi.2297'", "Kiwi.2297"),
        Positive('password: "nB{7}kq!Z2"', "nB{7}kq!Z2"),
        Positive("docker login -u bob -p Tr0ub4dor3xyz", "Tr0ub4dor3xyz"),
        Positive("docker run -p 80:80 web; docker login -u bob -p Tr0ub4dor3xyz", "Tr0ub4dor3xyz"),
        Positive("ПаРоЛь: xY12zz9", "xY12zz9"),
        Positive("İ пароль: xY12zz9", "xY12zz9"),
        Positive(
            "$2b$12$" + "Kq9Zx3Vt7LmB5nRd1cWyEeUo8PsTg2HjYfNaQkXiZvMwLrCbDuOhG", "Kq9Zx3Vt7LmB5nRd"
        ),
        Positive('{"userPassword": "correct horse"}', "correct horse"),
        Positive("mysql --password s3cretpw -h db", "s3cretpw"),
        Positive("postgres://app:p4ss@db:5432/prod", "app:p4ss"),
        Positive("Server=db;User Id=sa;Pwd=Tr0ub4dor;", "Tr0ub4dor"),
        Positive("my password is Sunsh1ne!", "Sunsh1ne!"),
        Positive("PGPASSWORD=qwerty psql", "qwerty"),
        Positive("<password>opensesame1</password>", "opensesame1"),
        Positive('{\\"password\\": \\"hunter22\\"}', "hunter22"),
        Positive("curl -u admin:s3cr3tpw https://x.example/", "admin:s3cr3tpw"),
        Positive("DB_PASS: 'gX7$kq'", "gX7$kq"),
        Positive("Server=tcp:db;User ID=sa;Password=Pa55w.rd;Encrypt=true", "Pa55w.rd"),
        Positive("mysql -u root -pS3cr3tPw! shop", "S3cr3tPw!"),
        Positive("sshpass -p 'S3cr3tPw!' ssh app@host", "S3cr3tPw!"),
        Positive("redis-cli -h cache -a Zw7rPwV81Aw71 ping", "Zw7rPwV81Aw71"),
        Positive('$password = ConvertTo-SecureString "P@ssw0rd1"', "P@ssw0rd1"),
        Positive("Your verification code is 482913.", "482913"),
        Positive("password: tH1Cr0j(Y@ and then", "tH1Cr0j(Y@"),
        Positive("my password is &3lz4XBYn^.", "&3lz4XBYn^"),
        Positive("pwd=h&v6OnnqPJ;user=x", "h&v6OnnqPJ"),
        Positive("use passcode 993211 to log in", "993211"),
        Positive("security code: 123 456", "123 456"),
    ),
    "secret": (
        Positive("clave secreta: q8Zx2mLp9Vn4Bw7K", "q8Zx2mLp9Vn4Bw7K"),
        Positive(
            'client_secret = "Zf3D0LXCM3EIMbgJpUNnkRtOfOueHznB"', "Zf3D0LXCM3EIMbgJpUNnkRtOfOueHznB"
        ),
        Positive("export SECRET=kJ8fh2LmQ9zXw4", "kJ8fh2LmQ9zXw4"),
        Positive('app_secret = "A,.:-\u00a8@*\u00bf?!"', "A,.:-\u00a8@*\u00bf?!"),
        Positive('secret = "correct horse battery staple"', "correct horse battery staple"),
        Positive(
            'SECRET_KEY = "9XJcj90y!X%KvLh#cG!&$ra(L(isX-ee8wqr"',
            "9XJcj90y!X%KvLh#cG!&$ra(L(isX-ee8wqr",
        ),
        Positive(
            "role_id=x secret_id=6a174c20-f6de-a53c-74d2-6018fcceff64",
            "6a174c20-f6de-a53c-74d2-6018fcceff64",
        ),
        Positive(
            "secret: /XKvEGXEXY9B9/YNvTasdf.YNvEGXETY9BS", "/XKvEGXEXY9B9/YNvTasdf.YNvEGXETY9BS"
        ),
    ),
    "token": (
        Positive("clé secrète = q8Zx2mLp9Vn4Bw7K", "q8Zx2mLp9Vn4Bw7K"),
        Positive("geheimer Schlüssel: q8Zx2mLp9Vn4Bw7K", "q8Zx2mLp9Vn4Bw7K"),
        Positive("токен: q8Zx2mLp9Vn4Bw7Kq8Zx", "q8Zx2mLp9Vn4Bw7Kq8Zx"),
        Positive("密钥：q8Zx2mLp9Vn4Bw7K", "q8Zx2mLp9Vn4Bw7K"),
        Positive(
            "00D" + "E0X0A0M0PeLE!CJoAQOx1GCLf1UIt4UU9y0VOPLUZAYN6I8DsdGEDyHh5cO02egObcAhIDHYiGCf",
            "CJoAQOx1GCLf1UIt4UU9y0VOPLUZAYN6I8DsdGEDyHh5cO02egObcAhIDHYiGCf",
        ),
        Positive("sig:AbC1dEf2GhI3jKl4MnO5pQr6StU7vWx8", "AbC1dEf2GhI3jKl4MnO5pQr6StU7vWx8"),
        Positive("auth_token: 4r6mp6afqfjzczbtt", "4r6mp6afqfjzczbtt"),
        Positive("Authorization: Bearer 9f8e7d6c5b4a", "9f8e7d6c5b4a"),
        Positive("Authorization: Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA=="),
        Positive('System.setProperty("X_TOKEN", "eu1m6boi0z3cccrr8cgq")', "eu1m6boi0z3cccrr8cgq"),
        Positive("https://s.example/f?sig=Ab3dEf6hIj9kLm%2B0", "Ab3dEf6hIj9kLm%2B0"),
        Positive("Authorization: Token 9a6656c90bd5482a90a29b9f", "9a6656c90bd5482a90a29b9f"),
        Positive("Authorization=ApiKey QsvzU9Kk1v1MIdzu4xCx==", "QsvzU9Kk1v1MIdzu4xCx=="),
        Positive("vault token s.HBdoAprQUejr9gJEBlI2y27p", "s.HBdoAprQUejr9gJEBlI2y27p"),
        Positive('"auth": "P98lzWbnxXcOdNX8Z5hs1UcA"', "P98lzWbnxXcOdNX8Z5hs1UcA"),
    ),
    "cookie": (
        Positive("Cookie: sid=31d4d96e407aad42; theme=dark", "sid=31d4d96e407aad42; theme=dark"),
        Positive("set-cookie: session=abc123; Path=/", "session=abc123; Path=/"),
    ),
    "email": (
        Positive("write to maria.o'neil+x@mail.example.org.", "maria.o'neil+x@mail.example.org"),
        Positive("<josé@exämple.de>", "josé@exämple.de"),
        Positive('{"m":"\\nbob@example.com"}', "bob@example.com"),
        Positive("mailto:bob@example.com?subject=x", "bob@example.com"),
        Positive("marko@posta.rs", "marko@posta.rs"),
        Positive("john at example dot com", "john at example dot com"),
    ),
    "card": (
        Positive("paid with 122000000000003", "122000000000003"),
        Positive("4111 1111 1111 1111", "4111 1111 1111 1111"),
        Positive("pay with 378282246310005 today", "378282246310005"),
        Positive("card 4047737215142", "4047737215142"),
        Positive("4111-1111 1111.1111", "4111-1111 1111.1111"),
        Positive("1,4111111111111111,12/28,123", "4111111111111111"),
        Positive("app.log:12:4111111111111111", "4111111111111111"),
        Positive("\x1b[36m4539578763621486\x1b[0m", "4539578763621486"),
        Positive('{"pan": 5555555555554444}', "5555555555554444"),
    ),
    "iban": (
        Positive("IBAN GB29 NWBK 6016 1331 9268 19, thanks", "GB29 NWBK 6016 1331 9268 19"),
        Positive("de89370400440532013000", "de89370400440532013000"),
        Positive("of bank account DE562261885090719228 today", "DE562261885090719228"),
    ),
    "us_ssn": (
        Positive("SSN 078-05-1123", "078-05-1123"),
        Positive("3,078-05-1123,1985-01-01", "078-05-1123"),
        Positive("my social security number is 078051123", "078051123"),
    ),
    "national_id": (
        Positive("CPF 529.982.247-25", "529.982.247-25"),
        Positive("CNPJ 11.222.333/0001-81", "11.222.333/0001-81"),
        Positive("NIR 1 85 05 78 006 084 91", "1 85 05 78 006 084 91"),
        Positive("身份证号 11010519491231002X", "11010519491231002X"),
        Positive("T.C. kimlik no 10000000146", "10000000146"),
        Positive("תעודת זהות 208443762", "208443762"),
        Positive("henkilötunnus 131052-308T", "131052-308T"),
        Positive("PAN: ABCPD1234F", "ABCPD1234F"),
        Positive("DL# F255-921-50-094-0", "F255-921-50-094-0"),
        Positive("my NHS number is 943 476 5919", "943 476 5919"),
        Positive("passport number: 912803456", "912803456"),
        Positive("Aadhaar 2341 2341 2346", "2341 2341 2346"),
        Positive("pesel 44051401458", "44051401458"),
        Positive("DNI 12345678Z", "12345678Z"),
        Positive("NI number: AB 12 34 56 C", "AB 12 34 56 C"),
        Positive("passport no. A12803456", "A12803456"),
        Positive("codice fiscale RSSMRA85T10A562S", "RSSMRA85T10A562S"),
        Positive("NRIC S2740116C", "S2740116C"),
    ),
    "bank_account": (
        Positive("account number 000123456789", "000123456789"),
        Positive("routing number 021000021", "021000021"),
        Positive("sort code 12-34-56", "12-34-56"),
    ),
    "phone": (
        Positive("(01736) 66257", "(01736) 66257"),
        Positive("+44(0)1134960007", "+44(0)1134960007"),
        Positive("Tel. +31(0)015-521429", "+31(0)015-521429"),
        Positive("call me at 415-555-0132", "415-555-0132"),
        Positive("+44 20 7946 0958", "+44 20 7946 0958"),
        Positive("(415) 555-0132 ext. 12", "(415) 555-0132 ext. 12"),
        Positive("Mobile: 03.93.92.16.85", "03.93.92.16.85"),
        Positive("Telefon 089 1234567", "089 1234567"),
        Positive("my number is 5550132987", "5550132987"),
        Positive("téléphone : 12 34 56 78", "12 34 56 78"),
        Positive("phone=%2B14155550132", "%2B14155550132"),
    ),
    "ip_address": (
        Positive("client 203.0.113.9:443 refused", "203.0.113.9"),
        Positive("from 2001:db8::8a2e:370:7334 port 1", "2001:db8::8a2e:370:7334"),
        Positive("route 10.0.0.0/8", "10.0.0.0/8"),
        Positive("[fe80::1%eth0]:80", "fe80::1%eth0"),
    ),
    "mac_address": (
        Positive("wlan0 00:1A:2B:3C:4D:5E up", "00:1A:2B:3C:4D:5E"),
        Positive("AA-BB-CC-DD-EE-0F", "AA-BB-CC-DD-EE-0F"),
        Positive("switch 0012.3456.789A", "0012.3456.789A"),
    ),
    "crypto_address": (
        Positive(
            "send to 3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"
        ),
        Positive(
            "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
            "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
        ),
        Positive(
            "0xa3ddc7Dab49858003dE0D4411C1CECDFFcffE3Ec, and LlYkxQrp2ZoZJWSK40pJO5SUHB2zHgFzge",
            "LlYkxQrp2ZoZJWSK40pJO5SUHB2zHgFzge",
        ),
        Positive(
            "0x52908400098527886E0F7030069857D2E4169EE7", "52908400098527886E0F7030069857D2E4169EE7"
        ),
    ),
    "birth_date": (
        Positive("born on 12/05/1990", "12/05/1990"),
        Positive("date of birth: 1990-05-12", "1990-05-12"),
        Positive("DOB May 12, 1990", "May 12, 1990"),
        Positive("Date de naissance : 12/03/1985", "12/03/1985"),
        Positive("Nata a Roma il 12/03/1985", "12/03/1985"),
        Positive("data urodzenia: 12.03.1985", "12.03.1985"),
        Positive("narozen 12.3.1985", "12.3.1985"),
        Positive("syntynyt 12.3.1985", "12.3.1985"),
        Positive("FØDT: 12.3.1985", "12.3.1985"),
        Positive("née le 12/03/1985", "12/03/1985"),
        Positive("Doğum tarihi: 12.03.1985", "12.03.1985"),
        Positive(
            "\u0414\u0430\u0442\u0430 \u0440\u043e\u0436\u0434\u0435\u043d\u0438\u044f 12.03.1985",
            "12.03.1985",
        ),
        Positive("Родился 12.03.1985", "12.03.1985"),
        Positive("ДаТа РоЖдЕния 12.03.1985", "12.03.1985"),
        Positive(
            "\u751f\u5e74\u6708\u65e5\uff1a1985\u5e743\u670812\u65e5", "1985\u5e743\u670812\u65e5"
        ),
    ),
    "location": (
        Positive("lat: 52.520008, lon: 13.404954", "52.520008"),
        Positive("It is to the south of -64.4714775, 115.545555.", "-64.4714775, 115.545555"),
        Positive("GPS 40.712776, -74.005974", "74.005974"),
    ),
    "person": (
        Positive("My name is Maria Schmidt and I need help", "Maria Schmidt"),
        Positive("Please ask Dr. Kowalczyk about it", "Kowalczyk"),
        Positive("Why is Rebecca so impulsive?", "Rebecca"),
        Positive("they met Luis de la Cruz there", "Luis de la Cruz"),
        Positive("my name is lena andersson.", "lena andersson"),
        Positive('{"full_name": "Zorvath Quillan"}', "Zorvath Quillan"),
        Positive("please contact Kevin Veitonen III about it", "Kevin Veitonen III"),
    ),
    "address": (
        Positive("She lives at 221 Baker Street, London", "221 Baker Street"),
        Positive("Lieferung an Hauptstraße 12, Berlin", "Hauptstraße 12"),
        Positive("il habite 36 rue de Pologne", "36 rue de Pologne"),
        Positive("send it to PO Box 4187", "PO Box 4187"),
        Positive("the zip code is 94107", "94107"),
        Positive("Unit 7862 Box 2153\nFPO AA 85844", "FPO AA 85844"),
        Positive("USS Nimitz (CVN 68), FPO AP 96620-2820", "96620-2820"),
    ),
    "health": (
        Positive("The patient was diagnosed with type 2 diabetes", "type 2 diabetes"),
        Positive("she takes metformin daily", "metformin"),
        Positive("medical record number QRS-77120", "QRS-77120"),
    ),
    "username": (
        Positive("username: jdoe_42", "jdoe_42"),
        Positive("I'm 'dean.m1' on skype", "dean.m1"),
        Positive("add me on Skype, live:dean.m", "live:dean.m"),
        Positive("follow @john_smith9 for more", "@john_smith9"),
    ),
    "vehicle": (
        Positive("VIN 1HGCM82633A004352", "1HGCM82633A004352"),
        Positive("licence plate: B AB 1234", "B AB 1234"),
    ),
    "device": (Positive("IMEI: 490154203237518", "490154203237518"),),
}

NEGATIVES: dict[str, tuple[Negative, ...]] = {
    "private_key": (
        Negative("-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A", "a public key"),
        Negative(
            "-----BEGIN PRIVATE KEY-----\nanything\n-----END PRIVATE KEY-----", "no key in it"
        ),
    ),
    "jwt": (Negative("eyJub3QiOiJhIGhlYWRlciJ9.e30.x", "the header is not a token header"),),
    "api_key": (
        Negative("2afd3ce5a1832882e326b506d1412e0b is the digest, not for api2cart", "a digest"),
        Negative("live_0979969b3f6cc23ed67e9b650bfaf64f71", "longer than a key by one digit"),
        Negative("ghp_" + "x" * 36, "a placeholder"),
        Negative("github commit 2afd3ce5a1832882e326b506d1412e0b2afd3ce5", "the name of a commit"),
        Negative(
            "api2cart trace id 2afd3ce5a1832882e326b506d1412e0b", "an id, of whatever service"
        ),
        Negative("api2cart.com/2afd3ce5a1832882e326b506d1412e0b", "a path of its host"),
        Negative("https://mixpanel.example/M7UXRQ2DBF5rEJ1qlJTgJvwGqUJ7D8TQ", "the same"),
        Negative("call the api2cart API, using key=wdvvok7slklklaasnd8afafxd", "not its form"),
        Negative(
            "key_chars = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'",
            "an alphabet",
        ),
        Negative("keyVaultToStoreSecrets: cmp2-qat-1208358310", "words and a number"),
        Negative("cache key 9a6656c90bd5482a90a29b9fa5ff5180", "names what it finds"),
        Negative("the key is feature_flag_rollout_2024_q3", "words"),
        Negative("gen_ai.usage.input_tokens", "an attribute name"),
        Negative("0af7651916cd43dd8448eb211c80319c", "a trace id"),
        Negative("public_key = '9Cnzj4p4WGeKLs1Pt8QuKUpRKfFLfRYC9AIKjbJTWit'", "public"),
        Negative("rhf_SponsoredProductsRemoteSearchExpansion2Click", "a name with hf_ inside"),
        Negative("task_force-risk-antenna-2024", "words"),
        Negative("primary_key=order_20240101_000123", "a database key"),
    ),
    "password": (
        Negative('{"name":"password","type":"text"}', "the name of a field, and another name"),
        Negative('{"columns":["user","password"],"rows":12}', "a list of names"),
        Negative("PASSWORD_RESET_TIMEOUT=3600", "a time"),
        Negative("the LDAP community meets, -w or not", "no command"),
        Negative("echo hello | grep password", "a word that is searched for"),
        Negative("password: str = Field(...)", "a type"),
        Negative("#define PASSWORD_MASK 0x0dead1beef7cafe2", "a number"),
        Negative('env = append(env, "PWD="+dir, "HOME="+home)', "pieces of text that code joins"),
        Negative("form: OAuth2PasswordRequestForm = Depends()", "a class"),
        Negative("compiled using -O2 and C++17 with f(X1)", "no password"),
        Negative('password = "{user}:{host}"', "a template"),
        Negative("credentialsId: '29f63271-dc2f-4734-8221-5b31b5169bac'", "the name of a secret"),
        Negative("password=password, user=user", "a variable handed on"),
        Negative("forgot your password: click here", "prose"),
        Negative("mountain pass: open", "a road"),
        Negative("https://${USER}:${PASS}@host.example/", "a template"),
        Negative("spark://CoarseGrainedScheduler@node-3:48069", "no password"),
        Negative("password = os.environ['DB']", "code"),
        Negative("the password is required", "prose"),
        Negative("password=${DB_PASSWORD}", "a reference"),
        Negative('"password": ""', "empty"),
        Negative("password=********", "already hidden"),
        Negative("reset-password: link sent", "prose"),
        Negative("git@github.com:owner/name.git", "a repository"),
        Negative("password = settings.password;", "code"),
        Negative('password=obj1.Get2("x")', "code"),
        Negative("password: Optional[Str1] = None", "a type"),
        Negative("password: <Your1Password>", "a placeholder"),
        Negative('password = "$DB_PASSWORD1"', "a reference"),
        Negative("docker run mysql -p 3306:3306", "a port"),
        Negative("exit code 137, status code: 404, zip code 94107", "not codes that open anything"),
        Negative("access code: 4 digits", "what a code looks like"),
    ),
    "secret": (
        Negative('the secret is "a-text-of-at-least-256-bits"', "words, one of a single letter"),
        Negative("secret_length = X25519.secret_length", "code"),
        Negative("SECRET_NAME = 'NEXUS-GPT4-KEY'", "the name of a secret"),
        Negative('secret = "enter the secret of your app"', "an instruction"),
        Negative('secret = "[^a-z]+(?:,|;)*"', "an expression of a search"),
    ),
    "token": (
        Negative("Schlüssel: wird nicht gebraucht, siehe ключ: слово", "words"),
        Negative("max_tokens=4096", "a measurement"),
        Negative("model,token\ngpt-4o,transcription by the second\n", "words in a column"),
        Negative("next_page_token=CAoSBQ1a2b3c4d5e6f", "pagination"),
        Negative("tokenizer: cl100k_base", "a tokenizer"),
        Negative("the bearer of bad news", "prose"),
        Negative("token_type=access_token", "a type"),
        Negative('"auth": "basic", auth: required', "how, not with what"),
        Negative("token budget_of_1000_tokens_per_minute", "words"),
    ),
    "cookie": (
        Negative("cookie: required", "no value"),
        Negative("cookies: list[tuple[str, str]] = []", "a type"),
        Negative("cookie = cookie.encode(kind=1)", "code"),
    ),
    "email": (
        Negative("logo@2x.png", "a file"),
        Negative("user@1000.service", "a systemd unit"),
        Negative("npm i @scope/pkg@1.2.3", "a package"),
        Negative("@app.route('/')", "a decorator"),
        Negative("info@presidio.", "no domain"),
    ),
    "card": (
        Negative("123000000000001", "no airline that issues cards"),
        Negative("4111111111111112", "check digit"),
        Negative("1786645484736000", "a timestamp in microseconds"),
        Negative("0.4111111111111111", "a fraction"),
        Negative("id=a4111111111111111", "part of an id"),
        Negative("20240101120000", "a migration stamp"),
    ),
    "iban": (
        Negative("GB29 NWBK 6016 1331 9268 18", "check digits"),
        Negative("ZZ29NWBK60161331926819", "no such country"),
    ),
    "us_ssn": (
        Negative("078-05-0000", "no such serial"),
        Negative("666-12-3456", "no such area"),
        Negative("2024-05-1123", "part of a longer number"),
    ),
    "national_id": (
        Negative("529.982.247-26", "check digits"),
        Negative("part ABCPD1234F", "no label"),
        Negative("pan ABCXD1234F", "no such holder"),
        Negative("order 9434765919", "no label"),
        Negative("Copyright (c) 2014-2019 by the authors", "years"),
        Negative("123 456 789 rows", "an amount"),
    ),
    "bank_account": (
        Negative("account created 20240101", "a date"),
        Negative("accounts sorted by number: 1970-01-03", "a date"),
        Negative("your account has 1500000 rows", "an amount"),
    ),
    "phone": (
        Negative("1786645484", "an epoch"),
        Negative("reached on 3.10.0-3.10.12 and later", "versions"),
        Negative("copyright: (c) 2013-2026 by the team", "years"),
        Negative("2026-08-13 14:24:44", "a date"),
        Negative("order number 4155550132", "an order"),
        Negative("123e4567-e89b-12d3-a456-426614174000", "a UUID"),
        Negative("12345678-1234-1234-1234-123456789012", "a UUID of digits"),
        Negative("$1 234 567", "money"),
        Negative("took 1234567 ns", "a duration"),
        Negative('{"type":"text","text":"20240307"}', "the names of fields"),
        Negative('{"object": "text_completion", "created": 1758563338}', "a Unix time"),
        Negative("The answer is 1073741824 bytes.", "a size"),
        Negative("597 323.2699 732.0412 78.9925", "a table"),
        Negative("dsl-082-083-227-067.arcor-ip.example", "a host"),
    ),
    "ip_address": (
        Negative("Chrome/120.0.0.0 Safari/537.36", "a version"),
        Negative("version 1.2.3.4", "a version"),
        Negative("192.168.1.256", "not an address"),
        Negative("std::cout << a::b", "C++"),
        Negative("12:30:45", "a time"),
    ),
    "mac_address": (
        Negative("FF:FF:FF:FF:FF:FF", "broadcast"),
        Negative("SHA1 aa:bb:cc:dd:ee:ff:00:11:22:33", "a fingerprint"),
    ),
    "crypto_address": (
        Negative("3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLz", "checksum"),
        Negative("0x00000000000000000000000000000000000000aa", "nearly empty"),
    ),
    "birth_date": (Negative("created on 12/05/1990", "not a birth"),),
    "location": (
        Negative("latency 52.520008 ms", "a duration"),
        Negative("version north 1.2.3, 4.5.6", "versions"),
        Negative("1.234567, 2.345678", "no context"),
    ),
    "person": (
        Negative("Claude Sonnet answered in Python", "a model and a language"),
        Negative("we moved to Paris in April", "a place and a month"),
        Negative("Distributed Tracing in Celery Beat", "headings and products"),
        Negative("def robin(self): return Grace", "code"),
        Negative("- Add support for Windows", "a list of changes"),
        Negative("see Part Series II of it", "a volume"),
    ),
    "address": (
        Negative("tested on Python 3.12 and CPython 2", "versions"),
        Negative("HTTP 500 in Suite 3 of the tests", "a status"),
        Negative("room for 12 more rows", "prose"),
        Negative("the depo at 09123", "no military post office"),
    ),
    "health": (
        Negative("the migraine example in the docs", "nobody's"),
        Negative("Rx7vX2 in base64", "an encoded blob"),
    ),
    "username": (
        Negative("the username is required", "prose"),
        Negative("login(username=username, name=name)", "a variable"),
        Negative("the word 'like' on Twitter, discord is off", "words"),
        Negative("@app.route and @types/node follow @ signs", "code"),
    ),
    "vehicle": (Negative("VIN decoding takes 12 ms", "no number"),),
    "device": (Negative("trace 490154203237518 took 3 ms", "no label"),),
}


def _cases(table: dict[str, tuple[Any, ...]]) -> list[Any]:
    return [
        pytest.param(kind, specimen, id=f"{kind}: {specimen.text[:40]!r}")
        for kind, specimens in table.items()
        for specimen in specimens
    ]


@pytest.mark.parametrize(("kind", "specimen"), _cases(POSITIVES))
def test_it_is_found(kind: str, specimen: Positive) -> None:
    """Each positive is covered from its first to its last character, by its own kind."""
    first = specimen.text.index(specimen.hidden)
    last = first + len(specimen.hidden)

    matches = find(specimen.text)

    assert any(
        match.start <= first and last <= match.end and match.kind == kind for match in matches
    ), matches


@pytest.mark.parametrize(("kind", "specimen"), _cases(POSITIVES))
def test_it_does_not_leave(kind: str, specimen: Positive) -> None:
    """The redacted text has the marker, not the secret, and is stable."""
    redacted = redact(specimen.text)

    assert specimen.hidden not in redacted
    assert mask(kind) in redacted
    assert redact(redacted) == redacted


@pytest.mark.parametrize(("kind", "specimen"), _cases(NEGATIVES))
def test_it_is_left_alone(kind: str, specimen: Negative) -> None:
    """Each near miss is not reported as that kind."""
    assert kind not in {match.kind for match in find(specimen.text)}, specimen.why


def test_every_kind_has_specimens() -> None:
    """A new kind needs positive and negative examples."""
    assert set(POSITIVES) == set(KINDS)
    assert set(NEGATIVES) == set(KINDS)
