//go:build !race

package streams_test

const manyHistories = 1000
