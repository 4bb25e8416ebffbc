"""A Content-Security-Policy is read, widened and written back without taking anything from the application."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocancel.core.csp import ContentSecurityPolicy
from aiocancel.errors import PolicyError

parse = ContentSecurityPolicy.parse

# The nearest first, written out by hand from the standard, 6.8.3 "Get fetch directive fallback list".
FALLBACK = {
    "default-src": [],
    "connect-src": ["default-src"],
    "font-src": ["default-src"],
    "img-src": ["default-src"],
    "manifest-src": ["default-src"],
    "media-src": ["default-src"],
    "object-src": ["default-src"],
    "prefetch-src": ["default-src"],
    "child-src": ["default-src"],
    "frame-src": ["child-src", "default-src"],
    "fenced-frame-src": ["frame-src", "child-src", "default-src"],
    "worker-src": ["child-src", "script-src", "default-src"],
    "script-src": ["default-src"],
    "script-src-elem": ["script-src", "default-src"],
    "script-src-attr": ["script-src", "default-src"],
    "style-src": ["default-src"],
    "style-src-elem": ["style-src", "default-src"],
    "style-src-attr": ["style-src", "default-src"],
}
FETCH = sorted(FALLBACK)
SOURCE_LISTS = sorted({*FETCH, "base-uri", "form-action", "frame-ancestors"})
OTHERS = [
    "sandbox allow-scripts",
    "report-uri /csp",
    "report-to csp",
    "upgrade-insecure-requests",
    "block-all-mixed-content",
    "require-trusted-types-for 'script'",
    "trusted-types default",
    "navigate-to 'self'",
    "plugin-types application/pdf",
    "require-sri-for script",
    "webrtc 'block'",
    "referrer no-referrer",
]

NONCE = "'nonce-c29tZSBub25jZQ=='"
HASH = "'sha256-0II5nSAFgTOkBtdLO4MKsacG8pcjGGaEgpxvoOFKjm8='"
INERT = (NONCE, HASH, "'nonce-other'", "'sha384-abc-_'")
HOSTS = (
    "https://api.example.com",
    "https://*.example.com",
    "http://cdn.example.com/a/",
    "wss://live.example.com:443",
)
WEAK = ("*", "'unsafe-inline'", "'UNSAFE-INLINE'", "'unsafe-eval'")
PLAIN = (
    "'self'",
    "data:",
    "https:",
    "blob:",
    "example.com",
    "localhost:8080",
    "'report-sample'",
    *HOSTS,
)

present_sources: st.SearchStrategy[list[str]] = st.one_of(
    st.just(["'none'"]),
    st.just([]),
    st.lists(
        st.sampled_from([*PLAIN, *INERT, *WEAK, "'strict-dynamic'", "'none'", "%odd%"]),
        min_size=1,
        max_size=5,
    ),
)


@st.composite
def policies(draw: st.DrawFn) -> ContentSecurityPolicy:
    lists = draw(st.dictionaries(st.sampled_from(SOURCE_LISTS), present_sources, max_size=8))
    others = draw(st.lists(st.sampled_from(OTHERS), unique=True, max_size=2))
    return parse(
        ";".join([*(" ".join([name, *sources]) for name, sources in lists.items()), *others])
    )


# frame-ancestors takes fewer kinds of sources; it has tests of its own.
additions_of_anything = st.dictionaries(
    st.sampled_from([name for name in SOURCE_LISTS if name != "frame-ancestors"]),
    st.lists(st.sampled_from([*PLAIN, *INERT]), max_size=4),
    max_size=5,
)


def source_set(policy: ContentSecurityPolicy, directive: str) -> set[str] | None:
    governing = policy.effective(directive)
    return None if governing is None else {source.lower() for source in governing} - {"'none'"}


# Reading


def test_a_policy_is_read_into_its_directives_in_order() -> None:
    policy = parse(
        "default-src 'self'; connect-src 'self' https://api.example.com; upgrade-insecure-requests"
    )
    assert policy.directives == (
        ("default-src", ("'self'",)),
        ("connect-src", ("'self'", "https://api.example.com")),
        ("upgrade-insecure-requests", ()),
    )


def test_white_space_and_empty_directives_do_not_matter() -> None:
    assert (
        str(parse(" ;; default-src\t 'self'   https: ;\t; sandbox ; "))
        == "default-src 'self' https:; sandbox"
    )


@pytest.mark.parametrize("header", ["", " ", ";", " ; ;"])
def test_an_empty_policy_is_a_policy_that_restricts_nothing(header: str) -> None:
    policy = parse(header)
    assert policy == ContentSecurityPolicy()
    assert str(policy) == ""
    assert policy.effective("script-src") is None


def test_directive_names_are_read_in_any_case() -> None:
    assert parse("Default-SRC 'self'") == parse("default-src 'self'")


def test_of_a_repeated_directive_the_first_counts() -> None:
    assert (
        str(parse("img-src 'self'; font-src data:; IMG-SRC *")) == "img-src 'self'; font-src data:"
    )


def test_a_source_keeps_its_spelling() -> None:
    text = "script-src 'SELF' HTTPS://Example.COM/Path 'nonce-AbC'"
    assert str(parse(text)) == text


@pytest.mark.parametrize("directive", [*(f"{name} 'self'" for name in SOURCE_LISTS), *OTHERS])
def test_every_directive_of_the_standard_is_known(directive: str) -> None:
    assert str(parse(directive)) == directive


def test_an_unknown_directive_is_refused_by_name() -> None:
    with pytest.raises(PolicyError, match="'Skript-src' is not a directive"):
        parse("default-src 'self'; Skript-src 'self'")


def test_an_unknown_directive_can_be_kept_as_it_was_written() -> None:
    text = "X-New-Thing some Value; default-src 'self'"
    policy = parse(f"{text}; x-new-THING other", unknown="keep")
    assert str(policy) == text
    widened = policy.widen({"default-src": ["https://api.example.com"]})
    assert str(widened) == f"{text} https://api.example.com"


def test_a_long_unknown_name_is_shortened_in_the_message() -> None:
    with pytest.raises(PolicyError) as caught:
        parse("x" * 5000)
    assert len(str(caught.value)) < 150


def test_a_comma_is_refused_with_the_way_to_read_several_policies() -> None:
    with pytest.raises(PolicyError, match="parse_list"):
        parse("default-src 'self', script-src 'none'")


@pytest.mark.parametrize(
    "character",
    ["\r", "\n", "\r\n", "\x00", "\x0b", "\x0c", "\x1c", "\x7f", "\x85", "\xa0", "ü", "\u2028"],
)
@pytest.mark.parametrize(
    "template",
    ["{}", "default-src{}", "default-src {}'self'", "default-src 'self'{}", "de{}fault-src"],
)
def test_line_breaks_control_and_foreign_characters_are_refused(
    template: str, character: str
) -> None:
    with pytest.raises(PolicyError, match="line break"):
        parse(template.format(character), unknown="keep")


def test_a_header_with_several_policies_is_read_as_all_of_them() -> None:
    both = ContentSecurityPolicy.parse_list("default-src 'self', ; , script-src 'none'; img-src *,")
    assert [str(policy) for policy in both] == [
        "default-src 'self'",
        "script-src 'none'; img-src *",
    ]


def test_an_empty_header_holds_no_policy() -> None:
    assert ContentSecurityPolicy.parse_list("") == ()


def test_a_list_is_as_strict_about_unknown_directives_as_asked() -> None:
    with pytest.raises(PolicyError, match="x-new"):
        ContentSecurityPolicy.parse_list("default-src *, x-new a")
    (kept,) = ContentSecurityPolicy.parse_list("x-new a", unknown="keep")
    assert str(kept) == "x-new a"


@given(policies())
def test_a_policy_survives_being_written_and_read(policy: ContentSecurityPolicy) -> None:
    assert parse(str(policy)) == policy
    assert str(parse(str(policy))) == str(policy)


def test_equal_policies_share_one_cache_entry() -> None:
    assert {parse("img-src *"): 1}[parse("IMG-SRC  *;")] == 1


def test_a_policy_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        parse("img-src *").directives = ()  # type: ignore[misc]


# What governs


@pytest.mark.parametrize("directive", FETCH)
def test_a_fetch_directive_falls_back_along_the_chain_of_the_standard(directive: str) -> None:
    chain = [directive, *FALLBACK[directive]]
    for position, governing in enumerate(chain):
        weaker = "; ".join(f"{name} https://{name}.example" for name in chain[position:])
        assert parse(weaker).effective(directive) == (f"https://{governing}.example",)
    unrelated = "; ".join(f"{name} 'none'" for name in FETCH if name not in chain)
    assert parse(unrelated).effective(directive) is None


@pytest.mark.parametrize("directive", ["form-action", "base-uri", "frame-ancestors"])
def test_other_source_lists_do_not_fall_back(directive: str) -> None:
    assert parse("default-src 'none'").effective(directive) is None
    assert parse(f"default-src 'none'; {directive} 'self'").effective(directive.upper()) == (
        "'self'",
    )


@pytest.mark.parametrize(
    "directive",
    ["sandbox", "report-uri", "navigate-to", "nonsense", "", "script-src ", "wor\u212aer-src"],
)
def test_what_holds_no_source_list_has_no_effective_one(directive: str) -> None:
    policy = parse("default-src 'self'; sandbox")
    for ask in (policy.effective, policy.ignores_nonces):
        with pytest.raises(PolicyError):
            ask(directive)


# Nonces against 'unsafe-inline'


@pytest.mark.parametrize(
    ("policy", "directive", "expected"),
    [
        ("script-src 'self' 'unsafe-inline'", "script-src", True),
        ("script-src 'Unsafe-Inline'", "script-src-elem", True),
        ("default-src 'unsafe-inline'", "style-src-elem", True),
        ("script-src 'self'", "script-src", False),
        ("img-src 'self'", "script-src", False),
        ("script-src 'none'", "script-src", False),
        ("script-src 'unsafe-inline' 'nonce-abc'", "script-src", False),
        ("script-src 'unsafe-inline' 'SHA512-abc'", "script-src", False),
        ("script-src 'unsafe-inline' 'nonce-'", "script-src", True),
        ("script-src 'unsafe-inline' 'sha1-abc'", "script-src", True),
        ("script-src 'unsafe-inline' 'strict-dynamic'", "script-src", False),
        ("default-src 'unsafe-inline' 'STRICT-dynamic'", "script-src-attr", False),
        ("style-src 'unsafe-inline' 'strict-dynamic'", "style-src", True),
        ("default-src 'unsafe-inline' 'strict-dynamic'", "default-src", True),
        ("script-src 'unsafe-inline'; script-src-elem 'self'", "script-src-elem", False),
    ],
)
def test_a_list_relies_on_unsafe_inline_unless_something_switches_it_off(
    policy: str, directive: str, expected: bool
) -> None:
    assert parse(policy).ignores_nonces(directive) is expected


def test_a_nonce_is_not_added_where_it_would_switch_off_unsafe_inline() -> None:
    policy = parse("script-src 'self' 'unsafe-inline'").widen(
        {"script-src": [NONCE, "https://cdn.example.com", HASH]}
    )
    assert str(policy) == "script-src 'self' 'unsafe-inline' https://cdn.example.com"


def test_a_hash_is_not_added_where_inherited_unsafe_inline_would_be_switched_off() -> None:
    policy = parse("default-src 'self' 'unsafe-inline'")
    assert policy.widen({"style-src": [HASH]}) == policy


def test_a_nonce_joins_the_nonces_that_are_there_although_unsafe_inline_stands_beside_them() -> (
    None
):
    policy = parse("script-src 'unsafe-inline' 'nonce-theirs'").widen({"script-src": [NONCE]})
    assert str(policy) == f"script-src 'unsafe-inline' 'nonce-theirs' {NONCE}"


def test_the_nonce_rule_is_applied_to_each_list_by_itself() -> None:
    policy = parse("script-src 'unsafe-inline'; script-src-elem 'self'").widen(
        {"script-src": [NONCE]}
    )
    assert str(policy) == f"script-src 'unsafe-inline'; script-src-elem 'self' {NONCE}"


# Widening


def test_the_widget_gets_exactly_what_it_needs_from_a_typical_policy() -> None:
    policy = parse(
        "default-src 'self'; script-src 'self' 'nonce-theirs'; object-src 'none'; report-uri /csp"
    )
    widened = policy.widen(
        {
            "connect-src": ["https://api.prosperstack.com"],
            "frame-src": ["https://app.prosperstack.com"],
            "script-src": ["https://cdn.prosperstack.com", NONCE],
            "style-src-elem": [HASH],
        }
    )

    assert str(widened) == (
        f"default-src 'self'; script-src 'self' 'nonce-theirs' https://cdn.prosperstack.com {NONCE}; "
        f"object-src 'none'; report-uri /csp; connect-src 'self' https://api.prosperstack.com; "
        f"frame-src 'self' https://app.prosperstack.com; style-src-elem 'self' {HASH}"
    )


@pytest.mark.parametrize("directive", [name for name in FETCH if name != "default-src"])
def test_a_missing_directive_starts_from_the_list_that_governed_it(directive: str) -> None:
    for governing in FALLBACK[directive]:
        policy = parse(f"{governing} 'self' 'nonce-theirs' 'sha256-theirs' 'unsafe-eval'")
        widened = policy.widen({directive: ["https://api.example.com"]})
        assert str(widened) == (
            f"{policy}; {directive} 'self' 'nonce-theirs' 'sha256-theirs' 'unsafe-eval' https://api.example.com"
        )


@pytest.mark.parametrize("directive", SOURCE_LISTS)
def test_what_nothing_governs_stays_unrestricted(directive: str) -> None:
    policy = parse("upgrade-insecure-requests")
    assert policy.widen({directive: ["https://api.example.com"]}) == policy


@pytest.mark.parametrize("directive", ["form-action", "base-uri", "frame-ancestors"])
def test_source_lists_outside_fetching_are_widened_only_where_present(directive: str) -> None:
    absent = parse("default-src 'self'")
    assert absent.widen({directive: ["'self'", "https://app.example.com"]}) == absent
    present = parse(f"{directive} 'none'").widen({directive: ["'self'", "https://app.example.com"]})
    assert str(present) == f"{directive} 'self' https://app.example.com"


@pytest.mark.parametrize("nothing", ["'none'", "'NONE'", ""])
def test_a_list_that_allows_nothing_becomes_the_additions(nothing: str) -> None:
    own = parse(f"connect-src {nothing}").widen({"connect-src": ["https://api.example.com"]})
    assert str(own) == "connect-src https://api.example.com"
    inherited = parse(f"default-src {nothing}").widen({"connect-src": ["https://api.example.com"]})
    assert inherited.effective("connect-src") == ("https://api.example.com",)
    assert inherited.effective("img-src") == parse(f"default-src {nothing}").effective("img-src")


def test_a_none_that_is_not_alone_and_therefore_means_nothing_is_dropped_when_widening() -> None:
    policy = parse("img-src 'none' data:")
    assert str(policy.widen({"img-src": ["https:"]})) == "img-src data: https:"
    assert policy.widen({"img-src": ["data:"]}) == policy


@pytest.mark.parametrize("kind", ["script", "style"])
def test_an_explicit_element_list_is_widened_together_with_its_parent(kind: str) -> None:
    policy = parse(f"default-src 'self'; {kind}-src-elem 'self'; {kind}-src-attr 'none'")
    widened = policy.widen({f"{kind}-src": ["https://cdn.example.com"]})
    assert str(widened) == (
        f"default-src 'self'; {kind}-src-elem 'self' https://cdn.example.com; {kind}-src-attr 'none'; "
        f"{kind}-src 'self' https://cdn.example.com"
    )


def test_an_element_list_is_widened_although_its_parent_is_unrestricted() -> None:
    policy = parse("script-src-elem 'self'").widen({"script-src": ["https://cdn.example.com"]})
    assert str(policy) == "script-src-elem 'self' https://cdn.example.com"


def test_widening_the_element_list_alone_leaves_its_parent_alone() -> None:
    policy = parse("script-src 'self'").widen({"script-src-elem": ["https://cdn.example.com"]})
    assert str(policy) == "script-src 'self'; script-src-elem 'self' https://cdn.example.com"


def test_a_new_element_list_inherits_its_parent_as_widened_in_the_same_step() -> None:
    additions = {"script-src-elem": ["https://elem.example"], "script-src": ["https://all.example"]}
    policy = parse("default-src 'self'").widen(additions)
    assert policy.effective("script-src-elem") == (
        "'self'",
        "https://all.example",
        "https://elem.example",
    )


def test_a_new_child_list_does_not_take_workers_away_from_the_script_list() -> None:
    policy = parse("default-src 'none'; script-src 'self' blob:").widen(
        {"child-src": ["https://app.example.com"]}
    )
    assert policy.effective("worker-src") == ("'self'", "blob:")
    assert policy.effective("frame-src") == ("https://app.example.com",)


def test_an_explicit_worker_list_is_left_alone_by_a_new_child_list() -> None:
    policy = parse("default-src 'none'; script-src blob:; worker-src 'self'").widen(
        {"child-src": ["https:"]}
    )
    assert (
        str(policy) == "default-src 'none'; script-src blob:; worker-src 'self'; child-src https:"
    )


def test_an_existing_child_list_is_widened_without_a_worker_list() -> None:
    policy = parse("script-src blob:; child-src 'self'").widen({"child-src": ["https:"]})
    assert str(policy) == "script-src blob:; child-src 'self' https:"


@pytest.mark.parametrize(
    ("present", "addition"),
    [
        ("'SELF'", "'self'"),
        ("https://API.example.com", "HTTPS://api.EXAMPLE.com"),
        ("https://api.example.com/Path", "https://API.example.com/Path"),
        ("Data:", "data:"),
        ("example.com/A", "EXAMPLE.com/A"),
        ("'NONCE-abc'", "'nonce-abc'"),
        ("'SHA256-abc'", "'sha256-abc'"),
        ("https:", "https://api.example.com"),
        ("wss:", "WSS://api.example.com:8443/x"),
        ("*", "https://api.example.com"),
        ("*", "http://api.example.com"),
    ],
)
def test_what_is_allowed_already_is_not_written_twice(present: str, addition: str) -> None:
    policy = parse(f"script-src {present}")
    assert policy.widen({"script-src": [addition]}) == policy


@pytest.mark.parametrize(
    ("present", "addition"),
    [
        ("https://api.example.com/Path", "https://api.example.com/path"),
        ("example.com/A", "example.com/a"),
        ("'nonce-abc'", "'nonce-ABC'"),
        ("'sha256-abc'", "'sha256-ABC'"),
        ("http://api.example.com", "https://api.example.com"),
        ("https:", "wss://api.example.com"),
        ("https:", "api.example.com"),
        ("*", "wss://api.example.com"),
        ("*", "data:"),
        ("*", "'self'"),
        ("https://*.example.com", "https://example.com"),
    ],
)
def test_what_only_resembles_an_allowed_source_is_added(present: str, addition: str) -> None:
    policy = parse(f"script-src {present}").widen({"script-src": [addition]})
    assert str(policy) == f"script-src {present} {addition}"


def test_repeated_additions_are_written_once() -> None:
    twice = {
        "img-src": ["https://a.example", "https://A.example"],
        "IMG-SRC": ["https://b.example", "https://a.example"],
    }
    assert (
        str(parse("img-src 'self'").widen(twice))
        == "img-src 'self' https://a.example https://b.example"
    )


def test_sources_may_come_from_an_iterator() -> None:
    assert (
        str(parse("img-src 'self'").widen({"Img-Src": iter(["data:", "blob:"])}))
        == "img-src 'self' data: blob:"
    )


@pytest.mark.parametrize(
    "additions", [{}, {"connect-src": []}, {"connect-src": ["https://api.example.com"]}]
)
def test_nothing_to_add_changes_nothing(additions: dict[str, list[str]]) -> None:
    policy = parse(
        "default-src 'self' https://api.example.com; connect-src 'self' https://api.example.com"
    )
    assert policy.widen(additions) == policy


def test_a_directive_is_not_written_when_its_fallback_allows_the_source() -> None:
    policy = parse("default-src 'self' https://api.example.com")
    assert policy.widen({"connect-src": ["https://api.example.com"]}) == policy


def test_the_order_of_the_additions_does_not_matter() -> None:
    additions = {
        "default-src": ["https://d.example"],
        "child-src": ["https://c.example"],
        "script-src": ["https://s.example"],
        "worker-src": ["https://w.example"],
    }
    results = {
        parse("default-src 'self'").widen(dict(order))
        for order in itertools.permutations(additions.items())
    }
    assert len(results) == 1


# What may be added


@pytest.mark.parametrize(
    "source",
    [
        "'self'",
        "'Self'",
        "'unsafe-hashes'",
        "'wasm-unsafe-eval'",
        "'report-sample'",
        "'inline-speculation-rules'",
        "'nonce-abcABC019+/-_=='",
        "'NONCE-abc'",
        "'sha256-abc='",
        "'sha384-a_b-c'",
        "'SHA512-abc=='",
        "https:",
        "data:",
        "web+app.x-1:",
        "example.com",
        "localhost",
        "127.0.0.1:8080",
        "*.example.com",
        "https://*.example.com:*",
        "https://example.com:443/",
        "wss://example.com/live",
        "https://example.com/a/b%20c/d.js",
        "https://example.com/a//b/(x)~!$&*+=:@/",
        "xn--tdaaaaaa.de",
    ],
)
def test_a_source_that_follows_the_grammar_is_added(source: str) -> None:
    assert str(parse("script-src 'none'").widen({"script-src": [source]})) == f"script-src {source}"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("'unsafe-inline'", "injected inline code"),
        ("'UNSAFE-INLINE'", "injected inline code"),
        ("'unsafe-eval'", "run as code"),
        ("'strict-dynamic'", "switch off the hosts"),
        ("'none'", "allows nothing"),
        ("'None'", "allows nothing"),
        ("*", "every host"),
        ("*:*", "every host"),
        ("https://*", "every host"),
        ("HTTPS://*:443/path", "every host"),
    ],
)
def test_a_vendor_can_not_weaken_or_narrow_a_whole_directive(source: str, reason: str) -> None:
    with pytest.raises(PolicyError, match=f"added to script-src: .*{reason}"):
        parse("script-src 'self'").widen({"script-src": [source]})


@pytest.mark.parametrize(
    "source",
    ["self", "SELF", "none", "unsafe-inline", "nonce-abc", "sha256-abc=", "strict-dynamic"],
)
def test_a_keyword_without_its_quotes_is_refused_instead_of_becoming_a_host(source: str) -> None:
    with pytest.raises(PolicyError, match="for img-src needs single quotes"):
        parse("").widen({"img-src": [source]})


@pytest.mark.parametrize(
    "source",
    [
        "",
        " ",
        "'",
        "''",
        "'self",
        "'selfish'",
        '"self"',
        "'nonce-'",
        "'nonce-a b'",
        "'nonce-a===='",
        "'nonce-ü'",
        "'nonce-abc'x",
        "'sha1-abc'",
        "'sha256-'",
        "'md5-abc'",
        ":",
        "https:/",
        "https://",
        "https:///path",
        "//example.com",
        "https://user@example.com",
        "https://example.com:",
        "https://example.com:port",
        "https://example.com/?query",
        "https://example.com/#part",
        "https://example.com//x",
        "https://example.com/%zz",
        "https://example.com/it's",
        "https://example..com",
        "https://ex*mple.com",
        "*example.com",
        "**.example.com",
        "exämple.com",
        "https://exam_ple.com",
        "https://[::1]",
        "example.com\u2028",
        "\u212aeyword.example",
        "'\u017felf'",
        "/path",
    ],
)
def test_a_source_against_the_grammar_is_refused_with_the_directive_named(source: str) -> None:
    with pytest.raises(PolicyError, match="for img-src is not a"):
        parse("").widen({"img-src": [source]})


@pytest.mark.parametrize("source", [NONCE, HASH, "'unsafe-hashes'", "'report-sample'"])
def test_frame_ancestors_takes_no_inline_sources(source: str) -> None:
    with pytest.raises(PolicyError, match="frame-ancestors takes hosts"):
        parse("").widen({"frame-ancestors": [source]})


@pytest.mark.parametrize(
    "directive", ["sandbox", "report-uri", "Report-To", "navigate-to", "upgrade-insecure-requests"]
)
def test_only_source_lists_are_widened(directive: str) -> None:
    with pytest.raises(PolicyError, match=f"{directive.lower()} does not hold a list of sources"):
        parse("").widen({directive: ["https:"]})


@pytest.mark.parametrize(
    "directive", ["", "skript-src", "script-src 'self'", "wor\u212aer-src", "script_src"]
)
def test_an_unknown_directive_is_not_widened(directive: str) -> None:
    with pytest.raises(PolicyError, match="is not a directive"):
        parse("x-new a", unknown="keep").widen({directive: ["https:"]})


def test_one_text_in_place_of_a_list_is_refused_instead_of_read_letter_by_letter() -> None:
    with pytest.raises(PolicyError, match="The sources for connect-src must be a list"):
        parse("").widen({"connect-src": "localhost"})


@pytest.mark.parametrize("value", ["x" * 5000, "x\r\nSet-Cookie: a=b" * 500])
def test_a_refusal_is_one_short_line(value: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse("").widen({"img-src": [f"<{value}"]})
    assert len(str(caught.value)) < 250
    assert str(caught.value).isprintable()


injected = st.sampled_from(
    [";", ",", "\r", "\n", "\r\n", " ", "\t", "\0", "\x7f", "\x85", "ü", '"', "'"]
)


@given(st.sampled_from([*PLAIN, *INERT]), injected, st.data())
def test_nothing_can_be_injected_through_a_source(
    source: str, character: str, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(source)))
    with pytest.raises(PolicyError):
        parse("img-src 'self'").widen({"img-src": [source[:at] + character + source[at:]]})


@given(st.sampled_from(SOURCE_LISTS), injected, st.data())
def test_nothing_can_be_injected_through_a_directive(
    directive: str, character: str, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(directive)))
    with pytest.raises(PolicyError):
        parse("img-src 'self'").widen({directive[:at] + character + directive[at:]: ["'self'"]})


@given(st.text(max_size=12))
def test_any_text_is_either_refused_or_one_readable_source(text: str) -> None:
    try:
        widened = parse("img-src 'none'").widen({"img-src": [text]})
    except PolicyError:
        return
    assert parse(str(widened)).effective("img-src") == (text,)


# Properties of widening


@given(policies(), additions_of_anything)
def test_widening_twice_is_widening_once(
    policy: ContentSecurityPolicy, additions: dict[str, list[str]]
) -> None:
    once = policy.widen(additions)
    assert once.widen(additions) == once
    assert parse(str(once)) == once


@given(policies(), additions_of_anything)
def test_widening_takes_no_source_from_any_directive(
    policy: ContentSecurityPolicy, additions: dict[str, list[str]]
) -> None:
    widened = policy.widen(additions)
    for directive in SOURCE_LISTS:
        before, after = source_set(policy, directive), source_set(widened, directive)
        if before is None:
            assert after is None, directive
        else:
            assert after is not None
            assert before <= after, directive


@given(policies(), additions_of_anything)
def test_widening_never_switches_unsafe_inline_off_or_on(
    policy: ContentSecurityPolicy, additions: dict[str, list[str]]
) -> None:
    widened = policy.widen(additions)
    for directive in SOURCE_LISTS:
        assert widened.ignores_nonces(directive) is policy.ignores_nonces(directive), directive


@given(policies(), additions_of_anything)
def test_everything_asked_for_is_allowed_afterwards(
    policy: ContentSecurityPolicy, additions: dict[str, list[str]]
) -> None:
    widened = policy.widen(additions)

    for directive, sources in additions.items():
        element_directive = (
            f"{directive}-elem" if directive in {"script-src", "style-src"} else directive
        )
        for governed in (directive, element_directive):
            after = source_set(widened, governed)
            if after is None:
                continue
            for source in sources:
                by_scheme = "://" in source and (
                    source.partition("//")[0] in after or ("*" in after and "wss" not in source)
                )
                skipped = source in INERT and widened.ignores_nonces(governed)
                assert by_scheme or skipped or source.lower() in after


@given(policies(), additions_of_anything)
def test_no_directive_gains_what_was_not_asked_for_it(
    policy: ContentSecurityPolicy, additions: dict[str, list[str]]
) -> None:
    widened = policy.widen(additions)
    for directive in SOURCE_LISTS:
        asked = {
            source.lower()
            for name in (directive, *FALLBACK.get(directive, ()), directive.removesuffix("-elem"))
            for source in additions.get(name, ())
        }
        before, after = source_set(policy, directive), source_set(widened, directive)
        assert (after or set()) - (before or set()) <= asked, directive


@given(policies(), additions_of_anything)
def test_directives_keep_their_place_and_others_their_value(
    policy: ContentSecurityPolicy, additions: dict[str, list[str]]
) -> None:
    widened = policy.widen(additions)
    names = [name for name, _ in policy.directives]
    assert [name for name, _ in widened.directives][: len(names)] == names
    for (name, before), (_, after) in zip(policy.directives, widened.directives, strict=False):
        kept = [source for source in before if source != "'none'"]
        assert after == before or (name in SOURCE_LISTS and list(after[: len(kept)]) == kept)


@given(policies(), additions_of_anything)
def test_the_result_does_not_depend_on_how_additions_are_spelled_or_ordered(
    policy: ContentSecurityPolicy, additions: dict[str, list[str]]
) -> None:
    other = {name.upper(): sources for name, sources in reversed(additions.items())}
    assert policy.widen(other) == policy.widen(additions)


@pytest.mark.parametrize(
    "keyword",
    [
        "'self'",
        "'unsafe-hashes'",
        "'wasm-unsafe-eval'",
        "'report-sample'",
        "'report-sha256'",
        "'report-sha384'",
        "'report-sha512'",
        "'inline-speculation-rules'",
        "'trusted-types-eval'",
        "'unsafe-allow-redirects'",
    ],
)
def test_each_harmless_keyword_of_the_standard_may_be_added(keyword: str) -> None:
    policy = parse("script-src https://a.example").widen({"script-src": [keyword]})

    assert str(policy) == f"script-src https://a.example {keyword}"


def test_a_host_named_like_a_scheme_is_not_allowed_by_it() -> None:
    policy = parse("connect-src data: wss:").widen({"connect-src": ["data", "wss"]})

    assert str(policy) == "connect-src data: wss: data wss"
