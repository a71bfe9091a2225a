package parity

// looseBase64 sends binaries whose text is not the one that encoders write.
func (g *gen) looseBase64(s schema) step {
	b := object{"B": pick(g, "YR==", "YWJ=", "YQ=", "YQ", "YQ===", "Y Q==", "YQ==\n", "YQ-_", "YWI=YWI=", "=", "A", "YWJj", "////", "__--")}
	body := object{"TableName": s.name}
	st := step{request: request{op: "PutItem", body: body}}
	switch g.IntN(3) {
	case 0:
		item := g.keyOf(s)
		item["b"] = pick(g, b, object{"BS": []any{b["B"], "YWJj"}}, list(b))
		body["Item"] = item
	case 1:
		st.op = "UpdateItem"
		body["Key"], body["UpdateExpression"], body["ExpressionAttributeValues"] = g.keyOf(s), "SET b = :b", object{":b": b}
	default:
		st.op = "Scan"
		st.unsorted = true
		body["FilterExpression"], body["ExpressionAttributeValues"] = "b = :b", object{":b": b}
	}
	st.raw = text(body)
	return st
}
