from __future__ import annotations

import json

from experiments.certify_starts import main


def test_each_number_of_starts_is_a_column_of_the_same_audits(program, tmp_path):
    audits = "[{audit: 200, design: items, method: binomial}]"
    (tmp_path / "trust.md").write_text("before <!-- certify_starts --> old <!-- /certify_starts --> after")
    overrides = ["populations=[gentle]", "starts=[1, 2]", f"audits={audits}", "draws=3", "paths.output_dir=out",
                 "headline.file=trust.md", "target_error=0.125", "confidence=0.996"]  # fmt: skip
    code, out, _ = program(main, overrides, {})
    assert code == 0
    assert "starts=2" in out
    found = json.loads((tmp_path / "out" / "certify_starts.json").read_text())
    assert list(found) == ["200 items, binomial/gentle/1", "200 items, binomial/gentle/2"]
    assert all(one["draws"] == 3 for one in found.values())
    page = (tmp_path / "out" / "page.md").read_text()
    assert "| 200 items, binomial | gentle |" in page
    assert "3 audits each, at most 12.5% wrong, with 99.6% confidence" in page
    assert "certify_starts draws=3 target_error=0.125 confidence=0.996 " in page
    put = (tmp_path / "trust.md").read_text()
    assert put.startswith("before <!-- certify_starts -->\n| audit | population |")
    assert put.split("-->\n")[1].split("\n<!--")[0] in page
    assert put.endswith("<!-- /certify_starts --> after")
