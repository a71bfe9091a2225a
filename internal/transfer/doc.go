// Package transfer moves the items of a table out to a file and in from one,
// over DynamoDB's own API, so that any server that speaks it can be either end.
//
// Formats:
//
//   - DynamoDB JSON, one {"Item": {…}} a line, as exports to S3 have it;
//   - CSV with a header of attribute names. As in imports from S3, a value is a
//     string unless it is a key attribute of the table or of an index, which has
//     its type. An export writes what is neither string nor number as the JSON
//     that the first format has for it.
//
// A name that ends with .gz is compressed.
//
// Both ways keep their position in a progress file, and go on from there when they
// are called again:
//
//	FILE.progress -> JSON: the table, and what of the file is done
//
// An import has stored every line before its position; an export has written every
// item before the keys of its position. The file of an export gets its name when it
// is complete.
package transfer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/go-json-experiment/json"
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

// keyTypes returns the types of all key attributes of a table and its indexes,
// and the names of the table's own, partition key first.
func keyTypes(ctx context.Context, client *dynamodb.Client, table string) (kinds map[string]string, own []string, err error) {
	out, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &table})
	if err != nil {
		return nil, nil, fmt.Errorf("transfer: table %s: %w", table, err)
	}
	kinds = map[string]string{}
	for _, d := range out.Table.AttributeDefinitions {
		kinds[*d.AttributeName] = string(d.AttributeType)
	}
	for _, kind := range []types.KeyType{types.KeyTypeHash, types.KeyTypeRange} {
		for _, k := range out.Table.KeySchema {
			if k.KeyType == kind {
				own = append(own, *k.AttributeName)
			}
		}
	}
	return kinds, own, nil
}

// load reads a progress file; ok is false if there is none.
func load(name string, v any) (ok bool, err error) {
	b, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		return false, fmt.Errorf("transfer: %s: %w; remove it to begin anew", name, err)
	}
	return true, nil
}

// save replaces a progress file.
func save(name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("transfer: %s: %w", name, err)
	}
	temp := name + ".new"
	if err := os.WriteFile(temp, b, 0o600); err != nil {
		return fmt.Errorf("transfer: %w", err)
	}
	return os.Rename(temp, name)
}
