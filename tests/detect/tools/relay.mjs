// SPDX-License-Identifier: Apache-2.0
// The same reverse tunnel as relay.py, by node's event loop.  relay.mjs FAR PORT INNER PORT
import net from "node:net";

const [far, farPort, inner, innerPort] = process.argv.slice(2);
const streams = new Map();
let rest = Buffer.alloc(0);
const out = net.connect(Number(farPort), far);

function frame(number, data) {
	const head = Buffer.alloc(4);
	head.writeUInt16BE(number, 0);
	head.writeUInt16BE(data.length, 2);
	out.write(Buffer.concat([head, data]));
}

function open(number) {
	const s = net.connect(Number(innerPort), inner);
	s.on("data", (data) => {
		for (let at = 0; at < data.length; at += 16384)
			frame(number, data.subarray(at, at + 16384));
	});
	s.on("end", () => frame(number, Buffer.alloc(0)));
	s.on("error", () => {});
	return s;
}

out.on("data", (data) => {
	rest = Buffer.concat([rest, data]);
	while (rest.length >= 4 && rest.length >= 4 + rest.readUInt16BE(2)) {
		const number = rest.readUInt16BE(0), size = rest.readUInt16BE(2);
		const said = rest.subarray(4, 4 + size);
		rest = rest.subarray(4 + size);
		if (!streams.has(number)) {
			streams.set(number, open(number));
		} else if (size) {
			streams.get(number).write(said);
		} else {
			streams.get(number).end();
			streams.delete(number);
		}
	}
});
