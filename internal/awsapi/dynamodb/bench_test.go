package dynamodb_test

import (
	"fmt"
	"testing"

	"github.com/tablecast/tablecast/internal/awsapi/dynamodb"
)

// BenchmarkOps measures whole operations of 1 KB items without HTTP, on a
// store in memory.
func BenchmarkOps(b *testing.B) {
	n := start(b, true)
	n.Must(b, "CreateTable", createUsers)
	n.Must(b, "CreateTable", createLines)
	put := `{"TableName":"users","Item":{"id":{"S":"%d"},"n":{"N":"1"},"doc":{"S":"` + fmt.Sprintf("%01000d", 1) + `"}}}`
	n.Must(b, "PutItem", fmt.Sprintf(put, 0))
	for i := range 10 {
		n.Must(b, "PutItem", fmt.Sprintf(`{"TableName":"lines","Item":{"pk":{"S":"p"},"sk":{"N":"%d"},"doc":{"S":"%0100d"}}}`, i, i))
	}
	ops := dynamodb.Service(n.tables, "us-east-1").Ops
	for _, c := range []struct{ name, op, body string }{
		{"PutItem", "PutItem", fmt.Sprintf(put, 0)},
		{"GetItem", "GetItem", `{"TableName":"users","Key":{"id":{"S":"0"}}}`},
		{"UpdateItem", "UpdateItem", `{"TableName":"users","Key":{"id":{"S":"0"}},"UpdateExpression":"ADD n :one","ExpressionAttributeValues":{":one":{"N":"1"}}}`},
		{"Query10", "Query", `{"TableName":"lines","KeyConditionExpression":"pk = :p","ExpressionAttributeValues":{":p":{"S":"p"}}}`},
		{"BadRequest", "PutItem", `{"TableName":"users","Item":{"id":{"S":""}}}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			body := []byte(c.body)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ops[c.op].Run(b.Context(), body); err != nil && c.name != "BadRequest" {
					b.Fatal(err)
				}
			}
		})
	}
}
