// SPDX-License-Identifier: Apache-2.0
// A dev server with hot reload, as bundlers have it: serves DIR, and tells each browser over a WebSocket what changed.
// dev_server.js DIR PORT [/PREFIX=https://HOST]: what begins with PREFIX is asked of HOST, as bundlers' proxies do.
const http = require('http'), https = require('https'), fs = require('fs'), path = require('path'), crypto = require('crypto')
const [dir, port, proxy] = process.argv.slice(2)
const browsers = new Set()
const frame = (text) => {
	const data = Buffer.from(text)
	const head = data.length < 126 ? Buffer.from([0x81, data.length]) : Buffer.from([0x81, 126, data.length >> 8, data.length & 255])
	return Buffer.concat([head, data])
}
const [prefix, target] = (proxy || '').split('=')
const server = http.createServer((request, answer) => {
	if (prefix && request.url.startsWith(prefix)) {
		const on = https.request(target + request.url, { method: request.method, headers: { 'content-type': 'application/json' } }, (from) => {
			answer.writeHead(from.statusCode, from.headers)
			from.pipe(answer)
		})
		on.on('error', (e) => { answer.writeHead(502); answer.end(String(e)) })
		request.pipe(on)
		return
	}
	const file = path.join(dir, path.normalize(request.url.split('?')[0]))
	fs.readFile(file.endsWith('/') ? file + 'index.html' : file, (e, data) => {
		answer.writeHead(e ? 404 : 200, { 'content-type': 'text/html' })
		answer.end(e ? 'no such file\n' : data)
	})
})
server.on('upgrade', (request, socket) => {
	const accept = crypto.createHash('sha1').update(request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64')
	socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ' + accept + '\r\n\r\n')
	socket.write(frame(JSON.stringify({ type: 'connected' })))
	browsers.add(socket)
	socket.on('close', () => browsers.delete(socket)).on('error', () => browsers.delete(socket)).on('data', (d) => (d[0] & 15) === 8 && socket.end(Buffer.from([0x88, 0])))
})
fs.watch(dir, (kind, name) => browsers.forEach((b) => b.write(frame(JSON.stringify({ type: 'update', path: '/' + name, timestamp: Date.now() })))))
server.listen(Number(port), '127.0.0.1', () => console.log('ready on ' + port))
