"""Asks blocks of queries and judges the answers; start reading at `Search.ask`.

Queries of a block that get the same setting are asked in batches, so that a
process answers many.
"""

import time

import dialect
from answers import Died, Refused, Rows
from binary import BATCH
from cases import SHAPES, make_case
from compare import difference, shown, plain, unrelated
from design import is_internal, refusal
from report import general
from shrink import small

# So many failures of a shape are printed and so many of a kind made small, in so many seconds in all.
PRINTED, SHRUNK, SHRINKING = 6, 1, 600


class Search:
    """One run: the engines, what was found so far."""

    block_size = 400

    def __init__(self, options, binary, duckdb, settings, report, pool):
        self.options, self.binary, self.duckdb = options, binary, duckdb
        self.settings, self.report, self.pool = settings, report, pool
        self.names = options.shape or sorted(SHAPES)
        self.shrunk, self.shrinking = {}, 0.0
        if options.seconds:
            self.block_size = 150

    def ask(self, numbers):
        cases = {number: make_case(self.options.seed, number, self.names) for number in numbers}
        if self.options.verbose:
            for number, (shape, case) in cases.items():
                print(number, shape.name, *case.statements, sep="\n  ", flush=True)
        expected = self.of_duckdb(cases)
        for number in [number for number, answers in expected.items() if any(is_endless(answer) for answer in answers)]:
            shape, case = cases.pop(number)
            self.report.refused_by_duckdb(shape.name, number, "no end in time", case.text)
        found = self.of_cinelake(cases)
        for number, (shape, case) in cases.items():
            self.report.queries[shape.name] += 1
            self.judge(number, shape.name, case, expected[number], found[number])

    def of_duckdb(self, cases):
        answers = self.pool.map(lambda case: [self.duckdb.ask(text) for text in case.statements], [case for _, case in cases.values()])
        return dict(zip(cases, answers))

    def of_cinelake(self, cases):
        """Answers by number and setting."""
        wanted = {}
        for number, (_, case) in cases.items():
            for setting in self.settings.of_query(self.options.seed, number):
                wanted.setdefault(setting.name, (setting, []))[1].extend((number, text) for text in case.statements)
        jobs = [(setting, asked[at : at + BATCH]) for setting, asked in wanted.values() for at in range(0, len(asked), BATCH)]
        found = {number: {} for number in cases}
        for (setting, asked), answers in zip(jobs, self.pool.map(lambda job: self.binary.ask([text for _, text in job[1]], job[0]), jobs)):
            self.report.statements += len(asked)
            for (number, _), answer in zip(asked, answers):
                found[number].setdefault(setting.name, (setting, []))[1].append(answer)
        return found

    def judge(self, number, shape, case, expected, found):
        self.count(shape, number, case, expected)
        failures, red = [], None
        reference = next(iter(found.values()))[1]
        fine = [set() for _ in case.statements]
        for setting, answers in found.values():
            for at, (text, answer) in enumerate(zip(case.statements, answers)):
                kind, why = self.verdict(case, at, expected[at], answer, reference[at], fine[at])
                if kind == "red":
                    red = red or (why, text, setting)
                elif kind:
                    failures.append((kind, setting, why, text, at))
            # What DuckDB refuses may be of other types in parts than as a whole.
            why = unrelated(case.relation, answers) if isinstance(expected[0], Rows) or case.relation == "refused" else None
            if why and not any(setting.name == failed.name for _, failed, *_ in failures):
                failures.append(("relation", setting, why, ";\n  ".join(case.statements), None))
        if red:
            self.report.red_for_no_reason(shape, number, *red)
        if failures:
            self.report.differ[shape] += 1
            if self.report.differ[shape] <= PRINTED or self.options.only is not None:
                self.tell(number, shape, case, failures)

    def count(self, shape, number, case, expected):
        if isinstance(expected[0], Rows):
            self.report.rows += len(expected[0].rows)
            self.report.empty += not expected[0].rows
        elif case.relation != "refused":
            self.report.refused_by_duckdb(shape, number, expected[0].message, case.text)

    def verdict(self, case, at, expected, answer, reference, fine):
        """The kind of failure and what is wrong, or nothing; `fine` are answers known to be right."""
        if isinstance(answer, Died):
            return "died", answer.message
        if isinstance(answer, Refused):
            if is_internal(answer.message):
                return "internal", answer.message
            if refusal(answer.message) or isinstance(expected, Refused) or case.relation == "refused":
                return None, None
            return "red", answer.message
        if isinstance(expected, Rows):
            ordered = case.ordered and at == 0
            if answer.name in fine and not ordered:
                return None, None
            if why := difference(expected, answer, ordered, case.loose):
                return "differs", why
            fine.add(answer.name)
            return None, None
        if isinstance(reference, Rows) and (why := unrelated("same", [reference, answer])):
            return "settings", f"not what it is under the first setting: {why}"
        return None, None

    def tell(self, number, shape, case, failures):
        """Prints a case's failures, the first one made small."""
        settings = ", ".join(dict.fromkeys(setting.name for _, setting, *_ in failures))
        kind, setting, why, text, at = failures[0]
        less, answers = None, ""
        name = (shape, kind)
        shrinks = kind in ("differs", "internal", "died") and not self.options.no_shrink
        if shrinks and self.shrunk.get(name, 0) < SHRUNK and self.shrinking < min(SHRINKING, self.options.seconds or SHRINKING):
            self.shrunk[name] = self.shrunk.get(name, 0) + 1
            began = time.monotonic()
            less = small(text, self.fails(case, kind, setting, why))
            self.shrinking += time.monotonic() - began
            answers = self.both(less, setting)
        head = f"{kind} under {settings}; seed {self.options.seed}"
        self.report.failure(shape, number, head, why if len(why) < 700 else why[:700] + " …", text, less, answers)

    def fails(self, case, kind, setting, why):
        """A function that says whether a text fails in the same way; none where it is no query."""

        def same(text):
            expected = self.duckdb.ask(text)
            if not isinstance(expected, Rows):
                return None
            answer = self.binary.ask([text], setting)[0]
            if kind == "died":
                return isinstance(answer, Died)
            if kind in ("internal", "red"):
                return isinstance(answer, Refused) and general(answer.message)[:60] == general(why)[:60]
            ordered = case.ordered and dialect.is_ordered(text)
            # Two columns of one name are one in JSON.
            if isinstance(answer, Rows) and answer.rows and len(answer.names) != len(expected.names):
                return None
            return isinstance(answer, Rows) and bool(difference(expected, answer, ordered, case.loose))

        return same

    def shrink_reds(self, seconds):
        """Makes a query for each message small, while there is time."""
        until = time.monotonic() + seconds
        for entry in self.report.reds():
            if time.monotonic() > until:
                return
            message, text, setting = entry.example
            entry.small = small(text, self.fails(None, "red", setting, message), seconds=20, tries=150)

    def both(self, text, setting):
        """Both answers, in short."""
        expected, found = self.duckdb.ask(text), self.binary.ask([text], setting)[0]
        return f"DuckDB: {brief(expected)}\n  cinelake, {setting.name}: {brief(found)}"


def is_endless(answer):
    """Whether DuckDB was interrupted: such a query is not asked of cinelake either."""
    return isinstance(answer, Refused) and "INTERRUPT" in answer.message


def brief(answer):
    if not isinstance(answer, Rows):
        return answer.message[:400]
    rows = [shown([plain(v) for v in (row.values() if isinstance(row, dict) else row)]) for row in answer.rows[:8]]
    return "; ".join(rows) + (f"; … {len(answer.rows)} rows" if len(answer.rows) > 8 else "") if rows else "no rows"
