// A consumer: a small HTTP server that prints what happens to orders. An event
// may come twice (a lost answer is repeated), so it remembers the ids it has seen.
//
//   node consumer.mjs [port]
import { createServer } from 'node:http'

const seen = new Set()

const server = createServer((request, response) => {
  const chunks = []
  request.on('data', chunk => chunks.push(chunk))
  request.on('end', () => {
    const event = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    if (!seen.has(event.id)) {
      seen.add(event.id)
      console.log(`${event['detail-type']}: ${event.detail.customer}`)
    }
    response.writeHead(204).end()
  })
})

server.listen(Number(process.argv[2] ?? 9000), '127.0.0.1', () => {
  console.log(`consumer listens on http://127.0.0.1:${server.address().port}`)
})
