package parity

import "math/rand/v2"

// A step is a request, and how its answer is read.
type step struct {
	request
	table    schema    // the table that it is about
	tables   []schema  // all tables that it may write
	pages    bool      // read page after page to the end
	unsorted bool      // whose items have no order: a scan, or equal keys of an index
	segments int       // a parallel scan; 0 is an ordinary request
	family   string    // of which it is
	before   []request // what both servers do first
	drop     string    // a table that goes afterwards
}

// step makes request i of the seed: each fifth one of a family, each third of
// the others broken. None depends on those before it.
func (g *gen) step(i int) step {
	g.Rand = rand.New(rand.NewPCG(g.seed, uint64(i)+1))
	if !g.plain && i%5 == 4 {
		return g.family(i / 5)
	}
	s := g.table()
	g.clean = !g.plain && g.chance(33)
	st := pick(g, g.put, g.put, g.put, g.get, g.update, g.update, g.update, g.delete, g.query, g.query, g.scan, g.batchGet, g.batchWrite, g.transactWrite, g.transactGet, g.control)(s)
	st.table, st.tables = s, []schema{s}
	if st.op == "BatchWriteItem" || st.op == "TransactWriteItems" {
		st.tables = g.tables
	}
	if g.clean {
		g.breakIt(&st)
	}
	return st
}

// metered are members that ask for sums of what a request costs and changes.
var metered = map[string]bool{"ReturnConsumedCapacity": true, "ReturnItemCollectionMetrics": true}

// options adds members that are enumerations. Plain requests do not ask for sums.
func (g *gen) options(body object, members map[string][]string) {
	for _, name := range []string{"ReturnValues", "ReturnValuesOnConditionCheckFailure", "ReturnConsumedCapacity", "ReturnItemCollectionMetrics", "Select"} {
		if choices := members[name]; choices != nil && g.chance(30) && (!g.plain || !metered[name]) {
			body[name] = pick(g, choices...)
		}
	}
}

var (
	capacities = []string{"TOTAL", "INDEXES", "NONE"}
	onFailure  = []string{"ALL_OLD", "NONE"}
	metrics    = []string{"SIZE", "NONE"}
)

func (g *gen) put(s schema) step {
	body := object{"TableName": s.name, "Item": g.item(g.keyOf(s))}
	g.options(body, map[string][]string{"ReturnValues": {"ALL_OLD", "NONE"}, "ReturnValuesOnConditionCheckFailure": onFailure, "ReturnConsumedCapacity": capacities, "ReturnItemCollectionMetrics": metrics})
	g.conditionally(s, body, nil)
	return step{request: request{op: "PutItem", body: body}}
}

// conditionally adds a condition in some cases, and the names and values.
func (g *gen) conditionally(s schema, body object, e *expressions) {
	if e == nil {
		e = g.expressions(s)
	}
	if g.chance(35) {
		body["ConditionExpression"] = e.condition(0)
	}
	e.into(body)
}

func (g *gen) get(s schema) step {
	body := object{"TableName": s.name, "Key": g.keyOf(s)}
	g.options(body, map[string][]string{"ReturnConsumedCapacity": capacities})
	g.projected(s, body, nil)
	return step{request: request{op: "GetItem", body: body}}
}

// projected adds a projection and ConsistentRead in some cases, and the names
// and values.
func (g *gen) projected(s schema, body object, e *expressions) {
	if e == nil {
		e = g.expressions(s)
	}
	if g.chance(40) {
		body["ProjectionExpression"] = e.projection()
	}
	if g.chance(30) && (!g.clean || body["IndexName"] == nil) {
		body["ConsistentRead"] = g.chance(50)
	}
	e.into(body)
}

