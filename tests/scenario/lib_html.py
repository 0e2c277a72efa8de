# SPDX-License-Identifier: Apache-2.0
"""Looks at a page that weir wrote with a browser's eyes, and says what holds, as lines "ok NAME" and "not NAME: MORE":
lib_html.py PAGE [big]. `big`: a page of 1,000 calls and 100,000 events, for time. The witnesses are the browser
(requests, violations of the page's policy, its accessibility tree) and the contrast as it is computed here."""
import base64
import hashlib
import html.parser
import json
import re
import sys

from lib_browser import Browser

LOAD_MAX = 8.0  # seconds, on two busy cores; some 0.5 on idle ones
FRAME_MAX = 100  # milliseconds for 95 of 100 frames; some 17 on an idle machine
TARGET_MIN = 24  # pixels, WCAG 2.2, 2.5.8

# Runs before any script of the page: what would be caught in vain afterwards, and what the checks below share.
BEFORE = r"""
window.violations = [];
document.addEventListener("securitypolicyviolation", e => violations.push(e.violatedDirective + " " + e.blockedURI));
window.alert = () => { window.hacked = 1; };
window.probe = {
    id: id => document.getElementById(id),
    report: () => JSON.parse(probe.id("report").textContent),
    chosen: () => document.querySelector("#lanes [aria-selected=true]"),
    heading: () => document.querySelector("#panel h3").textContent,
    bar: () => Number(probe.chosen().querySelector(".bar").getAttribute("width")),
    evidence: () => Boolean(document.querySelector(".finding.chosen .evidence .did")),
    center: e => (b => [b.left + b.width / 2, b.top + b.height / 2])(e.getBoundingClientRect()),
    bringLanes: () => probe.id("lanes").scrollIntoView({block: "center", behavior: "instant"}),
    send: (Event, name, more) => probe.id("lanes").dispatchEvent(new Event(name, {bubbles: true, cancelable: true, ...more})),
};
"""

# Text whose contrast is too low by WCAG 2.2, 1.4.3 (4.5, large text 3), and figures by 1.4.11 (3).
CONTRAST = r"""(() => {
    const parse = c => { const m = c.match(/[\d.]+/g).map(Number); return {rgb: m.slice(0, 3), a: m[3] ?? 1}; };
    const linear = v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
    const luminance = rgb => rgb.reduce((sum, v, i) => sum + linear(v / 255) * [.2126, .7152, .0722][i], 0);
    const ratio = (a, b) => {
        const [x, y] = [luminance(a), luminance(b)].sort((m, n) => n - m);
        return (x + .05) / (y + .05);
    };
    const over = (top, under) => top.rgb.map((v, i) => v * top.a + under[i] * (1 - top.a));
    const ground = e => {
        const layers = [];
        for (let c; e && c?.a !== 1; e = e.parentElement) layers.push(c = parse(getComputedStyle(e).backgroundColor));
        return layers.reverse().reduce((under, c) => over(c, under), [255, 255, 255]);
    };
    const low = [], seen = e => e.getBoundingClientRect().width && getComputedStyle(e).visibility !== "hidden";
    const name = e => e.getAttribute("class") ?? e.parentElement.getAttribute("class");
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node; node = walk.nextNode();) {
        const e = node.parentElement, style = getComputedStyle(e);
        if (!node.data.trim() || !seen(e) || e.closest("script, style, title, :disabled")) continue;
        const ink = over(parse(e instanceof SVGElement ? style.fill : style.color), ground(e));
        const found = ratio(ink, ground(e));
        if (found < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) low.push(`${found.toFixed(2)} ${name(e)}: ${node.data.slice(0, 30)}`);
    }
    for (const e of document.querySelectorAll(".bar, .tail, .events, .refused, .mark path, path.mark, .arrow .line")) {
        const style = getComputedStyle(e);
        const lines = e.matches(".bar, .tail, .line, .mark.info path, path.info");
        const found = ratio(parse(lines ? style.stroke : style.fill).rgb, ground(e.closest("div")));
        if (seen(e) && found < 3) low.push(`${found.toFixed(2)} figure ${name(e)}`);
    }
    return [...new Set(low)];
})()"""

