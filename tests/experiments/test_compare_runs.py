import json

import pandas as pd
import pytest

from experiments.compare_runs import main
from selflearn.evaluation import write_results_page
from selflearn.evaluation.predictions import write_predictions

IDS = [f"d{i}" for i in range(40)]


def write(directory, right, *, told=(), ids=IDS, experiment="simulated", seed=1, **baselines):
    systems = {}
    for name, number in {"model": right, **baselines}.items():
        said = ["x" if i < number else "z" for i in range(len(ids))]
        systems[name] = {"intent": pd.DataFrame({"dialogue_id": ids, "turn": 0, "gold": "x", "prediction": said})}
        defects = pd.DataFrame({"dialogue_id": ids, "turn": 0, "gold": [i % 2 == 0 for i in range(len(ids))]})
        systems[name]["defect"] = defects.assign(prediction=defects["gold"], score=defects["gold"].astype(float))
    write_predictions(directory / "predictions", systems, dialogue_ids=ids)
    command = " ".join([f"python -m experiments.train experiment={experiment}", *told, f"seed={seed}"])
    (directory / "versions.json").write_text(json.dumps({"command": command, "seconds": 1.0}))
    (directory / "metrics.json").write_text(json.dumps({"test/intent/accuracy": right / len(ids)}))
    (directory / "config.yaml").write_text(f"seed: {seed}\nsupervision: {experiment}\n")


@pytest.fixture
def command(tmp_path, program):
    write(tmp_path / "whole", 36)
    write(tmp_path / "less", 20, told=["'model.without=[status]'", "paths.output_dir=less"])
    write(tmp_path / "again", 36)
    return lambda *arguments: program(main, arguments, {"resamples": "200"})


def test_runs_are_named_by_what_they_were_told_and_differences_are_paired(command, tmp_path):
    code, _, err = command("runs=[whole,less,again]", "page=page.md", "title=What is left out")
    assert (code, err) == (0, "")
    page = (tmp_path / "page.md").read_text()
    assert page.startswith("## What is left out\n")
    assert "python -m experiments.train experiment=simulated 'model.without=[status]' seed=1\n" in page
    assert "paths.output_dir" not in page
    header, _, row, _ = [line for line in page.splitlines() if line.startswith("|")]
    assert header == "| metric | n | model | model.without=[status] | again |"
    assert "| .900 [" in row
    assert "**Δ +.400 [" in row
    assert "Δ +.000 [+.000, +.000]" in row


def test_metrics_of_which_none_is_measured_are_refused_as_the_table_would_be_empty(command, tmp_path):
    code, _, err = command("runs=[whole,less]", "metrics=[intent/acuracy]", "page=page.md")
    assert code == 2
    assert "metrics: none of intent/acuracy is measured in these runs; they have" in err
    assert "intent/accuracy" in err
    assert not (tmp_path / "page.md").exists()


@pytest.mark.parametrize("names", ["[a,b,b]", "[a,model,b]", "[a,b,annotator]"])
def test_a_name_for_two_columns_is_refused_as_one_of_them_would_be_lost(command, tmp_path, names):
    write(tmp_path / "whole", 36, annotator=38)
    code, _, err = command("runs=[whole,less,again]", "beside=[annotator]", f"names={names}")
    assert code == 2
    assert "names calls a run '" in err
    assert "as another column is called; expected a name for each" in err


def test_the_values_alone_stand_between_the_marks_of_a_file_under_the_names_that_are_given(command, tmp_path):
    write(tmp_path / "gold", 36, annotator=38)
    write(tmp_path / "feedback", 28, experiment="simulated_feedback")
    (tmp_path / "README.md").write_text("before\n<!-- both -->\nold\n<!-- /both -->\nafter\n")
    arguments = ["runs=[gold,feedback]", "beside=[annotator]", "headline.file=README.md", "headline.mark=both"]
    assert command(*arguments, "names=[from gold,from feedback]", "metrics=[intent/accuracy]")[0] == 0
    lines = (tmp_path / "README.md").read_text().splitlines()
    assert (lines[:2], lines[-2:]) == (["before", "<!-- both -->"], ["<!-- /both -->", "after"])
    rows = ["|  | intent/accuracy ↑ |", "| --- | ---: |",
            "| from gold | .900 |", "| from feedback | .700 |", "| annotator | .950 |"]  # fmt: skip
    assert lines[2:7] == rows
    code, _, err = command(*arguments, "names=[one]")
    assert code == 2
    assert "names has 1 entries for 2 columns of 2 runs" in " ".join(err.split())


