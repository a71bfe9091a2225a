package parity

import (
	"maps"
	"slices"
	"strings"
)

// breakIt changes a request so that most servers will refuse it.
func (g *gen) breakIt(st *step) {
	pick(g, g.dropMember, g.retype, g.retypeDeep, g.badEnum, g.damageExpression, g.damageExpression, g.damageExpression, g.damageExpression, g.unusedAlias,
		g.undefinedAlias, g.damageKey, g.damageKey, g.damageValue, g.damageValue, g.damageNumber, g.damageText, g.addLegacy, g.damageTable, g.tooLarge, g.emptyMember)(st)
}

// member returns the name of a member of the body; "" if there is none.
func (g *gen) member(o object) string {
	if len(o) == 0 {
		return ""
	}
	return pick(g, slices.Sorted(maps.Keys(o))...)
}

func (g *gen) dropMember(st *step) { delete(st.body, g.member(st.body)) }

// otherType returns a value of some JSON type.
func (g *gen) otherType() any {
	return pick[any](g, "x", "", 1, -1, true, false, nil, []any{}, object{}, []any{"x"}, []any{object{}}, object{"a": "b"}, object{"S": "x"}, []any{[]any{}})
}

func (g *gen) retype(st *step) { st.body[g.member(st.body)] = g.otherType() }

// retypeDeep replaces a member some levels down.
func (g *gen) retypeDeep(st *step) {
	holder := st.body
	for {
		name := g.member(holder)
		if name == "" {
			return
		}
		v := holder[name]
		if list, ok := v.([]any); ok && len(list) > 0 {
			v = list[g.IntN(len(list))]
		}
		next, ok := v.(object)
		if !ok || g.chance(25) {
			holder[name] = g.otherType()
			return
		}
		holder = next
	}
}

func (g *gen) badEnum(st *step) {
	name := pick(g, "ReturnValues", "ReturnConsumedCapacity", "ReturnItemCollectionMetrics", "Select", "ReturnValuesOnConditionCheckFailure")
	st.body[name] = pick(g, "hi", "all_old", "ALL_NEW", "ALL_PROJECTED_ATTRIBUTES", "UPDATED_OLD", "COUNT")
}

// expressionNames are the members that hold expressions.
var expressionNames = []string{"ConditionExpression", "UpdateExpression", "ProjectionExpression", "FilterExpression", "KeyConditionExpression"}

// expressionOf returns the name of a member that holds an expression.
func (g *gen) expressionOf(body object) string {
	var have []string
	for _, name := range expressionNames {
		if _, ok := body[name].(string); ok {
			have = append(have, name)
		}
	}
	if len(have) == 0 {
		return ""
	}
	return pick(g, have...)
}

// holder returns the object of the request that holds its expressions.
func (st *step) holder() object {
	tables, ok := st.body["RequestItems"].(object)
	if !ok || st.op != "BatchGetItem" {
		return st.body
	}
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		if o, ok := tables[name].(object); ok {
			return o
		}
	}
	return st.body
}

// pieces are put into expressions to break them.
var pieces = []string{
	"AND", "OR", "NOT", "(", ")", ",", "=", "<>", "+", "-", ".", "[", "]", "[0]", "[-1]", "[1.5]", "[x]", "#", ":", "#none", ":none", "$", "'", "\"", "!", "é",
	"size", "size(", "foo(", "foo(a)", "attribute_exists", "contains(a)", "contains(a, b, c)", "if_not_exists(a, b)", "list_append(l)", "name", "Status", "select", "SET", "REMOVE", "ADD", "DELETE",
	"set a = :v0", "BETWEEN", "IN", "IN ()", "a = a", "a.b.c", "1", "1a", "_a", "a", "((a = b))", "()", "begins_with(a, a)", "attribute_type(a, b)", "attribute_exists(:v0)", "pk = :v0", "sk <> :v0", "a < :v0",
}

// damageExpression removes, repeats or inserts a piece of an expression.
func (g *gen) damageExpression(st *step) {
	body := st.holder()
	name := g.expressionOf(body)
	if name == "" {
		body[pick(g, expressionNames...)] = strings.Join([]string{pick(g, pieces...), pick(g, pieces...)}, " ")
		return
	}
	words := strings.Split(body[name].(string), " ")
	i := g.IntN(len(words))
	switch g.IntN(7) {
	case 0:
		words = slices.Delete(words, i, i+1)
	case 1:
		words = slices.Insert(words, i, words[i])
	case 2:
		words[i] = pick(g, pieces...)
	case 3:
		words[i] = words[i][:g.IntN(len(words[i])+1)]
	case 4:
		words = append(words, pick(g, "AND", "OR", ","), pick(g, pieces...))
	default:
		words = slices.Insert(words, i, pick(g, pieces...))
	}
	body[name] = strings.Join(words, " ")
}

