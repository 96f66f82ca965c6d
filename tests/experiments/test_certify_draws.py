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
