package dynamodb_test

import (
	"strings"
	"testing"
)

// startNode has the table plain with the key a, and the table sorted with the key a
// and b, the local index near on a and c, and the global indexes far on c and wide on
// c and d. All are of type S.
func startNode(t *testing.T) *node {
	keys := func(names string) string {
		out := `"KeySchema":[{"AttributeName":"` + names[:1] + `","KeyType":"HASH"}`
		if len(names) > 1 {
			out += `,{"AttributeName":"` + names[1:] + `","KeyType":"RANGE"}`
		}
		return out + "]"
	}
	defs := func(names string) string {
		var out []string
		for _, n := range strings.Split(names, "") {
			out = append(out, `{"AttributeName":"`+n+`","AttributeType":"S"}`)
		}
		return `"AttributeDefinitions":[` + strings.Join(out, ",") + `],"BillingMode":"PAY_PER_REQUEST"`
	}
	index := func(name, names string) string {
		return `{"IndexName":"` + name + `",` + keys(names) + `,"Projection":{"ProjectionType":"ALL"}}`
	}
	n := start(t, true)
	n.Must(t, "CreateTable", `{"TableName":"plain",`+keys("a")+","+defs("a")+"}")
	n.Must(t, "CreateTable", `{"TableName":"sorted",`+keys("ab")+","+defs("abcd")+`,"LocalSecondaryIndexes":[`+index("near", "ac")+`],"GlobalSecondaryIndexes":[`+index("far", "c")+","+index("wide", "cd")+"]}")
	return n
}

// startItem writes a key: "a:S:x b:N:1".
func startItem(parts string) string {
	var out []string
	for _, p := range strings.Fields(parts) {
		f := strings.Split(p, ":")
		out = append(out, `"`+f[0]+`":{"`+f[1]+`":"`+f[2]+`"}`)
	}
	return "{" + strings.Join(out, ",") + "}"
}

const (
	badStart  = "The provided starting key is invalid"
	noMatch   = "The provided key element does not match the schema"
	outside   = "The provided starting key is outside query boundaries based on provided conditions"
	predicate = "The provided starting key does not match the range key predicate"
	oneRow    = "The query can return at most one row and cannot be restarted"
	missedKey = "Query condition missed key schema element: "
)

