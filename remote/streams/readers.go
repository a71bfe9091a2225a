package streams

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

const (
	countEvery  = 10 * time.Minute
	absentAfter = 3 * countEvery
	mostReaders = 2 // of a shard; more are throttled
)

// A readerCount counts the groups that read a stream, of those that share a state
// table.
type readerCount struct {
	s    *session
	last time.Time
}

// update counts this group, now and then, and warns if the stream has more
// readers than the service bears. It is only advice: what fails is left.
func (c *readerCount) update(ctx context.Context) {
	o := c.s.o
	if now := o.Now(); now.Sub(c.last) < countEvery {
		return
	}
	c.last = o.Now()
	pk := "readers#" + c.s.stream.ARN
	it := key(pk, o.Group)
	it["seenAt"], it["expires"] = number(c.last.Unix()), number(c.last.Add(keepEnded).Unix())
	if _, err := o.Tables.PutItem(ctx, &dynamodb.PutItemInput{TableName: &o.State, Item: it}, onceTables); err != nil {
		return
	}
	var groups []string
	err := query(ctx, o.Tables, o.State, pk, func(it attributes) {
		if c.last.Sub(time.Unix(numberOf(it["seenAt"]), 0)) < absentAfter {
			groups = append(groups, textOf(it["sk"]))
		}
	})
	if err == nil && len(groups) > mostReaders {
		o.Logger.Warn("streams: more than 2 groups read each shard; the service throttles them", "stream", c.s.stream.ARN, "groups", groups)
	}
}
