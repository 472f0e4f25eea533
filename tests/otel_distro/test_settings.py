"""Settings: their sources, and the messages about unusable ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_distro.base.errors import SettingsError
from otel_distro.settings import Settings, load
from otel_distro.settings.prices import load_prices
from otel_distro.settings.variables import VARIABLES
from otel_redaction import DEFAULT_POLICY, Redactor

HOME = {"HOME": "/home/ada"}
NOON = 1_780_000_000_000_000_000
"""A moment at which the built-in prices have every known model."""


def loaded(**environ: str) -> Settings:
    result = load({**HOME, **environ})
    assert result.problems == ()
    return result.settings


def messages(environ: dict[str, str], section: dict[str, object] | None = None) -> list[str]:
    return [str(problem) for problem in load({**HOME, **environ}, section).problems]


def test_nothing_set_means_the_defaults() -> None:
    """Redaction on, a ledger in the user's state folder, two seconds at exit."""
    settings = loaded()

    assert settings.redaction is True
    assert settings.policy is DEFAULT_POLICY
    assert settings.ledger == Path("/home/ada/.local/state/otel-distro/ledger.db")
    assert (settings.ledger_retention_days, settings.exit_timeout) == (30, 2.0)


def test_the_search_for_people_follows_the_setting() -> None:
    """In content by default; an invalid value is a problem that lists the choices."""
    assert loaded().policy.people == "content"
    assert loaded(OTEL_DISTRO_REDACTION_PEOPLE="all").policy.people == "all"
    assert "content, all or off" in " ".join(
        messages({"OTEL_DISTRO_REDACTION_PEOPLE": "names"})
    ) or "off" in " ".join(messages({"OTEL_DISTRO_REDACTION_PEOPLE": "names"}))


def test_state_follows_the_xdg_folder() -> None:
    """An absolute XDG_STATE_HOME moves all state."""
    assert loaded(XDG_STATE_HOME="/data").state_dir == Path("/data/otel-distro")


def test_a_relative_xdg_folder_is_ignored() -> None:
    """By the XDG specification; a ledger must not depend on the working directory."""
    assert loaded(XDG_STATE_HOME="data").state_dir == Path("/home/ada/.local/state/otel-distro")


def test_the_ledger_can_be_moved_or_left_out() -> None:
    """A path, with ~ for the home folder, or none."""
    assert loaded(OTEL_DISTRO_LEDGER="/var/l.db").ledger == Path("/var/l.db")
    assert loaded(OTEL_DISTRO_LEDGER="none").ledger is None


@pytest.mark.parametrize("place", ["/", ".", "./"])
def test_a_ledger_is_a_file(place: str) -> None:
    """Not a folder without a name: the spill file beside the ledger would have none, either."""
    result = load({"HOME": "/home/ada", "OTEL_DISTRO_LEDGER": place})

    assert "not the name of a file" in str(SettingsError(result.problems))


def test_an_empty_variable_counts_as_not_set() -> None:
    """As in the OpenTelemetry specification."""
    assert loaded(OTEL_DISTRO_EXIT_TIMEOUT="").exit_timeout == 2.0


@pytest.mark.parametrize("word", ["false", "FALSE", "off", "no", "0", " Off "])
def test_redaction_can_be_switched_off_in_many_spellings(word: str) -> None:
    """Every common spelling of "no"."""
    assert loaded(OTEL_DISTRO_REDACTION=word).redaction is False


def test_latency_budgets_are_pairs() -> None:
    """pattern=milliseconds, separated by commas; a pattern may itself hold an equals sign."""
    budgets = loaded(OTEL_DISTRO_LATENCY_BUDGETS="chat *=2000, a=b=1.5").latency_budgets

    assert [(b.operation, b.ms) for b in budgets] == [("chat *", 2000.0), ("a=b", 1.5)]


