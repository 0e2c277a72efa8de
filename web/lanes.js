// SPDX-License-Identifier: Apache-2.0
// The drawing: a lane a call, of which only those in sight exist. A lane is an option of a list box, so that the
// drawing is read and walked like a list; everything that it shows is in its label too.

const MARKS = {
	critical: "M-3,-7 3,-7 7,-3 7,3 3,7 -3,7 -7,3 -7,-3Z",
	high: "M0,-7 7,0 0,7 -7,0Z",
	medium: "M0,-6.5 7,5.5 -7,5.5Z",
	low: "M-5,-5 5,-5 5,5 -5,5Z",
	info: "M-4.5,0a4.5,4.5 0 1 0 9,0a4.5,4.5 0 1 0 -9,0Z",
};
const MARK_ROOM = 13;	// pixels that a mark takes beside another
const MARKS_ALL = 300;	// in the overview, the worst first
const MARKS_MAX = 8;	// in a lane; what is beyond is counted
const ARROWS_MAX = 60;	// drawn at once; where there are more, those of the chosen call
const OVERSCAN = 4;	// lanes that exist above and below those in sight
const PRINTED_MAX = 60; // lanes on paper
const SPAN_MIN = 0.005; // milliseconds across the drawing

function mark(severity, label) {
	return draw("svg", { class: "mark " + severity, viewBox: "-8 -8 16 16", width: 14, height: 14,
		...(label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" }) },
		draw("path", { d: MARKS[severity] }));
}

// One figure from stretches of time: the counts of stretches that share a pixel are added.
function skyline(found, x, from, to, most, base, height) {
	const full = Math.log1p(most);
	let path = "", column = NaN, width = 0, sum = 0;
	const flush = () => {
		const up = (height * Math.min(1, Math.log1p(sum) / full)).toFixed(1);

		if (sum)
			path += `M${column},${base}v${up}h${width.toFixed(1)}V${base}Z`;
	};

	for (let i = 0; i < found.start.length; i++) {
		if (found.start[i] + found.width < from || found.start[i] > to)
			continue;
		const left = Math.floor(x(found.start[i]));

		if (left !== column) {
			flush();
			column = left;
			sum = 0;
		}
		sum += found.count[i];
		width = Math.max(1, x(found.start[i] + found.width) - x(found.start[i]));
	}
	flush();
	return path;
}

const LONG_STEPS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400]
	.map((s) => s * 1000);

// The step of the axis: labels have some 90 pixels each.
function tickStep(span, room) {
	const least = span / Math.max(2, room / 90);
	const power = 10 ** Math.floor(Math.log10(least));

	if (least > 1000)
		return LONG_STEPS.find((step) => step >= least) ?? Math.ceil(least / 86400e3) * 86400e3;
	return [1, 2, 5, 10].map((n) => n * power).find((step) => step >= least);
}

// All labels of an axis have the unit of its step, or the next larger one.
function tickLabel(ms, step, most) {
	const two = (n) => String(n).padStart(2, "0");
	const s = Math.round(ms / 1000);

	if (ms === 0)
		return "0";
	if (most >= 60e3 && step >= 1000) {
		const minutes = Math.floor(s / 60);

		return s < 3600 ? `${minutes}:${two(s % 60)} min` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(s % 60)}`;
	}
	const [unit, size] = most >= 1000 ? ["s", 1000] : most >= 1 ? ["ms", 1] : ["µs", 0.001];
	const digits = Math.max(0, Math.ceil(-Math.log10(step / size) - 1e-9));

	return (ms / size).toFixed(Math.min(digits, 6)) + " " + unit;
}

class Lanes {
	constructor({ list, axis, overview, hint, choose }) {
		this.list = list;
		this.axis = axis;
		this.overview = overview;
		this.hint = hint;
		this.choose = choose; // (call, finding or null), when a person picks one
		this.rows = [];
		this.rowOf = new Map();
		this.spans = []; // of the arrows, in rows
		this.lanes = new Map(); // that exist, by number of the call
		this.chosen = null;
		this.most = Math.max(1, ...calls.map((call) => call.all.count.reduce((a, b) => Math.max(a, b), 0)));
		this.arrows = draw("svg", { class: "arrows", "aria-hidden": "true" });
		this.grid = draw("path", { class: "grid" });
		this.sheet = make("div", { class: "sheet", role: "presentation" },
			draw("svg", { class: "under", "aria-hidden": "true" }, this.grid), this.arrows);
		list.append(this.sheet);
		this.whole();
		list.addEventListener("scroll", () => this.update(), { passive: true });
		new ResizeObserver(() => this.update()).observe(list);
		this.listenToPointers(list);
		overview.addEventListener("pointerdown", (event) => this.moveOverview(event));
		overview.addEventListener("pointermove", (event) => event.buttons & 1 && this.moveOverview(event));
	}

	// ---- what is shown

	show(rows) {
		this.rows = rows;
		this.rowOf = new Map(rows.map((call, i) => [call.n, i]));
		this.spans = edges.map((edge) => this.span(edge)).filter(({ top, bottom }) => top < bottom);
		for (const lane of this.lanes.values())
			lane.element.remove();
		this.lanes.clear();
		this.update();
	}

	// The rows from the first that an arrow touches to behind the last; none where one of its calls is not shown.
	span(edge) {
		const to = this.rowOf.get(edge.to) ?? NaN, from = edge.unknown ? to : this.rowOf.get(edge.from) ?? NaN;

		return { edge, top: Math.min(from, to), bottom: Math.max(from, to) + 1 };
	}

	whole() {
		const margin = UNTIL * 0.01;

		this.from = -margin;
		this.to = UNTIL + margin;
		this.update();
	}

	// Around a place that stays where it is.
	zoom(factor, around = (this.from + this.to) / 2) {
		const span = Math.min(UNTIL * 1.02, Math.max(SPAN_MIN, (this.to - this.from) * factor));
		const share = (around - this.from) / (this.to - this.from);

		this.from = around - share * span;
		this.to = this.from + span;
		this.pan(0);
	}

	pan(ms) {
		const span = this.to - this.from, margin = Math.max(span, UNTIL) * 0.01;

		this.from = Math.max(-margin, Math.min(UNTIL + margin - span, this.from + ms));
		this.to = this.from + span;
		this.update();
	}

	zoomTo(call) {
		const from = call.from, to = Math.max(call.lived ?? call.to, call.from + SPAN_MIN);
		const margin = (to - from) * 0.15;

		this.from = from - margin;
		this.to = to + margin;
		this.pan(0);
	}

	// Marks the call as the chosen one and brings it into sight.
	select(call, visible = true) {
		this.lanes.get(this.chosen?.n)?.element.setAttribute("aria-selected", "false");
		this.chosen = call;
		const row = this.rowOf.get(call?.n);

		if (visible && row !== undefined) {
			const top = row * this.height;

			if (top < this.list.scrollTop)
				this.list.scrollTop = top;
			else if (top + this.height > this.list.scrollTop + this.list.clientHeight)
				this.list.scrollTop = top + this.height - this.list.clientHeight;
			if (call.from > this.to || (call.lived ?? call.to) < this.from)
				this.pan(call.from - (this.from + this.to) / 2);
		}
		this.update();
	}

	move(rows) {
		const now = this.rowOf.get(this.chosen?.n) ?? -1;
		const row = Math.max(0, Math.min(this.rows.length - 1, now + rows));

		if (this.rows[row])
			this.choose(this.rows[row], null);
	}

	pageRows() {
		return Math.max(1, Math.floor(this.list.clientHeight / this.height) - 1);
	}

	// ---- drawing, once a frame

	update() {
		if (!this.waiting)
			this.waiting = requestAnimationFrame(() => this.render());
	}

	measure() {
		this.height = parseFloat(getComputedStyle(this.list).getPropertyValue("--lane"));
		this.label = parseFloat(getComputedStyle(this.axis).marginLeft); // pixels, where --label may be in other units
		this.width = Math.max(40, this.list.clientWidth - this.label);
		this.x = (ms) => ((ms - this.from) / (this.to - this.from)) * this.width;
	}

	render() {
		this.waiting = 0;
		this.measure();
		const shown = this.printing ? PRINTED_MAX : Math.ceil(this.list.clientHeight / this.height);
		const top = this.printing ? 0 : Math.floor(this.list.scrollTop / this.height);
		const first = Math.max(0, top - OVERSCAN), end = Math.min(this.rows.length, top + shown + OVERSCAN);
		const wanted = new Set(this.rows.slice(first, end).map((call) => call.n));

		// The chosen one exists always: the list box names it as its active descendant.
		if (this.rowOf.has(this.chosen?.n))
			wanted.add(this.chosen.n);
		for (const [n, lane] of this.lanes)
			if (!wanted.has(n)) {
				lane.element.remove();
				this.lanes.delete(n);
			}
		const printed = Math.min(this.rows.length, PRINTED_MAX);

		this.list.style.height = (this.printing ? printed : calls.length) * this.height + 2 + "px";
		this.sheet.style.height = (this.printing ? printed : this.rows.length) * this.height + "px";
		const view = [this.from, this.to, this.width, this.height].join();

		for (const n of wanted)
			this.drawLane(this.lanes.get(n) ?? this.makeLane(callByNumber.get(n)), view);
		if (this.rowOf.has(this.chosen?.n))
			this.list.setAttribute("aria-activedescendant", "lane-" + this.chosen.n);
		else
			this.list.removeAttribute("aria-activedescendant");
		if (this.view !== view + this.sheet.style.height) {
			this.view = view + this.sheet.style.height;
			this.drawAxis();
			this.drawOverview();
		}
		this.drawArrows(first, end);
	}

	makeLane(call) {
		const row = this.rowOf.get(call.n);
		const lane = {
			call,
			bar: draw("rect", { class: "bar" }),
			tail: draw("rect", { class: "tail" }),
			all: draw("path", { class: "events" }),
			refused: draw("path", { class: "refused" }),
			marks: draw("g"),
		};
		const severity = worst(call);

		lane.plot = draw("svg", { class: "plot", "aria-hidden": "true" },
			lane.tail, lane.bar, lane.all, lane.refused, lane.marks);
		lane.element = make("div", { class: "lane" + (severity ? " found " + severity : ""), id: "lane-" + call.n,
			role: "option", "aria-label": laneLabel(call), "aria-posinset": row + 1, "aria-setsize": this.rows.length,
			"data-call": call.n },
			make("span", { class: "name depth-" + depth(call) },
				make("b", {}, call.n), " ", make("span", { class: "function" }, cut(call.name, 24)), " ",
				make("span", { class: "what" }, cut(call.words, 80))),
			lane.plot);
		this.lanes.set(call.n, lane);
		this.sheet.append(lane.element);
		return lane;
	}

	// view: what the drawing depends on; a lane that shows it already only may have been chosen or not.
	drawLane(lane, view) {
		const { call } = lane;

		lane.element.setAttribute("aria-selected", String(this.chosen === call));
		if (lane.view === view)
			return;
		lane.view = view;
		const height = this.height;
		const box = (element, from, to, least) => {
			const left = Math.max(-9, Math.min(this.width + 9, this.x(from)));
			const right = Math.max(-9, Math.min(this.width + 9, this.x(to)));

			element.setAttribute("x", left.toFixed(2));
			element.setAttribute("width", Math.max(least, right - left).toFixed(2));
		};

		lane.element.style.top = this.rowOf.get(call.n) * height + "px";
		box(lane.bar, call.from, call.to, 2);
		lane.tail.style.display = call.lived === null ? "none" : "";
		if (call.lived !== null)
			box(lane.tail, call.to, call.lived, 1);
		lane.all.setAttribute("d", skyline(call.all, this.x, this.from, this.to, this.most, height - 5, 10 - height));
		lane.refused.setAttribute("d", skyline(call.refused, this.x, this.from, this.to, this.most, 5, (height - 10) * 0.6));
		this.drawMarks(lane);
	}

	drawMarks(lane) {
		let next = -Infinity;
		const found = [...lane.call.found].sort((a, b) => a.at - b.at);

		lane.marks.replaceChildren(...found.slice(0, MARKS_MAX).map((finding) => {
			const left = Math.max(this.x(finding.at), next);

			next = left + MARK_ROOM;
			return draw("g", { class: "mark " + finding.severity, "data-finding": finding.id,
				transform: `translate(${left.toFixed(1)} ${this.height / 2})` },
				draw("path", { d: MARKS[finding.severity] }),
				draw("title", {}, `${finding.id} ${finding.severity}: ${finding.summary}`));
		}), ...(found.length > MARKS_MAX
			? [draw("text", { class: "more", x: next.toFixed(1), y: this.height / 2 + 4 }, "+" + (found.length - MARKS_MAX))]
			: []));
	}

	drawAxis() {
		const step = tickStep(this.to - this.from, this.width);
		const ticks = [];
		let lines = "";

		for (let i = Math.ceil(Math.max(0, this.from) / step); i * step <= this.to; i++) {
			const x = Math.round(this.x(i * step)) + 0.5;

			lines += `M${x + this.label},0v${parseFloat(this.sheet.style.height)}`;
			ticks.push(draw("g", { transform: `translate(${x} 0)` },
				draw("path", { d: "M0,14V20" }), draw("text", { y: 10 }, tickLabel(i * step, step, this.to))));
		}
		this.axis.replaceChildren(draw("svg", { width: this.width, height: 20 }, ticks));
		this.grid.setAttribute("d", lines);
	}

	// The whole run in one strip: all events, the findings, and which part of it is shown below.
	drawOverview() {
		const x = (ms) => (ms / UNTIL) * this.width;
		const left = Math.max(0, x(this.from)), right = Math.min(this.width, x(this.to));

		if (this.overviewWidth !== this.width)
			this.makeOverview(x);
		this.window.setAttribute("x", left.toFixed(1));
		this.window.setAttribute("width", Math.max(4, right - left).toFixed(1));
	}

	makeOverview(x) {
		const { width } = this, height = 26, last = Math.ceil(width);
		const sums = new Float64Array(last + 1);

		for (const { all } of calls)
			for (let i = 0; i < all.start.length; i++)
				sums[Math.max(0, Math.min(last, Math.floor(x(all.start[i]))))] += all.count[i];
		const full = Math.log1p(sums.reduce((a, b) => Math.max(a, b), 1));
		const columns = [...sums].map((sum, i) =>
			(sum ? `M${i},${height}v${((8 - height) * Math.log1p(sum) / full).toFixed(1)}h1V${height}Z` : ""));
		const marks = findings.slice(0, MARKS_ALL).reverse().map((finding) => draw("path", {
			class: "mark " + finding.severity, d: MARKS[finding.severity],
			transform: `translate(${x(finding.at).toFixed(1)} 5) scale(.6)` }));

		this.overviewWidth = width;
		this.window = draw("rect", { class: "window", y: 0.5, height: height - 1, rx: 3 });
		this.overview.replaceChildren(draw("svg", { width, height },
			draw("path", { class: "events", d: columns.join("") }), marks, this.window));
	}

	moveOverview(event) {
		const box = this.overview.getBoundingClientRect();
		const middle = ((event.clientX - box.left) / this.width) * UNTIL;

		this.overview.setPointerCapture(event.pointerId);
		this.pan(middle - (this.from + this.to) / 2);
	}

	// What a call left lies in its lane until the other takes over: at that moment the arrow turns to the other's lane.
	drawArrows(first, end) {
		const chosen = this.chosen?.n;
		const inSight = this.spans.filter(({ top, bottom }) => bottom > first && top < end).map(({ edge }) => edge);
		const isChosen = (edge) => edge.from === chosen || edge.to === chosen;
		const drawn = inSight.length > ARROWS_MAX ? inSight.filter(isChosen).slice(0, ARROWS_MAX) : inSight;
		const left = inSight.length - drawn.length;

		this.hint.textContent = left ? `${plural(left, "hand-over")} of these calls ${left === 1 ? "is" : "are"} not drawn: ` +
			"choose a call to see its own." : "";
		this.arrows.style.height = this.sheet.style.height;
		this.arrows.replaceChildren(...drawn.map((edge) =>
			(edge.unknown ? this.makeQuestion(edge, isChosen(edge)) : this.makeArrow(edge, isChosen(edge)))),
			...this.makeKinds(drawn.filter((edge) => isChosen(edge) && !edge.unknown)));
	}

	// The kinds of the chosen call's arrows, in the lanes of the others, each lane's together.
	makeKinds(chosen) {
		const kinds = new Map();

		for (const edge of chosen) {
			const before = edge.to === this.chosen.n, other = before ? edge.from : edge.to;
			const found = kinds.get(other) ?? { words: new Set(), x: before ? this.leaves(edge) : this.x(edge.at), before };

			found.words.add(edge.kind);
			kinds.set(other, found);
		}
		return [...kinds].map(([other, { words, x, before }]) => draw("text", { class: "kind", x: (this.label + x + 7).toFixed(1),
			y: (this.rowOf.get(other) + 0.5) * this.height + (before ? -3 : 4) }, [...words].join(", ")));
	}

	// When an arrow leaves, in pixels: where its call ends, or where it was when the other took over.
	leaves(edge) {
		const from = callByNumber.get(edge.from);

		return this.x(Math.min(edge.at, from.lived ?? from.to));
	}

	makeArrow(edge, chosen) {
		const middle = (n) => (this.rowOf.get(n) + 0.5) * this.height;
		const y1 = middle(edge.from), y2 = middle(edge.to), down = y2 > y1 ? 1 : -1;
		const x1 = this.label + this.leaves(edge), x2 = this.label + this.x(edge.at);
		const tip = y2 - down * (this.height / 2 - 5), turn = Math.min(6, Math.abs(x2 - x1));
		const corner = x2 - Math.sign(x2 - x1) * turn, x = x2.toFixed(1);
		const d = `M${x1.toFixed(1)},${y1}H${corner.toFixed(1)}Q${x},${y1} ${x},${y1 + turn * down}V${tip}`;

		return draw("g", { class: "arrow" + (chosen ? " chosen" : ""), "data-edge": edge.to },
			draw("path", { class: "reach", d }), draw("path", { class: "line", d }),
			draw("path", { class: "head", d: `M${x},${tip}l-3.5,${-6 * down}h7Z` }),
			draw("title", {}, edgeWords(edge)));
	}

	// Something was taken over, from whom is not known.
	makeQuestion(edge, chosen) {
		const x = this.label + this.x(edge.at), y = (this.rowOf.get(edge.to) + 0.5) * this.height;

		return draw("g", { class: "arrow question" + (chosen ? " chosen" : ""), "data-edge": edge.to },
			draw("circle", { cx: x.toFixed(1), cy: y, r: 6.5 }), draw("text", { x: x.toFixed(1), y: y + 4 }, "?"),
			draw("title", {}, edgeWords(edge)));
	}

	// ---- pointers: drag and pinch move in time, a click chooses

	timeAt(clientX) {
		const left = this.list.getBoundingClientRect().left + this.label;

		return this.from + ((clientX - left) / this.width) * (this.to - this.from);
	}

	listenToPointers(list) {
		const held = new Map(); // pointers that are down, by id: where they are in time and space
		let moved = false;

		list.addEventListener("pointerdown", (event) => {
			if (event.button === 0)
				held.set(event.pointerId, { x: event.clientX, from: event.clientX });
			moved = held.size > 1;
		});
		list.addEventListener("pointermove", (event) => {
			const pointer = held.get(event.pointerId);

			if (!pointer)
				return;
			if (held.size === 2)
				this.pinch(held, event);
			else if (moved || Math.abs(event.clientX - pointer.from) > 4) {
				moved = true;
				list.setPointerCapture(event.pointerId);
				this.pan(((pointer.x - event.clientX) / this.width) * (this.to - this.from));
			}
			pointer.x = event.clientX;
		});
		for (const over of ["pointerup", "pointercancel"])
			list.addEventListener(over, (event) => held.delete(event.pointerId));
		list.addEventListener("click", (event) => {
			if (!moved)
				this.pick(event.target);
			moved = false;
		});
		list.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
	}

	pinch(held, event) {
		const [a, b] = [...held.values()];
		const before = Math.abs(a.x - b.x);

		held.get(event.pointerId).x = event.clientX;
		this.zoom(before / Math.max(1, Math.abs(a.x - b.x)), this.timeAt((a.x + b.x) / 2));
	}

	wheel(event) {
		if (event.ctrlKey || event.metaKey) {
			event.preventDefault();
			this.zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) * 0.008), this.timeAt(event.clientX));
		} else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
			event.preventDefault();
			this.pan(((event.deltaX || event.deltaY) / this.width) * (this.to - this.from));
		}
	}

	pick(target) {
		const { finding, edge, call } = target.closest("[data-finding], [data-edge], [data-call]")?.dataset ?? {};
		const found = findingById.get(finding) ?? null;
		const picked = callByNumber.get(found ? found.call : Number(edge ?? call));

		if (picked)
			this.choose(picked, found);
	}

	// On paper there is nothing to scroll.
	print(printing) {
		this.printing = printing;
		this.overviewWidth = this.view = 0;
		this.render();
	}
}
