package dynamodb

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/tablecast/tablecast/item"
)

// wantsCapacity reports whether ReturnConsumedCapacity asks for anything.
func wantsCapacity(detail *string) bool { return detail != nil && *detail != "NONE" }

// readUnits returns the read capacity units for bytes that were read: one for
// each four kilobytes begun, half as much unless the read is consistent.
func readUnits(bytes int, consistent *bool) float64 {
	units := float64(max((bytes+4095)/4096, 1))
	if consistent == nil || !*consistent {
		units /= 2
	}
	return units
}

// writeUnits returns the write capacity units of a change: one for each
// kilobyte begun of the larger image.
func writeUnits(old, now item.Item) float64 {
	return float64(max((max(item.Size(old), item.Size(now))+1023)/1024, 1))
}

// appendCapacity appends a ConsumedCapacity; detail is TOTAL or INDEXES.
func appendCapacity(dst []byte, table string, units float64, detail string) []byte {
	n := strconv.FormatFloat(units, 'f', 1, 64)
	dst, _ = jsontext.AppendQuote(append(dst, `{"TableName":`...), table)
	dst = append(dst, `,"CapacityUnits":`+n...)
	if detail == "INDEXES" {
		dst = append(dst, `,"Table":{"CapacityUnits":`+n+`}`...)
	}
	return append(dst, '}')
}

// A tally sums capacity units by table, in the order of the tables.
type tally struct {
	tables []string
	units  map[string]float64
}

func (t *tally) add(table string, units float64) {
	if t.units == nil {
		t.units = map[string]float64{}
	}
	if _, ok := t.units[table]; !ok {
		t.tables = append(t.tables, table)
	}
	t.units[table] += units
}

// appendTo appends the sums as the ConsumedCapacity of a batch.
func (t *tally) appendTo(dst []byte, detail string) []byte {
	dst = append(dst, `,"ConsumedCapacity":[`...)
	for i, table := range t.tables {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendCapacity(dst, table, t.units[table], detail)
	}
	return append(dst, ']')
}
