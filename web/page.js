// SPDX-License-Identifier: Apache-2.0
// The page put together: the legend, the tools of the drawing, keys, and which call or finding is chosen. The choice
// is the fragment of the address, so that links, the back button and a reload do what they always do.

const FINDINGS_PRINTED = 200;

function legend() {
	const sample = (...shapes) => draw("svg", { width: 44, height: 16, "aria-hidden": "true" }, shapes);
	const bar = (width = 42) => draw("rect", { class: "bar", x: 1, y: 2, width, height: 12 });
	const path = (name, d) => draw("path", { class: name, d });
	const rows = [
		[sample(bar()), "a call, from its start to the end of its first process"],
		[sample(bar(12), draw("rect", { class: "tail", x: 13, y: 2, width: 30, height: 12 })),
			"processes that it left behind, until the last was gone"],
		[sample(bar(), path("events", "M6,14v-4h3v-5h3v9zM20,14v-8h4v4h5v4z")), "its events, denser is higher"],
		[sample(bar(), path("refused", "M10,2v6h4v-2h5v-4z")), "hanging: what the kernel refused"],
		[sample(draw("g", { class: "arrow" }, path("line", "M4,4H26Q32,4 32,9"), path("head", "M32,15l-3.5,-6h7Z"))),
			"a hand-over: the later call stands on the earlier"],
		[sample(draw("g", { class: "arrow question" }, draw("circle", { cx: 22, cy: 8, r: 6.5 }),
			draw("text", { x: 22, y: 12 }, "?"))), "from a call that is not known"],
		...SEVERITIES.toReversed().map((severity) => [mark(severity), "finding, " + severity]),
	];

	get("legend").append(make("h3", {}, "How to read it"), make("ul", {}, rows.map(([drawing, text]) =>
		make("li", {}, drawing, make("span", {}, text)))));
}

// ---- the choice

const choice = { call: null, finding: null };

// Browsers bound how often a page may do that, and throw beyond: the address is then a little behind.
function nameChoice(hash) {
	try {
		history.replaceState(null, "", hash);
	} catch {
		return;
	}
}

// finding: one of the call's, or null.
function show(call, finding) {
	const zoom = () => {
		lanes.zoomTo(call);
		get("lanes").focus();
	};

	Object.assign(choice, { call, finding });
	if (!lanes.rowOf.has(call.n))
		clearFilter();
	get("panel").replaceChildren(...panelContent(call, finding, zoom));
	get("panel").scrollTop = 0;
	lanes.select(call);
}

function choose(call, finding) {
	if (!call)
		return;
	show(call, finding);
	nameChoice("#" + (finding ? finding.id : "call-" + call.n));
}

const lanes = new Lanes({
	list: get("lanes"), axis: get("axis"), overview: get("overview"), hint: get("hint"),
	choose: (call, finding) => {
		choose(call, finding);
		if (matchMedia("(max-width: 900px)").matches && document.activeElement !== get("lanes"))
			get("panel").scrollIntoView({ block: "nearest" });
	},
});

function followAddress() {
	const name = location.hash.slice(1), finding = findingById.get(name) ?? null;
	const number = finding ? finding.call : Number(/^call-(\d+)$/.exec(name)?.[1]);
	const call = callByNumber.get(number);

	if (call) {
		show(call, finding);
		get("timeline").scrollIntoView({ block: "nearest" });
	}
	return Boolean(call);
}

// By time, from the chosen one on; round at the ends.
function stepFinding(by) {
	const inTime = findings.filter((finding) => callByNumber.has(finding.call)).sort((a, b) => a.at - b.at || b.rank - a.rank);
	const now = inTime.indexOf(choice.finding);
	const next = now < 0 ? inTime.at(by > 0 ? 0 : -1) : inTime.at((now + by) % inTime.length);

	if (next)
		choose(callByNumber.get(next.call), next);
}

// ---- tools and keys

