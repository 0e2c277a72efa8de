// SPDX-License-Identifier: Apache-2.0
// The page: what a person asks first (what happened, who is to blame, can I trust the record), the findings, the
// drawing with its tools, the table of all calls, and how far the record can be trusted. The chosen call or finding
// is the fragment of the address, so that links, the back button and a reload do what they always do.

const TABLE_STEP = 500;	  // rows that are added at once
const FINDINGS_STEP = 50;
const FINDINGS_PRINTED = 200;
const STATES = { enforced: "●", degraded: "◐", unavailable: "○" };

const get = (id) => document.getElementById(id);

// Fills place with the items, some at first and more on demand.
function inSteps(place, items, step, row, what) {
	let shown = 0;
	const more = make("button", { type: "button", onclick: () => add() });
	const add = () => {
		place.append(...items.slice(shown, shown + step).map(row));
		shown = Math.min(items.length, shown + step);
		more.textContent = `Show ${plural(Math.min(step, items.length - shown), "more " + what)} of ${count(items.length - shown)}`;
		more.hidden = shown >= items.length;
	};

	add();
	return more;
}

// Facts beside each other; each is isolated, so that none changes the direction of the next.
function besides(words) {
	return words.filter(Boolean).map((text, i) => [i ? " · " : "", make("bdi", {}, text)]).flat();
}

function head() {
	get("title").append(visible(run.name || "run " + run.id));
	get("subtitle").append(...besides([
		run.ended ? `status ${run.exit_code} after ${duration(UNTIL)}` : run.damaged ? "it ended in a crash of weir" : "still running",
		run.reason, plural(data.total.calls, "call"), run.started ? `started ${run.started.slice(0, 10)} ${run.started.slice(11, 19)} UTC` : null,
		run.agent?.name ? "agent " + cut(run.agent.name, 60) : null,
	]));
}

function notices() {
	const said = [
		run.ended ? null : "The run was not over when this page was written; what came later is not in it.",
		data.calls_left_out ? `This page holds ${plural(data.total.calls - data.calls_left_out, "call")}: ${plural(data.calls_left_out, "further call")} without a finding ${
			data.calls_left_out === 1 ? "is" : "are"} left out. The JSON form has all.` : null,
		data.findings > findings.length ? `This page holds the first ${count(findings.length)} of ${plural(data.findings, "finding")}.` : null,
		report.edges_more ? `${plural(report.edges_more, "further hand-over")} between calls are not drawn.` : null,
	].filter(Boolean);

	get("notices").append(...said.map((text) => make("p", { class: "notice" }, text)));
}

// ---- the three answers

function happened() {
	const { did, survived, not_executed: skipped } = data.total;
	const refused = did.connects_refused + did.changes_refused + did.operations_refused;

	return [
		make("p", {}, `${plural(did.programs, "program")} ran, ${plural(did.files_written, "file")} written, ${count(did.files_removed)} removed, ${
			plural(did.connects, "connection")} tried.`),
		make("p", {}, refused ? `The kernel refused ${plural(refused, "attempt")}.` : "Nothing was refused.",
			survived ? ` ${plural(survived, "call")} left processes running.` : "", skipped ? ` ${plural(skipped, "call")} not executed.` : ""),
	];
}

function blamed() {
	const guilty = calls.filter((call) => call.found.some((f) => f.rank > 0)).sort((a, b) => worstFirst(a.found[0], b.found[0]));

	if (!findings.length)
		return [make("p", {}, "No call: there are no findings.")];
	return [
		make("p", {}, `${plural(findings.length, "finding")}: ${severitiesWords(findings)}.`),
		guilty.length ? make("ul", { class: "culprits" }, guilty.slice(0, 4).map((call) => make("li", {},
			mark(worst(call), worst(call)), " ", make("a", { href: "#" + call.found[0].id }, call.n ? "Call " + call.n : "The run itself"), " ",
			make("span", { class: "soft" }, call.found[0].summary)))) : make("p", {}, "No call is blamed for more than information."),
		guilty.length > 4 ? make("p", {}, `and ${plural(guilty.length - 4, "more call")}`) : null,
	];
}

