"""Whatever the bytes are: a value that PostgreSQL can store, or a refusal that names the field (faults J1-J20)."""

import gzip
import json

import pytest
from django.conf import settings
from django.http import RawPostDataException
from django.test import RequestFactory
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from dispatching.inbound.api_parser import StrictJSONParser
from dispatching.inbound.bad_input import BadInput, TooLarge, UnsupportedBody
from dispatching.inbound.body import read_body, read_json
from dispatching.inbound.strict_json import loads

DEEP = {
    depth: b'{"details":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"
    for depth in (49, 50, 300, 900, 5_000, 100_000)
}

REFUSED = {
    "J1 NUL in a field": (rb'{"summary": "a\u0000b"}', "summary: a NUL character"),
    "J1 NUL deep inside": (rb'{"a": [{"b": "\u0000"}]}', "a[0].b: a NUL character"),
    "J2 NUL in a key": (rb'{"details": {"a\u0000": 1}}', r"details.'a\x00': a NUL character in a key"),
    "J3 lone surrogate in a field": (rb'{"summary": "\ud800"}', "summary: half of a surrogate pair"),
    "J3 reversed pair": (rb'{"summary": "\uDE00\uD83D"}', "summary: half of a surrogate pair"),
    "J3 lone surrogate in a key": (
        rb'{"labels": {"\udfff": 1}}',
        "labels.'\\udfff': half of a surrogate pair in a key",
    ),
    "J4 5,000 deep": (DEEP[5_000], "body: nested deeper"),
    "J4 100,000 deep": (DEEP[100_000], "body: nested deeper"),
    "J4 100,000 deep and cut off": (b"[" * 100_000, "body: nested deeper"),
    # Near Python's own limit: it depends on the version which of the two notices first.
    "J5 900 deep": (DEEP[900], ("details.a.a: nested deeper", "body: nested deeper")),
    "J5 300 deep": (DEEP[300], "details.a.a: nested deeper"),
    "J5 one too deep": (DEEP[50], "details.a.a: nested deeper"),
    "J5 deep behind other keys": (rb'{"a": {"\"]": 1}, "b": ' + b"[" * 60 + b"]" * 60 + b"}", "b[0][0]: nested deeper"),
    "J9 4,000 digits": (b'{"priority": ' + b"9" * 4_000 + b"}", "priority: an integer beyond 64 bits"),
    "J9 5,000 digits in a list": (b'{"a": [1, -' + b"9" * 5_000 + b"]}", "a[1]: an integer beyond 64 bits"),
    "J9 one beyond": (b'{"a": 18446744073709551616}', "a: an integer beyond 64 bits"),
    "J10 key twice": (b'{"a": {"b": 1, "b": 2}}', "a: the key 'b' appears more than once"),
    "J10 key twice at the top": (b'{"b": 1, "b": 2}', "body: the key 'b' appears more than once"),
    "J10 key twice in other letters": (rb'{"b": 1, "\u0062": 2}', "body: the key 'b' appears more than once"),
    "J15 NaN": (b'{"a": NaN}', "a: NaN is not JSON"),
    "J15 Infinity": (b'{"a": {"b": -Infinity}}', "a.b: -Infinity is not JSON"),
    "J15 1e400": (b'{"a": 1e400}', "a: a number too large to store"),
    "J15 NaN before broken JSON": (b'{"a": NaN, ', "body: not JSON"),
    "J15 key twice before the deep": (b'{"b": {"a":1,"a":2}, "c": ' + b"[" * 5_000, "body: nested deeper"),
    "J15 UTF-16": ('{"a": 1}'.encode("utf-16"), "body: not UTF-8"),
    "J15 UTF-16 without a mark": ('{"a": 1}'.encode("utf-16-le"), "body: not JSON"),
    "J15 invalid UTF-8": (b'{"a": "\xff"}', "body: not UTF-8 at byte 7"),
    "J15 surrogate as bytes": (b'{"a": "\xed\xa0\x80"}', "body: not UTF-8"),
    "J15 empty": (b"", "body: is empty"),
    "J15 blank": (b" \r\n", "body: is empty"),
    "J15 only a BOM": (b"\xef\xbb\xbf", "body: is empty"),
    "J15 scalar": (b"1", "body: must be an object or a list"),
    "J15 text": (b'"trigger"', "body: must be an object or a list"),
    "J15 null": (b"null", "body: must be an object or a list"),
    "J16 cut off": (b'{"a": 1', "body: not JSON"),
    "J16 raw NUL": (b'{"a": "\x00"}', "body: not JSON"),
    "J16 two documents": (b"{}{}", "body: not JSON"),
}