# Faults in the document that a checker would find; what elements are called is asked of the browser itself.
FAULTS = r"""(() => {
    const faults = [], ids = new Set(), all = document.querySelectorAll.bind(document);
    for (const { id } of all("[id]")) {
        if (ids.has(id)) faults.push("id twice: " + id);
        ids.add(id);
    }
    for (const name of ["aria-labelledby", "aria-describedby", "aria-activedescendant"])
        for (const e of all(`[${name}]`))
            if (!ids.has(e.getAttribute(name))) faults.push(`${name} of nothing: ${e.getAttribute(name)}`);
    for (const e of all("svg"))
        if (!e.closest("[aria-hidden=true]") && !e.getAttribute("aria-label")) faults.push("figure without a name");
    for (const { hash } of all("a[href^='#']"))
        if (!ids.has(hash.slice(1)) && !/^#(call-\d+|F\d+)$/.test(hash)) faults.push("link to nothing: " + hash);
    let level = 0;
    for (const e of all("h1, h2, h3, h4")) {
        if (e.tagName[1] > level + 1) faults.push(`heading skips from ${level}: ${e.textContent}`);
        level = Number(e.tagName[1]);
    }
    for (const e of all("th")) if (!e.scope) faults.push("th without scope");
    for (const e of all("[role=option]"))
        if (!e.closest("[role=listbox]") || !e.getAttribute("aria-setsize")) faults.push("option outside a list");
    if (document.documentElement.lang !== "en") faults.push("no language");
    if (!document.querySelector("main")) faults.push("no main");
    return faults;
})()"""

# What would run, load or make markup if only the escaping stood in its way.
ATTACK = """(async () => {
    const script = document.createElement("script");
    let refused = 0;
    try { script.text = "window.hacked = 2"; document.body.append(script); } catch { refused++; }
    try { document.body.insertAdjacentHTML("beforeend", "<img src=x>"); } catch { refused++; }
    try { await fetch("file:///etc/passwd"); } catch { refused++; }
    script.remove();
    return [refused, window.hacked ?? null];
})()"""

# The milliseconds between 90 frames, sorted, while a piece of script runs once in each.
FRAMES = """new Promise(done => {
    const times = [], lanes = probe.id("lanes");
    let last = performance.now(), i = 0;
    const step = () => {
        times.push(performance.now() - last);
        last = performance.now();
        if (++i > 90) return done(times.slice(2).sort((a, b) => a - b));
        %s;
        requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
})"""
MOVES = {
    "scrolling": "lanes.scrollTop = (i * 300) % (lanes.scrollHeight - lanes.clientHeight)",
    "zooming": "probe.send(WheelEvent, 'wheel', {ctrlKey: true, deltaY: i < 45 ? -40 : 40, clientX: 700})",
    "moving in time": "probe.send(KeyboardEvent, 'keydown', {key: i % 2 ? 'ArrowRight' : 'ArrowLeft'})",
}

results = []


def check(holds, name, more=""):
    results.append(bool(holds))
    print(f"ok {name}" if holds else f"not {name}: {str(more)[:1500]}".replace("\n", " "), flush=True)


