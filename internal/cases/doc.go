// Package cases runs the tests of a tablecast.yaml. It makes the writes of each case
// on tables in memory and compares the events that the changes raise with those that
// are expected. It starts no node and no bus and uses no network.
package cases
