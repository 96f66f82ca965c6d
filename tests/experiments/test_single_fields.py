from experiments.single_fields import main
from selflearn.evaluation.single_fields import FieldScore


def test_a_field_is_shown_as_the_log_calls_it_whatever_its_name_means_to_a_terminal(program, monkeypatch):
    def read(cfg, split, say):
        say("mine/train: 1 turns left out (first: calls[old].jsonl)")
        return [], {}

    scores = [FieldScore(label="defect", field=f"state[{name}]", auc=0.9, known=1.0) for name in ("kitchen", "/hall")]
    monkeypatch.setattr("experiments.single_fields.load", read)
    monkeypatch.setattr("experiments.single_fields.single_fields", lambda *_, **__: scores)
    monkeypatch.setattr("experiments.single_fields.what_follows", lambda *_, **__: [])
    code, out, err = program(main, ["paths.output_dir=out"], {})
    assert (code, err) == (0, "")
    assert "first: calls[old].jsonl" in out
    assert out.count("state[kitchen]") == out.count("state[/hall]") == 2  # in the table and in the sentence
