from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import selflearn.reports
from selflearn.reports import ReportError
from selflearn.reports.page import page, script_json, write_page

FOLDER = Path(selflearn.reports.__file__).parent


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_data_in_a_script_is_the_same_data_and_cannot_end_it(data):
    text = script_json(data)
    assert json.loads(text) == data
    assert not re.search("[<>&\u2028\u2029]", text)
    text.encode()


def test_half_a_character_can_be_written():
    assert json.loads(script_json("a\ud83c").encode()) == "a\ud83c"


def test_numbers_that_json_lacks_are_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        script_json([float("nan")])


def test_texts_of_the_log_make_no_element(page_of, parse, labelled, gold):
    plain, _ = parse(page_of(labelled[:1]))
    hostile, data = parse(page_of(labelled, gold))
    assert hostile.names == plain.names
    assert hostile.names.count("script") == 2
    assert "img" not in hostile.names
    assert any("<img" in text for text in data["dialogues"]["strings"])


def test_the_page_loads_nothing_and_runs_its_own_script_alone(page_of, parse, labelled):
    text = page_of(labelled)
    elements, _ = parse(text)
    assert not {name for _, name, _ in elements.attributes} & {"src", "srcset", "action", "style", "onload"}
    assert [value for tag, name, value in elements.attributes if name == "href"] == ["#dialogues"]
    policy = next(value for _, name, value in elements.attributes if name == "content" and "default-src" in value)
    own = base64.b64encode(hashlib.sha256(elements.scripts[1].encode()).digest()).decode()
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{own}';" in policy
    assert "unsafe" not in policy
    assert "@import" not in text
    assert "url(" not in text


def test_no_script_sets_html():
    for file in FOLDER.glob("*.js"):
        text = file.read_text("utf-8")
        found = re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|DOMParser|srcdoc", text)
        assert found == [], file.name


def test_places_of_the_template_in_the_data_stay_as_they_are(parse):
    _, data = parse(page({"said": "{{style}} {{data}} {{other}}"}, title="{{data}}"))
    assert data == {"said": "{{style}} {{data}} {{other}}"}


def test_a_page_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    file = write_page({"a": 1}, tmp_path / "new" / "report.html", title="first")
    before = file.read_text("utf-8")

    def full(*names):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(ReportError, match=r"report\.html cannot be written .*No space left.*make room or give another"):
        write_page({"a": 2}, file, title="second")
    assert file.read_text("utf-8") == before
    assert [path.name for path in file.parent.iterdir()] == ["report.html"]
