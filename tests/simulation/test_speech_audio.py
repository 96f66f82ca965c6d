import hashlib
import random
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rapidfuzz.distance import Levenshtein

from selflearn.corpora import iter_dialogues
from selflearn.schema import RecognitionHypothesis
from selflearn.simulation import shards, simulate, speech_audio
from selflearn.simulation.assistant import Assistant
from selflearn.simulation.people import Wishes
from selflearn.simulation.settings import SpeechSettings
from selflearn.simulation.shards import write_log
from selflearn.simulation.simulate import Setting, build_assistant, untrained_understanding
from selflearn.simulation.speech_audio import SpeechRecognizer, align, n_best, pronunciations, require_speech
from selflearn.simulation.speech_text import Recognized, Speech
from tests.fixtures.worlds import write_world

speaks = pytest.mark.usefixtures("speech_programs")

WORDS = ("by", "blue", "bird", "cold", "hear", "i", "kitchen", "lamp", "moon", "off", "on", "owl", "paper", "play",
         "river", "the", "to", "tork", "turn", "want")  # fmt: skip
TEXTS = ("turn on the lamp", "turn off the lamp", "play paper moon", "play cold river", "i want to hear blue bird")


def said(number, noise=1.0):
    rng = random.Random(number)
    return [
        Speech(rng.choice(TEXTS), noise, rng.gauss(0, 1), f"{i}/{number}", f"person-{i % 5}") for i in range(number)
    ]


def recognizer(log, **changes):
    given = {"words": WORDS, "texts": TEXTS, "settings": SpeechSettings(), "hypotheses": 3, "log": log, **changes}
    return SpeechRecognizer(given.pop("words"), given.pop("texts"), given.pop("settings"), **given)


def errors(speech, found):
    pairs = zip(speech, found, strict=True)
    return sum(Levenshtein.distance(s.text.split(), r.hypotheses[0].text.split()) for s, r in pairs)


def files(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".safetensors"  # its header has no fixed order
    }


@pytest.fixture(scope="module")
def log(tmp_path_factory, speech_programs):
    return tmp_path_factory.mktemp("log")


@pytest.fixture(scope="module")
def heard(log):
    """Utterances of five people, and what became of them."""
    speech = said(20)
    return speech, recognizer(log).recognize(speech)


def test_most_words_are_heard_and_the_lists_are_lists(heard):
    speech, found = heard
    assert errors(speech, found) < 0.3 * sum(len(s.text.split()) for s in speech)
    for one in found:
        scores = [h.score for h in one.hypotheses]
        assert 1 <= len(scores) <= 3
        assert len({h.text for h in one.hypotheses}) == len(scores)
        assert scores == sorted(scores, reverse=True)
        assert all(0 < score < 1 for score in scores)
        assert sum(scores) < 1.001
        assert all(word in WORDS for h in one.hypotheses for word in h.text.split())
    assert any(len(one.hypotheses) > 1 for one in found)


def test_noise_makes_errors_and_lowers_the_scores(heard, log):
    speech, found = heard
    loud = [replace(one, noise=20.0) for one in speech]
    again = recognizer(log).recognize(loud)
    assert errors(loud, again) > errors(speech, found)
    scores = [np.mean([r.hypotheses[0].score for r in results]) for results in (found, again)]
    assert scores[1] < scores[0]


def test_what_is_heard_does_not_hang_on_the_company(heard, tmp_path):
    speech, found = heard
    backwards = recognizer(tmp_path).recognize(speech[::-1])
    assert backwards[::-1] == found


def test_recordings_are_kept_beside_the_log(heard, log):
    speech, found = heard
    assert len({one.audio for one in found}) == len(speech)
    for one in found:
        assert not Path(one.audio).is_absolute()
        assert (log / one.audio).is_file()


def test_what_was_heard_is_not_heard_again(heard, log, monkeypatch):
    speech, found = heard

    def no(*_):
        raise AssertionError("spoken or heard again")

    monkeypatch.setattr(speech_audio, "n_best", no)
    monkeypatch.setattr(speech_audio.Sound, "samples", no)
    assert recognizer(log).recognize(speech) == found


def test_what_was_lost_is_made_again_with_the_same_bytes(heard, log, tmp_path):
    speech, found = heard
    shutil.copytree(log, tmp_path, dirs_exist_ok=True)
    before = files(tmp_path)
    for i, name in enumerate(sorted(before)):
        if i % 3 == 0:
            (tmp_path / name).unlink()
    assert recognizer(tmp_path).recognize(speech) == found
    after = files(tmp_path)
    assert after.items() <= before.items()
    assert sum(name.endswith(".wav") for name in after) >= len(speech)


def test_another_recogniser_hears_the_same_recordings_anew(heard, log):
    speech, found = heard
    again = recognizer(log, words=[word for word in WORDS if word != "paper"], texts=TEXTS[:2]).recognize(speech)
    assert [one.audio for one in again] == [one.audio for one in found]
    assert not any("paper" in h.text for one in again for h in one.hypotheses)


def test_a_broken_list_is_named(heard, log, tmp_path):
    speech, _ = heard
    shutil.copytree(log, tmp_path, dirs_exist_ok=True)
    for path in tmp_path.rglob("*.json"):
        path.write_text('[["turn on')
    with pytest.raises(ValueError, match=r"\.json is no n-best list; delete it"):
        recognizer(tmp_path).recognize(speech)