def test_every_bad_value_is_reported_together() -> None:
    """One start, one list of all problems, each with the allowed values."""
    problems = messages(
        {
            "OTEL_DISTRO_EXIT_TIMEOUT": "soon",
            "OTEL_DISTRO_STRICT": "maybe",
            "OTEL_DISTRO_LEDGER_RETENTION_DAYS": "1.5",
            "OTEL_DISTRO_LATENCY_BUDGETS": "chat",
        }
    )

    assert problems == [
        "OTEL_DISTRO_STRICT='maybe': neither true nor false; choose from true, false, on, off",
        (
            "OTEL_DISTRO_LATENCY_BUDGETS='chat': 'chat' is not pattern=milliseconds; "
            "for example chat *=2000"
        ),
        "OTEL_DISTRO_LEDGER_RETENTION_DAYS='1.5': not a whole number; for example 30",
        "OTEL_DISTRO_EXIT_TIMEOUT='soon': not a number; for example 2",
    ]


def test_a_misspelt_variable_names_the_nearest_one() -> None:
    """And withholds content, because it may be protective."""
    result = load({**HOME, "OTEL_DISTRO_REDACTON": "true"})

    assert [str(p) for p in result.problems] == [
        "OTEL_DISTRO_REDACTON: unknown variable; did you mean OTEL_DISTRO_REDACTION?"
    ]
    assert result.withholds


def test_a_bad_value_that_protects_nothing_withholds_nothing() -> None:
    """An invalid retention keeps its default; content is still exported."""
    result = load({**HOME, "OTEL_DISTRO_LEDGER_RETENTION_DAYS": "many"})

    assert result.problems
    assert not result.withholds
    assert result.settings.ledger_retention_days == 30


def test_other_variables_are_ignored() -> None:
    """Only names that begin with OTEL_DISTRO_ are read."""
    assert messages({"OTEL_DISTROX": "1", "OTEL_SERVICE_NAME": "a", "PATH": "b"}) == []


def test_a_secret_is_never_printed(tmp_path: Path) -> None:
    """A pseudonym key that is too short is named, not shown."""
    problems = messages({"OTEL_DISTRO_PSEUDONYM_KEY": "hunter2"})

    assert problems
    assert "hunter2" not in " ".join(problems)


def test_the_file_sets_what_the_environment_leaves_open(tmp_path: Path) -> None:
    """The environment takes precedence, key by key."""
    file = tmp_path / "otel-distro.toml"
    file.write_text(
        'exit_timeout = 1\nledger = "/from/file.db"\n'
        '[[latency_budgets]]\noperation = "search_*"\nms = 5\npriority = 1\n'
    )
    settings = loaded(OTEL_DISTRO_CONFIG=str(file), OTEL_DISTRO_LEDGER="/from/env.db")

    assert settings.exit_timeout == 1.0
    assert settings.ledger == Path("/from/env.db")
    assert [(b.operation, b.ms, b.priority) for b in settings.latency_budgets] == [
        ("search_*", 5.0, 1)
    ]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("= 1", "not valid TOML"),
        ("exit_timout = 1", "exit_timout: unknown key; did you mean exit_timeout?"),
        ("[redaction]\nkindz = 1", "[redaction]"),
    ],
)
def test_a_file_that_cannot_be_used_is_explained(
    tmp_path: Path, content: str, complaint: str
) -> None:
    """Syntax, unknown keys and bad rules alike."""
    file = tmp_path / "otel-distro.toml"
    file.write_text(content)

    result = load({**HOME, "OTEL_DISTRO_CONFIG": str(file)})

    assert complaint in str(result.problems[0])
    assert result.withholds


def test_a_missing_file_withholds_content() -> None:
    """Its redaction rules are unknown."""
    result = load({**HOME, "OTEL_DISTRO_CONFIG": "/nowhere/x.toml"})

    assert "cannot read the file: No such file or directory" in str(result.problems[0])
    assert result.withholds


def test_all_problems_make_one_message() -> None:
    """As printed on stderr."""
    result = load({**HOME, "OTEL_DISTRO_STRICT": "x", "OTEL_DISTRO_EXIT_TIMEOUT": "y"})

    assert str(SettingsError(result.problems)).splitlines() == [
        "2 settings cannot be used",
        "  OTEL_DISTRO_STRICT='x': neither true nor false; choose from true, false, on, off",
        "  OTEL_DISTRO_EXIT_TIMEOUT='y': not a number; for example 2",
    ]


def test_the_standard_batch_variables_keep_their_meaning() -> None:
    """OTEL_BSP_* and OTEL_BLRP_* bound our queues as they bound the SDK's."""
    settings = loaded(OTEL_BSP_MAX_QUEUE_SIZE="100", OTEL_BSP_SCHEDULE_DELAY="250")

    assert settings.span_limits.max_queue_size == 100
    assert settings.span_limits.max_batch_size == 100
    assert settings.span_limits.delay_seconds == 0.25
    assert settings.log_limits.max_queue_size is None


