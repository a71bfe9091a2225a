package dynamodb

import (
	"slices"

	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/table"
)

// choose finds the index that a Query or Scan names, and checks that it can
// give what is asked of it.
func (a *api) choose(r *readRequest, q *reading) error {
	if r.IndexName == nil {
		return nil
	}
	d, err := a.tables.Describe(q.table)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(d.Indexes, func(x table.IndexDescription) bool { return x.Name == *r.IndexName })
	if i < 0 {
		return awsjson.Validation("The table does not have the specified index: " + *r.IndexName)
	}
	q.index = &d.Indexes[i]
	missed := q.missed(d)
	switch {
	case q.index.Local:
		q.whole = r.all() || len(missed) > 0
	case r.ConsistentRead != nil && *r.ConsistentRead:
		return awsjson.Validation("Consistent reads are not supported on global secondary indexes")
	case r.all() && q.index.Projection != table.ProjectAll:
		return awsjson.Validation(invalidOnes + "Select type ALL_ATTRIBUTES is not supported for global secondary index " + q.index.Name + " because its projection type is not ALL")
	case len(missed) > 0:
		return awsjson.Validation(invalidOnes + "Global secondary index " + q.index.Name + " does not project " + list(missed))
	}
	return nil
}

// all reports whether whole items are asked for.
func (r *readRequest) all() bool { return r.Select != nil && *r.Select == "ALL_ATTRIBUTES" }

// missed returns the attributes that the projection and the filter name and the
// index does not hold.
func (q *reading) missed(d table.Description) []string {
	var roots []string
	if q.projection != nil {
		roots = q.projection.Roots()
	}
	if q.filter != nil {
		roots = append(roots, q.filter.Roots()...)
	}
	return unheld(d, q.index, roots)
}

// indexName returns the name of the index that is read, if any.
func (q *reading) indexName() string {
	if q.index == nil {
		return ""
	}
	return q.index.Name
}

// units returns what a page took. Of items that were fetched from the table, their
// entries count together for the index, and each whole item for the table.
func (q *reading) units(p table.Page, consistent *bool) table.Units {
	switch {
	case q.index == nil:
		return readUnits(p.Bytes, consistent)
	case !q.index.Local:
		return table.Units{Global: map[string]float64{q.index.Name: readUnits(p.Bytes, consistent).Table}}
	}
	bytes, fetched := p.Bytes, p.Fetched.Units
	if fetched > 0 {
		bytes = p.Fetched.EntryBytes
	}
	if consistent == nil || !*consistent {
		fetched /= 2
	}
	return table.Units{Local: map[string]float64{q.index.Name: readUnits(bytes, consistent).Table}, Table: fetched}
}
