//go:build race

package streams_test

// manyHistories is fewer where each takes ten times as long.
const manyHistories = 60