function trusted() {
	const weak = [...report.barriers, ...report.sensors].filter((line) => line.state !== "enforced");

	return [
		make("p", {}, make("b", { class: complete ? "good" : "bad" }, complete ? "Complete" : "Incomplete"),
			`: ${plural(report.completeness.recorded, "event")} recorded, ${lost ? count(lost) + " lost" : "none lost"}.`),
		make("p", {}, weak.length ? `${plural(weak.length, "barrier or sensor", "barriers or sensors")} did not hold in full: ${list(weak.map((w) => w.name))}.`
			: `All ${report.barriers.length} barriers and ${report.sensors.length} sensors held.`,
			report.completeness.provenance.unknown ? ` In ${plural(report.completeness.provenance.unknown, "call")} it is not known who stands behind all that was used.` : ""),
		make("p", {}, report.root ? ["Root ", make("code", { title: report.root }, report.root.slice(0, 16) + "…")] : "No root yet: the record still grows.",
			" ", make("a", { href: "#trust-heading" }, "More")),
	];
}

function answers() {
	get("answers").append(...[["What happened?", happened()], ["Who is to blame?", blamed()], ["Can I trust the record?", trusted()]]
		.map(([question, content]) => make("section", {}, make("h2", {}, question), content)));
}

// ---- the findings

function findingRow(finding) {
	const call = callByNumber.get(finding.call);

	return make("li", {}, make("a", { href: "#" + finding.id, class: "row" },
		mark(finding.severity), make("span", { class: "severity " + finding.severity }, finding.severity),
		make("span", { class: "id" }, finding.id),
		make("span", { class: "summary" }, finding.summary),
		make("span", { class: "blame" }, finding.basis === "unattributed" ? "no call" : finding.call ? "call " + finding.call : "the run",
			make("span", { class: "soft" }, [`, ${finding.verdict}, ${finding.basis}`, finding.via.length
				? ", by way of call " + list(finding.via.map((via) => String(via.call))) : ""], call ? "" : ", not on this page"))));
}

function showFindings() {
	const rows = make("ol", { class: "findings" });

	if (findings.length)
		get("findings").append(rows, inSteps(rows, findings, FINDINGS_STEP, findingRow, "finding"));
	else
		get("findings").append(make("p", {}, "None."));
}

// ---- the drawing and its tools

function legend() {
	const sample = (...shapes) => draw("svg", { width: 44, height: 16, "aria-hidden": "true" }, shapes);
	const item = (drawing, text) => make("li", {}, drawing, make("span", {}, text));

	get("legend").append(make("h3", {}, "How to read it"), make("ul", {},
		item(sample(draw("rect", { class: "bar", x: 1, y: 2, width: 42, height: 12 })), "a call, from its start to the end of its first process"),
		item(sample(draw("rect", { class: "bar", x: 1, y: 2, width: 12, height: 12 }), draw("rect", { class: "tail", x: 13, y: 2, width: 30, height: 12 })),
			"processes that it left behind, until the last was gone"),
		item(sample(draw("rect", { class: "bar", x: 1, y: 2, width: 42, height: 12 }), draw("path", { class: "events", d: "M6,14v-4h3v-5h3v9zM20,14v-8h4v4h5v4z" })),
			"its events, denser is higher"),
		item(sample(draw("rect", { class: "bar", x: 1, y: 2, width: 42, height: 12 }), draw("path", { class: "refused", d: "M10,2v6h4v-2h5v-4z" })),
			"hanging: what the kernel refused"),
		item(sample(draw("g", { class: "arrow" }, draw("path", { class: "line", d: "M8,2C8,10 32,4 32,9" }), draw("path", { class: "head", d: "M32,15l-3.5,-6h7Z" }))),
			"a hand-over: the later call stands on the earlier"),
		item(sample(draw("g", { class: "arrow question" }, draw("circle", { cx: 22, cy: 8, r: 6.5 }), draw("text", { x: 22, y: 12 }, "?"))), "from a call that is not known"),
		SEVERITIES.toReversed().map((severity) => item(mark(severity), "finding, " + severity))));
}

// Browsers bound how often a page may do that, and throw beyond: the address is then a little behind.
function nameChoice(hash) {
	try {
		history.replaceState(null, "", hash);
	} catch {
		return;
	}
}

