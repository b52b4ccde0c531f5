"""What is counted and printed: failures one by one, errors by message, a table by shape."""

import re
from collections import Counter, defaultdict


class Message:
    """An error's message: how often, and the first query that gave it."""

    def __init__(self):
        self.count, self.where, self.example, self.small = 0, "", None, ""

    def add(self, where, message, text, setting):
        self.count += 1
        if not self.example:
            self.where, self.example = where, (message, text, setting)


class Report:
    """Counts by shape, and prints as it goes."""

    def __init__(self):
        self.queries, self.differ, self.red = Counter(), Counter(), Counter()
        self.refused, self.skipped = Counter(), Counter()
        self.rows = self.empty = self.statements = 0
        self.messages, self.doubted = defaultdict(Message), defaultdict(Message)

    def failure(self, shape, number, setting, why, text, small=None, answers=""):
        print(f"{number} {shape} {setting}: {why}\n  {text}", flush=True)
        if small and small != text:
            print(f"  small: {small}", flush=True)
        if answers:
            print(f"  {answers}", flush=True)

    def red_for_no_reason(self, shape, number, message, text, setting):
        self.red[shape] += 1
        self.messages[general(message)].add(f"{number} {shape}", message, text, setting)

    def refused_by_duckdb(self, shape, number, message, text):
        self.skipped[shape] += 1
        self.doubted[general(message)].add(f"{number} {shape}", message, text, None)

    def reds(self):
        """What is known of each message, the most frequent first."""
        return sorted(self.messages.values(), key=lambda entry: -entry.count)

    def summary(self, settings, seconds):
        for title, messages in (("red for no reason", self.messages), ("refused by DuckDB", self.doubted)):
            if messages:
                print(f"\n{title}, by message:")
            for entry in sorted(messages.values(), key=lambda entry: -entry.count):
                message, text, setting = entry.example
                under = f", {setting.name}" if setting else ""
                print(
                    f"{entry.count:6} {' '.join(message.split('LINE ')[0].split())[:300]}\n       {entry.where}{under}:"
                    f" {entry.small or text[:400]}"
                )
        wrong, red = sum(self.differ.values()), sum(self.red.values())
        print(
            f"\n{sum(self.queries.values())} queries of {len(self.queries)} shapes, {self.statements} answers under {settings} settings in"
            f" {seconds:.0f} s: {self.rows} rows, {self.empty} queries without any, {sum(self.skipped.values())} that DuckDB refuses, {red}"
            f" red for no reason, {wrong} that differ"
        )

    def by_family(self, shapes):
        """Counts by family, one line."""
        families = defaultdict(lambda: [0, 0, 0])
        for name, count in self.queries.items():
            for at, counted in enumerate((count, self.differ[name], self.red[name])):
                families[shapes[name].family][at] += counted
        words = (f"{family} {queries} ({differ} differ, {red} red)" for family, (queries, differ, red) in sorted(families.items()))
        print("by family: " + ", ".join(words), flush=True)

    def table(self):
        """The table of `--report`."""
        lines = ["| shape | queries | differ | red for no reason |", "|---|--:|--:|--:|"]
        lines += [f"| {name} | {count} | {self.differ[name]} | {self.red[name]} |" for name, count in sorted(self.queries.items())]
        total = [sum(counts.values()) for counts in (self.queries, self.differ, self.red)]
        return "\n".join([*lines, f"| all | {total[0]} | {total[1]} | {total[2]} |", ""])


def general(message):
    """A message without what differs from query to query."""
    line = re.sub(r"\s+", " ", message.split("LINE ")[0])[:300]
    line = re.sub(r"'[^']*'|`[^`]*`|\"[^\"]*\"", "…", line)
    return re.sub(r"-?\d+(\.\d+)?", "N", line)[:160]
