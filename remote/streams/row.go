package streams

import (
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// A row is the lease of a shard in the state table.
type row struct {
	Shard      string
	Owner      string    // empty: none
	Counter    uint64    // raised by each write of an owner: its heartbeat
	Checkpoint string    // a sequence number, atHorizon or atEnd
	Reached    time.Time // all records up to then are processed; zero: not known
	Gaps       uint64    // times that records were trimmed unread
	Parents    []string  // shards that must be at their end first
	Wanted     string    // the worker that asks the owner for it
	Begins     string    // the sequence number that its records begin at, if none may be missed
}

// done reports whether all records of the shard are processed.
func (r *row) done() bool { return r.Checkpoint == atEnd }

// started reports whether any record of the shard was processed.
func (r *row) started() bool { return r.Checkpoint != atHorizon }

// keepEnded is how long the row of a shard that ended is kept, which is longer
// than any stream lists the shard.
const keepEnded = 7 * 24 * time.Hour

type attributes = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// key returns the keys of a row.
func key(pk, sk string) attributes { return attributes{"pk": text(pk), "sk": text(sk)} }

// item writes a row that is new.
func (r *row) item(pk string) attributes {
	out := key(pk, r.Shard)
	out["leaseCounter"], out["checkpoint"] = number(int64(r.Counter)), text(r.Checkpoint)
	if r.Owner != "" {
		out["leaseOwner"] = text(r.Owner)
	}
	if r.Begins != "" {
		out["begins"] = text(r.Begins)
	}
	if len(r.Parents) > 0 {
		out["parents"] = &types.AttributeValueMemberSS{Value: r.Parents}
	}
	return out
}

// update returns the update expression that makes seen this row.
func (r *row) update(seen row, now time.Time) (string, attributes) {
	set := []string{"leaseCounter = :next", "checkpoint = :checkpoint", "gaps = :gaps"}
	values := attributes{":next": number(int64(r.Counter)), ":checkpoint": text(r.Checkpoint), ":gaps": number(int64(r.Gaps))}
	var remove []string
	if !r.Reached.IsZero() {
		set = append(set, "reached = :reached")
		values[":reached"] = number(r.Reached.UnixMilli())
	}
	if r.done() {
		set = append(set, "expires = :expires")
		values[":expires"] = number(now.Add(keepEnded).Unix())
	}
	if r.Owner != "" {
		set = append(set, "leaseOwner = :owner")
		values[":owner"] = text(r.Owner)
	} else {
		remove = append(remove, "leaseOwner")
	}
	if seen.Owner != r.Owner { // who asked for it has it, or is to ask again
		remove = append(remove, "wantedBy")
	}
	update := "SET " + strings.Join(set, ", ")
	if len(remove) > 0 {
		update += " REMOVE " + strings.Join(remove, ", ")
	}
	return update, values
}

// readRow is the inverse, for what any write left.
func readRow(it attributes) row {
	r := row{
		Shard: textOf(it["sk"]), Owner: textOf(it["leaseOwner"]), Counter: uint64(numberOf(it["leaseCounter"])), Checkpoint: textOf(it["checkpoint"]),
		Gaps: uint64(numberOf(it["gaps"])), Wanted: textOf(it["wantedBy"]), Begins: textOf(it["begins"]),
	}
	if ms := numberOf(it["reached"]); ms != 0 {
		r.Reached = time.UnixMilli(ms)
	}
	if set, ok := it["parents"].(*types.AttributeValueMemberSS); ok {
		r.Parents = set.Value
	}
	return r
}

func textOf(v types.AttributeValue) string {
	if s, ok := v.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

func numberOf(v types.AttributeValue) int64 {
	if n, ok := v.(*types.AttributeValueMemberN); ok {
		i, _ := strconv.ParseInt(n.Value, 10, 64) // only this package writes it
		return i
	}
	return 0
}