let choice = { call: null, finding: null };
let matching = calls;

function choose(call, finding, how = {}) {
	if (!call)
		return;
	choice = { call, finding };
	if (!lanes.rowOf.has(call.n))
		clearFilter();
	get("panel").replaceChildren(...panelContent(call, finding, () => (lanes.zoomTo(call), get("lanes").focus())));
	get("panel").scrollTop = 0;
	lanes.select(call);
	if (!how.fromAddress)
		nameChoice("#" + (finding ? finding.id : "call-" + call.n));
}

const lanes = new Lanes({ list: get("lanes"), axis: get("axis"), overview: get("overview"), choose: (call, finding) => {
	choose(call, finding);
	if (matchMedia("(max-width: 900px)").matches && document.activeElement !== get("lanes"))
		get("panel").scrollIntoView({ block: "nearest" });
} });

function filter() {
	const words = get("search").value.toLowerCase().split(/\s+/).filter(Boolean), guilty = get("guilty-only").checked;

	matching = calls.filter((call) => (!guilty || call.found.length) && words.every((word) => haystack(call).includes(word)));
	get("shown").textContent = matching.length === calls.length ? "" : `${count(matching.length)} of ${count(calls.length)}`;
	lanes.show(matching);
}

function clearFilter() {
	get("search").value = "";
	get("guilty-only").checked = false;
	filter();
}

// By time, from the chosen one on; round at the ends.
function stepFinding(by) {
	const inTime = [...findings].filter((f) => callByNumber.has(f.call)).sort((a, b) => a.at - b.at || b.rank - a.rank);
	const now = inTime.indexOf(choice.finding);
	const next = now < 0 ? inTime[by > 0 ? 0 : inTime.length - 1] : inTime.at((now + by) % inTime.length);

	if (next)
		choose(callByNumber.get(next.call), next);
}

function readPanel() {
	get("panel").focus();
	get("panel").scrollIntoView({ block: "nearest" });
}

const KEYS = {
	ArrowDown: () => lanes.move(1),
	ArrowUp: () => lanes.move(-1),
	PageDown: () => lanes.move(lanes.pageRows()),
	PageUp: () => lanes.move(-lanes.pageRows()),
	Home: () => lanes.move(-Infinity),
	End: () => lanes.move(Infinity),
	ArrowRight: () => lanes.pan((lanes.to - lanes.from) / 10),
	ArrowLeft: () => lanes.pan((lanes.from - lanes.to) / 10),
	"+": () => lanes.zoom(0.7),
	"=": () => lanes.zoom(0.7),
	"-": () => lanes.zoom(1 / 0.7),
	0: () => lanes.whole(),
	z: () => choice.call && lanes.zoomTo(choice.call),
	Enter: readPanel,
};
// Wherever the focus is in the section; not on the whole page, where they would be in the way of those who speak to
// their browser (WCAG 2.2, 2.1.4).
const SECTION_KEYS = {
	n: () => stepFinding(1),
	p: () => stepFinding(-1),
	"/": () => get("search").focus(),
};

function listenToKeys() {
	const listen = (element, keys) => element.addEventListener("keydown", (event) => {
		if (!Object.hasOwn(keys, event.key) || event.ctrlKey || event.metaKey || event.altKey || event.target === get("search"))
			return;
		event.preventDefault();
		keys[event.key]();
	});

	listen(get("lanes"), KEYS);
	listen(get("timeline"), SECTION_KEYS);
	get("panel").addEventListener("keydown", (event) => event.key === "Escape" && get("lanes").focus());
	get("search").addEventListener("keydown", (event) => event.key === "Escape" && (clearFilter(), get("lanes").focus()));
}

function listenToTools() {
	get("search").addEventListener("input", filter);
	get("guilty-only").addEventListener("change", filter);
	get("finding-next").addEventListener("click", SECTION_KEYS.n);
	get("finding-before").addEventListener("click", SECTION_KEYS.p);
	get("zoom-in").addEventListener("click", KEYS["+"]);
	get("zoom-out").addEventListener("click", KEYS["-"]);
	get("zoom-all").addEventListener("click", KEYS["0"]);
	get("finding-next").disabled = get("finding-before").disabled = !findings.length;
	addEventListener("hashchange", () => followAddress());
	addEventListener("beforeprint", () => print(true));
	addEventListener("afterprint", () => print(false));
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => lanes.update());
}

