package parity

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A family is a kind of request that random ones are rarely or never. A
// difference in one is explained only by an entry that names the family.
type family struct {
	name string
	make func(*gen, schema) step
}

var families = []family{
	{"list elements beyond the end", (*gen).beyondEnd},
	{"updates at mixed depths", (*gen).mixedDepths},
	{"impossible paths", (*gen).impossiblePath},
	{"paths into key attributes", (*gen).pathIntoKey},
	{"key conditions that do not fit", (*gen).keyConditions},
	{"transactions about 4 MB", (*gen).largeTransaction},
	{"malformed starting keys", (*gen).startingKey},
	{"contradictions in UpdateTable", (*gen).contradiction},
	{"indexes with several key attributes", (*gen).severalKeys},
	{"base64 that is not canonical", (*gen).looseBase64},
	{"numbers too large", (*gen).hugeNumber},
	{"size of text that is not ASCII", (*gen).sizeOfText},
	{"operands in parentheses", (*gen).parentheses},
	{"attribute names at their limits", (*gen).longName},
}

// family makes request n of a seed that is of a family; all take their turns.
func (g *gen) family(n int) step {
	g.clean = false
	f, s := families[(int(g.seed)*stepsOfSeed/5+n)%len(families)], pick(g, g.others...)
	st := f.make(g, s)
	st.family, st.table, st.tables = f.name, s, []schema{s}
	return st
}

var aliases = regexp.MustCompile(`[:#]\w+`)

// using adds to a request those values and names that its expressions use.
func using(body, all object) object {
	for _, member := range expressionNames {
		expr, _ := body[member].(string)
		for _, alias := range aliases.FindAllString(expr, -1) {
			name := map[byte]string{':': "ExpressionAttributeValues", '#': "ExpressionAttributeNames"}[alias[0]]
			o, ok := body[name].(object)
			if !ok {
				o = object{}
				body[name] = o
			}
			o[alias] = all[alias]
		}
	}
	return body
}

// upon makes a request about an item that is stored before it.
func (g *gen) upon(s schema, attributes object, op string, body object) step {
	k := g.keyOf(s)
	item := clone(k).(object)
	for name, v := range attributes {
		item[name] = v
	}
	body["TableName"], body["Key"] = s.name, k
	return step{request: request{op: op, body: body}, before: []request{{op: "PutItem", body: object{"TableName": s.name, "Item": item}}}}
}

func number(n int) object         { return object{"N": fmt.Sprint(n)} }
func list(elements ...any) object { return object{"L": elements} }

// beyondEnd sets several elements of a list beyond its end, in any order.
func (g *gen) beyondEnd(s schema) step {
	have := g.IntN(4)
	before := []any{}
	for i := range have {
		before = append(before, number(i))
	}
	var sets []string
	all := object{":x": object{"N": "1"}}
	for _, i := range g.Perm(5)[:2+g.IntN(3)] {
		all[fmt.Sprintf(":v%d", i)] = object{"S": fmt.Sprint("new", i)}
		sets = append(sets, fmt.Sprintf("l[%d] = :v%d", have+i*(1+g.IntN(2)), i))
	}
	update := "SET " + strings.Join(sets, ", ")
	if have > 0 && g.chance(40) {
		update += fmt.Sprintf(" REMOVE l[%d]", g.IntN(have))
	}
	return g.upon(s, object{"l": list(before...)}, "UpdateItem", using(object{"UpdateExpression": update}, all))
}

// deepItem has values at several depths, and deepActions are updates of them.
var (
	deepItem = object{
		"l":  list(object{"M": object{"x": number(1), "y": number(2)}}, object{"M": object{"x": number(3)}}, list(number(4), number(5), number(6)), object{"SS": []any{"a"}}, object{"S": "end"}),
		"m":  object{"M": object{"x": object{"M": object{"l": list(number(1), number(2))}}, "y": number(7), "z": object{"SS": []any{"a", "b"}}}},
		"n3": number(8), "ss": object{"SS": []any{"a", "b"}},
	}
	deepActions = map[string][]string{
		"SET": {"l[0].x = :s", "l[0].w = :s", "l[1].x = l[0].x", "l[1] = l[4]", "l[7] = :s", "l[6] = :n", "l[2][1] = :s", "l[2][8] = :s", "l[2][5] = :n",
			"m.x.l[0] = :s", "m.x.l[5] = l[0].y", "m.x.l[9] = :n", "m.w = m.y", "n3 = m.y + :n", "x1 = l[2]", "m.y = m.y - n3", "l[3] = if_not_exists(l[9], :s)"},
		"REMOVE": {"l[0]", "l[0].y", "l[1]", "l[1].x", "l[2]", "l[2][0]", "l[2][2]", "l[3]", "l[4]", "l[9]", "m.x", "m.x.l[0]", "m.x.l[1]", "m.y", "ss", "n3", "nothing"},
		"ADD":    {"m.y :n", "m.z :ss", "m.w :n", "n3 :n", "ss :ss", "l[0].x :n", "l[2][1] :n", "l[3] :ss", "l[8] :n", "l[9] :ss"},
		"DELETE": {"m.z :ss", "ss :ss", "l[3] :ss", "l[9] :ss", "m.w :ss"},
	}
)