func (g *gen) unusedAlias(st *step) {
	body := st.holder()
	name, alias, v := "ExpressionAttributeNames", pick(g, "#unused", "#u-n", "unused", "#", ""), any("unused")
	if g.chance(50) {
		name, alias, v = "ExpressionAttributeValues", pick(g, ":unused", ":u-n", "unused", ":", ""), g.value(pick(g, kinds...), 1)
	}
	o, ok := body[name].(object)
	if !ok {
		o = object{}
		body[name] = o
	}
	o[alias] = v
}

func (g *gen) undefinedAlias(st *step) {
	for _, name := range []string{"ExpressionAttributeNames", "ExpressionAttributeValues"} {
		if o, ok := st.holder()[name].(object); ok && g.chance(60) {
			delete(o, g.member(o))
			return
		}
	}
	delete(st.holder(), "ExpressionAttributeValues")
}

// emptyMember makes a member empty.
func (g *gen) emptyMember(st *step) {
	name := pick(g, "ExpressionAttributeNames", "ExpressionAttributeValues", "Key", "Item", "RequestItems", "ConditionExpression", "UpdateExpression", "ProjectionExpression", "FilterExpression", "KeyConditionExpression")
	if strings.HasSuffix(name, "Expression") {
		st.body[name] = ""
		return
	}
	st.body[name] = object{}
}

// keyed returns the object of the request that holds a key.
func (st *step) keyed() object {
	for _, name := range []string{"Key", "Item", "ExclusiveStartKey"} {
		if o, ok := st.body[name].(object); ok {
			return o
		}
	}
	tables, _ := st.body["RequestItems"].(object)
	elements, _ := tables[st.table.name].([]any)
	if keys, ok := tables[st.table.name].(object); ok {
		elements, _ = keys["Keys"].([]any)
	}
	if len(elements) == 0 {
		return nil
	}
	o, _ := elements[0].(object)
	for _, name := range []string{"PutRequest", "DeleteRequest"} {
		if r, ok := o[name].(object); ok {
			o, _ = r[map[string]string{"PutRequest": "Item", "DeleteRequest": "Key"}[name]].(object)
		}
	}
	return o
}

// damageKey makes a key that does not fit the table.
func (g *gen) damageKey(st *step) {
	o := st.keyed()
	if o == nil {
		if st.op == "Query" || st.op == "Scan" {
			o = g.keyOf(st.table)
			st.body["ExclusiveStartKey"] = o
		} else {
			return
		}
	}
	k := pick(g, st.table.keys...)
	switch g.IntN(6) {
	case 0:
		delete(o, k.name)
	case 1:
		o[k.name] = g.value(pick(g, kinds...), 0)
	case 2:
		o[k.name] = object{k.kind: ""}
	case 3:
		o["extra"] = object{"S": "x"}
	case 4:
		o[k.name] = object{"S": strings.Repeat("x", pick(g, 1024, 1025, 2048, 2049))}
	default:
		o[strings.ToUpper(k.name)] = o[k.name]
		delete(o, k.name)
	}
}

// badValues are attribute values that are not valid.
var badValues = []any{
	object{}, object{"S": "a", "N": "1"}, object{"X": "a"}, object{"NULL": false}, object{"SS": []any{}}, object{"NS": []any{}}, object{"BS": []any{}},
	object{"SS": []any{"a", "a"}}, object{"NS": []any{"1", "1.0"}}, object{"BS": []any{"Yg==", "Yg=="}}, object{"NS": []any{"x"}}, object{"N": ""}, object{"N": "x"}, object{"N": "1e126"}, object{"N": "1e-131"},
	object{"N": "123456789012345678901234567890123456789"}, object{"N": " 1"}, object{"N": "1 "}, object{"N": "0x10"}, object{"N": "NaN"}, object{"N": "--1"}, object{"N": "1e"}, object{"N": "."}, object{"N": "1_0"}, object{"N": "Infinity"},
	object{"B": "x"}, object{"B": "YQ"}, object{"S": nil}, object{"M": object{"x": object{}}}, object{"L": []any{object{"N": "x"}}}, object{"L": []any{object{"SS": []any{}}}}, object{"BOOL": "true"}, object{"NULL": "true"}, object{"NULL": "no"}, object{"N": 1}, object{"S": 1}, object{"SS": []any{1}}, object{"SS": "a"},
	object{"L": object{}}, object{"M": []any{}}, object{"BS": []any{"x"}}, object{"SS": []any{nil}}, object{"NS": []any{"1", ""}},
}

