package dynamodb_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// A table's ARN is judged by its text, however the request writes that: one of the node
// is its table, one of another account, region or partition is no table.
func TestForeignTable(t *testing.T) {
	n := start(t, true)
	n.Must(t, "CreateTable", createUsers)
	var foreign []string
	for _, at := range []string{"aws:dynamodb:us-east-1:111111111111", "aws:dynamodb:eu-west-1:000000000000", "aws-cn:dynamodb:us-east-1:000000000000"} {
		foreign = append(foreign, "arn:"+at+":table/users", `\u0061rn:`+at+":table/users", "arn:"+at+":table/"+strings.Repeat("u", 255))
	}
	own := []string{"users", "arn:aws:dynamodb:us-east-1:000000000000:table/users", `\u0061rn:aws:dynamodb:us-east-1:000000000000:table\/users`}
	for _, c := range []struct{ op, body string }{
		{"PutItem", `{"TableName":"%s","Item":{"id":{"S":"a"}}}`},
		{"GetItem", `{"TableName":"%s","Key":{"id":{"S":"a"}}}`},
		{"UpdateItem", `{"TableName":"%s","Key":{"id":{"S":"a"}}}`},
		{"Query", `{"TableName":"%s","KeyConditionExpression":"id=:a","ExpressionAttributeValues":{":a":{"S":"a"}}}`},
		{"Scan", `{"TableName":"%s"}`},
		{"BatchGetItem", `{"RequestItems":{"%s":{"Keys":[{"id":{"S":"a"}}]}}}`},
		{"BatchWriteItem", `{"RequestItems":{"%s":[{"DeleteRequest":{"Key":{"id":{"S":"b"}}}}]}}`},
		{"TransactGetItems", `{"TransactItems":[{"Get":{"TableName":"%s","Key":{"id":{"S":"a"}}}}]}`},
		{"TransactWriteItems", `{"TransactItems":[{"Put":{"TableName":"%s","Item":{"id":{"S":"a"}}}}]}`},
		{"DescribeTable", `{"TableName":"%s"}`},
		{"DescribeTimeToLive", `{"TableName":"%s"}`},
		{"UpdateTimeToLive", `{"TableName":"%s","TimeToLiveSpecification":{"Enabled":true,"AttributeName":"t"}}`},
		{"DescribeContinuousBackups", `{"TableName":"%s"}`},
		{"TagResource", `{"ResourceArn":"%s","Tags":[{"Key":"k","Value":"v"}]}`},
		{"ListTagsOfResource", `{"ResourceArn":"%s"}`},
		{"DeleteItem", `{"TableName":"%s","Key":{"id":{"S":"a"}}}`},
		{"UpdateTable", `{"TableName":"%s","DeletionProtectionEnabled":false}`},
		{"DeleteTable", `{"TableName":"%s"}`},
	} {
		for _, name := range foreign {
			if status, answer := n.Call(t, c.op, fmt.Sprintf(c.body, name)); status != http.StatusBadRequest || !strings.Contains(answer, "NotFoundException") {
				t.Errorf("%s %s: %d %s", c.op, name, status, answer)
			}
		}
		for _, name := range own {
			if name == "users" && strings.Contains(c.body, "ResourceArn") {
				continue
			}
			if c.op == "UpdateTimeToLive" {
				n.Call(t, c.op, fmt.Sprintf(strings.Replace(c.body, "true", "false", 1), name))
			}
			n.Must(t, c.op, fmt.Sprintf(c.body, name))
			if c.op == "DeleteTable" {
				n.Must(t, "CreateTable", createUsers)
			}
		}
	}
}
