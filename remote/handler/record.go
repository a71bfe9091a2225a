package handler

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/stream"
)

// ttlPrincipal is the principal that removes items whose time to live ended.
const ttlPrincipal = "dynamodb.amazonaws.com"

// A record is a record of DynamoDB Streams in the form that Lambda and Pipes give it.
type record struct {
	EventID   string `json:"eventID"`
	EventName string `json:"eventName"`
	ARN       string `json:"eventSourceARN"`
	Change    struct {
		Time     float64     `json:"ApproximateCreationDateTime"` // seconds of the Unix epoch
		Keys     item.Map    `json:"Keys"`
		New      item.Map    `json:"NewImage"`
		Old      item.Map    `json:"OldImage"`
		Sequence string      `json:"SequenceNumber"`
		Size     int         `json:"SizeBytes"`
		View     stream.View `json:"StreamViewType"`
	} `json:"dynamodb"`
	User *struct {
		Principal string `json:"principalId"` // PrincipalId in some versions
	} `json:"userIdentity"`
}

// An origin is what the ARN of a stream says of a table:
// arn:aws:dynamodb:REGION:ACCOUNT:table/TABLE/stream/LABEL.
type origin struct{ region, account, table string }

func parseARN(s string) (origin, bool) {
	a, err := arn.Parse(s)
	path := strings.Split(a.Resource, "/")
	if err != nil || a.Service != "dynamodb" || len(path) != 4 || path[0] != "table" || path[2] != "stream" {
		return origin{}, false
	}
	return origin{a.Region, a.AccountID, path[1]}, true
}

// read returns the records of a payload; batch says that they are an event of an
// event source mapping, and not of a pipe.
func read(payload []byte) (records []record, batch bool, err error) {
	batch = bytes.HasPrefix(bytes.TrimSpace(payload), []byte("{"))
	options := json.JoinOptions(json.MatchCaseInsensitiveNames(true), jsontext.AllowDuplicateNames(true))
	if batch {
		var event struct{ Records []record }
		err = json.Unmarshal(payload, &event, options)
		records = event.Records
	} else {
		err = json.Unmarshal(payload, &records, options)
	}
	if err != nil {
		return nil, batch, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	for i := range records {
		if r := &records[i]; r.Change.Sequence == "" || r.ARN == "" {
			return nil, batch, fmt.Errorf("%w: record %d has no SequenceNumber or eventSourceARN", ErrPayload, i)
		}
	}
	return records, batch, nil
}

// toStream returns the record as the mapping takes it; table is the file's name of
// its table.
func (r *record) toStream(table string) (*stream.Record, error) {
	c := &r.Change
	out := &stream.Record{
		Time: time.UnixMilli(int64(math.Round(c.Time * 1000))).UTC(), Keys: c.Keys, New: c.New, Old: c.Old, Size: c.Size,
		Expired: r.User != nil && r.User.Principal == ttlPrincipal,
		Origin:  &stream.Origin{ARN: r.ARN, Table: table, View: c.View, Sequence: c.Sequence, EventID: r.EventID},
	}
	for _, op := range []stream.Op{stream.Insert, stream.Modify, stream.Remove} {
		if op.String() == r.EventName {
			out.Op = op
			return out, nil
		}
	}
	return nil, fmt.Errorf("%w: record %s has the eventName %q", ErrPayload, c.Sequence, r.EventName)
}
