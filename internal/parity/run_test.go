package parity

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
)

// A run sends the requests of seeds to Tablecast and to a peer.
type run struct {
	ours   *server
	theirs *process
	report *report
}

// stepsOfSeed is how many requests a seed makes.
const stepsOfSeed = 40

// seed runs one seed on tables of its own.
func (r *run) seed(t *testing.T, seed uint64) {
	t.Helper()
	g := newGen(seed, r.theirs.peer.plain)
	ctx := t.Context()
	for _, s := range slices.Concat(g.tables, g.others) {
		for _, srv := range r.servers() {
			if err := srv.create(ctx, s); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range stepsOfSeed {
		at := fmt.Sprintf("seed %d step %d", seed, i)
		st := g.step(i)
		if slices.Contains(r.theirs.peer.lacks, st.op) {
			continue
		}
		if st.family != "" {
			at += " (" + st.family + ")"
		}
		out, err := r.step(ctx, st, at)
		if out.lost {
			r.theirs.restart(t)
			break
		}
		if err == nil && writes[st.op] {
			err = r.level(ctx, st, &out, at)
		}
		r.report.count(st.family, !out.apart)
		if name, ok := st.body["TableName"].(string); ok && st.op == "CreateTable" && !g.owns(name) {
			st.drop = name
		}
		if err == nil && st.drop != "" {
			err = r.drop(ctx, st.drop)
		}
		if err != nil {
			t.Fatalf("%s: %s %.2000s: %v", at, st.op, st.json(), err)
		}
	}
	for _, s := range slices.Concat(g.tables, g.others) {
		if err := r.drop(ctx, s.name); err != nil {
			t.Fatal(err)
		}
	}
}

// owns reports whether the seed works on a table of the name.
func (g *gen) owns(name string) bool {
	return slices.ContainsFunc(g.tables, func(s schema) bool { return s.name == name })
}

func (r *run) servers() []*server { return []*server{r.ours, r.theirs.server} }

// create makes a table and waits until it is active.
func (s *server) create(ctx context.Context, table schema) error {
	if _, err := s.must(ctx, "CreateTable", table.create()); err != nil {
		return err
	}
	_, err := s.settled(ctx, table.name)
	return err
}

// settled waits until a table is active or gone, and tells which.
func (s *server) settled(ctx context.Context, name string) (active bool, err error) {
	for {
		a, err := s.post(ctx, request{op: "DescribeTable", body: object{"TableName": name}})
		if err != nil || a.kind != "" {
			return false, err
		}
		if d, ok := a.body["Table"].(object); ok && d["TableStatus"] == "ACTIVE" {
			return true, nil
		}
	}
}

// drop deletes a table from the servers that have it.
func (r *run) drop(ctx context.Context, name string) error {
	for _, srv := range r.servers() {
		active, err := srv.settled(ctx, name)
		if err == nil && active {
			if _, err = srv.must(ctx, "DeleteTable", object{"TableName": name}); err == nil {
				_, err = srv.settled(ctx, name)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// noAnswer is the exception of a peer that broke the connection.
const noAnswer = "NoAnswer"

// A comparison says whether the answers to a request differ, and whether the peer
// gave none.
type comparison struct{ apart, lost bool }

// step sends one request to both servers and reports the differences.
func (r *run) step(ctx context.Context, st step, at string) (comparison, error) {
	for _, first := range st.before {
		for _, srv := range r.servers() {
			if _, err := srv.must(ctx, first.op, first.body); err != nil {
				return comparison{}, err
			}
			if first.op == "CreateTable" {
				if _, err := srv.settled(ctx, st.drop); err != nil {
					return comparison{}, err
				}
			}
		}
	}
	ours, err := r.ours.read(ctx, st)
	if err != nil {
		return comparison{}, err
	}
	theirs, err := r.theirs.read(ctx, st)
	if err != nil {
		theirs = answer{kind: noAnswer, message: err.Error()}
	}
	if r.theirs.peer.plain && ours.refuses() && theirs.refuses() {
		return comparison{apart: true}, nil // such a peer keeps half of an update
	}
	differences := compare(r.theirs.name, st.op, ours, theirs)
	r.report.add(at, st, differences)
	return comparison{apart: len(differences) > 0, lost: err != nil}, nil
}

// writes are the operations that change items.
var writes = map[string]bool{"PutItem": true, "UpdateItem": true, "DeleteItem": true, "BatchWriteItem": true, "TransactWriteItems": true}

// level compares what the tables of a write hold after it, and deletes from
// both servers the items that are not the same on both. That they differ is
// reported unless the answers did.
func (r *run) level(ctx context.Context, st step, out *comparison, at string) error {
	for _, s := range st.tables {
		ours, err := r.ours.items(ctx, s)
		if err != nil {
			return err
		}
		theirs, err := r.theirs.items(ctx, s)
		if err != nil {
			return err
		}
		both := maps.Clone(ours)
		maps.Copy(both, theirs)
		for _, id := range slices.Sorted(maps.Keys(both)) {
			a, b := member(ours, id), member(theirs, id)
			if text(a) == text(b) {
				continue
			}
			if !out.apart {
				r.report.add(at, st, []difference{{r.theirs.name, st.op, "stored", shown(a), shown(b)}})
				out.apart = true
			}
			for _, srv := range r.servers() {
				if _, err := srv.post(ctx, request{op: "DeleteItem", body: object{"TableName": s.name, "Key": s.keyOf(both[id].(object))}}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// keyOf returns the key of an item.
func (s schema) keyOf(item object) object {
	out := object{}
	for _, k := range s.keys {
		out[k.name] = item[k.name]
	}
	return out
}

// items returns what a table holds, by key.
func (s *server) items(ctx context.Context, table schema) (object, error) {
	a, err := s.read(ctx, step{request: request{op: "Scan", body: object{"TableName": table.name}}, pages: true, unsorted: true})
	out := object{}
	list, _ := a.body["Items"].([]any)
	for _, e := range list {
		out[text(table.keyOf(e.(object)))] = e
	}
	return out, err
}

// maxPages ends a reading whose pages do not end.
const maxPages = 60

// read sends a request, and the requests for its further pages and segments,
// and joins the answers. Items that have no order are sorted.
func (s *server) read(ctx context.Context, st step) (answer, error) {
	all, err := s.pages(ctx, st)
	for i := 1; i < st.segments && err == nil && all.kind == ""; i++ {
		st.body = clone(st.body).(object)
		st.body["Segment"] = i
		var more answer
		more, err = s.pages(ctx, st)
		join(&all, more)
	}
	if _, some := st.body["TotalSegments"]; some && st.segments == 0 && all.kind == "" {
		all.body = nil // each server divides a table in its own way
	}
	if items, ok := all.body["Items"].([]any); ok && st.unsorted {
		sortJSON(items)
	}
	return all, err
}

func (s *server) pages(ctx context.Context, st step) (answer, error) {
	all, err := s.send(ctx, st.request)
	if !st.pages || st.raw != "" {
		return all, err
	}
	n := 1
	for ; err == nil && all.kind == "" && all.body["LastEvaluatedKey"] != nil; n++ {
		if n == maxPages {
			return all, fmt.Errorf("%s: more than %d pages", s.name, maxPages)
		}
		st.body = clone(st.body).(object)
		st.body["ExclusiveStartKey"] = all.body["LastEvaluatedKey"]
		delete(all.body, "LastEvaluatedKey")
		var more answer
		if more, err = s.send(ctx, st.request); err == nil {
			join(&all, more)
		}
	}
	if n > 1 && st.segments == 0 && all.kind == "" {
		all.body["Pages"] = n
	}
	return all, err
}

// join adds a further page. A page that is an error stands for all.
func join(all *answer, more answer) {
	if more.kind != "" {
		*all = more
		return
	}
	for _, name := range []string{"Count", "ScannedCount"} {
		a, _ := all.body[name].(float64)
		b, _ := more.body[name].(float64)
		all.body[name] = a + b
	}
	if items, ok := more.body["Items"].([]any); ok {
		before, _ := all.body["Items"].([]any)
		all.body["Items"] = append(before, items...)
	}
	if last, ok := more.body["LastEvaluatedKey"]; ok {
		all.body["LastEvaluatedKey"] = last
	}
}
