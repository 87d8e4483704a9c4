"""The table of what happened: each step with what was expected and what was seen."""
import dataclasses

import processes


@dataclasses.dataclass
class Row:
    """One line of the table."""

    step: str
    expected: str
    seen: str

    @property
    def good(self):
        """Whether it happened as it must."""
        return self.expected == self.seen


def _table(head, rows):
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
             for row in [head, [("-" * width) for width in widths], *rows]]
    return "\n".join(lines)


class Report:
    """Collects rows; the first wrong one ends the story, after the table is printed."""

    def __init__(self):
        self.rows = []
        self.pcrs = []   # (boot, version, pcr, predicted, real)
        self.boots = []  # (what, seconds)

    def expect(self, step, expected, seen):
        """Adds a row; Failure when it is not as expected."""
        row = Row(step, str(expected), str(seen))
        self.rows.append(row)
        print(f"{'ok  ' if row.good else 'BAD '} {row.step}: {row.seen}", flush=True)
        if not row.good:
            raise processes.Failure(f"{step}: expected {row.expected!r}, saw {row.seen!r}")

    def boot(self, what, seconds):
        """Remembers how long a boot took."""
        self.boots.append((what, seconds))
        print(f"     boot {len(self.boots)}: {what}: {seconds:.1f} s", flush=True)

    def pcr_values(self, version, predicted, real):
        """Adds the predicted and real values of one boot; Failure when one differs."""
        for pcr, value in sorted(predicted.items()):
            self.pcrs.append((str(len(self.boots)), version, str(pcr), value, real[pcr]))
        wrong = [pcr for pcr, value in sorted(predicted.items()) if real[pcr] != value]
        step = f"boot {len(self.boots)} of {version}: PCRs that are not as predicted"
        self.expect(step, [], wrong)

    def text(self):
        """Both tables and the seconds of each boot."""
        steps = _table(("step", "expected", "seen"),
                       [(row.step, row.expected, ("" if row.good else "BAD: ") + row.seen)
                        for row in self.rows])
        pcrs = _table(("boot", "release", "PCR", "predicted", "real"), self.pcrs)
        boots = _table(("boot", "what", "seconds"),
                       [(str(n), what, f"{seconds:.1f}")
                        for n, (what, seconds) in enumerate(self.boots, 1)])
        return f"{steps}\n\n{pcrs}\n\n{boots}\n"
