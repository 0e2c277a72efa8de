// SPDX-License-Identifier: Apache-2.0
// The lower half of the page: the list of findings, where the flows went, the table of all calls, and how far the
// record can be trusted.

const TABLE_STEP = 500; // rows that are added at once
const FINDINGS_STEP = 50;
const CALLS_NAMED = 20; // of a loss or a doubt
const STATES = { enforced: "●", degraded: "◐", unavailable: "○" };

// Fills place with the items, some at first and more on demand: returns the button for it.
function inSteps(place, items, step, row, what) {
	let shown = 0;
	const add = () => {
		place.append(...items.slice(shown, shown + step).map(row));
		shown = Math.min(items.length, shown + step);
		more.textContent = `Show ${count(Math.min(step, items.length - shown))} of ${
			plural(items.length - shown, "more " + what)}`;
		more.hidden = shown >= items.length;
	};
	const more = make("button", { type: "button", onclick: add });

	add();
	return more;
}

// ---- findings

function blameWords(finding) {
	const who = finding.basis === "unattributed" ? "no call" : finding.call ? "call " + finding.call : "the run";
	const via = [...new Set(finding.via.map((edge) => edge.call))]
		.map((n) => (n === null ? "one that is not known" : String(n)));

	return [who, make("span", { class: "soft" }, `, ${finding.verdict}, ${finding.basis}`,
		via.length ? ", by way of call " + list(via) : "", callByNumber.has(finding.call) ? "" : ", not on this page")];
}

function findingRow(finding) {
	return make("li", {}, make("a", { href: "#" + finding.id, class: "row" },
		mark(finding.severity), make("span", { class: "severity " + finding.severity }, finding.severity),
		make("span", { class: "id" }, finding.id), make("span", { class: "summary" }, finding.summary),
		make("span", { class: "blame" }, blameWords(finding))));
}

function showFindings() {
	const rows = make("ol", { class: "findings" });

	if (findings.length)
		get("findings").append(rows, inSteps(rows, findings, FINDINGS_STEP, findingRow, "finding"));
	else
		get("findings").append(paragraph("None."));
}

// ---- the table

const CHIPS_SHOWN = 6;

function chips(call) {
	const shown = call.found.slice(0, CHIPS_SHOWN).map((finding) =>
		[make("a", { href: "#" + finding.id, class: "chip" }, mark(finding.severity, finding.severity), " ", finding.id), " "]);

	return call.found.length ? make("span", {}, shown,
		call.found.length > CHIPS_SHOWN ? `and ${call.found.length - CHIPS_SHOWN} more` : "") : "";
}

const unlessZero = (n, words) => (n ? words(n) : "");

const COLUMNS = [
	["Call", (c) => make("a", { href: "#call-" + c.n }, c.n), true],
	["Function", (c) => c.name],
	["What", (c) => (c.words ? code(cut(c.words, 100)) : "")],
	["Result", (c) => cut(endingWords(c), 60)],
	["Findings", chips],
	["Began", (c) => (c.from ? duration(c.from) : "0"), true],
	["Ran", (c) => (c.executed || c.n === 0 ? duration(c.to - c.from) : ""), true],
	["Lived on", (c) => (c.lived === null ? "" : duration(c.lived - c.to)), true],
	["Processor", (c) => unlessZero(c.resources.cpu_usec / 1000, duration), true],
	["Memory", (c) => unlessZero(c.resources.memory_peak, bytes), true],
	["Written", (c) => unlessZero(c.resources.write_bytes, bytes), true],
	["Network", (c) => unlessZero(c.resources.net_up + c.resources.net_down, bytes), true],
	["Events", (c) => count(c.events.recorded), true],
	["Lost", (c) => unlessZero(c.events.lost, count), true],
];

// Columns: title, cell, and whether it is a number; one that would be empty is left out.
function table(place, all, rows, what, label) {
	const columns = all.filter(([, cell]) => rows.some((row) => cell(row) !== ""));
	const style = (number) => (number ? { class: "number" } : {});
	const heads = columns.map(([name, , number]) => make("th", { scope: "col", ...style(number) }, name));
	const cells = (row) => columns.map(([, cell, number], i) =>
		make(i ? "td" : "th", i ? style(number) : { scope: "row" }, cell(row)));
	const body = make("tbody");
	const more = inSteps(body, rows, TABLE_STEP, (row) => make("tr", {}, cells(row)), what);

	get(place).append(make("div", { class: "wide", role: "region", tabindex: 0, "aria-label": label },
		make("table", {}, make("thead", {}, make("tr", {}, heads)), body)), more);
}

function showTable() {
	table("table", COLUMNS, calls, "call", "Table of all calls");
}

// ---- the network

const place = (d) => (d.name ?? (d.address.includes(":") ? `[${d.address}]` : d.address)) + ":" + d.port;

