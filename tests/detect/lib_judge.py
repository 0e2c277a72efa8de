# SPDX-License-Identifier: Apache-2.0
"""What weir said of a case that ran, held against what the case says: found, by which evidence, how soon, and whether
the right calls are blamed."""

import datetime
import json
import os
import subprocess

from lib_case import DETECTORS, FOUND, SEVERITIES, WEIR


def describe(about):
    return {
        "name": about.name, "family": about.family, "evasion": about.evasion, "split": about.split,
        "quick": about.quick, "refused": about.refused, "outside": about.outside, "detectors": list(about.detectors), "about": about.doc.split("\n")[0], "why": about.why,
        "kind": "innocent" if about.family == "innocent" else "evasion" if about.evasion else "attack",
    }


def rank(finding):
    return SEVERITIES.index(finding["severity"])


def shown(finding):
    return {
        "detector": finding["detector"], "severity": finding["severity"], "call": finding["call"],
        "confidence": finding["confidence"], "kinds": [s["kind"] for s in finding.get("signs", ())],
        "summary": finding["summary"],
    }


def unix(text):
    """2026-01-01T00:00:00.123456789Z in seconds."""
    whole, _, part = text.rstrip("Z").partition(".")
    when = datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.timezone.utc)
    return when.timestamp() + float("0." + (part or "0"))


def first_found(c, wanted, blamed):
    """When a detector of these first said medium or more of a call to blame: seconds since the mark, or None."""
    for e in c.events("--kind", "finding"):
        f = e["finding"]
        if f["detector"] in wanted and rank(f) >= FOUND and f["call"] in blamed:
            return max(0.0, round(unix(e["ts"]) - c.marked, 2)) if c.marked else None
    return None


