package config

import (
	"fmt"
	"slices"

	"github.com/tablecast/tablecast/mapping"
	"github.com/tablecast/tablecast/mapping/schema"
)

// Compare returns what the consumers of a file's events meet with another
// version of it, by event: what goes, what comes under another name, and what
// the contracts let through that they did not.
func Compare(old, next *File) []schema.Change {
	var out []schema.Change
	seen := map[string]bool{}
	for _, was := range old.Events {
		if seen[was.Name] || was.Name == outboxName {
			continue
		}
		seen[was.Name] = true
		at := slices.IndexFunc(next.Events, func(d mapping.Definition) bool { return d.Name == was.Name })
		if at < 0 {
			out = append(out, schema.Change{Pointer: was.Name, Text: "is gone", Breaking: true})
			continue
		}
		out = append(out, compareEvents(&was, &next.Events[at])...)
		out = append(out, compareContracts(was.Name, old.Schemas[was.Name], next.Schemas[was.Name])...)
	}
	return out
}

// compareEvents compares what of an event is outside of its data.
func compareEvents(was, is *mapping.Definition) (out []schema.Change) {
	for _, x := range []struct{ what, was, is string }{
		{"source", was.Source, is.Source}, {"detail-type", was.DetailType, is.DetailType}, {"bus", was.Bus, is.Bus},
		{"envelope", envelope(was), envelope(is)}, {"numbers", numbers(was), numbers(is)},
	} {
		if x.was != x.is {
			out = append(out, schema.Change{Pointer: was.Name, Text: fmt.Sprintf("%s was %s, is %s now", x.what, x.was, x.is), Breaking: true})
		}
	}
	return out
}

func envelope(d *mapping.Definition) string {
	if d.Shape.Envelope == "" {
		return string(mapping.Bare)
	}
	return string(d.Shape.Envelope)
}

func numbers(d *mapping.Definition) string {
	if d.Shape.QuoteNumbers {
		return "text"
	}
	return "exact"
}

func compareContracts(event string, was, is *schema.Schema) []schema.Change {
	switch {
	case was == nil:
		return nil
	case is == nil:
		return []schema.Change{{Pointer: event, Text: "has no schema any more", Breaking: true}}
	}
	changes := schema.Compare(was, is)
	for i := range changes {
		changes[i].Pointer = event + " " + changes[i].Pointer
	}
	return changes
}
