from __future__ import annotations

import json

from experiments.certify_draws import main


def test_a_row_a_design_is_printed_and_kept_for_the_page(program, tmp_path):
    rows = "[{population: independent, audit: 200, design: items, method: auto, peer: 0.3}]"
    code, out, _ = program(main, [f"rows={rows}", "draws=3", "paths.output_dir=out"], {})
    assert code == 0
    assert "independent │ 200 items │ auto" in out
    (found,) = json.loads((tmp_path / "out" / "certify_draws.json").read_text()).values()
    assert found["draws"] == 3
    page = (tmp_path / "out" / "page.md").read_text()
    assert "| independent | 200 items | auto |" in page
    assert "| 30% | 63% |" in page


def test_the_rows_of_one_population_can_be_asked_for(program, tmp_path):
    rows = (
        "[{population: independent, audit: 200, design: items, method: auto},"
        "{population: unequal_users, audit: 50, design: users, method: design_effect}]"
    )
    given = [f"rows={rows}", "draws=3", "paths.output_dir=out", "target_error=0.125", "confidence=0.996"]
    code, out, _ = program(main, [*given, "population=unequal_users"], {})
    assert (code, "independent" in out) == (0, False)
    assert "unequal_users │ 50 users │ design_effect" in out
    page = (tmp_path / "out" / "page.md").read_text()
    assert "certify_draws draws=3 population=unequal_users target_error=0.125 confidence=0.996  #" in page
    assert "3 audits each; at most 12.5% wrong, with 99.6% confidence." in page
    code, _, err = program(main, [*given, "population=users"], {})
    assert code == 2
    assert "population is 'users'; expected one of independent, unequal_users, or null" in err