func TestStartKeysOfQueries(t *testing.T) {
	n := startNode(t)
	for _, c := range []struct{ of, start, condition, want string }{
		{"plain", "", "a = :b", badStart},
		{"plain", "b:S:a", "z = :b", badStart},
		{"plain", "a:S:a b:S:a", "z = :b", badStart},
		{"plain", "a:N:1", "z = :b", noMatch},
		{"plain", "a:S:a", "z = :b", missedKey + "a"},
		{"plain", "a:S:a", "a = :b", outside},
		{"sorted", "b:S:a c:S:b", "z = :b", badStart},
		{"sorted", "a:S:a", "a = :b", badStart},
		{"sorted", "a:S:a b:S:b c:S:c", "a = :b", badStart},
		{"sorted", "a:N:1 z:S:a", "z = :b", noMatch},
		{"sorted", "a:S:a c:N:1", "z = :b", missedKey + "a"},
		{"sorted", "a:S:a z:S:1", "a = :b", badStart},
		{"sorted", "a:S:a b:N:1", "a = :b", noMatch},
		{"sorted", "a:S:a b:S:a", "a = :b AND c = :b", missedKey + "b"},
		{"sorted", "a:S:a b:S:a", "a = :b", outside},
		{"sorted", "a:S:a b:S:a", "a = :b AND b > :a", predicate},
		{"sorted", "a:S:b b:S:a", "a = :b AND b > :a", predicate},
		{"sorted", "a:S:a b:S:a", "a = :b AND b < :b", oneRow},
		{"sorted", "a:S:a b:S:a", "a = :b AND b = :a", oneRow},
		{"sorted", "a:S:a b:S:b", "a = :b AND begins_with(b, :a)", predicate},
		{"near", "a:S:a b:S:a", "a = :b", badStart},
		{"near", "a:S:a c:S:a z:S:a", "a = :b", badStart + ": " + noMatch},
		{"near", "a:S:a b:S:a z:S:a", "a = :b", badStart},
		{"near", "a:S:a b:S:a c:N:1", "a = :b", noMatch},
		{"near", "a:S:1 b:N:1 c:S:a", "a = :b", badStart + ": " + noMatch},
		{"near", "a:S:a b:S:a c:S:a", "a = :b", outside},
		{"near", "a:S:a b:S:a c:S:a", "a = :a AND c > :a", predicate},
		{"far", "a:S:a b:S:a", "c = :b", badStart},
		{"far", "a:S:a b:S:a c:N:1", "c = :b", noMatch},
		{"far", "x:N:1 y:N:1 c:S:a", "c = :b", badStart + ": " + noMatch},
		{"far", "a:S:a b:S:a c:S:a", "c = :b", outside},
		{"wide", "a:S:a b:S:a c:S:a d:S:a", "c = :b AND d > :a", predicate},
		{"wide", "a:S:a b:S:a c:S:c d:S:a", "c = :a AND d = :a", oneRow},
	} {
		of := `"TableName":"` + c.of + `"`
		if c.of != "plain" && c.of != "sorted" {
			of = `"TableName":"sorted","IndexName":"` + c.of + `"`
		}
		var values []string
		for _, v := range []string{"a", "b"} {
			if strings.Contains(c.condition, ":"+v) {
				values = append(values, `":`+v+`":{"S":"`+v+`"}`)
			}
		}
		body := `{` + of + `,"ExclusiveStartKey":` + startItem(c.start) + `,"KeyConditionExpression":"` + c.condition + `","ExpressionAttributeValues":{` + strings.Join(values, ",") + `}`
		wireCase{"Query", body + "}", validate, c.want}.check(t, n)
		// Start keys are told of before filters on keys.
		if !strings.HasPrefix(c.want, missedKey) {
			wireCase{"Query", body + `,"FilterExpression":"attribute_exists(a) AND attribute_exists(c)"}`, validate, c.want}.check(t, n)
		}
	}
	// A start key that no item has, inside the condition, is as good as any.
	for _, body := range []string{
		`{"TableName":"plain","ExclusiveStartKey":` + startItem("a:S:b") + `,"KeyConditionExpression":"a = :b"`,
		`{"TableName":"sorted","ExclusiveStartKey":` + startItem("a:S:b b:S:b") + `,"KeyConditionExpression":"a = :b AND b = :b"`,
		`{"TableName":"sorted","IndexName":"wide","ExclusiveStartKey":` + startItem("a:S:a b:S:a c:S:b d:S:bb") + `,"KeyConditionExpression":"c = :b AND begins_with(d, :b)"`,
	} {
		n.Must(t, "Query", body+`,"ExpressionAttributeValues":{":b":{"S":"b"}}}`)
	}
}

func TestStartKeysOfScans(t *testing.T) {
	n := startNode(t)
	for _, c := range []struct{ of, start, want string }{
		{`"TableName":"plain"`, "", badStart + ": " + noMatch},
		{`"TableName":"plain"`, "a:S:a b:S:a", badStart + ": " + noMatch},
		{`"TableName":"plain"`, "a:N:1", badStart + ": " + noMatch},
		{`"TableName":"sorted"`, "a:S:a c:S:a", badStart + ": " + noMatch},
		{`"TableName":"sorted","IndexName":"near"`, "a:S:a b:S:a", badStart},
		{`"TableName":"sorted","IndexName":"near"`, "a:S:a b:S:a z:S:a", badStart},
		{`"TableName":"sorted","IndexName":"near"`, "a:S:a b:S:a c:N:1", noMatch},
		{`"TableName":"sorted","IndexName":"near"`, "a:S:a b:N:1 c:S:a", badStart + ": " + noMatch},
		{`"TableName":"sorted","IndexName":"far"`, "a:S:a b:S:a d:S:a", badStart},
		{`"TableName":"sorted","IndexName":"far"`, "c:S:a x:S:a y:S:a", badStart + ": " + noMatch},
	} {
		wireCase{"Scan", `{` + c.of + `,"ExclusiveStartKey":` + startItem(c.start) + `}`, validate, c.want}.check(t, n)
	}
	n.Must(t, "Scan", `{"TableName":"sorted","IndexName":"wide","ExclusiveStartKey":`+startItem("a:S:a b:S:a c:S:c d:S:a")+`}`)
}
