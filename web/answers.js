// SPDX-License-Identifier: Apache-2.0
// The head of the page: which run it is, what the page does not hold, and the three things that a person asks first:
// what happened, who is to blame, can I trust the record.

const CULPRITS_SHOWN = 4;

const get = (id) => document.getElementById(id);

function head() {
	const ending = run.ended ? `status ${run.exit_code} after ${duration(UNTIL)}`
		: run.damaged ? "ended in a crash of weir" : "still running";

	get("title").append(visible(run.name || "run " + run.id));
	get("subtitle").append(...besides([ending, run.reason, plural(data.total.calls, "call"),
		run.started ? `started ${run.started.slice(0, 10)} ${run.started.slice(11, 19)} UTC` : null,
		run.agent?.name ? "agent " + cut(run.agent.name, 60) : null]));
}

function notices() {
	const said = [];

	if (run.damaged && !run.ended)
		said.push("weir crashed during this run: what came later is not in its record.");
	else if (!run.ended)
		said.push("The run was not over when this page was written: what came later is not in it.");
	if (data.calls_left_out)
		said.push(`This page holds ${plural(data.total.calls - data.calls_left_out, "call")}, all those with a finding among ` +
			`them; ${count(data.calls_left_out)} more are left out. The JSON form has all.`);
	if (data.findings > findings.length)
		said.push(`This page holds the first ${count(findings.length)} of ${plural(data.findings, "finding")}.`);
	if (report.edges_more)
		said.push(`${plural(report.edges_more, "further hand-over")} between calls are not on this page.`);
	get("notices").append(...said.map((text) => make("p", { class: "notice" }, text)));
}

function happened() {
	const { did, survived, not_executed: skipped } = data.total;
	const refused = did.connects_refused + did.changes_refused + did.operations_refused;
	const { flows, destinations } = report.network;
	const moved = destinations.reduce((n, d) => n + d.bytes_up + d.bytes_down, 0);

	return [
		paragraph(blind.length ? "As far as could be seen: " : "",
			`${plural(did.programs, "program")} ran, ${plural(did.files_written, "file")} written, `,
			`${count(did.files_removed)} removed, ${plural(did.connects, "connection")} tried.`),
		paragraph(refused ? `The kernel refused ${plural(refused, "attempt")}.` : "Nothing was refused.",
			flows ? ` ${plural(flows, "flow")} through the gate, ${bytes(moved)}${
				did.flows_cut ? `, ${count(did.flows_cut)} of them cut` : ""}.` : "",
			survived ? ` ${plural(survived, "call")} left processes running.` : "",
			skipped ? ` ${plural(skipped, "call")} not executed.` : ""),
	];
}

function blamed() {
	const guilty = calls.filter((call) => call.found.some((finding) => finding.rank > 0))
		.sort((a, b) => worstFirst(a.found[0], b.found[0]));
	const culprit = (call) => make("li", {}, mark(worst(call), worst(call)),
		make("a", { href: "#" + call.found[0].id }, call.n ? "Call " + call.n : "The run itself"),
		make("span", { class: "soft" }, call.found[0].summary));

	if (!findings.length)
		return [paragraph("No call: there are no findings.")];
	return [
		paragraph(`${plural(findings.length, "finding")}: ${severitiesWords(findings)}.`),
		guilty.length ? make("ul", { class: "culprits" }, guilty.slice(0, CULPRITS_SHOWN).map(culprit))
			: paragraph("No call is blamed for more than information."),
		guilty.length > CULPRITS_SHOWN ? paragraph(`and ${plural(guilty.length - CULPRITS_SHOWN, "more call")}`) : null,
	];
}

// "Complete: 2,397 events recorded, none lost."
function completeWords() {
	const { recorded, damage } = report.completeness;
	const said = damage ? "Damaged" : !complete ? "Incomplete" : blind.length ? "Partly blind"
		: run.ended ? "Complete" : "Complete so far";

	return [make("b", { class: complete && !blind.length ? "good" : "bad" }, said), `: ${plural(recorded, "event")} recorded, `,
		damage ? "not all can be read." : lost ? count(lost) + " lost." : "none lost.",
		blind.length ? ` What ${plural(blind.length, "sensor")} would have seen is not in it.` : ""];
}

// How the barriers and sensors did. "not ours": weir watches what another one contains.
function holdWords() {
	const lines = [...report.barriers, ...report.sensors];
	const others = lines.filter((line) => line.state === "not ours").length;
	const weak = lines.filter((line) => line.state !== "enforced" && line.state !== "not ours");

	if (weak.length)
		return `${plural(weak.length, "barrier or sensor", "barriers or sensors")} did not hold in full: ` +
			`${list(weak.map((line) => line.name))}.`;
	return others ? `${plural(others, "barrier")} not weir's own; all else held.`
		: `All ${report.barriers.length} barriers and ${report.sensors.length} sensors held.`;
}

function trusted() {
	const { unknown } = report.completeness.provenance;

	return [
		paragraph(completeWords()),
		paragraph(holdWords(),
			unknown ? ` In ${plural(unknown, "call")} it is not known who stands behind all that was used.` : ""),
		paragraph(report.root ? ["Root ", code(report.root.slice(0, 16) + "…")] : "No root yet: the record still grows.",
			" ", make("a", { href: "#trust-heading" }, "More")),
	];
}

function answers() {
	const questions = [["What happened?", happened()], ["Who is to blame?", blamed()],
		["Can I trust the record?", trusted()]];

	get("answers").append(...questions.map(([question, answer]) =>
		make("section", {}, make("h2", {}, question), answer)));
}
