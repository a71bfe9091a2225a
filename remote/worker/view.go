package worker

import (
	"fmt"
	"strings"

	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/stream"
)

// reads says which images a definition needs.
func reads(d *mapping.Definition) (after, before bool) {
	if len(d.Changed)+len(d.Added)+len(d.Removed) > 0 {
		return true, true
	}
	see := func(x *mapping.Expression) {
		if x != nil {
			a, b := x.Images()
			after, before = after || a, before || b
		}
	}
	see(d.If)
	see(d.Each)
	for _, t := range append([]*mapping.Template{d.Detail, d.Time, d.Group}, d.Resources...) {
		if t != nil {
			t.Expressions(see)
		}
	}
	return after || d.Outbox != nil, before
}

// lacking returns what a view lacks that definitions need; empty if nothing.
func lacking(view stream.View, defs []mapping.Definition) string {
	var out []string
	for i := range defs {
		after, before := reads(&defs[i])
		if after && !view.HasNew() {
			out = append(out, defs[i].Name+" reads new images")
		}
		if before && !view.HasOld() {
			out = append(out, defs[i].Name+" reads old images")
		}
	}
	return strings.Join(out, ", ")
}

// widest is the view that each definition can do with.
const widest = stream.NewAndOldImages

// enable is the command that turns the stream of a table on.
func enable(table string) string {
	return fmt.Sprintf("aws dynamodb update-table --table-name %s --stream-specification StreamEnabled=true,StreamViewType=%s", table, widest)
}

// disable is the command that turns it off.
func disable(table string) string {
	return fmt.Sprintf("aws dynamodb update-table --table-name %s --stream-specification StreamEnabled=false", table)
}