def test_gold_and_feedback_stand_beside_the_baselines_of_the_first(command, tmp_path):
    write(tmp_path / "gold", 36, annotator=38, tfidf_context=30, majority=4)
    write(tmp_path / "feedback", 28, experiment="simulated_feedback", annotator=2)
    code, _, err = command("runs=[gold,feedback]", "beside=[annotator,tfidf_context]", "page=page.md")
    assert (code, err) == (0, "")
    page = (tmp_path / "page.md").read_text()
    header, _, row, _ = [line for line in page.splitlines() if line.startswith("|")]
    assert header == "| metric | n | model | experiment=simulated_feedback | annotator | tfidf_context |"
    assert [cell[1:5] for cell in row.split("|")[3:7]] == [".900", ".700", ".950", ".750"]
    assert "The baselines are those of the first command: annotator, tfidf_context." in page
    write_results_page([], tmp_path / "results.md", notes=[tmp_path / "page.md"])
    assert page.strip() in (tmp_path / "results.md").read_text()


def test_runs_that_learned_from_more_dialogues_are_compared_on_all_but_what_was_new_to_each(command, tmp_path):
    for name, new in (("whole", range(20)), ("less", range(30))):
        file = tmp_path / name / "predictions" / "model.intent.parquet"
        table = pd.read_parquet(file)
        table["@unseen_combination"], table["@defects"] = [i in new for i in range(40)], [i < 5 for i in range(40)]
        table.to_parquet(file)
    metrics = ["intent/accuracy", "intent/accuracy@unseen_combination", "intent/accuracy@defects"]
    code, _, err = command("runs=[whole,less]", f"metrics=[{','.join(metrics)}]", "page=page.md")
    assert (code, err) == (0, "left out, as the runs have other items in them: intent@unseen_combination")
    rows = [line.split(" | ")[0] for line in (tmp_path / "page.md").read_text().splitlines() if line.startswith("|")]
    assert rows[2:] == ["| intent/accuracy ↑", "| intent/accuracy@defects ↑"]


def test_numbers_may_be_names(command, tmp_path):
    code, _, err = command("runs=[whole,less]", "names=[100,161]", "page=page.md")
    assert (code, err) == (0, "")
    assert "| metric | n | model | 161 |" in (tmp_path / "page.md").read_text()


def test_seeds_of_one_experiment_are_one_column(command, tmp_path):
    for seed, right in ((1, 36), (2, 34), (3, 32)):
        write(tmp_path / f"gold{seed}", right, seed=seed, **({"annotator": 38} if seed == 1 else {}))
        write(tmp_path / f"feedback{seed}", right - 8, seed=seed, experiment="simulated_feedback")
    runs = ",".join(f"gold{seed},feedback{seed}" for seed in (1, 2, 3))
    code, _, err = command(f"runs=[{runs}]", "beside=[annotator]", "page=page.md", "metrics=[intent/accuracy]")
    assert (code, err) == (0, "")
    page = (tmp_path / "page.md").read_text()
    header, _, row = [line for line in page.splitlines() if line.startswith("|")]
    assert header == "| metric | n | model | experiment=simulated_feedback | annotator |"
    gold, feedback, annotator = [cell.strip() for cell in row.split("|")[3:6]]
    assert gold.startswith(".850 [")
    assert gold.endswith("<br>(.800 to .900)")
    assert ".650 [" in feedback
    assert "<br>(.600 to .700)<br>**Δ +.200 [" in feedback
    assert annotator.startswith(".950 [")
    assert "<br>*Δ -.100 [" in annotator
    assert "The seeds of one experiment are one column. The baselines are those of the first command: annot" in page
    assert all(page.count(f"seed={seed}\n") == 2 for seed in (1, 2, 3))
    code, _, err = command(f"runs=[{runs}]", "names=[gold]")
    assert (code, "2 columns of 6 runs (seeds of one experiment are one column)" in " ".join(err.split())) == (2, True)
    assert command("runs=[gold1,gold2]", "page=page.md")[0] == 0
    assert "\n\nThe seeds of one experiment are one column.\n\n" in (tmp_path / "page.md").read_text()


