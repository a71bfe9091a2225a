// The service: it inserts users into its table and does nothing else. It sends
// no event, knows no bus and no consumer.
//
//   node service.mjs ada grace edsger
import { randomUUID } from 'node:crypto'
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall } from '@aws-sdk/util-dynamodb'

const client = new DynamoDBClient({})

for (const username of process.argv.slice(2)) {
  const user = {
    id: randomUUID(),
    username,
    email: `${username}@example.com`,
    avatar: `https://avatars.example.com/${username}.png`,
    birthdate: '1990-12-10',
    registeredAt: new Date().toISOString(),
  }
  await client.send(new PutItemCommand({
    TableName: 'users',
    Item: marshall(user),
    ConditionExpression: 'attribute_not_exists(id)',
  }))
  console.log(`inserted ${user.username} (${user.id})`)
}
