from __future__ import annotations

import json
import shutil
from collections import Counter

import pytest

from selflearn.corpora import CorpusError, ReadReport, find_corpus, iter_dialogues
from selflearn.corpora.splits import group_folds
from selflearn.schema import RecordError


def turn(speaker, text, votes="", time=""):
    annotations = [{"annotator-id": f"r{i}", "breakdown": vote} for i, vote in enumerate(votes)]
    return {"speaker": speaker, "utterance": text, "time": time, "annotations": annotations}


def read(*turns, report=None, **options):
    raw = {"dialogue-id": "d", "speaker-id": "", "turns": list(turns)}
    return find_corpus("dbdc3", **options).read_dialogue(raw, "dev", "YI", report or ReadReport("dbdc3", "dev"))


def defects(dialogue):
    return [labels.defect and labels.defect.value for labels in dialogue.labels.turns]


def test_a_turn_is_a_request_with_the_rated_response():
    dialogue = read(
        turn("S", "hello", time="2017-08-31 23:59:50"),
        turn("U", "hi", time="2017-08-31 23:59:55"),
        turn("S", "why", "OTX", time="2017-08-31 23:59:56"),
        turn("U", "bye", time="2017-09-01 00:00:10"),
    )
    assert [(t.request, t.response, t.seconds) for t in dialogue.turns] == [
        (None, "hello", 0.0), ("hi", "why", 5.0), ("bye", None, 20.0)
    ]  # fmt: skip
    assert (dialogue.user_id, dialogue.system_version) == (None, "YI")
    assert [(r.rater, r.question, r.answer, r.score, r.turn) for r in dialogue.ratings] == [
        ("r0", "breakdown", "O", 0.0, 1), ("r1", "breakdown", "T", 0.5, 1), ("r2", "breakdown", "X", 1.0, 1)
    ]  # fmt: skip
    assert defects(dialogue) == [None, True, None]


@pytest.mark.parametrize(
    ("votes", "broad", "strict"),
    [("OOO", False, False), ("OOTX", False, False), ("OTX", True, False), ("TTXX", True, False), ("OOXXX", True, True),
     ("OTXX", True, True), ("X", True, True), ("T", True, False)],
)  # fmt: skip
def test_the_votes_that_count_must_outnumber_each_other_vote(votes, broad, strict):
    said = (turn("U", "hi"), turn("S", "why", votes))
    assert defects(read(*said)) == [broad]
    assert defects(read(*said, breakdown=["X"])) == [strict]


def test_bots_can_be_told_apart_and_left_out(dbdc3_release):
    dialogues = list(iter_dialogues("dbdc3", dbdc3_release, "dev"))
    bots = [dialogue.system_version for dialogue in dialogues]
    assert Counter(bots) == {"CIC": 8, "IRIS": 8, "TKTK": 8, "YI": 8}
    for fold in group_folds(bots, 4, seed=0):
        assert len({bots[row] for row in fold}) == 1


def test_what_was_not_rated_and_who_did_not_rate_is_counted(dbdc3_release):
    report = ReadReport("dbdc3", "dev")
    dialogues = list(iter_dialogues("dbdc3", dbdc3_release, "dev", report=report))
    assert report.counts["ratings"] == 32 * 4 * 6 == sum(len(dialogue.ratings) for dialogue in dialogues)
    assert report.counts["turns_without_ratings"] == 8 + 4  # greetings of YI, last words of users of CIC
    assert report.counts["dialogues_whose_raters_change"] == 1
    assert report.examples["dialogues_whose_raters_change"] == ["TKTK0000"]
    assert {d.system_version for d in dialogues if d.turns[-1].seconds is not None} == {"YI"}


# ---------------------------------------------------------------------------------------------------------- bad input


def fault(release, tmp_path, change):
    root = tmp_path / "dbdc3"
    shutil.copytree(release, root)
    file = root / "dbdc3_revised" / "en" / "dev" / "IRIS_8" / "IRIS0003.log.json"
    content = json.loads(file.read_text("utf-8"))
    change(content, content["turns"][1])
    file.write_text(json.dumps(content), "utf-8")
    with pytest.raises(RecordError) as caught:
        list(iter_dialogues("dbdc3", root, "dev"))
    shutil.rmtree(root)
    assert (caught.value.file, caught.value.row) == (str(file), "IRIS0003")
    return caught.value.field, caught.value.value, caught.value.expected


def test_faults_are_named(dbdc3_release, tmp_path):
    def of(change):
        return fault(dbdc3_release, tmp_path, change)

    def vote(**fields):
        return lambda raw, turn: turn["annotations"][1].update(fields)

    assert of(vote(breakdown="B")) == ("turns.annotations.breakdown", "B", "one of O, T, X")
    assert of(lambda raw, turn: turn["annotations"][1].pop("annotator-id"))[0] == "annotator-id"
    assert of(vote(**{"annotator-id": ""}))[0] == "turns.annotations.annotator-id"
    assert of(lambda raw, turn: turn["annotations"].append(turn["annotations"][0]))[2].endswith(
        "once for each response"
    )
    assert of(lambda raw, turn: turn.update(speaker="B"))[:2] == ("turns.speaker", "B")
    assert of(lambda raw, turn: turn.update(speaker="U"))[2] == "annotations of responses alone"
    assert of(lambda raw, turn: raw["turns"].insert(2, turn))[1] == "2 rated responses in a row"
    assert of(lambda raw, turn: turn.update(time="noon"))[:2] == ("turns.time", "noon")
    assert of(lambda raw, turn: turn.pop("annotations"))[0] == "annotations"
    assert of(lambda raw, turn: raw.update(turns=[]))[:2] == ("turns", ())


def test_a_cut_file_is_named_with_its_position(dbdc3_release, tmp_path):
    shutil.copytree(dbdc3_release, tmp_path / "dbdc3")
    file = tmp_path / "dbdc3" / "dbdc3_revised" / "en" / "dev" / "YI_8" / "YI0001.log.json"
    file.write_text(file.read_text("utf-8")[:300], "utf-8")
    with pytest.raises(CorpusError, match=r"YI0001\.log\.json: not valid JSON at line \d+.*of 300\).*cut short"):
        list(iter_dialogues("dbdc3", tmp_path / "dbdc3", "dev"))


def test_another_part_or_vote_is_refused(dbdc3_release):
    with pytest.raises(CorpusError, match=r"the split 'eval' is not in .*: no .*dbdc3_revised/en/eval"):
        list(iter_dialogues("dbdc3", dbdc3_release, "eval"))
    with pytest.raises(CorpusError, match=r"not the dbdc3 release: expected dbdc3_revised/en/dev/SET"):
        list(iter_dialogues("dbdc3", dbdc3_release / "dbdc3", "dev"))
    for votes in (["B"], [], ["O", "T", "X"]):
        with pytest.raises(CorpusError, match=r"breakdown is .*; expected one or two of O, T, X"):
            find_corpus("dbdc3", breakdown=votes)
