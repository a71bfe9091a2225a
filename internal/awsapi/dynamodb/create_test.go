package dynamodb_test

import (
	"strings"
	"testing"
)

// Of several faults of a CreateTable, the definitions of keys are told first, then
// what is wrong with the keys, then the rest of the indexes.
func TestCreateTableOrder(t *testing.T) {
	def := func(names string) string {
		var out []string
		for _, n := range strings.Split(names, "") {
			out = append(out, `{"AttributeName":"`+n+`","AttributeType":"S"}`)
		}
		return `"AttributeDefinitions":[` + strings.Join(out, ",") + `]`
	}
	key := func(elements string) string {
		var out []string
		for i, n := range strings.Split(elements, "") {
			out = append(out, `{"AttributeName":"`+n+`","KeyType":"`+map[bool]string{true: "HASH", false: "RANGE"}[i == 0]+`"}`)
		}
		return `"KeySchema":[` + strings.Join(out, ",") + `]`
	}
	index := func(name, elements, projection string) string {
		return `{"IndexName":"` + name + `",` + key(elements) + `,"Projection":{` + projection + `}}`
	}
	const all, pay, fixed = `"ProjectionType":"ALL"`, `"BillingMode":"PAY_PER_REQUEST"`, `"ProvisionedThroughput":{"ReadCapacityUnits":1,"WriteCapacityUnits":1}`
	local := func(of ...string) string { return `"LocalSecondaryIndexes":[` + strings.Join(of, ",") + `]` }
	global := func(of ...string) string { return `"GlobalSecondaryIndexes":[` + strings.Join(of, ",") + `]` }
	undefined := func(keys, defs string) string {
		return ones + "Some index key attributes are not defined in AttributeDefinitions. Keys: [" + keys + "], AttributeDefinitions: [" + defs + "]"
	}
	const more, same = "Invalid KeySchema: Some index key attribute have no definition", "Both the Hash Key and the Range Key element in the KeySchema have the same name"
	short := func(name, member string) string {
		return at(member+".1.member.indexName", "'"+name+"'", "have length greater than or equal to 3")
	}
	var cases []wireCase
	for _, c := range []struct {
		want  string
		parts []string
	}{
		{more, []string{def("a"), key("aa"), pay}},
		{more, []string{def("b"), key("aa"), pay, global()}},
		{undefined("a, a", "b, c"), []string{def("bc"), key("aa"), pay}},
		{same, []string{def("ab"), key("aa"), pay}},
		{undefined("c, c", "a, b"), []string{def("ab"), key("ab"), pay, local(index("one", "cc", ""))}},
		{undefined("c", "a, b"), []string{def("ab"), key("ab"), pay, local(index("one", "ab", "")), global(index("two", "c", all))}},
		{"The KeySchema contains multiple key attributes with the same name", []string{def("abc"), key("ab"), pay, global(index("one", "a", ""), index("two", "bb", all))}},
		{ones + "Some AttributeDefinitions are not used. AttributeDefinitions: [a, b, c], keys used: [a, b]", []string{def("abc"), key("ab"), pay, global(index("one", "a", ""), index("one", "b", all))}},
		{ones + "Index KeySchema does not have a range key for index: one", []string{def("ab"), key("ab"), pay, local(index("one", "a", ""))}},
		{ones + "Unknown ProjectionType: null", []string{def("ab"), key("ab"), pay, global(index("one", "a", ""), index("one", "b", all))}},
		{ones + "Duplicate element in NonKeyAttributes: x", []string{def("ab"), key("ab"), pay, global(index("one", "a", `"ProjectionType":"INCLUDE","NonKeyAttributes":["x","y","x"]`))}},
		{ones + "ProvisionedThroughput is not specified for index: one", []string{def("ab"), key("ab"), fixed, global(index("one", "a", all))}},
		{ones + "ProvisionedThroughput should not be specified for index: one when BillingMode is PAY_PER_REQUEST", []string{def("ab"), key("ab"), pay, global(strings.TrimSuffix(index("one", "a", all), "}") + "," + fixed + "}")}},
		{"Attribute Name is duplicated: a", []string{def("aba"), key("ab"), pay}},
		{ones + "Table is being created with a stream disabled, UpdateViewType should not be specified", []string{def("a"), key("a"), pay, `"StreamSpecification":{"StreamEnabled":false,"StreamViewType":"KEYS_ONLY"}`}},
		{"2 validation errors detected: " + short("g1", "globalSecondaryIndexes") + "; " + short("aa", "localSecondaryIndexes"), []string{def("ab"), key("ab"), pay, local(index("aa", "ab", all)), global(index("g1", "a", all))}},
	} {
		cases = append(cases, wireCase{"CreateTable", `{"TableName":"abc",` + strings.Join(c.parts, ",") + `}`, validate, c.want})
	}
	runWire(t, cases)
}