@given(
    environ=st.dictionaries(
        st.sampled_from([variable.name for variable in VARIABLES]), st.text(), max_size=6
    )
)
def test_no_environment_makes_loading_raise(environ: dict[str, str]) -> None:
    """The app must start with any environment."""
    load({**HOME, **environ})


@given(
    section=st.dictionaries(
        st.one_of(st.sampled_from([v.key for v in VARIABLES if v.key] + ["redaction"]), st.text()),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
            lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
            max_leaves=5,
        ),
        max_size=5,
    )
)
def test_no_file_makes_loading_raise(section: dict[str, object]) -> None:
    """The app must start with any file."""
    load(HOME, section)


def test_every_variable_has_a_description() -> None:
    """The table is the reference and has no gaps."""
    assert all(v.meaning and v.default and v.example for v in VARIABLES)
    assert len({v.name for v in VARIABLES}) == len(VARIABLES)


def test_kinds_and_keys_can_be_left_alone() -> None:
    """By variable, in addition to the file."""
    result = load(
        {
            **HOME,
            "OTEL_DISTRO_REDACTION_ALLOW_KINDS": "email, ip_address",
            "OTEL_DISTRO_REDACTION_ALLOW_KEYS": "app.note",
        },
        {"redaction": {"kinds": {"phone": "allow"}, "allow_keys": ["app.other"]}},
    )
    redactor = Redactor(result.settings.policy)

    assert result.problems == ()
    assert redactor.text("ada@lovelace.example 4111 1111 1111 1111") == (
        "ada@lovelace.example [CARD]"
    )
    assert result.settings.policy.allow_keys == {"app.note", "app.other"}
    assert result.settings.policy.action("phone") == "allow"


def test_an_unknown_kind_is_a_problem_that_withholds() -> None:
    """With the nearest name."""
    result = load({**HOME, "OTEL_DISTRO_REDACTION_ALLOW_KINDS": "emails"})

    assert "email" in str(result.problems[0])
    assert result.withholds


def test_a_key_turns_masks_into_pseudonyms() -> None:
    """The same value gives the same token; other keys give others."""
    key = {"OTEL_DISTRO_PSEUDONYM_KEY": "0123456789abcdef0123456789abcdef"}
    redactor = Redactor(loaded(**key).policy)
    first, second = redactor.text("ada@lovelace.example"), redactor.text("ada@lovelace.example")

    assert first == second
    assert first.startswith("email_")


def test_a_key_can_be_read_from_a_file(tmp_path: Path) -> None:
    """As container secrets do."""
    file = tmp_path / "pseudonym.key"
    file.write_text("0123456789abcdef0123456789abcdef\n")
    policy = loaded(OTEL_DISTRO_PSEUDONYM_KEY_FILE=str(file)).policy

    assert Redactor(policy).text("ada@lovelace.example").startswith("email_")


def test_a_missing_key_file_withholds_content() -> None:
    """Masks would be safe, but pseudonyms were requested."""
    result = load({**HOME, "OTEL_DISTRO_PSEUDONYM_KEY_FILE": "/nowhere.key"})

    assert "that OTEL_DISTRO_PSEUDONYM_KEY_FILE names: No such file" in str(result.problems[0])
    assert result.withholds


@pytest.mark.parametrize("content", [None, '[[price]]\nmodel = "m"\ninput = -3'])
def test_an_unusable_price_file_is_a_problem_and_leaves_the_built_in_prices(
    content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its errors are listed, no content is withheld, and calls still have a price."""
    file = tmp_path / "prices.toml"
    if content is not None:
        file.write_text(content)

    result = load({**HOME, "OTEL_DISTRO_PRICES": str(file)})
    book = load_prices(result.settings)

    (problem,) = result.problems
    assert problem.name.startswith("OTEL_DISTRO_PRICES=")
    assert ("No such file" if content is None else "got -3") in problem.message
    assert not result.withholds
    assert book.explain("gpt-4o", at_ns=NOON).price is not None
    assert "otel-distro ledger reprice" in capsys.readouterr().err
