// SPDX-License-Identifier: Apache-2.0
// What is known of one call, in words: how it ended, its findings with their evidence, which calls stand behind it,
// what it did and used. Also the phrases that the rest of the page shares.

const EDGES_LISTED = 40;
const BASIS = {
	exact: "exact: the process that did it belongs to this call",
	via: "via: another call's process did it; without this call it would not have happened",
	window: "window: only the time points to this call",
	unattributed: "unattributed: no call can be named",
};
const VERDICT = {
	observed: "observed: it happened",
	blocked: "blocked: the kernel refused it",
	killed: "killed: weir ended it",
};

function endingWords(call) {
	if (call.n === 0)
		return run.ended ? "exit " + run.exit_code : "still running";
	if (!call.executed)
		return "not executed" + (call.reason ? ": " + call.reason : "");
	if (call.ending === null)
		return "still running";
	return { exit: "exit " + call.exit_code, signal: "ended by a signal, status " + call.exit_code, timeout: "ended at its time limit",
		"run over": "cut when the run ended", "unwatched": "lived on when weir stopped watching" }[call.ending] ?? call.ending + ", status " + call.exit_code;
}

function livedWords(call) {
	return call.lived === null ? null
		: `left ${plural(call.survivors, "process", "processes")} behind, for ${duration(call.lived - call.to)}`;
}

function severitiesWords(found) {
	return SEVERITIES.toReversed().map((severity) => [found.filter((f) => f.severity === severity).length, severity])
		.filter(([n]) => n).map(([n, severity]) => n + " " + severity).join(", ");
}

// The lane for somebody who does not see it.
function laneLabel(call) {
	return visible([`Call ${call.n}, ${call.name}`, cut(call.words, 120), endingWords(call),
		`began at ${duration(call.from)}, ran ${duration(call.to - call.from)}`, livedWords(call),
		plural(call.events.recorded, "event"), call.events.lost ? plural(call.events.lost, "event") + " lost" : null,
		call.found.length ? `${plural(call.found.length, "finding")}: ${severitiesWords(call.found)}` : null]
		.filter(Boolean).join("; "));
}

// "call 9: a process executed a file that call 3 had written, …": the words of tables/edges.tbl.
function edgeWords(edge) {
	const who = edge.unknown ? "a call that is not known" : "call " + edge.from;
	const about = data.edge_kinds[edge.kind] ?? edge.kind;

	return `call ${edge.to}: a process ${about.replace("the call", who)}${edge.what ? ": " + cut(edge.what, 300) : ""}${edge.reason ? ": " + edge.reason : ""}`;
}

