package dynamodb

import (
	"testing"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/expr/partiql"
	"github.com/tablecast/tablecast/internal/awsapi/apitest"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

// exceptions has each exported error of the domain and the exception it becomes.
var exceptions = map[string]apitest.Error{
	"table.ErrNotFound":       {table.ErrNotFound, "ResourceNotFoundException"},
	"table.ErrExists":         {table.ErrExists, "ResourceInUseException"},
	"table.ErrProtected":      {table.ErrProtected, "ValidationException"},
	"table.ErrIndexNotFound":  {table.ErrIndexNotFound, "ResourceNotFoundException"},
	"table.ErrTooManyIndexes": {table.ErrTooManyIndexes, "LimitExceededException"},
	"table.ErrCollectionFull": {table.ErrCollectionFull, "ItemCollectionSizeLimitExceededException"},
	"table.ErrTokenReused":    {table.ErrTokenReused, "IdempotentParameterMismatchException"},
	"table.CanceledError":     {&table.CanceledError{}, "TransactionCanceledException"},
	"table.ValidationError":   {&table.ValidationError{Msg: "m"}, "ValidationException"},
	"table.ConditionError":    {&table.ConditionError{}, "ConditionalCheckFailedException"},
	"item.Error":              {&item.Error{Msg: "m"}, "ValidationException"},
	"item.SyntaxError":        {&item.SyntaxError{Msg: "m"}, "SerializationException"},
	"item.ErrBinary":          {item.ErrBinary, apitest.Unexpected},  // a damaged item
	"item.ErrKeyText":         {item.ErrKeyText, apitest.Unexpected}, // of commands and the node's own API
	"expr.Error":              {&expr.Error{Msg: "m"}, "ValidationException"},
	"partiql.Error":           {&partiql.Error{Msg: "m"}, "ValidationException"},
	"partiql.KeyError":        {&partiql.KeyError{Msg: "m"}, "ValidationException"},
	"stream.ErrNotFound":      {stream.ErrNotFound, apitest.Unexpected}, // of package streams, as all below
	"stream.ErrTrimmed":       {stream.ErrTrimmed, apitest.Unexpected},
	"stream.ErrExpired":       {stream.ErrExpired, apitest.Unexpected},
	"stream.ErrIterator":      {stream.ErrIterator, apitest.Unexpected},
	"kv.ErrDiskFull":          {kv.ErrDiskFull, "ThrottlingException"},
	"kv.ErrClosed":            {kv.ErrClosed, "InternalServerError"},
	"kv.ErrNotFound":          {kv.ErrNotFound, apitest.Unexpected}, // never leaves package table
	"kv.ErrCorrupt":           {kv.ErrCorrupt, apitest.Unexpected},
	"kv.ErrExists":            {kv.ErrExists, apitest.Unexpected},   // of a checkpoint
	"kv.ErrBuilding":          {kv.ErrBuilding, apitest.Unexpected}, // of a checkpoint
	"kv.ErrLocked":            {kv.ErrLocked, apitest.Unexpected},   // of opening a store, as all below
	"kv.ErrNewerFormat":       {kv.ErrNewerFormat, apitest.Unexpected},
	"kv.ErrBehindWatermark":   {kv.ErrBehindWatermark, apitest.Unexpected},
}

// Each exported error of the domain has a row, and becomes what the row says
// even when it is wrapped.
func TestEveryErrorHasARow(t *testing.T) {
	apitest.Errors(t, mapError, exceptions, "table", "item", "expr", "expr/partiql", "stream", "kv")
}

// The table of operations names each operation of the model once, in order,
// and says why where one is not offered in full.
func TestOperations(t *testing.T) {
	apitest.Operations(t, Operations())
	if n := len(Operations()); n != 57 {
		t.Errorf("%d operations", n)
	}
}

func TestUnits(t *testing.T) {
	consistent := true
	for bytes, want := range map[int]float64{0: 1, 1: 1, 4096: 1, 4097: 2, 8192: 2, 400 << 10: 100} {
		if got := readUnits(bytes, &consistent).Table; got != want {
			t.Errorf("a consistent read of %d bytes takes %v units", bytes, got)
		}
		if got := readUnits(bytes, nil).Table; got != want/2 {
			t.Errorf("a read of %d bytes takes %v units", bytes, got)
		}
	}
}
