// Package schema holds the contracts of events: JSON Schemas (draft 2020-12)
// that their details keep, schemas inferred from samples, and what a consumer of
// one version loses with the next.
//
// # Invariants
//
//  1. A schema is whole: it refers to itself alone, never to a file or address.
//  2. A complaint names places and rules, never a value of the document.
//  3. What Compare does not call breaking, no document shows to be: each document
//     of the new schema is one of the old.
package schema