ACCEPTED = {
    "BOM (J15)": (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
    "emoji escaped (J3)": (rb'{"a": "\ud83d\ude00"}', {"a": "😀"}),
    "backslash before u0000 (J1)": (rb'{"a": "\\u0000"}', {"a": "\\u0000"}),
    "NUL dropped from free-form text (J1)": (rb'{"details": {"log": ["a\u0000b"]}}', {"details": {"log": ["ab"]}}),
    "surrogate replaced in free-form text (J3)": (rb'{"labels": {"x": "a\ud800"}}', {"labels": {"x": "a\ufffd"}}),
    "free-form inside the payload": (
        rb'{"payload": {"custom_details": {"x": "\u0000"}}}',
        {"payload": {"custom_details": {"x": ""}}},
    ),
    "just deep enough (J5)": (DEEP[49], json.loads(DEEP[49])),
    "the largest integers (J9, case 06)": (b"[18446744073709551615, -9223372036854775808]", [2**64 - 1, -(2**63)]),
    "numbers that cannot be stored are kept as text in free form (J9, J15)": (
        b'{"details": {"a": 18446744073709551616, "b": [NaN, -Infinity, 1e400]}}',
        {"details": {"a": "18446744073709551616", "b": ["NaN", "-Infinity", "1e400"]}},
    ),
    "right-to-left and zero-width (J12)": ('{"a": "\u202e\u200b"}'.encode(), {"a": "\u202e\u200b"}),
    "a list": (b"[1.5, true, null]", [1.5, True, None]),
}


@pytest.mark.parametrize(("body", "message"), REFUSED.values(), ids=REFUSED)
def test_what_would_break_us_is_refused_with_the_field_named(body, message):
    with pytest.raises(BadInput) as refusal:
        loads(body)
    assert refusal.value.status == 400
    assert refusal.value.errors[0].startswith(message)


@pytest.mark.parametrize(("body", "value"), ACCEPTED.values(), ids=ACCEPTED)
def test_what_can_be_kept_is_kept(body, value):
    assert loads(body) == value


@pytest.mark.parametrize("charset", ["utf-8", "UTF8", '"utf-8"', "us-ascii", None, ""])
def test_utf_8_by_any_name(charset):
    assert loads('{"a": "é"}'.encode(), charset) == {"a": "é"}


def test_latin_1_when_it_is_announced():
    assert loads('{"a": "é"}'.encode("latin-1"), "ISO-8859-1") == {"a": "é"}


@pytest.mark.parametrize("charset", ["bogus-999", "utf-16", "zip", "\ud800", "x" * 10_000], ids=ascii)
def test_j11_an_unknown_charset_is_unsupported(charset):
    with pytest.raises(UnsupportedBody) as refusal:
        loads(b"{}", charset)
    assert refusal.value.status == 415
    assert len(str(refusal.value)) < 200


def test_every_wrong_field_is_named_at_once():
    with pytest.raises(BadInput) as refusal:
        loads(rb'{"a": NaN, "b": "\u0000", "c": {"d": 1e999}}')
    assert sorted(error.split(":")[0] for error in refusal.value.errors) == ["a", "b", "c.d"]


def test_a_thousand_errors_are_counted_not_listed():
    with pytest.raises(BadInput) as refusal:
        loads(b"[" + b",".join([b"NaN"] * 1_000) + b"]")
    assert len(refusal.value.errors) == 21
    assert refusal.value.errors[-1] == "body: and 980 more errors"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec=None)), inner),
)


@given(json_values | st.dictionaries(st.sampled_from(["details", "labels", "a"]), json_values))
@examples(deadline=None)
def test_any_json_is_storable_or_refused(value):
    try:
        kept = loads(json.dumps(value).encode())
    except BadInput as refusal:
        "".join(refusal.errors).encode()
    else:
        stored = json.dumps(kept, ensure_ascii=False, allow_nan=False).encode()
        assert b"\\u0000" not in stored.replace(b"\\\\", b"")


def exact(value):
    """What tells 1 from 1.0 and True, and 0.0 from -0.0."""
    return repr(value)


storable_text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
storable = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | storable_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(storable_text, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(storable_text, storable, max_size=3), st.booleans(), st.sampled_from([None, 0, 2]))
@examples(deadline=None)
def test_storable_json_is_read_as_it_was_written(value, escaped, indent):
    assert exact(loads(json.dumps(value, ensure_ascii=escaped, indent=indent).encode())) == exact(value)


VALUES = ["1", "-0", "-0.0", "1.0", "1E2", "1e400", "9" * 19, "9" * 30, "NaN", "-Infinity", "null", "true", '"b"']
VALUES += [r'"\u0000"', r'"\ud800"', r'"\ud83d\ude00"', r'"\\u0000"']
documents = st.recursive(
    st.sampled_from(VALUES),
    lambda inner: (
        st.lists(inner).map(lambda values: f"[{' , '.join(values)}]")
        | st.lists(st.tuples(st.sampled_from(['"a"', r'"\u0061"', '"b"', '"details"']), inner), max_size=3).map(
            lambda pairs: f"{{{','.join(f'{key} :{value}' for key, value in pairs)}}}"
        )
    ),
)


