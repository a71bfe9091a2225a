package dynamodb

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/tablecast/tablecast/table"
)

// A description is a table as answers tell of it.
type description struct {
	AttributeDefinitions      []attribute
	TableName                 string
	KeySchema                 []element
	TableStatus               string
	CreationDateTime          float64
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
}

type attribute struct{ AttributeName, AttributeType string }

type element struct{ AttributeName, KeyType string }

type provisioned struct {
	NumberOfDecreasesToday int64
	ReadCapacityUnits      int64
	WriteCapacityUnits     int64
}

type streamSettings struct {
	StreamEnabled  bool
	StreamViewType string
}

type billingSummary struct {
	BillingMode                       string
	LastUpdateToPayPerRequestDateTime float64
}

// labelLength is the length of a stream's label, the end of its ARN.
const labelLength = len("2006-01-02T15:04:05.000")

func describe(d table.Description, status string) description {
	out := description{
		TableName: d.Name, TableStatus: status, CreationDateTime: epoch(d.Created), TableSizeBytes: d.Bytes, ItemCount: d.Items,
		TableArn: d.ARN, TableId: d.TableID, DeletionProtectionEnabled: d.Protected,
		ProvisionedThroughput: provisioned{ReadCapacityUnits: d.Throughput.Read, WriteCapacityUnits: d.Throughput.Write},
	}
	for i, a := range d.Schema.Attrs() {
		out.AttributeDefinitions = append(out.AttributeDefinitions, attribute{a.Name, a.Kind.String()})
		out.KeySchema = append(out.KeySchema, element{a.Name, [...]string{"HASH", "RANGE"}[i]})
	}
	if d.Billing == table.PayPerRequest {
		out.BillingModeSummary = &billingSummary{string(d.Billing), epoch(d.Created)}
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

func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// encode writes an answer with one member.
func encode(member string, v any) ([]byte, error) { return json.Marshal(map[string]any{member: v}) }
