package streams

import (
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/internal/local"
	"github.com/tablecast/tablecast/stream"
)

// The functions here read from a request which permissions it needs: the operation's
// own action on the stream.

// Actions returns the actions that keys can be allowed.
func Actions() (out []string) {
	for _, o := range operations {
		out = append(out, "dynamodb:"+o.Name)
	}
	return out
}

func onStream(_ *api, body []byte) ([]awsjson.Permission, error) {
	var r struct{ StreamArn *string }
	if err := awsjson.Decode(body, &r); err != nil || r.StreamArn == nil {
		return nil, err
	}
	return awsjson.On(*r.StreamArn), nil
}

func onIterator(_ *api, body []byte) ([]awsjson.Permission, error) {
	var r struct{ ShardIterator *string }
	if err := awsjson.Decode(body, &r); err != nil || r.ShardIterator == nil {
		return nil, err
	}
	arn, _, ok := stream.CutIterator(*r.ShardIterator)
	if !ok {
		return nil, stream.ErrIterator
	}
	return awsjson.On(arn), nil
}

// onStreams needs the streams of one table, or all.
func onStreams(a *api, body []byte) ([]awsjson.Permission, error) {
	var r struct{ TableName *string }
	if err := awsjson.Decode(body, &r); err != nil || r.TableName == nil {
		return nil, err
	}
	return awsjson.On(local.ARN("dynamodb", a.region, a.account, "table/"+*r.TableName+"/stream/*")), nil
}
