package parity

import "strings"

// pathIntoKey writes a path that leads into a key attribute of the table or of
// an index.
func (g *gen) pathIntoKey(s schema) step {
	names := []string{"pk"}
	if len(s.keys) > 1 {
		names = append(names, "sk")
	}
	for _, x := range s.indexes {
		names = append(names, x.keys[len(x.keys)-1].name)
	}
	path := pick(g, names...) + pick(g, ".x", "[0]", ".x[1]", "[0].x")
	all := object{":s": object{"S": "a"}, ":n": number(1), ":ss": object{"SS": []any{"a"}}, ":p": g.keyValue(s.keys[0].kind)}
	switch g.IntN(5) {
	case 0:
		return step{request: request{op: "Query", body: using(object{"TableName": s.name, "KeyConditionExpression": pick(g, path+" = :p", "pk = :p AND "+path+" = :s", "pk = :p AND begins_with("+path+", :s)")}, all)}}
	case 1:
		return step{request: request{op: "Query", body: using(object{"TableName": s.name, "KeyConditionExpression": "pk = :p", "FilterExpression": path + " = :s"}, all)}}
	case 2:
		return step{request: request{op: "GetItem", body: object{"TableName": s.name, "Key": g.keyOf(s), "ProjectionExpression": path}}}
	case 3:
		return g.upon(s, object{}, "DeleteItem", using(object{"ConditionExpression": pick(g, path+" = :s", "attribute_exists("+path+")")}, all))
	default:
		return g.upon(s, object{}, "UpdateItem", using(object{"UpdateExpression": pick(g, "SET "+path+" = :s", "REMOVE "+path, "ADD "+path+" :n", "DELETE "+path+" :ss", "SET b = "+path)}, all))
	}
}

// keyConditions writes conditions that are too many, or not on the keys.
func (g *gen) keyConditions(s schema) step {
	terms := []string{"pk = :p", pick(g, "sk = :s", "sk > :s", "sk < :s", "begins_with(sk, :s)", "sk BETWEEN :s AND :s", "n3 = :s", "n3 < :s", "x1 <> :s", "pk > :p", "pk = :p", "pk < :p", "attribute_exists(x1)")}
	for range g.IntN(3) {
		terms = append(terms, pick(g, "sk < :s", "sk >= :s", "n3 = :s", "n3 < :s", "sk = :s", "pk = :p", "contains(sk, :s)"))
	}
	g.Shuffle(len(terms), func(i, j int) { terms[i], terms[j] = terms[j], terms[i] })
	all := object{":p": g.keyValue(s.keys[0].kind), ":s": g.keyValue(s.keys[len(s.keys)-1].kind)}
	body := object{"TableName": s.name, "KeyConditionExpression": strings.Join(terms, " AND ")}
	if g.chance(20) {
		body["KeyConditionExpression"] = pick(g, "pk = :p OR sk = :s", "NOT pk = :p", "pk = :p AND NOT sk = :s", "begins_with(:s, sk) AND pk = :p", "pk = :p AND :s BETWEEN sk AND :s", "sk = :s", "pk IN (:p)", "pk = :p AND sk IN (:s)", "pk = :p AND sk = pk", "pk = :p AND size(sk) = :s", ":p = pk", ":p = pk AND :s < sk", "pk BETWEEN :p AND :p", "begins_with(pk, :p)", "pk = pk")
	}
	return step{request: request{op: "Query", body: using(body, all)}}
}

// startingKey makes a starting key that no page can have ended with, or that
// one might have.
func (g *gen) startingKey(s schema) step {
	body := object{"TableName": s.name}
	k, keys := g.keyOf(s), s.keys
	if len(s.indexes) > 0 && g.chance(50) {
		x := pick(g, s.indexes...)
		body["IndexName"], keys = x.name, x.keys
		for _, part := range x.keys {
			k[part.name] = g.keyValue(part.kind)
		}
	}
	st := step{request: request{op: "Scan", body: body}}
	if g.chance(40) {
		body["Segment"], body["TotalSegments"] = 0, 1 // items have no order that all servers share
	} else {
		st.op = "Query"
		all := object{":p": g.keyValue(keys[0].kind), ":s": g.keyValue(keys[len(keys)-1].kind)}
		expr := keys[0].name + " = :p"
		if len(keys) > 1 && g.chance(50) {
			expr += " AND " + keys[1].name + pick(g, " = :s", " > :s", " < :s")
		}
		body["KeyConditionExpression"] = expr
		using(body, all)
		if g.chance(60) {
			k[keys[0].name] = all[":p"]
		}
	}
	switch g.IntN(7) {
	case 0:
		delete(k, g.member(k))
	case 1:
		k["extra"] = object{"S": "x"}
	case 2:
		k[g.member(k)] = g.value(pick(g, "S", "N", "B", "BOOL", "L", "SS"), 0)
	case 3:
		k[g.member(k)] = pick(g, object{"S": ""}, object{"B": ""}, object{}, object{"N": "x"})
	case 4:
		k = object{}
	}
	body["ExclusiveStartKey"] = k
	return st
}
