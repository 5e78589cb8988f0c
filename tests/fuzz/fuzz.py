"""Reads so many random records, from a seed, and accounts for every one: `python -m fuzz.fuzz COUNT [SEED]`."""

from __future__ import annotations

import sys
import time
from collections import Counter
from secrets import randbelow

from fuzz.mutants import mutants
from pathline_gateway.intake.record import Parked
from pathline_gateway.intake.record_parser import parse_record


def fuzzed(seed: int, count: int, slowest: float = 5.0) -> Counter[str]:
    """How many records were accepted, and how many parked, by reason. A record that raises or stalls ends it."""
    outcomes: Counter[str] = Counter()
    for n, record in enumerate(mutants(seed, count)):
        began = time.process_time()
        try:
            found = parse_record(record)
        except BaseException as failed:
            failed.add_note(f"record {n} of seed {seed}")
            raise
        if time.process_time() - began > slowest:
            raise AssertionError(f"record {n} of seed {seed} took over {slowest} s of the processor to read")
        outcomes[found.reason if isinstance(found, Parked) else "accepted"] += 1
    return outcomes


def main(count: int, seed: int) -> None:
    print(f"seed {seed}", flush=True)
    began = time.perf_counter()
    outcomes = fuzzed(seed, count)
    for name, n in outcomes.most_common():
        print(f"{n:>10,}  {name}")
    if outcomes.total() != count:
        sys.exit(f"{outcomes.total():,} of {count:,} are accounted for")
    print(f"{count:>10,}  all accounted for, in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else randbelow(2**32))