class Markup(html.parser.HTMLParser):
    """Another reader of the page: which elements there are, and what its scripts and styles hold."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.policy, self.blocks, self.current = set(), "", [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.add(tag)
        if attrs.get("http-equiv") == "Content-Security-Policy":
            self.policy = attrs["content"]
        if tag in ("script", "style"):
            self.current = [attrs.get("type", tag), ""]
            self.blocks.append(self.current)

    def handle_data(self, data):
        if self.current:
            self.current[1] += data

    def handle_endtag(self, tag):
        self.current = None


def look_at_source(path):
    with open(path, encoding="utf-8", newline="") as f:
        page = Markup(f.read())  # strict: the page is valid UTF-8
    allowed = {kind: f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
               for kind, text in page.blocks}
    policy = {words[0]: words[1:] for words in map(str.split, page.policy.split(";"))}
    check(policy.get("default-src") == ["'none'"] and policy.get("script-src") == [allowed["module"]]
          and policy.get("style-src") == [allowed["style"]],
          "the policy allows the script and the style, by hash, and nothing else", page.policy)
    loading = {"img", "iframe", "object", "embed", "link", "base", "form", "video", "audio"} & page.tags
    check(not loading and not {"u", "i"} & page.tags, "the page has no element that loads, and none of an agent", page.tags)
    data = [json.loads(text) for kind, text in page.blocks if kind == "application/json"]
    check(len(data) == 2 and data[0]["run"]["id"], "both blocks of data are JSON")


def look_at_safety(browser):
    requests = [p["request"]["url"] for p in browser.gathered("Network.requestWillBeSent")]
    check(len(requests) == 1 and requests[0].startswith("file:"),
          "the browser asked for the page itself and nothing else", requests)
    check((found := browser.evaluate("violations")) == [], "the page's policy was not violated once", found)
    check((found := browser.gathered("Runtime.exceptionThrown")) == [], "no script failed", found)
    check((found := browser.gathered("Log.entryAdded")) == [], "nothing is in the browser's log", found)
    check(browser.evaluate("window.hacked ?? ({}).hacked ?? null") is None, "no text of the agent ran")
    foreign = "img, iframe, script:not([type]), u, i, [onerror], [onload]"
    check(browser.evaluate(f"document.querySelectorAll('{foreign}').length") == 0, "or became an element")
    hidden = r"/[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f]/g"
    check((found := browser.evaluate(f"document.body.innerText.match({hidden})")) is None,
          "no hidden character is in the text", found)
    check((found := browser.evaluate(ATTACK)) == [3, None],
          "script, markup and requests that are tried in the page are refused", found)


def nameless(browser):
    """The controls of which the browser has no name to tell a screen reader."""
    named = {"button", "link", "textbox", "searchbox", "checkbox", "listbox", "option", "region", "complementary", "image"}
    nodes = [n for n in browser.send("Accessibility.getFullAXTree")["nodes"] if not n.get("ignored")]
    return [n["role"]["value"] for n in nodes
            if n.get("role", {}).get("value") in named and not n.get("name", {}).get("value", "").strip()]


def look_at_access(browser):
    for scheme in ("light", "dark"):
        browser.media(prefers_color_scheme=scheme)
        browser.settle()
        check((low := browser.evaluate(CONTRAST)) == [], f"contrast is enough, {scheme}", low)
    browser.media(prefers_color_scheme="light", prefers_reduced_motion="reduce")
    check(browser.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto",
          "nothing moves by itself where that is not wanted")
    check((found := nameless(browser)) == [], "every control has a name", found)
    check((faults := browser.evaluate(FAULTS)) == [], "the document is well made", faults)
    rows, calls = browser.evaluate("[document.querySelectorAll('#table tbody tr').length, probe.report().calls.length]")
    check(rows == min(calls, 500), "the table has the calls", rows)


def look_at_truth(browser):
    """The page's word on the record against the record's own numbers."""
    report = browser.evaluate("probe.report()")
    lacks = report["completeness"]
    if lacks["damage"]:
        wanted = "Damaged"
    elif lacks["lost"] or lacks["gaps"] or lacks["gaps_more"] or lacks["provenance"]["handovers_lost"]:
        wanted = "Incomplete"
    elif any(sensor["state"] != "enforced" for sensor in report["sensors"]):
        wanted = "Partly blind"
    else:
        wanted = "Complete"
    said = browser.evaluate("document.querySelector('#answers section:last-child b').textContent")
    check(said == wanted, f"it says of the record: {wanted}", said)
    everything = browser.evaluate("document.body.textContent")
    lines = report["barriers"] + report["sensors"]
    missing = [line for line in lines if f"{line['name']} {line['state']}" not in everything]
    check(not missing and (report["root"] or "none yet") in everything,
          "each barrier and sensor is there with its state, and the root", missing)


def look_at_keys(browser):
    focus = "document.activeElement.id"
    last = browser.evaluate("Math.max(...probe.report().calls.map(c => c.n))")
    for _ in range(40):
        browser.key("Tab")
        if browser.evaluate(focus) == "lanes":
            break
    check(browser.evaluate(focus) == "lanes", "Tab comes to the lanes", browser.evaluate(focus))
    ring = browser.evaluate("(o => o.outlineStyle + parseFloat(o.outlineWidth))(getComputedStyle(probe.chosen()))")
    check(ring == "solid2", "where the focus is can be seen", ring)
    browser.key("Home")
    browser.key("ArrowDown")
    check(browser.evaluate("probe.heading()").startswith("Call 1 "), "Home and an arrow choose the first call")
    check(browser.evaluate("probe.id('lanes').getAttribute('aria-activedescendant')") == "lane-1",
          "and a screen reader is told which")
    browser.key("End")
    check(browser.evaluate("probe.chosen().dataset.call") == str(last), "End chooses the last call")
    outside = browser.evaluate("""((a, b) => Math.max(a.top - b.top, b.bottom - a.bottom))(
        probe.id("lanes").getBoundingClientRect(), probe.chosen().getBoundingClientRect())""")
    check(outside <= 1, "and brings it into sight", outside)
    before = browser.evaluate("probe.bar()")
    browser.key("z")
    check(browser.evaluate("probe.bar()") > min(5 * before, 300), "z zooms to it", browser.evaluate("probe.bar()"))
    browser.key("0")
    check(abs(browser.evaluate("probe.bar()") - before) < 1, "0 shows the whole run again")
    for key in ("+", "ArrowLeft", "-", "n"):
        browser.key(key)
    found = browser.evaluate("location.hash")
    check(re.fullmatch(r"#F\d+", found) and browser.evaluate("probe.evidence()"),
          "n goes to the next finding and shows its evidence", found)
    judged = next(f for f in browser.evaluate("probe.report()")["findings"] if "#" + f["id"] == found)
    said = browser.evaluate("document.querySelector('.finding.chosen').textContent")
    wanted = [judged["done"], f"{judged['confidence']} kind", *map(str, judged["flows"])]
    wanted += [w for sign in judged["signs"] if len(judged["signs"]) > 1 for w in (sign["kind"], sign["seen"])]
    check(all(w in said for w in wanted if w), "with its kinds of evidence, its flows and what was done", said)
    browser.key("n")
    browser.key("p")
    check(browser.evaluate("location.hash") == found, "p goes back", browser.evaluate("location.hash"))
    browser.key("Enter")
    check(browser.evaluate(focus) == "panel", "Enter reads the call", browser.evaluate(focus))
    browser.key("Escape")
    check(browser.evaluate(focus) == "lanes", "Escape comes back")
    browser.key("/")
    check(browser.evaluate(focus) == "search", "/ searches")
    for letter in "call 1":
        browser.key(letter)
    count = browser.evaluate("Number(document.querySelector('.lane').getAttribute('aria-setsize'))")
    check(0 < count <= last, "and the lanes are those that match", count)
    check(" of " in browser.evaluate("probe.id('shown').textContent"), "how many is said")
    browser.key("Escape")
    check(browser.evaluate("probe.id('search').value") == "", "Escape shows all again")


def look_at_pointer(browser):
    browser.evaluate("probe.bringLanes(), probe.id('lanes').scrollTop = 0")
    browser.settle()
    browser.click(*browser.evaluate("probe.center(document.querySelector('[data-call=\"1\"] .name'))"))
    check(browser.evaluate("probe.heading()").startswith("Call 1 "), "a click on a lane shows the call")
    check(browser.evaluate("Boolean(document.querySelector('#panel pre')?.textContent)"), "with its command")
    browser.evaluate("probe.id('zoom-all').click(), probe.id('guilty-only').click()")
    browser.settle()
    wanted = browser.evaluate("document.querySelector('.plot [data-finding]').dataset.finding")
    browser.click(*browser.evaluate("probe.center(document.querySelector('.plot [data-finding]'))"))
    check(browser.evaluate("location.hash") == "#" + wanted and browser.evaluate("probe.evidence()"),
          "a click on a mark shows the finding and its evidence", browser.evaluate("location.hash") + wanted)
    browser.evaluate("probe.id('guilty-only').click()")


def look_at_arrows(browser):
    edge = browser.evaluate("probe.report().edges.find(e => e.from !== null)")
    if not edge:
        return
    browser.evaluate(f"location.hash = 'call-{edge['to']}'")
    browser.eventually(f"probe.chosen()?.dataset.call === '{edge['to']}'")
    browser.settle()
    arrows = browser.evaluate("[...document.querySelectorAll('.arrow.chosen title')].map(title => title.textContent)")
    words = re.compile(rf"call {edge['to']}: .*call {edge['from']}\b")
    check(any(map(words.match, arrows)), "an arrow leads to the chosen call and says how", arrows)
    kinds = browser.evaluate("[...document.querySelectorAll('.arrows .kind')].map(text => text.textContent).join()")
    check(edge["kind"] in kinds, "its kind is written beside it", kinds)
    check(browser.evaluate(f"Boolean(document.querySelector('#panel a[href=\"#call-{edge['from']}\"]'))"),
          "and the call behind it is linked")
    label = browser.evaluate("probe.chosen().getAttribute('aria-label')")
    check("stands on" in label and f"call {edge['from']}" in label, "and a screen reader is told of it", label)


def touch(browser, kind, *points):
    browser.send("Input.dispatchTouchEvent", type=kind,
                 touchPoints=[{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)])


def look_at_phone(browser):
    for width in (320, 400, 768):
        browser.size(width, 700, mobile=width < 700)
        browser.settle()
        wide = browser.evaluate("document.documentElement.scrollWidth")
        check(wide <= width, f"{width} pixels wide: nothing to scroll sideways", wide)
    browser.size(320, 700, mobile=True)
    browser.settle()
    browser.settle()
    browser.evaluate("probe.bringLanes()")
    browser.settle()
    small = browser.evaluate(f"""[...document.querySelectorAll("button, .lane, input")].filter(e => e.offsetParent &&
        (e.closest("label") ?? e).getBoundingClientRect().height < {TARGET_MIN}).map(e => e.id || e.textContent)""")
    check(small == [], "what is touched is large enough", small)
    spot, wanted = browser.evaluate("(e => [probe.center(e.firstChild), e.dataset.call])(document.querySelectorAll('.lane')[2])")
    touch(browser, "touchStart", spot)
    touch(browser, "touchEnd")
    check(browser.eventually(f"probe.chosen()?.dataset.call === '{wanted}'"), "a touch chooses a call",
          [spot, wanted, browser.evaluate("probe.chosen().dataset.call"), browser.evaluate("probe.center(probe.id('lanes'))")])
    browser.evaluate("probe.bringLanes()")
    browser.settle()
    axis = "probe.id('axis').textContent"
    before = browser.evaluate(axis)
    x, y = browser.evaluate("probe.center(probe.id('lanes'))")
    for kind, apart in (("touchStart", 10), ("touchMove", 20), ("touchMove", 45)):
        touch(browser, kind, (x - apart, y), (x + apart, y))
    touch(browser, "touchEnd")
    check(browser.eventually(f"{axis} !== {json.dumps(before)}"), "two fingers zoom", before)
    browser.size(1280, 900)


def look_at_paper(browser):
    pdf = base64.b64decode(browser.send("Page.printToPDF", printBackground=True)["data"])
    check(pdf.startswith(b"%PDF") and re.search(rb"/Type\s*/Page\b", pdf), "it prints")


def look_at_speed(browser):
    took = browser.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd") / 1000
    check(took < LOAD_MAX, f"loads within {LOAD_MAX} s", f"{took:.2f} s")
    print(f"# loaded in {took:.2f} s", flush=True)
    for name, move in MOVES.items():
        times = browser.evaluate(FRAMES % move)
        median, late = times[len(times) // 2], times[int(len(times) * 0.95)]
        check(late < FRAME_MAX, f"{name}: 95 of 100 frames within {FRAME_MAX} ms", f"{late:.1f} ms")
        print(f"# {name}: median {median:.1f} ms, 95 of 100 within {late:.1f} ms", flush=True)
    lanes = browser.evaluate("document.querySelectorAll('.lane').length")
    check(lanes < 60, "only the lanes in sight exist", lanes)


def main():
    path, big = sys.argv[1], "big" in sys.argv[2:]
    look_at_source(path)
    with Browser() as browser:
        browser.send("Page.enable")
        browser.send("Page.addScriptToEvaluateOnNewDocument", source=BEFORE)
        browser.size(1280, 900)
        browser.media(prefers_color_scheme="light")
        browser.open(path)
        if big:
            look_at_speed(browser)
        for look in (look_at_access, look_at_truth, look_at_keys, look_at_pointer, look_at_arrows, look_at_phone,
                     look_at_paper, look_at_safety):
            look(browser)
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
