import pytest
from program import Report, count


@pytest.fixture
def words():
    return count("one two two three three three")


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_limit(words, limit):
    assert len(Report(words, limit).lines()) == limit


def test_case_does_not_matter(capsys):
    print(count("Word word"))
    assert capsys.readouterr().out == "Counter({'word': 2})\n"


def test_failure(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert words == {"one": 1, "two": 2}