@given(documents)
@examples(deadline=None)
def test_accepted_json_is_read_as_the_standard_library_reads_it(document):
    try:
        value = loads(document.encode(), free_form=())
    except BadInput:
        return
    assert exact(value) == exact(json.loads(document))


@given(st.binary() | st.text(alphabet='[]{}":,\\u0dD8e9N1- \n').map(str.encode), st.none() | st.text(max_size=9))
@examples(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused(body, charset):
    try:
        loads(body, charset)
    except BadInput as refusal:
        assert all(": " in error for error in refusal.errors)


def post(body, content_type="application/json", **headers):
    return RequestFactory().generic("POST", "/", body, content_type=content_type, headers=headers)


def test_j14_a_body_over_the_limit_is_413_with_the_limit_named():
    assert len(read_body(post(b"x" * settings.INTAKE_LIMIT))) == settings.INTAKE_LIMIT
    with pytest.raises(TooLarge, match=r"512 KiB \(524288 bytes\)"):
        read_body(post(b"x" * (settings.INTAKE_LIMIT + 1)))
    with pytest.raises(TooLarge, match="1 KiB"):
        read_body(post(b"x" * 1025), limit=1024)


@pytest.mark.parametrize("size", [settings.INTAKE_LIMIT + 1, 3_000_000])
def test_j14_a_body_is_refused_by_its_announced_length_unread(size):
    request = post(b"x" * size)
    with pytest.raises(TooLarge):
        read_body(request)
    assert not request._read_started


def test_j14_djangos_own_limit_is_413_too(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    with pytest.raises(TooLarge):
        read_body(post(b"x" * 101))


def test_j18_a_connection_that_breaks_off_is_a_refusal():
    request = post(b"{}")

    def broken(*args):
        raise OSError("connection reset")

    request._stream.read = broken
    with pytest.raises(BadInput, match="broke off"):
        read_body(request)


@pytest.mark.parametrize("length", ["", "many", "-1"])
def test_a_wrong_content_length_is_no_way_around_the_limit(length):
    request = post(b"x" * 1025)
    request._body = b"x" * 1025
    request.META["CONTENT_LENGTH"] = length
    with pytest.raises(TooLarge):
        read_body(request, limit=1024)


def test_j19_a_compressed_body_is_not_inflated():
    bomb = gzip.compress(b"0" * 1_000_000)
    with pytest.raises(UnsupportedBody, match="Content-Encoding"):
        read_body(post(bomb, **{"Content-Encoding": "gzip"}))


def test_a_body_without_a_length_is_asked_for_one():
    request = post(b"", **{"Transfer-Encoding": "chunked"})
    with pytest.raises(BadInput, match="Content-Length") as refusal:
        read_body(request)
    assert refusal.value.status == 411


def test_the_content_type_says_the_charset():
    assert read_json(post('{"a": "é"}'.encode("latin-1"), "text/plain; charset=iso-8859-1")) == {"a": "é"}
    with pytest.raises(UnsupportedBody):
        read_json(post(b"{}", "application/json; charset=bogus-999"))


class Echo(APIView):
    parser_classes = (StrictJSONParser,)
    authentication_classes = ()
    permission_classes = ()

    def post(self, request):
        return Response({"got": request.data})


@pytest.mark.parametrize(
    ("body", "content_type", "status", "words"),
    [
        pytest.param(b'{"a": 1}', "application/json", 200, "{'a': 1}", id="good"),
        pytest.param(rb'{"a": "\u0000"}', "application/json", 400, "a: a NUL character", id="J1"),
        pytest.param(DEEP[5_000], "application/json", 400, "body: nested deeper", id="J4"),
        pytest.param(b'{"a":1,"a":2}', "application/json", 400, "the key 'a'", id="J10"),
        pytest.param(b"{}", "application/json; charset=bogus-999", 415, "bogus-999", id="J11"),
        pytest.param(b" " * 3_000_000, "application/json", 413, "512 KiB", id="J14"),
        pytest.param(b"a=1", "application/x-www-form-urlencoded", 415, "Unsupported media type", id="a form"),
    ],
)
def test_the_api_answers_with_the_status_and_the_field(body, content_type, status, words):
    response = Echo.as_view()(APIRequestFactory().generic("POST", "/", body, content_type=content_type))
    assert response.status_code == status
    assert words in str(response.data)


def test_the_api_reads_a_body_that_was_read_before():
    request = APIRequestFactory().generic("POST", "/", '{"a": 1}', content_type="application/json")
    assert request.body
    assert Echo.as_view()(request).data == {"got": {"a": 1}}


def test_a_body_read_as_a_stream_before_is_our_mistake_and_loud():
    request = post(b"{}")
    request.read(1)
    with pytest.raises(RawPostDataException):
        read_body(request)