// On paper nothing can be chosen: each finding stands there with its evidence, and the lanes need no scrolling.
function print(printing) {
	lanes.print(printing);
	get("printed").replaceChildren(...(printing ? findings.slice(0, FINDINGS_PRINTED).map((finding) =>
		findingArticle(finding, null, make("p", { class: "soft" }, finding.call ? ["In ", callLink(finding.call), " ",
			make("code", {}, cut(callByNumber.get(finding.call)?.words ?? "", 160))] : "In the run itself"))) : []));
}

function followAddress() {
	const name = location.hash.slice(1), finding = findingById.get(name);
	const call = finding ? callByNumber.get(finding.call) : callByNumber.get(Number(/^call-(\d+)$/.exec(name)?.[1]));

	if (!call)
		return false;
	choose(call, finding ?? null, { fromAddress: true });
	document.querySelector(".workbench").scrollIntoView({ block: "nearest" });
	return true;
}

// ---- the table

// Title, cell, and whether it is a number; a column that would be empty is left out.
const COLUMNS = [
	["Call", (c) => make("a", { href: "#call-" + c.n }, c.n), true],
	["Function", (c) => c.name],
	["What", (c) => (c.words ? make("code", {}, cut(c.words, 100)) : "")],
	["Result", (c) => cut(endingWords(c), 60)],
	["Findings", (c) => (c.found.length ? make("span", {}, c.found.slice(0, 6).map((f) => [make("a", { href: "#" + f.id, class: "chip" }, mark(f.severity, f.severity), " ", f.id), " "]),
		c.found.length > 6 ? `and ${c.found.length - 6} more` : "") : "")],
	["Began", (c) => (c.from ? duration(c.from) : "0"), true],
	["Ran", (c) => (c.executed || c.n === 0 ? duration(c.to - c.from) : ""), true],
	["Lived on", (c) => (c.lived === null ? "" : duration(c.lived - c.to)), true],
	["Processor", (c) => (c.resources.cpu_usec ? duration(c.resources.cpu_usec / 1000) : ""), true],
	["Memory", (c) => (c.resources.memory_peak ? bytes(c.resources.memory_peak) : ""), true],
	["Written", (c) => (c.resources.write_bytes ? bytes(c.resources.write_bytes) : ""), true],
	["Network", (c) => (c.resources.net_up + c.resources.net_down ? bytes(c.resources.net_up + c.resources.net_down) : ""), true],
	["Events", (c) => count(c.events.recorded), true],
	["Lost", (c) => (c.events.lost ? count(c.events.lost) : ""), true],
];

function table() {
	const columns = COLUMNS.filter(([, cell]) => calls.some((call) => cell(call) !== ""));
	const body = make("tbody"), style = (number) => (number ? { class: "number" } : {});
	const more = inSteps(body, calls, TABLE_STEP, (call) => make("tr", {},
		columns.map(([, cell, number], i) => make(i ? "td" : "th", i ? style(number) : { scope: "row" }, cell(call)))), "call");

	get("table").append(make("div", { class: "wide", role: "region", tabindex: 0, "aria-label": "Table of all calls" },
		make("table", {}, make("thead", {}, make("tr", {}, columns.map(([name, , number]) => make("th", { scope: "col", ...style(number) }, name)))), body)), more);
}

// ---- the record

function states(title, lines) {
	return make("section", {}, make("h3", {}, title), make("ul", { class: "states" }, lines.map((line) => make("li", { class: line.state.replace(" ", "-") },
		make("span", { "aria-hidden": "true" }, STATES[line.state] ?? "–"), " ", make("b", {}, line.name), " ", line.state,
		line.reason ? make("span", { class: "soft" }, ": " + line.reason) : null))));
}

