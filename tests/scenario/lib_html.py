# SPDX-License-Identifier: Apache-2.0
"""Looks at a page that weir wrote with a browser's eyes, and says what holds as lines "ok NAME" or "not NAME: MORE":
lib_html.py PAGE [big]. `big`: a page of 1,000 calls and 100,000 events, for time. The witnesses are the browser
(requests, violations of the page's policy, its accessibility tree) and this file's own contrast computation."""
import base64
import hashlib
import html.parser
import json
import re
import sys

from lib_browser import Browser

LOAD_MAX = 8.0  # seconds, on two busy cores; some 0.4 on idle ones
FRAME_MAX = 100  # milliseconds for 95 of 100 frames; some 17 on an idle machine

# Runs before any script of the page: what would be caught in vain afterwards.
BEFORE = """
window.violations = [];
document.addEventListener("securitypolicyviolation", e => violations.push(e.violatedDirective + " " + e.blockedURI));
window.alert = () => { window.hacked = 1; };
window.longTasks = [];
new PerformanceObserver(list => longTasks.push(...list.getEntries().map(e => e.duration))).observe({type: "longtask", buffered: true});
"""

# Text whose contrast is too low, by WCAG 2.2: 1.4.3 (4.5, large text 3), and figures by 1.4.11 (3).
CONTRAST = r"""(() => {
	const parse = c => { const m = c.match(/[\d.]+/g).map(Number); return {rgb: m.slice(0, 3), a: m[3] ?? 1}; };
	const luminance = rgb => rgb.map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
	const ratio = (a, b) => { const [x, y] = [luminance(a), luminance(b)].sort((m, n) => n - m); return (x + .05) / (y + .05); };
	const over = (top, under) => top.rgb.map((v, i) => v * top.a + under[i] * (1 - top.a));
	const ground = e => {
		const layers = [];
		for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.a) layers.push(c); if (c.a === 1) break; }
		return layers.reverse().reduce((under, c) => over(c, under), [255, 255, 255]);
	};
	const low = [];
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let node; node = walk.nextNode();) {
		const e = node.parentElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
		if (!node.data.trim() || !box.width || style.visibility === "hidden" || e.closest("script, style, title, :disabled")) continue;
		const svg = e instanceof SVGElement, size = parseFloat(style.fontSize);
		const r = ratio(over(parse(svg ? style.fill : style.color), ground(e)), ground(e));
		if (r < (size >= 24 ? 3 : 4.5)) low.push(`${r.toFixed(2)} ${e.className?.baseVal ?? e.className}: ${node.data.trim().slice(0, 30)}`);
	}
	for (const e of document.querySelectorAll(".bar, .tail, .events, .refused, .mark path, path.mark, .arrow .line")) {
		const style = getComputedStyle(e), paint = e.matches(".bar, .tail, .line, .info path, path.info") ? style.stroke : style.fill;
		if (!e.getBoundingClientRect().width) continue;
		const r = ratio(parse(paint).rgb, ground(e.closest("div")));
		if (r < 3) low.push(`${r.toFixed(2)} figure ${e.getAttribute("class") ?? e.parentElement.getAttribute("class")}`);
	}
	return [...new Set(low)];
})()"""

# Faults in the document that a checker would find; what elements are called is asked of the browser itself.
FAULTS = r"""(() => {
	const faults = [], ids = new Set();
	for (const e of document.querySelectorAll("[id]")) { if (ids.has(e.id)) faults.push("id twice: " + e.id); ids.add(e.id); }
	for (const e of document.querySelectorAll("[aria-labelledby], [aria-describedby]"))
		for (const name of ["aria-labelledby", "aria-describedby"])
			for (const id of (e.getAttribute(name) ?? "").split(/\s+/).filter(Boolean)) if (!ids.has(id)) faults.push(name + " of nothing: " + id);
	for (const e of document.querySelectorAll("svg")) if (!e.closest("[aria-hidden=true]") && !e.getAttribute("aria-label")) faults.push("figure without a name");
	for (const e of document.querySelectorAll("a[href^='#']")) {
		const to = e.hash.slice(1);
		if (!ids.has(to) && !/^(call-\d+|F\d+)$/.test(to)) faults.push("link to nothing: " + to);
	}
	let level = 0;
	for (const e of document.querySelectorAll("h1, h2, h3, h4")) {
		const now = Number(e.tagName[1]);
		if (now > level + 1) faults.push(`heading skips from ${level} to ${now}: ${e.textContent}`);
		level = now;
	}
	for (const e of document.querySelectorAll("th")) if (!e.scope) faults.push("th without scope");
	for (const e of document.querySelectorAll("[role=option]"))
		if (!e.closest("[role=listbox]") || !e.getAttribute("aria-setsize")) faults.push("option outside a list");
	if (document.documentElement.lang !== "en") faults.push("no language");
	if (!document.querySelector("main")) faults.push("no main");
	return faults;
})()"""

