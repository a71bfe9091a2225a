// Package cases runs the tests of a tablecast.yaml: writes on real tables in
// memory, and the events that their changes raise, without a node, a bus or the
// network.
package cases