function facts(rows) {
	return make("dl", { class: "facts" }, rows.filter(([, value]) => value !== null && value !== undefined && value !== "")
		.map(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

function part(title, ...content) {
	return content.flat().some(Boolean) ? make("section", {}, make("h4", {}, title), content) : null;
}

function callLink(n) {
	return callByNumber.has(n) ? make("a", { href: "#call-" + n }, "call " + n) : make("span", {}, "call " + n);
}

// Events in their order; what neighbours share, the process, is said once.
function evidence(finding) {
	const rows = [];
	let said = "", group = null;

	for (const event of finding.shown) {
		const by = [event.pid ? "pid " + event.pid : null, event.exe, event.argv ? "started as " + event.argv : null].filter(Boolean).join(", ");

		if (by !== said || !group) {
			said = by;
			group = make("ol", { "aria-label": "Evidence of " + finding.id });
			rows.push(make("p", { class: "by" }, by || "weir itself"), group);
		}
		group.append(make("li", {},
			make("span", { class: "when" }, make("span", {}, clock(event.ts)), make("span", {}, "event " + event.id.split(":")[1])),
			make("span", { class: "did" }, event.words)));
	}
	return make("div", { class: "evidence" }, rows);
}

function findingArticle(finding, chosen, where = null) {
	const more = finding.events - finding.shown.length, about = data.detectors[finding.detector];

	return make("article", { class: "finding" + (finding === chosen ? " chosen" : "") },
		make("h4", {}, mark(finding.severity), " ", make("span", { class: "severity " + finding.severity }, finding.severity), " ",
			make("span", { class: "id" }, finding.id)),
		make("p", { class: "summary" }, finding.summary),
		where,
		facts([
			["Verdict", VERDICT[finding.verdict] ?? finding.verdict],
			["Basis", (BASIS[finding.basis] ?? finding.basis) + (finding.basis_reason ? "; " + finding.basis_reason : "")],
			["Detector", finding.detector + (about ? ": " + about : "")],
			["Category", finding.category + (data.categories[finding.category] ? " " + data.categories[finding.category] : "") +
				finding.attack.map((a) => ", ATT&CK " + a.id).join("")],
		]),
		evidence(finding),
		more > 0 ? make("p", { class: "soft" }, `and ${plural(more, "more event")}: `,
			make("code", {}, `weir explain ${run.id}/${finding.id}`)) : null);
}

function argumentsPart(call) {
	const known = call.arguments !== null && typeof call.arguments === "object" && !Array.isArray(call.arguments);
	const text = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 1));
	const members = known ? Object.entries(call.arguments) : call.arguments === null ? [] : [[null, call.arguments]];

	return members.map(([name, value]) => [
		members.length > 1 ? make("p", { class: "soft" }, name) : null,
		make("pre", { tabindex: 0, role: "region", "aria-label": name ?? "arguments" }, text(value)),
	]).concat(call.arguments_bytes ? [make("p", { class: "soft" },
		`the beginning of ${bytes(call.arguments_bytes)}; the JSON form has all of it`)] : []);
}

function edgeItem(edge, direction, other) {
	return make("li", {}, direction, " ", other === null ? "a call that is not known" : callLink(other), ": ", make("b", {}, edge.kind),
		edge.count > 1 ? ` ${count(edge.count)} times` : "", edge.ts ? ", first at " + duration(edge.at) : "",
		make("br"), make("span", { class: "soft" }, edgeWords(edge)));
}

function edgesPart(title, edges, direction, end) {
	return part(title, edges.length ? make("ul", { class: "plain" }, edges.slice(0, EDGES_LISTED).map((edge) => edgeItem(edge, direction, edge[end]))) : null,
		edges.length > EDGES_LISTED ? make("p", { class: "soft" }, `and ${count(edges.length - EDGES_LISTED)} more: the JSON form has them`) : null);
}

function usedPart(call) {
	const r = call.resources, d = call.did;

	return [
		facts([
			["Programs", d.programs ? count(d.programs) : null],
			["Files written", d.files_written ? count(d.files_written) : null],
			["Files removed", d.files_removed ? count(d.files_removed) : null],
			["Changes refused", d.changes_refused ? count(d.changes_refused) : null],
			["Connections tried", d.connects ? count(d.connects) + (d.connects_refused ? `, ${count(d.connects_refused)} refused` : "") : null],
			["Operations refused", d.operations_refused ? count(d.operations_refused) : null],
			["Processor time", duration(r.cpu_usec / 1000)],
			["Memory at most", r.memory_peak ? bytes(r.memory_peak) : null],
			["Read, written", r.read_bytes || r.write_bytes ? bytes(r.read_bytes) + ", " + bytes(r.write_bytes) : null],
			["Network up, down", r.net_up || r.net_down ? bytes(r.net_up) + ", " + bytes(r.net_down) : null],
			["Graphics processor", r.gpu_usec ? duration(r.gpu_usec / 1000) : null],
			["Events", `${count(call.events.recorded)} recorded, ${call.events.lost ? count(call.events.lost) + " lost" : "none lost"}`],
		]),
		Object.keys(call.kinds).length ? make("p", { class: "soft" },
			Object.entries(call.kinds).map(([kind, n]) => count(n) + " " + kind).join(", ")) : null,
	];
}

function outputPart(call) {
	const observation = call.observation;

	return [
		observation?.differs ? make("p", {}, "Differs from what the trajectory recorded: " + observation.difference) : null,
		call.output ? make("pre", { tabindex: 0, role: "region", "aria-label": "output" }, call.output) : null,
		call.output && observation.bytes > call.output.length
			? make("p", { class: "soft" }, `the beginning of ${bytes(observation.bytes)}`) : null,
	];
}

function panelContent(call, chosen, zoom) {
	const found = chosen ? [chosen, ...call.found.filter((f) => f !== chosen)] : call.found;

	return [
		make("h3", {}, call.n === 0 ? "The run itself" : `Call ${call.n}`, call.n ? make("span", {}, " " + call.name) : null,
			make("button", { type: "button", onclick: zoom }, "Zoom to it")),
		make("p", { class: "soft" }, besides([call.tool_call_id, endingWords(call) + (call.executed || call.n === 0 ? " after " + duration(call.to - call.from) : ""),
			livedWords(call), call.parent ? "called by call " + call.parent : null])),
		call.n ? argumentsPart(call) : make("pre", { tabindex: 0, role: "region", "aria-label": "command" }, cut(run.command ?? "", 4000)),
		found.map((finding) => findingArticle(finding, chosen)),
		edgesPart("Hand-overs to this call", call.edgesIn, "from", "from"),
		edgesPart("Hand-overs from this call", call.edgesOut, "to", "to"),
		part("What it did and used", usedPart(call)),
		part("What it printed", outputPart(call)),
	].flat(3).filter(Boolean);
}
