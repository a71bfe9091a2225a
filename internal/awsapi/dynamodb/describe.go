package dynamodb

import (
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/table"
)

// A description is a TableDescription. The answer of DeleteTable has no keys, no
// indexes, and no time of creation.
type description struct {
	AttributeDefinitions      []attribute `json:",omitzero"`
	TableName                 string
	KeySchema                 []element `json:",omitzero"`
	TableStatus               string
	CreationDateTime          float64 `json:",omitzero"`
	ProvisionedThroughput     provisioned
	TableSizeBytes            int64
	ItemCount                 int64
	TableArn                  string
	TableId                   string
	BillingModeSummary        *billingSummary `json:",omitzero"`
	StreamSpecification       *streamSettings `json:",omitzero"`
	LatestStreamLabel         string          `json:",omitzero"`
	LatestStreamArn           string          `json:",omitzero"`
	DeletionProtectionEnabled bool
	LocalSecondaryIndexes     []indexDescription `json:",omitzero"`
	GlobalSecondaryIndexes    []indexDescription `json:",omitzero"`
	TableClassSummary         *classSummary      `json:",omitzero"`
}

// An indexDescription describes a secondary index in a TableDescription; a local
// one has no status and no throughput.
type indexDescription struct {
	IndexName             string
	KeySchema             []element
	Projection            projection
	IndexStatus           string       `json:",omitzero"`
	Backfilling           *bool        `json:",omitzero"`
	ProvisionedThroughput *provisioned `json:",omitzero"`
	IndexSizeBytes        int64
	ItemCount             int64
	IndexArn              string
}

type projection struct {
	ProjectionType   string
	NonKeyAttributes []string `json:",omitzero"`
}

type classSummary struct{ TableClass string }

type attribute struct{ AttributeName, AttributeType string }

type element struct{ AttributeName, KeyType string }

type provisioned struct {
	LastIncreaseDateTime   float64 `json:",omitzero"`
	LastDecreaseDateTime   float64 `json:",omitzero"`
	NumberOfDecreasesToday int64
	ReadCapacityUnits      int64
	WriteCapacityUnits     int64
}

// provisionedOf describes a throughput. What never happened has no time.
func provisionedOf(t table.Throughput, h table.ThroughputHistory) provisioned {
	out := provisioned{NumberOfDecreasesToday: int64(h.Decreases), ReadCapacityUnits: t.Read, WriteCapacityUnits: t.Write}
	if !h.Increased.IsZero() {
		out.LastIncreaseDateTime = epoch(h.Increased)
	}
	if !h.Decreased.IsZero() {
		out.LastDecreaseDateTime = epoch(h.Decreased)
	}
	return out
}

type streamSettings struct {
	StreamEnabled  bool
	StreamViewType string
}

type billingSummary struct {
	BillingMode                       string
	LastUpdateToPayPerRequestDateTime float64 `json:",omitzero"`
}

// labelLength is the length of a stream's label, the end of its ARN.
const labelLength = len("2006-01-02T15:04:05.000")

func describe(d table.Description, status string) description {
	out := description{
		TableName: d.Name, TableStatus: status, CreationDateTime: epoch(d.Created), TableSizeBytes: d.Bytes, ItemCount: d.Items,
		TableArn: d.ARN, TableId: d.TableID, DeletionProtectionEnabled: d.Protected,
		ProvisionedThroughput: provisionedOf(d.Throughput, d.History),
	}
	out.AttributeDefinitions = attributesOf(d)
	out.KeySchema = elements(d.Schema)
	for _, x := range d.Indexes {
		if x.Backfilling {
			out.TableStatus = "UPDATING"
		}
		out.add(x.Local, describeIndex(d, x))
	}
	if d.Class != "" {
		out.TableClassSummary = &classSummary{d.Class}
	}
	if !d.OnDemandSince.IsZero() {
		out.BillingModeSummary = &billingSummary{string(d.Billing), epoch(d.OnDemandSince)}
	}
	if d.Stream != nil {
		out.StreamSpecification = &streamSettings{true, string(d.Stream.View())}
	}
	if d.StreamARN != "" {
		out.LatestStreamArn = d.StreamARN
		out.LatestStreamLabel = d.StreamARN[len(d.StreamARN)-labelLength:]
	}
	return out
}

// describeCreated describes a table for the answer to its creation, which does not
// tell since when it is on demand.
func describeCreated(d table.Description) description {
	out := describe(d, "ACTIVE")
	if out.BillingModeSummary != nil {
		out.BillingModeSummary.LastUpdateToPayPerRequestDateTime = 0
	}
	return out
}

// describeDeleted describes a table for the answer to its deletion.
func describeDeleted(d table.Description) description {
	out := describe(d, "DELETING")
	out.TableStatus, out.CreationDateTime = "DELETING", 0
	out.AttributeDefinitions, out.KeySchema = nil, nil
	out.LocalSecondaryIndexes, out.GlobalSecondaryIndexes = nil, nil
	return out
}

func (d *description) add(local bool, x indexDescription) {
	if local {
		d.LocalSecondaryIndexes = append(d.LocalSecondaryIndexes, x)
	} else {
		d.GlobalSecondaryIndexes = append(d.GlobalSecondaryIndexes, x)
	}
}

// leaving adds an index that was deleted, with the status DELETING, for the answer
// to its deletion.
func (d *description) leaving(before table.Description, name string) {
	for _, x := range before.Indexes {
		if x.Name == name {
			left := describeIndex(before, x)
			left.IndexStatus = "DELETING"
			d.add(x.Local, left)
		}
	}
}

func describeIndex(d table.Description, x table.IndexDescription) indexDescription {
	out := indexDescription{
		IndexName: x.Name, KeySchema: elements(x.Schema), Projection: projection{string(x.Projection), slices.Sorted(slices.Values(x.Include))},
		IndexSizeBytes: x.Bytes, ItemCount: x.Entries, IndexArn: d.ARN + "/index/" + x.Name,
	}
	if x.Local {
		return out
	}
	units := provisionedOf(x.Throughput, x.History)
	out.ProvisionedThroughput = &units
	out.IndexStatus = "ACTIVE"
	if x.Backfilling {
		out.IndexStatus, out.Backfilling = "CREATING", &x.Backfilling
	}
	return out
}

func elements(s item.KeySchema) []element {
	out := make([]element, 0, 2)
	for i, a := range s.Attrs() {
		role := "HASH"
		if i >= s.Hashes() {
			role = "RANGE"
		}
		out = append(out, element{a.Name, role})
	}
	return out
}

// attributesOf returns the definitions of all key attributes, each once, by name.
func attributesOf(d table.Description) []attribute {
	var out []attribute
	add := func(s item.KeySchema) {
		for _, a := range s.Attrs() {
			if def := (attribute{a.Name, a.Kind.String()}); !slices.Contains(out, def) {
				out = append(out, def)
			}
		}
	}
	add(d.Schema)
	for _, x := range d.Indexes {
		add(x.Schema)
	}
	slices.SortFunc(out, func(a, b attribute) int { return strings.Compare(a.AttributeName, b.AttributeName) })
	return out
}

func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// encode writes an answer with one member.
func encode(member string, v any) ([]byte, error) { return json.Marshal(map[string]any{member: v}) }
