package parity

// transactWrite makes a transaction of one to four writes to different items.
func (g *gen) transactWrite(schema) step {
	elements := map[string]object{}
	for range 1 + g.IntN(4) {
		s := g.table()
		member, st := g.transactElement(s)
		for _, name := range []string{"ReturnValues", "ReturnConsumedCapacity", "ReturnItemCollectionMetrics"} {
			delete(st.body, name)
		}
		if member != "Update" || st.body["UpdateExpression"] != nil {
			elements[s.name+canonicalKey(s.keyOf(st.keyed()))] = object{member: st.body}
		}
	}
	body := object{"TransactItems": values(elements)}
	g.options(body, map[string][]string{"ReturnConsumedCapacity": capacities, "ReturnItemCollectionMetrics": metrics})
	return step{request: request{op: "TransactWriteItems", body: body}}
}

func (g *gen) transactElement(s schema) (string, step) {
	switch g.IntN(4) {
	case 0:
		return "Put", g.put(s)
	case 1:
		return "Update", g.update(s)
	case 2:
		return "Delete", g.delete(s)
	default:
		e := g.expressions(s)
		body := object{"TableName": s.name, "Key": g.keyOf(s), "ConditionExpression": e.condition(0)}
		e.into(body)
		return "ConditionCheck", step{request: request{body: body}}
	}
}

// transactGet reads one to three items.
func (g *gen) transactGet(schema) step {
	elements := map[string]object{}
	for range 1 + g.IntN(3) {
		s := g.table()
		get := g.get(s).body
		delete(get, "ConsistentRead")
		delete(get, "ReturnConsumedCapacity")
		elements[s.name+canonicalKey(s.keyOf(get["Key"].(object)))] = object{"Get": get}
	}
	body := object{"TransactItems": values(elements)}
	g.options(body, map[string][]string{"ReturnConsumedCapacity": capacities})
	return step{request: request{op: "TransactGetItems", body: body}}
}
