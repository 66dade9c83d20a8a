"""docs/lake.md lists the merge rules that the models have."""

from tests import merge_table


def test_the_page_lists_the_merge_rules_of_the_models() -> None:
    text = merge_table.PAGE.read_text(encoding="utf-8")
    assert merge_table.BEGIN in text
    assert merge_table.page(text) == text, "write them again: python -m tests.merge_table --write"
    assert "`fact_api_call`" in merge_table.made()
