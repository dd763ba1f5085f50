#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Reads Prometheus's text format, version 0.0.4, from standard input; strictly.

Each family has one HELP and one TYPE before its samples, which are together; no sample
comes twice; counters do not go below zero; histograms are cumulative, end in +Inf, and agree
with their count. Prints how many samples there are.
"""
import math
import re
import sys

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"')


def fail(number, line, why):
    sys.exit(f"line {number}: {why}: {line}")


def parse_labels(number, line, text):
    labels, at = {}, 0
    while at < len(text):
        m = LABEL.match(text, at)
        if not m or m.group(1) in labels:
            fail(number, line, "bad label")
        labels[m.group(1)] = m.group(2)
        at = m.end()
        if at < len(text):
            if text[at] != "," or at + 1 == len(text):
                fail(number, line, "bad separator")
            at += 1
    return labels


def family_of(name, types):
    for suffix in ("_bucket", "_sum", "_count"):
        base = name[: -len(suffix)]
        if name.endswith(suffix) and types.get(base) == "histogram":
            return base, suffix
    return name, ""


def check_histogram(key, parts):
    buckets = parts.get("_bucket", [])
    if not buckets or buckets[-1][0] != math.inf:
        sys.exit(f"{key}: no +Inf")
    for (le, n), (next_le, next_n) in zip(buckets, buckets[1:]):
        if next_le <= le or next_n < n:
            sys.exit(f"{key}: not cumulative at {next_le}")
    if parts.get("_count") != buckets[-1][1] or "_sum" not in parts:
        sys.exit(f"{key}: count and sum do not fit")


def main():
    text = sys.stdin.buffer.read().decode("utf-8")
    if not text.endswith("\n"):
        sys.exit("no newline at the end")
    helps, types, seen, histograms, done = set(), {}, set(), {}, set()
    current = None
    for number, line in enumerate(text[:-1].split("\n"), 1):
        words = line.split(" ", 3)
        if line.startswith("# HELP "):
            if len(words) < 4 or words[2] in helps or not NAME.fullmatch(words[2]):
                fail(number, line, "bad HELP")
            helps.add(words[2])
            continue
        if line.startswith("# TYPE "):
            if len(words) != 4 or words[2] in types or words[2] not in helps or \
                    words[3] not in ("counter", "gauge", "histogram"):
                fail(number, line, "bad TYPE")
            types[words[2]] = words[3]
            continue
        m = re.fullmatch(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)", line)
        if not m:
            fail(number, line, "no sample")
        name, labels, value = m.group(1), parse_labels(number, line, m.group(2) or ""), float(m.group(3))
        family, suffix = family_of(name, types)
        if family not in types:
            fail(number, line, "no TYPE")
        if family != current:
            if family in done:
                fail(number, line, "its family is apart")
            done.add(family)
            current = family
        if math.isnan(value) or (types[family] != "gauge" and value < 0):
            fail(number, line, "bad value")
        if (types[family] == "counter") != family.endswith("_total"):
            fail(number, line, "counters and they alone end in _total")
        identity = (name, tuple(sorted(labels.items())))
        if identity in seen:
            fail(number, line, "twice")
        seen.add(identity)
        if types[family] == "histogram":
            le = labels.pop("le", None)
            parts = histograms.setdefault((family, tuple(sorted(labels.items()))), {})
            if (suffix == "_bucket") != (le is not None):
                fail(number, line, "le")
            if suffix == "_bucket":
                parts.setdefault(suffix, []).append((float(le), value))
            else:
                parts[suffix] = value
    for key, parts in histograms.items():
        check_histogram(key, parts)
    print(len(seen))


main()