// damageValue puts an invalid value among the values of the request.
func (g *gen) damageValue(st *step) {
	bad := clone(pick(g, badValues...))
	if o, ok := st.body["ExpressionAttributeValues"].(object); ok && g.chance(50) {
		o[g.member(o)] = bad
		return
	}
	if o := st.keyed(); o != nil {
		o[pick(g, "bad", g.member(o))] = bad
		return
	}
	if o := st.keyed(); o == nil && (st.op == "Query" || st.op == "Scan") {
		k := g.keyOf(st.table)
		k["pk"] = bad
		st.body["ExclusiveStartKey"] = k
	}
}

func (g *gen) damageNumber(st *step) {
	switch st.op {
	case "Query":
		st.body["Limit"] = pick[any](g, 0, -1, 1.5, "1", 3000000000)
	case "CreateTable":
		st.body["ProvisionedThroughput"] = object{"ReadCapacityUnits": pick(g, 0, -1, 1), "WriteCapacityUnits": pick(g, 0, 1)}
	default:
		st.op, st.pages, st.unsorted, st.segments = "Scan", true, true, 0
		st.body = object{"TableName": st.table.name}
		for _, name := range []string{"Limit", "Segment", "TotalSegments"} {
			if g.chance(60) {
				st.body[name] = pick[any](g, 0, -1, 1, 2, 5, 1000000, 1000001, 1.5)
			}
		}
	}
}

// damageText makes text that is no valid JSON of the request.
func (g *gen) damageText(st *step) {
	whole := text(st.body)
	st.raw = pick(g, whole[:g.IntN(len(whole))], whole+"}", whole+" ", "[]", "null", `"x"`, "1", "{", "{}", whole[:len(whole)-1]+`,"TableName":"twice-1"}`, strings.Replace(whole, `"`, "'", 2), "["+whole+"]", " "+whole, "\xff"+whole, "\ufeff"+whole)
	if st.raw == "" {
		st.raw = " "
	}
}

// legacy are parameters from before there were expressions.
var legacy = object{
	"Expected": object{"s": object{"Exists": false}}, "AttributeUpdates": object{"s": object{"Action": "PUT", "Value": object{"S": "x"}}}, "ConditionalOperator": "AND",
	"AttributesToGet": []any{"s"}, "KeyConditions": object{"pk": object{"ComparisonOperator": "EQ", "AttributeValueList": []any{object{"S": "a"}}}},
	"QueryFilter": object{"s": object{"ComparisonOperator": "NULL"}}, "ScanFilter": object{"s": object{"ComparisonOperator": "NOT_NULL"}},
}

// addLegacy puts a legacy parameter beside an expression.
func (g *gen) addLegacy(st *step) {
	name := g.member(legacy)
	st.body[name] = clone(legacy[name])
	if g.expressionOf(st.body) == "" {
		st.body["ConditionExpression"], st.body["ProjectionExpression"] = "attribute_exists(s)", "s"
	}
}

func (g *gen) damageTable(st *step) {
	st.body["TableName"] = pick(g, "no-such-table", "ab", "a;b;c", "", strings.Repeat("t", 256), "ab!", "arn:aws:dynamodb:us-east-1:000000000000:table/no-such-table")
}

// tooLarge goes to a limit of sizes, or beyond.
func (g *gen) tooLarge(st *step) {
	switch g.IntN(4) {
	case 0:
		st.body[pick(g, expressionNames...)] = strings.Repeat("a", pick(g, 4096, 4097, 5000))
	case 1:
		if it, ok := st.body["Item"].(object); ok {
			it["big"] = object{"S": strings.Repeat("x", pick(g, 409590-200, 409600-20, 409600, 409700))}
		}
	case 2:
		if it, ok := st.body["Item"].(object); ok {
			it["deep"] = deep(pick(g, 31, 32, 33, 34))
		}
	default:
		name := pick(g, "ConditionExpression", "FilterExpression")
		st.body[name] = pick(g,
			strings.Repeat("(", 200)+"a = b"+strings.Repeat(")", 200),
			"a IN (b"+strings.Repeat(", c", pick(g, 98, 99, 100, 101))+")",
			"a = b"+strings.Repeat(" OR a = b", pick(g, 149, 150, 300, 301)),
			strings.Repeat("NOT ", 301)+"a = b")
	}
}

// deep nests lists.
func deep(levels int) object {
	v := object{"S": "x"}
	for range levels {
		v = object{"L": []any{v}}
	}
	return v
}
