"""Writes 5,000 tests: 100 modules, each with functions, parametrized functions, fixtures and classes."""

import pathlib

FOLDER = pathlib.Path("tests")
HEAD = '''\
import pytest


@pytest.fixture(params=["small", "large"])
def size(request):
    return request.param


@pytest.fixture
def numbers(size):
    return list(range(3 if size == "small" else 300))


@pytest.mark.parametrize("left, right", [(1, 2), (2, 3), (3, 5), (5, 8), (8, 13)])
def test_order(left, right):
    assert left < right, f"{left} is not less than {right}"


@pytest.mark.parametrize("word", ["one", "two", "three", "four", "five"])
@pytest.mark.parametrize("change", [str.upper, str.title])
def test_change(word, change):
    assert change(word).lower() == word


def test_sum(numbers):
    assert sum(numbers) == len(numbers) * (len(numbers) - 1) // 2


class TestList:
    @pytest.fixture(autouse=True)
    def made(self, tmp_path):
        self.value = [1, 2, 3]
'''
FUNCTION = '''

def test_function_{number}():
    value = {{"a": {number}, "b": [{number}] * 3}}
    assert value["a"] == {number}
    assert value["b"] == [{number}, {number}, {number}] and len(value) == 2
'''
METHOD = '''
    def test_method_{number}(self):
        self.value.append({number})
        assert self.value[-1] == {number}
        assert self.value != [1, 2, 3]
'''

FOLDER.mkdir()
for module in range(100):
    parts = [HEAD, *(METHOD.format(number=number) for number in range(15))]
    parts += [FUNCTION.format(number=number) for number in range(18)]
    (FOLDER / f"test_module_{module}.py").write_text("".join(parts))
