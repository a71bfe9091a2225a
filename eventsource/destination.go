package eventsource

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/internal/wait"
	"github.com/tablecast/tablecast/stream"
)

// Conditions of a failure record.
const (
	exhausted = "RetryAttemptsExhausted"
	tooOld    = "RecordAgeExceeded"
)

// A failureRecord is what a destination is told of a batch, as Lambda writes it,
// and with the records.
type failureRecord struct {
	Request  failureRequest `json:"requestContext"`
	Response *failureAnswer `json:"responseContext,omitzero"`
	Version  string         `json:"version"`
	At       string         `json:"timestamp"`
	Batch    failureBatch   `json:"DDBStreamBatchInfo"`
	Payload  jsontext.Value `json:"payload"`
}

type failureRequest struct {
	ID        string `json:"requestId"`
	ARN       string `json:"functionArn"`
	Condition string `json:"condition"`
	Count     int    `json:"approximateInvokeCount"`
}

type failureAnswer struct {
	Status  int     `json:"statusCode"`
	Version string  `json:"executedVersion"`
	Error   *string `json:"functionError"`
}

type failureBatch struct {
	Shard  string `json:"shardId"`
	First  string `json:"startSequenceNumber"`
	Last   string `json:"endSequenceNumber"`
	From   string `json:"approximateArrivalOfFirstRecord"`
	To     string `json:"approximateArrivalOfLastRecord"`
	Size   int    `json:"batchSize"`
	Stream string `json:"streamArn"`
}

const seconds = "2006-01-02T15:04:05Z"

// failureOf describes a batch that is given up after so many invocations, of
// which the last came to result.
func (s *shard) failureOf(batch []*record, condition string, count int, result *process.Result) ([]byte, error) {
	first, last := batch[0], batch[len(batch)-1]
	f := failureRecord{
		Version: "1.0", At: s.m.all.now().UTC().Format("2006-01-02T15:04:05.000Z"),
		Request: failureRequest{ARN: s.m.all.opts.FunctionARN(s.m.Function) + ":" + process.Version, Condition: condition, Count: max(1, count)},
		Batch: failureBatch{
			Shard: s.info.ID, First: stream.FormatSeq(first.seq), Last: stream.FormatSeq(last.seq), Size: len(batch), Stream: s.m.Stream,
			From: first.at.UTC().Format(seconds), To: last.at.UTC().Format(seconds),
		},
		Payload: append(payload(batch), '}'),
	}
	if result != nil && condition == exhausted {
		f.Request.ID = result.RequestID
		f.Response = &failureAnswer{Status: 200, Version: process.Version}
		if result.FunctionError != "" {
			f.Response.Error = &result.FunctionError
		}
	}
	b, err := json.Marshal(&f)
	if err != nil {
		return nil, fmt.Errorf("eventsource: failure record: %w", err)
	}
	return b, nil
}

// pauseOf is the time before a batch is tried for the n-th time again.
func pauseOf(n int) time.Duration {
	return (&wait.Backoff{Least: 100 * time.Millisecond, Most: 30 * time.Second}).After(n)
}