// Whether it is known which calls stand behind which.
function provenance() {
	const { provenance: p } = report.completeness;

	return [
		p.handovers_lost ? make("p", { class: "bad" }, `${plural(p.handovers_lost, "hand-over")} lost: who stands behind what came after is not known in full.`) : null,
		p.unknown ? make("p", {}, `Something was used of which it is not known which call stands behind it, in ${plural(p.unknown, "call")}:`) : make("p", {}, "Of everything that calls used it is known which calls stand behind it."),
		p.unknown ? make("ul", { class: "plain" }, p.calls.slice(0, 20).map((c) => make("li", {}, callLink(c.call), make("span", { class: "soft" }, ": " + c.reason)))) : null,
		p.unknown > 20 ? make("p", {}, `and ${count(p.unknown - 20)} more.`) : null,
	];
}

function completeness() {
	const c = report.completeness, losers = calls.filter((call) => call.events.lost).sort((a, b) => b.events.lost - a.events.lost);
	const elsewhere = lost - losers.reduce((n, call) => n + call.events.lost, 0);
	const unsure = findings.filter((f) => f.basis === "window" || f.basis === "unattributed");

	return make("section", {}, make("h3", {}, "Completeness"),
		make("p", {}, make("b", { class: complete ? "good" : "bad" }, complete ? "Complete" : "Incomplete"),
			`. ${plural(c.recorded, "event")} recorded, ${lost ? count(lost) + " lost according to the kernel's counters" : "none lost: the kernel counted as many as were recorded"}.`),
		c.damage ? make("p", { class: "bad" }, "The record is damaged: " + c.damage) : null,
		losers.length ? make("p", {}, "Lost in: ", losers.slice(0, 20).map((call, i) => [i ? ", " : "", callLink(call.n), ` (${count(call.events.lost)})`]),
			losers.length > 20 ? ` and ${plural(losers.length - 20, "more call")}` : "", ".") : null,
		elsewhere > 0 ? make("p", {}, `${plural(elsewhere, "event")} lost in no call of this page: `,
			data.calls_left_out ? "in one that it leaves out, or of a call that cannot be told." : "of a call that cannot be told.") : null,
		c.gaps.length ? make("ul", {}, c.gaps.map((gap) => make("li", {}, `Gap, ${gap.reason}: ${plural(gap.events, "event")}${
			gap.text ? ", " + gap.text : ""}${gap.from ? `, ${clock(gap.from)} to ${gap.to ? clock(gap.to) : "?"}` : ""}`))) : null,
		c.gaps_more ? make("p", {}, `and ${plural(c.gaps_more, "more gap")}`) : null,
		make("p", {}, unsure.length ? `Blame that is not exact: ${list(unsure.map((f) => `${f.id} (${f.basis})`))}.` : "Every finding names its call by what the kernel saw, none by its time."),
		...provenance());
}

function trust() {
	get("trust").append(make("div", { class: "columns" },
		completeness(),
		states("Barriers", report.barriers),
		states("Sensors", report.sensors)),
		make("section", {}, make("h3", {}, "Root and origin"), facts([
			["Root hash", report.root ? make("code", {}, report.root) : "none yet, the record still grows"],
			["Check it", make("code", {}, "weir verify " + run.id)],
			["Run", make("code", {}, run.id)],
			["Command", make("code", {}, cut(run.command ?? "", 2000))],
			["Trajectory", run.trajectory],
			["Policy", run.policy_digest ? make("code", {}, run.policy_digest) : null],
			["Host", [run.host, run.kernel ? "Linux " + run.kernel : null].filter(Boolean).join(", ")],
			["Boot", run.boot_id],
			["Started by", run.started_by],
			["Agent", [run.agent?.name, run.agent?.version, run.agent?.model].filter(Boolean).join(", ")],
			["Image", run.image_digest],
			["weir", [data.version, run.weir_digest].filter(Boolean).join(", ")],
			["BPF programs", run.bpf_digest],
		])));
}

head();
notices();
answers();
showFindings();
legend();
filter();
listenToKeys();
listenToTools();
table();
trust();
get("footer").append(make("p", {}, `Written by weir ${data.version}. This page holds everything it shows and loads nothing.`));
if (!followAddress() && calls.length) {
	const first = findings.find((finding) => callByNumber.has(finding.call));

	choose(first ? callByNumber.get(first.call) : calls[Math.min(1, calls.length - 1)], first ?? null, { fromAddress: true });
}
