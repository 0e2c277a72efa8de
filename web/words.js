// SPDX-License-Identifier: Apache-2.0
// Text and elements. Every text of the page goes through make(), and from there into text nodes only: there is no
// other way from the data into the document.

// Characters that are invisible, reorder what is read or would be obeyed by a terminal, shown as the report's text
// form shows them (src/base/text_escape.c). A new line and a tab stay: elements decide what they do.
const HIDDEN = new RegExp("[\\0-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f" +
	"\\ufeff\\ufff9-\\ufffb\\u{e0000}-\\u{e007f}]|\\p{Cs}", "gu");
const SHORT = { 0x0d: "\\r", 0x1b: "\\e" };

function visible(text) {
	return String(text).replace(HIDDEN, (c) => {
		const code = c.codePointAt(0);

		if (SHORT[code])
			return SHORT[code];
		return code < 0x100 ? "\\x" + code.toString(16).padStart(2, "0") : "\\u{" + code.toString(16) + "}";
	});
}

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
	for (const [name, value] of Object.entries(attributes)) {
		if (name.startsWith("on"))
			element.addEventListener(name.slice(2), value);
		else if (value !== null && value !== false)
			element.setAttribute(name, value === true ? "" : value);
	}
	for (const child of children.flat(3))
		if (child !== null && child !== undefined && child !== false)
			element.append(child instanceof Node ? child : document.createTextNode(visible(child)));
	return element;
}

// make("p", { class: "x" }, "text", element, [more]): no attribute or child is ever read as markup.
function make(tag, attributes = {}, ...children) {
	return fill(document.createElement(tag), attributes, children);
}

function draw(tag, attributes = {}, ...children) {
	return fill(document.createElementNS(SVG, tag), attributes, children);
}

const paragraph = (...words) => make("p", {}, ...words);
const soft = (...words) => make("p", { class: "soft" }, ...words);
const code = (text) => make("code", {}, text);

function cut(text, most) {
	return text.length > most ? text.slice(0, most) + "…" : text;
}

const GROUPED = new Intl.NumberFormat("en");

function count(n) {
	return GROUPED.format(n);
}

function plural(n, one, many = one + "s") {
	return count(n) + " " + (n === 1 ? one : many);
}

// Milliseconds as a person says them.
function duration(ms) {
	if (ms < 1)
		return Math.round(ms * 1000) + " µs";
	if (ms < 100)
		return ms.toFixed(1) + " ms";
	if (ms < 1000)
		return Math.round(ms) + " ms";
	if (ms < 60e3)
		return (ms / 1000).toFixed(2) + " s";
	if (ms < 3600e3)
		return Math.floor(ms / 60e3) + " min " + Math.floor((ms / 1000) % 60) + " s";
	return Math.floor(ms / 3600e3) + " h " + Math.floor((ms / 60e3) % 60) + " min";
}

function bytes(n) {
	const units = ["B", "KiB", "MiB", "GiB", "TiB"];
	let unit = 0;

	for (; n >= 1024 && unit < units.length - 1; unit++)
		n /= 1024;
	return (unit && n < 10 ? n.toFixed(1) : Math.round(n)) + " " + units[unit];
}

// An RFC 3339 time as milliseconds behind another one; Date keeps no nanoseconds.
function since(begin, text) {
	const part = (t) => [Date.parse(t.slice(0, 19) + "Z"), Number("0." + (t.slice(20, -1) || "0")) * 1000];
	const [a, b] = [part(begin), part(text)];

	return b[0] - a[0] + (b[1] - a[1]);
}

function clock(text) {
	return text.slice(11, 23);
}

// Facts beside each other; each is isolated, so that none changes the direction of the next.
function besides(words) {
	return words.filter(Boolean).map((text, i) => [i ? " · " : "", make("bdi", {}, text)]).flat();
}

function list(words) {
	return words.length < 2 ? words.join("") : words.slice(0, -1).join(", ") + " and " + words.at(-1);
}
