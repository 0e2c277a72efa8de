// SPDX-License-Identifier: Apache-2.0
// The run as the page sees it: the report's JSON form (doc/schema/report.schema.json) joined with what html_data.c
// adds. Times are milliseconds since the run began. Nothing here touches the document but to read the two blocks.

const DEPTH_MAX = 4;
const SEVERITIES = ["info", "low", "medium", "high", "critical"];

function readBlock(id) {
	return JSON.parse(document.getElementById(id).textContent);
}

const report = readBlock("report");
const data = readBlock("data");
const run = report.run;
const BEGIN = run.started || data.until || "1970-01-01T00:00:00.000000000Z";

function at(text) {
	return text ? since(BEGIN, text) : null;
}

// The end of the record, which for a run that lives is now.
const UNTIL = Math.max(at(run.ended) ?? 0, at(data.until) ?? 0, 1);

// Pairs of stretch and count, as two lists of times and counts.
function stretches(extra, pairs = []) {
	const from = at(extra.from), width = extra.stretch_ns / 1e6;
	const found = { width, start: [], count: [] };

	for (let i = 0; i < pairs.length; i += 2) {
		found.start.push(from + pairs[i] * width);
		found.count.push(pairs[i + 1]);
	}
	return found;
}

function makeCall(call, extra) {
	const started = call.n === 0 ? 0 : at(call.started) ?? 0;
	const ended = call.n === 0 ? at(run.ended) : at(call.ended);
	const gone = call.n === 0 ? ended : at(call.gone);

	return {
		...call,
		words: (call.n === 0 ? run.command : extra.words) ?? "",
		output: extra.output ?? "",
		kinds: extra.kinds ?? {},
		name: call.n === 0 ? "run" : call.function_name || "call",
		from: started,
		to: Math.max(ended ?? (call.executed ? UNTIL : started), started),
		// Processes that it left behind, until the last was gone.
		lived: call.survivors > 0 && gone !== ended ? gone ?? UNTIL : null,
		all: stretches(extra, extra.all),
		refused: stretches(extra, extra.refused),
		found: [],
		edgesIn: [],
		edgesOut: [],
	};
}

const calls = report.calls.map((call, i) => makeCall(call, data.calls[i] ?? {}));
const callByNumber = new Map(calls.map((call) => [call.n, call]));
const evidenceById = new Map(data.evidence.map((event) => [event.id, event]));

// How deep a call stands in the tree of calls that agents inside agents make.
function depth(call) {
	let levels = 0;

	for (let above = callByNumber.get(call.parent); above?.n && levels < DEPTH_MAX; above = callByNumber.get(above.parent))
		levels++;
	return levels;
}

function makeFinding(finding) {
	const events = finding.evidence.map((id) => evidenceById.get(id)).filter(Boolean);
	const call = callByNumber.get(finding.call);
	const made = {
		...finding,
		rank: SEVERITIES.indexOf(finding.severity),
		shown: events,
		at: events.length ? at(events[0].ts) : call ? call.to : 0,
	};

	call?.found.push(made);
	return made;
}

const worstFirst = (a, b) => b.rank - a.rank || a.at - b.at;
const findings = report.findings.map(makeFinding).sort(worstFirst);
const findingById = new Map(findings.map((finding) => [finding.id, finding]));

for (const call of calls)
	call.found.sort(worstFirst);

function makeEdge(edge) {
	const made = { ...edge, at: at(edge.ts) };
	const [from, to] = [callByNumber.get(edge.from), callByNumber.get(edge.to)];

	made.at ??= to ? to.from : 0;
	made.unknown = edge.from === null;
	from?.edgesOut.push(made);
	to?.edgesIn.push(made);
	return made;
}

const edges = report.edges.map(makeEdge);

// What a search looks through; made when it is first asked for.
function haystack(call) {
	call.haystack ??= ["call " + call.n, call.tool_call_id, call.name, call.words, JSON.stringify(call.arguments),
		...call.found.map((f) => f.id + " " + f.severity + " " + f.detector + " " + f.summary)].join("\n").toLowerCase();
	return call.haystack;
}

function worst(call) {
	return call.found.length ? call.found[0].severity : null;
}

const lost = report.completeness.lost;
// What sensors that were not there would have seen is in no count of losses.
const blind = report.sensors.filter((sensor) => sensor.state !== "enforced").map((sensor) => sensor.name);
const complete = !lost && !report.completeness.gaps.length && !report.completeness.gaps_more &&
	!report.completeness.damage && !report.completeness.provenance.handovers_lost;