results = []


def check(holds, name, more=""):
    results.append(bool(holds))
    print(f"ok {name}" if holds else f"not {name}: {str(more)[:1500]}".replace("\n", " "), flush=True)


class Markup(html.parser.HTMLParser):
    """Another reader of the page: which elements there are, and what its scripts and styles hold."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.policy, self.blocks, self.current = [], "", [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        attrs = dict(attrs)
        if attrs.get("http-equiv") == "Content-Security-Policy":
            self.policy = attrs["content"]
        if tag in ("script", "style"):
            self.current = [tag, attrs.get("type"), ""]
            self.blocks.append(self.current)

    def handle_data(self, text):
        if self.current:
            self.current[2] += text

    def handle_endtag(self, tag):
        if tag in ("script", "style"):
            self.current = None


def look_at_source(path):
    with open(path, encoding="utf-8", newline="") as f:
        page = Markup(f.read())  # strict: the page is valid UTF-8
    hashes = {}
    for tag, kind, text in page.blocks:
        hashes[tag if kind != "application/json" else "json"] = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    directives = dict((d.split()[0], d.split()[1:]) for d in page.policy.split(";"))
    check(directives.get("default-src") == ["'none'"] and directives.get("script-src") == [f"'sha256-{hashes['script']}'"]
          and directives.get("style-src") == [f"'sha256-{hashes['style']}'"], "the policy allows the script and the style, by hash, and nothing else", page.policy)
    check(not {"img", "iframe", "object", "link", "base", "form", "u", "i", "video", "audio"} & set(page.tags), "the page has no element that loads anything", page.tags)
    blocks = [json.loads(text) for tag, kind, text in page.blocks if kind == "application/json"]
    check(len(blocks) == 2 and blocks[0]["run"]["id"], "both blocks of data are JSON")
    return blocks


def look_at_safety(browser, path):
    requests = [p["request"]["url"] for p in browser.gathered("Network.requestWillBeSent")]
    check(len(requests) == 1 and requests[0].startswith("file:"), "the browser asked for the page itself and nothing else", requests)
    check(browser.evaluate("violations") == [], "the page's policy was not violated once", browser.evaluate("violations"))
    check(browser.gathered("Runtime.exceptionThrown") == [], "no script failed", browser.gathered("Runtime.exceptionThrown"))
    check(browser.gathered("Log.entryAdded") == [], "nothing is in the browser's log", browser.gathered("Log.entryAdded"))
    check(browser.evaluate("window.hacked ?? ({}).hacked ?? null") is None, "no text of the agent ran")
    check(browser.evaluate("document.querySelectorAll('img, iframe, script:not([type]), u, i, [onerror], [onload]').length") == 0, "or became an element")
    hidden = browser.evaluate(r"document.body.innerText.match(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f]/g)")
    check(hidden is None, "no hidden character is in the text", hidden)
    # The policy holds: what would run without it does not.
    tried = browser.evaluate("""(async () => {
        const s = document.createElement("script"); let refused = 0;
        try { s.text = "window.hacked = 2"; document.body.append(s); } catch { refused++; }
        try { document.body.insertAdjacentHTML("beforeend", "<img src=x>"); } catch { refused++; }
        try { await fetch("file:///etc/passwd"); } catch { refused++; }
        s.remove();
        return [refused, window.hacked ?? null];
    })()""")
    check(tried == [3, None], "script, markup and requests that are tried in the page are refused", tried)


def names(browser):
    """What the browser tells a screen reader: every control has a name."""
    needs = {"button", "link", "textbox", "searchbox", "checkbox", "listbox", "option", "region", "complementary", "image", "table"}
    nameless = []
    for node in browser.send("Accessibility.getFullAXTree")["nodes"]:
        role = node.get("role", {}).get("value")
        if not node.get("ignored") and role in needs and not node.get("name", {}).get("value", "").strip() and role != "table":
            nameless.append(role)
    return nameless


def look_at_access(browser):
    for scheme in ("light", "dark"):
        browser.media(prefers_color_scheme=scheme)
        browser.settle()
        check((low := browser.evaluate(CONTRAST)) == [], f"contrast is enough, {scheme}", low)
    browser.media(prefers_color_scheme="light", prefers_reduced_motion="reduce")
    check(browser.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto", "nothing moves by itself where that is not wanted")
    check((nameless := names(browser)) == [], "every control has a name", nameless)
    check((faults := browser.evaluate(FAULTS)) == [], "the document is well made", faults)
    calls = browser.evaluate("document.querySelectorAll('#table tbody tr').length")
    check(calls == browser.evaluate("Math.min(JSON.parse(document.getElementById('report').textContent).calls.length, 500)"), "the table has the calls", calls)


def look_at_keys(browser):
    chosen = "document.querySelector('#lanes [aria-selected=true]')?.dataset.call ?? null"
    shown = "document.querySelector('#panel h3').textContent"
    focus = "document.activeElement.id"
    for _ in range(40):
        browser.key("Tab")
        if browser.evaluate(focus) == "lanes":
            break
    check(browser.evaluate(focus) == "lanes", "Tab comes to the lanes", browser.evaluate(focus))
    ring = browser.evaluate("(o => o.outlineStyle + parseFloat(o.outlineWidth))(getComputedStyle(document.querySelector('#lanes [aria-selected=true]')))")
    check(ring == "solid2", "where the focus is can be seen", ring)
    browser.key("Home")
    browser.key("ArrowDown")
    check(browser.evaluate(chosen) == "1" and "Call 1" in browser.evaluate(shown), "Home and an arrow choose the first call", browser.evaluate(shown))
    check(browser.evaluate("document.getElementById('lanes').getAttribute('aria-activedescendant')") == "lane-1", "and a screen reader is told which")
    browser.key("End")
    last = browser.evaluate("Math.max(...JSON.parse(document.getElementById('report').textContent).calls.map(c => c.n))")
    check(browser.evaluate(chosen) == str(last), "End chooses the last call", browser.evaluate(chosen))
    inside = browser.evaluate("(l => { const a = l.getBoundingClientRect(), b = l.querySelector('[aria-selected=true]').getBoundingClientRect(); return b.top >= a.top - 1 && b.bottom <= a.bottom + 1; })(document.getElementById('lanes'))")
    check(inside, "and brings it into sight")
    bar = "document.querySelector('#lanes [aria-selected=true] .bar').getAttribute('width')"
    before = float(browser.evaluate(bar))
    browser.key("z")
    check(float(browser.evaluate(bar)) > 5 * before, "z zooms to it", browser.evaluate(bar))
    browser.key("0")
    check(abs(float(browser.evaluate(bar)) - before) < 1, "0 shows the whole run again")
    browser.key("+")
    browser.key("ArrowLeft")
    browser.key("-")
    browser.key("n")
    first = browser.evaluate(shown)
    check(browser.evaluate("/^#F\\d+$/.test(location.hash) && !!document.querySelector('.finding.chosen .evidence .did')"), "n goes to the next finding and shows its evidence", browser.evaluate("location.hash"))
    browser.key("n")
    browser.key("p")
    check(browser.evaluate(shown) == first, "p goes back")
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
    check(browser.evaluate("document.getElementById('shown').textContent.includes(' of ')"), "how many is said")
    browser.key("Escape")
    check(browser.evaluate("document.getElementById('search').value") == "", "Escape shows all again")


def look_at_pointer(browser):
    browser.evaluate("document.getElementById('lanes').scrollIntoView({block: 'center', behavior: 'instant'}), document.getElementById('lanes').scrollTop = 0")
    browser.settle()
    spot = browser.evaluate("(b => [b.left + 30, b.top + b.height / 2])(document.querySelector('[data-call=\"1\"] .name').getBoundingClientRect())")
    browser.click(*spot)
    check(browser.evaluate("document.querySelector('#panel h3').textContent").startswith("Call 1"), "a click on a lane shows the call")
    check(browser.evaluate("!!document.querySelector('#panel pre')?.textContent"), "with its command")
    mark = "document.querySelector('.plot [data-finding]')"
    browser.evaluate("document.getElementById('zoom-all').click()")
    browser.evaluate("document.getElementById('guilty-only').click()")
    browser.settle()
    spot = browser.evaluate(f"(b => [b.left + b.width / 2, b.top + b.height / 2])({mark}.getBoundingClientRect())")
    wanted = browser.evaluate(f"{mark}.dataset.finding")
    browser.click(*spot)
    check(browser.evaluate("location.hash") == "#" + wanted and browser.evaluate("!!document.querySelector('.finding.chosen .did')"),
          "a click on a mark shows the finding and its evidence", browser.evaluate("location.hash") + wanted)
    browser.evaluate("document.getElementById('guilty-only').click()")


def look_at_phone(browser, path):
    for width in (320, 400, 768):
        browser.size(width, 700, mobile=width < 700)
        browser.settle()
        wide = browser.evaluate("document.documentElement.scrollWidth")
        check(wide <= width, f"{width} pixels wide: nothing to scroll sideways", wide)
    browser.size(320, 700, mobile=True)
    browser.evaluate("document.getElementById('lanes').scrollIntoView({block: 'center', behavior: 'instant'})")
    browser.settle()
    small = browser.evaluate("[...document.querySelectorAll('button, .lane, input')].filter(e => e.offsetParent && (e.closest('label') ?? e).getBoundingClientRect().height < 24).map(e => e.id || e.textContent)")
    check(small == [], "what is touched is large enough (WCAG 2.2, 2.5.8)", small)
    spot = browser.evaluate("(b => [b.left + 20, b.top + b.height / 2])(document.querySelectorAll('.lane')[2].getBoundingClientRect())")
    wanted = browser.evaluate("document.querySelectorAll('.lane')[2].dataset.call")
    for kind, points in (("touchStart", [{"x": spot[0], "y": spot[1]}]), ("touchEnd", [])):
        browser.send("Input.dispatchTouchEvent", type=kind, touchPoints=points)
    browser.evaluate("new Promise(done => setTimeout(done, 400))")
    check(browser.evaluate("document.querySelector('#lanes [aria-selected=true]').dataset.call") == wanted, "a touch chooses a call")
    browser.evaluate("document.getElementById('lanes').scrollIntoView({block: 'center', behavior: 'instant'})")
    browser.settle()
    axis = "document.querySelectorAll('#axis text').length && document.querySelector('#axis').textContent"
    before = browser.evaluate(axis)
    x, y = browser.evaluate("(b => [b.left + b.width * .7, b.top + b.height / 2])(document.getElementById('lanes').getBoundingClientRect())")
    for kind, apart in (("touchStart", 20), ("touchMove", 40), ("touchMove", 90), ("touchEnd", None)):
        points = [] if apart is None else [{"x": x - apart / 2, "y": y, "id": 0}, {"x": x + apart / 2, "y": y, "id": 1}]
        browser.send("Input.dispatchTouchEvent", type=kind, touchPoints=points)
    browser.settle()
    check(browser.evaluate(axis) != before, "two fingers zoom", before)
    browser.size(1280, 900)


def look_at_paper(browser):
    pdf = base64.b64decode(browser.send("Page.printToPDF", printBackground=True)["data"])
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    check(pdf.startswith(b"%PDF") and pages >= 1, "it prints", pages)


def frames(browser, what):
    """Milliseconds between frames while a piece of script is run once a frame."""
    return browser.evaluate("""new Promise(done => {
        const times = [], lanes = document.getElementById("lanes");
        let last = performance.now(), i = 0;
        const step = now => {
            times.push(performance.now() - last); last = performance.now();
            if (++i > 90) return done(times.slice(2).sort((a, b) => a - b));
            %s;
            requestAnimationFrame(step);
        };
        requestAnimationFrame(step);
    })""" % what)


def look_at_speed(browser):
    took = browser.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd") / 1000
    check(took < LOAD_MAX, f"loads within {LOAD_MAX} s", f"{took:.2f} s")
    print(f"# loaded in {took:.2f} s", flush=True)
    for name, what in (("scrolling", "lanes.scrollTop = (i * 300) % (lanes.scrollHeight - lanes.clientHeight)"),
                       ("zooming", "lanes.dispatchEvent(new WheelEvent('wheel', {ctrlKey: true, deltaY: i < 45 ? -40 : 40, clientX: 700, bubbles: true, cancelable: true}))"),
                       ("moving in time", "lanes.dispatchEvent(new KeyboardEvent('keydown', {key: i % 2 ? 'ArrowRight' : 'ArrowLeft', bubbles: true, cancelable: true}))")):
        times = frames(browser, what)
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
        look_at_access(browser)
        look_at_keys(browser)
        look_at_pointer(browser)
        look_at_phone(browser, path)
        look_at_paper(browser)
        look_at_safety(browser, path)
    sys.exit(not all(results))


if __name__ == "__main__":
    main()
