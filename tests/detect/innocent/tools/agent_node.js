// SPDX-License-Identifier: Apache-2.0
// The same with node: fetch, whose answer is streamed, and child_process. agent_node.js TURNS
const { spawn } = require('child_process')
const turns = Number(process.argv[2])
const execute = (command) =>
	new Promise((done) => {
		const child = spawn('bash', ['-c', command], { stdio: ['pipe', 'pipe', 'pipe'] })
		let out = ''
		child.stdout.on('data', (d) => (out += d))
		child.stderr.on('data', (d) => (out += d))
		child.stdin.end()
		child.on('close', () => done(out))
	})
async function main() {
	const messages = [{ role: 'user', content: 'Look around.' }]
	for (let done = 0; ; done++) {
		const answer = await fetch('https://model.test/v1/messages', { method: 'POST', body: JSON.stringify({ messages, turns }) })
		let text = ''
		for await (const part of answer.body) text += Buffer.from(part)
		const tool = text.split('\n').filter((l) => l.startsWith('data: ')).map((l) => JSON.parse(l.slice(6))).find((s) => s.type === 'tool')
		if (!tool.command) return console.log('turns:', done)
		messages.push({ role: 'assistant', content: tool.command }, { role: 'user', content: (await execute(tool.command)).slice(0, 20000) })
	}
}
main()