// mixedDepths updates an item at several depths by several verbs. No path leads
// through another.
func (g *gen) mixedDepths(s schema) step {
	verbs := []string{"SET", "REMOVE", "ADD", "DELETE"}
	chosen, taken := map[string][]string{}, []string{}
	for range 2 + g.IntN(5) {
		verb := pick(g, verbs...)
		action := pick(g, deepActions[verb]...)
		path, _, _ := strings.Cut(action, " ")
		if !slices.ContainsFunc(taken, func(p string) bool { return strings.HasPrefix(p, path) || strings.HasPrefix(path, p) }) {
			chosen[verb], taken = append(chosen[verb], action), append(taken, path)
		}
	}
	var sections []string
	for _, i := range g.Perm(len(verbs)) {
		if actions := chosen[verbs[i]]; actions != nil {
			sections = append(sections, verbs[i]+" "+strings.Join(actions, ", "))
		}
	}
	all := object{":s": object{"S": "new"}, ":n": number(10), ":ss": object{"SS": pick(g, []any{"a"}, []any{"a", "b"}, []any{"b", "c"})}}
	body := using(object{"UpdateExpression": strings.Join(sections, " ")}, all)
	if g.chance(50) {
		body["ReturnValues"] = pick(g, "ALL_NEW", "ALL_OLD", "UPDATED_NEW", "UPDATED_OLD")
	}
	return g.upon(s, clone(deepItem).(object), "UpdateItem", body)
}

// impossiblePath updates what a path cannot lead to, in an item or where there
// is none.
func (g *gen) impossiblePath(s schema) step {
	path := pick(g, "m.x.y", "n3.x", "nothing.x", "nothing[0]", "l[0].x", "l[0][0]", "l[5]", "l[5].x", "m[0]", "l.x", "m.q", "m.q.r", "x1[0]", "ss.a", "ss[0]", "nothing")
	all := object{":ss": object{"SS": []any{"a"}}, ":n": number(1), ":s": object{"S": "a"}}
	update := pick(g, "DELETE "+path+" :ss", "DELETE "+path+" :ss", "REMOVE "+path, "ADD "+path+" :n", "ADD "+path+" :ss", "SET "+path+" = :s", "SET b = "+path, "SET b = if_not_exists("+path+", :s)")
	st := g.upon(s, object{"m": object{"M": object{"x": number(1)}}, "l": list(number(1)), "n3": number(1), "x1": object{"S": "a"}, "ss": object{"SS": []any{"a", "b"}}}, "UpdateItem", using(object{"UpdateExpression": update}, all))
	if g.chance(25) {
		st.before = []request{{op: "DeleteItem", body: object{"TableName": s.name, "Key": st.body["Key"]}}}
	}
	return st
}

// hugeNumber sends numbers beyond what is stored, and sums that are.
func (g *gen) hugeNumber(s schema) step {
	most := "9.9999999999999999999999999999999999999E+125"
	n := object{"N": pick(g, most, "1E126", "1e125", "-1E126", "1E-130", "1E-131", "9.9999999999999999999999999999999999999E+126", "99999999999999999999999999999999999999999E+130", "123456789012345678901234567890123456789", "1E999999999", "1E-999999999", "0E999", "0.0000E-200", "12345678901234567890123456789012345678E88", "12345678901234567890123456789012345678E89", "1"+strings.Repeat("0", 125), "1"+strings.Repeat("0", 126))}
	if g.chance(60) {
		item := g.keyOf(s)
		item["x1"] = pick(g, n, object{"NS": []any{n["N"], "1"}}, list(n))
		return step{request: request{op: "PutItem", body: object{"TableName": s.name, "Item": item}}}
	}
	all := object{":n": n, ":most": object{"N": most}, ":one": number(1)}
	update := pick(g, "SET x1 = x1 + :n", "SET x1 = :n + :most", "SET x1 = :most + :most", "ADD x1 :n", "ADD x1 :most", "SET x1 = :one - :n", "SET x1 = :one + :most")
	return g.upon(s, object{"x1": object{"N": most}}, "UpdateItem", using(object{"UpdateExpression": update}, all))
}