@speaks
def test_words_without_an_entry_are_pronounced_as_flite_does():
    lines = pronunciations(["the", "tork", "wilhelmstadt"]).splitlines()
    entries = {line.split()[0]: line.split()[1:] for line in lines}
    assert entries["the"] == ["DH", "AH"]
    assert "the(2)" in entries
    assert entries["wilhelmstadt"][:2] == ["W", "IH"]
    assert all(phone.isupper() and phone != "AX" for phones in entries.values() for phone in phones)


def test_where_no_word_is_heard_the_list_has_one_entry_without_words():
    class Deaf:
        def __getattr__(self, name):
            return lambda *_, **__: None

    assert [h.text for h in n_best(Deaf(), np.zeros(16_000, dtype=np.int16), 3)] == [""]


def test_sessions_go_on_where_the_assistant_hears_no_word(small, small_assistant):
    class Deaf:
        def recognize(self, speech):
            found = small_assistant.recognizer.recognize(speech)
            nothing = (RecognitionHypothesis(text="", score=0.1),)
            return [
                r if int(s.key.split("/")[3]) % 2 else Recognized(nothing, (None,) * len(s.text.split()))
                for s, r in zip(speech, found, strict=True)
            ]

    assistant = Assistant(
        small.world, small.assistant, wake=small_assistant.wake, recognizer=Deaf(),
        understander=small_assistant.understander, resolver=small_assistant.resolver, skills=small_assistant.skills,
    )  # fmt: skip
    wishes = Wishes(small.world, small.population)
    dialogues = simulate.simulate(small, assistant, wishes, simulate.plan(small, 60)[0])
    deaf = [(d, i) for d in dialogues for i, turn in enumerate(d.turns) if not turn.request]
    assert len(deaf) >= 60
    assert {d.turns[i].status for d, i in deaf} <= {"not_understood", "unsupported"}
    points = {d.labels.turns[i].failure_point.value for d, i in deaf}
    assert "recognition" in points
    assert points <= {"recognition", "correct", "false_wake"}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("play paper moon", "play paper moon", (0, 1, 2)),
        ("play the paper moon", "play paper moon", (0, None, 1, 2)),
        ("play paper moon", "please play paper spoon", (1, 2, 3)),
        ("turn on the lamp", "", (None, None, None, None)),
    ],
)
def test_words_are_aligned_with_what_became_of_them(before, after, expected):
    assert align(before.split(), after.split()) == expected


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(ImportError, match=r"needs pocketsphinx: `pip install 'selflearn\[speech\]'`"):
        require_speech()


# ------------------------------------------------------------------------------------------------------- a whole log


@pytest.fixture(scope="module")
def talking(tmp_path_factory, speech_programs):
    """The small world on the speech channel, in shards of a few sessions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulate, "BLOCK", 3)
        patch.setattr(shards, "BLOCKS", 1)
        yield Setting.load(write_world(tmp_path_factory.mktemp("world")), seed=5, channel="speech")


@pytest.fixture(scope="module")
def spoken(talking, tmp_path_factory):
    folder, counts = tmp_path_factory.mktemp("spoken"), []
    list(write_log(talking, 10, folder, heard=counts.append))
    return folder, counts


def test_every_turn_of_a_log_has_its_recording(spoken):
    folder, counts = spoken
    turns = 0
    for split in sorted({path.name.split("-")[0] for path in folder.glob("*.parquet")}):
        for dialogue in iter_dialogues("table", root=folder, split=split):
            turns += len(dialogue.turns)
            assert all((folder / turn.audio).is_file() for turn in dialogue.turns)
    assert turns
    assert counts == list(range(1, counts[-1] + 1))
    assert counts[-1] == turns


@pytest.mark.slow
def test_a_log_that_was_stopped_goes_on_with_two_workers_to_the_same_bytes(talking, spoken, tmp_path):
    def stop(number):
        if number == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(write_log(talking, 10, tmp_path, heard=stop))
    kept = {name: (tmp_path / name).stat().st_mtime_ns for name in files(tmp_path) if name.endswith(".wav")}
    assert kept
    counts = []
    assert len(list(write_log(talking, 10, tmp_path, workers=2, heard=counts.append))) > 1
    assert counts[-1] == spoken[1][-1]
    assert files(tmp_path) == files(spoken[0])
    assert all((tmp_path / name).stat().st_mtime_ns == stamp for name, stamp in kept.items())


def test_the_channel_of_a_log_is_not_changed(talking, spoken, tmp_path):
    with pytest.raises(ValueError, match=r"holds another log \(channel: speech there, text wanted\)"):
        list(write_log(replace(talking, channel="text"), 10, spoken[0]))


def test_speech_needs_a_place_for_its_recordings(small):
    setting = replace(small, channel="speech")
    with pytest.raises(ValueError, match="keeps recordings; give the folder of the log"):
        build_assistant(setting, untrained_understanding(setting))


def test_a_program_that_is_missing_stops_the_log_before_it_begins(small, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises((ImportError, FileNotFoundError), match="the speech channel needs"):
        list(write_log(replace(small, channel="speech"), 10, tmp_path / "log", workers=2))


def test_the_section_of_the_speech_channel_is_read(tmp_path):
    root = write_world(tmp_path)
    file = root / "assistant.yaml"
    file.write_text(file.read_text() + "speech: {signal_to_noise: 12, distance: 1.5, tempo: 0.2}\n")
    assert Setting.load(root, seed=1).assistant.speech == SpeechSettings(signal_to_noise=12, distance=1.5, tempo=0.2)
