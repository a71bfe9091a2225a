// Package transfer moves the items of a table out to a file and in from one,
// over DynamoDB's own API, so that any server that speaks it can be either end.
//
// Formats:
//
//   - DynamoDB JSON, one {"Item": {…}} a line, as exports to S3 have it;
//   - CSV with a header of attribute names. As in imports from S3, a value is a
//     string unless it is a key attribute of the table or of an index, which has
//     its type. What S3 has no form for: a name that ends with :S, :N or :B says
//     that the values of its column are strings, numbers or binary; a value that
//     begins as a typed value of DynamoDB JSON does, {"BOOL":true}, is one,
//     whatever its column; an empty value is an absent attribute. An export writes
//     these, so that an import finds every value as it was.
//
// A name that ends with .gz is compressed, and a byte-order mark at the beginning of
// a file to import is skipped.
//
// Both ways keep their position in a progress file, and go on from there when they
// are called again:
//
//	FILE.progress -> JSON: what is transferred, how much of the file is done, and
//	                 the SHA-256 of that part
//
// An import has stored every line before its position; an export has written every
// item before the keys of its position. The file of an export gets its name when it
// is complete. A call that is for something else than the progress file, or that
// finds another file than was left, fails and changes nothing.
package transfer

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tablecast/tablecast/item"
)

// A Format is how a file holds items.
type Format string

// The formats.
const (
	JSON Format = "json"
	CSV  Format = "csv"
)

// ErrBad means that a line of a file is no item of the table.
var ErrBad = errors.New("transfer: bad line")

// Progress is how much of a transfer is done.
type Progress struct {
	Items int64 // written or stored in this call and those that it continues
	Bytes int64 // of the file, before compression
}

// FormatOf returns the format that a file's name means: CSV for .csv and .csv.gz, JSON
// lines for all others.
func FormatOf(name string) Format {
	if strings.HasSuffix(strings.TrimSuffix(name, ".gz"), ".csv") {
		return CSV
	}
	return JSON
}

// A schema is what a transfer needs to know of a table.
type schema struct {
	id    string               // differs from that of any other table that has or had the name
	kinds map[string]item.Kind // of the key attributes of the table and its indexes
	keys  []string             // the table's own key attributes, partition key first
}

func describe(ctx context.Context, client *dynamodb.Client, table string) (s schema, err error) {
	out, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &table})
	if err != nil {
		return s, fmt.Errorf("transfer: table %s: %w", table, err)
	}
	s.id, s.kinds = aws.ToString(out.Table.TableId), map[string]item.Kind{}
	for _, d := range out.Table.AttributeDefinitions {
		s.kinds[*d.AttributeName] = item.ParseKind(string(d.AttributeType))
	}
	for _, kind := range []types.KeyType{types.KeyTypeHash, types.KeyTypeRange} {
		for _, k := range out.Table.KeySchema {
			if k.KeyType == kind {
				s.keys = append(s.keys, *k.AttributeName)
			}
		}
	}
	return s, nil
}