func (g *gen) update(s schema) step {
	e := g.expressions(s)
	body := object{"TableName": s.name, "Key": g.keyOf(s)}
	if g.chance(95) {
		body["UpdateExpression"] = e.update()
	}
	g.options(body, map[string][]string{"ReturnValues": {"ALL_OLD", "NONE", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"}, "ReturnValuesOnConditionCheckFailure": onFailure, "ReturnConsumedCapacity": capacities, "ReturnItemCollectionMetrics": metrics})
	g.conditionally(s, body, e)
	return step{request: request{op: "UpdateItem", body: body}}
}

func (g *gen) delete(s schema) step {
	body := object{"TableName": s.name, "Key": g.keyOf(s)}
	g.options(body, map[string][]string{"ReturnValues": {"ALL_OLD", "NONE"}, "ReturnValuesOnConditionCheckFailure": onFailure, "ReturnConsumedCapacity": capacities, "ReturnItemCollectionMetrics": metrics})
	g.conditionally(s, body, nil)
	return step{request: request{op: "DeleteItem", body: body}}
}

func (g *gen) query(s schema) step {
	body := object{"TableName": s.name}
	e := g.expressions(g.indexed(s, body))
	body["KeyConditionExpression"] = e.keyCondition()
	if g.chance(35) {
		body["FilterExpression"] = e.condition(0)
	}
	if g.chance(40) {
		body["ScanIndexForward"] = g.chance(40)
	}
	g.paged(body)
	g.projected(s, body, e)
	return step{request: request{op: "Query", body: body}, pages: true, unsorted: body["IndexName"] != nil}
}

// indexed makes a request read an index of the table, if there is one, in half
// of the cases, and returns the schema of what is read.
func (g *gen) indexed(s schema, body object) schema {
	if len(s.indexes) == 0 || g.chance(50) {
		return s
	}
	x := pick(g, s.indexes...)
	if g.clean && !x.local {
		return s
	}
	body["IndexName"] = x.name
	return schema{name: s.name, keys: x.keys}
}

// paged adds what Query and Scan share.
func (g *gen) paged(body object) {
	g.options(body, map[string][]string{"ReturnConsumedCapacity": capacities})
	if !g.clean {
		g.options(body, map[string][]string{"Select": {"COUNT", "ALL_ATTRIBUTES", "SPECIFIC_ATTRIBUTES"}})
	}
	if g.chance(40) {
		body["Limit"] = 1 + g.IntN(4)
	}
}

func (g *gen) scan(s schema) step {
	e := g.expressions(s)
	body := object{"TableName": s.name}
	g.indexed(s, body)
	if g.chance(50) {
		body["FilterExpression"] = e.condition(0)
	}
	g.paged(body)
	g.projected(s, body, e)
	st := step{request: request{op: "Scan", body: body}, pages: true, unsorted: true}
	if g.chance(25) {
		st.segments = 1 + g.IntN(3)
		body["TotalSegments"], body["Segment"] = st.segments, 0
	}
	return st
}

func (g *gen) batchGet(schema) step {
	tables := object{}
	for _, s := range g.tables[:1+g.IntN(len(g.tables))] {
		keys := map[string]object{}
		for range 1 + g.IntN(4) {
			k := g.keyOf(s)
			keys[canonicalKey(k)] = k
		}
		body := object{"Keys": values(keys)}
		e := g.expressions(s)
		g.projected(s, body, e)
		delete(body, "ExpressionAttributeValues")
		tables[s.name] = body
	}
	body := object{"RequestItems": tables}
	g.options(body, map[string][]string{"ReturnConsumedCapacity": capacities})
	return step{request: request{op: "BatchGetItem", body: body}}
}

// canonicalKey is the same for equal keys: no two of keyValues are equal.
func canonicalKey(k object) string { return text(k) }

// values returns the values in order of their names.
func values(m map[string]object) []any {
	out := []any{}
	for _, v := range m {
		out = append(out, v)
	}
	sortJSON(out)
	return out
}

func (g *gen) batchWrite(schema) step {
	tables := object{}
	for _, s := range g.tables[:1+g.IntN(len(g.tables))] {
		writes := map[string]object{}
		for range 1 + g.IntN(4) {
			k := g.keyOf(s)
			writes[canonicalKey(k)] = object{"PutRequest": object{"Item": g.item(k)}}
			if g.chance(30) {
				writes[canonicalKey(k)] = object{"DeleteRequest": object{"Key": k}}
			}
		}
		tables[s.name] = values(writes)
	}
	body := object{"RequestItems": tables}
	g.options(body, map[string][]string{"ReturnConsumedCapacity": capacities, "ReturnItemCollectionMetrics": metrics})
	return step{request: request{op: "BatchWriteItem", body: body}}
}

// control asks about tables, or makes one that exists.
func (g *gen) control(s schema) step {
	switch g.IntN(3) {
	case 0:
		return step{request: request{op: "DescribeTable", body: object{"TableName": s.name}}}
	default:
		body := s.create()
		if g.clean || g.chance(70) {
			body["TableName"] = s.name + "-new"
		}
		if g.chance(20) && !g.clean {
			body["ProvisionedThroughput"] = object{"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
		}
		if g.chance(20) && !g.clean {
			delete(body, "BillingMode")
		}
		if g.chance(20) && !g.clean {
			body["StreamSpecification"] = object{"StreamEnabled": g.chance(70), "StreamViewType": pick(g, "NEW_IMAGE", "KEYS_ONLY")}
		}
		return step{request: request{op: "CreateTable", body: body}}
	}
}
