// Package lint holds the house rules that a compiler cannot: who may import
// whom, and a few habits. The rules are tests that parse the files in this
// process, so that a cached test result can never hide a new violation.
package lint
