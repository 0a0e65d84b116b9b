#!/usr/bin/env python3
"""Reads what `sotto-lab run --out DIR` recorded, with nothing but Python's own library, and prints what it found as JSON.

    python3 lab/examples/read_views.py DIR

Each view is a list of rows; docs/privacy-evaluation.md names their columns. The rows of one lookup are found by the numbers
in the truth, which no party has: an attack may use the truth only to see whether it was right.
"""

import csv
import json
import pathlib
import sys

VIEWS = ["truth", "client-relay", "relay", "relay-gateway", "gateway", "resolver", "authority"]


def typed(text):
    """A field of a CSV file as JSON Lines have it."""
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.isdigit() else text


def rows(directory, view):
    lines = directory / f"{view}.jsonl"
    if lines.exists():
        with lines.open() as file:
            return [json.loads(line) for line in file]
    with (directory / f"{view}.csv").open(newline="") as file:
        return [{key: typed(value) for key, value in row.items()} for row in csv.DictReader(file)]


def auc(positive, negative):
    """The chance that a positive scores above a negative one, ties counting half."""
    ordered = sorted([(score, True) for score in positive] + [(score, False) for score in negative])
    ranks, place = 0.0, 0
    while place < len(ordered):
        end = place
        while end < len(ordered) and ordered[end][0] == ordered[place][0]:
            end += 1
        middle = (place + 1 + end) / 2
        ranks += middle * sum(label for _, label in ordered[place:end])
        place = end
    count = len(positive)
    return (ranks - count * (count + 1) / 2) / (count * len(negative))


def main(directory):
    views = {view: rows(directory, view) for view in VIEWS}
    relay, gateway, truth = views["relay"], views["gateway"], views["truth"]
    # What the gateway's answers were late by, as the relay can see it.
    waited = [relay[row["relay_row"]]["answered_us"] - relay[row["relay_row"]]["forwarded_us"] for row in truth]
    at_hand = [time for time, row in zip(waited, truth) if row["cached"]]
    fetched = [time for time, row in zip(waited, truth) if not row["cached"]]
    answers = [gateway[row["gateway_row"]] for row in truth]
    step = 250_000
    found = {
        "views": {view: len(table) for view, table in views.items()},
        "lookups": len(truth),
        "cached": sum(row["cached"] for row in truth),
        "late": sum(row["left_us"] - row["received_us"] > step for row in answers),
        "auc_cached": round(auc(fetched, at_hand), 6) if fetched and at_hand else None,
    }
    json.dump(found, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
