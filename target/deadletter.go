package target

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// A DeadLetterQueue takes the dead letters of other targets.
type DeadLetterQueue interface {
	// SendDead sends an envelope with attributes; errors are those of Deliver.
	SendDead(ctx context.Context, body []byte, attributes map[string]string) error
}

// OpenDeadLetterQueue returns the standard queue of SQS that an ARN names. It fails with a
// *ParseError.
func OpenDeadLetterQueue(text string, o Options) (DeadLetterQueue, error) {
	t, err := Open(text, o)
	if err != nil {
		return nil, err
	}
	q, ok := t.(*queueTarget)
	if !ok || q.address.fifo() {
		return nil, &ParseError{text, "dead letters go to standard queues of SQS", QueueARN + "REGION:ACCOUNT:NAME"}
	}
	return q, nil
}

// SendDead implements DeadLetterQueue.
func (q *queueTarget) SendDead(ctx context.Context, body []byte, attributes map[string]string) error {
	in := &sqs.SendMessageInput{MessageBody: aws.String(string(body)), MessageAttributes: map[string]types.MessageAttributeValue{}}
	for name, value := range attributes {
		if value != "" { // SQS takes none that is empty
			in.MessageAttributes[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
		}
	}
	_, err := q.send(ctx, in, "")
	return err
}

func traceAttribute(trace string) map[string]types.MessageSystemAttributeValue {
	return map[string]types.MessageSystemAttributeValue{
		string(types.MessageSystemAttributeNameForSendsAWSTraceHeader): {DataType: aws.String("String"), StringValue: &trace},
	}
}

// clipGroup returns a group as a message group takes it: 128 characters of
// ASCII at most, else a digest.
func clipGroup(group string) string {
	ok := len(group) <= 128
	for _, c := range []byte(group) {
		ok = ok && c > ' ' && c < 0x7f
	}
	if ok {
		return group
	}
	sum := sha256.Sum256([]byte(group))
	return hex.EncodeToString(sum[:])
}