// The destination comes first in a line, and the calls that opened the flows are links.
const NETWORK_COLUMNS = [
	["Destination", (d) => [d.direction === "in" ? "in at " : "", code(cut(place(d), 80))]],
	["Protocol", (d) => (d.protocol === "unknown" ? d.proto : d.protocol)],
	["Flows", (d) => count(d.flows), true],
	["Up", (d) => bytes(d.bytes_up), true],
	["Down", (d) => bytes(d.bytes_down), true],
	["Longest", (d) => unlessZero(d.longest_ns / 1e6, duration), true],
	["Calls", (d) => [d.calls.map((n, i) => [i ? ", " : "", callLink(n)]), d.calls_more ? " and more" : ""]],
	["Cut", (d) => unlessZero(d.cut, (n) => `${count(n)}: ${cut(d.reason ?? "", 80)}`)],
];

function showNetwork() {
	const { flows, destinations, destinations_more: more } = report.network;

	get("network-section").hidden = !flows;
	if (!flows)
		return;
	get("network").append(paragraph(`${plural(flows, "flow")} to ${more ? "more than " : ""}${
		plural(destinations.length, "destination")}, by name where a name was asked for.`));
	table("network", NETWORK_COLUMNS, destinations, "destination", "Table of destinations");
}

// ---- trust

function states(title, lines) {
	const row = (line) => make("li", { class: line.state.replace(" ", "-") },
		make("span", { "aria-hidden": "true" }, STATES[line.state] ?? "–"), " ", make("b", {}, line.name), " ", line.state,
		line.reason ? make("span", { class: "soft" }, ": " + line.reason) : null);

	return make("section", {}, make("h3", {}, title), make("ul", { class: "states" }, lines.map(row)));
}

// What the record lacks.
function losses() {
	const { damage, gaps, gaps_more: more } = report.completeness;
	const losers = calls.filter((call) => call.events.lost).sort((a, b) => b.events.lost - a.events.lost);
	const elsewhere = lost - losers.reduce((n, call) => n + call.events.lost, 0);
	const gapWords = (gap) => `Gap, ${gap.reason}: ${plural(gap.events, "event")}${gap.text ? ", " + gap.text : ""}${
		gap.from ? `, ${clock(gap.from)} to ${gap.to ? clock(gap.to) : "?"}` : ""}`;

	return [
		damage ? make("p", { class: "bad" }, "The record is damaged: " + damage) : null,
		losers.length ? paragraph("Lost in ", losers.slice(0, CALLS_NAMED).map((call, i) =>
			[i ? ", " : "", callLink(call.n), ` (${count(call.events.lost)})`]),
			losers.length > CALLS_NAMED ? ` and ${plural(losers.length - CALLS_NAMED, "more call")}.` : ".") : null,
		elsewhere > 0 ? paragraph(`${plural(elsewhere, "event")} lost of a call that cannot be told`,
			data.calls_left_out ? ", or that is not on this page." : ".") : null,
		gaps.length ? make("ul", {}, gaps.map((gap) => make("li", {}, gapWords(gap)))) : null,
		more ? paragraph(`and ${plural(more, "more gap")}.`) : null,
	];
}

// Whether it is known who did what, and which calls stand behind which.
function doubts() {
	const unsure = findings.filter((finding) => finding.basis === "window" || finding.basis === "unattributed");
	const { handovers_lost: gone, unknown, calls: doubtful } = report.completeness.provenance;

	return [
		paragraph(unsure.length ? `Blame that is not exact: ${list(unsure.map((f) => `${f.id} (${f.basis})`))}.`
			: "Every finding names its call by what the kernel saw, none by its time."),
		gone ? make("p", { class: "bad" }, `${plural(gone, "hand-over")} lost: who stands behind what came later is not ` +
			"known in full.") : null,
		paragraph(blind.includes("handover")
			? "Hand-overs were not watched, or not all: which calls stand behind which is not known in full."
			: unknown ? `Something was used of which it is not known which call had changed it, in ${plural(unknown, "call")}:`
				: "Of everything that calls used it is known which calls stand behind it."),
		unknown ? make("ul", { class: "plain" }, doubtful.slice(0, CALLS_NAMED).map((doubt) => make("li", {},
			callLink(doubt.call), make("span", { class: "soft" }, ": " + doubt.reason)))) : null,
		unknown > CALLS_NAMED ? paragraph(`and ${count(unknown - CALLS_NAMED)} more.`) : null,
	];
}

function origin() {
	const together = (words) => words.filter(Boolean).join(", ");

	return make("section", {}, make("h3", {}, "Root and origin"), facts([
		["Root hash", report.root ? code(report.root) : "none yet, the record still grows"],
		["Check it", code("weir verify " + run.id)],
		["Run", code(run.id)],
		["Command", code(cut(run.command ?? "", 2000))],
		["Trajectory", run.trajectory],
		["Policy", run.policy_digest ? code(run.policy_digest) : null],
		["Carried in", run.carried.length ? code(run.carried.join(", ")) : null],
		["Host", together([run.host, run.kernel ? "Linux " + run.kernel : null])],
		["Boot", run.boot_id],
		["Started by", run.started_by],
		["Agent", together([run.agent?.name, run.agent?.version, run.agent?.model])],
		["Image", run.image_digest],
		["weir", together([data.version, run.weir_digest])],
		["BPF programs", run.bpf_digest],
	]));
}

function showTrust() {
	get("trust").append(make("div", { class: "columns" },
		make("section", {}, make("h3", {}, "Completeness"), paragraph(completeWords()), losses(), doubts()),
		states("Barriers", report.barriers), states("Sensors", report.sensors)), origin());
}
