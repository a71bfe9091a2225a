// The service: it places an order and says so in the same commit, by an item of
// the outbox; later it ships the order, and writes nothing but that.
//
//   node service.mjs ada grace
import { randomUUID } from 'node:crypto'
import { DynamoDBClient, TransactWriteItemsCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall } from '@aws-sdk/util-dynamodb'

const client = new DynamoDBClient({})

for (const customer of process.argv.slice(2)) {
  const order = { id: randomUUID(), customer, total: 10.5, state: 'placed' }
  const message = {
    id: randomUUID(),
    order: order.id,
    source: 'shop.orders',
    type: 'OrderPlaced',
    payload: JSON.stringify({ order: order.id, customer, total: order.total }),
  }
  await client.send(new TransactWriteItemsCommand({
    TransactItems: [
      { Put: { TableName: 'orders', Item: marshall(order), ConditionExpression: 'attribute_not_exists(id)' } },
      { Put: { TableName: 'outbox', Item: marshall(message) } },
    ],
  }))
  await client.send(new UpdateItemCommand({
    TableName: 'orders',
    Key: marshall({ id: order.id }),
    UpdateExpression: 'SET #s = :s',
    ExpressionAttributeNames: { '#s': 'state' },
    ExpressionAttributeValues: marshall({ ':s': 'shipped' }),
  }))
  console.log(`placed and shipped an order of ${customer}`)
}
