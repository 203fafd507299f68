"""`mti cost` as a person sees it at 80 columns, and as a program reads it."""

from pathlib import Path

import pytest

from tests.support.cli import Said, mti_here

COLUMNS = {"COLUMNS": "80"}


def cost(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Said:
    return mti_here(capsys, "cost", *arguments, env=COLUMNS)


def test_the_month_of_three_numbers_of_tenants_fits_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    said = cost(capsys)
    assert said.status == 0
    assert [line for line in said.out.splitlines() if len(line) > 80] == []
    for word in ("functions, USD a month", "containerApps, USD a month", "1,000 tenants", "Sentinel bills, beside it"):
        assert word in said.out
    assert "Assumed: 200 detections a tenant and day" in " ".join(said.out.split())


def test_the_document_holds_every_month_with_its_assumptions(capsys: pytest.CaptureFixture[str]) -> None:
    said = cost(
        capsys, "--count", "7", "--count", "9", "--hosting", "containerApps", "--bus", "premium", "--interval", "15",
        "--store", "autoscale", "--json",
    )  # fmt: skip
    months = said.document["months"]
    assert [each["assumed"]["tenants"] for each in months] == [7, 9]
    assert {each["assumed"]["hosting"] for each in months} == {"containerApps"}
    assert {(each["assumed"]["bus"], each["assumed"]["store"]) for each in months} == {("premium", "autoscale")}
    assert months[0]["quantities"]["jobs"] == pytest.approx(7 * 4 * 730)
    assert months[0]["total"] == pytest.approx(sum(line["cost"] for line in months[0]["lines"]))
    assert said.document["currency"] == "USD"


def test_other_prices_give_another_bill(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (file := tmp_path / "ours.yaml").write_text(
        "prices: {servicebus_premium: {unit: hour, price: 1, date: 2026-11-01, source: agreement, sure: good}}"
    )
    said = cost(capsys, "--bus", "premium", "--count", "1", "--prices", file, "--json")
    [line] = [line for line in said.document["months"][0]["lines"] if line["what"] == "bus"]
    assert line["cost"] == pytest.approx(730)


def test_a_file_of_prices_that_is_wrong_is_bad_usage(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (file := tmp_path / "wrong.yaml").write_text("prices: {gold: {}}")
    said = cost(capsys, "--prices", file)
    assert said.status == 2
    assert "there is no price of the name gold" in " ".join(said.err.split())


@pytest.mark.parametrize("wrong", [("--count", "0"), ("--repeats", "2"), ("--bus", "basic"), ("--interval", "0")])
def test_what_cannot_be_is_bad_usage(capsys: pytest.CaptureFixture[str], wrong: tuple[str, str]) -> None:
    assert cost(capsys, *wrong).status == 2


def test_a_folder_without_a_run_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    said = cost(capsys, "--data", tmp_path / "none")
    assert said.status == 2
    assert said.out == ""
