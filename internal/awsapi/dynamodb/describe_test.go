package dynamodb_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// told calls an action and returns the description in its answer.
func told(t *testing.T, n *node, action, body string) map[string]any {
	t.Helper()
	var answer map[string]map[string]any
	if err := json.Unmarshal([]byte(n.Must(t, action, body)), &answer); err != nil {
		t.Fatal(err)
	}
	for _, d := range answer {
		return d
	}
	return nil
}

func members(v any) string {
	return strings.Join(slices.Sorted(maps.Keys(v.(map[string]any))), " ")
}

// names returns a member of all elements of a list.
func names(list any, member string) string {
	var out []string
	for _, x := range list.([]any) {
		out = append(out, x.(map[string]any)[member].(string))
	}
	return strings.Join(out, " ")
}

// The answers to the creation and the deletion of a table have other members than
// its description.
func TestAnswersOfControl(t *testing.T) {
	n := start(t, true)
	body := createParts("open", "PAY_PER_REQUEST", "")
	body = strings.Replace(body, `"Projection":{"ProjectionType":"ALL"}`, `"Projection":{"ProjectionType":"INCLUDE","NonKeyAttributes":["q","b","m"]}`, 1)
	created := told(t, n, "CreateTable", body)
	const all = "AttributeDefinitions BillingModeSummary CreationDateTime DeletionProtectionEnabled GlobalSecondaryIndexes ItemCount " +
		"KeySchema LocalSecondaryIndexes ProvisionedThroughput TableArn TableId TableName TableSizeBytes TableStatus"
	if got := members(created); got != all {
		t.Errorf("created with %s", got)
	}
	if got := members(created["BillingModeSummary"]); got != "BillingMode" {
		t.Errorf("created with a summary of %s", got)
	}
	if got := members(created["ProvisionedThroughput"]); got != "NumberOfDecreasesToday ReadCapacityUnits WriteCapacityUnits" {
		t.Errorf("created with a throughput of %s", got)
	}
	if got := names(created["AttributeDefinitions"], "AttributeName"); got != "a n s x" {
		t.Errorf("definitions of %s", got)
	}
	near := created["LocalSecondaryIndexes"].([]any)[0].(map[string]any)
	if got := near["Projection"].(map[string]any)["NonKeyAttributes"]; !slices.Equal(got.([]any), []any{"b", "m", "q"}) {
		t.Errorf("projects %v", got)
	}
	described := told(t, n, "DescribeTable", `{"TableName":"open"}`)
	if got := members(described); got != all {
		t.Errorf("described with %s", got)
	}
	if got := members(described["BillingModeSummary"]); got != "BillingMode LastUpdateToPayPerRequestDateTime" {
		t.Errorf("described with a summary of %s", got)
	}
	deleted := told(t, n, "DeleteTable", `{"TableName":"open"}`)
	if got := members(deleted); got != "BillingModeSummary DeletionProtectionEnabled ItemCount ProvisionedThroughput TableArn TableId TableName TableSizeBytes TableStatus" {
		t.Errorf("deleted with %s", got)
	}
	if deleted["TableStatus"] != "DELETING" {
		t.Errorf("deleted as %s", deleted["TableStatus"])
	}
}

// A description tells the changes of a throughput, of the table and of each index.
func TestDescribesThroughput(t *testing.T) {
	n := partsNode(t)
	const never = "NumberOfDecreasesToday ReadCapacityUnits WriteCapacityUnits"
	units := func(read, write string) string {
		return `{"ReadCapacityUnits":` + read + `,"WriteCapacityUnits":` + write + `}`
	}
	check := func(what, members0 string, decreases float64, index bool) {
		t.Helper()
		d := told(t, n, "DescribeTable", `{"TableName":"fixed"}`)
		if index {
			d = d["GlobalSecondaryIndexes"].([]any)[0].(map[string]any)
		}
		p := d["ProvisionedThroughput"].(map[string]any)
		if got := members(p); got != members0 || p["NumberOfDecreasesToday"] != decreases {
			t.Errorf("%s: %v", what, p)
		}
	}
	table := func(read, write string) {
		t.Helper()
		n.Must(t, "UpdateTable", `{"TableName":"fixed","ProvisionedThroughput":`+units(read, write)+`}`)
	}
	check("new", never, 0, false)
	table("2", "2")
	check("increased", "LastIncreaseDateTime "+never, 0, false)
	check("index of an increased table", never, 0, true)
	n.Must(t, "UpdateTable", changes("fixed", "", nil, `{"Update":{"IndexName":"far","ProvisionedThroughput":`+units("3", "3")+`}}`))
	check("increased index", "LastIncreaseDateTime "+never, 0, true)
	n.Must(t, "UpdateTable", changes("fixed", "", nil, `{"Update":{"IndexName":"far","ProvisionedThroughput":`+units("1", "2")+`}}`))
	check("decreased index", "LastDecreaseDateTime LastIncreaseDateTime "+never, 1, true)
	check("table of a decreased index", "LastIncreaseDateTime "+never, 0, false)
	table("1", "1")
	check("decreased", "LastDecreaseDateTime LastIncreaseDateTime "+never, 1, false)
	table("5", "5")
	check("increased again", "LastDecreaseDateTime LastIncreaseDateTime "+never, 1, false)
	table("6", "4")
	check("one up and one down", "LastDecreaseDateTime LastIncreaseDateTime "+never, 2, false)
}

// A table that changes between the billing modes tells no throughput on demand, and
// since when it was on demand ever after.
func TestDescribesBilling(t *testing.T) {
	n := partsNode(t)
	far := func(d map[string]any) map[string]any {
		return d["GlobalSecondaryIndexes"].([]any)[0].(map[string]any)["ProvisionedThroughput"].(map[string]any)
	}
	if got := told(t, n, "DescribeTable", `{"TableName":"fixed"}`); got["BillingModeSummary"] != nil {
		t.Errorf("summary of a table that always was provisioned: %v", got["BillingModeSummary"])
	}
	n.Must(t, "UpdateTable", `{"TableName":"fixed","BillingMode":"PAY_PER_REQUEST"}`)
	d := told(t, n, "DescribeTable", `{"TableName":"fixed"}`)
	if got := members(d["BillingModeSummary"]); got != "BillingMode LastUpdateToPayPerRequestDateTime" {
		t.Errorf("on demand with %s", got)
	}
	for _, p := range []map[string]any{d["ProvisionedThroughput"].(map[string]any), far(d)} {
		if p["ReadCapacityUnits"] != 0. || p["WriteCapacityUnits"] != 0. || len(p) != 3 {
			t.Errorf("on demand with %v", p)
		}
	}
	n.Must(t, "UpdateTable", changes("open", `,"BillingMode":"PROVISIONED"`+oneEach, nil, `{"Update":{"IndexName":"far"`+oneEach+`}}`))
	d = told(t, n, "DescribeTable", `{"TableName":"open"}`)
	if s := d["BillingModeSummary"].(map[string]any); s["BillingMode"] != "PROVISIONED" || s["LastUpdateToPayPerRequestDateTime"] != d["CreationDateTime"] {
		t.Errorf("provisioned with %v", s)
	}
	for _, p := range []map[string]any{d["ProvisionedThroughput"].(map[string]any), far(d)} {
		if p["ReadCapacityUnits"] != 1. || len(p) != 3 {
			t.Errorf("provisioned with %v", p)
		}
	}
}
