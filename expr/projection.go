package expr

import (
	"slices"

	"github.com/tablecast/tablecast/item"
)

// A Projection is a parsed projection expression: the paths to keep.
type Projection struct{ paths []Path }

const projectionField = "ProjectionExpression"

// Projection parses a projection expression.
func (p *Parser) Projection(src string) (*Projection, error) {
	var out Projection
	err := p.run(projectionField, src, func(q *parse) {
		out.paths = append(out.paths, q.path())
		for q.Accept(",") {
			out.paths = append(out.paths, q.path())
		}
		q.checkPaths(out.paths)
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// Apply returns the parts of the item that the paths lead to, nested as they
// are in the item. A nil Projection keeps all.
func (p *Projection) Apply(it item.Item) item.Item {
	if p == nil {
		return it
	}
	return Pick(it, p.paths)
}

// Pick returns the parts of an item that the paths lead to. Kept elements of a
// list close ranks.
func Pick(it item.Item, paths []Path) item.Item {
	v, _ := pick(item.M(it), paths)
	return v.Map()
}

// pick keeps what the paths lead to below v; ok says whether that is anything.
func pick(v item.Value, paths []Path) (item.Value, bool) {
	for _, p := range paths {
		if len(p) == 0 {
			return v, true
		}
	}
	below := map[step][]Path{}
	for _, p := range paths {
		below[p[0]] = append(below[p[0]], p[1:])
	}
	if v.Kind() == item.List {
		return pickElements(v, below)
	}
	out := item.Map{}
	for _, f := range v.Map() {
		rest, ok := below[step{name: f.Name}]
		if !ok {
			continue
		}
		if kept, ok := pick(f.Value, rest); ok {
			out = append(out, item.Field{Name: f.Name, Value: kept})
		}
	}
	return item.M(out), len(out) > 0
}

func pickElements(v item.Value, below map[step][]Path) (item.Value, bool) {
	var indexes []int
	for s := range below {
		if s.element && s.index < len(v.List()) {
			indexes = append(indexes, s.index)
		}
	}
	slices.Sort(indexes)
	var out []item.Value
	for _, i := range indexes {
		if kept, ok := pick(v.List()[i], below[step{element: true, index: i}]); ok {
			out = append(out, kept)
		}
	}
	return item.L(out...), len(out) > 0
}

// Paths returns the paths to what the projection keeps. A nil Projection has none.
func (p *Projection) Paths() []Path {
	if p == nil {
		return nil
	}
	return p.paths
}

// Roots returns the top-level attributes that the projection keeps.
func (p *Projection) Roots() []string {
	out := make([]string, len(p.paths))
	for i, path := range p.paths {
		out[i] = path.Root()
	}
	return out
}
