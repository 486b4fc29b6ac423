// Does what a shop does, by npm's clightning-client as it is: node client.js PAYEE_RPC PAYER_DIR
'use strict'
const assert = require('assert')
const client = require('clightning-client')

async function main (payeeRPC, payerDir) {
  const payee = client(payeeRPC)
  const payer = client(payerDir) // finds lightning-rpc in the folder

  const info = await payee.getinfo()
  assert.match(info.id, /^0[23][0-9a-f]{64}$/)
  assert.match(info.version, /^v26\.06/)

  const waiting = payee.waitanyinvoice()
  const invoice = await payee.invoice(123456, 'order-1', 'Three apples, "green"\n', 3600)
  assert.match(invoice.bolt11, /^lnbcrt/)
  const paid = await payer.pay(invoice.bolt11)
  assert.strictEqual(paid.status, 'complete')
  assert.strictEqual(paid.amount_msat, 123456)
  const received = await waiting
  assert.strictEqual(received.label, 'order-1')
  assert.strictEqual(received.description, 'Three apples, "green"\n')
  assert.strictEqual(received.payment_preimage, paid.payment_preimage)
  assert.strictEqual(received.amount_received_msat, 123456)

  const channels = (await payer.call('listpeerchannels', [info.id])).channels // newer than the client
  assert.strictEqual(channels.length, 1)
  assert.strictEqual(channels[0].state, 'CHANNELD_NORMAL')

  // An error comes as one, with its code.
  await assert.rejects(payee.invoice(1, 'order-1', 'again'), err => err.code === 900)
  // Several at once over one connection, each answered by its id.
  const all = await Promise.all([payee.listinvoices('order-1'), payee.getinfo(), payee.call('listinvoices', { label: 'none' })])
  assert.strictEqual(all[0].invoices[0].status, 'paid')
  assert.strictEqual(all[1].id, info.id)
  assert.deepStrictEqual(all[2].invoices, [])
  console.log('all is well')
}

main(...process.argv.slice(2)).then(() => process.exit(0), err => { console.error(err); process.exit(1) })
