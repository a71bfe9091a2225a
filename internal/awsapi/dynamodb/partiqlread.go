package dynamodb

import (
	"context"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/expr/partiql"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

// selectBytes is how many bytes of items one answer to SELECT is made of, as
// far as they are in more than one query.
const selectBytes = 1 << 20

// A selection is a SELECT that is being answered.
type selection struct {
	*partiql.Select
	reading
	reads      []partiql.Read
	consistent *bool
	left       int // items that may still be read; 0: no limit

	items []item.Item
	bytes int
	units table.Units
}

// executeSelect answers a SELECT.
func (a *api) executeSelect(ctx context.Context, r *executeRequest, s *partiql.Select, d table.Description) ([]byte, error) {
	x := &selection{Select: s, consistent: r.ConsistentRead}
	x.table = d.Name
	if r.Limit != nil {
		x.left = *r.Limit
	}
	if err := x.plan(d); err != nil {
		return nil, err
	}
	for _, read := range x.reads {
		if err := a.tables.CheckPaths(d.Name, read.Filter.Nested()); err != nil {
			return nil, err
		}
	}
	request := r.hash()
	var at cursor
	if r.NextToken != nil {
		var err error
		if at, err = decodeToken(*r.NextToken, request, len(x.reads)); err != nil {
			return nil, err
		}
	}
	next, err := a.run(ctx, x, at)
	if err != nil {
		return nil, err
	}
	dst := x.appendItems(make([]byte, 0, x.bytes*3/2+256))
	if next != nil {
		dst, _ = jsontext.AppendQuote(append(dst, `,"NextToken":`...), next.encode(request))
		if next.key != nil {
			dst = item.AppendJSON(append(dst, `,"LastEvaluatedKey":`...), next.key)
		}
	}
	if wantsCapacity(r.ReturnConsumedCapacity) {
		dst = capacity{x.table, x.units, *r.ReturnConsumedCapacity, ""}.appendTo(append(dst, `,"ConsumedCapacity":`...))
	}
	return append(dst, '}'), nil
}

// plan chooses the index and the queries.
func (x *selection) plan(d table.Description) error {
	schema := d.Schema
	if x.Index != "" {
		i := slices.IndexFunc(d.Indexes, func(i table.IndexDescription) bool { return i.Name == x.Index })
		if i < 0 {
			return awsjson.Validation("The table does not have the specified index")
		}
		x.index = &d.Indexes[i]
		if schema = x.index.Schema; schema.Multi() {
			return errMultiAttribute
		}
		if !x.index.Local && x.consistent != nil && *x.consistent {
			return awsjson.Validation("Strongly consistent read is not supported on Global Secondary Indexes")
		}
	}
	var err error
	if x.reads, err = x.Reads(schema); err != nil || x.index == nil {
		return err
	}
	return x.checkProjection(d)
}

// errMultiAttribute refuses statements on an index with a key of several partition or
// sort attributes, as DynamoDB does.
var errMultiAttribute = awsjson.Validation("PartiQL statements cannot be executed on tables with multi-attribute HASH keys or multi-attribute RANGE keys.")

// checkProjection refuses what the index does not hold; the columns of a local
// index are read from the table.
func (x *selection) checkProjection(d table.Description) error {
	var columns, filters []string
	for _, c := range x.Columns {
		columns = append(columns, c.Path.Root())
	}
	for _, r := range x.reads {
		if r.Keys != nil && r.Filter != nil {
			filters = append(filters, r.Filter.Roots()...)
		}
	}
	if missed := unheld(d, x.index, filters); len(missed) > 0 {
		return awsjson.Validation(invalidOnes + "Secondary index " + x.Index + " does not project one or more filter attributes: " + list(missed))
	}
	missed := unheld(d, x.index, columns)
	x.whole = x.index.Local && len(missed) > 0
	if len(missed) > 0 && !x.index.Local {
		return awsjson.Validation(invalidOnes + "Global secondary index " + x.Index + " does not project " + list(missed))
	}
	return nil
}

// unheld returns those of the names, each once, that an index does not hold.
func unheld(d table.Description, x *table.IndexDescription, names []string) []string {
	if x.Projection == table.ProjectAll {
		return nil
	}
	known := map[string]bool{}
	for _, name := range x.Include {
		known[name] = true
	}
	for _, a := range append(d.Schema.Attrs(), x.Schema.Attrs()...) {
		known[a.Name] = true
	}
	var out []string
	for _, name := range names {
		if !known[name] {
			known[name] = true
			out = append(out, name)
		}
	}
	return out
}

// run reads on from a place until it has as much as one answer may hold, and
// returns where to go on; nil at the end.
func (a *api) run(ctx context.Context, x *selection, at cursor) (*cursor, error) {
	limited := x.left > 0
	for i := at.read; i < len(x.reads); i++ {
		page, err := a.read(ctx, x, x.reads[i], at.key)
		if err != nil {
			return nil, err
		}
		at.key = nil
		for _, it := range page.Items {
			if x.reads[i].Filter.Match(it) {
				x.items = append(x.items, it)
			}
		}
		x.bytes += page.Bytes
		x.left -= page.Scanned
		x.units.Add(x.reading.units(page, x.consistent))
		switch {
		case page.Last != nil:
			return &cursor{i, page.Last}, nil
		case i+1 < len(x.reads) && (x.bytes >= selectBytes || limited && x.left <= 0):
			return &cursor{read: i + 1}, nil
		}
	}
	return nil, nil
}

// read reads one page of one query, unfiltered.
func (a *api) read(ctx context.Context, x *selection, r partiql.Read, start item.Item) (table.Page, error) {
	limit := max(x.left, 0)
	if r.Keys == nil {
		return a.tables.Scan(ctx, table.ScanRequest{Table: x.table, Index: x.Index, Limit: limit, Start: start, Fetch: x.whole, Hold: holder(ctx)})
	}
	return a.tables.Query(ctx, table.QueryRequest{
		Table: x.table, Index: x.Index, Condition: r.Keys, Limit: limit, Start: start, Backward: r.Backward, Fetch: x.whole, Hold: holder(ctx),
	})
}

// appendItems begins the answer.
func (x *selection) appendItems(dst []byte) []byte {
	dst = append(dst, `{"Items":[`...)
	for i, it := range x.items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = item.AppendJSON(dst, x.Project(it))
	}
	return append(dst, ']')
}