def pcap(c):
    """The same detectors over the capture: what they found there at medium or above."""
    if not c.capture or not os.path.exists(c.capture):
        return None
    ran = subprocess.run([WEIR, "pcap", "-f", "json", c.capture], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        findings = json.loads(ran.stdout)["findings"]
    except (ValueError, KeyError):
        return None
    return [shown(f) for f in findings if f["detector"] in DETECTORS]


def judge(c):
    about = c.about
    result = {"worked": c.proofs, "capture": c.capture, "run": about.name, "calls": sorted(c.guilty)}
    result["began"] = c.marked or c.begun
    result["pcap"] = pcap(c)
    if about.outside:
        worst = max((f for f in result["pcap"] or () if f["detector"] in about.detectors), key=rank, default=None)
        result.update(found=worst is not None and rank(worst) >= FOUND, best=worst, blame=True, strangers=[], delay=None)
        return result
    findings = [f for f in c.findings() if f["detector"] in DETECTORS]
    if about.refused:  # that the record has the refusal is what the case itself proves
        result.update(found=True, best=None, blame=True, strangers=[], delay=None)
        return result
    wanted = [f for f in findings if f["detector"] in about.detectors]
    # what no call did enough of is the run's, and its sentence names the calls
    blamed = c.guilty | ({0} if len(c.guilty) > 2 else set())
    strong = [f for f in wanted if rank(f) >= FOUND and f["call"] in blamed]
    best = max(strong or wanted, key=lambda f: (rank(f), f["confidence"]), default=None)
    result["best"] = shown(best) if best else None
    result["others"] = [shown(f) for f in findings if f is not best]
    if c.starved and not strong:
        return {"skipped": c.starved}
    result["found"] = bool(strong)
    result["delay"] = first_found(c, about.detectors, blamed) if strong else None
    behind = {f["call"] for f in strong} | {e["call"] for f in strong for e in f.get("via", ()) if e.get("call")}
    result["blame"] = c.guilty <= behind or 0 in behind & blamed
    result["strangers"] = [shown(f) for f in findings if rank(f) >= FOUND and f["call"] not in blamed | c.partners]
    return result


def bad(r):
    """A failure of the test: an attack that did not work or was not found, an innocent call that was accused."""
    if "skipped" in r:
        return False
    if "broken" in r or r.get("strangers"):
        return True
    if r["kind"] == "innocent":
        return False
    return "found" in r and not r["evasion"] and not (r["found"] and r["blame"])


def verdict(r):
    if "skipped" in r:
        return "skipped: " + r["skipped"]
    if "broken" in r:
        return "did not work: " + r["broken"]
    if "found" not in r:
        return "works: " + "; ".join(dict.fromkeys(r["worked"]))
    if r["refused"]:
        return "refused, and recorded: " + "; ".join(r["worked"])
    best = r["best"]
    word = "%s, %s (%s)" % (best["detector"], best["severity"], " ".join(best["kinds"])) if best else "nothing"
    if r["kind"] == "innocent":
        return "accused" if r["strangers"] else "silent"
    if not r["found"]:
        return "missed: " + word
    late = "" if r["delay"] is None else ", %.1f s" % r["delay"]
    return "found: %s, confidence %d%s" % (word, best["confidence"], late)


LATE = 10.0  # seconds: what is found after more is found late


def evasions(results):
    """The table of SECURITY.md, in Markdown."""
    yield "| aims at | by | outcome |"
    yield "|---|---|---|"
    for r in results:
        if not r["evasion"] or "found" not in r:
            continue
        best = r["best"]
        if r["found"]:
            late = r["delay"] is not None and r["delay"] > LATE
            outcome = "found%s: %s (%s)" % (" late, after %.0f s" % r["delay"] if late else "", best["severity"], ", ".join(best["kinds"]))
        else:
            outcome = "**missed**%s" % (": " + r["why"] if r["why"] else "")
            if best:
                outcome += " (%s: %s)" % (best["severity"], ", ".join(best["kinds"]))
        yield "| %s | %s | %s |" % (r["family"].replace("_", " "), r["about"], outcome)


def enter(path, results):
    """Writes that table between the two comments that wait for it."""
    begin, end = "<!-- evasions: written by tests/detect/run --enter -->\n", "<!-- end of evasions -->\n"
    with open(path) as file:
        text = file.read()
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    if not after:
        raise SystemExit("%s has no place for the table" % path)
    with open(path, "w") as file:
        file.write(before + begin + "".join(line + "\n" for line in evasions(results)) + end + after)


def tell(number, r):
    print("%sok %d - %s%s" % ("not " if bad(r) else "", number, r["name"], " # SKIP " + r["skipped"] if "skipped" in r else ""))
    print("#   %s" % verdict(r), flush=True)
    if bad(r) and "broken" not in r:
        if not r["blame"]:
            print("#   to blame: %s" % r["calls"])
        for f in r["strangers"] + r.get("others", []):
            print("#   also: call %(call)s %(severity)s %(detector)s %(kinds)s: %(summary)s" % f, flush=True)


def table(results):
    rows = [("family", "case", "split", "found", "blame", "after s", "capture")]
    for r in results:
        if "broken" in r or "skipped" in r:
            rows.append((r["family"], r["name"], r["split"], verdict(r)[:60], "-", "-", "-"))
            continue
        strong = [f for f in r["pcap"] or () if SEVERITIES.index(f["severity"]) >= FOUND and f["detector"] in r["detectors"]]
        in_capture = "-" if r["pcap"] is None else strong[0]["severity"] if strong else "no"
        best = r["best"]
        found = "refused" if r["refused"] else "no" if not r["found"] else "%s: %s" % (best["severity"], " ".join(best["kinds"]))
        if not r["found"] and best:
            found = "no (%s: %s)" % (best["severity"], " ".join(best["kinds"]))
        delay = "-" if r["delay"] is None else "%.1f" % r["delay"]
        rows.append((r["family"], r["name"], r["split"], found, "right" if r["blame"] else "no", delay, in_capture))
    widths = [max(len(row[i]) for row in rows) for i in range(7)]
    for row in rows:
        print("# " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    for family in sorted({(r["evasion"], r["family"]) for r in results}):
        these = [r for r in results if (r["evasion"], r["family"]) == family and "found" in r]
        print("# %s%s: %d of %d found" % ("evasions of " if family[0] else "", family[1], sum(r["found"] for r in these), len(these)))


def write(out, results):
    with open(out + "/results.json", "w") as file:
        json.dump(results, file, indent=1)
    with open(out + "/cases.tsv", "w") as file:
        for r in results:
            if "found" in r and not r["refused"]:
                row = (r["name"], r["split"], r["kind"], ",".join(r["detectors"]), r["run"],
                       min(r["calls"], default=1), max(r["calls"], default=1), "%.6f" % r["began"] if r["began"] else "-", r["capture"] or "-")
                file.write("\t".join(str(cell) for cell in row) + "\n")
