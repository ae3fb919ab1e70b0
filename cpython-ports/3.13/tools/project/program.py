"""Counts words."""

from collections import Counter
import os, sys


def count(text: str) -> Counter[str]:
    words = Counter( word.lower() for word in text.split() )
    return words


class Report:
    def __init__(self, counts: Counter[str], limit: int = 10):
        self.counts = counts
        self.limit = limit

    def lines(self) -> list[str]:
        return [f'{word}: {number}' for word, number in self.counts.most_common(self.limit)]

    def total(self) -> str:
        return sum(self.counts.values())


if __name__ == "__main__":
    for line in Report(count(sys.stdin.read())).lines():
        print(line)