function filter() {
	const words = get("search").value.toLowerCase().split(/\s+/).filter(Boolean), guilty = get("guilty-only").checked;
	const matches = (call) => (!guilty || call.found.length) && words.every((word) => haystack(call).includes(word));
	const matching = calls.filter(matches);

	get("shown").textContent = matching.length === calls.length ? "" : `${count(matching.length)} of ${count(calls.length)}`;
	lanes.show(matching);
}

function clearFilter() {
	get("search").value = "";
	get("guilty-only").checked = false;
	filter();
}

function readPanel() {
	get("panel").focus();
	get("panel").scrollIntoView({ block: "nearest" });
}

const zoomIn = () => lanes.zoom(0.7), zoomOut = () => lanes.zoom(1 / 0.7), zoomAll = () => lanes.whole();
const nextFinding = () => stepFinding(1), findingBefore = () => stepFinding(-1);

const LANE_KEYS = {
	ArrowDown: () => lanes.move(1),
	ArrowUp: () => lanes.move(-1),
	PageDown: () => lanes.move(lanes.pageRows()),
	PageUp: () => lanes.move(-lanes.pageRows()),
	Home: () => lanes.move(-Infinity),
	End: () => lanes.move(Infinity),
	ArrowRight: () => lanes.pan((lanes.to - lanes.from) / 10),
	ArrowLeft: () => lanes.pan((lanes.from - lanes.to) / 10),
	"+": zoomIn,
	"=": zoomIn,
	"-": zoomOut,
	0: zoomAll,
	z: () => choice.call && lanes.zoomTo(choice.call),
	Enter: readPanel,
};
// Wherever the focus is in the section; not on the whole page, where they would be in the way of those who speak to
// their browser (WCAG 2.2, 2.1.4).
const SECTION_KEYS = {
	n: nextFinding,
	p: findingBefore,
	"/": () => get("search").focus(),
};

function listenToKeys() {
	const listen = (element, keys) => element.addEventListener("keydown", (event) => {
		const ours = Object.hasOwn(keys, event.key) && !event.ctrlKey && !event.metaKey && !event.altKey;

		if (ours && event.target !== get("search")) {
			event.preventDefault();
			keys[event.key]();
		}
	});
	const back = (element, before) => element.addEventListener("keydown", (event) => {
		if (event.key === "Escape") {
			before();
			get("lanes").focus();
		}
	});

	listen(get("lanes"), LANE_KEYS);
	listen(get("timeline"), SECTION_KEYS);
	back(get("panel"), () => {});
	back(get("search"), clearFilter);
}

// On paper nothing can be chosen: each finding stands there with its evidence, and the lanes need no scrolling.
function print(printing) {
	const where = (finding) => soft(finding.call ? ["In ", callLink(finding.call), " "] : "In the run itself ",
		code(cut(callByNumber.get(finding.call)?.words ?? "", 160)));

	lanes.print(printing);
	get("printed").replaceChildren(...(printing ? findings.slice(0, FINDINGS_PRINTED) : [])
		.map((finding) => findingArticle(finding, null, where(finding))));
}

function listenToTools() {
	const tools = { "finding-next": nextFinding, "finding-before": findingBefore, "zoom-in": zoomIn, "zoom-out": zoomOut,
		"zoom-all": zoomAll };

	for (const [id, tool] of Object.entries(tools))
		get(id).addEventListener("click", tool);
	get("finding-next").disabled = get("finding-before").disabled = !findings.length;
	get("search").addEventListener("input", filter);
	get("guilty-only").addEventListener("change", filter);
	addEventListener("hashchange", followAddress);
	addEventListener("beforeprint", () => print(true));
	addEventListener("afterprint", () => print(false));
}

head();
notices();
answers();
legend();
filter();
showFindings();
showNetwork();
showTable();
showTrust();
get("footer").append(paragraph(`Written by weir ${data.version}. This page holds all that it shows, and loads nothing.`));
listenToKeys();
listenToTools();
if (!followAddress() && calls.length) {
	const worstOne = findings.find((finding) => callByNumber.has(finding.call)) ?? null;

	show(worstOne ? callByNumber.get(worstOne.call) : calls[Math.min(1, calls.length - 1)], worstOne);
}
