package streams

import (
	"testing"

	"github.com/tablecast/tablecast/internal/awsapi/apitest"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/stream"
)

// exceptions has each exported error of the domain and the exception it becomes.
var exceptions = map[string]apitest.Error{
	"stream.ErrNotFound":    {stream.ErrNotFound, "ResourceNotFoundException"},
	"stream.ErrTrimmed":     {stream.ErrTrimmed, "TrimmedDataAccessException"},
	"stream.ErrExpired":     {stream.ErrExpired, "ExpiredIteratorException"},
	"stream.ErrIterator":    {stream.ErrIterator, "ValidationException"},
	"kv.ErrClosed":          {kv.ErrClosed, "InternalServerError"},
	"kv.ErrDiskFull":        {kv.ErrDiskFull, apitest.Unexpected}, // of writes
	"kv.ErrNotFound":        {kv.ErrNotFound, apitest.Unexpected}, // never leaves package stream
	"kv.ErrCorrupt":         {kv.ErrCorrupt, apitest.Unexpected},
	"kv.ErrExists":          {kv.ErrExists, apitest.Unexpected},   // of a checkpoint
	"kv.ErrBuilding":        {kv.ErrBuilding, apitest.Unexpected}, // of a checkpoint
	"kv.ErrLocked":          {kv.ErrLocked, apitest.Unexpected},   // of opening a store, as all below
	"kv.ErrNewerFormat":     {kv.ErrNewerFormat, apitest.Unexpected},
	"kv.ErrBehindWatermark": {kv.ErrBehindWatermark, apitest.Unexpected},
}

// Each exported error of the domain has a row, and becomes what the row says
// even when it is wrapped.
func TestEveryErrorHasARow(t *testing.T) {
	apitest.Errors(t, mapError, exceptions, "stream", "kv")
}

func TestOperations(t *testing.T) {
	apitest.Operations(t, Operations())
}
