package dynamodb

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

// wantsCapacity reports whether ReturnConsumedCapacity asks for anything.
func wantsCapacity(detail *string) bool { return detail != nil && *detail != "NONE" }

// readUnits returns the units of reading bytes of a table.
func readUnits(bytes int, consistent *bool) table.Units {
	return table.Units{Table: table.ReadUnits(bytes, consistent != nil && *consistent)}
}

// A capacity is a ConsumedCapacity.
type capacity struct {
	table  string
	units  table.Units
	detail string // TOTAL or INDEXES
	kind   string // of a transaction: Read or Write
}

// appendTo appends the JSON.
func (c capacity) appendTo(dst []byte) []byte {
	dst, _ = jsontext.AppendQuote(append(dst, `{"TableName":`...), c.table)
	dst = c.appendUnits(append(dst, ','), c.units.Total())
	if c.detail != "INDEXES" {
		return append(dst, '}')
	}
	dst = append(c.appendUnits(append(dst, `,"Table":{`...), c.units.Table), '}')
	dst = c.appendIndexes(dst, "GlobalSecondaryIndexes", c.units.Global)
	dst = c.appendIndexes(dst, "LocalSecondaryIndexes", c.units.Local)
	return append(dst, '}')
}

func (c capacity) appendIndexes(dst []byte, member string, units map[string]float64) []byte {
	if len(units) == 0 {
		return dst
	}
	dst = append(append(dst, `,"`+member...), `":{`...)
	n := 0
	for name, u := range inOrder(units) {
		if n++; n > 1 {
			dst = append(dst, ',')
		}
		dst = append(c.appendUnits(append(appendName(dst, name), '{'), u), '}')
	}
	return append(dst, '}')
}

// appendUnits appends the members that count units.
func (c capacity) appendUnits(dst []byte, units float64) []byte {
	n := strconv.FormatFloat(units, 'f', 1, 64)
	dst = append(append(dst, `"CapacityUnits":`...), n...)
	if c.kind != "" {
		dst = append(append(dst, `,"`+c.kind+`CapacityUnits":`...), n...)
	}
	return dst
}

// A tally sums capacity units by table, in the order of the tables.
type tally struct {
	tables []string
	units  map[string]table.Units
}

func (t *tally) add(name string, units table.Units) {
	if t.units == nil {
		t.units = map[string]table.Units{}
	}
	sum, ok := t.units[name]
	if !ok {
		t.tables = append(t.tables, name)
	}
	sum.Add(units)
	t.units[name] = sum
}

// appendTo appends the sums as the ConsumedCapacity of a batch, with the kind
// of a transaction.
func (t *tally) appendTo(dst []byte, detail, kind string) []byte {
	dst = append(dst, `,"ConsumedCapacity":[`...)
	for i, name := range t.tables {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = capacity{name, t.units[name], detail, kind}.appendTo(dst)
	}
	return append(dst, ']')
}

// wantsMetrics reports whether ReturnItemCollectionMetrics asks for anything.
func wantsMetrics(r *string) bool { return r != nil && *r == "SIZE" }

// appendMetrics appends an ItemCollectionMetrics.
func appendMetrics(dst []byte, c *table.Collection) []byte {
	dst = item.AppendJSON(append(dst, `{"ItemCollectionKey":`...), c.Partition)
	low := c.Bytes >> 30
	dst = strconv.AppendInt(append(dst, `,"SizeEstimateRangeGB":[`...), low, 10)
	dst = strconv.AppendInt(append(dst, ','), low+1, 10)
	return append(dst, `]}`...)
}

// appendCollections appends the ItemCollectionMetrics of several writes, by
// table.
func appendCollections(dst []byte, results []table.WriteResult) []byte {
	byTable := map[string][]*table.Collection{}
	for _, r := range results {
		if r.Collection != nil {
			byTable[r.Collection.Table] = append(byTable[r.Collection.Table], r.Collection)
		}
	}
	dst = append(dst, `,"ItemCollectionMetrics":{`...)
	n := 0
	for name, all := range inOrder(byTable) {
		if n++; n > 1 {
			dst = append(dst, ',')
		}
		dst = append(appendName(dst, name), '[')
		for i, c := range all {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendMetrics(dst, c)
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}
