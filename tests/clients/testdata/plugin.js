#!/usr/bin/env node
// A plugin with nothing but Node: an option, a command, a hook and a subscription.
'use strict'
const net = require('net')

let buffer = ''
let greeting = ''
let socket = ''
let paid = []

const methods = {
  getmanifest: () => ({
    options: [{ name: 'nodejs-greeting', type: 'string', default: 'hello', description: 'What nodejs-greet begins with' }],
    rpcmethods: [
      { name: 'nodejs-greet', usage: '[name]', description: 'Greets' },
      { name: 'nodejs-paid', usage: '', description: 'Labels of invoices that were paid' },
      { name: 'nodejs-id', usage: '', description: 'Asks lightningd who it is' }
    ],
    subscriptions: ['invoice_payment'],
    hooks: [{ name: 'invoice_payment' }],
    dynamic: true
  }),
  init: p => {
    greeting = p.options['nodejs-greeting']
    socket = p.configuration['lightning-dir'] + '/' + p.configuration['rpc-file']
    return {}
  },
  'nodejs-greet': p => ({ text: greeting + ' ' + (Array.isArray(p) ? p[0] : p.name) }),
  'nodejs-paid': () => ({ paid }),
  'nodejs-id': () => new Promise((resolve, reject) => {
    const client = net.createConnection(socket, () => client.write(JSON.stringify({ jsonrpc: '2.0', id: 'nodejs:getinfo#1', method: 'getinfo', params: [] })))
    let text = ''
    client.on('error', reject)
    client.on('data', data => {
      text += data
      if (!text.endsWith('\n\n')) return
      const answer = JSON.parse(text)
      client.end()
      resolve({ id: answer.result.id, echoed: answer.id })
    })
  })
}

async function handle (message) {
  if (message.method === 'invoice_payment' && message.id === undefined) {
    paid.push(message.params.invoice_payment.label)
    return
  }
  const answer = { jsonrpc: '2.0', id: message.id }
  try {
    answer.result = message.method === 'invoice_payment' ? { result: 'continue' } : await methods[message.method](message.params)
  } catch (err) {
    answer.error = { code: -1, message: String(err) }
  }
  process.stdout.write(JSON.stringify(answer) + '\n\n')
}

process.stdin.setEncoding('utf8')
process.stdin.on('data', data => {
  buffer += data
  for (let end; (end = buffer.indexOf('\n\n')) >= 0; buffer = buffer.slice(end + 2)) handle(JSON.parse(buffer.slice(0, end)))
})
process.stdin.on('end', () => process.exit(0))