def test_a_run_of_a_seed_that_is_there_already_has_a_column_of_its_own(command, tmp_path):
    for name, seed in (("old1", 1), ("old2", 2), ("new1", 1), ("new2", 2)):
        write(tmp_path / name, 30 if name.startswith("old") else 20, seed=seed)
    assert command("runs=[old1,old2,new1,new2]", "page=page.md", "metrics=[intent/accuracy]")[0] == 0
    header, _, row = [line for line in (tmp_path / "page.md").read_text().splitlines() if line.startswith("|")]
    assert header == "| metric | n | model | new1 |"
    assert [cell[1:5] for cell in row.split("|")[3:5]] == [".750", ".500"]


def test_many_runs_have_a_line_each(command, tmp_path):
    groups = ("hypotheses", "confidence", "status", "device", "counts", "times", "likeness", "others")
    for i, group in enumerate(groups):
        write(tmp_path / group, 35 - i, told=[f"'model.without=[{group}]'"])
    runs = f"runs=[whole,{','.join(groups)}]"
    code, out, err = command(runs, "lines=runs", "page=page.md", "title=What helps")
    assert (code, err) == (0, "")
    lines = [line.split(" | ") for line in (tmp_path / "page.md").read_text().splitlines() if line.startswith("|")]
    assert lines[0] == ["| system", "intent/accuracy ↑<br>n = 40", "defect/auc ↑<br>n = 40 |"]
    assert [line[0] for line in lines[2:]] == ["| model", *(f"| model.without=[{group}]" for group in groups)]
    assert lines[2][1].startswith(".900 [")
    assert lines[10][1].startswith(".700 [")
    assert "**Δ +.200 [" in lines[10][1]
    assert all(f"model.without=[{group}]" in out for group in groups)


def test_a_run_that_is_called_as_a_baseline_gets_a_number(command, tmp_path):
    write(tmp_path / "gold", 36, annotator=38)
    write(tmp_path / "annotator", 36)
    command("runs=[gold,annotator]", "beside=[annotator]", "page=page.md")
    assert "| metric | n | model | annotator 2 | annotator |\n" in (tmp_path / "page.md").read_text()


def test_a_users_fault_is_said_in_words(command, tmp_path):
    write(tmp_path / "other", 20, ids=IDS[:30])
    for runs, message in (
        ("whole", "runs has 1 directories; expected two or more"),
        ("whole,other", "were evaluated on different dialogues (40 and 30)"),
        ("whole,nowhere", "no such directory"),
    ):
        code, _, err = command(f"runs=[{runs}]")
        assert code == 2
        assert message in " ".join(err.split())
    for told, message in (
        ("beside=[annotator]", "whole has no baseline 'annotator'; it has none"),
        ("lines=rows", "lines is 'rows'; expected metrics or runs"),
        ("resamples=2.5", "resamples is 2.5; expected a whole number, 0 or more"),
        ("resamples=-1", "resamples is -1; expected a whole number, 0 or more"),
    ):
        code, _, err = command("runs=[whole,less]", told)
        assert code == 2
        assert message in " ".join(err.split())


def test_one_run_is_not_taken_for_its_letters(command):
    code, _, err = command("runs=whole")
    assert (code, err) == (2, "runs is 'whole'; expected a list: runs=[whole]")
